#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# Who holds those descriptors, what does a process do that is asleep, or stands
# still: each is one command. Looking harms nobody, and tells no secrets.
use strict;
use warnings;
use Test::More;

use TLSward qw(wait_for slow unwatched);
use TLSward::Backend;
use TLSward::Certs;
use TLSward::Client qw(tls_connect http_get);
use TLSward::Gdb qw(gdb_can gdb);

plan skip_all => 'needs root' if $>;
plan skip_all => 'needs gdb, and a build without sanitizers' if !gdb_can();

my $host = 'one.example.test';
my $backend = TLSward::Backend->new('http');
my $t = TLSward->new(hosts => [$host], backends => [ { servers => [ $backend->server ] } ],
	# gdb holds a process for seconds on a busy machine.
	conf => { workers => 1, watch => unwatched() })->start;

sub worker { return $t->pid('worker') }
sub works {
	my $s = tls_connect($t, sni => $host, timeout => 3) or return 0;
	return !!http_get($s, $host, '/', 3);
}
# Once a second is enough for everybody who asks.
sub ask {
	my (@command) = @_;
	return wait_for(sub { my $r = eval { $t->ctl_json(@command) }; die $@ if !$r && $@ !~ /once a second/; $r }, 10, "@command");
}
sub report { my ($id) = @_; return $t->ctl_json('incident', $id // 'last') }

# ---- descriptors that nobody owns
my @open = map { my $s = tls_connect($t, sni => $host); http_get($s, $host, '/'); $s } 1 .. 4;
my $d = ask('descriptors', 1)->{descriptors};
is $d->{of_nobody}, 0, 'a healthy worker accounts for all its descriptors';
is $d->{of_connections}, 8, 'two belong to each connection';
is $d->{open}, $d->{of_connections} + $d->{of_the_process}, 'the others to itself';
my ($client) = grep { ($_->{of}{side} // '') eq 'client' } @{ $d->{list} };
is_deeply [ @$client{qw(kind state)}, $client->{of}{sni} ], [ 'tcp', 'established', $host ], 'each with its kind, state and name';
gdb(worker(), "call (int)dup($client->{fd})", 'call (int)dup(3)', 'call (int)socket(2, 1, 0)', 'call (int)dup(0)');
$d = ask('descriptors', 1)->{descriptors};
is $d->{of_nobody}, 4, 'what leaks is of nobody';
is_deeply [ map { $_->{owner} } @{ $d->{list} }[0 .. 4] ], [ ('nobody') x 4, 'process' ], 'and stands on top';
is_deeply [ map { [ @$_{qw(kind state same_as)} ] } @{ $d->{list} }[0 .. 3] ],
	[ [ 'tcp', 'established', $client->{fd} ], [ 'unix packets', 'established', 3 ], [ 'tcp', 'unconnected', undef ], [ 'device', undef, undef ] ],
	'told by kind and state, and by the descriptor that it is a double of';
my ($rc, $out) = wait_for(sub { my @r = $t->ctl('descriptors', 1); $r[0] == 0 && \@r }, 5, 'descriptors')->@*;
like $out, qr/^4 of \d+ descriptors belong to nobody/m, 'people are told as well';

# ---- a worker that does nothing wrong
is ask('witness', 1)->{missing}, undef, 'a report that an operator asks for lacks nothing';
my $r = report();
is $r->{verdict}, 'operator', 'it says so';
is $r->{process}{syscall}, 'epoll_wait on descriptor 4', 'the worker sleeps in its loop';
is $r->{profile}{samples}, 50, 'it was looked at many times';
cmp_ok $r->{profile}{longest_stop_us}, '<', 100_000 * slow(), "and stood still for at most $r->{profile}{longest_stop_us} us";
is $r->{descriptors}{of_nobody}, 4, 'its descriptors are in the report';
is $r->{connections}{names}[0]{sni}, $host, 'the names of its connections, too';
($rc, $out) = $t->ctl('incident', 'last');
like $out, qr/^seen\s+operator:.*^doing\s+waiting;.*^system\ call\s+epoll_wait.*^found\ in\s+epoll_wait.*
	^connections\s+4,\ relay\ 4\n names\s+\Q$host\E\ 4\n descriptors\s+\d+\ open/xms,
	'people are told it as a story';
is scalar(grep { http_get($_, $host, '/again') } @open), 4, 'connections went on';

# ---- every role, while it sleeps
for my $role (qw(keeper librarian advisor logger)) {
	my $pid = $t->pid($role);
	my $answer = ask('witness', $role);
	is $answer->{missing}, undef, "$role: can be looked at";
	is report()->{pid}, $pid, "$role: by the right process";
	cmp_ok report()->{profile}{samples}, '>=', 40, "$role: with its stack";
	is $t->pid($role), $pid, "$role: lives on";
}
ok works(), 'all is as before';
my $key = join '', grep { !/-----/ } split /\n/, TLSward::Certs::slurp($t->{conf}{certificates}[0]{key});
my $all = join '', map { TLSward::Certs::slurp($_) } glob $t->in_directory('state/incidents/*.json');
is index($all, substr $key, 20, 24), -1, 'no report has anything of a key in it';
is_deeply [ sort keys %{ { map { $_ => 1 } map { keys %{ $_->{frames}[0] } } @{ $r->{profile}{stacks} } } } ],
	[qw(function module offset)], 'of a stack there are functions, modules and offsets, and nothing else';

# ---- one that stands still
my $pid = worker();
kill STOP => $pid;
wait_for(sub { TLSward::stat_of($pid)->{state} eq 'T' }, 5, 'a stop');
ask('witness', 1);
$r = report();
is $r->{process}{status}{State}, 'T (stopped)', 'a worker that was stopped is seen so';
ok $r->{profile}{samples}, 'its stack can be had';
is TLSward::stat_of($pid)->{state}, 'T', 'and it stays stopped';
kill CONT => $pid;
is scalar(grep { http_get($_, $host, '/again') } @open), 4, 'once it goes on, nothing was lost';

# ---- top
($rc, $out) = $t->ctl('top', '--once', '--interval', '0.3');
is $rc, 0, 'top shows a screen for scripts';
like $out, qr/^connections: hello \d.*^ *N +PID .*^ *1 +\d+ +ready +\d+% /ms, 'with the connections and each worker';
unlike $out, qr/\e/, 'without codes for a terminal';
my $top = $t->ctl_json('top', '--once', '--interval', '0.1');
ok exists $top->{workers}[0]{cpu_permille} && $top->{workers}[0]{open_descriptors}, 'or as data, with CPU time and descriptors';

$_->close for @open;
my $before = $t->ctl_json('incidents')->{incidents};
is scalar @$before, 6, 'all of them are listed';
is $t->stop, 0, 'it ends in order';
$t->start;
my $after = wait_for(sub { my $l = $t->ctl_json('incidents')->{incidents}; @$l && $l }, 10, 'the list');
is_deeply [ map { $_->{id} } @$after ], [ map { $_->{id} } @$before ], 'a restart keeps the list';
is report($before->[5]{id})->{descriptors}{of_nobody}, 4, 'and the reports';
is $t->stop, 0, 'it ends in order';
done_testing;
