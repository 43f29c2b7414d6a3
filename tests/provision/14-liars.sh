#!/bin/bash
# 14-liars.sh - targets in which one of our two programs lies: bottle-provision
# ends in time, with little memory, with the code that is right, prints nothing
# that a terminal would act on, gives away no key, and what the other program did
# is undone.
# shellcheck source=tests/support/load.sh
. "$(dirname "$0")/../support/load.sh"

# How many at a time; most of it is waiting.
ABREAST=8
# A step may take so long, and all of it this long on a busy machine.
STEP=1 LONG=30 ALL=90
# What is waited for to the end of a step, though it fails for something else.
SLOW='stays leaves_a_child late'
# Address space in KiB; the program itself needs a tenth of it.
ROOM=150000

install -m 755 "$support/false-target.pl" "$T/target"
for name in one two host; do
	make_key ed25519 "$name"
done
known='"KnownHostKey": "'$(blob host)'"'
manifest "$(entry one.test "$T/one" "$known")" \
    "$(entry two.test "$T/two" "$known")"
rule="$account=list,sign"
# A rule of one's own would take away what one has without.
[ "$account_uid" -ne "$(id -u)" ] || rule=1=list
agent_start --public --allow "$rule"

# A sanitizer takes all the room there is.
if nm -C "$PROVISION" 2>/dev/null | grep -q __asan_init; then
	ROOM=unlimited
fi

# told SIDE LIE [OPTION...]: a load with it, in $T/SIDE.LIE.
told() {
	export LIE="$1 $2" RECEIVED
	local begun step=$STEP

	# Where it is not the time that is wrong, a busy machine has enough.
	if [[ ${wanted[$1.$2]:-0} != 5 && " $SLOW " != *" $2 "* ]]; then
		step=$LONG
	fi
	W=$T/$1.$2 N=$T/$1.$2/home
	RECEIVED=$W/received
	mkdir "$W"
	home_new
	begun=$(now_ms)
	ulimit -v "$ROOM"
	load --timeout "$step" -v --sign -n "$1_$2" -f "$T/m.json" "${@:3}" \
	    "exec:$T/target"
	took=$(($(now_ms) - begun))
	# What the agent and the placing process do to undo it is behind it.
	[ "$status" -eq 0 ] || wait_for 30 test ! -e "$N/.ssh" || true
	left=$(find "$N" -mindepth 1 | head -n 3)
	declare -p status out err took left >"$W/result"
}

# lie SIDES LIE STATUS [PART]: what it must come to; PART is in what is said.
lies=()
lie() {
	local side

	for side in $1; do
		lies+=("$side $2")
		wanted[$side.$2]=$3
		part[$side.$2]=${4:-}
	done
}
declare -A wanted part
both='load place'
in_time='did not answer within 1 s'
no_end='says things without end'
no_order='says things out of their order'
broken='sent a broken line'

lie "$both" silent 5 "$in_time"
lie "$both" silent_after_hello 5 "$in_time"
lie "$both" silent_after_staged 5 "$in_time"
lie "$both" deaf 5 "$in_time"
lie "$both" no_output 5 "$in_time"
lie "$both" drip 5 "$in_time"
lie "$both" half_a_line 5 "$in_time"
lie "$both" ends_at_once 1
lie "$both" ends_after_hello 1
lie "$both" ends_after_staged 1
lie "$both" dies 1
lie "$both" stays 1 because
lie both late 3 because
lie "$both" leaves_a_child 1
lie "$both" garbage 1
lie "$both" endless_text 1 "$no_end"
lie "$both" endless_lines 1 "$no_end"
lie "$both" endless_errors 1
lie "$both" endless_words 1 "$no_order"
lie load endless_keys 1 "$no_end"
lie "$both" staged_at_once 5 "$in_time"
lie "$both" staged_before_hello 1 "$no_order"
lie "$both" done_at_once 1 "$no_order"
lie "$both" done_without_commit 1 "$no_order"
lie place switched_at_once 1 "$no_order"
lie load key_before_commit 1 "$no_order"
lie place hello_twice 1 "$no_order"
lie load hello_twice 1 "$no_order"
lie "$both" unknown_word 1 "$broken"
lie "$both" no_number 1 "$broken"
lie "$both" empty_word 1 "$broken"
lie load key_of_zeros 1 'sent a key that is none'
lie load key_of_order_8 1 'sent a key that is none'
lie load key_of_ones 5 "$in_time"
lie load key_short 1 "$broken"
lie load key_long 1 "$broken"
lie load key_of_no_hex 1 "$broken"
lie place folder_relative 1 'does not say where it is'
lie place folder_for_a_shell 1 'does not say where it is'
lie place folder_above 1 'does not say where it is'
lie place folder_long 1 'does not say where it is'
lie place folder_none 1 'does not say where it is'
lie "$both" old 1 'is older than this program'
lie "$both" fails_with_0 1 because
lie "$both" fails_with_99 1 because
lie "$both" fails_with_3 3 because
lie "$both" fails_with_4 4 because
lie "$both" fails_with_5 5 because
lie "$both" fails_with_much 1
lie "$both" fails_with_escapes 3 '\x1b'
lie "$both" fails_with_length 3 yyy
lie "$both" ends_with_escapes 1 '\x1b'
lie "$both" hello_with_escapes 1
lie "$both" shows_a_key 1

running=0
for what in "${lies[@]}"; do
	if [ "$running" -ge "$ABREAST" ]; then
		wait -n || true
		running=$((running - 1))
	fi
	# shellcheck disable=SC2086
	told $what &
	running=$((running + 1))
done
while [ "$running" -gt 0 ]; do
	wait -n || true
	running=$((running - 1))
done

longest=0
for what in "${lies[@]}"; do
	name=${what/ /.}
	status='no result' out='' err='' took=0 left=''
	# shellcheck source=/dev/null
	[ ! -e "$T/$name/result" ] || . "$T/$name/result"
	expect "$name" "${wanted[$name]}" "${part[$name]}" \
	    '!BEGIN OPENSSH PRIVATE KEY-----\n-' '!memory'
	[ "$took" -le "$longest" ] || longest=$took
	[ "$took" -le "$((ALL * 1000))" ] ||
	    not_ok "${name}_ends_in_time" "it took $took ms"
	[ -z "$left" ] || not_ok "${name}_leaves_nothing" "$left"
	# With -v each step is told, and so is each of the keys that an agent may
	# have, where they come one by one.
	most=20000
	[ "$name" != load.endless_keys ] || most=$((2048 * 150))
	[ "${#err}" -lt "$most" ] || not_ok "${name}_is_brief" "${#err} bytes"
done
printf '# the longest took %d ms\n' "$longest"
check all_of_them_end_in_time test "$longest" -gt 0 -a "$longest" -le "$((ALL * 1000))"
check_same none_of_these_keys_is_in_force '' "$(listed)"

# With --json the same words are in one object.
for what in fails_with_escapes ends_with_escapes; do
	for side in load place; do
		mv "$T/$side.$what" "$T/$side.$what.text"
		(told "$side" "$what" --json)
		# shellcheck source=/dev/null
		. "$T/$side.$what/result"
		check "json_of_${side}_$what" jq -es 'length == 1 and
		    .[0].done == false and (.[0].targets[0].error | test("x1b"))' \
		    "$T/$side.$what/stdout"
		if unclean "$out$err"; then
			not_ok "json_of_${side}_${what}_is_clean" "$out"
		fi
	done
done

# Keys that were not sent, or not all of them.
for what in keys_with_escapes keys_of_length keys_of_some_length; do
	(told load "$what")
	# shellcheck source=/dev/null
	. "$T/load.$what/result"
	expect "$what" 1
	check "${what}_prints_little" test "${#out}" -lt 8192
	check_has "${what}_are_missed" "$(cat "$T/load.$what/stderr")" \
	    'does not say that it has every key'
done
check_same still_none_of_these_keys_is_in_force '' "$(listed)"
# And what transports do to the truth.
for what in errors_among_it ends_lines_as_it_likes truth; do
	for side in load place; do
		(told "$side" "$what")
		# shellcheck source=/dev/null
		. "$T/$side.$what/result"
		expect "${side}_$what" 0 'keys in force: 2'
		check "${side}_${what}_has_files" test -n "$left"
	done
done
check_same these_keys_are_in_force "$(public one two)" "$(listed)"

# What the liars were sent.
find_bytes() {
	perl "$support/../e2e/find-key-bytes.pl" "$T/one" "$T/two"
}
received=$(cat "$T"/*/received | wc -c)
check much_was_received test "$received" -gt 20000
got=$(cat "$T"/*/received | find_bytes) && status=0 || status=$?
check_same no_byte_of_a_key_was_received '1 ' "$status $got"
got=$(cat "$T"/*/std* | find_bytes) && status=0 || status=$?
check_same no_byte_of_a_key_was_printed '1 ' "$status $got"
check_has it_would_have_been_found "$(find_bytes <"$T/one" || true)" "$T/one"
scenario_end
