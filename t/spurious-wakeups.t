#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# Ordinary connections hardly ever wake a worker for nothing. One that does
# again and again, here because strace(1) makes each read fail with EAGAIN, is
# ended, and it can be seen which it was.
use strict;
use warnings;
use Test::More;
use Socket qw(SHUT_WR);
use Time::HiRes qw(sleep time);

use TLSward qw(wait_for slow);
use TLSward::Backend;
use TLSward::Client qw(tls_connect http_get read_all read_some send_all close_notify send_reset canary);

my $host = 'one.example.test';
my %backend = map { $_ => TLSward::Backend->new($_, size => 3_000_000) } qw(http source sink source_half_close);
my $t = TLSward->new(hosts => [$host],
	listeners => [ map { +{ name => $_, backend => $_ } } sort keys %backend ],
	backends => [ map { +{ name => $_, servers => [ $backend{$_}->server ] } } sort keys %backend ],
	conf => { workers => 1, limits => { spurious_wakeups => 150, spill_kb => 64, spill_mb => 1 } })->start;

sub counters { return $t->ctl_json('status')->{counters} }

# ---- what is ordinary
for my $version (qw(TLSv1_2 TLSv1_3)) {
	my $s = tls_connect($t, listener => 'http', sni => $host, version => $version);
	http_get($s, $host, "/bytes/100000") for 1 .. 20;
	close_notify($s);
	read_all($s);
	my @slow = map { tls_connect($t, listener => 'source', sni => $host, version => $version, receive_buffer => 8192) } 1 .. 20;
	for (1 .. 10) {
		read_some($_) for @slow;
	}
	send_reset($_) for splice @slow, 0, 10;
	read_all($_) for @slow;
	my $up = tls_connect($t, listener => 'sink', sni => $host, version => $version);
	send_all($up, 'x' x 3_000_000);
	close_notify($up);
	shutdown $up, SHUT_WR;
	read_all($up);
	my $half = tls_connect($t, listener => 'source_half_close', sni => $host, version => $version);
	read_all($half);
	send_all($half, 'y' x 100_000);
	$half->close;
}
wait_for(sub { $t->ctl_json('status')->{gauges}{connections} == 0 }, 10, 'all have ended');
my $c = counters();
cmp_ok $c->{wakeups}, '>', 500, "ordinary traffic: $c->{wakeups} wake-ups";
cmp_ok $c->{spurious_wakeups}, '<=', $c->{wakeups} / 50, "next to none of them for nothing: $c->{spurious_wakeups}";

# ---- what is not
SKIP: {
	my ($worker) = $t->pids('worker');
	skip 'NOT TESTED: needs strace and the right to trace', 12 if $> != 0 || system('strace -V >/dev/null 2>&1') != 0;
	my $restless = tls_connect($t, listener => 'http', sni => $host);
	http_get($restless, $host, '/');
	my ($id) = map { $_->{id} } @{ $t->ctl_json('connections')->{connections} };
	my $before = counters()->{spurious_wakeups};
	my $strace = fork // die "fork: $!";
	exec qw(strace -qq -o /dev/null -e trace=recvfrom -e inject=recvfrom:error=EAGAIN -p), $worker if !$strace;
	wait_for(sub { TLSward::Certs::slurp("/proc/$worker/status") =~ /^TracerPid:\s+[1-9]/m }, 5, 'strace');
	my $began = time;
	send_all($restless, "GET / HTTP/1.1\r\nHost: $host\r\n\r\n");
	my ($bytes, $how) = read_all($restless);
	my $took = time - $began;
	# Shown for a second.
	my $rate = wait_for(sub { $t->ctl_json('status')->{gauges}{spurious_per_second} }, 3, 'a rate');
	my $line = $t->wait_log({ msg => 'connection ended', end => 'spurious_wakeups' }, 5);
	kill INT => $strace;
	waitpid $strace, 0;
	is $line->{id}, $id, 'a connection that wakes its worker for nothing is ended';
	is $line->{alert_sent}, 80, 'by an alert';
	is $how, 'error', 'which the client hears';
	cmp_ok $took, '<', 3 * slow(), "soon: $took s";
	cmp_ok $rate, '>=', 1, "the rate shows: $rate in a second";
	my $status = $t->ctl_json('status');
	cmp_ok $status->{counters}{spurious_wakeups} - $before, '>=', 150, 'each is counted';
	is $status->{ends}{spurious_wakeups}, 1, 'and the end';
	is_deeply $status->{restless}, { id => $id, worker => 1, spurious_wakeups => $status->{gauges}{spurious_worst} }, 'status names it';
	my $brief = $t->ctl_json('workers')->{workers}[0];
	is $brief->{restless}{id}, $id, 'so does workers';
	is $brief->{spurious_wakeups}, $status->{counters}{spurious_wakeups}, 'with the total';
	my ($code, $metrics) = $t->ctl('metrics');
	like $metrics, qr/^tlsward_spurious_wakeups_total\{.*\} $status->{counters}{spurious_wakeups}$/m, 'metrics have the total';
	like $metrics, qr/^tlsward_spurious_worst\{.*\} $status->{gauges}{spurious_worst}$/m, 'and the worst';
}
my $s = tls_connect($t, listener => 'http', sni => $host);
is http_get($s, $host, '/')->{status}, 200, 'the next client is served';
$s->close;
is $t->stop, 0, 'it ends in order';
done_testing;
