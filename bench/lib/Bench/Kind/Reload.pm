# SPDX-License-Identifier: BSD-2-Clause
package Bench::Kind::Reload;
# A reload that changes the last of thousands of certificates: seconds until it
# is served; with {memory}, instead the memory of all processes meanwhile, in
# times of that before. One of another authority takes its place and leaves it
# again, in turns.
use strict;
use warnings;
use parent 'Bench::Kind';

use POSIX qw(_exit);
use Time::HiRes qw(sleep time);

use Bench::Process qw(memory_kb);
use TLSward::Bench qw(load);
use TLSward::Certs;

my $MOST_S = 120;

sub start {
	my ($self) = @_;
	return $self if $self->{row}{memory} && $self->known;
	$self->{proxy} = $self->start_proxy(reloads => 1);
	my $n = $self->{proxy}{names} - 1;
	my $dir = "$self->{env}{dir}/other-$n";
	TLSward::Bench::certs($dir, ca => $dir, name => 'n%u.bench.test', from => $n, count => 1) if !-d $dir;
	$self->{name} = "n$n.bench.test";
	$self->{file} = "$self->{proxy}{certs}/$self->{name}.pem";
	my ($here, $there) = (TLSward::Certs::slurp($self->{file}), TLSward::Certs::slurp("$dir/$self->{name}.pem"));
	$self->{first} = $here;
	$self->{next} = [ [ $there, "$dir/ca.pem" ], [ $here, "$self->{env}{dir}/ca/ca.pem" ] ];
	my $until = time + $MOST_S;
	until ($self->served($self->{next}[1][1])) {
		die $self->{proxy}->name . " does not serve $self->{name}\n" if time > $until;
		sleep 0.1;
	}
	return $self;
}

# Whether clients get a certificate of that authority.
sub served {
	my ($self, $ca) = @_;
	my %o = $self->load_options($self->{proxy}, seconds => 0, count => 1, connections => 1, timeout => 5);
	delete $o{names};
	return load('full', %o, sni => $self->{name}, ca => $ca)->{done};
}

# What the rounds of the other row have found.
sub key { my ($self) = @_; return join ' ', $self->{class}->name, $self->{row}{conditions}{names} }
sub known { my ($self) = @_; return $self->{env}{reload_memory}{ $self->key } }

sub reload_in_background {
	my ($self) = @_;
	my $pid = fork // die "fork: $!\n";
	return $pid if $pid;
	my $ok = eval { $self->{proxy}->reload; 1 };
	_exit($ok ? 0 : 1);
}

sub reloaded {
	my ($self) = @_;
	my $pid = $self->{proxy}{pid};
	my ($text, $ca) = @{ $self->{next}[0] };
	push @{ $self->{next} }, shift @{ $self->{next} };
	my $before = my $most = memory_kb($pid);
	TLSward::Certs::write_file($self->{file}, $text);
	my $began = time;
	my $child = $self->reload_in_background;
	until ($self->served($ca)) {
		my $kb = memory_kb($pid);
		$most = $kb if $kb > $most;
		die $self->{proxy}->name . " does not serve the new certificate within $MOST_S s\n" if time > $began + $MOST_S;
	}
	my $took = time - $began;
	for (1 .. 50) {			# what is made ready may outlast it
		my $kb = memory_kb($pid);
		$most = $kb if $kb > $most;
		sleep 0.02;
	}
	waitpid $child, 0;
	return ($took, $self->part('memory, times of before', $most / $before));
}

sub round {
	my ($self) = @_;
	my $known = $self->known;
	return shift @$known if $self->{row}{memory} && $known && @$known;
	my ($took, $memory) = $self->reloaded;
	return $memory if $self->{row}{memory};
	push @{ $self->{env}{reload_memory}{ $self->key } }, $memory;
	return $took;
}

sub stop {
	my ($self) = @_;
	TLSward::Certs::write_file($self->{file}, $self->{first}) if $self->{file};
	return $self->SUPER::stop;
}

1;
