# SPDX-License-Identifier: BSD-2-Clause
package Bench::Kind::BlackHole;
# What a chain costs whose missing certificate is to be had at an address that
# answers nothing: the 99th percentile of latency at half load, divided by that
# with a complete chain. A third proxy, as the second, says what like is
# against like.
use strict;
use warnings;
use utf8;
use parent 'Bench::Kind';

use File::Copy qw(copy);
use IO::Socket::INET;

use TLSward qw(address);
use TLSward::Certs;

# A port whose queue is full: the kernel drops who knocks.
sub hole {
	my ($self) = @_;
	my $s = IO::Socket::INET->new(Listen => 1, LocalAddr => address()) or die "listen: $!\n";
	my $at = $s->sockhost . ':' . $s->sockport;
	$self->{hole} = [ $s, map { IO::Socket::INET->new(PeerAddr => $at, Blocking => 0) } 1 .. 4 ];
	return "http://$at/issuer";
}

# A folder for a proxy with the one certificate n0, with or without its issuer.
sub folder {
	my ($self, $certs, $name, %o) = @_;
	my $c = $certs->make(name => $name, names => ['n0.bench.test'], ca => 'far', %o);
	my $folder = "$certs->{dir}/of-$name";
	mkdir $folder;
	copy($c->{chain}, "$folder/n0.pem") && copy($c->{key}, "$folder/n0.key") or die "$folder: $!\n";
	return $folder;
}

sub conditions { my ($self, %more) = @_; return ($self->SUPER::conditions, %more) }

sub start {
	my ($self) = @_;
	my $certs = TLSward::Certs->new("$self->{env}{dir}/black-hole");
	$certs->authority('far', ca => 'ca');
	my %of = (whole => $self->folder($certs, 'whole', with => ['far']), lone => $self->folder($certs, 'lone', with => [], url => $self->hole));
	mkdir "$certs->{dir}/store";
	copy($certs->ca, "$certs->{dir}/store/ca.pem");
	my $conf = { chains => { store => "$certs->{dir}/store" }, aia => { timeout => 5, private_addresses => \1 } };
	for my $who (qw(whole lone again)) {
		$self->{of}{$who} = $self->start_proxy(certs => $of{$who} // $of{whole}, conf => $conf);
		$self->warm($self->{of}{$who});
	}
	my %state = map { $_ => $self->{of}{$_}{t}->ctl_json('chains')->{chains}[0]{chain_state} } keys %{ $self->{of} };
	die "the chains are not as they are to be: $state{whole}, $state{lone}\n" if $state{whole} ne 'complete' || $state{lone} ne 'incomplete';
	my $full = $self->cost($self->{of}{whole});
	$self->{rate} = int($full->{done} / $full->{seconds} / 2);
	return $self;
}

sub round {
	my ($self) = @_;
	my %l = map { $_ => $self->cost($self->{of}{$_}, rate => $self->{rate}, connections => 1000,
		seconds => 2 * $self->{env}{seconds})->{latency_us} } qw(whole lone again);
	$self->part('p50, divided', $l{lone}{p50} / $l{whole}{p50});
	$self->part('p99, like divided by like', $l{again}{p99} / $l{whole}{p99});
	$self->part('p99, ms', $l{lone}{p99} / 1000);
	return $l{lone}{p99} / $l{whole}{p99};
}

1;
