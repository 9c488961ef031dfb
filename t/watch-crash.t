#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# Every role crashes under load, by SIGSEGV and by SIGKILL: each is a verdict,
# service goes on and the connections of other workers with it. A worker that
# crashes at every start waits longer each time, while the supervisor is at
# rest and the others serve.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);

use TLSward qw(wait_for slow);
use TLSward::Backend;
use TLSward::Client qw(tls_connect http_get canary);
use TLSward::Faults qw(need_faults fault);

need_faults();
my $host = 'one.example.test';
my $backend = TLSward::Backend->new('http');
my $t = TLSward->new(hosts => [$host], backends => [ { servers => [ $backend->server ] } ])->start;

sub works { my $s = tls_connect($t, sni => $host, timeout => 3); return $s && http_get($s, $host, '/', 3) }
sub processes { my $s = $t->ctl_json('status'); return (values %{ $s->{processes} }, @{ $t->ctl_json('workers')->{workers} }) }
sub all_ready { return !grep { $_->{state} ne 'ready' } processes() }
sub worker_of {
	my ($s) = @_;
	my ($c) = grep { $_->{peer} =~ /:\Q@{[ $s->sockport ]}\E$/ } @{ $t->ctl_json('connections', '--limit', 500)->{connections} };
	return $c ? $c->{worker} : 0;
}

# Sanitizers catch it and exit.
my $segv = TLSward::sanitizers() ? qr/^exit=1 / : qr/^signal=11 /;
my %open;
wait_for(sub {
	my $s = tls_connect($t, sni => $host);
	push @{ $open{ worker_of($s) } }, $s if $s && http_get($s, $host, '/');
	return !grep { @{ $open{$_} // [] } < 3 } 1, 2;
}, 20, 'connections of both workers');
my $canary = canary($t, every => 0.05);

for my $role (qw(logger librarian advisor keeper worker)) {
	for my $signal (qw(SEGV KILL)) {
		my $mark = $t->mark;
		my @who = $role eq 'worker' ? (worker => 1) : ();
		my $pid = $signal eq 'SEGV' ? fault($t, role => $role, @who, kind => 'crash') : $t->pid($role);
		kill KILL => $pid if $signal eq 'KILL';
		my $line = $t->wait_log({ msg => 'a process has crashed', child => $pid, role => $role }, 10, $mark);
		like $line->{numbers}, $signal eq 'SEGV' ? $segv : qr/^signal=9 /, "$role, SIG$signal: it is told: $line->{numbers}";
		wait_for(sub { all_ready() }, 15, 'all are ready');
		wait_for(sub { works() }, 10, 'service');
		is scalar(grep { http_get($_, $host, '/') } @{ $open{2} }), scalar @{ $open{2} }, 'the connections of worker 2 live on';
	}
}
my %verdicts = map { ($_->{worker} // 'role') => $_->{verdicts}{crash} // 0 } processes();
is $verdicts{1}, 2, 'two crashes of worker 1 are counted';
is $verdicts{2}, 0, 'and none of worker 2';
my $r = $canary->stop;
cmp_ok $r->{failed}, '<', $r->{tried} / 4, "$r->{failed} of $r->{tried} connections in between failed";

# ---- in a callback
my $mark = $t->mark;
my $s = $open{2}[0];
my ($c) = grep { $_->{peer} =~ /:\Q@{[ $s->sockport ]}\E$/ } @{ $t->ctl_json('connections', '--limit', 500)->{connections} };
my $pid = fault($t, role => 'worker', worker => 2, kind => 'crash_connection', connection => $c->{id});
http_get($s, $host, '/', 1);
my $line = $t->wait_log({ msg => 'a process has crashed', child => $pid }, 10, $mark);
like $line->{numbers}, $segv, 'a worker crashes in the callback of a connection';
wait_for(sub { all_ready() }, 15, 'all are ready');

# ---- at every start
sub cpu_ticks { my ($pid) = @_; my @f = split ' ', TLSward::Certs::slurp("/proc/$pid/stat"); return $f[13] + $f[14] }
$mark = $t->mark;
fault($t, role => 'worker', worker => 1, kind => 'crash', every_start => JSON::PP::true);
wait_for(sub { $t->find_log({ msg => 'a process died and will be started again', index => 1, next_start_ms => qr/^\d{4}/ }, $mark) },
	15, 'a wait of a second');
# It may be started just now; then the next wait is longer.
my @waits;
my $w = wait_for(sub {
	my ($w) = grep { $_->{worker} == 1 } @{ $t->ctl_json('workers')->{workers} };
	@waits = map { $_->{next_start_ms} } $t->find_log({ msg => 'a process died and will be started again', index => 1 }, $mark);
	return $w->{state} eq 'backoff' && $w->{backoff_ms} == $waits[-1] && $w;
}, 15, 'workers shows that it waits, and how long');
is $w->{state}, 'backoff', 'workers shows that it waits';
is $w->{backoff_ms}, $waits[-1], 'and how long';
is_deeply [ sort { $a <=> $b } @waits ], \@waits, "the waits grow: @waits ms";
my ($ticks, $began) = (cpu_ticks($t->{pid}), time);
my $until = $began + 1;
wait_for(sub { works() or fail 'the other worker serves'; return time > $until }, 5, 'a second');
my $share = (cpu_ticks($t->{pid}) - $ticks) / 100 / (time - $began);
cmp_ok $share, '<', 0.5, "the supervisor is at rest meanwhile: $share of a processor";
fault($t, role => 'worker', worker => 1, kind => 'crash', every_start => JSON::PP::false);
wait_for(sub { all_ready() }, 40, 'all are ready');
pass 'when it crashes no more it takes its place';
$_->close for map { @$_ } values %open;
is $t->stop, 0, 'it ends in order';
done_testing;
