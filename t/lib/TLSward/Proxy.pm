# SPDX-License-Identifier: BSD-2-Clause
package TLSward::Proxy;
# Reads the PROXY protocol's header, version 1 or 2, in front of a stream.
use strict;
use warnings;
use Exporter 'import';
use Socket qw(inet_ntop AF_INET AF_INET6);

our @EXPORT_OK = qw(proxy_parse proxy_read);

my $SIGNATURE = "\r\n\r\n\0\r\nQUIT\n";
my %NAMES = (0x01 => 'alpn', 0x02 => 'authority', 0x03 => 'crc32c', 0x04 => 'noop',
	0x05 => 'unique_id', 0x30 => 'netns');
my %SSL_NAMES = (0x21 => 'tls_version', 0x22 => 'client_cn', 0x23 => 'cipher',
	0x24 => 'sig_alg', 0x25 => 'key_alg');

sub tlvs {
	my ($bytes, $names) = @_;
	my %got;
	while (length $bytes) {
		die "PROXY v2: a TLV is cut\n" if length $bytes < 3;
		my ($type, $size) = unpack 'Cn', $bytes;
		die "PROXY v2: TLV $type is longer than the header\n" if length $bytes < 3 + $size;
		my $value = substr $bytes, 3, $size;
		substr($bytes, 0, 3 + $size) = '';
		if ($type == 0x20 && $names == \%NAMES) {
			my ($client, $verify) = unpack 'CN', $value;
			%got = (%got, ssl_client => $client, ssl_verify => $verify,
				tlvs(substr($value, 5), \%SSL_NAMES));
		} else {
			$got{ $names->{$type} // sprintf 'tlv_%02x', $type } = $value;
		}
	}
	return %got;
}

sub parse_v2 {
	my ($bytes) = @_;
	return if length $bytes < 16;
	my ($command, $family, $size) = unpack 'x12 C C n', $bytes;
	die "PROXY v2: version and command are $command\n" unless ($command & 0xf0) == 0x20;
	return if length $bytes < 16 + $size;
	my $body = substr $bytes, 16, $size;
	my %h = (version => 2, command => $command & 1 ? 'PROXY' : 'LOCAL');
	my ($af, $n) = $family == 0x11 ? (AF_INET, 4) : $family == 0x21 ? (AF_INET6, 16) : (undef, 0);
	if ($af) {
		my ($from, $to, $from_port, $to_port) = unpack "a$n a$n n n", $body;
		@h{qw(from from_port to to_port)} =
			(inet_ntop($af, $from), $from_port, inet_ntop($af, $to), $to_port);
	}
	return ({ %h, tlvs(substr($body, $n ? 2 * $n + 4 : 0), \%NAMES) }, 16 + $size);
}

sub parse_v1 {
	my ($bytes) = @_;
	my $end = index $bytes, "\r\n";
	die "PROXY v1: no end of line within 107 bytes\n" if $end > 105 || ($end < 0 && length $bytes > 107);
	return if $end < 0;
	my @word = split / /, substr $bytes, 0, $end;
	my %h = (version => 1, family => $word[1]);
	@h{qw(from to from_port to_port)} = @word[2 .. 5] if $word[1] =~ /^TCP[46]$/;
	return (\%h, $end + 2);
}

# The header at the start of the bytes as a hash, and its size; nothing while
# it is not complete; dies if there is none.
sub proxy_parse {
	my ($bytes) = @_;
	my $n = length $bytes;
	return parse_v2($bytes) if $n >= 12 && substr($bytes, 0, 12) eq $SIGNATURE;
	return parse_v1($bytes) if $n >= 6 && substr($bytes, 0, 6) eq 'PROXY ';
	return if $n < 12 && ($bytes eq substr($SIGNATURE, 0, $n) || $bytes eq substr('PROXY ', 0, $n));
	die "no PROXY header\n";
}

# Reads a header from a blocking socket: the hash, and what was read behind it.
sub proxy_read {
	my ($socket) = @_;
	my $bytes = '';
	while (1) {
		my ($header, $size) = proxy_parse($bytes);
		return ($header, substr $bytes, $size) if $header;
		sysread($socket, $bytes, 4096, length $bytes) or die "no PROXY header before the end\n";
	}
}

1;
