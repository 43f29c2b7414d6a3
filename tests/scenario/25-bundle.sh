#!/bin/bash
# --load takes a bundle from a host that speaks first: sealed keys, which it
# carries without seeing one, and which are in force when the host has said so
# and every one of them is good; else nothing is changed.
# shellcheck source=tests/support/scenario.sh
. "$(dirname "$0")/../support/scenario.sh"

for key in ed25519 rsa2048 ecdsa256; do
	make_key "$key"
done
make_key ed25519 before
cat "$T/ed25519" "$T/rsa2048" "$T/ecdsa256" >"$T/three"

# bundle [OPTION...] [-- OPTION...]: those of the tool, and those of --load;
# keys are on stdin.
bundle() {
	local tool=() mine=1 word

	local load=()
	for word in "$@"; do
		if [ "$word" = -- ]; then
			mine=0
		elif [ "$mine" = 1 ]; then
			tool+=("$word")
		else
			load+=("$word")
		fi
	done
	within 30 "$BOTTLE_BIN/bundle" "${tool[@]}" "$AGENT" --load -a "$S" \
	    "${load[@]}"
}

# keys_are NAME KEY...: the agent has these, and no others.
keys_are() {
	check_same "$1" "$(public "${@:2}")" "$(listed)"
}

# fails NAME PART [OPTION...]: it does, says why, and nothing has changed.
fails() {
	local name=$1 part=$2 status=0 out

	shift 2
	out=$(bundle "$@" <"$T/three" 2>&1) || status=$?
	check_same "${name}_fails" 1 "$status"
	check_has "${name}_is_said" "$out" "$part"
	keys_are "${name}_changes_nothing" before
}

agent_start
as_self ssh-add -q "$T/before" 2>/dev/null

out=$(bundle <"$T/three" 2>&1)
check_has it_says_hello "$out" 'bottle-load: hello '
check_has it_is_staged "$out" 'bottle-load: staged'
for key in ed25519 rsa2048 ecdsa256; do
	check_has "each_is_told_of_$key" "$out" "bottle-load: key $(
	    cut -d ' ' -f 1 "$T/$key.pub") $(ssh-keygen -lf "$T/$key.pub" |
	    cut -d ' ' -f 2) $key"
done
check_has and_how_many "$out" 'bottle-load: done 3'
keys_are all_are_there before ed25519 rsa2048 ecdsa256
check_same nothing_else_is_said 6 "$(wc -l <<<"$out")"

# The same name replaces; other loads stay.
as_self ssh-add -q -D 2>/dev/null
as_self ssh-add -q "$T/before" 2>/dev/null
bundle -- --name web <"$T/three" >/dev/null
bundle -- --name web <"$T/rsa2048" >/dev/null
keys_are the_same_name_replaces before rsa2048
bundle -- --name web <"$T/rsa2048" >/dev/null
keys_are twice_is_once before rsa2048
as_self ssh-add -q -d "$T/rsa2048" 2>/dev/null
keys_are as_before before

# Frames of any size.
for size in 1 3 104 105 4096; do
	bundle --frame "$size" -- --name size <"$T/ed25519" >"$T/said"
	check_has "frames_of_$size" "$(cat "$T/said")" 'bottle-load: done 1'
	as_self ssh-add -q -d "$T/ed25519" 2>/dev/null
done

# What is wrong with it, and where.
fails a_changed_seal 'failed 1 0 ' --flip 3
fails a_changed_header 'failed 1 ' --flip 90
fails a_changed_record 'failed 1 ' --flip 200
fails a_frame_too_long 'too long' --long
fails more_behind_its_end 'behind' --extra
fails no_commit 'cut short' --no-commit
# Cut at the borders of frames and in them.
for at in 0 1 3 4 5 50 84 108 109 200 1000 2000; do
	fails "cut_at_$at" 'cut short' --frame 97 --stop "$at"
done

# Whoever is killed, nothing was loaded.
for who in host loader; do
	bundle --frame 50 --hold 700 <"$T/three" >"$T/held" 2>&1 &
	holder=$!
	check "${who}_holds" wait_for 30 grep -q held "$T/held"
	# The last that was started: whoever started it has the same words.
	loader=$(pgrep -f -n -- "--load -a $S")
	host=$(pgrep -f -n "^$BOTTLE_BIN/bundle .*$T/")
	kill -KILL "${!who}"
	check "${who}_is_gone" wait_for 30 process_gone "${!who}"
	# A loader whose host is gone does not stay.
	check "${who}_takes_the_loader_with_it" wait_for 30 \
	    process_gone "$loader"
	kill -KILL "$host" 2>/dev/null || true
	wait "$holder" 2>/dev/null || true
	keys_are "${who}_killed_changes_nothing" before
done

# Options about keys say so.
for option in '--expect 1' '-t 60' '--purpose git' '--max-signatures 1' \
    '--rate 1/1m' '--peers root'; do
	status=0
	# shellcheck disable=SC2086
	out=$(bundle -- $option <"$T/three" 2>&1) || status=$?
	check_same "option_${option%% *}_is_refused" 2 "$status"
	check_has "option_${option%% *}_is_named" "$out" \
	    "bottle-load: failed 2 0 ${option%% *} "
done
keys_are options_change_nothing before

# A host that says something else than it should has sent no key.
for text in 'bottle-bundle 2' 'bottle-bundl' 'bottle' b; do
	status=0
	out=$(printf '%s\n' "$text" | within 20 "$AGENT" --load -a "$S" 2>&1) ||
	    status=$?
	check_same "$text is no bundle" 1 "$status"
	check_lacks "$text gets no hello" "$out" hello
done

# Where no agent is, one is started; it stays only for a load that worked.
agent_stop
status=0
bundle --no-commit -- --public --allow 65534=list,sign <"$T/three" >/dev/null 2>&1 || status=$?
check_same a_failed_first_load 1 "$status"
check leaves_no_agent wait_for 30 test ! -e "$S"
bundle -- --public --allow 65534=list,sign <"$T/three" >"$T/said" 2>&1
check_has a_first_load "$(cat "$T/said")" 'bottle-load: done 3'
keys_are starts_the_agent ed25519 rsa2048 ecdsa256
kill "$(within 10 "$AGENT" --status -a "$S" --json | jq .pid)"
scenario_end
