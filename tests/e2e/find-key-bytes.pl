#!/usr/bin/perl
# find-key-bytes.pl KEYFILE... < ANYTHING - is any of these keys in there?
#
# KEYFILE is an unencrypted private key in OpenSSH's own form.  Looked for are
# its secret numbers as raw bytes and as hexadecimal text, and lines of the
# file's base64 in which there is nothing public.  Prints what it finds; ends
# with 0 when something was found, 1 when nothing was, 2 on trouble.
use strict;
use warnings;
use MIME::Base64 qw(decode_base64);

# Enough of a number to be no accident.
my $SPAN = 24;

# One SSH string off the front of ${$_[0]}.
sub take_string {
	my ($in) = @_;

	die "cut short\n" if length($$in) < 4;
	my $n = unpack('N', substr($$in, 0, 4, ''));
	die "cut short\n" if length($$in) < $n;
	return substr($$in, 0, $n, '');
}

# What is secret in a key of this type, from the rest of its private section.
sub secrets {
	my ($type, $in) = @_;

	if ($type eq 'ssh-ed25519') {
		take_string($in);
		return (seed => substr(take_string($in), 0, 32));
	}
	if ($type eq 'ssh-rsa') {
		take_string($in) for 1 .. 2;
		return map { $_ => take_string($in) } qw(d iqmp p q);
	}
	if ($type =~ /^ecdsa-sha2-/) {
		take_string($in) for 1 .. 2;
		return (d => take_string($in));
	}
	die "do not know the key type $type\n";
}

# Everything to look for of one key file: what it is => its bytes.
sub needles {
	my ($file) = @_;
	my %found;

	open(my $fh, '<', $file) or die "$file: $!\n";
	my @lines = grep { !/^-----/ } map { s/\s+$//r } <$fh>;
	my $bytes = decode_base64(join('', @lines));

	my $in = $bytes;
	die "$file: not in OpenSSH's form\n"
	    if substr($in, 0, 15, '') ne "openssh-key-v1\0";
	die "$file: encrypted\n" if take_string(\$in) ne 'none';
	take_string(\$in) for 1 .. 2;
	substr($in, 0, 4, '');
	take_string(\$in);

	# From here on it is private: check bytes, type, numbers.
	my $private = take_string(\$in);
	my $start = length($bytes) - length($in) - length($private);
	my $rest = substr($private, 8);
	my %secret = secrets(take_string(\$rest), \$rest);
	for my $name (keys %secret) {
		my $raw = substr($secret{$name} =~ s/^\0//r, 0, $SPAN);
		$found{"$file: $name, raw"} = $raw;
		$found{"$file: $name, hex"} = unpack('H*', $raw);
	}

	# The line in which a secret begins and the next ones, each by its end;
	# the last line of the file is short.
	my ($at) = sort { $a <=> $b }
	    map { index($bytes, $_, $start) } values %secret;
	my $width = length($lines[0]);
	my $line = int(($at * 4 / 3 + 8) / $width);
	for my $i (grep { length($lines[$_]) >= 40 } $line .. $#lines) {
		last if $i > $line + 3;
		$found{"$file: base64, line $i"} = substr($lines[$i], -40);
	}
	return %found;
}

binmode(STDIN);
my %needle = eval { map { needles($_) } @ARGV };
if ($@ || !%needle) {
	print STDERR $@ || "usage: find-key-bytes.pl KEYFILE... < ANYTHING\n";
	exit 2;
}
my ($hits, $window, $total) = (0, '', 0);
while ((my $n = read(STDIN, my $chunk, 4 << 20)) // 0) {
	$total += $n;
	$window .= $chunk;
	for my $name (keys %needle) {
		next if index($window, $needle{$name}) < 0;
		print "$name\n";
		delete $needle{$name};
		$hits++;
	}
	# No needle is longer than this.
	$window = substr($window, -64) if length($window) > 64;
}
if ($total == 0) {
	print STDERR "nothing to look through\n";
	exit 2;
}
exit($hits > 0 ? 0 : 1);
