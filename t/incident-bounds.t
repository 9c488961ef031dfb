#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# Reports are bounded in size and number, and what is no report does no harm.
use strict;
use warnings;
use Test::More;

use TLSward qw(wait_for);
use TLSward::Backend;
use TLSward::Certs;
use TLSward::Client qw(tls_connect);

plan skip_all => 'needs root' if $>;
plan skip_all => 'a build with sanitizers has its own ways' if TLSward::sanitizers();

my $host = 'one.example.test';
my $backend = TLSward::Backend->new('http');
sub tlsward { return TLSward->new(hosts => [$host], backends => [ { servers => [ $backend->server ] } ], conf => { workers => 1 }, @_) }

# ---- more than a report may hold
my $t = tlsward()->start;
my @many = map { tls_connect($t, sni => $host) } 1 .. 255;
wait_for(sub { !grep { $_->{phase} ne 'relay' } @{ $t->ctl_json('connections', '--limit', 300)->{connections} } }, 10, 'relaying');
is $t->ctl_json('witness', 1)->{state}, 'written', 'a worker with many connections gets a report';
my $r = $t->ctl_json('incident', 'last');
cmp_ok $r->{bytes} // -s $t->in_directory("state/incidents/$r->{id}.json"), '<=', 256 << 10, 'of bounded size';
is $r->{connections}{live}, 255, 'all connections are counted';
is $r->{connections}{unlisted}, 195, 'some are listed, and the number of the others is told';
is $r->{descriptors}{open} - @{ $r->{descriptors}{list} }, $r->{descriptors}{unlisted} + (grep({ /end of descriptors/ } @{ $r->{missing} }) ? 500 - @{ $r->{descriptors}{list} } : 0),
	'the same for descriptors';
$_->close for splice @many;
is $t->stop, 0, 'it ends in order';

# ---- a directory with too many, and with what is no report
my $dir = $t->in_directory('state/incidents');
TLSward::Certs::write_file(sprintf("$dir/20200101-%06d-000.json", $_), qq({"id": "x", "verdict": "stall", "role": "worker", "worker": 1}\n)) for 1 .. 103;
TLSward::Certs::write_file("$dir/20200202-000000-000.json", '{ broken');
TLSward::Certs::write_file("$dir/20200202-000001-000.json", 'x' x (1 << 20));
$t->start;
my $list = wait_for(sub { my $l = $t->ctl_json('incidents')->{incidents}; @$l >= 100 && $l }, 10, 'the list');
eval { wait_for(sub { 100 == (() = glob "$dir/*.json") }, 5, 'the oldest are gone') };
is scalar @$list, 100, 'the newest 100 reports are kept';
is scalar(my @files = glob "$dir/*.json"), 100, 'also on disk';
is_deeply [ map { $_->{error} } @$list[1, 2] ], [ ('it cannot be read') x 2 ], 'what is no report is listed so';
my ($rc, $out) = $t->ctl('incident', $list->[1]{id});
is $rc, 1, 'and cannot be shown';
like $out, qr/cannot be read/, 'with a reason';
for my $id ('none', '../workers', '20200101-000099-000/../x') {
	($rc, $out) = $t->ctl('incident', $id);
	like $out, qr/there is no incident/, "$id: is none";
}
is $t->stop, 0, 'it ends in order';
done_testing;
