#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# Which certificate a client gets: by name, by what it can verify, and never
# another name's.
use strict;
use warnings;
use File::Copy qw(copy);
use Test::More;

use TLSward;
use TLSward::Backend;
use TLSward::Client qw(tls_connect tcp_connect s_client client_hello read_all send_all);

my $backend = TLSward::Backend->new('http');
my $t = TLSward->new(
	listeners => [ { name => 'https' }, { name => 'default', default_certificate => 'one.example.test' } ],
	backends => [ { servers => [ $backend->server ] } ],
);
my $certs = $t->{certs};
mkdir $t->in_directory('certs.d');
my @entries = (
	$t->certificate('one.example.test'),
	$t->certificate('both.example.test', name => 'both-ecdsa'),
	$t->certificate('both.example.test', name => 'both-rsa', kind => 'rsa'),
	$t->certificate('*.wild.example.test'),
	$t->certificate('exact.wild.example.test'),
	{ chain => $certs->make(name => 'onefile', names => ['onefile.example.test'])->{both} },
	{ directory => $t->in_directory('certs.d') },
);
my $pair = $certs->make(name => 'pair', names => ['pair.example.test']);
my $single = $certs->make(name => 'single', names => [ 'single.example.test', 'second.example.test' ]);
copy($pair->{chain}, $t->in_directory('certs.d/pair.pem'));
copy($pair->{key}, $t->in_directory('certs.d/pair.key'));
copy($single->{both}, $t->in_directory('certs.d/single.pem'));
$t->{conf}{certificates} = \@entries;
$t->write_conf->start;

sub subject {
	my ($to, $name, @args) = @_;
	my ($status, $out) = s_client($to, $name, @args);
	return $out =~ /Verify return code: 0/ && $out =~ /^subject=CN = (.*)$/m ? $1 : $out =~ /alert number (\d+)/ ? "alert $1" : $out;
}

for my $name (qw(one.example.test exact.wild.example.test onefile.example.test pair.example.test single.example.test)) {
	is subject($t, $name), $name, "$name has its certificate";
}
is subject($t, 'ONE.Example.test'), 'one.example.test', 'letters may be large or small';
is subject($t, 'second.example.test'), 'single.example.test', 'a certificate may have several names';
is subject($t, 'any.wild.example.test'), '*.wild.example.test', 'a wildcard stands for one label';
is subject($t, 'one.example.test', qw(-tls1_1 -cipher DEFAULT@SECLEVEL=0)), 'alert 70', 'TLS 1.1 is a protocol_version too old';
is subject($t, $_), 'alert 112', "$_ is an unrecognized_name"
	for qw(two.labels.wild.example.test wild.example.test unknown.example.test);

for my $case ([ 'TLS 1.3, any', 'EC' ], [ 'TLS 1.3, RSA only', 'RSA', qw(-sigalgs rsa_pss_rsae_sha256:rsa_pkcs1_sha256) ],
	[ 'TLS 1.2, any', 'EC', '-tls1_2' ], [ 'TLS 1.2, RSA only', 'RSA', qw(-tls1_2 -cipher aRSA) ],
	[ 'TLS 1.2, old suites for ECDSA', 'RSA', qw(-tls1_2 -cipher ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-GCM-SHA256) ]) {
	my ($what, $kind, @args) = @$case;
	my ($status, $out) = s_client($t, 'both.example.test', @args);
	my ($key) = $out =~ /a:PKEY: (\w+)/;
	is $key, $kind eq 'EC' ? 'id' : 'rsaEncryption', "a client of $what gets the $kind certificate";
	like $out, qr/Verify return code: 0/, 'and can verify it';
}

is subject($t, undef), 'alert 112', 'without a name, and without a default, there is an alert';
is subject($t->via('default'), undef), 'one.example.test', 'the default certificate is for clients without a name';
is subject($t->via('default'), 'unknown.example.test'), 'alert 112', 'not for those with an unknown one';
my $literal = tls_connect($t->via('default'), sni => '127.0.0.1', verify => 0);
is $literal && $literal->peer_certificate('cn'), 'one.example.test', 'an address is no name';

my $s = tcp_connect($t);
send_all($s, client_hello(sni => 'unknown.example.test'));
my ($answer, $end) = read_all($s);
is unpack('H*', $answer) =~ s/^1503\K0[0-4]/--/r, '1503--00020270', 'the refusal is one fatal alert, in clear';
is $end, 'eof', 'and a close';
my $line = $t->wait_log({ msg => 'connection ended', sni => 'unknown.example.test', alert_sent => 112 });
like $line->{end}, qr/^(refused|no_certificate)$/, 'the log says why';
ok tls_connect($t, sni => 'one.example.test'), 'the others are served as before';

done_testing;
