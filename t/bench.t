#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# The programs of the bench: each mode of bench-load runs against tlsward for a
# moment, and what it, bench-backend and tlsward have counted agrees.
use strict;
use warnings;
use IO::Socket::INET;
use Test::More;

use TLSward qw(run_command program wait_for address);
use TLSward::Bench qw(backend load certs);

my $dir = TLSward::Bench::directory();
my ($ca, $ecdsa) = certs("$dir/certs", name => 'n%u.bench.test', count => 3);
my (undef, $rsa) = certs("$dir/certs", name => 'rsa.bench.test', rsa => 1);
my $backend = backend();
my $t = TLSward->new(certificates => [ { directory => "$dir/certs" } ],
	backends => [ { servers => [ $backend->server ] } ])->start;

sub accepted { return $t->ctl_json('status')->{counters}{accepted} }

# CPU time of ended children.
sub children_s {
	my (undef, undef, $user, $system) = times;
	return $user + $system;
}

# What any run must hold to.
sub adds_up {
	my ($r, $what) = @_;
	is_deeply [ @$r{qw(failed unfinished lost)}, $r->{failures} ], [ 0, 0, 0, {} ], "$what: nothing fails";
	is $r->{done}, $r->{started}, "$what: what was started is done";
	is $r->{latency_us}{count}, $r->{done}, "$what: each has a latency";
	my @l = @{ $r->{latency_us} }{qw(min p50 p90 p99 p999 max)};
	is_deeply \@l, [ sort { $a <=> $b } @l ], "$what: the percentiles are in order";
	return;
}

sub run {
	my ($mode, %o) = @_;
	return load($mode, to => "$t->{address}:$t->{port}", sni => 'n0.bench.test', ca => $ca, count => 20, %o);
}

for my $tls ('1.3', '1.2') {
	for my $sni (qw(n1.bench.test rsa.bench.test)) {
		my $r = run('full', tls => $tls, sni => $sni);
		adds_up($r, "full, TLS $tls, $sni");
		is_deeply [ @$r{qw(done resumed bytes_down bytes_up)} ], [ 20, 0, 20 * 64, 20 * 64 ], 'with a request each';
	}
	my $r = run('resumed', tls => $tls, 'server-closes' => undef);
	adds_up($r, "resumed, TLS $tls");
	is $r->{resumed}, 20, 'and all are resumed';
	$r = run('full', tls => $tls, request => 0, answer => 0);
	adds_up($r, "handshakes only, TLS $tls");
	is $r->{bytes_up} + $r->{bytes_down}, 0, 'move no byte';
}

my $r = run('full', names => 3, sni => 'n%u.bench.test', 'server-closes' => undef);
adds_up($r, 'names by number, which are verified');
$r = run('requests', connections => 5, active => 2, count => 100, answer => 1000);
adds_up($r, 'requests on kept connections');
is_deeply [ @$r{qw(done bytes_down bytes_up)} ], [ 100, 100_000, 6400 ], 'of the sizes asked for';
$r = run('requests', rate => 400, seconds => 0.5, count => 0);
adds_up($r, 'requests at a rate');
ok $r->{done} > 100 && $r->{done} < 320, "are about as many as were planned ($r->{done} of 200)";
$r = run('down', count => 4, connections => 2);
adds_up($r, 'bulk down');
is $r->{bytes_down}, 4 * 16 * 1048576, 'brings all bytes';
$r = run('up', count => 4, connections => 2);
adds_up($r, 'bulk up');
is $r->{bytes_up}, 4 * 16 * 1048576, 'takes all bytes';

# The longest write of a client, by strace(1).
sub longest_write {
	my (%o) = @_;
	my $trace = $t->in_directory('writes');
	# AddressSanitizer cannot look for leaks of what is traced.
	local $ENV{ASAN_OPTIONS} = join ':', $ENV{ASAN_OPTIONS} // (), 'detect_leaks=0';
	local @TLSward::Bench::WRAPPER = (qw(strace -qq -e trace=write -o), $trace);
	adds_up(run('up', count => 1, connections => 1, %o), 'bulk up, traced');
	my @sizes = sort { $a <=> $b } TLSward::Certs::slurp($trace) =~ /^write\(\d+, .*, (\d+)\)/mg;
	return $sizes[-1];
}
cmp_ok longest_write(), '<', 16384 + 256, 'a client sends record by record';
cmp_ok longest_write(gather => 262_144), '>', 200_000, 'or many at once';

$r = run('refused', sni => 'nobody.example.test');
adds_up($r, 'refused names');
is $r->{alerts}, 20, 'are told so by an alert';
$r = run('refused');
is_deeply [ $r->{done}, $r->{failures} ], [ 0, { not_refused => 20 } ], 'a name that is not refused is a failure';
$r = run('full', sni => 'nobody.example.test');
is_deeply [ $r->{done}, $r->{failures} ], [ 0, { alert => 20 } ], 'and so is a refused one elsewhere';

for my $point (qw(connect half-hello hello handshake request)) {
	my $before = accepted();
	adds_up(run('churn', leave => $point), "clients that leave after $point");
	wait_for(sub { accepted() == $before + 20 }, 5, 'all of them were accepted');
	pass 'and all of them came';
}

# The kernel connects; nobody answers.
my $silent = IO::Socket::INET->new(Listen => 5, LocalAddr => address());
my $used = children_s();
$r = load('requests', tls => 'none', to => $silent->sockhost . ':' . $silent->sockport, connections => 2, rate => 1000,
	seconds => 0.1, timeout => 0.5);
ok $r->{failures}{timeout} > 0, 'without an answer, requests time out';
cmp_ok children_s() - $used, '<', 0.25, 'and clients whose connections are all busy sleep meanwhile';

# Those of before have left.
wait_for(sub { $t->ctl_json('status')->{gauges}{connections} == 0 }, 10, 'no connection');
my $idle = TLSward::Bench::load_start('idle', to => "$t->{address}:$t->{port}", sni => 'n0.bench.test',
	connections => 30, seconds => 0.1);
$idle->ready;
is $t->ctl_json('status')->{gauges}{connections}, 30, 'idle connections are held';
is $idle->go->{lost}, 0, 'and none is lost';
$idle->end;
wait_for(sub { $t->ctl_json('status')->{gauges}{connections} == 0 }, 5, 'they are gone');

my $seen = $backend->end;
is_deeply [ @$seen{qw(bad open)} ], [ 0, 0 ], 'the backend understood all requests, and has no connection left';
ok $seen->{bytes_in} > 4 * 16 * 1048576 && $seen->{bytes_out} > 4 * 16 * 1048576, 'and saw the bulk';
is $t->stop, 0, 'tlsward ends in order';
done_testing;
