#!/usr/bin/perl
# bench/start.pl [OPTION...] SOCKET PUBLIC-KEY STEP [-- STEP]... - how long it
# takes from nothing to the first signature.
#
# Runs the steps, asks at SOCKET for a signature with the key in that file, and
# prints the milliseconds from before the first step until the reply was there.
# This process does all of it, so that no start of a client is in the figure;
# it looks for a socket without pause, so that no time is lost by waiting.
# Afterwards it ends what it has started, and nothing else: also daemons, which
# come back to it when their parents end.
#
#   run COMMAND...        and wait for its end; it must succeed
#   feed FILE COMMAND...  the same, with FILE as its stdin
#   spawn COMMAND...      and go on
#   await SOCKET          until it can be connected to
#   --as UID              the user who wants the signature; default: this one
#   --environment SOCKET  SSH_AUTH_SOCK for the steps
use strict;
use warnings;
use Getopt::Long qw(:config require_order);
use MIME::Base64 qw(decode_base64);
use POSIX ();
use Socket;
use Time::HiRes qw(clock_gettime sleep CLOCK_MONOTONIC);

# prctl(PR_SET_CHILD_SUBREAPER): its number as a system call, by machine.
my $SUBREAPER = 36;
my %PRCTL = (x86_64 => 157, aarch64 => 167);
# Seconds after which a start has failed.
my $PATIENCE = 20;

my ($as, $environment);
GetOptions('as=i' => \$as, 'environment=s' => \$environment) && @ARGV >= 4
    or die "usage: start.pl [--as UID] [--environment SOCKET] SOCKET "
    . "PUBLIC-KEY STEP [-- STEP]...\n";
my ($socket, $public, @words) = @ARGV;
$ENV{SSH_AUTH_SOCK} = $environment if defined $environment;

my @steps = ([]);
for my $word (@words) {
	if ($word eq '--') {
		push @steps, [];
	} else {
		push @{ $steps[-1] }, $word;
	}
}
my $request = sign_request($public);

my $machine = (POSIX::uname())[4];
my $prctl = $PRCTL{$machine}
    or die "start.pl: does not know the system calls of $machine\n";
syscall($prctl, $SUBREAPER, 1, 0, 0, 0) == 0 or die "start.pl: prctl: $!\n";

$SIG{ALRM} = sub { end_all(); die "start.pl: no signature in time\n" };
alarm $PATIENCE;
my $begin = clock_gettime(CLOCK_MONOTONIC);
my $went = eval {
	step(@$_) for @steps;
	first_signature();
	1;
};
my $took = clock_gettime(CLOCK_MONOTONIC) - $begin;
my $why = $@;
end_all();
die $why unless $went;
printf "%.3f\n", 1000 * $took;

sub step {
	my ($what, @words) = @_;
	if ($what eq 'run') {
		run('/dev/null', @words);
	} elsif ($what eq 'feed') {
		run(@words);
	} elsif ($what eq 'spawn') {
		launch('/dev/null', @words);
	} elsif ($what eq 'await') {
		close dial($words[0]);
	} else {
		die "start.pl: what is $what?\n";
	}
}

sub launch {
	my ($in, @command) = @_;
	my $pid = fork // die "start.pl: fork: $!\n";
	return $pid if $pid;
	open STDIN, '<', $in or POSIX::_exit(126);
	open STDOUT, '>', '/dev/null' or POSIX::_exit(126);
	exec { $command[0] } @command or POSIX::_exit(127);
}

sub run {
	my (undef, @command) = @_;
	my $pid = launch(@_);
	waitpid $pid, 0;
	die "start.pl: $command[0] ended with status $?\n" if $?;
}

# A connection to a socket that may have yet to come.
sub dial {
	my ($path) = @_;
	my $to = sockaddr_un($path);
	for (;;) {
		socket my $fd, PF_UNIX, SOCK_STREAM, 0
		    or die "start.pl: socket: $!\n";
		return $fd if connect $fd, $to;
		sleep 0.0001;
	}
}

sub ssh_string {
	return join '', map { pack 'N/a*', $_ } @_;
}

# What git has signed, which every agent allows.
sub sign_request {
	my ($path) = @_;
	open my $in, '<', $path or die "start.pl: $path: $!\n";
	my (undef, $base64) = split ' ', scalar <$in>;
	my $data = 'SSHSIG' . ssh_string('git', '', 'sha512', 'x' x 64);
	return ssh_string(pack('C', 13) . ssh_string(decode_base64($base64), $data)
		    . pack('N', 0));
}

sub first_signature {
	# As whom one connects is what an agent's rules are about.
	local ($), $>) = ("$as $as", $as) if defined $as;
	my $fd = dial($socket);
	syswrite $fd, $request or die "start.pl: $socket: $!\n";
	my $reply = '';
	while (length $reply < 5) {
		sysread $fd, $reply, 4096, length $reply
		    or die "start.pl: $socket: no reply\n";
	}
	my $type = unpack 'x4 C', $reply;
	die "start.pl: $socket: answered with $type, not a signature\n"
	    unless $type == 14;
}

# What was started for this, politely and then by force.
sub end_all {
	alarm 0;
	for my $try (0 .. 800) {
		1 while waitpid(-1, POSIX::WNOHANG()) > 0;
		my @pids = descendants() or return;
		kill $try < 400 ? "TERM" : "KILL", @pids if $try % 400 == 0;
		sleep 0.005;
	}
	warn "start.pl: some of what it started does not end\n";
}

# The processes that have this one above them.
sub descendants {
	my %children;
	for my $path (glob '/proc/[0-9]*/stat') {
		open my $in, '<', $path or next;
		my ($pid, $parent) = (<$in> // '') =~ /^(\d+) .*\) \w (\d+) /s
		    or next;
		push @{ $children{$parent} }, $pid;
	}
	my @found = @{ $children{$$} || [] };
	for (my $i = 0; $i < @found; $i++) {
		push @found, @{ $children{ $found[$i] } || [] };
	}
	return @found;
}
