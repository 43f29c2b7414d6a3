#!/usr/bin/perl
# killat.pl HOW WORD COMMAND... - run a command and kill it at a word.
#
# Passes on what it prints, up to the line "bottle-place: WORD".  HOW is
#	before		it is killed, and the line never comes
#	after		the line is passed on, and then it is killed
#	wait:FILE	it is stopped, the line is passed on, and it is killed
#			once FILE is there
# and behind that nothing comes.  Ends as the command, or with 137.
use strict;
use warnings;
use IO::Handle;
use Time::HiRes qw(sleep time);

my ($how, $word, @command) = @ARGV;
die "usage: killat.pl HOW WORD COMMAND...\n" if !@command;

pipe(my $out, my $in) or die "pipe: $!\n";
my $pid = fork() // die "fork: $!\n";
if ($pid == 0) {
	open(STDOUT, '>&', $in) or die "stdout: $!\n";
	exec(@command) or die "$command[0]: $!\n";
}
close($in);
STDOUT->autoflush(1);
while (my $line = <$out>) {
	if ($line !~ /^bottle-place: \Q$word\E\r?$/) {
		print $line;
		next;
	}
	kill('STOP', $pid) if $how =~ /^wait:/;
	kill('KILL', $pid) if $how eq 'before';
	print $line if $how ne 'before';
	if ($how =~ /^wait:(.*)/) {
		my $end = time() + 20;
		sleep(0.01) until -e $1 || time() > $end;
	}
	kill('KILL', $pid);
	waitpid($pid, 0);
	exit(137);
}
waitpid($pid, 0);
exit($? & 127 ? 128 + ($? & 127) : $? >> 8);
