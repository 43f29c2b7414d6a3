#!/bin/bash
# bench/vault.sh [BIN] - what it costs to work with keys in the vault only.
#
# Signs without a pause through the agent that is shipped and, in turn, through
# the same one built with libcrypto's work in ordinary memory (agent-unscoped,
# which is made for the tests).  Both are pinned to one CPU with the client, so
# that a round is not decided by where the scheduler puts them.  Prints for
# each key type the median of the ratios of all rounds, and the spread.
#
#   BIN     folder of the programs; default build/release/bin
#   ROUNDS  rounds, default 9; SECONDS_EACH of signing each, default 1;
#   TYPES   key types, default all
set -eu

case ${1:-} in
-h | --help) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0" && exit 0 ;;
-*) echo "vault: what is $1? See --help" >&2 && exit 2 ;;
esac
for program in bottle-agent agent-unscoped signload; do
	[ -x "${1:-$(dirname "$0")/../build/release/bin}/$program" ] || {
		echo "vault: there is no $program: cmake --preset release &&" \
		    "cmake --build --preset release makes it" >&2
		exit 77
	}
done
bin=$(cd "${1:-$(dirname "$0")/../build/release/bin}" && pwd)
rounds=${ROUNDS:-9}
each=${SECONDS_EACH:-1}
read -r -a types <<<"${TYPES:-ed25519 ecdsa256 ecdsa384 ecdsa521 rsa2048 rsa3072 rsa4096}"
work=$(mktemp -d "${TMPDIR:-/tmp}/bottle-bench.XXXXXX")
agent=

down() {
	[ -z "$agent" ] || kill "$agent" 2>/dev/null || true
	agent=
}
trap 'down; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

# rate PROGRAM KEY: signatures in one run.
rate() {
	rm -f "$work"/s*
	mkfifo "$work/ready" 2>/dev/null || true
	taskset -c 0 "$bin/$1" -D -a "$work/s" --allow "$(id -u)=admin" \
	    --ready-fd 3 3<>"$work/ready" >"$work/log" 2>&1 &
	agent=$!
	read -r _ <"$work/ready"
	"$bin/bottle-agent" --load --socket "$work/s" <"$2" >/dev/null
	taskset -c 0 "$bin/signload" "$work/s" "$each" |
	    sed -n 's/^\([0-9]*\) signatures$/\1/p'
	kill "$agent"
	wait "$agent" 2>/dev/null || true
	agent=
}

printf '%-9s %9s %7s   %s\n' key 'shipped/s' ratio 'smallest to largest'
for type in "${types[@]}"; do
	ssh-keygen -q -t "${type%%[0-9]*}$([ "$type" = ed25519 ] && echo 25519)" \
	    -b "${type##*[a-z]}" -N '' -f "$work/$type" </dev/null
	for ((i = 0; i < rounds; i++)); do
		printf '%s %s\n' "$(rate bottle-agent "$work/$type")" \
		    "$(rate agent-unscoped "$work/$type")"
	done | awk -v type="$type" -v each="$each" '
		{ ratio[NR] = $1 / $2; rate[NR] = $1 / each }
		function sort(a, n, i, j, t) {
			for (i = 2; i <= n; i++)
				for (j = i; j > 1 && a[j - 1] > a[j]; j--) {
					t = a[j]; a[j] = a[j - 1]; a[j - 1] = t
				}
		}
		END {
			sort(ratio, NR); sort(rate, NR)
			m = int((NR + 1) / 2)
			printf "%-9s %9d %7.3f   %.3f to %.3f\n", type,
			    rate[m], ratio[m], ratio[1], ratio[NR]
		}'
done
