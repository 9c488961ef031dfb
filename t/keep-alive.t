#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# The kernel watches over idle connections: keep-alive runs on both sides.
use strict;
use warnings;
use Test::More;

use TLSward qw(run_command wait_for);
use TLSward::Backend;
use TLSward::Client qw(tls_connect http_get);

my $host = 'one.example.test';
my $backend = TLSward::Backend->new('http');
my $t = TLSward->new(hosts => [$host], backends => [ { servers => [ $backend->server ] } ], conf => { workers => 1 })->start;
my $s = tls_connect($t, sni => $host);
http_get($s, $host, '/');

sub timer {
	my (@where) = @_;
	my ($status, $out) = run_command(qw(ss -Htno state established), @where);
	plan skip_all => 'ss(8) is not there' if $status == 127;
	return $out;
}

# Until what was sent is acknowledged, another timer runs.
for my $side ([ client => src => "$t->{address}:$t->{port}" ], [ backend => dst => $backend->server ]) {
	my ($who, @where) = @$side;
	ok eval { wait_for(sub { timer(@where) =~ /timer:\(keepalive,/ }, 5, $who) }, "towards the $who";
}
$s->close;
is $t->stop, 0, 'it ends in order';
done_testing;
