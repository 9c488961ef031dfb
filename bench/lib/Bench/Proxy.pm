# SPDX-License-Identifier: BSD-2-Clause
package Bench::Proxy;
# A TLS proxy under the bench: how it is configured and started, on one core.
# Each has a module of its own, which answers to:
#   name, version, knows(condition), prepare (writes its files), command (argv),
#   ready (dies or waits), and for some reload($self).
# Conditions are a hash: certs (folder of NAME.pem), names (how many), buffers
# (bytes, or undef for the default), workers, strict (unknown names refused).
use strict;
use warnings;
use File::Temp qw(tempdir);
use IO::Socket::INET;
use POSIX qw(WNOHANG _exit);

use TLSward qw(address free_port wait_for);
use TLSward::Certs;

our $CORE = 0;		# that the proxy runs on

my $OWNER = $$;
my %running;

sub new {
	my ($class, %conditions) = @_;
	my $dir = tempdir('tlsward-bench-XXXXXX', TMPDIR => 1, CLEANUP => 1);
	chmod 0755, $dir;
	return bless { dir => $dir, address => address(), workers => 1, names => 1, %conditions }, $class;
}

sub knows { return 1 }
sub most_connections { return 9800 }	# at once, with 20,000 descriptors
sub limit { return 0 }		# a bound that is printed beside, not a peer
sub plain { return 0 }		# its clients speak no TLS

# The cores that it may use: with two workers, both.
sub cores { my ($self) = @_; return $self->{workers} > 1 ? '0-' . ($self->{workers} - 1) : $CORE }

sub file {
	my ($self, $name, $text) = @_;
	return TLSward::Certs::write_file("$self->{dir}/$name", $text);
}

# The certificate that is served when there is only one.
sub one_certificate { my ($self) = @_; return (sort glob "$self->{certs}/*.pem")[0] }

sub start {
	my ($self) = @_;
	$self->{port} //= free_port();
	$self->prepare;
	my @command = ('taskset', '-c', $self->cores, $self->command);
	my $pid = fork // die "fork: $!\n";
	if (!$pid) {
		setpgrp;
		open STDIN, '<', '/dev/null';
		open STDOUT, '>>', "$self->{dir}/output";
		open STDERR, '>&', \*STDOUT;
		exec { $command[0] } @command or warn "$command[0]: $!\n";
		_exit(127);
	}
	setpgrp $pid, $pid;
	$self->{pid} = $pid;
	$running{$pid} = $self;
	return $self;
}

sub wait_ready {
	my ($self) = @_;
	wait_for(sub {
		waitpid($self->{pid}, WNOHANG) and die $self->name . ' ended: ' . TLSward::Certs::slurp("$self->{dir}/output");
		return IO::Socket::INET->new(PeerAddr => $self->{address}, PeerPort => $self->{port});
	}, 120, $self->name . ' listens');
	return $self;
}

sub to { my ($self) = @_; return "$self->{address}:$self->{port}" }

sub stop {
	my ($self) = @_;
	my $pid = delete $self->{pid} or return;
	delete $running{$pid};
	kill $self->stop_signal => $pid;
	eval { wait_for(sub { waitpid $pid, WNOHANG }, 5, 'its end'); 1 } and return;
	kill KILL => -$pid;
	return waitpid $pid, 0;
}

sub stop_signal { return 'TERM' }

# The first line that a command prints and that matches.
sub version_of {
	my ($pattern, @command) = @_;
	my (undef, $text) = TLSward::run_command(@command);
	return $text =~ $pattern ? $1 : 'unknown';
}

END {
	if ($$ == $OWNER) {
		my $status = $?;
		$_->stop for values %running;
		$? = $status;
	}
}

1;
