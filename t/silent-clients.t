#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# 200 clients that say nothing, half a ClientHello, a whole one and then
# nothing more, or one and leave: their descriptors are free at their deadline,
# or at once, and nobody else waits for them.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);

use TLSward qw(wait_for slow log_time);
use TLSward::Backend;
use TLSward::Client qw(tcp_connect tls_connect http_get send_all client_hello canary);

my ($hello_s, $handshake_s) = (2, 4);
my $host = 'one.example.test';
my $backend = TLSward::Backend->new('http');
my $t = TLSward->new(hosts => [$host], listeners => [ { name => 'https' }, { name => 'silent' } ],
	backends => [ { servers => [ $backend->server ] } ],
	conf => { workers => 2, timeouts => { hello => $hello_s, handshake => $handshake_s } })->start;
my $hello = client_hello(sni => $host);
my %kind = (
	nothing => { end => 'hello_deadline', seconds => $hello_s },
	half => { send => substr($hello, 0, length($hello) / 2), end => 'hello_deadline', seconds => $hello_s },
	whole => { send => $hello, end => 'handshake_deadline', seconds => $handshake_s },
	leaves => { send => $hello, end => 'client_left', seconds => 0 },
	leaves_early => { send => substr($hello, 0, 100), end => 'client_left', seconds => 0 },
);

sub descriptors {
	return map { scalar(() = glob "/proc/$_/fd/*") } $t->pids('worker');
}
http_get(tls_connect($t, sni => $host), $host, '/') for 1 .. 4;
wait_for(sub { $t->ctl_json('status')->{gauges}{connections} == 0 }, 5, 'rest');
my @before = descriptors();
my $canary = canary($t);

my %began;
my @open;
for my $n (0 .. 199) {
	my $name = (sort keys %kind)[ $n % 5 ];
	my $at = time;
	my $s = tcp_connect($t, listener => 'silent');
	send_all($s, $kind{$name}{send}) if $kind{$name}{send};
	$began{ $s->sockport } = { kind => $name, at => $at };
	$name =~ /leaves/ ? shutdown $s, 1 : push @open, $s;
	push @open, $s;
}
my @lines = @{ wait_for(sub {
	my @l = $t->find_log({ msg => 'connection ended', listener => 'silent' });
	return @l == 200 ? \@l : undef;
}, $handshake_s + 4, 'the end of all') };
my (%ends, @wrong);
for my $line (@lines) {
	my $b = $began{ ($line->{peer} =~ /:(\d+)$/)[0] };
	my $kind = $kind{ $b->{kind} };
	my $took = log_time($line) - $b->{at};
	$ends{ $b->{kind} }{ $line->{end} }++;
	push @wrong, "$b->{kind}: $took s" if $took < $kind->{seconds} - 0.01 || $took > 1.25 * $kind->{seconds} + slow();
}
is_deeply \%ends, { map { $_ => { $kind{$_}{end} => 40 } } keys %kind }, 'each kind ends for its reason';
is_deeply \@wrong, [], 'in its time';
my $r = $canary->stop;
is $r->{failed}, 0, "nobody else noticed: $r->{tried} connections" or diag explain $r->{errors};
cmp_ok $r->{slowest}, '<', 1 + slow(), "nor waited: $r->{slowest} s at most";
wait_for(sub { $t->ctl_json('status')->{gauges}{connections} == 0 }, 5, 'the end of the canary');
my @now;
eval { wait_for(sub { @now = descriptors(); "@now" eq "@before" }, 5, 'the end of the last one') };
is_deeply \@now, \@before, 'all descriptors are free';
is $t->ctl_json('status')->{phases}{hello}, 0, 'and the ledger is empty';
$_->close for @open;
is $t->stop, 0, 'it ends in order';
done_testing;
