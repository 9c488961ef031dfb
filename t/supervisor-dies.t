#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# Without their supervisor workers close the listeners and drain, and a new
# supervisor serves on the same addresses at once, whatever state they are in.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(time);

use TLSward qw(wait_for slow);
use TLSward::Backend;
use TLSward::Client qw(tls_connect tcp_connect read_some read_all send_all close_notify);

my $host = 'one.example.test';
my $backend = TLSward::Backend->new('echo');
my $t = TLSward->new(hosts => [$host], backends => [ { servers => [ $backend->server ] } ]);

sub echoes { my ($s) = @_; return send_all($s, 'word') && (read_some($s) // '') eq 'word' }
sub alive { return grep { my $p = TLSward::stat_of($_); $p && $p->{name} =~ /^tlsw/ && $p->{state} ne 'Z' } @_ }

$t->start;
my @open = map { tls_connect($t, sni => $host) } 1 .. 6;
is scalar(grep { echoes($_) } @open), 6, 'six connections are open';
my @old = map { $_->{pid} } $t->processes;
my $mark = $t->mark;
$t->kill_supervisor;
wait_for(sub { !tcp_connect($t) }, 2, 'closed listeners');
pass 'workers without a supervisor close their listeners';
is scalar(grep { echoes($_) } @open), 6, 'and go on with their connections';
my $began = time;
$t->start;
cmp_ok time - $began, '<', 3 * slow(), 'a new supervisor starts at once';
ok echoes(tls_connect($t, sni => $host)), 'and serves on the same address';
is scalar(grep { echoes($_) } @open), 6, 'while the old connections live on';
for my $s (@open) {
	close_notify($s);
	is +(read_all($s))[1], 'eof', 'an old connection comes to its own end';
}
wait_for(sub { !alive(@old) }, 10, 'the end of the old processes');
pass 'then the last process of the old run ends';
is scalar(() = $t->find_log({ msg => 'connection ended', end => 'client_closed' }, $mark)), 6, 'and the log has them all';

# One of the old workers is stopped and cannot let go of the listener.
my ($stopped, $healthy) = $t->pids('worker');
my $s = wait_for(sub {
	my $s = tls_connect($t, sni => $host);
	my ($c) = grep { $_->{peer} =~ /:\Q@{[ $s->sockport ]}\E$/ } @{ $t->ctl_json('connections')->{connections} };
	return $c && $c->{worker} == 2 ? $s : undef;
}, 10, 'a connection of worker 2');
kill STOP => $stopped;
wait_for(sub { TLSward::stat_of($stopped)->{state} eq 'T' }, 5, 'a stopped worker');
$mark = $t->mark;
$t->kill_supervisor;
$began = time;
$t->start;
cmp_ok time - $began, '<', 3 * slow(), 'a stopped worker of the old run delays the start by its patience only';
my ($line) = $t->find_log({ who => 'tlsward', msg => qr/killing a worker of an earlier run/ }, $mark);
is $line->{child}, $stopped, 'the log says which one was killed' or diag explain $line;
wait_for(sub { !alive($stopped) }, 5, 'its end');
ok echoes(tls_connect($t, sni => $host)), 'the new one serves';
ok echoes($s), 'and the other old worker goes on with its connection';
ok alive($healthy), 'it was spared';
$s->close;
wait_for(sub { !alive($healthy) }, 10, 'its end');
is $t->stop, 0, 'it ends in order';
done_testing;
