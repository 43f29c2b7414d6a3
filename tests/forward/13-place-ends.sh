#!/bin/bash
# place: however it ends, the home is as it was or has all of the load.
# shellcheck source=tests/support/forward.sh
. "$(dirname "$0")/../support/forward.sh"
# shellcheck source=tests/support/place.sh
. "$(dirname "$0")/../support/place.sh"

# What is run by place.c expands there.
# shellcheck disable=SC2016
end_it='kill $PLACE_PID'
# shellcheck disable=SC2016
kill_it='kill -KILL $PLACE_PID'
for tool in ssh-add ssh-keygen; do
	command -v "$tool" >/dev/null || skip_all "there is no $tool here"
done
AGENT=$BOTTLE_BIN/bottle-agent
[ -x "$AGENT" ] || skip_all 'there is no bottle-agent here'
dir=$H/.ssh/bottle-agent
load+=(--file known_hosts x)

# Cut after each byte: of a home that was used, and of a new one.
small=(--file config x --common env y --line .ssh/config z --line .gitconfig z)
size=$("$PLACE" --size --home "$H" "${small[@]}")
cut_everywhere() {
	local name=$1 before n now bad=''

	before=$(tree)
	for ((n = 0; n < size; n++)); do
		put --stop "$n" "${small[@]}"
		[ "$status" -eq 1 ] || bad+="at $n: ended with $status; "
		[[ $said == *'failed 1 the host went away'* ]] ||
		    bad+="at $n: said $said; "
		now=$(tree)
		[ "$now" = "$before" ] || bad+="at $n: $(diff \
		    <(echo "$before") <(echo "$now") || true); "
	done
	if [ -z "$bad" ] && [ "$size" -gt 100 ]; then
		ok "$name"
	else
		not_ok "$name" "of $size: ${bad:0:800}"
	fi
	kept "${name}_not_at_all" --stop "$size" "${small[@]}"
}
home_used
cut_everywhere cut
home_new
cut_everywhere cut_new

# after WORD: what there is to do then, in each of these ways.
words=(hello begun staged switched)
for word in "${words[@]}"; do
	for home in home_used home_new; do
		"$home"
		undone "end_${word}_$home" 1 'went away' --end "$word" \
		    "${load[@]}"
		undone "undo_${word}_$home" 1 '' --kind "$word" 8 "${load[@]}"
		for signal in TERM INT HUP; do
			undone "${signal}_${word}_$home" 1 'a signal' --at \
			    "$word" "kill -$signal \$PLACE_PID" --mute "$word" \
			    "${load[@]}"
		done
	done
	options=(--silence-timeout 1)
	undone "silence_$word" 1 'has fallen silent' --mute "$word" "${load[@]}"
	options=()
	check_took "silence_${word}_in_time" 900 20000
	undone "long_$word" 1 'longer than' --long "$word" "${load[@]}"
	undone "kind_0_$word" 1 'does not know' --kind "$word" 0 "${load[@]}"
	undone "kind_11_$word" 1 'does not know' --kind "$word" 11 "${load[@]}"
	for kind in 5 6 7; do
		case $word-$kind in
		begun-5 | staged-6 | switched-7) continue ;;
		esac
		undone "kind_${kind}_$word" 1 'out of turn' --kind "$word" \
		    "$kind" "${load[@]}"
	done
	undone "kind_1_$word" 1 'is broken' --kind "$word" 1 "${load[@]}"
done
undone undo_says 1 'given it up' --kind staged 8 "${load[@]}"

# Killed: nothing is undone, but what can be seen is one load, whole; the next
# run removes the rest.
for word in hello begun staged switched; do
	home_used
	put --at "$word" "$kill_it" "${load[@]}"
	check_same "killed_$word" 137 "$status"
	case $word in
	switched) wanted='Host git.test' ;;
	*) wanted='Host earlier' ;;
	esac
	check_same "killed_${word}_config" "$wanted" \
	    "$(head -n 1 "$dir/default/config")"
	check_text "killed_${word}_theirs" \
	    "$include\\nHost *\\n\\tUser me\\n" "$H/.ssh/config"
	kept "killed_${word}_next" "${load[@]}"
	check_whole "killed_${word}_cleans"
	check_text "killed_${word}_git" \
	    "$signing\\n[user]\\n\\temail = me@x.test\\n" "$H/.gitconfig"
done
# What only looks like ours stays.
home_used
mkdir "$dir/.default.abc" "$dir/default.abcdef" "$dir/..x.abcdef" \
    "$dir/.default.abcde-" "$dir/.other.abcdef" "$H/.ssh/.other.abcdef" \
    "$dir/.linked.abcdef" "$H/.bottle-place.abcdef"
ln -s .linked.abcdef "$dir/by-another-name"
touch "$H/.bottle-place.abc" "$H/.bottle-place" "$H/bottle-place.abcdef" \
    "$H/.ssh/.bottle-place.abcdef" "$H/.bottle-place.ABCDE9" \
    "$dir/.bottle-place.abcdef" "$dir/.file.abcdef"
kept leftovers "${load[@]}"
check_same leftovers_gone '' "$(find "$dir/.other.abcdef" \
    "$H/.ssh/.bottle-place.abcdef" "$H/.bottle-place.ABCDE9" \
    "$dir/.bottle-place.abcdef" 2>/dev/null)"
for stays in "$dir/.default.abc" "$dir/default.abcdef" "$dir/..x.abcdef" \
    "$dir/.default.abcde-" "$H/.ssh/.other.abcdef" "$dir/.linked.abcdef" \
    "$H/.bottle-place.abcdef" "$H/.bottle-place.abc" "$H/.bottle-place" \
    "$H/bottle-place.abcdef" "$dir/.file.abcdef"; do
	check "leftover_stays_${stays##*/}" test -e "$stays"
done
# No run that was undone removes any.
home_used
mkdir "$dir/.other.abcdef"
undone leftovers_stay 1 'went away' --end switched "${load[@]}"

# Somebody changes something in between.
# shellcheck disable=SC2016
edit='echo edited >>"$HOME/.gitconfig"'
export HOME=$H
home_used
put --at staged "$edit" "${load[@]}"
check_has edit_staged "$said" "somebody else has changed $H/.gitconfig"
check_text edit_staged_stays '[user]\n\temail = me@x.test\nedited\n' \
    "$H/.gitconfig"
check_same edit_staged_load 'Host earlier' "$(cat "$dir/default/config")"
check_text edit_staged_env 'A=earlier\n' "$dir/env"
check_whole edit_staged_is_whole
home_used
put --at switched "$edit" --kind switched 8 "${load[@]}"
check_text edit_switched_stays \
    "$signing\\n[user]\\n\\temail = me@x.test\\nedited\\n" "$H/.gitconfig"
check_same edit_switched_load 'Host earlier' "$(cat "$dir/default/config")"
check_text edit_switched_env 'A=earlier\n' "$dir/env"
check_whole edit_switched_is_whole
home_used
put --at switched "$edit" "${load[@]}"
is_kept edit_before_keep
check_text edit_before_keep_stays \
    "$signing\\n[user]\\n\\temail = me@x.test\\nedited\\n" "$H/.gitconfig"
# The same length, and with a file that was not there.
home_used
# shellcheck disable=SC2016
put --at staged 'rm "$HOME/.gitconfig"; mkdir "$HOME/.gitconfig"' "${load[@]}"
check_has type_staged "$said" 'somebody else has changed'
check type_staged_stays test -d "$H/.gitconfig"
home_used
# shellcheck disable=SC2016
put --at staged 'rm "$HOME/.gitconfig"' "${load[@]}"
check_has gone_staged "$said" 'somebody else has changed'
check_same gone_staged_stays '' "$(find "$H/.gitconfig" 2>/dev/null)"
home_new
# shellcheck disable=SC2016
put --at staged 'echo new >"$HOME/.gitconfig"' "${load[@]}"
check_has new_staged "$said" 'somebody else has changed'
check_text new_staged_stays 'new\n' "$H/.gitconfig"
home_used
# shellcheck disable=SC2016
put --at staged 'ln -sfn .default.abcdef "$HOME/.ssh/bottle-agent/default"' \
    "${load[@]}"
check_has link_staged "$said" 'somebody else has changed'
check_same link_staged_stays .default.abcdef "$(readlink "$dir/default")"
check_text link_staged_env 'A=earlier\n' "$dir/env"
check_text link_staged_git '[user]\n\temail = me@x.test\n' "$H/.gitconfig"
home_new
# shellcheck disable=SC2016
put --at switched 'echo mine >"$HOME/.ssh/mine"' --end switched "${load[@]}"
check_text made_between_stays 'mine\n' "$H/.ssh/mine"
check_same made_between_rest ./.ssh/mine "$(cd "$H" && find . -type f)"

# The host vanishes after the switch: what the agent has, decides.
S=$T/agent.sock
"$AGENT" -D -a "$S" >/dev/null 2>&1 &
agent=$!
at_exit end_process "$agent"
wait_for 30 test -S "$S"
ssh-keygen -q -t ed25519 -N '' -C one -f "$T/one"
ssh-keygen -q -t ecdsa -N '' -C two -f "$T/two"
ssh-keygen -q -t ed25519 -N '' -C ca -f "$T/ca"
ssh-keygen -q -s "$T/ca" -I x -n me "$T/two.pub"
keys=(--socket "$S" --file one.pub "$(cat "$T/one.pub")" --file two.pub
    "$(cat "$T/two.pub")" --file x.pubs x)
certificate=(--file two-cert.pub "$(cat "$T/two-cert.pub")")
ask() {
	SSH_AUTH_SOCK=$S ssh-add -q "$@" 2>/dev/null
}
# Where it asks the agent, and has to wait, that takes three seconds.
home_used
undone agent_empty 1 'went away' --end switched "${load[@]}" "${keys[@]}"
check_took agent_empty_in_time 2000 20000
ask "$T/one"
undone agent_has_one 1 'went away' --end switched "${load[@]}" "${keys[@]}"
mv "$T/two-cert.pub" "$T/two-cert"
ask "$T/two"
undone agent_has_no_certificate 1 'went away' --end switched "${load[@]}" \
    "${keys[@]}" "${certificate[@]}"
undone agent_has_all_but_no_switch 1 'went away' --end staged "${load[@]}" \
    "${keys[@]}"
check_soon no_switch_in_time 2500 put --end staged "${load[@]}" "${keys[@]}"
undone agent_has_all_but_undo 1 'given it up' --kind switched 8 "${load[@]}" \
    "${keys[@]}"
check_soon undo_in_time 2500 put --kind switched 8 "${load[@]}" "${keys[@]}"
undone agent_has_all_but_broken 1 'longer' --long switched "${load[@]}" \
    "${keys[@]}"
undone agent_has_all_but_no_keys 1 'went away' --end switched \
    --socket "$S" "${load[@]}"
check_soon no_keys_in_time 2500 put --end switched --socket "$S" "${load[@]}"
undone agent_has_all_but_nonsense 1 'went away' --end switched \
    "${load[@]}" "${keys[@]}" --file bad.pub ssh-ed25519
kept agent_has_all --end switched "${load[@]}" "${keys[@]}"
check_soon agent_has_all_in_time 2500 put --end switched "${load[@]}" "${keys[@]}"
check_whole agent_has_all_is_whole
home_used
kept agent_has_all_and_signal --at switched "$end_it" --mute switched \
    "${load[@]}" "${keys[@]}"
home_used
options=(--silence-timeout 1)
kept agent_has_all_and_silence --mute switched "${load[@]}" "${keys[@]}"
options=()
# The commit comes later.
mv "$T/two-cert" "$T/two-cert.pub"
ask -D
home_used
{
	sleep 1
	ask "$T/one" "$T/two"
} &
kept agent_gets_them --end switched "${load[@]}" "${keys[@]}" \
    "${certificate[@]}"
check_took agent_gets_them_in_time 900 20000
# It is not there yet, or does not answer.
home_used
kill -STOP "$agent"
undone agent_stopped 1 'went away' --end switched "${load[@]}" "${keys[@]}"
check_took agent_stopped_in_time 2000 20000
kill -CONT "$agent"
undone agent_not_there 1 'went away' --end switched "${load[@]}" "${keys[@]}" \
    --socket "$T/none"
check_took agent_not_there_in_time 2000 20000

# Two at once: the second one waits, but not for ever.
home_used
# shellcheck disable=SC2016
second='"$PLACE" --home "$HOME" --file config second "$FORWARD" place \
    >"$T/second" 2>&1 &'
export PLACE FORWARD T
started() {
	[ -s "$T/second" ]
}
put --at staged "$second sleep 1; cat \"\$T/second\" >\"\$T/meanwhile\"" \
    "${load[@]}"
is_kept two_first
check_lacks two_second_waits "$(cat "$T/meanwhile")" staged
check two_second_is_kept wait_for 20 grep -q kept "$T/second"
check_text two_second_is_there second "$dir/default/config"
check_whole two_is_whole
# One that is undone takes the folders away that the second one waits in.
home_new
put --at staged "$second sleep 1" --end staged "${load[@]}"
check_has two_undone "$said" 'went away'
check two_undone_second wait_for 20 grep -q kept "$T/second"
check_whole two_undone_is_whole
home_used
"$PLACE" --home "$H" --mute staged "${load[@]}" "$FORWARD" place \
    >"$T/first" &
first=$!
wait_for 20 grep -q staged "$T/first"
put "${load[@]}"
check_same two_busy 1 "$status"
check_has two_busy_says "$said" "another load is being put into $dir"
check_took two_busy_in_time 9500 30000
put --at hello "sleep 0.3; $end_it" "${load[@]}" &
waiting=$!
wait "$waiting" || true
pkill -P "$first" -TERM
wait "$first" || true
check_has two_busy_first "$(cat "$T/first")" 'a signal'
check_whole two_busy_is_whole
checks_end
