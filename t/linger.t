#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# A client whose TCP falls silent after its goodbye, in a network of the test's
# own: the last bytes are not acknowledged, and linger ends the connection.
use strict;
use warnings;
use Test::More;

BEGIN {
	if (!$ENV{TLSWARD_NETWORK}) {
		plan skip_all => 'NOT TESTED: needs root, network namespaces and nft'
			if $> != 0 || system('unshare -n nft list ruleset >/dev/null 2>&1') != 0;
		$ENV{TLSWARD_NETWORK} = 1;
		exec 'unshare', '-n', $^X, $0;
	}
}

use File::Temp ();
use IO::Select;
use IPC::Open2 qw(open2);

use TLSward qw(wait_for slow);
use TLSward::Backend;
use TLSward::Certs;

my $host = 'one.example.test';
my ($ours, $theirs) = qw(10.91.0.1 10.91.0.2);
my $linger = 1;

# The client's network: a process that holds it until its end of the pipe is closed.
pipe my $life, my $hold or die "pipe: $!";
my $pid = fork // die "fork: $!";
if (!$pid) {
	close $hold;
	open STDIN, '<&', $life;
	exec 'unshare', '-n', 'cat';
}
close $life;
wait_for(sub { (readlink("/proc/$pid/ns/net") // '') ne readlink('/proc/self/ns/net') }, 5, 'a network of its own');
sub here { system(@_) == 0 or die "@_ failed\n"; return }
sub there { return here('nsenter', '-t', $pid, '-n', @_) }
here(qw(ip link set lo up));
here(qw(ip link add here type veth peer name there netns), $pid);
here(qw(ip addr add), "$ours/24", qw(dev here));
here(qw(ip link set here up));
there(qw(ip addr add), "$theirs/24", qw(dev there));
there(qw(ip link set there up));

my $go = File::Temp::tempdir(CLEANUP => 1) . '/go';
my $backend = TLSward::Backend->new(sub {
	my ($s) = @_;
	TLSward::Backend::send_all($s, "first\n");
	wait_for(sub { -e $go }, 30, 'the word');
	return { sent => TLSward::Backend::send_all($s, "last\n") };
});
my $t = TLSward->new(hosts => [$host], listeners => [ { address => $ours } ], backends => [ { servers => [ $backend->server ] } ],
	conf => { timeouts => { linger => $linger } })->start;

my $client = open2(my $out, my $in, 'sh', '-c', 'exec "$@" 2>/dev/null', 'sh', 'nsenter', '-t', $pid, '-n', qw(openssl s_client -quiet -connect), "$ours:$t->{port}",
	'-servername', $host, '-CAfile', $t->{ca}, '-verify_quiet', '-no_ign_eof');
my @ready = IO::Select->new($out)->can_read(10 * slow());
is scalar @ready, 1, "a client of another network hears something";
is scalar(readline $out), "first\n", 'its first line';
close $in;
wait_for(sub { (grep { $_->{client_closed} } @{ $t->ctl_json('connections')->{connections} })[0] }, 5, 'its goodbye');
there('nft', 'add table ip silent; add chain ip silent in { type filter hook input priority 0; policy drop; }');
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
kill TERM => $pid;
waitpid $pid, 0;
done_testing;
