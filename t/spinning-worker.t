#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# A worker that spins (the instruction at which it stands is overwritten with a
# jump to itself) is shown as any other: everything that tlswardctl asks is
# answered at once, its connections are listed, and those who come new are
# served by the other worker. The same just after it was killed.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);

use TLSward qw(wait_for run_command slow unwatched);
use TLSward::Backend;
use TLSward::Certs;
use TLSward::Client qw(tls_connect http_get canary);

my $host = 'one.example.test';
my $backend = TLSward::Backend->new('http');
my $t = TLSward->new(hosts => [$host], backends => [ { servers => [ $backend->server ] } ],
	conf => { policy => { scripts => 'policy.d' }, watch => unwatched() });
mkdir $t->in_directory('policy.d');
TLSward::Certs::write_file($t->in_directory('policy.d/10-all.lua'), 'return { name = "all", api = 1, allow = function(hello) return nil end }');
$t->start;

sub served { my ($s) = @_; my $r = $s && http_get($s, $host, '/'); return $r && $r->{status} == 200 }
my @open = map { tls_connect($t, sni => $host) } 1 .. 12;
my $served = grep { served($_) } @open;
# One worker may have taken all of them.
my $index = $t->ctl_json('connections')->{connections}[0]{worker};
my $pid = ($t->pids('worker'))[ $index - 1 ];
my $its = grep { $_->{worker} == $index } @{ $t->ctl_json('connections')->{connections} };

sub answered_at_once {
	my ($when) = @_;
	my @slow;
	for my $command (qw(status workers connections hosts backends policies metrics), "worker $index", "host $host", "explain $host", 'connections --ended') {
		my $began = time;
		my ($status, $out) = $t->ctl(split / /, $command);
		my $took = time - $began;
		is $status, 0, "$when: $command is answered" or diag $out;
		push @slow, sprintf '%s: %.2f s', $command, $took if $took > 1 * slow();
	}
	is_deeply \@slow, [], "$when: each at once";
	return;
}
sub ticks { my @f = split / /, TLSward::Certs::slurp("/proc/$pid/stat") =~ s/^.*\) //r; return $f[11] + $f[12] }

my ($status, $said) = run_command(qw(gdb -q -batch -p), $pid, qw(-ex), 'set {unsigned short}$pc = 0xfeeb');
plan skip_all => "NOT TESTED: gdb cannot attach to a worker: $said" if $status || $said =~ /not permitted/;
is $served, 12, 'connections were served';
my $before = ticks();
wait_for(sub { ticks() > $before + 10 }, 10, 'that it spins');
pass "worker $index spins";
answered_at_once('while a worker spins');
my $canary = canary($t);
my @connections = @{ $t->ctl_json('connections', '--worker', $index)->{connections} };
is scalar @connections, $its, 'its connections are listed';
is scalar(grep { served(tls_connect($t, sni => $host)) } 1 .. 10), 10, 'others are served by the other worker';
wait_for(sub { $t->ctl_json('worker', $index)->{heartbeat_ms_ago} > 1500 }, 5, 'the age of its heartbeat');
pass 'its heartbeat shows that it does not turn';
$canary->unharmed;

kill KILL => $pid;
answered_at_once('just after it was killed');
wait_for(sub { !grep { $_->{state} ne 'ready' || $_->{pid} == $pid } @{ $t->ctl_json('workers')->{workers} } }, 10, 'its successor');
answered_at_once('with its successor');
is scalar(grep { served(tls_connect($t, sni => $host)) } 1 .. 10), 10, 'all are served';
$_->close for @open;
is $t->stop, 0, 'it ends in order';
done_testing;
