#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# A worker that leaks descriptors is found within its window and replaced:
# its successor is ready before it stops accepting, 100 streams go on through
# it until the drain deadline, and no new connection fails.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);

use TLSward qw(wait_for slow);
use TLSward::Backend;
use TLSward::Client qw(tls_connect read_some send_all canary);
use TLSward::Faults qw(need_faults fault steps);

need_faults();
my $host = 'one.example.test';
my $echo = TLSward::Backend->new('echo');
my $http = TLSward::Backend->new('http');
my $t = TLSward->new(hosts => [$host],
	listeners => [ { name => 'https', backend => 'http' }, { name => 'streams', backend => 'echo' } ],
	backends => [ { name => 'http', servers => [ $http->server ] }, { name => 'echo', servers => [ $echo->server ] } ],
	conf => { timeouts => { drain => 4 },
		watch => { interval => 0.2, fd_leak => { above => 15, for => 2 } } })->start;

sub echoes { my ($s) = @_; return send_all($s, 'word') && (read_some($s) // '') eq 'word' }

my @streams = map { tls_connect($t, sni => $host, listener => 'streams') } 1 .. 100;
is scalar(grep { echoes($_) } @streams), 100, '100 streams';
my %of;
$of{ $_->{worker} }++ for @{ $t->ctl_json('connections', '--limit', 200)->{connections} };
my ($index) = sort { $of{$b} <=> $of{$a} } keys %of;
my $canary = canary($t, sni => $host, every => 0.05);

my $mark = $t->mark;
my $began = time;
my $pid = fault($t, role => 'worker', worker => $index, kind => 'leak', rate => 5);
my $found = $t->wait_log({ msg => 'a process is sick', child => $pid, verdict => 'fd_leak' }, 15, $mark);
my $took = time - $began;
cmp_ok $took, '<', 9 * slow(), 'the leak is found within the time to leak so much, and the window';
like $found->{numbers}, qr/descriptors=\d+ accounted_for=\d+ unknown=\d+/, "with its numbers: $found->{numbers}";
my ($sick) = grep { $_->{worker} == $index } @{ $t->ctl_json('workers')->{workers} };
is $sick->{verdict}{kind}, 'fd_leak', 'workers names it';
is $sick->{verdicts}{fd_leak}, 1, 'and counts it';
my ($status, $out) = $t->ctl('workers');
like $out, qr/^worker $index is sick: fd_leak/m, 'also in words';

$t->wait_log({ msg => 'the successor is ready; the old worker drains', index => $index }, 10, $mark);
$t->wait_log({ msg => qr/^draining:/, who => "worker.$index" }, 5, $mark);
my @order = map { $_->{msg} } grep { $_->{msg} =~ /^(the successor is ready|draining:)/ } ($t->log_lines)[ $mark .. $t->mark - 1 ];
like $order[0], qr/successor/, 'its successor is ready before it stops accepting';
sub timed_out { return $t->find_log({ msg => 'connection ended', who => "worker.$index", end => 'drain_deadline' }, $mark) }
for (1 .. 3) {
	my $silent = grep { !echoes($_) } @streams;
	# None, unless all this takes longer than draining may.
	wait_for(sub { $silent <= (() = timed_out()) }, 5, 'the deadline as the only end of streams');
	pass 'all streams go on while it drains';
	sleep 0.5;
}
$t->wait_log({ msg => 'a sick process is gone', child => $pid }, 15, $mark);
my @ended = timed_out();
is scalar @ended, $of{$index}, 'its own streams ended at the drain deadline, and no others';
is scalar(grep { echoes($_) } grep { $_->opened } @streams), 100 - $of{$index}, 'those of the other worker live on';
is_deeply [ steps($t, $pid, $mark) ], [ 'a process is sick',
	'a sick worker drains, and is ended when its time is over', 'a sick process is gone' ], 'each step is in the log';
$canary->unharmed;
my ($metrics) = grep { $_->{name} eq 'tlsward_process_replacements_total' } @{ $t->ctl_json('metrics')->{metrics} };
is +(grep { ($_->{labels}{worker} // '') eq $index } @{ $metrics->{samples} })[0]{value}, 1, 'the metrics count it';
$_->close for @streams;

is $t->stop, 0, 'it ends in order';
done_testing;
