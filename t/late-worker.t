#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# Deadlines are for peers: what has come in time counts, even if the worker did
# not run for longer than the deadline and finds both at once.
use strict;
use warnings;
use Test::More;
use File::Temp ();
use Time::HiRes qw(time);

use TLSward qw(wait_for unwatched pace);
use TLSward::Backend;
use TLSward::Client qw(tcp_connect tls_connect http_get read_all read_some send_all close_notify client_hello canary);

my $host = 'one.example.test';
my $seconds = 3 * pace();	# of each deadline; before the first, all of them are there and the worker stands still
my $word = File::Temp::tempdir(CLEANUP => 1) . '/word';
my %backend = (
	http => TLSward::Backend->new('http'),
	# Answers the goodbye when it is given the word: while the worker stands still.
	late => TLSward::Backend->new(sub {
		my ($s, undef, undef, $first) = @_;
		TLSward::Backend::drain($s, undef, $first);
		wait_for(sub { -e $word }, 60, 'the word');
		TLSward::Backend::send_all($s, "answer\n");
		return {};
	}),
);
my $t = TLSward->new(hosts => [$host],
	listeners => [ { name => 'canary', backend => 'http' }, map { +{ name => $_, backend => $_ } } sort keys %backend ],
	backends => [ map { +{ name => $_, servers => [ $backend{$_}->server ] } } sort keys %backend ],
	conf => { workers => 1, timeouts => { (map { $_ => $seconds } qw(hello idle half_close progress closed_window)), handshake => $seconds + 0.5 },
		watch => unwatched() })->start;
my ($worker) = $t->pids('worker');

# Its connections wait while the worker stands still, and are served then.
my $canary = canary($t->via('canary'), timeout => 20);
my $hello = client_hello(sni => $host);
my @idle = map { tls_connect($t, listener => 'http', sni => $host) } 1 .. 10;
my @half_closed = map { tls_connect($t, listener => 'late', sni => $host) } 1 .. 10;
my @hello = map { tcp_connect($t, listener => 'http') } 1 .. 10;
http_get($_, $host, '/') for @idle;
close_notify($_) for @half_closed;
wait_for(sub {
	my @all = grep { $_->{listener} ne 'canary' } @{ $t->ctl_json('connections')->{connections} };
	return @all == 30 && 10 == grep { $_->{client_closed} } @all;
}, 5, 'all of them, and ten goodbyes');
kill STOP => $worker;
my $stopped = time;
TLSward::Certs::write_file($word, '');
send_all($_, "GET / HTTP/1.1\r\nHost: $host\r\n\r\n") for @idle;
send_all($_, $hello) for @hello;
wait_for(sub { $backend{late}->records('end') == 10 && time - $stopped > 1.25 * $seconds }, 20, 'answers have come, and all deadlines are over');
kill CONT => $worker;
is scalar(grep { (read_some($_) // '') =~ /^HTTP\/1.1 200/ } @idle), 10, 'a request that came before the idle deadline is answered';
is scalar(grep { (read_all($_))[0] eq "answer\n" } @half_closed), 10, 'an answer that came before the half_close deadline is passed on';
is scalar(grep { length(read_some($_) // '') > 7 } @hello), 10, 'a ClientHello that came before the hello deadline is answered';
$_->close for @idle, @half_closed, @hello;
$canary->unharmed;
is $t->stop, 0, 'it ends in order';
done_testing;
