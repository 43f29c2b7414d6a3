#!/bin/bash
# bench/watch.sh [OPTION...] - how long a container that was restarted is without
# its keys.
#
# A bottle, a proxy and a server (tests/e2e/world.sh), and in turn, so that what
# else goes on in the machine falls on all:
#	ssh	a login from the bottle that has its keys, which nothing here can
#		be faster than
#	watch	docker restart, with bottle-provision watch: from its return to the
#		end of the first such login
#	load	the same with bottle-provision load right behind the restart, by
#		somebody who does nothing else
# and, of watch, the time from the start of the container, as the engine has it, to
# the line that says that it is loaded (loaded).  Prints the medians over the
# rounds, and the spread.
#
#   --rounds N   default 9
#   --quick      one round, to see that it works; figures mean little
#
# BOTTLE_BIN is the folder of bottle-provision, default build/release/bin,
# BOTTLE_STATIC_BIN that of the static programs, default build/static/bin.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/support/say.sh
. "$here/../tests/support/say.sh"
# shellcheck source=tests/support/check.sh
. "$here/../tests/support/check.sh"
# shellcheck source=tests/support/packages.sh
. "$here/../tests/support/packages.sh"
# shellcheck source=tests/e2e/roots.sh
. "$here/../tests/e2e/roots.sh"
# shellcheck source=tests/e2e/engine.sh
. "$here/../tests/e2e/engine.sh"
# shellcheck source=tests/e2e/world.sh
. "$here/../tests/e2e/world.sh"
# shellcheck source=tests/e2e/watched.sh
. "$here/../tests/e2e/watched.sh"

bin=${BOTTLE_STATIC_BIN:-$here/../build/static/bin}
provision=${BOTTLE_BIN:-$here/../build/release/bin}/bottle-provision
rounds=9

while [ $# -gt 0 ]; do
	case $1 in
	--rounds) want_value "$@" && rounds=$2 && shift ;;
	--quick) rounds=1 ;;
	-h | --help) show_usage "$0" && exit 0 ;;
	*) die "what is $1? See --help" 2 ;;
	esac
	shift
done
want_number --rounds "$rounds"

work=$(mktemp -d "${TMPDIR:-/tmp}/bottle-watch.XXXXXX")
at_exit rm -rf "$work"
watched_world "bottle-watch-$$"

# us_since US: microseconds since then, as milliseconds.
ms_since() {
	local us=$((${EPOCHREALTIME/[.,]/} - $1))

	printf '%d.%03d\n' "$((us / 1000))" "$((us % 1000))"
}

# measure ROUND WHAT SINCE: a line of the results.
measure() {
	printf '%s %s %s\n' "$1" "$2" "$(ms_since "$3")" >>"$work/results"
}

login() {
	bottle 1000 ssh "$world_host" true
}

# first_login: one after the other until one works, in the bottle: else each try
# would wait for the engine.
first_login() {
	# shellcheck disable=SC2016
	bottle 1000 bash -c '
		until ssh -o BatchMode=yes "$1" true 2>/dev/null; do
			sleep 0.01
		done' - "$world_host"
}

# What became of it, from the engine's time and from watch's.
loaded() {
	local began said

	began=$(docker inspect -f '{{.State.StartedAt}}' "$world_name")
	said=$(tail -n 1 "$work/watch.out" | cut -d ' ' -f 1)
	printf '%s loaded %s\n' "$1" "$(perl -e '
		use Time::Local;
		sub at {
			$_[0] =~ /^(\d+)-(\d+)-(\d+)T(\d+):(\d+):([\d.]+)/;
			return timegm(0, $5, $4, $3, $2 - 1, $1) + $6;
		}
		printf("%.3f\n", 1000 * (at($ARGV[1]) - at($ARGV[0])))' \
	    "$began" "$said")" >>"$work/results"
}

for ((round = 1; round <= rounds; round++)); do
	watched_start
	watched_says loaded 1
	since=${EPOCHREALTIME/[.,]/}
	login
	measure "$round" ssh "$since"
	world_restart
	since=${EPOCHREALTIME/[.,]/}
	first_login
	measure "$round" watch "$since"
	watched_says loaded 2
	loaded "$round"
	watched_end
	world_restart
	since=${EPOCHREALTIME/[.,]/}
	watched_load
	first_login
	measure "$round" load "$since"
done

printf '%d rounds, milliseconds\n' "$rounds"
awk '
{ time[$2, $1] = $3; rounds = $1 > rounds ? $1 : rounds }
END {
	printf "%-7s %9s %9s %9s\n", "", "median", "smallest", "largest"
	split("ssh watch load loaded", what, " ")
	for (k = 1; k <= 4; k++) {
		for (r = 1; r <= rounds; r++)
			a[r] = time[what[k], r]
		for (i = 2; i <= rounds; i++)
			for (j = i; j > 1 && a[j - 1] > a[j]; j--) {
				t = a[j]; a[j] = a[j - 1]; a[j - 1] = t
			}
		low = a[int((rounds + 1) / 2)]
		high = a[int(rounds / 2) + 1]
		printf "%-7s %9.1f %9.1f %9.1f\n", what[k], (low + high) / 2,
		    a[1], a[rounds]
	}
}' "$work/results" >"$work/table"
cat "$work/table"
[ "$(wc -l <"$work/table")" -eq 5 ] || die 'rows are missing'
