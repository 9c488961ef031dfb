# SPDX-License-Identifier: BSD-2-Clause
package TLSward::Control;
# Clients of the control socket, and whether the supervisor answers them at
# once whatever else it is asked: the longest of many calls of status is held
# against calls that had the supervisor for themselves in the same run. What a
# call waited for a processor is left out: that is others' doing.
use strict;
use warnings;
use Exporter 'import';
use IO::Socket::UNIX;
use POSIX qw(_exit);
use Test::More ();
use Time::HiRes qw(sleep time);

use TLSward::Certs;

our @EXPORT_OK = qw(control);

sub control { my ($t) = @_; return IO::Socket::UNIX->new(Type => SOCK_STREAM, Peer => $t->{conf}{control}{socket}) // die "control socket: $!\n" }

# For how long the supervisor and this process could have run and did not, in ms.
sub unscheduled {
	my ($t) = @_;
	my $sum = 0;
	$sum += (split ' ', TLSward::Certs::slurp("/proc/$_/schedstat"))[1] / 1e6 for $t->{pid}, $$;
	return $sum;
}

# So many calls of status on one connection: how long each took, sorted, in ms.
sub statuses {
	my ($t, $n, $pause) = @_;
	my $s = control($t);
	my @took;
	for (1 .. $n) {
		my ($unscheduled, $began) = (unscheduled($t), time);
		syswrite $s, qq({"jsonrpc":"2.0","id":1,"method":"status"}\n);
		<$s> // die "no status\n";
		my $took = 1000 * (time - $began);
		$took -= unscheduled($t) - $unscheduled;
		push @took, $took > 0 ? $took : 0;
		sleep $pause;
	}
	return sort { $a <=> $b } @took;
}

# What it is like when nothing else is asked.
sub new {
	my ($class, $t) = @_;
	my @alone = statuses($t, 300, 0.005);
	return bless { t => $t, longest => $alone[-1], median => $alone[ @alone / 2 ] }, $class;
}

# Asks all the time in a process of its own while $what is done; its longest call.
sub meanwhile {
	my ($self, $what) = @_;
	pipe my $from, my $to or die "pipe: $!\n";
	my $pid = fork // die "fork: $!\n";
	if (!$pid) {
		my $stop = 0;
		local $SIG{TERM} = sub { $stop = 1 };
		my @all;
		@all = sort { $a <=> $b } @all, statuses($self->{t}, 20, 0.002) while !$stop && @all < 20000;
		syswrite $to, join(' ', scalar @all, $all[ @all / 2 ], $all[-1]) . "\n";
		_exit(0);
	}
	close $to;
	my $began = time;
	$what->();
	my $took = time - $began;
	kill TERM => $pid;
	my ($calls, $median, $longest) = split ' ', <$from> // '0 0 1e9';
	waitpid $pid, 0;
	return ($calls, $median, $longest, $took);
}

sub no_stall {
	my ($self, $name, $what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($calls, $median, $longest, $took) = $self->meanwhile($what);
	my $bound = 10 * ($self->{longest} > 10 ? $self->{longest} : 10);
	return Test::More::cmp_ok($longest, '<', $bound, sprintf '%s took %.1f s; of %d calls of status meanwhile the longest took %.1f ms (median %.1f; alone %.1f, median %.1f)',
		$name, $took, $calls, $longest, $median, $self->{longest}, $self->{median});
}

1;
