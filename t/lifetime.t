#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# lifetime ends a connection however much moves on it, set by the configuration
# or, like all deadlines but hello and drain, by a script; 0 is none.
use strict;
use warnings;
use File::Temp ();
use Test::More;
use Time::HiRes qw(sleep time);

use TLSward qw(wait_for slow pace);
use TLSward::Backend;
use TLSward::Certs;
use TLSward::Client qw(tls_connect http_get read_all canary);

my $host = 'one.example.test';
my %seconds = (all => 4 * pace(), listener => 2 * pace(), script => 3 * pace());
my $scripts = File::Temp::tempdir(CLEANUP => 1);
chmod 0755, $scripts;
TLSward::Certs::write_file("$scripts/timeouts.lua", <<"END");
return { name = "timeouts", api = 1, timeouts = function(hello)
  if hello.listener == "script" then
    return { handshake = 3, connect = 2, idle = 0, progress = 2, closed_window = 0, half_close = 7, linger = 1, lifetime = $seconds{script} }
  elseif hello.listener == "none" then
    return { lifetime = 0, idle = 1800 }
  end
end }
END
my $backend = TLSward::Backend->new('http');
my $t = TLSward->new(hosts => [$host], backends => [ { servers => [ $backend->server ] } ],
	listeners => [ { name => 'all' }, { name => 'listener', timeouts => { lifetime => $seconds{listener} } }, { name => 'script' }, { name => 'none' } ],
	conf => { workers => 2, timeouts => { lifetime => $seconds{all} }, policy => { scripts => $scripts } })->start;
my $canary = canary($t);

sub next_of {
	my ($listener, $deadline) = @_;
	return wait_for(sub { (grep { ($_->{deadline} // '') eq $deadline } @{ $t->ctl_json('connections', '--listener', $listener)->{connections} })[0] }, 5, "$deadline on $listener");
}
my %s = map {
	my $began = time;
	my $s = tls_connect($t, sni => $host, listener => $_);
	($_ => { s => $s, began => $began, shown => next_of($_, 'lifetime') })
} sort keys %seconds;
$s{none} = { s => tls_connect($t, sni => $host, listener => 'none'), began => time };
wait_for(sub {
	for my $c (values %s) {
		next if $c->{ended};
		http_get($c->{s}, $host, '/bytes/1000') ? $c->{requests}++ : ($c->{ended} = time - $c->{began});
	}
	$s{none}{shown} //= next_of('none', 'progress');
	return !grep { !$s{$_}{ended} } keys %seconds;
}, 10 * pace(), 'the end of those that have a lifetime');
for my $name (sort keys %seconds) {
	my $line = $t->wait_log({ msg => 'connection ended', listener => $name, end => qr/deadline/ }, 5);
	my $c = $s{$name};
	is $line->{end}, 'lifetime_deadline', "$name: a connection on which bytes move ends ($c->{requests} requests)";
	is $line->{alert_sent}, 80, "$name: by an alert, which is no goodbye";
	cmp_ok $c->{shown}{deadline_in_ms}, '<=', 1000 * $seconds{$name}, "$name: that it would could be seen, and when";
	cmp_ok $c->{ended}, '>=', $seconds{$name} - 0.01, "$name: not before $seconds{$name} s";
	cmp_ok $c->{ended}, '<=', 1.25 * $seconds{$name} + slow(), "$name: and soon after: $c->{ended} s";
}
ok !$s{none}{ended}, 'one with lifetime 0 goes on';
cmp_ok $s{none}{shown}{deadline_in_ms}, '<=', 30_000, 'while an answer may wait for its client, progress is next, within its time';
$canary->unharmed;
$_->{s}->close for values %s;
is $t->stop, 0, 'it ends in order';
done_testing;
