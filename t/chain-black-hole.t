#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# The URL of a missing link leads to an address that drops everything: no
# handshake waits for it, and the worker talks to nobody but the backend. When
# the address answers again the chain is complete at the next try.
use strict;
use warnings;
use Test::More;

use TLSward::Network qw(network_or_skip);
BEGIN { network_or_skip() }

use POSIX qw(_exit);
use Time::HiRes qw(time);
use TLSward qw(wait_for run_command pace);
use TLSward::Backend;
use TLSward::Client qw(tls_connect s_client send_all);

my $N = 20;
my $deadline = 6 * pace();
my $net = TLSward::Network->new;
my $backend = TLSward::Backend->new('http');
my $t = TLSward->new(hosts => [], listeners => [ { address => $net->{ours} } ], backends => [ { servers => [ $backend->server ] } ],
	conf => { workers => 1, chains => { store => 'store' }, aia => { timeout => $deadline, private_addresses => \1 } });
my $certs = $t->{certs};
$certs->authority('far', ca => 'ca');
run_command('openssl', 'x509', '-in', "$certs->{dir}/far.pem", '-outform', 'DER', '-out', my $der = $t->in_directory('far.der'));
my $server = $net->over_there(sub {
	TLSward::Backend->new(sub {
		my ($s) = @_;
		sysread $s, my $bytes, 65536;
		return { sent => send_all($s, "HTTP/1.1 200 OK\r\n\r\n" . TLSward::Certs::slurp($der)) };
	}, address => $net->{theirs});
});
my $url = 'http://' . $server->server . '/far';
my %cert = (lone => $certs->make(name => 'lone', names => ['lone.example.test'], ca => 'far', with => [], url => $url),
	whole => $certs->make(name => 'whole', names => ['whole.example.test'], ca => 'far', with => ['far']));
$t->{conf}{certificates} = [ map { { chain => $cert{$_}{chain}, key => $cert{$_}{key} } } sort keys %cert ];
mkdir $t->in_directory('store');
TLSward::Certs::write_file($t->in_directory('store/ca.pem'), TLSward::Certs::slurp($certs->ca));

$net->silence;
$t->write_conf->start;
my ($worker) = $t->pids('worker');
my $fetch = sub { $t->ctl_json('host', 'lone.example.test')->{certificates}[0]{fetch} };

# The system calls of the worker while N clients come, each counted; undef without strace.
sub calls {
	my ($name) = @_;
	my $file = $t->in_directory("strace.$name");
	my $connect = sub { tls_connect($t, sni => "$name.example.test", verify => 0, timeout => 3 * $deadline) // die "no handshake\n" };
	$connect->();		# so that nothing is done for the first time
	my $pid = fork // die "fork: $!\n";
	if (!$pid) {
		open STDERR, '>', "$file.said";
		exec 'strace', '-p', $worker, '-o', $file or _exit(127);
	}
	my $said = '';
	wait_for(sub { -e "$file.said" or return; $said = TLSward::Certs::slurp("$file.said"); $said =~ /attached|not|denied/ }, 10, 'strace');
	my $longest = 0;
	for (1 .. $N) {
		my $begun = time;
		my $s = $connect->();
		$longest = time - $begun if time - $begun > $longest;
		close $s;
	}
	kill INT => $pid;
	waitpid $pid, 0;
	return ($longest, undef) if $said !~ /attached/;
	my @lines = split /\n/, TLSward::Certs::slurp($file);
	return ($longest, { map { /^(\w+)\(/ ? ($1 => 1) : () } @lines }, [ grep { /^(?:connect|socket|open|sendto\(.*sin_)/ } @lines ]);
}

wait_for(sub { ($fetch->() // {})->{running} }, 10, 'the fetch');
my ($longest, $lone, $connects) = calls('lone');
ok $fetch->()->{running}, 'while the fetch hangs';
cmp_ok $longest, '<', $deadline / 10, "no handshake takes a tenth of its deadline ($longest s)";
my (undef, $whole) = calls('whole');
SKIP: {
	skip 'NOT TESTED, system calls: strace cannot attach', 3 if !$lone || !$whole;
	# Waiting for the signer and for memory is chance in both; for what is rare, more clients come.
	my $more = sub { return grep { !$whole->{$_} && !/^(?:poll|futex|restart_syscall|brk|mmap|munmap|madvise|mremap)$/ } sort keys %$lone };
	for (1 .. 5) {
		$whole = { %$whole, %{ (calls('whole'))[1] // {} } } if $more->();
	}
	is_deeply [ $more->() ], [],
		'the worker makes no system call that a complete chain does not cost';
	my ($host, $port) = split /:/, $backend->server;
	is_deeply [ grep { /^connect/ && !/htons\($port\).*\Q$host\E/ } @$connects ], [], 'connects to nobody but the backend';
	is_deeply [ grep { /^open/ || (/^socket/ && !/^socket\(AF_INET, SOCK_STREAM/) } @$connects ], [], 'opens no file and no other socket';
}
my $line = $t->wait_log({ level => 'warning', msg => qr/could not be fetched/, url => $url }, 2 * $deadline);
like $line->{error}, qr/no whole answer within/, 'a warning names the URL, and why';

$net->sound;
$t->ctl('fetch', $url);
wait_for(sub { (s_client($t, 'lone.example.test'))[1] =~ /Verify return code: 0 / }, 10, 'the chain is complete');
is $fetch->(), undef, 'when it answers, the chain is complete, without a reload';
$net->silence;
$t->stop;
$t->start;
like +(s_client($t, 'lone.example.test'))[1], qr/Verify return code: 0 /, 'and after a restart, with nobody there to fetch it from';
is scalar($server->records('begin')), 1, 'it was fetched once';

done_testing;
