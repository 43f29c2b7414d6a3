#!/bin/bash
# A service takes a dead socket over, never a live one nor a file that is no
# socket; ssh-agent mode takes nothing over, as ssh-agent.  Of agents that start
# at once exactly one serves.
# shellcheck source=tests/support/scenario.sh
. "$(dirname "$0")/../support/scenario.sh"

make_key ed25519

service=(--public --allow '65534=list')

# What an agent leaves that is killed.
agent_start "${service[@]}"
kill -KILL "$agent_pid"
wait "$agent_pid" 2>/dev/null || true
check_same killed_it_leaves_its_socket yes "$([ -S "$S" ] && echo yes)"
check_status ssh_agent_mode_leaves_it 1 timeout 20 "$AGENT" -D -a "$S"
check_same it_is_still_there yes "$([ -S "$S" ] && echo yes)"
agent_start "${service[@]}"
check_status a_service_takes_it_over 1 as_self ssh-add -l

as_self ssh-add -q "$T/ed25519"
status=0
out=$(timeout 20 "$AGENT" -D -a "$S" "${service[@]}" 2>&1 </dev/null) ||
    status=$?
check_same but_not_a_live_one 1 "$status"
check_has it_says_so "$out" "$S"
check_same the_first_goes_on "$(public ed25519)" "$(listed)"
agent_stop

echo precious >"$T/file"
check_status a_file_is_no_socket 1 timeout 20 "$AGENT" -D \
    -a "$T/file" "${service[@]}"
check_same and_stays precious "$(cat "$T/file")"
mkdir "$T/folder"
check_status nor_is_a_folder 1 timeout 20 "$AGENT" -D \
    -a "$T/folder" "${service[@]}"
ln -s "$T/file" "$T/link"
check_status nor_is_a_link 1 timeout 20 "$AGENT" -D \
    -a "$T/link" "${service[@]}"
check_same what_it_points_to_stays precious "$(cat "$T/file")"
check_status no_such_folder 1 timeout 20 "$AGENT" -D -a "$T/none/s"
long=$T/$(printf '%0120d' 0)
check_status too_long_a_name 1 timeout 20 "$AGENT" -D -a "$long"

# Two at once, on a socket that is free or dead, many times.  An agent in the
# background is ready when its parent ends.
rounds=${BOTTLE_ROUNDS:-300}
wrong=0
for ((i = 0; i < rounds; i++)); do
	rm -f "$T/one" "$T/two"
	"$AGENT" -s -a "$S" "${service[@]}" >"$T/one" 2>/dev/null &
	first=$!
	"$AGENT" -s -a "$S" "${service[@]}" >"$T/two" 2>/dev/null &
	second=$!
	started=0
	wait "$first" && started=$((started + 1))
	wait "$second" && started=$((started + 1))
	pids=$(sed -n 's/^SSH_AGENT_PID=\([0-9]*\);.*/\1/p' "$T/one" "$T/two")
	if [ "$started" -ne 1 ] || [ "$(wc -w <<<"$pids")" -ne 1 ] ||
	    [ "$(agent_of "$S")" != "$pids" ]; then
		wrong=$((wrong + 1))
		printf '# round %d: %d started, pids: %s\n' "$i" "$started" \
		    "${pids//$'\n'/ }"
	fi
	# Every second round finds a dead socket, the others none.
	signal=$([ $((i % 2)) -eq 0 ] && echo KILL || echo TERM)
	for pid in $pids; do
		kill "-$signal" "$pid"
		wait_for 30 process_gone "$pid"
	done
done
check_same "exactly_one_of_two_in_${rounds}_rounds" 0 "$wrong"
scenario_end
