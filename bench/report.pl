#!/usr/bin/perl
# bench/report.pl [OPTION...] RESULTS - what bench/run has measured, for people.
#
# Prints tables and the goals, in Markdown; writes, where it is asked to,
#   --json FILE      all of it, with the value of each round
#   --svg FILE       a picture of what people ask first
#   --markdown FILE  the tables into that file, between the two lines that say
#                    so, in place of what is there
# With --wanted GROUP,... it ends with 1 if one of the groups has no row, or an
# agent that was started has none in it.
#
# RESULTS has a line for each measurement, its fields separated by tabs:
#   load   GROUP ROW AGENT ROUND JSON            what bench/load printed
#   value  GROUP ROW AGENT ROUND METRIC NUMBER   anything else
#   fact   NAME TEXT                             the machine, what was left out
# Two things are compared by the median of the ratios of the same round, with
# the smallest and the largest: what else went on in the machine fell on both.
use strict;
use warnings;
use Getopt::Long;
use JSON::PP;

my %file;
my $wanted = '';
GetOptions(\%file, 'json=s', 'svg=s', 'markdown=s', 'wanted=s' => \$wanted)
    && @ARGV == 1
    or die "usage: report.pl [--json FILE] [--svg FILE] [--markdown FILE] "
    . "[--wanted GROUP,...] RESULTS\n";

# Where the tables stand in a file of Markdown.
my ($begin, $end) = (
	'<!-- bench/run writes what follows -->',
	'<!-- bench/run wrote what precedes -->'
);

# The agents, in the order of the columns.
my @agents = (
	['socat',         'ssh-agent + socat'],
	['socat-each',    'the same, ssh-add for each key'],
	['openssh',       'ssh-agent'],
	['gpg',           'gpg-agent'],
	['go',            'Go keyring'],
	['limit',         'limit'],
	['limits',        'limit, libsodium'],
	['bottle',        'bottle-agent'],
	['bottle-silent', 'bottle-agent, no audit'],
	['bottle-static', 'bottle-agent, static'],
	['bottle-one',    'bottle-agent, 1 worker'],
);
my %agent_name = map { @$_ } @agents;

my (%data, %rows, %facts, %broken);
read_results($ARGV[0]);

my $report = report();
print $report;
write_file($file{json}, JSON::PP->new->canonical->indent->encode(as_json()))
    if $file{json};
write_file($file{svg}, svg()) if $file{svg};
write_between($file{markdown}, $report) if $file{markdown};
exit(complete() ? 0 : 1);

# --- results -------------------------------------------------------------------

sub read_results {
	my ($path) = @_;
	open my $in, '<', $path or die "report.pl: $path: $!\n";
	while (my $line = <$in>) {
		chomp $line;
		my ($kind, @field) = split /\t/, $line;
		if ($kind eq 'fact') {
			push @{ $facts{ $field[0] } }, $field[1];
		} elsif ($kind eq 'value') {
			keep(@field);
		} elsif ($kind eq 'load') {
			my $said = eval { decode_json($field[4]) }
			    or die "report.pl: $path:$.: not JSON: $field[4]\n";
			for my $metric (sort keys %$said) {
				my $value = $said->{$metric};
				keep(@field[0 .. 3], $metric, $value)
				    if defined $value
				    && $value =~ /^-?[\d.]+(e[-+]?\d+)?$/i;
			}
		} else {
			die "report.pl: $path:$.: what is $kind?\n";
		}
	}
	of_each_operation();
}

# What an agent took for all operations of a measurement, for each of them.
sub of_each_operation {
	for my $is (map { values %$_ } map { values %$_ } values %data) {
		my $n = $is->{operations} or next;
		my $ns = $is->{server_ns} or next;
		$is->{server_cpu_us}{$_} = $ns->{$_} / 1000 / $n->{$_}
		    for grep { $n->{$_} } keys %$ns;
	}
}

sub keep {
	my ($group, $row, $agent, $round, $metric, $value) = @_;
	push @{ $rows{$group} }, $row unless $data{$group}{$row};
	$data{$group}{$row}{$agent}{$metric}{$round} = 0 + $value;
}

# --- statistics ----------------------------------------------------------------

# What a list of numbers comes to, or nothing.
sub summary {
	my @sorted = sort { $a <=> $b } @_;
	return undef unless @sorted;
	my $half = int(@sorted / 2);
	my $median =
	    @sorted % 2
	    ? $sorted[$half]
	    : ($sorted[$half - 1] + $sorted[$half]) / 2;
	return {
		median   => $median,
		smallest => $sorted[0],
		largest  => $sorted[-1],
		rounds   => scalar @sorted,
	};
}

sub of {
	my ($group, $row, $agent, $metric) = @_;
	my $at = $data{$group} && $data{$group}{$row} or return {};
	return $at->{$agent} && $at->{$agent}{$metric} || {};
}

# A measurement over the rounds.
sub value {
	return summary(values %{ of(@_) });
}

sub median {
	my $sum = value(@_) or return undef;
	return $sum->{median};
}

# Of two measurements, [GROUP, ROW, AGENT, METRIC] each, round by round.
sub ratio {
	my ($over, $under) = map { of(@$_) } @_;
	return summary(map { $over->{$_} / $under->{$_} }
		    grep { $under->{$_} } keys %$over);
}

# How much more of an operation one agent does than another.
sub faster {
	my ($group, $row, $agent, $than) = @_;
	return ratio([$group, $row, $agent, 'per_second'],
		[$group, $row, $than, 'per_second']);
}

# The sum over everything that an agent did.
sub total {
	my ($agent, $metric) = @_;
	my ($sum, $n) = (0, 0);
	for my $group (keys %data) {
		for my $row (keys %{ $data{$group} }) {
			for my $value (values %{ of($group, $row, $agent,
					    $metric) }) {
				$sum += $value;
				$n++;
			}
		}
	}
	return $n ? $sum : undef;
}

sub agents_of {
	my ($group) = @_;
	my %seen;
	for my $row (values %{ $data{$group} }) {
		$seen{$_} = 1 for keys %$row;
	}
	return grep { $seen{$_} } map { $_->[0] } @agents;
}

# --- goals ---------------------------------------------------------------------

# Each: what, the value, and what it must be and should be.  A limit with < in
# front is one that the value must not be above.
sub goals {
	my @goals;
	my $goal = sub { push @goals, goal(@_) };
	my $limit = sub {
		my ($row, $must, $ahead) = @_;
		$goal->("$row, to limit", faster('one', $row, 'bottle', 'limit'),
			$must, $ahead);
	};
	my $old = sub {
		my ($row, $must, $ahead) = @_;
		$goal->("$row, to ssh-agent + socat",
			faster('one', $row, 'bottle', 'socat'), $must, $ahead);
	};

	$limit->($_, '0.95', '0.98') for qw(rsa2048 rsa3072 rsa4096);
	$limit->('ecdsa256', '0.85', '0.92');
	$limit->('ed25519',  '0.88', '1.3');
	$limit->('list',     '0.8',  '0.95');
	$goal->('list, CPU of the agent, us',
		value('one', 'list', 'bottle', 'server_cpu_us'), '<7', '<5.5');
	$old->('list',     '4',    '5');
	$old->('ed25519',  '11',   '16');
	$old->('ecdsa256', '6.5',  '7.5');
	$old->('rsa2048',  '2.2',  '2.3');
	$old->('rsa3072',  '1.25', '1.3');
	$old->('rsa4096',  '1.2',  '1.25');
	$old->('churn',    '13',   '17');
	my ($row, $least) = least_to('go');
	$goal->('to the Go keyring, the least of all rows'
		    . (defined $row ? ": $row" : ''), $least, '1.0', '1.3');
	$goal->('rsa2048 by 8 connections, to limit',
		faster('many', 'rsa2048, 8', 'bottle', 'limit'), '1.3', '1.65');
	$goal->('rsa2048 by 8 connections, 2 workers to 1',
		faster('many', 'rsa2048, 8', 'bottle', 'bottle-one'), '1.6',
		'1.6');
	$goal->('ed25519 p50 beside 1 rsa4096 client, us',
		value('line', '1 rsa4096', 'bottle', 'p50_us'), '<100', '<60');
	$goal->('ed25519 p50 beside 4 rsa4096 clients, us',
		value('line', '4 rsa4096', 'bottle', 'p50_us'), '<2000',
		'<500');
	for my $beside ('1000 idle', '100 slow') {
		for my $op (qw(list ed25519)) {
			$goal->("$op p50 beside $beside connections, to alone",
				ratio(['idle', "$op, $beside", 'bottle',
					'p50_us'],
					['idle', "$op, alone", 'bottle',
					'p50_us']), '<1.1', '<1.03');
		}
	}
	$goal->('system calls per signature',
		value('calls', 'ed25519', 'bottle', 'calls'), '<4', '<3');
	$goal->('switches per signature',
		value('calls', 'ed25519', 'bottle', 'switches'), '<2.2', '<2');
	for my $at (['0', '<1.5', '<1'], ['1000', '<6', '<4.5']) {
		my $sum = value('memory', $at->[0], 'bottle', 'private_kib');
		$sum->{$_} /= 1024
		    for grep { $sum->{$_} } qw(median smallest largest);
		$goal->("private memory with $at->[0] connections, MiB",
			$sum, @$at[1, 2]);
	}
	$goal->('processes with 1000 connections',
		value('memory', '1000', 'bottle', 'processes'), '<1', '<1');
	for my $at (['1', '<0.25'], ['10', '<0.25'], ['100', '<0.35']) {
		$goal->("cold start, keys to load: $at->[0]; to ssh-agent + socat",
			start($at->[0], 'bottle'), '<0.5', $at->[1]);
	}
	$goal->('cold start of the static program, keys to load: 1; to the same',
		start('1', 'bottle-static'), '<0.4', '<0.25');
	for my $at (['sign', '<1.1', '<1.03'], ['list', '<3', '<2']) {
		$goal->("$at->[0] p50 with 1000 keys, to 1 key",
			ratio(['keys', "$at->[0], 1000", 'bottle', 'p50_us'],
				['keys', "$at->[0], 1", 'bottle', 'p50_us']),
			@$at[1, 2]);
	}
	$goal->('refused of 200 connections made at once',
		value('backlog', '200', 'bottle', 'refused'), '<0', '<0');
	my $wrong = total('bottle', 'errors');
	$wrong += total('bottle', 'malformed') // 0 if defined $wrong;
	$goal->('wrong replies, all groups',
		defined $wrong ? summary($wrong) : undef, '<0', '<0');
	return @goals;
}

sub goal {
	my ($what, $sum, $must, $ahead) = @_;
	my $met =
	      !$sum || !defined $sum->{median} ? 'not measured'
	    : holds($sum->{median}, $ahead)    ? 'ahead'
	    : holds($sum->{median}, $must)     ? 'met'
	    :                                    'not met';
	return { what => $what, sum => $sum, must => $must, ahead => $ahead,
		verdict => $met };
}

sub holds {
	my ($value, $bound) = @_;
	return $bound =~ /^<(.*)/ ? $value <= $1 : $value >= $bound;
}

# The row in which an agent comes nearest to ours, or passes it.
sub least_to {
	my ($agent) = @_;
	my ($least, $where);
	for my $group (qw(one many)) {
		for my $row (@{ $rows{$group} || [] }) {
			my $sum = faster($group, $row, 'bottle', $agent) or next;
			next if $least && $least->{median} <= $sum->{median};
			($least, $where) = ($sum, $row);
		}
	}
	return ($where, $least);
}

sub start {
	my ($keys, $agent) = @_;
	return ratio(['start', $keys, $agent, 'ms'],
		['start', $keys, 'socat', 'ms']);
}

# --- the report ----------------------------------------------------------------

# Three digits that say something, no more.
sub figure {
	my ($value) = @_;
	return '-' unless defined $value;
	return sprintf '%.0f', $value if $value >= 99.95 || $value == 0;
	return sprintf '%.1f', $value if $value >= 9.995;
	return sprintf '%.2f', $value;
}

sub with_spread {
	my ($sum) = @_;
	return '-' unless $sum && defined $sum->{median};
	return figure($sum->{median}) if $sum->{rounds} < 2;
	return sprintf '%s (%s to %s)',
	    map { figure($sum->{$_}) } qw(median smallest largest);
}

# A table of Markdown, its columns aligned so that it can be read as it is.
sub table {
	my @lines = @_;
	my @width;
	for my $line (@lines) {
		for my $i (0 .. $#$line) {
			my $len = length $line->[$i];
			$width[$i] = $len if $len > ($width[$i] // 0);
		}
	}
	my @out = map { my $line = $_;
		join ' | ', map { sprintf '%-*s', $width[$_], $line->[$_] }
		    0 .. $#$line } @lines;
	splice @out, 1, 0, join '-|-', map { '-' x $_ } @width;
	$out[1] = "-$out[1]-";
	return join '', map { s/ +$//r }
	    map { /^-/ ? "|$_|\n" : "| $_ |\n" } @out;
}

# table_of GROUP HEAD CELL: rows of the group by agents; CELL makes a cell.
sub table_of {
	my ($group, $head, $cell, @only) = @_;
	my @columns = agents_of($group);
	my @names = @only ? @only : @{ $rows{$group} || [] };
	return '' unless @columns;
	return table(
		[$head, map { $agent_name{$_} } @columns],
		map {
			my $row = $_;
			[$row, map { $cell->($row, $_) } @columns]
		} @names
	);
}

sub report {
	my @parts = (machine_part());
	my %part = (
		one          => \&one_part,
		floor        => \&floor_part,
		many         => \&many_part,
		idle         => \&idle_part,
		line         => \&line_part,
		memory       => \&memory_part,
		calls        => \&calls_part,
		start        => \&start_part,
		keys         => \&keys_part,
		backlog      => \&backlog_part,
		provisioning => \&provisioning_part,
	);
	push @parts, goals_part();
	for my $group (qw(one floor many idle line memory calls start keys
	    backlog provisioning)) {
		push @parts, $part{$group}->() if $data{$group};
	}
	return join "\n", @parts;
}

sub fact {
	my ($name) = @_;
	my %seen;
	return join '; ', grep { !$seen{$_}++ }
	    @{ $facts{$name} || ['unknown'] };
}

# How much the machine itself wavered, in words.
sub noise {
	my $steal = $facts{steal_percent} ? fact('steal_percent') : undef;
	my $load = $facts{load_before} ? fact('load_before') : undef;
	my $trip = value('floor', 'round trip', 'none', 'per_second');
	my $sign = value('floor', 'ed25519', 'none', 'cpu_us');
	my (@said, $noisy);

	for my $floor (['bare round trips in a second were', $trip],
		['us of CPU for a bare Ed25519 signature were', $sign]) {
		my ($what, $sum) = @$floor;
		next unless $sum;
		$noisy = 1 if $sum->{largest} > 1.15 * $sum->{smallest};
		push @said, "$what " . with_spread($sum);
	}
	# In between two of them nothing happens, unless somebody else has the
	# processor.
	my $one = value('floor', 'round trip', 'none', 'p50_us');
	if ($trip && $one) {
		my $lost =
		    100 * (1 - $trip->{median} * $one->{median} / 1e6);
		$noisy = 1 if $lost > 15;
		push @said, sprintf '%.0f %% of their time went to others',
		    $lost < 0 ? 0 : $lost;
	}
	if (defined $load) {
		push @said, "the load average was $load before";
		$noisy = 1 if $load > 0.7;
	}
	if (defined $steal) {
		push @said, "$steal % of the processors' time was taken by "
		    . 'other machines (steal)';
		$noisy = 1 if $steal > 2;
	}
	my $verdict =
	      !@said  ? 'it was not looked at'
	    : $noisy  ? 'the machine was not quiet, so single figures may be '
	    . 'off by a third; ratios hold better'
	    : 'the machine was quiet';
	return ucfirst join '; ', $verdict, @said;
}

sub machine_part {
	my @lines = map { [$_->[0], fact($_->[1])] }
	    grep { $facts{ $_->[1] } } (
		['machine', 'machine'], ['kernel', 'kernel'],
		['libraries', 'libraries'], ['compared', 'compared'],
		['measured', 'when'], ['left out', 'left_out'],
	    );
	return join '', map { "- $_->[0]: $_->[1]\n" } @lines,
	    ['noise', noise()];
}

sub goals_part {
	my @goals = grep { $_->{verdict} ne 'not measured' } goals();
	my %n;
	$n{ $_->{verdict} }++ for @goals;
	my $missing = () = grep { $_->{verdict} eq 'not measured' } goals();
	my $head = sprintf "### Goals\n\n%d goals: %d ahead, %d met, %d not "
	    . "met%s. Of several rounds, the median, smallest and largest.\n",
	    scalar(goals()), $n{ahead} // 0, $n{met} // 0, $n{'not met'} // 0,
	    $missing ? ", $missing not measured" : '';
	return $head unless @goals;
	return $head . "\n" . table(
		['goal', 'must be', 'ahead', 'is', 'verdict'],
		map {
			[$_->{what}, bound($_->{must}), bound($_->{ahead}),
			with_spread($_->{sum}), $_->{verdict}]
		} @goals
	);
}

sub bound {
	my ($bound) = @_;
	return $bound =~ /^<(.*)/ ? "at most $1" : "at least $bound";
}

# How many times as fast as the old stack, and how fast that is.
sub times_and {
	my ($group, $metric, $unit) = @_;
	return sub {
		my ($row, $agent) = @_;
		my $is = median($group, $row, $agent, $metric);
		return '-' unless defined $is;
		my $ratio = faster($group, $row, $agent, 'socat');
		return figure($is) . $unit unless $ratio;
		return sprintf 'x%s (%s%s)', figure($ratio->{median}),
		    figure($is), $unit;
	};
}

sub one_part {
	my @ours = map {
		my $row = $_;
		my $own = sub { figure(median('one', $row, 'bottle', $_[0])) };
		[$row, $own->('per_second'), $own->('p50_us'), $own->('p99_us'),
		$own->('server_cpu_us'),
		map { with_spread(faster('one', $row, 'bottle', $_)) }
		    qw(socat go limit)]
	} @{ $rows{one} };
	return "### One connection, all on one processor\n\n"
	    . "Throughput as a multiple of ssh-agent + socat, and the median "
	    . "time of a request in\nmicroseconds.\n\n"
	    . table_of('one', 'operation', times_and('one', 'p50_us', ''))
	    . "\nbottle-agent alone: operations in a second, microseconds, CPU "
	    . "of the agent for each,\nand throughput as a multiple of three "
	    . "others'.\n\n"
	    . table(['operation', 'per second', 'p50', 'p99', 'CPU',
		'to ssh-agent + socat', 'to Go', 'to limit'], @ours);
}

# What nothing can be faster than: the arithmetic, and the way of two messages.
sub floor_part {
	my $trip = median('floor', 'round trip', 'none', 'p50_us');
	my @lines;
	for my $row (grep { $_ ne 'round trip' } @{ $rows{floor} }) {
		my $sign = median('floor', $row, 'none', 'cpu_us');
		my $ours =
		    median('one', $row =~ s/,.*//r, 'bottle', 'p50_us');
		next unless defined $sign && defined $trip && $ours;
		my $floor = $sign + $trip;
		push @lines, [$row, map { figure($_) } $sign, $floor, $ours,
			$floor / $ours];
	}
	return "### The floor\n\n"
	    . "CPU time of a bare signature over 300 bytes by OpenSSL, that "
	    . "and the round trip of a\nrequest and a reply between two "
	    . 'processes on one processor (' . figure($trip) . " us), beside\n"
	    . "the median of ours; microseconds.\n\n"
	    . table(['key', 'signature', 'with the round trip',
		'bottle-agent', 'floor to ours'], @lines);
}

sub many_part {
	return "### Many connections, all processors\n\n"
	    . "Throughput as a multiple of ssh-agent + socat, and operations "
	    . "in a second. The number\nis that of the connections; pipeline "
	    . "is requests under way on one.\n\n"
	    . table_of('many', 'operation',
		times_and('many', 'per_second', '/s'));
}

sub idle_part {
	return "### Beside connections that do nothing\n\n"
	    . "Median time of a request in microseconds, one connection, "
	    . "beside idle connections and\nbeside slow ones, which have sent "
	    . "half a request; the ratio is to alone in the same\nround.\n\n"
	    . table_of('idle', 'beside', sub {
		my ($row, $agent) = @_;
		my $is = median('idle', $row, $agent, 'p50_us');
		return '-' unless defined $is;
		(my $alone = $row) =~ s/, .*/, alone/;
		my $ratio = ratio(['idle', $row, $agent, 'p50_us'],
			['idle', $alone, $agent, 'p50_us']);
		return figure($is) if $alone eq $row || !$ratio;
		return sprintf '%s (x%s)', figure($is),
		    figure($ratio->{median});
	    });
}

sub line_part {
	return "### Beside slow signatures\n\n"
	    . "Ed25519 signatures of one client while others sign with RSA "
	    . "4096 without pause:\nmicroseconds, median (99th of 100).\n\n"
	    . table_of('line', 'beside', sub {
		my ($row, $agent) = @_;
		my $p50 = median('line', $row, $agent, 'p50_us');
		return '-' unless defined $p50;
		return sprintf '%s (%s)', figure($p50),
		    figure(median('line', $row, $agent, 'p99_us'));
	    });
}

sub memory_part {
	return "### Memory\n\n"
	    . "KiB of all processes of an agent, resident / private, and how "
	    . "many processes if more\nthan one, with so many open "
	    . "connections that have each made a list.\n\n"
	    . table_of('memory', 'connections', sub {
		my ($row, $agent) = @_;
		my ($all, $own, $n) = map { median('memory', $row, $agent, $_) }
		    qw(resident_kib private_kib processes);
		return '-' unless defined $all;
		return "$all / $own" . ($n > 1 ? ", $n processes" : '');
	    });
}

sub calls_part {
	return "### What a signature asks of the kernel\n\n"
	    . "Ed25519, one connection: system calls, and switches to another "
	    . "thread (voluntary\nand not); of all processes of an agent. Which "
	    . "calls they are is as strace sees\nthem, which makes records of "
	    . "the audit log more frequent.\n\n"
	    . table_of('calls', '', sub {
		my ($what, $agent) = @_;
		return figure(median('calls', 'ed25519', $agent, $what));
	    }, qw(calls switches))
	    . calls_named();
}

sub calls_named {
	my @said = map { "- $_\n" } @{ $facts{calls} || [] };
	return @said ? join '', "\n", @said : '';
}

sub start_part {
	return "### From nothing to the first signature\n\n"
	    . "Milliseconds from exec to the end of the first signature, with "
	    . "so many Ed25519 keys to\nload, and the ratio to ssh-agent + "
	    . "socat with all keys in one ssh-add.\n\n"
	    . table_of('start', 'keys', sub {
		my ($row, $agent) = @_;
		my $is = median('start', $row, $agent, 'ms');
		return '-' unless defined $is;
		my $ratio = start($row, $agent) or return figure($is);
		return sprintf '%s (x%s)', figure($is),
		    figure($ratio->{median});
	    });
}

sub keys_part {
	return "### With many keys\n\n"
	    . "Median time of a request in microseconds with so many Ed25519 "
	    . "keys loaded; sign is with\nthe last of them.\n\n"
	    . table_of('keys', 'request, keys', sub {
		figure(median('keys', @_, 'p50_us'));
	    });
}

sub backlog_part {
	return "### Connections made at once\n\n"
	    . "How many of 200 non-blocking connects back to back were "
	    . "refused (EAGAIN).\n\n"
	    . table_of('backlog', 'connects', sub {
		my $is = median('backlog', @_, 'refused');
		return defined $is ? sprintf '%.0f', $is : '-';
	    });
}

sub provisioning_part {
	my @names = @{ $rows{provisioning} };
	return "### Keys into a container that runs\n\n"
	    . "What bench/provision.sh measures, in milliseconds.\n\n"
	    . table(['what', 'ms', 'to docker exec'], map {
		[$_, figure(median('provisioning', $_, 'bottle', 'ms')),
		figure(median('provisioning', $_, 'bottle', 'to_exec'))]
	    } @names);
}

# --- files ---------------------------------------------------------------------

sub write_file {
	my ($path, $text) = @_;
	open my $out, '>', $path or die "report.pl: $path: $!\n";
	print $out $text;
	close $out or die "report.pl: $path: $!\n";
}

sub write_between {
	my ($path, $text) = @_;
	open my $in, '<', $path or die "report.pl: $path: $!\n";
	my $old = do { local $/; <$in> };
	$old =~ s/(?<=\Q$begin\E\n).*(?=^\Q$end\E$)/\n$text\n/ms
	    or die "report.pl: $path does not have the lines $begin and $end\n";
	write_file($path, $old);
}

sub as_json {
	my %out = (facts => \%facts, noise => noise());
	for my $group (keys %data) {
		for my $row (keys %{ $data{$group} }) {
			my $by_agent = $data{$group}{$row};
			for my $agent (keys %$by_agent) {
				my $by_metric = $by_agent->{$agent};
				$out{groups}{$group}{$row}{$agent}{$_} = {
					%{ summary(values %{ $by_metric->{$_} }) },
					values => $by_metric->{$_},
				} for keys %$by_metric;
			}
		}
	}
	$out{goals} = [map {
		{
			goal => $_->{what}, must => bound($_->{must}),
			ahead => bound($_->{ahead}), verdict => $_->{verdict},
			$_->{sum} ? (is => $_->{sum}) : (),
		}
	} goals()];
	return \%out;
}

# Whether all groups that were wanted are there, with all agents that were
# started for them.
sub complete {
	my $missing = 0;
	for my $group (split /,/, $wanted) {
		my @columns = $data{$group} ? agents_of($group) : ();
		warn "report.pl: nothing was measured of $group\n" unless @columns;
		$missing++ unless @columns;
	}
	for my $agent (qw(bottle bottle-one)) {
		for my $metric (qw(errors malformed)) {
			my $n = total($agent, $metric) or next;
			warn "report.pl: $agent: $n replies with $metric\n";
			$missing++;
		}
	}
	return !$missing;
}

# --- the picture -----------------------------------------------------------------

my %colour;

# Bars on a logarithmic scale, panel below panel.
sub svg {
	%colour = (
		socat => '#b0b0b0', openssh => '#888888', gpg => '#c9b28f',
		go => '#6fa8dc', limit => '#d5d5f0', limits => '#c0c0e8',
		bottle => '#2e7d32', 'bottle-one' => '#8bc34a',
		'bottle-static' => '#66a366',
	);
	my @panels = grep { @{ $_->{rows} } } (
		panel('Requests in a second, as a multiple of ssh-agent + '
			. 'socat (longer is better; logarithmic)', 'x', 'one',
			[qw(list ed25519 ecdsa256 rsa2048 rsa4096 churn)],
			[qw(socat openssh gpg go limit bottle)], sub {
			my ($row, $agent) = @_;
			my $sum = faster('one', $row, $agent, 'socat');
			return $sum && $sum->{median};
		}),
		panel('Ed25519 signature beside clients that sign with RSA '
			. '4096: median (shorter is better; logarithmic)',
			' us', 'line',
			$rows{line} || [], [agents_of('line')], sub {
			return median('line', @_, 'p50_us');
		}),
		panel('Private memory with 1000 connections (shorter is '
			. 'better; logarithmic)', ' KiB', 'memory', ['1000'],
			[grep { $_ ne 'bottle-silent' }
			agents_of('memory')], sub {
			return median('memory', @_, 'private_kib');
		}),
	);
	my ($y, $body) = (10, '');
	for my $panel (@panels) {
		my ($drawn, $height) = draw($panel, $y);
		$body .= $drawn;
		$y += $height;
	}
	return sprintf(
		qq{<svg xmlns="http://www.w3.org/2000/svg" width="760" }
		    . qq{height="%d" viewBox="0 0 760 %d" role="img" }
		    . qq{font-family="sans-serif" font-size="11">\n}
		    . qq{<title>bottle-agent and other agents</title>\n}
		    . qq{<rect width="100%%" height="100%%" fill="#ffffff"/>\n}
		    . qq{%s</svg>\n}, $y + 10, $y + 10, $body);
}

sub panel {
	my ($title, $unit, $group, $names, $columns, $get) = @_;
	my @rows;
	for my $row (@$names) {
		my @bars = grep { $_->[1] }
		    map { [$_, $get->($row, $_)] } @$columns;
		push @rows, [$row, \@bars] if @bars;
	}
	return { title => $title, unit => $unit, rows => \@rows };
}

sub draw {
	my ($panel, $top) = @_;
	my @all = map { $_->[1] } map { @{ $_->[1] } } @{ $panel->{rows} };
	my ($low, $high) = (sort { $a <=> $b } @all)[0, -1];
	my ($left, $width) = (190, 470);
	my $from = log($low * 0.7);
	my $scale = $width / (log($high * 1.05) - $from);
	my $y = $top + 16;
	my $out = text(10, $y, $panel->{title}, 'font-weight="bold"');

	$y += 8;
	for my $row (@{ $panel->{rows} }) {
		$out .= text(10, $y + 11, $row->[0]);
		for my $bar (@{ $row->[1] }) {
			my ($agent, $value) = @$bar;
			my $length = (log($value) - $from) * $scale;
			$out .= text($left - 6, $y + 11, $agent_name{$agent},
				'text-anchor="end"');
			$out .= sprintf qq{<rect x="%d" y="%d" width="%.1f" }
			    . qq{height="12" fill="%s"/>\n}, $left, $y + 1,
			    $length, $colour{$agent} // '#999999';
			$out .= text($left + $length + 4, $y + 11,
				$panel->{unit} eq 'x'
				? 'x' . figure($value)
				: figure($value) . $panel->{unit});
			$y += 14;
		}
		$y += 6;
	}
	return ($out, $y - $top + 8);
}

sub text {
	my ($x, $y, $text, $more) = @_;
	$text =~ s/&/&amp;/g;
	$text =~ s/</&lt;/g;
	return sprintf qq{<text x="%.0f" y="%.0f"%s>%s</text>\n}, $x, $y,
	    $more ? " $more" : '', $text;
}
