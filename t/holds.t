#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# A name that is allowed and has no certificate: its clients are refused at
# once, or held for as long as the policy says, few of them, and let go when
# they leave. Other names notice nothing.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);

use TLSward qw(wait_for slow pace);
use TLSward::Backend;
use TLSward::Client qw(tls_connect tcp_connect client_hello read_some send_all send_reset alert_in http_get canary);

my $backend = TLSward::Backend->new('http');
my $t = TLSward->new(
	hosts => ['one.example.test'],
	backends => [ { servers => [ $backend->server ] } ],
	conf => { workers => 1, limits => { holds => 8, holds_per_name => 5 }, policy => { scripts => 'policy.d' },
		timeouts => { handshake => 60 } },
	listeners => [ {}, { name => 'short', timeouts => { handshake => 6 } } ],
);
my $folder = $t->in_directory('policy.d');
mkdir $folder;
# In the place of the one before, so that nobody reads half of it.
sub listed {
	my (@names) = @_;
	my $new = TLSward::Certs::write_file($t->in_directory('hosts.txt'), join '', map { "$_\n" } @names);
	rename $new, "$folder/hosts.txt" or die "hosts.txt: $!\n";
	return;
}
my @names = map { "$_.example.test" } qw(one none soon late other long removed);
listed(@names);
# One that is waited out, and those in which much has to be seen.
my ($soon, $late) = (1.5 * pace(), 10 * pace());
TLSward::Certs::write_file("$folder/frontdoor.lua", <<"EOF");
local hosts = tlsward.hostset("hosts.txt")
local wait = { ["soon.example.test"] = $soon, ["late.example.test"] = $late, ["other.example.test"] = $late,
	["removed.example.test"] = $late, ["long.example.test"] = 60 }
return {
  name = "frontdoor", api = 1,
  allow = function(hello) return hosts:contains(hello.sni) end,
  chain = function(hello)
    local seconds = wait[hello.sni]
    if seconds then return { "file", incomplete = "hold", wait = seconds } end
  end,
}
EOF
$t->start;
my $canary = canary($t);

sub knock { my ($name, @how) = @_; my $s = tcp_connect($t, @how); send_all($s, client_hello(sni => "$name.example.test")); return $s }
sub waits { return { map { $_->{name} => $_ } @{ $t->ctl_json('waits')->{waits} } } }
sub held { my ($name) = @_; my $w = waits()->{"$name.example.test"}; return $w ? $w->{held} : 0 }
sub ended { my ($name, $end, $mark) = @_; return $t->wait_log({ msg => 'connection ended', sni => "$name.example.test", end => $end }, 10, $mark) }
sub descriptors { my ($pid) = $t->pids('worker'); my @all = glob "/proc/$pid/fd/*"; return scalar @all }

# Nothing is said about this one.
my $mark = $t->mark;
my $s = knock('none');
is alert_in(read_some($s, 3)), 40, 'a name without a certificate is refused when the policy holds nobody';
ok ended('none', 'no_certificate', $mark), 'for that reason';

# One that is held until its time is over.
$mark = $t->mark;
my $before = time;
$s = knock('soon');
wait_for(sub { held('soon') == 1 }, 3, 'held');
is $t->ctl_json('connections', '--phase', 'hold')->{connections}[0]{sni}, 'soon.example.test', 'connections shows who is held';
like $t->ctl('waits'), qr/^NAME\s+HELD\s+OLDEST\s+ORDER\s+soon\.example\.test\s+1\s/m, 'and waits for which name';
is alert_in(read_some($s, 5)), 40, 'in the end it is refused';
cmp_ok time - $before, '>=', $soon - 0.01, 'not before its time';
my $line = ended('soon', 'hold_deadline', $mark);
ok $line, 'for that reason';
like $t->ctl('waits'), qr/^No connection is held/, 'afterwards nobody is held';

# The handshake deadline leaves two seconds less than it says.
$before = time;
$s = knock('long', listener => 'short');
is alert_in(read_some($s, 8)), 40, 'a wait past the handshake deadline is cut short';
cmp_ok time - $before, '>=', 3.99, 'two seconds before it';
cmp_ok time - $before, '<', 6 * 1.25 + slow(), 'not after it';

# The caps: 5 of a name, 8 in all.
$mark = $t->mark;
my $idle = descriptors();
my @late = map { knock('late') } 1 .. 12;
wait_for(sub { held('late') == 5 }, 3, 'five are held');
wait_for(sub { scalar(() = $t->find_log({ msg => 'connection ended', sni => 'late.example.test', end => 'limit_holds' }, $mark)) == 7 }, 3,
	'seven refusals');
pass 'past the cap of a name clients are refused at once';
my @other = map { knock('other') } 1 .. 6;
wait_for(sub { scalar(() = $t->find_log({ msg => 'connection ended', sni => 'other.example.test', end => 'limit_holds' }, $mark)) == 3 }, 3,
	'three refusals');
is held('other'), 3, 'past the cap in all, too';
wait_for(sub { descriptors() <= $idle + 8 + 6 }, 3, 'descriptors of those that were refused');
pass 'the descriptors are those of the held, and of the canary';
is waits()->{'late.example.test'}{held} + waits()->{'other.example.test'}{held}, 8, 'eight are held';
cmp_ok $t->ctl_json('status')->{counters}{held}, '>=', 10, 'they are counted';

# Who leaves is let go at once.
$mark = $t->mark;
$before = time;
$_->close for @late;
wait_for(sub { held('late') == 0 }, 3, 'let go');
wait_for(sub { scalar(() = $t->find_log({ end => 'client_left', sni => 'late.example.test' }, $mark)) == 5 }, 3, 'five lines');
pass 'clients that leave while held are let go at once';
send_reset($_) for @other;
wait_for(sub { held('other') == 0 }, 3, 'let go');
cmp_ok time - $before, '<', $late, 'so are those that reset, before their time is over';

# The name is taken off the list while clients are held for it.
$mark = $t->mark;
my @removed = map { knock('removed') } 1 .. 3;
wait_for(sub { held('removed') == 3 }, 3, 'held');
listed(grep { !/removed/ } @names);
is alert_in(read_some($_, 3)), 112, 'a name that is removed while its clients are held: unrecognized_name' for @removed;
wait_for(sub { scalar(() = $t->find_log({ end => 'refused', sni => 'removed.example.test' }, $mark)) == 3 }, 3, 'three lines');
pass 'they are refused by the policy';

my $report = $canary->stop;
is $report->{failed}, 0, "a canary on another name failed none of $report->{tried}" or diag explain $report;
ok http_get(tls_connect($t, sni => 'one.example.test'), 'one.example.test', '/'), 'and is served still';
is $t->stop, 0, 'it ends in order';
done_testing;
