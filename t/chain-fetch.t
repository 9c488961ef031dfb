#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# A missing link is fetched from the URL in the certificate while clients are
# served at once; it is in force without a reload, and after a restart without
# a fetch. What a URL answers instead is told and changes nothing.
use strict;
use warnings;
use File::Copy qw(copy);
use Test::More;
use Time::HiRes qw(time);

use TLSward qw(wait_for run_command pace log_time);
use TLSward::Backend;
use TLSward::Client qw(s_client send_all);

# Only one that hangs may need that long.
my $timeout = 1 + pace();
my $backend = TLSward::Backend->new('http');
my $t = TLSward->new(
	hosts => [],
	backends => [ { servers => [ $backend->server ] } ],
	conf => { chains => { store => 'store' }, aia => { timeout => $timeout, private_addresses => \1 } },
);
my $certs = $t->{certs};
mkdir my $web = $t->in_directory('web');

# What a path answers; a file of $web goes before it.
sub answer {
	my ($s, $path) = @_;
	my $file = "$web$path";
	return send_all($s, "HTTP/1.1 200 OK\r\n\r\n" . TLSward::Certs::slurp($file)) if -e $file;
	return sleep 60 if $path eq '/hang';
	return send_all($s, "HTTP/1.1 302 Found\r\nLocation: /loop\r\nContent-Length: 0\r\n\r\n") if $path eq '/loop';
	return send_all($s, "HTTP/1.1 200 OK\r\n\r\n" . 'x' x 200_000) if $path eq '/big';
	return send_all($s, "HTTP/1.1 200 OK\r\n\r\nno certificate") if $path eq '/junk';
	return send_all($s, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
}
# Told before it is answered, so that whoever sees the answer sees that.
my $server = TLSward::Backend->new(sub {
	my ($s, $self) = @_;
	sysread $s, my $bytes, 65536;
	my ($path) = $bytes =~ /^GET (\S+) /;
	$self->record({ event => 'asked', path => $path, at => time });
	answer($s, $path);
	return {};
});
my $base = 'http://' . $server->server;
sub fetches { my ($path) = @_; return scalar(() = TLSward::Certs::slurp($server->{records}) =~ /"path":"\Q$path\E"/g) }

# When the next try of a path is, after so many that failed.
sub due {
	my ($path, $failures) = @_;
	my $line = $t->find_log({ msg => qr/could not be fetched/, url => "$base$path", failures => $failures }) // die "no failure $failures of $path\n";
	return log_time($line) + $line->{next_try_s};
}

my %error = (
	hang => qr/no whole answer within ${timeout}000 ms/, loop => qr/redirected too often/, big => qr/more than 65536 bytes/,
	junk => qr/holds no certificate/, other => qr/is not the issuer's/, late => qr/HTTP status 404/, bag => qr/HTTP status 404/,
);
$certs->authority($_, ca => 'ca') for sort keys %error;
my %cert = map { $_ => $certs->make(name => "leaf-$_", names => ["$_.example.test"], ca => $_, with => [],
	url => "$base/$_") } sort keys %error;
$certs->authority($_, ca => 'ca') for qw(second stale);
$certs->authority('expired', ca => 'ca', subject_of => 'stale', key_of => 'stale', days => -1);
$cert{second} = $certs->make(name => 'leaf-second', names => ['second.example.test'], ca => 'second', with => [],
	url => "$base/none,caIssuers;URI:$base/second");
$cert{stale} = $certs->make(name => 'leaf-stale', names => ['stale.example.test'], ca => 'stale', with => ['expired'], url => "$base/stale");
$t->{conf}{certificates} = [ map { { chain => $cert{$_}{chain}, key => $cert{$_}{key} } } sort keys %cert ];
mkdir $t->in_directory('store');
copy("$certs->{dir}/ca.pem", $t->in_directory('store/ca.pem'));
copy("$certs->{dir}/late.pem", "$web/other");
copy("$certs->{dir}/$_.pem", "$web/$_") for qw(second stale);
$t->write_conf->start;

# (whether a client that knows the root alone verifies it, the number of links sent)
sub served {
	my ($name) = @_;
	my ($status, $out) = s_client($t, "$name.example.test", '-showcerts');
	return (scalar($out =~ /Verify return code: 0 /), scalar(() = $out =~ /BEGIN CERTIFICATE/g) - 1);
}
sub chain { my ($name) = @_; return $t->ctl_json('host', "$name.example.test")->{certificates}[0] }

for my $name (sort keys %error) {
	my $line = $t->wait_log({ level => 'warning', msg => qr/could not be fetched/, url => "$base/$name" }, 5 + $timeout);
	like $line->{error}, $error{$name}, "$name: a warning names the URL and the error";
	is_deeply [ served($name) ], [ !!0, 0 ], 'what is incomplete is served as it is';
}
for my $name (qw(second stale)) {
	wait_for(sub { (served($name))[0] }, 10, "$name is complete");
	is_deeply [ served($name) ], [ !!1, 1 ], { second => 'the second URL is for when the first fails',
		stale => 'in the place of an expired link one is fetched' }->{$name};
}
my $began = time;
my $chain = chain('junk');
is $chain->{chain_state}, 'incomplete', 'host tells the state';
like $chain->{fetch}{error}, $error{junk}, 'and what came of the last try';
my $due = due('/junk', $chain->{fetch}{failures});
ok $chain->{fetch}{next_in} >= $due - time - 2 && $chain->{fetch}{next_in} <= $due - $began + 2, 'and when the next is';
my ($exit, $text) = $t->ctl('chains');
like $text, qr{^junk\.example\.test\s+incomplete.*/junk \(the answer holds no certificate; next try in \d+ s\)}m, 'chains tells it, too';
my @asked = map { $_->{at} } grep { $_->{path} eq '/junk' } $server->records('asked');
is_deeply [ grep { $asked[$_] < due('/junk', $_) - 2 } 1 .. $#asked ], [], 'which does not come before its time';

# It answers; in DER, and in a bag.
run_command('openssl', 'x509', '-in', "$certs->{dir}/late.pem", '-outform', 'DER', '-out', "$web/late");
run_command('openssl', 'crl2pkcs7', '-nocrl', '-certfile', "$certs->{dir}/ca.pem", '-certfile', "$certs->{dir}/bag.pem",
	'-outform', 'DER', '-out', "$web/bag");
is_deeply $t->ctl_json('fetch', 'late.example.test')->{urls}, [ "$base/late" ], 'fetch goes past the back-off';
$t->ctl('fetch', "$base/bag");
for my $name (qw(late bag)) {
	wait_for(sub { (served($name))[0] }, 10, "$name is complete");
	is_deeply [ served($name) ], [ !!1, 1 ], "$name: complete on the wire";
	is chain($name)->{chain_state}, 'complete', 'and so it is told';
	is chain($name)->{links}[0]{source}, 'cache', 'with its source';
	is chain($name)->{fetch}, undef, 'and no fetch';
}
ok !$t->find_log({ msg => qr/reloaded/ }), 'without a reload';
is $t->ctl_json('explain', 'late.example.test')->{certificate}{chain_state}, 'complete', 'the advisor knows it, too';

is +(stat $t->in_directory('state/cache'))[4], ($> == 0 ? 61703 : $>), "the cache is the librarian's";
my ($file) = grep { TLSward::Certs::slurp($_) =~ m{^url: \S+/late$}m } glob $t->in_directory('state/cache/*.pem');
like TLSward::Certs::slurp($file), qr/^fetched: .*BEGIN CERTIFICATE/ms, 'a person can read it';

# A reload that fails, and one that does not: what was fetched stays.
my $good = $t->{conf}{certificates};
$t->{conf}{certificates} = [ @$good, { chain => '/nowhere.pem', key => '/nowhere.key' } ];
$t->write_conf;
($exit) = $t->ctl('reload');
isnt $exit, 0, 'a reload is refused';
run_command('openssl', 'x509', '-in', "$certs->{dir}/junk.pem", '-outform', 'DER', '-out', "$web/junk");
is_deeply [ served('late') ], [ !!1, 1 ], 'the chain stays complete';
$t->ctl('fetch', 'junk.example.test');
wait_for(sub { (served('junk'))[0] }, 10, 'junk is complete');
pass 'a link that comes after it is in force';
$t->{conf}{certificates} = $good;
$t->write_conf;
($exit) = $t->ctl('reload');
is $exit, 0, 'a reload succeeds';
is_deeply [ served('late') ], [ !!1, 1 ], 'the chain stays complete';

# The librarian dies: what it has made serves on.
my $pid = $t->pid('librarian');
kill KILL => $pid;
wait_for(sub { my $new = $t->pid('librarian'); $new && $new != $pid && $t->ctl_json('status')->{certificates} }, 10, 'a new librarian');
is_deeply [ served('junk') ], [ !!1, 1 ], 'after the end of the librarian chains stay complete';

# After a restart, from the cache; the back-off goes on.
$t->stop;
my %before = map { $_ => fetches("/$_") } sort keys %error;
$t->start;
is_deeply [ served($_) ], [ !!1, 1 ], "$_: complete after a restart" for qw(late bag junk);
$chain = chain('big');
cmp_ok $chain->{fetch}{failures}, '>=', 1, 'failures are remembered';
is fetches("/$_"), $before{$_}, "/$_ is not fetched" for qw(late bag junk);
$t->stop;

# A damaged file is set aside; without `private_addresses` nothing near is
# asked. In the catalog of before the chain would be complete still.
unlink $t->in_directory('state/cache/catalog.list');
TLSward::Certs::write_file($file, "rubbish\n");
unlink grep { TLSward::Certs::slurp($_) =~ m{^url: \S+/big$}m } glob $t->in_directory('state/cache/*.pem');
delete $t->{conf}{aia};
%before = map { $_ => fetches("/$_") } sort keys %error;
$t->write_conf->start;
for my $name (qw(late big)) {
	my $line = $t->wait_log({ level => 'warning', msg => qr/could not be fetched/, url => "$base/$name", error => qr/not public/ });
	like $line->{error}, qr/an address that is not public/, "$name: a private address is refused by default";
	is fetches("/$name"), $before{$name}, 'and not asked';
}
ok -e "$file.damaged", 'a damaged file is set aside';
is_deeply [ served('late') ], [ !!0, 0 ], 'and missing';
is_deeply [ served('bag') ], [ !!1, 1 ], 'the others are good';
$t->stop;

# Without the source nothing is fetched; what lies in the cache is no source either.
$t->{conf}{chains}{sources} = [qw(file store)];
$t->write_conf->start;
is_deeply [ served('bag') ], [ !!0, 0 ], 'what is no source gives nothing';
is chain('big')->{fetch}, undef, 'and nothing is fetched';

done_testing;
