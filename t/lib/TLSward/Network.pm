# SPDX-License-Identifier: BSD-2-Clause
package TLSward::Network;
# Two network namespaces with a cable between them: the test, tlsward and most
# of its servers live in one, peers that can fall silent in the other.
use strict;
use warnings;
use Exporter 'import';
use POSIX ();
use Socket qw(AF_INET SOCK_RAW SOL_SOCKET IPPROTO_TCP inet_aton pack_sockaddr_in);
use Test::More ();

use TLSward qw(wait_for);
use TLSward::Certs;

our @EXPORT_OK = qw(network_or_skip);

use constant { CLONE_NEWNET => 0x40000000, IPPROTO_RAW => 255, SO_MARK => 36, MARK => 7,
	TCP_REPAIR => 19, TCP_REPAIR_QUEUE => 20, TCP_QUEUE_SEQ => 21, TCP_SEND_QUEUE => 2, REPAIR_OFF => -1 };
my %SETNS = (x86_64 => 308, aarch64 => 268);
my $SETNS = $SETNS{ (POSIX::uname())[4] };

sub possible { return $> == 0 && $SETNS && system('unshare -n nft list ruleset >/dev/null 2>&1') == 0 }

# Starts the program again in a namespace of its own.
sub again {
	my (@args) = @_;
	$ENV{TLSWARD_NETWORK} = 1;
	exec 'unshare', '-n', $^X, $0, @args;
}

# To be called first of all, with the test's own arguments: starts the test
# again in a namespace of its own, or skips it.
sub network_or_skip {
	my (@args) = @_;
	return if $ENV{TLSWARD_NETWORK};
	Test::More::plan(skip_all => 'NOT TESTED: needs root, network namespaces and nft') if !possible();
	return again(@args);
}

sub here { system(@_) == 0 or die "@_ failed\n"; return }

sub new {
	my ($class) = @_;
	pipe my $life, my $hold or die "pipe: $!\n";
	# Its namespace lasts until our end of the pipe is closed.
	my $pid = fork // die "fork: $!\n";
	if (!$pid) {
		close $hold;
		open STDIN, '<&', $life;
		exec 'unshare', '-n', 'cat';
	}
	close $life;
	my $self = bless { pid => $pid, hold => $hold, ours => '10.91.0.1', theirs => '10.91.0.2' }, $class;
	wait_for(sub { (readlink("/proc/$pid/ns/net") // '') ne readlink('/proc/self/ns/net') }, 5, 'a network of its own');
	open $self->{our_ns}, '<', '/proc/self/ns/net' or die "ns/net: $!\n";
	open $self->{their_ns}, '<', "/proc/$pid/ns/net" or die "ns/net: $!\n";
	here(qw(ip link set lo up));
	here(qw(ip link add here type veth peer name there netns), $pid);
	here(qw(ip addr add), "$self->{ours}/24", qw(dev here));
	here(qw(ip link set here up));
	$self->there(qw(ip link set lo up));
	$self->there(qw(ip addr add), "$self->{theirs}/24", qw(dev there));
	$self->there(qw(ip link set there up));
	return $self;
}

# Runs a command in the other namespace.
sub there { my ($self, @command) = @_; return here('nsenter', "--net=/proc/$self->{pid}/ns/net", @command) }

# Calls the code in the other namespace; sockets that it opens stay there.
sub over_there {
	my ($self, $code) = @_;
	syscall($SETNS, fileno $self->{their_ns}, CLONE_NEWNET) == 0 or die "setns: $!\n";
	my $got = eval { $code->() };
	my $error = $@;
	syscall($SETNS, fileno $self->{our_ns}, CLONE_NEWNET) == 0 or die "setns: $!\n";
	die $error if $error;
	return $got;
}

# Nothing passes between the namespaces but what raw_packet sends, from now on;
# with ports, nothing to or from these ports of the other side.
sub silence {
	my ($self, @ports) = @_;
	my $set = '{ ' . join(', ', @ports) . ' }';
	my ($in, $out) = @ports ? ("tcp dport $set drop;", "tcp sport $set drop;") : ('drop;') x 2;
	my $n = ++$self->{silences};
	return $self->there('nft', "add table ip silent$n;
		add chain ip silent$n in { type filter hook input priority 0; };
		add chain ip silent$n out { type filter hook output priority 0; };
		add rule ip silent$n in $in
		add rule ip silent$n out meta mark != @{[MARK]} $out");
}

# All silences end.
sub sound {
	my ($self) = @_;
	$self->there('nft', 'delete', 'table', 'ip', "silent$_") for 1 .. delete $self->{silences} // 0;
	return;
}

# Drops what matches ("tcp flags & (fin|rst) != 0") when it leaves the other side.
sub drop {
	my ($self, $match) = @_;
	my $n = ++$self->{drops};
	return $self->there('nft', "add table ip drop$n; add chain ip drop$n out { type filter hook output priority 0; };
		add rule ip drop$n out $match drop");
}

# The sequence number of the next byte that this socket would send.
sub next_sequence {
	my ($self, $s) = @_;
	setsockopt $s, IPPROTO_TCP, TCP_REPAIR, pack 'i', 1 or die "TCP_REPAIR: $!\n";
	setsockopt $s, IPPROTO_TCP, TCP_REPAIR_QUEUE, pack 'i', TCP_SEND_QUEUE or die "TCP_REPAIR_QUEUE: $!\n";
	my $sequence = unpack 'L', getsockopt $s, IPPROTO_TCP, TCP_QUEUE_SEQ;
	setsockopt $s, IPPROTO_TCP, TCP_REPAIR, pack 'i', REPAIR_OFF;
	return $sequence;
}

sub checksum {
	my ($bytes) = @_;
	my $sum = 0;
	$sum += $_ for unpack 'n*', length $bytes & 1 ? "$bytes\0" : $bytes;
	$sum = ($sum & 0xffff) + ($sum >> 16) while $sum >> 16;
	return ~$sum & 0xffff;
}

# A RST from that port of the other side to that port of ours, as a raw packet (RFC 9293 3.1, RFC 791 3.1).
sub raw_reset {
	my ($self, $from, $to, $sequence) = @_;
	my ($source, $target) = map { inet_aton($_) } @$self{qw(theirs ours)};
	my $tcp = pack 'nnNNCCnnn', $from, $to, $sequence & 0xffffffff, 0, 5 << 4, 0x04, 0, 0, 0;
	substr($tcp, 16, 2) = pack 'n', checksum($source . $target . pack('CCn', 0, IPPROTO_TCP, length $tcp) . $tcp);
	my $ip = pack 'CCnnnCCna4a4', 0x45, 0, 20 + length $tcp, 0, 0, 64, IPPROTO_TCP, 0, $source, $target;
	my $raw = $self->over_there(sub { socket my $s, AF_INET, SOCK_RAW, IPPROTO_RAW or die "socket: $!\n"; $s });
	setsockopt $raw, SOL_SOCKET, SO_MARK, MARK or die "SO_MARK: $!\n";
	return send $raw, $ip . $tcp, 0, pack_sockaddr_in(0, $target);
}

# A counter of our kernel, such as TcpExt TCPChallengeACK.
sub counter {
	my ($group, $name) = @_;
	my ($names, $values) = TLSward::Certs::slurp('/proc/net/netstat') =~ /^\Q$group\E: (\D.*)\n\Q$group\E: (.*)/m;
	my %of;
	@of{ split ' ', $names } = split ' ', $values;
	return $of{$name};
}

sub DESTROY {
	my ($self) = @_;
	local $?;
	close delete $self->{hold};
	kill TERM => $self->{pid};
	return waitpid $self->{pid}, 0;
}

1;
