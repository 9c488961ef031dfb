# SPDX-License-Identifier: BSD-2-Clause
package Bench::Kind::Beside;
# Latency of requests (p99) while bulk data passes through the same worker,
# divided by that without. The clients of the bulk share a core with those of
# the requests, which go first.
use strict;
use warnings;
use parent 'Bench::Kind';

use TLSward::Bench qw(load load_start);

my $LAST = 19;		# of the system's priorities

sub p99 {
	my ($self) = @_;
	my %o = $self->load_options($self->{proxy}, rate => 500, connections => 16, seconds => 2 * $self->{env}{seconds});
	return $self->checked(load($self->{row}{load}{mode}, %o))->{latency_us}{p99};
}

sub round {
	my ($self) = @_;
	my $without = $self->p99;
	my $bulk = load_start('down', $self->load_options($self->{proxy}, connections => 2, answer => 16 << 20,
		seconds => 600));
	setpriority 0, $bulk->{pid}, $LAST;
	$bulk->ready;
	$bulk->tell;
	select undef, undef, undef, 0.2;
	my $with = $self->p99;
	$bulk->abandon;
	return $with / $without;
}

1;
