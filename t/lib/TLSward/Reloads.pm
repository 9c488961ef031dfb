# SPDX-License-Identifier: BSD-2-Clause
package TLSward::Reloads;
# Reloads under load: connections that are open and a person who comes again
# and again, while certificate, script and host set change in turn.
use strict;
use warnings;
use Exporter 'import';
use File::Copy qw(copy);
use List::Util qw(max);
use Test::More;
use Time::HiRes qw(time);

use TLSward qw(wait_for slow address);
use TLSward::Bench qw(load_start);
use TLSward::Certs;
use TLSward::Client qw(tls_connect tcp_connect client_hello read_all send_all alert_in http_get canary);
use TLSward::Servers;

our @EXPORT_OK = qw(reloads_under_load);

my $HOST = 'one.example.test';
my $SOMETIMES = 'sometimes.example.test';
my $SEGMENTS = 8;	# of a catalog, at most: workers/librarian/change.h; one in force, one that comes

sub start {
	my $nginx = TLSward::Servers::nginx(proxy => 0);
	my $t = TLSward->new(hosts => [ $HOST, $SOMETIMES ], backends => [ { servers => [ address() . ":$nginx->{http}" ] } ],
		conf => { policy => { scripts => 'policy.d' }, log => { level => 'info' } });
	$t->{policy} = $t->in_directory('policy.d');
	mkdir $t->{policy};
	write_set($t, 1);
	write_script($t, 1);
	$t->{keeps_nginx} = $nginx;
	return $t->start;
}

# Each change has two forms, 0 and 1, and a way to see which one is obeyed.
sub write_set {
	my ($t, $n) = @_;
	return TLSward::Certs::write_file("$t->{policy}/hosts.txt", "$HOST\n" . ($n ? "$SOMETIMES\n" : ''));
}

sub write_script {
	my ($t, $n) = @_;
	return TLSward::Certs::write_file("$t->{policy}/allow.lua", <<"END");
local hosts = tlsward.hostset("hosts.txt")
return { name = "allow", api = 1, allow = function(hello)
  if not hosts:contains(hello.sni) then return false end
  if hello.sni == "$SOMETIMES" then return @{[ $n ? 'true' : 'false, "access_denied"' ]} end
  return true
end }
END
}

sub alert {
	my ($t) = @_;
	my $s = tcp_connect($t) or return 'no connection';
	send_all($s, client_hello(sni => $SOMETIMES));
	my ($bytes) = read_all($s, 10);
	return alert_in($bytes) // 'served';
}

sub fingerprint {
	my ($t) = @_;
	my $s = tls_connect($t, sni => $HOST) or return $TLSward::Client::error;
	return $s->get_fingerprint;
}

# [ name, what makes form n, what then is seen of it ].
sub kinds {
	my ($t) = @_;
	my @certs = map { $t->{certs}->make(name => "form$_", names => [$HOST]) } 0, 1;
	my %seen;
	return (
		[ 'certificate', sub { copy($certs[ $_[0] ]{$_}, $t->{conf}{certificates}[0]{$_}) for qw(chain key) },
			sub { my $f = fingerprint($t); return ($seen{ $_[0] } //= $f) eq $f && $f ne ($seen{ 1 - $_[0] } // '') } ],
		[ 'script', sub { write_script($t, $_[0]) }, sub { alert($t) eq ($_[0] ? 'served' : 49) } ],
		[ 'host set', sub { write_set($t, $_[0]) }, sub { alert($t) eq ($_[0] ? 'served' : 112) } ],
	);
}

# Of all processes, by name: descriptors and anonymous memory. Segments of the
# catalog come and go as they are merged, and are counted by themselves.
sub sizes {
	my ($t) = @_;
	my %of;
	for my $p ({ pid => $t->{pid}, name => 'tlsward' }, $t->processes) {
		next if $p->{name} =~ /^tlsw-opener/;
		my $status = eval { TLSward::Certs::slurp("/proc/$p->{pid}/status") } // next;
		my %open = map { m{(\d+)$} ? ($1 => scalar readlink $_) : () } glob "/proc/$p->{pid}/fd/*";
		my @fds = grep { defined } values %open;
		my $segments = grep { m{^/memfd:catalog} } @fds;
		my ($kb) = $status =~ /^RssAnon:\s+(\d+)/m;
		$of{ $p->{name} } = { fds => @fds - $segments, segments => $segments, kb => $kb, open => \%open };
	}
	return \%of;
}

# Connections that the supervisor has accepted and not closed: the listener is
# the one with the flag of unix(7)'s SO_ACCEPTCONN.
sub control_connections {
	my ($t) = @_;
	my $path = $t->{conf}{control}{socket};
	return grep { / \Q$path\E$/ && !/: \w+ \w+ 00010000 / } split /\n/, TLSward::Certs::slurp('/proc/net/unix');
}

# Descriptors of all but the workers.
sub descriptors {
	my ($sizes) = @_;
	return join ' ', map { "$_ $sizes->{$_}{fds}" } grep { !/worker/ } sort keys %$sizes;
}

# With so many connections and that of the canary, and without what is held for
# a moment only: an opener that has ended keeps its channel until it is reaped,
# tlswardctl its connection until the supervisor has read that it left, and a
# process a file while it reads or writes it, which two looks tell.
sub settled_sizes {
	my ($t, $connections) = @_;
	wait_for(sub { $t->ctl_json('status')->{gauges}{connections} <= $connections + 1 }, 10, 'the end of other connections');
	wait_for(sub { !grep { $_->{state} eq 'Z' || $_->{name} =~ /opener|^tlsward$/ } $t->descendants }, 10, 'the end of the openers');
	wait_for(sub { !control_connections($t) }, 10, 'the end of control connections');
	my $before = sizes($t);
	return wait_for(sub {
		my ($was, $now) = ($before, sizes($t));
		$before = $now;
		return descriptors($was) eq descriptors($now) && $now;
	}, 10, 'the same descriptors twice');
}

# Changes of the host set that come before their reload are followed, by an
# opener of its own; the supervisor keeps its ledger from its first start on.
sub set_is_followed {
	my ($t) = @_;
	for my $form (0, 1) {
		my $mark = $t->mark;
		write_set($t, $form);
		$t->wait_log({ msg => 'a host set has changed', names => 1 + $form }, 10, $mark);
	}
	return;
}

# connections => 2000, reloads => 20.
sub reloads_under_load {
	my (%o) = @_;
	my $t = start();
	my @kinds = kinds($t);
	my @form = (1, 1, 1);
	my $turn = sub {
		my ($n) = @_;
		my ($name, $make, $obeyed) = @{ $kinds[ $n % 3 ] };
		my $form = $form[ $n % 3 ] = 1 - $form[ $n % 3 ];
		$make->($form);
		my $began = time;
		$t->ctl_json('reload');
		my $took = time - $began;
		my $wrong = grep { !$obeyed->($form) } 1 .. 4;
		# What one leaves must not hide what the next one does.
		$make->($form[ $n % 3 ] = 1), $t->ctl_json('reload') if $n % 3;
		return ($wrong ? $name : undef, $took);
	};
	# Most are idle, and opened by the load generator.
	my $talking = $o{connections} / 4;
	my $idle = load_start('idle', to => "$t->{address}:$t->{port}", sni => $HOST, ca => $t->{ca}, connections => $o{connections} - $talking, seconds => 1);
	my @open = map { tls_connect($t, sni => $HOST) // die "connection $_: $TLSward::Client::error\n" } 1 .. $talking;
	$idle->ready;
	my @workers = $t->pids('worker');
	my $canary = canary($t, sni => $HOST, every => 0.05);
	$turn->($_) for 0 .. 5;
	set_is_followed($t);
	my $before = settled_sizes($t, $o{connections});
	my (@wrong, @took);
	for my $n (0 .. $o{reloads} - 1) {
		my ($wrong, $took) = $turn->($n);
		push @wrong, $wrong if $wrong;
		push @took, $took;
	}
	my $after = settled_sizes($t, $o{connections});
	my $seen = $canary->stop;
	is_deeply \@wrong, [], "each of $o{reloads} reloads was obeyed by the next handshakes";
	cmp_ok max(@took), '<', 5 * slow(), sprintf 'the slowest took %.3f s', max @took;
	is $seen->{failed}, 0, "a canary of $seen->{tried} connections noticed nothing" or diag explain $seen->{errors};
	cmp_ok $seen->{tried}, '>', $o{reloads} / 4, 'and came often';	# a reload takes about as long as its wait
	is scalar(grep { !http_get($_, $HOST, '/') } @open), 0, "none of $talking connections is broken";
	cmp_ok $t->ctl_json('status')->{phases}{relay}, '>=', $o{connections}, 'nor one of those that are idle';
	is_deeply [ $t->pids('worker') ], \@workers, 'by the workers of before';
	# AddressSanitizer keeps 4 MB of what is freed (common/asan.c), and what it knows of them.
	my $kept_kb = TLSward::sanitizers() ? 8000 : 0;
	for my $name (sort keys %$before) {
		my ($b, $a) = ($before->{$name}, $after->{$name});
		cmp_ok $a->{segments}, '<=', 2 * $SEGMENTS, "$name: $a->{segments} segments of the catalog";
		ok $a && abs($a->{fds} - $b->{fds}) <= ($name =~ /worker/ ? 4 : 0), "$name: $b->{fds} descriptors, and $a->{fds} afterwards"
			or diag explain { before => $b->{open}, afterwards => $a->{open} };
		cmp_ok $a->{kb}, '<', 1.2 * $b->{kb} + 1500 + $kept_kb, "$name: $b->{kb} kB of memory, and $a->{kb} afterwards";
	}
	$_->close for @open;
	$idle->go;
	$idle->end;
	is $t->stop(30), 0, 'it ends in order';
	return;
}

1;
