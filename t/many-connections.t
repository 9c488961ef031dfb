#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# 2,000 connections, half of them idle, opened and closed again and again:
# neither descriptors nor memory stay behind.
use strict;
use warnings;
use Test::More;

use TLSward qw(wait_for);
use TLSward::Bench qw(load_start);
use TLSward::Certs;
use TLSward::Servers;
use TLSward::Client qw(tls_connect http_get);

my $host = 'one.example.test';
my $nginx = TLSward::Servers::nginx(proxy => 0);
my $t = TLSward->new(hosts => [$host],
	backends => [ { servers => [ TLSward::address() . ":$nginx->{http}" ] } ])->start;

sub descriptors { return map { scalar(() = glob "/proc/$_/fd/*") } $t->pids('worker') }
# Of all workers, of that kind: RssAnon is their own, RssShmem has their ledgers.
sub memory_kb {
	my ($kind) = @_;
	my $sum = 0;
	for my $pid ($t->pids('worker')) {
		$sum += $1 if TLSward::Certs::slurp("/proc/$pid/status") =~ /^$kind:\s+(\d+) kB/m;
	}
	return $sum;
}

sub round {
	my $idle = load_start('idle', to => "$t->{address}:$t->{port}", sni => $host, ca => $t->{ca}, connections => 1000, seconds => 1);
	my @open;
	my $failed = 0;
	for my $n (1 .. 1000) {
		my $s = tls_connect($t, sni => $host) or $failed++, next;
		$failed++ if !http_get($s, $host, '/');
		push @open, $s;
	}
	is $failed, 0, '1,000 connections are served';
	$idle->ready;
	is $t->ctl_json('status')->{gauges}{connections}, 2000, 'and counted, with 1,000 that are idle';
	$_->close for @open;
	$idle->go;
	$idle->end;
	wait_for(sub { $t->ctl_json('status')->{gauges}{connections} == 0 }, 20, 'the last connection is gone');
	return;
}

my @before = descriptors();
my $shared = memory_kb('RssShmem');
my @memory;
for (1 .. 3) {
	round();
	my @now;
	eval { wait_for(sub { @now = descriptors(); "@now" eq "@before" }, 5, 'the end of the last one') };
	is_deeply \@now, \@before, 'every descriptor is back';
	push @memory, wait_for(sub {
		my $now = memory_kb('RssAnon');
		return !@memory || $now <= $memory[0] * 1.2 + 2000 ? $now : 0;
	}, 10, 'memory comes back');
}
# A record has about 1 KB; the ring of the last 1,024 ended connections stays.
my $ring = 1100 * (() = $t->pids('worker'));
my $grown = wait_for(sub { my $n = memory_kb('RssShmem') - $shared; $n < $ring ? $n : undef }, 10, 'records of the ledger are given back');
note "ledgers: $grown kB more than at the start";

# Few that outlive many hold what lies below their records, until they are gone.
my $many = load_start('idle', to => "$t->{address}:$t->{port}", sni => $host, ca => $t->{ca}, connections => 1000, seconds => 1);
$many->ready;
my @few = map { tls_connect($t, sni => $host) } 1 .. 4;
$many->go;
$many->end;
wait_for(sub { $t->ctl_json('status')->{gauges}{connections} == @few }, 20, 'only the few are left');
sleep 2;	# long enough for the workers to tidy up, which they do each second
$_->close for @few;
wait_for(sub { memory_kb('RssShmem') - $shared <= $grown + 200 }, 10, 'their records are given back, too');
pass 'and so are those below the records of few that outlived many';
pass "memory of the workers after each round: @memory kB";
is $t->ctl_json('status')->{counters}{accepted} >= 6000, 1, 'all were accepted by the workers';
is $t->stop, 0, 'it ends in order';
done_testing;
