#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# The tools that the other tests lean on tell the truth.
use strict;
use warnings;
use Test::More;

use TLSward qw(address wait_for);
use TLSward::Backend;
use TLSward::Client qw(tcp_connect send_all read_all read_some http_get client_hello alert_in);
use TLSward::Conf qw(conf_text);
use TLSward::Proxy qw(proxy_parse);
use TLSward::Servers qw(nginx varnish);

is conf_text({ workers => 2, user => '61701', tls => { minimum => '1.2', tickets => \0 },
	listeners => [ { name => 'a"b', alpn => ['h2', 'http/1.1'] } ], certificates => [] }), <<'END', 'Perl data become libconfig text';
listeners = ( { alpn = [ "h2", "http/1.1" ]; name = "a\"b"; } );
tls = { minimum = "1.2"; tickets = false; };
user = "61701";
workers = 2;
END

is_deeply TLSward::parse_line('ts=1 who=worker.1 msg="a \"b\" \x0a" empty="" n=5'),
	{ ts => 1, who => 'worker.1', msg => "a \"b\" \n", empty => '', n => 5 }, 'a logfmt line is parsed';

my $tlv = sub { pack 'C n/a*', @_ };
my $v2 = "\r\n\r\n\0\r\nQUIT\n" . pack 'C C n/a*', 0x21, 0x11, pack('C4 C4 n n', 192, 0, 2, 1, 192, 0, 2, 9, 4711, 443)
	. $tlv->(1, 'h2') . $tlv->(2, 'one.example.test') . $tlv->(0x20, pack('C N', 1, 0) . $tlv->(0x21, 'TLSv1.3'));
my %expected = (version => 2, command => 'PROXY', from => '192.0.2.1', from_port => 4711, to => '192.0.2.9',
	to_port => 443, alpn => 'h2', authority => 'one.example.test', ssl_client => 1, ssl_verify => 0,
	tls_version => 'TLSv1.3');
is_deeply [ proxy_parse("${v2}rest") ], [ \%expected, length $v2 ], 'a PROXY v2 header is read';
is_deeply [ map { scalar(() = proxy_parse(substr $v2, 0, $_)) } 0 .. length($v2) - 1 ],
	[ (0) x length $v2 ], 'a part of it is not';
is_deeply [ proxy_parse("PROXY TCP4 192.0.2.1 192.0.2.9 4711 443\r\n") ],
	[ { version => 1, family => 'TCP4', from => '192.0.2.1', to => '192.0.2.9', from_port => 4711, to_port => 443 }, 41 ],
	'a PROXY v1 header is read';
ok !eval { proxy_parse("GET / HTTP/1.1\r\n"); 1 }, 'something else is refused';

sub direct { return tcp_connect({ address => address(), port => $_[0] }) }

my $echo = TLSward::Backend->new('echo', proxy => 1);
my $s = direct($echo->{port});
send_all($s, "${v2}hello");
is read_some($s), 'hello', 'the echo backend echoes what follows the header';
shutdown $s, 1;
is_deeply [ read_all($s) ], ['', 'eof'], 'and closes when its peer does';
my ($end) = wait_for(sub { [ $echo->records('end') ] }, 5, 'a record')->[0];
is $end->{proxy}{authority}, 'one.example.test', 'the header is recorded';
is_deeply [ @$end{qw(bytes how)} ], [ 5, 'eof' ], 'bytes and end are recorded';

my $http = TLSward::Backend->new('http', name => 'h');
$s = direct($http->{port});
is http_get($s, 'x.test', '/p')->{body}, "h /p for x.test\n", 'the http backend answers';
is length http_get($s, 'x.test', '/bytes/100000')->{body}, 100000, 'on a connection that it keeps, with a body of any size';
is_deeply [ (read_all(direct(TLSward::Backend->new('source', size => 70_000)->{port})))[1] ], ['eof'], 'a source ends';
$s = direct(TLSward::Backend->new('reset')->{port});
send_all($s, 'x');
is +(read_all($s))[1], 'error', 'a backend can reset';
is ord client_hello(sni => 'a.test'), 22, 'a ClientHello record can be had';
is alert_in("\x15\x03\x03\0\2\2\x70"), 112, 'an alert is recognised';

my $nginx = nginx();
$s = direct($nginx->{http});
send_all($s, $v2);
is http_get($s, 'one.example.test', '/x')->{body}, "nginx: one.example.test /x HTTP/1.1 for 192.0.2.1:4711\n", 'nginx runs';
my $varnish = varnish();
$s = direct($varnish->{http});
send_all($s, $v2);
like http_get($s, 'one.example.test', '/x')->{body}, qr{^varnish: one.example.test /x for 192.0.2.1 authority=one.example.test alpn=h2 version=TLSv1.3},
	'Varnish runs';

done_testing;
