#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# In front of Varnish, which understands the TLVs of PROXY v2.
use strict;
use warnings;
use Test::More;

use TLSward;
use TLSward::Client qw(s_client gnutls_cli curl);
use TLSward::Servers qw(varnish);

my $varnish = varnish();
my $t = TLSward->new(backends => [ { servers => [ $varnish->server ], proxy_protocol => 2 } ])->start;

for my $host (@{ $t->{hosts} }) {
	my $page = qr{^varnish: $host(:\d+)? / for 127\.\S+ authority=$host alpn=}m;
	for my $version (qw(1.2 1.3)) {
		my ($status, $out) = curl($t, "$host/", '--http1.1', "--tlsv$version", '--tls-max', $version);
		like $out, $page, "curl gets the page of $host";
		like $out, qr/alpn=http\/1\.1 version=TLSv\Q$version\E cipher=\S*(AES|CHACHA)\S*/, "Varnish is told of TLS $version";
	}
	like +(s_client($t, $host))[1], $page, 'openssl gets it';
	like +(gnutls_cli($t, $host))[1], $page, 'and gnutls-cli';
}

done_testing;
