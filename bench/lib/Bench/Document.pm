# SPDX-License-Identifier: BSD-2-Clause
package Bench::Document;
# Writes the results of a full run into the documents that show them, between
# two marks; what stands around them is left alone.
use strict;
use warnings;
use utf8;
use Exporter 'import';
use JSON::PP ();

use Bench::Table qw(deadlines figure verdict);
use TLSward::Certs;

our @EXPORT_OK = qw(compared targets replace);

my ($BEGIN, $END) = ("<!-- from here: bench/readme -->\n", "<!-- to here: bench/readme -->\n");

sub cells { return '| ' . join(' | ', @_) . " |\n" }

# When, where and with what.
sub origin {
	my ($run) = @_;
	my $m = $run->{machine};
	my @peers = grep { $run->{kinds}{$_} eq 'peer' } @{ $run->{proxies} };
	return "$m->{date}; $m->{cpu}, $m->{cores} cores, Linux $m->{kernel}, $m->{system}; "
		. join(', ', map { "$_ $run->{versions}{$_}" } 'tlsward', @peers)
		. "; load average $m->{load} before; medians of up to $run->{rounds} rounds in turns, `make bench`.\n\n";
}

# Where peers have a figure: those, and what tlsward is to the best of them.
sub compared {
	my ($run) = @_;
	my @peers = grep { $run->{kinds}{$_} eq 'peer' } @{ $run->{proxies} };
	my @rows = grep { my $m = $_->{summary}{median}; grep { defined $m->{$_} } @peers } @{ $run->{rows} };
	my @head = ('CPU time or memory for', 'unit', 'tlsward', @peers, 'tlsward / best peer');
	return origin($run) . cells(@head) . cells(map { '---' } @head) . join '', map {
		my $s = $_->{summary};
		cells($_->{title}, $_->{unit}, map({ figure($s->{median}{$_}) } 'tlsward', @peers), figure($s->{ratio}));
	} @rows;
}

# Each target: what it is, what was reached, and if that is not enough, why; and the deadlines.
sub targets {
	my ($run) = @_;
	my @head = ('row', 'target, at most', 'reached', 'met', 'why not, and what would');
	my $text = origin($run) . cells(@head) . cells(map { '---' } @head) . join '', map { target($_) } @{ $run->{rows} };
	return $text if !$run->{deadlines};
	return "$text\nFrom the start of a deadline to the end of the connection, by `bench/deadlines`:\n\n" . deadlines($run->{deadlines});
}

sub target {
	my ($r) = @_;
	my ($s, $peer) = ($r->{summary}, $r->{against} eq 'peer');
	my $met = verdict($s) || 'not measured';
	return cells("$r->{title} (`$r->{name}`)", figure($r->{target}) . ($peer ? ' of the best peer' : " $r->{unit}"),
		($peer && $s->{best} ? figure($s->{ratio}) . " of $s->{best}" : figure($s->{median}{tlsward})),
		$met, $met eq 'yes' ? '' : $met eq 'failed' ? 'it failed; see the log of the run' : $r->{if_missed} // '');
}

# Puts the text between the marks of the file; dies if they are not there, once each.
sub replace {
	my ($path, $text) = @_;
	my $whole = TLSward::Certs::slurp($path);
	utf8::decode($whole);
	my $marks = () = $whole =~ /\Q$BEGIN\E|\Q$END\E/g;
	die "$path: the two marks of bench/readme are not there once each\n"
		if $marks != 2 || $whole !~ s/\Q$BEGIN\E.*\Q$END\E/$BEGIN\n$text\n$END/s;
	utf8::encode($whole);
	return TLSward::Certs::write_file($path, $whole);
}

1;
