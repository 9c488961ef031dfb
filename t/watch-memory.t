#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# A process whose memory grows over the limit is found and replaced.
use strict;
use warnings;
use Test::More;

use TLSward qw(wait_for);
use TLSward::Backend;
use TLSward::Client qw(tls_connect http_get);
use TLSward::Faults qw(need_faults fault);

need_faults();
my $host = 'one.example.test';
my $backend = TLSward::Backend->new('http');
my $t = TLSward->new(hosts => [$host], backends => [ { servers => [ $backend->server ] } ],
	conf => { watch => { interval => 0.2, memory => { limit_mb => 100 } } })->start;

my $mark = $t->mark;
my $pid = fault($t, role => 'worker', worker => 1, kind => 'grow', rate => 100);
$t->wait_log({ msg => 'a process is sick', child => $pid, verdict => 'memory', numbers => qr/limit=100MiB/ }, 10, $mark);
$t->wait_log({ msg => 'a sick process is gone', child => $pid }, 10, $mark);
pass 'a worker that grows over the limit is replaced';
$mark = $t->mark;
$pid = fault($t, role => 'librarian', kind => 'grow', rate => 100);
$t->wait_log({ msg => 'a process is sick', child => $pid, verdict => 'memory' }, 10, $mark);
wait_for(sub { my $new = $t->pid('librarian'); $new && $new != $pid }, 10, 'another librarian');
pass 'and a librarian';
my $s = tls_connect($t, sni => $host);
ok http_get($s, $host, '/'), 'service goes on';
$s->close;
is $t->stop, 0, 'it ends in order';
done_testing;
