# SPDX-License-Identifier: BSD-2-Clause
package TLSward::Certs;
# A throw-away certificate authority (root and intermediate) and certificates
# from it, made with openssl(1).
use strict;
use warnings;
use File::Copy qw(copy);
use File::Path qw(make_path);

sub run_openssl {
	my (@args) = @_;
	my $out = qx{@{[ join ' ', map { quotemeta } 'openssl', @args ]} 2>&1};
	die "openssl @args failed:\n$out" if $?;
	return $out;
}

sub write_file {
	my ($path, $text) = @_;
	open my $f, '>', $path or die "$path: $!\n";
	print {$f} $text;
	close $f or die "$path: $!\n";
	return $path;
}

# A file in the place of another, as it is done well: written beside and renamed.
sub put {
	my ($from, $to) = @_;
	copy($from, "$to.new~") && rename "$to.new~", $to or die "$to: $!\n";
	return;
}

sub slurp {
	my ($path) = @_;
	open my $f, '<', $path or die "$path: $!\n";
	local $/;
	return scalar <$f>;
}

# A new authority in that directory: ca.pem is what a client trusts.
sub new {
	my ($class, $dir) = @_;
	make_path($dir);
	my $self = bless { dir => $dir, serial => time() * 1000 + $$ % 1000 }, $class;
	$self->key('ca', 'ecdsa');
	$self->key('intermediate', 'ecdsa');
	run_openssl(qw(req -x509 -new -sha256 -days 30 -subj), "/CN=tlsward test root", -key => "$dir/ca.key",
		-out => "$dir/ca.pem", -addext => 'keyUsage=critical,keyCertSign,cRLSign');
	$self->sign('intermediate', subject => '/CN=tlsward test intermediate', ca => 'ca',
		extensions => "basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign\n");
	return $self;
}

sub ca { return "$_[0]{dir}/ca.pem" }

sub key {
	my ($self, $name, $kind) = @_;
	my @how = $kind eq 'rsa' ? (qw(-algorithm RSA -pkeyopt rsa_keygen_bits:2048))
		: $kind eq 'ed25519' ? (qw(-algorithm ED25519))
		: (qw(-algorithm EC -pkeyopt ec_paramgen_curve:P-256));
	run_openssl('genpkey', @how, -out => "$self->{dir}/$name.key");
	chmod 0600, "$self->{dir}/$name.key";
	return;
}

sub sign {
	my ($self, $name, %o) = @_;
	my $d = $self->{dir};
	write_file("$d/$name.ext", $o{extensions});
	run_openssl(qw(req -new -sha256), -subj => $o{subject}, -key => "$d/$name.key", -out => "$d/$name.csr");
	run_openssl(qw(x509 -req -sha256), -days => $o{days} // 30, -in => "$d/$name.csr", -CA => "$d/$o{ca}.pem",
		-CAkey => "$d/$o{ca}.key", -set_serial => $self->{serial}++, -extfile => "$d/$name.ext",
		-out => "$d/$name.pem");
	unlink "$d/$name.ext", "$d/$name.csr";
	return;
}

sub aia {
	my ($url, $responder) = @_;
	my @uris = (($url ? "caIssuers;URI:$url" : ()), ($responder ? "OCSP;URI:$responder" : ()));
	return @uris ? 'authorityInfoAccess=' . join(',', @uris) . "\n" : '';
}

# Another authority, "CN=tlsward test NAME": ca => whose it is, itself a root
# without; key_of => an authority whose key it has, subject_of => and whose
# name, which makes it cross-signed; url => where its issuer's certificate is;
# days => -1 for one that has expired. Its file.
sub authority {
	my ($self, $name, %o) = @_;
	my $d = $self->{dir};
	$o{key_of} ? write_file("$d/$name.key", slurp("$d/$o{key_of}.key")) : $self->key($name, 'ecdsa');
	my $subject = '/CN=tlsward test ' . ($o{subject_of} // $name);
	if ($o{ca}) {
		$self->sign($name, subject => $subject, ca => $o{ca}, days => $o{days}, extensions =>
			"basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n"
			. "authorityKeyIdentifier=keyid\n" . aia($o{url}));
	} else {
		run_openssl(qw(req -x509 -new -sha256 -days 30 -subj), $subject, -key => "$d/$name.key", -out => "$d/$name.pem",
			-addext => 'keyUsage=critical,keyCertSign,cRLSign');
	}
	return "$d/$name.pem";
}

# A certificate that answers for that authority as its OCSP responder: NAME.pem and NAME.key.
sub responder {
	my ($self, $name, %o) = @_;
	$self->key($name, 'ecdsa');
	$self->sign($name, subject => "/CN=tlsward test $name", ca => $o{ca}, days => $o{days},
		extensions => 'basicConstraints=CA:FALSE' . ($o{unfit} ? "\n" : "\nextendedKeyUsage=OCSPSigning\n"));
	return;
}

# make(name => 'one', kind => 'ecdsa' or 'rsa', names => [host names]):
# a certificate with its intermediate, and its key:
# { chain, key, both (one file), leaf, name, names }.
# ca => another authority, with => [authorities] whose certificates follow it in
# the file instead, url => where its issuer's certificate is, responder => the
# URL of its OCSP responder, must => 1: it must have a staple.
sub make {
	my ($self, %o) = @_;
	my ($d, $name) = ($self->{dir}, $o{name});
	return $self->{made}{$name} if $self->{made}{$name};
	my $san = join ",", map { (/^[\d.]+$/ ? "IP" : "DNS") . ":$_" } @{ $o{names} };
	$self->key($name, $o{kind} // 'ecdsa');
	$self->sign($name, subject => '/CN=' . substr($o{names}[0], 0, 64), ca => $o{ca} // 'intermediate', days => $o{days},
		extensions => "subjectAltName=$san\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n" . aia($o{url}, $o{responder})
			. ($o{must} ? "tlsfeature=status_request\n" : ''));
	rename "$d/$name.pem", "$d/$name.leaf.pem" or die "$d/$name.pem: $!\n";
	my $chain = join '', map { slurp("$d/$_.pem") } "$name.leaf", @{ $o{with} // ['intermediate'] };
	write_file("$d/$name.pem", $chain);
	my $both = write_file("$d/$name.both.pem", $chain . slurp("$d/$name.key"));
	chmod 0600, $both;
	return $self->{made}{$name} = { name => $name, names => $o{names}, chain => "$d/$name.pem",
		key => "$d/$name.key", both => $both, leaf => "$d/$name.leaf.pem" };
}

1;
