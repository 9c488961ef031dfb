#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# Two functions of the worker stand in for one of GnuTLS and one of nettle. What
# the dynamic linker says of them: GnuTLS calls ours.
use strict;
use warnings;
use Test::More;

use TLSward qw(run_command);

# It ends at once, for nobody has given it what it needs.
my (undef, $said) = run_command(qw(env LD_BIND_NOW=1 LD_DEBUG=bindings), TLSward::program('tlsward-worker'));
for my $function (qw(gnutls_privkey_sign_data2 nettle_curve25519_mul)) {
	my @bound = $said =~ /binding file \S*libgnutls\S* \[0\] to (\S+) \[0\]: normal symbol .\Q$function\E'/g;
	is_deeply [ map { s{.*/}{}r } @bound ], ['tlsward-worker'], "GnuTLS finds $function in the worker";
}

done_testing;
