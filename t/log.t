#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# Each connection is one line with all that is known of it, the same in both
# formats, and reaches a file, syslog or the journal.
use strict;
use warnings;
use File::Basename qw(dirname);
use File::Path qw(make_path);
use IO::Socket::UNIX;
use JSON::PP ();
use Socket qw(SOCK_DGRAM);
use Test::More;

use TLSward qw(wait_for);
use TLSward::Backend;
use TLSward::Certs;
use TLSward::Client qw(tls_connect http_get);

my $host = 'one.example.test';
my $backend = TLSward::Backend->new('http');

sub tlsward {
	my (%log) = @_;
	return TLSward->new(hosts => [$host], backends => [ { servers => [ $backend->server ] } ],
		conf => { log => { level => 'info', %log } });
}

sub works {
	my ($t) = @_;
	my $s = tls_connect($t, sni => $host, alpn => ['http/1.1']) or return 0;
	return !!http_get($s, $host, '/');
}

my %line;
for my $format (qw(logfmt json)) {
	my $t = tlsward(format => $format)->start;
	ok works($t), "$format: it serves";
	$line{$format} = $t->wait_log({ msg => 'connection ended' });
	is $t->stop, 0, "$format: it ends in order";
	my @text = split /\n/, TLSward::Certs::slurp($t->{conf}{log}{to});
	my @broken = grep { $format eq 'json' ? !eval { JSON::PP->new->decode($_)->{ts} } : !/^ts=\S+Z level=\w+ who=/ } @text;
	is_deeply \@broken, [], "$format: every line is whole";
	is scalar(grep { /connection ended/ } @text), 1, "$format: the connection is one of them";
}
my @fields = qw(id peer listener sni alpn tls cipher resumed up down hello_s handshake_s connect_s relay_s closing_s backend server end);
is_deeply [ grep { !defined $line{logfmt}{$_} } @fields ], [], 'a connection tells everything';
is_deeply [ sort keys %{ $line{json} } ], [ sort keys %{ $line{logfmt} } ], 'and the same in JSON';
is_deeply [ @{ $line{json} }{qw(listener sni alpn tls resumed backend server)} ],
	[ 'https', $host, 'http/1.1', '1.3', 0, 'app', $backend->server ], 'with the right values';
cmp_ok $line{json}{down}, '>', $line{json}{up}, 'and numbers that are numbers';

# Daemons of the test's own, where only the program under test sees them.
my %daemon = (
	syslog => { socket => 'dev/log', mounts => [ 'touch DIR/dev/null', 'mount --bind /dev/null DIR/dev/null', 'mount --bind DIR/dev /dev' ],
		line => qr/^<\d+>\w+ .{11} tlsward\[\d+\]: .*msg="connection ended".* sni=\Q$host\E / },
	journal => { socket => 'run/systemd/journal/socket', mounts => ['mount --bind DIR/run /run'],
		line => qr/^MESSAGE=.*"connection ended".*^TLSWARD_SNI=\Q$host\E$/ms },
);
# syslog's lines have local time, and the zone's file cannot be read once the sandbox is on.
my $zone = 'Asia/Kathmandu';	# a quarter of an hour is nobody's default
my $ahead = (5 * 60 + 45) * 60;
for my $to (sort keys %daemon) {
	my $d = $daemon{$to};
	my $t = tlsward(to => $to);
	SKIP: {
		skip "NOT TESTED, $to: needs root and mount namespaces", 1 if !$t->mounts(@{ $d->{mounts} });
		my $path = $t->in_directory($d->{socket});
		make_path(dirname($path));
		my $socket = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => $path) or die "$path: $!";
		chmod 0777, $path;
		$socket->blocking(0);
		local $ENV{TZ} = $zone;
		$t->launch;
		$t->wait_ready;
		ok works($t), "$to: it serves";
		my @got;
		wait_for(sub {
			while (defined $socket->recv(my $bytes, 65536)) { push @got, $bytes }
			return grep { $_ =~ $d->{line} } @got;
		}, 5, "$to hears of the connection");
		pass "$to hears of the connection";
		my ($line) = grep { $_ =~ $d->{line} } @got;
		SKIP: {
			skip 'no times of its own', 1 if $to ne 'syslog';
			skip "NOT TESTED, local time: no zone $zone here", 1 if !-e "/usr/share/zoneinfo/$zone";
			my ($minutes) = $line =~ / (\d\d:\d\d):\d\d tlsward/;
			my @now = map { my @t = gmtime(time + $ahead - $_); sprintf '%02d:%02d', @t[2, 1] } 0, 60;
			ok scalar(grep { $minutes eq $_ } @now), "$to: in local time ($minutes)";
		}
		is $t->stop, 0, "$to: it ends in order";
	}
}
done_testing;
