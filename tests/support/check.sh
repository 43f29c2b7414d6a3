# shellcheck shell=bash
# check.sh - named checks of a test that is a shell script.
#
# Sourced, after say.sh.  Each check prints one line, "ok NAME" or
# "not ok NAME: what"; checks_end gives the verdict.  A command beside the checks
# that fails ends the script (set -e), and stderr says which it was.

checks_done=0
checks_failed=0

# tell_end STATUS COMMAND LINE...: the line of that command, and of each call
# that led to it.
tell_end() {
	local status=$1 command=$2

	shift 2
	[[ $- == *e* ]] || return 0
	printf 'not ok: "%s" ended with %s, and the script with it: lines %s\n' \
	    "$(printf '%s' "$command" | tr '\n' '|')" "$status" "$*" >&2
}
set -E
trap 'tell_end "$?" "$BASH_COMMAND" "$LINENO" "${BASH_LINENO[@]}"' ERR

ok() {
	checks_done=$((checks_done + 1))
	printf 'ok %s\n' "$1"
}

# not_ok NAME WHAT: one line, whatever is in it.
not_ok() {
	checks_done=$((checks_done + 1))
	checks_failed=$((checks_failed + 1))
	printf 'not ok %s: %s\n' "$1" "$(printf '%s' "$2" | tr '\n' '|')"
}

# check NAME COMMAND...: the command must succeed.
check() {
	local name=$1 out status=0

	shift
	out=$("$@" 2>&1 </dev/null) || status=$?
	if [ "$status" -eq 0 ]; then
		ok "$name"
	else
		not_ok "$name" "$1 ended with $status: ${out:0:600}"
	fi
}

# check_status NAME WANTED COMMAND...: how the command must end.
check_status() {
	local name=$1 wanted=$2 out status=0

	shift 2
	out=$("$@" 2>&1 </dev/null) || status=$?
	if [ "$status" -eq "$wanted" ]; then
		ok "$name"
	else
		not_ok "$name" \
		    "$1 ended with $status, not $wanted: ${out:0:600}"
	fi
}

# check_refused NAME COMMAND...: it must fail by itself.  A command that timed
# out, could not be run or died of a signal was not refused; except of SIGPIPE,
# which a client that is hung up on may die of.
check_refused() {
	local name=$1 out status=0

	shift
	out=$("$@" 2>&1 </dev/null) || status=$?
	case $status in
	0) not_ok "$name" "succeeded: ${out:0:600}" ;;
	12[4-79] | 1[3-9]? | 2[0-4]? | 25[0-4])
		if [ "$status" -eq 141 ]; then
			ok "$name"
		else
			not_ok "$name" "ended with $status: ${out:0:600}"
		fi
		;;
	*) ok "$name" ;;
	esac
}

# check_same NAME WANTED GOT
check_same() {
	if [ "$2" = "$3" ]; then
		ok "$1"
	else
		not_ok "$1" "wanted \"$2\", got \"$3\""
	fi
}

# check_has NAME TEXT PART: PART must be in TEXT.
check_has() {
	case $2 in
	*"$3"*) ok "$1" ;;
	*) not_ok "$1" "\"$3\" is not in \"$2\"" ;;
	esac
}

# check_lacks NAME TEXT PART: PART must not be in TEXT.
check_lacks() {
	case $2 in
	*"$3"*) not_ok "$1" "\"$3\" is in \"$2\"" ;;
	*) ok "$1" ;;
	esac
}

# skip_all REASON: nothing of this test can run here.
skip_all() {
	printf 'SKIP: %s\n' "$1"
	exit 77
}

# skip_without PROGRAM: where it is not there, with what to do; one with a path is
# of a build.
skip_without() {
	local from=

	! command -v "$1" >/dev/null || return 0
	case $1 in
	*/*)
		[ ! -e "$1" ] || return 0
		skip_all "there is no $1: cmake --preset release && \
cmake --build --preset release makes it, or a variable in --help says where it is"
		;;
	perf) from=linux-perf ;;
	setpriv | taskset) from=util-linux ;;
	ssh | ssh-*) from=openssh-client ;;
	gcov) from=gcc ;;
	*) from=$1 ;;
	esac
	skip_all "there is no $1 here: install it, on Debian apt-get install $from"
}

# checks_end: the last line of a test.
checks_end() {
	printf '%d checks, %d failed\n' "$checks_done" "$checks_failed"
	[ "$checks_failed" -eq 0 ] && [ "$checks_done" -gt 0 ]
	exit
}
