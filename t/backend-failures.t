#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# Backends that refuse, swallow the connect, or reset: the next server is
# tried, and a failure reaches the client as an alert, never as a goodbye.
use strict;
use warnings;
use Test::More;
use IO::Socket::INET;
use Time::HiRes qw(time);

use TLSward qw(wait_for address free_port slow pace unwatched);
use TLSward::Backend;
use TLSward::Client qw(tls_connect http_get read_all send_all canary);

my $host = 'one.example.test';
my $idle = 1.5 * pace();	# whose servers answer at once are quicker
my $nobody = address() . ':' . free_port();
my $dir = File::Temp::tempdir(CLEANUP => 1);
chmod 0755, $dir;
my $good = TLSward::Backend->new('http', name => 'good');
my $unix = TLSward::Backend->new('http', name => 'unix', unix => "$dir/app.sock");
my $resetting = TLSward::Backend->new('reset', size => 100_000);
my $at_once = TLSward::Backend->new(sub { TLSward::Backend::linger_zero($_[0]); return {} });

# Listeners whose queue is full answer no SYN.
my (%deaf, %fill);
for my $name (qw(deaf wakes)) {
	$deaf{$name} = IO::Socket::INET->new(LocalAddr => address(), Listen => 1) or die "listen: $!";
	listen $deaf{$name}, 0;
	$fill{$name} = [ map { IO::Socket::INET->new(PeerAddr => $deaf{$name}->sockhost, PeerPort => $deaf{$name}->sockport, Blocking => 0) } 1 .. 4 ];
}
my ($swallows, $wakes) = map { address() . ':' . $deaf{$_}->sockport } qw(deaf wakes);

my $silent = TLSward::Backend->new('silent');
my $early = TLSward::Backend->new(sub { sysread $_[0], my $bytes, 65536; return {} });
my $unfinished = TLSward::Backend->new(sub { my ($s) = @_; TLSward::Backend::send_all($s, 'half an answ'); sysread $s, my $bytes, 65536; return {} });

my $moody = TLSward::Backend->new(sub {
	my ($s) = @_;
	sysread $s, my $bytes, 65536;
	TLSward::Backend::send_all($s, 'answer');
	TLSward::Backend::linger_zero($s) if $bytes eq 'reset';
	return {};
});

my %servers = (
	moody => [ $moody->server ],
	silent => [ $silent->server ],
	early => [ $early->server ],
	unfinished => [ $unfinished->server ],
	mixed => [ $nobody, $good->server ],
	none => [ $nobody, $nobody ],
	unix => [ "unix:$dir/none.sock", $unix->server ],
	deaf => [ $swallows, $good->server ],
	deaf_only => [$swallows],
	good => [ $good->server ],
	reset => [ $resetting->server ],
	at_once => [ $at_once->server ],
	wakes => [$wakes],
);
my @names = sort keys %servers;
my $t = TLSward->new(hosts => [$host],
	listeners => [ map { +{ name => $_, backend => $_, $_ eq 'wakes' ? (timeouts => { connect => 60 }) : () } } @names ],
	backends => [ map { +{ name => $_, servers => $servers{$_} } } @names ],
	conf => { timeouts => { connect => 0.5, idle => $idle }, workers => 1, watch => unwatched() })->start;
my $canary = canary($t->via('good'));

sub get {
	my ($name) = @_;
	my $s = tls_connect($t, sni => $host, listener => $name) or return;
	return http_get($s, $host, '/');
}

for my $try (1 .. 4) {
	is get('mixed')->{body}, "good / for $host\n", "try $try: a server that refuses is passed over";
	is get('unix')->{body}, "unix / for $host\n", "try $try: so is a Unix socket that is not there";
}
cmp_ok $t->ctl_json('worker', 1)->{counters}{backend_failures}, '<=', 4, 'servers that failed are left out for a while';

my $began = time;
is get('deaf')->{body}, "good / for $host\n", 'a server that swallows the connect is given up';
cmp_ok time - $began, '>=', 0.5, 'at the connect deadline';

my %want = (none => 'backend_unreachable', deaf_only => 'connect_deadline', at_once => 'backend_reset');
for my $name (sort keys %want) {
	my $mark = $t->mark;
	my $s = tls_connect($t, sni => $host, listener => $name);
	send_all($s, "GET / HTTP/1.1\r\n\r\n");
	my ($bytes, $how) = read_all($s);
	is $how, 'error', "$name: the client gets no goodbye";
	like $TLSward::Client::error, qr/alert internal error/i, "$name: but an alert";
	is $t->wait_log({ msg => 'connection ended', listener => $name }, 5, $mark)->{end}, $want{$name}, "$name: counted as $want{$name}";
}

my $mark = $t->mark;
my $s = tls_connect($t, sni => $host, listener => 'reset');
send_all($s, 'go');
my ($bytes, $how) = read_all($s);
is length $bytes, 100_000, 'what a backend sent before its reset arrives';
is $how, 'error', 'the reset is no goodbye';
like $TLSward::Client::error, qr/alert internal error/i, 'but an alert';
is $t->wait_log({ msg => 'connection ended', listener => 'reset' }, 5, $mark)->{end}, 'backend_reset', 'counted as backend_reset';

# One that has closed after its answer is asked for it with the next.
for my $n (1 .. 5) {
	for my $case ([ close => 'backend_closed', 'eof' ], [ reset => 'backend_reset', 'error' ]) {
		my ($wish, $end, $end_of_stream) = @$case;
		$mark = $t->mark;
		$s = tls_connect($t, sni => $host, listener => 'moody');
		send_all($s, $wish);
		is_deeply [ read_all($s) ], [ 'answer', $end_of_stream ], "$n: an answer, then a $wish";
		$s->close;
		is $t->wait_log({ msg => 'connection ended', listener => 'moody' }, 5, $mark)->{end}, $end, "$n: counted as $end";
	}
}
# One that resets what it has accepted before the worker has seen that it is connected.
$mark = $t->mark;
$s = tls_connect($t, sni => $host, listener => 'wakes');
wait_for(sub { @{ $t->ctl_json('connections', '--listener', 'wakes', '--phase', 'connect')->{connections} } }, 5, 'the phase connect');
my ($worker) = $t->pids('worker');
kill STOP => $worker;
wait_for(sub { TLSward::stat_of($worker)->{state} eq 'T' }, 5, 'a worker that stands still');
my %not_its = map { $_->sockport => 1 } @{ $fill{wakes} };
$_->close for @{ $fill{wakes} };
my $its;
do { $its = $deaf{wakes}->accept or die "accept: $!\n" } while $not_its{ $its->peerport };
TLSward::Backend::linger_zero($its);
$its->close;
kill CONT => $worker;
is +(read_all($s))[1], 'error', 'a reset that comes before the worker looks is no goodbye';
is $t->wait_log({ msg => 'connection ended', listener => 'wakes' }, 5, $mark)->{end}, 'backend_reset', 'and counted as backend_reset, because the server was reached';

# One that accepts and says nothing; two that close, having said little or nothing.
for my $case ([ silent => 'idle_deadline', 'error', '' ], [ early => 'client_closed|backend_closed', 'eof', '' ],
	[ unfinished => 'backend_closed', 'eof', 'half an answ' ]) {
	my ($name, $end, $end_of_stream, $answer) = @$case;
	$mark = $t->mark;
	$began = time;
	$s = tls_connect($t, sni => $host, listener => $name);
	send_all($s, "GET / HTTP/1.1\r\n\r\n");
	($bytes, $how) = read_all($s);
	my $took = time - $began;
	is $bytes, $answer, "$name: the client gets what there was";
	is $how, $end_of_stream, "$name: and hears of the end: $how";
	cmp_ok $took, '>=', $idle, "$name: after the idle deadline: $took s" if $name eq 'silent';
	cmp_ok $took, '<', $name eq 'silent' ? 1.25 * $idle + slow() : slow(), "$name: soon: $took s";
	$s->close;
	like $t->wait_log({ msg => 'connection ended', listener => $name }, 5, $mark)->{end}, qr/^($end)$/, "$name: counted";
}
$canary->unharmed;
is $t->stop, 0, 'it ends in order';
done_testing;
