#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# Scripts decide who comes in, for how long, and to which backend; a file of
# host names is followed; what a script does wrong ends no worker.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);

use TLSward qw(wait_for slow);
use TLSward::Backend;
use TLSward::Client qw(tls_connect tcp_connect client_hello read_all send_all alert_in http_get canary);

my @hosts = map { "$_.example.test" } qw(one two three bare routed odd nowhere
	loop pcall pattern memory table error type);
my %backend = map { $_ => TLSward::Backend->new('http', name => $_) } qw(app other);
my $t = TLSward->new(
	hosts => \@hosts,
	listeners => [ { name => 'https', alpn => [ 'h2', 'http/1.1' ] }, { name => 'short' } ],
	backends => [ map { { name => $_, servers => [ $backend{$_}->server ] } } sort keys %backend ],
	conf => { policy => { scripts => 'policy.d', settings => { frontdoor => { greeting => 'hello', most => 3, loud => \1 }, routes => { routed => 'other' } } } },
);
my $folder = $t->in_directory('policy.d');
mkdir $folder;
sub write_file { my ($name, $text) = @_; TLSward::Certs::write_file("$folder/$name", $text); return }

write_file('hosts.txt', "# who may come\none.example.test\nroutes.example.test\n*.wild.test\n");
write_file('10-frontdoor.lua', <<'EOF');
local hosts = tlsward.hostset("hosts.txt")
local s = tlsward.settings
tlsward.log("info", s.greeting .. " " .. s.most .. " " .. tostring(s.loud))
local bad = {
  ["loop.example.test"] = function() while true do end end,
  ["pcall.example.test"] = function() while true do pcall(function() while true do end end) end end,
  ["pattern.example.test"] = function() return (string.rep("a", 255)):find(string.rep(".-", 30) .. "b") end,
  ["memory.example.test"] = function() return #string.rep("x", 1 << 30) end,
  ["table.example.test"] = function() local x = {} for i = 1, 1e9 do x[i] = i end end,
  ["error.example.test"] = function() error("on purpose") end,
  ["type.example.test"] = function() return 42 end,
}
return {
  name = "frontdoor", api = 1,
  allow = function(hello)
    local f = bad[hello.sni or ""]
    if f then return f() end
    if hello.sni == "bare.example.test" then return false, "access_denied" end
    if hello.sni == "odd.example.test" or hello.sni == "nowhere.example.test" then return true end
    if hello.sni == "routed.example.test" then return nil end
    return hosts:contains(hello.sni)
  end,
  route = function(hello)
    if hello.sni == "nowhere.example.test" then return "no-such-backend" end
    if hello.sni == "odd.example.test" then error("no route today") end
  end,
}
EOF
write_file('20-routes.lua', <<'EOF');
return {
  name = "routes", api = 1,
  settings = { extra = "other", routed = "nobody" },
  allow = function(hello) if hello.sni == "routed.example.test" then return true end end,
  timeouts = function(hello)
    if hello.listener == "short" then return { idle = 0.4 } end
    if hello.alpn[1] == "h2" then return { idle = 0.6 } end
  end,
  route = function(hello)
    if hello.sni == "routed.example.test" or hello.sni == "odd.example.test" then return tlsward.settings.routed end
  end,
}
EOF
write_file('.hidden.lua', 'this is no script');
write_file('notes.txt', 'nor is this');
$t->start;
ok $t->find_log({ msg => 'policy', text => 'hello 3 true' }), 'a script sees its settings, and may log';

sub page {
	my ($host, %o) = @_;
	my $s = tls_connect($t, sni => $host, %o) or return $TLSward::Client::error;
	my $answer = http_get($s, $host, '/x', 5);
	return $answer ? $answer->{body} =~ /^(\w+) / ? $1 : $answer->{body} : 'nothing';
}

# The alert, and what it cost: sessions, signatures.
sub counters { return $t->ctl_json('status')->{counters} }
sub refused {
	my ($host) = @_;
	my $s = tcp_connect($t) or return 'no connection';
	send_all($s, client_hello(sni => $host));
	my ($bytes) = read_all($s, 10 * slow());
	return alert_in($bytes) // 'no alert';
}

is page('one.example.test'), 'app', 'a name in the file is served';
my $before = counters();
is refused('two.example.test'), 112, 'another is an unrecognized_name, though there is a certificate for it';
is refused('bare.example.test'), 49, 'a script may name the alert';
my $after = counters();
is $after->{$_}, $before->{$_}, "a refusal costs none of the $_" for qw(sessions signatures backend_connects);
is $after->{hellos}, $before->{hellos} + 2, 'and both were asked about';
my ($ended) = $t->wait_log({ msg => 'connection ended', sni => 'two.example.test' });
is $ended->{end}, 'refused', 'the log says that it was refused';
like $ended->{policy} // '', qr/^10-frontdoor\.lua:\d+$/, 'and by which line of which script';

is page('routed.example.test'), 'other', 'without an opinion the next script is asked, and routes';
is page('odd.example.test'), 'other', 'an error in route leaves it to the next script';
is refused('nowhere.example.test'), 80, 'a backend that does not exist is an internal_error';

for my $case ([ 'short', [], 0.4 ], [ 'https', ['h2'], 0.6 ]) {
	my ($listener, $alpn, $idle) = @$case;
	my $began = time;
	my $s = tls_connect($t->via($listener), sni => 'one.example.test', @$alpn ? (alpn => $alpn) : ()) or die $TLSward::Client::error;
	read_all($s, 10);
	my $took = time - $began;
	cmp_ok $took, '>=', $idle - 0.01, "on $listener @$alpn idle lasts $idle s";
	cmp_ok $took, '<', 3 * slow(), 'and not much longer';
}

# The file is followed.
sub becomes {
	my ($host, $served, $what) = @_;
	ok eval { wait_for(sub { $served == (page($host) eq 'app') }, 5, $what) }, $what;
	return;
}
my $workers = join ' ', $t->pids('worker');
my $mark = $t->mark;
write_file('hosts.txt', "one.example.test\ntwo.example.test\n");
becomes('two.example.test', 1, 'a name that is written into the file is served');
ok $t->wait_log({ msg => 'a host set has changed', names => 2 }, 5, $mark), 'which the log says';
write_file('new.txt', "two.example.test\n");
rename "$folder/new.txt", "$folder/hosts.txt";
becomes('one.example.test', 0, 'a file in its place counts, too');
is page('two.example.test'), 'app', 'with all that it says';

$mark = $t->mark;
write_file('hosts.txt', "one.example.test\n\nno name at all\n");
my $warning = $t->wait_log({ level => 'warning', msg => qr/hosts\.txt:3: / }, 5, $mark);
like $warning->{msg}, qr{^\Q$folder\E/hosts\.txt:3: .*stays as it was}, 'a bad file is refused, with file and line';
is refused('one.example.test'), 112, 'as a whole';
is page('two.example.test'), 'app', 'and what was stays';
$mark = $t->mark;
unlink "$folder/hosts.txt";
ok $t->wait_log({ level => 'warning', msg => qr/hosts\.txt: .*No such file.*stays as it was/ }, 5, $mark), 'a file that vanishes changes nothing';
is page('two.example.test'), 'app', 'either';
$mark = $t->mark;
write_file('hosts.txt', join '', map { "$_\n" } @hosts[0 .. 2]);
becomes($_, 1, "$_ is served when the file is back") for @hosts[0 .. 2];
$t->wait_log({ msg => 'a host set has changed', names => 3 }, 5, $mark);

# It may be long.
write_file('large.txt', join '', map { "host$_.large.test\n" } 1 .. 100_000);
TLSward::Certs::write_file("$folder/large.txt", TLSward::Certs::slurp("$folder/large.txt") . join '', map { "$_\n" } @hosts[0 .. 2]);
$mark = $t->mark;
my $began = time;
rename "$folder/large.txt", "$folder/hosts.txt";
ok $t->wait_log({ msg => 'a host set has changed', names => 100_003 }, 5, $mark), 'a file of 100,000 names is taken';
my $took = time - $began;
cmp_ok $took, '<', 1 * slow(), sprintf 'within a second: %.2f s', $took;
is page('three.example.test'), 'app', 'and obeyed';
is refused('four.example.test'), 112, 'by all workers' for 1 .. 4;
$mark = $t->mark;
write_file('hosts.txt', join '', map { "$_\n" } @hosts[0 .. 2]);
$t->wait_log({ msg => 'a host set has changed', names => 3 }, 5, $mark);

# A link is followed to where it leads: when that is written, when the link
# leads elsewhere, and when it leads through another link that does.
mkdir "$t->{dir}/elsewhere";
TLSward::Certs::write_file("$t->{dir}/elsewhere/names-1", join '', map { "$_\n" } @hosts[0 .. 2]);
sub link_to { my ($to, $name) = @_; symlink $to, "$folder/.new" or die $!; rename "$folder/.new", "$folder/$name" or die $!; return }
$mark = $t->mark;
link_to('../elsewhere/names-1', 'hosts.txt');
ok $t->wait_log({ msg => 'a host set has changed' }, 5, $mark), 'a link in the place of the file counts';
TLSward::Certs::write_file("$t->{dir}/elsewhere/names-1", "two.example.test\n");
becomes('one.example.test', 0, 'and when its target is written');
mkdir "$t->{dir}/elsewhere/$_" for 1, 2;
TLSward::Certs::write_file("$t->{dir}/elsewhere/1/hosts.txt", "one.example.test\n");
TLSward::Certs::write_file("$t->{dir}/elsewhere/2/hosts.txt", join '', map { "$_\n" } @hosts[0 .. 2]);
$mark = $t->mark;
link_to('../elsewhere/1', '..data');
link_to('..data/hosts.txt', 'hosts.txt');
becomes('one.example.test', 1, 'and when it leads elsewhere');
# Logged when all workers have been sent it: before that another one may serve by the set of before.
$t->wait_log({ msg => 'a host set has changed', names => 1 }, 5, $mark);
is refused('two.example.test'), 112, 'to what is there';
$mark = $t->mark;
link_to('../elsewhere/2', '..data');
becomes('two.example.test', 1, 'and when a link on its way does');
$t->wait_log({ msg => 'a host set has changed', names => 3 }, 5, $mark);
is page('one.example.test'), 'app', 'to all that is there';

# A worker that starts later has the same policy.
my ($victim) = $t->pids('worker');
kill KILL => $victim;
wait_for(sub { my @now = $t->pids('worker'); @now == 2 && !grep { $_ == $victim } @now }, 10, 'a new worker');
$t->wait_ready;
is page('three.example.test'), 'app', 'after the death of a worker the set is that of the file' for 1 .. 8;
is refused('four.example.test'), 112, 'and others are refused' for 1 .. 8;
$workers = join ' ', $t->pids('worker');

# What a script does wrong.
my $canary = canary($t, sni => 'two.example.test');
sleep 0.5;
my $rest = $canary->stop;
$mark = $t->mark;
$canary = canary($t, sni => 'two.example.test');
my @bad = map { "$_.example.test" } qw(loop pcall pattern memory table error type);
for my $what (@bad) {
	is refused($what), 80, "$what ends in an internal_error" for 1 .. 3;
}
# For as long as the others need to come often enough.
wait_for(sub { refused($_) for @bad; 8 < (() = $t->find_log({ msg => 'connection ended', sni => 'two.example.test' }, $mark)) }, 20, 'others in between');
my $seen = $canary->stop;
is $seen->{failed}, 0, 'meanwhile everybody else was served' or diag explain $seen->{errors};
cmp_ok $seen->{tried}, '>', 5, 'all the time';
# Beside what the machine itself makes of a connection.
my $bound = 10 * ($rest->{slowest} > 0.1 ? $rest->{slowest} : 0.1);
cmp_ok $seen->{slowest}, '<', $bound, "without a stall: $seen->{slowest} s, at rest $rest->{slowest} s";
is join(' ', $t->pids('worker')), $workers, 'by the same workers';

my $p = $t->ctl_json('policies');
is_deeply [ map { $_->{file} } @{ $p->{scripts} } ], [ "$folder/10-frontdoor.lua", "$folder/20-routes.lua" ],
	'policies lists the scripts in their order, and no others';
my $f = $p->{scripts}[0];
cmp_ok $f->{out_of_budget}, '>=', 9, 'what ran out of its budget is counted';
cmp_ok $f->{out_of_memory}, '>=', 3, 'and out of memory';
cmp_ok $f->{errors}, '>=', 6, 'and errors';
cmp_ok $f->{answered}, '>', 20, 'and answers';
like $f->{last_error}, qr/^10-frontdoor\.lua:\d+: .*42|number/, 'and the last error is told';
is_deeply [ sort keys %{ $f->{calls} } ], [qw(allow route)], 'by what the script was asked, too';
cmp_ok $f->{calls}{allow}{out_of_budget}, '==', $f->{out_of_budget}, 'only allow ran out of its budget';
cmp_ok $f->{calls}{route}{errors}, '>=', 1, 'and route had an error of its own';
is_deeply $p->{host_sets}, [ { name => 'hosts.txt', file => "$folder/hosts.txt", names => 3 } ], 'and the host sets';
my ($status, $out) = $t->ctl('policies');
is $status, 0, 'and as a table';
like $out, qr/10-frontdoor\.lua.*\n.*20-routes\.lua/, 'that has both';

# The same numbers as metrics; they survive a worker.
sub policy_calls {
	my ($status, $text) = $t->ctl('metrics');
	return { $text =~ /^(tlsward_policy_calls_total\{[^}]*\}) (\d+)$/mg };
}
my $calls = policy_calls();
is $calls->{'tlsward_policy_calls_total{script="10-frontdoor.lua",function="allow",result="out_of_memory"}'},
	$f->{calls}{allow}{out_of_memory}, 'metrics count by script, function and result';
is scalar(keys %$calls), 5 * (2 + 3), 'only what has been asked has a label';
my @killed = $t->pids('worker');
kill KILL => @killed;
wait_for(sub { my @now = $t->pids('worker'); @now == 2 && !grep { my $pid = $_; grep { $_ == $pid } @killed } @now }, 10, 'new workers');
$t->wait_ready;
my $later = policy_calls();
is_deeply [ grep { $later->{$_} < $calls->{$_} } keys %$calls ], [], 'no number goes backwards when workers die';

is $t->stop, 0, 'it ends with status 0';
done_testing;
