#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# When a backend's name gets another address, new connections follow it without
# a restart; open ones stay, and a name that is lost leaves the last addresses.
use strict;
use warnings;
use Test::More;

use TLSward qw(wait_for);
use TLSward::Backend;
use TLSward::Certs;
use TLSward::Client qw(tls_connect http_get);

my $host = 'one.example.test';
my $old = TLSward::Backend->new('http', name => 'old');
my $new = TLSward::Backend->new('http', name => 'new', address => '127.0.0.1', port => $old->{port});
my $t = TLSward->new(hosts => [$host], backends => [ { servers => ["app.test:$old->{port}"] } ]);
my $hosts = $t->in_directory('hosts');
TLSward::Certs::write_file($hosts, "$old->{address} app.test\n");
TLSward::Certs::write_file($t->in_directory('nsswitch'), "hosts: files\n");
plan skip_all => 'NOT TESTED: needs root and mount namespaces'
	if !$t->mounts('mount --bind DIR/hosts /etc/hosts', 'mount --bind DIR/nsswitch /etc/nsswitch.conf');
$t->start;

sub page {
	my ($s) = @_;
	my $answer = $s && http_get($s, $host, '/') or return '';
	return $answer->{body};
}

my @open = map { tls_connect($t, sni => $host) } 1 .. 6;
is scalar(grep { page($_) eq "old / for $host\n" } @open), 6, 'the first address is used';
TLSward::Certs::write_file($hosts, "127.0.0.1 app.test\n");
my $line = $t->wait_log({ msg => qr/addresses of a backend's server changed/, first => "127.0.0.1:$old->{port}" }, 40);
is $line->{server}, "app.test:$old->{port}", 'the change is noticed and logged';
# One worker hears of it before the other.
sub new_ones { return scalar grep { page(tls_connect($t, sni => $host)) eq "new / for $host\n" } 1 .. 20 }
wait_for(sub { new_ones() == 20 }, 5, 'the new address');
is new_ones(), 20, 'all new connections go there';
is scalar(grep { page($_) eq "old / for $host\n" } @open), 6, 'open ones stay';
my $mark = $t->mark;
TLSward::Certs::write_file($hosts, "127.0.0.1 other.test\n");
like $t->wait_log({ level => 'warning', msg => qr/app\.test/ }, 40, $mark)->{msg}, qr/the last ones stay/, 'a lost name is warned about';
is page(tls_connect($t, sni => $host)), "new / for $host\n", 'and its last address stays in use';
$_->close for @open;
is $t->stop, 0, 'it ends in order';
done_testing;
