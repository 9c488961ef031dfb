# SPDX-License-Identifier: BSD-2-Clause
package TLSward::Foreign;
# A server of somebody else beside tlsward: it has a directory and a process
# group of its own, runs in the foreground, and ends with the program that
# started it. What it said is shown when a test has failed.
use strict;
use warnings;
use File::Temp qw(tempdir);
use IO::Socket::INET;
use POSIX qw(WNOHANG _exit);
use Test::More ();

use TLSward qw(address wait_for);
use TLSward::Certs;

my $OWNER = $$;
my %running;

# name: for messages; whatever else the caller keeps in it.
sub new {
	my ($class, %o) = @_;
	my $dir = tempdir('tlsward-s-XXXXXX', TMPDIR => 1, CLEANUP => 1);
	chmod 0755, $dir;
	return bless { dir => $dir, address => address(), %o }, $class;
}

sub file {
	my ($self, $name, $text) = @_;
	return TLSward::Certs::write_file("$self->{dir}/$name", $text);
}

sub output { my ($self) = @_; return -e "$self->{dir}/output" ? TLSward::Certs::slurp("$self->{dir}/output") : '' }

sub launch {
	my ($self, @command) = @_;
	my $pid = fork // die "fork: $!\n";
	if (!$pid) {
		setpgrp;
		open STDIN, '<', '/dev/null';
		open STDOUT, '>>', "$self->{dir}/output";
		open STDERR, '>&', \*STDOUT;
		exec { $command[0] } @command or warn "$command[0]: $!\n";
		_exit(127);
	}
	setpgrp $pid, $pid;
	$self->{pid} = $pid;
	$running{$pid} = $self;
	return $self;
}

# Until all of these ports of it can be connected to.
sub wait_listening {
	my ($self, $seconds, @ports) = @_;
	wait_for(sub {
		waitpid($self->{pid}, WNOHANG) and die "$self->{name} ended: " . $self->output;
		return !grep { !IO::Socket::INET->new(PeerAddr => $self->{address}, PeerPort => $_) } @ports;
	}, $seconds, "$self->{name} listens");
	return $self;
}

sub stop {
	my ($self) = @_;
	my $pid = delete $self->{pid} or return;
	delete $running{$pid};
	kill TERM => $pid;
	eval { wait_for(sub { waitpid $pid, WNOHANG }, 5, 'its end'); 1 } and return;
	kill KILL => -$pid;
	return waitpid $pid, 0;
}

END {
	if ($$ == $OWNER) {
		my $status = $?;
		if ($TLSward::SHOW_LOGS && ($status || !Test::More->builder->is_passing)) {
			Test::More::diag("--- $_->{dir}/output\n", $_->output) for values %running;
		}
		$_->stop for values %running;
		$? = $status;
	}
}

1;
