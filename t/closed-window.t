#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# In the closing phase a peer whose window is closed has closed_window's time,
# not linger's; 0 is none.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep time);

use TLSward qw(wait_for);
use TLSward::Backend;
use TLSward::Client qw(tls_connect read_all close_notify);

my $host = 'one.example.test';
my $backend = TLSward::Backend->new('source', size => 200_000);
for my $seconds (2, 0) {
	my $t = TLSward->new(hosts => [$host], backends => [ { servers => [ $backend->server ] } ],
		conf => { workers => 1, timeouts => { linger => 0.5, closed_window => $seconds } })->start;
	my $s = tls_connect($t, sni => $host, receive_buffer => 4096);
	close_notify($s);
	my $closing = sub { grep { $_->{phase} eq 'closing' } @{ $t->ctl_json('connections')->{connections} } };
	wait_for(sub { $closing->() }, 5, 'all is sent');
	my $began = time;
	sleep 1.2;	# more than linger, and the client takes nothing
	ok scalar $closing->(), "closed_window = $seconds: linger does not end it";
	if ($seconds) {
		is $t->wait_log({ msg => 'connection ended' }, 10)->{end}, 'closed_window_deadline', 'closed_window does';
		cmp_ok time - $began, '>=', 1.5, 'in its own time';
	} else {
		sleep 1.5;
		my ($bytes, $how) = read_all($s, 20);
		is length $bytes, 200_000, 'a client that comes back gets everything';
		is $how, 'eof', 'and the goodbye';
		is $t->wait_log({ msg => 'connection ended' })->{end}, 'client_closed', 'an ordinary end';
	}
	is $t->stop, 0, 'it ends in order';
}
done_testing;
