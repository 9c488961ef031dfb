#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# Bytes that are no TLS, or bad TLS, end their own connection with the alert
# that TLS has for them; another client, all the while, notices nothing.
use strict;
use warnings;
use Test::More;
use Net::SSLeay;
use Socket qw(SHUT_WR);

use TLSward;
use TLSward::Backend;
use TLSward::Client qw(tls_connect tcp_connect http_get read_all send_all client_hello alert_in canary);

my $host = 'one.example.test';
my $backend = TLSward::Backend->new('http');
my $t = TLSward->new(hosts => [ $host, '*.wild.example.test' ], backends => [ { servers => [ $backend->server ] } ],
	# On the first one nobody is cut off for being slow; the others have a deadline that ends it first.
	listeners => [ {}, { name => 'hello', timeouts => { hello => 1, handshake => 60 } }, { name => 'handshake', timeouts => { hello => 2, handshake => 2 } } ],
	conf => { timeouts => { hello => 50, handshake => 60 } })->start;
my $canary = canary($t);

my $hello = client_hello(sni => $host);
sub record { my ($type, $body, $version) = @_; return pack('Cnn', $type, $version // 0x0301, length $body) . $body }
# A point of small order, with which every secret is the same (RFC 7748 6.1).
my $known_secret = $hello =~ s/\x00\x1d\x00\x20\K.{32}/"\0" x 32/ser;
sub with_sni { my ($name) = @_; return client_hello(sni => $name) }

my @cases = (
	[ 'plain HTTP', "GET / HTTP/1.1\r\nHost: $host\r\n\r\n", 10, 'not_tls' ],
	[ 'garbage', join('', map { chr(200 + $_ % 50) } 1 .. 500), 10, 'not_tls' ],
	[ 'zeroes', "\0" x 300, 10, 'not_tls' ],
	[ 'an oversized record', pack('Cnn', 22, 0x0301, 20000) . 'x' x 20000, 22, 'not_tls' ],
	[ 'another version\'s record', record(22, 'x' x 40, 0x0501), 70, 'not_tls' ],
	[ 'application data first', record(23, 'x' x 100), 10, 'not_tls' ],
	[ 'a ServerHello', record(22, pack('C', 2) . substr($hello, 6)), 10, 'not_tls' ],
	[ 'a ClientHello cut short inside', record(22, pack('CCn', 1, 0, 40) . 'x' x 40), undef, 'not_tls' ],
	[ 'odd bytes in the name', with_sni("a\x01b.example.test"), 47, 'not_tls' ],
	[ 'a key share of zero', $known_secret, 47, 'tls_error' ],
	[ 'an unknown name', with_sni('unknown.example.test'), 112, 'refused' ],
	[ 'a name that GnuTLS does not take', with_sni('a_b.wild.example.test'), 112, 'refused', 'the TLS library takes no such name' ],
	[ 'no name', client_hello(), 112, 'refused' ],
	[ 'an address for a name', with_sni('192.0.2.1'), 112, 'refused' ],
);
for my $case (@cases) {
	my ($what, $bytes, $alert, $end, $detail) = @$case;
	my $mark = $t->mark;
	my $s = tcp_connect($t);
	send_all($s, $bytes);
	my ($answer, $how) = read_all($s);
	$alert //= alert_in($answer) // 'none';
	is alert_in($answer), $alert, "$what is answered by alert $alert";
	is length $answer, 7, "$what: and by nothing else";
	is $how, 'eof', "$what: then the connection is closed";
	my $line = $t->wait_log({ msg => 'connection ended', end => $end }, 5, $mark);
	is $line->{end}, $end, "$what is counted as $end";
	is $line->{detail}, $detail, "$what: and the log says why" if $detail;
}

# After the ClientHello: a record that no key opens, one too long, a truncated one.
for my $case ([ 'a record of garbage', record(23, 'y' x 64, 0x0303) ], [ 'a record that is too long', pack('Cnn', 23, 0x0303, 18000) . 'z' x 18000 ]) {
	my ($what, $bytes) = @$case;
	my $mark = $t->mark;
	my $s = tcp_connect($t);
	send_all($s, $hello);
	sysread $s, my $flight, 65536;
	send_all($s, $bytes);
	my (undef, $how) = read_all($s);
	isnt $how, 'deadline', "$what in the handshake ends the connection";
	my $line = $t->wait_log({ msg => 'connection ended', peer => qr/:@{[ $s->sockport ]}$/ }, 5, $mark);
	like $line->{end}, qr/^(tls_error|not_tls)$/, "$what is an error of TLS";
}
# A client that does not like the certificate says so in clear, if it has no keys yet.
for my $case ([ 48, qr/Unknown CA|CA is unknown/i ], [ 200, qr/without a name/ ]) {
	my ($alert, $detail) = @$case;
	my $mark = $t->mark;
	my $s = tcp_connect($t);
	send_all($s, $hello);
	sysread $s, my $flight, 65536;
	send_all($s, record(20, "\1", 0x0303) . record(21, pack('CC', 2, $alert), 0x0303));
	my $line = $t->wait_log({ msg => 'connection ended', peer => qr/:@{[ $s->sockport ]}$/ }, 5, $mark);
	is $line->{end}, 'client_alert', "alert $alert in clear is the client's word";
	is $line->{alert_received}, $alert, 'with its number';
	like $line->{detail}, $detail, 'and its name';
}
for my $case ([ 'garbage instead of a record', 'q' x 200 ], [ 'a record that fails its check', record(23, 'y' x 64, 0x0303) ]) {
	my ($what, $bytes) = @$case;
	my $mark = $t->mark;
	my $s = tls_connect($t, sni => $host);
	http_get($s, $host, '/');
	POSIX::write(fileno $s, $bytes, length $bytes);
	my (undef, $how) = read_all($s);
	is $how, 'error', "$what on an open connection is answered by an alert";
	like $TLSward::Client::error, qr/alert/i, "$what: which the client hears";
	is $t->wait_log({ msg => 'connection ended', end => 'tls_error' }, 5, $mark)->{end}, 'tls_error', "$what is an error of TLS";
}

# Silence, and half a ClientHello.
for my $case ([ 'silence', '' ], [ 'half a ClientHello', substr($hello, 0, 100) ]) {
	my ($what, $bytes) = @$case;
	my $mark = $t->mark;
	my $s = tcp_connect($t, listener => 'hello');
	send_all($s, $bytes);
	my (undef, $how) = read_all($s, 5);
	is $how, 'eof', "$what is cut off";
	is $t->wait_log({ msg => 'connection ended' , end => 'hello_deadline' }, 5, $mark)->{end}, 'hello_deadline', "$what: at the hello deadline";
}
{
	my $mark = $t->mark;
	my $s = tcp_connect($t, listener => 'handshake');
	send_all($s, $hello);
	my (undef, $how) = read_all($s, 5);
	isnt $how, 'deadline', 'a client that does not go on with its handshake is cut off';
	is $t->wait_log({ msg => 'connection ended', end => 'handshake_deadline' }, 5, $mark)->{end}, 'handshake_deadline', 'at the handshake deadline';
	$mark = $t->mark;
	$s = tcp_connect($t);
	send_all($s, substr $hello, 0, 50);
	my $port = $s->sockport;
	close $s;
	is $t->wait_log({ msg => 'connection ended', peer => qr/:$port$/ }, 5, $mark)->{end}, 'client_left',
		'one that leaves in the middle has left';
}

# One byte in a segment.
{
	my $s = tcp_connect($t);
	for my $byte (split //, $hello) {
		send_all($s, $byte);
		select undef, undef, undef, 0.0005;
	}
	sysread $s, my $flight, 65536;
	is ord $flight, 22, 'a ClientHello of single bytes is answered by a handshake';
}

my $r = $canary->stop;
cmp_ok $r->{tried}, '>', 10, 'another client used the service all the while';
is $r->{failed}, 0, 'and noticed nothing' or diag explain $r->{errors};
is $t->stop, 0, 'it ends in order';
done_testing;
