#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# What a backend learns of its client from the PROXY header, versions 1 and 2,
# over IPv4, IPv6 and to a Unix socket.
use strict;
use warnings;
use Test::More;

use TLSward qw(address wait_for);
use TLSward::Backend;
use TLSward::Client qw(tls_connect http_get);

my $four = TLSward::Backend->new('http', proxy => 1);
my $path = File::Temp::tempdir('tlsward-u-XXXXXX', TMPDIR => 1, CLEANUP => 1);
chmod 0755, $path;
my $unix = TLSward::Backend->new('http', proxy => 1, unix => "$path/sock");

my $t = TLSward->new(
	listeners => [
		{ name => 'v1', backend => 'v1' }, { name => 'v2', backend => 'v2' },
		{ name => 'v1on6', backend => 'v1', address => '::1' }, { name => 'v2on6', backend => 'v2', address => '::1' },
		{ name => 'unix', backend => 'unix' },
	],
	backends => [
		{ name => 'v1', servers => [ $four->server ], proxy_protocol => 1 },
		{ name => 'v2', servers => [ $four->server ], proxy_protocol => 2 },
		{ name => 'unix', servers => [ $unix->server ], proxy_protocol => 2 },
	],
)->start;

# The header that one request through that listener brought, and the client's own view.
sub header {
	my ($listener, $backend, %o) = @_;
	my $known = () = $backend->records('begin');
	my $to = $t->via($listener);
	my $s = tls_connect($to, sni => 'one.example.test', alpn => ['http/1.1'], %o) or die $TLSward::Client::error;
	is http_get($s, 'one.example.test', '/')->{status}, 200, "a request through $listener is answered";
	my $got = ($backend->records('begin'))[$known]{proxy};
	my %self = (from => $s->sockhost, from_port => $s->sockport, to => $to->{address}, to_port => $to->{port});
	return ($got, \%self, $s);
}

my ($got, $self) = header('v1', $four);
is_deeply $got, { version => 1, family => 'TCP4', %$self }, 'version 1 names both ends';
($got, $self) = header('v1on6', $four);
is_deeply $got, { version => 1, family => 'TCP6', %$self }, 'also over IPv6';

for my $listener (qw(v2 v2on6 unix)) {
	my $s;
	($got, $self, $s) = header($listener, $listener eq 'unix' ? $unix : $four, version => 'TLSv1_3');
	my $cipher = delete $got->{cipher};
	is_deeply $got, { version => 2, command => 'PROXY', %$self, alpn => 'http/1.1', authority => 'one.example.test',
		ssl_client => 1, ssl_verify => $got->{ssl_verify}, tls_version => 'TLSv1.3' }, "version 2 tells more ($listener)";
	cmp_ok $got->{ssl_verify}, '!=', 0, 'but not that a client certificate was verified';
	is $cipher, $s->get_cipher, 'the cipher has its name of the standard';
}
($got, $self) = header('v2', $four, version => 'TLSv1_2');
is $got->{tls_version}, 'TLSv1.2', 'TLS 1.2 is told from TLS 1.3';
($got, $self) = header('v2', $four, alpn => undef);
ok !exists $got->{alpn}, 'no ALPN, no TLV';

done_testing;
