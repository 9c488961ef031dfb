# SPDX-License-Identifier: BSD-2-Clause
package Bench::Rows;
# The rows of the table. Each: name, title, unit, kind (Bench::Kind::*), load
# (options of bench-load), conditions (of the proxies, see Bench::Proxy), needs
# (what a proxy must know to be asked), target, and what that is a bound of:
# against => peer (the ratio to the best peer) or own (tlsward's value itself).
# limits: which of relay and echo are shown beside.
use strict;
use warnings;
use utf8;

my @FULL = (mode => 'full', connections => 16, 'server-closes' => undef);
my @RESUMED = (mode => 'resumed', connections => 16, 'server-closes' => undef);
my $MANY = 20_000;
my $BUFFERS = 65_536;

my @rows = (
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
		load => { mode => 'requests' }, conditions => { buffers => $BUFFERS }, target => 1.5, against => 'own' },
	{ name => 'churn-half-hello', title => 'client leaves by RST after half a ClientHello', unit => 'µs', kind => 'Cpu',
		load => { mode => 'churn', leave => 'half-hello', connections => 16 }, target => 0.95, quick => 1 },
	{ name => 'churn-handshake', title => 'client leaves by RST after the handshake', unit => 'µs', kind => 'Cpu',
		load => { mode => 'churn', leave => 'handshake', connections => 16 }, target => 0.85, quick => 1 },
	{ name => 'refused', title => 'refused name', unit => 'µs', kind => 'Cpu', needs => ['strict'],
		load => { mode => 'refused', connections => 16, sni => 'nobody.example.test' }, conditions => { strict => 1 },
		target => 0.5, quick => 1 },
	{ name => 'idle-memory', title => 'memory of an idle connection, 9,800 held', unit => 'KB', kind => 'Idle',
		load => { connections => 9800 }, target => 12, against => 'own', quick => 1 },
	{ name => 'memory-after', title => 'memory above the start after 5,000 connections have closed', unit => '%', kind => 'After',
		load => { connections => 5000 }, target => 10, against => 'own' },
	{ name => 'latency', title => 'p99 of full handshake + request at half load', unit => 'ms', kind => 'Latency',
		load => { @FULL }, target => 1.0 },
	{ name => 'many-start', title => '20,000 certificates: start to first handshake with the last name, nothing cached',
		unit => 's', kind => 'Thousands', needs => ['thousands'], conditions => { names => $MANY }, rounds => 2,
		target => 2, against => 'own' },
	{ name => 'many-restart', title => '20,000 certificates: the same, started before', unit => 's', kind => 'Thousands',
		cached => 1, needs => ['thousands'], conditions => { names => $MANY }, rounds => 2, target => 0.2, against => 'own' },
	{ name => 'many-cost', title => 'full handshake at 20,000 certificates, divided by that at one', unit => 'times',
		kind => 'Ratio', load => { @FULL }, needs => ['thousands'], changed => { names => $MANY }, rounds => 3,
		target => 1.05, against => 'own' },
	{ name => 'many-memory', title => '20,000 certificates, 2 workers: memory of all processes', unit => 'MB',
		kind => 'Thousands', memory => 1, load => { mode => 'full', connections => 16 }, needs => ['thousands'],
		conditions => { names => $MANY, workers => 2 }, rounds => 2, target => 90, against => 'own' },
	{ name => 'requests-9800', title => 'request on one of 9,800 kept connections, divided by that of 100', unit => 'times',
		kind => 'Ratio', load => { mode => 'requests', connections => 100, active => 64 },
		changed => { load => { connections => 9800 } }, only => ['tlsward'], target => 1.3, against => 'own' },
	{ name => 'two-workers', title => 'full handshake with two workers, divided by that with one', unit => 'times',
		kind => 'Ratio', load => { @FULL }, changed => { workers => 2 }, only => ['tlsward'], target => 1.1, against => 'own' },
	{ name => 'two-workers-bulk', title => 'bulk to the client with two workers, divided by that with one', unit => 'times',
		kind => 'Ratio', per => 's/GB', load => { mode => 'down', connections => 4 }, changed => { workers => 2 },
		only => ['tlsward'], target => 1.1, against => 'own' },
);

sub all { return map { +{ against => 'peer', %$_ } } @rows }

1;
