#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# A reload: each kind of change is obeyed by the next handshake after the
# answer, which says what changed; connections that are open go on, those of
# before every reload to the end.
use strict;
use warnings;
use File::Copy qw(copy);
use Test::More;
use Time::HiRes qw(sleep time);

use TLSward qw(wait_for slow free_port address unwatched);
use TLSward::Backend;
use TLSward::Client qw(tls_connect tcp_connect client_hello read_all send_all alert_in http_get);

my @hosts = qw(one.example.test two.example.test);
my %backend = map { $_ => TLSward::Backend->new('http', name => $_) } qw(app other third);
my $t = TLSward->new(hosts => \@hosts, backends => [
	{ name => 'app', servers => [ $backend{app}->server ] }, { name => 'other', servers => [ $backend{other}->server ] } ],
	conf => { policy => { scripts => 'policy.d' }, watch => unwatched() });
my $conf = $t->{conf};
mkdir $t->in_directory('policy.d');
sub script { my ($name, $text) = @_; return TLSward::Certs::write_file($t->in_directory("policy.d/$name"), $text) }
script('allow.lua', 'return { name = "allow", api = 1, allow = function(hello) if hello.sni == "no.example.test" then return false end end }');
$t->start;

# Changes nothing but what the function does to the configuration; the answer.
sub reload {
	my ($change) = @_;
	$change->() if $change;
	$t->write_conf;
	return $t->ctl_json('reload');
}
sub changes { my ($answer) = @_; return { map { $_->{path} => "$_->{effect}: " . ($_->{old} // '-') . ' > ' . ($_->{new} // '-') } @{ $answer->{changes} } } }
sub connect_to { my ($host, %o) = @_; return tls_connect($t, sni => $host, %o) }
sub page {
	my ($host, %o) = @_;
	my $s = connect_to($host, %o) or return "no handshake: $TLSward::Client::error";
	my $answer = http_get($s, $host, '/x', 5);
	return $answer && $answer->{body} =~ /^(\w+) / ? $1 : 'nothing';
}
# As many connections as make it likely that each worker has had one.
sub pages { my ($host, %o) = @_; my %seen; $seen{ page($host, %o) }++ for 1 .. 8; return join ' ', sort keys %seen }
sub refused {
	my ($host) = @_;
	my $s = tcp_connect($t) or return 'no connection';
	send_all($s, client_hello(sni => $host));
	my ($bytes) = read_all($s, 10);
	return alert_in($bytes) // 'no alert';
}
sub certificates { my ($host, %o) = @_; my %seen; $seen{ connect_to($host, %o)->get_fingerprint }++ for 1 .. 8; return join ' ', sort keys %seen }
sub listens { my ($port) = @_; return IO::Socket::INET->new(PeerAddr => address(), PeerPort => $port) ? 1 : 0 }

my $life_long = connect_to($hosts[0]) or die $TLSward::Client::error;
ok http_get($life_long, $hosts[0], '/'), 'a connection that is to see all of it';
my @workers = $t->pids('worker');
is $t->ctl_json('status')->{reload}{result}, undef, 'there has been no reload yet';

subtest 'nothing has changed' => sub {
	my $answer = reload();
	is_deeply $answer->{changes}, [], 'no setting';
	is $answer->{generation}, 2, 'but it is another generation';
	is_deeply [ $t->pids('worker') ], \@workers, 'with the same workers';
	is pages($hosts[0]), 'app', 'and it serves';
};

subtest 'certificates' => sub {
	my $before = certificates($hosts[0]);
	my $new = $t->{certs}->make(name => 'renewed', names => [ $hosts[0] ]);
	copy($new->{$_}, $conf->{certificates}[0]{$_}) for qw(chain key);
	is certificates($hosts[0]), $before, 'a file alone changes nothing';
	reload();
	my $after = certificates($hosts[0]);
	isnt $after, $before, 'after a reload another certificate, with another key, is served';
	unlike $after, qr/ /, 'by all workers';
	my $answer = reload(sub { push @{ $conf->{certificates} }, $t->certificate('three.example.test'), $t->certificate('no.example.test') });
	is_deeply changes($answer), { certificates => 'in place: 2 entries > 4 entries' }, 'entries are counted';
	is_deeply $answer->{counts}{names}, { before => 2, now => 4 }, 'and names';
	is pages('three.example.test'), 'app', 'which are served';
	reload(sub { splice @{ $conf->{certificates} }, 2, 1 });
	is refused('three.example.test'), 112, 'one that is taken out is served no more' for 1 .. 4;
};

subtest 'policy' => sub {
	is refused('no.example.test'), 112, 'a script refuses a name';
	script('allow.lua', 'return { name = "allow", api = 1, allow = function(hello) return hello.sni ~= (tlsward.settings.never or "one.example.test") end }');
	is_deeply changes(reload()), {}, 'its text is none of the settings';
	is refused($hosts[0]), 112, 'another text is obeyed' for 1 .. 4;
	is pages('no.example.test'), 'app', 'by all workers';
	my $answer = reload(sub { $conf->{policy}{settings} = { allow => { never => 'two.example.test' } } });
	is_deeply changes($answer), { 'policy.settings.allow' => 'in place: - > settings' }, 'settings of a script are';
	is refused($hosts[1]), 112, 'and are obeyed' for 1 .. 4;
	is pages($hosts[0]), 'app', 'by all workers';
	script('route.lua', 'return { name = "route", api = 1, route = function(hello) return "other" end }');
	is_deeply reload()->{counts}{scripts}, { before => 1, now => 2 }, 'a second script is counted';
	is pages($hosts[0]), 'other', 'and routes';
	is $t->ctl_json('explain', $hosts[0])->{route}{backend}, 'other', 'which explain knows';
	my $policy = delete $conf->{policy};
	reload();
	is pages($hosts[1]), 'app', 'without the block nothing is left of it';
	is_deeply $t->ctl_json('policies')->{scripts}, [], 'also for the method policies';
	unlink $t->in_directory("policy.d/$_") for qw(allow.lua route.lua);
	reload(sub { $conf->{policy} = $policy });
	is pages($hosts[1]), 'app', 'a folder without scripts is as good as none';
};

subtest 'backends' => sub {
	my @before = $t->pids('worker');
	my $answer = reload(sub { $conf->{backends}[0]{servers} = [ $backend{other}->server ] });
	my ($from, $to, $third) = map { $backend{$_}->server } qw(app other third);
	is_deeply changes($answer), { 'backends.app.servers' => "in place: $from > $to" }, 'a server whose port workers know';
	is pages($hosts[0]), 'other', 'is obeyed';
	reload(sub { @{ $conf->{backends} } = reverse @{ $conf->{backends} }; });
	is pages($hosts[0]), 'other', 'their order does not matter';
	reload(sub { $conf->{backends}[1]{name} = 'web'; $conf->{listeners}[0]{backend} = 'web' });
	is pages($hosts[0]), 'other', 'nor their names';
	is_deeply [ $t->pids('worker') ], \@before, 'all with the same workers';
	$answer = reload(sub { $conf->{backends}[1]{servers} = [ $third ] });
	is $answer->{effect}, 'new workers', 'a port that they may not connect to needs new ones';
	is pages($hosts[0]), 'third', 'which connect to it';
	is scalar(grep { my $pid = $_; grep { $_ == $pid } @before } map { $_->{pid} } grep { $_->{state} eq 'ready' } @{ $t->ctl_json('workers')->{workers} }), 0,
		'none of before takes connections';
};

subtest 'settings in place' => sub {
	my @before = grep { defined } map { $_->{state} eq 'ready' ? $_->{pid} : undef } @{ $t->ctl_json('workers')->{workers} };
	my $answer = reload(sub { $conf->{timeouts} = { idle => 0.5 }; $conf->{listeners}[0]{alpn} = ['h2'] });
	is_deeply changes($answer), { 'timeouts.idle' => 'in place: 300 > 0.5', 'listeners.https.alpn' => 'in place: http/1.1 > h2' }, 'timeouts and ALPN';
	my $s = connect_to($hosts[0], alpn => [ 'h2', 'http/1.1' ]);
	is $s->alpn_selected, 'h2', 'ALPN is as it says now';
	my $began = time;
	read_all($s, 10);
	cmp_ok time - $began, '<', 5 * slow(), 'and so is a deadline';
	ok http_get($life_long, $hosts[0], '/'), 'connections of before have those of before';
	reload(sub { delete $conf->{timeouts}; $conf->{tls} = { minimum => '1.3', tickets => \0 }; $conf->{listeners}[0]{default_certificate} = $hosts[1] });
	ok !connect_to($hosts[0], version => 'TLSv1_2'), 'TLS 1.2 is not spoken any more' for 1 .. 4;
	ok connect_to(undef, verify => 0), 'a client that names no host has a certificate' for 1 .. 4;
	reload(sub { delete $conf->{tls} });
	ok connect_to($hosts[0], version => 'TLSv1_2'), 'TLS 1.2 is spoken again' for 1 .. 4;
	is_deeply [ grep { defined } map { $_->{state} eq 'ready' ? $_->{pid} : undef } @{ $t->ctl_json('workers')->{workers} } ], \@before, 'all by the same workers';
};

subtest 'listeners' => sub {
	my ($port, $keeps) = (free_port(), connect_to($hosts[0]));
	my $answer = reload(sub { push @{ $conf->{listeners} }, { name => 'new', address => address(), port => $port, backend => 'other' } });
	is_deeply changes($answer), { 'listeners.new' => 'new workers: - > new' }, 'one that is added';
	is pages($hosts[0], port => $port), 'other', 'is served';
	is pages($hosts[0]), 'third', 'and so is the one of before';
	my $by_new = connect_to($hosts[0], port => $port);
	ok http_get($by_new, $hosts[0], '/'), 'a connection by it';
	my ($c) = grep { $_->{peer} =~ /:@{[ $by_new->sockport ]}$/ } @{ $t->ctl_json('connections')->{connections} };
	is $c->{listener}, 'new', 'which is told so';
	$answer = reload(sub { @{ $conf->{listeners} } = ($conf->{listeners}[1], $conf->{listeners}[0]); $conf->{listeners}[0]{backend} = 'web' });
	is $answer->{effect}, 'in place', 'their order does not matter';
	is pages($hosts[0], port => $port), 'third', 'a backend is that of its listener';
	$answer = reload(sub { shift @{ $conf->{listeners} } });
	is_deeply changes($answer), { 'listeners.new' => 'new workers: there > -' }, 'one that is taken out';
	is listens($port), 0, 'is gone at once';
	ok http_get($by_new, $hosts[0], '/'), 'its connection goes on';
	($c) = grep { $_->{peer} =~ /:@{[ $by_new->sockport ]}$/ } @{ $t->ctl_json('connections', '--listener', 'new')->{connections} };
	is $c->{listener}, 'new', 'and has its name still';
	ok http_get($keeps, $hosts[0], '/'), 'as does one of before all that';
};

subtest 'workers' => sub {
	sub ready { return scalar grep { $_->{state} eq 'ready' } @{ $t->ctl_json('workers')->{workers} } }
	for my $n (3, 1, 2) {
		my $answer = reload(sub { $conf->{workers} = $n });
		is_deeply $answer->{counts}{workers}{now}, $n, "$n workers";
		is ready(), $n, 'are ready';
		is pages($hosts[0]), 'third', 'and serve';
	}
	my ($one) = map { $_->{pid} } grep { $_->{state} eq 'ready' } @{ $t->ctl_json('workers')->{workers} };
	my $answer = reload(sub { $conf->{backends}[1]{servers} = [ $backend{app}->server ]; $conf->{timeouts} = { idle => 7 } });
	kill KILL => $one;
	wait_for(sub { !grep { $_ == $one } $t->pids('worker') }, 5, 'the death of a worker');
	wait_for(sub { 2 == grep { $_->{state} eq 'ready' && $_->{pid} != $one } @{ $t->ctl_json('workers')->{workers} } }, 10, 'its successor');
	is pages($hosts[0]), 'app', 'one that is started later obeys what is in force';
};

subtest 'log' => sub {
	my $to = $t->in_directory('other.log');
	my $answer = reload(sub { $conf->{log}{to} = $to; $conf->{log}{format} = 'json'; $conf->{log}{level} = 'info' });
	ok wait_for(sub { TLSward::Certs::slurp($to) =~ /^\{.*"msg":"reloaded"/m }, 5, 'a line'), 'the line about the reload is in the new file, in the new form';
	rename $to, "$to.1";
	connect_to($hosts[0])->close;
	kill USR1 => $t->{pid};
	wait_for(sub { -s $to }, 5, 'a new file after SIGUSR1');
	$t->ctl_json('log-level', 'debug');
	wait_for(sub { TLSward::Certs::slurp($to) =~ /log-level/ }, 5, 'lines go to the new file');
	my $size = -s "$to.1";
	unlike TLSward::Certs::slurp("$to.1"), qr/log-level/, 'and not to the one of before';
	my $mark = $t->mark;
	rename $to, "$to.2";
	mkdir $to;
	kill USR1 => $t->{pid};
	wait_for(sub { TLSward::Certs::slurp("$to.2") =~ /log\.to: \Q$to\E cannot be opened: .*the one before is kept/ }, 5, 'a file that cannot be opened is told of in the old one');
	rmdir $to;
	$answer = reload(sub { $conf->{log} = { to => $t->in_directory('tlsward.log'), format => 'logfmt', level => 'debug' } });
	ok $t->wait_log({ msg => 'reloaded', generation => $answer->{generation} }, 5), 'and back again';
};

subtest 'SIGHUP' => sub {
	my ($mark, $before) = ($t->mark, $t->ctl_json('status')->{generation});
	kill HUP => $t->{pid} for 1;
	ok $t->wait_log({ msg => 'reloaded', by => 'SIGHUP' }, 5, $mark), 'reloads, too';
	my $status = $t->ctl_json('status');
	is $status->{generation}, $before + 1, 'another generation';
	is_deeply [ @{ $status->{reload} }{qw(result by generation errors)} ], [ 'done', 'SIGHUP', $before + 1, 0 ], 'status shows it';
	cmp_ok abs($status->{reload}{at} - time), '<', 60, 'with its time';
	my ($code, $out) = $t->ctl('status');
	like $out, qr/^last reload +done, at .* by SIGHUP$/m, 'for people, too';

	# One that waits for a stopped librarian: meanwhile others come.
	my $librarian = $t->pid('librarian');
	kill STOP => $librarian;
	$mark = $t->mark;
	kill HUP => $t->{pid};
	$t->wait_log({ msg => qr/is read again, asked by SIGHUP/ }, 5, $mark);
	($code, $out) = $t->ctl('reload');
	is $code, 1, 'a second one is refused';
	like $out, qr/a reload is under way/, 'and told why';
	kill HUP => $t->{pid};
	$t->wait_log({ msg => qr/SIGHUP: a reload is under way; another follows/ }, 5, $mark);
	kill CONT => $librarian;
	wait_for(sub { 2 == (() = $t->find_log({ msg => 'reloaded' }, $mark)) }, 10, 'two reloads, the second for the SIGHUP in between');
	pass 'a SIGHUP during a reload is obeyed afterwards';
};

my ($code, $out) = $t->ctl('reload');
is $code, 0, 'the command for people';
like $out, qr/^reloaded as generation \d+, in place$/m, 'says that it is done';
$conf->{timeouts} = { idle => 8 };
$t->write_conf;
($code, $out) = $t->ctl('reload');
like $out, qr/^timeouts\.idle: 8, before 7$/m, 'and what has changed';

ok http_get($life_long, $hosts[0], '/'), 'the first connection has lived through all of it';
$_->close for $life_long;
is $t->stop, 0, 'it ends with status 0';
is scalar($t->find_log({ level => 'error', msg => qr/^(?!log\.to)/ })), undef, 'nothing went wrong' or diag explain [ $t->find_log({ level => 'error' }) ];
done_testing;
