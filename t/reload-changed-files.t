#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# A reload reads the files that have changed and no others; what is served is
# what lies on the disk, whatever changes, comes, goes, or no longer fits.
use strict;
use warnings;
use File::Copy qw(copy);
use Test::More;

use TLSward qw(wait_for);
use TLSward::Backend;
use TLSward::Client qw(tls_connect tcp_connect client_hello read_all send_all alert_in);

my $backend = TLSward::Backend->new('http');
my $t = TLSward->new(hosts => [], backends => [ { servers => [ $backend->server ] } ],
	conf => { chains => { sources => [qw(file store)], store => 'store' } });
my $certs = $t->{certs};
my $n = 0;
mkdir $t->in_directory($_) for qw(store certs.d);
copy("$certs->{dir}/ca.pem", $t->in_directory('store/ca.pem'));

sub put { return TLSward::Certs::put(@_) }
sub new_cert { my ($names, %o) = @_; $n++; return $certs->make(name => "c$n", names => $names, %o) }
sub folder { return $t->in_directory("certs.d/$_[0].pem") }
my @hosts = map { "h$_.example.test" } 1 .. 6;
put(new_cert([$_])->{both}, folder($_)) for @hosts;
my %pair = map { $_ => $t->in_directory("pair.$_") } qw(chain key);
my $first = new_cert(['pair.example.test']);
put($first->{$_}, $pair{$_}) for qw(chain key);
$t->{conf}{certificates} = [ { directory => 'certs.d' }, { chain => $pair{chain}, key => $pair{key} } ];
$t->write_conf->start;

sub fingerprint { my ($host) = @_; my $s = tls_connect($t, sni => $host) or return "none: $TLSward::Client::error"; return $s->get_fingerprint }
# How many certificates a client gets.
sub sent { my ($host) = @_; my $s = tls_connect($t, sni => $host, verify => 0) or return "none: $TLSward::Client::error"; return scalar(() = $s->peer_certificates) }
sub refused {
	my ($host) = @_;
	my $s = tcp_connect($t) or return 'no connection';
	send_all($s, client_hello(sni => $host));
	my ($bytes) = read_all($s, 10);
	return alert_in($bytes) // 'no alert';
}
sub files_read { my ($mark) = @_; return scalar $t->find_log({ msg => 'certificates and keys were read' }, $mark)->{files} }
# How many files a reload has read.
sub reload {
	my $mark = $t->mark;
	my ($status, $out) = $t->ctl('reload');
	is $status, 0, 'the reload is done' or diag $out;
	$t->wait_log({ msg => 'certificates and keys were read' }, 10, $mark);
	return files_read($mark);
}
# Files that were written a moment before they are read could be written again unseen: they are read once more.
sub settle { wait_for(sub { my $mark = $t->mark; $t->ctl('reload'); $t->wait_log({ msg => 'certificates and keys were read' }, 10, $mark); files_read($mark) == 0 }, 20, 'nothing has changed'); return }

settle();
my %before = map { $_ => fingerprint($_) } @hosts, 'pair.example.test';
unlike join(' ', values %before), qr/none/, 'all are served after reloads that read nothing';

subtest 'one of a folder is replaced' => sub {
	put(new_cert([ $hosts[0] ])->{both}, folder($hosts[0]));
	is reload(), 1, 'one file was read';
	isnt fingerprint($hosts[0]), $before{ $hosts[0] }, 'the new one is served, with its key';
	is fingerprint($_), $before{$_}, "$_ as before" for @hosts[1 .. 5], 'pair.example.test';
};

settle();
subtest 'one is written in place with the same size and the time of before' => sub {
	my $path = folder($hosts[1]);
	my @times = (stat $path)[8, 9];
	my $other;
	for (1 .. 40) { $other = new_cert([ $hosts[1] ]); last if -s $other->{both} == -s $path }
	plan skip_all => 'no certificate has the same size' if -s $other->{both} != -s $path;
	copy($other->{both}, $path);
	utime @times, $path;
	is reload(), 1, 'one file was read';
	isnt fingerprint($hosts[1]), $before{ $hosts[1] }, 'the new one is served';
};

settle();
subtest 'one goes, one comes' => sub {
	unlink folder($hosts[2]);
	put(new_cert(['new.example.test'])->{both}, folder('new.example.test'));
	is reload(), 1, 'one file was read';
	is refused($hosts[2]), 112, 'the name that went is refused';
	like fingerprint('new.example.test'), qr/^sha/, 'the one that came is served';
};

settle();
subtest 'one gives way to a folder of its name' => sub {
	put(new_cert(['turns.example.test'])->{both}, folder('turns'));
	is reload(), 1, 'one file was read';
	like fingerprint('turns.example.test'), qr/^sha/, 'it is served';
	unlink folder('turns');
	mkdir folder('turns');
	is reload(), 0, 'no file was read';
	is refused('turns.example.test'), 112, 'its name is refused';
	rmdir folder('turns');
};

subtest 'a certificate that two files have stays while one has it' => sub {
	put(new_cert([ $hosts[3] ], kind => 'rsa')->{both}, folder('more'));
	reload();
	my $ec = fingerprint($hosts[3]);
	is $ec, $before{ $hosts[3] }, 'the one of before is preferred';
	unlink folder($hosts[3]);
	reload();
	like fingerprint($hosts[3]), qr/^sha/, 'when it has gone, the other is served';
	isnt fingerprint($hosts[3]), $ec, 'which is another';
};

settle();
subtest 'a key alone is replaced' => sub {
	my $other = new_cert(['pair.example.test']);
	put($other->{key}, $pair{key});
	my $mark = $t->mark;
	my ($status, $out) = $t->ctl('reload');
	$t->wait_log({ msg => 'certificates and keys were read', errors => 1 }, 10, $mark);
	isnt $status, 0, 'the certificate that stays has no key: the reload is refused';
	like $out, qr/pair\.chain: .*no private key for this certificate/, 'which names it';
	is fingerprint('pair.example.test'), $before{'pair.example.test'}, 'and it is served as before';
	put($other->{chain}, $pair{chain});
	is reload(), 2, 'with its chain, both are read';
	isnt fingerprint('pair.example.test'), $before{'pair.example.test'}, 'and served';
};

settle();
subtest 'the keeper is started anew' => sub {
	my $mark = $t->mark;
	kill KILL => $t->pid('keeper');
	$t->wait_log({ msg => 'keys were read' }, 10, $mark);
	wait_for(sub { fingerprint($hosts[4]) =~ /^sha/ }, 10, 'it signs');
	is fingerprint($_), $before{$_}, "$_ is served" for @hosts[4, 5];
	put(new_cert([ $hosts[4] ])->{both}, folder($hosts[4]));
	is reload(), 1, 'the next reload reads one file';
	isnt fingerprint($hosts[4]), $before{ $hosts[4] }, 'and serves it';
};

settle();
subtest 'the librarian is started anew' => sub {
	my $mark = $t->mark;
	kill KILL => $t->pid('librarian');
	$t->wait_log({ msg => 'process is ready', role => 'librarian' }, 20, $mark);
	put(new_cert([ $hosts[5] ])->{both}, folder($hosts[5]));
	ok reload() >= 1, 'a reload is done';
	isnt fingerprint($hosts[5]), $before{ $hosts[5] }, 'and serves what has changed';
	like fingerprint('new.example.test'), qr/^sha/, 'and what has not';
};

settle();
subtest 'a file of the store changes' => sub {
	$certs->authority('below', ca => 'ca');
	put($certs->make(name => 'alone', names => ['alone.example.test'], ca => 'below', with => [])->{both}, folder('alone'));
	is reload(), 1, 'a certificate whose issuer nobody has';
	is sent('alone.example.test'), 1, 'is sent alone';
	settle();
	put("$certs->{dir}/below.pem", $t->in_directory('store/below.pem'));
	is reload(), 0, 'no certificate is read for it';
	is sent('alone.example.test'), 2, 'its chain is built of what has come to the store';
	settle();
	unlink $t->in_directory('store/below.pem');
	is reload(), 0, 'nor when it goes';
	is sent('alone.example.test'), 1, 'then it is sent alone again';
};

$t->stop;
done_testing;
