# SPDX-License-Identifier: BSD-2-Clause
package Bench::Stats;
# Medians and spreads of the rounds of a row, and what they say of its target.
use strict;
use warnings;
use Exporter 'import';

our @EXPORT_OK = qw(median spread summary);

sub median {
	my @v = sort { $a <=> $b } @_ or return;
	return ($v[ $#v / 2 ] + $v[ @v / 2 ]) / 2;
}

# Half of the rounds lie within this share of the median: the noise of the row.
sub spread {
	my @v = sort { $a <=> $b } @_ or return;
	my $m = median(@v) or return 0;
	return ($v[ int(@v * 3 / 4 - 0.01) ] - $v[ int(@v / 4) ]) / $m;
}

# row, { proxy => [ value of each round ] }, the names of the peers: medians,
# spreads, the best peer, tlsward's ratio to it (or to what the row compares
# with) and whether the target holds.
sub summary {
	my ($row, $values, @peers) = @_;
	my %s = (values => $values);
	for my $name (keys %$values) {
		next if !@{ $values->{$name} };
		$s{median}{$name} = median(@{ $values->{$name} });
		$s{spread}{$name} = spread(@{ $values->{$name} });
	}
	my ($best) = sort { $s{median}{$a} <=> $s{median}{$b} } grep { defined $s{median}{$_} } @peers;
	my $own = $s{median}{tlsward};
	$s{best} = $best if defined $best;
	$s{ratio} = $own / $s{median}{$best} if defined $own && defined $best && $s{median}{$best} > 0;
	my $figure = $row->{against} eq 'peer' ? $s{ratio} : $own;
	$s{holds} = $figure <= $row->{target} ? 1 : 0 if defined $figure && defined $row->{target};
	return \%s;
}

1;
