#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# Whoever burns CPU time for nothing is found within its window: a worker in C,
# and in a script, of which the ledger names the line. A spin on one connection
# ends that connection, and its worker is kept. Service goes on.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);

use TLSward qw(wait_for slow);
use TLSward::Backend;
use TLSward::Certs;
use TLSward::Client qw(tls_connect tcp_connect send_all client_hello http_get canary);
use TLSward::Faults qw(need_faults fault steps quick_watch);

need_faults();
my $host = 'one.example.test';
my $backend = TLSward::Backend->new('http');
my $t = TLSward->new(hosts => [ $host, 'loop.example.test' ], backends => [ { servers => [ $backend->server ] } ],
	conf => { watch => { %{ quick_watch() }, stall => { after => 8 } }, timeouts => { drain => 2 },
		policy => { scripts => 'policy.d', budget_ms => 60000 } });
mkdir $t->in_directory('policy.d');
TLSward::Certs::write_file($t->in_directory('policy.d/loop.lua'), <<'END');
local n = 0
return { name = "loop", api = 1,
  allow = function(hello)
    if hello.sni == "loop.example.test" then
      while true do
        n = n + 1
      end
    end
  end,
}
END
$t->start;

sub works { my $s = tls_connect($t, sni => $host, timeout => 3); return $s && http_get($s, $host, '/', 3) }
sub found {
	my ($pid, $mark) = @_;
	return $t->wait_log({ msg => 'a process is sick', child => $pid, verdict => 'cpu_spin' }, 8, $mark);
}

# ---- in C
my $canary = canary($t, sni => $host);
my $mark = $t->mark;
my $pid = fault($t, role => 'worker', worker => 1, kind => 'spin');
like found($pid, $mark)->{numbers}, qr/cpu=\d+% /, 'a spin in C is found';
$t->wait_log({ msg => 'a sick process is gone', child => $pid }, 10, $mark);
# Its successor may be ready before anybody can say that it does not turn its loop.
my @steps = grep { !/drains, and is ended/ } steps($t, $pid, $mark);
is_deeply \@steps, [ 'a process is sick',
	'a sick worker that does not turn its loop cannot drain: it is told to end, then killed', 'a sick process is gone' ],
	'its place is taken, and it is killed';
ok works(), 'new connections are served';
my $r = $canary->stop;
cmp_ok $r->{failed}, '<=', 2, "of $r->{tried} connections hardly one was its own" or diag explain $r->{errors};

# ---- in a script
$mark = $t->mark;
my $s = tcp_connect($t);
send_all($s, client_hello(sni => 'loop.example.test'));
# Before it is found, and its place taken.
my $w = wait_for(sub { (grep { ($_->{doing_script} // '') =~ /^loop\.lua:[567]$/ } @{ $t->ctl_json('workers')->{workers} })[0] }, 5, 'the line of the loop');
pass "the ledger names script and line: $w->{doing_script}";
found($w->{pid}, $mark);
pass 'a spin in a script is found';
$t->wait_log({ msg => 'a sick process is gone', child => $w->{pid} }, 10, $mark);
ok works(), 'new connections are served';
$s->close;

# ---- on one connection
my $open = tls_connect($t, sni => $host);
http_get($open, $host, '/');
my ($c) = grep { $_->{peer} =~ /:\Q@{[ $open->sockport ]}\E$/ } @{ $t->ctl_json('connections')->{connections} };
$mark = $t->mark;
$pid = fault($t, role => 'worker', worker => $c->{worker}, kind => 'spin_connection', connection => $c->{id});
my $end = $t->wait_log({ msg => 'connection ended', id => $c->{id} }, 5, $mark);
like $end->{end}, qr/spurious/, 'a connection that wakes for nothing is ended';
ok !$t->find_log({ msg => 'a process is sick', child => $pid }, $mark), 'and its worker kept';
$open->close;
ok works(), 'new connections are served';

is $t->stop, 0, 'it ends in order';
done_testing;
