#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# The same as t/reload-under-load.t with 200 reloads: what grows with their
# number is found by it.
use strict;
use warnings;
use Test::More;

use TLSward::Reloads qw(reloads_under_load);

reloads_under_load(connections => 2000, reloads => 200);
done_testing;
