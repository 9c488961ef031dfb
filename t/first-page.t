#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# Three independent clients fetch the right page for each of two names, with
# the right certificate, and the log tells of each connection.
use strict;
use warnings;
use Test::More;

use TLSward qw(wait_for);
use TLSward::Backend;
use TLSward::Client qw(s_client gnutls_cli curl);

my $backend = TLSward::Backend->new('http', name => 'app');
my $t = TLSward->new(backends => [ { servers => [ $backend->server ] } ])->start;

for my $host (@{ $t->{hosts} }) {
	for my $version (qw(1.2 1.3)) {
		my ($status, $out) = curl($t, "$host/page", '--http1.1', "--tlsv$version", '--tls-max', $version);
		is $out, "app /page for $host\n", "curl gets the page of $host over TLS $version";
	}
	my ($status, $out) = s_client($t, $host, '-alpn', 'h2,http/1.1');
	like $out, qr/^app \/ for \Q$host\E$/m, "openssl gets the page of $host";
	like $out, qr/subject=CN = \Q$host\E$/m, 'with its certificate';
	like $out, qr/Verify return code: 0 \(ok\)/, 'and its whole chain';
	like $out, qr/ALPN protocol: http\/1\.1/, 'and the protocol that both know';
	($status, $out) = gnutls_cli($t, $host);
	like $out, qr/^app \/ for \Q$host\E$/m, "gnutls-cli gets the page of $host";
	like $out, qr/The certificate is trusted/, 'and trusts its certificate';
}

my $line = $t->wait_log({ msg => 'connection ended', sni => 'two.example.test', tls => qr/1\.3/, alpn => 'http/1.1' });
like $line->{end}, qr/^(client|backend)_closed$/, 'the connection ended in the ordinary way';
like $line->{cipher}, qr/AES|CHACHA/, 'its cipher is told';
cmp_ok $line->{up}, '>', 40, 'and the bytes up';
cmp_ok $line->{down}, '>', 60, 'and the bytes down';
ok exists $line->{"${_}_s"}, "and how long $_ took" for qw(hello handshake connect relay);
is $line->{server}, $backend->server, 'and the server of the backend';

wait_for(sub { (() = $t->find_log({ msg => 'connection ended' })) >= 8 }, 5, 'the last line');
is scalar(() = $t->find_log({ msg => 'connection ended' })), 8, 'each connection is one line';
my @wrong = grep { !/^protections / } map { $_->{msg} } $t->find_log({ level => qr/warning|error/ });
is_deeply \@wrong, [], 'nothing was wrong';
is $t->stop, 0, 'it ends with status 0 when it is told to';

done_testing;
