#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# 20 reloads under 2,000 connections and a canary: each is obeyed by the next
# handshake, nothing breaks, and neither descriptors nor memory stay behind.
use strict;
use warnings;
use Test::More;

use TLSward::Reloads qw(reloads_under_load);

reloads_under_load(connections => 2000, reloads => 20);
done_testing;
