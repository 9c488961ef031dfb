#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# valgrind finds no leak and no error in a worker that served 1,000 connections,
# ended in many ways, and drained.
use strict;
use warnings;
use Test::More;

use TLSward qw(wait_for);
use TLSward::Backend;
use TLSward::Client qw(tls_connect tcp_connect http_get send_all close_notify send_reset client_hello);

plan skip_all => 'valgrind does not run programs with sanitizers' if TLSward::sanitizers();
$ENV{TLSWARD_SLOW} = 10;
my $host = 'one.example.test';
my $backend = TLSward::Backend->new('http');
my $t = TLSward->new(hosts => [$host], backends => [ { servers => [ $backend->server ] } ],
	conf => { workers => 1, sandbox => 'off' });
push @{ $t->{args} }, '--insecure';
# What it says comes by descriptor 2, into the log.
$t->{wrapper} = [ 'valgrind', '--vgdb=no', '--leak-check=full', '--errors-for-leak-kinds=definite',
	"--suppressions=$TLSward::SOURCE/t/long/valgrind.supp",
	'--trace-children=yes', '--trace-children-skip-by-arg=*opener,*logger,*keeper,*librarian' ];
$t->start;
my ($worker) = $t->pids('worker');

my $hello = client_hello(sni => $host);
my $good = 0;
for my $n (1 .. 1000) {
	my $kind = $n % 10;
	if ($kind < 6) {
		my $s = tls_connect($t, sni => $host) or next;
		$good++ if http_get($s, $host, '/');
		$kind == 0 ? send_reset($s) : $s->close;
	} else {
		my $s = tcp_connect($t) or next;
		send_all($s, $kind == 6 ? "GET / HTTP/1.0\r\n\r\n" : $kind == 7 ? $hello : $kind == 8 ? substr $hello, 0, 60 : client_hello(sni => 'unknown.example.test'));
		close $s;
	}
}
is $good, 600, 'those of 1,000 connections that asked were served';
wait_for(sub { $t->ctl_json('status')->{gauges}{connections} == 0 }, 30, 'all are gone');
is $t->stop(60), 0, 'it drains and ends';
my @said = map { $_->{msg} } $t->find_log({ msg => qr/^==$worker== / });
my ($errors) = map { /ERROR SUMMARY: (\d+) errors/ ? $1 : () } @said;
is $errors, 0, 'valgrind found no error and no leak in the worker' or diag join "\n", @said;
done_testing;
