# SPDX-License-Identifier: BSD-2-Clause
package TLSward::Acme;
# A CA that speaks ACME: pebble, with a DNS server by which every name is this
# test's own address. uacme trusts it in tlsward's own mount namespace alone.
use strict;
use warnings;
use Exporter 'import';
use JSON::PP ();

use TLSward qw(address free_port run_command);
use TLSward::Certs;
use TLSward::Foreign;

our @EXPORT_OK = qw(can_order);

# Why there can be no CA here, or nothing.
sub can_order {
	return 'needs root and a mount namespace of its own' if $> != 0 || system('unshare', '-m', 'true') != 0;
	for my $program (qw(uacme pebble pebble-challtestsrv)) {
		return "needs $program" if system("command -v $program >/dev/null") != 0;
	}
	return;
}

# certs: whose CA signs pebble's own certificate; tls, http: the ports at which
# it looks for challenges; validity: seconds, of the certificates that it signs;
# responder: the URL of their OCSP responder.
sub new {
	my ($class, %o) = @_;
	my $server = TLSward::Foreign->new(name => 'pebble');
	my $self = bless { server => $server, certs => $o{certs}, port => free_port(), management => free_port() }, $class;
	my $own = $o{certs}->make(name => 'pebble', names => [ 'ca.example.test', address() ]);
	my $names = $self->names(free_port());
	my $conf = $server->file('pebble.json', JSON::PP->new->encode({ pebble => {
		listenAddress => address() . ":$self->{port}", managementListenAddress => address() . ":$self->{management}",
		certificate => $own->{chain}, privateKey => $own->{key}, httpPort => 0 + ($o{http} // free_port()), tlsPort => 0 + ($o{tls} // free_port()),
		($o{validity} ? (certificateValidityPeriod => 0 + $o{validity}) : ()),
		($o{responder} ? (ocspResponderURL => $o{responder}) : ()),
	} }));
	local $ENV{PEBBLE_VA_NOSLEEP} = 1;
	local $ENV{PEBBLE_WFE_NONCEREJECT} = 0;
	local $ENV{PEBBLE_AUTHZREUSE} = 0;
	$server->launch('pebble', '-config', $conf, '-dnsserver', $names);
	$server->wait_listening(20, $self->{port}, $self->{management});
	return $self;
}

# The address of a DNS server.
sub names {
	my ($self, $port) = @_;
	my $server = $self->{dns} = TLSward::Foreign->new(name => 'pebble-challtestsrv');
	$server->launch('pebble-challtestsrv', '-http01', '', '-https01', '', '-tlsalpn01', '', '-management', '',
		'-dns01', address() . ":$port", '-defaultIPv4', address(), '-defaultIPv6', '');
	$server->wait_listening(20, $port);
	return address() . ":$port";
}

# The root that its certificates lead to, of this start of it, as a file.
sub root { my ($self) = @_; return $self->{server}->file('root.pem', $self->managed('roots/0')) }

# What its management tells at that path.
sub managed {
	my ($self, $path) = @_;
	my ($exit, $pem) = run_command(qw(curl --silent --show-error --cacert), $self->{certs}->ca,
		'https://' . address() . ":$self->{management}/$path");
	die "pebble's $path: $pem" if $exit;
	return $pem;
}

# Its issuing authority as one of the test's own, by that name: so that a responder can sign for it.
sub issuer {
	my ($self, $name) = @_;
	TLSward::Certs::write_file("$self->{certs}{dir}/$name.pem", $self->managed('intermediates/0'));
	TLSward::Certs::write_file("$self->{certs}{dir}/$name.key", $self->managed('intermediate-keys/0'));
	return $name;
}

sub url { my ($self) = @_; return 'https://' . address() . ":$self->{port}/dir" }

# tlsward's uacme trusts this CA; the bundle is of this test's own certificates.
sub trusted_by {
	my ($self, $t) = @_;
	TLSward::Certs::write_file($t->in_directory('bundle.pem'), TLSward::Certs::slurp($t->{ca}));
	chmod 0644, $t->in_directory('bundle.pem');
	return $t->mounts('mount --bind DIR/bundle.pem /etc/ssl/certs/ca-certificates.crt');
}

# How many orders it has seen.
sub orders { my ($self) = @_; return scalar(() = $self->{server}->output =~ m{POST /order-plz}g) }

sub stop { my ($self) = @_; return $self->{server}->stop }

1;
