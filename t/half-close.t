#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# Half-close passes through TLS in both directions, and is told from truncation.
use strict;
use warnings;
use Test::More;
use Digest::SHA qw(sha256_hex);
use Socket qw(SHUT_WR);
use Time::HiRes qw(sleep time);

use TLSward qw(wait_for pace);
use TLSward::Backend;
use TLSward::Client qw(tls_connect read_all send_all close_notify canary);

my $host = 'one.example.test';
my %backend = (
	http => TLSward::Backend->new('http'),
	sink => TLSward::Backend->new('sink'),
	speaker => TLSward::Backend->new('source_half_close', size => 3000),
	slow => TLSward::Backend->new(sub {
		my ($s, undef, undef, $first) = @_;
		TLSward::Backend::drain($s, undef, $first);
		sleep 0.5;
		TLSward::Backend::send_all($s, "after a while\n");
		return { how => 'answered' };
	}),
	soon => TLSward::Backend->new(sub {
		my ($s, undef, undef, $first) = @_;
		TLSward::Backend::drain($s, undef, $first);
		sleep 0.3;
		TLSward::Backend::send_all($s, "soon\n");
		return {};
	}),
	# FIN, and a RST later.
	leaver => TLSward::Backend->new(sub {
		my ($s) = @_;
		shutdown $s, SHUT_WR;
		sleep 0.3;
		TLSward::Backend::linger_zero($s);
		return { how => 'reset' };
	}),
	quiet => TLSward::Backend->new(sub {
		my ($s, undef, undef, $first) = @_;
		TLSward::Backend::drain($s, undef, $first);
		sleep 60;
		return {};
	}),
);
my @names = sort keys %backend;

sub tlsward {
	my (%conf) = @_;
	return TLSward->new(
		hosts => [$host],
		listeners => [ map { +{ name => $_, backend => $_ } } @names ],
		backends => [ map { +{ name => $_, servers => [ $backend{$_}->server ] } } @names ],
		conf => \%conf,
	)->start;
}

sub end_line {
	my ($t, $listener, $mark) = @_;
	return $t->wait_log({ msg => 'connection ended', listener => $listener }, 10, $mark);
}

my $t = tlsward();
my $canary = canary($t->via('http'));
for my $version ('TLSv1_2', 'TLSv1_3') {
	my $mark = $t->mark;
	my $s = tls_connect($t, sni => $host, listener => 'sink', version => $version);
	my $data = 'x' x 200_000;
	send_all($s, $data);
	close_notify($s);
	my ($got, $how) = read_all($s);
	is $got, length($data) . ' ' . sha256_hex($data) . "\n",
		"$version: a client that has said goodbye still gets the answer to all it sent";
	is $how, 'eof', "$version: and then the server's goodbye";
	is end_line($t, 'sink', $mark)->{end}, 'client_closed', "$version: the client closed first";

	$mark = $t->mark;
	my $before = $backend{speaker}->all_ended;
	$s = tls_connect($t, sni => $host, listener => 'speaker', version => $version);
	($got, $how) = read_all($s);
	is length $got, 3000, "$version: a backend that closes first is heard";
	is $how, 'eof', "$version: its goodbye becomes close_notify";
	ok send_all($s, $data), "$version: the client may go on sending";
	close_notify($s);
	my ($record) = wait_for(sub { my @r = $backend{speaker}->records('end'); @r > $before ? $r[-1] : undef }, 5, 'the backend is told');
	is $record->{bytes}, length $data, "$version: the backend gets every byte sent after its own goodbye";
	is $record->{how}, 'eof', "$version: and an orderly end";
	is end_line($t, 'speaker', $mark)->{end}, 'backend_closed', "$version: the backend closed first";

	$mark = $t->mark;
	$s = tls_connect($t, sni => $host, listener => 'speaker', version => $version);
	read_all($s);
	shutdown $s, SHUT_WR;
	is_deeply [ @{ end_line($t, 'speaker', $mark) }{qw(end truncated)} ], [ 'backend_closed', 1 ],
		"$version: after the server's goodbye a bare FIN is none that the log hides";

	$mark = $t->mark;
	$s = tls_connect($t, sni => $host, listener => 'leaver', version => $version);
	is((read_all($s))[1], 'eof', "$version: a backend that says goodbye");
	is end_line($t, 'leaver', $mark)->{end}, 'backend_closed', "$version: and breaks off later ends the connection at once";

	$mark = $t->mark;
	$s = tls_connect($t, sni => $host, listener => 'slow', version => $version);
	send_all($s, "question\n");
	close_notify($s);
	shutdown $s, SHUT_WR;
	($got, $how) = read_all($s);
	is $got, "after a while\n", "$version: close_notify with FIN, and the late answer still comes";
	my $line = end_line($t, 'slow', $mark);
	is $line->{end}, 'client_closed', "$version: that is an ordinary end";
	ok !exists $line->{truncated}, "$version: and no truncation";

	$mark = $t->mark;
	$before = $backend{sink}->all_ended;
	$s = tls_connect($t, sni => $host, listener => 'sink', version => $version);
	send_all($s, "cut off\n");
	shutdown $s, SHUT_WR;
	my $truncated = end_line($t, 'sink', $mark);
	is $truncated->{end}, 'client_truncated', "$version: a FIN without close_notify is a truncation";
	is $truncated->{truncated}, 1, "$version: so says its line, too";
	($record) = wait_for(sub { my @r = $backend{sink}->records('end'); @r > $before ? $r[-1] : undef }, 5, 'the backend is told');
	is $record->{how}, 'reset', "$version: of which the backend hears by a RST";
}
$canary->unharmed;
is $t->stop, 0, 'it ends in order';

my $half_close = pace();
$t = tlsward(tls => { truncation => 'half_close' }, timeouts => { half_close => $half_close });
$canary = canary($t->via('http'));
for my $version ('TLSv1_2', 'TLSv1_3') {
	my $mark = $t->mark;
	my $s = tls_connect($t, sni => $host, listener => 'sink', version => $version);
	send_all($s, 'bare');
	shutdown $s, SHUT_WR;
	my ($got) = read_all($s);
	is $got, '4 ' . sha256_hex('bare') . "\n", "$version: with truncation = \"half_close\" a bare FIN is a half-close";
	my $line = end_line($t, 'sink', $mark);
	is $line->{end}, 'client_closed', "$version: an ordinary end";
	is $line->{truncated}, 1, "$version: that the log does not hide";

	$mark = $t->mark;
	$s = tls_connect($t, sni => $host, listener => 'soon', version => $version);
	sleep 1.5 * $half_close;	# nothing moves, and nothing has to
	close_notify($s);
	is ((read_all($s))[0], "soon\n", "$version: the deadline runs from the goodbye, not from an older byte");
	is end_line($t, 'soon', $mark)->{end}, 'client_closed', "$version: an ordinary end";

	$mark = $t->mark;
	$s = tls_connect($t, sni => $host, listener => 'speaker', version => $version);
	read_all($s);
	$line = end_line($t, 'speaker', $mark);
	is $line->{end}, 'half_close_deadline', "$version: a client that never says goodbye is not waited for without end";
	ok !exists $line->{alert_sent}, "$version: no alert follows the goodbye, and none is claimed";

	$mark = $t->mark;
	my $began = time;
	$s = tls_connect($t, sni => $host, listener => 'quiet', version => $version);
	close_notify($s);
	my (undef, $how) = read_all($s);
	$line = end_line($t, 'quiet', $mark);
	is $line->{end}, 'half_close_deadline', "$version: a half-closed connection on which nothing moves ends";
	is $how, 'error', "$version: the client hears that it is no goodbye";
	cmp_ok time - $began, '>=', $half_close, "$version: not before its deadline";
}
$canary->unharmed;
is $t->stop, 0, 'it ends in order';
done_testing;
