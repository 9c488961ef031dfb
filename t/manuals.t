#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# The manual pages are well-formed, and name every reason for which a
# connection ends; the page of the messages names each with its fields, that of
# the dependencies the libraries of each program.
use strict;
use warnings;
use Test::More;

use TLSward qw(run_command);
use TLSward::Certs;

my @pages = glob "$TLSward::SOURCE/doc/*.[1-9]";
for my $page (@pages) {
	my ($status, $out) = run_command(qw(mandoc -W warning), $page);
	unlike $out, qr/: (WARNING|ERROR|UNSUPP): /, $page =~ s{.*/}{}r . ' is well-formed';
}

my %code = TLSward::Certs::slurp("$TLSward::SOURCE/common/ends.h") =~ /X\(END_(?!NONE)\w+, "(\w+)", "([^"]*)"\)/g;
my %manual = TLSward::Certs::slurp("$TLSward::SOURCE/doc/tlsward.8") =~ /^\.It Li (\w+)\n(.*)\.$/mg;
$_ = lcfirst for values %manual;
is_deeply \%manual, \%code, 'tlsward(8) explains every end reason in the words of the code';

# A person with an outage types what the first page says.
my ($status, $help) = run_command(TLSward::program('tlswardctl'), 'help');
my %commands = map { $_ => 1 } $help =~ /^  ([a-z][a-z-]*)/mg;
my @told = TLSward::Certs::slurp("$TLSward::SOURCE/README.md") =~ /^    tlswardctl ([a-z-]+)/mg;
cmp_ok scalar @told, '>=', 10, 'the README has ten commands';
is_deeply [ grep { !$commands{$_} } @told ], [], 'and tlswardctl knows all of them';

my $header = TLSward::Certs::slurp("$TLSward::SOURCE/common/msg.h");
my $page = TLSward::Certs::slurp("$TLSward::SOURCE/doc/messages.md");
my %row = $page =~ /^\| `(\w+)` \|[^|]*\|[^|]*\| *([^|]*?) *\|/mg;
my %fields;
while ($header =~ /^#define MSG_FIELDS_(\w+)\(F, S\)((?:.*\\\n)*.*)/mg) {
	my ($name, $list) = ($1, $2);
	$fields{$name} = join ', ', grep { $_ ne 'unused' } $list =~ /F\(S, \w+, (\w+),/g;
}
$fields{listener_update} = $fields{listener};
is_deeply \%row, \%fields, 'the page of the messages has every message with its fields';

my $control = TLSward::Certs::slurp("$TLSward::SOURCE/doc/tlswardctl.1");
for my $table ([ 'plugins/detect/detect.h', 'VERDICT', 'verdict' ], [ 'supervisor/watch.h', 'STEP', 'step' ],
	[ 'common/staples.h', 'STAPLE', 'state of a staple' ]) {
	my ($file, $prefix, $what) = @$table;
	my %said = TLSward::Certs::slurp("$TLSward::SOURCE/$file") =~ /X\(${prefix}_(?!NONE)\w+, "(\w+)", "([^"]*)"\)/g;
	is_deeply [ grep { $control !~ /^\.It Cm \Q$_\E\n\Q$said{$_}\E$/m } sort keys %said ], [],
		"tlswardctl(1) explains every $what in the words of the code" or diag explain \%said;
}

# The link lines are the privilege map. With sanitizers gcc also keeps libraries that nothing uses.
my $libraries = TLSward::Certs::slurp("$TLSward::SOURCE/doc/dependencies.md");
while ($libraries =~ /^\| (tlsward\S*) \| (.*) \|$/mg) {
	my ($program, $list) = ($1, $2);
	my (undef, $dynamic) = run_command(qw(readelf -d), TLSward::program($program));
	my @linked = grep { !/^(c|m|asan|ubsan|dl|pthread|rt|gcc_s)$/ } $dynamic =~ /\(NEEDED\).*\[lib([\w.+-]+?)\.so/g;
	my %said = map { $_ => 1 } split /, /, $list;
	@linked = grep { $said{$_} } @linked if TLSward::sanitizers();
	is_deeply [ sort @linked ], [ sort keys %said ], "$program links what the page says";
}

done_testing;
