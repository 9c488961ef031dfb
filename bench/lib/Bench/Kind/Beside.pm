# SPDX-License-Identifier: BSD-2-Clause
package Bench::Kind::Beside;
# Latency of requests (p99) while bulk data passes through the same worker,
# divided by that without. What both are to share is the worker: the requests
# have a listener and a backend of their own, and their clients and backend go
# before all else on the core of the clients. One percentile of a second varies
# with whatever else the machine does: medians of several, in turns, are compared.
use strict;
use warnings;
use utf8;
use parent 'Bench::Kind';

use Bench::Stats qw(median);
use TLSward::Bench qw(backend load load_start);

my $TURNS = 3;
my $LONGEST = 60;	# that bulk may take, if nobody ends it before
my @BEHIND = qw(nice -n 19);

# A real-time priority, where that may be had; else only the bulk goes behind.
my @AHEAD = system('chrt -f 1 true 2>/dev/null') == 0 ? qw(chrt -f 1) : ();

sub with_priority {
	my ($priority, $start) = @_;
	local @TLSward::Bench::WRAPPER = (@TLSward::Bench::WRAPPER, @$priority);
	return $start->();
}

sub start {
	my ($self) = @_;
	$self->{backends} = [ map { with_priority($_, \&backend) } \@BEHIND, \@AHEAD ];
	my ($bulk, $requests) = map { $_->server } @{ $self->{backends} };
	$self->{proxy} = $self->start_proxy(backend => $bulk, second => $requests);
	$self->p99(seconds => 0.2);
	return $self;
}

sub stop {
	my ($self) = @_;
	$self->SUPER::stop;
	$_->end for splice @{ $self->{backends} // [] };
	return;
}

sub p99 {
	my ($self, %more) = @_;
	my %o = $self->load_options($self->{proxy}, to => $self->{proxy}->second_to, rate => 1000, connections => 16,
		seconds => $self->{env}{seconds}, %more);
	my $r = with_priority(\@AHEAD, sub { load($self->{row}{load}{mode}, %o) });
	return $self->checked($r)->{latency_us}{p99};
}

# What $run returns, while bulk passes; which ends also if that fails.
sub beside_bulk {
	my ($self, $run) = @_;
	my %o = $self->load_options($self->{proxy}, connections => 2, answer => 16 << 20, seconds => $LONGEST);
	my $bulk = with_priority(\@BEHIND, sub { load_start('down', %o) });
	my $value = eval {
		$bulk->ready;
		$bulk->tell;
		select undef, undef, undef, 0.2;
		$run->();
	};
	my $why = $@;
	$bulk->abandon;
	return $value // die $why;
}

sub round {
	my ($self) = @_;
	my (@without, @with);
	for (1 .. $TURNS) {
		push @without, $self->p99;
		push @with, $self->beside_bulk(sub { $self->p99 });
	}
	return $self->part('with, µs', median(@with)) / $self->part('without, µs', median(@without));
}

1;
