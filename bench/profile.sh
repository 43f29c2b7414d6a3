#!/bin/bash
# bench/profile.sh [OPTION...] - where the time goes that the agent takes for a
# request.
#
# The agent runs as a service and one client asks as fast as it is answered, both
# on CPU 0, while perf samples that CPU.  Prints for each request the
# processor's time that the agent takes, and what part of it is the kernel's
# (its system calls), ours, libc's and that of the libraries that do the
# arithmetic; below that the functions that take most.
#
#   --seconds S   of each, default 3
#   --requests    list, ed25519 and so on, in quotes; default "list ed25519
#                 ecdsa256 rsa2048"
#   --top N       functions of each, default 12
#   --quick       a moment of list alone, to see that it works
#
# BOTTLE_BIN is the folder of bottle-agent, BENCH_BIN that of load; default
# build/release/bin for both.  Needs root, perf, and a kernel that lets it
# sample: no hardware counters.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/support/say.sh
. "$here/../tests/support/say.sh"
# shellcheck source=tests/support/check.sh
. "$here/../tests/support/check.sh"
# shellcheck source=bench/agents.sh
. "$here/agents.sh"

seconds=3 top=12 requests='list ed25519 ecdsa256 rsa2048'

while [ $# -gt 0 ]; do
	case $1 in
	--seconds) want_value "$@" && seconds=$2 && shift ;;
	--requests) want_value "$@" && requests=$2 && shift ;;
	--top) want_value "$@" && top=$2 && shift ;;
	--quick) seconds=0.3 requests=list ;;
	-h | --help) show_usage "$0" && exit 0 ;;
	*) die "what is $1? See --help" 2 ;;
	esac
	shift
done
want_number --seconds "$seconds" point
want_number --top "$top"
for request in $requests; do
	case $request in
	list | ed25519 | ecdsa256 | ecdsa384 | ecdsa521 | rsa2048) ;;
	*) die "--requests are list and keys, ed25519 and so on, not $request" 2 ;;
	esac
done
[ "$(id -u)" -eq 0 ] || skip_all 'needs root, to ask as another user'
for tool in perf taskset ssh-keygen ssh-add perl "$agent_bench/load" \
    $(agent_missing bottle); do
	skip_without "$tool"
done
work=$(mktemp -d "${TMPDIR:-/tmp}/bottle-profile.XXXXXX")
at_exit rm -rf "$work"
want_room "$work" 50
perf record -q -e cpu-clock -o "$work/perf" true >"$work/log" 2>&1 ||
    skip_all "perf may not sample here: $(tr '\n' ' ' <"$work/log")"
agents_init "$work"
install -m 755 "$agent_bench/load" "$work/load"
agent_make_keys "$work/keys" ed25519 ecdsa256 ecdsa384 ecdsa521 rsa2048
agent_prefix=(taskset -c 0)
agent_start bottle "$work/keys"
pid=${agent_pids[bottle]# }

# cpu_ticks: of all its threads, in hundredths of a second or so.
cpu_ticks() {
	sed 's/.*) //' "/proc/$pid/stat" | awk '{ print $12 + $13 }'
}

# profile REQUEST: into $work/samples, and what load says into $work/said.
profile() {
	local options=(--mode sign --key "$1")

	[ "$1" != list ] || options=(--mode list)
	# What else happens at the beginning is not part of it.
	taskset -c 0 "$work/load" --socket "${agent_socket[bottle]}" \
	    --as "$agent_uid" --seconds 0.1 "${options[@]}" >/dev/null
	# That it is there again is how we know that perf has begun.
	rm -f "$work/perf"
	# Of the CPU, not of the process: a clock that is set anew whenever it
	# gets the processor would fire right then, time and again.
	perf record -q -e cpu-clock -F 9999 -C 0 -o "$work/perf" \
	    >"$work/log" 2>&1 &
	sampler=$!
	wait_for 30 test -s "$work/perf"
	before=$(cpu_ticks)
	taskset -c 0 "$work/load" --socket "${agent_socket[bottle]}" \
	    --as "$agent_uid" --seconds "$seconds" --warm 0 "${options[@]}" \
	    >"$work/said"
	after=$(cpu_ticks)
	kill -INT "$sampler"
	wait "$sampler" || true
	perf script -i "$work/perf" --pid "$pid" -F ip,sym,dso 2>/dev/null >"$work/samples"
}

# enough: load was answered, and perf saw who did it.
enough() {
	grep -q '"operations":[1-9]' "$work/said" && [ -s "$work/samples" ]
}

for request in $requests; do
	profile "$request"
	# Where others have the processor, a moment may be too short for both.
	for longer in 1 3 10; do
		! enough || break
		seconds=$longer profile "$request"
	done
	perl -e '
	my ($request, $ticks, $hz, $top, $said, $samples) = @ARGV;
	my (%part, %function, $n);
	open(my $in, "<", $said) or die "$said: $!\n";
	<$in> =~ /"operations":(\d+)/ && $1 or die "load did not say\n";
	my $us = 1e6 * $ticks / $hz / $1;
	open($in, "<", $samples) or die "$samples: $!\n";
	while (<$in>) {
		my ($name, $of) = /^\s*[0-9a-f]+\s+(.*?)\s+\(([^)]*)\)\s*$/ or
		    next;
		my $part = $of =~ /kernel|\.ko/ ? "kernel" :
		    $of =~ /vdso/ ? "libc" :
		    $of =~ m{/(libcrypto|libsodium|libc)[-.]} ? $1 :
		    $of =~ /bottle-agent/ ? "ours" : "other";
		$n++;
		$part{$part}++;
		$name =~ s/\+0x.*//;
		$function{"$name ($part)"}++;
	}
	die "perf saw nothing of the agent: try again, or longer, with ".
	    "--seconds 3\n" unless $n;
	printf("%s: %.1f us of the processor, %d samples\n", $request, $us,
	    $n);
	printf("    %-10s %5.1f%% %8.2f us\n", $_, 100 * $part{$_} / $n,
	    $us * $part{$_} / $n)
	    for sort { $part{$b} <=> $part{$a} } keys %part;
	my @most = sort { $function{$b} <=> $function{$a} || $a cmp $b }
	    keys %function;
	for (grep { defined } @most[0 .. $top - 1]) {
		printf("  %5.1f%% %s\n", 100 * $function{$_} / $n, $_);
	}
	' "$request" "$((after - before))" "$(getconf CLK_TCK)" "$top" \
	    "$work/said" "$work/samples" || die 'the samples cannot be read'
done
