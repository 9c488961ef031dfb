# SPDX-License-Identifier: BSD-2-Clause
package Bench::Page;
# Writes what a run has found: results.json, and a page with a plot for each row.
use strict;
use warnings;
use File::Path qw(make_path);
use JSON::PP ();

use Bench::Plot qw(plot);
use Bench::Table qw(deadlines figure markdown);
use TLSward::Certs;

sub versions {
	my ($run) = @_;
	return join ', ', map { "$_ $run->{versions}{$_}" } @{ $run->{proxies} };
}

# What the figures consist of, and who is missing.
sub beside {
	my ($s) = @_;
	my ($parts, $left_out) = ($s->{parts} // {}, $s->{left_out} // {});
	return join('', map { "Of $_: " . parts($parts->{$_}) . ".\n\n" } sort keys %$parts)
		. join('', map { "$_ is left out: $left_out->{$_}\n\n" } sort keys %$left_out);
}

sub parts { my ($p) = @_; return join '; ', map { "$_: " . figure($p->{$_}) } sort keys %$p }

sub row_text {
	my ($r, @proxies) = @_;
	my $s = $r->{summary};
	my $target = $r->{against} eq 'peer' ? 'Target: at most ' . figure($r->{target}) . ' of the best peer'
		: 'Target: at most ' . figure($r->{target}) . " $r->{unit}";
	my $got = defined $s->{ratio} ? sprintf '; tlsward has %s of %s', figure($s->{ratio}), $s->{best} : '';
	return "## $r->{title}\n\n![$r->{name}]($r->{name}.svg)\n\n$target$got. "
		. join(', ', map { "$_: " . join ' ', map { figure($_) } @{ $s->{values}{$_} } }
			grep { $s->{values}{$_} && @{ $s->{values}{$_} } } @proxies) . ".\n\n" . beside($s);
}

sub page {
	my ($run) = @_;
	my $m = $run->{machine};
	my $text = "# tlsward beside its peers\n\n$m->{date}; $m->{cpu}, $m->{cores} cores, Linux $m->{kernel}, $m->{system}; "
		. versions($run) . "; OpenSSL $m->{openssl}, GnuTLS $m->{gnutls}.\n"
		. "$run->{rounds} rounds of $run->{seconds} s in turns; medians; the spread is that between the quartiles, of the noisiest proxy.\n\n";
	$text .= markdown($run->{rows}, @{ $run->{proxies} }) . "\n";
	$text .= limits($run->{limits}) if $run->{limits};
	$text .= deadlines($run->{deadlines}) . "\n" if $run->{deadlines};
	return $text . join '', map { row_text($_, @{ $run->{proxies} }) } @{ $run->{rows} };
}

sub limits {
	my ($limits) = @_;
	my $text = "| what the libraries can do | libcrypto | GnuTLS | libsodium |\n| --- | --- | --- | --- |\n";
	for my $one (@$limits) {
		my @figures = map { defined $_ ? figure($_) : '-' } @$one{qw(libcrypto gnutls sodium)};
		$text .= '| ' . join(' | ', $one->{name}, @figures) . " |\n";
	}
	return "$text\n";
}

sub save {
	my ($path, $text) = @_;
	utf8::encode($text);
	return TLSward::Certs::write_file($path, $text);
}

sub write_all {
	my ($folder, $run) = @_;
	make_path($folder);
	save("$folder/results.json", JSON::PP->new->canonical->pretty->encode($run));
	save("$folder/bench.md", page($run));
	save("$folder/$_->{name}.svg", plot($_, $run->{kinds}, @{ $run->{proxies} })) for @{ $run->{rows} };
	return;
}

1;
