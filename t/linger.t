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

use TLSward qw(wait_for slow pace);
use TLSward::Backend;
use TLSward::Certs;
use TLSward::Client qw(canary);

my $host = 'one.example.test';
my $net = TLSward::Network->new;
my $linger = 2 * pace();

my $go = File::Temp::tempdir(CLEANUP => 1) . '/go';
my $backend = TLSward::Backend->new(sub {
	my ($s) = @_;
	TLSward::Backend::send_all($s, "first\n");
	wait_for(sub { -e $go }, 30, 'the word');
	return { sent => TLSward::Backend::send_all($s, "last\n") };
});
my $http = TLSward::Backend->new('http');
my $t = TLSward->new(hosts => [$host], listeners => [ { address => $net->{ours} }, { name => 'canary', backend => 'http' } ],
	backends => [ { servers => [ $backend->server ] }, { name => 'http', servers => [ $http->server ] } ],
	conf => { timeouts => { linger => $linger } })->start;
my $canary = canary($t->via('canary'));
sub connections { return @{ $t->ctl_json('connections', '--listener', 'https')->{connections} } }

my $client = open2(my $out, my $in, 'sh', '-c', 'exec "$@" 2>/dev/null', 'sh', 'nsenter', "--net=/proc/$net->{pid}/ns/net", qw(openssl s_client -quiet -connect), "$net->{ours}:$t->{port}",
	'-servername', $host, '-CAfile', $t->{ca}, '-verify_quiet', '-no_ign_eof');
my @ready = IO::Select->new($out)->can_read(10 * slow());
is scalar @ready, 1, "a client of another network hears something";
is scalar(readline $out), "first\n", 'its first line';
close $in;
wait_for(sub { (grep { $_->{client_closed} } connections())[0] }, 5, 'its goodbye');
$net->silence;
TLSward::Certs::write_file($go, '');
my $closing = wait_for(sub { (grep { $_->{phase} eq 'closing' } connections())[0] }, 5, 'the phase closing');
is $closing->{deadline}, 'linger', 'when its TCP falls silent, linger runs';
my $line = $t->wait_log({ msg => 'connection ended', listener => 'https' }, 10);
is $line->{end}, 'linger_deadline', 'and ends the connection';
cmp_ok $line->{closing_s}, '>=', $linger, 'not before its time';
cmp_ok $line->{closing_s}, '<=', 1.25 * $linger + slow(), 'and soon after';
wait_for(sub { !connections() }, 5, 'nothing is left of it');
pass 'nothing is left of it';
$canary->unharmed;
kill KILL => $client;
waitpid $client, 0;
is $t->stop, 0, 'it ends in order';
done_testing;
