#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# Whatever a client sends after its close_notify, it gets its whole answer, and
# those bytes wake nothing.
use strict;
use warnings;
use Test::More;
use POSIX ();
use Time::HiRes qw(sleep time);

use TLSward qw(wait_for);
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
	my $until = time + 5;
	while ($at < length $garbage && time < $until) {
		my $n = POSIX::write(fileno $s, substr($garbage, $at), length($garbage) - $at);
		defined $n ? ($at += $n) : select undef, undef, undef, 0.05;
	}
	$s->blocking(1);
	is $at, length $garbage, "$version: 100 KB follow the close_notify";
	my $wakeups = sub { $t->ctl_json('worker', 1)->{counters}{wakeups} };
	# Until the backend's answer lies where it must wait.
	my $before = wait_for(sub {
		my $n = $wakeups->();
		sleep 0.3;
		return $wakeups->() == $n ? $n : 0;
	}, 10, 'all is quiet');
	sleep 1;	# the client does something else
	cmp_ok $wakeups->() - $before, '<=', 1, "$version: meanwhile they wake nobody";
	my ($got, $how) = read_all($s, 20);
	is length $got, $size, "$version: the whole answer comes";
	is $got, TLSward::Backend::pattern(0, $size), "$version: unchanged";
	is $how, 'eof', "$version: with its goodbye";
	is $t->wait_log({ msg => 'connection ended' }, 10, $mark)->{end}, 'client_closed', "$version: an ordinary end";
}
is $t->stop, 0, 'it ends in order';
done_testing;
