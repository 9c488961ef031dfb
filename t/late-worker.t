#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# Deadlines are for peers: what has come in time counts, even if the worker did
# not run for longer than the deadline and finds both at once.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);

use TLSward qw(wait_for unwatched);
use TLSward::Backend;
use TLSward::Client qw(tcp_connect tls_connect http_get read_all read_some send_all close_notify client_hello canary);

my $host = 'one.example.test';
my %backend = (
	http => TLSward::Backend->new('http'),
	# Answers the goodbye while the worker stands still.
	late => TLSward::Backend->new(sub {
		my ($s, undef, undef, $first) = @_;
		TLSward::Backend::drain($s, undef, $first);
		sleep 1;
		TLSward::Backend::send_all($s, "answer\n");
		return {};
	}),
);
my $t = TLSward->new(hosts => [$host],
	listeners => [ { name => 'canary', backend => 'http' }, map { +{ name => $_, backend => $_ } } sort keys %backend ],
	backends => [ map { +{ name => $_, servers => [ $backend{$_}->server ] } } sort keys %backend ],
	conf => { workers => 1, timeouts => { hello => 2, handshake => 2.5, idle => 2, half_close => 2, progress => 2, closed_window => 2 },
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
wait_for(sub { 30 == grep { $_->{listener} ne 'canary' } @{ $t->ctl_json('connections')->{connections} } }, 5, 'all of them');
kill STOP => $worker;
my $stopped = time;
send_all($_, "GET / HTTP/1.1\r\nHost: $host\r\n\r\n") for @idle;
send_all($_, $hello) for @hello;
wait_for(sub { $backend{late}->records('end') == 10 && time - $stopped > 3 }, 20, 'answers have come, and all deadlines are over');
kill CONT => $worker;
is scalar(grep { (read_some($_) // '') =~ /^HTTP\/1.1 200/ } @idle), 10, 'a request that came before the idle deadline is answered';
is scalar(grep { (read_all($_))[0] eq "answer\n" } @half_closed), 10, 'an answer that came before the half_close deadline is passed on';
is scalar(grep { length(read_some($_) // '') > 7 } @hello), 10, 'a ClientHello that came before the hello deadline is answered';
$_->close for @idle, @half_closed, @hello;
$canary->unharmed;
is $t->stop, 0, 'it ends in order';
done_testing;
