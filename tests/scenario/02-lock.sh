#!/bin/bash
# A locked agent shows no key, signs with none and takes none, and opens with
# the same password only.
# shellcheck source=tests/support/scenario.sh
. "$(dirname "$0")/../support/scenario.sh"

make_key ed25519
make_key ed25519 second
agent_start
as_self ssh-add -q "$T/ed25519"

askpass right
check lock as_self ssh-add -x
check_same locked_lists_nothing '' "$(listed)"
check_status locked_list_ends_with_1 1 as_self ssh-add -l
check_refused locked_signs_nothing as_self ssh-add -T "$T/ed25519.pub"
check_refused locked_adds_nothing as_self ssh-add "$T/second"
check_refused locked_removes_nothing as_self ssh-add -d "$T/ed25519.pub"
check_refused locked_is_not_locked_again as_self ssh-add -x

askpass wrong
check_refused wrong_password as_self ssh-add -X
check_same still_locked '' "$(listed)"

askpass right
check unlock as_self ssh-add -X
check_same the_key_is_back "$(public ed25519)" "$(listed)"
check it_signs_again as_self ssh-add -T "$T/ed25519.pub"
check_refused unlocked_is_not_unlocked_again as_self ssh-add -X

# --- without ssh-add -----------------------------------------------------------

# ours NAME WANTED PART WORD PASSPHRASE: bottle-agent with a passphrase on stdin;
# what it must end with and say.
ours() {
	local out status=0

	out=$(printf %s "$5" | within 30 "$AGENT" "$4" -a "$S" 2>&1) ||
	    status=$?
	check_same "$1" "$2" "$status"
	check_has "$1_and_says_so" "$out" "$3"
	check_lacks "$1_and_not_more" "$out" "${5:-the passphrase is none}"
}
ours unlock_of_an_open_one 1 'is not locked' --unlock se/cret
ours lock_with_nothing 2 'passphrase is empty' --lock ''
ours lock_with_an_empty_line 2 'passphrase is empty' --lock $'\n'
ours lock_with_too_much 2 'longer than 1023 bytes' --lock \
    "$(printf 'x%.0s' {1..1024})"
check_same none_of_these_locks "$(public ed25519)" "$(listed)"
ours lock_by_us 0 'is locked: it lists and uses no key' --lock $'se/cret\nrest'
check_same locked_by_us_lists_nothing '' "$(listed)"
ours lock_by_us_again 1 'is locked already' --lock se/cret
ours unlock_by_us_with_another 3 'wrong passphrase' --unlock se/cre
ours unlock_by_us_with_more 3 'wrong passphrase' --unlock se/cretx
check_same still_locked_by_us '' "$(listed)"
ours unlock_by_us 0 'is unlocked' --unlock se/cret
check_same unlocked_by_us "$(public ed25519)" "$(listed)"
# The two understand each other.
ours lock_for_ssh_add 0 'is locked' --lock right
check ssh_add_unlocks_it as_self ssh-add -X
check ssh_add_locks_it as_self ssh-add -x
ours unlock_what_ssh_add_locked 0 'is unlocked' --unlock right
status=0
out=$(printf 'se\0cret' | within 30 "$AGENT" --lock -a "$S" 2>&1) || status=$?
check_same a_nul_in_it 2 "$status"
check_has a_nul_in_it_and_says_so "$out" 'a NUL byte in the passphrase'
check_status a_word_on_the_command_line 2 "$AGENT" --lock -a "$S" right
check_status nobody_to_lock 5 "$AGENT" --lock -a "$T/none"

# typed NAME WANTED PART WORD ANSWER...: the same at a terminal, where each answer
# is typed once it is asked for.
asked() {
	[ "$(grep -ao 'with: \|more: ' "$T/typed" | wc -l)" -ge "$1" ]
}
typed() {
	local name=$1 wanted=$2 part=$3 word=$4 out status=0

	shift 4
	: >"$T/typed"
	out=$(for ((i = 1; i <= $#; i++)); do
		wait_for 20 asked "$i" || true
		printf '%s\n' "${!i}"
	done | within 30 script -qefc "'$AGENT' $word -a '$S'" "$T/typed" 2>&1) ||
	    status=$?
	check_same "$name" "$wanted" "$status"
	check_has "${name}_and_says_so" "$out" "$part"
	check_lacks "${name}_and_shows_nothing" "$out" se/cret
}
typed lock_with_two_that_differ 2 'two different passphrases' --lock se/cret se/creT
typed lock_with_one_of_two 2 'two different passphrases' --lock se/cret ''
check_same none_of_these_locks_either "$(public ed25519)" "$(listed)"
typed lock_at_a_terminal 0 'is locked' --lock se/cret se/cret
check_same locked_at_a_terminal '' "$(listed)"
# Nobody is asked for what cannot help.
typed lock_at_a_terminal_again 1 'is locked already' --lock
typed unlock_at_a_terminal_with_another 3 'wrong passphrase' --unlock other
typed unlock_at_a_terminal 0 'is unlocked' --unlock se/cret
check_same unlocked_at_a_terminal "$(public ed25519)" "$(listed)"
typed unlock_at_a_terminal_again 1 'is not locked' --unlock
check_status no_terminal_and_no_stdin 2 setsid "$AGENT" --lock -a "$S"
# stdin is one, but of another session: there is nobody whom it could ask.
status=0
out=$(within 30 script -qefc "setsid -w '$AGENT' --lock -a '$S'" /dev/null \
    2>&1 </dev/null) || status=$?
check_same a_terminal_of_somebody_else 2 "$status"
check_has a_terminal_of_somebody_else_and_says_so "$out" 'give it on stdin'

# --- who may --------------------------------------------------------------------

# The passphrase goes to nobody who is neither root nor ourselves.
if [ "$(id -u)" -eq 0 ]; then
	agent_stop
	agent_start --public --allow 65534=list,sign,lock --allow 65533=list
	# as UID ARG...: bottle-agent of that user, with the passphrase.
	as() {
		local uid=$1

		shift
		printf se/cret | within 20 setpriv --reuid "$uid" --regid "$uid" \
		    --clear-groups "$AGENT" "$@" 2>&1
	}
	check_same who_has_lock_locks 0 \
	    "$(as 65534 --lock -a "$S" >/dev/null && echo 0)"
	status=0
	out=$(as 65534 --lock -a "$S") || status=$?
	check_same who_is_told_nothing_locks_again 1 "$status"
	check_has and_hears_what_it_can_be "$out" \
	    'it is locked already, or uid 65534 may not lock it'
	status=0
	out=$(as 65533 --unlock -a "$S") || status=$?
	check_same who_has_not_does_not_unlock 3 "$status"
	check_has and_hears_what_else_it_can_be "$out" \
	    'wrong passphrase, or it is not locked, or uid 65533 may not'
	status=0
	out=$(as 65532 --unlock -a "$S") || status=$?
	check_same whom_no_rule_names_does_not_unlock 3 "$status"
	check_has and_hears_that "$out" 'lets uid 65532 do nothing'
	check_same root_unlocks 0 "$(as 0 --unlock -a "$S" >/dev/null && echo 0)"
	agent_stop

	# Somebody else's agent, in a folder of his.
	as_other true
	S=$T/other/agent.sock
	as_other "$AGENT" -D -a "$S" 2>>"$agent_log" >"$T/out" &
	agent_seen $!
	wait_for 30 test -S "$S"
	status=0
	out=$(as 0 --lock -a "$S") || status=$?
	check_same not_to_a_stranger 3 "$status"
	S=$T/agent.sock
fi
scenario_end
