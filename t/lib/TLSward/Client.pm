# SPDX-License-Identifier: BSD-2-Clause
package TLSward::Client;
# Clients: OpenSSL through IO::Socket::SSL for conversations, Net::SSLeay where
# sessions or single steps matter, plain TCP. All reads have a deadline.
use strict;
use warnings;
use Exporter 'import';
use IO::Select;
use IO::Socket::IP;
use IO::Socket::SSL;
use JSON::PP ();
use Net::SSLeay;
use POSIX qw(_exit);
use Socket qw(getaddrinfo inet_aton pack_sockaddr_in AI_NUMERICHOST SHUT_WR SOCK_STREAM SOL_SOCKET SO_LINGER SO_RCVBUF);
use Test::More ();
use Time::HiRes qw(sleep time);

use TLSward qw(run_command slow);

our @EXPORT_OK = qw(tls_connect tcp_connect http_get read_all read_some send_all close_notify
	send_reset handshake request_with_finished client_hello canary s_client gnutls_cli curl alert_in);
our $error;	# why the last tls_connect or handshake failed

$SIG{PIPE} = 'IGNORE';

# To a tlsward under test (its first listener, or listener => name): sni, version (TLSv1_2, TLSv1_3), alpn => [...], ca, verify => 0,
# ciphers, receive_buffer, from => an IPv4 address of this machine. The socket, or undef and the reason in $error.
sub tls_connect {
	my ($t, %o) = @_;
	my $raw = tcp_connect($t, %o) or return;
	my $named = ($o{verify} // 1) && $o{sni};
	my $s = IO::Socket::SSL->start_SSL($raw,
		SSL_reuse_ctx => ssl_context($o{ca} // $t->{ca}, %o),
		SSL_hostname => $o{sni} // '',
		($named ? (SSL_verifycn_name => $o{sni}) : ()),
		Timeout => ($o{timeout} // 5) * slow());
	$error = $s ? undef : $SSL_ERROR;
	$raw->close if !$s;
	return $s;
}

# What connections have in common; to make it costs as much as a handshake.
my %context;
sub ssl_context {
	my ($ca, %o) = @_;
	my $verify = $o{verify} // 1;
	my $key = join "\0", $ca // '', $verify, $verify && $o{sni} ? 'named' : '', $o{version} // '', $o{ciphers} // '', @{ $o{alpn} // [] };
	return $context{$key} //= IO::Socket::SSL::SSL_Context->new(
		SSL_ca_file => $ca,
		SSL_verify_mode => $verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE,
		($verify && $o{sni} ? (SSL_verifycn_scheme => 'http') : ()),
		($o{version} ? (SSL_version => $o{version}) : ()),
		($o{ciphers} ? (SSL_cipher_list => $o{ciphers}) : ()),
		($o{alpn} ? (SSL_alpn_protocols => $o{alpn}) : ())) // die "no context: $SSL_ERROR\n";
}

sub tcp_connect {
	my ($t, %o) = @_;
	my $where = { %$t, $o{listener} ? %{ $t->{listeners}{ $o{listener} } } : (), %o };
	my ($wrong, $to) = getaddrinfo(@$where{qw(address port)}, { flags => AI_NUMERICHOST, socktype => SOCK_STREAM });
	die "$where->{address}: $wrong\n" if $wrong;
	socket my $s, $to->{family}, SOCK_STREAM, 0 or die "socket: $!\n";
	setsockopt $s, SOL_SOCKET, SO_RCVBUF, $o{receive_buffer} if $o{receive_buffer};
	!$o{from} or bind $s, pack_sockaddr_in(0, inet_aton($o{from})) or die "bind to $o{from}: $!\n";
	if (!CORE::connect($s, $to->{addr})) {
		$error = "connect: $!";
		return;
	}
	$s = IO::Socket::IP->new_from_fd(POSIX::dup(fileno $s), '+<') or die "socket: $!\n";
	$s->autoflush(1);
	return $s;
}

# Waits until something can be read; false after so many seconds.
sub readable {
	my ($s, $seconds) = @_;
	return 1 if $s->can('pending') && $s->pending;
	return IO::Select->new($s)->can_read($seconds > 0 ? $seconds : 0);
}

# What one read gives: bytes, '' at the end, undef on an error or after the deadline.
sub read_some {
	my ($s, $seconds) = @_;
	my $until = time + ($seconds // 5) * slow();
	while (readable($s, $until - time)) {
		my ($bytes, $how) = one_read($s);
		return $bytes if length $bytes;
		return $how eq 'eof' ? '' : undef if $how;
	}
	return;
}

# Without blocking: what can be read may be no payload, but a session ticket.
sub one_read {
	my ($s) = @_;
	$s->blocking(0);
	my @got = $s->can('_get_ssl_object') ? tls_read($s) : tcp_read($s);
	$s->blocking(1);
	return @got;
}

# Everything until the end: (bytes, "eof", "error" or "deadline"). In TLS only
# close_notify is an end; a fatal alert or a bare FIN is an error.
sub read_all {
	my ($s, $seconds) = @_;
	my $all = '';
	my $until = time + ($seconds // 10) * slow();
	while (1) {
		return ($all, 'deadline') if !readable($s, $until - time);
		my ($bytes, $how) = one_read($s);
		$all .= $bytes;
		return ($all, $how) if $how;
	}
}

# One read: the bytes, and how it ended, if it did.
sub tcp_read {
	my ($s) = @_;
	my $bytes = '';
	my $n = sysread $s, $bytes, 65536;
	return ($bytes, undef) if $n || !defined $n && ($!{EAGAIN} || $!{EWOULDBLOCK});
	$error = "$!";
	return ('', defined $n ? 'eof' : 'error');
}

# By Net::SSLeay, because IO::Socket::SSL takes some alerts for an end.
sub tls_read {
	my ($s) = @_;
	my $ssl = $s->_get_ssl_object;
	Net::SSLeay::ERR_clear_error();
	my ($bytes, $rv) = Net::SSLeay::read($ssl, 65536);
	$bytes //= '';
	return ($bytes, undef) if length $bytes;
	my $why = Net::SSLeay::get_error($ssl, $rv);
	return ('', 'eof') if $why == Net::SSLeay::ERROR_ZERO_RETURN();
	return ('', undef) if $why == Net::SSLeay::ERROR_WANT_READ() || $why == Net::SSLeay::ERROR_WANT_WRITE();
	my $code = Net::SSLeay::ERR_get_error();
	$error = $code ? Net::SSLeay::ERR_error_string($code) : "$!";
	return ('', 'error');
}

sub send_all {
	my ($s, $bytes) = @_;
	for (my $at = 0; $at < length $bytes;) {
		$at += syswrite($s, $bytes, length($bytes) - $at, $at) || return 0;
	}
	return 1;
}

# Says goodbye in TLS and leaves the TCP connection open: half-close.
sub close_notify { my ($s) = @_; return Net::SSLeay::shutdown($s->_get_ssl_object) }

# Ends it with a RST.
sub send_reset {
	my ($s) = @_;
	setsockopt $s, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0;
	return POSIX::close(fileno $s);
}

# One request on an open connection: { status, fields, body }, or undef.
sub http_get {
	my ($s, $host, $path, $seconds) = @_;
	send_all($s, "GET $path HTTP/1.1\r\nHost: $host\r\n\r\n") or return;
	my $bytes = '';
	until ($bytes =~ /\r\n\r\n/) {
		my $more = read_some($s, $seconds);
		return unless length($more // '');
		$bytes .= $more;
	}
	my ($status, $fields) = $bytes =~ s/^HTTP\/1\.1 (\d+)([^\n]*\n.*?\r\n)\r\n//s ? ($1, $2) : return;
	my ($size) = $fields =~ /^content-length: *(\d+)/mi;
	while (length $bytes < $size) {
		my $more = read_some($s, $seconds);
		return unless length($more // '');
		$bytes .= $more;
	}
	return { status => $status, fields => $fields, body => $bytes };
}

# One handshake with one request by raw Net::SSLeay, with sessions:
# handshake($t, sni =>, version => 'TLSv1.2', session => from before, wait => 1:
# the request is held back until something has come, as the ticket in TLS 1.3).
# { resumed, version, cipher, session (to use again), body }, or undef and $error.
sub handshake {
	my ($t, %o) = @_;
	my $raw = tcp_connect($t, %o) or return;
	my $ctx = Net::SSLeay::CTX_new_with_method(Net::SSLeay::TLS_client_method());
	my %number = ('TLSv1.2' => 0x0303, 'TLSv1.3' => 0x0304);
	my $version = $number{ $o{version} // 'TLSv1.3' };
	Net::SSLeay::CTX_set_min_proto_version($ctx, $version);
	Net::SSLeay::CTX_set_max_proto_version($ctx, $version);
	# A session in the context's own store would not be resumable once that is freed.
	Net::SSLeay::CTX_set_session_cache_mode($ctx,
		Net::SSLeay::SESS_CACHE_CLIENT() | Net::SSLeay::SESS_CACHE_NO_INTERNAL());
	# As bytes: OpenSSL takes a TLS 1.3 session for used up once it was offered.
	my $session;
	Net::SSLeay::CTX_sess_set_new_cb($ctx, sub { $session = Net::SSLeay::i2d_SSL_SESSION($_[1]); return 0 });
	my $ssl = Net::SSLeay::new($ctx);
	Net::SSLeay::set_fd($ssl, fileno $raw);
	Net::SSLeay::set_tlsext_host_name($ssl, $o{sni});
	if ($o{session}) {
		my $again = Net::SSLeay::d2i_SSL_SESSION($o{session});
		Net::SSLeay::set_session($ssl, $again);
		Net::SSLeay::SESSION_free($again);
	}
	my %got;
	if (Net::SSLeay::connect($ssl) == 1) {
		!$o{wait} or readable($raw, 5 * slow()) or die "nothing comes before the request\n";
		Net::SSLeay::ssl_write_all($ssl, "GET /session HTTP/1.1\r\nHost: $o{sni}\r\nConnection: close\r\n\r\n");
		$got{body} = '';
		while (length(my $more = Net::SSLeay::read($ssl) // '')) {
			$got{body} .= $more;
		}
		@got{qw(resumed version cipher)} = (Net::SSLeay::session_reused($ssl),
			Net::SSLeay::get_version($ssl), Net::SSLeay::get_cipher($ssl));
		Net::SSLeay::shutdown($ssl);
	} else {
		$error = Net::SSLeay::print_errs('handshake');
	}
	$raw->close;
	Net::SSLeay::free($ssl);
	Net::SSLeay::CTX_free($ctx);
	return %got ? { %got, session => $session } : undef;
}

# A TLS 1.3 connection with one request that goes out in one piece with the last
# bytes of the handshake: { body, session }, or undef. goodbye: with close_notify
# and FIN, too; before and after: called when that piece is about to be sent, and
# with the socket when it has been.
sub request_with_finished {
	my ($t, $host, %o) = @_;
	my $raw = tcp_connect($t) or return;
	my ($ctx, %got) = (Net::SSLeay::CTX_new_with_method(Net::SSLeay::TLS_client_method()), body => '');
	Net::SSLeay::CTX_set_session_cache_mode($ctx, Net::SSLeay::SESS_CACHE_CLIENT() | Net::SSLeay::SESS_CACHE_NO_INTERNAL());
	Net::SSLeay::CTX_sess_set_new_cb($ctx, sub { $got{session} = 1; return 0 });
	my $ssl = Net::SSLeay::new($ctx);
	my ($in, $out) = map { Net::SSLeay::BIO_new(Net::SSLeay::BIO_s_mem()) } 1 .. 2;
	Net::SSLeay::set_bio($ssl, $in, $out);
	Net::SSLeay::set_tlsext_host_name($ssl, $host);
	while (Net::SSLeay::connect($ssl) != 1) {
		send_all($raw, Net::SSLeay::BIO_read($out)) if Net::SSLeay::BIO_pending($out);
		my $bytes = read_some($raw) // '';
		length $bytes or last;
		Net::SSLeay::BIO_write($in, $bytes);
	}
	Net::SSLeay::write($ssl, "GET / HTTP/1.1\r\nHost: $host\r\nConnection: close\r\n\r\n");
	Net::SSLeay::shutdown($ssl) if $o{goodbye};
	$o{before}->() if $o{before};
	send_all($raw, Net::SSLeay::BIO_read($out));
	shutdown $raw, SHUT_WR if $o{goodbye};
	$o{after}->($raw) if $o{after};
	while (length(my $bytes = read_some($raw) // '')) {
		Net::SSLeay::BIO_write($in, $bytes);
		$got{body} .= Net::SSLeay::read($ssl) // '' while Net::SSLeay::BIO_pending($in);
	}
	$raw->close;
	Net::SSLeay::free($ssl);
	Net::SSLeay::CTX_free($ctx);
	Net::SSLeay::ERR_clear_error();
	return \%got;
}

# The bytes of a ClientHello record (sni =>, at most version => 'TLSv1.2'), for tests that send it in their own way.
sub client_hello {
	my (%o) = @_;
	my $ctx = Net::SSLeay::CTX_new_with_method(Net::SSLeay::TLS_client_method());
	Net::SSLeay::CTX_set_max_proto_version($ctx, 0x0303) if ($o{version} // '') eq 'TLSv1.2';
	my $ssl = Net::SSLeay::new($ctx);
	my ($in, $out) = map { Net::SSLeay::BIO_new(Net::SSLeay::BIO_s_mem()) } 1 .. 2;
	Net::SSLeay::set_bio($ssl, $in, $out);
	Net::SSLeay::set_tlsext_host_name($ssl, $o{sni}) if defined $o{sni};
	Net::SSLeay::set_connect_state($ssl);
	Net::SSLeay::do_handshake($ssl);
	my $bytes = Net::SSLeay::BIO_read($out);
	Net::SSLeay::free($ssl);
	Net::SSLeay::CTX_free($ctx);
	Net::SSLeay::ERR_clear_error();
	return $bytes;
}

# The alert in the first record of what a server sent in clear, or undef.
sub alert_in {
	my ($bytes) = @_;
	return length $bytes >= 7 && ord $bytes == 21 ? ord substr $bytes, 6, 1 : undef;
}

# openssl s_client, gnutls-cli and curl: (exit status, output). The first two
# ask for / if the host name is given, and verify it.
sub s_client {
	my ($t, $host, @args) = @_;
	return run_command('sh', '-c', 'printf "$0" | exec timeout ' . 20 * slow() . ' openssl s_client "$@"', request($host),
		-connect => "$t->{address}:$t->{port}", -CAfile => $t->{ca}, qw(-verify_return_error -ign_eof),
		(defined $host ? (-servername => $host, -verify_hostname => $host) : ('-noservername')), @args);
}

sub gnutls_cli {
	my ($t, $host, @args) = @_;
	return run_command('sh', '-c', 'printf "$0" | exec timeout ' . 20 * slow() . ' gnutls-cli "$@"', request($host),
		'--x509cafile', $t->{ca}, "--sni-hostname=$host", "--verify-hostname=$host", @args,
		'-p', $t->{port}, $t->{address});
}

sub request {
	my ($host) = @_;
	return sprintf 'GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n', $host // 'none';
}

sub curl {
	my ($t, $url, @args) = @_;
	my ($host, $path) = $url =~ m{^([^/]+)(.*)$};
	return run_command(qw(curl --silent --show-error --max-time), 20 * slow(), '--cacert', $t->{ca},
		'--resolve', "$host:$t->{port}:$t->{address}", @args, "https://$host:$t->{port}$path");
}

# A person who uses the service all the while: a new connection with a request
# every 100 ms (every =>), in a process of its own (sni =>, from =>, timeout =>), until ->stop, which returns
# { tried, failed, slowest (seconds), errors => [...] }, or ->unharmed, which is a test that none failed.
# The process has what is open when it begins: it comes before connections whose end matters.
sub canary {
	my ($t, %o) = @_;
	pipe my $read, my $write or die "pipe: $!\n";
	pipe my $life, my $ours or die "pipe: $!\n";
	my $pid = fork // die "fork: $!\n";
	if (!$pid) {
		close $_ for $read, $ours;
		my $result = canary_run($t, $life, %o);
		syswrite $write, JSON::PP->new->encode($result);
		_exit(0);
	}
	close $_ for $write, $life;
	return bless { pid => $pid, read => $read, life => $ours }, 'TLSward::Client::Canary';
}

sub canary_run {
	my ($t, $life, %o) = @_;
	my %r = (tried => 0, failed => 0, slowest => 0, errors => []);
	my $host = $o{sni} // $t->{hosts}[0];
	my $stop = IO::Select->new($life);
	do {
		my $began = time;
		my $s = tls_connect($t, sni => $host, timeout => $o{timeout} // 5, from => $o{from});
		my $answer = $s && http_get($s, $host, '/canary', $o{timeout} // 5);
		my $took = time - $began;
		$r{tried}++;
		$r{slowest} = $took if $took > $r{slowest};
		if (!$answer || $answer->{status} != 200) {
			$r{failed}++;
			push @{ $r{errors} }, sprintf '%.1f s: %s', $took, $s ? 'no answer' : $error if @{ $r{errors} } < 20;
		}
	} until $stop->can_read($o{every} // 0.1);
	return \%r;
}

package TLSward::Client::Canary;

sub stop {
	my ($self) = @_;
	close $self->{life};
	my $text = do { local $/; readline $self->{read} };
	waitpid $self->{pid}, 0;
	return JSON::PP->new->decode($text);
}

sub unharmed {
	my ($self) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $r = $self->stop;
	return Test::More::is($r->{failed}, 0, sprintf 'nobody else notices: %d connections with a request, the slowest took %.3f s', @$r{qw(tried slowest)})
		|| Test::More::diag(Test::More::explain($r->{errors}));
}

1;
