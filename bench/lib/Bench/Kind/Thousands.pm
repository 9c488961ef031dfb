# SPDX-License-Identifier: BSD-2-Clause
package Bench::Kind::Thousands;
# With thousands of certificates in a folder: seconds from the start until the
# last name is served; with {cached}, of a start after another one; with
# {memory}, instead the MB of all processes after clients of many names.
use strict;
use warnings;
use parent 'Bench::Kind::Idle';

use Time::HiRes qw(sleep time);

use Bench::Process qw(memory_kb);
use TLSward::Bench qw(load);

sub served {
	my ($self, $proxy) = @_;
	my $last = 'n' . ($proxy->{names} - 1) . '.bench.test';
	my %o = $self->load_options($proxy, seconds => 0, count => 1, connections => 1, timeout => 5);
	delete $o{names};
	my $until = time + 300;
	until (load('full', %o, sni => $last)->{done}) {
		die $proxy->name . " does not serve $last\n" if time > $until;
		sleep 0.005;
	}
	return;
}

sub started {
	my ($self, $proxy) = @_;
	my $began = time;
	$proxy->start;
	$self->served($proxy);
	return time - $began;
}

sub round {
	my ($self) = @_;
	my $row = $self->{row};
	my $proxy = $self->new_proxy;
	my $took = $self->started($proxy);
	if ($row->{cached}) {
		$proxy->stop;
		sleep 0.2;
		$took = $self->started($proxy);
	}
	$proxy->wait_ready;
	my $mb;
	if ($row->{memory}) {
		$self->checked(load('full', $self->load_options($proxy, count => 4000, seconds => 0)));
		$mb = memory_kb($proxy->{pid}) / 1000;
	}
	$self->stop;
	return $mb // $took;
}

1;
