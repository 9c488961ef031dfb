#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# Each process is killed in turn while clients come: it is replaced, new
# connections succeed again soon, connections of the other workers live on.
use strict;
use warnings;
use Test::More;

use TLSward qw(wait_for);
use TLSward::Backend;
use TLSward::Client qw(tls_connect http_get);

my $host = 'one.example.test';
my $backend = TLSward::Backend->new('http');
my $t = TLSward->new(hosts => [$host], backends => [ { servers => [ $backend->server ] } ])->start;

sub works {
	my $s = tls_connect($t, sni => $host, timeout => 2) or return 0;
	my $answer = http_get($s, $host, '/', 2) or return 0;
	return $answer->{status} == 200;
}

# Open connections, by the worker that has them.
sub connections_by_worker {
	my %of;
	for my $worker ((1, 2) x 3) {
		my $s = $t->by_worker($worker, sub { my $s = tls_connect($t, sni => $host); $s && http_get($s, $host, '/') && $s }) or next;
		my ($c) = grep { $_->{peer} =~ /:\Q@{[ $s->sockport ]}\E$/ } @{ $t->ctl_json('connections')->{connections} };
		push @{ $of{ $c->{worker} } }, $s if $c;
	}
	return \%of;
}

sub all_answer {
	my (@s) = @_;
	return scalar(grep { my $r = http_get($_, $host, '/again'); $r && $r->{status} == 200 } @s) == @s;
}

my $open = connections_by_worker();
is_deeply { map { $_ => scalar @{ $open->{$_} } } keys %$open }, { 1 => 3, 2 => 3 }, 'both workers have connections';

# How many kept connections must live on after which process is killed.
my @kept = map { @$_ } values %$open;
for my $role (qw(logger librarian keeper signer)) {
	my ($pid) = $t->pids($role);
	ok $pid, "there is a $role";
	my $mark = $t->mark;
	kill KILL => $pid;
	wait_for(sub { works() }, 10, "service after the death of the $role");
	pass "new connections succeed after the death of the $role";
	ok all_answer(@kept), 'and all older ones live on';
	wait_for(sub { my ($new) = $t->pids($role); $new && $new != $pid }, 10, "a new $role");
	pass "the $role is replaced";
	if ($role ne 'signer') {
		my $line = $t->wait_log({ who => 'tlsward', role => $role, signal => 9 }, 5, $mark);
		ok defined $line->{next_start_ms}, 'the log says how it died, and when the next one starts';
	}
	wait_for(sub { my $s = $t->ctl_json('status'); !grep { $_->{state} ne 'ready' } @{ $s->{workers} }, values %{ $s->{processes} } }, 10, 'all are ready');
}

my ($first) = $t->pids('worker');
my $mark = $t->mark;
kill KILL => $first;
wait_for(sub { works() }, 10, 'service after the death of a worker');
pass 'new connections succeed after the death of a worker';
ok all_answer(@{ $open->{2} }), 'the connections of the other worker live on';
wait_for(sub { my ($new) = $t->pids('worker'); $new && $new != $first && $t->pids('worker') == 2 }, 10, 'a new worker');
my ($w) = grep { $_->{worker} == 1 } @{ $t->ctl_json('workers')->{workers} };
is $w->{generation}, 2, 'its place is taken by the next generation';
like $w->{last_death}, qr/signal 9/, 'of which the death before is remembered';

# Again and again: the wait before the next start grows, service goes on by the other.
for my $n (1 .. 4) {
	my $pid = wait_for(sub { my ($p) = grep { $_->{name} eq 'tlsw-worker.1' } $t->processes; $p && $p->{pid} }, 20, 'worker 1');
	kill KILL => $pid;
	wait_for(sub { !-d "/proc/$pid" }, 5, 'its end');
	ok works(), "death $n in a row: the other worker serves";
}
my @waits = map { $_->{next_start_ms} } grep { ($_->{role} // '') eq 'worker' } $t->find_log({ who => 'tlsward', signal => 9 }, $mark);
cmp_ok $waits[-1], '>', $waits[0], "the waits grow: @waits ms";
$_->close for @kept;
is $t->stop, 0, 'it ends in order';
done_testing;
