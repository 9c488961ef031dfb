# SPDX-License-Identifier: BSD-2-Clause
package Bench::Proxy::Tlsward;
# As it is installed: keys in the keeper, sandbox on, a log line for each
# connection, the policy asked. It is started by the tests' harness.
use strict;
use warnings;
use parent 'Bench::Proxy';

use TLSward qw(program wait_for);
use TLSward::Certs;

# Allows the certificates' names, from a set of 100,000, and sets deadlines.
my $POLICY = <<'END';
local hosts = tlsward.hostset("hosts.txt")
return {
	name = "bench", api = 1,
	allow = function(hello) return hosts:contains(hello.sni) end,
	timeouts = function(hello) return { idle = 600, progress = 20, half_close = 50 } end,
}
END

sub name { return 'tlsward' }
sub version { return Bench::Proxy::version_of(qr/tlsward (\S+)/, program('tlsward'), '-V') }

sub policy {
	my ($self) = @_;
	my $folder = "$self->{dir}/policy.d";
	mkdir $folder;
	chmod 0755, $folder;
	TLSward::Certs::write_file("$folder/bench.lua", $POLICY);
	TLSward::Certs::write_file("$folder/hosts.txt", join '', map { "n$_.bench.test\n" } 0 .. 99_999);
	return (policy => { scripts => $folder });
}

sub start {
	my ($self) = @_;
	my @fronts = ({ name => 'app', backend => $self->{backend} }, $self->{second} ? { name => 'second', backend => $self->{second} } : ());
	$self->{t} //= TLSward->new(certs => $self, hosts => [], certificates => [ { directory => $self->{certs} } ],
		listeners => [ map { +{ name => $_->{name}, backend => $_->{name} } } @fronts ],
		backends => [ map { +{ name => $_->{name}, servers => ref $_->{backend} ? $_->{backend} : [ $_->{backend} ] } } @fronts ],
		conf => { workers => $self->{workers}, log => { level => 'info' }, $self->{policy} ? $self->policy : (),
			%{ $self->{conf} // {} } });
	$self->{t}{wrapper} = [ 'taskset', '-c', $self->cores ];
	$self->{pid} = $self->{t}->launch;
	@$self{qw(address port)} = @{ $self->{t} }{qw(address port)};
	$self->{second_port} = $self->{t}->via('second')->{port} if $self->{second};
	return $self;
}

sub ca { return 'unused' }	# the harness asks its authority

sub wait_ready {
	my ($self) = @_;
	wait_for(sub {
		$self->{t}->running or die "tlsward ended before it was ready\n";
		return scalar $self->{t}->find_log({ who => 'tlsward', msg => 'ready' }, $self->{t}{mark});
	}, 120, 'tlsward is ready');
	return $self;
}

sub stop {
	my ($self) = @_;
	return $self->{t} && $self->{t}{pid} ? $self->{t}->stop(20) : 0;
}

sub reload {
	my ($self) = @_;
	return $self->{t}->ctl('reload');
}

1;
