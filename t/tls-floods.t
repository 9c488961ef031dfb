#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# Alerts, key updates, empty records, attempts to renegotiate, fragments of
# handshake messages and other records that carry no payload, in masses: the
# client that sends them is ended, with a reason, before it has cost more than
# one that sends as many records of payload; nobody else notices anything.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);

use TLSward qw(wait_for run_command program);
use TLSward::Backend;
use TLSward::Certs;
use TLSward::Client qw(tcp_connect tls_connect http_get send_all read_all alert_in client_hello canary);

my $host = 'one.example.test';
my $backend = TLSward::Backend->new('quiet');
my $web = TLSward::Backend->new('http');
my $t = TLSward->new(hosts => [$host], conf => { workers => 1 },
	backends => [ { servers => [ $backend->server ] }, { name => 'web', servers => [ $web->server ] } ],
	listeners => [ {}, { name => 'web', backend => 'web' } ])->start;
my $canary = canary($t->via('web'));
my ($worker) = $t->pids('worker');
my $N = 20000;

# CPU time of the worker, in ms.
sub cpu { return (split / /, TLSward::Certs::slurp("/proc/$worker/schedstat"))[0] / 1e6 }

sub flood {
	my ($version, $kind, $n, $together) = @_;
	my $mark = $t->mark;
	my $before = cpu();
	my ($status, $said) = run_command(program('t/clients/records'), $t->{address}, $t->{port}, $host, $version, $kind, $n, $together);
	my $line = $t->wait_log({ msg => 'connection ended', peer => qr/./, sni => $host, listener => 'https' }, 5, $mark);
	return { cpu => cpu() - $before, said => $said =~ s/^sent \d+\n//r, %$line };
}

# version, kind, the alert that answers it, what ends it
my $barren = 'too many bytes without payload';
# Which bound is reached first depends on how many of them one read brings.
my $empty = qr/Too many empty record packets|$barren/;
my @cases = (
	[ '1.2', 'empty', 10, $empty ],
	[ '1.3', 'empty', 10, $barren ],
	[ '1.2', 'warning', 10, 'warning alert' ],
	[ '1.3', 'key_update', 10, 'Too many handshake packets' ],
	[ '1.2', 'renegotiation', 40, 'Rehandshake was requested' ],
	[ '1.3', 'renegotiation', 10, 'unexpected TLS packet' ],
	[ '1.2', 'fragment', 10, 'unexpected TLS packet' ],
	[ '1.3', 'fragment', 10, $barren ],
	[ '1.2', 'change_cipher_spec', 20, 'Decryption has failed' ],
	[ '1.3', 'change_cipher_spec', 10, 'unexpected TLS packet' ],
	[ '1.2', 'heartbeat', 10, 'unexpected TLS packet' ],
	[ '1.3', 'heartbeat', 10, 'unexpected TLS packet' ],
);
my ($honest, $floods) = (0, 0);
for my $case (@cases) {
	my ($version, $kind, $alert, $why) = @$case;
	my $f = flood($version, $kind, $N, 100);
	is $f->{end}, 'tls_error', "TLS $version, $kind: ends as tls_error";
	is $f->{said}, "alert $alert\n", "TLS $version, $kind: which alert $alert tells the client";
	like $f->{detail}, ref $why ? $why : qr/\Q$why\E/, "TLS $version, $kind: and the detail tells the operator";
	$floods += $f->{cpu};
	$honest += flood($version, 'data', $N, 100)->{cpu} if $kind eq 'empty';
}
$honest *= @cases / 2;
cmp_ok $floods, '<', $honest, sprintf 'floods of %d records cost less than as much payload: %.1f and %.1f ms', $N, $floods, $honest;

# In TLS 1.3 this alert is the client's last word.
my $f = flood('1.3', 'warning', $N, 100);
is $f->{end}, 'client_alert', 'TLS 1.3, warning: each alert but close_notify is an end';

# Slowly, so that GnuTLS sees each in a call of its own, if the worker keeps up.
for my $case ([ '1.2', 'empty', 3000 ], [ '1.3', 'empty', 4000 ], [ '1.3', 'fragment', 4000 ]) {
	my ($version, $kind, $n) = @$case;
	$f = flood($version, $kind, $n, 0);
	is $f->{end}, 'tls_error', "TLS $version, $kind, one by one: ends as tls_error";
	like $f->{detail}, $kind eq 'empty' ? $empty : qr/^$barren$/, 'for the bytes that it took';
}
$f = flood('1.3', 'key_update', 20, 0);
like $f->{detail}, qr/Too many handshake packets/, 'TLS 1.3, key_update, one by one: ends, too';

# Few of these, in contrast, harm nobody.
for my $case ([ '1.2', 'warning', 5 ], [ '1.2', 'empty', 100 ], [ '1.3', 'empty', 100 ], [ '1.3', 'key_update', 5 ]) {
	my ($version, $kind, $n) = @$case;
	$f = flood($version, $kind, $n, 1);
	is $f->{said}, "goodbye\n", "TLS $version, $kind: after $n of them a goodbye is answered";
	is $f->{end}, 'client_closed', 'and all is in order';
}

# Before the end of the handshake, in clear.
sub record { my ($type, $body) = @_; return pack('Cnn', $type, 0x0303, length $body) . $body }
my %hello = map { $_ => client_hello(sni => $host, version => $_) } qw(TLSv1.2 TLSv1.3);
my $fragments = join '', record(22, pack 'CCn', 16, 0, 60000), map { record(22, 'x') } 1 .. $N;
for my $case (
	[ 'TLSv1.2', 'fragments of a ClientKeyExchange', $fragments ],
	[ 'TLSv1.3', 'fragments of a Finished', $fragments ],
	[ 'TLSv1.2', 'warnings', record(21, "\1\132") x $N ],
	[ 'TLSv1.3', 'ChangeCipherSpecs', record(20, "\1") x $N ],
	[ 'TLSv1.2', 'ChangeCipherSpecs', record(20, "\1") x $N ],
	[ 'TLSv1.2', 'empty records', record(22, '') x $N ],
	[ 'TLSv1.3', 'empty records', record(22, '') x $N ],
	[ 'TLSv1.2', 'more ClientHellos', $hello{'TLSv1.2'} x 1000 ],
	[ 'TLSv1.3', 'more ClientHellos', $hello{'TLSv1.3'} x 1000 ],
) {
	my ($version, $what, $bytes) = @$case;
	my ($mark, $before) = ($t->mark, cpu());
	my $s = tcp_connect($t);
	send_all($s, $hello{$version});
	sysread $s, my $flight, 65536;
	send_all($s, $bytes);
	my (undef, $how) = read_all($s, 3);
	isnt $how, 'deadline', "$version, $what in the handshake: the connection is ended";
	my $line = $t->wait_log({ msg => 'connection ended', peer => qr/:@{[ $s->sockport ]}$/ }, 5, $mark);
	is $line->{end}, 'tls_error', "$version, $what in the handshake: as tls_error ($line->{detail})";
	cmp_ok cpu() - $before, '<', $honest, "$version, $what in the handshake: cheaply";
	close $s;
}

my $r = $canary->stop;
cmp_ok $r->{tried}, '>', 10, 'another client used the service all the while';
is $r->{failed}, 0, 'and noticed nothing' or diag explain $r->{errors};
wait_for(sub { $t->ctl_json('status')->{gauges}{connections} == 0 }, 10, 'no connection is left');
is +($t->pids('worker'))[0], $worker, 'the worker is the same';
is $t->stop, 0, 'it ends in order';
done_testing;
