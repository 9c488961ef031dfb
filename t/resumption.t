#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# A session ticket from one worker is taken by all of them, in TLS 1.2 and 1.3,
# and by none after `tickets = false`.
use strict;
use warnings;
use Test::More;

use TLSward;
use TLSward::Backend;
use TLSward::Client qw(handshake);

my $backend = TLSward::Backend->new('http');
my $host = 'one.example.test';

my $t = TLSward->new(backends => [ { servers => [ $backend->server ] } ])->start;
for my $version (qw(TLSv1.2 TLSv1.3)) {
	my $first = handshake($t, sni => $host, version => $version) or die $TLSward::Client::error;
	ok !$first->{resumed}, "the first handshake of $version is a full one";
	ok $first->{session}, 'and gives a ticket';
	my ($tried, $resumed, %by) = (0, 0);
	for my $worker ((1, 2) x 5) {
		my $mark = $t->mark;
		my $again = $t->by_worker($worker, sub { handshake($t, sni => $host, version => $version, session => $first->{session}) }) or last;
		$tried++;
		$resumed += $again->{resumed};
		$by{ $t->wait_log({ msg => 'connection ended', resumed => 1 }, 5, $mark)->{who} }++;
	}
	is $tried, 10, 'later ones succeed';
	is $resumed, $tried, 'and every one is resumed';
	is_deeply [ sort keys %by ], [qw(worker.1 worker.2)], 'by both workers';
}
my $session = handshake($t, sni => $host)->{session};
my $other = handshake($t, sni => 'two.example.test', session => $session);
like $other->{body}, qr/for two\.example\.test/, 'a ticket for another name does no harm';
$t->stop;

my $without = TLSward->new(backends => [ { servers => [ $backend->server ] } ], conf => { tls => { tickets => \0 } })->start;
for my $version (qw(TLSv1.2 TLSv1.3)) {
	my $first = handshake($without, sni => $host, version => $version);
	my $again = handshake($without, sni => $host, version => $version, $first->{session} ? (session => $first->{session}) : ());
	ok $again && !$again->{resumed}, "without tickets nothing is resumed in $version";
}

done_testing;
