#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# The drain deadline holds also for a connection that only waits for its client
# to take the rest, and is then the reason of its end.
use strict;
use warnings;
use Test::More;

use TLSward qw(wait_for);
use TLSward::Backend;
use TLSward::Client qw(tls_connect close_notify);

my $host = 'one.example.test';
my $backend = TLSward::Backend->new('source', size => 100_000);
my $t = TLSward->new(hosts => [$host], backends => [ { servers => [ $backend->server ] } ],
	conf => { workers => 1, timeouts => { drain => 1 } })->start;

my $s = tls_connect($t, sni => $host, receive_buffer => 4096);
close_notify($s);
# After so long it is looked at every few seconds only.
my ($c) = wait_for(sub { [ grep { $_->{phase} eq 'closing' && $_->{phase_ms} > 2500 } @{ $t->ctl_json('connections')->{connections} } ]->[0] }, 10,
	'all is sent, and that is a while ago');
is $c->{deadline}, 'closed_window', 'the ledger says which deadline runs';
is $t->stop, 0, 'it ends in order';
is $t->find_log({ msg => 'connection ended' })->{end}, 'drain_deadline', 'the connection ends by the drain deadline';
ok !$t->find_log({ msg => qr/has not drained in time/ }), 'the worker keeps it by itself';
done_testing;
