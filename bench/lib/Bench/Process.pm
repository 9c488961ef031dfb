# SPDX-License-Identifier: BSD-2-Clause
package Bench::Process;
# What a process and all below it have cost: CPU time and memory, from /proc.
use strict;
use warnings;
use Exporter 'import';

our @EXPORT_OK = qw(family cpu_ns cpu_ns_by_name memory_kb);

my $TICK_NS = 1e9 / 100;	# of utime and the like; the kernel's constant

sub fields {
	my ($pid) = @_;
	open my $f, '<', "/proc/$pid/stat" or return;
	my $line = <$f> // return;
	return split ' ', $line =~ s/^.*\) //sr;
}

# The pid and those of all its descendants that live.
sub family {
	my ($pid) = @_;
	my %parent;
	for my $p (map { m{(\d+)$} } glob '/proc/[0-9]*') {
		my (undef, $parent) = fields($p) or next;
		push @{ $parent{$parent} }, $p if defined $parent;
	}
	my @all = ($pid);
	for (my $i = 0; $i < @all; $i++) {
		push @all, @{ $parent{ $all[$i] } // [] };
	}
	return @all;
}

sub thread_ns {
	my ($path) = @_;
	open my $f, '<', $path or return 0;
	my ($ns) = split ' ', <$f> // '0';
	return $ns;
}

# On the CPU so far, in nanoseconds, of all threads of a process. Threads and
# children that have ended count in ticks of 10 ms.
sub process_ns {
	my ($p) = @_;
	my $living = 0;
	$living += thread_ns($_) for glob "/proc/$p/task/*/schedstat";
	my ($user, $system, $user_below, $system_below) = (fields($p))[ 11 .. 14 ] or return 0;
	my $all = ($user + $system) * $TICK_NS;
	return ($living > $all ? $living : $all) + ($user_below + $system_below) * $TICK_NS;
}

# Of the process and all below it.
sub cpu_ns {
	my ($pid) = @_;
	my $sum = 0;
	$sum += process_ns($_) for family($pid);
	return $sum;
}

# The same apart, by the names that the processes go by.
sub cpu_ns_by_name {
	my ($pid) = @_;
	my %ns;
	for my $p (family($pid)) {
		open my $f, '<', "/proc/$p/comm" or next;
		chomp(my $name = <$f> // next);
		$ns{$name} += process_ns($p);
	}
	return %ns;
}

# Proportional set size, so that what processes share counts once.
sub memory_kb {
	my ($pid) = @_;
	my $sum = 0;
	for my $p (family($pid)) {
		open my $f, '<', "/proc/$p/smaps_rollup" or next;
		local $/;
		$sum += $1 if (<$f> // '') =~ /^Pss:\s+(\d+) kB/m;
	}
	return $sum;
}

1;
