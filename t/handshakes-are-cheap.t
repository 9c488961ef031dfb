#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# What a connection with one request costs the worker in system calls, as
# strace sees them: nothing is set that is inherited, the ticket goes along with
# the answer, and a server on this machine is connected at once.
use strict;
use warnings;
use Test::More;

use TLSward::Backend;
use TLSward::Client qw(handshake);
use TLSward::Trace qw(traced);

my $N = 40;
my $host = 'one.example.test';
my $backend = TLSward::Backend->new('http');
my $t = TLSward->new(hosts => [$host], backends => [ { servers => [ $backend->server ] } ], conf => { workers => 1 })->start;

sub connection {
	my $h = handshake($t, sni => $host, version => 'TLSv1.3') or die $TLSward::Client::error;
	return $h->{body} && $h->{session};
}

ok connection(), 'a connection has its answer and a ticket';
my @calls = traced($t, $t->pids('worker'), sub { connection() for 1 .. $N });
SKIP: {
	skip 'NOT TESTED: strace may not attach to the worker', 4 if !@calls;
	my %count;
	/^(\w+)\(/ and $count{$1}++ for @calls;
	is $count{socket}, $N, 'there is a backend connection for each';
	is $count{setsockopt}, 5 * $N, 'options are set on the backend\'s socket only';
	is scalar(grep { /^connect\(.* = 0$/ } @calls), $N, 'it is connected at once';
	# The handshake's flight, the request, the answer, the goodbye; an answer may come in two pieces.
	cmp_ok $count{sendto} / $N, '<', 4.5, 'the ticket has no send of its own';
	note join ', ', map { sprintf '%s %.1f', $_, $count{$_} / $N } sort keys %count;
}
is $t->stop, 0, 'it ends in order';
done_testing;
