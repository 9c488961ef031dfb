#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# In front of nginx, with PROXY v2: HTTP/1.1 on one port, and HTTP/2 in clear
# behind ALPN h2 on the other.
use strict;
use warnings;
use Test::More;

use TLSward;
use TLSward::Client qw(s_client gnutls_cli curl);
use TLSward::Servers qw(nginx);

my $nginx = nginx();
my $t = TLSward->new(
	listeners => [ { name => 'https', backend => 'web' }, { name => 'http2', backend => 'web2', alpn => ['h2'] } ],
	backends => [ { name => 'web', servers => [ $nginx->server('http') ], proxy_protocol => 2 },
		{ name => 'web2', servers => [ $nginx->server('h2') ], proxy_protocol => 2 } ],
)->start;
my $second = $t->via('http2');

for my $host (@{ $t->{hosts} }) {
	my ($status, $out) = curl($t, "$host/a", '--http1.1');
	like $out, qr{^nginx: $host /a HTTP/1\.1 for 127\.\S+:\d+$}, "curl gets the page of $host over HTTP/1.1";
	($status, $out) = curl($second, "$host/b", '--http2');
	like $out, qr{^nginx: $host /b HTTP/2\.0 for 127\.}, 'and over HTTP/2';
	like +(s_client($t, $host))[1], qr{^nginx: $host / HTTP/1\.1}m, 'openssl too';
	like +(gnutls_cli($t, $host))[1], qr{^nginx: $host / HTTP/1\.1}m, 'and gnutls-cli';
}

my ($status, $out) = curl($second, 'one.example.test/[1-20]', '--http2', '--parallel');
is scalar(() = $out =~ /HTTP\/2\.0/g), 20, 'many streams share a connection';
TLSward::Certs::write_file("$nginx->{dir}/www/big", join '', map { "line $_\n" } 1 .. 200_000);
my ($got, $sum) = curl($second, 'one.example.test/file/big', '--http2');
ok $sum eq TLSward::Certs::slurp("$nginx->{dir}/www/big"), 'a file of 2 MB arrives intact';

done_testing;
