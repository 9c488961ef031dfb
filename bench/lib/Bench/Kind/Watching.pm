# SPDX-License-Identifier: BSD-2-Clause
package Bench::Kind::Watching;
# What tlsward costs at rest, in percent of a core, while that many connections
# are held: CPU time of all processes, which are looked at in the default
# interval. So watching costs less than that; how much, the same with the
# longest interval tells.
use strict;
use warnings;
use parent 'Bench::Kind';

use Time::HiRes qw(sleep time);

use Bench::Process qw(cpu_ns_by_name);
use TLSward qw(wait_for);
use TLSward::Bench qw(load_start);

my ($OFTEN_S, $RARELY_S) = (1, 60);
my $OF_EACH = 9500;		# connections that one load and one backend hold, with 20,000 descriptors

# With backends of its own, so that their descriptors suffice too.
sub start {
	my ($self) = @_;
	my $n = $self->{row}{load}{connections};
	my $parts = int(($n + $OF_EACH - 1) / $OF_EACH) || 1;
	my @sockets = map { "$self->{env}{dir}/held-$$-$_.sock" } 1 .. $parts;
	$self->{backends} = [ map { TLSward::Bench::backend($_) } @sockets ];
	chmod 0666, @sockets;
	$self->{sockets} = \@sockets;
	$self->{proxy} = $self->start_proxy(backend => [ map { "unix:$_" } @sockets ], conf => { timeouts => { idle => 3600 } });
	$self->hold($n, $parts) if $n;
	return $self;
}

sub hold {
	my ($self, $n, $parts) = @_;
	for my $i (1 .. $parts) {
		my $l = load_start('idle', $self->load_options($self->{proxy}, connections => int($n / $parts), seconds => 3600));
		push @{ $self->{held} }, $l;
		$l->ready;
	}
	my $t = $self->{proxy}{t};
	my $relayed = sub { return $t->ctl_json('status')->{phases}{relay} // 0 };
	wait_for(sub { $relayed->() >= $n - $parts }, 20, "$n connections held");
	return;
}

# Percent of a core, by process.
sub at_rest {
	my ($self, $interval_s) = @_;
	my ($t, $seconds) = ($self->{proxy}{t}, 5 * $self->{env}{seconds});
	$t->{conf}{watch}{interval} = $interval_s;
	$t->write_conf;
	my ($status, $out) = $t->ctl('reload');
	die "reload: $out\n" if $status;
	sleep 1.5;
	my ($from, %before) = (time, cpu_ns_by_name($t->{pid}));
	sleep $seconds;
	my %after = cpu_ns_by_name($t->{pid});
	my $took_ns = 1e9 * (time - $from);
	return map { $_ => 100 * ($after{$_} - ($before{$_} // 0)) / $took_ns } keys %after;
}

sub round {
	my ($self) = @_;
	my %sum;
	for my $interval_s ($OFTEN_S, $RARELY_S) {
		my %share = $self->at_rest($interval_s);
		$share{s/\.\d+$//r} += delete $share{$_} for grep { /\.\d+$/ } keys %share;
		$self->part("$_, every $interval_s s, %", $share{$_}) for grep { $share{$_} >= 0.005 } keys %share;
		$sum{$interval_s} += $_ for values %share;
	}
	$self->part("all, every $RARELY_S s, %", $sum{$RARELY_S});
	return $sum{$OFTEN_S};
}

sub stop {
	my ($self) = @_;
	$_->abandon for splice @{ $self->{held} // [] };
	$self->SUPER::stop;
	$_->end for splice @{ $self->{backends} // [] };
	unlink splice @{ $self->{sockets} // [] };
	return;
}

1;
