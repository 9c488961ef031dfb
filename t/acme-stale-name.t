#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# The name nobody removed: it is listed, and its challenge can never succeed,
# because others answer for it. Whatever the number of clients, there is one
# order at a time and as many as the back-off allows; nobody waits for it who
# was not told to, and those who were are few; other names notice nothing. Off
# the list, it is refused at once and never ordered again.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(time);

use TLSward qw(wait_for free_port slow pace);
use TLSward::Acme qw(can_order);
use TLSward::Backend;
use TLSward::Client qw(tcp_connect client_hello read_some send_all send_reset alert_in canary);

my $why = can_order();
plan skip_all => $why if $why;

my $CLIENTS = 500;
my $HELD = 20;
my $backend = TLSward::Backend->new('http');
my $t = TLSward->new(
	hosts => ['one.example.test'], backends => [ { servers => [ $backend->server ] } ],
	conf => { workers => 1, limits => { holds => 100, holds_per_name => $HELD }, policy => { scripts => 'policy.d' },
		timeouts => { handshake => 100 } },
);
my $folder = $t->in_directory('policy.d');
mkdir $folder;
# In the place of the one before, so that nobody reads half of it.
sub listed {
	my (@names) = @_;
	my $new = TLSward::Certs::write_file($t->in_directory('hosts.txt'), join '', map { "$_\n" } @names);
	return rename($new, "$folder/hosts.txt") || die "hosts.txt: $!\n";
}
listed(qw(one.example.test gone.example.test held.example.test));
sub waits {
	my ($seconds) = @_;
	return TLSward::Certs::write_file("$folder/frontdoor.lua", <<"EOF");
local hosts = tlsward.hostset("hosts.txt")
return {
  name = "frontdoor", api = 1,
  allow = function(hello) return hosts:contains(hello.sni) end,
  chain = function(hello)
    if hello.sni == "held.example.test" then return { "file", incomplete = "hold", wait = $seconds } end
  end,
}
EOF
}
# Long enough for all that has to be seen of those who are held.
waits(10 * pace());
# Nobody listens where the CA looks.
my $ca = TLSward::Acme->new(certs => $t->{certs});
$ca->trusted_by($t);
$t->{conf}{acme} = { directory => $ca->url, hosts => "$folder/hosts.txt", on_demand => \1 };
$t->write_conf->start;

sub knock { my ($name) = @_; my $s = tcp_connect($t); send_all($s, client_hello(sni => $name)); return $s }
sub descriptors { my @all = glob '/proc/' . $t->pid('worker') . '/fd/*'; return scalar @all }
sub attempts { my ($name) = @_; return scalar $t->find_log({ msg => 'a certificate could not be ordered', name => $name }) }
sub order { my ($name) = @_; return $t->ctl_json('host', $name)->{order} }
sub held { my ($w) = grep { $_->{name} eq 'held.example.test' } @{ $t->ctl_json('waits')->{waits} }; return $w ? $w->{held} : 0 }

my $canary = canary($t);
my $before = descriptors();
is $ca->orders, 0, 'on demand nothing is ordered before somebody asks';
my (%alerts, $slowest);
$slowest = 0;
for (1 .. $CLIENTS) {
	my $began = time;
	my $s = knock('gone.example.test');
	$alerts{ alert_in(read_some($s, 10)) // 'none' }++;
	$slowest = time - $began if time - $began > $slowest;
}
is_deeply \%alerts, { 40 => $CLIENTS }, "$CLIENTS clients are refused";
cmp_ok $slowest, '<', 2 * slow(), 'none of them waits for an order';
my $failed = wait_for(sub { $t->find_log({ msg => 'a certificate could not be ordered', name => 'gone.example.test' }) }, 30, 'the order has failed');
like $failed->{error}, qr/\S/, 'the log says why: ' . $failed->{error};
cmp_ok $failed->{next_try_s}, '>=', 45, 'and that the next try is not soon';
is $ca->orders, 1, 'there was one order';
my $state = wait_for(sub { my $o = order('gone.example.test'); $o && $o->{failures} && $o }, 10, 'its failure is known');
is $state->{failures}, 1, 'host tells that it has failed once';
ok !$state->{running}, 'and that none is on its way';
cmp_ok $state->{next_in}, '>', 30, 'and when the next is';
is $state->{error}, $failed->{error}, 'and the error';
is $t->ctl_json('status')->{orders_failing}, 1, 'status counts it';
like scalar $t->ctl('hosts', '--failing'), qr/^gone\.example\.test\s.*next try in \d+ s/m, 'hosts --failing lists it';

for (1 .. 100) { my $s = knock('gone.example.test'); read_some($s, 10) }
is $ca->orders, 1, 'clients who come later make no order before its time';
is_deeply $t->ctl_json('fetch', 'gone.example.test')->{urls}, ['acme:gone.example.test'], 'fetch orders past the back-off';
wait_for(sub { (order('gone.example.test')->{failures} // 0) == 2 }, 30, 'the second order has failed');
is $ca->orders, 2, 'once';
cmp_ok order('gone.example.test')->{next_in}, '>', $state->{next_in} * 0.9, 'and the wait grows';

# Those who are held.
wait_for(sub { descriptors() <= $before + 4 }, 10, 'descriptors are back');
my @all = map { knock('held.example.test') } 1 .. 3 * $HELD;
wait_for(sub { held() == $HELD }, 5, "$HELD are held");
my ($at_once) = grep { $_ } map { scalar TLSward::Client::readable($_, 0) } @all;
ok $at_once, 'the others are refused at once';
wait_for(sub { descriptors() <= $before + $HELD + 6 }, 5, 'descriptors are as many as are held');
pass 'descriptors are flat beyond the cap';
my ($wait) = grep { $_->{name} eq 'held.example.test' } @{ $t->ctl_json('waits')->{waits} };
ok $wait->{order}, 'waits tells the state of the order';
wait_for(sub { order('held.example.test')->{failures} }, 30, 'the order has failed');
is $ca->orders, 3, 'one order for all of them';
close $_ for splice @all;
wait_for(sub { held() == 0 && descriptors() <= $before + 6 }, 10, 'who leaves frees its descriptor');
pass 'who leaves while held frees its descriptor';
waits(3);
is +($t->ctl('reload'))[0], 0, 'the wait is shorter from now on';
my $began = time;
my $s = knock('held.example.test');
is alert_in(read_some($s, 10)), 40, 'one who stays is refused in the end';
cmp_ok time - $began, '<', 3 + 2 * slow(), 'within its wait';

# The name is removed.
listed(qw(one.example.test held.example.test));
$t->wait_log({ msg => 'a host set has changed' });
wait_for(sub { my $c = knock('gone.example.test'); (alert_in(read_some($c, 10)) // 0) == 112 }, 10, 'the next client is refused with unrecognized_name');
pass 'the next client is refused with unrecognized_name';
wait_for(sub { !$t->ctl_json('host', 'gone.example.test')->{listed} }, 5, 'it is listed no more');
is_deeply $t->ctl_json('fetch', 'gone.example.test')->{urls}, [], 'and cannot be ordered';
is $ca->orders, 3, 'no order follows';
my $unharmed = $canary->stop;
is $unharmed->{failed}, 0, 'another name has noticed nothing' or diag explain $unharmed;

done_testing;
