# SPDX-License-Identifier: BSD-2-Clause
package TLSward::Responder;
# An OCSP responder over HTTP: each answer is made by openssl(1) from the
# request that came. A path is one certificate's; what it answers lies in a
# file beside it, so that a test changes it while the server runs.
use strict;
use warnings;
use File::Temp qw(tempdir);

use TLSward::Backend;
use TLSward::Certs;
use TLSward::Client qw(send_all);

# certs => the authority, ca => the name of the issuer of what is asked about.
sub new {
	my ($class, %o) = @_;
	my $self = bless { %o, dir => tempdir('tlsward-t-ocsp-XXXXXX', TMPDIR => 1, CLEANUP => 1) }, $class;
	$self->{server} = TLSward::Backend->new(sub { my ($s) = @_; return $self->serve($s) });
	return $self;
}

sub url { my ($self, $path) = @_; return 'http://' . $self->{server}->server . "/$path" }

# How often that path has been asked.
sub asked {
	my ($self, $path) = @_;
	return scalar(() = TLSward::Certs::slurp($self->{server}{records}) =~ m{"path":"/\Q$path\E"}g);
}

# From now on: signer => name of certificate and key, valid => [ -nmin => 1 ],
# status => V or R, cert => file that it is about; or answer => HTTP as it is; or hang => 1.
sub answer {
	my ($self, $path, %o) = @_;
	my $file = "$self->{dir}/$path";
	if ($o{cert}) {
		my ($serial) = TLSward::Certs::run_openssl(qw(x509 -noout -serial -in), $o{cert}) =~ /serial=(\w+)/;
		my $revoked = ($o{status} // 'V') eq 'R' ? '240101000000Z' : '';
		TLSward::Certs::write_file("$file.index", join("\t", $o{status} // 'V', '491231235959Z', $revoked, $serial, 'unknown', '/CN=x') . "\n");
	}
	TLSward::Certs::write_file("$file.signer", $o{signer}) if $o{signer};
	TLSward::Certs::write_file("$file.valid", join ' ', @{ $o{valid} // [qw(-ndays 4)] });
	TLSward::Certs::write_file("$file.new", $o{hang} ? 'hang' : $o{answer} // 'make');
	rename "$file.new", $file or die "$file: $!\n";
	return $self;
}

sub make {
	my ($self, $file, $request) = @_;
	local $SIG{CHLD} = 'DEFAULT';	# or the exit status would be lost
	my $d = $self->{certs}{dir};
	my $signer = TLSward::Certs::slurp("$file.signer");
	TLSward::Certs::write_file("$file.req$$", $request);
	TLSward::Certs::run_openssl('ocsp', -index => "$file.index", -CA => "$d/$self->{ca}.pem", -rsigner => "$d/$signer.pem",
		-rkey => "$d/$signer.key", -reqin => "$file.req$$", -respout => "$file.resp$$", split ' ', TLSward::Certs::slurp("$file.valid"));
	return "HTTP/1.1 200 OK\r\nContent-Type: application/ocsp-response\r\n\r\n" . TLSward::Certs::slurp("$file.resp$$");
}

sub serve {
	my ($self, $s) = @_;
	my ($bytes, $head, $size, $request) = ('');
	while (!defined $request || length $request < $size) {
		sysread $s, $bytes, 65536, length $bytes or return { how => 'broken off' };
		($head, $request) = $bytes =~ /^(.*?\r\n)\r\n(.*)$/s or next;
		($size) = $head =~ /^Content-Length: (\d+)\r$/mi or return { how => 'no request' };
	}
	my ($path) = $head =~ m{^POST /(\S+) };
	my $file = "$self->{dir}/$path";
	my $what = -e $file ? TLSward::Certs::slurp($file) : "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
	sleep 60 if $what eq 'hang';
	send_all($s, $what eq 'make' ? $self->make($file, $request) : $what);
	return { path => "/$path" };
}

1;
