# SPDX-License-Identifier: BSD-2-Clause
package Bench::Machine;
# Where and with what a run was made.
use strict;
use warnings;
use POSIX qw(strftime uname);

use TLSward qw(run_command);
use TLSward::Certs;

sub first {
	my ($pattern, $text) = @_;
	return $text =~ $pattern ? $1 : 'unknown';
}

sub about {
	my ($kernel, $machine) = (uname())[ 2, 4 ];
	my $cpu = TLSward::Certs::slurp('/proc/cpuinfo');
	my $os = TLSward::Certs::slurp('/etc/os-release');
	return {
		date => strftime('%Y-%m-%d %H:%M UTC', gmtime), kernel => $kernel, machine => $machine,
		cpu => first(qr/^model name\s*: (.*)$/m, $cpu), cores => scalar(() = $cpu =~ /^processor/mg),
		system => first(qr/^PRETTY_NAME="(.*)"/m, $os),
		openssl => first(qr/^OpenSSL (\S+)/, (run_command('openssl', 'version'))[1]),
		gnutls => first(qr/gnutls-cli (\S+)/, (run_command('gnutls-cli', '--version'))[1]),
		load => first(qr/^(\S+)/, TLSward::Certs::slurp('/proc/loadavg')),
	};
}

1;
