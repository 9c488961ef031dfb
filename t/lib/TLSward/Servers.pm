# SPDX-License-Identifier: BSD-2-Clause
package TLSward::Servers;
# nginx and Varnish as Debian ships them, each with a configuration and a
# directory of its own, in the foreground, without their services.
use strict;
use warnings;
use Exporter 'import';
use File::Temp qw(tempdir);
use IO::Socket::INET;
use POSIX qw(WNOHANG _exit);
use Test::More ();

use TLSward qw(address free_port wait_for);
use TLSward::Certs;

our @EXPORT_OK = qw(nginx varnish);

my $OWNER = $$;
my @running;

sub launch {
	my ($self, @command) = @_;
	my $pid = fork // die "fork: $!\n";
	if (!$pid) {
		setpgrp;
		open STDIN, '<', '/dev/null';
		open STDOUT, '>>', "$self->{dir}/output";
		open STDERR, '>&', \*STDOUT;
		exec { $command[0] } @command or warn "$command[0]: $!\n";
		_exit(127);
	}
	setpgrp $pid, $pid;
	$self->{pid} = $pid;
	push @running, $self;
	wait_for(sub {
		waitpid($pid, WNOHANG) and die "$command[0] ended: " . TLSward::Certs::slurp("$self->{dir}/output");
		return !grep { !IO::Socket::INET->new(PeerAddr => address(), PeerPort => $_) } @{ $self->{ports} };
	}, 20, "$command[0] listens");
	return $self;
}

sub prepare {
	my (%o) = @_;
	my $dir = tempdir("tlsward-s-XXXXXX", TMPDIR => 1, CLEANUP => 1);
	chmod 0755, $dir;
	return bless { dir => $dir, %o }, __PACKAGE__;
}

# Port {http} speaks HTTP/1.1, {h2} HTTP/2 in clear; both demand a PROXY header
# unless proxy => 0. Pages name the host and the client of the PROXY header;
# /file/ is {dir}/www for files that a test puts there.
sub nginx {
	my (%o) = @_;
	my $self = prepare(http => free_port(), h2 => free_port());
	my ($dir, $address) = ($self->{dir}, address());
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
	TLSward::Certs::write_file("$dir/nginx.conf", <<"END");
daemon off; master_process off; pid $dir/pid; error_log $dir/output;
events { worker_connections 8192; }
http {
	access_log off; $temp
	keepalive_timeout 1h; client_header_timeout 1h; keepalive_requests 1000000;
	server { listen $address:$self->{http} $proxy; $server }
	server { listen $address:$self->{h2} http2 $proxy; $server }
}
END
	$self->{ports} = [ @$self{qw(http h2)} ];
	return $self->launch('/usr/sbin/nginx', -p => $dir, -e => "$dir/output", -c => "$dir/nginx.conf");
}

# Port {http} demands a PROXY header; pages show what Varnish knows from it.
sub varnish {
	my $self = prepare(http => free_port());
	my $dir = $self->{dir};
	TLSward::Certs::write_file("$dir/test.vcl", <<'END');
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
	$self->{ports} = [ $self->{http} ];
	return $self->launch('/usr/sbin/varnishd', '-F', -n => "$dir/varnish",
		-a => address() . ":$self->{http},PROXY", -f => "$dir/test.vcl", -s => 'malloc,16m');
}

sub server { my ($self, $port) = @_; return address() . ':' . $self->{ $port // 'http' } }

sub stop {
	my ($self) = @_;
	my $pid = delete $self->{pid} or return;
	kill TERM => $pid;
	eval { wait_for(sub { waitpid $pid, WNOHANG }, 5, 'its end'); 1 } and return;
	kill KILL => -$pid;
	return waitpid $pid, 0;
}

END {
	if ($$ == $OWNER) {
		my $status = $?;
		if ($status || !Test::More->builder->is_passing) {
			Test::More::diag("--- $_->{dir}/output\n", TLSward::Certs::slurp("$_->{dir}/output")) for @running;
		}
		$_->stop for @running;
		$? = $status;
	}
}

1;
