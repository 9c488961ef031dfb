# SPDX-License-Identifier: BSD-2-Clause
package Bench::Proxy::Stunnel;
# A thread for each connection; its certificates are chosen by sections, so
# that thousands of them, and a refusal of unknown names, are not measured.
use strict;
use warnings;
use parent 'Bench::Proxy';

sub name { return 'stunnel' }
sub version { return Bench::Proxy::version_of(qr/stunnel (\d\S+)/, 'stunnel4', '-version') }
sub knows { my ($self, $what) = @_; return $what !~ /^(?:names|strict|buffers|thousands|workers|reloads)$/ }

# Each takes a thread's stack.
sub most_connections { return 1000 }

sub prepare {
	my ($self) = @_;
	my $services = join '', map { <<"END" } $self->fronts;
[tls$_->[0]]
accept = $self->{address}:$_->[0]
connect = $_->[1]
cert = @{[ $self->one_certificate ]}
END
	$self->file('stunnel.conf', <<"END");
foreground = yes
pid =
debug = crit
socket = l:TCP_NODELAY=1
socket = r:TCP_NODELAY=1
options = NO_SSLv3
sslVersionMin = TLSv1.2
ciphers = ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256
sessionCacheSize = 10000
TIMEOUTclose = 0
$services
END
	return;
}

sub command { my ($self) = @_; return ('stunnel4', "$self->{dir}/stunnel.conf") }

1;
