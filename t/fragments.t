#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# However the network cuts the stream, the conversation is the same: every byte
# in a segment of its own both ways, and the ClientHello in several records.
use strict;
use warnings;
use Digest::SHA qw(sha256_hex);
use IO::Select;
use IO::Socket::INET;
use POSIX qw(_exit);
use Socket qw(IPPROTO_TCP TCP_NODELAY);
use Test::More;

use TLSward qw(address slow);
use TLSward::Backend;
use TLSward::Client qw(tls_connect http_get read_all send_all close_notify);

my $host = 'one.example.test';
my $size = 100_000;
my %backend = (sink => TLSward::Backend->new('sink'), source => TLSward::Backend->new('http'));
my $t = TLSward->new(hosts => [$host],
	listeners => [ map { +{ name => $_, backend => $_ } } sort keys %backend ],
	backends => [ map { +{ name => $_, servers => [ $backend{$_}->server ] } } sort keys %backend ])->start;

# The bytes of one handshake record as several, with so many bytes in each.
sub several_records {
	my ($record, $bytes) = @_;
	my ($type, $version) = unpack 'Cn', $record;
	return join '', map { pack('Cnn', $type, $version, length $_) . $_ } unpack "(a$bytes)*", substr $record, 5;
}

sub forward {
	my ($from, $to, $piece) = @_;
	my $n = sysread $from, my $bytes, 65536;
	if (!$n) {
		shutdown $to, 1;
		return 0;
	}
	for (my $at = 0; $at < $n; $at += $piece) {
		syswrite $to, substr $bytes, $at, $piece or return 0;
	}
	return 1;
}

# Between one client and tlsward, in a process of its own: where to connect to.
sub proxy {
	my ($listener, $piece, $hello_bytes) = @_;
	my $l = IO::Socket::INET->new(LocalAddr => address(), Listen => 1) or die "listen: $!";
	my $pid = fork // die "fork: $!";
	return { %$t, port => $l->sockport, pid => $pid } if $pid;
	alarm 60 * slow();
	my $client = $l->accept;
	my $server = IO::Socket::INET->new(PeerAddr => $t->{address}, PeerPort => $t->{listeners}{$listener}{port}) or _exit(1);
	setsockopt $_, IPPROTO_TCP, TCP_NODELAY, 1 for $client, $server;
	if ($hello_bytes) {
		sysread $client, my $hello, 65536;
		syswrite $server, several_records($hello, $hello_bytes);
	}
	my %to = ($client => $server, $server => $client);
	my $open = IO::Select->new($client, $server);
	while ($open->count) {
		for my $s ($open->can_read) {
			$open->remove($s) if !forward($s, $to{$s}, $piece);
		}
	}
	_exit(0);
}

my @cases = (
	[ 'single bytes', 1, 0 ],
	[ 'a ClientHello in records of 16 bytes', 65536, 16 ],
	[ 'a ClientHello in records of one byte, in segments of 3', 3, 1 ],
);
for my $version (qw(TLSv1_2 TLSv1_3)) {
	for my $case (@cases) {
		my ($what, @how) = @$case;
		my $proxy = proxy('source', @how);
		my $s = tls_connect($proxy, sni => $host, version => $version, timeout => 20);
		ok $s, "$version, $what: the handshake comes to its end" or diag($TLSward::Client::error), next;
		my $answer = http_get($s, $host, "/bytes/$size", 30);
		is $answer && sha256_hex($answer->{body}), sha256_hex(TLSward::Backend::pattern(0, $size)), "$version, $what: $size bytes down arrive";
		close_notify($s);
		is +(read_all($s))[1], 'eof', "$version, $what: then the goodbye";
		$s->close;
		waitpid $proxy->{pid}, 0;

		$proxy = proxy('sink', @how);
		$s = tls_connect($proxy, sni => $host, version => $version, timeout => 20);
		my $data = TLSward::Backend::pattern(7, $size);
		send_all($s, $data);
		close_notify($s);
		my ($got) = read_all($s, 30);
		is $got, $size . ' ' . sha256_hex($data) . "\n", "$version, $what: $size bytes up arrive";
		$s->close;
		waitpid $proxy->{pid}, 0;
	}
}
my @ends = map { $_->{end} } $t->find_log({ msg => 'connection ended' });
is_deeply [ grep { $_ ne 'client_closed' } @ends ], [], 'all ended in the ordinary way';
my @wrong = grep { !/^protections / } map { $_->{msg} } $t->find_log({ level => qr/warning|error/ });
is_deeply \@wrong, [], 'nothing was wrong';
is $t->stop, 0, 'it ends in order';
done_testing;
