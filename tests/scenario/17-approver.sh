#!/bin/bash
# Keys that ask before they are used, in a service: whoever has admin may
# connect and approve.  Without anybody there, or in time, the answer is no;
# only the connection that asked waits; many questions of one uid keep no
# other one's back; and the audit log tells who said what to which.
# shellcheck source=tests/support/scenario.sh
. "$(dirname "$0")/../support/scenario.sh"

need_root
install -m 755 "$BOTTLE_BIN/approve" "$T/approve"
as_other true
# A third user, one that has a name: ssh-keygen wants that.
third_uid=1
for name in ask free; do
	make_key ed25519 "$name"
	chmod 644 "$T/$name.pub"
done
A=$T/audit

serve() {
	rm -f "$A"
	agent_start --public --allow "$other_uid=list,sign" \
	    --allow "$third_uid=list,sign" --audit "$A" "$@"
	as_self ssh-add -q "$T/free"
	as_self ssh-add -q -c "$T/ask"
}

# approver NAME VERB [COUNT]: one that sits at the table, $! is its process.
approver() {
	local name=$1

	shift
	"$T/approve" "$S" "$@" >"$T/said.$name" 2>&1 &
	approver_pid=$!
	at_exit end_process "$approver_pid"
	wait_for 30 grep -qx ready "$T/said.$name" || return 1
	# Its wish for a question came with that, and is seen in the next turn
	# of its uid: before one that begins now is over.
	as_self ssh-add -l >/dev/null
}

# sign UID: in the background; $! is the client.
sign() {
	exec setpriv --reuid "$1" --regid "$1" --clear-groups \
	    env SSH_AUTH_SOCK="$S" ssh-keygen -q -Y sign -n git \
	    -f "$T/ask.pub" </dev/null >/dev/null 2>&1
}

# asked NAME N: so many questions were put to that one.
asked() {
	[ "$(grep -c '^question ' "$T/said.$1")" -eq "$2" ]
}

# reasons: of the refused signatures, in their order.
reasons() {
	jq -r 'select(.op == "sign" and .verdict == "denied") | .reason' "$A" |
	    tr '\n' ' '
}

serve --limit question-time=10000
check_refused nobody_is_there git_signs as_other ask
check others_need_nobody git_signs as_other free
check_refused an_ordinary_user_is_no_approver as_other \
    "$T/approve" "$S" yes

approver first yes
check yes_signs git_signs as_other ask
check_has what_was_asked "$(cat "$T/said.first")" "question uid $other_uid "
check_has with_the_key "$(cat "$T/said.first")" \
    "key $(ssh-keygen -l -f "$T/ask.pub" | cut -d ' ' -f 2) "
check_has with_what "$(cat "$T/said.first")" 'what "SSHSIG for git"'
check_has and_the_answer_was_taken "$(cat "$T/said.first")" taken
number=$(jq -r 'select(.op == "sign" and .verdict == "allowed" and
	.key.comment == "ask") | .detail' "$A")
check_has the_log_has_the_question "$number" 'question '
check_same and_who_said_yes_to_it "0 yes to $number" \
    "$(jq -r 'select(.op == "approve") | "\(.peer.uid) \(.detail)"' "$A" |
	tail -n 1)"
kill "$approver_pid"
check the_approver_goes wait_for 30 process_gone "$approver_pid"
check_refused nobody_is_there_any_more git_signs as_other ask

approver second no
check_refused no_does_not_sign git_signs as_other ask
kill "$approver_pid"
check the_second_goes wait_for 30 process_gone "$approver_pid"
check_same why_it_was_refused 'no-approver no-approver approver-no ' \
    "$(reasons)"

# One that is asked and goes away hands its question on.
approver waits hold
held=$approver_pid
sign "$other_uid" &
client=$!
check a_question_is_put wait_for 30 asked waits 1
approver next yes
kill "$held"
check it_is_for_the_next_one wait_for 30 asked next 1
check_ended who_says_yes 0 "$client"
kill "$approver_pid"
check the_next_goes wait_for 30 process_gone "$approver_pid"

# Nobody answers: it is too late after 10 s, and others are served meanwhile.
approver deaf hold
start=$(now_ms)
sign "$other_uid" &
client=$!
check it_is_put wait_for 30 asked deaf 1
check a_list_does_not_wait as_other ssh-add -l
check a_signature_does_not_wait git_signs as_other free
check_same the_client_waits S "$(cut -d ' ' -f 3 "/proc/$client/stat")"
check_ended too_late_it_is_refused 255 "$client"
took=$(($(now_ms) - start))
check not_before_its_time test "$took" -ge 9900
check_same because_it_was_late 'approver-late ' \
    "$(reasons | grep -o 'approver-late ')"

agent_stop

# Three questions of a uid wait; a fourth is refused, and another uid's is not,
# and has its turn before the third.
connections_are() {
	[ "$("$AGENT" --status --json -a "$S" | jq .connections.open)" -eq \
	    $(($1 + 1)) ]
}
serve --limit questions-uid=3
approver holds hold
sign "$other_uid" &
check the_first_is_put wait_for 30 asked holds 1
for n in 2 3; do
	sign "$other_uid" &
	check "${n}_wait" wait_for 30 connections_are $((n + 1))
done
check_status the_fourth_is_too_many 255 as_other ssh-keygen -q \
    -Y sign -n git -f "$T/ask.pub"
check_has for_that_reason "$(reasons)" limit-questions
sign "$third_uid" &
client=$!
check another_uid_waits_as_well wait_for 30 connections_are 5
approver last yes 2
check_ended which_is_asked_about_soon 0 "$client"
check_same that_was_it "$other_uid $third_uid " "$(sed -n \
    's/^question uid \([0-9]*\) .*/\1/p' "$T/said.last" | tr '\n' ' ')"
check_same and_it_was_not_refused "$other_uid" "$(jq -r \
    'select(.reason == "limit-questions") | .peer.uid' "$A" | sort -u)"
agent_stop

# A policy that takes the approver's rights ends its connection.
printf '%s\n' '0=admin' "$other_uid=admin" >"$T/policy"
rm -f "$A"
agent_start --public --policy "$T/policy" --audit "$A"
as_self ssh-add -q -c "$T/ask"
setpriv --reuid "$other_uid" --regid "$other_uid" --clear-groups \
    "$T/approve" "$S" yes >"$T/said.user" 2>&1 &
user=$!
at_exit end_process "$user"
check a_user_with_admin_is_one wait_for 30 grep -qx ready "$T/said.user"
printf '%s\n' '0=admin' "$other_uid=list,sign" >"$T/policy"
kill -HUP "$agent_pid"
check without_it_its_connection_is_closed wait_for 30 process_gone "$user"
check_refused so_nobody_can_be_asked git_signs as_other ask
agent_stop

# One that takes the asker's right to sign counts for a question that waits.
printf '%s\n' '0=admin' "$other_uid=list,sign" >"$T/policy"
rm -f "$A"
agent_start --public --policy "$T/policy" --audit "$A"
as_self ssh-add -q -c "$T/ask"
approver kept hold
held=$approver_pid
sign "$other_uid" &
client=$!
check it_is_put_before wait_for 30 asked kept 1
printf '%s\n' '0=admin' "$other_uid=list" >"$T/policy"
kill -HUP "$agent_pid"
check the_policy_is_read wait_for 30 grep -q '"op":"reload"' "$A"
approver late yes
kill "$held"
check it_is_asked_again wait_for 30 asked late 1
check_ended yes_comes_too_late 255 "$client"
check_same because_of_the_policy "policy $other_uid=list" \
    "$(jq -r 'select(.op == "sign") | "\(.reason) \(.rule)"' "$A")"
agent_stop

# Without workers it is made by whoever hears the answer.
serve --workers 0
approver alone yes
check yes_signs_without_workers git_signs as_other ask
check_has it_was_asked_without_workers "$(cat "$T/said.alone")" taken
kill "$approver_pid"
check the_one_without_workers_goes wait_for 30 process_gone "$approver_pid"
approver other no
check_refused no_is_no_without_workers git_signs as_other ask
agent_stop

# In ssh-agent's place there are no approvers.
agent_start
as_self ssh-add -q -c "$T/ask"
check_refused none_in_ssh_agents_place timeout 10 "$T/approve" \
    "$S" yes
agent_stop
scenario_end
