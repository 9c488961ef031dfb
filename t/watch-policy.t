#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# A script's function worker has the last word on a sick process: it is kept,
# drained or replaced as the script says, and replaced if the script says
# nothing, fails, or takes too long.
use strict;
use warnings;
use Test::More;

use TLSward qw(wait_for);
use TLSward::Backend;
use TLSward::Certs;
use TLSward::Client qw(tls_connect http_get);
use TLSward::Faults qw(need_faults fault steps quick_watch);

need_faults();
my $host = 'one.example.test';
my $backend = TLSward::Backend->new('http');
# The number of the worker decides, so that one tlsward shows all answers.
my $t = TLSward->new(hosts => [$host], backends => [ { servers => [ $backend->server ] } ],
	conf => { workers => 6, watch => quick_watch(), policy => { scripts => 'policy.d', budget_ms => 2000 } });
mkdir $t->in_directory('policy.d');
TLSward::Certs::write_file($t->in_directory('policy.d/judge.lua'), <<'END');
local answers = { "keep", "drain", "replace", nil, "nonsense" }
return { name = "judge", api = 1,
  worker = function(sample, verdict)
    tlsward.log("notice", sample.role .. " " .. sample.worker .. " " .. verdict.kind .. " " .. sample.descriptors)
    if sample.worker == 6 then while true do end end
    return answers[sample.worker]
  end,
}
END
$t->start;

my %end = (
	1 => [ 'kept, as the script wants', 'a sick process is kept, as the policy wants; it is asked again later' ],
	2 => [ 'drained', 'a sick worker drains, and is ended when its time is over', 'a sick process is gone' ],
	3 => [ 'replaced', 'a sick worker drains, and is ended when its time is over', 'a sick process is gone' ],
	4 => [ 'replaced, since the script has no opinion', 'a sick worker drains, and is ended when its time is over', 'a sick process is gone' ],
	5 => [ 'replaced, since the script answers nonsense', 'a sick worker drains, and is ended when its time is over', 'a sick process is gone' ],
	6 => [ 'replaced, since the script takes too long', 'the policy has not said in time what to do with a sick process; it is replaced',
		'a sick worker drains, and is ended when its time is over', 'a sick process is gone' ],
);
for my $n (1 .. 6) {
	my $mark = $t->mark;
	my ($what, @want) = @{ $end{$n} };
	my $pid = fault($t, role => 'worker', worker => $n, kind => 'leak', rate => 200);
	wait_for(sub { grep { $_ eq $want[-1] } steps($t, $pid, $mark) }, 15, "worker $n is $what");
	my @got = grep { !/waits until others/ } steps($t, $pid, $mark);
	is_deeply \@got, [ 'a process is sick', @want ], "worker $n is $what";
	ok $t->find_log({ msg => 'policy', text => qr/^worker $n fd_leak \d+$/ }, $mark), 'the script saw what there is to be seen';
	my $successors = () = $t->find_log({ msg => 'a worker gets a successor', index => $n }, $mark);
	is $successors, $n <= 2 ? 0 : 1, $n <= 2 ? 'without a successor' : 'with a successor';
}
my ($kept) = grep { $_->{worker} == 1 } @{ $t->ctl_json('workers')->{workers} };
is $kept->{verdict}{step}, 'kept', 'workers shows the one that is kept';
my ($script) = @{ $t->ctl_json('policies')->{scripts} };
my $calls = $script->{calls}{worker};
# It has been asked about the one that is kept again if all this took a minute.
my $kept_again = () = $t->find_log({ msg => 'a sick process is kept, as the policy wants; it is asked again later' });
is $calls->{answered}, 2 + $kept_again, 'policies counts the answers';
is $calls->{no_opinion}, 1, 'those that are none';
is $calls->{errors}, 1, 'and the errors';
my $s = tls_connect($t, sni => $host);
ok http_get($s, $host, '/'), 'service goes on';
$s->close;
is $t->stop, 0, 'it ends in order';
done_testing;
