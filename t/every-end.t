#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# More than 500 connections, ended in every way that the enumeration has: each
# is counted for the reason that it should be, the sum of the ends is the number
# of connections, and descriptors and memory are back where they were.
use strict;
use warnings;
use Test::More;

use TLSward::Network qw(network_or_skip);
BEGIN { network_or_skip() }

use File::Temp ();
use Socket qw(SHUT_WR);

use TLSward qw(wait_for soft_limit pace);
use TLSward::Backend;
use TLSward::Certs;
use TLSward::Client qw(tls_connect tcp_connect http_get read_all send_all close_notify send_reset client_hello canary);

# What is left out, and why.
my %not_here = (
	acme_challenge => 'it needs a CA (acme.t)',
	limit_spill => 'while something waits for a peer nothing more is read for it, and no flight of a handshake is as long; t/unit/spill.c has the limit itself',
);

my $net = TLSward::Network->new;
my @sources = map { "10.92.0.$_" } 1 .. 3;
system(qw(ip addr add), "$_/32", qw(dev lo)) == 0 or die "no address $_\n" for @sources;
# A TCP that is not answered gives up within a second instead of a quarter of an hour.
TLSward::Certs::write_file('/proc/sys/net/ipv4/tcp_retries2', "1\n");

my $host = 'one.example.test';
my $word = File::Temp::tempdir(CLEANUP => 1) . '/word';
my %backend = (
	http => TLSward::Backend->new('http'),
	silent => TLSward::Backend->new('silent'),
	source => TLSward::Backend->new('source', size => 1000),
	much => TLSward::Backend->new('source', size => 3_000_000),
	reset => TLSward::Backend->new('reset'),
	lines => TLSward::Backend->new('trickle', every => 0.1),
	# Answers a goodbye when it is given the word.
	last => TLSward::Backend->new(sub {
		my ($s) = @_;
		TLSward::Backend::drain($s);
		wait_for(sub { -e $word }, 30, 'the word');
		return { sent => TLSward::Backend::send_all($s, "last\n") };
	}),
	far => $net->over_there(sub { TLSward::Backend->new('quiet', address => $net->{theirs}) }),
);
my $dead = $net->over_there(sub { TLSward::free_port($net->{theirs}) });
$net->there('nft', "add table ip dead; add chain ip dead in { type filter hook input priority 0; }; add rule ip dead in tcp dport $dead drop");
my %server = ((map { $_ => $backend{$_}->server } keys %backend),
	closed => "$net->{ours}:" . TLSward::free_port($net->{ours}), dead => "$net->{theirs}:$dead");
my %nets = (progress => 0, closed_window => 0);
my ($soon, $hold) = (0.7 * pace(), pace());
my %listener = (		# its backend, its timeouts
	http => [ 'http', {} ],
	quick => [ 'silent', { hello => $soon, handshake => 1.5 * $soon, idle => $soon } ],
	# All that one address may have come before the first of them goes.
	crowd => [ 'silent', { hello => 4 * $soon, handshake => 5 * $soon } ],
	half => [ 'silent', { half_close => $soon } ],
	life => [ 'silent', { lifetime => $soon } ],
	source => [ 'source', {} ],
	window => [ 'much', { closed_window => $soon } ],
	reset => [ 'reset', {} ],
	closed => [ 'closed', {} ],
	dead => [ 'dead', { connect => 0.5 } ],
	lines => [ 'lines', { progress => 0.3 } ],
	nets => [ 'lines', {%nets} ],
	far => [ 'far', {%nets} ],
	last => [ 'last', { linger => 0.2 } ],
);
my ($per_address, $handshakes) = (200, 240);
my $t = TLSward->new(hosts => [ $host, 'lost.example.test' ],
	listeners => [ map { +{ name => $_, address => $net->{ours}, backend => $listener{$_}[0],
		%{ $listener{$_}[1] } ? (timeouts => $listener{$_}[1]) : () } } sort keys %listener ],
	backends => [ map { +{ name => $_, servers => [ $server{$_} ] } } sort keys %server ],
	conf => { workers => 1, policy => { scripts => 'policy.d' }, timeouts => { drain => 1 },
		limits => { holds => 2, per_address => $per_address, handshakes => $handshakes, spurious_wakeups => 100 } });
mkdir $t->in_directory('policy.d');
TLSward::Certs::write_file($t->in_directory('policy.d/all.lua'), <<"EOF");
return {
  name = "all", api = 1,
  allow = function(hello) return hello.sni ~= "unknown.example.test" end,
  route = function(hello) if hello.sni == "lost.example.test" then return "nowhere" end end,
  chain = function(hello)
    if hello.sni == "held.example.test" then return { "file", incomplete = "hold", wait = $hold } end
    if hello.sni == "bare.example.test" then return { "file", incomplete = "refuse" } end
  end,
}
EOF
# Without its intermediate.
push @{ $t->{conf}{certificates} }, $t->certificate('bare.example.test', with => []);
$t->write_conf->start;
my $foreign = TLSward::Certs->new($t->in_directory('foreign'))->ca;

sub tls { my ($listener, %o) = @_; return tls_connect($t, sni => $host, listener => $listener, %o) // die "$listener: $TLSward::Client::error\n" }
sub tcp { my ($listener, %o) = @_; return tcp_connect($t, listener => $listener, %o) // die "$listener: $TLSward::Client::error\n" }
sub there { my ($listener) = @_; return $net->over_there(sub { tls($listener) }) }
my %hello = map { $_ => client_hello(sni => "$_.example.test") } qw(one unknown none bare lost held);
sub knock { my ($name, $listener) = @_; my $s = tcp($listener // 'http'); send_all($s, $hello{$name}); return $s }
sub used { my $s = tls('http'); http_get($s, $host, '/') // die "no answer\n"; return $s }
sub record_of { my ($s) = @_; return (grep { $_->{peer} =~ /:@{[ $s->sockport ]}$/ } @{ $t->ctl_json('connections', '--listener', 'http', '--limit', 1000)->{connections} })[0] }
sub ends { return $t->ctl_json('status')->{ends} }
sub worker { return ($t->pids('worker'))[0] }

# reason => [ how many in the first round, in the second, one of them; what it returns stays open ]
my %ways = (
	client_closed => [ 5, 60, sub { used()->close; return } ],
	backend_closed => [ 2, 30, sub { my $s = tls('source'); read_all($s); $s->close; return } ],
	client_left => [ 2, 30, sub { close tcp('http'); return } ],
	client_truncated => [ 2, 30, sub { my $s = used(); shutdown $s, SHUT_WR; return $s } ],
	client_reset => [ 2, 30, sub { send_reset(used()); return } ],
	client_alert => [ 2, 10, sub { tls_connect($t, sni => $host, listener => 'http', ca => $foreign) and die "verified\n"; return } ],
	not_tls => [ 2, 30, sub { my $s = tcp('http'); send_all($s, "GET / HTTP/1.1\r\n\r\n"); return $s } ],
	tls_error => [ 2, 20, sub { my $s = knock('one'); sysread $s, my $flight, 65536; send_all($s, "\x17\x03\x03\0\5wrong"); return $s } ],
	refused => [ 2, 30, sub { return knock('unknown') } ],
	no_certificate => [ 2, 20, sub { return knock('none') } ],
	incomplete_chain => [ 2, 10, sub { return knock('bare') } ],
	internal => [ 2, 10, sub { return knock('lost') } ],
	backend_unreachable => [ 2, 10, sub { return tls('closed') } ],
	backend_reset => [ 2, 10, sub { my $s = tls('reset'); send_all($s, 'x'); return $s } ],
	hello_deadline => [ 2, 10, sub { return tcp('quick') } ],
	handshake_deadline => [ 2, 10, sub { return knock('one', 'quick') } ],
	connect_deadline => [ 2, 5, sub { return tls('dead') } ],
	idle_deadline => [ 2, 10, sub { return tls('quick') } ],
	half_close_deadline => [ 2, 10, sub { my $s = tls('half'); close_notify($s); return $s } ],
	lifetime_deadline => [ 2, 5, sub { return tls('life') } ],
	closed_window_deadline => [ 2, 3, sub { return tls('window', receive_buffer => 4096) } ],
	operator => [ 2, 5, sub { my $s = used(); $t->ctl('close', record_of($s)->{id}); return $s } ],
);
# Two are held, and no more may be.
my %held = (
	hold_deadline => [ 2, 2, sub { return knock('held') } ],
	limit_holds => [ 2, 5, sub { return knock('held') } ],
);
# Peers that fall silent all at once; last: what is done then.
my %silent = (
	progress_deadline => [ 2, 4, sub { return there('lines') } ],
	client_timed_out => [ 2, 4, sub { return there('nets') } ],
	backend_timed_out => [ 2, 3, sub { my $s = tls('far'); send_all($s, 'first'); return $s }, sub { send_all($_[0], 'into the dark') } ],
	linger_deadline => [ 2, 3, sub { my $s = there('last'); close_notify($s); return $s } ],
);

my %expected;
sub begin {
	my ($ways, $round) = @_;
	my %open;
	for my $reason (sort keys %$ways) {
		my $n = $ways->{$reason}[$round];
		push @{ $open{$reason} }, map { $ways->{$reason}[2]->() } 1 .. $n;
		$expected{$reason} += $n;
	}
	return \%open;
}

sub fall_silent {
	my ($open) = @_;
	wait_for(sub { !grep { !$_->{client_closed} } @{ $t->ctl_json('connections', '--listener', 'last')->{connections} } }, 5, 'the goodbyes');
	$net->silence((map { $_->sockport } map { @{ $open->{$_} } } grep { $_ ne 'backend_timed_out' } keys %$open), $backend{far}{port});
	for my $reason (keys %$open) {
		my $then = $silent{$reason}[3] // next;
		$then->($_) for @{ $open->{$reason} };
	}
	return TLSward::Certs::write_file($word, '');
}

# More of these than one address may have, and than may be before the end of their handshake.
sub exceed_limits {
	my ($n) = @_;
	my @open = map { tcp('crowd', from => $sources[0]) } 1 .. $per_address + $n;
	push @open, map { tcp('crowd', from => $sources[1]) } 1 .. $handshakes - $per_address + $n;
	$expected{hello_deadline} += $handshakes;
	$expected{$_} += $n for qw(limit_per_address limit_handshakes);
	return @open;
}

sub all_gone { return wait_for(sub { $t->ctl_json('status')->{gauges}{connections} == 0 }, 30, 'the last connection is gone') }

# One round of all of them: what was counted.
sub round {
	my ($round) = @_;
	%expected = ();
	my $before = ends();
	my $canary = canary($t->via('http'), from => $sources[2]);
	my $silent = begin(\%silent, $round);
	my $held = begin(\%held, $round);
	my $open = begin(\%ways, $round);
	fall_silent($silent);
	wait_for(sub { $t->ctl_json('status')->{gauges}{connections} <= 1 }, 30, 'the end of all but the canary');
	my $r = $canary->stop;
	is $r->{failed}, 0, "round $round: another client notices nothing" or diag explain $r->{errors};
	$expected{client_truncated} += $r->{tried};
	my @refused = exceed_limits($round ? 8 : 2);
	all_gone();
	unlink $word;
	$net->sound;
	my $after = ends();
	return { map { $_ => $after->{$_} - ($before->{$_} // 0) } grep { $after->{$_} != ($before->{$_} // 0) } keys %$after };
}

sub sum { my $sum = 0; $sum += $_ for @_; return $sum }
sub descriptors { return scalar(() = glob '/proc/' . worker() . '/fd/*') }
sub memory_kb { return TLSward::Certs::slurp('/proc/' . worker() . '/status') =~ /^RssAnon:\s+(\d+) kB/m ? $1 : 0 }

my @state;
for my $round (0, 1) {
	my $got = round($round);
	is_deeply $got, \%expected, "round $round: each connection is counted for its reason" or diag explain $got, \%expected;
	my $status = $t->ctl_json('status');
	is sum(values %{ $status->{ends} }), $status->{counters}{accepted},
		"round $round: the ends are as many as the connections: $status->{counters}{accepted}";
	is $status->{gauges}{spill_bytes}, 0, "round $round: nothing waits for anybody";
	push @state, { descriptors => descriptors(), memory => memory_kb() };
	cmp_ok sum(values %expected), '>', 500, 'more than 500 connections in this one' if $round;
}
eval { wait_for(sub { ($state[1]{descriptors} = descriptors()) == $state[0]{descriptors} }, 5, 'the same descriptors') };
is $state[1]{descriptors}, $state[0]{descriptors}, 'descriptors are back where they were';
wait_for(sub { memory_kb() <= $state[0]{memory} * 1.1 + 500 }, 5, 'memory comes back');
pass "so is memory: $state[0]{memory} kB, then " . memory_kb() . ' kB';

# ---- those that need somebody else to be in trouble
my $seen = ends();
sub ends_for {
	my ($reason, $n, $what) = @_;
	wait_for(sub { (ends()->{$reason} // 0) == ($seen->{$reason} // 0) + $n }, 10, "$n ends for $reason");
	return pass "$reason: $what";
}
sub refused { return !tls_connect($t, sni => $host, listener => 'http') }
sub served { my $s = tls_connect($t, sni => $host, listener => 'http'); return $s && http_get($s, $host, '/') }
sub ready { my $w = $t->ctl_json('workers')->{workers}; return @$w && !grep { $_->{state} ne 'ready' } @$w }

my @stopped = ($t->pids('keeper'), $t->pids('signer'));
kill STOP => @stopped;
ok refused(), 'no handshake while the keeper stands still';
ends_for('keeper_down', 1, 'a keeper that does not answer');
wait_for(\&served, 10, 'another keeper');
kill KILL => grep { -d "/proc/$_" } @stopped;

# A keeper that starts again while a key is away, and a librarian that cannot say so.
my ($key) = map { $_->{key} } grep { $_->{key} =~ /one\.example/ } @{ $t->{conf}{certificates} };
my ($librarian, $keeper) = ($t->pid('librarian'), $t->pid('keeper'));
kill STOP => $librarian;
rename $key, "$key.away";
kill KILL => $keeper;
wait_for(sub { ($t->pid('keeper') // $keeper) != $keeper && $t->pids('signer') }, 10, 'another keeper');
wait_for(sub { refused() && (ends()->{keeper_failed} // 0) > 0 }, 10, 'a keeper without the key');
pass 'keeper_failed: a keeper that has lost the key';
rename "$key.away", $key;
kill CONT => $librarian;
kill KILL => $t->pid('keeper');
wait_for(\&served, 20, 'all is well again');

SKIP: {
	if (system('strace -V >/dev/null 2>&1') != 0) {
		$not_here{spurious_wakeups} = 'strace is not there';
		skip 'NOT TESTED, spurious_wakeups: needs strace', 1;
	}
	my ($restless, $worker) = (used(), worker());
	my $strace = fork // die "fork: $!\n";
	exec qw(strace -qq -o /dev/null -e trace=recvfrom -e inject=recvfrom:error=EAGAIN -p), $worker if !$strace;
	wait_for(sub { TLSward::Certs::slurp("/proc/$worker/status") =~ /^TracerPid:\s+[1-9]/m }, 5, 'strace');
	send_all($restless, "GET / HTTP/1.1\r\n\r\n");
	ends_for('spurious_wakeups', 1, 'one that wakes the worker for nothing');
	kill INT => $strace;
	waitpid $strace, 0;
}

# One descriptor is left: for the client, none for the server.
all_gone();
my %open = map { m{(\d+)$} ? ($1 => 1) : () } glob '/proc/' . worker() . '/fd/*';
my (undef, $second) = grep { !$open{$_} } 0 .. 1000;
soft_limit(worker(), nofile => $second) == 0 or die "no limit for the worker\n";
my $unlucky = tls_connect($t, sni => $host, listener => 'http');
ends_for('limit_connections', 1, 'no descriptor for the server');
soft_limit(worker(), nofile => 1024);

# Memory runs out: one connection ends, the worker goes on.
SKIP: {
	if (TLSward::sanitizers()) {
		$not_here{no_memory} = 'AddressSanitizer ends a process that gets no memory';
		skip 'NOT TESTED, no_memory: not with sanitizers', 3;
	}
	my $worker = worker();
	my ($kb) = TLSward::Certs::slurp("/proc/$worker/status") =~ /^VmSize:\s+(\d+) kB/m;
	soft_limit($worker, as => 1024 * $kb) == 0 or die "no limit for the worker\n";
	my (@full, $s);
	push @full, $s while @full < 500 && ($s = tls_connect($t, sni => $host, listener => 'http', from => $sources[ @full % @sources ]));
	soft_limit($worker, as => 'unlimited');
	wait_for(sub { (ends()->{no_memory} // 0) > ($seen->{no_memory} // 0) }, 10, 'an end for no_memory');
	pass sprintf 'no_memory: the %dth connection while the worker gets no more', 1 + @full;
	ok served(), 'which serves again when there is some';
	is worker(), $worker, 'and is the same';
}

my @stay = map { used() } 1 .. 3;
$t->ctl('replace', $t->ctl_json('workers')->{workers}[0]{worker});
ends_for('drain_deadline', 3, 'a worker that has to go');
wait_for(\&ready, 10, 'its successor');
@stay = map { used() } 1 .. 3;
kill TERM => worker();
ends_for('stopped', 3, 'a worker that was told to stop');
wait_for(\&ready, 10, 'the next one');

all_gone();
my $status = $t->ctl_json('status');
is sum(values %{ $status->{ends} }), $status->{counters}{accepted},
	"over all workers the ends are as many as the connections: $status->{counters}{accepted}";
my @known = TLSward::Certs::slurp("$TLSward::SOURCE/common/ends.h") =~ /X\(END_(?!NONE)\w+, "(\w+)"/g;
is_deeply [ sort grep { !$not_here{$_} && !$status->{ends}{$_} } @known ], [], 'every reason of the enumeration has been seen';
note "left out: $_, because $not_here{$_}" for sort keys %not_here;
is $t->stop, 0, 'it ends in order';
done_testing;
