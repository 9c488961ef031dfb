#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# As many full handshakes and as much bulk as the machine gives, for a minute,
# with the ordinary thresholds: nobody is taken for sick.
use strict;
use warnings;
use POSIX qw(_exit);
use Test::More;
use Time::HiRes qw(sleep time);

use TLSward qw(wait_for slow);
use TLSward::Backend;
use TLSward::Client qw(tls_connect http_get);

my $seconds = $ENV{TLSWARD_LOAD_S} // 60;
my $host = 'one.example.test';
my $backend = TLSward::Backend->new('http');
my $t = TLSward->new(hosts => [$host], backends => [ { servers => [ $backend->server ] } ],
	conf => { log => { level => 'info' } })->start;

# Clients in processes of their own, until the time is over.
sub load {
	my ($work) = @_;
	my $pid = fork // die "fork: $!\n";
	return $pid if $pid;
	my $until = time + $seconds;
	$work->() while time < $until;
	_exit(0);
}

sub handshakes {
	# openssl is faster than Perl.
	TLSward::run_command('timeout', 6, qw(openssl s_time -new -time 5 -connect), "$t->{address}:$t->{port}", '-servername', $host);
	return;
}
sub bulk {
	my $s = tls_connect($t, sni => $host) or return;
	http_get($s, $host, '/bytes/50000000', 30);
	$s->close;
	return;
}

my $mark = $t->mark;
my @busy = map { load(\&handshakes) } 1 .. 3;
push @busy, map { load(\&bulk) } 1 .. 3;
waitpid $_, 0 for @busy;
my $c = $t->ctl_json('status')->{counters};
cmp_ok $c->{handshakes_full} // 0, '>', 20 * $seconds, "$c->{handshakes_full} full handshakes";
cmp_ok $c->{bytes_down}, '>', 5e6 * $seconds, sprintf '%d MB', $c->{bytes_down} / 1e6;
is scalar(() = $t->find_log({ verdict => qr/./ }, $mark)), 0, 'nobody was taken for sick'
	or diag explain [ $t->find_log({ verdict => qr/./ }, $mark) ];
is scalar(grep { $_->{deaths} } @{ $t->ctl_json('workers')->{workers} }), 0, 'and nobody died';
my ($most) = sort { $b <=> $a } map { @{ $t->ctl_json('worker', $_)->{samples}{cpu_permille} } } 1, 2;
cmp_ok $most, '>', 300, "the workers were busy: $most permille of a processor at most";
is $t->stop(30), 0, 'it ends in order';
done_testing;
