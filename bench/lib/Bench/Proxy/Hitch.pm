# SPDX-License-Identifier: BSD-2-Clause
package Bench::Proxy::Hitch;
# Debian's offers no choice of its buffers' size, and has one backend for all.
use strict;
use warnings;
use parent 'Bench::Proxy';

sub name { return 'hitch' }
sub knows { my ($self, $what) = @_; return $what ne 'second' }
sub version { return Bench::Proxy::version_of(qr/hitch (\S+)/, 'hitch', '--version') }

sub prepare {
	my ($self) = @_;
	my ($host, $port) = $self->{backend} =~ /^(.*):(\d+)$/;
	my $certs = $self->{names} > 1 ? qq(pem-dir = "$self->{certs}"\n)
		: sprintf qq(pem-file = "%s"\n), $self->one_certificate;
	my $strict = $self->{strict} ? "sni-nomatch-abort = on\n" : '';
	$self->file('hitch.conf', <<"END");
frontend = "[$self->{address}]:$self->{port}"
backend = "[$host]:$port"
workers = $self->{workers}
backlog = 4096
keepalive = 3600
tls-protos = TLSv1.2 TLSv1.3
ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256"
prefer-server-ciphers = on
ocsp-dir = ""
log-level = 0
daemon = off
$certs$strict
END
	return;
}

sub command { my ($self) = @_; return ('hitch', "--config=$self->{dir}/hitch.conf", $> == 0 ? '--user=nobody' : ()) }
sub reload { my ($self) = @_; return kill HUP => $self->{pid} }

1;
