# SPDX-License-Identifier: BSD-2-Clause
package Bench::Proxy;
# A TLS proxy under the bench: how it is configured and started, on one core.
# Each has a module of its own, which answers to:
#   name, version, knows(condition), prepare (writes its files), command (argv),
#   ready (dies or waits), and for some reload($self).
# Conditions are a hash: certs (folder of NAME.pem), names (how many), buffers
# (bytes, or undef for the default), workers, shared_core (also with two of them),
# strict (unknown names refused), backend, and for some second (a backend that
# has a listener of its own).
use strict;
use warnings;
use parent 'TLSward::Foreign';

use TLSward qw(free_port);

our $CORE = 0;		# that the proxy runs on

sub new {
	my ($class, %conditions) = @_;
	return $class->SUPER::new(name => $class->name, workers => 1, names => 1, %conditions);
}

sub knows { return 1 }
sub most_connections { return 9800 }	# at once, with 20,000 descriptors
sub limit { return 0 }		# a bound that is printed beside, not a peer
sub plain { return 0 }		# its clients speak no TLS

# The cores that it may use: with two workers, both, unless they are to share one.
sub cores {
	my ($self) = @_;
	return $self->{workers} > 1 && !$self->{shared_core} ? '0-' . ($self->{workers} - 1) : $CORE;
}

# The certificate that is served when there is only one.
sub one_certificate { my ($self) = @_; return (sort glob "$self->{certs}/*.pem")[0] }

sub start {
	my ($self) = @_;
	$self->{port} //= free_port();
	$self->{second_port} //= free_port() if $self->{second};
	$self->prepare;
	return $self->launch('taskset', '-c', $self->cores, $self->command);
}

# Its listeners: port and backend of each.
sub fronts {
	my ($self) = @_;
	return ([ @$self{qw(port backend)} ], $self->{second} ? [ @$self{qw(second_port second)} ] : ());
}

sub wait_ready { my ($self) = @_; return $self->wait_listening(120, map { $_->[0] } $self->fronts) }

sub to { my ($self) = @_; return "$self->{address}:$self->{port}" }
sub second_to { my ($self) = @_; return "$self->{address}:$self->{second_port}" }

# The first line that a command prints and that matches.
sub version_of {
	my ($pattern, @command) = @_;
	my (undef, $text) = TLSward::run_command(@command);
	return $text =~ $pattern ? $1 : 'unknown';
}

1;
