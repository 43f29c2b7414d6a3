#!/bin/bash
# bench/provision.sh [OPTION...] - how long it takes to have keys in a container
# that runs.
#
# Measures, in turn, so that what else goes on in the machine falls on all:
#	exec	docker exec CONTAINER true, which nothing here can be faster than
#	first	bottle-provision load, which starts the agent as well
#	again	the same once more, with the agent running
#	before	the same keys by docker cp, ssh-add and socat: see
#		agent-and-socat.sh
# Each round has containers of its own.  Prints the medians over the rounds, the
# spread, and the medians of the ratios to exec and to first of the same round.
#
#   --keys N     how many keys, default 20
#   --rounds N   default 7
#   --quick      one round of two keys, to see that it works; figures mean
#                little
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
rounds=7 n_keys=20
# Of one round; exec is so quick that several are taken.
execs=5

while [ $# -gt 0 ]; do
	case $1 in
	--keys) want_value "$@" && n_keys=$2 && shift ;;
	--rounds) want_value "$@" && rounds=$2 && shift ;;
	--quick) rounds=1 n_keys=2 execs=1 ;;
	-h | --help) show_usage "$0" && exit 0 ;;
	*) die "what is $1? See --help" 2 ;;
	esac
	shift
done
want_number --rounds "$rounds"
want_number --keys "$n_keys"

work=$(mktemp -d "${TMPDIR:-/tmp}/bottle-provision.XXXXXX")
at_exit rm -rf "$work"
skip_without "$provision"
why=$(world_missing docker "$bin")
[ -z "$why" ] || skip_all "$why"
skip_without socat
at_exit engine_down
engine_up "$work" || skip_all "$engine_why"
roots_ready || die 'cannot make the root file systems'
docker_ready || skip_all "$world_why"

# --- what is loaded ------------------------------------------------------------

make_keys() {
	local i pub

	ssh-keygen -q -t ed25519 -N '' -C '' -f "$work/host" </dev/null
	pub=$(cut -d ' ' -f 1-2 "$work/host.pub")
	mkdir "$work/keys"
	for ((i = 1; i <= n_keys; i++)); do
		ssh-keygen -q -t ed25519 -N '' -C "key$i" \
		    -f "$work/keys/key$i" </dev/null
		printf '%s{"Host": "h%d.example", "User": "git",
			"KnownHostKey": "%s", "IdentityFile": "%s"}\n' \
		    "$([ "$i" -eq 1 ] && echo '[' || echo ,)" "$i" "$pub" \
		    "$work/keys/key$i" >>"$work/keys.json"
		printf 'Host h%d.example\n\tUser git\n\tIdentityAgent %s\n' \
		    "$i" /run/ssh-agent-user.sock >>"$work/config"
		printf 'h%d.example %s\n' "$i" "$pub" >>"$work/known_hosts"
	done
	printf ']\n' >>"$work/keys.json"
}

# socat, with what it needs beside what is in every image.
pack_socat() {
	local files

	mkdir "$work/socat"
	mapfile -t files < <(ldd "$(command -v socat)" |
	    awk '$3 ~ /^\// && $1 !~ /^(libc|ld-linux|libm|libpthread)[.-]/ {
		print $3 }')
	cp -L "${files[@]}" "$work/socat"
	cp -L "$(command -v socat)" "$work/socat/socat.real"
	printf '#!/bin/sh\nLD_LIBRARY_PATH=%s exec %s/socat.real "$@"\n' \
	    /opt/socat /opt/socat >"$work/socat/socat"
	chmod 755 "$work/socat/socat"
}

boxes=()
boxes_down() {
	[ "${#boxes[@]}" -eq 0 ] || docker rm -f -v "${boxes[@]}" >/dev/null
	boxes=()
}
at_exit boxes_down

# box_up NAME: a container with all that both ways need.
box_up() {
	local program

	boxes+=("$1")
	docker create --name "$1" --network none \
	    -e PATH=/opt/socat:/usr/local/bin:/usr/bin:/bin \
	    "$world_image_bottle" >/dev/null
	for program in "${world_programs[@]}"; do
		docker_copy "$bin/$program" 755 "$1:$world_bin/$program"
	done
	docker cp "$work/socat" "$1:/opt" >/dev/null 2>&1
	docker start "$1" >/dev/null
	# The first one may wait for the machine.
	docker exec "$1" true
}

# --- what is measured ------------------------------------------------------------

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

load() {
	HOME=$work "$provision" load --no-prompt -f "$work/keys.json" \
	    "docker:$1"
}

# has NAME SOCKET: all keys are there, or the figures say nothing.
has() {
	local n

	n=$(docker exec -e SSH_AUTH_SOCK="$2" "$1" ssh-add -L | wc -l)
	[ "$n" -eq "$n_keys" ] || die "$1 has $n of $n_keys keys"
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
	function ratio(what, to, r, a) {
		for (r = 1; r <= rounds; r++)
			a[r] = of_round(what, r) / of_round(to, r)
		return median(a, rounds)
	}
	END {
		printf "%-7s %9s %9s %9s %8s %8s\n", "", "ms", "smallest",
		    "largest", "to exec", "to first"
		split("exec first again before", what, " ")
		for (i = 1; i <= 4; i++) {
			w = what[i]
			split("", a)
			for (r = 1; r <= rounds; r++)
				a[r] = of_round(w, r)
			m = median(a, rounds)
			printf "%-7s %9.1f %9.1f %9.1f %8.2f %8.2f\n", w, m,
			    a[1], a[rounds], ratio(w, "exec"),
			    ratio(w, "first")
		}
	}' "$work/results"
}

make_keys
pack_socat
for ((round = 1; round <= rounds; round++)); do
	ours=bottle-bench-$$-ours
	theirs=bottle-bench-$$-theirs
	box_up "$ours"
	box_up "$theirs"
	for ((i = 0; i < execs; i++)); do
		measure "$round" exec docker exec "$ours" true
	done
	measure "$round" first load "$ours"
	measure "$round" again load "$ours"
	has "$ours" "$world_socket"
	measure "$round" before "$here/agent-and-socat.sh" "$theirs" node \
	    "$work/config" "$work/known_hosts" "$work"/keys/key*[0-9]
	trips=$(tail -n 1 "$work/out")
	has "$theirs" /run/ssh-agent-user.sock
	for ((i = 0; i < execs; i++)); do
		measure "$round" exec docker exec "$ours" true
	done
	boxes_down
done
printf '%d keys, %d rounds; before takes %d trips to the engine\n' \
    "$n_keys" "$rounds" "$trips"
table >"$work/table"
cat "$work/table"
[ "$(wc -l <"$work/table")" -eq 5 ] || die 'rows are missing'
