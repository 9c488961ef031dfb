#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# The roles that are single are watched, too: each is found when it spins and
# when it is stopped, and replaced, while service goes on.
use strict;
use warnings;
use Test::More;

use TLSward qw(wait_for);
use TLSward::Backend;
use TLSward::Client qw(tls_connect http_get);
use TLSward::Faults qw(need_faults fault quick_watch);

need_faults();
my $host = 'one.example.test';
my $backend = TLSward::Backend->new('http');
my $t = TLSward->new(hosts => [$host], backends => [ { servers => [ $backend->server ] } ],
	conf => { watch => quick_watch() })->start;

sub works { my $s = tls_connect($t, sni => $host, timeout => 3); return $s && http_get($s, $host, '/', 3) }
sub replaced {
	my ($role, $pid) = @_;
	wait_for(sub { my $new = $t->pid($role); $new && $new != $pid }, 10, "another $role");
	wait_for(sub { $t->ctl_json('status')->{processes}{$role}{state} eq 'ready' }, 10, "$role is ready");
	wait_for(sub { works() }, 10, 'service');
	return $t->ctl_json('status')->{processes}{$role}{verdicts};
}

# All at once first.
my %spins = map { $_ => fault($t, role => $_, kind => 'spin') } qw(librarian advisor logger);
for my $role (sort keys %spins) {
	is replaced($role, $spins{$role})->{cpu_spin}, 1, "$role: one that spins is replaced";
}
my $keeper = fault($t, role => 'keeper', kind => 'spin');
my $v = replaced('keeper', $keeper);
is +($v->{cpu_spin} // 0) + ($v->{crash} // 0), 1, 'keeper: one that spins is replaced, by those who wait for it or by those who watch';

my %stopped = map { $_ => $t->pid($_) } qw(librarian advisor logger);
kill STOP => values %stopped;
ok works(), 'nobody waits for them';
for my $role (sort keys %stopped) {
	is replaced($role, $stopped{$role})->{stall}, 1, "$role: one that is stopped is replaced";
}
my $mark = $t->mark;
my $sleeps = fault($t, role => 'librarian', kind => 'sleep');
like $t->wait_log({ msg => 'a process is sick', child => $sleeps, verdict => 'stall' }, 8, $mark)->{numbers}, qr/stopped=no/,
	'and one that sleeps in a system call';
is $t->stop, 0, 'it ends in order';
done_testing;
