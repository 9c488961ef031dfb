#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# tlsward --test-policy says without a server what a script would decide, in
# words, in JSON and by its exit status; the examples decide as they say.
use strict;
use warnings;
use File::Temp qw(tempdir);
use JSON::PP ();
use Test::More;

use TLSward qw(run_command program);

my $dir = tempdir('tlsward-t-XXXXXX', TMPDIR => 1, CLEANUP => 1);
chmod 0755, $dir;
my $examples = "$TLSward::SOURCE/lua/examples";

sub try_script { my ($script, @args) = @_; return run_command('timeout', 20, program('tlsward'), '--test-policy', $script, @args) }
sub write_script { my ($name, $text) = @_; TLSward::Certs::write_file("$dir/$name", $text); return "$dir/$name" }

my ($status, $out) = try_script("$examples/frontdoor.lua", '--sni', 'WWW.example.org');
is $status, 0, 'a name that the script allows';
like $out, qr/^allow\s+yes\s+\(frontdoor\.lua:\d+\)$/m, 'is told with script and line';
like $out, qr/^route\s+no opinion$/m, 'and that it has no opinion on the rest';
($status, $out) = try_script("$examples/frontdoor.lua", '--sni', 'www.example.com');
is $status, 1, 'a name that it refuses';
like $out, qr/^allow\s+no, alert unrecognized_name/m, 'is told with the alert';
($status, $out) = try_script("$examples/frontdoor.lua", '--sni', 'a.b.example.net');
is $status, 0, 'a suffix in the file of names counts';
is((try_script("$examples/frontdoor.lua"))[0], 1, 'no name is refused');

($status, $out) = try_script("$examples/routes.lua", '--sni', 'db.example.org');
is $status, 0, 'no opinion on allow is no refusal';
like $out, qr/^route\s+postgres\s+\(routes\.lua:\d+\)$/m, 'routes.lua routes';
($status, $out) = try_script("$examples/timeouts.lua", '--sni', 'x.example.org', '--listener', 'mail');
like $out, qr/^timeouts\s+idle=1800/m, 'timeouts.lua knows the listener';
($status, $out) = try_script("$examples/timeouts.lua", '--sni', 'x.example.org', '--alpn', 'h2,http/1.1');
like $out, qr/^timeouts\s+idle=600/m, 'and the protocol';

($status, $out) = try_script("$examples/routes.lua", '--sni', 'db.example.org', '--json');
my $answer = JSON::PP->new->decode($out);
is $answer->{route}{backend}, 'postgres', 'as JSON';
like $answer->{route}{where}, qr/^routes\.lua:\d+$/, 'with the line';
is $answer->{allow}{allowed}, undef, 'no opinion is null';

my $peer = write_script('peer.lua', <<'EOF');
return { name = "peer", api = 1,
  allow = function(hello)
    if hello.peer == "2001:db8::1" then return true end
    if hello.peer == "192.0.2.7" then while true do end end
    return false
  end,
  route = function(hello) error("no route") end }
EOF
($status, $out) = try_script($peer, '--sni', 'a.test', '--from', '2001:db8::1');
is $status, 3, 'an error in any hook is exit 3';
like $out, qr/^allow\s+yes/m, 'the others are told';
like $out, qr/^tlsward: route: peer\.lua:\d+: .*no route/m, 'and the error with its line';
($status, $out) = try_script($peer, '--sni', 'a.test', '--from', '192.0.2.7');
is $status, 3, 'so is an endless loop';
like $out, qr/peer\.lua:4: has used its/, 'with its line';

for my $case ([ 'syntax', "return {\n", qr{^tlsward: \Q$dir\E/syntax\.lua:\d+: }m ], [ 'load', "\nerror('at load')\n", qr/load\.lua:2: .*at load/ ],
	[ 'set', qq{tlsward.hostset("set.txt")\nreturn { name = "set", api = 1 }\n}, qr{/set\.txt:2: } ],
	[ 'none', qq{tlsward.hostset("none.txt")\nreturn { name = "none", api = 1 }\n}, qr{/none\.txt: No such file} ]) {
	my ($name, $text, $said) = @$case;
	TLSward::Certs::write_file("$dir/set.txt", "a.test\nnot a name\n");
	($status, $out) = try_script(write_script("$name.lua", $text), '--sni', 'a.test');
	is $status, 3, "$name.lua is exit 3";
	like $out, $said, 'with file and line';
}
($status, $out) = try_script("$dir/nothing.lua", '--sni', 'a.test');
is $status, 3, 'a script that does not exist is exit 3';
like $out, qr/nothing\.lua: No such file/, 'and named';

# Whoever reads JSON gets some, whatever happens (2>/dev/null: errors are written to both).
my $bad_json = `@{[ program('tlsward') ]} --test-policy $dir/load.lua --sni a.test --json 2>/dev/null`;
is_deeply(JSON::PP->new->decode($bad_json), { problems => [ "$dir/load.lua:2: at load" ] }, 'with --json as an object, too');
system("@{[ program('tlsward') ]} --test-policy $examples/routes.lua --sni db.example.org >/dev/full 2>&1");
is $? >> 8, 3, 'an answer that cannot be written is none';

for my $bad ([qw(--sni not_ok!)], [qw(--from here)], [ '--alpn', ',' ], [qw(--nothing)]) {
	($status, $out) = try_script($peer, @$bad);
	is $status, 2, "@$bad is wrong usage";
}
is((run_command(program('tlsward'), '--sni', 'a.test'))[0], 2, '--sni alone, too');

# With a configuration: its listeners, and its settings for the script.
my $t = TLSward->new(hosts => ['a.test'], backends => [ { servers => ['127.0.0.1:9'] } ], listeners => [ { name => 'web' } ],
	conf => { policy => { scripts => 'policy.d', settings => { frontdoor => { nameless => \1 } } } });
is((try_script("$examples/frontdoor.lua", '-c', $t->{conf_path}))[0], 0, 'the settings of a configuration count');
is((try_script($peer, '-c', $t->{conf_path}, '--listener', 'nope'))[0], 2, 'as do its listeners');

$t->{conf}{policy}{settings}{frontdoor} = { nameles => \1, quiet => 'yes' };
$t->write_conf;
($status, $out) = try_script("$examples/frontdoor.lua", '-c', $t->{conf_path});
is $status, 3, 'settings that the script does not have are exit 3';
like $out, qr{^tlsward: \S+tlsward\.conf:\d+: policy\.settings\.frontdoor\.nameles is no setting of frontdoor\.lua, which has nameless, quiet$}m, 'with their place';
like $out, qr{frontdoor\.quiet must be true or false}m, 'and each is told';

SKIP: {
	skip 'only as root', 1 if $> != 0;
	($status, $out) = run_command('setpriv', '--reuid', 61704, '--regid', 61704, '--clear-groups',
		program('tlsward'), '--test-policy', $peer, '--sni', 'a.test');
	is $status, 3, 'anybody may test' or diag $out;
}
done_testing;
