#!/bin/bash
# place: killed at each system call that changes something, and settled; and the
# settling killed in the same way.
# shellcheck source=tests/support/forward.sh
. "$(dirname "$0")/../support/forward.sh"
# shellcheck source=tests/support/place.sh
. "$(dirname "$0")/../support/place.sh"

command -v strace >/dev/null || skip_all 'there is no strace here'
strace -qq -o "$T/trace" true 2>/dev/null ||
    skip_all 'strace may not trace here'
# Who is traced cannot be looked at for leaks.
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0"
for tool in ssh-add ssh-keygen; do
	command -v "$tool" >/dev/null || skip_all "there is no $tool here"
done
AGENT=$BOTTLE_BIN/bottle-agent
[ -x "$AGENT" ] || skip_all 'there is no bottle-agent here'
dir=$H/.ssh/bottle-agent
# What is run by place.c expands there.
# shellcheck disable=SC2016
kill_it='kill -KILL $PLACE_PID'

S=$T/agent.sock
"$AGENT" -D -a "$S" >/dev/null 2>&1 &
at_exit end_process "$!"
wait_for 30 test -S "$S"
ssh-keygen -q -t ed25519 -N '' -C one -f "$T/one"
SSH_AUTH_SOCK=$S ssh-add -q "$T/one" 2>/dev/null
keys=(--socket "$S" --file one.pub "$(cat "$T/one.pub")")

# inject WHAT: for the next calls, and what it did to the last one.
inject() {
	under=(strace -qq -o "$T/trace" -e "inject=$1")
}
injected() {
	grep -q -e INJECTED -e 'killed by SIGKILL' "$T/trace"
}
calls=(mkdirat openat write fchmod close symlinkat linkat renameat renameat2
    unlinkat rmdir)

# What a home looks like without its random names and what is never the same.
shape() {
	(
		cd "$H" || exit
		find . -printf '%y %m %p %l\n'
		find . -type f -exec cksum {} +
	) | sed -E 's,(\.default\.)[A-Za-z0-9]{6},\1X,g' | sort
}
home_used
kept reference "${load[@]}" "${keys[@]}"
new=$(shape)

# settle_is NAME WANTED...: what is there after it is one of these: old is the
# home of before, to the inode; new is the load, whole.
settle_is() {
	local name=$1

	shift
	put --settle
	if [ "$status" -ne 0 ] || [ -n "$err" ]; then
		bad+="$name: $said$err; "
	elif [ "$(tree)" = "$before" ]; then
		[[ " $* " == *' old '* ]] || bad+="$name: it is the old one; "
		olds=$((olds + 1))
	elif [ "$(shape)" = "$new" ]; then
		[[ " $* " == *' new '* ]] || bad+="$name: it is the new one; "
		news=$((news + 1))
	else
		bad+="$name: neither: $(diff <(echo "$before") <(tree) || true); "
	fi
}

# everywhere NAME WANTED...: fault CALL N is killed in its Nth CALL, for each.
everywhere() {
	local name=$1 call n count=0

	shift
	bad='' olds=0 news=0
	for call in "${calls[@]}"; do
		for ((n = 1; n < 60; n++)); do
			home_used
			before=$(tree)
			fault "$call" "$n"
			# The loader's calls are before all of ours.
			injected || break
			count=$((count + 1))
			[ "$status" -eq 137 ] || bad+="$call $n: $status; "
			settle_is "$call $n" "$@"
		done
	done
	printf '# %s: %d, then old %d, new %d\n' "$name" "$count" "$olds" \
	    "$news"
	if [ -z "$bad" ] && [ "$count" -gt 10 ]; then
		ok "$name"
	else
		not_ok "$name" "$count: ${bad:0:900}"
	fi
	for wanted; do
		case $wanted in
		old) check "${name}_old_ones" test "$olds" -gt 0 ;;
		new) check "${name}_new_ones" test "$news" -gt 0 ;;
		esac
	done
}

# A load with keys that the agent does not have is old but for a kill behind
# "no way back"; one whose keys are there is either.
fault() {
	inject "$1:signal=KILL:when=$2"
	put "${load[@]}"
	under=()
}
new_with_keys=$new
home_used
kept reference_without_keys "${load[@]}"
new=$(shape)
everywhere killed old new
new=$new_with_keys
fault() {
	inject "$1:signal=KILL:when=$2"
	put "${load[@]}" "${keys[@]}"
	under=()
}
everywhere killed_with_keys old new
# Settling that is killed is settled by the next one, in the same direction.
fault() {
	put --at switched "$kill_it" "${load[@]}"
	inject "$1:signal=KILL:when=$2"
	put --settle
	under=()
}
everywhere settling_old old
fault() {
	put --at switched "$kill_it" "${load[@]}" "${keys[@]}"
	inject "$1:signal=KILL:when=$2"
	put --settle
	under=()
}
everywhere settling_new new

# File systems that have no exchange of names.
for n in 1 2 3 4; do
	home_used
	before=$(tree)
	bad='' olds=0 news=0
	under=(strace -qq -o "$T/trace" -e inject=renameat2:error=EINVAL -e
	    "inject=renameat:signal=KILL:when=$n")
	put "${load[@]}"
	under=()
	check_same "no_exchange_killed_$n" 137 "$status"
	settle_is "$n" old
	check_same "no_exchange_settled_$n" '' "$bad"
done
# What cannot be put back is said, and stays to be put back.
home_used
before=$(tree)
put --at switched "$kill_it" "${load[@]}"
inject renameat:error=EIO
put --settle
under=()
check_same cannot_ends 1 "$status"
check_has cannot_says "$said" \
    "$dir/default could not be put back after a load that was cut off"
put --settle
check_same cannot_later "$before" "$(tree)"
# Without locks of directories nothing is settled.
home_used
put --at switched "$kill_it" "${load[@]}"
before=$(tree)
inject flock:error=EBADF
put --settle
under=()
check_has no_locks_says "$said" "settled 0 $dir cannot be locked"
check_same no_locks_changes_nothing "$before" "$(tree)"
checks_end
