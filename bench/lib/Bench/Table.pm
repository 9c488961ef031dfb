# SPDX-License-Identifier: BSD-2-Clause
package Bench::Table;
# The results as text: on a terminal, and as a table in Markdown.
use strict;
use warnings;
use Exporter 'import';

our @EXPORT_OK = qw(deadlines figure table markdown verdict);

# Three digits that count.
sub figure {
	my ($v) = @_;
	return '-' if !defined $v;
	my $a = abs $v;
	return $a >= 100 ? sprintf '%.0f', $v : $a >= 10 ? sprintf '%.1f', $v : sprintf '%.2f', $v;
}

sub verdict {
	my ($s) = @_;
	return 'failed' if $s->{left_out}{tlsward};
	return '' if !defined $s->{holds};
	return $s->{holds} ? 'yes' : 'no';
}

# The cells of a row: name, unit, a median for each proxy, ratio, target, whether it holds.
sub cells {
	my ($r, @proxies) = @_;
	my $s = $r->{summary};
	my @medians = map { figure($s->{median}{$_}) } @proxies;
	my $noise = (sort { $b <=> $a } 0, map { $s->{spread}{$_} // 0 } @proxies)[0];
	return ($r->{unit}, @medians, sprintf('%.0f %%', 100 * $noise), figure($s->{ratio}),
		($r->{against} eq 'own' ? figure($r->{target}) . " $r->{unit}" : figure($r->{target})), verdict($s));
}

sub head { my (@proxies) = @_; return ('unit', @proxies, 'spread', 'ratio', 'target', 'holds') }

sub table {
	my ($results, @proxies) = @_;
	my @lines = ([ 'row', head(@proxies) ], map { [ $_->{name}, cells($_, @proxies) ] } @$results);
	my @width;
	for my $line (@lines) {
		for my $i (0 .. $#$line) {
			my $n = length $line->[$i];
			$width[$i] = $n if $n > ($width[$i] // 0);
		}
	}
	my $format = "%-$width[0]s  %-$width[1]s" . join('', map { "  %${_}s" } @width[ 2 .. $#width ]) . "\n";
	return join '', map { sprintf $format, @$_ } @lines;
}

sub markdown {
	my ($results, @proxies) = @_;
	my @head = ('row', head(@proxies));
	my @lines = (\@head, [ map { '---' } @head ], map { [ $_->{title}, cells($_, @proxies) ] } @$results);
	return join '', map { '| ' . join(' | ', @$_) . " |\n" } @lines;
}

# As bench/deadlines has found them.
sub deadlines {
	my ($found) = @_;
	return "| deadline | connections | set to, s | median, s | latest, s | median, times of the setting |\n| --- | --- | --- | --- | --- | --- |\n"
		. join '', map { sprintf "| %s | %d | %.3f | %.3f | %.3f | %.3f |\n", @$_{qw(name count set_s median_s most_s median_ratio)} }
		grep { $_->{count} } @$found;
}

1;
