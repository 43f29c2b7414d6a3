#!/bin/bash
# Where there is a screen, and the agent is not root's and no service, a process
# of its own stands by that can ask somebody: it holds nothing of the agent's
# and ends with it, however that ends.
# shellcheck source=tests/support/scenario.sh
. "$(dirname "$0")/../support/scenario.sh"

need_root

# processes: the pids that run what the agent runs, with our files, oldest first.
# That need not be $AGENT: it may start what starts the agent.
processes() {
	local exe program

	program=$(readlink "/proc/$pid/exe")
	for exe in /proc/[0-9]*/exe; do
		[ "$(readlink "$exe")" = "$program" ] &&
		    grep -qF "$T/" "${exe%exe}cmdline" &&
		    basename "${exe%/exe}"
	done | sort -n
}

# start WHO VARIABLE=VALUE... -- OPTION...: an agent in the background.
start() {
	local run=("$1") env=()

	shift
	while [ "$1" != -- ]; do
		env+=("$1")
		shift
	done
	shift
	out=$("${run[@]}" env "${env[@]}" "$AGENT" -s "$@")
	pid=$(sed -n 's/.*pid \([0-9]*\);/\1/p' <<<"$out")
	agent_seen "$pid"
	helper=$(processes | grep -vx "$pid" || true)
}

# alone NAME: there is no helper; end the agent.
alone() {
	check_same "$1" '' "$helper"
	kill "$pid"
	wait_for 30 process_gone "$pid"
}

start as_other -- -a "$T/other/s"
alone no_helper_without_a_screen
start as_other DISPLAY=:0 SSH_ASKPASS_REQUIRE=never -- -a "$T/other/s"
alone no_helper_where_nobody_wants_one
start as_other DISPLAY=:0 -- -a "$T/other/s" --allow 1=list
alone no_helper_of_a_service
start as_self DISPLAY=:0 SSH_ASKPASS_REQUIRE=force -- -a "$T/s"
alone no_helper_of_root

for variable in DISPLAY=:0 WAYLAND_DISPLAY=w SSH_ASKPASS_REQUIRE=force; do
	for signal in TERM KILL; do
		rm -f "$T/other/s"
		start as_other "$variable" -- -a "$T/other/s"
		check_same "one_helper_for_$variable" 1 \
		    "$(grep -c . <<<"$helper")"
		check "helper_of_${variable}_ends_at_$signal" bash -c \
		    "kill -0 $helper && kill -$signal $pid"
		check "and_is_gone_then" wait_for 30 process_gone "$helper"
	done
done

rm -f "$T/other/s"
start as_other DISPLAY=:0 -- -a "$T/other/s"
check_same it_keeps_no_socket_but_its_own 1 \
    "$(find "/proc/$helper/fd" -lname 'socket:*' | grep -c .)"
# A build with a sanitizer stays open to its user, as the agent itself does.
check_same nobody_may_look_into_it_either \
    "$(stat -c %u:%g "/proc/$pid/mem")" \
    "$(stat -c %u:%g "/proc/$helper/mem")"
check_same its_session_is_its_own "$helper" \
    "$(cut -d ' ' -f 6 "/proc/$helper/stat")"
# Without it the agent goes on.
kill -KILL "$helper"
check_status the_agent_goes_on 1 \
    env SSH_AUTH_SOCK="$T/other/s" timeout 20 ssh-add -l
kill "$pid"
check and_ends_well wait_for 30 test ! -e "$T/other/s"
scenario_end
