#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# A worker that is stopped is noticed and replaced; nobody who comes after the
# stop fails, and its connections are listed until it ends. One that stops for a
# moment only is left alone.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);

use TLSward qw(wait_for slow);
use TLSward::Backend;
use TLSward::Client qw(tls_connect http_get canary);
use TLSward::Faults qw(steps quick_watch);

my $host = 'one.example.test';
my $backend = TLSward::Backend->new('http');
my $t = TLSward->new(hosts => [$host], backends => [ { servers => [ $backend->server ] } ],
	conf => { watch => { %{ quick_watch() }, stall => { after => 3 } } })->start;

sub works { my $s = tls_connect($t, sni => $host, timeout => 3); return $s && http_get($s, $host, '/', 3) }
sub listed { my ($index) = @_; return grep { $_->{worker} == $index } @{ $t->ctl_json('connections')->{connections} } }

# ---- a worker, for a moment
my ($brief) = $t->pids('worker');
my $mark = $t->mark;
# It beats once a second: one that has just done so stands still for hardly more than this second.
wait_for(sub { (grep { $_->{pid} == $brief } @{ $t->ctl_json('workers')->{workers} })[0]{heartbeat_ms_ago} < 300 }, 5, 'a beat');
kill STOP => $brief;
sleep 1;
kill CONT => $brief;

# ---- a worker, for good
my @open = map { my $s = tls_connect($t, sni => $host); http_get($s, $host, '/'); $s } 1 .. 10;
my $index = $t->ctl_json('connections')->{connections}[0]{worker};
my $own = listed($index);
my $pid = ($t->pids('worker'))[ $index - 1 ];
ok !$t->find_log({ msg => 'a process is sick' }, $mark), 'a worker that stood still for a second is left alone';
$mark = $t->mark;
kill STOP => $pid;
wait_for(sub { TLSward::stat_of($pid)->{state} eq 'T' }, 5, 'a stopped worker');
is scalar(listed($index)), $own, 'its connections are listed';
my $canary = canary($t, every => 0.05);
my $sick = $t->wait_log({ msg => 'a process is sick', child => $pid, verdict => 'stall' }, 8, $mark);
like $sick->{numbers}, qr/heartbeat_ago=\S+ .*stopped=yes/, "it is noticed: $sick->{numbers}";
my $still = listed($index);
ok $still == $own || $t->find_log({ msg => 'a sick process is gone', child => $pid }, $mark), 'its connections are listed until it is gone';
$t->wait_log({ msg => 'a sick process is gone', child => $pid }, 10, $mark);
is_deeply [ steps($t, $pid, $mark) ], [ 'a process is sick',
	'a sick worker that does not turn its loop cannot drain: it is told to end, then killed', 'a sick process is gone' ],
	'it gets a successor, then it is killed, for it cannot drain';
my ($ready) = $t->find_log({ msg => 'the successor is ready; the old worker drains', index => $index }, $mark);
ok $ready, 'in that order' or diag explain [ ($t->log_lines)[ $mark .. $t->mark - 1 ] ];
is scalar(grep { $_->{state} eq 'ready' } @{ $t->ctl_json('workers')->{workers} }), 2, 'two workers serve';
$canary->unharmed;
is scalar(grep { http_get($_, $host, '/') } @open), 10 - $own, 'connections of the other worker live on';
$_->close for @open;

is $t->stop, 0, 'it ends in order';
done_testing;
