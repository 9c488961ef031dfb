# SPDX-License-Identifier: BSD-2-Clause
package TLSward;
# One tlsward under test: its own directory, configuration, certificates and
# ports, its processes, log lines and control socket. What it started ends with
# the test, and when the test has failed, the logs are shown.
use strict;
use warnings;
use Cwd qw(abs_path);
use Exporter 'import';
use Fcntl qw(O_RDONLY O_NONBLOCK);
use File::Basename qw(dirname);
use File::Temp qw(tempdir);
use IO::Socket::IP;
use JSON::PP ();
use POSIX qw(WNOHANG _exit);
use Test::More ();
use Time::HiRes qw(sleep time);
use Time::Piece ();

use TLSward::Certs;
use TLSward::Conf qw(conf_text);

our @EXPORT_OK = qw(wait_for free_port address slow pace program in_directory run_command log_time memory_holds soft_limit unwatched);

my $ROOT = abs_path(dirname(__FILE__) . '/../..');
our $BUILD = $ENV{TLSWARD_BUILD} // $ROOT;
our $SOURCE = $ENV{TLSWARD_SRC} // $ROOT;
our $SHOW_LOGS = 1;	# of what runs when the test, or bench, has failed
my $FIONREAD = 0x541B;	# bytes that wait in a pipe; ioctl_tty(2)
my $OWNER = $$;
my @running;

# A login has 1,024 descriptors and may take more; thousands of connections need them.
sub raise_descriptor_limit {
	my ($soft, $hard) = map { /^\d+$/ ? $_ : 1 << 20 } split ' ', `ulimit -Sn; ulimit -Hn`;
	my $want = $hard < 16384 ? $hard : 16384;
	return system('prlimit', '--pid', $$, "--nofile=$want:") if $soft < $want;
}
raise_descriptor_limit();

# Where the programs are looked for.
our @FOLDERS = ($BUILD);
sub program {
	my ($name) = @_;
	my ($folder) = grep { -x "$_/$name" } @FOLDERS;
	return ($folder // $FOLDERS[0]) . "/$name";
}

# A build with sanitizers has no sandbox.
sub sanitizers {
	return -e "$FOLDERS[0]/config.h" && TLSward::Certs::slurp("$FOLDERS[0]/config.h") =~ /^#define WITH_SANITIZERS 1/m;
}

# How many want each processor just now, from 1 to 10.
my ($PROCESSORS) = `nproc` =~ /^(\d+)/;
sub busy {
	my ($load, $running) = TLSward::Certs::slurp('/proc/loadavg') =~ m{^([\d.]+) \S+ \S+ (\d+)/};
	my $each = ($load > $running ? $load : $running) / ($PROCESSORS // 1);
	return $each < 1 ? 1 : $each > 10 ? 10 : $each;
}
# Nothing has to be done sooner than so many times the time that a quiet machine needs.
sub slow { return $ENV{TLSWARD_SLOW} // (sanitizers() ? 4 : 1) * busy() }

# The same for deadlines of tlsward before which a test has to have done or seen
# something: a whole number from 1 to 5, always the same in one test.
my $pace;
sub pace { return $pace //= slow() >= 5 ? 5 : POSIX::ceil(slow()) }

my %given_port;

# Every test process has a loopback address of its own, so that a port which
# was free a moment ago is still free: nobody else binds there.
sub address {
	return sprintf '127.%d.%d.%d', 64 + ($OWNER >> 16 & 63), $OWNER >> 8 & 255, $OWNER & 255;
}

# The kernel may give the same one again: it is asked until it is another.
sub free_port {
	my ($address) = @_;
	$address //= address();
	while (1) {
		my $s = IO::Socket::IP->new(LocalHost => $address, LocalPort => 0, Listen => 1)
			or die "no free port: $!\n";
		return $s->sockport if !$given_port{ "$address:" . $s->sockport }++;
	}
}

# Asks every 20 ms until the answer is true, and returns it; dies after so many
# seconds, naming what did not happen. Others may want the machine only later:
# how slow it is at its slowest counts.
sub wait_for {
	my ($condition, $seconds, $what) = @_;
	my ($began, $slowest) = (time, 0);
	while (1) {
		my $answer = $condition->();
		return $answer if $answer;
		my $slow = slow();
		$slowest = $slow if $slow > $slowest;
		die "$what: not within $seconds s\n" if time > $began + $seconds * $slowest;
		sleep 0.02;
	}
}

# For watch => : a process that a test stops or lets spin is not replaced, however long that takes.
sub unwatched { return { stall => { after => 500 }, cpu_spin => { for => 500 } } }

# The soft limit of a process of tlsward (what: an option of prlimit), set as the
# user that it runs as, who may do so. Its status: 0 if that worked.
sub soft_limit {
	my ($pid, $what, $n) = @_;
	my ($uid, $gid) = TLSward::Certs::slurp("/proc/$pid/status") =~ /^Uid:\s+(\d+).*^Gid:\s+(\d+)/ms;
	my @as = $> == 0 ? ('setpriv', "--reuid=$uid", "--regid=$gid", '--clear-groups') : ();
	return system @as, 'prlimit', "--pid=$pid", "--$what=$n:";
}

# Whether these bytes lie in the memory of a process, as it may be read: 1 or 0.
sub memory_holds {
	my ($pid, $bytes) = @_;
	no warnings 'portable';		# 64-bit addresses
	open my $mem, '<:raw', "/proc/$pid/mem" or die "/proc/$pid/mem: $!\n";
	for (split /\n/, TLSward::Certs::slurp("/proc/$pid/maps")) {
		my ($from, $to) = /^([0-9a-f]+)-([0-9a-f]+) r/ or next;
		next if /\[v/;
		sysseek $mem, hex $from, 0;
		sysread $mem, my $memory, hex($to) - hex $from;
		return 1 if index($memory // '', $bytes) >= 0;
	}
	return 0;
}

# (exit status or 128 + signal, what it wrote to both outputs)
sub run_command {
	my (@command) = @_;
	my $pid = open(my $out, '-|') // die "fork: $!\n";
	if (!$pid) {
		open STDERR, '>&', \*STDOUT;
		exec { $command[0] } @command or print "$command[0]: $!\n";
		_exit(127);
	}
	my $text = do { local $/; <$out> } // '';
	close $out;
	return ($? & 127 ? 128 + ($? & 127) : $? >> 8, $text);
}

# name => word in messages; listeners, backends, certificates => lists of hashes
# as in the configuration, with defaults for what is left out; conf => any other
# settings, merged over ours; text => more configuration as it stands;
# hosts => names that get an ECDSA certificate each unless certificates is given.
sub new {
	my ($class, %o) = @_;
	my $dir = tempdir("tlsward-t-XXXXXX", TMPDIR => 1, CLEANUP => !$ENV{TLSWARD_KEEP});
	chmod 0755, $dir;
	my $self = bless { name => $o{name} // 'tlsward', dir => $dir, lines => [], offset => 0, args => [] }, $class;
	$self->{certs} = $o{certs} // TLSward::Certs->new("$dir/ca");
	$self->{ca} = $self->{certs}->ca;
	$self->{hosts} = $o{hosts} // [qw(one.example.test two.example.test)];
	push @{ $self->{args} }, '--insecure' if sanitizers();
	$self->{conf} = $self->make_conf(%o);
	$self->write_conf($o{text});
	return $self;
}

sub make_conf {
	my ($self, %o) = @_;
	my $dir = $self->{dir};
	my %users = $> == 0 ? (user => '61701', keeper_user => '61702', librarian_user => '61703') : ();
	my $conf = {
		workers => 2, %users, state_directory => "$dir/state",
		(sanitizers() ? (sandbox => 'off') : ()),
		control => { socket => "$dir/control.sock", group => '' },
		log => { to => "$dir/tlsward.log", format => 'logfmt', level => 'debug' },
		listeners => [ map { $self->listener(%$_) } @{ $o{listeners} // [ {} ] } ],
		backends => [ map { +{ name => 'app', %$_ } } @{ $o{backends} // [] } ],
		certificates => $o{certificates} // [ map { $self->certificate($_) } @{ $self->{hosts} } ],
	};
	my %more = %{ $o{conf} // {} };
	for my $key (keys %more) {
		$conf->{$key} = ref $more{$key} eq 'HASH' ? { %{ $conf->{$key} // {} }, %{ $more{$key} } } : $more{$key};
	}
	return $conf;
}

sub listener {
	my ($self, %o) = @_;
	my $address = $o{address} // address();
	my $l = { name => 'https', address => $address, backend => 'app', alpn => ['http/1.1'], %o };
	$l->{port} //= free_port($address);
	$self->{address} //= $l->{address};
	$self->{port} //= $l->{port};
	$self->{listeners}{ $l->{name} } = { address => $l->{address}, port => $l->{port} };
	return $l;
}

# What clients need to know to come by that listener instead of the first.
sub via {
	my ($self, $listener) = @_;
	return { ca => $self->{ca}, hosts => $self->{hosts}, %{ $self->{listeners}{$listener} } };
}

# The entry for the configuration of a new certificate for that host name.
sub certificate {
	my ($self, $host, %o) = @_;
	my $c = $self->{certs}->make(name => $o{name} // ($host =~ s/\*/star/r), names => [$host], %o);
	return { chain => $c->{chain}, key => $c->{key} };
}

sub write_conf {
	my ($self, $text) = @_;
	$self->{conf_path} = "$self->{dir}/tlsward.conf";
	TLSward::Certs::write_file($self->{conf_path}, conf_text($self->{conf}) . ($text // ''));
	return $self;
}

# Starts it in a mount namespace of its own, after these commands, in which DIR
# is its directory; false if that may not be.
sub mounts {
	my ($self, @commands) = @_;
	return 0 if $> != 0 || system('unshare', '-m', 'true') != 0;
	my $script = join '; ', map { s/DIR/$self->{dir}/gr } @commands, 'exec "$@"';
	$self->{wrapper} = [ 'unshare', '-m', 'sh', '-ec', $script, 'sh' ];
	return 1;
}

# Waits until all workers are ready, without its log.
sub wait_ready {
	my ($self) = @_;
	return wait_for(sub {
		$self->running or die "$self->{name} ended before it was ready\n";
		my $s = eval { $self->ctl_json('status') };
		return $s && !grep { $_->{state} ne 'ready' } @{ $s->{workers} };
	}, 20, "$self->{name} is ready");
}

sub in_directory { my ($self, $name) = @_; return "$self->{dir}/$name" }

# Starts it and waits until it says that it is ready. Returns the object.
sub start {
	my ($self, @args) = @_;
	$self->launch(@args);
	wait_for(sub {
		$self->running or die "$self->{name} ended before it was ready\n";
		$self->find_log({ who => 'tlsward', msg => 'ready' }, $self->{mark});
	}, 20, "$self->{name} is ready");
	return $self;
}

sub launch {
	my ($self, @args) = @_;
	$self->{mark} = $self->mark;
	my $pid = fork // die "fork: $!\n";
	if (!$pid) {
		open STDIN, '<', '/dev/null';
		open STDOUT, '>>', "$self->{dir}/stderr";
		open STDERR, '>&', \*STDOUT;
		my @command = (@{ $self->{wrapper} // [] }, program('tlsward'), '-c', $self->{conf_path},
			@{ $self->{args} }, @args);
		exec { $command[0] } @command or warn "$command[0]: $!\n";
		_exit(127);
	}
	delete $self->{status};
	$self->{pid} = $pid;
	push @running, $self unless grep { $_ == $self } @running;
	return $pid;
}

# Whether the supervisor lives; its status is in {status} once it does not.
sub running {
	my ($self) = @_;
	return 0 if !$self->{pid} || defined $self->{status};
	return 1 if waitpid($self->{pid}, WNOHANG) == 0;
	$self->{status} = $?;
	return 0;
}

sub wait_end {
	my ($self, $seconds) = @_;
	wait_for(sub { !$self->running }, $seconds // 10, "the end of $self->{name}");
	return $self->{status};
}

# SIGTERM, and its wait status.
sub stop {
	my ($self, $seconds) = @_;
	return $self->{status} if !$self->running;
	$self->remember;
	kill TERM => $self->{pid};
	return $self->wait_end($seconds);
}

# SIGKILL to the supervisor alone; its processes are ended with the test.
sub kill_supervisor {
	my ($self) = @_;
	$self->remember;
	kill KILL => $self->{pid};
	return $self->wait_end(5);
}

sub remember {
	my ($self) = @_;
	$self->{seen}{ $_->{pid} } = 1 for $self->processes;
	return;
}

sub stat_of {
	my ($pid) = @_;
	open my $f, '<', "/proc/$pid/stat" or return;
	my $line = <$f> // return;
	my ($comm, $state, $parent) = $line =~ /\((.*)\) (\S) (\d+)/ or return;
	return { pid => $pid, name => $comm, state => $state, parent => $parent };
}

# All that it started, at any depth: { pid, name, state, parent }; with those
# that have ended and wait for their parent to notice.
sub descendants {
	my ($self) = @_;
	my @all = grep { defined } map { m{/(\d+)$} ? stat_of($1) : () } glob '/proc/[0-9]*';
	my %of = ($self->{pid} // 0, 1);
	for (1 .. 3) {
		$of{ $_->{pid} } = 1 for grep { $of{ $_->{parent} } } @all;
	}
	return grep { $of{ $_->{pid} } && $_->{pid} != $self->{pid} } @all;
}
sub processes { my ($self) = @_; return grep { $_->{state} ne 'Z' } $self->descendants }

# pids('worker') are those of tlsw-worker.1, tlsw-worker.2, in that order;
# pid('keeper') is the only or first one, or undef.
sub pids {
	my ($self, $role) = @_;
	return map { $_->{pid} } sort { $a->{name} cmp $b->{name} }
		grep { $_->{name} =~ /^tlsw-\Q$role\E(\.\d+)?$/ } $self->processes;
}
sub pid { my ($self, $role) = @_; return ($self->pids($role))[0] }

# What is done meanwhile is served by that worker (1, 2, ...), for the others stand
# still: which of them gets a connection is chance. For a moment only, or they are
# taken for sick.
sub by_worker {
	my ($self, $n, $what) = @_;
	my @others = map { $_->{pid} } grep { $_->{name} =~ /^tlsw-worker\.(\d+)$/ && $1 != $n } $self->processes;
	kill STOP => @others;
	my @got = eval {
		for my $pid (@others) {
			wait_for(sub { my $p = stat_of($pid); !$p || $p->{state} =~ /[TZ]/ }, 5, "worker process $pid is stopped");
		}
		$what->();
	};
	my $error = $@;
	kill CONT => @others;
	die $error if $error;
	return wantarray ? @got : $got[0];
}

# Log lines, parsed: hashes, in order of arrival.
sub parse_line {
	my ($line) = @_;
	return JSON::PP->new->decode($line) if $line =~ /^\{/;
	my %field;
	while ($line =~ /([\w.]+)=(?:"((?:[^"\\]|\\.)*)"|(\S*))/g) {
		my ($key, $quoted, $bare) = ($1, $2, $3);
		$field{$key} = $bare // $quoted =~ s/\\(x[0-9a-f]{2}|.)/$1 eq 'n' ? "\n" : length $1 == 3 ? chr hex substr $1, 1 : $1/ger;
	}
	return \%field;
}

# The logger reads at leisure: waits until it has written what lay in its pipe,
# which is when it has taken so much and sleeps. One that is stopped or held up
# by its sink is not waited for.
sub log_arrives {
	my ($self) = @_;
	my $logger = $self->logger or return;
	sysopen my $pipe, "/proc/$logger/fd/2", O_RDONLY | O_NONBLOCK or return;
	my ($until, $held_up, $before, $left) = (time + 5 * slow(), 0);
	while (time < $until) {
		my $waiting = pack 'i', 0;
		ioctl $pipe, $FIONREAD, $waiting or return;
		$waiting = unpack 'i', $waiting;
		$left //= $waiting;
		$left -= $before - $waiting if defined $before && $waiting < $before;
		my $p = stat_of($logger);
		my $sleeps = $p && $p->{state} eq 'S';
		return if !$p || $p->{state} =~ /[TtZX]/ || $sleeps && ($waiting == 0 || $left <= 0);
		$held_up = $sleeps && $waiting >= ($before // 0) ? $held_up + 1 : 0;
		return if $held_up > 50;	# longer than it rests after lines
		$before = $waiting;
		sleep 0.002;
	}
	return;
}

sub logger {
	my ($self) = @_;
	return if !$self->{pid};
	my $p = $self->{logger} && stat_of($self->{logger});
	return $self->{logger} if $p && $p->{name} eq 'tlsw-logger' && $p->{parent} == $self->{pid} && $p->{state} ne 'Z';
	return $self->{logger} = $self->pid('logger');
}

sub log_lines {
	my ($self) = @_;
	$self->log_arrives;
	my $path = $self->{conf}{log}{to} =~ m{^/} ? $self->{conf}{log}{to} : "$self->{dir}/stderr";
	if (open my $f, '<', $path) {
		seek $f, $self->{offset}, 0;
		while (defined(my $line = <$f>)) {
			last unless $line =~ /\n$/;
			$self->{offset} = tell $f;
			push @{ $self->{lines} }, parse_line($line);
		}
	}
	return @{ $self->{lines} };
}

# Now, as a place in the log; for find_log and wait_log.
sub mark { my ($self) = @_; return scalar(() = $self->log_lines) }

sub matches {
	my ($line, $match) = @_;
	for my $key (keys %$match) {
		my ($got, $want) = ($line->{$key}, $match->{$key});
		return 0 unless defined $got && (ref $want ? $got =~ $want : $got eq $want);
	}
	return 1;
}

# The lines whose fields are as in the hash (strings, or patterns).
sub find_log {
	my ($self, $match, $mark) = @_;
	my @lines = $self->log_lines;
	my @found = grep { matches($_, $match) } @lines[ ($mark // 0) .. $#lines ];
	return wantarray ? @found : $found[0];
}

# When a line was written, in seconds since 1970.
sub log_time {
	my ($line) = @_;
	my ($date, $time, $fraction) = $line->{ts} =~ /^([\d-]+)T([\d:]+)(\.\d+)Z$/ or die "no time: $line->{ts}\n";
	return Time::Piece->strptime("$date $time", '%Y-%m-%d %H:%M:%S')->epoch + $fraction;
}

# Waits for such a line and returns it.
sub wait_log {
	my ($self, $match, $seconds, $mark) = @_;
	my $what = join ' ', map { "$_=$match->{$_}" } sort keys %$match;
	return wait_for(sub { scalar $self->find_log($match, $mark) }, $seconds // 5, "a log line with $what");
}

# tlswardctl: (exit status, output), and the decoded answer of a method.
sub ctl {
	my ($self, @args) = @_;
	return run_command(program('tlswardctl'), '-s', $self->{conf}{control}{socket}, @args);
}

sub ctl_json {
	my ($self, @args) = @_;
	my ($status, $out) = $self->ctl(@args, '--json');
	die "tlswardctl @args: exit $status: $out\n" if $status;
	return JSON::PP->new->decode($out);
}

sub show {
	my ($self, $name) = @_;
	open my $f, '<', "$self->{dir}/$name" or return;
	my @lines = <$f>;
	splice @lines, 0, @lines - 80 if @lines > 80;
	Test::More::diag("--- $self->{name}: $name (its last lines)\n", @lines) if @lines;
	return;
}

# By pid, and only what still is a process of ours.
sub end_all {
	my ($self) = @_;
	$self->remember if $self->running;
	if ($self->running) {
		kill TERM => $self->{pid};
		kill TERM => $self->{pid};
		eval { wait_for(sub { !$self->running }, 2, 'its end') };
		kill KILL => $self->{pid} if $self->running;
	}
	for my $pid (keys %{ $self->{seen} }) {
		my $p = stat_of($pid);
		kill KILL => $pid if $p && $p->{name} =~ /^tlsw/;
	}
	return;
}

# What sanitizers say of a process is written to the log like anything else; a
# crash on purpose is none of it.
sub sanitizers_said {
	my ($self) = @_;
	my $bad = qr/LeakSanitizer: detected|: runtime error: |AddressSanitizer: (?!SEGV|ABRT|BUS|DEADLYSIGNAL|nested|stack-overflow|\d+ byte)\S/;
	return grep { /$bad/ && !m{common/faults\.c:} } map { split /^/, TLSward::Certs::slurp($_) } grep { -f } map { "$self->{dir}/$_" } qw(stderr tlsward.log);
}

END {
	if ($$ == $OWNER) {
		my $status = $?;
		$_->end_all for @running;
		my @said = sanitizers() ? map { $_->sanitizers_said } @running : ();
		Test::More::diag("sanitizers found something:\n", @said) if @said;
		$status ||= 1 if @said;
		my $failed = $SHOW_LOGS && ($status || !Test::More->builder->is_passing);
		if ($failed) {
			$_->show('tlsward.conf'), $_->show('stderr'), $_->show('tlsward.log') for @running;
		}
		$? = $status;
	}
}

1;
