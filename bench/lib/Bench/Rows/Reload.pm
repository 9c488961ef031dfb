# SPDX-License-Identifier: BSD-2-Clause
package Bench::Rows::Reload;
# A reload that changes one of 20,000 certificates, and of fewer.
use strict;
use warnings;
use utf8;

my $MANY = 20_000;

sub rows {
	return (
		{ name => 'many-reload', title => '20,000 certificates: a reload that changes one, until it is served', unit => 's',
			kind => 'Reload', needs => [qw(thousands reloads)], conditions => { names => $MANY, workers => 2 },
			peer_rounds => 1, target => 0.15, against => 'own',
			if_missed => 'every file is looked at, to see which one has changed; to be told by inotify would' },
		{ name => 'many-reload-memory', title => '20,000 certificates: memory during that reload, divided by that before',
			unit => 'times', kind => 'Reload', memory => 1, needs => [qw(thousands reloads)],
			conditions => { names => $MANY, workers => 2 }, peer_rounds => 1, target => 1.1, against => 'own',
			if_missed => 'what is new is made ready beside what is in force' },
		map { { name => "fewer-reload-$_->[0]", title => "$_->[1]: a reload that changes one, until it is served", unit => 's',
			kind => 'Reload', needs => [qw(thousands reloads)], conditions => { names => $_->[0], workers => 2 },
			peer_rounds => 1, target => 0.15, against => 'own',
			if_missed => 'not looked into: with fewer certificates it was never near' } } ([ 1, 'one certificate' ], [ 1000, '1,000 certificates' ]),
	);
}

1;
