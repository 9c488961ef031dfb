#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# The librarian opens what is in the cache directory, and what a resolver
# reads; nothing else, whoever has taken it over. A debugger has it try.
use strict;
use warnings;
use Test::More;

use TLSward qw(unwatched);
use TLSward::Backend;
use TLSward::Client qw(tls_connect http_get);
use TLSward::Faults qw(need_gdb gdb);

need_gdb();
my $host = 'one.example.test';
my $backend = TLSward::Backend->new('http', address => '127.0.0.1');
my $t = TLSward->new(hosts => [$host], backends => [ { servers => ["localhost:$backend->{port}"] } ],
	conf => { watch => unwatched() })->start;
plan skip_all => 'NOT TESTED: this kernel has no Landlock' if grep { /Landlock/ } map { values %$_ } $t->log_lines;
my ($pid) = $t->pids('librarian');

# Its answers to opening each of these, as errno.
sub tries {
	my (@calls) = @_;
	my ($status, $said) = gdb($t, $pid, map { ("set \$fd = ((int (*)(const char *, int, int))open)($_)",
		'printf "errno %d\n", $fd < 0 ? *((int *(*)(void))__errno_location)() : 0') } @calls);
	my @errno = $said =~ /^errno (\d+)$/mg;
	diag $said if @errno != @calls;
	return @errno;
}

my $own = $t->in_directory('outside');
TLSward::Certs::write_file($own, 'x');
chmod 0666, $own;
my $cache = "$t->{conf}{state_directory}/cache";
my ($EACCES, $READ, $MAKE) = (13, '0, 0', '0101, 0600');
my @wanted = (
	[ "\"$own\", $READ" => $EACCES, 'a file that all may read cannot be read' ],
	[ "\"$own\", 1, 0" => $EACCES, 'nor written' ],
	[ "\"$t->{dir}\", $READ" => $EACCES, 'a folder cannot be listed' ],
	[ "\"$t->{conf}{certificates}[0]{chain}\", $READ" => $EACCES, 'certificates are not its to open' ],
	[ "\"/proc/self/maps\", $READ" => $EACCES, 'nor is anything of a process' ],
	[ "\"/etc/made-by-a-test\", $MAKE" => $EACCES, 'no file can be made where it may read' ],
	[ "\"/tmp/made-by-a-test\", $MAKE" => $EACCES, 'nor where all may write' ],
	[ "\"/etc/hosts\", $READ" => 0, 'what a resolver reads can be read' ],
	[ "\"$cache/made-by-a-test\", $MAKE" => 0, 'the cache directory is its own' ],
);
my @is = tries(map { $_->[0] } @wanted);
is $is[$_], $wanted[$_][1], $wanted[$_][2] for 0 .. $#wanted;
ok -e "$cache/made-by-a-test", 'it has made a file there';

is http_get(tls_connect($t, sni => $host), $host, '/')->{status}, 200, 'a backend that has a name is found';
is_deeply [ map { $_->{msg} } $t->find_log({ level => 'warning' }) ], [], 'nothing that it needs is shut';
is $t->stop, 0, 'it ends in order';
done_testing;
