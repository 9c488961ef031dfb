# SPDX-License-Identifier: BSD-2-Clause
package TLSward::Conf;
# Writes Perl data as libconfig text: hashes are groups, lists of hashes are
# lists, other lists are arrays, \1 and \0 are booleans.
use strict;
use warnings;
use Exporter 'import';

our @EXPORT_OK = qw(conf_text);

# Settings whose values are text although they look like numbers.
my %TEXT = map { $_ => 1 } qw(user keeper_user librarian_user minimum group);

sub value {
	my ($key, $v) = @_;
	return $$v ? 'true' : 'false' if ref $v eq 'SCALAR';
	return '{ ' . join(' ', settings($v)) . ' }' if ref $v eq 'HASH';
	if (ref $v eq 'ARRAY') {
		my $list = join ', ', map { value('', $_) } @$v;
		return ref $v->[0] ? "( $list )" : "[ $list ]";
	}
	return $v if $v =~ /^-?\d+(\.\d+)?$/ && !$TEXT{$key};
	return '"' . ($v =~ s/([\\"])/\\$1/gr) . '"';
}

sub settings {
	my ($hash) = @_;
	return map { "$_ = " . value($_, $hash->{$_}) . ';' } sort keys %$hash;
}

sub conf_text {
	my ($conf) = @_;
	my %c = %$conf;
	# An empty list of groups would be written as an array.
	delete @c{ grep { ref $c{$_} eq 'ARRAY' && !@{ $c{$_} } } keys %c };
	return join '', map { "$_\n" } settings(\%c);
}

1;
