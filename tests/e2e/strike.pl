#!/usr/bin/perl
# strike.pl PID PATTERN SIGNAL MS WHILE - send a signal to a process in a container.
#
# Waits for a process in the pid name space of PID whose command line, words with
# blanks between them, matches PATTERN, for as long as the process WHILE runs,
# which is what has it started; then MS milliseconds more; then sends the signal.
# Prints the number of the process.  Ends with 1 when none came, or when it was
# gone by then.
use strict;
use warnings;
use Time::HiRes qw(sleep time);

my ($init, $pattern, $signal, $ms, $while) = @ARGV;
die "usage: strike.pl PID PATTERN SIGNAL MS WHILE\n" if !defined($while);
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

# What has ended and was not waited for is a zombie.
sub runs {
	open(my $fh, '<', "/proc/$while/stat") or return 0;
	return (<$fh> // '') =~ /\) [^ZX] /;
}

my $end = time() + 60;
my $pid;
until (defined($pid = find())) {
	exit 1 if !runs() || time() > $end;
	sleep(0.002);
}
sleep($ms / 1000);
print "$pid\n";
exit(kill($signal, $pid) == 1 ? 0 : 1);
