#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# RLIMIT_NOFILE 256 and 400 clients: the workers fill up, say so, and rest; those
# that have a place are served, and when they leave, so are those that wait and
# whoever comes new. The log has a line for the begin and one for the end.
use strict;
use warnings;
use IO::Select;
use Test::More;
use Time::HiRes qw(sleep time);

use TLSward qw(wait_for slow);
use TLSward::Backend;
use TLSward::Certs;
use TLSward::Client qw(tls_connect tcp_connect http_get send_all client_hello canary);

my $host = 'one.example.test';
my $backend = TLSward::Backend->new('http');
my $t = TLSward->new(hosts => [$host], backends => [ { servers => [ $backend->server ] } ],
	conf => { timeouts => { hello => 60, handshake => 60 } });
$t->{wrapper} = [ 'prlimit', '--nofile=256:256' ];
$t->start;

sub served { my ($s) = @_; my $r = $s && http_get($s, $host, '/'); return $r && $r->{status} == 200 }
sub workers { return @{ $t->ctl_json('workers')->{workers} } }
# Of all its processes, in seconds.
sub cpu {
	my $sum = 0;
	$sum += (split / /, TLSward::Certs::slurp("/proc/$_/schedstat"))[0] / 1e9 for $t->{pid}, map { $_->{pid} } $t->processes;
	return $sum;
}

# Before the limit, a client that notices nothing.
my $canary = canary($t, every => 0.02);
my @served = map { tls_connect($t, sni => $host) } 1 .. 20;
is scalar(grep { served($_) } @served), 20, 'the first of 400 clients are served';
$canary->unharmed;
is_deeply [ map { $_->{at_limit} ? 1 : 0 } workers() ], [ 0, 0 ], 'no worker is at its limit';

my $hello = client_hello(sni => $host);
my @others = map { my $s = tcp_connect($t); send_all($s, $hello); $s } 1 .. 380;
wait_for(sub { !grep { !$_->{at_limit} } workers() }, 10, 'both workers are at their limit');
pass 'with 400 clients both workers are at their limit';
my ($line) = $t->find_log({ msg => 'starting' });
my $places = 2 * $line->{connections_per_worker};
is $t->ctl_json('status')->{gauges}{connections}, $places, "all $places places are taken";
is_deeply [ map { $_->{at_limit} ? 1 : 0 } @{ $t->ctl_json('status')->{workers} } ], [ 1, 1 ], 'status says so';
like +($t->ctl('workers'))[1], qr/\bat limit\b.*\bat limit\b/s, 'so does the table of the workers';
like +($t->ctl('metrics'))[1], qr/^tlsward_at_limit\{role="worker",worker="1"\} 1$/m, 'and a metric';

my ($began, $before) = (time, cpu());
sleep 2;	# what is measured is a share of time in which nobody asks anything
my $share = (cpu() - $before) / (time - $began);
cmp_ok $share, '<', 0.05 * slow(), sprintf 'all its processes together use %.1f %% of a core meanwhile', 100 * $share;
is scalar(grep { served($_) } @served), 20, 'connections that are open go on';
sub answered { return IO::Select->new(@_)->can_read(0) }
is scalar(() = answered(@others)), $places - 20, 'the rest waits in the queue';
is scalar(() = $t->find_log({ msg => qr/^accepting stops/ })), 2, 'the log has a line for each worker';

my %waits = map { $_ => $_ } @others;
$_->close for grep { delete $waits{$_} } answered(@others);
wait_for(sub { scalar(() = answered(values %waits)) == $places - 20 }, 5, 'those that waited');
pass 'when those that have a place leave, as many of those that wait are served';
$_->close for values %waits;
$began = time;
my $new = tls_connect($t, sni => $host);
ok served($new), 'when the others have left, a new client is served';
cmp_ok time - $began, '<', 2 * slow(), 'soon';

$canary = canary($t);
wait_for(sub { !grep { $_->{at_limit} } workers() }, 10, 'no worker is at its limit');
pass 'after a while no worker is at its limit any more';
my @over = $t->find_log({ msg => 'accepting goes on' });
is scalar @over, 2, 'which the log says, once for each';
cmp_ok $over[0]{at_limit_s}, '>', 1, 'with the time that it took';
is scalar(() = $t->find_log({ msg => qr/^accepting stops/ })), 2, 'and has no more to say of it';
is scalar(grep { served($_) } @served), 20, 'connections from before are still open';
$canary->unharmed;
$_->close for @served, $new;
is $t->stop, 0, 'it ends in order';
done_testing;
