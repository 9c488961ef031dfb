# SPDX-License-Identifier: BSD-2-Clause
package Bench::Kind::Isolation;
# What a signature by libcrypto in a process of its own costs, that process and
# the asking together, divided by that of GnuTLS in the process that needs it:
# both as part of the same handshakes, with tlsward and with bench-echo.
use strict;
use warnings;
use utf8;
use parent 'Bench::Kind::Share';

use JSON::PP ();

use Bench::Process qw(cpu_ns_by_name);
use Bench::Proxy::Echo;
use TLSward::Bench qw(load);
use TLSward::Certs;

# The signing process is asked by its own clock: perf makes a change between
# processes dearer than it is.
sub in_keeper {
	my ($self) = @_;
	my $pid = $self->{proxy}{pid};
	my ($asking) = $self->measure;
	my %before = cpu_ns_by_name($pid);
	my $r = $self->cost($self->{proxy});
	my %after = cpu_ns_by_name($pid);
	my $signing = ($after{'tlsw-signer.1'} - $before{'tlsw-signer.1'}) / 1000 / $r->{done};
	return $self->part('the keeper, µs', $signing) + $asking;
}

sub in_process {
	my ($self) = @_;
	my $echo = Bench::Proxy::Echo->new($self->conditions);
	push @{ $self->{proxies} }, $echo;
	$echo->start->wait_ready;
	$self->checked(load($self->{row}{load}{mode}, $self->load_options($echo)));
	$echo->stop;
	return JSON::PP->new->decode(TLSward::Certs::slurp("$echo->{dir}/output"))->{cpu_us};
}

sub round {
	my ($self) = @_;
	return $self->in_keeper / $self->part('GnuTLS in the process that needs it, µs', $self->in_process);
}

1;
