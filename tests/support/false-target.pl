#!/usr/bin/perl
# false-target.pl PROGRAM ARG... - a COMMAND for exec: behind which one of our
# two programs lies.
#
# LIE="SIDE LIE", SIDE being load or place, says which one and how; the other one
# is run as it is; with both, neither is.  What is heard is added to the file RECEIVED.
use strict;
use warnings;
use Time::HiRes qw(sleep);

my ($side, $lie) = split(' ', $ENV{LIE});
my $placing = $ARGV[0] =~ /forward$/;
my $mark = $placing ? 'bottle-place: ' : 'bottle-load: ';
if ($side ne 'both' && ($placing ? 'place' : 'load') ne $side) {
	exec(@ARGV) or die "$ARGV[0]: $!\n";
}
open(my $record, '>>', $ENV{RECEIVED}) or die "$ENV{RECEIVED}: $!\n";
binmode($_) for (\*STDIN, \*STDOUT, $record);
$record->autoflush(1);
STDOUT->autoflush(1);

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

# linger(): until the host has gone.
sub linger {
	hear(1) while 1;
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

sub hello_with {
	my ($version, $folder, $key) = @_;

	hear_line();
	say_line('hello ', $placing ? '' : (($key // '5a' x 32) . ' '),
	    ($version // '99.0'), ' x86_64', $placing ?
	    ' ' . ($folder // '/usr/bin') : '');
}

# Up to the point where both are ready.
sub stage {
	hello_with();
	hear_all();
	say_line('staged');
}

sub stage_and {
	hello_with();
	hear_all();
	say_line('staged', "\n", $mark, $_[0]);
	linger();
}

# To the end of it, saying LINES where the keys are.
sub pretend {
	stage();
	frame();
	if ($placing) {
		say_line('switched');
		frame();
		say_line($_) for @_;
		say_line('kept');
	} else {
		say_line($_) for @_;
		say_line('done ', scalar(@_));
	}
}

sub fails {
	my ($n, $text) = @_;

	hello_with() if $lie ne 'late';
	hear_all();
	say_line("failed $n ", $placing ? '' : '1 ', $text);
	exit 0;
}

# The honest one, and another that changes what it says, line by line.
sub honest {
	my ($change) = @_;

	open(my $out, '-|', @ARGV) or die "$ARGV[0]: $!\n";
	while (my $line = <$out>) {
		print $change->($line);
	}
	close($out);
	exit($? >> 8);
}

my $escapes = "\e[31mred\e]0;title\a\x9b2J\rgone\b\x7f\xc2\x9b1m";
my $name = 'ssh-ed25519 SHA256:' . 'A' x 43;
my %lies = (
	silent => sub { sleep(600) },
	silent_after_hello => sub { hello_with(); sleep(600) },
	waits_after_hello => sub { hello_with(); linger() },
	silent_after_staged => sub { stage(); sleep(600) },
	deaf => sub { hello_with(); close(STDIN); sleep(600) },
	no_output => sub { close(STDOUT); close(STDERR); sleep(600) },
	ends_at_once => sub { exit 0 },
	ends_after_hello => sub { hello_with(); exit 0 },
	ends_after_staged => sub { stage(); exit 0 },
	dies => sub { hello_with(); frame(); kill('KILL', $$) },
	stays => sub {
		$SIG{$_} = 'IGNORE' for qw(HUP INT TERM PIPE);
		hello_with();
		say_line('failed 1 ', $placing ? '' : '0 ', 'because');
		sleep(600);
	},
	# The one fails, and then the other one is there, and does not go.
	late => sub {
		hello_with();
		fails(3, 'because') if !$placing;
		hear_all();
		sleep(0.5);
		say_line('staged');
		sleep(600);
	},
	leaves_a_child => sub {
		if (fork() == 0) {
			sleep(20);
			exit 0;
		}
		exit 1;
	},

	garbage => sub {
		open(my $r, '<', '/dev/urandom') or die;
		while (sysread($r, my $bytes, 65536)) { print $bytes }
	},
	endless_text => sub { print 'x' x 65536 while 1 },
	endless_lines => sub { print "noise\n" x 10000 while 1 },
	endless_errors => sub {
		my $n = 0;
		print STDERR "$escapes\n" x 1000 while $n++ < 1000;
		exit 1;
	},
	endless_words => sub { hello_with(); say_line('staged') while 1 },
	endless_keys => sub { stage(); frame(); say_line("key $name") while 1 },
	drip => sub { while (1) { print "x\n"; sleep(0.1) } },
	half_a_line => sub { print $mark, 'hel'; sleep(600) },

	staged_at_once => sub { hello_with(); say_line('staged'); sleep(600) },
	staged_before_hello => sub { say_line('staged'); linger() },
	done_at_once => sub {
		hello_with();
		say_line($placing ? 'kept' : 'done 1');
		linger();
	},
	# In one piece: nothing can have been asked for in between.
	done_without_commit => sub { stage_and($placing ? 'kept' : 'done 1') },
	key_before_commit => sub { stage_and("key $name") },
	switched_at_once => sub { stage_and('switched') },
	hello_twice => sub {
		hello_with();
		say_line('hello ', '5a' x 32, ' 99.0 x86_64 /usr/bin');
		linger();
	},
	unknown_word => sub { hello_with(); say_line('maybe'); linger() },
	no_number => sub { hello_with(); say_line('failed x y'); linger() },
	empty_word => sub { hello_with(); say_line(''); linger() },

	key_of_zeros => sub { hello_with(undef, undef, '00' x 32); linger() },
	key_of_order_8 => sub {
		hello_with(undef, undef, 'e0eb7a7c3b41b8ae1656e3faf19fc46ada' .
		    '098deb9c32b1fd866205165f49b800');
		linger();
	},
	key_of_ones => sub { hello_with(undef, undef, 'ff' x 32); sleep(600) },
	key_short => sub { hello_with(undef, undef, '5a' x 31); linger() },
	key_long => sub { hello_with(undef, undef, '5a' x 33); linger() },
	key_of_no_hex => sub { hello_with(undef, undef, 'zz' x 32); linger() },
	folder_relative => sub { hello_with(undef, 'bin'); linger() },
	folder_for_a_shell => sub { hello_with(undef, '/$(id)'); linger() },
	folder_above => sub { hello_with(undef, '/a/../b'); linger() },
	folder_long => sub { hello_with(undef, '/' . 'a' x 2000); linger() },
	folder_none => sub { hello_with(undef, ''); linger() },
	old => sub { hello_with('0.0.1'); linger() },

	fails_with_0 => sub { fails(0, 'because') },
	fails_with_99 => sub { fails(99, 'because') },
	fails_with_3 => sub { fails(3, 'because') },
	fails_with_4 => sub { fails(4, 'because') },
	fails_with_5 => sub { fails(5, 'because') },
	fails_with_much => sub { fails(4294967296, 'because') },
	fails_with_escapes => sub { fails(3, $escapes) },
	fails_with_length => sub { fails(3, 'y' x 1900) },
	ends_with_escapes => sub {
		print "$escapes\n";
		print STDERR "$escapes\n";
		exit 1;
	},
	hello_with_escapes => sub { hello_with($escapes, $escapes); exit 1 },
	shows_a_key => sub {
		print STDERR "-----BEGIN OPENSSH PRIVATE KEY-----\n";
		exit 1;
	},

	# What cannot be told from the truth, but must be harmless.
	keys_with_escapes => sub { pretend("key $name $escapes") },
	keys_of_length => sub { pretend("key $name " . 'c' x 5000) },
	keys_of_some_length => sub { pretend("key $name " . 'c' x 1900) },

	# No lies, but what transports do to it.
	errors_among_it => sub {
		open(STDERR, '>&', \*STDOUT) or die;
		honest(sub { "Warning: $escapes\n" . $_[0] . "half a line\n" });
	},
	ends_lines_as_it_likes => sub { honest(sub { $_[0] =~ s/\n/\r\n/r }) },
	truth => sub { honest(sub { $_[0] }) },
);
($lies{$lie} // die "no such lie: $lie\n")->();
