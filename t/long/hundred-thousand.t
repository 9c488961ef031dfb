#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# 100,000 certificates in a folder: served after a start, and after one from the
# catalog on disk; a change of one file is one file; workers stay as small as
# with a few.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep);

BEGIN { $ENV{TLSWARD_SLOW} //= 8 }	# it is a long start
use TLSward qw(wait_for);
use TLSward::Backend;
use TLSward::Bench;
use TLSward::Client qw(tls_connect);

my $MANY = $ENV{TLSWARD_CERTIFICATES} // 100_000;
my $FEW = 10;
my $backend = TLSward::Backend->new('http');

# {certs}: a folder of so many certificates.
sub with {
	my ($n) = @_;
	my $t = TLSward->new(hosts => [], backends => [ { servers => [ $backend->server ] } ]);
	my $dir = $t->in_directory('certs.d');
	mkdir $t->in_directory('authority');
	TLSward::Bench::certs($dir, ca => $t->in_directory('authority'), name => 'n%u.bench.test', count => $n);
	$t->{ca} = $t->in_directory('authority/ca.pem');
	$t->{conf}{certificates} = [ { directory => $dir } ];
	$t->{conf}{log}{level} = 'info';
	$t->write_conf;
	return ($t, $dir);
}
sub fingerprint { my ($t, $n) = @_; my $s = tls_connect($t, sni => "n$n.bench.test") or return "none: $TLSward::Client::error"; return $s->get_fingerprint }
# Memory that a worker has for itself, in kB.
sub own_kb {
	my ($t) = @_;
	my $sum = 0;
	for my $pid ($t->pids('worker')) {
		open my $f, '<', "/proc/$pid/smaps_rollup" or die "$pid: $!\n";
		while (<$f>) { $sum += $1 if /^Private_Dirty:\s+(\d+)/ }
	}
	return $sum;
}

my ($few) = with($FEW);
$few->start;
like fingerprint($few, $FEW - 1), qr/^sha/, 'a few certificates are served';
my $small = own_kb($few);
$few->stop;

my ($t, $dir) = with($MANY);
$t->start;
like fingerprint($t, $_), qr/^sha/, "n$_ is served" for 0, int($MANY / 2), $MANY - 1;
cmp_ok own_kb($t), '<', $small + 2000, 'a worker has no more memory of its own than with a few';
my $first = fingerprint($t, $MANY - 1);
wait_for(sub { -e $t->in_directory('state/cache/catalog.list') }, 60, 'the catalog is on disk');
$t->stop;

my $mark = $t->mark;
$t->start;
like $t->wait_log({ msg => qr/taken from the cache directory/ }, 5, $mark)->{msg}, qr/: \d+ files are known/, 'another start goes on from it';
is fingerprint($t, $MANY - 1), $first, 'the last one is served';

TLSward::Bench::certs($t->in_directory('other'), ca => $t->in_directory('authority'), name => 'n%u.bench.test', from => $MANY - 1, count => 1);
my $file = sprintf 'n%d.bench.test.pem', $MANY - 1;
rename $t->in_directory("other/$file"), "$dir/$file" or die "$file: $!\n";
sleep 0.2;	# else it is read once more by the next reload
$mark = $t->mark;
is +($t->ctl('reload'))[0], 0, 'a reload is done';
cmp_ok $t->wait_log({ msg => 'certificates and keys were read' }, 30, $mark)->{files}, '<=', 2, 'that reads what has changed';
isnt fingerprint($t, $MANY - 1), $first, 'and serves it';
is $t->ctl_json('status')->{certificates}, $MANY, 'beside all others';
$t->stop;

done_testing;
