# shellcheck shell=bash disable=SC2034
# scenario.sh - what the scenarios share: a folder, keys, agents.
#
# Sourced first of all.  BOTTLE_BIN is the folder of the programs under test.
# $T is the scenario's own folder, in which others may walk but not write;
# $AGENT the program; $S the socket that agent_start serves.

set -eu
support=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/support/say.sh
. "$support/say.sh"
# shellcheck source=tests/support/check.sh
. "$support/check.sh"

[ -x "${BOTTLE_BIN:-}/bottle-agent" ] ||
    die 'set BOTTLE_BIN to the folder that bottle-agent is in'
for tool in ssh ssh-add ssh-agent ssh-keygen git jq perl setpriv script; do
	command -v "$tool" >/dev/null || skip_all "there is no $tool here"
done
unset tool SSH_AUTH_SOCK SSH_AGENT_PID SSH_ASKPASS DISPLAY
export SHELL=/bin/sh LC_ALL=C

T=$(mktemp -d "${TMPDIR:-/tmp}/bottle-scenario.XXXXXX")
at_exit rm -rf "$T"
chmod 755 "$T"
# The build may be in a folder that other users cannot walk in.
install -m 755 "$BOTTLE_BIN/bottle-agent" "$T/bottle-agent"
AGENT=$T/bottle-agent
S=$T/agent.sock
export HOME=$T/home
mkdir -m 700 "$HOME"
git config --global user.name tester
git config --global user.email tester@test.example

# Limits of time are so many times longer: under valgrind, for instance.
slower=${BOTTLE_SLOWER:-1}

# within SECONDS COMMAND...
within() {
	local seconds=$1

	shift
	timeout "$((seconds * slower))" "$@"
}

# A user that no agent here belongs to.
other_uid=65534

need_root() {
	[ "$(id -u)" -eq 0 ] || skip_all 'needs root, to become other users'
}

# as_other COMMAND...: as that user, with the agent, in a home of its own.
as_other() {
	[ -d "$T/other" ] ||
	    install -d -m 700 -o "$other_uid" -g "$other_uid" "$T/other"
	within 20 setpriv --reuid "$other_uid" --regid "$other_uid" \
	    --clear-groups env -C "$T/other" HOME="$T/other" \
	    SSH_AUTH_SOCK="$S" "$@"
}

# as_self COMMAND...: with the agent; not for ever.
as_self() {
	within 20 env SSH_AUTH_SOCK="$S" "$@"
}

# Every key type that we hold, as make_key takes it.
key_types=(ed25519 rsa2048 rsa4096 ecdsa256 ecdsa384 ecdsa521)

# make_key TYPE [NAME [PASSPHRASE]]: $T/NAME and $T/NAME.pub, comment NAME.
make_key() {
	local name=${2:-$1} type=${1%%[0-9]*} bits

	bits=${1#"$type"}
	if [ "$1" = ed25519 ]; then
		type=ed25519 bits=
	fi
	rm -f "$T/$name" "$T/$name.pub"
	# shellcheck disable=SC2086
	ssh-keygen -q -t "$type" ${bits:+-b $bits} -N "${3:-}" -C "$name" \
	    -f "$T/$name"
	chmod 600 "$T/$name"
	chmod 644 "$T/$name.pub"
}

make_keys() {
	local type

	for type in "${key_types[@]}"; do
		make_key "$type"
	done
}

# agent_start [OPTION...]: serve $S, in front, and return when it does;
# agent_pid is its process.  Its log is $agent_log.
agent_log=$T/log
agent_start() {
	rm -f "$T/ready"
	mkfifo "$T/ready"
	"$AGENT" -D -a "$S" --ready-fd 9 "$@" >"$T/out" \
	    2>>"$agent_log" </dev/null 9>"$T/ready" &
	agent_pid=$!
	agent_seen "$agent_pid"
	# How it ends when it is told to.
	agent_end=2
	case " $* " in
	*' --public '* | *' --allow '* | *' --policy '*) agent_end=0 ;;
	esac
	if ! read -r -t "$((30 * slower))" <"$T/ready"; then
		cat "$T/log" >&2
		die "bottle-agent $* does not serve"
	fi
}

# agent_stop: end it, which must go as it should: a sanitizer's complaint is
# another status.
agent_stop() {
	local status=0

	kill -TERM "$agent_pid"
	wait_for 30 process_gone "$agent_pid" || kill -KILL "$agent_pid"
	wait "$agent_pid" || status=$?
	agent_pid=
	check_same the_agent_ends_well "$agent_end" "$status"
	check_same its_socket_is_gone no "$([ ! -e "$S" ] && echo no)"
}
agent_pid=

# scenario_end: stop what was started; the verdict.
scenario_end() {
	[ -z "$agent_pid" ] || agent_stop
	if [ "$checks_failed" -gt 0 ] && [ -s "$T/log" ]; then
		sed 's/^/# log: /' "$T/log"
	fi
	checks_end
}

# agent_seen PID: one that must not be there when the scenario is over.
agent_seen() {
	at_exit end_process "$1"
}

# check_ended NAME STATUS PID: how a process in the background ends.
check_ended() {
	local status=0

	if wait_for 20 process_gone "$3"; then
		wait "$3" 2>/dev/null || status=$?
	else
		status='still there'
	fi
	check_same "$1" "$2" "$status"
}

# agent_of SOCKET: the pid of the agent that serves it.
agent_of() {
	"$AGENT" --status --json -a "$1" | jq -r .pid
}

# askpass ANSWER: what ssh-add gets to hear when it asks.
askpass() {
	printf '#!/bin/sh\necho %s\n' "$1" >"$T/askpass"
	chmod 755 "$T/askpass"
	export SSH_ASKPASS=$T/askpass SSH_ASKPASS_REQUIRE=force DISPLAY=:0
}

# git_signs AS NAME: the agent signs with that key what git wants signed, asked
# by as_self, as_other or the like.
git_signs() {
	"$1" ssh-keygen -q -Y sign -n git -f "$T/$2.pub" </dev/null >/dev/null
}

# public NAME...: type and blob of these keys, sorted, as listed.
public() {
	local name

	for name in "$@"; do
		cut -d ' ' -f 1-2 "$T/$name.pub"
	done | sort
}

# listed [SOCKET]: the same of what the agent lists; nothing when it is empty.
listed() {
	SSH_AUTH_SOCK=${1:-$S} within 20 ssh-add -L 2>/dev/null |
	    grep -v '^The agent has no' | cut -d ' ' -f 1-2 | sort
}
