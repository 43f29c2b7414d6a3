#!/bin/bash
# bench/latency.sh [OPTION...] - what others can do to the time that one
# client's requests take.
#
# An honest client measures list, sign (Ed25519) and rsa (RSA 2048) requests
# alone and then beside each kind of abuse by another user, in turn, so that
# what else goes on in the machine falls on both.  The agent and the honest
# client have CPU 0, the abuser CPU 1: what is measured is how the agent
# divides its time, not how the kernel does.  Prints the medians over the
# rounds; ratios are of the p99 to that of the same round alone.  A table says
# nothing when the abuse was not there, so the last column tells what the
# abusers had of it in the last round.
#
#   --rounds N       rounds, default 5
#   --only PATTERN   only the scenarios that match the shell pattern
#   --fresh          a new connection for each request measured
#   --quick          one short round, to see that it works; figures mean little
#   --openssh        ssh-agent in place of ours, all as one user: the
#                    scenarios that need no second user
#
# BOTTLE_BIN is the folder of bottle-agent, BENCH_BIN that of the program
# latency; default build/release/bin for both.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
bin=${BOTTLE_BIN:-$here/../build/release/bin}
bench=${BENCH_BIN:-$bin}
rounds=5 requests=20000 ms=1000 only='*' fresh='' openssh='' rows=0
ops=(list sign rsa)
# name, mode, connections of each abuser, number of abusers.  One uid may not
# hold a thousand connections, four may.
scenarios=(
	'1000-idle idle 250 4'
	'100-half-frames slow-frames 100 1'
	'100-unread-replies slow-replies 100 1'
	'flood-list flood-list 8 1'
	'flood-sign flood-sign 8 1'
	'flood-rsa flood-rsa 8 1'
	'flood-bind flood-bind 8 1'
	'flood-connect flood-connect 8 1'
)
honest=65533
abusers=(65532 65531 65530 65529)

skip() {
	echo "latency: skipped: $1" >&2
	exit 77
}

misuse() {
	echo "latency: $1; see --help" >&2
	exit 2
}

while [ $# -gt 0 ]; do
	case $1 in
	--rounds | --only)
		[ $# -gt 1 ] || misuse "$1 wants a value"
		[ "$1" = --only ] && only=$2 || rounds=$2
		shift
		;;
	--fresh) fresh=fresh ;;
	--quick) rounds=1 requests=200 ms=60 ;;
	--openssh) openssh=y ;;
	-h | --help) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0" && exit 0 ;;
	*) misuse "what is $1?" ;;
	esac
	shift
done
[[ $rounds =~ ^[1-9][0-9]{0,2}$ ]] ||
    misuse "--rounds wants a number from 1 to 999, not $rounds"
[ "$(id -u)" -eq 0 ] || skip 'needs root, to become other users'
[ "$(nproc)" -ge 2 ] || skip 'needs two CPUs'
for tool in taskset ssh-keygen ssh-add; do
	command -v "$tool" >/dev/null || skip "there is no $tool here"
done
if [ "$(ulimit -Hn)" != unlimited ] && [ "$(ulimit -Hn)" -lt 4096 ]; then
	skip 'needs 4096 file descriptors'
fi
ulimit -n 4096

work=$(mktemp -d "${TMPDIR:-/tmp}/bottle-latency.XXXXXX")
chmod 755 "$work"
sock=$work/s
pids=()
agent=

end_abuse() {
	[ "${#pids[@]}" -eq 0 ] || kill "${pids[@]}" 2>/dev/null || true
	[ "${#pids[@]}" -eq 0 ] || wait "${pids[@]}" 2>/dev/null || true
	pids=()
}
end_agent() {
	[ -z "$agent" ] || kill "$agent" 2>/dev/null || true
	[ -z "$agent" ] || wait "$agent" 2>/dev/null || true
	agent=
	rm -f "$sock"
}
down() {
	end_abuse
	end_agent
	rm -rf "$work"
}
trap down EXIT
trap 'exit 130' INT TERM

# Other users cannot walk into every build folder.
install -m 755 "$bench/latency" "$work/latency"
ssh-keygen -q -t ed25519 -N '' -f "$work/ed25519" </dev/null
ssh-keygen -q -t rsa -b 2048 -N '' -f "$work/rsa" </dev/null

start_ours() {
	local uid args=(--allow "$honest=list,sign")

	for uid in "${abusers[@]}"; do
		args+=(--allow "$uid=list,sign")
	done
	[ -p "$work/ready" ] || mkfifo "$work/ready"
	taskset -c 0 "$bin/bottle-agent" -D -a "$sock" --public "${args[@]}" \
	    --ready-fd 3 3<>"$work/ready" >"$work/log" 2>&1 &
	agent=$!
	read -r -t 20 _ <>"$work/ready" || {
		cat "$work/log" >&2
		echo 'latency: the agent does not start' >&2
		exit 1
	}
	cat "$work/ed25519" "$work/rsa" |
	    "$bin/bottle-agent" --load --socket "$sock" >/dev/null
}

start_openssh() {
	taskset -c 0 ssh-agent -D -a "$sock" >"$work/log" 2>&1 &
	agent=$!
	for _ in {1..100}; do
		[ -S "$sock" ] && break
		sleep 0.05
	done
	SSH_AUTH_SOCK=$sock ssh-add -q "$work/ed25519" "$work/rsa"
}

# as UID COMMAND...: the program, as that user; against ssh-agent as ourselves,
# whom alone it serves.
as() {
	local uid=$1

	shift
	if [ -n "$openssh" ]; then
		"$work/latency" "$@"
	else
		"$work/latency" -u "$uid" "$@"
	fi
}

# measure ROUND SCENARIO WHEN: one line for each operation into the results.
measure() {
	local op line

	for op in "${ops[@]}"; do
		line=$(taskset -p -c 0 "$BASHPID" >/dev/null &&
		    as "$honest" measure "$sock" "$op" "$requests" "$ms" \
		    ${fresh:+"$fresh"}) || {
			echo "latency: $2 $op ($3) failed" >&2
			line=failed
		}
		echo "$1 $2 $3 $op $line" >>"$work/results"
	done
}

# begin_abuse MODE CONNECTIONS ABUSERS: returns when all are at work.
begin_abuse() {
	local i

	rm -f "$work"/said.*
	for ((i = 0; i < $3; i++)); do
		(
			taskset -p -c 1 "$BASHPID" >/dev/null
			prefix=(-u "${abusers[i]}")
			[ -z "$openssh" ] || prefix=()
			exec "$work/latency" ${prefix[@]+"${prefix[@]}"} abuse \
			    "$sock" "$1" "$2" >"$work/said.$i"
		) &
		pids+=("$!")
	done
	for ((i = 0; i < $3; i++)); do
		for _ in {1..400}; do
			grep -q ready "$work/said.$i" 2>/dev/null && continue 2
			sleep 0.02
		done
		echo "latency: no abuse by $1" >&2
		exit 1
	done
	# What a second and more of it does is wanted, not how it begins.
	[ "$ms" -lt 500 ] || sleep 0.5
}

# What the abusers of a scenario had, all together.
note_abuse() {
	cat "$work"/said.* | awk -v s="$1" '
		$1 == "open" {
			open += $2; lost += $6; replies += $8; conns += $10
		}
		END {
			printf "%s %d open, %d lost", s, open, lost
			if (replies > 0)
				printf ", %d replies/s", replies
			if (s ~ /connect/)
				printf ", %d connects/s", conns
			print ""
		}' >>"$work/abuse"
}

table() {
	awk '
	FNR == 1 { file++ }
	file == 1 { s = $1; sub(/^[^ ]* /, ""); had[s] = $0; next }
	{
		key = $2 SUBSEP $4
		if (!(key in seen)) { seen[key] = 1; order[++n] = key }
		if ($5 == "failed") { bad[key]++; next }
		p50[$3, key, $1] = $6; p99[$3, key, $1] = $10
		if ($1 > rounds) rounds = $1
	}
	function median(a, m, i, j, t) {
		for (i = 2; i <= m; i++)
			for (j = i; j > 1 && a[j - 1] > a[j]; j--) {
				t = a[j]; a[j] = a[j - 1]; a[j - 1] = t
			}
		if (m == 0)
			return "-"
		return m % 2 ? a[(m + 1) / 2] : (a[m / 2] + a[m / 2 + 1]) / 2
	}
	function col(which, when, key, r, m, a) {
		m = 0
		for (r = 1; r <= rounds; r++)
			if (which == 50 && ((when, key, r) in p50))
				a[++m] = p50[when, key, r]
			else if (which == 99 && ((when, key, r) in p99))
				a[++m] = p99[when, key, r]
		return median(a, m)
	}
	function ratio(key, r, m, a) {
		m = 0
		for (r = 1; r <= rounds; r++)
			if ((("alone", key, r) in p99) &&
			    (("beside", key, r) in p99))
				a[++m] = p99["beside", key, r] / \
				    p99["alone", key, r]
		return median(a, m)
	}
	function show(v) { return v == "-" ? v : sprintf("%.1f", v) }
	END {
		printf "%-19s %-5s %9s %9s %9s %9s %7s  %s\n", "beside", "op",
		    "p50", "p99", "alone p50", "p99", "ratio", "abusers"
		for (i = 1; i <= n; i++) {
			split(order[i], k, SUBSEP)
			v = ratio(order[i])
			printf "%-19s %-5s %9s %9s %9s %9s %7s  %s%s\n", k[1],
			    k[2], show(col(50, "beside", order[i])),
			    show(col(99, "beside", order[i])),
			    show(col(50, "alone", order[i])),
			    show(col(99, "alone", order[i])),
			    v == "-" ? v : sprintf("%.2f", v), had[k[1]],
			    order[i] in bad ? " FAILED " bad[order[i]] : ""
		}
	}' "$work/abuse" "$work/results"
}

for ((round = 1; round <= rounds; round++)); do
	: >"$work/abuse"
	for row in "${scenarios[@]}"; do
		read -r name mode conns count <<<"$row"
		# shellcheck disable=SC2254
		case $name in
		$only) ;;
		*) continue ;;
		esac
		case $openssh$name in
		yflood*) continue ;;
		esac
		# What one scenario leaves to be done is not for the next one.
		if [ -n "$openssh" ]; then
			start_openssh
		else
			start_ours
		fi
		measure "$round" "$name" alone
		begin_abuse "$mode" "$conns" "$count"
		measure "$round" "$name" beside
		end_abuse
		note_abuse "$name"
		kill -0 "$agent" 2>/dev/null || {
			echo "latency: the agent is gone after $name" >&2
			exit 1
		}
		end_agent
		rows=$((rows + ${#ops[@]}))
	done
done
[ "$rows" -gt 0 ] || {
	echo "latency: no scenario matches $only" >&2
	exit 2
}
table >"$work/table"
cat "$work/table"
# The head, and each row once.
[ "$(wc -l <"$work/table")" -eq $((1 + rows / rounds)) ] || {
	echo 'latency: rows are missing' >&2
	exit 1
}
! grep -q failed "$work/results"
