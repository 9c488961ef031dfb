# SPDX-License-Identifier: BSD-2-Clause
package Bench::Rows::Own;
# What tlsward's own parts and conditions cost, against tlsward without them.
use strict;
use warnings;
use utf8;

my @FULL = (mode => 'full', connections => 16, 'server-closes' => undef);

sub rows {
	return (
		{ name => 'requests-9800', title => 'request on one of 9,800 kept connections, divided by that of 100', unit => 'times',
			kind => 'Ratio', load => { mode => 'requests', connections => 100, active => 64 },
			changed => { load => { connections => 9800 } }, only => ['tlsward'], target => 1.3, against => 'own' },
		{ name => 'two-workers', title => 'full handshake with two workers, divided by that with one', unit => 'times',
			kind => 'Ratio', load => { @FULL }, changed => { workers => 2 }, only => ['tlsward'], target => 1.1, against => 'own' },
		{ name => 'two-workers-bulk', title => 'bulk to the client with two workers, divided by that with one', unit => 'times',
			kind => 'Ratio', per => 's/GB', load => { mode => 'down', connections => 4 }, changed => { workers => 2 },
			only => ['tlsward'], target => 1.1, against => 'own' },
	);
}

1;
