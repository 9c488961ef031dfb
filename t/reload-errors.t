#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# A reload that cannot be: one clear answer with every error, file and line,
# and everything stays as it was, also when a process dies in the middle.
use strict;
use warnings;
use File::Copy qw(copy);
use Test::More;
use Time::HiRes qw(sleep time);

use TLSward qw(wait_for unwatched);
use TLSward::Backend;
use TLSward::Client qw(tls_connect tcp_connect client_hello read_all send_all alert_in http_get);

my $host = 'one.example.test';
my $backend = TLSward::Backend->new('http', name => 'app');
my $t = TLSward->new(hosts => [ $host, 'two.example.test' ], backends => [ { servers => [ $backend->server ] } ],
	conf => { policy => { scripts => 'policy.d' }, watch => unwatched() });
my $dir = $t->in_directory('policy.d');
mkdir $dir;
my $policy = "$dir/10-allow.lua";
TLSward::Certs::write_file("$dir/hosts.txt", "$host\n");
TLSward::Certs::write_file($policy, <<'EOF_LUA');
local hosts = tlsward.hostset("hosts.txt")
return { name = "allow", api = 1, allow = function(hello) return hosts:contains(hello.sni) end }
EOF_LUA
my $mounted = $t->mounts('mkdir -p DIR/small', 'mount -t tmpfs -o size=4k tmpfs DIR/small', 'head -c 4096 /dev/zero >DIR/small/fill');
$t->start;

my $text = TLSward::Certs::slurp($t->{conf_path});
my $other = $t->certificate('other.example.test');
my ($chain, $key) = @{ $t->{conf}{certificates}[0] }{qw(chain key)};
my $renewed = $t->{certs}->make(name => 'renewed', names => [$host]);

my $open = tls_connect($t, sni => $host) or die $TLSward::Client::error;
my $fingerprint = $open->get_fingerprint;
my @workers = $t->pids('worker');

sub refused {
	my ($name) = @_;
	my $s = tcp_connect($t) or return 'no connection';
	send_all($s, client_hello(sni => $name));
	my ($bytes) = read_all($s, 10);
	return alert_in($bytes) // 'no alert';
}

# Nothing of what was prepared has come into force.
sub as_before {
	my ($what) = @_;
	my $s = tls_connect($t, sni => $host);
	my $answer = $s && http_get($s, $host, '/');
	my @now = ($s ? $s->get_fingerprint : $TLSward::Client::error, $answer ? $answer->{status} : '-', refused('two.example.test'),
		$t->ctl_json('status')->{generation}, join ' ', $t->pids('worker'));
	return is_deeply \@now, [ $fingerprint, 200, 112, 1, join ' ', @workers ], "$what: everything is as before";
}

# Everything on disk that a reload could bring: another certificate, another host set, another setting.
my %kept = map { $_ => TLSward::Certs::slurp($_) } $chain, $key, $policy;
sub tempt {
	copy($renewed->{chain}, $chain);
	copy($renewed->{key}, $key);
	return TLSward::Certs::write_file($policy, 'return { name = "allow", api = 1 }');
}
sub restore {
	TLSward::Certs::write_file($_, $kept{$_}) for keys %kept;
	return TLSward::Certs::write_file($t->{conf_path}, $text);
}

# A broken configuration, or files that it names; what is said (line: of what was put in).
my @cases = (
	[ 'a syntax error', sub { s/workers = 2/workers = = 2/ }, qr/^tlswardctl: CONF:LINE: syntax error$/m ],
	[ 'an unknown setting', sub { s/workers = 2/wrokers = 2/ }, qr/^tlswardctl: CONF:LINE: wrokers is not a setting; did you mean "workers"\?$/m ],
	[ 'a file that is not there', sub { unlink $t->{conf_path}; undef }, qr/^tlswardctl: CONF: cannot be read: No such file/m ],
	[ 'a setting that needs a restart', sub { s/workers = 2/state_directory = "\/tmp\/x"; workers = 2/; s/^state_directory = "[^"]*";\n//m },
		qr/^tlswardctl: CONF:LINE: state_directory: a change from "\S+" to "\/tmp\/x" needs a restart$/m ],
	[ 'a broken certificate', sub { TLSward::Certs::write_file($chain, "no certificate\n"); 1 }, qr/^tlswardctl: CONF:LINE: \Q$chain\E: /m, qr/certificates = / ],
	[ 'a key of another certificate', sub { copy($other->{key}, $key); 1 }, qr/^tlswardctl: CONF:LINE: \Q$chain\E: the private key in \Q$key\E does not belong/m, qr/certificates = / ],
	[ 'a broken script', sub { TLSward::Certs::write_file($policy, "return {\n  name = 'x',,\n}\n"); 1 }, qr/^tlswardctl: \Q$policy\E:2: /m ],
	[ 'a broken host set', sub { TLSward::Certs::write_file("$dir/new.txt", "a.example.test\n\nno name at all\n");
		TLSward::Certs::write_file($policy, "tlsward.hostset('new.txt') return { name = 'x', api = 1 }"); 1 }, qr/^tlswardctl: \Q$dir\E\/new\.txt:3: /m ],
	[ 'a missing folder', sub { s/policy\.d/nowhere/ }, qr/^tlswardctl: policy\.scripts: \S*nowhere: cannot be opened: No such file/m ],
	[ 'a certificate that cannot be read', sub { s/\Q$chain\E/$dir/ }, qr/^tlswardctl: CONF:LINE: \Q$dir\E: cannot be opened: it is a directory/m, qr/certificates = / ],
	[ 'a bad priority', sub { s/workers = 2/tls = { priority = "NORMAL:-NONSENSE"; }; workers = 2/ }, qr/^tlswardctl: CONF:LINE: tls\.priority: GnuTLS does not understand it from "-NONSENSE" on$/m ],
	[ 'an address that is no interface\'s', sub { s/address = "[^"]*"/address = "192.0.2.1"/ }, qr/^tlswardctl: CONF:LINE: listener "https": cannot listen on 192\.0\.2\.1 .*no interface has that address$/m, qr/listeners = / ],
	[ 'an address that includes one in use', sub { s/address = "[^"]*"/address = "0.0.0.0"/ }, qr/^tlswardctl: CONF:LINE: listener "https": cannot listen .* while listener "https" has/m, qr/listeners = / ],
	[ 'a log file that cannot be opened', sub { s/to = "[^"]*"/to = "\/nowhere\/log"/ }, qr{^tlswardctl: CONF:LINE: log\.to: /nowhere/log cannot be opened: No such file}m, qr/log = / ],
	[ 'a log file on a full device', sub { s/to = "[^"]*"/to = "\/dev\/full"/ }, qr{^tlswardctl: CONF:LINE: log\.to: /dev/full cannot be written: No space left}m, qr/log = / ],
	($mounted ? [ 'a log file on a full disk', sub { s/to = "[^"]*"/to = "small\/log"/ }, qr{^tlswardctl: CONF:LINE: log\.to: \S*small/log cannot be written: No space left}m, qr/log = / ] : ()),
);
for my $case (@cases) {
	my ($what, $change, $said, $at) = @$case;
	tempt();
	local $_ = $text;
	my $write = $change->();
	TLSward::Certs::write_file($t->{conf_path}, $_) if defined $write;
	my $bad = defined $write ? $_ : '';
	my @lines = split /\n/, $bad;
	my ($line) = grep { $lines[ $_ - 1 ] =~ ($at // qr/workers = |wrokers/) } 1 .. @lines;
	my $mark = $t->mark;
	my ($code, $out) = $t->ctl('reload');
	is $code, 1, "$what is refused";
	my $pattern = "$said" =~ s/CONF/\Q$t->{conf_path}\E/r =~ s/LINE/$line \/\/ 0/er;
	like $out, qr/$pattern/, 'told with file and line';
	like $out, qr/^tlswardctl: not reloaded, everything stays as it was: \d+ errors?$/m, 'and what follows from it';
	ok $t->wait_log({ level => 'error', msg => qr/^not reloaded/ }, 5, $mark), 'also in the log';
	as_before($what);
	restore();
}

subtest 'all errors at once' => sub {
	TLSward::Certs::write_file($chain, "no certificate\n");
	TLSward::Certs::write_file($policy, "return {\n");
	TLSward::Certs::write_file($t->{conf_path}, $text =~ s/to = "[^"]*"/to = "\/dev\/full"/r);
	my ($code, $out) = $t->ctl('reload');
	like $out, qr/\Q$chain\E: .*\n/, 'of a certificate';
	like $out, qr/\Q$policy\E:\d+: .*\n/, 'of a script';
	like $out, qr/log\.to: /, 'of the log';
	like $out, qr/: 3 errors$/m, 'are counted';
	($code, $out) = $t->ctl('reload', '--json');
	my ($json) = $out =~ /^(\{.*\})/ms;
	is scalar @{ JSON::PP->new->decode($json)->{errors} }, 3, 'and listed for programs';
	my $status = $t->ctl_json('status')->{reload};
	is_deeply [ @$status{qw(result errors)} ], [ 'refused', 3 ], 'status knows';
	my ($first) = $t->ctl('status');
	as_before('three errors');
	restore();
};

# Each of the two workers has a server of the keeper that lives.
sub both_sign {
	my @signers = $t->pids('signer');
	return @signers == 2 && !grep { !$t->find_log({ msg => qr/^keeper server $_ signs from now on/ }) } @signers;
}

# One dies while it is asked: stopped first, so that it surely is the middle.
for my $role (qw(librarian keeper advisor logger)) {
	my $pid = $t->pid($role);
	tempt();
	TLSward::Certs::write_file($t->{conf_path}, $text =~ s/to = "[^"]*"/to = "other.log"/r) if $role eq 'logger';
	kill STOP => $pid;
	wait_for(sub { TLSward::stat_of($pid)->{state} eq 'T' }, 5, "$role is stopped");
	pipe my $read, my $write or die "pipe: $!\n";
	my $asker = fork // die "fork: $!\n";
	if (!$asker) {
		my ($code, $out) = $t->ctl('reload');
		syswrite $write, "$code $out";
		POSIX::_exit(0);
	}
	close $write;
	wait_for(sub { $t->ctl_json('status')->{reload}{under_way} }, 5, 'the reload is under way');
	# The advisor has a deadline of its own, and is killed by it.
	kill KILL => $pid if $role ne 'advisor';
	my $out = do { local $/; <$read> };
	waitpid $asker, 0;
	kill KILL => $pid;
	like $out, qr/^1 .*(the $role (ended|did not answer)).*not reloaded, everything stays as it was: 1 error$/ms, "$role killed in the middle: one clear answer";
	wait_for(sub {
		my ($s, $new) = (eval { $t->ctl_json('status') }, $t->pid($role));
		return $s && $s->{processes}{$role}{state} eq 'ready' && $new && $new != $pid;
	}, 20, "$role is back");
	if ($role eq 'keeper') {	# its keys are those on the disk, which are others
		restore();
		my $wrong = $t->pid('keeper');
		kill KILL => $wrong;
		wait_for(sub { my $new = $t->pid('keeper'); $new && $new != $wrong && both_sign() }, 20, 'keys of before');
	}
	wait_for(sub { tls_connect($t, sni => $host) }, 10, 'service');
	as_before("$role killed");
	restore();
}

subtest 'after all that' => sub {
	ok http_get($open, $host, '/'), 'a connection of before goes on';
	tempt();
	my $answer = $t->ctl_json('reload');
	is $answer->{generation}, 2, 'a good reload is the second generation';
	my $s = tls_connect($t, sni => 'two.example.test');
	ok $s, 'and is obeyed';
	isnt tls_connect($t, sni => $host)->get_fingerprint, $fingerprint, 'as a whole';
};

subtest 'a worker that does not answer' => sub {
	my ($stopped, $other) = $t->pids('worker');
	kill STOP => $stopped;
	wait_for(sub { TLSward::stat_of($stopped)->{state} eq 'T' }, 5, 'a worker is stopped');
	restore();
	my $answer = $t->ctl_json('reload');
	like $answer->{warnings}[0], qr/^worker \d+ has not answered in time; it gets a successor$/, 'is named in the answer';
	is tls_connect($t, sni => $host)->get_fingerprint, $fingerprint, 'the others obey' for 1 .. 4;
	wait_for(sub { 2 == grep { $_->{state} eq 'ready' } @{ $t->ctl_json('workers')->{workers} } }, 10, 'two that are ready');
	isnt $t->ctl_json('workers')->{workers}[0]{state}, 'ready', 'and it is replaced';
	kill CONT => $stopped;
};

subtest 'stopping' => sub {
	my $drains = tls_connect($t, sni => $host);
	kill TERM => $t->{pid};
	wait_for(sub { ($t->ctl('status'))[1] =~ /stopping/ }, 5, 'it stops');
	my ($code, $out) = $t->ctl('reload');
	is $code, 1, 'a reload is refused';
	like $out, qr/not reloaded: tlsward is stopping/, 'with the reason';
	kill HUP => $t->{pid};
	$_->close for $drains, $open;
	is $t->wait_end(10), 0, 'and it ends in order';
};
done_testing;
