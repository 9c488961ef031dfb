# SPDX-License-Identifier: BSD-2-Clause
package Bench::Kind::After;
# Memory in percent of that after the start, when thousands of connections,
# with a request each, have been open and have closed.
use strict;
use warnings;
use parent 'Bench::Kind::Idle';

use Bench::Process qw(memory_kb);
use TLSward::Bench qw(load load_start);

sub round {
	my ($self) = @_;
	my $proxy = $self->start_proxy;
	my %o = $self->load_options($proxy, seconds => 0.5);
	$self->checked(load('full', %o, connections => 1));
	my $before = memory_kb($proxy->{pid});
	my $n = $self->held;
	my $l = load_start('requests', %o, connections => $n, active => 64, count => $n, seconds => 0);
	$l->ready;
	$self->checked($l->go);
	$l->end;
	sleep 6;
	my $after = memory_kb($proxy->{pid});
	$self->stop;
	return 100 * ($after - $before) / $before;
}

1;
