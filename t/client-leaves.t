#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# A client that has left by RST costs no cryptography and reaches no backend,
# even if all that it sent before can still be read; one that has said goodbye
# is served, and one that said why it left is heard. The worker stands still meanwhile, so that it finds both at once.
use strict;
use warnings;
use Test::More;

use TLSward qw(wait_for unwatched);
use TLSward::Backend;
use TLSward::Client qw(tcp_connect read_some send_all send_reset client_hello request_with_finished);

my $host = 'one.example.test';
my $backend = TLSward::Backend->new('http');
my $t = TLSward->new(hosts => [$host], backends => [ { servers => [ $backend->server ] } ],
	conf => { workers => 1, watch => unwatched() })->start;
my ($worker) = $t->pids('worker');
my $stop = sub {
	kill STOP => $worker;
	wait_for(sub { TLSward::stat_of($worker)->{state} eq 'T' }, 5, 'a worker that stands still');
};

# What the counters say of work after the client left, with the line in the log.
sub left {
	my ($what, $leave, @none) = @_;
	my $mark = $t->mark;
	my $before = $t->ctl_json('status')->{counters};
	my $port = $leave->();
	kill CONT => $worker;
	my $line = $t->wait_log({ msg => 'connection ended', peer => qr/:$port$/ }, 10, $mark);
	is $line->{end}, 'client_reset', "$what: it ends as what it is";
	my $after = $t->ctl_json('status')->{counters};
	is $after->{$_} - $before->{$_}, 0, "$what: $_: none" for @none;
	return;
}

left('RST after the ClientHello', sub {
	$stop->();
	my $s = tcp_connect($t);
	my $port = $s->sockport;
	send_all($s, client_hello(sni => $host));
	send_reset($s);
	return $port;
}, qw(signatures handshakes_full backend_connects));

left('RST after the handshake and a request', sub {
	my $port;
	request_with_finished($t, $host, before => $stop, after => sub { ($port) = ($_[0]->sockport); send_reset($_[0]) });
	return $port;
}, qw(handshakes_full backend_connects));

my $h = request_with_finished($t, $host, before => $stop, goodbye => 1, after => sub { kill CONT => $worker });
like $h->{body}, qr/^HTTP\/1.1 200/, 'a client that said goodbye after its request has its answer';
my $s = tcp_connect($t);
send_all($s, client_hello(sni => $host));
ok length read_some($s), 'a client has the first flight';
my ($mark, $port) = ($t->mark, $s->sockport);
$stop->();
send_all($s, "\x15\x03\x03\0\2\2\x30");
send_reset($s);
kill CONT => $worker;
my $line = $t->wait_log({ msg => 'connection ended', peer => qr/:$port$/ }, 10, $mark);
is_deeply [ @$line{qw(end alert_received)} ], [ 'client_alert', 48 ], 'the alert that came before its RST is read';
is $t->stop, 0, 'it ends in order';
done_testing;
