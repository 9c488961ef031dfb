# SPDX-License-Identifier: BSD-2-Clause
package Bench::Rows::Own;
# What tlsward's own parts and conditions cost, against tlsward without them.
use strict;
use warnings;
use utf8;

my @FULL = (mode => 'full', connections => 16, 'server-closes' => undef);

my $ADDS = 2;		# percent that the ledger may add, and watching may take

sub rows {
	return (
		{ name => 'ledger-full', title => 'writing the ledger, of a full handshake + request', unit => '%', kind => 'Share',
			concern => 'ledger', load => { @FULL }, only => ['tlsward'], rounds => 3, target => $ADDS, against => 'own',
			if_missed => 'which functions of the ledger it is, `bench/profile` tells' },
		{ name => 'ledger-requests', title => 'writing the ledger, of a request on 64 kept connections', unit => '%', kind => 'Share',
			concern => 'ledger', load => { mode => 'requests', connections => 64 }, only => ['tlsward'], rounds => 3,
			target => $ADDS, against => 'own',
			if_missed => 'which functions of the ledger it is, `bench/profile` tells' },
		{ name => 'policy', title => 'full handshake with a policy in Lua (a set of 100,000 names, deadlines by table), divided by that without',
			unit => 'times', kind => 'Ratio', load => { @FULL }, changed => { policy => 1 }, only => ['tlsward'], target => 1.05,
			against => 'own',
			if_missed => 'where the spread is larger than that, `policy-share` tells; the two calls take 2 µs by `bench/policy`' },
		{ name => 'policy-share', title => 'the calls of that policy, of a full handshake + request', unit => '%', kind => 'Share',
			concern => 'policy', load => { @FULL }, conditions => { policy => 1 }, only => ['tlsward'], rounds => 3, target => 5,
			against => 'own', if_missed => 'which functions it is, `bench/profile` tells' },
		{ name => 'watching', title => 'two workers that hold nothing, watched: all processes, of a core', unit => '%', kind => 'Watching',
			load => { mode => 'idle', connections => 0 }, conditions => { workers => 2 }, only => ['tlsward'], rounds => 2,
			target => $ADDS, against => 'own',
			if_missed => 'by which process is printed on the page of the run' },
		{ name => 'watching-held', title => 'two workers that hold 19,000 connections, watched: all processes, of a core', unit => '%',
			kind => 'Watching', load => { mode => 'idle', connections => 19_000 }, conditions => { workers => 2 },
			only => ['tlsward'], rounds => 2, target => $ADDS, against => 'own',
			if_missed => 'by which process is printed on the page of the run' },
		{ name => 'black-hole', title => 'p99 of full handshake + request while a missing certificate is fetched from where nobody answers, divided by that with a complete chain',
			unit => 'times', kind => 'BlackHole', load => { @FULL }, only => ['tlsward'], target => 1.1, against => 'own',
			if_missed => 'compare like divided by like, on the page of the run' },
		{ name => 'key-isolation', title => 'a signature in the keeper, divided by one by GnuTLS in the worker, ECDSA P-256',
			unit => 'times', kind => 'Isolation', concern => 'asking', load => { @FULL }, only => ['tlsward'], rounds => 3,
			target => 1.0, against => 'own',
			if_missed => 'asking takes two changes between processes; shared memory and futex would save 3 to 5 µs of them' },
		{ name => 'key-isolation-rsa', title => 'the same, RSA-2048', unit => 'times', kind => 'Isolation',
			concern => 'asking', load => { @FULL }, conditions => { key => 'rsa' }, only => ['tlsward'], rounds => 3,
			target => 1.0, against => 'own',
			if_missed => 'asking takes two changes between processes; shared memory and futex would save 3 to 5 µs of them' },
		{ name => 'requests-9800', title => 'request on one of 9,800 kept connections, divided by that of 100', unit => 'times',
			kind => 'Ratio', load => { mode => 'requests', connections => 100, active => 64 },
			changed => { load => { connections => 9800 } }, only => ['tlsward'], target => 1.3, against => 'own',
			if_missed => 'of 6.2 µs that a request takes longer, 4.6 are in the kernel, in the same six system calls, 0.9 in GnuTLS, 0.5 in the worker: the state of two sockets and a session has fallen out of the caches between two requests' },
		{ name => 'two-workers', title => 'full handshake with two workers, divided by that with one', unit => 'times',
			kind => 'Ratio', load => { @FULL }, changed => { workers => 2, shared_core => 1 }, only => ['tlsward'], target => 1.1, against => 'own',
			if_missed => 'both wake for each new connection, 2.3 switches for a handshake instead of 1.7, and each finds the caches of the core filled by the other; to wake one only (EPOLLEXCLUSIVE) would let one that stands still keep new connections waiting' },
		{ name => 'two-workers-bulk', title => 'bulk to the client with two workers, divided by that with one', unit => 'times',
			kind => 'Ratio', per => 's/GB', load => { mode => 'down', connections => 4 }, changed => { workers => 2, shared_core => 1 },
			only => ['tlsward'], target => 1.1, against => 'own',
			if_missed => 'as with handshakes' },
	);
}

1;
