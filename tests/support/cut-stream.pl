#!/usr/bin/perl
# cut-stream.pl PROGRAM ARG... - a COMMAND for exec: that loses the connection.
#
# What happens is in the environment, CUT="SIDE HOW N [FILE]": SIDE is load or
# place, and the other one is run as it is.  HOW is one of
#
#	in	N bytes of stdin are passed on, and then an end of file
#	out	N bytes of stdout are passed on, and then we are gone
#	kill	the program is killed N milliseconds after its start
#	count	all is passed on, and kept in FILE.in and FILE.out
#
# CUT_LOCK is a file that is locked as long as any of it runs.
use strict;
use warnings;
use Fcntl qw(:flock);
use IO::Select;
use Time::HiRes qw(sleep);

my ($side, $how, $n, $file) = split(' ', $ENV{CUT});
$^F = 255;
open(my $lock, '>>', $ENV{CUT_LOCK}) or die "$ENV{CUT_LOCK}: $!\n";
flock($lock, LOCK_SH) or die "flock: $!\n";
my $us = $ARGV[0] =~ /forward$/ ? 'place' : 'load';
if ($us ne $side) {
	exec(@ARGV) or die "$ARGV[0]: $!\n";
}

$SIG{PIPE} = 'IGNORE';
$^F = 2;
pipe(my $in_read, my $in) or die "pipe: $!\n";
pipe(my $out, my $out_write) or die "pipe: $!\n";
my $child = fork() // die "fork: $!\n";
if ($child == 0) {
	$SIG{PIPE} = 'DEFAULT';
	open(STDIN, '<&', $in_read) or die "stdin: $!\n";
	open(STDOUT, '>&', $out_write) or die "stdout: $!\n";
	exec(@ARGV) or die "$ARGV[0]: $!\n";
}
close($in_read);
close($out_write);
my %seen = (in => 0, out => 0);
my %keep;
if ($how eq 'count') {
	for my $way (qw(in out)) {
		open($keep{$way}, '>', "$file.$way") or die "$file.$way: $!\n";
		$keep{$way}->autoflush(1);
	}
}
if ($how eq 'kill' && fork() == 0) {
	sleep($n / 1000);
	kill('KILL', $child);
	exit 0;
}

# pass(WAY, FROM, TO): what there is; false at its end, or where it is cut.
sub pass {
	my ($way, $from, $to) = @_;
	my $got = sysread($from, my $bytes, 65536);

	return if !$got;
	$bytes = substr($bytes, 0, $n - $seen{$way}) if $how eq $way;
	$seen{$way} += length($bytes);
	syswrite($to, $bytes);
	print { $keep{$way} } $bytes if $keep{$way};
	return $how ne $way || $seen{$way} < $n;
}

my $select = IO::Select->new(\*STDIN, $out);
if ($how eq 'in' && $n == 0) {
	close($in);
	$select->remove(\*STDIN);
}
exit 1 if $how eq 'out' && $n == 0;
while ($select->count() > 0) {
	for my $from ($select->can_read()) {
		if ($from == $out) {
			next if pass('out', $out, \*STDOUT);
			exit 1 if $how eq 'out' && $seen{out} >= $n;
			# That was its last word.
			waitpid($child, 0);
			exit($? & 127 ? 128 + ($? & 127) : $? >> 8);
		}
		if (!pass('in', \*STDIN, $in)) {
			close($in);
			$select->remove(\*STDIN);
		}
	}
}
