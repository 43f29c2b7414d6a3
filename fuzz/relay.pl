#!/usr/bin/perl
# relay.pl listen SOCKET AGENT DIR - carry what clients and an agent say.
# relay.pl split DIR OUT - make inputs of fuzz targets of what was carried.
#
# The first one serves SOCKET, carries each connection to AGENT and back, and
# keeps it in DIR/NUMBER.LABEL.asked and .told; LABEL is what the file DIR/label
# says when it begins.  It prints a line when it serves, and ends when its
# standard input does.
#
# The second one puts into OUT/fuzz_NAME what the target of that name takes:
# the bodies of requests and answers, and of these, data to be signed,
# constraints, destinations, certificates; and whole streams.
use strict;
use warnings;
use IO::Select;
use IO::Socket::UNIX;

# Requests and answers, RFC 9987 and PROTOCOL.agent.
my %IS_ADD = (17 => 0, 25 => 1);
my ($SIGN, $LIST) = (13, 12);
# How many fields a key has behind the name of its type; and with a certificate.
my %FIELDS = (
	'ssh-ed25519' => [2, 3], 'ssh-rsa' => [6, 5],
	'ecdsa-sha2-nistp256' => [3, 2], 'ecdsa-sha2-nistp384' => [3, 2],
	'ecdsa-sha2-nistp521' => [3, 2],
);

sub slurp {
	my ($path) = @_;

	open(my $f, '<:raw', $path) or die "$path: $!\n";
	local $/ = undef;
	my $all = <$f>;
	return $all // '';
}

sub spit {
	my ($path, $bytes) = @_;

	open(my $f, '>:raw', $path) or die "$path: $!\n";
	print $f $bytes;
	close($f) or die "$path: $!\n";
}

# Carry one connection further; false when it is over.
sub carry {
	my ($from, $to, $file) = @_;

	my $n = sysread($from, my $bytes, 65536);
	if (!$n) {
		shutdown($to, 1);
		return 0;
	}
	print $file $bytes;
	my $done = 0;
	while ($done < $n) {
		my $more = syswrite($to, $bytes, $n - $done, $done);
		return 0 if !defined $more;
		$done += $more;
	}
	return 1;
}

sub open_pair {
	my ($client, $agent, $dir, $n) = @_;
	my $label = -e "$dir/label" ? slurp("$dir/label") : 'client';
	my @files;

	chomp($label);
	for my $what ('asked', 'told') {
		my $path = sprintf('%s/%04d.%s.%s', $dir, $n, $label, $what);
		open(my $f, '>:raw', $path) or die "$path: $!\n";
		$f->autoflush(1);
		push(@files, $f);
	}
	my $far = IO::Socket::UNIX->new(Peer => $agent)
	    or die "$agent: $!\n";
	return ([$client, $far, $files[0]], [$far, $client, $files[1]]);
}

sub relay {
	my ($socket, $agent, $dir) = @_;
	my ($n, %way) = (0);

	-d $dir or die "$dir: there is no such folder\n";
	$SIG{PIPE} = 'IGNORE';
	my $listener = IO::Socket::UNIX->new(Local => $socket, Listen => 16)
	    or die "$socket: $!\n";
	my $all = IO::Select->new($listener, \*STDIN);
	$| = 1;
	print "ready\n";
	while (1) {
		for my $fh ($all->can_read) {
			if ($fh == \*STDIN) {
				return if !sysread(STDIN, my $ignored, 64);
			} elsif ($fh == $listener) {
				my $client = $listener->accept or next;
				for my $w (open_pair($client, $agent, $dir,
				    ++$n)) {
					$way{fileno($w->[0])} = $w;
					$all->add($w->[0]);
				}
			} elsif (!carry(@{$way{fileno($fh)}})) {
				$all->remove($fh);
				# Both ends are closed with the second way.
				delete $way{fileno($fh)};
			}
		}
	}
}

# --- splitting ----------------------------------------------------------------

# Bodies of the frames of a stream.
sub frames {
	my ($bytes) = @_;
	my @all;

	while (length($bytes) >= 4) {
		my $len = unpack('N', $bytes);
		last if length($bytes) < 4 + $len;
		push(@all, substr($bytes, 4, $len));
		$bytes = substr($bytes, 4 + $len);
	}
	return @all;
}

# The next string, and what follows it; empty where there is none.
sub string {
	my ($bytes) = @_;

	return ('', '') if length($bytes) < 4;
	my $len = unpack('N', $bytes);
	return ('', '') if length($bytes) < 4 + $len;
	return (substr($bytes, 4, $len), substr($bytes, 4 + $len));
}

my ($out, %count);

# One input; its name says who sent it.
sub keep {
	my ($target, $label, $bytes) = @_;

	return if length($bytes) == 0 || length($bytes) > 8192;
	my $n = ++$count{"$target $label"};
	mkdir("$out/fuzz_$target");
	spit("$out/fuzz_$target/$label-$n", $bytes);
}

# What an add is made of.
sub split_add {
	my ($label, $body, $constrained) = @_;
	my ($type, $rest) = string(substr($body, 1));
	my $cert = $type =~ s/-cert-v01\@openssh\.com\z// ? 1 : 0;
	my $fields = $FIELDS{$type} or return;
	my ($blob, $ignored);

	if ($cert) {
		($blob) = string($rest);
		keep('certificate', $label, $blob);
	}
	($ignored, $rest) = string($rest) for 1 .. $fields->[$cert];
	(my $comment, $rest) = string($rest);
	keep('bundle', $label, "\x01" . substr($body, 1));
	keep('secretpart', $label, "\xc0\x00\x00" . $body);
	return if !$constrained || $rest eq '';
	keep('constraint', $label, $rest);
	my $at = index($rest, 'restrict-destination-v00@openssh.com');
	return if $at < 0;
	my ($list) = string(substr($rest,
	    $at + length('restrict-destination-v00@openssh.com')));
	keep('destination', $label, $list);
}

sub split_asked {
	my ($label, $stream) = @_;

	keep('frame', $label, "\x02\x01\x07" . $stream);
	keep('inbox', $label, "\xff\x10\x02\x05\x40" . $stream);
	for my $body (frames($stream)) {
		next if $body eq '';
		my $type = ord($body);
		keep('request', $label, $body);
		split_add($label, $body, $IS_ADD{$type})
		    if exists $IS_ADD{$type};
		if ($type == $SIGN) {
			my ($blob, $rest) = string(substr($body, 1));
			my ($data) = string($rest);
			keep('signdata', $label, $data);
		}
	}
}

sub split_all {
	my ($dir) = @_;

	for my $path (sort glob("$dir/*.asked $dir/*.told")) {
		my ($label, $what) = $path =~ /\d+\.([^\/]*)\.(asked|told)\z/
		    or next;
		my $stream = slurp($path);
		if ($what eq 'asked') {
			split_asked($label, $stream);
		} else {
			keep('frame', $label, "\x01\x05" . $stream);
			keep('reply', $label, $_) for frames($stream);
		}
	}
}

my $command = shift(@ARGV) // '';
if ($command eq 'listen' && @ARGV == 3) {
	relay(@ARGV);
} elsif ($command eq 'split' && @ARGV == 2) {
	my ($dir) = @ARGV;
	$out = $ARGV[1];
	-d $dir or die "$dir: there is no such folder\n";
	-d $out || mkdir($out) or die "$out: $!\n";
	split_all($dir);
} else {
	die "usage: relay.pl listen SOCKET AGENT DIR | split DIR OUT\n";
}
