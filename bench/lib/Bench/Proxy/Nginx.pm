# SPDX-License-Identifier: BSD-2-Clause
package Bench::Proxy::Nginx;
# The stream module, which knows no refusal of names in this version: a name
# without a file of its own fails the handshake.
use strict;
use warnings;
use parent 'Bench::Proxy';

sub name { return 'nginx' }
# Files of names are read in each handshake: nothing is left to reload.
sub knows { my ($self, $what) = @_; return $what ne 'reloads' }
sub version { return Bench::Proxy::version_of(qr{nginx/(\S+)}, '/usr/sbin/nginx', '-v') }

# Files by name are read in each handshake: for many certificates there is nothing else.
sub prepare {
	my ($self) = @_;
	my $file = $self->{names} > 1 || $self->{strict} ? "$self->{certs}/\$ssl_server_name.pem" : $self->one_certificate;
	my $buffers = $self->{buffers} ? "proxy_buffer_size $self->{buffers};" : '';
	my $user = $> == 0 ? 'user root;' : '';
	my $servers = join '', map { <<"END" } $self->fronts;
	server {
		listen $self->{address}:$_->[0] ssl backlog=4096;
		proxy_pass $_->[1];
	}
END
	$self->file('nginx.conf', <<"END");
$user daemon off; pid $self->{dir}/pid; error_log $self->{dir}/output crit;
worker_processes $self->{workers};
worker_rlimit_nofile 20000;
load_module /usr/lib/nginx/modules/ngx_stream_module.so;
events { worker_connections 19950; multi_accept on; }
stream {
	access_log off;
	ssl_certificate $file;
	ssl_certificate_key $file;
	ssl_protocols TLSv1.2 TLSv1.3;
	ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256;
	ssl_prefer_server_ciphers on;
	ssl_session_cache shared:tls:10m;
	ssl_session_tickets on;
	proxy_timeout 300s;
	$buffers
$servers}
END
	return;
}

sub command {
	my ($self) = @_;
	return ('/usr/sbin/nginx', -p => $self->{dir}, -e => "$self->{dir}/output", -c => "$self->{dir}/nginx.conf");
}
sub reload { my ($self) = @_; return kill HUP => $self->{pid} }

1;
