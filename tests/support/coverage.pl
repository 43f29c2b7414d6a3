#!/usr/bin/perl
# coverage.pl - what lines the tests reached, from what gcov tells of objects.
#
# usage: coverage.pl [--lines FILE] [--page FILE] REASONS < gcov's JSON
#
# The table is printed; --page renews it between the marks of a page, and --lines
# writes each piece that was not reached.  Exit code 1: a room is below its goal.
use strict;
use warnings;
use JSON::PP;

# The rooms of the tree, and how many percent of their lines are to be reached.
my @rooms = ([proto => 95], [base => 90], [keys => 90], [agent => 90],
    [forwarder => 85], [provision => 85]);
my $rooms = join '|', map { $_->[0] } @rooms;

# A piece is told apart by its own lines, and by so many before it: there is what
# has to fail.  Where it begins is this mark, for rules that have it; to others it
# is not there.
my $lines_before = 3;
my $mark = '@@';

my ($lines_to, $page);
while (@ARGV && $ARGV[0] =~ /^--/) {
	my $option = shift;
	if ($option eq '--lines') {
		$lines_to = shift;
	} elsif ($option eq '--page') {
		$page = shift;
	} else {
		die "coverage.pl: unknown option $option\n";
	}
}
die "coverage.pl: name the file of reasons\n" if @ARGV != 1;
my @reasons = read_reasons($ARGV[0]);

# A reason is "== NAME: text", and below it, in each line, the pattern of a path
# and that of a piece's text.
sub read_reasons {
	my ($path) = @_;
	my @read;

	open my $in, '<', $path or die "coverage.pl: $path: $!\n";
	while (my $line = <$in>) {
		chomp $line;
		next if $line =~ /^\s*(#|$)/;
		if ($line =~ /^== (\S+): (.+)/) {
			push @read, { name => $1, text => $2, rules => [],
			    lines => 0 };
		} elsif (@read && $line =~ /^(\S+)\t+(.+)/) {
			push @{$read[-1]{rules}}, [qr/^(?:$1)$/, qr/$2/,
			    index($2, $mark) >= 0];
		} else {
			die "coverage.pl: $path:$.: no reason and no rule\n";
		}
	}
	return @read;
}

# $reached{path}{line}: how often, by all objects that the line is in.
my %reached;
while (my $text = <STDIN>) {
	my $told = eval { decode_json($text) } or
	    die "coverage.pl: what gcov says is no JSON: $@";
	for my $file (@{$told->{files}}) {
		my ($path) = $file->{file} =~ m{(?:^|/)((?:$rooms)/[^/]+\.[ch])$}
		    or next;
		next if ! -e $path;
		# It runs while the programs are built.
		next if $path eq 'agent/callfilter_make.c';
		$reached{$path}{$_->{line_number}} += $_->{count}
		    for @{$file->{lines}};
	}
}
die "coverage.pl: gcov says nothing of this tree\n" if !%reached;

# The reason of a piece that was not reached, or undef.
sub reason_of {
	my ($path, $before, $piece) = @_;

	for my $reason (@reasons) {
		for my $rule (@{$reason->{rules}}) {
			my ($of, $text, $marked) = @$rule;

			return $reason if $path =~ $of &&
			    join($marked ? $mark : '', $before, $piece) =~
			    $text;
		}
	}
	return undef;
}

# Pieces: lines that were not reached and have no other between them that was.
my (%lines, %hit, @pieces, $without);
$without = 0;
for my $path (sort keys %reached) {
	my @numbers = sort { $a <=> $b } keys %{$reached{$path}};
	my ($piece, @source);

	open my $in, '<', $path or die "coverage.pl: $path: $!\n";
	@source = <$in>;
	close $in;
	for my $number (@numbers) {
		$lines{$path}++;
		if ($reached{$path}{$number} > 0) {
			$hit{$path}++;
			undef $piece;
			next;
		}
		if (!$piece) {
			$piece = { path => $path, from => $number, n => 0 };
			push @pieces, $piece;
		}
		$piece->{to} = $number;
		$piece->{n}++;
	}
	for my $p (grep { $_->{path} eq $path } @pieces) {
		my $from = $p->{from} - 1 - $lines_before;
		$from = 0 if $from < 0;
		my $before = join '', @source[$from .. $p->{from} - 2];
		$p->{text} = join '', @source[$p->{from} - 1 .. $p->{to} - 1];
		$p->{reason} = reason_of($path, $before, $p->{text});
		if ($p->{reason}) {
			$p->{reason}{lines} += $p->{n};
		} else {
			$without += $p->{n};
		}
	}
}

sub percent {
	my ($part, $whole) = @_;

	return sprintf '%.1f', $whole ? 100 * $part / $whole : 0;
}

my $table = "| room | lines | reached | % | goal |\n|---|--:|--:|--:|--:|\n";
my $below = 0;
my ($all, $all_hit) = (0, 0);
for my $room (@rooms) {
	my ($name, $goal) = @$room;
	my ($n, $h) = (0, 0);

	for my $path (grep { m{^$name/} } keys %lines) {
		$n += $lines{$path};
		$h += $hit{$path} // 0;
	}
	$all += $n;
	$all_hit += $h;
	my $met = $n > 0 && $h * 100 >= $goal * $n;
	$below = 1 if !$met;
	$table .= sprintf "| %s | %d | %d | %s | %d%s |\n", $name, $n, $h,
	    percent($h, $n), $goal, $met ? '' : ', not met';
}
$table .= sprintf "| all | %d | %d | %s | |\n\n", $all, $all_hit,
    percent($all_hit, $all);

$table .= "| file | lines | reached | % |\n|---|--:|--:|--:|\n";
for my $path (sort keys %lines) {
	$table .= sprintf "| %s | %d | %d | %s |\n", $path, $lines{$path},
	    $hit{$path} // 0, percent($hit{$path} // 0, $lines{$path});
}

$table .= "\n| what was not reached | lines |\n|---|--:|\n";
for my $reason (@reasons) {
	$table .= "| $reason->{text} | $reason->{lines} |\n";
}
$table .= "| no reason given | $without |\n";
print $table;

if ($lines_to) {
	open my $out, '>', $lines_to or die "coverage.pl: $lines_to: $!\n";
	for my $p (@pieces) {
		printf $out "%s:%d-%d (%d): %s\n%s", $p->{path}, $p->{from},
		    $p->{to}, $p->{n},
		    $p->{reason} ? $p->{reason}{name} : 'no reason given',
		    $p->{text};
	}
	close $out or die "coverage.pl: $lines_to: $!\n";
}
if ($page) {
	open my $in, '<', $page or die "coverage.pl: $page: $!\n";
	my $text = join '', <$in>;
	close $in;
	$text =~ s/(<!-- begin: [^\n]*-->\n).*(<!-- end -->)/$1$table$2/s or
	    die "coverage.pl: $page has no place for the table\n";
	open my $out, '>', $page or die "coverage.pl: $page: $!\n";
	print $out $text;
	close $out or die "coverage.pl: $page: $!\n";
}
exit $below;
