# SPDX-License-Identifier: BSD-2-Clause
package TLSward::Servers;
# nginx and Varnish as Debian ships them, each with a configuration and a
# directory of its own, in the foreground, without their services.
use strict;
use warnings;
use Exporter 'import';
use parent 'TLSward::Foreign';

use TLSward qw(free_port);

our @EXPORT_OK = qw(nginx varnish);

# Port {http} speaks HTTP/1.1, {h2} HTTP/2 in clear; both demand a PROXY header
# unless proxy => 0. Pages name the host and the client of the PROXY header;
# /file/ is {dir}/www for files that a test puts there.
sub nginx {
	my (%o) = @_;
	my $self = __PACKAGE__->new(name => 'nginx', http => free_port(), h2 => free_port());
	my ($dir, $address) = @$self{qw(dir address)};
	my $proxy = ($o{proxy} // 1) ? 'proxy_protocol' : '';
	mkdir "$dir/www";
	chmod 0755, "$dir/www";
	my $temp = join ' ', map { "${_}_temp_path $dir/$_;" } qw(client_body proxy fastcgi uwsgi scgi);
	my $server = <<"END";
		real_ip_header proxy_protocol; set_real_ip_from 127.0.0.0/8;
		default_type text/plain;
		location / { return 200 "nginx: \$host \$uri \$server_protocol for \$remote_addr:\$remote_port\\n"; }
		location /file/ { alias $dir/www/; }
		location /upload { client_max_body_size 0; client_body_in_file_only off; proxy_pass http://$address:$self->{http}/; }
END
	$server =~ s/^.*proxy_protocol;.*\n//m unless $proxy;
	$self->file('nginx.conf', <<"END");
daemon off; master_process off; pid $dir/pid; error_log $dir/output;
events { worker_connections 8192; }
http {
	access_log off; $temp
	keepalive_timeout 1h; client_header_timeout 1h; keepalive_requests 1000000;
	server { listen $address:$self->{http} $proxy; $server }
	server { listen $address:$self->{h2} http2 $proxy; $server }
}
END
	return $self->launch('/usr/sbin/nginx', -p => $dir, -e => "$dir/output", -c => "$dir/nginx.conf")
		->wait_listening(20, @$self{qw(http h2)});
}

# Port {http} demands a PROXY header; pages show what Varnish knows from it.
sub varnish {
	my $self = __PACKAGE__->new(name => 'varnishd', http => free_port());
	my $dir = $self->{dir};
	$self->file('test.vcl', <<'END');
vcl 4.1;
import proxy;
backend default none;
sub vcl_recv { return (synth(200)); }
sub vcl_synth {
	set resp.http.Content-Type = "text/plain";
	set resp.body = "varnish: " + req.http.host + " " + req.url + " for " + client.ip
		+ " authority=" + proxy.authority() + " alpn=" + proxy.alpn()
		+ " version=" + proxy.ssl_version() + " cipher=" + proxy.ssl_cipher() + {"
"};
	return (deliver);
}
END
	return $self->launch('/usr/sbin/varnishd', '-F', -n => "$dir/varnish",
		-a => "$self->{address}:$self->{http},PROXY", -f => "$dir/test.vcl", -s => 'malloc,16m')
		->wait_listening(20, $self->{http});
}

sub server { my ($self, $port) = @_; return "$self->{address}:" . $self->{ $port // 'http' } }

1;
