# SPDX-License-Identifier: BSD-2-Clause
package TLSward::Trace;
# The system calls of a process while something is done, by strace(1).
use strict;
use warnings;
use Exporter 'import';
use POSIX qw(_exit);

use TLSward qw(wait_for);
use TLSward::Certs;

our @EXPORT_OK = qw(traced);

# Lines of strace on that process of t while this is done; none if it may not attach.
sub traced {
	my ($t, $traced, $what) = @_;
	my $file = $t->in_directory('strace');
	unlink "$file.said";	# of one before
	my $pid = fork // die "fork: $!\n";
	if (!$pid) {
		open STDERR, '>', "$file.said";
		exec 'strace', '-p', $traced, '-o', $file or _exit(127);
	}
	my $said = '';
	wait_for(sub { -e "$file.said" or return; $said = TLSward::Certs::slurp("$file.said"); $said =~ /attached|not|denied/ }, 10, 'strace');
	$what->() if $said =~ /attached/;
	kill INT => $pid;
	waitpid $pid, 0;
	return $said =~ /attached/ ? split /\n/, TLSward::Certs::slurp($file) : ();
}

1;
