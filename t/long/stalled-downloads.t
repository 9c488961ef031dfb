#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# 2,000 clients ask for a large file and do not read: memory is bounded by the
# caps on the spill, and a client that reads is served all the while.
use strict;
use warnings;
use Test::More;

use TLSward qw(wait_for);
use TLSward::Certs;
use TLSward::Servers;
use TLSward::Client qw(tls_connect http_get send_all canary);

# The kernel has a limit of its own for all TCP buffers; with the usual sizes
# 2,000 full ones reach it, and then nobody is served well. In a network
# namespace of the test's own they can be made small.
if ($> == 0 && !$ENV{TLSWARD_NAMESPACE}) {
	$ENV{TLSWARD_NAMESPACE} = 1;
	exec 'unshare', '-n', $^X, $0 or die "unshare: $!\n";
}
if ($> == 0) {
	system(qw(ip link set lo up)) == 0 or die "no loopback in the namespace\n";
	TLSward::Certs::write_file('/proc/sys/net/ipv4/tcp_wmem', "4096 16384 65536\n");
	TLSward::Certs::write_file('/proc/sys/net/ipv4/tcp_rmem', "4096 65536 131072\n");
}
my $host = 'one.example.test';
my $nginx = TLSward::Servers::nginx(proxy => 0);
open my $f, '>', "$nginx->{dir}/www/large" or die "large: $!";
truncate $f, 200_000_000;
close $f;
my $spill_mb = 16;
my $t = TLSward->new(hosts => [$host], backends => [ { servers => [ TLSward::address() . ":$nginx->{http}" ] } ],
	conf => { workers => 2, limits => { spill_mb => $spill_mb } })->start;
my $canary = canary($t, timeout => 10);

sub memory_kb {
	my ($pid) = @_;
	return TLSward::Certs::slurp("/proc/$pid/status") =~ /^RssAnon:\s+(\d+) kB/m ? $1 : 0;
}
my %before = map { $_ => memory_kb($_) } $t->pids('worker');
my @stalled;
for (1 .. 2000) {
	my $s = tls_connect($t, sni => $host, receive_buffer => 8192) or next;
	send_all($s, "GET /file/large HTTP/1.1\r\nHost: $host\r\n\r\n");
	push @stalled, $s;
}
is scalar @stalled, 2000, '2,000 clients stall';
# All but the canary's small pages.
my $was = -1e9;
wait_for(sub {
	my $now = $t->ctl_json('status')->{counters}{bytes_down};
	my $moved = $now - $was;
	$was = $now;
	select undef, undef, undef, 0.3;
	return $moved < 10_000;
}, 30, 'nothing moves any more');
my $spill = $t->ctl_json('status')->{gauges}{spill_bytes};
cmp_ok $spill, '<=', 2 * $spill_mb * 1.1 * (1 << 20), "what waits ($spill bytes in both workers) keeps to the cap";
for my $pid ($t->pids('worker')) {
	my $grown = memory_kb($pid) - $before{$pid};
	# Beside the spill: about 25 kB for each connection with its TLS session.
	cmp_ok $grown, '<=', $spill_mb * 1024 * 1.25 + 1300 * 25, "a worker's memory has grown by $grown kB";
}
my $s = tls_connect($t, sni => $host);
is http_get($s, $host, '/')->{status}, 200, 'a client that reads is served';
my $r = $canary->stop;
# What could be to blame: tlsward (a phase took long), nginx (its queue is full,
# the connect or the answer took long), or a kernel that is short of buffers for all.
sub took_long { my ($line) = @_; return grep { ($line->{"${_}_s"} // 0) > 1 } qw(hello handshake connect relay closing) }
is $r->{failed}, 0, sprintf('as one was all the while, after %.2f s at most', $r->{slowest}) or diag explain $r->{errors},
	[ grep { ($_->{msg} // '') eq 'connection ended' && ($_->{end} !~ /^client_/ || took_long($_)) } $t->log_lines ],
	map { TLSward::Certs::slurp("/proc/$_") } qw(net/netstat net/sockstat sys/net/ipv4/tcp_mem loadavg);
$_->close for $s, splice @stalled;
is $t->stop, 0, 'it ends in order' or diag 'status ' . $t->{status};
done_testing;
