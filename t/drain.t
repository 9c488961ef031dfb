#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# SIGTERM closes the listeners at once and lets open connections go on until
# they end or `drain` is over; a second one stops at once; nothing stays behind.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);

use TLSward qw(wait_for slow pace);
use TLSward::Backend;
use TLSward::Client qw(tls_connect tcp_connect read_some read_all send_all close_notify);

my $host = 'one.example.test';
my $backend = TLSward::Backend->new('echo');
my $drain = 3 * pace();
my $t = TLSward->new(hosts => [$host], backends => [ { servers => [ $backend->server ] } ],
	conf => { timeouts => { drain => $drain } });

sub echoes { my ($s) = @_; return send_all($s, 'word') && (read_some($s) // '') eq 'word' }

# After the end: no process, no socket, no record of workers.
sub nothing_is_left {
	my ($what) = @_;
	my @left;
	eval { wait_for(sub { !(@left = grep { -d "/proc/$_" } keys %{ $t->{seen} }) }, 2, 'the end of all') };
	is_deeply \@left, [], "$what: no process is left";
	ok !-e $t->{conf}{control}{socket}, "$what: the control socket is gone";
	ok !-s "$t->{conf}{state_directory}/workers", "$what: no worker is on record";
	return;
}

my $told;
sub begin {
	$t->start;
	my @s = map { tls_connect($t, sni => $host) } 1 .. 6;
	is scalar(grep { echoes($_) } @s), 6, 'six connections are open';
	$t->remember;
	$told = time;
	kill TERM => $t->{pid};
	wait_for(sub { !tcp_connect($t) }, 2, 'closed listeners');
	like $TLSward::Client::error, qr/refused/i, 'new connections are refused at once after SIGTERM';
	return @s;
}

my $mark = $t->mark;
my ($ends, @stay) = begin();
is $t->ctl_json('status')->{state}, 'stopping', 'status says that it stops';
wait_for(sub { !grep { $_->{deadline} ne 'drain' } @{ $t->ctl_json('connections')->{connections} } }, 5, 'the deadline drain');
pass 'and drain is the next deadline of all connections';
ok echoes($ends), 'open connections go on';
close_notify($ends);
is +(read_all($ends))[1], 'eof', 'to their own end';
is $t->wait_log({ msg => 'connection ended', sni => $host }, 5, $mark)->{end}, 'client_closed', 'which is the ordinary one';
my $moves = 0;
my $until = time + $drain + 20 * slow();
while (time < $until && echoes($stay[0])) {
	$moves++;
	sleep 0.05;
}
my $took = time - $told;
cmp_ok $moves, '>', 20, 'traffic goes on for the whole time of drain';
cmp_ok $took, '>=', $drain, 'not cut before it is over';
cmp_ok $took, '<=', $drain * 1.25 + 2 * slow(), 'and soon after';
my @how = map { [ read_all($_) ]->[1] } @stay[ 1 .. $#stay ];
is_deeply \@how, [ ('error') x 4 ], 'then the client hears no goodbye';
like $TLSward::Client::error, qr/alert internal error/i, 'but an alert';
is $t->wait_end(10), 0, 'it ends with status 0';
my @lines = $t->find_log({ msg => 'connection ended', end => 'drain_deadline' }, $mark);
is scalar @lines, 5, 'each of the others ended with drain_deadline';
nothing_is_left('drained');

$t->{conf}{timeouts}{drain} = 60;
$t->write_conf;
$mark = $t->mark;
my @s = begin();
ok echoes($s[0]), 'open connections go on';
$told = time;
kill TERM => $t->{pid};
is $t->wait_end(10), 0, 'a second SIGTERM: the end, with status 0';
cmp_ok time - $told, '<=', 3 * slow(), 'at once';
is scalar(() = $t->find_log({ msg => 'connection ended', end => 'stopped' }, $mark)), 6, 'every connection was stopped';
is +(read_all($s[0]))[1], 'error', 'which is no goodbye';
nothing_is_left('stopped');
done_testing;
