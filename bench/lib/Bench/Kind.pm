# SPDX-License-Identifier: BSD-2-Clause
package Bench::Kind;
# How a row of the table is measured with one proxy: start, then a value for
# each round, then stop. Rounds of the proxies are taken in turns.
use strict;
use warnings;

use Bench::Process qw(cpu_ns);
use TLSward::Bench qw(load load_start);

our $CORE = 1;		# that clients and backend run on
my ($MOST_LOOKS, $QUIET_NS) = (20, 1e6);

# In TLS 1.2 the groups also say which curves a certificate may have.
my %PARAMETERS = (
	'1.3' => [ ciphers => 'TLS_AES_128_GCM_SHA256', groups => 'X25519' ],
	'1.2' => [ ciphers => 'ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256', groups => 'X25519:P-256' ],
	none => [],
);

# row: see Bench::Rows; proxy: its class; env: what bench/run has prepared.
sub new {
	my ($class, $row, $proxy, $env) = @_;
	return bless { row => $row, class => $proxy, env => $env, parts => {}, proxies => [] }, $class;
}

sub conditions {
	my ($self, %more) = @_;
	my %c = (%{ $self->{row}{conditions} // {} }, %more);
	my $certs = $self->{env}->certs($c{key} // 'ecdsa', $c{names} // 1);
	return (%c, certs => $certs, backend => $self->{env}{backend}->server);
}

sub new_proxy {
	my ($self, %more) = @_;
	my $proxy = $self->{class}->new($self->conditions(%more));
	push @{ $self->{proxies} }, $proxy;
	return $proxy;
}

sub start_proxy { my ($self, %more) = @_; return $self->new_proxy(%more)->start->wait_ready }

# A figure that the value consists of, or that explains it; shown beside.
sub part {
	my ($self, $name, $value) = @_;
	push @{ $self->{parts}{$name} }, $value;
	return $value;
}

# The options of bench-load that the row asks for, by that proxy.
sub load_options {
	my ($self, $proxy, %more) = @_;
	my %o = (seconds => $self->{env}{seconds}, %{ $self->{row}{load} // {} }, %more);
	my $tls = $proxy->plain ? 'none' : $o{tls} // '1.3';
	my $names = $proxy->{names} > 1 ? { sni => 'n%u.bench.test', names => $proxy->{names} } : { sni => 'n0.bench.test' };
	delete $o{mode};
	return (%$names, @{ $PARAMETERS{$tls} }, to => $proxy->to, %o, tls => $tls, sources => 60);
}

sub start {
	my ($self) = @_;
	$self->{proxy} = $self->start_proxy;
	$self->warm($self->{proxy});
	return $self;
}

# Also after a failure: whatever of it still runs.
sub stop {
	my ($self) = @_;
	for my $proxy (splice @{ $self->{proxies} }) {
		eval { $proxy->stop; 1 } or warn 'bench/run: ' . $proxy->name . " does not end: $@";
	}
	return;
}

# A moment of the same load, so that memory and caches are as in the long run.
sub warm {
	my ($self, $proxy) = @_;
	return $self->checked(load($self->{row}{load}{mode}, $self->load_options($proxy, seconds => 0.2, rate => 0)));
}

# Nobody is faster by failing.
sub checked {
	my ($self, $r) = @_;
	my $what = JSON::PP->new->canonical->encode($r->{failures} // {});
	die "$self->{row}{name}, $self->{class}: $r->{failed} failed: $what, $r->{unfinished} unfinished, $r->{lost} lost\n"
		if $r->{event} ne 'report' || $r->{failed} || $r->{unfinished} || $r->{lost};
	return $r;
}

# CPU time so far, once next to nothing is added: clients that leave at once are
# done before the proxy has heard of all of them.
sub settled_ns {
	my ($pid) = @_;
	my $ns = cpu_ns($pid);
	for (1 .. $MOST_LOOKS) {
		select undef, undef, undef, 0.1;
		my $now = cpu_ns($pid);
		return $now if $now - $ns < $QUIET_NS;
		$ns = $now;
	}
	return $ns;
}

# Runs the load and returns its report with {cpu_us}: of the proxy, from when
# the load was ready until all had settled.
sub cost {
	my ($self, $proxy, %more) = @_;
	my $l = load_start($self->{row}{load}{mode}, $self->load_options($proxy, %more));
	$l->ready;
	my $before = cpu_ns($proxy->{pid});
	my $r = $self->checked($l->go);
	$r->{cpu_us} = (settled_ns($proxy->{pid}) - $before) / 1000;
	$r->{busy} = $r->{cpu_us} / 1e6 / $r->{seconds};
	$l->end;
	return $r;
}

1;
