#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# In the times of real life: readers that take 8 KB every two seconds, whose
# acknowledgements come in steps far longer than progress, get every byte; a
# reader that stops for good is gone at closed_window; a slow writer and a
# half-closed long poll lose nothing.
use strict;
use warnings;
use IO::Socket::INET;
use POSIX ();
use Socket qw(SOL_SOCKET SO_RCVBUF);
use Test::More;
use Time::HiRes qw(sleep time);

use TLSward qw(wait_for slow log_time);
use TLSward::Backend;
use TLSward::Client qw(tls_connect read_some send_all close_notify canary);

my ($progress, $closed_window, $size) = (5, 60, 400_000);
my $host = 'one.example.test';
my %buffer = (default => undef, '32 KB' => 32768);
my %backend = (
	http => TLSward::Backend->new('http'),
	page => TLSward::Backend->new('source_half_close', size => $size),
	endless => TLSward::Backend->new('source', size => 1_000_000_000),
	sink => TLSward::Backend->new('sink'),
	poll => TLSward::Backend->new(sub {
		my ($s, undef, undef, $first) = @_;
		my ($n, $how) = TLSward::Backend::drain($s, undef, $first);
		sleep 20;
		TLSward::Backend::send_all($s, "late\n");
		return { bytes => $n, how => $how };
	}),
);
my $t = TLSward->new(hosts => [$host],
	listeners => [ map { +{ name => $_, backend => $_ } } sort keys %backend ],
	backends => [ map { +{ name => $_, servers => [ $backend{$_}->server ] } } sort keys %backend ],
	conf => { workers => 2, timeouts => { progress => $progress, closed_window => $closed_window, half_close => 30 } })->start;
my $canary = canary($t->via('http'));

# Each in a process of its own; it says a line.
sub aside {
	my ($what, $code) = @_;
	my $pid = open(my $out, '-|') // die "fork: $!";
	return { what => $what, out => $out } if $pid;
	$| = 1;
	alarm 600;
	eval { $code->(); 1 } or print "died: $@";
	POSIX::_exit(0);
}

# Reads 8 KB every 2 s to the end; how many bytes there were.
sub read_slowly {
	my ($s) = @_;
	my $all = '';
	while (1) {
		sleep 2;
		$s->blocking(0);
		my $n = sysread $s, my $bytes, 8192;
		$s->blocking(1);
		return $all if defined $n && $n == 0;
		$all .= $bytes if $n;
	}
}

# The longest time in which such a reader's TCP acknowledges nothing to a sender without anything in between.
sub step {
	my ($buffer) = @_;
	my $listener = IO::Socket::INET->new(LocalAddr => TLSward::address(), Listen => 1) or die "listen: $!";
	my $pid = fork // die "fork: $!";
	if (!$pid) {
		my $s = TLSward::Client::tcp_connect({ address => $listener->sockhost, port => $listener->sockport }, receive_buffer => $buffer);
		read_slowly($s);
		POSIX::_exit(0);
	}
	my $s = $listener->accept;
	$s->blocking(0);
	my $data = "\0" x $size;
	my ($at, $left, $since, $longest) = (0, -1, time, 0);
	while ($at < $size || TLSward::Backend::unacknowledged($s)) {
		$at += syswrite($s, $data, $size - $at, $at) || 0 if $at < $size;
		my $now = $size - $at + TLSward::Backend::unacknowledged($s);
		if ($now != $left) {
			$longest = time - $since if time - $since > $longest;
			($left, $since) = ($now, time);
		}
		sleep 0.05;
	}
	close $s;
	waitpid $pid, 0;
	return $longest;
}

my (%step, %reader);
for my $buffer (sort keys %buffer) {
	$step{$buffer} = aside("bare $buffer", sub { printf "%.1f\n", step($buffer{$buffer}) });
	for my $version (qw(TLSv1_2 TLSv1_3)) {
		$reader{"$version, $buffer buffer"} = aside('reader', sub {
			my $s = tls_connect($t, listener => 'page', sni => $host, version => $version, receive_buffer => $buffer{$buffer});
			my $all = read_slowly($s);
			close_notify($s);
			print $all eq TLSward::Backend::pattern(0, $size) ? "all\n" : 'only ' . length($all) . " bytes\n";
		});
	}
}
my $writer = aside('writer', sub {
	my $s = tls_connect($t, listener => 'sink', sni => $host);
	for (1 .. 8) {
		send_all($s, 'x' x 1000) or last;
		sleep 10;
	}
	close_notify($s);
	print read_some($s) // 'no answer';
});
my %poll = map {
	my $version = $_;
	$version => aside('poll', sub {
		my $s = tls_connect($t, listener => 'poll', sni => $host, version => $version);
		send_all($s, "question\n");
		close_notify($s);
		print read_some($s, 40) // 'no answer';
	});
} qw(TLSv1_2 TLSv1_3);
my $began = time;
my $stuck = tls_connect($t, listener => 'endless', sni => $host);

like scalar(readline $poll{$_}{out}), qr/^late$/, "$_: a half-closed long poll gets its answer after 20 s" for sort keys %poll;
my $line = $t->wait_log({ msg => 'connection ended', listener => 'endless' }, 90);
my $took = log_time($line) - $began;
is $line->{end}, 'closed_window_deadline', 'a reader that stops for good is gone at closed_window';
cmp_ok $took, '>=', $closed_window, 'not before';
cmp_ok $took, '<=', 1.25 * $closed_window + slow(), "and soon after: $took s";
like scalar(readline $writer->{out}), qr/^8000 /, 'a slow writer gives every byte';
for my $buffer (sort keys %step) {
	my $step = readline $step{$buffer}{out};
	chomp $step;
	cmp_ok $step, '>', $progress, "$buffer receive buffer: without anything in between, the steps of the reader are up to $step s";
}
for my $reader (sort keys %reader) {
	is scalar(readline $reader{$reader}{out}), "all\n", "$reader: the slow reader gets every byte";
}
my @ended = @{ wait_for(sub { my @l = $t->find_log({ msg => 'connection ended', listener => 'page' }); @l >= 4 && \@l }, 10, 'the end of all four') };
is_deeply [ map { $_->{end} } @ended ], [ ('backend_closed') x 4 ], 'and ends in order';
$canary->unharmed;
is $t->stop, 0, 'it ends in order';
done_testing;
