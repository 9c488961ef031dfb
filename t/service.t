#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# What a service manager is told (ready, status, watchdog, stopping, a newline
# on a descriptor), and the listening sockets that it may hand over by name.
use strict;
use warnings;
use IO::Socket::INET;
use IO::Socket::UNIX;
use IO::Select;
use POSIX ();
use Socket qw(SOCK_DGRAM SOCK_STREAM);
use Test::More;
use Time::HiRes qw(time);

use TLSward qw(wait_for address slow);
use TLSward::Backend;
use TLSward::Client qw(tls_connect http_get);

my $host = 'one.example.test';
my $backend = TLSward::Backend->new('http', name => 'app');

sub instance {
	my (@listeners) = @_;
	return TLSward->new(hosts => [$host], listeners => \@listeners, backends => [ { servers => [ $backend->server ] } ]);
}

# What was sent to the manager's socket, with the times.
my @told;
sub told_within {
	my ($manager, $what, $seconds) = @_;
	my $until = time + $seconds;
	while (!grep { $_->{text} =~ $what } @told) {
		my $left = $until - time;
		return 0 if $left <= 0 || !IO::Select->new($manager)->can_read($left);
		$manager->recv(my $text, 4096);
		push @told, { text => $text, at => time };
	}
	return 1;
}
sub told_by { my ($manager, $what, $seconds) = @_; return told_within($manager, $what, $seconds * slow()) }

sub served {
	my ($t, $listener) = @_;
	my $s = tls_connect($t, sni => $host, ($listener ? (listener => $listener) : ()));
	my $answer = $s && http_get($s, $host, '/');
	return $answer && $answer->{body};
}

# Starts it with these sockets and names as a manager would: from descriptor 3 on.
sub with_sockets {
	my ($t, $names, @sockets) = @_;
	my $n = @sockets;
	my $moves = join '; ', map { sprintf 'exec %d<&%d %d<&-', 3 + $_, 50 + $_, 50 + $_ } 0 .. $#sockets;
	POSIX::dup2($sockets[$_]->fileno, 50 + $_) // die "dup2: $!\n" for 0 .. $#sockets;
	$t->{wrapper} = [ 'bash', '-c', "$moves; export LISTEN_PID=\$\$ LISTEN_FDS=$n" .
		(defined $names ? " LISTEN_FDNAMES=$names" : '') . '; exec "$@"', 'sh' ];
	$t->launch;
	POSIX::close(50 + $_) for 0 .. $#sockets;
	return $t;
}

sub listening {
	my (%o) = @_;
	return IO::Socket::INET->new(LocalAddr => address(), LocalPort => $o{port} // 0, Listen => 16, ReuseAddr => 1)
		// die "no socket: $!\n";
}

# It must not start: what it says.
sub refusal {
	my ($t, $names, @sockets) = @_;
	with_sockets($t, $names, @sockets);
	is $t->wait_end(10) >> 8, 1, 'it does not start';
	return TLSward::Certs::slurp($t->in_directory('stderr'));
}

subtest 'told by socket' => sub {
	my $t = instance({});
	my $manager = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => $t->in_directory('notify')) or die "notify: $!\n";
	$t->{wrapper} = [ 'sh', '-c', 'export WATCHDOG_PID=$$ WATCHDOG_USEC=1000000 NOTIFY_SOCKET="$0"; exec "$@"', $t->in_directory('notify') ];
	$t->start;
	ok told_by($manager, qr/^READY=1$/m, 5), 'READY=1';
	my ($ready) = grep { $_->{text} =~ /^READY=1$/m } @told;
	like $ready->{text}, qr/^STATUS=serving 1 names? with 2 workers$/m, 'with a STATUS that says what it serves';
	ok served($t), 'and it does serve';
	my @signs;
	for (1 .. 6) {
		@told = ();
		told_by($manager, qr/^WATCHDOG=1$/, 5) or last;
		push @signs, $told[-1]{at};
	}
	my @gaps = sort { $a <=> $b } map { $signs[$_] - $signs[ $_ - 1 ] } 1 .. $#signs;
	is scalar @gaps, 5, 'WATCHDOG=1 again and again';
	# The machine may have been slow now and then.
	cmp_ok $gaps[2], '<', 0.6, sprintf 'at half of the deadline: every %.2f s', $gaps[2];
	kill STOP => $t->{pid};
	wait_for(sub { TLSward::stat_of($t->{pid})->{state} eq 'T' }, 5, 'it is stopped');
	told_within($manager, qr/never/, 0.2);	# what was on its way
	@told = ();
	ok !told_within($manager, qr/WATCHDOG=1/, 1.5), 'none while its loop does not turn';
	kill CONT => $t->{pid};
	ok told_by($manager, qr/WATCHDOG=1/, 2), 'and again when it does';
	@told = ();
	kill HUP => $t->{pid};
	ok told_by($manager, qr/^READY=1$/m, 5), 'a reload begins and ends';
	my ($begins, $ends) = grep { $_->{text} !~ /WATCHDOG/ } @told;
	like $begins->{text}, qr/^RELOADING=1$/m, 'with RELOADING=1';
	like $begins->{text}, qr/^MONOTONIC_USEC=\d+$/m, 'and the time';
	like $ends->{text}, qr/^STATUS=serving 1 names? with 2 workers$/m, 'and then all is as before';
	# Only root may see that of the keeper.
	my $children = join '', map { eval { TLSward::Certs::slurp("/proc/$_->{pid}/environ") } // '' } $t->processes;
	unlike $children, qr/NOTIFY_SOCKET|WATCHDOG/, 'its processes know of no manager';
	is $t->stop, 0, 'it stops in order';
	ok told_by($manager, qr/^STOPPING=1$/m, 1), 'STOPPING=1';
	my ($stopping) = grep { $_->{text} =~ /^STOPPING=1$/m } @told;
	like $stopping->{text}, qr/^EXTEND_TIMEOUT_USEC=\d{8,}$/m, 'which asks for the time that draining may take';
};

subtest 'told by a descriptor' => sub {
	my $t = instance({});
	pipe my $read, my $write or die "pipe: $!\n";
	POSIX::dup2(fileno $write, 50) // die "dup2: $!\n";
	close $write;
	$t->{wrapper} = [ 'bash', '-c', 'exec 3>&50 50>&-; exec "$@"', 'sh' ];
	$t->launch('--ready-fd', 3);
	POSIX::close(50);
	ok(IO::Select->new($read)->can_read(20 * slow()), 'something comes');
	is do { local $/; <$read> }, "\n", 'one newline, and no process keeps the descriptor';
	ok served($t), 'and it does serve';
	is $t->stop, 0, 'it stops in order';
	my ($status, $out) = TLSward::run_command(TLSward::program('tlsward'), '--ready-fd', '77', '-c', $t->{conf_path});
	is $status, 2, 'a descriptor that is not open is an error';
	like $out, qr/--ready-fd 77/, 'that names it';
};

subtest 'sockets by name' => sub {
	my $socket = listening();
	my $t = instance({ name => 'first' }, { name => 'second', port => $socket->sockport });
	with_sockets($t, 'second', $socket)->wait_ready;
	$socket->close;
	is served($t, $_), "app / for $host\n", "$_ serves" for qw(first second);
	my $again = IO::Socket::INET->new(Listen => 1, LocalAddr => address(), LocalPort => $t->{listeners}{second}{port});
	ok !$again, 'the socket is held by nobody else';
	is served($t, 'second'), "app / for $host\n", 'another connection' for 1 .. 8;
	my ($first, $second) = @{ $t->{conf}{listeners} };
	$t->{conf}{listeners} = [$first];
	$t->write_conf->ctl_json('reload');
	is served($t, 'first'), "app / for $host\n", 'without the second the first serves';
	$t->{conf}{listeners} = [ $first, $second ];
	$t->write_conf->ctl_json('reload');
	is served($t, 'second'), "app / for $host\n", 'and the second again, on the socket of the manager' for 1 .. 4;
	is $t->stop, 0, 'it stops in order';

	my @both = (listening(), listening());
	$t = instance({ name => 'first', port => $both[0]->sockport }, { name => 'second', port => $both[1]->sockport });
	with_sockets($t, 'second:first', reverse @both)->wait_ready;
	is served($t, $_), "app / for $host\n", "$_ of two serves" for qw(first second);
	is $t->stop, 0, 'it stops in order';
	ok $both[0]->opened && IO::Socket::INET->new(PeerAddr => address(), PeerPort => $both[0]->sockport),
		'the manager\'s socket still takes connections for the next run';
	with_sockets($t, 'second:first', reverse @both)->wait_ready;
	is served($t, 'first'), "app / for $host\n", 'which serves';
	is $t->stop, 0, 'it stops in order';
};

subtest 'sockets that do not fit' => sub {
	my $port = TLSward::free_port();
	like refusal(instance({ port => $port }), 'other', listening(port => $port)),
		qr/socket named "other": no listener has that name/, 'an unknown name';
	like refusal(instance({}), undef, listening()), qr/FileDescriptorName=/, 'no names at all';
	like refusal(instance({}), 'https', listening()),
		qr/tlsward\.conf:\d+: listener "https": .* it listens on 127\.\S+, the configuration says 127\./, 'another address';
	my $bound = IO::Socket::INET->new(LocalAddr => address(), LocalPort => $port, Type => SOCK_STREAM, Proto => 'tcp');
	like refusal(instance({ port => $port }), 'https', $bound), qr/no listening TCP socket/, 'a socket that does not listen';
	$bound->close;
	my $udp = IO::Socket::INET->new(LocalAddr => address(), LocalPort => $port, Proto => 'udp');
	like refusal(instance({ port => $port }), 'https', $udp), qr/no listening TCP socket/, 'a UDP socket';
	my $s = listening(port => $port);
	like refusal(instance({ port => $port }), 'https:https', $s, $s), qr/second with that name/, 'a name twice';
};
done_testing;
