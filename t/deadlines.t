#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# A connection ends at its deadline: not before, and soon after; a listener may
# have deadlines of its own, and the next one of each connection can be seen.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);

use TLSward qw(wait_for slow pace);
use TLSward::Backend;
use TLSward::Client qw(tls_connect tcp_connect http_get read_all send_all client_hello canary);

my $host = 'one.example.test';
my $backend = TLSward::Backend->new('http');
my $pace = pace();
my %timeouts = (
	quick => { hello => 0.5 * $pace, handshake => 0.8 * $pace, idle => 0.5 * $pace },
	slower => { hello => 1.2 * $pace, handshake => 1.6 * $pace, idle => 1.5 * $pace },
	patient => { hello => 20, handshake => 30, idle => 40 },
);
my $t = TLSward->new(hosts => [$host], backends => [ { servers => [ $backend->server ] } ],
	listeners => [ { name => 'quick' }, { name => 'canary', timeouts => $timeouts{patient} }, map { +{ name => $_, timeouts => $timeouts{$_} } } qw(slower patient) ],
	conf => { timeouts => $timeouts{quick} })->start;
my $hello = client_hello(sni => $host);
my $canary = canary($t->via('canary'));

# How a client comes into the state in which that deadline counts.
my %begin = (
	hello => sub { return tcp_connect($t, @_) },
	handshake => sub { my $s = tcp_connect($t, @_); send_all($s, $hello); return $s },
	idle => sub { my $s = tls_connect($t, @_, sni => $host); http_get($s, $host, '/'); return $s },
);

for my $listener (qw(quick slower)) {
	for my $name (qw(hello handshake idle)) {
		my ($mark, $began, $seconds) = ($t->mark, time, $timeouts{$listener}{$name});
		# Idle counts from the last byte, the others from the accept.
		my $s = $begin{$name}->(listener => $listener);
		my $port = $s->sockport;
		my (undef, $how) = read_all($s);
		my $took = time - $began;
		is $t->wait_log({ msg => 'connection ended', listener => $listener, peer => qr/:$port$/ }, 5, $mark)->{end}, "${name}_deadline", "$listener: $name ends it";
		cmp_ok $took, '>=', $seconds, "$listener: not before $seconds s";
		cmp_ok $took, '<=', 1.25 * $seconds + slow(), "$listener: and soon after: $took s";
		is $how, 'error', "$listener: an idle client hears that it is no goodbye" if $name eq 'idle';
	}
}

my $s = $begin{idle}->(listener => 'quick');
my $until = time + 3 * $timeouts{quick}{idle};
my $answers = 0;
while (time < $until) {
	$answers++ if http_get($s, $host, '/');
	sleep 0.1;
}
ok http_get($s, $host, '/'), "a connection on which bytes move outlives its idle deadline ($answers requests)";
$s->close;

# Two bytes of TLS a second: movement does not help against hello and handshake.
my $began = time;
$s = tcp_connect($t, listener => 'slower');
for my $byte (split //, $hello) {
	last if !send_all($s, $byte) || IO::Select->new($s)->can_read(0.1) || time > $began + 5 * $pace;
}
my $took = time - $began;
cmp_ok $took, '<=', 1.25 * $timeouts{slower}{hello} + slow(), 'a ClientHello that drips is cut at the same deadline';
cmp_ok $took, '>=', $timeouts{slower}{hello}, 'and not before';

for my $name (qw(hello handshake idle)) {
	$s = $begin{$name}->(listener => 'patient');
	my ($c) = wait_for(sub {
		my @c = grep { ($_->{deadline} // '') eq $name } @{ $t->ctl_json('connections', '--listener', 'patient')->{connections} };
		return @c == 1 ? $c[0] : undef;
	}, 5, "$name as next deadline");
	my $most = $timeouts{patient}{$name} * 1000;
	cmp_ok $c->{deadline_in_ms}, '<=', $most, "tlswardctl shows $name as the next deadline, and when";
	cmp_ok $c->{deadline_in_ms}, '>', $most - 10_000, 'which is still far';
	$s->close;
	wait_for(sub { !@{ $t->ctl_json('connections', '--listener', 'patient')->{connections} } }, 5, 'its end');
}
$canary->unharmed;
is $t->stop, 0, 'it ends in order';
done_testing;
