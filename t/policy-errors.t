#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# What is wrong with scripts and host sets is told at a start and by -t, all of
# it, with file and line; nothing is served then.
use strict;
use warnings;
use Test::More;

use TLSward qw(run_command program);

my $t = TLSward->new(hosts => ['one.example.test'], backends => [ { servers => ['127.0.0.1:9'] } ],
	conf => { policy => { scripts => 'policy.d', budget_ms => 20 } });
my $folder = $t->in_directory('policy.d');

sub check {
	my ($files, @args) = @_;
	system('rm', '-rf', $folder);
	mkdir $folder;
	TLSward::Certs::write_file("$folder/$_", $files->{$_}) for keys %$files;
	return run_command('timeout', 30, program('tlsward'), @{ $t->{args} }, @args, '-c', $t->{conf_path});
}

my $good = qq{return { name = "good", api = 1, allow = function(hello) return true end }\n};
my ($status, $out) = check({ 'a.lua' => $good }, '-t');
is $status, 0, 'a good script passes' or diag $out;
($status, $out) = check({ 'notes.txt' => 'x', '.a.lua' => 'x', 'a.lua~' => 'x' }, '-t');
is $status, 0, 'what is no script is left alone' or diag $out;

# What is in bad.lua, the line, and what is said of it.
my @cases = (
	[ 'a syntax error', "\nreturn {,}\n", 2, qr/unexpected symbol/ ],
	[ 'an error at load', "local x = 1\nerror('on purpose')\n", 2, qr/on purpose/ ],
	[ 'what the sandbox lacks', "\n\nos.exit(0)\n", 3, qr/os/ ],
	[ 'an endless loop', "local x\nwhile true do x = 1 end\n", 2, qr/has used its/ ],
	[ 'an endless pcall loop', "while true do\npcall(function() while true do end end) end\n", qr/[12]/, qr/has used its/ ],
	[ 'too much memory', "local x = string.rep('x', 1 << 30)\n", undef, qr/not enough memory/ ],
	[ 'no table', "return 42\n", qr/\d+/, qr/table/ ],
	[ 'an unknown field', "return { name = 'bad', api = 1, alow = function() end }\n", qr/\d+/, qr/alow/ ],
	[ 'bytecode', "\e" . "Lua", undef, qr/binary chunk/ ],
);
for my $case (@cases) {
	my ($what, $text, $line, $said) = @$case;
	($status, $out) = check({ '00-good.lua' => $good, 'bad.lua' => $text }, '-t');
	is $status, 1, "$what is an error";
	like $out, qr{^tlsward: \Q$folder\E/bad\.lua:@{[ $line ? "$line: " : '' ]}.*$said}m, 'told with file' . ($line ? ' and line' : '');
}

($status, $out) = check({ 'large.lua' => "--" . "x" x 300_000 }, '-t');
is $status, 1, 'a script of 300 KB is an error';
like $out, qr/large\.lua: is larger than 256 KB/, 'that says so';
($status, $out) = check({ 'empty.lua' => '' }, '-t');
is $status, 1, 'an empty script is an error';
like $out, qr{^tlsward: \Q$folder\E/empty\.lua:}m, 'that names it';

# Settings, where a script has defaults: each mistake with its place in the configuration.
my $strict = qq{return { name = "strict", api = 1, settings = { quiet = false, most = 3, greeting = "hi" } }\n};
sub settings {
	my ($block) = @_;
	my $text = TLSward::Certs::slurp($t->{conf_path});
	my ($line) = 1 + ($text =~ tr/\n//);
	TLSward::Certs::write_file("$t->{dir}/settings.conf", $text . $block);
	system('rm', '-rf', $folder);
	mkdir $folder;
	TLSward::Certs::write_file("$folder/10-strict.lua", $strict);
	return (run_command('timeout', 30, program('tlsward'), @{ $t->{args} }, '-t', '-c', "$t->{dir}/settings.conf"), $line);
}
my $policy = delete $t->{conf}{policy};
$t->write_conf;
my $line;
($status, $out, $line) = settings(qq(policy = { scripts = "policy.d"; settings = { strict = {\nquite = true;\nmost = 3.5;\ngreeting = 5; }; }; };\n));
is $status, 1, 'settings that do not fit the defaults of a script are errors';
like $out, qr{^tlsward: \Q$t->{dir}\E/settings\.conf:@{[$line + 1]}: policy\.settings\.strict\.quite is no setting of 10-strict\.lua, which has greeting, most, quiet$}m,
	'an unknown one is told with file and line, and what there is';
like $out, qr{^tlsward: \S+:@{[$line + 3]}: policy\.settings\.strict\.greeting must be a string, as its default in 10-strict\.lua is, but is a number$}m,
	'and one of another type';
unlike $out, qr/most must/, 'and no other';
($status, $out) = settings(qq(policy = { scripts = "policy.d"; settings = { strict = { quiet = true; }; }; };\n));
is $status, 0, 'those that fit pass' or diag $out;
($status, $out, $line) = settings(qq(policy = { scripts = "policy.d"; settings = {\nstrickt = { quiet = true; }; }; };\n));
is $status, 0, 'settings for a script that is not there are no error';
like $out, qr{/settings\.conf:@{[$line + 1]}: policy\.settings\.strickt: there is no script of that name}m, 'but a warning with its place';
$t->{conf}{policy} = $policy;
$t->write_conf;

my %many = ('a.lua' => "x(\n", 'b.lua' => $good, 'c.lua' => "error('second')\n",
	'd.lua' => qq{local h = tlsward.hostset("missing.txt")\nlocal i = tlsward.hostset("bad.txt")\n$good},
	'bad.txt' => "one.example.test\nnot a name\n");
my @said = (qr{/a\.lua:}, qr{/c\.lua:1: .*second}, qr{/missing\.txt: .*No such file}, qr{/bad\.txt:2: });
for my $mode ([ '-t', 'by a check' ], [ undef, 'at a start' ]) {
	my ($arg, $what) = @$mode;
	($status, $out) = check(\%many, $arg ? $arg : ());
	is $status, 1, "several errors end it with 1 $what";
	like $out, qr{^tlsward: \Q$folder\E$_}m, "and each is told $what" for @said;
}
like $out, qr/not started: 4 errors/, 'and counted';

system('rm', '-rf', $folder);
($status, $out) = run_command('timeout', 30, program('tlsward'), @{ $t->{args} }, '-t', '-c', $t->{conf_path});
is $status, 1, 'a folder that does not exist is an error';
like $out, qr/policy\.scripts: \Q$folder\E: .*No such file/, 'that names it';

done_testing;
