#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# Under a real s6-svscan, with the service directory as it is installed: ready
# when it serves, up again after the supervisor was killed, down on request.
use strict;
use warnings;
use File::Copy qw(copy);
use POSIX ();
use Test::More;
use Time::HiRes qw(time);

use TLSward qw(run_command wait_for program slow);
use TLSward::Backend;
use TLSward::Certs;
use TLSward::Client qw(tls_connect http_get);

my ($none) = run_command('sh', '-c', 'command -v s6-svscan');
if ($none) {
	diag 'NOT TESTED: s6 is not installed';
	plan skip_all => 's6 is not installed';
}

my $host = 'one.example.test';
my $backend = TLSward::Backend->new('http', name => 'app');
my $t = TLSward->new(hosts => [$host], backends => [ { servers => [ $backend->server ] } ]);
my $scan = $t->in_directory('scan');
my $service = "$scan/tlsward";
mkdir $_ or die "$_: $!\n" for $scan, $service;
copy("$TLSward::SOURCE/etc/s6/$_", "$service/$_") or die "$_: $!\n" for qw(finish notification-fd timeout-finish);
my $run = TLSward::Certs::slurp("$TLSward::SOURCE/etc/s6/run.in");
my $arguments = join ' ', program('tlsward'), @{ $t->{args} };
$run =~ s/\@sbindir\@\/tlsward/$arguments/;
TLSward::Certs::write_file("$service/run", $run);
chmod 0755, "$service/$_" for qw(run finish);

sub served {
	my $s = tls_connect($t, sni => $host);
	my $answer = $s && http_get($s, $host, '/');
	return $answer ? $answer->{body} : '';
}
sub supervisor {
	my ($status, $out) = run_command('s6-svstat', '-o', 'pid', $service);
	return !$status && $out =~ /^(\d+)$/ ? $1 : 0;
}
sub alive { return grep { my $p = TLSward::stat_of($_); $p && $p->{state} ne 'Z' && $p->{name} =~ /^tlsw/ } @_ }
sub wait_for_state { return (run_command('s6-svwait', $_[0], '-t', int(20000 * slow()), $service))[0] }

my $scanner = fork // die "fork: $!\n";
if (!$scanner) {
	open STDIN, '<', '/dev/null';
	open STDOUT, '>', $t->in_directory('stderr');
	open STDERR, '>&', \*STDOUT;
	$ENV{TLSWARD_CONF} = $t->{conf_path};
	exec 's6-svscan', $scan or POSIX::_exit(127);
}
END {
	if ($scanner) {
		my $code = $?;
		if ($t->{pid} = supervisor()) {
			delete $t->{status};
			$t->remember;
		}
		system 's6-svc', '-wD', '-T', 15000, '-d', $service if -e "$service/supervise/control";
		kill TERM => $scanner;	# ends the scan and, with it, what it supervises
		waitpid $scanner, 0;
		for my $pid (keys %{ $t->{seen} }) {
			my $p = TLSward::stat_of($pid);
			kill KILL => $pid if $p && $p->{name} =~ /^tlsw/;
		}
		diag map { TLSward::Certs::slurp($t->in_directory($_)) } grep { -e $t->in_directory($_) } qw(stderr tlsward.log)
			if $code || !Test::More->builder->is_passing;
		$? = $code;
	}
}

wait_for(sub { -e "$service/supervise/status" }, 10, 's6 supervises');
is wait_for_state('-U'), 0, 's6 sees that it is ready';
is served(), "app / for $host\n", 'it serves';
my $first = supervisor();
$t->{pid} = $first;
$t->remember;

# What is in the way of the next one: a worker that cannot close its listeners,
# and one with a connection, which is to go on.
my $held = tls_connect($t, sni => $host) or die $TLSward::Client::error;
my $answer = http_get($held, $host, '/') or die 'no answer';
my ($held_by) = map { $_->{worker} } grep { $_->{peer} =~ /:@{[ $held->sockport ]}$/ } @{ $t->ctl_json('connections')->{connections} };
my %worker = map { $_->{worker} => $_->{pid} } @{ $t->ctl_json('workers')->{workers} };
my ($stopped) = map { $worker{$_} } grep { $_ != $held_by } keys %worker;
kill STOP => $stopped;
wait_for(sub { TLSward::stat_of($stopped)->{state} eq 'T' }, 5, 'a stopped worker');
my $killed = time;
kill KILL => $first;
wait_for(sub { my $pid = supervisor(); $pid && $pid != $first }, 20, 'another supervisor');
is wait_for_state('-U'), 0, 'after a SIGKILL of the supervisor it is ready again';
is served(), "app / for $host\n", 'and serves';
cmp_ok time - $killed, '<', 10 * slow(), 'within seconds';
$answer = http_get($held, $host, '/');
is $answer && $answer->{body}, "app / for $host\n", 'a connection of the run before goes on';
wait_for(sub { my $p = TLSward::stat_of($stopped); !$p || $p->{state} eq 'Z' }, 10, 'the end of the worker that was stopped');
pass 'a worker that could not close its listeners was ended';
$held->close;
wait_for(sub { !alive(values %worker) }, 20, 'the workers of the first end');
pass 'the workers of the run before are gone';

my $second = supervisor();
is((run_command('s6-svc', '-h', $service))[0], 0, 's6 sends SIGHUP');
wait_for(sub { TLSward::Certs::slurp($t->in_directory('tlsward.log')) =~ / msg=reloaded by=SIGHUP / }, 10, 'a reload');
is served(), "app / for $host\n", 'it goes on serving';
is supervisor(), $second, 'with the same supervisor';

$t->{pid} = $second;
delete $t->{status};
$t->remember;
is((run_command('s6-svc', '-wD', '-T', int(20000 * slow()), '-d', $service))[0], 0, 's6 takes it down');
wait_for(sub { !alive(keys %{ $t->{seen} }) }, 10, 'all processes end');
ok !tls_connect($t, sni => $host), 'nobody listens any more';
delete $t->{pid};

# A wrong command line is not tried again.
TLSward::Certs::write_file("$service/run", $run =~ s/--ready-fd 3/--no-such-option/r);
chmod 0755, "$service/run";
run_command('s6-svc', '-u', $service);
wait_for(sub { TLSward::Certs::slurp($t->in_directory('stderr')) =~ /tlsward ended: exit code 2/ }, 10, 'finish is called');
wait_for(sub { (run_command('s6-svstat', '-o', 'up,wantedup', $service))[1] eq "false false\n" }, 10, 's6 gives up');
pass 'a wrong command line is not tried for ever';
done_testing;
