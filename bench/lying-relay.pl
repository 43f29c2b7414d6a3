#!/usr/bin/perl
# lying-relay.pl LIE SOCKET AGENT - an agent that tells one lie, to try what
# measures: a relay between SOCKET and AGENT.
#	none	what it says is true
#	list	the last byte of each list is another one, but on the first
#		connection
#	refuse	each signature is refused
#	other	the last byte of each signature is another one
#	swap	of two replies the second comes first
#	zero	each signature lacks its first byte, as if that had been zero
#	huge	each signature is said to be of two gigabytes
use strict;
use warnings;
use IO::Socket::UNIX;

my ($lie, $path, $agent) = @ARGV;
die "usage: lying-relay.pl LIE SOCKET AGENT\n" unless defined $agent;
$SIG{CHLD} = 'IGNORE';
umask 0;
my $server = IO::Socket::UNIX->new(Local => $path, Listen => 16)
    or die "$path: $!\n";
my $connections = 0;
while (my $client = $server->accept) {
	$connections++;
	next if fork;
	serve($client);
	exit 0;
}

# Bytes with their length before them.
sub counted { return pack('N/a*', $_[0]) }

# What is said in place of a reply's body.
sub lie {
	my ($body) = @_;
	my $code = ord $body;

	substr($body, -1) ^= "\x01"
	    if ($lie eq 'list' && $code == 12 && $connections > 1)
	    || ($lie eq 'other' && $code == 14);
	$body = "\x05" if $lie eq 'refuse' && $code == 14;
	if ($lie eq 'zero' && $code == 14) {
		my ($name, $bytes) = unpack('x5 N/a* N/a*', $body);
		$body = "\x0e" . counted(counted($name) .
		    counted(substr($bytes, 1)));
	}
	return $body;
}

# One connection: a process for each way.
sub serve {
	my ($client) = @_;
	my $there = IO::Socket::UNIX->new(Peer => $agent) or die "$agent: $!\n";
	my ($room, $held) = ('');

	my $pid = fork;
	if (!$pid) {
		while (sysread $client, my $got, 65536) {
			syswrite $there, $got;
		}
		shutdown $there, 1;
		exit 0;
	}
	while (sysread $there, $room, 262144, length $room) {
		while (length $room >= 4 &&
		    length $room >= 4 + unpack 'N', $room) {
			my $body = lie(substr $room, 4, unpack('N', $room));
			substr($room, 0, 4 + unpack('N', $room)) = '';
			my $frame = counted($body);
			$frame = pack('N', 1 << 31) . $body
			    if $lie eq 'huge' && ord $body == 14;
			if ($lie eq 'swap' && ord $body == 14) {
				($held, $frame) = defined $held
				    ? (undef, $frame . $held) : ($frame, '');
			}
			syswrite $client, $frame if length $frame;
		}
	}
}
