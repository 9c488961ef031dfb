#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# What ps and /proc show: each role's user, capabilities and filter; and that
# no worker has a key in its memory.
use strict;
use warnings;
use Test::More;
use MIME::Base64 qw(decode_base64);

use TLSward qw(run_command memory_holds);
use TLSward::Backend;
use TLSward::Certs;
use TLSward::Client qw(tls_connect http_get);

plan skip_all => 'needs root' if $>;
plan skip_all => 'a build with sanitizers has no sandbox' if TLSward::sanitizers();

my $host = 'one.example.test';
my $backend = TLSward::Backend->new('http');
my $t = TLSward->new(hosts => [$host], backends => [ { servers => [ $backend->server ] } ])->start;
for (1 .. 5) {
	my $s = tls_connect($t, sni => $host);
	is http_get($s, $host, '/')->{status}, 200, 'it works';
}

sub status_of {
	my ($pid) = @_;
	my %s = map { /^(\w+):\s+(.*)$/ ? ($1, $2) : () } split /\n/, TLSward::Certs::slurp("/proc/$pid/status");
	return \%s;
}

my %user = (worker => 61701, logger => 61701, keeper => 61702, signer => 61702, librarian => 61703);
for my $role (sort keys %user) {
	my @pids = $t->pids($role);
	ok scalar @pids, "there is a $role";
	for my $pid (@pids) {
		my $s = status_of($pid);
		is $s->{Uid}, join("\t", ($user{$role}) x 4), "$role: runs as its own user, in all four ids";
		is $s->{Groups}, '', "$role: has no supplementary groups";
		is join(' ', @$s{qw(CapInh CapPrm CapEff CapAmb)}), join(' ', ('0' x 16) x 4), "$role: has no capabilities";
		is $s->{NoNewPrivs}, 1, "$role: can gain none";
		is $s->{Seccomp}, 2, "$role: has a filter";
	}
}
# NET_BIND_SERVICE 10, KILL 5, SETUID 7, SETGID 6, SYS_PTRACE 19, DAC_READ_SEARCH 2
my $mask = sprintf '%016x', 1 << 10 | 1 << 5 | 1 << 7 | 1 << 6 | 1 << 19 | 1 << 2;
is status_of($t->{pid})->{CapEff}, $mask, 'the supervisor keeps the capabilities it needs and no other';
is status_of($t->{pid})->{CapBnd}, $mask, 'nor could it get another';

my @open = glob "/proc/@{[ ($t->pids('worker'))[0] ]}/fd/*";
my @files = grep { m{^/} && !m{^/dev/null|^/memfd:} } map { readlink // '' } @open;
is "@files", '', 'a worker holds no file';

# The key's private number, from its file, is looked for in a core of each process.
my ($status, $text) = run_command(qw(openssl ec -noout -text -in), $t->{conf}{certificates}[0]{key});
my ($hex) = $text =~ /priv:\s*((?:[0-9a-f]{2}[:\s]*)+)pub:/s;
$hex =~ s/[^0-9a-f]//g;
my $number = substr pack('H*', $hex), -32;
is length $number, 32, 'the private number is known to the test';

SKIP: {
	skip 'gcore is not installed', 6 if system('command -v gcore >/dev/null 2>&1');
	my $found_in = sub {
		my ($pid) = @_;
		my $core = "$t->{dir}/core";
		my ($rc, $out) = run_command('gcore', '-o', $core, $pid);
		diag $out if !-s "$core.$pid";
		my $bytes = TLSward::Certs::slurp("$core.$pid");
		unlink "$core.$pid";
		return (length($bytes) > 1_000_000, index($bytes, $number) >= 0);
	};
	for my $pid ($t->pids('worker'), $t->pids('librarian')) {
		my ($size_ok, $found) = $found_in->($pid);
		ok $size_ok, 'a core was taken';
		ok !$found, 'the key is not in it';
	}
}

# The keeper's memory is left out of cores; read as it lies, it has the key.
is memory_holds(($t->pids('signer'))[0], $number), 1, 'the same bytes are found in the memory of the keeper\'s server';
is memory_holds(($t->pids('worker'))[0], $number), 0, 'and not in that of a worker';
is $t->stop, 0, 'it ends in order';
done_testing;
