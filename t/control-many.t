#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# 2,000 connections are listed, filtered and followed, and meanwhile nobody
# else who asks the supervisor waits: the longest of many calls of status is
# held against calls that had the supervisor for themselves in the same run.
use strict;
use warnings;
use IO::Socket::UNIX;
use JSON::PP ();
use POSIX qw(_exit);
use Test::More;
use Time::HiRes qw(sleep time);

use TLSward qw(wait_for address);
use TLSward::Backend;
use TLSward::Servers;
use TLSward::Client qw(tls_connect);

my $N = 2000;
my @hosts = qw(one.example.test two.example.test);
my $nginx = TLSward::Servers::nginx(proxy => 0);
my $t = TLSward->new(hosts => \@hosts, backends => [ { servers => [ address() . ":$nginx->{http}" ] } ])->start;

my @open;
for my $n (1 .. $N) {
	push @open, tls_connect($t, sni => $hosts[ $n % 2 ]) // die "connection $n: $TLSward::Client::error\n";
}
wait_for(sub { ($t->ctl_json('status')->{phases}{relay} // 0) == $N }, 10, 'all relay');

sub control { return IO::Socket::UNIX->new(Type => SOCK_STREAM, Peer => $t->{conf}{control}{socket}) // die "control socket: $!\n" }

# So many calls of status on one connection: how long each took, sorted, in ms.
sub statuses {
	my ($n, $pause) = @_;
	my $s = control();
	my @took;
	for (1 .. $n) {
		my $began = time;
		syswrite $s, qq({"jsonrpc":"2.0","id":1,"method":"status"}\n);
		<$s> // die "no status\n";
		push @took, 1000 * (time - $began);
		sleep $pause;
	}
	return sort { $a <=> $b } @took;
}

my @alone = statuses(300, 0.005);
my $baseline = $alone[-1];

# Asks all the time in a process of its own while $what is done; its longest call.
sub meanwhile {
	my ($what) = @_;
	pipe my $from, my $to or die "pipe: $!\n";
	my $pid = fork // die "fork: $!\n";
	if (!$pid) {
		my $stop = 0;
		local $SIG{TERM} = sub { $stop = 1 };
		my @all;
		@all = sort { $a <=> $b } @all, statuses(20, 0.002) while !$stop && @all < 20000;
		syswrite $to, join(' ', scalar @all, $all[ @all / 2 ], $all[-1]) . "\n";
		_exit(0);
	}
	close $to;
	my $began = time;
	$what->();
	my $took = time - $began;
	kill TERM => $pid;
	my ($calls, $median, $longest) = split ' ', <$from> // '0 0 1e9';
	waitpid $pid, 0;
	return ($calls, $median, $longest, $took);
}

sub no_stall {
	my ($name, $what) = @_;
	my ($calls, $median, $longest, $took) = meanwhile($what);
	my $bound = 10 * ($baseline > 10 ? $baseline : 10);
	cmp_ok $longest, '<', $bound, sprintf '%s took %.1f s; of %d calls of status meanwhile the longest took %.1f ms (median %.1f; alone %.1f, median %.1f)',
		$name, $took, $calls, $longest, $median, $baseline, $alone[ @alone / 2 ];
	return;
}

no_stall('listing all, 10 times', sub {
	for (1 .. 10) {
		my $list = $t->ctl_json('connections', '--limit', 100000)->{connections};
		my %ids = map { $_->{id} => 1 } @$list;
		is keys %ids, $N, 'all are listed, each once' if $_ == 1;
	}
});
no_stall('filtering, 10 times', sub {
	for (1 .. 10) {
		my $list = $t->ctl_json('connections', '--sni', $hosts[0], '--phase', 'relay', '--limit', 100000)->{connections};
		is scalar @$list, $N / 2, 'half of them have that name' if $_ == 1;
		my $host = $t->ctl_json('host', $hosts[0]);
		is $host->{connections}, $N / 2, 'and are counted for it' if $_ == 1;
	}
});
no_stall('asking for a name that nobody has, through the whole table', sub {
	is_deeply $t->ctl_json('connections', '--sni', 'none.example.test')->{connections}, [], 'a filter that nothing passes' for 1 .. 10;
});
no_stall('metrics, 50 times', sub { ($t->ctl('metrics'))[0] == 0 || fail('metrics') for 1 .. 50 });
no_stall('20 followers while 300 connections are closed one by one', sub {
	my @followers = map { my $f = control(); syswrite $f, qq({"jsonrpc":"2.0","id":1,"method":"events"}\n); <$f>; $f } 1 .. 20;
	my @ids = map { $_->{id} } @{ $t->ctl_json('connections', '--limit', 300)->{connections} };
	my $s = control();
	my $closed = 0;
	for my $id (@ids) {
		syswrite $s, qq({"jsonrpc":"2.0","id":1,"method":"close","params":{"id":$id}}\n);
		my $answer = JSON::PP->new->decode(scalar <$s>);
		$closed++ if $answer->{result};
	}
	is $closed, 300, 'each is found and closed';
	$t->ctl('replace', 1);
	for my $f (@followers) {
		my $line = <$f>;
		like $line, qr/"event":/, 'a follower is told of what happens' if $f == $followers[-1];
	}
});
$_->close for @open;
wait_for(sub { $t->ctl_json('status')->{gauges}{connections} == 0 }, 30, 'the last connection is gone');
is $t->ctl_json('status')->{ends}{operator}, 300, 'they ended for the reason operator';
is $t->stop, 0, 'it ends in order';
done_testing;
