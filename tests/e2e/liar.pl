#!/usr/bin/perl
# liar.pl - stands in for bottle-agent --load or bottle-forward place in a
# container, and lies.
#
# What it does is in /etc/lie; what it is sent is added to /tmp/received.  The
# program that it stands for lies beside it, with .real behind its name.
use strict;
use warnings;
use Time::HiRes qw(sleep);

my $placing = $0 =~ /forward/;
my $mark = $placing ? 'bottle-place: ' : 'bottle-load: ';
open(my $fh, '<', '/etc/lie') or die "/etc/lie: $!\n";
my ($who, $lie) = split(' ', <$fh>);
exec("$0.real", @ARGV) or die "$0.real: $!\n"
    if $who ne ($placing ? 'placer' : 'loader');
open(my $record, '>>', '/tmp/received') or die "/tmp/received: $!\n";
binmode($_) for (\*STDIN, \*STDOUT, $record);
$record->autoflush(1);
STDOUT->autoflush(1);
$SIG{PIPE} = 'DEFAULT';

# hear(BYTES): so many from the host, or the end of us.
sub hear {
	my ($want) = @_;
	my $all = '';

	while (length($all) < $want) {
		my $got = sysread(STDIN, my $chunk, $want - length($all));
		exit 9 if !$got;
		print $record $chunk;
		$all .= $chunk;
	}
	return $all;
}

sub hear_line {
	my $line = '';

	$line .= hear(1) until $line =~ /\n\z/;
}

# frame(): one, and its contents.
sub frame {
	return hear(unpack('N', hear(4)));
}

# All up to the one that asks whether everything is staged.
sub hear_all {
	if ($placing) {
		while (ord(frame()) != 5) { }
	} else {
		while (frame() ne '') { }
	}
}

sub say_line {
	print $mark, @_, "\n";
}

sub hello {
	hear_line();
	say_line('hello ', $placing ? '' : ('5a' x 32 . ' '), '0.9.0 x86_64');
}

# The honest one, through a pipe that changes what it says.
sub honest {
	my ($change) = @_;

	open(my $out, '-|', "$0.real", @ARGV) or die "$0.real: $!\n";
	while (my $line = <$out>) {
		print $change->($line);
	}
	close($out);
	exit($? >> 8);
}

my $pem = "-----BEGIN OPENSSH PRIVATE KEY-----\n" . 'b3BlbnNzaC1r' x 5 .
    "\n-----END OPENSSH PRIVATE KEY-----\n";
my $escapes = "\e[31mred\e]0;title\a\x9b2J\rgone\x00";

my %lies = (
	# Nothing at all, at the start and later.
	silent => sub { sleep(600) },
	silent_after_hello => sub { hello(); sleep(600) },
	silent_after_staged => sub {
		hello(); hear_all(); say_line('staged'); sleep(600);
	},
	ends_at_once => sub { exit 0 },
	ends_after_hello => sub { hello(); exit 0 },
	ends_after_staged => sub {
		hello(); hear_all(); say_line('staged'); exit 0;
	},
	dies_in_the_middle => sub { hello(); frame(); kill('KILL', $$) },

	# Too much.
	endless_text => sub { print 'x' x 65536 while 1 },
	endless_lines => sub { print "noise\n" x 10000 while 1 },
	endless_words => sub { hello(); say_line('staged') while 1 },
	garbage => sub {
		open(my $r, '<', '/dev/urandom') or die;
		while (sysread($r, my $bytes, 65536)) { print $bytes }
	},

	# What is not true.
	staged_at_once => sub { hello(); say_line('staged'); sleep(600) },
	done_at_once => sub {
		hello();
		say_line($placing ? 'kept' : 'done 1');
		hear_all();
	},
	done_5 => sub {
		hello(); hear_all(); say_line('staged'); frame();
		say_line('done 5');
	},
	other_keys => sub {
		hello(); hear_all(); say_line('staged'); frame();
		say_line('key ssh-ed25519 SHA256:' . 'A' x 43 . ' ' .
		    $escapes);
		say_line('done 1');
	},
	no_key => sub { hear_line(); say_line('hello 5a 0.9.0 x86_64') },
	key_of_zeros => sub {
		hear_line();
		say_line('hello ', '00' x 32, ' 0.9.0 x86_64');
		sleep(600);
	},

	# A failure, in words of its own.
	fails_with_escapes => sub {
		hello(); hear_all();
		say_line('failed 3 ', $placing ? '' : '1 ', $escapes);
		exit 3;
	},
	fails_with_99 => sub {
		hello(); hear_all();
		say_line('failed 99 ', $placing ? '' : '1 ', 'because');
		exit 99;
	},
	shows_a_key => sub { print $pem; print STDERR $pem; exit 1 },

	# No lies, but what transports do to it.
	errors_among_it => sub {
		open(STDERR, '>&', \*STDOUT) or die;
		honest(sub { "Warning: $escapes\n" . $_[0] . 'half a line' .
		    "\n" });
	},
	ends_lines_as_it_likes => sub { honest(sub { $_[0] =~ s/\n/\r\n/r }) },
);
($lies{$lie} // die "no such lie: $lie\n")->();
