#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# Whatever a client sends after its close_notify, it gets its whole answer, and
# those bytes wake nothing.
use strict;
use warnings;
use Test::More;
use File::Temp;
use POSIX ();
use Time::HiRes qw(sleep time);

use TLSward qw(wait_for unwatched slow);
use TLSward::Backend;
use TLSward::Client qw(tls_connect read_all send_all close_notify);

my $host = 'one.example.test';
my $size = 1_500_000;
my $backend = TLSward::Backend->new(sub {
	my ($s, undef, undef, $first) = @_;
	TLSward::Backend::drain($s, undef, $first);
	return { sent => TLSward::Backend::send_pattern($s, $size) };
});
my $t = TLSward->new(hosts => [$host], backends => [ { servers => [ $backend->server ] } ], conf => { workers => 1 })->start;

for my $version ('TLSv1_2', 'TLSv1_3') {
	my $mark = $t->mark;
	my $s = tls_connect($t, sni => $host, version => $version, receive_buffer => 8192);
	send_all($s, "question\n");
	close_notify($s);
	my $garbage = 'g' x 100_000;
	my $at = 0;
	$s->blocking(0);
	my $until = time + 5 * slow();
	while ($at < length $garbage && time < $until) {
		my $n = POSIX::write(fileno $s, substr($garbage, $at), length($garbage) - $at);
		defined $n ? ($at += $n) : select undef, undef, undef, 0.05;
	}
	$s->blocking(1);
	is $at, length $garbage, "$version: 100 KB follow the close_notify";
	my $wakeups = sub { $t->ctl_json('worker', 1)->{counters}{wakeups} };
	# Until the backend's answer lies where it must wait.
	wait_for(sub { $t->ctl_json('connections', '--phase', 'closing')->{connections}[0] || $t->ctl_json('worker', 1)->{gauges}{spill_bytes} }, 10, 'an answer that waits');
	my $began;
	my $before = wait_for(sub {
		my $n = $wakeups->();
		$began = time;
		sleep 0.3;
		return $wakeups->() == $n ? $n : 0;
	}, 10, 'all is quiet');
	sleep 1;	# the client does something else
	# TCP is asked every three seconds, a tenth of progress.
	my $woken = $wakeups->() - $before;
	cmp_ok $woken, '<=', 1 + (time - $began) / 3, "$version: meanwhile they wake nobody";
	my ($got, $how) = read_all($s, 20);
	is length $got, $size, "$version: the whole answer comes";
	is $got, TLSward::Backend::pattern(0, $size), "$version: unchanged";
	is $how, 'eof', "$version: with its goodbye";
	is $t->wait_log({ msg => 'connection ended' }, 10, $mark)->{end}, 'client_closed', "$version: an ordinary end";
}
is $t->stop, 0, 'it ends in order';

# A server that answers early and closes, with most of the upload unread: its
# answer, its RST and the failure to send it more come to the worker at once.
my $dir = File::Temp::tempdir(CLEANUP => 1);
chmod 0755, $dir;
my $early = sub {
	my ($s, $self) = @_;
	wait_for(sub { -e "$dir/$self->{name}" }, 60, 'the word');
	TLSward::Backend::send_pattern($s, 14_000);
	return {};
};
my %early = (tcp => TLSward::Backend->new($early, name => 'tcp'), unix => TLSward::Backend->new($early, name => 'unix', unix => "$dir/early.sock"));
$t = TLSward->new(hosts => [$host], conf => { workers => 1, watch => unwatched() },
	listeners => [ map { +{ name => $_, backend => $_ } } sort keys %early ],
	backends => [ map { +{ name => $_, servers => [ $early{$_}->server ] } } sort keys %early ])->start;
for my $kind (sort keys %early) {
	my $mark = $t->mark;
	my $s = tls_connect($t, sni => $host, listener => $kind);
	$s->blocking(0);
	my $until = time + 1;
	while (time < $until) {
		syswrite $s, 'x' x 16384 or sleep 0.02;
	}
	my ($worker) = $t->pids('worker');
	kill STOP => $worker;
	wait_for(sub { TLSward::stat_of($worker)->{state} eq 'T' }, 5, 'a worker that stands still');
	TLSward::Certs::write_file("$dir/$kind", '');
	wait_for(sub { scalar $early{$kind}->records('end') }, 5, 'it has answered');
	kill CONT => $worker;
	my ($got, $how) = read_all($s);
	is $got, TLSward::Backend::pattern(0, 14_000), "$kind: an answer that came before the upload was read arrives";
	is $how, 'error', "$kind: the reset behind it is no goodbye";
	is $t->wait_log({ msg => 'connection ended' }, 10, $mark)->{end}, 'backend_reset', "$kind: counted as backend_reset";
}
is $t->stop, 0, 'it ends in order';
done_testing;
