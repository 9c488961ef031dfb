#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# Servers of backends given by name are resolved before they are needed; a name
# that has no address is warned about, and everything else is served.
use strict;
use warnings;
use Test::More;

use TLSward qw(wait_for);
use TLSward::Backend;
use TLSward::Certs;
use TLSward::Client qw(tls_connect http_get read_all send_all);

my $host = 'one.example.test';
my $local = TLSward::Backend->new('http', name => 'local', address => '127.0.0.1');
my $named = TLSward::Backend->new('http', name => 'named');
my %servers = (
	local => ["localhost:$local->{port}"],
	named => ["app.test:$named->{port}"],
	mixed => [ 'nowhere.invalid:9', $named->server ],
	none => ['nowhere.invalid:9'],
	many => [ (map { "many$_.test:$named->{port}" } 1 .. 6), $named->server ],
);
my @names = sort keys %servers;
my $t = TLSward->new(hosts => [$host],
	listeners => [ map { +{ name => $_, backend => $_ } } @names ],
	backends => [ map { +{ name => $_, servers => $servers{$_} } } @names ]);

# The second address of localhost has no server.
TLSward::Certs::write_file($t->in_directory('hosts'), "127.0.0.1 localhost\n::1 localhost\n$named->{address} app.test\n"
	. join '', map { my $n = $_; map { "127.0.$n.$_ many$n.test\n" } 1 .. 16 } 1 .. 6);
TLSward::Certs::write_file($t->in_directory('nsswitch'), "hosts: files\n");
my $private = $t->mounts('mount --bind DIR/hosts /etc/hosts', 'mount --bind DIR/nsswitch /etc/nsswitch.conf');
$t->start;

sub page {
	my ($listener) = @_;
	my $s = tls_connect($t, sni => $host, listener => $listener) or return '';
	my $answer = http_get($s, $host, '/') or return '';
	return $answer->{body};
}

for my $try (1 .. 4) {
	is page('local'), "local / for $host\n", "try $try: a server named localhost is reached";
	is page('mixed'), "named / for $host\n", "try $try: a server without an address is passed over";
	SKIP: {
		skip 'NOT TESTED, names of a hosts file: needs root and mount namespaces', 1 if !$private;
		is page('named'), "named / for $host\n", "try $try: so is one that a hosts file names";
	}
}
SKIP: {
	skip 'NOT TESTED, a librarian that starts again: needs root and mount namespaces', 1 if !$private;
	my $hosts = TLSward::Certs::slurp($t->in_directory('hosts'));
	TLSward::Certs::write_file($t->in_directory('hosts'), $hosts =~ s/^\S+ app\.test$/127.0.0.77 app.test/mr);
	my $other = TLSward::Backend->new('http', name => 'other', address => '127.0.0.77', port => $named->{port});
	kill KILL => $t->pid('librarian');
	# Names are asked for every 30 s besides.
	ok eval { wait_for(sub { page('named') eq "other / for $host\n" }, 10, 'the new address') }, 'a librarian that starts again is asked at once';
}
is $t->ctl_json('status')->{workers}[0]{deaths}, 0, 'more addresses than a backend can have do no harm';
my @warnings = wait_for(sub { my @w = $t->find_log({ level => 'warning', msg => qr/nowhere\.invalid/ }); @w >= 2 && \@w }, 30, 'two warnings')->@*;
is scalar(grep { $_->{msg} =~ /^(mixed|none): / } @warnings), scalar @warnings, 'warnings name the backend';
cmp_ok scalar @warnings, '>=', 2, 'each backend with such a server has one';

my $mark = $t->mark;
my $s = tls_connect($t, sni => $host, listener => 'none');
send_all($s, "GET / HTTP/1.1\r\n\r\n");
is +(read_all($s))[1], 'error', 'a backend without any address is no goodbye';
is $t->wait_log({ msg => 'connection ended', listener => 'none' }, 5, $mark)->{end}, 'backend_unreachable', 'but backend_unreachable';
is $t->stop, 0, 'it ends in order';
done_testing;
