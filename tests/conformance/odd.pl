#!/usr/bin/perl
# odd.pl MODE SOCKET [FILE] - an agent with one thing that is odd:
#
#	deaf	takes connections, and no bytes
#	drip	its answer never comes to its end
#	frail	ends when a client goes away that has sent message 99
#	mortal	ends at a frame that is too long
#	keys	has a key; FILE is made when it is told to remove it
#	locked	lists nothing, refuses all; FILE is made likewise
#	plain	answers SUCCESS to query, which has another form
#	lax	delays guesses, but not the first three; FILE is there while it is
#		locked
use strict;
use warnings;
use IO::Select;
use IO::Socket::UNIX;

my ($mode, $path, $file) = @ARGV;
my ($FAILURE, $SUCCESS, $LIST) = ("\x05", "\x06", "\x0c");
my ($guesses, $passphrase) = (0, undef);

$SIG{PIPE} = 'IGNORE';
my $listener = IO::Socket::UNIX->new(Local => $path, Listen => 128)
    or die "$path: $!\n";
my $all = IO::Select->new($listener);
my (%bytes, %fatal);

sub list {
	return $LIST . pack('N', 0) if $mode ne 'keys';
	my $blob = pack('N/a N/a', 'ssh-ed25519', 'k' x 32);
	return $LIST . pack('N N/a N/a', 1, $blob, 'mine');
}

sub touch {
	return if !defined $file;
	open(my $f, '>', $file) or die "$file: $!\n";
}

# A passphrase; one guess after the other is slow, but the first ones.
sub unlock {
	my ($said) = @_;

	return $FAILURE if !defined $passphrase;
	if ($said ne $passphrase) {
		select(undef, undef, undef, 0.3) if ++$guesses > 3;
		return $FAILURE;
	}
	($guesses, $passphrase) = (0, undef);
	unlink($file) if defined $file;
	return $SUCCESS;
}

sub answer {
	my ($type, $rest) = unpack('C a*', $_[0]);
	my $text = length($rest) >= 4 ? unpack('N/a', $rest) : '';

	return list() if $type == 11;
	touch() if $type == 19 && $mode ne 'lax';
	return $SUCCESS if $type == 27 && $mode eq 'plain' &&
	    $text eq 'query';
	if ($mode eq 'lax' && $type == 22 && !defined $passphrase) {
		$passphrase = $text;
		touch();
		return $SUCCESS;
	}
	return unlock($text) if $mode eq 'lax' && $type == 23;
	return $FAILURE;
}

# Answer what has come; false: the connection is over.
sub serve {
	my ($client) = @_;

	if ($mode eq 'drip') {
		syswrite($client, pack('N', 65536));
		while (defined syswrite($client, 'x')) {
			select(undef, undef, undef, 0.02);
		}
		return 0;
	}
	return 0 if !sysread($client, $bytes{$client}, 65536,
	    length($bytes{$client}));
	while (length($bytes{$client}) >= 4) {
		my $len = unpack('N', $bytes{$client});
		exit(0) if $len > 1 << 20 && $mode eq 'mortal';
		return 0 if $len == 0 || $len > 1 << 20;
		last if length($bytes{$client}) < 4 + $len;
		my $body = substr($bytes{$client}, 4, $len);
		my $reply = answer($body);
		substr($bytes{$client}, 0, 4 + $len) = '';
		syswrite($client, pack('N/a', $reply));
		$fatal{$client} = 1 if ord($body) == 99;
	}
	return 1;
}

while (1) {
	for my $fh ($all->can_read) {
		if ($fh == $listener) {
			my $client = $listener->accept or next;
			$bytes{$client} = '';
			$all->add($client) if $mode ne 'deaf';
			# It stays open all the same.
			$bytes{"$client kept"} = $client if $mode eq 'deaf';
		} elsif (!serve($fh)) {
			exit(0) if $mode eq 'frail' && $fatal{$fh};
			$all->remove($fh);
			close($fh);
		}
	}
}
