# SPDX-License-Identifier: BSD-2-Clause
package TLSward::Backend;
# Servers to put behind tlsward: a process that accepts and forks a child for
# each connection, which runs one of the behaviours below or the test's own.
# What the children saw (PROXY header, bytes, how it ended) is kept in a file.
use strict;
use warnings;
use Digest::SHA;
use Fcntl qw(:flock O_WRONLY O_APPEND O_CREAT);
use File::Temp qw(tempdir);
use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;
use JSON::PP ();
use POSIX qw(_exit);
use Socket qw(IPPROTO_TCP SOL_SOCKET SO_LINGER SHUT_WR TCP_NODELAY);
use Time::HiRes qw(sleep);

use TLSward qw(address wait_for);
use TLSward::Proxy qw(proxy_read);

my $OWNER = $$;
my %running;

sub send_all {
	my ($s, $bytes) = @_;
	my $at = 0;
	while ($at < length $bytes) {
		my $n = syswrite($s, $bytes, length($bytes) - $at, $at) // return 0;
		$at += $n;
	}
	return 1;
}

# Reads to the end, handing each piece on: (bytes read, "eof" or "reset").
sub drain {
	my ($s, $each, $first) = @_;
	my $bytes = $first // '';
	my $total = 0;
	while (1) {
		$total += length $bytes;
		$each->($bytes) if $each && length $bytes;
		my $n = sysread($s, $bytes, 65536);
		return ($total, $!{ECONNRESET} ? 'reset' : "$!") unless defined $n;
		return ($total, 'eof') unless $n;
	}
}

sub linger_zero { my ($s) = @_; return setsockopt $s, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0) }

# Bytes sent that the peer's TCP has not acknowledged (SIOCOUTQ).
sub unacknowledged {
	my ($s) = @_;
	my $n = pack 'i', 0;
	ioctl $s, 0x5411, $n or return 0;
	return unpack 'i', $n;
}

# A body of so many bytes that a reader can check: each line says where it is.
sub pattern {
	my ($from, $size) = @_;
	my $line = int($from / 16);
	my $text = join '', map { sprintf "%015d\n", $_ } $line .. int(($from + $size) / 16);
	return substr $text, $from % 16, $size;
}

sub send_pattern {
	my ($s, $size) = @_;
	for (my $at = 0; $at < $size; $at += 65536) {
		send_all($s, pattern($at, $size - $at < 65536 ? $size - $at : 65536)) or return 0;
	}
	return 1;
}

sub http {
	my ($s, $b, $h, $bytes) = @_;
	while (1) {
		my ($path, $fields) = $bytes =~ /^\S+ (\S+) HTTP\/1\.[01]\r\n(.*?\r\n)\r\n/s;
		if (!defined $path) {
			my $n = sysread($s, $bytes, 65536, length $bytes);
			$n ? next : return { how => $n // "$!" };
		}
		$bytes =~ s/^.*?\r\n\r\n//s;
		my ($host) = $fields =~ /^host: *([^:\s]+)/mi;
		my $body = "$b->{name} $path for " . ($host // '-') . "\n";
		my $size = $path =~ m{^/bytes/(\d+)$} ? $1 : length $body;
		send_all($s, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: $size\r\n\r\n");
		$path =~ m{^/bytes/} ? send_pattern($s, $size) : send_all($s, $body);
		return { how => 'asked to close' } if $fields =~ /^connection: *close/mi;
	}
}

# Each gets the socket, the backend, the PROXY header (or undef) and the bytes
# that were read behind it; the hash that it returns is recorded.
my %BEHAVIOURS = (
	http => \&http,
	echo => sub {
		my ($s, undef, undef, $first) = @_;
		my ($n, $how) = drain($s, sub { send_all($s, $_[0]) }, $first);
		return { bytes => $n, how => $how };
	},
	# Answers with what it got, after the end.
	sink => sub {
		my ($s, undef, undef, $first) = @_;
		my $sum = Digest::SHA->new(256);
		my ($n, $how) = drain($s, sub { $sum->add($_[0]) }, $first);
		my $digest = $sum->hexdigest;
		send_all($s, "$n $digest\n") if $how eq 'eof';
		return { bytes => $n, how => $how, sha256 => $digest };
	},
	# Sends `size` bytes and closes.
	source => sub {
		my ($s, $b) = @_;
		return { sent => send_pattern($s, $b->{size}) };
	},
	# The same, but closes only its own side and waits for the other's end.
	source_half_close => sub {
		my ($s, $b, undef, $first) = @_;
		my $sent = send_pattern($s, $b->{size});
		shutdown $s, SHUT_WR;
		my ($n, $how) = drain($s, undef, $first);
		return { sent => $sent, bytes => $n, how => $how };
	},
	# Reads nothing, says nothing.
	silent => sub { sleep 3600; return {} },
	# Reads everything, says nothing.
	quiet => sub {
		my ($s, undef, undef, $first) = @_;
		my ($n, $how) = drain($s, undef, $first);
		return { bytes => $n, how => $how };
	},
	# A small line every `every` seconds.
	trickle => sub {
		my ($s, $b) = @_;
		my $n = 0;
		while (send_all($s, sprintf "line %d\n", $n)) {
			$n++;
			sleep($b->{every} // 0.2);
		}
		return { sent => $n, how => "$!" };
	},
	close => sub { return {} },
	# Waits for something to read, sends `size` bytes, resets when all have arrived.
	reset => sub {
		my ($s, $b, undef, $first) = @_;
		length $first or sysread $s, my $bytes, 65536;
		send_pattern($s, $b->{size} // 0);
		for (1 .. 500) {
			last if !unacknowledged($s);
			sleep 0.02;
		}
		linger_zero($s);
		return {};
	},
);

sub record {
	my ($self, $what) = @_;
	sysopen my $f, $self->{records}, O_WRONLY | O_APPEND | O_CREAT or return;
	flock $f, LOCK_EX;
	syswrite $f, JSON::PP->new->canonical->latin1->encode($what) . "\n";
	return close $f;
}

# new(kind or code, name =>, proxy => true if a PROXY header comes first,
# unix => path, address =>, port =>, life => seconds that a connection may last).
sub new {
	my ($class, $kind, %o) = @_;
	my $dir = tempdir("tlsward-b-XXXXXX", TMPDIR => 1, CLEANUP => 1);
	my $self = bless { name => 'backend', life => 300, %o, records => "$dir/records" }, $class;
	$self->{behaviour} = ref $kind ? $kind : $BEHAVIOURS{$kind} // die "no behaviour named $kind\n";
	$self->listen;
	pipe my $ours, my $theirs or die "pipe: $!\n";
	my $pid = fork // die "fork: $!\n";
	if (!$pid) {
		close $theirs;
		setpgrp;
		eval { $self->serve($ours); 1 } or warn $@;
		_exit(0);
	}
	setpgrp $pid, $pid;
	close delete $self->{listener};
	@$self{qw(pid life_line)} = ($pid, $theirs);
	return $running{$pid} = $self;
}

sub listen {
	my ($self) = @_;
	if ($self->{unix}) {
		$self->{listener} = IO::Socket::UNIX->new(Local => $self->{unix}, Listen => 1024)
			or die "$self->{unix}: $!\n";
		chmod 0777, $self->{unix};
		$self->{server} = "unix:$self->{unix}";
		return;
	}
	$self->{address} //= address();
	$self->{listener} = IO::Socket::INET->new(LocalAddr => $self->{address}, LocalPort => $self->{port} // 0,
		Listen => 1024, ReuseAddr => 1) or die "listen on $self->{address}: $!\n";
	$self->{port} = $self->{listener}->sockport;
	$self->{server} = "$self->{address}:$self->{port}";
	return;
}

# How the configuration names it.
sub server { return $_[0]{server} }

# Until the test's end of the pipe is closed; then the whole process group ends.
sub serve {
	my ($self, $life_line) = @_;
	local $SIG{CHLD} = 'IGNORE';
	local $SIG{PIPE} = 'IGNORE';
	my $wait = IO::Select->new($self->{listener}, $life_line);
	while (1) {
		my @ready = $wait->can_read;
		last if grep { $_ == $life_line } @ready;
		my $s = $self->{listener}->accept or next;
		next if fork;
		close $self->{listener};
		$self->serve_one($s);
		_exit(0);
	}
	return kill KILL => -$$;
}

sub serve_one {
	my ($self, $s) = @_;
	alarm $self->{life};
	binmode $s;
	# Heads and bodies are written one by one: no waiting for acknowledgements between them.
	setsockopt $s, IPPROTO_TCP, TCP_NODELAY, 1 if !$self->{unix};
	my ($header, $first) = (undef, '');
	my $done = eval {
		($header, $first) = proxy_read($s) if $self->{proxy};
		$self->record({ event => 'begin', pid => $$, proxy => $header });
		$self->{behaviour}->($s, $self, $header, $first);
	};
	close $s;
	return $self->record({ event => 'end', pid => $$, proxy => $header,
		ref $done eq 'HASH' ? %$done : (), $@ ? (error => $@) : () });
}

# What was recorded so far: events "begin" and "end" of each connection.
sub records {
	my ($self, $event) = @_;
	open my $f, '<', $self->{records} or return;
	my @all = map { JSON::PP->new->latin1->decode($_) } grep { /\n$/ } <$f>;
	return grep { !$event || $_->{event} eq $event } @all;
}

# What it saw of a connection is told after its end, perhaps later than others know of that: how many have ended.
sub all_ended {
	my ($self) = @_;
	wait_for(sub { $self->records('begin') == $self->records('end') }, 5, "the last record of $self->{name}");
	return scalar $self->records('end');
}

sub stop {
	my ($self) = @_;
	my $pid = delete $self->{pid} or return;
	delete $running{$pid};
	close delete $self->{life_line};
	kill KILL => -$pid;
	waitpid $pid, 0;
	return;
}

END {
	if ($$ == $OWNER) {
		my $status = $?;
		$_->stop for values %running;
		$? = $status;
	}
}

1;
