#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# Staples are fetched ahead, verified, renewed in time, kept on disk and served
# with the certificate; whatever a responder does, no handshake waits for it.
use strict;
use warnings;
use POSIX ();
use Test::More;
use Time::HiRes qw(time);

use TLSward qw(wait_for free_port program);
use TLSward::Backend;
use TLSward::Client qw(s_client);
use TLSward::Responder;

my $backend = TLSward::Backend->new('http');
my $t = TLSward->new(
	hosts => [],
	backends => [ { servers => [ $backend->server ] } ],
	conf => { chains => { sources => [qw(file store)], store => 'store' }, aia => { private_addresses => \1 }, ocsp => { timeout => 5 } },	# a busy machine makes an answer in more than one
);
my $certs = $t->{certs};
my $r = TLSward::Responder->new(certs => $certs, ca => 'intermediate');
$certs->responder('delegate', ca => 'intermediate');
$certs->responder('unfit', ca => 'intermediate', unfit => 1);
$certs->responder('stranger', ca => 'ca');
mkdir $t->in_directory('store');
TLSward::Certs::write_file($t->in_directory('store/ca.pem'), TLSward::Certs::slurp($certs->ca));

my %refused = (
	wrong => qr/not signed by the issuer/, unfit => qr/not for that \(id-kp-OCSPSigning\)/, other => qr/about another certificate/,
	junk => qr/is no OCSP response/, later => qr/is to be tried later/, big => qr/more than 65536 bytes/,
	hang => qr/no whole answer within 5000 ms/, gone => qr/HTTP status 404/, musty => qr/HTTP status 404/, down => qr/connect/i,
);
my @good = qw(good direct renewed fading);
my %cert = map { $_ => $certs->make(name => "leaf-$_", names => ["$_.example.test"], responder => $r->url($_)) } @good, keys %refused, 'revoked';
$cert{down} = $certs->make(name => 'leaf-nobody', names => ['nobody.example.test'], responder => 'http://127.0.0.1:' . free_port() . '/');
$cert{musty} = $certs->make(name => 'leaf-must', names => ['must.example.test'], responder => $r->url('musty'), must => 1);
$cert{unnamed} = $certs->make(name => 'leaf-unnamed', names => ['unnamed.example.test'], must => 1);
$cert{plain} = $certs->make(name => 'leaf-plain', names => ['plain.example.test']);
sub leaf { my ($name) = @_; return $cert{$name}{leaf} }
sub host { my ($name) = @_; return $cert{$name}{names}[0] }

my $http = "HTTP/1.1 200 OK\r\n\r\n";
$r->answer($_, cert => leaf($_), signer => 'delegate') for qw(good renewed fading);
$r->answer('direct', cert => leaf('direct'), signer => 'intermediate');
$r->answer('wrong', cert => leaf('wrong'), signer => 'stranger');
$r->answer('unfit', cert => leaf('unfit'), signer => 'unfit');
$r->answer('revoked', cert => leaf('revoked'), signer => 'delegate', status => 'R');
$r->answer('junk', answer => "${http}no response");
$r->answer('later', answer => "${http}0\003\n\001\003");
$r->answer('big', answer => $http . 'x' x 200_000);
$r->answer('hang', hang => 1);

# An answer that is good for another certificate.
sub kept {
	my ($name, $cert, @valid) = @_;
	my ($d, $file) = ($certs->{dir}, $t->in_directory("$name.der"));
	$r->answer($name, cert => $cert, signer => 'delegate');
	TLSward::Certs::run_openssl('ocsp', -index => "$r->{dir}/$name.index", -CA => "$d/intermediate.pem", -rsigner => "$d/delegate.pem",
		-rkey => "$d/delegate.key", -issuer => "$d/intermediate.pem", -cert => $cert, '-no_nonce', '-respout' => $file, @valid);
	return $r->answer($name, answer => $http . TLSward::Certs::slurp($file));
}
kept('other', leaf('good'), qw(-ndays 4));

$t->{conf}{certificates} = [ map { { chain => $cert{$_}{chain}, key => $cert{$_}{key} } } sort keys %cert ];
$t->write_conf->start;
my $events = $t->in_directory('events');
my $follower = fork // die "fork: $!\n";
if (!$follower) {
	open STDOUT, '>', $events or POSIX::_exit(1);
	exec program('tlswardctl'), '-s', $t->{conf}{control}{socket}, 'events', '--json' or POSIX::_exit(1);
}

# What a client is brought: "" or until when it is good.
sub stapled {
	my ($name) = @_;
	my ($status, $out) = s_client($t, host($name), '-status');
	return $out if $out !~ /BEGIN CERTIFICATE/;
	return '' if $out =~ /OCSP response: no response sent/;
	return $out =~ /Cert Status: good.*?This Update: ([^\n]*).*Verify return code: 0 /s ? $1 : $out;
}
sub staple { my ($name) = @_; return $t->ctl_json('host', host($name))->{certificates}[0]{staple} }
sub state_of { my ($name) = @_; return (staple($name) // { state => 'none' })->{state} }
sub wait_state { my ($name, $state, $s) = @_; wait_for(sub { state_of($name) eq $state }, $s // 10, "$name is $state") }

my %first;
for my $name (@good) {
	wait_for(sub { $first{$name} = stapled($name) }, 10, "$name has a staple");
}
like $first{$_}, qr/^\w+ +\d+ \d\d:\d\d:\d\d/, "$_: a staple that says good is on the wire" for @good;
my $tells = staple('good');
is $tells->{url}, $r->url('good'), 'host tells whose it is';
cmp_ok $tells->{next_update} - $tells->{this_update}, '==', 4 * 86400, 'and its time';
cmp_ok abs($tells->{next_in} - 1.875 * 86400), '<=', 0.13 * 86400, 'and that it is renewed when half of that is over';
is staple('plain'), undef, 'a certificate that names no responder wants none';
is stapled('plain'), '', 'and gets none';

for my $name (sort keys %refused) {
	my $line = $t->wait_log({ level => 'warning', msg => 'a staple could not be fetched', name => host($name) }, 15);
	like $line->{error}, $refused{$name}, "$name: a warning tells why";
	is $line->{url}, staple($name)->{url}, 'and names the URL';
	like staple($name)->{error}, $refused{$name}, 'host tells it, too';
	cmp_ok staple($name)->{next}, '>', time, 'and when the next try is';
	wait_state($name, 'missing');
	is stapled($name), '', 'there is none, and none is served';
}

# Revoked, and what must have a staple.
my $line = $t->wait_log({ level => 'error', msg => qr/has been revoked/ });
is $line->{name}, host('revoked'), 'a revoked certificate is told of loudly';
wait_state('revoked', 'revoked');
is stapled('revoked'), '', 'it is served without a staple';
for my $name (qw(musty unnamed)) {
	ok $t->wait_log({ level => 'warning', msg => qr/that must have one/, name => host($name) }), "$name: that clients may refuse it is told";
	is stapled($name), '', 'and it is served all the same';
	ok staple($name)->{must}, 'host tells that it must have one';
}
like staple('unnamed')->{error}, qr/names no responder/, 'and what is in the way';
my ($exit, $out) = $t->ctl('chains');
like $out, qr/^unnamed\.example\.test\s+complete .*missing \(must\) \(the certificate names no responder/m, 'chains shows it';
like $out, qr/^junk\.example\.test\s.*missing \(the answer is no OCSP response; next try in \d+ s\)/m, 'and what fails';
like $out, qr/^good\.example\.test\s.*good until \d{4}-\d\d-\d\d \d\d:\d\d$/m, 'and what is good';
wait_state('unnamed', 'missing');
my $status = $t->ctl_json('status');
is $status->{staples}{revoked}, 1, 'status counts those that are revoked';
is $status->{staples}{missing}, 11, 'and those that are missing';
cmp_ok $status->{counters}{staples_missing}, '>=', 2, 'and handshakes without a staple that must be';
($exit, $out) = $t->ctl('metrics');
like $out, qr/^tlsward_staples\{state="missing"\} 11$/m, 'and so do the metrics';
($exit, $out) = $t->ctl('status');
like $out, qr/^staples +good 4 missing 11 revoked 1$/m, 'a person sees it';

# Past the wait.
$r->answer('musty', cert => leaf('musty'), signer => 'delegate');
is_deeply $t->ctl_json('fetch', host('musty'))->{staples}, [ $r->url('musty') ], 'fetch asks for a staple now';
wait_for(sub { stapled('musty') }, 10, 'it has come');
pass 'which is served without a reload';
$r->answer('gone', cert => leaf('gone'), signer => 'delegate');
$t->ctl('fetch', $r->url('gone'));
wait_state('gone', 'good');
pass 'and so does fetch with the URL of a responder';

# Off by a reload, and on again.
my $asked = $r->asked('good');
$t->{conf}{ocsp}{staple} = \0;
$t->write_conf;
($exit, $out) = $t->ctl('reload');
is $exit, 0, 'a reload';
is stapled('good'), '', 'switched off, nothing is stapled';
wait_for(sub { state_of('musty') eq 'missing' }, 5, 'what must have one is told of');
like staple('musty')->{error}, qr/ocsp\.staple is off/, 'and what must be says why it is not';
$t->{conf}{ocsp}{staple} = \1;
$t->write_conf;
$t->ctl('reload');
is stapled('good'), $first{good}, 'switched on again, it is the same';
is $r->asked('good'), $asked, 'and nobody was asked';

# The librarian dies: another one goes on from what is in force and what is kept.
my $pid = $t->pid('librarian');
kill KILL => $pid;
wait_for(sub { my $new = $t->pid('librarian'); $new && $new != $pid && $t->ctl_json('status')->{staples}{good} >= 4 }, 10, 'a new librarian');
is stapled('good'), $first{good}, 'after the end of the librarian a staple is served on';
is $r->asked('good'), $asked, 'and not asked for anew';

# Renewed before it runs out; without a responder it serves to its end and no longer.
# Two that last a minute from now on.
my $mark = $t->mark;
for my $name (qw(fading renewed)) {
	$r->answer($name, cert => leaf($name), signer => 'delegate', valid => [qw(-nmin 1)]);
	$t->ctl('fetch', host($name));
	wait_for(sub { my $s = staple($name); $s->{next_update} - $s->{this_update} == 60 }, 10, "$name has a minute");
	$r->answer($name, answer => "HTTP/1.1 500 Trouble\r\nContent-Length: 0\r\n\r\n") if $name eq 'fading';
	$first{$name} = wait_for(sub { my $now = stapled($name); $now && $now ne $first{$name} && $now }, 10, "$name is served");
}
my $end = staple('fading')->{next_update};
sub served_to_its_end { my ($what) = @_; return ok stapled('fading') eq $first{fading} || time >= $end, $what }
wait_for(sub { 2 == (() = $t->find_log({ msg => 'a staple was fetched', name => host('renewed') }, $mark)) }, 45, 'another staple');
wait_for(sub { my $now = stapled('renewed'); $now && $now ne $first{renewed} }, 10, 'that is served');
my ($came, $again) = map { TLSward::log_time($_) } $t->find_log({ msg => 'a staple was fetched', name => host('renewed') }, $mark);
cmp_ok $again - $came, '<', 45, 'a staple is renewed before it runs out';
served_to_its_end('one whose responder is in trouble serves on');
$line = $t->wait_log({ level => 'warning', msg => 'a staple is running out', name => host('fading') }, 40);
like $line->{error}, qr/HTTP status 500/, 'a warning says that it runs out, and why';
ok wait_for(sub { TLSward::Certs::slurp($events) =~ /"event": ?"staple".*fading\.example\.test.*running_out|running_out.*fading\.example\.test/ }, 5, 'an event'),
	'and so does an event';
served_to_its_end('it is still served');
wait_for(sub { stapled('fading') eq '' }, 40, 'no staple any more');
cmp_ok time, '>=', $end, 'until its time is over';
ok $t->wait_log({ level => 'warning', msg => 'there is no staple for a certificate', name => host('fading') }), 'which is told';

# From disk.
my ($file) = grep { TLSward::Certs::slurp($_) =~ m{^url: \S+/direct$}m } glob $t->in_directory('state/cache/ocsp-*.pem');
like TLSward::Certs::slurp($file), qr/^kind: ocsp\n.*^fetched: .*BEGIN OCSP RESPONSE/ms, 'it is kept where a person can read it';
kill TERM => $follower;
waitpid $follower, 0;
$t->stop;
my ($spoilt) = grep { TLSward::Certs::slurp($_) =~ m{^url: \S+/good$}m } glob $t->in_directory('state/cache/ocsp-*.pem');
TLSward::Certs::write_file($spoilt, "rubbish\n");
my %before = map { $_ => $r->asked($_) } qw(direct musty);
$t->start;
is stapled('direct'), $first{direct}, 'after a restart it is served at once';
wait_for(sub { stapled('good') }, 10, 'a staple whose file was damaged');
ok -e "$spoilt.damaged", 'what is damaged is set aside and fetched anew';
ok wait_for(sub { staple('junk')->{failures} }, 10, 'what is told of failures'), 'failures are remembered';
is $r->asked($_), $before{$_}, "$_ is not asked for again" for sort keys %before;
$t->stop;

# Nothing near is asked unless that is allowed.
delete $t->{conf}{aia};
unlink glob $t->in_directory('state/cache/ocsp-*.pem');
$asked = $r->asked('good');
$t->write_conf->start;
$line = $t->wait_log({ level => 'warning', msg => 'a staple could not be fetched', name => host('good'), error => qr/not public/ });
like $line->{error}, qr/aia\.private_addresses/, 'a private address is refused by default';
is $r->asked('good'), $asked, 'and not asked';

done_testing;
