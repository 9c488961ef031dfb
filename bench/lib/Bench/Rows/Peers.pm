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
			load => { @FULL }, target => 0.70, quick => 1, limits => ['echo'] },
		{ name => 'full-rsa-1.3', title => 'full handshake + request, TLS 1.3, RSA-2048', unit => 'µs', kind => 'Cpu',
			load => { @FULL }, conditions => { key => 'rsa' }, target => 0.90, quick => 1, limits => ['echo'] },
		{ name => 'full-ecdsa-1.2', title => 'full handshake + request, TLS 1.2, ECDSA P-256', unit => 'µs', kind => 'Cpu',
			load => { @FULL, tls => '1.2' }, target => 0.80, quick => 1, limits => ['echo'] },
		{ name => 'resumed-1.3', title => 'resumed handshake + request, TLS 1.3', unit => 'µs', kind => 'Cpu',
			load => { @RESUMED }, target => 0.80, quick => 1, limits => ['echo'] },
		{ name => 'resumed-1.2', title => 'resumed handshake + request, TLS 1.2', unit => 'µs', kind => 'Cpu',
			load => { @RESUMED, tls => '1.2' }, target => 0.80, quick => 1, limits => ['echo'] },
		{ name => 'requests-64', title => 'request (64 B) and answer (1 KB), 64 kept connections', unit => 'µs', kind => 'Cpu',
			load => { mode => 'requests', connections => 64 }, target => 0.95, quick => 1, limits => ['echo'] },
		{ name => 'requests-1', title => 'request and answer, one kept connection', unit => 'µs', kind => 'Cpu',
			load => { mode => 'requests', connections => 1 }, target => 0.85, quick => 1, limits => ['echo'] },
		{ name => 'bulk-down', title => 'bulk to the client, 64 KB buffers where they can be set', unit => 's/GB', kind => 'Cpu',
			load => { mode => 'down', connections => 4 }, conditions => { buffers => $BUFFERS }, target => 0.50, quick => 1,
			limits => [qw(relay echo)] },
		{ name => 'bulk-up', title => 'bulk to the backend, 64 KB buffers where they can be set', unit => 's/GB', kind => 'Cpu',
			load => { mode => 'up', connections => 4 }, conditions => { buffers => $BUFFERS }, target => 0.65, quick => 1,
			limits => [qw(relay echo)] },
		{ name => 'beside-bulk', title => 'p99 of requests beside bulk, divided by that without', unit => 'times', kind => 'Beside',
			rounds => 3,
			load => { mode => 'requests' }, conditions => { buffers => $BUFFERS }, target => 1.5, against => 'own' },
		{ name => 'churn-half-hello', title => 'client leaves by RST after half a ClientHello', unit => 'µs', kind => 'Cpu',
			load => { mode => 'churn', leave => 'half-hello', connections => 16 }, target => 0.95, quick => 1 },
		{ name => 'churn-handshake', title => 'client leaves by RST after the handshake', unit => 'µs', kind => 'Cpu',
			load => { mode => 'churn', leave => 'handshake', connections => 16 }, target => 0.85, quick => 1 },
		{ name => 'refused', title => 'refused name', unit => 'µs', kind => 'Cpu', needs => ['strict'],
			load => { mode => 'refused', connections => 16, sni => 'nobody.example.test' }, conditions => { strict => 1 },
			target => 0.5, quick => 1 },
		{ name => 'idle-memory', title => 'memory of an idle connection, 9,800 held', unit => 'KB', kind => 'Idle',
			rounds => 3, peer_rounds => 1,
			load => { connections => 9800 }, target => 12, against => 'own', quick => 1 },
		{ name => 'memory-after', title => 'memory above the start after 5,000 connections have closed', unit => '%', kind => 'After',
			rounds => 3, peer_rounds => 1,
			load => { connections => 5000 }, target => 10, against => 'own' },
		{ name => 'latency', title => 'p99 of full handshake + request at half load', unit => 'ms', kind => 'Latency',
			load => { @FULL }, target => 1.0 },
	);
}

1;
