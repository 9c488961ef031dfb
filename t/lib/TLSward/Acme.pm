# SPDX-License-Identifier: BSD-2-Clause
package TLSward::Acme;
# A CA that speaks ACME: pebble, with a DNS server by which every name is this
# test's own address. uacme trusts it in tlsward's own mount namespace alone.
use strict;
use warnings;
use Exporter 'import';
use File::Temp qw(tempdir);
use IO::Socket::INET;
use JSON::PP ();
use POSIX qw(WNOHANG _exit);

use TLSward qw(address free_port run_command wait_for);
use TLSward::Certs;

our @EXPORT_OK = qw(can_order);

my $OWNER = $$;
my @running;

# Why there can be no CA here, or nothing.
sub can_order {
	return 'needs root and a mount namespace of its own' if $> != 0 || system('unshare', '-m', 'true') != 0;
	for my $program (qw(uacme pebble pebble-challtestsrv)) {
		return "needs $program" if system("command -v $program >/dev/null") != 0;
	}
	return;
}

sub launch {
	my ($self, @command) = @_;
	my $pid = fork // die "fork: $!\n";
	if (!$pid) {
		setpgrp;
		open STDIN, '<', '/dev/null';
		open STDOUT, '>>', "$self->{dir}/output";
		open STDERR, '>&', \*STDOUT;
		exec { $command[0] } @command or warn "$command[0]: $!\n";
		_exit(127);
	}
	push @{ $self->{pids} }, $pid;
	return $pid;
}

# certs: whose CA signs pebble's own certificate; tls, http: the ports at which
# it looks for challenges; validity: seconds, of the certificates that it signs.
sub new {
	my ($class, %o) = @_;
	my $dir = tempdir("tlsward-a-XXXXXX", TMPDIR => 1, CLEANUP => 1);
	my $self = bless { dir => $dir, pids => [], certs => $o{certs}, dns => free_port(), port => $o{port} // free_port(),
		management => free_port(), o => \%o }, $class;
	chmod 0755, $dir;
	push @running, $self;
	my $own = $o{certs}->make(name => 'pebble', names => [ 'ca.example.test', address() ]);
	TLSward::Certs::write_file("$dir/pebble.json", JSON::PP->new->encode({ pebble => {
		listenAddress => address() . ":$self->{port}", managementListenAddress => address() . ":$self->{management}",
		certificate => $own->{chain}, privateKey => $own->{key}, httpPort => 0 + ($o{http} // free_port()), tlsPort => 0 + ($o{tls} // free_port()),
		($o{validity} ? (certificateValidityPeriod => 0 + $o{validity}) : ()),
	} }));
	$self->launch('pebble-challtestsrv', '-http01', '', '-https01', '', '-tlsalpn01', '', '-management', '',
		'-dns01', address() . ":$self->{dns}", '-defaultIPv4', address(), '-defaultIPv6', '');
	return $self->start;
}

sub start {
	my ($self) = @_;
	local $ENV{PEBBLE_VA_NOSLEEP} = 1;
	local $ENV{PEBBLE_WFE_NONCEREJECT} = 0;
	local $ENV{PEBBLE_AUTHZREUSE} = 0;
	$self->{pid} = $self->launch('pebble', '-config', "$self->{dir}/pebble.json", '-dnsserver', address() . ":$self->{dns}");
	wait_for(sub {
		waitpid($self->{pid}, WNOHANG) and die "pebble ended: " . TLSward::Certs::slurp("$self->{dir}/output");
		return IO::Socket::INET->new(PeerAddr => address(), PeerPort => $self->{port});
	}, 20, 'pebble listens');
	return $self;
}

# The root that its certificates lead to, of this start of it, as a file.
sub root {
	my ($self) = @_;
	my ($exit, $pem) = run_command(qw(curl --silent --show-error --cacert), $self->{certs}->ca,
		'https://' . address() . ":$self->{management}/roots/0");
	die "pebble's root: $pem" if $exit;
	return TLSward::Certs::write_file("$self->{dir}/root.pem", $pem);
}

sub url { my ($self) = @_; return 'https://' . address() . ":$self->{port}/dir" }
sub output { my ($self) = @_; return TLSward::Certs::slurp("$self->{dir}/output") }

# tlsward's uacme trusts this CA; the bundle is of this test's own certificates.
sub trusted_by {
	my ($self, $t) = @_;
	TLSward::Certs::write_file($t->in_directory('bundle.pem'), TLSward::Certs::slurp($t->{ca}));
	chmod 0644, $t->in_directory('bundle.pem');
	return $t->mounts('mount --bind DIR/bundle.pem /etc/ssl/certs/ca-certificates.crt');
}

# How many orders it has seen.
sub orders { my ($self) = @_; return scalar(() = $self->output =~ m{POST /order-plz}g) }

sub stop {
	my ($self) = @_;
	kill KILL => splice @{ $self->{pids} } if $$ == $OWNER;
	return;
}

END {
	my $status = $?;
	$_->stop for @running;
	$? = $status;
}

1;
