# SPDX-License-Identifier: BSD-2-Clause
package Bench::Kind::Share;
# The share, in percent, that one concern has of tlsward's CPU time: of the
# samples by perf, those whose stack goes through its functions or lines. That
# tells 1 % from 2 % where two runs that are compared differ by 5 % anyway.
use strict;
use warnings;
use utf8;
use parent 'Bench::Kind';

use Bench::Kind::Cpu;
use Bench::Perf qw(samples share);
use Bench::Process qw(family);
use TLSward::Certs;

# The lines of the worker that write records of the ledger, as "folder/folder/file:line".
sub ledger_lines {
	my %lines;
	for my $path (glob "$TLSward::SOURCE/workers/worker/*.c") {
		my ($file) = $path =~ m{(\w+/\w+/[^/]+)$};
		my ($n, $inside) = (0, 0);
		for (split /^/, TLSward::Certs::slurp($path)) {
			$n++;
			$inside = 1 if /\bledger_conn_begin\(/;
			$lines{"$file:$n"} = 1 if $inside || /\brec->\w+\s*(?:[-+]?=[^=]|\+\+|--)|__atomic_store_n\(.*\brec->/;
			$inside = 0 if /\bledger_conn_end\(/;
		}
	}
	return \%lines;
}

# What each concern is: a test of a sample, see Bench::Perf::share.
sub concern {
	my ($name) = @_;
	my $lines = ledger_lines();
	my %tests = (
		# Reading the clock is not writing.
		ledger => sub {
			my ($s) = @_;
			return grep({ /^ledger_(?!now_ns)/ } @{ $s->{functions} }) || grep { $lines->{$_} } @{ $s->{lines} };
		},
		policy => sub { my ($s) = @_; return grep { /^policy_(?:allow|timeouts|chain|route)$/ } @{ $s->{functions} } },
		asking => sub { my ($s) = @_; return grep { /^keeper_client_/ } @{ $s->{functions} } },
	);
	return $tests{$name};
}

# Microseconds of the concern in an operation, and its share.
sub measure {
	my ($self) = @_;
	my ($proxy, $unit) = ($self->{proxy}, $self->{row}{per} // 'µs');
	my $whole = $self->part("an operation, $unit", Bench::Kind::Cpu::figure($self->cost($proxy), $unit));
	my @samples = samples("$self->{env}{dir}/perf.data", [ family($proxy->{pid}) ], sub { $self->cost($proxy) });
	my $share = share(concern($self->{row}{concern}), @samples);
	return ($self->part("$self->{row}{concern}, $unit", $share * $whole), $share);
}

sub round {
	my ($self) = @_;
	my (undef, $share) = $self->measure;
	return 100 * $share;
}

1;
