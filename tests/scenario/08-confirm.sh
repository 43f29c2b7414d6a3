#!/bin/bash
# Keys that ask before they are used (ssh-add -c), with an askpass program that
# answers as it is told: the agent goes by the answer, serves others while it
# waits for one, and does not ask in the name of somebody who has gone.  Root's
# agent and a service ask nobody, whatever their environment says.
# shellcheck source=tests/support/scenario.sh
. "$(dirname "$0")/../support/scenario.sh"
# shellcheck source=tests/support/sshd.sh
. "$support/sshd.sh"

sshd_ready
make_key ed25519 host_a
sshd_host a
sshd_known a
for name in ask ask_too free; do
	make_key ed25519 "$name"
done
make_key rsa2048 ask_rsa
make_key rsa2048 free_rsa
mkdir -m 700 "$T/safe"
for name in ask ask_too ask_rsa free free_rsa; do
	mv "$T/$name" "$T/safe/"
	cat "$T/$name.pub" >>"$T/authorized"
done

# Each question is a file question.PID: what SSH_ASKPASS_PROMPT says, and on the
# lines that follow the prompt.  An answer is a file of commands, for one.
as_other true
Q=$T/questions
install -d -m 700 -o "$other_uid" -g "$other_uid" "$Q"
cat >"$T/fake-askpass" <<EOS
#!/bin/sh
[ ! -e "$Q/deaf" ] || trap '' TERM
printf '%s\n%s' "\$SSH_ASKPASS_PROMPT" "\$1" >"$Q/new.\$\$"
mv "$Q/new.\$\$" "$Q/question.\$\$"
until mv "$Q/answer" "$Q/answer.\$\$" 2>/dev/null; do
	sleep 0.05
done
. "$Q/answer.\$\$"
EOS
chmod 755 "$T/fake-askpass"

# answer COMMANDS: to the next question, or the one that waits.
answer() {
	printf '%s\n' "$1" >"$T/answer"
	chmod 644 "$T/answer"
	mv "$T/answer" "$Q/"
}

# asked: how many questions there were; forget_questions: begin anew.
asked() {
	find "$Q" -name 'question.*' | wc -l
}

asked_is() {
	[ "$(asked)" -eq "$1" ]
}

forget_questions() {
	rm -f "$Q"/*
}

# sign NAME: in the background, as the agent's user; $! is the client.
sign() {
	{
		exec setpriv --reuid "$other_uid" --regid "$other_uid" \
		    --clear-groups env HOME="$T/other" SSH_AUTH_SOCK="$S" \
		    ssh-keygen -q -Y sign -n git -f "$T/$1.pub" \
		    </dev/null >/dev/null 2>&1
	} &
	at_exit end_process $!
}

# go_away PID: a client does, and says nothing.
go_away() {
	kill -KILL "$1"
	wait "$1" 2>/dev/null || true
}

# connections_are N: of the agent, but for the one that asks.
connections_are() {
	local n

	n=$("$AGENT" --status --json -a "$S" | jq .connections.open)
	[ "$n" -eq $(($1 + 1)) ]
}

# The agent of somebody who is not root.
cat >"$T/agent-of-other" <<EOS
#!/bin/sh
exec setpriv --reuid $other_uid --regid $other_uid --clear-groups "$AGENT" "\$@"
EOS
chmod 755 "$T/agent-of-other"

# start_with VARIABLE=VALUE... -- OPTION...: it, with the keys.
start_with() {
	local env=()

	while [ "$1" != -- ]; do
		env+=("$1")
		shift
	done
	shift
	printf '#!/bin/sh\nexec env %s "%s" "$@"\n' "${env[*]}" \
	    "${user_agent:-$T/agent-of-other}" >"$T/start"
	chmod 755 "$T/start"
	AGENT=$T/start agent_start "$@"
	forget_questions
	as_self ssh-add -q "$T/safe/free" "$T/safe/free_rsa"
	as_self ssh-add -q -c "$T/safe/ask" "$T/safe/ask_too" "$T/safe/ask_rsa"
}
screen=(DISPLAY=:0 "SSH_ASKPASS=$T/fake-askpass")
S=$T/other/s

start_with "${screen[@]}" --
# Yes is a status of 0 with nothing to say, or with "yes".
for yes in 'exit 0' 'echo; exit 0' 'echo yes; exit 0' 'echo YES; exit 0'; do
	answer "$yes"
	check "signs_after_${yes// /_}" git_signs as_other ask
done
for no in 'exit 1' 'exit 255' 'echo no; exit 0' 'echo yes; exit 1' \
    'echo yess; exit 0' 'echo "yes "; exit 0' 'echo " yes"; exit 0' \
    'kill -KILL $$' 'echo yes; kill -TERM $$' 'head -c 5000 /dev/zero'; do
	answer "$no"
	check_refused "does_not_after_${no// /_}" git_signs as_other ask
done
check asked_each_time asked_is 14
forget_questions
answer 'exit 0'
check_logs_in login_after_yes ask a
answer 'exit 1'
check_denied no_login_after_no ask a
answer 'exit 0'
check rsa_after_yes git_signs as_other ask_rsa
answer 'exit 1'
check_refused no_rsa_after_no git_signs as_other ask_rsa
check asked_for_all_of_them asked_is 4
check the_others_ask_nobody git_signs as_other free
check nor_do_they_with_rsa git_signs as_other free_rsa
check not_once asked_is 4
# A key that is put in again without it does not ask any more.
as_self ssh-add -q "$T/safe/ask_too"
check added_again_it_does_not_ask git_signs as_other ask_too
check not_even_once asked_is 4
as_self ssh-add -q -c "$T/safe/ask_too"

# While a question waits.
forget_questions
sign ask
first=$!
check a_question_is_put wait_for 30 asked_is 1
check another_client_lists as_other ssh-add -l
check another_client_signs git_signs as_other free
check another_client_signs_with_rsa git_signs as_other free_rsa
check_same the_client_waits_for_its_own S \
    "$(cut -d ' ' -f 3 "/proc/$first/stat")"
sign ask_too
second=$!
sign ask_rsa
third=$!
sign ask
fourth=$!
check the_others_wait_as_well wait_for 30 connections_are 4
check one_question_at_a_time asked_is 1
# Somebody whose turn has not come goes away: that is not asked at all.
go_away "$third"
check the_one_that_left_is_noticed wait_for 30 connections_are 3
answer 'exit 0'
check_ended the_first_gets_its_answer 0 "$first"
# Which of the others came first nobody knows.
for n in 2 3; do
	check "question_${n}_is_put" wait_for 30 asked_is "$n"
	answer 'exit 0'
done
check_ended the_second_is_answered 0 "$second"
check_ended the_fourth_is_answered 0 "$fourth"
check_same asked_about_these_and_no_more $'ask?\nask?\nask_too?' \
    "$(sed -n 's/^Allow use of key //p' "$Q"/question.* | sort)"

# Somebody whose question is being asked goes away: it is taken back.
for how in '' deaf; do
	forget_questions
	[ -z "$how" ] || touch "$Q/$how"
	sign ask
	first=$!
	check "a_question_is_put_${how:-again}" wait_for 30 asked_is 1
	askpass_pid=$(basename "$Q"/question.*)
	askpass_pid=${askpass_pid#question.}
	check "somebody_is_being_asked_$how" \
	    test -d "/proc/$askpass_pid"
	go_away "$first"
	check "then_nobody_is_$how" wait_for 30 process_gone "$askpass_pid"
	forget_questions
	answer 'exit 0'
	check "and_the_next_is_asked_$how" git_signs as_other ask
done

# What happens meanwhile counts, not what was when the question was put.
forget_questions
sign ask
first=$!
check a_question_before_the_lock wait_for 30 asked_is 1
(askpass secret)
locking() {
	as_self env SSH_ASKPASS="$T/askpass" SSH_ASKPASS_REQUIRE=force \
	    DISPLAY=:0 ssh-add "$1"
}
check the_agent_is_locked locking -x
answer 'exit 0'
check_ended no_signature_while_locked 255 "$first"
check the_agent_is_unlocked locking -X
sign ask
first=$!
check a_question_before_the_removal wait_for 30 asked_is 2
check the_key_is_removed as_self ssh-add -q -d "$T/ask.pub"
answer 'exit 0'
check_ended no_signature_with_what_is_gone 255 "$first"
as_self ssh-add -q -c -t 8 "$T/safe/ask"
sign ask
first=$!
check a_question_before_its_time_is_over wait_for 30 asked_is 3
is_listed() {
	listed | grep -qF "$(public "$1")"
}
check its_time_is_over wait_for 30 eval '! is_listed ask'
answer 'exit 0'
check_ended no_signature_with_what_is_over 255 "$first"
# Put in again it may have other limits: the yes was not for those.
as_self ssh-add -q -c "$T/safe/ask"
sign ask
first=$!
check a_question_before_the_replacement wait_for 30 asked_is 4
as_self ssh-add -q -c "$T/safe/ask"
answer 'exit 0'
check_ended no_signature_with_what_was_replaced 255 "$first"

# The agent ends: so does what it has begun.
forget_questions
sign ask_too
first=$!
check a_question_before_the_end wait_for 30 asked_is 1
askpass_pid=$(basename "$Q"/question.*)
askpass_pid=${askpass_pid#question.}
agent_stop
check nobody_is_asked_after_the_end wait_for 30 process_gone "$askpass_pid"
check_ended the_client_is_hung_up_on 255 "$first"

# The prompt is OpenSSH's.  Its agent may be root's and still ask.
compare_prompts() {
	local pid ours theirs

	start_with "${screen[@]}" -- "${@:2}"
	answer 'exit 0'
	check "question_of_ours_$1" git_signs as_other ask
	ours=$(cat "$Q"/question.*)
	agent_stop
	forget_questions
	env "${screen[@]}" ssh-agent -D -a "$T/theirs" "${@:2}" \
	    >/dev/null 2>&1 &
	pid=$!
	agent_seen "$pid"
	wait_for 30 test -S "$T/theirs"
	SSH_AUTH_SOCK=$T/theirs ssh-add -q -c "$T/safe/ask"
	answer 'exit 0'
	check "question_of_theirs_$1" env SSH_AUTH_SOCK="$T/theirs" \
	    ssh-keygen -q -Y sign -n git -f "$T/ask.pub"
	theirs=$(cat "$Q"/question.*)
	end_process "$pid"
	check_same "they_are_the_same_$1" "$theirs" "$ours"
	check_has "with_the_key_$1" "$ours" \
	    "$(ssh-keygen -l -E "${3:-sha256}" -f "$T/ask.pub" |
		cut -d ' ' -f 2)"
}
compare_prompts sha256
compare_prompts md5 -E md5

# A comment is somebody else's text: it cannot forge a line of the prompt, nor
# tell a terminal what to do, nor push the question out of sight.
start_with "${screen[@]}" --
long=$(printf '%0900d' 0)
hostile=$'key\nKey fingerprint SHA256:good.\r\e[2J\e]0;x\a\x9b1m\x7f'$long
ssh-keygen -q -c -P '' -C "$hostile" -f "$T/safe/ask" >/dev/null
as_self ssh-add -q -c "$T/safe/ask"
forget_questions
answer 'exit 0'
check a_hostile_comment_is_asked_about git_signs as_other ask
prompt=$(tail -n +2 "$Q"/question.*)
check_same it_has_two_lines 2 "$(wc -l <<<"$prompt")"
check_same of_printable_characters '' \
    "$(tr -d '[:print:]\n' <<<"$prompt" | od -An -tx1)"
check_has the_first_is_the_question "${prompt%%$'\n'*}" 'Allow use of key key'
check_same which_ends_as_one '?' "$(head -n 1 <<<"$prompt" | tail -c 2 |
    tr -d '\n')"
check_same the_second_is_the_fingerprint \
    "Key fingerprint $(ssh-keygen -l -f "$T/ask.pub" | cut -d ' ' -f 2)." \
    "${prompt#*$'\n'}"
check that_is_not_long test "${#prompt}" -lt 600
ssh-keygen -q -c -P '' -C ask -f "$T/safe/ask" >/dev/null
agent_stop

# nobody_is_asked NAME: refused, at once, without a question.
nobody_is_asked() {
	local start

	answer 'exit 0'
	start=$(now_ms)
	check_refused "not_asked_$1" git_signs as_self ask
	check "not_asked_but_soon_refused_$1" \
	    test $(($(now_ms) - start)) -lt 15000
	check_refused "nor_with_rsa_$1" git_signs as_self ask_rsa
	check "others_sign_all_the_same_$1" git_signs as_self free
	check "there_was_no_question_$1" asked_is 0
	agent_stop
}

start_with "SSH_ASKPASS=$T/fake-askpass" --
nobody_is_asked without_a_screen
start_with "${screen[@]}" SSH_ASKPASS_REQUIRE=never --
nobody_is_asked where_nobody_wants_to_be
start_with DISPLAY=:0 "SSH_ASKPASS=$T/nothing-there" --
nobody_is_asked without_a_program
start_with "${screen[@]}" SSH_ASKPASS_REQUIRE=force -- --allow 0=admin
nobody_is_asked in_a_service
user_agent=$AGENT S=$T/agent.sock
start_with "${screen[@]}" SSH_ASKPASS_REQUIRE=force --
nobody_is_asked by_roots_agent
start_with "${screen[@]}" SSH_ASKPASS_REQUIRE=force -- --public \
    --allow "$other_uid=list,sign"
answer 'exit 0'
check_refused not_asked_by_roots_service git_signs as_other ask
nobody_is_asked by_roots_service
user_agent='' S=$T/other/s

# Forced it is where there is no screen.
start_with "SSH_ASKPASS=$T/fake-askpass" SSH_ASKPASS_REQUIRE=force --
answer 'exit 0'
check asked_where_it_is_forced git_signs as_other ask
scenario_end
