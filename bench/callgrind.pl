#!/usr/bin/perl
# bench/callgrind.pl OURS EMPTY DUMP REQUEST COUNT - what a dump of callgrind
# says of so many requests: for each function of the program OURS, and for
# each library, a line
#
#	REQUEST WHERE INSTRUCTIONS
#
# with what one request executes in it, without what it calls.  EMPTY is a dump
# of the same without requests, which is left out.
use strict;
use warnings;

# What is told apart: our functions and the libraries.
sub where {
	my ($ours, $ob, $fn) = @_;

	# What the compiler has made of a function is that function.
	$fn =~ s/\.(?:lto_priv|constprop|isra|part|cold)\.\d+//g;
	return "$fn()" if $ob eq $ours;
	return $ob =~ m{([^/]+?)[-.\d]*\.so} ? $1 : "other";
}

# Instructions in each function of ours and in each library: the name of a
# function that is several of different files stands for all of them.
sub read_dump {
	my ($ours, $file) = @_;
	my (%names, %count, $ob, $fn, $inclusive);

	open(my $in, '<', $file) or die "$file: $!\n";
	while (<$in>) {
		# A name is written once and has a number from then on.
		if (/^(c?)(ob|fn)=\((\d+)\)(?: (.*))?/) {
			my ($called, $what, $id, $name) = ($1, $2, $3, $4);

			$names{$what}{$id} = $name if defined $name;
			next if $called;
			$ob = $names{ob}{$id} if $what eq 'ob';
			$fn = $names{fn}{$id} if $what eq 'fn';
		} elsif (/^calls=/) {
			# The next line is what the calls cost.
			$inclusive = 1;
		} elsif (/^[+*0-9-]\S* (\d+)$/) {
			$count{where($ours, $ob, $fn)} += $1 unless $inclusive;
			$inclusive = 0;
		}
	}
	return %count;
}

die "usage: callgrind.pl OURS EMPTY DUMP REQUEST COUNT\n" if @ARGV != 5;
my ($ours, $empty, $dump, $request, $n) = @ARGV;
my %none = read_dump($ours, $empty);
my %count = read_dump($ours, $dump);
for my $where (sort keys %count) {
	my $each = ($count{$where} - ($none{$where} // 0)) / $n;

	printf("%s %s %.1f\n", $request, $where, $each) if $each > 0;
}
