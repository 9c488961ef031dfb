#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# Chains are put together of the certificate's file and the store; the policy
# chooses among the sources for each name; what is missing is told.
use strict;
use warnings;
use File::Copy qw(copy);
use Test::More;

use TLSward qw(run_command wait_for);
use TLSward::Backend;
use TLSward::Client qw(s_client);

my $backend = TLSward::Backend->new('http');
my $t = TLSward->new(
	hosts => [],
	backends => [ { servers => [ $backend->server ] } ],
	conf => { chains => { sources => [qw(file store)], store => 'store' }, policy => { scripts => 'policy.d' } },
);
my $certs = $t->{certs};
$certs->authority('upper', ca => 'ca');
$certs->authority('lower', ca => 'upper');
$certs->authority('lost', ca => 'ca');
$certs->authority('stranger');
$certs->authority('cross', ca => 'stranger', subject_of => 'upper', key_of => 'upper');
$certs->authority('stale', ca => 'upper', subject_of => 'lower', key_of => 'lower', days => -1);
# Two that vouch for each other.
$certs->authority('ping', ca => 'lost');
$certs->authority('pong', ca => 'ping');
$certs->authority('ping2', ca => 'pong', subject_of => 'ping', key_of => 'ping');

mkdir $t->in_directory('store');
copy("$certs->{dir}/$_.pem", $t->in_directory("store/$_.pem")) for qw(ca upper lower);
TLSward::Certs::write_file($t->in_directory('store/README'), "what is no certificate is passed over\n");
TLSward::Certs::write_file($t->in_directory('store/bad.pem'), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");

my %with = (
	full => [qw(lower upper)], bare => [], mixed => ['upper'], stale => ['stale'], cross => [qw(cross lower)],
	strict => [], held => [], fileonly => [], storefirst => [qw(lower cross)], loop => [qw(ping2 pong)], lost => [], sternlost => [],
);
my %ca = (lost => 'lost', sternlost => 'lost', loop => 'ping');
my %cert = map { $_ => $certs->make(name => "leaf-$_", names => ["$_.example.test"], ca => $ca{$_} // 'lower', with => $with{$_},
	($_ eq 'lost' ? (url => 'http://ca.example.test/lost.cer') : ())) } sort keys %with;
$t->{conf}{certificates} = [ map { { chain => $cert{$_}{chain}, key => $cert{$_}{key} } } sort keys %with ];

mkdir $t->in_directory('policy.d');
TLSward::Certs::write_file($t->in_directory('policy.d/10-chains.lua'), <<'EOF2');
local answers = {
  ["strict.example.test"] = { "file", incomplete = "refuse" },
  ["held.example.test"] = { "file", incomplete = "hold", wait = 0.3 },
  ["sternlost.example.test"] = { "file", "store", incomplete = "refuse" },
  ["fileonly.example.test"] = { "file" },
  ["storefirst.example.test"] = { "store", "file" },
  ["mixed.example.test"] = { "file", "store", incomplete = "refuse" },
}
return { name = "chains", api = 1, chain = function(hello) return answers[hello.sni] end }
EOF2
$t->write_conf->start;

# (whether the client could verify it, the subjects on the wire, the output)
sub served {
	my ($name) = @_;
	my ($status, $out) = s_client($t, "$name.example.test", '-showcerts');
	my @subjects = $out =~ /^ *\d s:(?:CN = tlsward test )?(.*)$/mg;
	return (scalar($out =~ /Verify return code: 0 /), "@subjects[1 .. $#subjects]", $out);
}

for my $case ([ full => 'lower upper' ], [ bare => 'lower upper' ], [ mixed => 'lower upper' ], [ storefirst => 'lower upper' ]) {
	my ($name, $links) = @$case;
	my ($good, $got) = served($name);
	is $got, $links, "$name: its chain is complete on the wire";
	ok $good, 'and a client that knows only the root verifies it';
}
my ($good, $got) = served('stale');
is $got, 'lower upper', 'an intermediate that has expired gives way to the one of the store';
ok $good, 'which can be verified';
($good, $got) = served('cross');
ok $good, 'of two ways up, the one to a known root is served' or diag $got;

for my $name (qw(lost fileonly loop)) {
	($good, $got, my $out) = served($name);
	ok !$good, "$name: what is incomplete cannot be verified";
	is $got, { lost => '', fileonly => '', loop => 'ping pong' }->{$name}, 'and is served as it is';
	like $out, qr/BEGIN CERTIFICATE/, 'at once';
}
for my $name (qw(strict sternlost)) {
	like +(served($name))[2], qr/alert number 40/, "$name: a policy that says so refuses";
}

my $line = $t->wait_log({ msg => 'connection ended', sni => 'strict.example.test' });
is $line->{end}, 'incomplete_chain', 'with a reason of its own';
like $line->{detail}, qr/no source of its policy has CN=tlsward test lower/, 'that names what is missing';
served('held');
$line = $t->wait_log({ msg => 'connection ended', sni => 'held.example.test' });
is $line->{end}, 'hold_deadline', 'one may also wait for the missing link, for so long';
# That of sternlost may be another worker's.
my $status = wait_for(sub { my $s = $t->ctl_json('status'); ($s->{ends}{incomplete_chain} // 0) >= 2 && $s }, 5, 'two ends');
is $status->{ends}{incomplete_chain}, 2, 'counted';
cmp_ok $status->{counters}{chains_incomplete}, '>=', 3, 'as are incomplete chains that were sent';

ok $t->find_log({ level => 'warning', msg => qr{lost\.pem: its chain is incomplete: .*CN=tlsward test lost \(http://ca\.example\.test/lost\.cer\)} }),
	'a warning names who is missing and the URL';
ok $t->find_log({ level => 'warning', msg => qr{chains\.store: .*/store/bad\.pem: certificate 1 in it is damaged} }), 'another the bad file of the store';
ok !$t->find_log({ msg => qr/README/ }), 'but not one that is no certificate';

my @chains = @{ $t->ctl_json('chains')->{chains} };
my %chain = map { $_->{name} =~ s/\..*//r => $_ } @chains;
is scalar @chains, scalar keys %with, 'chains tells every certificate once';
my @states = map { $_->{chain_state} } @chains;
is_deeply [ sort { ($a eq 'complete') <=> ($b eq 'complete') } @states ], \@states, 'those with something wrong first';
is $chain{lost}{chain_state}, 'incomplete', 'its state';
is $chain{lost}{missing}, 'CN=tlsward test lost', 'what is missing';
is $chain{lost}{url}, 'http://ca.example.test/lost.cer', 'and where it may be had';
is_deeply $chain{mixed}{links}, [ { name => 'CN=tlsward test lower', source => 'store' }, { name => 'CN=tlsward test upper', source => 'file' } ],
	'the source of each link is told';
is_deeply [ map { $_->{links} } @{ $t->ctl_json('host', 'mixed.example.test')->{certificates} } ], [ $chain{mixed}{links} ], 'host tells the same';
is $chain{mixed}{chain}, 3, 'and how many certificates are sent';
is_deeply [ sort map { $_->{name} =~ s/\..*//r } @{ $t->ctl_json('hosts', '--incomplete')->{hosts} } ], [qw(loop lost sternlost)],
	'hosts finds the names with incomplete chains';
my @pages = map { $_->{name} } @{ $t->ctl_json('chains', '--limit', 3)->{chains} };
is_deeply \@pages, [ map { $_->{name} } @chains[ 0 .. 2 ] ], 'a page is the beginning';

my $e = $t->ctl_json('explain', 'fileonly.example.test');
is $e->{certificate}{state}, 'valid', 'explain: the certificate is valid';
is $e->{certificate}{chain_state}, 'incomplete', 'its chain is not complete';
is $e->{certificate}{missing}, 'CN=tlsward test lower', 'because of a link';
like $e->{chain}{sources}, qr/^file; incomplete: serve$/, 'that the sources decided upon do not have';
like $e->{chain}{where}, qr/^10-chains\.lua:\d+$/, 'by a line of a script';
$e = $t->ctl_json('explain', 'storefirst.example.test');
is_deeply $e->{certificate}{links}, [ 'CN=tlsward test lower (store)', 'CN=tlsward test upper (store)' ], 'the sources of links are those of the order';
my ($exit, $text) = $t->ctl('explain', 'lost.example.test');
like $text, qr{^missing\s+CN=tlsward test lost: http://ca\.example\.test/lost\.cer$}m, 'for people, too';
($exit, $text) = $t->ctl('chains');
like $text, qr/^lost\.example\.test\s+incomplete/m, 'as are the chains';
like $text, qr/^mixed\.example\.test\s+complete\s+\d+\s+CN=tlsward test lower \(store\), CN=tlsward test upper \(file\)/m, 'with their links';

done_testing;
