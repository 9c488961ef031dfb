#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# tlswardctl connections finds the connections that it is asked for, by each
# filter alone and by several at once, living ones and ended ones.
use strict;
use warnings;
use IO::Socket::SSL;
use Test::More;
use Time::HiRes qw(time);

use TLSward qw(wait_for);
use TLSward::Backend;
use TLSward::Client qw(tls_connect tcp_connect http_get read_all send_all client_hello close_notify);

my ($one, $two) = qw(one.example.test two.example.test);
my %backend = (http => TLSward::Backend->new('http'), quiet => TLSward::Backend->new('quiet'));
my $t = TLSward->new(hosts => [ $one, $two ], conf => { workers => 2, timeouts => { hello => 500, handshake => 600, idle => 600 } },
	listeners => [ { name => 'web', backend => 'http' }, { name => 'other', backend => 'quiet' } ],
	backends => [ map { +{ name => $_, servers => [ $backend{$_}->server ] } } sort keys %backend ])->start;

# From another address of the loopback net, as another client would come.
sub from {
	my ($address, $listener) = @_;
	return IO::Socket::INET->new(LocalAddr => $address, PeerAddr => $t->{address},
		PeerPort => $t->{listeners}{$listener}{port}) // die "connect: $!";
}

sub found {
	my (@filters) = @_;
	return @{ $t->ctl_json('connections', @filters)->{connections} };
}

sub counts {
	my ($want, @filters) = @_;
	my $n = eval { wait_for(sub { found(@filters) == $want }, 3, "$want connections"); $want } // scalar(() = found(@filters));
	is $n, $want, "connections @filters: $want";
	return;
}

my $began = time;
my @early = map { tls_connect($t, sni => $one) } 1 .. 5;
http_get($_, $one, '/') for @early;
my @hello = map { tcp_connect($t, listener => 'other') } 1 .. 2;
my @handshake = map { my $s = from('127.9.8.7', 'web'); send_all($s, client_hello(sni => $two)); $s } 1 .. 3;
counts(10);
counts(5, '--phase', 'relay');
counts(2, '--phase', 'hello');
counts(3, '--phase', 'handshake');
counts(0, '--phase', 'closing');
counts(5, '--sni', $one);
counts(3, '--sni', $two);
counts(8, '--sni', '*.example.test');
counts(2, '--sni', '');
counts(3, '--peer', '127.9.8.7');
counts(3, '--peer', '127.9.0.0/16');
counts(10, '--peer', '127.0.0.0/8');
counts(0, '--peer', '::1');
counts(8, '--listener', 'web');
counts(2, '--listener', 'other');
# Where a connection goes is known when its ClientHello is.
counts(8, '--backend', 'http');
counts(3, '--sni', $two, '--phase', 'handshake', '--peer', '127.9.8.7');
counts(0, '--sni', $one, '--phase', 'handshake');
counts(4, '--limit', 4);
my @by_worker = map { scalar(() = found('--worker', $_)) } 1, 2;
is $by_worker[0] + $by_worker[1], 10, "each is one of a worker: @by_worker";
my %id = map { $_->{id} => 1 } found();
is keys %id, 10, 'and each has a number of its own';

# Older and younger ones: what was open before, and what comes two seconds later.
wait_for(sub { time - $began > 2 }, 5, 'two seconds');
my @late = map { my $s = tls_connect($t, sni => $two); http_get($s, $two, '/'); $s } 1 .. 4;
counts(14);
my $age = time - $began;
my @older = found('--older', 1.5);
is scalar(grep { $_->{age_ms} < 1500 } @older), 0, "connections --older 1.5: none is younger";
cmp_ok scalar @older, '>=', 10, 'and those of before are there';
counts(0, '--older', 1000);

# Ended ones.
close_notify($_), read_all($_) for @early[ 0 .. 2 ];
$_->close for @early[ 0 .. 2 ];
$_->close for @hello;
counts(9);
counts(3, '--ended', '--end', 'client_closed');
counts(2, '--end', 'client_left');
counts(3, '--ended', '--sni', $one);
counts(5, '--ended');
counts(0, '--end', 'backend_reset');
counts(3, '--ended', '--older', 1.5, '--sni', $one);
is scalar(grep { $_->{duration_ms} > 0 && $_->{end} } found('--ended', '--sni', $one)), 3, 'which tell how long they were, and why they ended';

# For people: a line each, with the columns that were asked about.
my ($status, $out) = $t->ctl('connections', '--sni', $two, '--phase', 'relay');
is $status, 0, 'the table for people comes';
is scalar(() = $out =~ /^.*\Q$two\E.*$/mg), 4, 'and has a line for each' or diag $out;
for my $wrong ([ '--phase', 'sleeping' ], [ '--peer', 'nowhere' ], [ '--end', 'tired' ], [ '--older', 'old' ], ['--colour']) {
	($status, $out) = $t->ctl('connections', @$wrong);
	isnt $status, 0, "connections @$wrong: a mistake";
	like $out, qr/\Q$wrong->[-1]\E|\Q@{[ $wrong->[0] =~ s,^--,,r ]}\E/, 'that is named';
}
$_->close for @early, @late, @handshake;
is $t->stop, 0, 'it ends in order';
done_testing;
