#!/bin/bash
# scan-agent.sh PHASE BIN [TYPE...] - key bytes in the memory of the agent that
# is shipped: none outside of locked memory.
#
#   rest     the keys are loaded, nothing happens; also in a core file
#   load     signing without a pause
#   adding   the same key is loaded again and again
#   deleted  after ssh-add -D: none in locked memory either
#   beats    the same two before Linux 6.16, where signals come in the middle of
#            operations, all of them in the first thread
#   loader   in --load itself, with the key read but not yet sent
#   secret   memfd_secret: nothing can be read, under load as well
#   control  an agent that works with keys outside of its vault: it is caught,
#            at rest and under load; or the other phases prove nothing
#
# Locked memory is forced to be mlock(2)ed (but for the last): memfd_secret
# cannot be read, so that a scan would see nothing and prove nothing.  BIN is
# the folder of the programs; TYPE is as in ssh-keygen -t, with the bits behind
# it.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/support/say.sh
. "$here/../support/say.sh"
# shellcheck source=tests/support/check.sh
. "$here/../support/check.sh"

phase=${1:?usage: scan-agent.sh PHASE BIN [TYPE...]}
bin=$(cd "${2:?}" && pwd)
shift 2
types=("$@")
[ "$#" -gt 0 ] ||
	types=(ed25519 ecdsa256 ecdsa384 ecdsa521 rsa2048 rsa3072 rsa4096)

# How often the process is stopped at a random moment.
ROUNDS=${BOTTLE_MEMSCAN_ROUNDS:-60}

# Reading the memory of an undumpable process takes CAP_SYS_PTRACE, number 19.
caps=$(sed -n 's/^CapEff:[[:space:]]*//p' /proc/self/status)
[ "$(id -u)" -eq 0 ] || skip_all 'needs root'
(((16#$caps >> 19) & 1)) || skip_all 'needs CAP_SYS_PTRACE'
for tool in ssh-keygen ssh-add; do
	command -v "$tool" >/dev/null || skip_all "needs $tool"
done

program=$bin/bottle-agent
[ "$phase" != control ] || program=$bin/agent-unscoped
before=() options=()
[ "$phase" != beats ] || before=("$bin/oldkernel") options=(--workers 0)

work=$(mktemp -d "${TMPDIR:-/tmp}/bottle-memscan.XXXXXX")
at_exit rm -rf "$work"
sock=$work/sock
agent=

# ready_line FILE: wait for the first line of FILE.
ready_line() {
	wait_for 20 test -s "$1"
}

# agent_up MEMORY: sets $agent.
agent_up() {
	: >"$work/ready"
	"${before[@]}" "$program" "${options[@]}" -D -a "$sock" \
	    --allow 0=admin --memory="$1" \
	    --ready-fd 3 3>"$work/ready" >"$work/log" 2>&1 &
	agent=$!
	ready_line "$work/ready" || die "the agent does not start: $(
		tail -n 3 "$work/log")"
}

agent_down() {
	[ -z "$agent" ] || end_process "$agent"
	agent=
}
at_exit agent_down

# make_key TYPE: a new key in $work/TYPE.
make_key() {
	local name=${1%%[0-9]*} bits=

	# The name of Ed25519 ends in a number of its own.
	if [ "$1" = ed25519 ]; then
		name=ed25519
	else
		bits=${1#"$name"}
	fi
	ssh-keygen -q -t "$name" ${bits:+-b "$bits"} -N '' -C "$1" \
	    -f "$work/$1"
}

load_key() {
	"$program" --load -a "$sock" --expect 1 <"$work/$1" \
	    >/dev/null
}

# How a scan has to end: nothing is in the open.
verdict=0

# scan NAME TYPE OPTION... -- PID: one check; what was found is printed.
scan() {
	local name=$1 type=$2 options=() status=0

	shift 2
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	"$bin/memscan" "${options[@]}" "${@:2}" "$work/$type" \
	    >"$work/found" 2>&1 || status=$?
	grep -E '^(UNLOCKED|memscan:)' "$work/found" | sed 's/^/    /'
	check_same "$name" "$verdict" "$status"
}

# background COMMAND...: run it until "worker_end"; sets $worker.
worker=
background() {
	: >"$work/worker"
	"$@" >"$work/worker" 2>"$work/worker.err" &
	worker=$!
	ready_line "$work/worker" ||
		die "$1: $(tail -n 3 "$work/worker.err")"
}
worker_end() {
	[ -z "$worker" ] || end_process "$worker"
	worker=
}
at_exit worker_end

# worker_done NAME: it must have gone on until it was told to end.
worker_done() {
	local status=0

	kill -TERM "$worker" 2>/dev/null || status=1
	wait "$worker" || status=$?
	worker=
	check_same "$1" 0 "$status"
	tail -n 1 "$work/worker" | sed 's/^/    /'
}

# Load one key again and again until told to end.
add_again() {
	local go_on=yes

	trap 'go_on=' TERM
	while [ -n "$go_on" ]; do
		load_key "$1" || exit 1
		echo loaded
	done
	exit 0
}

# --- the phases --------------------------------------------------------------

phase_rest() {
	load_key "$1"
	scan "$1 at rest" "$1" --stop --repeat 3 --expect-min 1 \
	    --require-public -- "$agent"
	if command -v gcore >/dev/null &&
	    gcore -o "$work/core" "$agent" >/dev/null 2>&1; then
		scan "$1 in a core file" "$1" --require-public -- \
		    --core "$work/core.$agent"
		rm -f "$work/core.$agent"
	fi
	kernel_core "$1"
}

# kernel_core TYPE: what the kernel itself writes of an agent that has signed,
# in a build that lets it; our own leaves nothing at all.
kernel_core() {
	local pid status=0

	if [ "$(cat /proc/sys/kernel/core_pattern)" != core ]; then
		printf "# no core file of the kernel: core_pattern is another one\n"
		return
	fi
	mkdir "$work/dump"
	(cd "$work/dump" && ulimit -c unlimited && exec "$bin/agent-dumpable" \
	    -D -a "$sock.2" --allow 0=admin --memory=mlock --ready-fd 3 \
	    3>"$work/dump/ready" >"$work/dump/log" 2>&1) &
	pid=$!
	at_exit end_process "$pid"
	ready_line "$work/dump/ready" || die "agent-dumpable does not start"
	"$program" --load -a "$sock.2" <"$work/$1" >/dev/null
	"$bin/signload" "$sock.2" 1 >/dev/null
	kill -SEGV "$pid"
	wait "$pid" 2>/dev/null || status=$?
	check_same "$1: that one was dumped" 139 "$status"
	scan "$1 in a core file of the kernel's" "$1" --require-public -- \
	    --core "$(echo "$work"/dump/core*)"
	rm -r "$work/dump" "$sock.2"
}

# more_clients: two more connections that sign, so that every worker has work.
more_clients() {
	local i

	for i in 1 2; do
		"$bin/signload" "$sock" 60 >/dev/null 2>&1 &
		more+=($!)
	done
}
more_end() {
	local pid

	for pid in "${more[@]}"; do
		end_process "$pid"
	done
	more=()
}
more=()
at_exit more_end

phase_load() {
	load_key "$1"
	background "$bin/signload" "$sock"
	more_clients
	scan "$1 under load" "$1" --stop --repeat "$ROUNDS" --expect-min 1 \
	    --require-public -- "$agent"
	worker_done "$1 was signed with all the while"
	more_end
}

phase_adding() {
	background add_again "$1"
	scan "$1 while it is added" "$1" --stop --repeat "$ROUNDS" \
	    --expect-min 1 --require-public -- "$agent"
	worker_done "$1 was added all the while"
}

phase_deleted() {
	load_key "$1"
	"$bin/signload" "$sock" 1 >/dev/null
	scan "$1 before" "$1" --expect-min 1 --require-public -- "$agent"
	SSH_AUTH_SOCK=$sock ssh-add -q -D
	scan "$1 after ssh-add -D" "$1" --stop --repeat 2 --expect-none -- \
	    "$agent"
}

phase_beats() {
	check_same "$1: there are beats" 1 "$(grep -c '^ID: ' \
	    "/proc/$agent/timers")"
	phase_load "$1"
	SSH_AUTH_SOCK=$sock ssh-add -q -D
	phase_deleted "$1"
}

phase_loader() {
	local loader status=0

	# stdin stays open, so that the loader has the key and waits for more.
	mkfifo "$work/pipe"
	"$program" --load -a "$sock" --memory=mlock <"$work/pipe" \
	    >/dev/null 2>&1 &
	loader=$!
	exec 4>"$work/pipe"
	cat "$work/$1" >&4
	wait_for 30 pipe_empty
	scan "$1 in the loader" "$1" --stop --repeat 3 --expect-min 1 -- \
	    "$loader"
	exec 4>&-
	wait "$loader" || status=$?
	check_same "$1 is loaded in the end" 0 "$status"
	rm "$work/pipe"
}

# Nothing is left to read of what went into descriptor 4.
pipe_empty() {
	! read -r -t 0 <"$work/pipe"
}

phase_secret() {
	load_key "$1"
	background "$bin/signload" "$sock"
	scan "$1 in memfd_secret" "$1" --stop --repeat "$ROUNDS" \
	    --expect-none --require-public -- "$agent"
	worker_done "$1 was signed with all the while"
	check_lacks "$1: an area that cannot be read" \
	    "$(tail -n 1 "$work/found") " ' secretmem=0 '
}

phase_control() {
	verdict=1
	load_key "$1"
	# libsodium signs from the record, and only its stack is in the open.
	[ "$1" = ed25519 ] ||
		scan "$1 outside of the vault, at rest" "$1" -- "$agent"
	background "$bin/signload" "$sock"
	scan "$1 outside of the vault, under load" "$1" --stop \
	    --repeat "$ROUNDS" -- "$agent"
	worker_done "$1 was signed with all the while"
}

memory=mlock
[ "$phase" != secret ] || memory=secret
for type in "${types[@]}"; do
	make_key "$type"
	agent_up "$memory"
	"phase_$phase" "$type"
	agent_down
done
checks_end
