#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# In the closing phase a peer whose window is closed has closed_window's time,
# not linger's; 0 is none.
use strict;
use warnings;
use Test::More;

use TLSward qw(wait_for pace);
use TLSward::Backend;
use TLSward::Client qw(tls_connect read_all close_notify canary);

my $host = 'one.example.test';
my $linger = 0.5;
my %backend = (http => TLSward::Backend->new('http'), source => TLSward::Backend->new('source', size => 200_000));
for my $seconds (3 * pace(), 0) {
	my $t = TLSward->new(hosts => [$host], listeners => [ map { +{ name => $_, backend => $_ } } sort keys %backend ],
		backends => [ map { +{ name => $_, servers => [ $backend{$_}->server ] } } sort keys %backend ],
		conf => { workers => 1, timeouts => { linger => $linger, closed_window => $seconds } })->start;
	my $canary = canary($t->via('http'));
	my $s = tls_connect($t, sni => $host, listener => 'source', receive_buffer => 4096);
	close_notify($s);
	# The client takes nothing, for longer than linger.
	wait_for(sub { grep { $_->{phase} eq 'closing' && $_->{phase_ms} > 2000 * $linger }
		@{ $t->ctl_json('connections', '--listener', 'source')->{connections} } }, 10, 'a closing connection that outlives linger');
	pass "closed_window = $seconds: linger does not end it";
	my ($bytes, $how) = $seconds ? () : read_all($s, 20);
	my $line = $t->wait_log({ msg => 'connection ended', listener => 'source' }, 10);
	if ($seconds) {
		is $line->{end}, 'closed_window_deadline', 'closed_window does';
		# It runs from when the first byte waited, which is before the phase.
		cmp_ok $line->{relay_s} + $line->{closing_s}, '>=', $seconds, 'in its own time';
	} else {
		is length $bytes, 200_000, 'a client that comes back gets everything';
		is $how, 'eof', 'and the goodbye';
		is $line->{end}, 'client_closed', 'an ordinary end';
	}
	$canary->unharmed;
	is $t->stop, 0, 'it ends in order';
}
done_testing;
