#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# The files for service managers say what they should: systemd takes the units
# without a word, tlsward runs with the unit's capabilities and nothing else,
# the shell takes the scripts, and the init script starts, reloads and stops it.
use strict;
use warnings;
use Test::More;

use TLSward qw(run_command program wait_for);
use TLSward::Backend;
use TLSward::Certs;
use TLSward::Client qw(tls_connect http_get);

my $host = 'one.example.test';
my $backend = TLSward::Backend->new('http', name => 'app');
my $t = TLSward->new(hosts => [$host], backends => [ { servers => [ $backend->server ] } ]);

sub has { return (run_command('sh', '-c', "command -v $_[0]"))[0] == 0 }
sub source { return TLSward::Certs::slurp("$TLSward::SOURCE/etc/$_[0]") }
sub served {
	my $s = tls_connect($t, sni => $host);
	my $answer = $s && http_get($s, $host, '/');
	return $answer ? $answer->{body} : '';
}

for my $script (qw(init.d/tlsward.in s6/run.in s6/finish)) {
	my ($status, $out) = run_command('dash', '-n', "$TLSward::SOURCE/etc/$script");
	is "$status$out", '0', "$script is a shell script";
}

my $unit = source('tlsward.service.in');
subtest 'systemd' => sub {
	plan skip_all => 'systemd-analyze is not installed' if !has('systemd-analyze');
	my $folder = $t->in_directory('units');
	mkdir $folder;
	my $tlsward = program('tlsward');
	my $text = $unit =~ s/\@sbindir\@\/tlsward/$tlsward/r;
	$text =~ s/\@sysconfdir\@/$folder/;
	TLSward::Certs::write_file("$folder/tlsward.service", $text);
	TLSward::Certs::write_file("$folder/tlsward.socket", source('tlsward.socket'));
	# It answers 0 also to keys that it does not know; what counts is silence.
	my ($status, $out) = run_command(qw(systemd-analyze verify --man=no), "$folder/tlsward.service", "$folder/tlsward.socket");
	is "$status$out", '0', 'takes both units without a word';
	TLSward::Certs::write_file("$folder/wrong.service", $text . "[Service]\nNoSuchKey=1\n");
	($status, $out) = run_command(qw(systemd-analyze verify --man=no), "$folder/wrong.service");
	like $out, qr/NoSuchKey/, 'and would have said a word';
	($status, $out) = run_command(qw(systemd-analyze security --offline=true --threshold=35), "$folder/tlsward.service");
	is $status, 0, 'finds the unit\'s exposure at most 3.5' or diag $out;
	my $root = $t->in_directory('root');
	mkdir $root;
	SKIP: {
		skip 'folders for root are made by root', 4 if $> != 0;
		mkdir "$root/etc";
		TLSward::Certs::write_file("$root/etc/passwd", "root:x:0:0::/:/bin/sh\n");
		TLSward::Certs::write_file("$root/etc/group", "root:x:0:\nadm:x:4:\n");
		($status, $out) = run_command('systemd-sysusers', "--root=$root", "$TLSward::SOURCE/etc/sysusers.d/tlsward.conf");
		is $status, 0, 'takes the list of users' or diag $out;
		is_deeply [ sort grep { !/^root$/ } TLSward::Certs::slurp("$root/etc/passwd") =~ /^([^:]+)/mg ],
			[qw(tlsward tlsward-keys tlsward-lib)], 'and makes them';
		($status, $out) = run_command('systemd-tmpfiles', '--create', "--root=$root", "$TLSward::SOURCE/etc/tmpfiles.d/tlsward.conf");
		is $status, 0, 'takes the list of folders' or diag $out;
		is join(' ', grep { -d "$root/$_" } qw(run/tlsward var/lib/tlsward var/log/tlsward)),
			'run/tlsward var/lib/tlsward var/log/tlsward', 'and makes them';
	}
};

subtest 'the capabilities of the unit' => sub {
	plan skip_all => 'only root has capabilities to give up' if $> != 0;
	plan skip_all => 'setpriv is not installed' if !has('setpriv');
	my @caps = map { split ' ', lc } $unit =~ /^CapabilityBoundingSet=(.*)$/mg;
	s/^cap_// for @caps;
	$t->{wrapper} = [ 'setpriv', '--no-new-privs', '--bounding-set', join(',', '-all', map { "+$_" } @caps) ];
	$t->start;
	is served(), "app / for $host\n", 'are enough to serve';
	my ($mask) = TLSward::Certs::slurp("/proc/$t->{pid}/status") =~ /^CapBnd:\s*(\w+)/m;
	is unpack('%32b*', pack 'H*', $mask), 6, 'of which six are left';
	my $killed = $t->pid('worker');
	kill KILL => $killed;
	wait_for(sub { my @now = $t->pids('worker'); @now == 2 && !grep { $_ == $killed } @now }, 10, 'another worker');
	$t->wait_ready;
	is served(), "app / for $host\n", 'and to start a worker again';
	is $t->stop, 0, 'it ends in order';
	delete $t->{wrapper};
};

subtest 'the init script' => sub {
	plan skip_all => 'start-stop-daemon is not installed' if !has('start-stop-daemon');
	my $script = TLSward::Certs::write_file($t->in_directory('init'), source('init.d/tlsward.in'));
	my $pidfile = $t->in_directory('init.pid');
	my $tlsward = program('tlsward');
	TLSward::Certs::write_file($t->in_directory('defaults'), <<"END");
DAEMON=$tlsward
CONFIG=$t->{conf_path}
PIDFILE=$pidfile
OUTPUT=$t->{dir}/stderr
OPTIONS="@{ $t->{args} }"
STOP_SECONDS=20
END
	local $ENV{TLSWARD_DEFAULTS} = $t->in_directory('defaults');
	my $pid = sub { return TLSward::Certs::slurp($pidfile) =~ /(\d+)/ ? $1 : 0 };
	my $init = sub { return run_command('sh', $script, @_) };
	like source('init.d/tlsward.in'), qr/^### BEGIN INIT INFO\n# Provides: +tlsward\n(?:# [\w-]+: .*\n)+### END INIT INFO$/m, 'has the header that insserv reads';

	is(($init->('status'))[0], 3, 'status: not running');
	my ($status, $out) = $init->('start');
	is $status, 0, 'start' or diag $out;
	is served(), "app / for $host\n", 'comes back when it serves';
	is(($init->('status'))[0], 0, 'status: running');
	my $first = $t->{pid} = $pid->();
	$t->remember;
	($status, $out) = $init->('start');
	is $status, 0, 'a second start is no error';
	is $pid->(), $first, 'and starts nothing';
	($status, $out) = $init->('reload');
	is $status, 0, 'reload' or diag $out;
	ok $t->wait_log({ msg => 'reloaded', by => 'SIGHUP' }, 5), 'which is obeyed';
	is served(), "app / for $host\n", 'leaves it running';
	($status, $out) = $init->('restart');
	is $status, 0, 'restart' or diag $out;
	isnt $pid->(), $first, 'another one runs';
	is served(), "app / for $host\n", 'and serves';
	$t->{pid} = $pid->();
	$t->remember;

	my $conf = TLSward::Certs::slurp($t->{conf_path});
	TLSward::Certs::write_file($t->{conf_path}, $conf . "nonsense = 1;\n");
	($status, $out) = $init->('restart');
	is $status, 6, 'restart with a wrong configuration is refused';
	like $out, qr/nonsense/, 'with the reason';
	is served(), "app / for $host\n", 'and the one that runs goes on';
	($status, $out) = $init->('stop');
	is $status, 0, 'stop' or diag $out;
	wait_for(sub { !grep { my $p = TLSward::stat_of($_); $p && $p->{state} ne 'Z' && $p->{name} =~ /^tlsw/ } keys %{ $t->{seen} } },
		10, 'all processes end');
	is(($init->('status'))[0], 3, 'status: not running');
	is(($init->('start'))[0], 6, 'start with a wrong configuration is refused');
	is(($init->('nonsense'))[0], 2, 'an unknown word is an error');
};
END {
	if ($t && $t->{seen}) {
		my $code = $?;
		for my $pid (keys %{ $t->{seen} }, $t->{pid} // ()) {
			my $p = TLSward::stat_of($pid);
			kill KILL => $pid if $p && $p->{name} =~ /^tlsw/;
		}
		$? = $code;
	}
}
done_testing;
