#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# A worker accounts for every descriptor that it has: those of connections that
# come, wait for a backend and go, and its own, also after its keeper was replaced.
use strict;
use warnings;
use Test::More;

use TLSward qw(wait_for);
use TLSward::Backend;
use TLSward::Client qw(tls_connect tcp_connect http_get);

my $host = 'one.example.test';
my $backend = TLSward::Backend->new('http');
my $t = TLSward->new(hosts => [$host], backends => [ { servers => [ $backend->server ] } ],
	listeners => [ {}, { name => 'second' } ])->start;

sub descriptors { my ($pid) = @_; return scalar(() = glob "/proc/$pid/fd/*") }

# Both numbers of each worker: what it says, what the kernel says.
sub agree {
	my ($when) = @_;
	my @got;
	eval {
		wait_for(sub {
			@got = map { [ $_->{descriptors}, descriptors($_->{pid}) ] } @{ $t->ctl_json('workers')->{workers} };
			return !grep { $_->[0] != $_->[1] } @got;
		}, 5, 'the same numbers');
	};
	return is_deeply [ map { $_->[0] } @got ], [ map { $_->[1] } @got ], $when;
}

agree('at rest');
my @open = map { my $s = tls_connect($t, sni => $host); http_get($s, $host, '/'); $s } 1 .. 20;
push @open, map { tcp_connect($t) } 1 .. 5;
agree('with connections in several phases');
my ($keeper) = $t->pids('keeper');
kill KILL => $keeper;
wait_for(sub { my ($new) = $t->pids('keeper'); $new && $new != $keeper && $t->pids('signer') == 2 }, 10, 'another keeper');
wait_for(sub { my $s = tls_connect($t, sni => $host); $s && http_get($s, $host, '/') }, 10, 'full handshakes') for 1 .. 4;
agree('with another keeper');
$_->close for @open;
agree('after the connections');
is $t->stop, 0, 'it ends in order';
done_testing;
