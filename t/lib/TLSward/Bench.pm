# SPDX-License-Identifier: BSD-2-Clause
package TLSward::Bench;
# Starts the programs of the bench: bench-certs, bench-backend and bench-load.
# They end with the program that started them, by the end of their input.
use strict;
use warnings;
use Exporter 'import';
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use IO::Handle;
use JSON::PP ();
use POSIX ();

use TLSward qw(address program run_command);

our @EXPORT_OK = qw(backend load load_start certs);

our @WRAPPER;		# a command that runs another, such as taskset, for backend and load

sub directory {
	my $dir = tempdir('tlsward-bench-XXXXXX', TMPDIR => 1, CLEANUP => 1);
	chmod 0755, $dir;
	return $dir;
}

# ca => '/a', count => 3, rsa => undef: as options of a program; without a value those that are undef.
sub options {
	my (%o) = @_;
	return map { ("--$_", defined $o{$_} ? $o{$_} : ()) } sort keys %o;
}

# certs(directory, name =>, count =>, rsa => 1, ...), see bench-certs: (the
# authority's file, the name or pattern of the certificates).
sub certs {
	my ($dir, %o) = @_;
	make_path($dir);
	my @flags = map { delete $o{$_} ? "--$_" : () } qw(rsa apart one-key);
	my ($status, $out) = run_command(program('bench-certs'), options(dir => $dir, %o), @flags);
	die "bench-certs: exit $status: $out\n" if $status;
	return ("$dir/ca.pem", $o{name});
}

sub start {
	my @command = (@WRAPPER, @_);
	pipe my $in, my $to or die "pipe: $!\n";
	pipe my $from, my $out or die "pipe: $!\n";
	my $pid = fork // die "fork: $!\n";
	if (!$pid) {
		open STDIN, '<&', $in;
		open STDOUT, '>&', $out;
		exec { $command[0] } @command or print STDERR "$command[0]: $!\n";
		POSIX::_exit(127);
	}
	$to->autoflush(1);
	return bless { pid => $pid, to => $to, from => $from }, __PACKAGE__;
}

# The next line of what it says, decoded.
sub said {
	my ($self, $what) = @_;
	my $line = readline $self->{from};
	die "bench: no $what\n" if !defined $line;
	return JSON::PP->new->decode($line);
}

# A bench-backend on a port of its own, and on these Unix sockets.
sub backend {
	my (@sockets) = @_;
	my $self = start(program('bench-backend'), address() . ':0', map { "unix:$_" } @sockets);
	$self->{port} = $self->said('backend')->{ports}[0];
	return $self;
}

sub server { my ($self) = @_; return address() . ":$self->{port}" }

# Ends it; returns the last that it says, for a backend what it has counted.
sub end {
	my ($self) = @_;
	close delete $self->{to};
	my ($last) = reverse readline $self->{from};
	waitpid $self->{pid}, 0;
	return defined $last ? JSON::PP->new->decode($last) : undef;
}

# bench-load MODE with these options, from start to end: its report.
sub load {
	my ($mode, %o) = @_;
	my $self = start(program('bench-load'), $mode, options(%o));
	my $r = $self->end // die "bench-load $mode: no report\n";
	return $r;
}

# The same in steps: ->ready waits until it is prepared, ->go runs it and
# returns the report, ->end ends what it holds.
sub load_start {
	my ($mode, %o) = @_;
	return start(program('bench-load'), $mode, options(%o, step => undef));
}

sub ready {
	my ($self) = @_;
	my $r = $self->said('ready');
	die 'bench-load: ' . JSON::PP->new->encode($r) . "\n" if $r->{event} ne 'ready';
	return $r;
}

sub tell { my ($self) = @_; return print { $self->{to} } "\n" }

sub go {
	my ($self) = @_;
	$self->tell;
	return $self->said('report');
}

# Ends it whatever it does.
sub abandon {
	my ($self) = @_;
	kill TERM => $self->{pid};
	return waitpid $self->{pid}, 0;
}

1;
