#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# Where does it spin, what did it do when it died: the report names the
# function, the script and line, the connection. Of a normal build, with the
# trouble made from outside.
use strict;
use warnings;
use POSIX qw(_exit);
use Test::More;

use TLSward qw(wait_for unwatched);
use TLSward::Backend;
use TLSward::Certs;
use TLSward::Client qw(tls_connect http_get send_all);
use TLSward::Gdb qw(gdb_can gdb gdb_waits);

plan skip_all => 'needs root' if $>;
plan skip_all => 'needs gdb, and a build without sanitizers' if !gdb_can();

my $host = 'one.example.test';
my $backend = TLSward::Backend->new('http');
my $t = TLSward->new(hosts => [$host], backends => [ { servers => [ $backend->server ] } ],
	# gdb holds a process for seconds on a busy machine.
	conf => { workers => 1, policy => { scripts => 'policy.d' }, watch => unwatched() });
mkdir $t->in_directory('policy.d');
TLSward::Certs::write_file($t->in_directory('policy.d/20-loop.lua'), <<'LUA');
return { name = "loop", api = 1, allow = function(hello)
  if hello.sni == "loop.example.test" then
    while true do end
  end
end }
LUA
$t->start;

sub worker { return $t->pid('worker') }
sub works {
	my $s = tls_connect($t, sni => $host, timeout => 3) or return 0;
	return !!http_get($s, $host, '/', 3);
}
sub runs { my ($pid) = @_; my $p = TLSward::stat_of($pid); return $p && $p->{state} eq 'R' }
sub report { my ($id) = @_; return $t->ctl_json('incident', $id // 'last') }
sub story { my ($rc, $out) = $t->ctl('incident', 'last'); is $rc, 0, 'it is a story, too'; return $out }

my ($r, $pid);
# ---- a spin in C: a function of ours that jumps to itself
$pid = worker();
gdb($pid, 'break on_second', 'continue', 'set {unsigned short}$pc = 0xfeeb', 'detach');
wait_for(sub { runs($pid) }, 5, 'a spin');
$t->ctl_json('witness', 1);
$r = report();
is $r->{profile}{functions}[0]{function}, 'on_second', 'a spin in C: the function is named';
is $r->{profile}{functions}[0]{module}, 'tlsward-worker', 'with its module';
cmp_ok $r->{profile}{functions}[0]{self}, '>=', 40, 'in nearly all samples';
like story(), qr/^found in +on_second \(tlsward-worker\)/m, 'the story says where';
kill KILL => $pid;
wait_for(sub { (worker() // $pid) != $pid && works() }, 20, 'another worker');

# ---- a spin in a script, whose budget gdb raises to a minute
$pid = worker();
my $gdb = gdb_waits($t, $pid, 'host_run', 'set var budget_us = 60000000', 'detach');
my $looping = fork // die "fork: $!\n";
if (!$looping) {
	tls_connect($t, sni => 'loop.example.test', timeout => 60);
	_exit(0);
}
waitpid $gdb, 0;
wait_for(sub { ($t->ctl_json('workers')->{workers}[0]{doing_script} // '') eq '20-loop.lua:3' }, 10, 'a spin');
$t->ctl_json('witness', 1);
$r = report();
is_deeply $r->{doing}{script}, { file => '20-loop.lua', line => 3 }, 'a spin in a script: file and line are named';
is $r->{doing}{connection}{phase}, 'handshake', 'and the connection whose hello it looks at';
like story(), qr/^script +20-loop\.lua:3$/m, 'the story says so';
kill KILL => $pid;
kill KILL => $looping;
waitpid $looping, 0;
wait_for(sub { (worker() // $pid) != $pid && works() }, 20, 'another worker');

# ---- a crash in a callback of a connection, in the middle of its record
$pid = worker();
my @open = map { my $s = tls_connect($t, sni => $host); http_get($s, $host, '/'); $s } 1 .. 3;
my ($entry) = grep { $_->{peer} =~ /:\Q@{[ $open[1]->sockport ]}\E$/ } @{ $t->ctl_json('connections')->{connections} };
$gdb = gdb_waits($t, $pid, 'relay_client_readable', 'set var c->rec->seq = c->rec->seq + 1', 'signal SIGSEGV');
send_all($open[1], "GET / HTTP/1.1\r\n");
waitpid $gdb, 0;
my $crash = wait_for(sub {
	my ($c) = grep { $_->{pid} == $pid } @{ $t->ctl_json('incidents')->{incidents} };
	return $c && $c->{state} eq 'written' && $c;
}, 10, 'a report');
like $crash->{numbers}, qr/^signal=11 /, 'a crash is an incident';
$r = report($crash->{id});
is $r->{doing}{what}, 'client', 'the report says in which callback';
is $r->{doing}{connection}{id}, $entry->{id}, 'and for which connection';
ok $r->{doing}{connection}{torn}, 'whose record was being written';
is $r->{connections}{live}, 3, 'all its connections are there';
is $r->{connections}{list}[0]{id}, $entry->{id}, 'the torn one first';
like "@{ $r->{missing} }", qr/the process is dead/, 'what a dead process cannot tell is named as missing';
like story(), qr/^torn record +$entry->{id}: relay/m, 'the story names it';
wait_for(sub { my $s = report($crash->{id})->{steps}; @$s && $s->[0]{text} =~ /crashed/ }, 10, 'a step');
pass 'what was done about it is added to the file';
wait_for(sub { works() }, 20, 'service');

$_->close for @open;
is $t->stop, 0, 'it ends in order';
done_testing;
