# SPDX-License-Identifier: BSD-2-Clause
package Bench::Proxy::Relay;
# bench-relay: no TLS at all. A bound of bulk, not a peer.
use strict;
use warnings;
use parent 'Bench::Proxy';

use TLSward qw(program);

sub name { return 'relay' }
sub version { return '-' }
sub limit { return 1 }
sub plain { return 1 }
sub prepare { return }
sub command { my ($self) = @_; return (program('bench-relay'), $self->to, $self->{backend}) }

1;
