#!/usr/bin/perl
# cut-frames.pl HOW COMMAND... - run a command, and cut its stdin.
#
# What comes on stdin is a line and then frames, u32 length and that many bytes,
# as a load sends them.  HOW is eof:N:BYTES or kill:N:BYTES: N frames and that
# many bytes of the next one are passed on; then the command gets an end of
# file, or is killed; what comes after that is thrown away.  With count:FILE
# all is passed on, and FILE says how many frames there were.
use strict;
use warnings;
use IO::Select;

my ($how, @command) = @ARGV;
die "usage: cut-frames.pl HOW COMMAND...\n" if !@command;
my ($what, $n, $bytes) = split(/:/, $how);
my $counting = $what eq 'count';

$SIG{PIPE} = 'IGNORE';
pipe(my $out, my $in) or die "pipe: $!\n";
my $child = fork() // die "fork: $!\n";
if ($child == 0) {
	open(STDIN, '<&', $out) or die "stdin: $!\n";
	close($in);
	exec(@command) or die "$command[0]: $!\n";
}
close($out);

# take(BYTES): so many of them, passed on as they come; false at the end.
sub take {
	my ($want) = @_;
	my $all = '';

	while (length($all) < $want) {
		my $got = sysread(STDIN, my $chunk, $want - length($all));
		return if !$got;
		syswrite($in, $chunk);
		$all .= $chunk;
	}
	return $all;
}

# The line, then N frames and a piece of one.
my ($line, $frames) = ('', 0);
while ($line !~ /\n\z/) {
	my $byte = take(1) // exit_with();
	$line .= $byte;
}
while ($counting || $frames < $n) {
	my $head = take(4) // last;
	my $len = unpack('N', $head);
	last if $len > 0 && !defined(take($len));
	$frames++;
	if ($counting) {
		open(my $fh, '>', $n) or die "$n: $!\n";
		print $fh "$frames\n";
		close($fh);
	}
}
if (!$counting) {
	take($bytes);
	kill('KILL', $child) if $what eq 'kill';
}
exit_with();

# The command gets no more; read what there is, so that nobody waits for us,
# and end as it does.
sub exit_with {
	close($in);
	my $select = IO::Select->new(\*STDIN);
	my $open = 1;
	while (waitpid($child, 1) == 0) {
		if (!$open) {
			select(undef, undef, undef, 0.005);
		} elsif ($select->can_read(0.005)) {
			$open = sysread(STDIN, my $rest, 65536);
		}
	}
	exit($? & 127 ? 128 + ($? & 127) : $? >> 8);
}
