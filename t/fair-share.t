#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# With many downloads at once, or beside small requests, each turn of a worker's
# loop moves a little of each, so that whoever comes new waits for a short turn,
# not for a long one; few downloads have the large pieces.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep);

use TLSward qw(wait_for slow program);
use TLSward::Backend;
use TLSward::Bench qw(backend);
use TLSward::Client qw(canary);

my $backend = backend();
my $http = TLSward::Backend->new('http');
my $t = TLSward->new(hosts => ['one.example.test'], listeners => [ {}, { name => 'canary', backend => 'http' } ],
	backends => [ { servers => [ $backend->server ] }, { name => 'http', servers => [ $http->server ] } ],
	conf => { workers => 1 })->start;

sub clients {
	my ($mode, %o) = @_;
	return TLSward::Bench::start(program('bench-load'), $mode, TLSward::Bench::options(to => "$t->{address}:$t->{port}",
		sni => 'one.example.test', ca => $t->{ca}, seconds => 60 * slow(), count => 0, timeout => 60 * slow(), %o));
}

# Bytes for each call of the loop while n connections download, beside other clients.
sub piece {
	my ($n, @beside) = @_;
	my @loads = (clients('down', connections => $n, answer => 1 << 30), @beside);
	# One more may be the canary's.
	my $relay = sub { $t->ctl_json('status')->{phases}{relay} };
	wait_for(sub { $relay->() >= $n + @beside }, 20, "$n downloads");
	sleep 0.5;	# by now each piece is as large as it gets
	my $before = $t->ctl_json('status')->{counters};
	my $now;
	wait_for(sub { $now = $t->ctl_json('status')->{counters}; $now->{bytes_down} > $before->{bytes_down} + 500_000_000 }, 30, 'half a gigabyte');
	kill KILL => map { $_->{pid} } @loads;
	waitpid $_->{pid}, 0 for @loads;
	wait_for(sub { $relay->() <= 1 }, 10, 'the end of them');
	return ($now->{bytes_down} - $before->{bytes_down}) / ($now->{wakeups} - $before->{wakeups});
}

my $few = piece(4);
cmp_ok $few, '>', 32768, sprintf 'with 4 downloads a piece has %d KB', $few / 1024;
my $canary = canary($t->via('canary'));
my $shared = piece(4, clients('requests', connections => 1, rate => 200));
cmp_ok $shared, '<', $few / 2, sprintf 'beside requests with %d KB', $shared / 1024;
# 20 KB when each turn finds them all, more when the machine is too busy for that; 300 if nobody shared.
my $many = piece(400);
cmp_ok $many, '<', 65536, sprintf 'with 400 it has %d KB', $many / 1024;
$canary->unharmed;
is $t->stop, 0, 'it ends in order';
done_testing;
