#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# A backend whose host falls silent while bytes wait for it is given up at
# `progress`, and the client hears that it is no goodbye; and a backend behind a
# firewall that swallows everything costs one connect deadline for each server.
use strict;
use warnings;
use Test::More;

use TLSward::Network qw(network_or_skip);
BEGIN { network_or_skip() }

use Time::HiRes qw(sleep time);
use TLSward qw(wait_for slow log_time);
use TLSward::Backend;
use TLSward::Client qw(tls_connect http_get read_all read_some send_all close_notify canary);

my ($progress, $connect) = (3, 1);
my $host = 'one.example.test';
my $net = TLSward::Network->new;
my $http = TLSward::Backend->new('http');
# Those of the other side; all of them read what they get.
my %there = map { $_ => $net->over_there(sub { TLSward::Backend->new('trickle', every => 0.2, address => $net->{theirs}) }) } qw(upload half_closed);
$there{quiet} = $net->over_there(sub { TLSward::Backend->new('quiet', address => $net->{theirs}) });
my @dead = map { $net->over_there(sub { TLSward::free_port($net->{theirs}) }) } 1 .. 3;
$net->silence(@dead);
my %servers = (
	http => [ $http->server ],
	dead => [ map { "$net->{theirs}:$_" } @dead ],
	last_resort => [ (map { "$net->{theirs}:$_" } @dead[0, 1]), $http->server ],
	map { $_ => [ $there{$_}->server ] } keys %there,
);
my $t = TLSward->new(hosts => [$host],
	listeners => [ map { +{ name => $_, backend => $_ } } sort keys %servers ],
	backends => [ map { +{ name => $_, servers => $servers{$_} } } sort keys %servers ],
	conf => { workers => 2, timeouts => { progress => $progress, connect => $connect, idle => 60 } })->start;
my $canary = canary($t->via('http'));

my %s = map { $_ => tls_connect($t, listener => $_, sni => $host) } sort keys %there;
read_some($s{$_}) // die "nothing from $_" for qw(upload half_closed);
send_all($s{quiet}, "a few bytes\n");
wait_for(sub { ($t->ctl_json('connections', '--listener', 'quiet')->{connections}[0]{deadline} // '') eq 'idle' }, 10, 'the backend has them all');
my $silent = time;
$net->silence(map { $_->{port} } values %there);
send_all($s{upload}, 'u' x 100_000);
# Only a FIN waits for these two.
close_notify($s{$_}) for qw(half_closed quiet);

sub check_end {
	my ($listener, $how, $want, $began, $least, $most) = @_;
	my $line = $t->wait_log({ msg => 'connection ended', listener => $listener }, 20);
	my $took = log_time($line) - $began;
	is $line->{end}, $want, "$listener: ends by $want";
	is $how, 'error', "$listener: the client gets no goodbye";
	is $line->{alert_sent}, 80, "$listener: but an alert";
	cmp_ok $took, '>=', $least - 0.01, "$listener: not before its time";
	cmp_ok $took, '<=', 1.25 * $most + slow(), "$listener: and soon after: $took s";
	return $line;
}

for my $listener (qw(upload half_closed quiet)) {
	my ($bytes, $how) = read_all($s{$listener}, 20);
	my $line = check_end($listener, $how, 'progress_deadline', $silent, $progress, $progress);
	is $line->{detail}, 'waited for the backend', "$listener: the line says who was waited for";
}

my $began = time;
my ($bytes, $how) = read_all(tls_connect($t, listener => 'dead', sni => $host), 20);
check_end('dead', $how, 'connect_deadline', $began, 3 * $connect, 3 * $connect);
$began = time;
my $answer = http_get(tls_connect($t, listener => 'last_resort', sni => $host), $host, '/', 20);
my $took = time - $began;
is $answer->{status}, 200, 'where one server of three is reached, clients are served';
cmp_ok $took, '<=', 1.25 * 2 * $connect + slow(), "after a connect deadline for each that is not: $took s";

is $t->ctl_json('status')->{ends}{progress_deadline}, 3, 'each is counted';
$canary->unharmed;
is $t->stop, 0, 'it ends in order';
done_testing;
