# SPDX-License-Identifier: BSD-2-Clause
package Bench::Env;
# What all rows of one run share: certificates, backend, proxies, how long.
use strict;
use warnings;

use Bench::Kind;
use TLSward::Bench;

# seconds, rounds, quick; proxies => [ classes ]
sub new {
	my ($class, %o) = @_;
	@TLSward::Bench::WRAPPER = ('taskset', '-c', $Bench::Kind::CORE);
	return bless { dir => TLSward::Bench::directory(), %o, backend => TLSward::Bench::backend(), rate => {} }, $class;
}

# The folder of so many certificates with keys of that kind; made when first asked for.
sub certs {
	my ($self, $kind, $count) = @_;
	my $folder = "$self->{dir}/$kind-$count";
	if (!-d $folder) {
		mkdir "$self->{dir}/ca";
		TLSward::Bench::certs($folder, ca => "$self->{dir}/ca", name => 'n%u.bench.test', count => $count,
			rsa => $kind eq 'rsa');
	}
	return $folder;
}

sub peers { my ($self) = @_; return grep { !$_->limit && $_->name ne 'tlsward' } @{ $self->{proxies} } }

1;
