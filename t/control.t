#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# The control socket of a running tlsward: hosts and backends, metrics, events,
# closing, draining and replacing, log levels; asked while workers stand still
# or have just died, and by clients that misbehave.
use strict;
use warnings;
use IO::Select;
use IO::Socket::UNIX;
use JSON::PP ();
use POSIX qw(_exit);
use Test::More;
use Time::HiRes qw(sleep time);

use TLSward qw(wait_for program free_port address run_command unwatched);
use TLSward::Backend;
use TLSward::Client qw(tls_connect http_get read_all);

my @hosts = qw(one.example.test two.example.test *.wild.example.test);
my $backend = TLSward::Backend->new('http');
my $closed = address() . ':' . free_port();
my $t = TLSward->new(hosts => \@hosts, conf => { timeouts => { drain => 30 }, watch => unwatched() },
	backends => [ { servers => [ $backend->server ] }, { name => 'broken', servers => [$closed] } ],
	listeners => [ {}, { name => 'broken', backend => 'broken' } ])->start;
my $socket = $t->{conf}{control}{socket};

sub control {
	return IO::Socket::UNIX->new(Type => SOCK_STREAM, Peer => $socket) // die "control socket: $!\n";
}
# The next object that comes, or undef at the end or after so many seconds.
sub next_object {
	my ($s, $seconds) = @_;
	my $until = time + ($seconds // 5) * TLSward::slow();
	while (!defined ${*$s}{buffer} || ${*$s}{buffer} !~ /\n/) {
		return if time > $until || !IO::Select->new($s)->can_read($until - time);
		sysread($s, my $more, 65536) or return;
		${*$s}{buffer} .= $more;
	}
	${*$s}{buffer} =~ s/^(.*)\n// or return;
	return JSON::PP->new->decode($1);
}
sub request {
	my ($s, $method, $params) = @_;
	print $s JSON::PP->new->encode({ jsonrpc => '2.0', id => 1, method => $method, params => $params // {} }), "\n";
	$s->flush;
	return;
}
sub ready { return !grep { $_->{state} ne 'ready' } @{ $t->ctl_json('workers')->{workers} } }
sub one_of { my ($list, $key, $value) = @_; return (grep { $_->{$key} eq $value } @$list)[0] }

# ---- hosts
my $hosts = $t->ctl_json('hosts')->{hosts};
is_deeply [ sort map { $_->{name} } @$hosts ], [ sort @hosts ], 'hosts are the names that certificates cover';
my $one = one_of($hosts, 'name', 'one.example.test');
is $one->{key}, 'ECDSA P-256', 'with their kind of key';
like $one->{source}, qr/one\.example\.test/, 'and the file they come from';
cmp_ok $one->{not_after}, '>', time, 'and when they end';
is scalar @{ $t->ctl_json('hosts', '--name', '*.wild.example.test')->{hosts} }, 1, 'they are filtered by name';
is scalar @{ $t->ctl_json('hosts', '--expiring', 0)->{hosts} }, 0, 'none has ended';
is scalar @{ $t->ctl_json('hosts', '--expiring', 100000)->{hosts} }, 3, 'all of them will';
my ($s, $seen, $after) = (control(), 0);
for (1 .. 3) {
	request($s, 'hosts', { limit => 1, $after ? (after => $after) : () });
	my $page = next_object($s)->{result};
	$seen += @{ $page->{hosts} };
	$after = $page->{next};
}
is $seen, 3, 'pages of one name each have all of them';
request($s, 'hosts', { after => { segment => 16, slot => 4294967295 } });
is_deeply next_object($s)->{result}{hosts}, [], 'a place behind the end gives none';

my @open = map { my $c = tls_connect($t, sni => 'one.example.test') or die "no connection\n"; http_get($c, 'one.example.test', '/'); $c } 1 .. 6;
tls_connect($t, sni => 'unknown.example.test', timeout => 2);
my $host = $t->ctl_json('host', 'ONE.example.test.');
is $host->{connections}, 6, 'host: who is connected for it now';
is $host->{certificates}[0]{chain}, 2, 'host: its certificates';
# Its alert comes before it has ended.
$host = wait_for(sub { my $h = $t->ctl_json('host', 'unknown.example.test'); $h->{refusals} && $h }, 5, 'a refusal');
is_deeply [ $host->{refusals}, scalar @{ $host->{certificates} } ], [ 1, 0 ], 'a name without a certificate shows its refusals';
is scalar @{ $t->ctl_json('host', 'a.wild.example.test')->{certificates} }, 1, 'a wildcard covers a name';
my ($status, $out) = $t->ctl('host', 'no host');
is $status, 1, 'what is no host name is an error';
for my $command ([qw(hosts)], [qw(host one.example.test)], [qw(backends)]) {
	($status, $out) = $t->ctl(@$command);
	is $status, 0, "@$command: done";
}

# On a terminal of 80 columns lines are cut to fit; into a pipe they are whole.
sub on_terminal {
	my (@command) = @_;
	my ($status, $text) = run_command('script', '-qec', "stty cols 80; LC_ALL=C.UTF-8 @{[ program('tlswardctl') ]} -s $socket @command", '/dev/null');
	return grep { length } map { s/\s+$//r } split /\n/, $text;
}

# ---- backends and metrics
tls_connect($t, sni => 'one.example.test', listener => 'broken', timeout => 2) for 1 .. 2;
wait_for(sub { one_of($t->ctl_json('backends')->{backends}, 'name', 'broken')->{servers}[0]{failures} >= 2 }, 5, 'failed connects');
my $backends = $t->ctl_json('backends')->{backends};
my $app = one_of($backends, 'name', 'app')->{servers}[0];
is_deeply [ @$app{qw(connects failures rests_ms)} ], [ 6, 0, 0 ], 'a server that works: connects, no failures, no rest';
is_deeply $app->{addresses}, [ $backend->server ], 'and its address';
my $broken = one_of($backends, 'name', 'broken')->{servers}[0];
ok $broken->{rests_ms} > 0 && $broken->{connects} == 0, 'a server that does not is left out for a while';

for my $command ('hosts', 'host one.example.test', 'backends', 'workers') {
	my @lines = on_terminal($command);
	cmp_ok scalar @lines, '>=', 2, "$command: prints a table on a terminal";
	is_deeply [ grep { length($_) > 80 + 2 * (() = /\xe2/g) } @lines ], [], 'of lines that fit';
}

sub metrics {
	my ($status, $text) = $t->ctl('metrics');
	my (%value, %type);
	for (split /\n/, $text) {
		if (/^# TYPE (\S+) (\S+)$/) { $type{$1} = $2 }
		elsif (/^# HELP tlsward_\w+ \S/) { }
		elsif (/^(tlsward_\w+(?:\{(?:\w+="(?:[^"\\]|\\.)*",?)*\})?) (-?[\d.]+)$/) { $value{$1} = $2 }
		else { $value{strange} .= "$_\n" }
	}
	$value{types} = \%type;
	return \%value;
}
my $m = metrics();
is $m->{strange}, undef, 'each line of metrics is of the form that Prometheus reads';
is_deeply [ grep { s/\{.*//r ne 'types' && !$m->{types}{ s/\{.*//r } } keys %$m ], [], 'and each has a type';
is $m->{'tlsward_names'}, 3, 'the names are counted';
is $m->{'tlsward_process_state{role="worker",worker="1",state="ready"}'}, 1, 'a worker is ready';
is $m->{qq(tlsward_server_connects_total{backend="app",server="@{[ $backend->server ]}"})}, 6, 'connects of a server';
sub accepted { my $m = metrics(); my $n = 0; $n += $m->{$_} for grep { /^tlsward_accepted_total/ } keys %$m; return $n }
my $accepted = accepted();
cmp_ok $accepted, '>=', 9, 'accepted connections are counted';

# ---- events, and sums that outlive a worker
my $follower = control();
request($follower, 'events');
is next_object($follower)->{result}{following}, JSON::PP::true, 'events can be followed';
my $follows = open my $lines, '-|', program('tlswardctl'), '-s', $socket, 'events' or die "tlswardctl: $!\n";
my ($victim) = $t->pids('worker');
wait_for(sub { ($t->ctl_json('metrics') && metrics()->{tlsward_control_clients}) >= 3 }, 5, 'both followers');
my @mine = grep { $_->{worker} == 1 } @{ $t->ctl_json('connections')->{connections} };
kill KILL => $victim;
my %event;
wait_for(sub {
	my $e = next_object($follower, 1) or return;
	my $p = $e->{params};
	$event{ $p->{event} } //= $p if ($p->{worker} // 0) == 1;
	return $event{process_ready};
}, 10, 'the events of a death');
like $event{process_died}{death}, qr/signal 9/, 'an event tells of the death of a process';
ok $event{process_started} && $event{signer_started}, 'others that it was started again, and has a signer';
cmp_ok abs($event{process_died}{time} - time), '<', 20, 'each has its time';
my $line = '';
wait_for(sub { $line = <$lines> // die "tlswardctl ended\n"; $line =~ / process_ready role=worker worker=1 pid=\d+/ }, 5, 'the line');
kill INT => $follows;
close $lines;
is $?, 0, 'until it is interrupted, which is an ordinary end';
like $line, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z process_ready role=worker /, 'tlswardctl prints a line for each';
is accepted() >= $accepted, 1, 'sums do not go backwards when a worker dies';
wait_for(\&ready, 10, 'all workers');
is accepted() >= $accepted, 1, 'nor when another takes its place';

# ---- close
my $c = tls_connect($t, sni => 'two.example.test');
http_get($c, 'two.example.test', '/');
my ($entry) = @{ $t->ctl_json('connections', '--sni', 'two.example.test')->{connections} };
($status, $out) = $t->ctl('close', $entry->{id});
is $status, 0, "a connection is closed: $out";
is((read_all($c, 5))[1], 'error', 'its client sees no goodbye, but a failure');
is $t->wait_log({ end => 'operator', id => $entry->{id} })->{alert_sent}, 80, 'by an alert, for the reason operator';
($status, $out) = $t->ctl('close', $entry->{id});
is $status, 1, 'closed again, there is none';
like $out, qr/there is no connection \Q$entry->{id}\E/, 'and the answer says so';
is(($t->ctl('close', $_))[0], 1, "nor is there a connection $_") for 1, 99 << 40 | 1, '9223372036854775807';
ok $t->find_log({ msg => 'asked over the control socket', method => 'close', uid => $> }), 'the log says who asked for it';

# ---- log level
# What a worker was told before it answers this, it has obeyed.
sub heard_by_workers {
	my %its;
	my @s;
	wait_for(sub {
		push @s, tls_connect($t, sni => 'one.example.test');
		$its{ $_->{worker} } = $_->{id} for @{ $t->ctl_json('connections')->{connections} };
		return keys %its == 2;
	}, 10, 'a connection of each worker');
	return map { ($t->ctl('close', $_))[0] } values %its;
}
# A connection that is over, with its line in the log if it has one: the end of its peer.
sub over {
	my $s = tls_connect($t, sni => 'two.example.test');
	my $port = $s->sockport;
	$s->close;
	wait_for(sub { !@{ $t->ctl_json('connections', '--sni', 'two.example.test')->{connections} } }, 5, 'its end');
	return { msg => 'connection ended', peer => qr/:$port$/ };
}
is $t->ctl_json('log-level', 'warning')->{was}, 'debug', 'the log level is changed, and the one before told';
is $t->ctl_json('status')->{log_level}, 'warning', 'status knows it';
is_deeply [ heard_by_workers() ], [ 0, 0 ], 'workers have heard of it';
my $quiet = over();
is(($t->ctl('log-level', 'loud'))[0], 1, 'a level that is none is an error');
$t->ctl('log-level', 'debug');
heard_by_workers();
ok $t->wait_log(over()), 'workers obey again';
is scalar(() = $t->find_log($quiet)), 0, 'and obeyed before';

# ---- replace and drain
my %before = map { $_->{worker} => $_->{pid} } @{ $t->ctl_json('workers')->{workers} };
my @kept = map { my $k = tls_connect($t, sni => 'one.example.test'); http_get($k, 'one.example.test', '/'); $k } 1 .. 8;
my $replaced = $t->ctl_json('replace', 2);
is_deeply $replaced, { worker => 2, successor => 3 }, 'a worker is replaced by one with another number';
is scalar(grep { http_get($_, 'one.example.test', '/') } @kept), 8, 'its connections live on while it drains';
my $workers = $t->ctl_json('workers')->{workers};
is one_of($workers, 'worker', 2)->{state}, 'draining', 'the old one drains';
is one_of($workers, 'worker', 3)->{state}, 'ready', 'the new one is ready';
is(($t->ctl('drain', 2))[0], 1, 'what drains cannot be drained again');
$_->close for @kept, @open;
wait_for(sub { !one_of($t->ctl_json('workers')->{workers}, 'worker', 2) }, 10, 'the end of the drained worker');
pass 'when its last connection has ended, it is gone from the list';
is one_of($t->ctl_json('workers')->{workers}, 'worker', 1)->{pid}, $before{1}, 'the other one was left alone';
is accepted() >= $accepted, 1, 'sums still have what it counted';
is $t->ctl_json('replace', 3)->{successor}, 2, 'a vacant number is used again';
is(($t->ctl('worker', 3))[0], 0, 'a worker that has left can still be asked about');
($status, $out) = $t->ctl('drain', 1);
is $status, 0, 'a worker is drained without a successor';
wait_for(sub { one_of($t->ctl_json('workers')->{workers}, 'worker', 1)->{state} eq 'down' }, 10, 'its end');
($status, $out) = $t->ctl('drain', 2);
is $status, 1, 'the last one is not drained by number';
like $out, qr/the last that takes connections/, 'and why is told';
is_deeply $t->ctl_json('drain', 'all')->{draining}, [2], 'but with all';
wait_for(sub { $t->ctl_json('status')->{state} eq 'drained' }, 10, 'that nobody serves');
is $t->ctl_json('replace', 1)->{worker}, 1, 'a successor for a place that is down is a new worker';
is $t->ctl_json('replace', 2)->{worker}, 2, 'for the other, too';
wait_for(\&ready, 10, 'two workers');
ok tls_connect($t, sni => 'one.example.test'), 'and they serve';
is(($t->ctl('replace', 63))[0], 1, 'a number that no worker has is an error');

# ---- workers that stand still
my ($stopped) = $t->pids('worker');
my ($number) = grep { one_of($t->ctl_json('workers')->{workers}, 'worker', $_)->{pid} == $stopped } map { $_->{worker} } @{ $t->ctl_json('workers')->{workers} };
my @some = map { my $k = tls_connect($t, sni => 'one.example.test'); http_get($k, 'one.example.test', '/'); $k } 1 .. 8;
my ($its) = grep { $_->{worker} == $number } @{ $t->ctl_json('connections')->{connections} };
kill STOP => $stopped;
for my $command (qw(status workers connections hosts backends policies metrics), "worker $number", 'host one.example.test', 'explain one.example.test') {
	my $began = time;
	my ($status) = $t->ctl(split / /, $command);
	my $took = time - $began;
	is $status, 0, "$command is answered with a stopped worker";
	cmp_ok $took, '<', 1 * TLSward::slow(), 'at once';
}
SKIP: {
	skip 'the stopped worker has no connection', 2 if !$its;
	($status, $out) = $t->ctl('close', $its->{id});
	is $status, 1, 'a stopped worker cannot close anything';
	like $out, qr/not answered within/, 'and that is told, after a bounded time';
}
is $t->ctl_json('replace', $number)->{worker}, $number, 'a stopped worker can be replaced';
kill KILL => $stopped;
my $began = time;
is(($t->ctl($_))[0], 0, "$_ is answered just after a worker died") for qw(workers connections hosts);
is(($t->ctl('explain', 'one.example.test'))[0], 0, 'explain is answered just after a worker died');
cmp_ok time - $began, '<', 2 * TLSward::slow(), 'at once';
$_->close for @some;

# ---- clients that misbehave
wait_for(\&ready, 10, 'all workers');
sub descriptors { return scalar(() = glob "/proc/$t->{pid}/fd/*") }
my $descriptors = descriptors();
my $reader = control();
$reader->blocking(0);
my $request = '{"jsonrpc":"2.0","id":1,"method":"metrics"}' . "\n";
my $cut = 0;
for (1 .. 2000) {
	my $n = syswrite $reader, $request;
	if (!defined $n && !$!{EAGAIN}) { $cut = 1; last }
	sleep 0.01 if !defined $n;
}
wait_for(sub { $t->find_log({ msg => qr/a client is cut: it does not read/ }) }, 20, 'the cut');
pass 'a client that does not read its answers is cut';
srand 20261121;
my ($answered, $ended) = (0, 0);
my @pieces = ('{', '}', '[', ']', '"jsonrpc":"2.0"', '"method":"status"', '"method":"close"', '"id":1', ',', ':', 'null', '"\u0000"',
	"\xff\xfe", '1e999', '"params":{"id":-1}', '"params":[]', 'x' x 5000, "\0", '"method":5', '[[[[[[[[', '9' x 400);
for my $n (1 .. 1000) {
	my $s = control();
	my $text = $n % 100 == 0 ? 'a' x 70000 : $n % 3 == 0 ? join('', map { chr int rand 256 } 1 .. 1 + int rand 300) =~ tr/\n//dr
		: join('', map { $pieces[ rand @pieces ] } 1 .. 1 + int rand 12);
	$text = '{' if $text !~ /[^ \t\r]/;
	local $SIG{PIPE} = 'IGNORE';
	print $s "$text\n";
	$s->flush;
	my $answer = next_object($s, 5);
	if ($answer && ($answer->{error} || $answer->{result})) { $answered++ } else { $ended++ }
	close $s;
}
is $answered + $ended, 1000, "1,000 malformed requests are answered ($answered) or end the client ($ended)";
cmp_ok $answered, '>', 900, 'most are answered';
is $t->ctl_json('status')->{pid}, $t->{pid}, 'and nothing else has happened';
close $reader;
wait_for(sub { descriptors() <= $descriptors }, 5, 'the end of each of those clients');
pass 'no descriptor stays behind';
ok tls_connect($t, sni => 'one.example.test'), 'clients are served';
my $deaths = 0;
$deaths += $_->{deaths} for values %{ $t->ctl_json('status')->{processes} };
is $deaths, 0, 'no process has died of it';
is $t->stop(40), 0, 'it ends in order';
done_testing;
