#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# A certificate that ends soon and has not been renewed is told in time: in the
# log, to those who follow events, in status and metrics; one that is young and
# short-lived is not.
use strict;
use warnings;
use POSIX qw(strftime);
use Test::More;

use TLSward qw(wait_for run_command);
use TLSward::Backend;

my $host = 'one.example.test';
my $backend = TLSward::Backend->new('http');
my $t = TLSward->new(hosts => [ $host, 'two.example.test' ], backends => [ { servers => [ $backend->server ] } ])->start;
my ($chain, $key) = @{ $t->{conf}{certificates}[0] }{qw(chain key)};

# From so many days ago to so many days from now, in the place of the first.
sub lives {
	my ($from, $to) = @_;
	my $ca = "$t->{certs}{dir}/intermediate";
	my $template = $t->in_directory('template');
	my @date = map { strftime('"%Y-%m-%d %H:%M:%S UTC"', gmtime(time + 86_400 * $_)) } -$from, $to;
	TLSward::Certs::write_file($template, "cn = $host\ndns_name = $host\nactivation_date = $date[0]\nexpiration_date = $date[1]\ntls_www_server\n");
	my ($status, $out) = run_command(qw(certtool --generate-certificate), '--template', $template, '--load-privkey', $key,
		'--load-ca-certificate', "$ca.pem", '--load-ca-privkey', "$ca.key", '--outfile', $t->in_directory('new.pem'));
	$status == 0 or die "certtool: $out\n";
	TLSward::Certs::write_file($chain, TLSward::Certs::slurp($t->in_directory('new.pem')) . TLSward::Certs::slurp("$ca.pem"));
	my $mark = $t->mark;
	$t->ctl_json('reload');
	return $mark;
}
# Once the catalog in force has been looked at: the first end is that one's.
sub told {
	my ($days) = @_;
	return wait_for(sub {
		my $e = $t->ctl_json('status')->{expiring};
		return $e->{first} && abs($e->{first}{not_after} - time - 86_400 * $days) < 3600 && $e;
	}, 10, 'a look at the catalog');
}

is told(30)->{certificates}, 0, 'young certificates are not told';
my $mark = lives(1, 5);
is told(5)->{certificates}, 0, 'nor is one that lives for six days, after the first';

$mark = lives(80, 10.5);
my $e = told(10.5);
is_deeply [ $e->{certificates}, $e->{first}{name} ], [ 1, $host ], 'one of ninety days that has ten left is';
my $line = $t->wait_log({ level => 'warning', msg => qr/^certificates end soon, and have not been renewed/ }, 5, $mark);
is_deeply [ @$line{qw(certificates first days_left)} ], [ 1, $host, 10 ], 'with a line in the log';
like +($t->ctl('status'))[1], qr/^expiring +1, first \Q$host\E; see hosts --expiring 14$/m, 'in status';
my ($metrics) = ($t->ctl('metrics'))[1];
like $metrics, qr/^tlsward_certificates_expiring 1$/m, 'in metrics';
like $metrics, qr/^tlsward_certificates_first_end_seconds $e->{first}{not_after}$/m, 'with when the first one ends';
is_deeply [ map { $_->{name} } @{ $t->ctl_json('hosts', '--expiring', 14)->{hosts} } ], [$host], 'and in the list';

$mark = lives(90, -0.1);
is told(-0.1)->{certificates}, 1, 'one that has ended is told';
lives(1, 30);
is told(30)->{certificates}, 0, 'one that has been renewed is not any more';
is $t->stop, 0, 'it ends in order';
done_testing;
