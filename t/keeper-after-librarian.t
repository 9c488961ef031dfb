#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# A librarian that dies while it is given the store delays nobody's keys: those
# of a keeper that dies next are read as soon as there is another one.
use strict;
use warnings;
use File::Copy qw(copy);
use Test::More;

use TLSward qw(wait_for slow log_time);
use TLSward::Backend;
use TLSward::Client qw(tls_connect http_get);

my $STORE = 5000;
my $host = 'one.example.test';
my $backend = TLSward::Backend->new('http');
my $t = TLSward->new(hosts => [$host], backends => [ { servers => [ $backend->server ] } ],
	conf => { chains => { sources => [qw(file store)], store => 'store' } });
mkdir $t->in_directory('store');
# So many that they are still being read when the log says that the librarian is ready.
my $link = $t->in_directory('store/ca.pem');
copy($t->{ca}, $link);
link $link, $t->in_directory("store/ca$_.pem") for 1 .. $STORE;
$t->start;

sub serves { my $s = tls_connect($t, sni => $host, timeout => 2); return $s && http_get($s, $host, '/', 2) }
sub broken { my ($role, $mark) = @_; return scalar $t->find_log({ msg => qr/^certificates and keys could not be read: the $role ended/ }, $mark) }

# From the start of the keeper after this place in the log, until it has its keys.
sub keys_within {
	my ($mark) = @_;
	my $read = $t->wait_log({ msg => 'keys were read' }, 10, $mark);
	my ($started) = reverse grep { log_time($_) <= log_time($read) } $t->find_log({ msg => 'process started', role => 'keeper' }, $mark);
	return log_time($read) - log_time($started);
}

# As soon as it is ready, for then the store comes to it; the first one has it already.
my $mark = $t->mark;
wait_for(sub {
	my $pid = $t->pid('librarian') or return;
	my $here = $t->mark;
	kill KILL => $pid;
	$t->wait_log({ msg => 'a process died and will be started again', child => $pid }, 5, $here);
	return 1 if broken('librarian', $mark);
	$t->wait_log({ msg => 'process is ready', role => 'librarian' }, 10, $here);
	return broken('librarian', $mark);
}, 20, 'the end of a librarian that is given the store');
$mark = $t->mark;
kill KILL => $t->pid('keeper');
cmp_ok keys_within($mark), '<', 2.5 * slow(), 'a keeper that dies after it has its keys at once';
ok wait_for(sub { serves() }, 10, 'service'), 'and signs';
is $t->stop, 0, 'it ends in order';
done_testing;
