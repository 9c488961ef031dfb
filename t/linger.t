#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# A client whose TCP falls silent after its goodbye, in a network of the test's
# own: the last bytes are not acknowledged, and linger ends the connection.
use strict;
use warnings;
use Test::More;

use TLSward::Network qw(network_or_skip);
BEGIN { network_or_skip() }

use File::Temp ();
use IO::Select;
use IPC::Open2 qw(open2);

use TLSward qw(wait_for slow);
use TLSward::Backend;
use TLSward::Certs;

my $host = 'one.example.test';
my $net = TLSward::Network->new;
my $linger = 1;

my $go = File::Temp::tempdir(CLEANUP => 1) . '/go';
my $backend = TLSward::Backend->new(sub {
	my ($s) = @_;
	TLSward::Backend::send_all($s, "first\n");
	wait_for(sub { -e $go }, 30, 'the word');
	return { sent => TLSward::Backend::send_all($s, "last\n") };
});
my $t = TLSward->new(hosts => [$host], listeners => [ { address => $net->{ours} } ], backends => [ { servers => [ $backend->server ] } ],
	conf => { timeouts => { linger => $linger } })->start;

my $client = open2(my $out, my $in, 'sh', '-c', 'exec "$@" 2>/dev/null', 'sh', 'nsenter', "--net=/proc/$net->{pid}/ns/net", qw(openssl s_client -quiet -connect), "$net->{ours}:$t->{port}",
	'-servername', $host, '-CAfile', $t->{ca}, '-verify_quiet', '-no_ign_eof');
my @ready = IO::Select->new($out)->can_read(10 * slow());
is scalar @ready, 1, "a client of another network hears something";
is scalar(readline $out), "first\n", 'its first line';
close $in;
wait_for(sub { (grep { $_->{client_closed} } @{ $t->ctl_json('connections')->{connections} })[0] }, 5, 'its goodbye');
$net->silence;
TLSward::Certs::write_file($go, '');
my $closing = wait_for(sub { (grep { $_->{phase} eq 'closing' } @{ $t->ctl_json('connections')->{connections} })[0] }, 5, 'the phase closing');
is $closing->{deadline}, 'linger', 'when its TCP falls silent, linger runs';
my $line = $t->wait_log({ msg => 'connection ended' }, 10);
is $line->{end}, 'linger_deadline', 'and ends the connection';
cmp_ok $line->{closing_s}, '>=', $linger, 'not before its time';
cmp_ok $line->{closing_s}, '<=', 1.25 * $linger + slow(), 'and soon after';
is $t->ctl_json('status')->{gauges}{connections}, 0, 'nothing is left of it';
kill KILL => $client;
waitpid $client, 0;
is $t->stop, 0, 'it ends in order';
done_testing;
