#!/bin/bash
# --load takes every form of private key text, several at once and as editors
# and other systems leave it, says what it took, and starts the agent if there
# is none.
# shellcheck source=tests/support/scenario.sh
. "$(dirname "$0")/../support/scenario.sh"

make_keys

# load [OPTION...]: of stdin, into the agent at $S.
load() {
	within 30 "$AGENT" --load -a "$S" "$@"
}

# takes NAME FILE WANTED...: the agent then has these keys, and no others.
takes() {
	local name=$1 file=$2 status=0 out

	shift 2
	out=$(load <"$file" 2>&1) || status=$?
	check_same "load_$name" "0" "$status"
	[ "$status" -eq 0 ] || printf '# %s\n' "$out"
	check_same "${name}_is_there" "$(public "$@")" "$(listed)"
	as_self ssh-add -q -D
}

agent_start
for type in "${key_types[@]}"; do
	takes "openssh_$type" "$T/$type" "$type"
	cp "$T/$type" "$T/copy"
	# ssh-keygen has no other form for ed25519.
	if [ "$type" != ed25519 ]; then
		ssh-keygen -q -p -N '' -m PEM -f "$T/copy" >/dev/null
		takes "pem_$type" "$T/copy" "$type"
		ssh-keygen -q -p -N '' -m PKCS8 -f "$T/copy" >/dev/null
		takes "pkcs8_$type" "$T/copy" "$type"
	fi
done

cat "${key_types[@]/#/$T/}" >"$T/all"
takes all_at_once "$T/all" "${key_types[@]}"
sed 's/$/\r/' "$T/all" >"$T/crlf"
takes crlf "$T/crlf" "${key_types[@]}"
printf '%s' "$(cat "$T/ed25519")" >"$T/short"
takes without_the_last_newline "$T/short" ed25519
{
	printf 'a note of somebody\n\n'
	cat "$T/ed25519"
	printf '\n\nmore\n'
	cat "$T/ecdsa256"
} >"$T/notes"
takes with_text_around "$T/notes" ed25519 ecdsa256
cat "$T/ed25519" "$T/ed25519" >"$T/twice"
takes the_same_key_twice "$T/twice" ed25519

# More than one message holds: of a load there, and of the status back.  Where
# all is slower it is fewer, and they are all listed.
many=$((2048 / slower))
name=$(printf 'n%.0s' {1..60})
perl -MMIME::Base64 -e 'print "-----BEGIN PRIVATE KEY-----\n",
    encode_base64(pack("H*a*", "302e020100300506032b657004220420",
	sprintf("%032d", $_)), ""), "\n-----END PRIVATE KEY-----\n"
    for 1 .. shift' "$many" >"$T/many"
check_same many_are_loaded "$many" \
    "$(load --name "$name" <"$T/many" | wc -l)"
check_same they_are_counted "$many" "$("$AGENT" --status --json -a "$S" |
    jq .keys_total)"
"$AGENT" --status -a "$S" >"$T/status"
more=$(sed -n 's/^  and \([0-9]*\) more$/\1/p' "$T/status")
check_same each_is_listed_or_counted "$many" \
    "$(($(grep -c '^  ssh-ed25519 ' "$T/status") + ${more:-0}))"
[ "$slower" -gt 1 ] || check_same not_all_are_listed yes "${more:+yes}"
as_self ssh-add -q -D

out=$(load <"$T/all")
check_same one_line_for_each_key 6 "$(wc -l <<<"$out")"
for type in "${key_types[@]}"; do
	check_has "says_$type" "$out" \
	    "$(ssh-keygen -l -f "$T/$type.pub" | cut -d ' ' -f 2)"
	check_has "says_the_comment_of_$type" "$out" " $type"
done
as_self ssh-add -q -D

status=0
load --expect 6 <"$T/all" >/dev/null || status=$?
check_same expect_what_comes 0 "$status"
as_self ssh-add -q -D

# One more load adds; a load with a name replaces that load.
load <"$T/ed25519" >/dev/null
load --name work <"$T/ecdsa256" >/dev/null
check_same loads_add_up "$(public ed25519 ecdsa256)" "$(listed)"
load --name work <"$T/ecdsa384" >/dev/null
check_same the_same_name_replaces "$(public ed25519 ecdsa384)" "$(listed)"

# A comment can change.
cp "$T/ed25519" "$T/copy"
ssh-keygen -q -c -C 'another comment' -f "$T/copy" >/dev/null 2>&1
load <"$T/copy" >/dev/null
check_has a_comment_is_updated "$(as_self ssh-add -L)" 'another comment'
check_same no_key_is_added "$(public ed25519 ecdsa384)" "$(listed)"

load -t "$((6 * slower))" <"$T/ecdsa521" >/dev/null
check_same a_load_with_a_lifetime "$(public ed25519 ecdsa384 ecdsa521)" \
    "$(listed)"
gone() {
	[ "$(listed)" = "$(public ed25519 ecdsa384)" ]
}
check ends wait_for 30 gone
agent_stop

# Nobody serves: then it starts an agent, and does not wait for it to end.
start=$(now_ms)
check_same starts_an_agent 0 "$(load --public --allow 65534=list,sign \
    <"$T/ed25519" 2>&1 >/dev/null | cat && echo 0)"
took=$(($(now_ms) - start))
check returns_at_once test "$took" -lt 30000
started=$(agent_of "$S")
agent_seen "$started"
check_same the_key_is_there "$(public ed25519)" "$(listed)"
check_same in_service_mode 666 "$(stat -c %a "$S")"
check_same the_next_load_finds_it "$started" \
    "$(load <"$T/ecdsa256" >/dev/null 2>&1 && agent_of "$S")"
# The same command again is no occasion for a word; another one is.
said() {
	load "$@" <"$T/ed25519" 2>&1 >/dev/null | grep -c 'other rules' || true
}
check_same the_same_again_is_silent 0 \
    "$(said --public --allow 65534=list,sign)"
check_same other_rules_are_not_passed_over 1 \
    "$(said --public --allow 65534=list)"
check_same more_rules_are_not_passed_over 1 \
    "$(said --public --allow 65534=list,sign --allow 65533=list)"
check_same it_has_no_descriptor_of_ours /dev/null "$(for fd in 0 1 2; do
	readlink "/proc/$started/fd/$fd"
done | sort -u)"

# A socket that is not as open as asked for.
end_process "$started"
two=(--allow "65534=list" --allow "65533=list")
load "${two[@]}" <"$T/ed25519" >/dev/null
started=$(agent_of "$S")
agent_seen "$started"
check_same it_is_not_public 600 "$(stat -c %a "$S")"
check_same public_is_not_passed_over 1 \
    "$(said --public "${two[@]}")"
check_same the_same_two_are_silent 0 "$(said "${two[@]}")"
check_same fewer_rules_are_not_passed_over 1 "$(said --allow 65534=list)"
end_process "$started"

# A start that brought no key is undone, so that the next try has its own
# options; also when the one that started it is killed.
not_there() {
	[ ! -e "$S" ] && ! "$AGENT" --status -a "$S"
}
status=0
out=$(load --allow 65534=list </dev/null 2>&1) || status=$?
check_same a_start_without_a_key_fails 1 "$status"
check_has a_start_without_a_key_is_told "$out" 'is ended again'
check a_start_without_a_key_is_undone not_there

# begin_load: one that waits for its keys on descriptor 8.
mkfifo "$T/keys"
begin_load() {
	load --allow 65534=list <"$T/keys" >"$T/out" 2>&1 &
	loader=$!
	exec 8>"$T/keys"
	wait_for 30 "$AGENT" --status -a "$S" || die 'no agent was started'
}
begin_load
# The load is a child of timeout's.
kill -KILL "$(pgrep -P "$loader" -f -- --load)"
exec 8>&-
wait "$loader" || true
check a_start_of_one_that_was_killed_is_undone wait_for 30 not_there

# But not when somebody else has put a key into it, or is still there.
begin_load
load <"$T/ecdsa256" >/dev/null
exec 8>&-
status=0
wait "$loader" || status=$?
check_same its_own_load_fails 1 "$status"
check_has others_keep_it_alive "$(cat "$T/out")" 'goes on'
started=$(agent_of "$S")
agent_seen "$started"
check_same and_their_keys "$(public ecdsa256)" "$(listed)"
end_process "$started"
begin_load
mkfifo "$T/keys2"
load <"$T/keys2" >"$T/out2" 2>&1 8>&- &
second=$!
exec 9>"$T/keys2"
connected() {
	[ "$("$AGENT" --status --json -a "$S" |
	    jq .connections.open)" -eq 3 ]
}
wait_for 30 connected || die 'the second load does not connect'
exec 8>&-
wait "$loader" || true
check_has somebody_who_is_there_keeps_it_alive "$(cat "$T/out")" 'goes on'
cat "$T/ed25519" >&9
exec 9>&-
status=0
wait "$second" || status=$?
check_same the_load_of_that_one_is_done 0 "$status"
started=$(agent_of "$S")
agent_seen "$started"
check_same and_its_key_is_there "$(public ed25519)" "$(listed)"
end_process "$started"

# What is removed is told, a key on a line.
load --public --allow 65534=list --name work <"$T/ed25519" >/dev/null
load --name other <"$T/ecdsa256" >/dev/null
started=$(agent_of "$S")
agent_seen "$started"
if [ "$(id -u)" -eq 0 ]; then
	status=0
	out=$(as_other "$AGENT" --remove --name work -a "$S" 2>&1) || status=$?
	check_same another_user_removes_nothing 3 "$status"
	check_has and_is_told_what_it_takes "$out" 'that needs admin'
	status=0
	out=$(setpriv --reuid 65533 --regid 65533 --clear-groups "$AGENT" \
	    --remove --every-load -a "$S" 2>&1) || status=$?
	check_same nor_does_whom_no_rule_names 3 "$status"
	check_has and_is_told_that_he_may_nothing "$out" \
	    'lets uid 65533 do nothing'
fi
check_same the_keys_of_one_load_are_removed \
    "ssh-ed25519 $(ssh-keygen -lf "$T/ed25519.pub" |
    cut -d ' ' -f 2) ed25519" "$("$AGENT" --remove --name work -a "$S" 2>/dev/null)"
check_same and_those_of_the_other_are_not "$(public ecdsa256)" "$(listed)"
check_same and_of_every_load ecdsa256 \
    "$("$AGENT" --remove --every-load -a "$S" 2>/dev/null | cut -d ' ' -f 3)"
check_same then_there_is_none '' "$(listed)"
end_process "$started"

# Few descriptors: each uid has a quarter of the connections at the most.
(
	ulimit -n 64
	load --public --allow 65534=list <"$T/ed25519" >/dev/null
)
started=$(agent_of "$S")
agent_seen "$started"
# What starts the agent, such as valgrind, takes some of them itself.
[ "$slower" -gt 1 ] ||
    check_same few_descriptors_are_shared 1 "$("$AGENT" --status --json -a "$S" |
    grep -c '"max":48,"uid_max":12')"
scenario_end
