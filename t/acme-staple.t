#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# A certificate that was ordered has its staple as every other: fetched ahead,
# served, and there after a restart without being asked for.
use strict;
use warnings;
use Test::More;

use TLSward qw(wait_for);
use TLSward::Acme qw(can_order);
use TLSward::Backend;
use TLSward::Client qw(s_client);
use TLSward::Responder;

my $why = can_order();
plan skip_all => $why if $why;

my $host = 'new.example.test';
my $backend = TLSward::Backend->new('http');
my $t = TLSward->new(hosts => ['old.example.test'], backends => [ { servers => [ $backend->server ] } ],
	conf => { aia => { private_addresses => \1 }, ocsp => { timeout => 5 } });
my $responder = TLSward::Responder->new(certs => $t->{certs}, ca => 'issuer');
my $ca = TLSward::Acme->new(certs => $t->{certs}, tls => $t->{port}, responder => $responder->url('new'));
$ca->trusted_by($t);
$ca->issuer('issuer');
$t->{conf}{acme} = { directory => $ca->url, names => [$host] };
$t->write_conf->start;
my %by_ca = (%$t, ca => $ca->root);

my $out;
wait_for(sub { $out = (s_client(\%by_ca, $host, '-status'))[1]; $out =~ /END CERTIFICATE.*Verify return code: 0 /s }, 30, 'the name has a certificate');
like $out, qr/OCSP response: no response sent/, 'while the responder has no answer it is served without';
wait_for(sub { my $s = $t->ctl_json('host', $host)->{certificates}[0]{staple}; $s && $s->{failures} }, 10, 'the staple is missed');

my ($leaf) = $out =~ /(-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----)/s;
TLSward::Certs::write_file(my $file = $t->in_directory('leaf.pem'), "$leaf\n");
$responder->answer('new', cert => $file, signer => 'issuer');
is_deeply $t->ctl_json('fetch', $host)->{staples}, [ $responder->url('new') ], 'an operator has it fetched';
sub stapled { my (undef, $said) = s_client(\%by_ca, $host, '-status'); return $said =~ /Cert Status: good.*Verify return code: 0 /s }
wait_for(\&stapled, 10, 'a staple on the wire');
pass 'the staple is served without a reload';
is $t->ctl_json('host', $host)->{certificates}[0]{staple}{state}, 'good', 'and host tells so';

$responder->{server}->all_ended;
my $asked = $responder->asked('new');
is $t->stop, 0, 'tlsward ends';
$t->start;
ok stapled(), 'after a restart it is served at once';
is $responder->asked('new'), $asked, 'and nobody was asked';
is $t->stop, 0, 'it ends in order';
done_testing;
