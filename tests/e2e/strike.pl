#!/usr/bin/perl
# strike.pl PID PATTERN SIGNAL MS - send a signal to a process in a container.
#
# Waits, for at most five seconds, for a process in the pid name space of PID
# whose command line, words with blanks between them, matches PATTERN; then MS
# milliseconds more; then sends the signal.  Prints the number of the process.
# Ends with 1 when none came, or when it was gone by then.
use strict;
use warnings;
use Time::HiRes qw(sleep time);

my ($init, $pattern, $signal, $ms) = @ARGV;
die "usage: strike.pl PID PATTERN SIGNAL MS\n" if !defined($ms);
my $space = readlink("/proc/$init/ns/pid") or die "no process $init: $!\n";

sub find {
	opendir(my $dir, '/proc') or die "/proc: $!\n";
	for my $pid (grep { /^[0-9]+$/ } readdir($dir)) {
		open(my $fh, '<', "/proc/$pid/cmdline") or next;
		my $line = do { local $/; <$fh> } // '';
		$line =~ tr/\0/ /;
		next if $line !~ /$pattern/;
		my $there = readlink("/proc/$pid/ns/pid") or next;
		return $pid if $there eq $space;
	}
	return;
}

my $end = time() + 5;
my $pid;
until (defined($pid = find())) {
	exit 1 if time() > $end;
	sleep(0.002);
}
sleep($ms / 1000);
print "$pid\n";
exit(kill($signal, $pid) == 1 ? 0 : 1);
