#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# The cache of fetched links when the librarian is killed again and again while
# it writes, and when the disk is full: no half file, nothing served is lost,
# and what could not be written is fetched by the next start.
use strict;
use warnings;
use File::Copy qw(copy);
use Test::More;

use TLSward qw(wait_for);
use TLSward::Backend;
use TLSward::Client qw(send_all);

my $N = 24;
my $backend = TLSward::Backend->new('http');
my $t = TLSward->new(hosts => [], backends => [ { servers => [ $backend->server ] } ],
	conf => { chains => { store => 'store' }, aia => { private_addresses => \1 } });
my $certs = $t->{certs};
my $server = TLSward::Backend->new(sub {
	my ($s, $self) = @_;
	sysread $s, my $bytes, 65536;
	my ($path) = $bytes =~ m{^GET /(\w+) };
	$self->record({ event => 'asked', path => $path });
	send_all($s, "HTTP/1.1 200 OK\r\n\r\n" . TLSward::Certs::slurp("$certs->{dir}/$path.pem"));
	return {};
});
sub fetched { return scalar(() = TLSward::Certs::slurp($server->{records}) =~ /"path":/g) }

$certs->authority("a$_", ca => 'ca') for 1 .. $N;
$t->{conf}{certificates} = [ map {
	my $c = $certs->make(name => "leaf-$_", names => ["n$_.example.test"], ca => "a$_", with => [], url => 'http://' . $server->server . "/a$_");
	{ chain => $c->{chain}, key => $c->{key} }
} 1 .. $N ];
mkdir $t->in_directory('store');
copy("$certs->{dir}/ca.pem", $t->in_directory('store/ca.pem'));
my $mounted = $t->mounts('mkdir -p DIR/disk', 'mount -t tmpfs -o size=1m tmpfs DIR/disk');
$t->{conf}{state_directory} = 'disk/state' if $mounted;
$t->write_conf->start;
my $disk = $mounted ? "/proc/$t->{pid}/root" . $t->in_directory('disk') : $t->in_directory('disk');
my $cache = $mounted ? "$disk/state/cache" : $t->in_directory('state/cache');

sub complete { my $n = grep { $_->{chain_state} eq 'complete' } @{ $t->ctl_json('chains', '--limit', 100)->{chains} }; return $n }
# Files of the catalog go at any moment.
sub links { return grep { !m{/catalog[.-]} && (eval { TLSward::Certs::slurp($_) } // '') =~ /BEGIN CERTIFICATE/ } grep { -f } glob "$cache/*" }
sub half { return grep { /\.(damaged|new|tmp)/ || -z $_ } grep { -f } glob "$cache/{*,.[!.]*}" }
sub killed {
	my $old = $t->pid('librarian');
	kill KILL => $old;
	return wait_for(sub {
		my $p = $t->ctl_json('status')->{processes}{librarian};
		return $p->{pid} && $p->{pid} != $old && $p->{state} eq 'ready';
	}, 30, 'another librarian');
}

for my $after (2, 8, 14) {
	wait_for(sub { links() >= $after }, 30, "$after links in the cache");
	killed();
}
wait_for(sub { complete() == $N }, 60, 'all chains are complete');
pass "with a librarian that was killed three times while it wrote, all $N chains become complete";
wait_for(sub { links() == $N && !half() }, 10, 'all links are in the cache');
pass 'each link is in the cache, and no half file';
is scalar($t->find_log({ msg => qr/damaged|set aside/ })), undef, 'nothing in it was found to be damaged';
my $before = fetched();
killed();
is complete(), $N, 'nothing is lost with the next one';
is fetched(), $before, 'which fetches nothing';

SKIP: {
	skip 'a mount namespace is not to be had', 5 if !$mounted;
	open my $filler, '>', "$disk/filler" or die "$disk/filler: $!\n";
	1 while syswrite $filler, 'x' x 4096;
	close $filler;
	$certs->authority('late', ca => 'ca');
	my $c = $certs->make(name => 'leaf-late', names => ['late.example.test'], ca => 'late', with => [], url => 'http://' . $server->server . '/late');
	push @{ $t->{conf}{certificates} }, { chain => $c->{chain}, key => $c->{key} };
	my $mark = $t->mark;
	$t->write_conf;
	is +($t->ctl('reload'))[0], 0, 'a reload succeeds on a full disk';
	wait_for(sub { complete() == $N + 1 }, 20, 'the new chain is complete');
	pass 'a link that cannot be written serves';
	like $t->wait_log({ level => 'warning', who => 'librarian', msg => qr/cache/ }, 10, $mark)->{why}, qr/No space left/, 'with a warning';
	# What is being written is half for a moment.
	wait_for(sub { !half() }, 10, 'no half file');
	pass 'there is no half file';
	unlink "$disk/filler";
	killed();
	wait_for(sub { complete() == $N + 1 }, 20, 'all chains are complete');
	pass 'and nothing is lost with the next librarian';
}
is $t->stop, 0, 'it ends in order';
done_testing;
