# SPDX-License-Identifier: BSD-2-Clause
package Bench::Kind::Latency;
# The 99th percentile of the latency in milliseconds, at the rate that keeps
# the best peer half busy.
use strict;
use warnings;
use utf8;
use parent 'Bench::Kind';

use Bench::Kind::Cpu;

# The best peer's cost decides; it is measured when the first proxy starts.
sub rate {
	my ($self) = @_;
	return $self->{env}{rate}{ $self->{row}{name} } //= do {
		my @costs;
		for my $class ($self->{env}->peers) {
			my $other = bless { %$self, class => $class }, 'Bench::Kind::Cpu';
			$other->start;
			push @costs, Bench::Kind::Cpu::figure($other->cost($other->{proxy}), 'µs');
			$other->stop;
		}
		@costs = sort { $a <=> $b } @costs or @costs = (500);
		int(0.5e6 / $costs[0]);
	};
}

sub start {
	my ($self) = @_;
	$self->{rate} = $self->rate;
	return $self->SUPER::start;
}

sub round {
	my ($self) = @_;
	my $r = $self->cost($self->{proxy}, rate => $self->{rate}, connections => 1000,
		seconds => 2 * $self->{env}{seconds});
	$self->part("$_, ms", $r->{latency_us}{$_} / 1000) for qw(p50 p90 p999);
	return $r->{latency_us}{p99} / 1000;
}

1;
