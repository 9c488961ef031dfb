# SPDX-License-Identifier: BSD-2-Clause
package Bench::Kind::Cpu;
# CPU time of the proxy for an operation, or for a gigabyte (10^9 bytes).
use strict;
use warnings;
use utf8;
use parent 'Bench::Kind';

sub figure {
	my ($r, $unit) = @_;
	return $r->{cpu_us} / $r->{done} if $unit eq 'µs';
	return $r->{cpu_us} / 1e6 / (($r->{bytes_down} + $r->{bytes_up}) / 1e9);
}

sub round {
	my ($self) = @_;
	return figure($self->cost($self->{proxy}), $self->{row}{unit});
}

1;
