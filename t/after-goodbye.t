#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# What a client sends after its close_notify wakes nobody, whatever it is, while
# the backend stays open and after it has closed; each connection ends at its
# deadline, and a worker has next to nothing to do meanwhile.
use strict;
use warnings;
use POSIX ();
use Socket qw(IPPROTO_TCP);
use Test::More;
use Time::HiRes qw(sleep time);

use TLSward qw(wait_for slow log_time);
use TLSward::Backend;
use TLSward::Client qw(tls_connect send_all close_notify canary);

use constant TCP_CORK => 3;
my ($half_close, $linger, $watched) = (8, 2, 5);
my $host = 'one.example.test';
my %backend = (
	http => TLSward::Backend->new('http'),
	# Stays open, and so says nothing to the goodbye.
	open => TLSward::Backend->new(sub {
		my ($s, undef, undef, $first) = @_;
		my ($n, $how) = TLSward::Backend::drain($s, undef, $first);
		sleep 60;
		return { bytes => $n, how => $how };
	}),
	closing => TLSward::Backend->new('quiet'),
);
my $t = TLSward->new(hosts => [$host],
	listeners => [ map { +{ name => $_, backend => $_ } } sort keys %backend ],
	backends => [ map { +{ name => $_, servers => [ $backend{$_}->server ] } } sort keys %backend ],
	conf => { workers => 2, timeouts => { half_close => $half_close, linger => $linger } })->start;
my $canary = canary($t->via('http'));

sub cpu_seconds {
	my ($pid) = @_;
	my @f = split ' ', TLSward::Certs::slurp("/proc/$pid/stat") =~ s/.*\) //r;
	return ($f[11] + $f[12]) / POSIX::sysconf(POSIX::_SC_CLK_TCK());
}

# A record that no key fits, an alert in clear, bytes that are no records, and much of it.
my $garbage = "\x17\x03\x03\0\x20" . 'r' x 32 . "\x15\x03\x03\0\x02\x01\0" . "\0" x 100 . join '', map { chr int rand 256 } 1 .. 20_000;

# Data, goodbye and what follows; together: all that fits in the same segment.
sub say_goodbye {
	my ($s, $together) = @_;
	setsockopt $s, IPPROTO_TCP, TCP_CORK, 1 if $together;
	send_all($s, "the last words\n");
	close_notify($s);
	POSIX::write(fileno $s, $garbage, length $garbage) or die "write: $!";
	setsockopt $s, IPPROTO_TCP, TCP_CORK, 0 if $together;
	return;
}

# By listener and port: to another listener the kernel may give the same port again.
my %peer;
my @open;
sub peer_of { my ($line) = @_; return $peer{ $line->{listener} . ($line->{peer} =~ /(:\d+)$/)[0] } }
for my $version (qw(TLSv1_2 TLSv1_3)) {
	for my $listener (qw(open closing)) {
		for my $n (1 .. 50) {
			my $s = tls_connect($t, listener => $listener, sni => $host, version => $version) or die $TLSward::Client::error;
			$peer{ "$listener:" . $s->sockport } = { listener => $listener, at => time };
			say_goodbye($s, $n % 2);
			push @open, $s;
		}
	}
}

sub total { return $t->ctl_json('status')->{counters} }
wait_for(sub { (() = $t->find_log({ msg => 'connection ended', listener => 'closing' })) == 100 }, 10, 'those whose backend closes end');
my @workers = $t->pids('worker');
my %before = map { $_ => cpu_seconds($_) } @workers;
my $counted = total();
sub ended { return scalar(() = grep { peer_of($_) } $t->find_log({ msg => 'connection ended' })) }
my $ended = ended();
sleep $watched;		# what is measured is a share of time
# Some bytes more, while nobody listens.
POSIX::write(fileno $_, 'more', 4) for @open;
for my $worker (@workers) {
	my $used = cpu_seconds($worker) - $before{$worker};
	cmp_ok $used, '<', 0.05 * $watched * slow(), "a worker used $used s of CPU time in $watched s";
}
my $now = total();
# Those of the canary, of which there are about ten a second, and what came to its deadline by now.
my $accepted = $now->{accepted} - $counted->{accepted};
my $wakeups = $now->{wakeups} - $counted->{wakeups};
$ended = ended() - $ended;
cmp_ok $wakeups, '<=', 12 * ($accepted + $ended), "and was woken $wakeups times, by $accepted new connections and the end of $ended";

my @lines = wait_for(sub {
	my @l = grep { peer_of($_) } $t->find_log({ msg => 'connection ended' });
	return @l == 200 ? \@l : undef;
}, 2 * $half_close, 'all have ended')->@*;
my (%ends, @early, @late, @bytes);
for my $line (@lines) {
	my $p = peer_of($line);
	my $took = log_time($line) - $p->{at};
	$ends{ $p->{listener} }{ $line->{end} }++;
	push @bytes, $line->{up} if $line->{up} != length "the last words\n";
	push @early, $took if $p->{listener} eq 'open' && $took < $half_close - 0.01;
	push @late, $took if $took > ($p->{listener} eq 'open' ? 1.25 * $half_close : 1.25 * $linger) + slow();
}
is_deeply \%ends, { open => { half_close_deadline => 100 }, closing => { client_closed => 100 } },
	'each ends, by half_close or with its backend' or diag explain \%ends;
is_deeply \@early, [], 'not before its deadline';
is_deeply \@late, [], 'and soon after';
is_deeply \@bytes, [], 'nothing but the last words was passed on';
is_deeply [ sort { $a <=> $b } map { $_->{bytes} } $backend{closing}->records('end') ], [ (15) x 100 ], 'as the backend confirms';
$canary->unharmed;
$_->close for @open;
is $t->stop, 0, 'it ends in order';
done_testing;
