# SPDX-License-Identifier: BSD-2-Clause
package Bench::Kind::Ratio;
# What one condition costs against another with the same proxy: CPU time of the
# row's {changed} conditions and load divided by that of the row as it is.
use strict;
use warnings;
use utf8;
use parent 'Bench::Kind::Cpu';

sub start {
	my ($self) = @_;
	my %changed = %{ $self->{row}{changed} };
	$self->{load} = delete $changed{load} // {};
	$self->{proxy} = $self->start_proxy;
	$self->{changed} = %changed ? $self->start_proxy(%changed) : $self->{proxy};
	$self->warm($_) for $self->{proxy}, $self->{changed};
	return $self;
}

sub round {
	my ($self) = @_;
	my $unit = $self->{row}{per} // 'µs';
	my $plain = Bench::Kind::Cpu::figure($self->cost($self->{proxy}), $unit);
	my $changed = Bench::Kind::Cpu::figure($self->cost($self->{changed}, %{ $self->{load} }), $unit);
	return $changed / $plain;
}

1;
