# shellcheck shell=bash disable=SC2034
# forward.sh - what the tests of bottle-forward share: a folder, a proxy that
# is told what to do, and what a call of the program came to.
#
# Sourced first of all.  BOTTLE_BIN is the folder of the programs under test.

set -eu
support=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/support/say.sh
. "$support/say.sh"
# shellcheck source=tests/support/check.sh
. "$support/check.sh"

FORWARD=${BOTTLE_BIN:-}/bottle-forward
[ -x "$FORWARD" ] || die 'set BOTTLE_BIN to the folder that bottle-forward is in'
command -v perl >/dev/null || skip_all 'there is no perl here'
unset ALL_PROXY all_proxy HTTPS_PROXY https_proxy HTTP_PROXY http_proxy \
    NO_PROXY no_proxy
export LC_ALL=C

T=$(mktemp -d "${TMPDIR:-/tmp}/bottle-forward.XXXXXX")
at_exit rm -rf "$T"
mkfifo "$T/port"
at_exit proxy_stop

# What the proxy keeps of connection N is $D/N.request and so on.
D=$T/proxy

# proxy_start [OPTION]... STEP...: see fakeproxy.c; it is at $P.
proxy_start() {
	proxy_stop
	rm -rf "$D"
	mkdir "$D"
	"$BOTTLE_BIN/fakeproxy" -d "$D" "$@" >"$T/port" 2>"$D/errors" \
	    </dev/null &
	proxy_pid=$!
	proxy_port=
	read -r -t 20 proxy_port <"$T/port" ||
	    die "fakeproxy $*: $(cat "$D/errors")"
	P=127.0.0.1:$proxy_port
}
proxy_pid=

# proxy_stop: whatever it is doing.
proxy_stop() {
	[ -n "$proxy_pid" ] || return 0
	kill -KILL "$proxy_pid" 2>/dev/null || true
	wait "$proxy_pid" 2>/dev/null || true
	proxy_pid=
}

# proxy_end: wait for its last connection; $proxy_status is 0 when all of them
# went through all steps.  Its own time limit is the limit.
proxy_end() {
	proxy_status=0
	wait "$proxy_pid" || proxy_status=$?
	proxy_pid=
}

# text_of FILE: what is in it into $text, up to a NUL; no process is needed.
text_of() {
	text=
	IFS= read -r -d '' text <"$1" || true
}

# hex FILE
hex() {
	od -An -v -tx1 "$1" | tr -d ' \n'
}

# connect ARG...: run it, with $in as its input; afterwards $status, $err, $ms
# (how long it took) and what it printed, in $T/out.
connect() {
	local since

	status=0
	since=${EPOCHREALTIME/[.,]/}
	timeout -k 1 60 "$FORWARD" connect "$@" <"$in" >"$T/out" \
	    2>"$T/err" || status=$?
	ms=$(((${EPOCHREALTIME/[.,]/} - since) / 1000))
	text_of "$T/err"
	err=$text
}
in=/dev/null

# unclean TEXT: has it bytes that a terminal may act on?  Only those of ASCII
# that can be seen do not count, since no test has others in what it expects.
unclean() {
	[[ $1 == *[!\ -~$'\n']* ]]
}

# expect NAME STATUS [PART]...: how the last call ended, and what must be in
# what it said on stderr; a PART after an exclamation mark must not be.  Each
# line there is one of ours.
expect() {
	local name=$1 what='' part line

	[ "$status" = "$2" ] || what="ended with $status, not $2;"
	shift 2
	for part in "$@"; do
		case $part in
		!*)
			[[ $err != *"${part#!}"* ]] ||
			    what+=" it says \"${part#!}\";"
			;;
		*)
			[[ $err == *"$part"* ]] ||
			    what+=" it does not say \"$part\";"
			;;
		esac
	done
	! unclean "$err" || what+=' unclean;'
	while IFS= read -r line; do
		[[ -z $line || $line == 'bottle-forward: '* ||
		    $line == 'Try "bottle-forward '*'--help".' ]] ||
		    what+=" a line of its own: $line;"
	done <<<"$err"
	if [ -z "$what" ]; then
		ok "$name"
	else
		not_ok "$name" "$(printf '%s it said: %q' "$what" \
		    "${err:0:800}")"
	fi
}

# via_http ARG..., via_socks ARG...: through the proxy to git.test, port 22.
via_http() {
	connect --proxy "http://$P" "$@" git.test 22
}
via_socks() {
	connect --proxy "socks5h://$P" "$@" git.test 22
}

# A host of the name N.split says to the proxy where to cut, so that many calls
# can be made at a time, with $options.  They are made by one of these.
options=()
cut_plain() {
	timeout 60 "$FORWARD" connect "${options[@]}" "$1.split" 22
}
cut_fdpass() {
	timeout 60 "$BOTTLE_BIN/passfd" "$FORWARD" connect --fdpass \
	    "${options[@]}" "$1.split" 22
}

# one N COMMAND: run it.
one() {
	local status=0

	"$2" "$1" <"$in" >"$T/cuts/$1.out" 2>"$T/cuts/$1.err" || status=$?
	echo "$status" >"$T/cuts/$1.status"
}

# cuts NAME COMMAND FROM TO WANTED STATUS [PART]: cut after each byte from FROM
# to TO, and see what gets to stdout; PART must be on stderr, which is empty
# when there is none.
cuts() {
	local name=$1 command=$2 from=$3 to=$4 wanted status=$6 part=${7:-}
	local n why bad='' count=0

	printf -v wanted %b "$5"
	rm -rf "$T/cuts"
	mkdir "$T/cuts"
	for ((n = from; n <= to; n++)); do
		one "$n" "$command" &
		count=$((count + 1))
		((count % 12)) || wait_all
	done
	wait_all
	for ((n = from; n <= to; n++)); do
		why=
		text_of "$T/cuts/$n.status"
		[ "$text" = "$status"$'\n' ] || why+=" status ${text%?}"
		text_of "$T/cuts/$n.out"
		[ "$text" = "$wanted" ] || why+=" out $text"
		text_of "$T/cuts/$n.err"
		if [ -n "$part" ]; then
			[[ $text == *"$part"* ]] || why+=" says $text"
		else
			[ -z "$text" ] || why+=" says $text"
		fi
		[ -z "$why" ] || bad+="at $n:$why; "
	done
	if [ -z "$bad" ] && [ "$count" -gt 0 ]; then
		ok "$name"
	else
		not_ok "$name" "${bad:0:800}"
	fi
}
wait_all() {
	local pid

	for pid in $(jobs -p); do
		[ "$pid" = "$proxy_pid" ] || wait "$pid"
	done
}

# check_bytes NAME FILE FILE: the same in both.
check_bytes() {
	local out

	if out=$(cmp "$2" "$3" 2>&1); then
		ok "$1"
	else
		not_ok "$1" "$out"
	fi
}

# check_text NAME WANTED FILE: WANTED as printf %b has it, and no byte else.
check_text() {
	printf '%b' "$2" >"$T/wanted"
	if cmp -s "$T/wanted" "$3"; then
		ok "$1"
	else
		not_ok "$1" "wanted $(printf %q "$2"), got $(od -An -c "$3" |
		    head -n 20)"
	fi
}

# check_took NAME FROM TO: the last call took so many milliseconds.
check_took() {
	if [ "$ms" -ge "$2" ] && [ "$ms" -le "$3" ]; then
		ok "$1"
	else
		not_ok "$1" "it took $ms ms, not $2 to $3"
	fi
}

# check_soon NAME MS COMMAND...: the last call took no longer than that, which is
# less than what it would wait for.  A busy machine can make it take longer, but
# who waits does so each time: the command makes the call again, a few times.
check_soon() {
	local name=$1 limit=$2 tries

	shift 2
	for ((tries = 0; tries < 20 && ms > limit; tries++)); do
		"$@"
	done
	check_took "$name" 0 "$limit"
}

established='HTTP/1.1 200 Connection established\r\n\r\n'
banner='SSH-2.0-fake\r\n'
