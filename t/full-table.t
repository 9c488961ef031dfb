#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# A worker whose table is full stops accepting, says so once, and goes on as
# soon as there is a place.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep);

use TLSward qw(wait_for);
use TLSward::Backend;
use TLSward::Client qw(tcp_connect tls_connect http_get);

my $host = 'one.example.test';
my $backend = TLSward::Backend->new('http');
my $t = TLSward->new(hosts => [$host], backends => [ { servers => [ $backend->server ] } ],
	conf => { workers => 1, timeouts => { hello => 500, handshake => 600 }, limits => { connections => 5 } })->start;
my $worker = sub { $t->ctl_json('worker', 1) };

my @waiting = map { tcp_connect($t) } 1 .. 30;
wait_for(sub { $worker->()->{gauges}{connections} == 5 }, 5, 'the table is full');
for (1 .. 20) {
	my $before = $worker->()->{counters}{accepted};
	shift(@waiting)->close;
	wait_for(sub { $worker->()->{counters}{accepted} > $before }, 5, 'the next one is taken');
}
cmp_ok $worker->()->{counters}{accept_pauses}, '>=', 20, 'each place is taken as it comes free';
is scalar(() = $t->find_log({ msg => qr/^accepting stops/ })), 1, 'of which the log is told once';
$_->close for @waiting;
my $s = tls_connect($t, sni => $host);
is http_get($s, $host, '/')->{body}, "backend / for $host\n", 'then there is room again';
$s->close;
is $t->stop, 0, 'it ends in order';
done_testing;
