#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# Completion of tlswardctl in bash: its commands, options, words, and what the
# tlsward that runs has: workers, names, connections.
use strict;
use warnings;
use Test::More;

use TLSward qw(run_command program wait_for);
use TLSward::Backend;
use TLSward::Certs;
use TLSward::Client qw(tls_connect);

my $script = "$TLSward::SOURCE/etc/tlswardctl.bash";
my $ctl = program('tlswardctl');
my $backend = TLSward::Backend->new('http');
my $t = TLSward->new(hosts => ['one.example.test', '*.wild.example.test'], backends => [ { servers => [ $backend->server ] } ])->start;

# What bash would offer for the last of those words.
sub completes {
	my (@words) = @_;
	my $bash = 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _tlswardctl; printf "%s\n" "${COMPREPLY[@]}"';
	my ($status, $out) = run_command('bash', '--norc', '-c', $bash, 'bash', $script, $ctl, @words);
	fail("bash: $out") if $status;
	return [ sort grep { length } split /\n/, $out ];
}

my ($status, $help) = run_command($ctl, 'help');
my @commands = sort { $a cmp $b } $help =~ /^  ([a-z][a-z-]*)/mg;
cmp_ok scalar @commands, '>=', 14, 'tlswardctl has its commands';
is_deeply [ grep { !/^-/ } @{ completes('') } ], \@commands, 'all of them are offered';
is_deeply completes('wo'), [qw(worker workers)], 'those that begin so';
is_deeply completes('-s', '/run/x', '--json', 'back'), ['backends'], 'also behind options';
is_deeply completes('connections', '--p'), [qw(--peer --phase)], 'options of a command';
is_deeply completes('hosts', '--'), [qw(--expiring --failing --incomplete --json --limit --name)], 'those of another';
is_deeply completes('connections', '--phase', 'h'), [qw(handshake hello hold)], 'phases';
my @ends = TLSward::Certs::slurp("$TLSward::SOURCE/common/ends.h") =~ /X\(END_(?!NONE)\w+, "(\w+)"/g;
is_deeply completes('connections', '--end', ''), [ sort @ends ], 'every end reason';
is_deeply completes('help', 'back'), ['backends'], 'commands, for help';
is_deeply completes('log-level', ''), [qw(debug error info notice warning)], 'levels';
my @socket = ('-s', $t->{conf}{control}{socket});
# Of what tlsward has to say completion waits two seconds; a busy machine may need more, and is asked again.
sub offers {
	my ($words, $want, $what) = @_;
	my $got;
	eval { wait_for(sub { $got = completes(@socket, @$words); "@$got" eq "@$want" }, 5, $what) };
	return is_deeply $got, $want, $what;
}
offers(['worker', ''], [ 1, 2 ], 'numbers of the workers that run');
offers(['connections', '--worker', ''], [ 1, 2 ], 'also for an option');
offers(['drain', ''], [ 1, 2, 'all' ], 'drain: or all');
offers(['host', ''], [ '*.wild.example.test', 'one.example.test' ], 'names, a wildcard as it stands');
my $c = tls_connect($t, sni => 'one.example.test') or die "no connection\n";
my ($entry) = @{ $t->ctl_json('connections')->{connections} };
offers(['close', ''], [ $entry->{id} ], 'ids of connections');
offers(['descriptors', ''], [qw(1 2 advisor keeper librarian logger)], 'processes that can be looked at');
offers(['incident', ''], ['last'], 'no incident but the last');
$t->ctl_json('witness', 1);
offers(['incident', ''], [ $t->ctl_json('incidents')->{incidents}[0]{id}, 'last' ], 'or one by its id');
is_deeply completes('-s', '/nowhere', 'worker', ''), [], 'without a server nothing, and no complaint';
is_deeply completes('nonsense', ''), [], 'nothing for a command that is none';
$c->close;
is $t->stop, 0, 'it ends in order';
done_testing;
