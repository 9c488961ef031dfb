# SPDX-License-Identifier: BSD-2-Clause
package Bench::Kind::Latency;
# The 99th percentile of the latency in milliseconds, at half of the
# rate that the best peer reaches.
use strict;
use warnings;
use utf8;
use parent 'Bench::Kind';

use Bench::Kind::Cpu;

# Half of what the best peer does at full speed, measured when the first proxy
# starts. Its CPU time alone would not do: clients and backend have one core
# together, and where they are the slower half, that rate would fill it.
sub rate {
	my ($self) = @_;
	return $self->{env}{rate}{ $self->{row}{name} } //= do {
		my @rates;
		for my $class ($self->{env}->peers) {
			my $other = bless { %$self, class => $class }, 'Bench::Kind::Cpu';
			$other->start;
			my $r = $other->cost($other->{proxy});
			push @rates, $r->{done} / $r->{seconds};
			$other->stop;
		}
		@rates = sort { $b <=> $a } @rates or @rates = (2000);
		int($rates[0] / 2);
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
