#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# 2,000 connections are listed, filtered and followed, and meanwhile nobody
# else who asks the supervisor waits: the longest of many calls of status is
# held against calls that had the supervisor for themselves in the same run.
use strict;
use warnings;
use JSON::PP ();
use Test::More;

use TLSward qw(wait_for unwatched);
use TLSward::Bench qw(load_start backend);
use TLSward::Control qw(control);

my $N = 2000;
my @hosts = qw(one.example.test two.example.test);
# Neither it nor tlsward ends a connection on which nothing has come, however long the test takes.
my $backend = backend();
my $t = TLSward->new(hosts => \@hosts, backends => [ { servers => [ $backend->server ] } ],
	conf => { watch => unwatched(), timeouts => { idle => 0 } })->start;

my @open = map { load_start('idle', to => "$t->{address}:$t->{port}", sni => $_, ca => $t->{ca}, connections => $N / 2, seconds => 1) } @hosts;
$_->ready for @open;
wait_for(sub { ($t->ctl_json('status')->{phases}{relay} // 0) == $N }, 10, 'all relay');

# How many of 9 answers list so many connections.
sub lists {
	my ($n, @filter) = @_;
	return scalar grep { $n == (() = ($t->ctl('connections', @filter, '--json'))[1] =~ /"id":/g) } 1 .. 9;
}

sub ended_by_themselves { my %n = %{ $t->ctl_json('status')->{ends} }; delete $n{operator}; return { map { $n{$_} ? ($_ => $n{$_}) : () } keys %n } }

my $control = TLSward::Control->new($t);
$control->no_stall('listing all, 10 times', sub {
	# Read for its sense once: that takes the test much longer than the answer.
	my %ids = map { $_->{id} => 1 } @{ $t->ctl_json('connections', '--limit', 100000)->{connections} };
	is keys %ids, $N, 'all are listed, each once';
	is lists($N, '--limit', 100000), 9, 'and so again and again';
});
$control->no_stall('filtering, 9 times', sub {
	is lists($N / 2, '--sni', $hosts[0], '--phase', 'relay', '--limit', 100000), 9, 'half of them have that name';
	is scalar(grep { $t->ctl_json('host', $hosts[0])->{connections} == $N / 2 } 1 .. 10), 10, 'and are counted for it';
});
$control->no_stall('asking for a name that nobody has, through the whole table', sub {
	is_deeply $t->ctl_json('connections', '--sni', 'none.example.test')->{connections}, [], 'a filter that nothing passes' for 1 .. 10;
});
$control->no_stall('metrics, 50 times', sub { ($t->ctl('metrics'))[0] == 0 || fail('metrics') for 1 .. 50 });
$control->no_stall('20 followers while 300 connections are closed one by one', sub {
	my @followers = map { my $f = control($t); syswrite $f, qq({"jsonrpc":"2.0","id":1,"method":"events"}\n); <$f>; $f } 1 .. 20;
	my @ids = map { $_->{id} } @{ $t->ctl_json('connections', '--limit', 300)->{connections} };
	my $s = control($t);
	my $closed = 0;
	for my $id (@ids) {
		syswrite $s, qq({"jsonrpc":"2.0","id":1,"method":"close","params":{"id":$id}}\n);
		my $answer = JSON::PP->new->decode(scalar <$s>);
		$closed++ if $answer->{result};
	}
	is $closed, 300, 'each is found and closed';
	is_deeply ended_by_themselves(), {}, 'no other one has ended meanwhile';
	$t->ctl('replace', 1);
	for my $f (@followers) {
		my $line = <$f>;
		like $line, qr/"event":/, 'a follower is told of what happens' if $f == $followers[-1];
	}
});
for (@open) {
	$_->go;
	$_->end;
}
wait_for(sub { $t->ctl_json('status')->{gauges}{connections} == 0 }, 30, 'the last connection is gone');
is $t->ctl_json('status')->{ends}{operator}, 300, 'they ended for the reason operator';
is $t->stop, 0, 'it ends in order';
done_testing;
