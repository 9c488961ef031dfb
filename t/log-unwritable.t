#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# A log that cannot be written holds nobody, neither while it serves nor when it
# stops: lines are dropped, counted, and told of once the log takes them again.
use strict;
use warnings;
use Fcntl qw(O_RDONLY O_NONBLOCK);
use POSIX qw(mkfifo);
use Test::More;

use TLSward qw(wait_for);
use TLSward::Backend;
use TLSward::Certs;
use TLSward::Client qw(tls_connect tcp_connect http_get send_all client_hello);

my $F_SETPIPE_SZ = 1031;
my $host = 'one.example.test';
my $backend = TLSward::Backend->new('http');
my $long_name = client_hello(sni => join '.', ('x' x 60) x 4);

sub tlsward {
	my ($to) = @_;
	return TLSward->new(hosts => [$host], backends => [ { servers => [ $backend->server ] } ],
		conf => { log => { level => 'info', to => $to } });
}

sub works {
	my ($t) = @_;
	my $s = tls_connect($t, sni => $host) or return 0;
	return !!http_get($s, $host, '/');
}

# Each is a line of some hundred bytes.
sub make_lines {
	my ($t, $n) = @_;
	for (1 .. $n) {
		my $s = tcp_connect($t);
		send_all($s, $long_name);
		$s->close;
	}
	return;
}

# By workers, and by the logger.
sub dropped {
	my ($t) = @_;
	my $s = $t->ctl_json('status');
	return ($s->{counters}{log_lines_dropped}, $s->{processes}{logger}{counters}{log_lines_dropped} // 0);
}

# With a pipe for its stderr, which is returned.
sub launch_with_pipe {
	my ($t, $size) = @_;
	my $fifo = $t->in_directory('fifo');
	mkfifo($fifo, 0600) or die "$fifo: $!";
	sysopen my $reader, $fifo, O_RDONLY | O_NONBLOCK or die "$fifo: $!";
	fcntl $reader, $F_SETPIPE_SZ, $size or die "F_SETPIPE_SZ: $!";
	$t->{wrapper} = [ 'sh', '-c', 'exec "$@" 2>"$0"', $fifo ];
	$t->launch;
	$t->wait_ready;
	return $reader;
}

my $t = tlsward('stderr');
my $reader = launch_with_pipe($t, 65536);
wait_for(sub { make_lines($t, 500); (dropped($t))[0] }, 60, 'dropped lines');
pass 'what does not fit into a pipe that nobody reads is dropped and counted';
is scalar(grep { works($t) } 1 .. 20), 20, 'while everyone is served';
my $text = '';
sub more { 1 while sysread $reader, $text, 65536, length $text; return }
sub told { my $n = 0; $n += $1 while $text =~ /^ts.* dropped=(\d+)$/mg; return $n }
# A worker tells of the gap with the next line that it has.
wait_for(sub { more(); make_lines($t, 2); told() && told() == (dropped($t))[0] }, 30, 'lines that say how many are missing');
pass 'once somebody reads, lines say how many are missing: all that status counts';
is_deeply [ grep { !/^ts=\S+Z level=\w+ who=/ } split /\n/, $text =~ s/[^\n]*\z//r ], [], 'no line is damaged';
$t->remember;
kill TERM => $t->{pid};
wait_for(sub { more(); !$t->running }, 10, 'its end');
is $t->{status}, 0, 'it ends in order';

$t = tlsward('stderr');
$reader = launch_with_pipe($t, 4096);
make_lines($t, 20);
is $t->stop(10), 0, 'it ends in order though nobody reads its stderr';

$t = tlsward('disk/log');
SKIP: {
	skip 'NOT TESTED, a full disk: needs root and mount namespaces', 1
		if !$t->mounts('mkdir DIR/disk', 'mount -t tmpfs -o size=32k,mode=0755 none DIR/disk');
	$t->launch;
	$t->wait_ready;
	wait_for(sub { make_lines($t, 50); (dropped($t))[1] }, 30, 'lost lines');
	pass 'lines that a full disk does not take are counted by the logger';
	ok works($t), 'while it serves';
	my $file = "/proc/$t->{pid}/root$t->{dir}/disk/log";
	truncate $file, 0 or die "$file: $!";
	my $line = wait_for(sub { (grep { / lost=\d+$/ } split /\n/, TLSward::Certs::slurp($file))[0] }, 10, 'a line that says how many');
	like $line, qr/ lost=[1-9]/, 'once there is room, a line says how many are missing';
	make_lines($t, 1);
	wait_for(sub { TLSward::Certs::slurp($file) =~ /connection ended/ }, 5, 'lines again');
	is $t->stop, 0, 'it ends in order';
}
done_testing;
