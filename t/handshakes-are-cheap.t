#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# What a connection with one request costs the worker in system calls, as
# strace sees them: nothing is set that is inherited, a server on this machine
# is connected at once, the ticket goes along with the answer, but not where the
# client may wait for it to be acknowledged, and so do close_notify and FIN after
# a backend that closes at once.
use strict;
use warnings;
use Socket qw(IPPROTO_TCP SHUT_WR);
use Test::More;

use TLSward::Backend;
use TLSward::Client qw(handshake request_with_finished);
use TLSward::Trace qw(traced);

use constant TCP_CORK => 3;
my $N = 40;
my $host = 'one.example.test';
# Its answer and its FIN come in one segment.
my $backend = TLSward::Backend->new(sub {
	my ($s) = @_;
	sysread $s, my $bytes, 65_536;
	setsockopt $s, IPPROTO_TCP, TCP_CORK, 1;
	TLSward::Backend::send_all($s, 'answer');
	shutdown $s, SHUT_WR;
	TLSward::Backend::drain($s);
	return {};
});
my $t = TLSward->new(hosts => [$host], backends => [ { servers => [ $backend->server ] } ], conf => { workers => 1 })->start;

# Calls of the worker, for one connection of $N.
sub calls {
	my ($connection) = @_;
	my @calls = traced($t, $t->pids('worker'), sub { $connection->() for 1 .. $N });
	my %count;
	for (@calls) {
		$count{$1} += 1 / $N if /^(\w+)\(/;
		$count{connected} += 1 / $N if /^connect\(.* = 0$/;
	}
	note join ', ', map { sprintf '%s %.1f', $_, $count{$_} } sort keys %count;
	return \%count;
}

my $h = handshake($t, sni => $host, version => 'TLSv1.3') or die $TLSward::Client::error;
ok $h->{body} && $h->{session}, 'a connection has its answer and a ticket';
$h = request_with_finished($t, $host);
ok $h->{body} && $h->{session}, 'so has one whose request comes along with the end of the handshake';

my $together = calls(sub { request_with_finished($t, $host) });
# Only with the ticket comes its request, which is never found along with the end of the handshake then.
my $apart = calls(sub { handshake($t, sni => $host, version => 'TLSv1.3', wait => 1) });
SKIP: {
	skip 'NOT TESTED: strace may not attach to the worker', 5 if !%$apart;
	cmp_ok abs($apart->{socket} - 1), '<', 0.01, 'there is a backend connection for each';
	cmp_ok abs($apart->{setsockopt} - 5), '<', 0.01, 'options are set on the backend\'s socket only';
	# Where the machine is busy, what comes in two steps may be found together, and the other way round.
	cmp_ok abs($apart->{connected} - 1), '<', 0.2, 'it is connected at once';
	cmp_ok $together->{sendto}, '<', 3.5, 'the flight, the request, the answer: ticket and goodbye have no send of their own';
	cmp_ok $apart->{sendto}, '>', $together->{sendto} + 0.5, 'a client that may hold its request back has the ticket at once';
}
is $t->stop, 0, 'it ends in order';
done_testing;
