#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# What goes wrong with orders: a CA that never answers, one that has been asked
# too often, a librarian that is killed in the middle, a full disk. Each is one
# failed order with its next try, service goes on, and no process is left.
use strict;
use warnings;
use IO::Socket::INET;
use IO::Socket::SSL;
use POSIX qw(_exit);
use Test::More;

use TLSward qw(wait_for address free_port pace);
use TLSward::Acme qw(can_order);
use TLSward::Backend;
use TLSward::Client qw(s_client tls_connect http_get send_all);

my $why = can_order();
plan skip_all => $why if $why;

my $backend = TLSward::Backend->new('http');
my $t = TLSward->new(hosts => ['one.example.test'], backends => [ { servers => [ $backend->server ] } ]);
my $ca = TLSward::Acme->new(certs => $t->{certs}, tls => $t->{port});
mkdir $t->in_directory('state');
chmod 0755, $t->in_directory('state');
TLSward::Certs::write_file($t->in_directory('bundle.pem'), TLSward::Certs::slurp($t->{ca}));
chmod 0644, $t->in_directory('bundle.pem');
$t->mounts('mount --bind DIR/bundle.pem /etc/ssl/certs/ca-certificates.crt', 'mount -t tmpfs -o size=1m,mode=755 tmpfs DIR/state');

my $timeout = 2 * pace();
my %acme = (names => ['new.example.test'], timeout => $timeout);
sub uses { my ($url, %more) = @_; $t->{conf}{acme} = { %acme, directory => $url, %more }; $t->write_conf; return }
sub host { my ($name) = @_; return $t->ctl_json('host', $name // 'new.example.test') }
sub failures { my $o = host()->{order}; return $o ? $o->{failures} : 0 }
sub serves { my $s = tls_connect($t, sni => 'one.example.test'); my $a = $s && http_get($s, 'one.example.test', '/'); return $a && $a->{status} == 200 }

# The processes of uacme that speak with that CA.
sub uacmes {
	my ($url) = @_;
	return grep { (eval { TLSward::Certs::slurp("/proc/$_/cmdline") } // '') =~ /^uacme\0.*\Q$url\E/s } map { m{(\d+)} } glob '/proc/[0-9]*';
}

# A CA that accepts and never says a word.
my $silent = IO::Socket::INET->new(LocalAddr => address(), LocalPort => free_port(), Listen => 64) or die "listen: $!\n";
my $hangs = 'https://' . address() . ':' . $silent->sockport . '/dir';
uses($hangs);
# From before it is ready, for the order may be over by then.
$t->launch;
wait_for(sub { uacmes($hangs) }, 20, 'uacme runs');
$t->wait_log({ who => 'tlsward', msg => 'ready' }, 20);
ok serves(), 'while it runs others are served';
my $line = $t->wait_log({ msg => 'a certificate could not be ordered' }, 20);
is $line->{error}, "it was not done within $timeout s", 'an order that hangs is ended by its deadline';
cmp_ok $line->{next_try_s}, '>=', 45, 'and tried again later';
wait_for(sub { !uacmes($hangs) }, 5, 'uacme is gone');
pass 'uacme is gone';

# The librarian dies in the middle of an order.
$t->{conf}{acme}{timeout} = 60;
$t->write_conf;
$t->ctl('reload');
my $mark = $t->mark;
$t->ctl('fetch', 'new.example.test');
my ($uacme) = wait_for(sub { uacmes($hangs) }, 20, 'uacme runs');
my $librarian = $t->pid('librarian');
kill KILL => $librarian;
wait_for(sub { !uacmes($hangs) }, 5, 'uacme goes with the librarian');
pass 'uacme goes with the librarian';
wait_for(sub { my $pid = $t->pid('librarian'); $pid && $pid != $librarian && host()->{order} }, 20, 'there is another librarian');
is failures(), 2, 'the order that it had begun counts as failed';
cmp_ok host()->{order}{next_in}, '>', 60, 'and is not begun again at once';
ok !uacmes($hangs), 'nobody has';
ok serves(), 'service goes on';

# A CA that has been asked too often.
my $own = $t->{certs}->make(name => 'limits', names => [ 'limits.example.test', address() ]);
my $port = free_port();
my $limits = 'https://' . address() . ":$port";
sub answer {
	my ($s) = @_;
	my ($bytes, $status, $body) = ('', '200 OK', '');
	sysread $s, $bytes, 16384;
	$body = '{' . join(',', map { "\"$_\":\"$limits/$_\"" } qw(newNonce newAccount newOrder revokeCert keyChange)) . '}' if $bytes =~ m{^GET /dir};
	$status = '204 No Content' if $bytes =~ m{^GET /newNonce};
	($status, $body) = ('429 Too Many Requests', '{"type":"urn:ietf:params:acme:error:rateLimited","detail":"too many orders","status":429}')
		if $bytes =~ /^POST/;
	send_all($s, "HTTP/1.1 $status\r\nReplay-Nonce: AAAAAAAAAAAAAAAAAAAAAA\r\nContent-Type: application/" . ($status =~ /^4/ ? "problem+json" : "json") . "\r\n"
		. 'Content-Length: ' . length($body) . "\r\nConnection: close\r\n\r\n$body");
	return close $s;
}
my $child = fork // die "fork: $!\n";
if (!$child) {
	my $l = IO::Socket::SSL->new(LocalAddr => address(), LocalPort => $port, Listen => 16, ReuseAddr => 1,
		SSL_cert_file => $own->{chain}, SSL_key_file => $own->{key}) or _exit(1);
	while (1) { my $s = $l->accept or next; answer($s) }
}
wait_for(sub { IO::Socket::INET->new(PeerAddr => address(), PeerPort => $port) }, 10, 'it listens');
uses("$limits/dir", timeout => 20);
$t->ctl('reload');
$mark = $t->mark;
$t->ctl('fetch', 'new.example.test');
$line = $t->wait_log({ msg => 'a certificate could not be ordered' }, 20, $mark);
like $line->{error}, qr/too many orders/, 'a rate limit is told in the words of the CA';
cmp_ok $line->{next_try_s}, '>=', 3600, 'and waited out for an hour at least';
kill KILL => $child;
waitpid $child, 0;

# The disk is full, for the key and for everything.
my $disk = '/proc/' . $t->pid('librarian') . '/root' . $t->in_directory('state');
sub fill {
	open my $f, '>', "$disk/filler" or die "$disk/filler: $!\n";
	1 while syswrite $f, 'x' x 4096;
	1 while syswrite $f, 'x';
	return close $f;
}
fill();
uses($ca->url, names => [qw(new.example.test full.example.test)], timeout => 30);
my ($exit) = $t->ctl('reload');
is $exit, 0, 'a reload succeeds on a full disk';
$line = $t->wait_log({ msg => 'a certificate could not be ordered', name => 'full.example.test' }, 20);
like $line->{error}, qr/private key.*No space left/, 'without room for its key nothing is ordered';
ok serves(), 'service goes on';
my ($half) = grep { -s $_ } glob "$disk/keys/full*";
is $half, undef, 'there is no half key';
unlink "$disk/filler";
$t->ctl('fetch');
my %by_ca = (%$t, ca => $ca->root);
for my $name (qw(full.example.test new.example.test)) {
	wait_for(sub { my (undef, $out) = s_client(\%by_ca, $name); $out =~ /issuer=CN = Pebble.*Verify return code: 0 /s }, 30, "$name has a certificate");
	pass "$name gets its certificate when there is room again";
	is host($name)->{order}, undef, 'and nothing is told of failures any more';
}

is $t->stop, 0, 'it ends in order';

done_testing;
