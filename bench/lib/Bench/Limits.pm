# SPDX-License-Identifier: BSD-2-Clause
package Bench::Limits;
# What is printed beside the rows: what the libraries need for signatures, key
# exchange and records, and how exactly deadlines are kept.
use strict;
use warnings;
use JSON::PP ();

use Bench::Proxy;
use TLSward qw(program run_command);

# On the core of the proxies; seconds: of each of three runs.
sub primitives {
	my (@seconds) = @_;
	my ($status, $out) = run_command('taskset', '-c', $Bench::Proxy::CORE, program('bench-primitives'), @seconds);
	die "bench-primitives: exit $status: $out\n" if $status;
	return JSON::PP->new->utf8->decode($out);
}

# See bench/deadlines; undef if it fails.
sub deadlines {
	my ($status, $out) = run_command("$TLSward::SOURCE/bench/deadlines", '--json');
	return JSON::PP->new->utf8->decode($out) if !$status;
	warn "bench/run: bench/deadlines: exit $status: $out\n";
	return;
}

1;
