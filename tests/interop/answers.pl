#!/usr/bin/perl
# answers.pl CASE COMMAND... - what does a helper make of a proxy's answer?
#
# COMMAND is what ssh would be given as ProxyCommand; its words have the port of
# the proxy that is played here for @PORT@.  It is run on pipes, CASE is played
# to it, and a line says what came of it:
#	request		what it asks for, and how
#	whole		200 and the server's first line in one segment
#	binary		200 and bytes of every value in one segment
#	halves		200 in two segments
#	bytes		200 and what follows one byte at a time
#	refused		what is told of a 403: its reason, its body, its hint
#	eof		what the server sends long after our end of file
#	first		what we send at once, where the server waits for us
#	early		a proxy that hangs up without an answer
#	terminal	does it turn to the terminal when asked to authenticate?
use strict;
use warnings;
use Fcntl qw(O_RDWR O_NOCTTY);
use IO::Select;
use IO::Socket::INET;
use POSIX qw(setsid WNOHANG);
use Socket qw(IPPROTO_TCP TCP_NODELAY);
use Time::HiRes qw(sleep time);

# Nothing here takes longer than this, in seconds, unless it hangs.
my $PATIENCE = 3;
# How long after our end of file the server goes on, in seconds.
my ($SOON, $LATE) = (0.2, 1);

my $YES = "HTTP/1.1 200 Connection established\r\nProxy-agent: test/1\r\n\r\n";
my $BANNER = "SSH-2.0-answers\r\n";
# Every byte that there is, and what could be taken for the end of a head.
my $DATA = $BANNER . join('', map { chr } 0 .. 255) .
    "\r\n\r\nHTTP/1.1 200 no head\r\n\r\n";
my $HELLO = "SSH-2.0-near\r\n";

my ($case, @command) = @ARGV;
my ($listener, $conn, $pid, %from, $to);

# Wait until there is something to read; false when nothing comes.
sub readable {
	my ($fh, $seconds) = @_;

	return IO::Select->new($fh)->can_read($seconds // $PATIENCE);
}

# All that comes until the end, or until there are that many bytes.
sub slurp {
	my ($fh, $want, $seconds) = @_;
	my $end = time() + ($seconds // $PATIENCE);
	my $got = '';

	while (length($got) < ($want // 1e9)) {
		my $left = $end - time();
		last if $left <= 0 || !readable($fh, $left);
		last if !sysread($fh, $got, 65536, length($got));
	}
	return $got;
}

sub listen_here {
	$listener = IO::Socket::INET->new(Listen => 8,
	    LocalAddr => '127.0.0.1', Proto => 'tcp') or die "listen: $@\n";
	my $port = $listener->sockport;
	s/\@PORT\@/$port/ for @command;
}

# A terminal of its own for the child, who has none otherwise.
sub open_pty {
	sysopen(my $master, '/dev/ptmx', O_RDWR | O_NOCTTY)
	    or die "/dev/ptmx: $!\n";
	my ($unlock, $number) = (pack('i', 0), pack('i', 0));
	ioctl($master, 0x40045431, $unlock) or die "TIOCSPTLCK: $!\n";
	ioctl($master, 0x80045430, $number) or die "TIOCGPTN: $!\n";
	return ($master, '/dev/pts/' . unpack('i', $number));
}

# Run the command with pipes for the three; stdin stays open.  When this returns
# it is the command that runs, and no more a child of ours with a terminal open.
sub start {
	my ($tty) = @_;
	my ($in, $out, $err, $slave, $begun, $begins);

	pipe($in, $to) or die "pipe: $!\n";
	pipe($from{out}, $out) or die "pipe: $!\n";
	pipe($from{err}, $err) or die "pipe: $!\n";
	pipe($begun, $begins) or die "pipe: $!\n";
	$pid = fork() // die "fork: $!\n";
	if ($pid == 0) {
		setsid();
		# The first that is opened is the one of the session.
		!$tty or sysopen($slave, $tty, O_RDWR) or die "$tty: $!\n";
		open(STDIN, '<&', $in) && open(STDOUT, '>&', $out) &&
		    open(STDERR, '>&', $err) or die "dup: $!\n";
		{ no warnings; exec { $command[0] } @command; }
		print STDERR "$command[0]: $!\n";
		POSIX::_exit(127);
	}
	close($_) for $in, $out, $err, $begins;
	# Its end of this is closed by exec.
	sysread($begun, my $nothing, 1);
	$to->autoflush(1);
}

# How the command ends: a number, or "hangs".
sub ends {
	my ($seconds) = @_;
	my $end = time() + ($seconds // $PATIENCE);

	while (waitpid($pid, WNOHANG) == 0) {
		return 'hangs' if time() > $end;
		sleep(0.005);
	}
	$pid = undef;
	return $? & 127 ? 'signal ' . ($? & 127) : $? >> 8;
}

# Take the connection and read the request, byte by byte to its end.
sub take_request {
	my ($seconds) = @_;
	my $head = '';

	readable($listener) or die "it does not connect\n";
	$conn = $listener->accept or die "accept: $!\n";
	setsockopt($conn, IPPROTO_TCP, TCP_NODELAY, 1);
	while ($head !~ /\r?\n\r?\n\z/) {
		readable($conn, $seconds) or die "half a request\n";
		sysread($conn, $head, 1, length($head)) or die "no request\n";
	}
	return $head;
}

sub say_slowly {
	for my $part (@_) {
		syswrite($conn, $part);
		sleep(@_ > 10 ? 0.0005 : 0.1);
	}
}

# Did all of this come out, and nothing else?
sub judge_data {
	my ($want) = @_;
	my $got = slurp($from{out}, length($want), 1);

	# What should not be there comes with it, or soon.
	$got .= slurp($from{out}, 1, 0.1);
	return 'ok' if $got eq $want;
	return '**nothing comes**' if $got eq '';
	return '**cut off**' if index($want, $got) == 0;
	return '**begins too late**' if index($want, $got) > 0;
	return '**leaks the head to ssh**' if $got =~ /\QSSH-2.0-answers/;
	return '**other bytes**';
}

# 200 and then this, in parts as the function makes them.
sub case_data {
	my ($data, $parts) = @_;

	start();
	take_request();
	say_slowly($parts->($YES . $data));
	return judge_data($data);
}

# The request line's version, what Host is, the names of the other headers.
sub case_request {
	start();
	my @lines = split(/\r?\n/, take_request());
	my ($target, $version) = (shift(@lines) =~ m{^CONNECT (\S+) (HTTP/\S+)$})
	    or return 'no CONNECT';
	my ($host, @others) = 'no Host';

	for (@lines) {
		my ($name, $value) = /^([^:]+):\s*(.*?)\s*$/ or next;
		if (lc($name) ne 'host') {
			push(@others, $name);
		} elsif ($value eq $target) {
			$host = 'Host';
		} elsif ($value =~ /^127\.0\.0\.1\b/) {
			$host = 'Host is the proxy';
		} else {
			$host = "Host is $value";
		}
	}
	return join(', ', "$target $version", $host, @others);
}

sub case_refused {
	my $body = "blocked: the word for the body is bodkin\n";

	start();
	take_request();
	syswrite($conn, "HTTP/1.1 403 Reasonless\r\n" .
	    "Content-Type: text/plain\r\nX-Pipelock-Hint: use a hintock\r\n" .
	    'Content-Length: ' . length($body) . "\r\n\r\n$body");
	close($conn);
	my $status = ends();
	my ($out, $err) = map { slurp($from{$_}, undef, 0.5) } qw(out err);
	my %part = (code => qr/\b403\b/, reason => qr/Reasonless/,
	    body => qr/bodkin/, hint => qr/hintock/);
	my @told = grep { $err =~ $part{$_} } qw(code reason body hint);
	return join(', ', @told ? @told : 'nothing of it') .
	    ($out ne '' ? ', **bytes to ssh**' : '') . "; exit $status";
}

# One round: what comes that long after our end of file?
sub late_data {
	my ($seconds) = @_;

	start();
	take_request();
	syswrite($conn, $YES . $BANNER);
	slurp($from{out}, length($BANNER));
	print $to $HELLO;
	close($to);
	# Our end of file may be passed on, or not.
	slurp($conn, undef, $seconds);
	sleep($seconds);
	syswrite($conn, 'late');
	my $got = slurp($from{out}, 4, 0.5);
	kill('KILL', $pid);
	ends();
	close($conn);
	return $got eq 'late';
}

sub case_eof {
	my ($soon, $late) = (late_data($SOON), late_data($LATE));

	return $late ? 'kept' : $soon ? 'kept for a moment' : '**lost**';
}

sub case_first {
	start();
	print $to $HELLO;
	take_request();
	my $begin = time();
	syswrite($conn, $YES);
	return slurp($conn, length($HELLO), 1) eq $HELLO ? 'yes' : '**no**';
}

sub case_early {
	start();
	take_request();
	close($conn);
	my $status = ends();
	return $status eq '0' ? '**0**' : $status;
}

# Is one of these the command's?
sub has_open {
	my %file = map { $_ => 1 } @_;

	return grep { $file{readlink($_) // ''} } glob("/proc/$pid/fd/*");
}

# A 407 for each connection that it makes; its terminal is looked at meanwhile.
sub case_terminal {
	my ($master, $tty) = open_pty();
	my ($asked, $opened, $tries, $end) = ('', 0, 0, time() + 2);

	# Else the terminal is hung up whenever nobody has it open.
	sysopen(my $held, $tty, O_RDWR | O_NOCTTY) or die "$tty: $!\n";
	start($tty);
	while (time() < $end && ends(0) eq 'hangs') {
		# It may ask before it says anything.
		if ($tries < 3 && readable($listener, 0.02) &&
		    ++$tries && eval { take_request(0.2) }) {
			syswrite($conn, "HTTP/1.1 407 Who Are You\r\n" .
			    "Proxy-Authenticate: Basic realm=\"test\"\r\n" .
			    "Content-Length: 0\r\n\r\n");
			close($conn);
		}
		$opened ||= has_open($tty, '/dev/tty');
		$asked .= slurp($master, undef, 0.01);
	}
	return $asked ne '' || $opened ? '**yes**' : 'no';
}

my %cases = (
	request => \&case_request,
	whole => sub { case_data($BANNER, sub { @_ }) },
	binary => sub { case_data($DATA, sub { @_ }) },
	halves => sub { case_data($BANNER, sub { unpack('a20 a*', $_[0]) }) },
	bytes => sub { case_data($DATA, sub { split(//, $_[0]) }) },
	refused => \&case_refused,
	eof => \&case_eof,
	first => \&case_first,
	early => \&case_early,
	terminal => \&case_terminal,
);

if (!@command || !$cases{$case}) {
	print STDERR "usage: answers.pl CASE COMMAND...\n";
	exit(2);
}
$SIG{PIPE} = 'IGNORE';
$SIG{ALRM} = sub { kill('KILL', $pid) if $pid; die "took too long\n" };
alarm(20);
listen_here();
my $result = eval { $cases{$case}->() };
my $trouble = $@;
kill('KILL', $pid) if $pid;
if (!defined($result)) {
	my $err = slurp($from{err}, undef, 0.2);
	print STDERR "answers.pl: $case: $trouble$err";
	exit(1);
}
print "$result\n";
