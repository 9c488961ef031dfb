#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# A worker that stands still can be inspected and captures no new connection;
# a keeper that stands still costs one deadline, then full handshakes end at
# once, resumed ones go on, and the keeper is replaced.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);

use TLSward qw(wait_for unwatched);
use TLSward::Backend;
use TLSward::Client qw(tls_connect http_get handshake);

my $host = 'one.example.test';
my $backend = TLSward::Backend->new('http');
my $t = TLSward->new(hosts => [$host], backends => [ { servers => [ $backend->server ] } ],
	conf => { watch => unwatched() })->start;

sub works {
	my $s = tls_connect($t, sni => $host, timeout => 3) or return 0;
	return !!http_get($s, $host, '/', 3);
}

# ---- a stopped worker
my @open = map { my $s = tls_connect($t, sni => $host); http_get($s, $host, '/'); $s } 1 .. 10;
# One worker may have taken all of them.
my $index = $t->ctl_json('connections')->{connections}[0]{worker};
my $one = ($t->pids('worker'))[$index - 1];
kill STOP => $one;
wait_for(sub { TLSward::stat_of($one)->{state} eq 'T' }, 5, 'a stopped worker');
my $list = $t->ctl_json('connections');
is scalar @{ $list->{connections} }, 10, 'the connections of a stopped worker are still listed';
ok scalar(grep { $_->{worker} == $index } @{ $list->{connections} }), 'its own among them';
my $served = grep { works() } 1 .. 20;
is $served, 20, 'connections begun after the stop are served, every one';
# It beats once a second at least.
wait_for(sub {
	my ($w) = grep { $_->{worker} == $index } @{ $t->ctl_json('workers')->{workers} };
	return $w->{heartbeat_ms_ago} > 1500;
}, 5, 'the age of its heartbeat');
pass 'its heartbeat shows that it stands still';
kill CONT => $one;
is scalar(grep { http_get($_, $host, '/') } @open), 10, 'once it goes on, nothing was lost';

# ---- a stopped keeper: its servers and itself
my $ticket12 = handshake($t, sni => $host, version => 'TLSv1.2');
my $ticket13 = handshake($t, sni => $host, version => 'TLSv1.3');
ok $ticket12 && $ticket12->{session} && $ticket13 && $ticket13->{session}, 'clients hold tickets';
my $mark = $t->mark;
my @stopped = ($t->pids('keeper'), $t->pids('signer'));
is scalar @stopped, 3, 'a keeper with a server for each worker';
kill STOP => @stopped;

# Full handshakes until a worker has missed an answer; the end is told when the client has left, which is a moment later.
wait_for(sub {
	tls_connect($t, sni => $host, timeout => 3);
	return ($t->ctl_json('status')->{ends}{keeper_down} // 0) >= 1;
}, 10, 'keeper_down');
$t->wait_log({ msg => 'connection ended', end => 'keeper_down' }, 5, $mark);
my @down = $t->find_log({ msg => 'connection ended', end => 'keeper_down' }, $mark);
ok scalar @down, 'full handshakes end with keeper_down';
is scalar(grep { $_->{alert_sent} == 80 } @down), scalar @down, 'by an alert';
my $again = handshake($t, sni => $host, version => 'TLSv1.2', session => $ticket12->{session});
ok $again && $again->{resumed}, 'TLS 1.2: a client with a ticket is served meanwhile, or after';
$again = handshake($t, sni => $host, version => 'TLSv1.3', session => $ticket13->{session});
ok $again && $again->{resumed}, 'TLS 1.3: so is this one';
is scalar(grep { http_get($_, $host, '/') } @open), 10, 'established connections go on';
wait_for(sub { works() && works() && works() }, 10, 'full handshakes again');
pass 'full handshakes succeed again: the keeper was replaced';
ok !(grep { my $p = $_; grep { $p == $_ } @stopped } $t->pids('keeper')), 'by another process';
kill CONT => grep { -d "/proc/$_" } @stopped;
$_->close for @open;
is $t->stop, 0, 'it ends in order';
done_testing;
