#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# In an ordinary build, without faults of its own, a debugger makes one worker
# leak descriptors and another one spin: both are found and replaced.
use strict;
use warnings;
use Test::More;

use TLSward qw(unwatched);
use TLSward::Backend;
use TLSward::Client qw(tls_connect http_get);
use TLSward::Faults qw(need_gdb gdb quick_watch);

need_gdb();
my $host = 'one.example.test';
my $backend = TLSward::Backend->new('http');
my $t = TLSward->new(hosts => [$host], backends => [ { servers => [ $backend->server ] } ],
	# The debugger itself holds a process for seconds on a busy machine, and leaks one by one.
	conf => { watch => { %{ quick_watch() }, stall => unwatched()->{stall}, fd_leak => { above => 59, for => 1 } } })->start;

sub works { my $s = tls_connect($t, sni => $host, timeout => 3); return $s && http_get($s, $host, '/', 3) }

my ($leaky) = $t->pids('worker');
my $mark = $t->mark;
my ($status, $said) = gdb($t, $leaky, 'set $i = 0', 'while $i < 60', 'call (int)dup(0)', 'set $i = $i + 1', 'end');
my $line = $t->wait_log({ msg => 'a process is sick', child => $leaky, verdict => 'fd_leak' }, 10, $mark);
like $line->{numbers}, qr/unknown=60 /, "a leak made from outside is found: $line->{numbers}" or diag $said;
$t->wait_log({ msg => 'a sick process is gone', child => $leaky }, 10, $mark);
ok works(), 'service goes on';

# A jump to itself where it is.
my ($spins) = $t->pids('worker');
$mark = $t->mark;
gdb($t, $spins, 'set *(unsigned short *)$pc = 0xfeeb');
$line = $t->wait_log({ msg => 'a process is sick', child => $spins, verdict => 'cpu_spin' }, 10, $mark);
like $line->{numbers}, qr/bytes=0 handshakes=0 accepts=0 wakeups=0/, "a spin made from outside is found: $line->{numbers}";
$t->wait_log({ msg => 'a sick process is gone', child => $spins }, 10, $mark);
ok works(), 'service goes on';
is $t->stop, 0, 'it ends in order';
done_testing;
