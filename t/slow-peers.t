#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# Who is slow keeps the connection for as long as something moves, whatever
# idle and half_close say; who takes nothing any more is gone at closed_window.
use strict;
use warnings;
use File::Temp;
use Socket qw(SOL_SOCKET SO_RCVBUF);
use Test::More;
use Time::HiRes qw(sleep time);

use TLSward qw(wait_for slow log_time);
use TLSward::Backend;
use TLSward::Client qw(tls_connect read_all read_some send_all close_notify canary);

my ($progress, $closed_window, $idle, $half_close) = (2, 5, 2, 2);
my $host = 'one.example.test';
my $dir = File::Temp::tempdir(CLEANUP => 1);
chmod 0755, $dir;
my $stuck = sub {
	my ($s) = @_;
	setsockopt $s, SOL_SOCKET, SO_RCVBUF, 8192;
	sleep 60;
	return {};
};
my %backend = (
	http => TLSward::Backend->new('http'),
	page => TLSward::Backend->new('source', size => 100_000),
	large => TLSward::Backend->new('source', size => 20_000_000),
	sink => TLSward::Backend->new('sink'),
	# Sends what it can without reading, and closes with much unread: a RST.
	rude => TLSward::Backend->new(sub {
		my ($s) = @_;
		setsockopt $s, SOL_SOCKET, SO_RCVBUF, 65536;
		sleep 0.5;
		$s->blocking(0);
		my ($n, $until) = (0, time + 1.5);
		while (time < $until) {
			my $sent = syswrite $s, TLSward::Backend::pattern($n, 65536);
			$sent ? ($n += $sent) : sleep 0.02;
		}
		return { sent => $n };
	}),
	stuck => TLSward::Backend->new($stuck),
	stuck_unix => TLSward::Backend->new($stuck, unix => "$dir/stuck.sock"),
	# Takes 16 KB now and then; the client is long done.
	slow => TLSward::Backend->new(sub {
		my ($s) = @_;
		my $n = 0;
		while (my $got = sysread $s, my $bytes, 16384) {
			$n += $got;
			sleep 0.02;
		}
		TLSward::Backend::send_all($s, "$n bytes\n");
		return { bytes => $n };
	}),
);
my $t = TLSward->new(hosts => [$host],
	listeners => [ map { +{ name => $_, backend => $_ } } sort keys %backend ],
	backends => [ map { +{ name => $_, servers => [ $backend{$_}->server ] } } sort keys %backend ],
	conf => { workers => 2, timeouts => { progress => $progress, closed_window => $closed_window, idle => $idle, half_close => $half_close } })->start;
my $canary = canary($t->via('http'));

# Each is a process of its own, so that all can take their time together; it
# reports a line for each thing that it has seen.
sub client {
	my ($what, $code) = @_;
	my $pid = open(my $out, '-|') // die "fork: $!";
	return { what => $what, out => $out } if $pid;
	$| = 1;
	eval { $code->(); 1 } or print "died: $@";
	POSIX::_exit(0);
}

sub slow_reader {
	my ($version) = @_;
	my $s = tls_connect($t, listener => 'page', sni => $host, version => $version, receive_buffer => 16384);
	my ($all, $how, $last) = ('', undef, time);
	while (!defined $how) {
		sleep 0.8;
		$s->blocking(0);
		my $n = sysread $s, my $bytes, 8192;
		$s->blocking(1);
		$all .= $bytes if $n;
		$how = 'eof' if defined $n && $n == 0;
	}
	close_notify($s);
	print $all eq TLSward::Backend::pattern(0, 100_000) ? "all of it\n" : 'only ' . length($all) . " bytes\n";
	return;
}

sub slow_writer {
	my $s = tls_connect($t, listener => 'sink', sni => $host);
	for (1 .. 8) {
		send_all($s, 'x' x 1000) or last;
		sleep 0.9;
	}
	close_notify($s);
	print read_some($s) // 'no answer';
	return;
}

sub impatient_uploader {
	my $s = tls_connect($t, listener => 'slow', sni => $host);
	send_all($s, 'u' x 65536) or last for 1 .. 100;
	close_notify($s);
	print read_some($s, 60) // "no answer\n";
	return;
}

# Uploads more than that backend takes, then reads in steps.
sub slow_reader_of_rude {
	my $s = tls_connect($t, listener => 'rude', sni => $host);
	$s->blocking(0);
	my $until = time + 1;
	while (time < $until) {
		syswrite $s, 'x' x 16384 or sleep 0.02;
	}
	my ($all, $how) = ('', undef);
	until ($how) {
		sleep 0.4;
		for (1 .. 16) {
			(my $bytes, $how) = TLSward::Client::one_read($s);
			$all .= $bytes;
			last if $how || !length $bytes;
		}
	}
	print $all eq TLSward::Backend::pattern(0, length $all) ? sprintf("%d bytes, %s\n", length $all, $how) : "wrong bytes\n";
	return;
}

my @clients = (
	client('the slow reader of a backend that has gone', \&slow_reader_of_rude),
	client('a slow reader (1.2)', sub { slow_reader('TLSv1_2') }),
	client('a slow reader (1.3)', sub { slow_reader('TLSv1_3') }),
	client('a slow writer', \&slow_writer),
	client('the client of a slow backend', \&impatient_uploader),
);

# Those who take nothing: clients of a backend that is done and of one that is
# not, and backends.
my (%silent, $c);
for my $listener (qw(page large stuck stuck_unix)) {
	my $at = time;
	my $s = tls_connect($t, listener => $listener, sni => $host, receive_buffer => 8192);
	$s->blocking(0);
	if ($listener =~ /stuck/) {
		my $until = time + 1;
		while (time < $until) {
			syswrite $s, 'x' x 16384 or sleep 0.02;
		}
	}
	$silent{$listener} = { s => $s, at => $at };
	# While it lasts.
	$c = wait_for(sub { (grep { ($_->{deadline} // '') eq 'closed_window' } @{ $t->ctl_json('connections', '--listener', 'large')->{connections} })[0] }, 5, 'it is seen')
		if $listener eq 'large';
}
cmp_ok $c->{deadline_in_ms}, '<=', 1000 * $closed_window, 'that closed_window is next, and when, can be seen';
for my $listener (sort keys %silent) {
	my $line = $t->wait_log({ msg => 'connection ended', listener => $listener, end => qr/deadline/ }, 20);
	my $took = log_time($line) - $silent{$listener}{at};
	is $line->{end}, 'closed_window_deadline', "$listener: a peer that takes nothing is given up";
	is $line->{detail}, 'waited for the ' . ($listener =~ /stuck/ ? 'backend' : 'client'), "$listener: the line says which";
	cmp_ok $took, '>=', $closed_window - 0.01, "$listener: not before its time";
	cmp_ok $took, '<=', 1 + 1.25 * $closed_window + slow(), "$listener: and soon after: $took s";
}
my (undef, $how) = read_all($silent{stuck}{s});
is $how, 'error', 'a client hears that its backend was given up';

my %want = (
	'a slow reader (1.2)' => qr/^all of it$/, 'a slow reader (1.3)' => qr/^all of it$/,
	'the slow reader of a backend that has gone' => qr/^\d{6,} bytes, error$/,
	'a slow writer' => qr/^8000 /, 'the client of a slow backend' => qr/^6553600 bytes$/,
);
for my $client (@clients) {
	like scalar(readline $client->{out}), $want{ $client->{what} }, "$client->{what} gets and gives every byte";
	close $client->{out};
}
is $t->wait_log({ msg => 'connection ended', listener => 'rude' })->{end}, 'backend_reset', 'that backend is not waited for';
is $t->ctl_json('status')->{ends}{closed_window_deadline}, 4, 'nobody else was taken for stuck';
$canary->unharmed;
is $t->stop, 0, 'it ends in order';
done_testing;
