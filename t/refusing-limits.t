#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# limits.per_address and limits.handshakes hold over all workers together, to
# the one; who is refused is reset at once and costs no TLS session; what a dead
# worker held is given back; others notice nothing, and the log says it once.
use strict;
use warnings;
use IO::Select;
use Test::More;
use Time::HiRes qw(time);

use TLSward qw(wait_for address slow);
use TLSward::Backend;
use TLSward::Client qw(tls_connect tcp_connect http_get send_all client_hello canary);

my $host = 'one.example.test';
my $backend = TLSward::Backend->new('http');
my ($first, $second) = map { address() =~ s/^127\.(\d+)/'127.' . ($1 + $_)/er } 64, 128;

sub tlsward {
	my (%limits) = @_;
	return TLSward->new(hosts => [$host], backends => [ { servers => [ $backend->server ] } ],
		conf => { limits => \%limits, timeouts => { hello => 500, handshake => 600 } })->start;
}

sub served {
	my ($t, $s) = @_;
	my $r = $s && http_get($s, $host, '/');
	return $r && $r->{status} == 200;
}
sub connect_from { my ($t, $from) = @_; return tls_connect($t, sni => $host, from => $from) }

# Opens until one is refused; those that were served.
sub open_all {
	my ($t, $from) = @_;
	my @open;
	while (@open < 1000) {
		my $s = connect_from($t, $from) or last;
		served($t, $s) or last;
		push @open, $s;
	}
	return @open;
}
# Given back when the worker has seen the end, which is a moment later.
sub opens {
	my ($t, $from) = @_;
	return wait_for(sub { my $s = connect_from($t, $from); served($t, $s) && $s }, 5, 'a place');
}
# Whether a connection is reset at once: which may be before connect(2) returns.
sub is_reset {
	my ($t, $from) = @_;
	my $s = tcp_connect($t, from => $from) or return $TLSward::Client::error =~ /reset/;
	IO::Select->new($s)->can_read(5 * slow());
	return !defined sysread($s, my $byte, 1) && $!{ECONNRESET};
}
sub ends { my ($t, $reason) = @_; return $t->ctl_json('status')->{ends}{$reason} // 0 }

# ---- per_address
my $N = 20;
my $t = tlsward(per_address => $N);
my $start = time;
my $canary = canary($t, from => $second, every => 0.03);
my @open = open_all($t, $first);
is scalar @open, $N, "an address may have $N connections, in two workers together";
my %used = map { $_->{worker} => 1 } @{ $t->ctl_json('connections', '--peer', $first)->{connections} };
is ends($t, 'limit_per_address'), 1, 'the next one ends for limit_per_address';

my $before = $t->ctl_json('status')->{counters};
my $mark = $t->mark;
my ($reset, $began) = (0, time);
for (1 .. 200) {
	$reset++ if is_reset($t, $first);
}
is $reset, 200, 'each further one is reset, at once: 200 in ' . sprintf('%.2f s', time - $began);
my $after = $t->ctl_json('status')->{counters};
is ends($t, 'limit_per_address'), 201, 'and counted';
# The canary has sessions of its own.
my $mine = grep { $_->{peer} =~ /^\Q$first\E:/ } @{ $t->ctl_json('connections', '--ended', '--limit', 3000)->{connections} };
is $mine, 0, 'without a record';
# One may have been on its way at each end.
cmp_ok $after->{sessions} - $before->{sessions}, '<=', $after->{accepted} - $before->{accepted} - 200 + 2, 'or a TLS session';
my $lines = () = $t->find_log({ msg => 'connections are refused', end => 'limit_per_address' });
cmp_ok $lines, '<=', 2 * (1 + int((time - $start) / 10)), 'the log has a line for many: each worker one in ten seconds';
is scalar(() = $t->find_log({ msg => 'connection ended', peer => qr/^\Q$first\E:/ }, $mark)), 0, 'and none for each';
is scalar(grep { served($t, $_) } @open), $N, 'those that are open go on';
ok served($t, connect_from($t, address())), 'another address is served';

(shift @open)->close;
push @open, opens($t, $first);
is connect_from($t, $first), undef, 'when one has left, one more is served, and no second';

# What a killed worker held is given back; what the other holds is not.
my ($victim) = sort keys %used;
my ($pid) = ($t->pids('worker'))[ $victim - 1 ];
kill KILL => $pid;
wait_for(sub { my $w = $t->ctl_json('workers')->{workers}; !grep { $_->{state} ne 'ready' || $_->{pid} == $pid } @$w }, 10, 'its successor');
my @left = grep { served($t, $_) } @open;
cmp_ok scalar @left, '<', $N, 'a killed worker takes its connections along';
my @more = open_all($t, $first);
is @left + @more, $N, "and gives back what it held: again $N connections in all";
$_->close for splice(@open), splice(@left), splice(@more);
my $r = $canary->stop;
cmp_ok $r->{tried}, '>', 5, 'another address used the service all the while';
cmp_ok $r->{failed}, '<=', 1, 'and missed at most what died with the worker' or diag explain $r->{errors};
is $t->stop, 0, 'it ends in order';

# ---- handshakes
$t = tlsward(handshakes => 10);
my $old = connect_from($t, $first);
ok served($t, $old), 'a connection before the flood';
my $hello = client_hello(sni => $host);
my @silent = map { tcp_connect($t, from => "$first") } 1 .. 5;
push @silent, map { my $s = tcp_connect($t, from => $second); send_all($s, $hello); $s } 1 .. 5;
wait_for(sub { my $p = $t->ctl_json('status')->{phases}; ($p->{hello} // 0) + ($p->{handshake} // 0) == 10 }, 5, 'ten in their handshake');
ok is_reset($t, address()), 'beside ten that are in their handshake the next one is reset';
is ends($t, 'limit_handshakes'), 1, 'for limit_handshakes';
is $t->wait_log({ msg => 'connections are refused' })->{end}, 'limit_handshakes', 'which the log says';
ok served($t, $old), 'who has ended its handshake goes on';
(pop @silent)->close;
my $s = wait_for(sub { connect_from($t, address()) }, 5, 'a place');
ok served($t, $s), 'when one of them leaves, another is served';
ok served($t, connect_from($t, address())), 'and the next: only unfinished handshakes count';
$_->close for splice @silent;
wait_for(sub { my $p = $t->ctl_json('status')->{phases}; !$p->{hello} && !$p->{handshake} }, 5, 'the end of those that do not go on');
$canary = canary($t, from => $second, every => 0.02);
my @all = map { connect_from($t, $first) } 1 .. 30;
is scalar(grep { served($t, $_) } @all), 30, 'afterwards all is as before';
$r = $canary->stop;
is $r->{failed}, 0, 'for everybody' or diag explain $r->{errors};
$_->close for @all, $s, $old;
is $t->stop, 0, 'it ends in order';
done_testing;
