#!/bin/bash
# bench/instructions.sh [OPTION...] - how many instructions the agent executes
# for one request.
#
# The agent that is shipped runs under callgrind, in service mode with one
# worker and an audit log in a file, and another user asks it for a list of five
# keys and for a signature with each kind of them, one at a time.  What is
# counted belongs to the function in which it is executed, not to those that
# call it; functions of ours, those of base/, proto/ and agent/, one by one, and
# each library as a whole.  Instructions are not time: see bench/README.md.
#
# Each request is counted twice: while the uid has records of its own in the
# audit log, and ("+") when it has asked so much that its records are summed.
# The clock of all that stands still (stillclock.c), and libcrypto is told to
# use nothing that only some processors have: the same program gives the same
# numbers of ours each time and everywhere, to a few tenths of a percent.
#
#   --all      RSA of 3072 and 4096 bits as well
#   --record   keep the result in bench/instructions.txt, with --all
#   --compare  say what is otherwise than it was kept there: fails if a request
#              takes more than 3 % more of our instructions, and skips if the
#              compiler or libcrypto are others
#
# BOTTLE_BIN is the folder of bottle-agent, default build/release/bin,
# BENCH_BIN that of stillclock.so, default the same.  Needs root and valgrind.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/support/say.sh
. "$here/../tests/support/say.sh"
# shellcheck source=tests/support/check.sh
. "$here/../tests/support/check.sh"

bin=${BOTTLE_BIN:-$here/../build/release/bin}
[ ! -d "$bin" ] || bin=$(cd "$bin" && pwd)
still=${BENCH_BIN:-$bin}/stillclock.so
kept=$here/instructions.txt
uid=65533
all='' record='' compare=''
# Percent, of our instructions for one request.
tolerance=3

while [ $# -gt 0 ]; do
	case $1 in
	--all) all=y ;;
	--record) record=y all=y ;;
	--compare) compare=y ;;
	-h | --help) show_usage "$0" && exit 0 ;;
	*) die "what is $1? See --help" 2 ;;
	esac
	shift
done
[ "$(id -u)" -eq 0 ] || skip_all 'needs root, to become another user'
for tool in valgrind ssh perl readelf; do
	skip_without "$tool"
done
skip_without "$bin/bottle-agent"
skip_without "$still"

# What the numbers depend on besides our code; beside clang there is what gcc has
# made of libc.
made_with() {
	printf 'compiler %s\n' "$(readelf -p .comment "$bin/bottle-agent" |
	    sed -n 's/.*\(GCC\|clang version\)[^0-9]* \([0-9]*\)\..*/\1 \2/p' |
	    LC_ALL=C sort | tail -n 1)"
	printf 'libcrypto %s\n' "$(ssh -V 2>&1 |
	    sed 's/.*OpenSSL \([0-9]*\.[0-9]*\).*/\1/')"
}
if [ -n "$compare" ]; then
	[ -e "$kept" ] || die "there is no $kept"
	[ "$(made_with)" = "$(sed -n 's/^# \(compiler\|libcrypto\)/\1/p' \
	    "$kept")" ] || skip_all "$kept was made with another compiler or \
libcrypto: to compare here, --record what was before"
fi

work=$(mktemp -d "${TMPDIR:-/tmp}/bottle-instructions.XXXXXX")
at_exit rm -rf "$work"
want_room "$work" 50
chmod 755 "$work"
sock=$work/s

load() {
	perl "$here/ask.pl" --add "$here/keys.txt" "$sock" "$@" ||
	    die 'the keys cannot be loaded'
}

mkfifo "$work/ready"
# Nobody else's settings: they would move what is on the stack.
env -i PATH="$PATH" LD_PRELOAD="$still" OPENSSL_ia32cap=0x7:0 \
    GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX2_Usable,-AVX2 \
    valgrind -q --tool=callgrind --callgrind-out-file="$work/dump" \
    --dump-before=lock_set \
    "$bin/bottle-agent" -D -a "$sock" --public --workers 1 \
    --allow "$uid=list,sign,lock" --audit "$work/audit" \
    --memory-size 4M \
    --hardening best-effort --ready-fd 3 3<>"$work/ready" \
    >"$work/log" 2>&1 &
agent=$!
at_exit end_process "$agent"
read -r -t 60 _ <"$work/ready" || {
	cat "$work/log" >&2
	die 'the agent does not start under valgrind'
}

# ask REQUEST=COUNT...: each leaves two dumps, of which the second one is of
# these requests; and two come before.
dumps=0
# Names and dumps of what was measured.
measured=()
ask() {
	local one suffix=$1

	shift
	perl "$here/ask.pl" "$sock" "$uid" "$@" || {
		cat "$work/log" >&2
		die 'a request went wrong'
	}
	dumps=$((dumps + 2))
	[ "${#measured[@]}" -gt 0 ] || empty=$work/dump.$dumps
	for one in "$@"; do
		dumps=$((dumps + 2))
		measured+=("${one%=*}$suffix" "${one#*=}" "$work/dump.$dumps")
	done
}

load ed25519 ecdsa256 ecdsa384 ecdsa521 rsa2048
ask '' list=50 ed25519=50 ecdsa256=50 rsa2048=10 ${all:+ecdsa384=10} \
    ${all:+ecdsa521=10}
# More than a uid may have written at once.
perl "$here/ask.pl" --hurry "$sock" "$uid" list=500
dumps=$((dumps + 4))
ask + list=50 ed25519=50 ecdsa256=50 rsa2048=10
if [ -n "$all" ]; then
	load rsa3072 rsa4096
	ask + rsa3072=10 rsa4096=5
fi
end_process "$agent"

for ((i = 0; i < ${#measured[@]}; i += 3)); do
	perl "$here/callgrind.pl" "$bin/bottle-agent" "$empty" \
	    "${measured[i + 2]}" "${measured[i]}" "${measured[i + 1]}"
done >"$work/counts"

# The table: a row for each function or library, then sums.
table() {
	perl -e '
	my (%n, @requests, %sum);
	while (<>) {
		my ($request, $where, $each) = split;
		push(@requests, $request) unless grep { $_ eq $request }
		    @requests;
		$n{$where}{$request} = $each;
		$sum{all}{$request} += $each;
		$sum{ours}{$request} += $each if $where =~ /\(\)$/;
	}
	sub row {
		my ($name, $of) = @_;

		printf("%-28s" . "%10s" x @requests . "\n", $name,
		    map { !defined ? "-" : sprintf("%.0f", $_) }
		    @$of{@requests});
	}
	printf("%-28s" . "%10s" x @requests . "\n", "", @requests);
	row($_, $n{$_}) for sort grep { /\(\)$/ } keys %n;
	row("ours", $sum{ours});
	row($_, $n{$_}) for sort grep { !/\(\)$/ } keys %n;
	row("all", $sum{all});
	' "$work/counts"
}
table >"$work/table"
[ -z "$record" ] || {
	printf '# Instructions of one request, by bench/instructions.sh: see '
	printf 'there.\n'
	made_with | sed 's/^/# /'
	cat "$work/table"
} >"$kept"
[ -n "$compare" ] || {
	made_with
	cat "$work/table"
	exit 0
}

# What was, and what is: sums, and where they are too large, functions.
perl -e '
sub read_table {
	my ($file) = @_;
	my (@requests, %n);

	open(my $in, "<", $file) or die "$file: $!\n";
	while (<$in>) {
		next if /^#/;
		my ($name, @each) = split;
		if (/^ /) {
			@requests = ($name, @each);
			next;
		}
		$n{$name}{$requests[$_]} = $each[$_] =~ s/^-$/0/r
		    for 0 .. $#each;
	}
	return (\@requests, \%n);
}
my ($kept, $now, $tolerance) = @ARGV;
my (undef, $was) = read_table($kept);
my ($requests, $is) = read_table($now);
my $bad = 0;
printf("%-10s %9s %9s %7s\n", "ours", "kept", "now", "");
for my $request (@$requests) {
	my ($before, $after) = map { $_->{ours}{$request} } $was, $is;
	die "$request is not in $kept\n" unless $before;
	my $change = 100 * ($after / $before - 1);
	printf("%-10s %9d %9d %+6.1f%%\n", $request, $before, $after, $change);
	next if abs($change) <= $tolerance;
	$bad++ if $change > 0;
	my %more = map { $_ => ($is->{$_}{$request} // 0) -
	    ($was->{$_}{$request} // 0) } grep { /\(\)$/ } keys %$is,
	    keys %$was;
	for (sort { abs($more{$b}) <=> abs($more{$a}) || $a cmp $b }
	    keys %more) {
		last if abs($more{$_}) < 5;
		printf("    %-28s %+7d\n", $_, $more{$_});
	}
}
printf("%s\n", $bad ? "more than $tolerance % more: make it fewer, or, if ".
    "that is what it costs, bench/instructions.sh --record" :
    "no request takes more than $tolerance % more");
exit($bad > 0);
' "$kept" "$work/table" "$tolerance" || exit "$?"
