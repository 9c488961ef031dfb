# SPDX-License-Identifier: BSD-2-Clause
package Bench::Proxy::Echo;
# bench-echo: GnuTLS without proxying, and without all that tlsward adds. A
# bound of what is not the backend's leg, not a peer.
use strict;
use warnings;
use parent 'Bench::Proxy';

use TLSward qw(program);

sub name { return 'echo' }
sub version { return '-' }
sub limit { return 1 }
sub prepare { return }
sub command { my ($self) = @_; return (program('bench-echo'), $self->to, $self->one_certificate) }

1;
