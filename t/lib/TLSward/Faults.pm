# SPDX-License-Identifier: BSD-2-Clause
package TLSward::Faults;
# Makes processes go wrong on purpose: in a build with --enable-faults, or by a debugger.
use strict;
use warnings;
use Exporter 'import';
use IO::Socket::UNIX;
use JSON::PP ();
use Test::More ();

use TLSward;
use TLSward::Certs;

our @EXPORT_OK = qw(need_faults need_gdb gdb fault steps quick_watch);

sub has_faults {
	my ($folder) = @_;
	return -e "$folder/config.h" && TLSward::Certs::slurp("$folder/config.h") =~ /^#define WITH_FAULTS 1/m;
}

# From here on programs are those of a build that has faults; without one the
# test is left out.
sub need_faults {
	return if has_faults($TLSward::BUILD);
	my $other = "$TLSward::BUILD/b-faults";
	Test::More::plan(skip_all => 'NOT TESTED: there is no build with --enable-faults; `make faults-build` makes one')
		if !has_faults($other) || !-x "$other/tlsward";
	@TLSward::FOLDERS = ($other);
	return;
}

# fault($t, role => 'worker', worker => 1, kind => 'leak', rate => 5): the pid.
sub fault {
	my ($t, %params) = @_;
	my $s = IO::Socket::UNIX->new(Peer => $t->{conf}{control}{socket}) or die "control socket: $!\n";
	$params{$_} += 0 for grep { defined $params{$_} } qw(worker rate connection);
	print {$s} JSON::PP->new->encode({ jsonrpc => '2.0', id => 1, method => 'fault', params => \%params }) . "\n";
	my $answer = JSON::PP->new->decode(scalar <$s>);
	die "fault: $answer->{error}{message}\n" if $answer->{error};
	return $answer->{result}{pid};
}

sub need_gdb {
	Test::More::plan(skip_all => 'NOT TESTED: gdb is not installed') if (TLSward::run_command('sh', '-c', 'command -v gdb'))[0];
	Test::More::plan(skip_all => 'a build with sanitizers is not to be led astray by a debugger') if TLSward::sanitizers();
	return;
}

# (exit status, what gdb said) of commands that it carries out on a process of $t.
sub gdb {
	my ($t, $pid, @commands) = @_;
	my $script = $t->in_directory('gdb');
	TLSward::Certs::write_file($script, join "\n", 'set confirm off', @commands, "detach\n");
	my ($status, $said) = TLSward::run_command(qw(timeout 60 gdb -nx -batch -p), $pid, -x => $script);
	Test::More::plan(skip_all => 'NOT TESTED: may not debug a process') if $said =~ /ptrace: Operation not permitted/i;
	return ($status, $said);
}

# What the log says of a process that was found sick, in order.
sub steps {
	my ($t, $pid, $mark) = @_;
	return map { $_->{msg} } $t->find_log({ who => 'tlsward', child => $pid, verdict => qr/./ }, $mark);
}

# Thresholds for tests: a process is found within about two seconds.
sub quick_watch {
	return { interval => 0.1, fd_leak => { above => 20, for => 1 }, cpu_spin => { share => 0.8, for => 1 },
		stall => { after => 2 } };
}

1;
