# SPDX-License-Identifier: BSD-2-Clause
package Bench::Rows;
# The rows of the table, a module (Bench::Rows::*) for each group. A row has:
# name, title, unit, kind (Bench::Kind::*), load (options of bench-load),
# conditions (of the proxies, see Bench::Proxy), needs (what a proxy must know
# to be asked), only (who is measured), target, and what that is a bound of:
# against => peer (the ratio to the best peer) or own (tlsward's value itself).
# if_missed: why tlsward misses the target, if it does, and what would help.
# limits: which of relay and echo are shown beside; rounds, peer_rounds: at most so many of
# all, and of the peers.
use strict;
use warnings;

use Bench::Rows::Many;
use Bench::Rows::Own;
use Bench::Rows::Peers;
use Bench::Rows::Reload;

my @GROUPS = qw(Peers Many Reload Own);

sub all { return map { +{ against => 'peer', %$_ } } map { "Bench::Rows::$_"->rows } @GROUPS }

1;
