#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# A gibibyte up and a gibibyte down arrive intact, in each version of TLS, and
# the memory of the workers does not grow with them.
use strict;
use warnings;
use Digest::SHA;
use Test::More;

use TLSward qw(wait_for);
use TLSward::Backend;
use TLSward::Client qw(tls_connect read_some send_all close_notify);

my $blocks = 1024;
my $filling = join '', map { chr int rand 256 } 1 .. 4096;
$filling x= 256;

# Block number i of 1 MiB; no two are alike.
sub block { my ($i) = @_; return pack('Q>', $i) . substr $filling, 8 }

my $expected = Digest::SHA->new(256);
$expected->add(block($_)) for 1 .. $blocks;
my $digest = $expected->hexdigest;
my $size = $blocks << 20;

my $sink = TLSward::Backend->new('sink');
my $source = TLSward::Backend->new(sub {
	my ($s) = @_;
	TLSward::Backend::send_all($s, block($_)) or return { sent => $_ } for 1 .. $blocks;
	return { sent => $blocks };
});
my $t = TLSward->new(
	listeners => [ { name => 'up', backend => 'sink' }, { name => 'down', backend => 'source' } ],
	backends => [ { name => 'sink', servers => [ $sink->server ] }, { name => 'source', servers => [ $source->server ] } ],
)->start;

sub resident_mb {
	my $most = 0;
	for my $pid ($t->pids('worker')) {
		my ($kb) = TLSward::Certs::slurp("/proc/$pid/status") =~ /^VmHWM:\s*(\d+)/m;
		$most = $kb / 1024 if $kb / 1024 > $most;
	}
	return $most;
}

for my $version (qw(TLSv1_2 TLSv1_3)) {
	my $before = resident_mb();
	my $s = tls_connect($t->via('up'), sni => 'one.example.test', version => $version) or die $TLSward::Client::error;
	send_all($s, block($_)) or die "cut at block $_\n" for 1 .. $blocks;
	close_notify($s);
	is read_some($s, 60), "$size $digest\n", "1 GiB up arrives intact ($version)";
	$s->close;

	$s = tls_connect($t->via('down'), sni => 'one.example.test', version => $version) or die $TLSward::Client::error;
	my ($sum, $n) = (Digest::SHA->new(256), 0);
	while (length(my $bytes = read_some($s, 60) // '')) {
		$sum->add($bytes);
		$n += length $bytes;
	}
	is $n, $size, "1 GiB down arrives ($version)";
	is $sum->hexdigest, $digest, 'intact';
	cmp_ok resident_mb() - $before, '<', 24, 'and no worker grew by much';
}

done_testing;
