#!/usr/bin/perl
# bench/ask.pl [--hurry] SOCKET UID REQUEST=COUNT... - ask an agent for so many
# of each, one at a time, as that uid.
#
# REQUEST is "list" or a kind of key, "ed25519", "ecdsa256", "rsa2048": a
# signature with the key of that kind that the agent lists first, over what ssh
# has signed for a login, each with a session of its own.  Before each REQUEST
# some are made that do not count, and before and after those that do the agent
# is asked to lock itself with an empty passphrase, which it refuses: who counts
# its instructions can tell by that where they begin and end.  Twice more at the
# start, so that it can be told what that costs.
#
# A reply that is not the right one is the end.  After each the agent has time to
# come to rest, so that it does the same for each; --hurry leaves that out.
#
# bench/ask.pl --add FILE SOCKET KEY... - give it keys of a file like keys.txt.
use strict;
use warnings;
use IO::Socket::UNIX;
use POSIX ();

use constant {
	FAILURE => 5, SUCCESS => 6, LIST => 11, IDENTITIES => 12, SIGN => 13,
	SIGNED => 14, ADD => 17, LOCK => 22, SHA512 => 4,
	# Requests that do not count, of each kind.
	WARM => 3,
	# Until the agent has nothing left to do, in seconds.
	PAUSE => 0.002,
};
# The names of key types and of what they sign with.
my %kinds = (
	ed25519 => ['ssh-ed25519', 'ssh-ed25519'],
	(map { ("ecdsa$_" => ["ecdsa-sha2-nistp$_", "ecdsa-sha2-nistp$_"]) }
	    256, 384, 521),
	(map { ("rsa$_" => ['ssh-rsa', 'rsa-sha2-512']) } 2048, 3072, 4096),
);
my $host = pack('N/a* N/a*', 'ssh-ed25519', 'h' x 32);

my $usage = "usage: ask.pl [--hurry] SOCKET UID REQUEST=COUNT...\n" .
    "       ask.pl --add FILE SOCKET KEY...\n";
my $option = @ARGV && $ARGV[0] =~ /^--/ ? shift : '';
my $hurry = $option eq '--hurry';
my $file = $option eq '--add' ? shift : undef;
die $usage if @ARGV < 2 || ($option && !$hurry && !$file);
my $path = shift;
my $socket;

# Connect as somebody: the agent sees who that is.
sub dial {
	my ($uid) = @_;

	if ($uid != $<) {
		$) = "$uid $uid";
		POSIX::setgid($uid) && POSIX::setuid($uid) or
		    die "cannot become uid $uid: $!\n";
	}
	$socket = IO::Socket::UNIX->new(Peer => $path) or
	    die "cannot connect to $path: $!\n";
}

sub get {
	my ($want) = @_;
	my $got = '';

	while (length($got) < $want) {
		sysread($socket, $got, $want - length($got), length($got)) or
		    die "the agent hung up\n";
	}
	return $got;
}

# The fields of a reply of that type.
sub call {
	my ($type, $fields, $wanted) = @_;

	syswrite($socket, pack('N/a*', chr($type) . $fields)) or
	    die "cannot send: $!\n";
	my $reply = get(unpack('N', get(4)));
	ord($reply) == $wanted or
	    die "request $type was answered with " . ord($reply) . "\n";
	select(undef, undef, undef, PAUSE) unless $hurry;
	return substr($reply, 1);
}

sub mark {
	call(LOCK, pack('N/a*', ''), FAILURE);
}

# The blob that is listed first of that kind.
sub blob_of {
	my ($kind) = @_;
	my (undef, @list) = unpack('N (N/a* N/a*)*', call(LIST, '', IDENTITIES));

	while (my ($blob) = splice(@list, 0, 2)) {
		my ($type, @numbers) = unpack('(N/a*)*', $blob);
		next if $type ne $kinds{$kind}[0];
		return $blob if $type ne 'ssh-rsa' ||
		    (length($numbers[1]) - 1) * 8 == substr($kind, 3);
	}
	die "no $kind key is listed\n";
}

# What ssh has signed to log in with that key.
my $sessions = 0;
sub login {
	my ($kind, $blob) = @_;

	return pack('N/a* C N/a* N/a* N/a* C N/a* N/a* N/a*',
	    pack('NN a24', ++$sessions, ~$sessions & 0xffffffff, 's' x 24),
	    50, 'git', 'ssh-connection', 'publickey-hostbound-v00@openssh.com',
	    1, $kinds{$kind}[1], $blob, $host);
}

sub ask {
	my ($kind, $blob) = @_;

	return call(LIST, '', IDENTITIES) if $kind eq 'list';
	call(SIGN, pack('N/a* N/a* N', $blob, login($kind, $blob),
	    $kind =~ /rsa/ ? SHA512 : 0), SIGNED);
}

# Add keys by their names in a file.
sub add {
	my ($name, %hex);

	open(my $in, '<', $file) or die "$file: $!\n";
	while (<$in>) {
		chomp;
		if (/^#/ || $_ eq '') {
			undef $name;
		} elsif (!defined $name) {
			$name = $_;
		} else {
			$hex{$name} .= $_;
		}
	}
	for (@_) {
		die "$file has no key $_\n" unless $hex{$_};
		call(ADD, pack('H* N/a*', $hex{$_}, 'a key'), SUCCESS);
	}
}

if ($file) {
	dial($<);
	add(@ARGV);
	exit 0;
}
dial(shift);
mark();
mark();
for (@ARGV) {
	my ($kind, $count) = /^(\w+)=(\d+)$/ or die "what is $_?\n";
	$kind eq 'list' || $kinds{$kind} or die "what is $kind?\n";
	my $blob = $kind eq 'list' ? '' : blob_of($kind);

	ask($kind, $blob) for 1 .. WARM;
	mark();
	ask($kind, $blob) for 1 .. $count;
	mark();
}
