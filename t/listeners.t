#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# Several listeners, over IPv4 and IPv6, each with its own backend and ALPN, by
# all workers; an address that is taken is an error that names its line.
use strict;
use warnings;
use IO::Socket::IP;
use Test::More;

use TLSward qw(run_command program free_port wait_for);
use TLSward::Backend;
use TLSward::Certs;
use TLSward::Client qw(tls_connect tcp_connect http_get);

my $host = 'one.example.test';
my $has_ipv6 = IO::Socket::IP->new(LocalHost => '::1', Listen => 1);
my %alpn = (first => ['h2'], second => [ 'http/1.1', 'h2' ], third => [], sixth => ['http/1.1']);
my @names = grep { $_ ne 'sixth' || $has_ipv6 } sort keys %alpn;
diag 'NOT TESTED: listening on IPv6, which this machine does not have' if !$has_ipv6;
my %backend = map { $_ => TLSward::Backend->new('http', name => $_) } @names;
my $t = TLSward->new(hosts => [$host],
	listeners => [ map { +{ name => $_, backend => $_, alpn => $alpn{$_}, ($_ eq 'sixth' ? (address => '::1') : ()) } } @names ],
	backends => [ map { +{ name => $_, servers => [ $backend{$_}->server ] } } @names ])->start;

my %workers;
for my $name (@names) {
	my $s = tls_connect($t, sni => $host, listener => $name, alpn => [ 'h2', 'http/1.1' ]);
	my $answer = $s && http_get($s, $host, '/');
	is $answer && $answer->{body}, "$name / for $host\n", "$name leads to its backend";
	is $s->alpn_selected, $alpn{$name}[0], "$name chooses from its own protocols, in its own order";
	# Whichever looks first takes those that have come: some at once are for both, sooner or later.
	wait_for(sub {
		my @some = map { tcp_connect($t, listener => $name) } 1 .. 8;
		$workers{$name}{ $_->{worker} } = 1 for @{ $t->ctl_json('connections', '--listener', $name)->{connections} };
		return keys %{ $workers{$name} } == 2;
	}, 10, "connections of both workers by $name");
}
my $line = $t->wait_log({ msg => 'connection ended', listener => 'first', sni => $host });
is $line->{backend}, 'first', 'the log names listener and backend';
if ($has_ipv6) {
	like $t->wait_log({ msg => 'connection ended', listener => 'sixth' })->{peer}, qr/^\[::1\]:\d+$/, 'and an IPv6 client in brackets';
	is @{ $t->ctl_json('connections', '--ended', '--peer', '::1')->{connections} } > 0, 1, 'which can be asked for';
}
is scalar(grep { keys %{ $workers{$_} } == 2 } @names), scalar @names, 'all workers take connections of all listeners';

# A second instance with two listeners that are in use and one that is not.
my $text = TLSward::Certs::slurp($t->{conf_path});
$text =~ s/\}, \{ address/},\n{ address/g;
my $free = free_port();
$text =~ s/(name = "second"; port = )\d+/$1$free/;
$text =~ s/(state_directory = ")[^"]*/$1$t->{dir}\/other/;
$text =~ s/control\.sock/other.sock/;
my $file = TLSward::Certs::write_file($t->in_directory('other.conf'), $text);
my ($status, $out) = run_command('timeout', 20, program('tlsward'), @{ $t->{args} }, '-c', $file);
is $status, 1, 'a second one on the same addresses does not start';
for my $name (@names) {
	my ($before) = $text =~ /^(.*?)name = "$name"; port/s;
	my $at = 1 + ($before =~ tr/\n//);
	my $said = $out =~ /^tlsward: \Q$file:$at\E: .*"$name".*(?:in use)/m;
	is !!$said, $name ne 'second', $name eq 'second' ? "$name is free: nothing is said of it" : "$name is in use: told with file and line" or diag $out;
}
ok http_get(tls_connect($t, sni => $host), $host, '/'), 'the first one goes on';
is $t->stop, 0, 'it ends in order';
done_testing;
