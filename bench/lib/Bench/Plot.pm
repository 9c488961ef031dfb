# SPDX-License-Identifier: BSD-2-Clause
package Bench::Plot;
# A row as a bar chart in SVG: a bar for each proxy, a dot for each round, and
# where the target lies.
use strict;
use warnings;
use Exporter 'import';

use Bench::Table qw(figure);

our @EXPORT_OK = qw(plot);

my ($LEFT, $WIDTH, $BAR, $GAP) = (90, 420, 20, 8);
my %COLOUR = (tlsward => '#2a6f97', peer => '#9aa5b1', limit => '#d8c9a3');

sub text {
	my ($x, $y, $anchor, $text) = @_;
	$text =~ s/&/&amp;/g;
	$text =~ s/</&lt;/g;
	return sprintf qq(<text x="%.1f" y="%.1f" text-anchor="%s">%s</text>\n), $x, $y, $anchor, $text;
}

sub bar {
	my ($y, $name, $kind, $median, $values, $scale) = @_;
	my $out = text($LEFT - 6, $y + $BAR - 6, 'end', $name);
	$out .= sprintf qq(<rect x="%d" y="%.1f" width="%.1f" height="%d" fill="%s"/>\n),
		$LEFT, $y, $median * $scale, $BAR, $COLOUR{$kind};
	$out .= sprintf qq(<circle cx="%.1f" cy="%.1f" r="2" fill="#222" fill-opacity="0.6"/>\n),
		$LEFT + $_ * $scale, $y + $BAR / 2 for grep { $_ > 0 } @$values;
	my ($end) = sort { $b <=> $a } $median, @$values;
	return $out . text($LEFT + $end * $scale + 6, $y + $BAR - 6, 'start', figure($median));
}

sub target {
	my ($x, $height) = @_;
	return sprintf qq(<line x1="%.1f" y1="24" x2="%.1f" y2="%d" stroke="#b23a48" stroke-dasharray="4 3"/>\n),
		$x, $x, $height;
}

# result: as in the JSON file; kinds: proxy => peer, limit or tlsward.
sub plot {
	my ($result, $kinds, @proxies) = @_;
	my $s = $result->{summary};
	my @shown = grep { defined $s->{median}{$_} && $s->{median}{$_} > 0 } @proxies;
	my $bound = $result->{target};
	$bound *= $s->{median}{ $s->{best} } if defined $bound && $result->{against} eq 'peer' && $s->{best};
	$bound = undef if defined $bound && $result->{against} eq 'peer' && !$s->{best};
	my ($most) = sort { $b <=> $a } $bound // 0, map { @{ $s->{values}{$_} } } @shown;
	my $scale = $most ? $WIDTH / $most : 0;
	my $height = 34 + @shown * ($BAR + $GAP);
	my $out = sprintf qq(<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="12">\n),
		$LEFT + $WIDTH + 80, $height;
	$out .= qq(<rect width="100%" height="100%" fill="#fff"/>\n) . text(8, 16, 'start', "$result->{title} ($result->{unit})");
	my $y = 28;
	for my $name (@shown) {
		$out .= bar($y, $name, $kinds->{$name}, $s->{median}{$name}, $s->{values}{$name}, $scale);
		$y += $BAR + $GAP;
	}
	$out .= target($LEFT + $bound * $scale, $height - 4) if defined $bound;
	return "$out</svg>\n";
}

1;
