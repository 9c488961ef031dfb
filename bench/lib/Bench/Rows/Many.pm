# SPDX-License-Identifier: BSD-2-Clause
package Bench::Rows::Many;
# 20,000 certificates, beside the peers that can.
use strict;
use warnings;
use utf8;

my @FULL = (mode => 'full', connections => 16, 'server-closes' => undef);
my $MANY = 20_000;

sub rows {
	return (
		{ name => 'many-start', title => '20,000 certificates: start to first handshake with the last name, nothing cached',
			unit => 's', kind => 'Thousands', needs => ['thousands'], conditions => { names => $MANY }, rounds => 3, peer_rounds => 1,
			target => 2, against => 'own',
			if_missed => 'keys and certificates are parsed and checked, by one process each; a second one on another core would' },
		{ name => 'many-restart', title => '20,000 certificates: the same, started before', unit => 's', kind => 'Thousands',
			cached => 1, only => ['tlsward'], conditions => { names => $MANY }, rounds => 3, target => 0.2, against => 'own',
			if_missed => 'every file is looked at, to see whether it has changed' },
		{ name => 'many-cost', title => 'full handshake at 20,000 certificates, divided by that at one', unit => 'times',
			kind => 'Ratio', load => { @FULL }, needs => ['thousands'], changed => { names => $MANY }, rounds => 3,
			target => 1.05, against => 'own',
			if_missed => 'the record of a certificate and its key are not in the caches when a name is asked for once in 20,000' },
		{ name => 'many-memory', title => '20,000 certificates, 2 workers: memory of all processes', unit => 'MB',
			kind => 'Thousands', memory => 1, load => { mode => 'full', connections => 16 }, needs => ['thousands'],
			conditions => { names => $MANY, workers => 2 }, rounds => 3, peer_rounds => 1, target => 90, against => 'own',
			if_missed => 'not looked into' },
	);
}

1;
