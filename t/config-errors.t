#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# A mistake in the configuration, or in what it names, is told with file and
# line and what would be right; all mistakes at once; nothing is served.
use strict;
use warnings;
use File::Copy qw(copy);
use Test::More;

use TLSward qw(run_command address free_port program);

my $t = TLSward->new(hosts => ['one.example.test'], backends => [ { servers => ['127.0.0.1:9'] } ]);
my $rsa = $t->certificate('rsa.example.test', kind => 'rsa');
my $file = $t->in_directory('tlsward.conf');
my $good = TLSward::Certs::slurp($file);
my ($chain, $key) = @{ $t->{conf}{certificates}[0] }{qw(chain key)};
TLSward::Certs::write_file($t->in_directory('garbage.pem'), "this is no certificate\n");

sub check {
	my ($text, @args) = @_;
	TLSward::Certs::write_file($file, $text);
	return run_command('timeout', 20, program('tlsward'), @{ $t->{args} }, @args, '-c', $file);
}

my ($status, $out) = check($good, '-t');
is $status, 0, 'a good configuration passes' or diag $out;

# What is replaced in the good text, by what, and what is said of that line.
my @cases = (
	[ 'workers = 2', 'wrokers = 2', qr/"?wrokers"?.*did you mean "workers"/, 'an unknown setting' ],
	[ 'workers = 2', 'workers = 0', qr/workers/, 'a number out of range' ],
	[ 'workers = 2', 'workers = "many"', qr/workers.*auto/, 'a word that is none' ],
	[ 'workers = 2', 'workers = 3000000000', qr/too large/, 'a number that the library would mangle' ],
	[ 'workers = 2', 'workers = = 2', qr/syntax error/, 'a syntax error' ],
	[ 'backend = "app"', 'backend = "nope"', qr/nope/, 'an unknown backend' ],
	[ 'port = \d+', 'port = "https"', qr/port/, 'a port that is no number' ],
	[ 'address = "[^"]*"', 'address = "example.org"', qr/example\.org/, 'an address that is a name' ],
	[ 'servers = \[ "[^"]*" \]', 'servers = [ ]', qr/servers/, 'a backend without servers' ],
	[ 'servers = \[ "[^"]*" \]', 'servers = [ "127.0.0.1" ]', qr/servers.*127\.0\.0\.1/, 'a server without a port' ],
	[ 'workers = 2', 'acme = { challenge = "http-01"; }; workers = 2', qr/acme.*webroot/, 'a challenge by file without a folder' ],
	[ 'workers = 2', 'chains = { sources = [ "files" ]; }; workers = 2', qr/chains\.sources.*did you mean "file"/, 'a source of chains that is none' ],
	[ 'workers = 2', 'policy = { settings = { frontdoor = { a = [ 1 ]; }; }; }; workers = 2',
		qr/frontdoor\.a must be a string, a number, true or false/, 'a setting of a script that is a list' ],
	[ 'workers = 2', 'policy = { settings = { frontdoor = 1; }; }; workers = 2', qr/settings\.frontdoor must be a block/, 'settings of a script that are none' ],
	[ 'workers = 2', 'policy = { budget_ms = 60001; }; workers = 2', qr/budget_ms.*from 1 to 60000/, 'too large a budget' ],
	[ 'workers = 2', 'timeouts = { hello = -1; }; workers = 2', qr/hello/, 'a negative deadline' ],
	[ "chain = \"\Q$chain\E\"", 'chain = "/nowhere/x.pem"', qr{/nowhere/x\.pem.*No such file}, 'a certificate that does not exist' ],
	[ "chain = \"\Q$chain\E\"", 'chain = "garbage.pem"', qr/garbage\.pem/, 'a certificate that is none' ],
	[ "key = \"\Q$key\E\"", "key = \"$rsa->{key}\"", qr/key/, 'a key of another certificate' ],
	[ "chain = \"\Q$chain\E\"; key = \"\Q$key\E\"", "chain = \"$chain\"", qr/key/, 'a certificate without its key' ],
	[ "chain = \"\Q$chain\E\"; key = \"\Q$key\E\"", 'directory = "nowhere"', qr/nowhere.*No such file/, 'a folder that does not exist' ],
);
for my $case (@cases) {
	my ($from, $to, $said, $what) = @$case;
	my $bad = $good =~ s/$from/$to/r;
	my ($before) = $bad =~ /^(.*?)\Q$to\E/s;
	my $line = 1 + ($before =~ tr/\n//);
	($status, $out) = check($bad, '-t');
	is $status, 1, "$what is an error";
	like $out, qr/^tlsward: \Q$file:$line\E: .*$said/m, 'told with file and line';
}

($status, $out) = check($good =~ s/workers = 2/chains = { store = "nowhere"; }; workers = 2/r, '-t');
is $status, 1, 'a store of chains that does not exist is an error';
like $out, qr{^tlsward: chains\.store: \S*/nowhere: cannot be opened: No such file}m, 'told with its path';

if ($> == 0) {
	($status, $out) = check($good =~ s/^user = .*$/user = "no-such-user";/mr, '-t');
	is $status, 1, 'an unknown user is an error';
	like $out, qr/\buser: .*"no-such-user".*adduser/, 'told with what to do';
}

my $many = $good =~ s/workers = 2/workers = 0/r =~ s/backend = "app"/backend = "nope"/r =~ s/\z/wrong = 1;\n/r;
($status, $out) = check($many, '-t');
is scalar(() = $out =~ /^tlsward: \Q$file\E:\d+: /mg), 3, 'three mistakes are three lines' or diag $out;
($status, $out) = check($many);
is $status, 1, 'a start with them fails';
is scalar(() = $out =~ /^tlsward: \Q$file\E:\d+: /mg), 3, 'and says the same';

my $busy = IO::Socket::INET->new(LocalAddr => address(), LocalPort => $t->{port}, Listen => 1) or die;
($status, $out) = check($good);
is $status, 1, 'a port in use ends the start';
like $out, qr/\Q$file\E:\d+: .*$t->{port}.*in use/, 'told with the line of the listener';
$busy->close;

($status, $out) = run_command(program('tlsward'), '-t', '-c', '/nowhere/tlsward.conf');
is $status, 1, 'no file, no start';
like $out, qr{/nowhere/tlsward\.conf.*No such file}, 'and that is said';
($status, $out) = run_command(program('tlsward'), '--frobnicate');
is $status, 2, 'an unknown option is a mistake of its own';
like $out, qr/frobnicate.*|usage/i, 'which names it';
like +(run_command(program('tlsward'), '-V'))[1], qr/^tlsward \d+\.\d+\.\d+/, '-V tells the version';

TLSward::Certs::write_file($file, $good);
$t->start;
is $t->stop, 0, 'the good one starts after all that';

done_testing;
