#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# As many full handshakes and as much bulk as the machine gives, for a minute,
# with the ordinary thresholds: nobody is taken for sick.
use strict;
use warnings;
use POSIX qw(_exit);
use Test::More;

use TLSward;
use TLSward::Bench qw(backend load certs);

my $seconds = $ENV{TLSWARD_LOAD_S} // 60;
my $dir = TLSward::Bench::directory();
my ($ca) = certs("$dir/certs", name => 'n.bench.test');
my $backend = backend();
my $t = TLSward->new(certificates => [ { directory => "$dir/certs" } ],
	backends => [ { servers => [ $backend->server ] } ], conf => { log => { level => 'info' } })->start;

# Each in a process of its own.
my $mark = $t->mark;
my @busy = map {
	my ($mode, %o) = @$_;
	my $pid = fork // die "fork: $!\n";
	if (!$pid) {
		my $r = load($mode, to => "$t->{address}:$t->{port}", sni => 'n.bench.test', ca => $ca, seconds => $seconds, %o);
		diag explain { $mode => $r->{failures} } if $r->{failed};
		_exit($r->{failed} || !$r->{done} ? 1 : 0);
	}
	$pid;
} [ 'full', connections => 8 ], [ 'down', connections => 2, answer => 10_000_000 ], [ 'requests', connections => 8 ];
is scalar(grep { waitpid $_, 0; $? } @busy), 0, 'nothing fails under full load';

my $c = $t->ctl_json('status')->{counters};
cmp_ok $c->{handshakes_full} // 0, '>', 20 * $seconds, "$c->{handshakes_full} full handshakes";
cmp_ok $c->{bytes_down}, '>', 5e6 * $seconds, sprintf '%d MB', $c->{bytes_down} / 1e6;
my @sick = $t->find_log({ verdict => qr/./ }, $mark);
is scalar @sick, 0, 'nobody was taken for sick' or diag explain \@sick;
is scalar(grep { $_->{deaths} } @{ $t->ctl_json('workers')->{workers} }), 0, 'and nobody died';
my ($most) = sort { $b <=> $a } map { @{ $t->ctl_json('worker', $_)->{samples}{cpu_permille} } } 1, 2;
cmp_ok $most, '>', 50, "the workers were busy: $most permille of a processor at most";
is $t->stop(30), 0, 'it ends in order';
done_testing;
