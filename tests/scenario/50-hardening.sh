#!/bin/bash
# Before it serves, the agent has given up what it does not need, in every way
# to start it; nobody else can look into it or steer it; and where the system
# refuses a step, it says so and does not start unless it was told to.
# shellcheck source=tests/support/scenario.sh
. "$(dirname "$0")/../support/scenario.sh"

need_root
make_key ed25519
install -m 755 "$BOTTLE_BIN/intruder" "$T/intruder"
as_other true

# of PID LINE: what a status file says there.
of() {
	sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status"
}

no_caps=0000000000000000

# hardened NAME PID [SET...]: every task of it, with these sets of capabilities
# empty besides the usual ones.
hardened() {
	local name=$1 pid=$2 task set filters tasks

	shift 2
	filters=$(of self Seccomp_filters)
	tasks=("/proc/$pid/task"/*)
	# A sanitizer has a thread of its own, from before.
	[ "$relaxed" -eq 0 ] || tasks=("$pid")
	for task in "${tasks[@]}"; do
		task=$pid/task/${task##*/}
		for set in CapInh CapPrm CapEff CapAmb "$@"; do
			check_same "${name}_has_no_$set" "$no_caps" \
			    "$(of "$task" "$set")"
		done
		check_same "${name}_gets_no_new_privileges" 1 \
		    "$(of "$task" NoNewPrivs)"
		check_same "${name}_is_filtered" 2 "$(of "$task" Seccomp)"
		# A container's own filter is there as well.
		[ -z "$filters" ] || check_same "${name}_has_its_own_filter" \
		    "$((filters + 1))" "$(of "$task" Seccomp_filters)"
	done
	check_same "${name}_leaves_no_core" '0 0' "$(sed -n \
	    's/^Max core file size *\([^ ]*\) *\([^ ]*\) .*/\1 \2/p' \
	    "/proc/$pid/limits")"
}

# session_of PID
session_of() {
	sed 's/^.*) //' "/proc/$1/stat" | cut -d ' ' -f 4
}

# A build with a sanitizer stays traceable, and says so.
"$AGENT" -d -a "$T/debug" >"$T/out" 2>"$T/said" </dev/null &
agent_seen $!
check the_steps_are_told wait_for 30 grep -q 'hardening: ' "$T/said"
relaxed=$(grep -c 'untraceable left out' "$T/said" || true)
end_process $!
check_lacks no_step_is_refused_here "$(cat "$T/said")" refused

# Every way to start it.
agent_start --public --allow "$other_uid=list,sign"
hardened in_front "$agent_pid" CapBnd
as_self ssh-add -q "$T/ed25519"
check it_signs git_signs as_other ed25519

# Who is not root.
user_ways=(mem maps environ ptrace readv getfd limit term)
check user_gets_nowhere as_other "$T/intruder" "$agent_pid" "${user_ways[@]}"
# Root, as it is in a container: these capabilities are enough to look.
contained=(setpriv --bounding-set "-sys_ptrace,-sys_admin,-perfmon")
if [ "$relaxed" -eq 0 ]; then
	check root_looks_at_nothing timeout 20 "${contained[@]}" \
	    "$T/intruder" "$agent_pid" mem maps environ ptrace readv getfd
	"${contained[@]}" sleep 60 &
	agent_seen $!
	check it_sleeps wait_for 30 grep -q sleep "/proc/$!/comm"
	check_status but_at_others 1 timeout 20 "${contained[@]}" \
	    "$T/intruder" $! mem ptrace
fi
check it_signs_still git_signs as_other ed25519
agent_stop

"$AGENT" -a "$S" >"$T/out"
pid=$(sed -n 's/^SSH_AGENT_PID=\([0-9]*\);.*/\1/p' "$T/out")
agent_seen "$pid"
hardened in_the_background "$pid" CapBnd
check_same it_leads_a_session "$pid" "$(session_of "$pid")"
sleep 60 &
agent_seen $!
check_status a_user_continues_others_of_the_session 1 \
    as_other "$T/intruder" $! cont
check but_not_the_agent as_other "$T/intruder" "$pid" cont
end_process "$pid"

mkfifo "$T/end"
"$AGENT" -a "$S" sh -c "echo \$SSH_AGENT_PID >'$T/pid'; cat '$T/end'" \
    >"$T/out" 2>&1 &
agent_seen $!
check the_command_runs wait_for 30 test -s "$T/pid"
pid=$(cat "$T/pid")
hardened around_a_command "$pid" CapBnd
check_same that_one_leads_a_session "$pid" "$(session_of "$pid")"
check_same the_command_itself_is_left_alone 0 "$(of $! NoNewPrivs)"
: >"$T/end"
check and_goes_with_it wait_for 20 process_gone "$pid"

# --load, waiting for its keys, and the agent that it starts.
mkfifo "$T/keys"
"$AGENT" --load -a "$S" --allow "$other_uid=list" <"$T/keys" >"$T/out" \
    2>&1 &
loader=$!
agent_seen "$loader"
exec 8>"$T/keys"
check the_loader_starts_it wait_for 30 "$AGENT" --status -a "$S"
agent_seen "$(agent_of "$S")"
loader_waits() {
	[ "$(of "$loader" Seccomp)" = 2 ]
}
check the_loader_is_ready wait_for 30 loader_waits
hardened the_loader "$loader" CapBnd
cat "$T/ed25519" >&8
exec 8>&-
status=0
wait "$loader" || status=$?
check_same the_loader_loads 0 "$status"
pid=$(agent_of "$S")
hardened of_a_load "$pid" CapBnd
check_same of_a_load_leads_a_session "$pid" "$(session_of "$pid")"
check_same the_key_is_there "$(public ed25519)" "$(listed)"
end_process "$pid"
check_same its_socket_goes no "$([ ! -e "$S" ] && echo no)"

# as NAME OPTION...: the agent by setpriv with these.
program=$AGENT
as() {
	AGENT=$T/$1
	shift
	printf '#!/bin/sh\nexec setpriv %s %s "$@"\n' "$*" "$program" >"$AGENT"
	chmod 755 "$AGENT"
}

# A container without capabilities, and a user who never had any.
as bare --bounding-set -all --inh-caps -all --no-new-privs
agent_start --public --allow "$other_uid=list,sign"
hardened bare "$agent_pid" CapBnd
as_self ssh-add -q "$T/ed25519"
check bare_signs git_signs as_other ed25519
agent_stop

as user --reuid "$other_uid" --regid "$other_uid" --clear-groups
before=$S
S=$T/other/sock
agent_start --allow "$other_uid=admin"
hardened user "$agent_pid"
install -m 600 -o "$other_uid" "$T/ed25519" "$T/other/key"
as_other ssh-add -q key
check user_signs git_signs as_other ed25519
check another_agent_of_the_user_is_none_of_its_business \
    as_other "$T/intruder" 1 mem ptrace
agent_stop
S=$before

out=$(as_other env TMPDIR="$T/other" "$program" -T)
pid=$(sed -n 's/^SSH_AGENT_PID=\([0-9]*\);.*/\1/p' <<<"$out")
sock=$(sed -n 's/^SSH_AUTH_SOCK=\([^;]*\);.*/\1/p' <<<"$out")
check it_has_a_directory test -S "$sock"
end_process "$pid"
check_same which_goes_with_it no "$([ ! -e "${sock%/*}" ] && echo no)"
out=$(as_other "$program")
pid=$(sed -n 's/^SSH_AGENT_PID=\([0-9]*\);.*/\1/p' <<<"$out")
sock=$(sed -n 's/^SSH_AUTH_SOCK=\([^;]*\);.*/\1/p' <<<"$out")
check_has it_is_at_home "$sock" "$T/other/.ssh/agent/"
hardened at_home "$pid"
end_process "$pid"
check_same it_leaves_home no "$([ ! -e "$sock" ] && echo no)"

# A step that is refused: root keeps capabilities and may not drop them.
if [ "$(of self CapBnd)" != "$no_caps" ]; then
	as odd --bounding-set -setpcap
	for way in "-D --allow 0=admin" "--allow 0=admin" "--load" \
	    "-D --hardening=strict"; do
		status=0
		# shellcheck disable=SC2086
		timeout 20 "$AGENT" -a "$S" $way <"$T/ed25519" >"$T/out" 2>&1 ||
		    status=$?
		check_same "refused_ends_with_4: $way" 4 "$status"
		check_has "in_so_many_words: $way" "$(cat "$T/out")" \
		    'cannot empty the capability bounding set: Operation not'
		check_has "with_a_way_out: $way" "$(cat "$T/out")" CAP_SETPCAP
		check_same "in_one_line: $way" 1 "$(wc -l <"$T/out")"
		check_same "no_socket_is_left: $way" no \
		    "$([ ! -e "$S" ] && echo no)"
	done
	for way in "--allow 0=admin --hardening=best-effort" ""; do
		: >"$T/log"
		# shellcheck disable=SC2086
		agent_start $way
		check_has "it_says_what_is_missing: $way" "$(cat "$T/log")" \
		    'warning: cannot empty the capability bounding set'
		hardened "best_effort" "$agent_pid"
		agent_stop
	done
fi
scenario_end
