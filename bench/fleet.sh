#!/bin/bash
# bench/fleet.sh [OPTION...] - how long it takes to have keys in ten containers.
#
# Measures, in turn, so that what else goes on in the machine falls on all:
#	execs	docker exec CONTAINER true in all of them at once, which nothing
#		here can be faster than
#	first	bottle-provision load with as many jobs, which starts the agents
#		as well
#	again	the same once more, with the agents running
#	four	the same with -j 4, which is the default
#	one	the same with -j 1
# Each round has containers of its own.  Prints the medians over the rounds, the
# spread, and the medians of the ratios to execs of the same round.
#
#   --boxes N    how many containers, default 10
#   --keys N     how many keys, default 20
#   --rounds N   default 5
#   --quick      one round of two containers and two keys, to see that it works;
#                figures mean little
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

bin=${BOTTLE_STATIC_BIN:-$here/../build/static/bin}
provision=${BOTTLE_BIN:-$here/../build/release/bin}/bottle-provision
rounds=5 n_keys=20 n_boxes=10
# Of one round, before the loads and behind them; they are quick.
execs=3

while [ $# -gt 0 ]; do
	case $1 in
	--boxes) want_value "$@" && n_boxes=$2 && shift ;;
	--keys) want_value "$@" && n_keys=$2 && shift ;;
	--rounds) want_value "$@" && rounds=$2 && shift ;;
	--quick) rounds=1 n_keys=2 n_boxes=2 execs=1 ;;
	-h | --help) show_usage "$0" && exit 0 ;;
	*) die "what is $1? See --help" 2 ;;
	esac
	shift
done
want_number --rounds "$rounds"
want_number --keys "$n_keys"
want_number --boxes "$n_boxes"

work=$(mktemp -d "${TMPDIR:-/tmp}/bottle-fleet.XXXXXX")
at_exit rm -rf "$work"
skip_without "$provision"
why=$(world_missing docker "$bin")
[ -z "$why" ] || skip_all "$why"
at_exit engine_down
engine_up "$work" || skip_all "$engine_why"
roots_ready || die 'cannot make the root file systems'
docker_ready || skip_all "$world_why"

make_keys() {
	local i pub

	ssh-keygen -q -t ed25519 -N '' -C '' -f "$work/host" </dev/null
	pub=$(cut -d ' ' -f 1-2 "$work/host.pub")
	for ((i = 1; i <= n_keys; i++)); do
		ssh-keygen -q -t ed25519 -N '' -C "key$i" \
		    -f "$work/key$i" </dev/null
		printf '%s{"Host": "h%d.example", "User": "git",
			"KnownHostKey": "%s", "IdentityFile": "%s"}\n' \
		    "$([ "$i" -eq 1 ] && echo '[' || echo ,)" "$i" "$pub" \
		    "$work/key$i" >>"$work/keys.json"
	done
	printf ']\n' >>"$work/keys.json"
}

boxes=()
boxes_down() {
	[ "${#boxes[@]}" -eq 0 ] || docker rm -f -v "${boxes[@]}" >/dev/null
	boxes=()
}
at_exit boxes_down

# box_up NAME: a container that runs, with our programs.
box_up() {
	local program

	boxes+=("$1")
	docker create --name "$1" --network none "$world_image_bottle" >/dev/null
	for program in "${world_programs[@]}"; do
		docker_copy "$bin/$program" 755 "$1:$world_bin/$program"
	done
	docker start "$1" >/dev/null
	# The first one may wait for the machine.
	docker exec "$1" true
}

# measure ROUND WHAT COMMAND...: a line of the results, in milliseconds.
measure() {
	local round=$1 what=$2 start end

	shift 2
	start=${EPOCHREALTIME/[.,]/}
	"$@" >"$work/out" 2>&1 </dev/null || {
		sed 's/^/# /' "$work/out" >&2
		die "$what failed"
	}
	end=${EPOCHREALTIME/[.,]/}
	printf '%s %s %d.%03d\n' "$round" "$what" "$(((end - start) / 1000))" \
	    "$(((end - start) % 1000))" >>"$work/results"
}

exec_all() {
	local box pid pids=()

	for box in "${boxes[@]}"; do
		docker exec "$box" true &
		pids+=("$!")
	done
	for pid in "${pids[@]}"; do
		wait "$pid"
	done
}
measure_execs() {
	local i

	for ((i = 0; i < execs; i++)); do
		measure "$1" execs exec_all
	done
}
load() {
	HOME=$work "$provision" load --no-prompt -f "$work/keys.json" \
	    -j "$1" "${boxes[@]}"
}

# has_all: all keys are in all of them, or the figures say nothing.
has_all() {
	local box n

	for box in "${boxes[@]}"; do
		n=$(docker exec -e SSH_AUTH_SOCK="$world_socket" "$box" \
		    ssh-add -L | wc -l)
		[ "$n" -eq "$n_keys" ] ||
		    die "$box has $n of $n_keys keys"
	done
}

table() {
	awk -v rounds="$rounds" '
	{ time[$2, $1, ++n[$2, $1]] = $3 }
	function sort(a, m, i, j, t) {
		for (i = 2; i <= m; i++)
			for (j = i; j > 1 && a[j - 1] > a[j]; j--) {
				t = a[j]; a[j] = a[j - 1]; a[j - 1] = t
			}
	}
	function median(a, m) {
		sort(a, m)
		return m % 2 ? a[(m + 1) / 2] : (a[m / 2] + a[m / 2 + 1]) / 2
	}
	# Of one thing in one round.
	function of_round(what, r, i, a) {
		for (i = 1; i <= n[what, r]; i++)
			a[i] = time[what, r, i]
		return median(a, n[what, r])
	}
	function ratio(what, r, a) {
		for (r = 1; r <= rounds; r++)
			a[r] = of_round(what, r) / of_round("execs", r)
		return median(a, rounds)
	}
	END {
		printf "%-7s %9s %9s %9s %8s\n", "", "ms", "smallest",
		    "largest", "to execs"
		split("execs first again four one", what, " ")
		for (i = 1; i <= 5; i++) {
			w = what[i]
			split("", a)
			for (r = 1; r <= rounds; r++)
				a[r] = of_round(w, r)
			m = median(a, rounds)
			printf "%-7s %9.1f %9.1f %9.1f %8.2f\n", w, m, a[1],
			    a[rounds], ratio(w)
		}
	}' "$work/results"
}

make_keys
for ((round = 1; round <= rounds; round++)); do
	for ((i = 1; i <= n_boxes; i++)); do
		box_up "bottle-bench-$$-$i"
	done
	measure_execs "$round"
	measure "$round" first load "$n_boxes"
	has_all
	measure "$round" again load "$n_boxes"
	measure "$round" four load 4
	measure "$round" one load 1
	has_all
	measure_execs "$round"
	boxes_down
done
printf '%d containers, %d keys, %d rounds\n' "$n_boxes" "$n_keys" "$rounds"
table >"$work/table"
cat "$work/table"
[ "$(wc -l <"$work/table")" -eq 6 ] || die 'rows are missing'
