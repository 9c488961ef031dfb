#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# Evidence under adverse conditions: a witness that dies or hangs, a disk that
# takes nothing, no privileges. Service goes on, and what is missing is named.
use strict;
use warnings;
use JSON::PP ();
use POSIX qw(_exit);
use Test::More;

use TLSward qw(wait_for);
use TLSward::Backend;
use TLSward::Certs;
use TLSward::Client qw(tls_connect http_get);

plan skip_all => 'needs root' if $>;
plan skip_all => 'a build with sanitizers has its own ways' if TLSward::sanitizers();

my $host = 'one.example.test';
my $backend = TLSward::Backend->new('http');
sub tlsward { return TLSward->new(hosts => [$host], backends => [ { servers => [ $backend->server ] } ], conf => { workers => 1 }, @_) }

sub works {
	my ($t) = @_;
	my $s = tls_connect($t, sni => $host, timeout => 3) or return 0;
	return !!http_get($s, $host, '/', 3);
}

# Once a second is enough for everybody who asks.
sub ask {
	my ($t, @command) = @_;
	return wait_for(sub { my $r = eval { $t->ctl_json(@command) }; die $@ if !$r && $@ !~ /once a second/; $r }, 10, "@command");
}

# Asks for a report, and does something to the witness once that is at work. The answer.
sub with_witness {
	my ($t, $signal) = @_;
	my $pid = open(my $out, '-|') // die "fork: $!\n";
	if (!$pid) {
		print JSON::PP->new->encode(ask($t, 'witness', 1));
		close STDOUT;
		_exit(0);
	}
	# It works once a process of its own looks at the worker.
	my $witness = wait_for(sub {
		my @all = grep { $_->{name} eq 'tlsw-witness' } $t->processes;
		my ($main) = grep { $_->{parent} == $t->{pid} } @all;
		return $main && grep({ $_->{parent} == $main->{pid} } @all) && $main->{pid};
	}, 5, 'a witness that works');
	my %s = map { /^(\w+):\s+(.*)$/ ? ($1, $2) : () } split /\n/, TLSward::Certs::slurp("/proc/$witness/status");
	is_deeply [ @s{qw(CapEff CapPrm NoNewPrivs Seccomp)} ], [ (sprintf '%016x', 1 << 19 | 1 << 2) x 2, 1, 2 ],
		'a witness may trace and read, and has a filter';
	kill $signal => $witness;
	my $text = do { local $/; <$out> };
	close $out;
	return JSON::PP->new->decode($text);
}

# ---- a witness that dies, one that hangs
my $t = tlsward()->start;
my $open = tls_connect($t, sni => $host);
my $answer = with_witness($t, 'KILL');
is $answer->{state}, 'written', 'a witness is killed: the report is written all the same';
is $answer->{missing}, 'descriptors, profile, process: the witness died: killed by signal 9 (Killed)', 'and says what is missing';
my $r = $t->ctl_json('incident', 'last');
is $r->{connections}{names}[0]{sni}, $host, 'what the ledger tells is in it';
ok !$r->{profile}, 'what the witness had not told is not';
$answer = with_witness($t, 'STOP');
is $answer->{state}, 'written', 'a witness hangs: the report is written';
like $answer->{missing}, qr/the witness was not done within 5000 ms/, 'without its half';
wait_for(sub { !grep { $_->{name} eq 'tlsw-witness' } $t->processes }, 5, 'the end of the witness');
pass 'and the witness is gone';
ok works($t), 'service goes on';

$open->close;
is $t->stop, 0, 'it ends in order';

# ---- a disk that takes nothing
$t = tlsward();
SKIP: {
	skip 'NOT TESTED, a full disk: may not mount', 8 if !$t->mounts('mkdir -p DIR/state/incidents', 'mount -t tmpfs -o size=4k none DIR/state/incidents');
	$t->start;
	is ask($t, 'witness', 1)->{state}, 'not written', 'a full disk: the report is not written';
	$r = $t->ctl_json('incident', 'last');
	like $r->{why}, qr/cannot be written: No space left on device/, 'it says why';
	ok $r->{descriptors} && $r->{profile}, 'but it is there, whole, in memory';
	ok $t->wait_log({ level => 'error', msg => qr/could not be written; it is kept in memory/ }), 'the log says so';
	ok works($t), 'service goes on';
	my @open = map { my $s = tls_connect($t, sni => $host); http_get($s, $host, '/'); $s } 1 .. 10;
	kill SEGV => $t->pid('worker');
	wait_for(sub { my ($c) = @{ $t->ctl_json('incidents')->{incidents} }; $c->{verdict} eq 'crash' && $c->{state} eq 'not written' }, 10, 'a crash');
	wait_for(sub { my $steps = $t->ctl_json('incident', 'last')->{steps}; @$steps && $steps->[0]{text} =~ /crashed/ }, 5, 'a step');
	pass 'steps are added in memory as well';
	wait_for(sub { works($t) }, 10, 'service');
	pass 'service goes on';
	is $t->stop, 0, 'it ends in order';
}

# ---- no directory at all
$t = tlsward();
mkdir $t->in_directory('state');
TLSward::Certs::write_file($t->in_directory('state/incidents'), '');
$t->start;
$t->wait_log({ level => 'warning', msg => qr/reports are kept in memory only/ });
is ask($t, 'witness', 1)->{state}, 'not written', 'no directory: the start goes on, reports stay in memory';
is $t->ctl_json('incident', 'last')->{profile}{samples}, 50, 'and can be read';
is $t->stop, 0, 'it ends in order';

# ---- started by somebody without privileges
my $nobody = 61799;
$t = tlsward();
delete @{ $t->{conf} }{qw(user keeper_user librarian_user)};
$t->write_conf;
system 'chown', '-R', "$nobody:$nobody", $t->{dir};
$t->{wrapper} = [ 'setpriv', "--reuid=$nobody", "--regid=$nobody", '--clear-groups' ];
$t->start;
my $d = wait_for(sub { my ($rc, @all) = $t->ctl('descriptors', 'keeper'); "@all" }, 5, 'an answer');
like $d, qr/^missing: descriptors: Permission denied/m, 'unprivileged: the descriptors of a keeper, which nobody may look at, are missing';
$answer = wait_for(sub { eval { $t->ctl_json('witness', 'keeper') } }, 5, 'a report');
like $answer->{missing}, qr/descriptors: Permission denied/, 'a report on it is written, and names them';
like $answer->{missing}, qr/profile: .*(may not attach|cannot be read)/, 'and the profile';
is $answer->{state}, 'written', 'it is written';
is $t->stop, 0, 'it ends in order';
done_testing;
