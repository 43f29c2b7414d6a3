#!/bin/bash
# self-test.sh BIN - memscan finds what is there, tells locked from unlocked,
# and never takes trouble of its own for an answer.  BIN is the folder of
# memscan and leaky.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/support/say.sh
. "$here/../support/say.sh"
# shellcheck source=tests/support/check.sh
. "$here/../support/check.sh"

bin=$(cd "${1:?usage: self-test.sh BIN}" && pwd)
for tool in ssh-keygen openssl; do
	command -v "$tool" >/dev/null || skip_all "needs $tool"
done

work=$(mktemp -d "${TMPDIR:-/tmp}/bottle-memscan.XXXXXX")
at_exit rm -rf "$work"

leaky=
leaky_down() {
	[ -z "$leaky" ] || end_process "$leaky"
	leaky=
}
at_exit leaky_down

# leaky_up WORD... : start it, with $work/in as stdin; false when this machine
# has not what it takes.
leaky_up() {
	local status=0

	leaky_down
	: >"$work/ready"
	"$bin/leaky" "$@" <"$work/in" >"$work/ready" 2>"$work/err" &
	leaky=$!
	wait_for 20 ready_or_gone
	[ ! -s "$work/ready" ] || return 0
	wait "$leaky" || status=$?
	leaky=
	[ "$status" -eq 77 ] || die "leaky $*: $status $(cat "$work/err")"
	return 1
}
ready_or_gone() {
	[ -s "$work/ready" ] || process_gone "$leaky"
}

# scan OPTION... -- KEY: sets $status and $found.
scan() {
	local options=()

	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	status=0
	found=$("$bin/memscan" "${options[@]}" "$leaky" "$2" 2>&1) ||
		status=$?
}

# --- the keys ----------------------------------------------------------------

for type in ed25519 'ecdsa -b 256' 'ecdsa -b 384' 'ecdsa -b 521' 'rsa -b 2048'
do
	# The words are the options.
	# shellcheck disable=SC2086
	ssh-keygen -q -N '' -t $type -f "$work/${type/ -b /}"
done
openssl genpkey -algorithm ed25519 -out "$work/pem_ed25519" 2>/dev/null
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 \
    -out "$work/pem_ecdsa" 2>/dev/null
openssl genrsa -out "$work/pem_rsa" 2048 2>/dev/null
rsa=$work/rsa2048
: >"$work/in"

# secrets KEYFILE: LAYOUT:NUMBER of all that is secret, a line each.
secrets() {
	"$bin/memscan" --names "$1" | awk '$NF != "public" { print $2 }'
}

# --- every layout ------------------------------------------------------------

for key in ed25519 ecdsa256 ecdsa384 ecdsa521 rsa2048; do
	names=$(secrets "$work/$key")
	for name in $names; do
		"$bin/memscan" --print "$name" "$work/$key"
	done >"$work/in"
	leaky_up hold heap
	scan -- "$work/$key"
	check_same "$key on the heap is found" 1 "$status"
	for name in $names; do
		check_has "$key: $name" "$found" \
		    "UNLOCKED $key ${name#*:} ${name%:*} bytes 0-"
	done
	if leaky_up hold locked; then
		n=$(printf '%s\n' "$names" | wc -l)
		scan --expect-min "$n" -- "$work/$key"
		check_same "$key in locked memory is no find" 0 "$status"
		scan --expect-none -- "$work/$key"
		check_same "$key in locked memory is one if none may be" 1 \
		    "$status"
	fi
done

# --- places ------------------------------------------------------------------

"$bin/memscan" --print le:p "$rsa" >"$work/in"
for where in stack seam; do
	leaky_up hold "$where"
	scan -- "$rsa"
	check_same "$where: found" 1 "$status"
	check_has "$where: all of it" "$found" 'p le bytes 0-128 of 128'
done
leaky_up hold part
scan -- "$rsa"
check_same '16 bytes of a wiped copy are found' 1 "$status"
check_has '16 bytes, at an odd address' "$found" 'p le bytes 5-21 of 128'
scan --window 17 -- "$rsa"
check_same '16 bytes are less than 17' 0 "$status"
leaky_up hold little
scan -- "$rsa"
check_same '15 bytes are no find' 0 "$status"
scan --expect-min 1 -- "$rsa"
check_same 'nothing in locked memory where it was expected' 2 "$status"
scan --window 15 -- "$rsa"
check_same '15 bytes are found when asked for' 1 "$status"
if leaky_up hold secret; then
	scan -- "$rsa"
	check_same 'memfd_secret cannot be looked into' 0 "$status"
	check_has 'memfd_secret is counted' "$found" ' secretmem=65536 '
fi
scan -- "$work/ed25519"
check_same "another key's bytes are no find" 0 "$status"

# --- seeing anything at all --------------------------------------------------

scan --require-public -- "$rsa"
check_same 'nothing public seen proves nothing' 2 "$status"
"$bin/memscan" --print be:n "$rsa" >"$work/in"
leaky_up hold heap
scan --require-public -- "$rsa"
check_same 'a modulus is public, and seen' 0 "$status"
gone=$leaky
leaky_down
leaky=$gone
scan -- "$rsa"
check_same 'a process that is gone' 2 "$status"
leaky=
check_status 'a file that is no key' 2 "$bin/memscan" $$ "$work/err"
check_status 'a file that is no core' 2 "$bin/memscan" --core "$rsa" "$rsa"

# --- trouble of its own ------------------------------------------------------

leaky_up hold heap
is_running() {
	grep -q '^State:[[:space:]]*[SR]' "/proc/$leaky/status"
}
is_stopped() {
	grep -q '^State:[[:space:]]*T' "/proc/$leaky/status"
}
# interrupt NAME SIGNAL child|parent: in the middle of its work.
interrupt() {
	local scanner victim rc=0

	"$bin/memscan" --stop --repeat 100000 --interval-ms 1 "$leaky" "$rsa" \
	    >/dev/null 2>&1 &
	scanner=$!
	wait_for 30 is_stopped || true
	victim=$scanner
	if [ "$3" = child ]; then
		# No newline is at the end of this file.
		read -r victim _ <"/proc/$scanner/task/$scanner/children" ||
			true
	fi
	kill -"$2" "${victim:?}"
	wait "$scanner" || rc=$?
	check_same "$1: status" 2 "$rc"
	check "$1: nothing is left stopped" wait_for 30 is_running
}
interrupt 'the scanner crashes' SEGV child
interrupt 'the scanner aborts' ABRT child
interrupt 'the scanner is told to end' TERM parent

# --- what libcrypto itself leaves --------------------------------------------

# signing KEY WANTED...: NUMBER LAYOUT of each that is always there.
signing() {
	local key=$1 wanted

	shift
	leaky_up sign "$work/$key"
	scan --stop --repeat 10 -- "$work/$key"
	check_same "$key: libcrypto as it is" 1 "$status"
	for wanted in "$@"; do
		check_has "$key: $wanted of libcrypto" "$found" \
		    "UNLOCKED $key $wanted bytes"
	done
}
signing pem_rsa 'd le' 'p le' 'q le' 'dmp1 le' 'dmq1 le' 'iqmp le' 'p rr' \
    'q rr'
signing pem_ecdsa 'd le'
signing pem_ed25519 'seed be'

leaky_down
checks_end
