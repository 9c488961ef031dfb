# SPDX-License-Identifier: BSD-2-Clause
package Bench::Proxy::Tlsward;
# As it is installed: keys in the keeper, sandbox on, a log line for each
# connection, the policy asked. It is started by the tests' harness.
use strict;
use warnings;
use parent 'Bench::Proxy';

use TLSward qw(program wait_for);

sub name { return 'tlsward' }
sub version { return Bench::Proxy::version_of(qr/tlsward (\S+)/, program('tlsward'), '-V') }

sub start {
	my ($self) = @_;
	$self->{t} //= TLSward->new(certs => $self, hosts => [], certificates => [ { directory => $self->{certs} } ],
		backends => [ { servers => [ $self->{backend} ] } ],
		conf => { workers => $self->{workers}, log => { level => 'info' }, %{ $self->{conf} // {} } });
	$self->{t}{wrapper} = [ 'taskset', '-c', $self->cores ];
	$self->{pid} = $self->{t}->launch;
	@$self{qw(address port)} = @{ $self->{t} }{qw(address port)};
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
	return $self->{t}->stop(20);
}

sub reload {
	my ($self) = @_;
	return $self->{t}->ctl('reload');
}

1;
