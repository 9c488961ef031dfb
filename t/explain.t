#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# explain tells what would be decided and where, as a connection then finds it;
# an advisor that hangs or dies delays nobody, and is replaced.
use strict;
use warnings;
use IO::Socket::UNIX;
use JSON::PP ();
use Test::More;
use Time::HiRes qw(sleep time);

use TLSward qw(wait_for slow);
use TLSward::Backend;
use TLSward::Client qw(tls_connect http_get canary);

my $backend = TLSward::Backend->new('http', name => 'app');
my $t = TLSward->new(
	hosts => [qw(lost.example.test two.example.test served.example.test)],
	listeners => [ {}, { name => 'second', default_certificate => 'two.example.test', backend => 'other' } ],
	backends => [ map { { name => $_, servers => [ $backend->server ] } } qw(app other) ],
	conf => { policy => { scripts => 'policy.d' } },
);
mkdir $t->in_directory('policy.d');
TLSward::Certs::write_file($t->in_directory('policy.d/10-door.lua'), <<'EOF');
return { name = "door", api = 1,
  allow = function(hello)
    if hello.sni == "two.example.test" then if hello.peer == "203.0.113.9" then return true end
      return false, "access_denied"
    end
    if hello.sni == "broken.example.test" then error("no idea") end
    if hello.sni == "slow.example.test" then while true do end end
  end,
  timeouts = function(hello) if hello.alpn[1] == "h2" then return { idle = 77 } end end,
  route = function(hello) if hello.sni == "lost.example.test" then return "nowhere" end end,
}
EOF
$t->start;

sub ask { return $t->ctl_json('explain', @_) }

my $e = ask('lost.example.test', '--alpn', 'h2,http/1.1');
ok $e->{allow}{allowed}, 'a name that a certificate covers is allowed without an opinion of scripts';
like $e->{allow}{where}, qr/^configuration: a certificate/, 'by the configuration';
is $e->{timeouts}{seconds}{idle}, 77, 'the script decides upon the timeouts';
like $e->{timeouts}{where}, qr/^10-door\.lua:\d+$/, 'in a line of it';
is $e->{route}{backend}, 'nowhere', 'and the backend';
ok !$e->{route}{known}, 'of which tlsward knows nothing';
like $e->{chain}{where}, qr/^configuration/, 'the chain is left to the configuration';
is $e->{certificate}{file}, $t->{conf}{certificates}[0]{chain}, 'the certificate is told by its file';
is $e->{certificate}{state}, 'valid', 'and its state';
cmp_ok $e->{certificate}{not_after}, '>', time, 'and its end';
is_deeply $e->{problems}, [], 'there are no problems';

$e = ask('two.example.test');
ok !$e->{allow}{allowed}, 'a script refuses by the address';
is $e->{allow}{alert_name}, 'access_denied', 'with an alert';
ok ask('two.example.test', '--from', '203.0.113.9')->{allow}{allowed}, 'and allows from another';
is ask('two.example.test')->{timeouts}{seconds}{idle}, 300, 'the other deadlines are those of the configuration';
$e = ask('three.example.test');
is $e->{allow}{alert_name}, 'unrecognized_name', 'a name without a certificate is not known';
is $e->{certificate}, undef, 'and has none';
$e = ask('-', '--listener', 'second');
ok $e->{allow}{allowed}, 'a listener with a default certificate takes clients without a name';
is $e->{route}{backend}, 'other', 'to its backend';
is $e->{certificate}{file}, $t->{conf}{certificates}[1]{chain}, 'with that certificate';
ok !ask('-')->{allow}{allowed}, 'another does not';
$e = ask('broken.example.test');
is $e->{allow}{alert_name}, 'internal_error', 'an error of a script refuses';
like $e->{problems}[0], qr/^allow: 10-door\.lua:6: .*no idea/, 'and is told with its line';
$e = ask('slow.example.test');
ok !$e->{allow}{allowed}, 'so does an endless loop';
like $e->{problems}[0], qr/has used its/, 'which has used its time';

my ($status, $out) = $t->ctl('explain', 'lost.example.test');
is $status, 0, 'and for people';
like $out, qr/^allow\s+yes\s+\(configuration/m, 'as text';
like $out, qr/^backend\s+nowhere: there is no such backend/m, 'that names what would go wrong';
for my $bad ([ 'explain', 'not a name' ], [ 'explain', 'a', '--from', 'b' ], [ 'explain', 'a', '--listener', 'nope' ],
	[ 'explain', 'a', '--alpn', ',' ]) {
	($status, $out) = $t->ctl(@$bad);
	is $status, 1, "@$bad is an error";
	like $out, qr/^tlswardctl: \S/, 'that is told';
}

# An advisor that hangs.
my $canary = canary($t, sni => 'served.example.test', every => 0.05);
my $advisor = $t->pid('advisor');
kill STOP => $advisor;
my $began = time;
($status, $out) = $t->ctl('explain', 'lost.example.test');
my $took = time - $began;
is $status, 1, 'an advisor that is stopped gives no answer';
like $out, qr/did not answer within 1 s/, 'which is told';
cmp_ok $took, '<', 2.5 * slow(), 'soon';
my $new = wait_for(sub { my $pid = $t->pid('advisor'); $pid && $pid != $advisor && $pid }, 10, 'a new advisor');
wait_for(sub { ($t->ctl('explain', 'two.example.test'))[0] == 0 }, 10, 'it answers');
is ask('two.example.test')->{allow}{alert_name}, 'access_denied', 'the next one knows the policy';
is ask('lost.example.test')->{certificate}{state}, 'valid', 'and the certificates';

# Clients that leave before their answer, and an advisor that dies of it.
kill STOP => $new;
for (1 .. 20) {
	my $c = IO::Socket::UNIX->new(Peer => $t->{conf}{control}{socket}) or die "control socket: $!\n";
	print $c JSON::PP->new->encode({ jsonrpc => '2.0', id => 1, method => 'explain', params => { host => 'lost.example.test' } }), "\n";
	sleep 0.005;
}
($status, $out) = $t->ctl('status');
is $status, 0, 'others are answered meanwhile';
kill KILL => $new;
wait_for(sub { my $pid = $t->pid('advisor'); $pid && $pid != $new && ($t->ctl('explain', 'two.example.test'))[0] == 0 }, 15, 'an answer');
pass 'an advisor that dies is replaced';
my $seen = $canary->stop;
is $seen->{failed}, 0, 'meanwhile clients were served' or diag explain $seen->{errors};
is scalar(() = $t->find_log({ msg => qr/^(killing|a process died)/, role => 'worker' })), 0, 'no worker took notice';
is $t->stop, 0, 'it ends with status 0';
done_testing;
