#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# bench/run measures, compares and writes what it says it does; the programs
# for the limits work; its arithmetic is right.
use strict;
use warnings;
use Test::More;

use FindBin;
use lib "$FindBin::Bin/../bench/lib";
use JSON::PP ();

use Bench::Plot;
use Bench::Rows;
use Bench::Stats qw(median spread summary);
use TLSward qw(run_command);
use TLSward::Bench;
use TLSward::Certs;

is median(3, 1, 2), 2, 'the median of an odd number';
is median(4, 1, 2, 3), 2.5, 'and of an even one';
is spread(2, 2, 2, 2), 0, 'equal rounds have no spread';
my $row = { against => 'peer', target => 0.7 };
my $s = summary($row, { tlsward => [ 7, 6, 8 ], a => [ 20, 20, 20 ], b => [ 10, 10, 10 ], relay => [1] }, 'a', 'b');
is_deeply [ @$s{qw(best ratio holds)} ], [ 'b', 0.7, 1 ], 'the best peer is what a row compares with, and no limit';
$s = summary({ against => 'own', target => 5 }, { tlsward => [7], a => [9] }, 'a');
is $s->{holds}, 0, 'or tlsward\'s own value';
$s = summary($row, { tlsward => [7] });
ok !defined $s->{holds}, 'without a peer nothing is said';

my %seen;
for my $r (Bench::Rows::all()) {
	ok !$seen{ $r->{name} }++ && $r->{title} && $r->{unit} && $r->{target}, "row $r->{name} is whole";
	ok eval "require Bench::Kind::$r->{kind}", "and its kind is there" or diag $@;
}

my $dir = TLSward::Bench::directory();
my $bench = "$TLSward::SOURCE/bench/run";
my @short = (qw(--rounds 1 --seconds 0.1 --peers none), '--out', "$dir/out");
my ($status, $out) = run_command($bench, @short, '--only', 'requests-64,bulk-down,refused', '--quick');
is $status, 0, 'bench/run runs' or diag $out;
my $run = JSON::PP->new->utf8->decode(TLSward::Certs::slurp("$dir/out/results.json"));
is_deeply [ map { $_->{name} } @{ $run->{rows} } ], [qw(requests-64 bulk-down refused)], 'with the rows asked for';
for my $r (@{ $run->{rows} }) {
	ok $r->{summary}{median}{tlsward} > 0, "$r->{name}: tlsward has a figure";
	like TLSward::Certs::slurp("$dir/out/$r->{name}.svg"), qr{^<svg.*>tlsward<.*</svg>\n\z}s, 'and a plot';
}
ok $run->{rows}[1]{summary}{median}{relay} > 0 && $run->{rows}[1]{summary}{median}{echo} > 0, 'limits stand beside';
like TLSward::Certs::slurp("$dir/out/bench.md"), qr/^\| row \|.*\n(?:\|.*\n){4}\n/m, 'the page has the table';
($status, $out) = run_command($bench, @short, '--only', 'no-such-row');
is $status, 255, 'a row that is not there is an error';

($status, $out) = run_command(TLSward::program('bench-primitives'), '0.002');
my $rows = eval { JSON::PP->new->utf8->decode($out) } // [];
is scalar(grep { $_->{libcrypto} > 0 && $_->{gnutls} > 0 } @$rows), 4, 'the primitives of both libraries are timed' or diag $out;
done_testing;
