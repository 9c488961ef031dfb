# SPDX-License-Identifier: BSD-2-Clause
package Bench::Perf;
# Where processes spend their CPU time: samples by perf(1), each with its stack
# by function, file and line in tlsward's own programs, inlined ones included.
use strict;
use warnings;
use Exporter 'import';
use POSIX qw(WNOHANG _exit);
use Time::HiRes qw(sleep);

use TLSward qw(run_command wait_for);

our @EXPORT_OK = qw(samples share);

my $HZ = 4999;
my $STACK_BYTES = 2048;		# enough for what our code calls in a library, and that for itself

sub start {
	my ($data, @pids) = @_;
	my $pid = fork // die "fork: $!\n";
	if (!$pid) {
		open STDOUT, '>', "$data.out";
		open STDERR, '>&', \*STDOUT;
		exec { 'perf' } 'perf', 'record', '-q', '-F', $HZ, '--call-graph', "dwarf,$STACK_BYTES", '-o', $data, '-p', join(',', @pids)
			or _exit(127);
	}
	# It makes its file when it is about to begin.
	wait_for(sub {
		waitpid($pid, WNOHANG) and die 'perf: ' . TLSward::Certs::slurp("$data.out") . "\n";
		return -s $data;
	}, 10, 'perf is ready');
	sleep 0.2;
	return $pid;
}

# The stacks as perf prints them: a blank line after each.
sub stacks {
	my ($data) = @_;
	my (undef, $text) = run_command('perf', 'script', '-i', $data, '--no-inline', '-F', 'comm,ip,sym,dso');
	my @samples;
	no warnings 'portable';		# addresses have 64 bits
	for my $block (split /\n\n+/, $text) {
		my ($comm, @lines) = split /\n/, $block;
		my @frames = map { /^\s+([0-9a-f]+) (.*) \((.*)\)$/ ? { ip => hex $1, function => $2 =~ s/\+0x[0-9a-f]+$//r, dso => $3 } : () } @lines;
		push @samples, { comm => $comm =~ s/^\s+|\s+$//gr, frames => \@frames } if @frames;
	}
	return @samples;
}

# address => [ [function, file, line], ...], innermost first.
sub resolve {
	my ($program, @addresses) = @_;
	my %found;
	no warnings 'portable';
	while (my @some = splice @addresses, 0, 500) {
		my (undef, $text) = run_command('addr2line', '-f', '-i', '-a', '-e', $program, map { sprintf '%x', $_ } @some);
		for my $block (split /^(?=0x[0-9a-f]{16}$)/m, $text) {
			my ($address, @pairs) = split /\n/, $block;
			while (my ($function, $at) = splice @pairs, 0, 2) {
				my ($file, $line) = ($at // '') =~ /^(.*):(\d+)/ or next;
				push @{ $found{ hex $address } }, [ $function, $file, $line ];
			}
		}
	}
	return \%found;
}

# A caller's address is where it goes on: what it called stands before.
sub looked_up { my ($frames, $i) = @_; return $frames->[$i]{ip} - ($i > 0 ? 1 : 0) }

# Samples { comm, frames => [ { function, dso, inlined => [ [function, file, line] ] } ] }
# of these processes while the code runs; data: a file name for perf.
sub samples {
	my ($data, $pids, $code) = @_;
	my $pid = start($data, @$pids);
	my $ok = eval { $code->(); 1 };
	my $error = $@;
	kill INT => $pid;
	waitpid $pid, 0;
	die $error if !$ok;
	my @samples = stacks($data);
	my %wanted;
	for my $frames (map { $_->{frames} } @samples) {
		$frames->[$_]{dso} =~ m{/tlsward[^/]*$} and $wanted{ $frames->[$_]{dso} }{ looked_up($frames, $_) } = 1 for 0 .. $#$frames;
	}
	for my $program (keys %wanted) {
		my $found = resolve($program, keys %{ $wanted{$program} });
		for my $frames (map { $_->{frames} } @samples) {
			$frames->[$_]{dso} eq $program and $frames->[$_]{inlined} = $found->{ looked_up($frames, $_) } for 0 .. $#$frames;
		}
	}
	return @samples;
}

# The share of the samples for which the test of { comm, functions => [names],
# lines => [ "file:line" ] } holds.
sub share {
	my ($test, @samples) = @_;
	die "perf saw nothing\n" if !@samples;
	my $n = 0;
	for my $s (@samples) {
		my @inlined = map { @{ $_->{inlined} // [] } } @{ $s->{frames} };
		$n++ if $test->({ comm => $s->{comm}, functions => [ map { $_->[0] } @inlined ],
			lines => [ map { $_->[1] =~ s{^.*/(?=\w+/\w+/[^/]*$)}{}r . ":$_->[2]" } @inlined ] });
	}
	return $n / @samples;
}

1;
