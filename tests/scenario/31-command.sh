#!/bin/bash
# With a command the agent serves for as long as the command runs, in its
# environment, and ends as the command does.
# shellcheck source=tests/support/scenario.sh
. "$(dirname "$0")/../support/scenario.sh"

make_key ed25519

check_status the_status_is_the_commands 7 timeout 20 "$AGENT" sh -c 'exit 7'
# It is looked after, now and then, for as long as it runs.
check_status the_status_comes_late_too 8 within 30 "$AGENT" sh -c \
    'sleep 6; ssh-add -l; [ $? -eq 1 ] && exit 8'
check_status nothing_wrong_is_0 0 timeout 20 "$AGENT" true
check_status the_commands_options_are_its_own 3 \
    timeout 20 "$AGENT" sh -c 'exit 3' -D -k
out=$(timeout 20 "$AGENT" sh -c "
	ssh-add -q '$T/ed25519' && ssh-add -L && echo \$SSH_AGENT_PID")
check_has the_command_uses_the_agent "$out" "$(public ed25519)"
pid=$(tail -n 1 <<<"$out")
check and_it_ends_afterwards wait_for 20 process_gone "$pid"
check_status a_command_that_is_not_there 1 timeout 20 "$AGENT" "$T/none"
check_status by_a_signal 143 timeout 20 bash -c "'$AGENT' sh -c 'kill \$\$'"

# The command's own shell expands it.
# shellcheck disable=SC2016
out=$(timeout 20 "$AGENT" -a "$T/named" sh -c 'echo $SSH_AUTH_SOCK')
check_same the_socket_can_be_named "$T/named" "$out"
gone() {
	[ ! -e "$T/named" ]
}
check and_it_goes_with_the_command wait_for 20 gone

# Of a folder that was made for it as well.
# shellcheck disable=SC2016
out=$(timeout 20 "$AGENT" -T sh -c 'echo $SSH_AUTH_SOCK; exit 7') && status=0 ||
    status=$?
check_same its_status_all_the_same 7 "$status"
no_folder() {
	[ ! -e "$(dirname "$out")" ]
}
check and_the_folder_goes_with_the_command wait_for 30 no_folder

# What the command leaves running does not keep the agent.
# shellcheck disable=SC2016
out=$(timeout 20 "$AGENT" sh -c 'sleep 5 >/dev/null 2>&1 & echo $SSH_AGENT_PID')
check what_is_left_behind_does_not_hold_it wait_for 20 process_gone "$out"
scenario_end
