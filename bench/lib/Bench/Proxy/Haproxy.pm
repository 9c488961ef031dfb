# SPDX-License-Identifier: BSD-2-Clause
package Bench::Proxy::Haproxy;
use strict;
use warnings;
use parent 'Bench::Proxy';

sub name { return 'haproxy' }
sub version { return Bench::Proxy::version_of(qr/version (\S+)/, 'haproxy', '-v') }

sub prepare {
	my ($self) = @_;
	my $crt = $self->{names} > 1 ? $self->{certs} : $self->one_certificate;
	my $strict = $self->{strict} ? 'strict-sni' : '';
	my $buffers = $self->{buffers} ? "\ttune.bufsize $self->{buffers}\n" : '';
	my $fronts = join '', map { <<"END" } $self->fronts;
listen tls$_->[0]
	bind $self->{address}:$_->[0] ssl crt $crt $strict backlog 4096
	server app $_->[1]
END
	$self->file('haproxy.cfg', <<"END");
global
	nbthread $self->{workers}
	maxconn 9900
	ssl-default-bind-options ssl-min-ver TLSv1.2
	ssl-default-bind-ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256
	ssl-default-bind-ciphersuites TLS_AES_128_GCM_SHA256
$buffers
defaults
	mode tcp
	timeout connect 5s
	timeout client 300s
	timeout server 300s
$fronts
END
	return;
}

# With a master, so that it can be reloaded.
sub command { my ($self) = @_; return ('haproxy', $self->{reloads} ? '-Ws' : '-db', '-f', "$self->{dir}/haproxy.cfg") }
sub reload { my ($self) = @_; return kill USR2 => $self->{pid} }

1;
