#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# Under load each process is killed in turn: those who are served by the others
# notice nothing, and failures of new connections end soon after a death.
use strict;
use warnings;
use IO::Select;
use JSON::PP ();
use POSIX qw(_exit);
use Test::More;
use Time::HiRes qw(sleep time);

use TLSward qw(wait_for slow);
use TLSward::Backend;
use TLSward::Client qw(tls_connect http_get canary);

my $host = 'one.example.test';
my $backend = TLSward::Backend->new('http');
my $t = TLSward->new(hosts => [$host], backends => [ { servers => [ $backend->server ] } ])->start;

# A busy client in a process of its own: requests of 20 KB on a connection, 50
# at most, then the next; every failure with its time, by a pipe. It ends when it
# is told so, but not before it has asked often enough.
sub busy {
	pipe my $read, my $write or die "pipe: $!";
	pipe my $life, my $ours or die "pipe: $!";
	my $pid = fork // die "fork: $!";
	if ($pid) {
		close $_ for $write, $life;
		return { pid => $pid, read => $read, life => $ours };
	}
	close $_ for $read, $ours;
	my ($n, @failed) = (0);
	my $stop = IO::Select->new($life);
	alarm 120 * slow();
	until ($n > 200 && $stop->can_read(0)) {
		my $s = tls_connect($t, sni => $host);
		for (1 .. 50) {
			my $answer = $s && http_get($s, $host, '/bytes/20000');
			$n++;
			next if $answer && length $answer->{body} == 20000;
			push @failed, { at => time, opened => $s ? 1 : 0 };
			sleep 0.02;
			last;
		}
		$s->close if $s;
	}
	syswrite $write, JSON::PP->new->encode({ requests => $n, failed => \@failed });
	_exit(0);
}

sub worker_of {
	my ($s) = @_;
	my ($c) = grep { $_->{peer} =~ /:\Q@{[ $s->sockport ]}\E$/ } @{ $t->ctl_json('connections', '--limit', 500)->{connections} };
	return $c ? $c->{worker} : 0;
}

my %open;
wait_for(sub {
	my $s = tls_connect($t, sni => $host);
	push @{ $open{ worker_of($s) } }, $s if $s && http_get($s, $host, '/');
	return !grep { @{ $open{$_} // [] } < 3 } 1, 2;
}, 20, 'connections of both workers');
my @clients = map { busy() } 1 .. 4;
my $canary = canary($t, every => 0.05);

# When each died, and until when all was well again.
my @deaths;
for my $role (qw(logger librarian keeper signer worker)) {
	my ($pid) = $t->pids($role);
	my %death = (role => $role, at => time);
	kill KILL => $pid;
	wait_for(sub { my @now = $t->pids($role); @now && !grep { $_ == $pid } @now }, 10, "a new $role");
	wait_for(sub {
		my $s = eval { $t->ctl_json('status') };
		return $s && !grep { $_->{state} ne 'ready' } @{ $s->{workers} }, values %{ $s->{processes} };
	}, 10, "all are ready after the death of the $role");
	wait_for(sub { my $s = tls_connect($t, sni => $host); $s && http_get($s, $host, '/') }, 10, 'service');
	$death{until} = time;
	push @deaths, \%death;
	my @others = map { @{ $open{$_} } } grep { $role ne 'worker' || $_ != 1 } 1, 2;
	is scalar(grep { http_get($_, $host, '/') } @others), scalar @others, "$role killed: connections that have nothing to do with it live on";
	cmp_ok $death{until} - $death{at}, '<', 3 * slow(), "$role killed: all is well again soon";
	# A while of calm, in which nobody fails.
	my $calm = time + 1;
	wait_for(sub { time > $calm }, 5, 'a calm second');
}

my $r = $canary->stop;
my @failed;
close $_->{life} for @clients;	# each has those of the ones before
for my $c (@clients) {
	my $told = JSON::PP->new->decode(do { local $/; readline $c->{read} });
	waitpid $c->{pid}, 0;
	cmp_ok $told->{requests}, '>', 200, "a busy client was busy: $told->{requests} requests";
	push @failed, @{ $told->{failed} };
}
sub died_before {
	my ($at) = @_;
	my ($d) = reverse grep { $at >= $_->{at} } @deaths;
	return $d && $at <= $d->{until} + 1 ? $d->{role} : 'nobody';
}
my %by_role;
$by_role{ died_before($_->{at}) }++ for @failed;
diag 'failures by the process that had died: ', join ', ', map { "$_ $by_role{$_}" } sort keys %by_role;
is_deeply [ grep { !/^(worker|keeper|signer)$/ } keys %by_role ], [], 'failures follow the death of a worker, a keeper or a signer only';
cmp_ok $by_role{worker} // 0, '<=', 4 * 4, 'few clients lose a connection with a worker';
cmp_ok scalar @failed, '<=', 100 * slow(), 'and few handshakes fail for want of a keeper';
cmp_ok $r->{tried}, '>', 40, "a canary of $r->{tried} connections";
cmp_ok $r->{failed}, '<=', 30 * slow(), "had $r->{failed} failures" or diag explain $r->{errors};
cmp_ok $r->{slowest}, '<', 3 * slow(), "and never waited longer than $r->{slowest} s";
$_->close for map { @$_ } values %open;
is $t->stop, 0, 'it ends in order';
done_testing;
