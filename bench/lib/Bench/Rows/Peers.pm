# SPDX-License-Identifier: BSD-2-Clause
package Bench::Rows::Peers;
# Handshakes, requests, bulk, churn and memory, beside the peers.
use strict;
use warnings;
use utf8;

my @FULL = (mode => 'full', connections => 16, 'server-closes' => undef);
my @RESUMED = (mode => 'resumed', connections => 16, 'server-closes' => undef);
my $BUFFERS = 65_536;

sub rows {
	return (
		{ name => 'full-ecdsa-1.3', title => 'full handshake + request, TLS 1.3, ECDSA P-256', unit => 'µs', kind => 'Cpu',
			load => { @FULL }, target => 0.70, quick => 1, limits => ['echo'],
			if_missed => 'by `bench/profile` the kernel takes as long as with the best peer, two changes to the keeper and back included, and is half of it all (152 µs; HAProxy 149, nginx 168); the rest is 0.57 of the best peer\'s. A signer that waits on a futex instead of a socket would save 5 µs, kept connections to the backend up to 48' },
		{ name => 'full-rsa-1.3', title => 'full handshake + request, TLS 1.3, RSA-2048', unit => 'µs', kind => 'Cpu',
			load => { @FULL }, conditions => { key => 'rsa' }, target => 0.90, quick => 1, limits => ['echo'],
			if_missed => 'the signature is the same by the same libcrypto as that of the peers, and the larger part of it all; what would is said of ECDSA' },
		{ name => 'full-ecdsa-1.2', title => 'full handshake + request, TLS 1.2, ECDSA P-256', unit => 'µs', kind => 'Cpu',
			load => { @FULL, tls => '1.2' }, target => 0.80, quick => 1, limits => ['echo'],
			if_missed => '229 to 240 µs in quiet runs (0.83 to 0.85), more and less even from round to round in turns with peers; the cause was not found; else as with TLS 1.3' },
		{ name => 'resumed-1.3', title => 'resumed handshake + request, TLS 1.3', unit => 'µs', kind => 'Cpu',
			load => { @RESUMED }, target => 0.80, quick => 1, limits => ['echo'],
			if_missed => 'the key exchange, which resumption keeps, and the kernel, which is the same for all' },
		{ name => 'resumed-1.2', title => 'resumed handshake + request, TLS 1.2', unit => 'µs', kind => 'Cpu',
			load => { @RESUMED, tls => '1.2' }, target => 0.80, quick => 1, limits => ['echo'],
			if_missed => 'nearly all is kernel: accept, connect to the backend, close; connections to the backend that are kept' },
		{ name => 'requests-64', title => 'request (64 B) and answer (1 KB), 64 kept connections', unit => 'µs', kind => 'Cpu',
			load => { mode => 'requests', connections => 64 }, target => 0.95, quick => 1, limits => ['echo'],
			if_missed => 'kernel 79 %, in four system calls for a request and its answer, of which none can be left out; fewer would need io_uring, which the sandbox forbids' },
		{ name => 'requests-1', title => 'request and answer, one kept connection', unit => 'µs', kind => 'Cpu',
			load => { mode => 'requests', connections => 1 }, target => 0.85, quick => 1, limits => ['echo'],
			if_missed => 'kernel 91 %, and 55 % of it all are two sleeps and two wake-ups of the other core, which each proxy has; of system calls there are six, which is the least (hitch: 13)' },
		{ name => 'bulk-down', title => 'bulk to the client, 64 KB buffers where they can be set', unit => 's/GB', kind => 'Cpu',
			load => { mode => 'down', connections => 4 }, conditions => { buffers => $BUFFERS }, target => 0.50, quick => 1,
			limits => [qw(relay echo)],
			if_missed => 'kernel 61 %, AES-GCM 36 %; the relay beside it has no TLS at all and reaches little more than the target; TLS in the kernel would, which this one has not' },
		{ name => 'bulk-up', title => 'bulk to the backend, 64 KB buffers where they can be set', unit => 's/GB', kind => 'Cpu',
			load => { mode => 'up', connections => 4 }, conditions => { buffers => $BUFFERS }, target => 0.65, quick => 1,
			limits => [qw(relay echo)],
			if_missed => 'kernel 64 % (send 36, recv 17, epoll_wait 10; 13 of it wakes the backend), AES-GCM 30 %: the relay beside it and AES-GCM alone together are at the target; clients that send record by record wake the worker for 16 to 64 KB at a time' },
		{ name => 'bulk-up-gathered', title => 'the same from clients that send 256 KB of records at once', unit => 's/GB', kind => 'Cpu',
			load => { mode => 'up', connections => 4, gather => 262_144 }, conditions => { buffers => $BUFFERS }, target => 0.65,
			limits => [qw(relay echo)],
			if_missed => 'as with records one by one: the relay beside it and AES-GCM alone together are at the target' },
		{ name => 'beside-bulk', title => 'p99 of requests beside bulk, divided by that without', unit => 'times', kind => 'Beside',
			rounds => 3,
			load => { mode => 'requests' }, needs => ['second'], conditions => { buffers => $BUFFERS }, target => 1.5, against => 'own',
			if_missed => 'without any proxy between, the p99 of the same requests beside the same bulk is 1 ms (p50 0.06 ms) on a machine whose one core serves both kinds of clients and both backends, and without bulk 0.7 to 2.4 ms; a core for each would tell' },
		{ name => 'churn-half-hello', title => 'client leaves by RST after half a ClientHello', unit => 'µs', kind => 'Cpu',
			load => { mode => 'churn', leave => 'half-hello', connections => 16 }, target => 0.95, quick => 1,
			if_missed => 'kernel 75 %, of which accept and close are most; the log line, which no peer writes, takes 11 %' },
		{ name => 'churn-handshake', title => 'client leaves by RST after the handshake', unit => 'µs', kind => 'Cpu',
			load => { mode => 'churn', leave => 'handshake', connections => 16 }, target => 0.85, quick => 1,
			if_missed => 'the server\'s flight, with its signature, is made before the client leaves, as in a full handshake; what would is said there' },
		{ name => 'refused', title => 'refused name', unit => 'µs', kind => 'Cpu', needs => ['strict'],
			load => { mode => 'refused', connections => 16, sni => 'nobody.example.test' }, conditions => { strict => 1 },
			target => 0.5, quick => 1,
			if_missed => 'going to sleep and waking, twice for a client, takes 30 %, close with alert and FIN 20 %, accept 13 %, the log line, which no peer writes, 5 %; TCP_DEFER_ACCEPT would wake the worker once (0.83 of this), but hide silent clients for a second' },
		{ name => 'idle-memory', title => 'memory of an idle connection, 9,800 held', unit => 'KB', kind => 'Idle',
			rounds => 2, peer_rounds => 1,
			load => { connections => 9800 }, target => 12, against => 'own', quick => 1,
			if_missed => 'a session of GnuTLS alone takes 10 KB; one that lets go of its handshake buffers would' },
		{ name => 'memory-after', title => 'memory above the start after 5,000 connections have closed', unit => '%', kind => 'After',
			rounds => 2, peer_rounds => 1,
			load => { connections => 5000 }, target => 10, against => 'own',
			if_missed => 'heap that is torn by what lives on; a larger share would go back by `malloc_trim` more often, at a cost (not measured)' },
		{ name => 'latency', title => 'p99 of full handshake + request at half load', unit => 'ms', kind => 'Latency',
			load => { @FULL }, target => 1.0,
			if_missed => 'clients and backend, on one core, are the longer queue: the medians of all proxies but stunnel are alike, and the p99 of one and the same varies by a factor of three from round to round; a machine for the clients would tell' },
	);
}

1;
