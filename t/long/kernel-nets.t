#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# The kernel's nets: keep-alive finds peers that vanished while idle within a
# minute; TCP_USER_TIMEOUT ends connections of a worker that does not run, and
# they are counted under the deadline that it stands for.
use strict;
use warnings;
use Test::More;

use TLSward::Network qw(network_or_skip);
BEGIN { network_or_skip() }

use Time::HiRes qw(sleep time);
use TLSward qw(wait_for slow log_time run_command unwatched);
use TLSward::Backend;
use TLSward::Client qw(tls_connect http_get read_all read_some canary);

my ($progress, $closed_window) = (3, 4);
my $host = 'one.example.test';
my $net = TLSward::Network->new;
my %backend = (
	http => TLSward::Backend->new('http'),
	lines => TLSward::Backend->new('trickle', every => 0.2),
	large => TLSward::Backend->new('source', size => 100_000_000),
	away => $net->over_there(sub { TLSward::Backend->new('http', address => $net->{theirs}) }),
);
my @names = sort keys %backend;
my $conf = sub {
	my ($name, %timeouts) = @_;
	return TLSward->new(name => $name, hosts => [$host],
		listeners => [ map { +{ name => $_, address => $net->{ours}, backend => $_ } } @names ],
		backends => [ map { +{ name => $_, servers => [ $backend{$_}->server ] } } @names ],
		# A worker that stands still must not be replaced here.
		conf => { workers => 1, timeouts => \%timeouts, watch => unwatched() })->start;
};
my $t = $conf->('tlsward');
my $stopped = $conf->('stopped', progress => $progress, closed_window => $closed_window);
my $canary = canary($t->via('http'));

# ---- idle, and gone
my $client = $net->over_there(sub { tls_connect($t, listener => 'http', sni => $host) });
ok http_get($client, $host, '/'), 'a client of the other side';
my $mine = tls_connect($t, listener => 'away', sni => $host);
ok http_get($mine, $host, '/'), 'a backend of the other side';

# ---- bytes wait, and nobody looks
my $silent = $net->over_there(sub { tls_connect($stopped, listener => 'lines', sni => $host) });
my $stuck = $net->over_there(sub { tls_connect($stopped, listener => 'large', sni => $host, receive_buffer => 8192) });
read_some($silent);
wait_for(sub { (grep { ($_->{deadline} // '') eq 'closed_window' } @{ $stopped->ctl_json('connections')->{connections} })[0] }, 5, 'a closed window');
$net->silence($client->sockport, $backend{away}{port}, $silent->sockport);
my $began = time;
my ($worker) = $stopped->pids('worker');
sleep 1;	# The next lines are found waiting, long before progress ends it.
kill STOP => $worker;
sub established {
	my ($s) = @_;
	my ($status, $out) = run_command(qw(ss -Htn state established dst), "$net->{theirs}:" . $s->sockport);
	return $out =~ /\S/;
}
ok established($silent) && established($stuck), 'while their worker stands still, the kernel has the connections';
for my $case ([ silent => $silent ], [ stuck => $stuck ]) {
	my ($what, $s) = @$case;
	wait_for(sub { !established($s) }, 1.25 * ($closed_window + 5) + 15, "the end of the $what one");
	my $took = time - $began;
	cmp_ok $took, '>=', $closed_window, "$what: until the net has it: $took s";
}
kill CONT => $worker;
is $stopped->wait_log({ msg => 'connection ended', listener => 'lines' }, 5)->{end}, 'progress_deadline',
	'silent: counted under progress';
is $stopped->wait_log({ msg => 'connection ended', listener => 'large' }, 5)->{end}, 'closed_window_deadline',
	'stuck: counted under closed_window';
is $stopped->stop, 0, 'it ends in order';

for my $case ([ http => 'client_timed_out' ], [ away => 'backend_timed_out' ]) {
	my ($listener, $end) = @$case;
	my $line = $t->wait_log({ msg => 'connection ended', listener => $listener, end => qr/timed_out/ }, 90);
	my $took = log_time($line) - $began;
	is $line->{end}, $end, "$end: who vanished while idle is found by keep-alive";
	cmp_ok $took, '<=', 1.25 * 60 + slow(), "$end: within a minute: $took s";
}
my (undef, $how) = read_all($mine, 5);
is $how, 'error', 'the client of such a backend hears that it is no goodbye';
$canary->unharmed;
is $t->stop, 0, 'it ends in order';
done_testing;
