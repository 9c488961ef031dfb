#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# Certificates are ordered from a CA by ACME: the challenge is answered by the
# workers, or by a file in a web server's folder; they are served without a
# reload, renewed in time, and served after a restart without an order. Private
# keys are the keeper's alone.
use strict;
use warnings;
use Test::More;

use TLSward qw(wait_for run_command memory_holds pace);
use TLSward::Acme qw(can_order);
use TLSward::Backend;
use TLSward::Client qw(s_client send_all);

my $why = can_order();
plan skip_all => $why if $why;

my $backend = TLSward::Backend->new('http');
my $t = TLSward->new(hosts => ['old.example.test'], backends => [ { servers => [ $backend->server ] } ],
	conf => { policy => { scripts => 'policy.d' }, timeouts => { handshake => 100 } });
mkdir $t->in_directory('policy.d');
TLSward::Certs::write_file($t->in_directory('policy.d/hold.lua'), <<'EOF');
return {
  name = "hold", api = 1,
  allow = function(hello) if hello.sni == "never.example.test" then return false end end,
  chain = function(hello)
    if hello.sni == "held.example.test" then return { "file", incomplete = "hold", wait = 60 } end
  end,
}
EOF

# A web server for http-01, which has nothing but what lies in its folder.
mkdir my $root = $t->in_directory('webroot');
chown 61703, -1, $root;
my $web = TLSward::Backend->new(sub {
	my ($s) = @_;
	sysread $s, my $bytes, 65536;
	my ($path) = $bytes =~ m{^GET (/[\w./-]+) };
	my $file = "$root$path";
	my $body = -f $file ? TLSward::Certs::slurp($file) : '';
	send_all($s, "HTTP/1.1 200 OK\r\nContent-Length: " . length($body) . "\r\nConnection: close\r\n\r\n$body");
	return { path => $path };
});
my ($web_port) = $web->server =~ /:(\d+)$/;

my $ca = TLSward::Acme->new(certs => $t->{certs}, tls => $t->{port}, http => $web_port);
$ca->trusted_by($t);
my %acme = (directory => $ca->url, names => ['new.example.test'], contact => 'hostmaster@example.test');
$t->{conf}{acme} = {%acme};
$t->write_conf->start;
my %by_ca = (%$t, ca => $ca->root);

# (whether a client that knows the CA's root verifies it, its serial number, the links sent)
sub served {
	my ($name) = @_;
	my ($status, $out) = s_client(\%by_ca, $name, '-showcerts');
	my ($leaf) = $out =~ /(-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----)/s;
	my $serial = '';
	if ($leaf) {
		TLSward::Certs::write_file($t->in_directory('leaf.pem'), $leaf);
		(undef, $serial) = run_command(qw(openssl x509 -noout -serial -in), $t->in_directory('leaf.pem'));
	}
	return (!!($leaf && $out =~ /Verify return code: 0 /), $serial, scalar(() = $out =~ /BEGIN CERTIFICATE/g) - 1);
}

# Told of the first answer, for one worker has it before the other.
my ($good, $serial, $links);
wait_for(sub { ($good, $serial, $links) = served('new.example.test'); $good }, 30, 'new.example.test has a certificate');
ok $good, 'a certificate is ordered by tls-alpn-01 and served without a reload';
is $links, 1, 'with the chain that came with it';
my ($line, $mark);
$line = $t->wait_log({ msg => 'a certificate was ordered', name => 'new.example.test' });
is $line->{who}, 'librarian', 'the librarian orders';
my $challenge = $t->wait_log({ msg => 'connection ended', end => 'acme_challenge', sni => 'new.example.test' });
ok $challenge, 'a worker has answered the challenge';
ok !$challenge->{backend}, 'which no backend has seen';
my ($key) = glob $t->in_directory('state/keys/*');
is $key, $t->in_directory('state/keys/new.example.test.key'), 'its key is in keys/';
is sprintf('%o', (stat $key)[2] & 07777), '600', 'which its owner alone may read';
like TLSward::Certs::slurp($key), qr/^-----BEGIN PRIVATE KEY-----\n.*\n-----END PRIVATE KEY-----\n\z/s, 'as PEM';
my ($exit) = run_command('sh', '-c', "grep -rl 'BEGIN.*PRIVATE KEY' '" . $t->in_directory('state/cache/acme') . "' | grep -v /accounts/");
isnt $exit, 0, 'and nowhere in the cache; the key of the account is uacme\'s';
my $file = $t->in_directory('state/cache/acme/certs/new.example.test.pem');
is scalar(() = TLSward::Certs::slurp($file) =~ /BEGIN CERTIFICATE/g), 2, 'the certificate lies in the cache, for a person to read';
is $ca->orders, 1, 'there was one order';
my $of = $t->ctl_json('host', 'new.example.test')->{certificates}[0];
is $of->{source}, 'acme: new.example.test', 'host tells where it comes from';

# Its private number is in no process but the keeper's.
my (undef, $text) = run_command(qw(openssl ec -noout -text -in), $key);
my ($hex) = $text =~ /priv:\s*((?:[0-9a-f]{2}[:\s]*)+)pub:/s;
$hex =~ s/[^0-9a-f]//g;
my $number = substr pack('H*', $hex), -32;
SKIP: {
	skip 'a build with sanitizers maps more memory than can be read', 3 if TLSward::sanitizers();
	is length $number, 32, 'the private number is known to the test';
	is memory_holds($t->pid('librarian'), $number), 0, 'it is not in the librarian';
	is memory_holds($t->pid('worker'), $number), 0, 'nor in a worker';
}

# A client that offers acme-tls/1 without need gets nothing, and reaches nobody.
my (undef, $out) = s_client(\%by_ca, 'new.example.test', -alpn => 'acme-tls/1');
like $out, qr/alert number 112|unrecognized name/, 'without an open challenge acme-tls/1 is refused';

# After a restart it is there at once.
$t->stop;
$t->start;
is_deeply [ served('new.example.test') ], [ !!1, $serial, 1 ], 'after a restart the same certificate is served';
is $ca->orders, 1, 'without an order';

# A keeper that dies has it again; a key that is gone, or a certificate that is damaged, makes a new order.
$mark = $t->mark;
kill KILL => $t->pid('keeper');
# By both workers, each of which has a server of the keeper.
wait_for(sub { 2 == (() = $t->find_log({ msg => qr/^keeper server \d+ signs from now on$/ }, $mark)) }, 20, 'another keeper');
wait_for(sub { (served('new.example.test'))[0] }, 20, 'it is served again');
is_deeply [ served('new.example.test') ], [ !!1, $serial, 1 ], 'after the end of the keeper the same certificate is served';
unlink $key;
$t->ctl('reload');
sub another { my ($name) = @_; return wait_for(sub { my ($fine, $now) = served($name); $fine && $now ne $serial && $now }, 30, 'another certificate comes') }
$serial = another('new.example.test');
pass 'without its key another certificate is ordered';
$t->stop;
TLSward::Certs::write_file($file, substr TLSward::Certs::slurp($file), 0, 300);
$t->start;
$serial = another('new.example.test');
pass 'in the place of a damaged one another is ordered';
ok -e "$file.damaged", 'and the damaged one set aside';
is $ca->orders, 3, 'one order each';

# More names by a reload; and names that are no more.
$t->{conf}{acme}{names} = [qw(second.example.test)];
$t->write_conf;
$t->ctl('reload');
wait_for(sub { (served('second.example.test'))[0] }, 30, 'second.example.test has a certificate');
pass 'a name that a reload brings gets one';
ok !(served('new.example.test'))[0], 'one that it takes away has none any more';
is $ca->orders, 4, 'by one order';

# http-01
$t->{conf}{acme} = { %acme, names => [qw(new.example.test third.example.test)], challenge => 'http-01', webroot => $root };
$t->write_conf;
$t->ctl('reload');
wait_for(sub { (served('third.example.test'))[0] }, 30, 'third.example.test has a certificate');
pass 'a certificate is ordered by http-01';
is_deeply [ glob "$root/.well-known/acme-challenge/*" ], [], 'its file is gone';
is_deeply [ served('new.example.test') ], [ !!1, $serial, 1 ], 'a name that comes back has its certificate still';

# On demand: the client that asks first is held until it is there. What the policy refuses is not ordered.
$t->{conf}{acme} = { %acme, names => [qw(held.example.test never.example.test)], on_demand => \1 };
$t->write_conf;
$t->ctl('reload');
ok +(served('held.example.test'))[0], 'who asks first is held, and served when the order is done';
$mark = $t->mark;
$t->{conf}{acme}{on_demand} = \0;
$t->write_conf;
$t->ctl('reload');
$line = $t->wait_log({ msg => 'a certificate could not be ordered', name => 'never.example.test' }, 20, $mark);
like $line->{error}, qr/the policy does not allow the name \(hold\.lua:3\)/, 'what the policy refuses is not ordered';
ok !-e $t->in_directory('state/keys/never.example.test.key'), 'and gets no key';

# A CA whose certificates last for seconds: they are renewed in time.
my $validity = 18 * (pace() > 2 ? 2 : pace());	# a third of it is the time that an order may take
my $short = TLSward::Acme->new(certs => $t->{certs}, tls => $t->{port}, validity => $validity);
$by_ca{ca} = $short->root;
$t->{conf}{acme} = { %acme, directory => $short->url, names => ['short.example.test'] };
$t->write_conf;
$t->ctl('reload');
wait_for(sub { ($good, $serial) = served('short.example.test'); $good }, 30, 'short.example.test has a certificate');
my $key_before = TLSward::Certs::slurp($t->in_directory('state/keys/short.example.test.key'));
wait_for(sub { my ($fine, $now) = served('short.example.test'); $fine or die "short.example.test is not served\n"; $now ne $serial }, 30, 'it is renewed');
pass 'it is renewed before it ends, and served all the time';
is TLSward::Certs::slurp($t->in_directory('state/keys/short.example.test.key')), $key_before, 'with the same key';

# The CA is gone: a failure that is told, remembered and not tried too soon.
$short->stop;
$line = $t->wait_log({ msg => 'a certificate could not be ordered', name => 'short.example.test' }, 60);
like $line->{error}, qr/\S/, 'without the CA it is not renewed: ' . $line->{error};
cmp_ok $line->{next_try_s}, '>=', 45, 'and tried again later';
$line = $t->wait_log({ msg => 'a certificate ends soon and is not renewed' });
is $line->{name}, 'short.example.test', 'a warning names it';
$mark = $t->mark;
$t->stop;
$t->start;
my $order = wait_for(sub { $t->ctl_json('host', 'short.example.test')->{order} }, 10, 'its order is known');
is $order->{failures}, 1, 'after a restart the failure is remembered';
cmp_ok $order->{next_in}, '>', 10, 'and the time of the next try';
ok !$t->find_log({ msg => 'a certificate could not be ordered' }, $mark), 'before which nothing is tried';
my ($metric) = scalar($t->ctl('metrics')) =~ /^tlsward_certificates_failing\{by="order"\} (\d+)/m;
is $metric, 1, 'metrics count it';

done_testing;
