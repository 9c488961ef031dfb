# SPDX-License-Identifier: BSD-2-Clause
package Bench::Kind::Idle;
# Memory of an idle connection in KB: the proxy's proportional set size with
# all of them held, above that with none.
use strict;
use warnings;
use parent 'Bench::Kind';

use Bench::Process qw(memory_kb);
use TLSward::Bench qw(load_start);

sub start { my ($self) = @_; return $self }

sub held {
	my ($self) = @_;
	my $most = $self->{class}->most_connections;
	my $want = $self->{env}{quick} ? 2000 : $self->{row}{load}{connections};
	return $want < $most ? $want : $most;
}

sub round {
	my ($self) = @_;
	my $proxy = $self->start_proxy;
	my %o = $self->load_options($proxy, seconds => 0.5, connections => 1);
	$self->checked(TLSward::Bench::load('full', %o));
	my $n = $self->held;
	my $before = memory_kb($proxy->{pid});
	my $l = load_start('idle', %o, connections => $n);
	$l->ready;
	my $after = memory_kb($proxy->{pid});
	$self->checked($l->go);
	$l->end;
	$self->stop;
	return ($after - $before) / $n;
}

1;
