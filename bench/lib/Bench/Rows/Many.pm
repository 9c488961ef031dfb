# SPDX-License-Identifier: BSD-2-Clause
package Bench::Rows::Many;
# 20,000 certificates, and fewer, beside the peers that can.
use strict;
use warnings;
use utf8;

my @FULL = (mode => 'full', connections => 16, 'server-closes' => undef);
my $MANY = 20_000;

# The same with fewer; what holds for many holds for them.
sub fewer {
	my ($n, $title) = @_;
	my %same = (unit => 's', kind => 'Thousands', needs => ['thousands'], conditions => { names => $n }, rounds => 3, peer_rounds => 1,
		against => 'own', if_missed => 'not looked into: with fewer certificates it was never near');
	return (
		{ %same, name => "fewer-start-$n", title => "$title: start to first handshake, nothing cached", target => 2 },
		{ %same, name => "fewer-restart-$n", title => "$title: the same, started before", cached => 1, only => ['tlsward'], target => 0.2 },
		{ %same, name => "fewer-memory-$n", title => "$title, 2 workers: memory of all processes", unit => 'MB', memory => 1,
			load => { mode => 'full', connections => 16 }, conditions => { names => $n, workers => 2 }, target => 90 },
	);
}

sub rows {
	return (
		{ name => 'many-start', title => '20,000 certificates: start to first handshake with the last name, nothing cached',
			unit => 's', kind => 'Thousands', needs => ['thousands'], conditions => { names => $MANY }, rounds => 3, peer_rounds => 1,
			target => 2, against => 'own',
			if_missed => 'GnuTLS needs 26 µs to import a certificate, and as long again for its names, extensions and chain; keys need 9 µs; all is done on one core' },
		{ name => 'many-restart', title => '20,000 certificates: the same, started before', unit => 's', kind => 'Thousands',
			cached => 1, only => ['tlsward'], conditions => { names => $MANY }, rounds => 3, target => 0.2, against => 'own',
			if_missed => 'every file is opened, and every key is read, before a handshake could wait for it: 0.13 s of one core; the rest is passing on descriptors, the catalog being checked by each of its readers (0.07 s), and the start of the processes (0.05 s)' },
		{ name => 'many-restart-two', title => '20,000 certificates: the same on two cores, 2 workers', unit => 's', kind => 'Thousands',
			cached => 1, only => ['tlsward'], conditions => { names => $MANY, workers => 2 }, rounds => 3, target => 0.2, against => 'own',
			if_missed => 'as on one; of single starts some take 0.18 s, some 0.25' },
		{ name => 'many-cost', title => 'full handshake at 20,000 certificates, divided by that at one', unit => 'times',
			kind => 'Ratio', load => { @FULL }, needs => ['thousands'], changed => { names => $MANY }, rounds => 3,
			target => 1.05, against => 'own',
			if_missed => 'a name that is asked for once in 20,000 has its objects made: a public key 3 µs, a private one 13 µs, its context 3 µs; the rest is memory that no cache of the processor holds' },
		{ name => 'many-memory', title => '20,000 certificates, 2 workers: memory of all processes', unit => 'MB',
			kind => 'Thousands', memory => 1, load => { mode => 'full', connections => 16 }, needs => ['thousands'],
			conditions => { names => $MANY, workers => 2 }, rounds => 3, peer_rounds => 1, target => 90, against => 'own',
			if_missed => 'not looked into' },
		fewer(1, 'one certificate'), fewer(1000, '1,000 certificates'),
	);
}

1;
