#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# What `make install` puts into a folder runs from there, with the role
# programs of that folder; `make uninstall` takes all of it away again.
use strict;
use warnings;
use Test::More;
use File::Find qw(find);

use TLSward qw(run_command);
use TLSward::Backend;
use TLSward::Client qw(curl);

# The make that runs the tests is none of these makes' business.
delete @ENV{qw(MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES DESTDIR)};

my $host = 'one.example.test';
my $backend = TLSward::Backend->new('http', name => 'app');
my $t = TLSward->new(hosts => [$host], backends => [ { servers => [ $backend->server ] } ]);
my $folder = $t->in_directory('installed');

sub make_target { return run_command('make', '-C', $TLSward::BUILD, $_[0], "DESTDIR=$folder") }

sub installed {
	my %path;
	find({ no_chdir => 1, wanted => sub { $path{m{/(\w+\.d/[^/]*)$} ? $1 : s{.*/}{}r} = $_ if !-d } }, $folder) if -d $folder;
	return \%path;
}

my ($status, $out) = make_target('install');
is $status, 0, 'make install works' or diag $out;
my $file = installed();
ok -x ($file->{$_} // ''), "$_ is installed"
	for qw(tlsward tlswardctl tlsward-worker tlsward-keeper tlsward-librarian tlsward-logger tlsward-advisor);
ok -s ($file->{$_} // ''), "$_ is installed" for qw(tlsward.service init.d/tlsward sysusers.d/tlsward.conf
	tmpfiles.d/tlsward.conf run finish notification-fd tlsward.8 tlsward.conf.5 tlswardctl.1 tlsward.conf);

unlike join('', map { TLSward::Certs::slurp($file->{$_}) } qw(tlsward.service init.d/tlsward run)), qr/\@\w+\@/, 'the files for service managers name real places';

@TLSward::FOLDERS = map { $file->{$_} =~ s{/[^/]*$}{}r } qw(tlsward tlswardctl);
$t->start;
($status, $out) = curl($t, "$host/page");
is $out, "app /page for $host\n", 'it serves';
# Only root may see this of the keeper.
for my $role (qw(worker librarian logger), $> == 0 ? 'keeper' : ()) {
	is readlink('/proc/' . $t->pid($role) . '/exe'), $file->{"tlsward-$role"}, "its $role is the installed one";
}
($status, $out) = $t->ctl('status');
is $status, 0, 'the installed tlswardctl asks it' or diag $out;
is $t->stop, 0, 'it ends in order';

($status, $out) = make_target('uninstall');
is $status, 0, 'make uninstall works' or diag $out;
is join(' ', values %{ installed() }), '', 'and leaves nothing';

done_testing;
