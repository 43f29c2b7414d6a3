# shellcheck shell=bash
# say.sh - how the shell parts of this project talk, fail and clean up.
#
# Sourced.  Everything that a script leaves behind is undone by an action that
# it gives to at_exit; they run last in first out, on any way out.

exit_actions=()

# die MESSAGE [STATUS]: to stderr, and out.
die() {
	printf '%s: %s\n' "${0##*/}" "$1" >&2
	exit "${2:-1}"
}

# show_usage FILE: print the comment that it begins with.
show_usage() {
	sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$1"
}

# want_value WORD...: of the command line; the first is an option that takes the
# second.
want_value() {
	[ $# -gt 1 ] || die "$1 wants a value; see --help" 2
}

# want_number NAME TEXT: whole and above 0, or with a point where it may be:
# want_number NAME TEXT point.
want_number() {
	local form='^0*[1-9][0-9]{0,5}$'

	[ "${3:-}" != point ] || form='^[0-9]{1,6}(\.[0-9]{1,6})?$'
	[[ $2 =~ $form ]] || die "$1 wants a number, not \"$2\"; see --help" 2
}

# want_room FOLDER MIB: that much must be free there.
want_room() {
	local free

	free=$(df -Pm "$1" | awk 'NR == 2 { print $4 }')
	[ "$free" -ge "$2" ] || die "$1 has $free MiB free, and $2 are needed: \
make room there, or let TMPDIR name another folder" 2
}

# at_exit COMMAND...: run it when the script ends, also on Ctrl-C.
at_exit() {
	exit_actions+=("$(printf '%q ' "$@")")
}

run_exit_actions() {
	local status=$? i

	# A second Ctrl-C must not stop the cleaning half-way.
	trap '' HUP INT TERM
	trap - EXIT
	set +e
	for ((i = ${#exit_actions[@]} - 1; i >= 0; i--)); do
		eval "${exit_actions[i]}"
	done
	exit "$status"
}
trap run_exit_actions EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# now_ms: milliseconds, for differences.
now_ms() {
	local us=${EPOCHREALTIME/[.,]/}

	printf '%s\n' "$((us / 1000))"
}

# wait_for SECONDS COMMAND...: until it succeeds; fails when it does not in time.
# $BOTTLE_SLOWER is how many times slower than usual things are here.
wait_for() {
	local end=$((SECONDS + $1 * ${BOTTLE_SLOWER:-1}))

	shift
	until "$@" >/dev/null 2>&1; do
		((SECONDS < end)) || return 1
		sleep 0.02
	done
}

# end_process PID [SECONDS]: end it politely, then by force.
end_process() {
	kill -TERM "$1" 2>/dev/null || return 0
	wait_for "${2:-5}" process_gone "$1" || kill -KILL "$1" 2>/dev/null
	wait "$1" 2>/dev/null || true
}

# A zombie of ours counts as gone, when no thread of it runs any more.
process_gone() {
	local states

	states=$(cat "/proc/$1/task"/*/stat 2>/dev/null |
	    sed 's/.*) //; s/ .*//' | grep -v '[ZX]' || true)
	[ -z "$states" ]
}
