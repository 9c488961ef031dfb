#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# 9,000 idle connections on two workers: at rest all of tlsward uses next to no
# CPU; they are listed, filtered and followed without a stall of the supervisor;
# those who come new are served; and when all have left, nothing stays behind.
use strict;
use warnings;
use JSON::PP ();
use Test::More;
use Time::HiRes qw(sleep time);

use TLSward qw(wait_for address);
use TLSward::Backend;
use TLSward::Bench qw(backend load_start);
use TLSward::Certs;
use TLSward::Client qw(canary);
use TLSward::Control qw(control);

my $N = 9000;
my $host = 'one.example.test';
my $hold = backend();
my $web = TLSward::Backend->new('http');
my $t = TLSward->new(hosts => [$host], listeners => [ {}, { name => 'web', backend => 'web' } ],
	backends => [ { servers => [ $hold->server ] }, { name => 'web', servers => [ $web->server ] } ],
	conf => { workers => 2, timeouts => { idle => 3600 } })->start;

my @processes = ({ pid => $t->{pid}, name => 'tlsward' }, $t->processes);
sub slurp { return TLSward::Certs::slurp("/proc/$_[0]") }
# Seconds of CPU of all its processes, by name.
sub cpu { return map { $_->{name} => (split / /, slurp("$_->{pid}/schedstat"))[0] / 1e9 } @processes }
sub memory_kb { my $sum = 0; slurp("$_/status") =~ /^RssAnon:\s+(\d+) kB/m and $sum += $1 for $t->pids('worker'); return $sum }
sub descriptors { return map { scalar(() = glob "/proc/$_/fd/*") } $t->pids('worker') }

my @descriptors = descriptors();
my $memory = memory_kb();
my $load = load_start('idle', to => "$t->{address}:$t->{port}", sni => $host, ca => $t->{ca},
	connections => $N, sources => 30, seconds => 1);
my $began = time;
$load->ready;
my $took = time - $began;
wait_for(sub { ($t->ctl_json('status')->{phases}{relay} // 0) == $N }, 10, 'all relay');
pass sprintf '9,000 connections are open after %.1f s', $took;
my $grown = memory_kb() - $memory;
cmp_ok $grown / $N, '<', 30, sprintf 'each costs the workers %.1f KiB', $grown / $N;

# ---- at rest
my %before = cpu();
sleep 10;
my %after = cpu();
my $sum = 0;
$sum += $after{$_} - $before{$_} for keys %after;
cmp_ok $sum / 10, '<', 0.02, sprintf 'at rest all processes together use %.2f %% of a core: %s', 10 * $sum,
	join ', ', map { sprintf '%s %.2f', $_, 10 * ($after{$_} - $before{$_}) } sort keys %after;

# ---- listed, filtered, followed
my $canary = canary($t->via('web'));
my $control = TLSward::Control->new($t);
$control->no_stall('listing all, 5 times', sub {
	for (1 .. 5) {
		my $list = $t->ctl_json('connections', '--limit', 100000, '--listener', 'https')->{connections};
		my %ids = map { $_->{id} => 1 } @$list;
		is keys %ids, $N, 'all are listed, each once' if $_ == 1;
	}
});
$control->no_stall('filtering, 5 times', sub {
	for (1 .. 5) {
		my $list = $t->ctl_json('connections', '--peer', '127.1.0.1/32', '--limit', 100000)->{connections};
		is scalar @$list, $N / 30, 'those of one address' if $_ == 1;
		is $t->ctl_json('host', $host)->{connections} >= $N, 1, 'and those of the name are counted' if $_ == 1;
		is_deeply $t->ctl_json('connections', '--sni', 'none.example.test')->{connections}, [], 'and none of a name that nobody has' if $_ == 1;
	}
});
$control->no_stall('metrics, 20 times', sub { ($t->ctl('metrics'))[0] == 0 || fail('metrics') for 1 .. 20 });
$control->no_stall('20 followers while 300 connections are closed', sub {
	my @followers = map { my $f = control($t); syswrite $f, qq({"jsonrpc":"2.0","id":1,"method":"events"}\n); <$f>; $f } 1 .. 20;
	my @ids = map { $_->{id} } @{ $t->ctl_json('connections', '--limit', 300, '--listener', 'https')->{connections} };
	my $s = control($t);
	my $closed = 0;
	for my $id (@ids) {
		syswrite $s, qq({"jsonrpc":"2.0","id":1,"method":"close","params":{"id":$id}}\n);
		$closed++ if JSON::PP->new->decode(scalar <$s>)->{result};
	}
	is $closed, 300, 'each is found and closed';
});
my $r = $canary->stop;
cmp_ok $r->{tried}, '>', 20, 'others used the service meanwhile';
is $r->{failed}, 0, sprintf('and noticed nothing; the slowest took %.2f s', $r->{slowest}) or diag explain $r->{errors};

# ---- all leave
$load->go;
$load->end;
wait_for(sub { $t->ctl_json('status')->{gauges}{connections} == 0 }, 30, 'the last connection is gone');
my @now;
eval { wait_for(sub { "@{[ @now = descriptors() ]}" eq "@descriptors" }, 5, 'the same descriptors') };
is_deeply \@now, \@descriptors, 'every descriptor is back';
wait_for(sub { memory_kb() < $memory + 0.2 * $grown }, 10, 'memory comes back');
pass sprintf 'memory of the workers: %d kB before, %d with all, %d afterwards', $memory, $memory + $grown, memory_kb();
is $t->stop, 0, 'it ends in order';
done_testing;
