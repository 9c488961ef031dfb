#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# A start goes on from the catalog that the last run left in the cache
# directory, whatever has changed meanwhile; one that is damaged, half written
# or of something else is not used, and nothing is lost by it.
use strict;
use warnings;
use File::Copy qw(copy);
use Test::More;
use Time::HiRes qw(sleep);

use TLSward qw(wait_for);
use TLSward::Backend;
use TLSward::Client qw(tls_connect tcp_connect client_hello read_all send_all alert_in);

my $TAKEN = 'certificates that have not changed are taken from the cache directory';
my $NOT_USED = 'the catalog in the cache directory is not used';
my $backend = TLSward::Backend->new('http');
my $t = TLSward->new(hosts => [], backends => [ { servers => [ $backend->server ] } ],
	conf => { chains => { sources => [qw(file store)], store => 'store' } });
my $certs = $t->{certs};
my $cache = $t->in_directory('state/cache');
my $n = 0;
mkdir $t->in_directory($_) for qw(store certs.d);
copy("$certs->{dir}/ca.pem", $t->in_directory('store/ca.pem'));

sub put { return TLSward::Certs::put(@_) }
sub new_cert { my ($host, %o) = @_; $n++; return $certs->make(name => "c$n", names => [$host], %o) }
sub folder { return $t->in_directory("certs.d/$_[0].pem") }
my @hosts = map { "h$_.example.test" } 1 .. 6;
put(new_cert($_)->{both}, folder($_)) for @hosts;
my %pair = map { $_ => $t->in_directory("pair.$_") } qw(chain key);
my $first = new_cert('pair.example.test');
put($first->{$_}, $pair{$_}) for qw(chain key);
$t->{conf}{certificates} = [ { directory => 'certs.d' }, { chain => $pair{chain}, key => $pair{key} } ];
$t->write_conf;

sub fingerprint { my ($host) = @_; my $s = tls_connect($t, sni => $host) or return "none: $TLSward::Client::error"; return $s->get_fingerprint }
sub sent { my ($host) = @_; my $s = tls_connect($t, sni => $host, verify => 0) or return "none: $TLSward::Client::error"; return scalar(() = $s->peer_certificates) }
sub refused {
	my ($host) = @_;
	my $s = tcp_connect($t) or return 'no connection';
	send_all($s, client_hello(sni => $host));
	my ($bytes) = read_all($s, 10);
	return alert_in($bytes) // 'no alert';
}
# Which list is there: a new one may have the same words.
sub list { my @s = Time::HiRes::stat("$cache/catalog.list") or return ''; return "$s[1] $s[9]" }
sub parts { return grep { !/\.list$/ } glob "$cache/catalog*" }
# Until the cache holds what is in force: nothing of before, nothing half.
sub written { my ($before) = @_; return wait_for(sub { my $l = list(); $l && $l ne $before && !grep({ /\.new$/ } parts()) && $l }, 20, 'the catalog is written') }
my $mark = 0;
sub start { $mark = $t->mark; $t->start; return }
sub restart { my ($between) = @_; $t->stop; $between->() if $between; start(); return }
# Files that were written a moment ago are read again; until they are known.
sub settle { return wait_for(sub { my $m = $t->mark; $t->ctl('reload'); $t->wait_log({ msg => 'certificates and keys were read' }, 10, $m)->{files} == 0 }, 20, 'nothing has changed') }

my $none = list();
start();
ok !$t->find_log({ msg => qr/^\Q$TAKEN/ }, $mark), 'the first start finds nothing there';
ok !$t->find_log({ msg => $NOT_USED }, $mark), 'and that is no fault';
settle();
my %was = map { $_ => fingerprint($_) } @hosts, 'pair.example.test';

subtest 'a start with nothing changed' => sub {
	restart();
	like $t->wait_log({ msg => qr/^\Q$TAKEN/ }, 5, $mark)->{msg}, qr/: 9 files are known/, 'goes on from what was there';
	is fingerprint($_), $was{$_}, "$_ is served" for sort keys %was;
	is sent('pair.example.test'), 2, 'with its chain';
};

subtest 'no key lies in it' => sub {
	my $all = join '', map { open my $f, '<:raw', $_ or die "$_: $!\n"; local $/; <$f> } parts();
	unlike $all, qr/PRIVATE KEY/, 'as text';
	my $der = qx(openssl pkey -in $pair{key} -outform DER);
	my ($private) = $der =~ /\x04\x20(.{32})/s;
	ok length $private && index($all, $private) < 0, 'or as bytes';
};

subtest 'a change while it runs' => sub {
	my $before = list();
	put(new_cert($hosts[5])->{both}, folder($hosts[5]));
	$t->ctl('reload');
	isnt fingerprint($hosts[5]), $was{ $hosts[5] }, 'is in force';
	ok written($before), 'and is written, without an end';
	$was{ $hosts[5] } = fingerprint($hosts[5]);
};

subtest 'files change while it is down' => sub {
	$certs->authority('below', ca => 'ca');
	restart(sub {
		put(new_cert($hosts[0])->{both}, folder($hosts[0]));
		unlink folder($hosts[1]);
		put(new_cert('new.example.test')->{both}, folder('new.example.test'));
		my $other = new_cert('pair.example.test');
		put($other->{$_}, $pair{$_}) for qw(chain key);
		put("$certs->{dir}/below.pem", $t->in_directory('store/below.pem'));
		put($certs->make(name => 'alone', names => ['alone.example.test'], ca => 'below', with => [])->{both}, folder('alone'));
	});
	ok $t->wait_log({ msg => qr/^\Q$TAKEN/ }, 5, $mark), 'it goes on from what was there';
	isnt fingerprint($_), $was{$_}, "$_ is the new one" for $hosts[0], 'pair.example.test';
	like fingerprint('new.example.test'), qr/^sha/, 'what came is served';
	is refused($hosts[1]), 112, 'what went is not';
	is fingerprint($_), $was{$_}, "$_ as before" for @hosts[2 .. 5];
	is sent('alone.example.test'), 2, 'chains are built with the store as it is now';
};

settle();
%was = map { $_ => fingerprint($_) } @hosts[0, 2 .. 5], 'pair.example.test', 'new.example.test';
sub all_served { is fingerprint($_), $was{$_}, "$_ is served" for sort keys %was; return }
sub damage {
	my ($file, $how) = @_;
	open my $f, '+<:raw', $file or die "$file: $!\n";
	$how->($f);
	close $f or die "$file: $!\n";
	return;
}
my %spoiled = (
	'a byte of a segment is another' => [ sub { damage((grep { /segment$/ } parts())[-1], sub { seek $_[0], 100, 0; print { $_[0] } 'x' }) }, 'one of its files is missing or damaged' ],
	'a segment is cut off' => [ sub { damage((grep { /segment$/ } parts())[-1], sub { truncate $_[0], 100 }) }, 'one of its files is missing or damaged' ],
	'a file is missing' => [ sub { unlink grep { /files$/ } parts() }, 'one of its files is missing or damaged' ],
	'the list is cut off' => [ sub { damage("$cache/catalog.list", sub { truncate $_[0], 90 }) }, 'its list cannot be read' ],
	'the list is empty' => [ sub { damage("$cache/catalog.list", sub { truncate $_[0], 0 }) }, 'it is of another version' ],
	'it is of another version' => [ sub { damage("$cache/catalog.list", sub { print { $_[0] } 'tlsward-catalog 9' }) }, 'it is of another version' ],
	'the list names a file elsewhere' => [ sub { damage("$cache/catalog.list", sub { local $/; my $h = $_[0]; my $text = <$h>; $text =~ s{(files: \d+ ).{20}}{$1../../../../etc/pas}; seek $h, 0, 0; print { $h } $text }) }, 'its list cannot be read' ],
);
for my $what (sort keys %spoiled) {
	subtest $what => sub {
		my ($spoil, $why) = @{ $spoiled{$what} };
		my $before;
		restart(sub { $spoil->(); $before = list() });
		is $t->wait_log({ msg => $NOT_USED }, 5, $mark)->{why}, $why, 'it is not used, and why';
		ok !$t->find_log({ msg => qr/^\Q$TAKEN/ }, $mark), 'all is read';
		all_served();
		written($before);
	};
}

subtest 'a write was broken off' => sub {
	my $half = "$cache/catalog-0123456789abcdef0123456789abcdef.segment.new";
	restart(sub { TLSward::Certs::write_file($half, 'half of it') });
	ok $t->wait_log({ msg => qr/^\Q$TAKEN/ }, 5, $mark), 'what was whole is used';
	all_served();
	ok !-e $half, 'the half is removed';
};

subtest 'the configuration asks for other files' => sub {
	my $before = list();
	push @{ $t->{conf}{certificates} }, $t->certificate('more.example.test');
	$t->stop;
	$t->write_conf;
	start();
	ok $t->wait_log({ msg => 'the catalog in the cache directory is of another configuration and is not used' }, 5, $mark), 'it is not used';
	all_served();
	like fingerprint('more.example.test'), qr/^sha/, 'what is asked for now is served';
	written($before);
};

subtest 'it is told to stop before what has changed is written' => sub {
	my $before = list();
	put(new_cert($hosts[3])->{both}, folder($hosts[3]));
	$t->ctl('reload');
	my $now = fingerprint($hosts[3]);
	isnt $now, $was{ $hosts[3] }, 'a change is in force';
	$t->stop;
	isnt list(), $before, 'it was written before the end';
	start();
	ok $t->wait_log({ msg => qr/^\Q$TAKEN/ }, 5, $mark), 'and the next start goes on from it';
	is fingerprint($hosts[3]), $now, 'and serves it';
	$was{ $hosts[3] } = $now;
};

settle();
subtest 'the librarian is killed' => sub {
	my $before = fingerprint($hosts[4]);
	for my $moment ('at once', 'soon', 'when it writes') {
		my $list = list();
		put(new_cert($hosts[4])->{both}, folder($hosts[4]));
		$t->ctl('reload');
		sleep 0.01 if $moment eq 'soon';
		wait_for(sub { list() ne $list || grep { /\.new$/ } parts() }, 20, 'it writes') if $moment eq 'when it writes';
		my $m = $t->mark;
		kill KILL => $t->pid('librarian');
		$t->wait_log({ msg => 'process is ready', role => 'librarian' }, 20, $m);
	}
	my $now = fingerprint($hosts[4]);
	isnt $now, $before, 'what was in force before its death is';
	my $m = $t->mark;
	put(new_cert($hosts[5])->{both}, folder($hosts[5]));
	is +($t->ctl('reload'))[0], 0, 'the next reload is done';
	cmp_ok $t->wait_log({ msg => 'certificates and keys were read' }, 10, $m)->{files}, '<', 5, 'and goes on from what is in force';
	isnt fingerprint($hosts[5]), $was{ $hosts[5] }, 'with what has changed';
	restart();
	is fingerprint($hosts[4]), $now, 'a start after that serves it, too';
	$was{$_} = fingerprint($_) for @hosts[4, 5];
};

$t->stop;
SKIP: {
	$t->mounts("rm -rf DIR/state/cache", "mkdir DIR/state/cache", "mount -t tmpfs -o size=12k tmpfs DIR/state/cache")
		or skip 'a mount namespace is not to be had', 1;
	subtest 'the disk is full' => sub {
		start();
		like $t->wait_log({ msg => qr/^the catalog cannot be written to the cache directory/ }, 10, $mark)->{why}, qr/No space left/, 'that is told';
		all_served();
		put(new_cert($hosts[2])->{both}, folder($hosts[2]));
		is +($t->ctl('reload'))[0], 0, 'a reload is done';
		isnt fingerprint($hosts[2]), $was{ $hosts[2] }, 'and obeyed';
	};
	$t->stop;
}

done_testing;
