# SPDX-License-Identifier: BSD-2-Clause
package TLSward::Gdb;
# Trouble made from outside, in a normal build: gdb makes a running process do
# what it never would.
use strict;
use warnings;
use Exporter 'import';
use POSIX qw(_exit);
use Test::More ();

use TLSward qw(run_command wait_for);

our @EXPORT_OK = qw(gdb_can gdb gdb_waits);

sub gdb_can { return system('command -v gdb >/dev/null 2>&1') == 0 && !TLSward::sanitizers() }

# Runs its commands on a process, and lets go of it.
sub gdb {
	my ($pid, @commands) = @_;
	my ($rc, $out) = run_command('gdb', '-nx', '-batch', '-p', $pid, map { ('-ex', $_) } @commands);
	Test::More::diag($out) if $rc || $out =~ /^(No symbol|Function ".*" not defined|Cannot access)/m;
	return $out;
}

# In the background: waits until the process comes by a place, then runs its
# commands. Returns when it waits: the pid to wait for, once the place is passed.
sub gdb_waits {
	my ($t, $pid, $place, @commands) = @_;
	my $armed = $t->in_directory('armed');
	unlink $armed;
	my $child = fork // die "fork: $!\n";
	if (!$child) {
		gdb($pid, "break $place", "shell touch $armed", 'continue', @commands);
		_exit(0);
	}
	wait_for(sub { -e $armed }, 20, 'gdb');
	return $child;
}

1;
