#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# A refused name, and a connection over a limit, cost no TLS session and no
# message to another process: the counters say so, and strace of the worker
# shows every call that it makes.
use strict;
use warnings;
use IO::Select;
use Test::More;

use TLSward qw(wait_for slow);
use TLSward::Backend;
use TLSward::Client qw(tls_connect tcp_connect http_get send_all read_all alert_in client_hello);
use TLSward::Trace qw(traced);

my $host = 'one.example.test';
my $backend = TLSward::Backend->new('http');
my $N = 200;
my ($t, $worker);

sub start {
	my (%limits) = @_;
	$t = TLSward->new(hosts => [$host], backends => [ { servers => [ $backend->server ] } ],
		conf => { workers => 1, limits => { spill_kb => 1024, %limits } })->start;
	($worker) = $t->pids('worker');
	return;
}

# Does it N times, in two rounds: by counters, and by strace. once: true if it was refused;
# the calls are for each of them.
sub costs_little {
	my ($what, $end, $once, $calls_at_most, $accepts_at_most) = @_;
	my $ends = sub { $t->ctl_json('status')->{ends}{$end} // 0 };
	my $refuse = sub {
		my ($n) = @_;
		my $until = $ends->() + $n;
		my $refused = grep { $once->() } 1 .. $n;
		wait_for(sub { $ends->() == $until }, 10, 'the last end');
		return $refused;
	};
	$refuse->(20);		# so that nothing is done for the first time
	my $before = $t->ctl_json('status')->{counters};
	is $refuse->($N), $N, "$what: $N clients are refused";
	my $after = $t->ctl_json('status')->{counters};
	is $after->{$_} - $before->{$_}, 0, "$what: $_: none" for qw(sessions signatures backend_connects backend_failures);

	my @calls = traced($t, $worker, sub { $refuse->($N) });
	SKIP: {
		skip "NOT TESTED, $what: strace may not attach to the worker", 5 if !@calls;
		my (%count, @strange, @memory);
		for (@calls) {
			my ($call, $fd) = /^(\w+)\((\d*)/ or next;
			$count{$call}++;
			# The sanitizer's own, for a new piece of memory.
			next if TLSward::sanitizers() && $call eq 'getrandom' && $count{$call} <= 3;
			if ($call =~ /^(brk|mmap|munmap|mremap|madvise)$/) { push @memory, $_ }
			elsif ($call eq 'write') { push @strange, $_ if $fd != 2 }
			elsif ($call !~ /^(accept4|recvfrom|sendto|shutdown|close|getsockopt|setsockopt|ioctl|epoll_p?wait|epoll_ctl|getpid)$/) { push @strange, $_ }
		}
		is_deeply \@strange, [], "$what: strace sees nothing but the client's socket and the log";
		cmp_ok scalar @memory, '<', 10, "$what: and hardly ever the kernel asked for memory: " . @memory . ' times';
		is $count{close}, $N, "$what: each is closed";
		cmp_ok $count{accept4} / $N, '<', $accepts_at_most, "$what: few are looked for in vain";
		my $sum = 0;
		$sum += $_ for values %count;
		cmp_ok $sum / $N, '<', $calls_at_most, sprintf '%s: %.1f calls for each: %s', $what, $sum / $N,
			join ', ', map { sprintf '%s %.1f', $_, $count{$_} / $N } sort keys %count;
	}
	return;
}

my $hello = client_hello(sni => 'unknown.example.test');
start();
ok http_get(tls_connect($t, sni => $host), $host, '/'), 'a name that is allowed is served';
my $mark = $t->mark;
costs_little('a refused name', 'refused', sub {
	my $s = tcp_connect($t);
	send_all($s, $hello);
	return (alert_in((read_all($s))[0]) // 0) == 112;
}, 12, 1.2);
my $lines = () = $t->find_log({ msg => 'connection ended', end => 'refused' }, $mark);
cmp_ok $lines, '>=', $N, 'each refused name has its line in the log';
is $t->stop, 0, 'it ends in order';

start(per_address => 1);
my $only = tls_connect($t, sni => $host);
ok http_get($only, $host, '/'), 'the only connection that an address may have is served';
costs_little('one connection too many', 'limit_per_address', sub {
	# The reset may come before connect(2) returns.
	my $s = tcp_connect($t) or return $TLSward::Client::error =~ /reset/;
	IO::Select->new($s)->can_read(5 * slow());
	return !defined sysread($s, my $byte, 1) && $!{ECONNRESET};
}, 5, 2.2);
$only->close;
is $t->stop, 0, 'it ends in order';
done_testing;
