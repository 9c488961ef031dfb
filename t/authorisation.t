#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# Who may use the control socket: everybody who can connect reads; root and
# control.admins (users and @groups, also supplementary ones) change; the users
# of roles are refused even if the socket lets them in; others do not get in.
use strict;
use warnings;
use IO::Socket::UNIX;
use JSON::PP ();
use POSIX qw(_exit);
use Test::More;

use TLSward qw(program);
use TLSward::Backend;

plan skip_all => 'NOT RUN: needs root, to become other users' if $> != 0;

my ($reader, $group, $admin, $admins, $stranger) = (61711, 61712, scalar getpwnam("nobody"), 61714, 61715);
my $backend = TLSward::Backend->new('http');
my $t = TLSward->new(backends => [ { servers => [ $backend->server ] } ])->start;
my %role = (worker => 61701, keeper => 61702, librarian => 61703);
my $socket = "$t->{dir}/control.sock";
is $t->stop, 0, 'without a group it starts and ends';

# control.group and control.admins have to be of this machine, or numbers.
$t->{conf}{control} = { socket => $socket, group => "$group", admins => [ "nobody", "\@$admins" ] };
$t->write_conf->start;
my @stat = stat $socket;
is sprintf('%o', $stat[2] & 07777), '660', 'the socket is for its owner and its group';
is $stat[5], $group, 'which the configuration names';

# The answer to method as a user with such groups: its result or error, "refused" if it cannot connect.
sub ask_as {
	my ($uid, $groups, $method, $params) = @_;
	pipe my $from, my $to or die "pipe: $!\n";
	my $pid = fork // die "fork: $!\n";
	if (!$pid) {
		my $first = $groups->[0];
		($(, $)) = ($first, "$first @$groups");
		POSIX::setgid($first);
		POSIX::setuid($uid);
		my $s = $> == $uid && IO::Socket::UNIX->new(Type => SOCK_STREAM, Peer => $socket);
		if (!$s) { syswrite $to, qq({"connect":"$!"}\n); _exit(0) }
		local $SIG{PIPE} = 'IGNORE';
		local $SIG{ALRM} = sub { _exit(1) };
		alarm 10;
		syswrite $s, JSON::PP->new->encode({ jsonrpc => '2.0', id => 1, method => $method, params => $params // {} }) . "\n";
		my $line = <$s> // '{"connect":"cut without an answer"}';
		syswrite $to, $line;
		_exit(0);
	}
	close $to;
	my $line = <$from> // '{"connect":"nothing"}';
	waitpid $pid, 0;
	return JSON::PP->new->decode($line);
}
sub may {
	my ($uid, $groups, $what) = @_;
	my $read = ask_as($uid, $groups, 'status');
	return 'no connection' if $read->{connect};
	return 'nothing' if $read->{error};
	my $change = ask_as($uid, $groups, 'log-level', { level => 'debug' });
	return $change->{result} ? 'change' : $change->{error}{code} == -32001 ? 'read' : 'strange';
}

is may(0, [0]), 'change', 'root may change';
is may($reader, [$group]), 'read', 'a member of the group may read, and not change';
is may($reader, [ $reader, $group ]), 'read', 'also as a supplementary group';
is may($admin, [$group]), 'change', 'a user among the admins may change';
is may($reader, [ $group, $admins ]), 'change', 'a member of a group among the admins may change';
is may($reader, [ $admins, $group ]), 'change', 'whichever of its groups is the primary one';
is may($stranger, [$stranger]), 'no connection', 'a stranger cannot connect';
is may($admin, [$admin]), 'no connection', 'nor an admin that the socket does not let in';
for my $name (sort keys %role) {
	is may($role{$name}, [ $role{$name} ]), 'no connection', "the user of the $name cannot connect";
	is may($role{$name}, [ $group, $admins ]), 'nothing', 'and is refused if somebody lets it, whatever its groups';
}
my $refused = ask_as($role{worker}, [$group], 'help');
like $refused->{error}{message}, qr/roles/, 'the refusal says why';
for my $method (qw(drain replace close log-level)) {
	is ask_as($reader, [$group], $method, {})->{error}{code}, -32001, "$method is not for readers";
}
is(ask_as($reader, [$group], $_)->{error}, undef, "$_ is for readers")
	for qw(status workers connections hosts backends metrics events help);
is ask_as($reader, [$group], 'help')->{result}{you_may}, 'read', 'help says what the caller may';
my @asked = $t->find_log({ msg => 'asked over the control socket' });
is_deeply [ sort { $a <=> $b } keys %{ { map { $_->{uid} => 1 } @asked } } ], [ 0, $reader, $admin ],
	'the log has everybody who changed something, and nobody else';
is $t->stop, 0, 'it ends in order';
done_testing;
