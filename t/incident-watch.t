#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# A process that is found sick gets a report before it goes: its samples, its
# descriptors or its stack, and each step that was taken.
use strict;
use warnings;
use Test::More;

use TLSward qw(wait_for unwatched);
use TLSward::Backend;
use TLSward::Client qw(tls_connect http_get);
use TLSward::Gdb qw(gdb_can gdb);

plan skip_all => 'needs root' if $>;
plan skip_all => 'needs gdb, and a build without sanitizers' if !gdb_can();

my $host = 'one.example.test';
my $backend = TLSward::Backend->new('http');
my %watch = (%{ unwatched() }, interval => 0.2);
my $t = TLSward->new(hosts => [$host], backends => [ { servers => [ $backend->server ] } ],
	# Until gdb is done, which holds a process for seconds on a busy machine.
	conf => { timeouts => { drain => 2 }, watch => {%watch} })->start;

sub watch_for {
	my (%for) = @_;
	$t->{conf}{watch} = { %watch, %for };
	return $t->write_conf->ctl_json('reload');
}

sub works {
	my $s = tls_connect($t, sni => $host, timeout => 3) or return 0;
	return !!http_get($s, $host, '/', 3);
}

# The whole report, once the process is gone and its last step was added.
sub report_of {
	my ($pid) = @_;
	my ($one) = wait_for(sub {
		my ($i) = grep { $_->{pid} == $pid && $_->{verdict} ne 'crash' } @{ $t->ctl_json('incidents')->{incidents} };
		my $r = $i && $i->{state} eq 'written' && $t->ctl_json('incident', $i->{id});
		return $r && grep({ $_->{text} =~ /gone/ } @{ $r->{steps} }) && $r;
	}, 20, 'a report with its last step');
	return $one;
}

my ($pid) = $t->pids('worker');
gdb($pid, ('call (int)dup(0)') x 20);
watch_for(fd_leak => { above => 8, for => 1 });
my $r = report_of($pid);
is $r->{verdict}, 'fd_leak', 'a leak: there is a report';
is $r->{descriptors}{of_nobody}, 20, 'it names the descriptors that nobody owns';
cmp_ok scalar @{ $r->{samples} }, '>=', 5, 'the samples that led to it are in it';
is $r->{samples}[-1]{descriptors} - $r->{samples}[-1]{descriptors_known}, 20, 'with the numbers';
cmp_ok scalar @{ $r->{steps} }, '>=', 2, 'and what was done';
my ($rc, $out) = $t->ctl('incident', $r->{id});
like $out, qr/^seen +fd_leak: .*^numbers +\S.*^done +\d\d:\d\d:\d\d .*^Its last samples$/ms, 'people are told it as a story';
ok works(), 'service goes on';

watch_for(stall => { after => 2 });
($pid) = $t->pids('worker');
kill STOP => $pid;
$r = report_of($pid);
is $r->{verdict}, 'stall', 'one that stands still: there is a report';
like $r->{process}{status}{State}, qr/^T/, 'it was looked at before it was killed';
ok $r->{profile}{samples}, 'with its stack';
is_deeply $r->{missing}, [], 'nothing is missing';
ok works(), 'service goes on';
is $t->stop, 0, 'it ends in order';
done_testing;
