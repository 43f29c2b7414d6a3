#!/bin/bash
# remove: killed at each system call that changes something, and each of them
# failing.
# shellcheck source=tests/support/forward.sh
. "$(dirname "$0")/../support/forward.sh"
# shellcheck source=tests/support/place.sh
. "$(dirname "$0")/../support/place.sh"
# shellcheck source=tests/support/remove.sh
. "$(dirname "$0")/../support/remove.sh"

command -v strace >/dev/null || skip_all 'there is no strace here'
strace -qq -o "$T/trace" true 2>/dev/null ||
    skip_all 'strace may not trace here'
# Who is traced cannot be looked at for leaks.
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0"
dir=$H/.ssh/bottle-agent
export HOME=$H

# inject WHAT: for the next calls, and what it did to the last one.  A shell would
# tell of each one that is killed.
# shellcheck disable=SC2016
quietly=(perl -e 'system(@ARGV); exit($? & 127 ? 128 + ($? & 127) : $? >> 8)')
inject() {
	under=("${quietly[@]}" strace -qq -o "$T/trace" -e "inject=$1")
}
injected() {
	grep -q -e INJECTED -e DELAYED -e 'killed by SIGKILL' "$T/trace"
}
calls=(openat write fchmod close renameat renameat2 unlinkat)

# A home is copied, and not made anew each time.
keep_home() {
	rm -rf "${T:?}/$1"
	cp -a "$H" "$T/$1"
}
# A copy has other inodes and the same of all else.
home_copy() {
	rm -rf "$H"
	cp -a "$T/$1" "$H"
}
# Where there was nothing, and where there was; with one load, and with two.
home_new
new=$(bytes)
put "${load[@]}"
keep_home new
home_own
own=$(bytes)
put "${load[@]}"
keep_home own
put "${second[@]}"
keep_home two
take
check_same reference 0 "$status"
rest=$(bytes)

# done_is NAME WANTED: the next one completes it.
done_is() {
	local now

	take
	now=$(bytes)
	[ "$status" -eq 0 ] || bad+="$1: then $status $err; "
	if [ "$now" != "$2" ]; then
		bad+="$1: then $(diff <(echo "$2") <(echo "$now") || true); "
	fi
}

# loaded: all of the load is there, for ssh and git and who asks for the agent.
loaded() {
	[ -f "$dir/default/config" ] && [ -f "$dir/default/gitconfig" ] &&
	    [ -f "$dir/env" ] && grep -qxF "$include" "$H/.ssh/config" &&
	    grep -qF bottle-agent/default/gitconfig "$H/.gitconfig"
}

# Killed on the way into the Nth of each call: loaded, or not; and the next one
# completes it.
killed() {
	local name=$1 wanted=$2 call n count=0

	bad='' whole=0 gone=0
	for call in "${calls[@]}"; do
		for ((n = 1; n < 60; n++)); do
			home_copy "$name"
			inject "$call:signal=KILL:when=$n"
			take
			under=()
			# The loader's calls are before all of ours.
			injected || break
			count=$((count + 1))
			[ "$status" -eq 137 ] || bad+="$call $n: $status; "
			if loaded; then
				whole=$((whole + 1))
			elif [ ! -e "$dir/default" ]; then
				gone=$((gone + 1))
			else
				bad+="$call $n: half of it; "
			fi
			if [ "$name" = two ] &&
			    [ "$(cat "$dir/second/config")" != \
			    $'Host second.test\n\tUser git' ]; then
				bad+="$call $n: the other one; "
			fi
			done_is "$call $n" "$wanted"
		done
	done
	printf '# %s: %d, whole %d, gone %d\n' "$name" "$count" "$whole" \
	    "$gone"
	if [ -z "$bad" ] && [ "$count" -gt 30 ] && [ "$whole" -gt 5 ] &&
	    [ "$gone" -gt 5 ]; then
		ok "killed_everywhere_$name"
	else
		not_ok "killed_everywhere_$name" "$count: ${bad:0:900}"
	fi
}
# Random names are never the same.
bytes_are() {
	sed -E 's,(\.(default|second)\.)[A-Za-z0-9]{6},\1X,g'
}
killed new "$new"
killed two "$rest"

# And a load afterwards is whole; what is removed then is all that loads have made.
bad=''
for ((n = 1; n < 30; n++)); do
	home_copy new
	inject "unlinkat:signal=KILL:when=$n"
	take
	under=()
	injected || break
	put "${load[@]}"
	[ "$status" -eq 0 ] && loaded || bad+="$n: $said; "
	[ -z "$(find "$H" -name '.bottle-place.*')" ] || bad+="$n: left; "
	take
	[ "$(bytes)" = "$new" ] || bad+="$n: $(bytes); "
done
check_same a_load_after_a_kill_at_the_end '' "$bad"
check a_load_after_a_kill_at_the_end_was_killed test "$n" -gt 3
bad=''
for ((n = 1; n < 30; n++)); do
	home_copy own
	inject "renameat2:signal=KILL:when=$n"
	take
	under=()
	injected || break
	put "${load[@]}"
	[ "$status" -eq 0 ] && loaded || bad+="$n: $said; "
	[ -z "$(find "$H" -name '.bottle-place.*')" ] || bad+="$n: left; "
	take
	[ "$(bytes)" = "$own" ] || bad+="$n: $(bytes); "
done
check_same a_load_after_a_kill '' "$bad"
check a_load_after_a_kill_was_killed test "$n" -gt 3

# Failing: then all is as it was, and what fails while it cleans up changes
# nothing.
bad=''
count=0
for fault in openat:EIO write:ENOSPC fchmod:EPERM close:EDQUOT \
    renameat2:EBUSY newfstatat:EIO readlinkat:EIO getdents64:EIO read:EIO \
    flock:EINTR; do
	IFS=: read -r call error <<<"$fault"
	refused=0
	for ((n = 1; n < 60; n++)); do
		home_copy own
		before=$(bytes)
		inject "$call:error=$error:when=$n"
		take
		under=()
		injected || break
		count=$((count + 1))
		now=$(bytes)
		if [ "$status" -eq 0 ]; then
			[ ! -e "$dir/default" ] || bad+="$fault $n: there; "
		elif [ "$status" -eq 127 ] || { [ "$call" = write ] && [ -z "$err" ]; }; then
			:
		elif [ "$now" != "$before" ] && [[ $err != *'cannot print'* ]]; then
			bad+="$fault $n: $status $err: \
$(diff <(echo "$before") <(echo "$now") || true); "
		else
			refused=$((refused + 1))
		fi
		done_is "$fault $n" "$own"
	done
	printf '# %s: %d, refused %d\n' "$fault" "$((n - 1))" "$refused"
done
if [ -z "$bad" ] && [ "$count" -gt 60 ]; then
	ok failing_everywhere
else
	not_ok failing_everywhere "$count: ${bad:0:900}"
fi

# Which words it has for it.
says() {
	local name=$1

	home_copy own
	inject "$2"
	refused "$name" 1 "$3"
	check "${name}_was_injected" injected
	under=()
}
says no_room write:error=ENOSPC:when=1 'No space left on device'
says mounted renameat2:error=EBUSY 'take the mount away'
says mounted_second renameat2:error=EBUSY:when=2 'take the mount away'

# File systems that have no exchange of names, and no locks of directories.
for fault in renameat2:error=EINVAL flock:error=EBADF; do
	home_copy own
	inject "$fault"
	take
	check "${fault%%:*}_was_injected" injected
	under=()
	check_has "${fault%%:*}_says" "$said" 'removed default'
	is_as "${fault%%:*}_as_before" "$own"
done
# Somebody is faster: theirs it is, and all is as it was.
home_copy own
inject renameat2:delay_enter=1000000:when=2
{
	sleep 0.4
	echo edited >>"$H/.ssh/config"
} &
take
under=()
wait
check_same race_is_refused 1 "$status"
check_has race "$err" "somebody else has changed $H/.ssh/config"
check race_is_loaded loaded
check_same race_stays edited "$(tail -n 1 "$H/.ssh/config")"
# What cannot be put back is said.
home_copy own
under=(strace -qq -o "$T/trace" -e inject=renameat2:error=EIO:when=3 -e
    inject=renameat:error=EIO)
take
under=()
check_same cannot_undo 1 "$status"
check_has cannot_undo_says "$err" 'could not be put back'
done_is cannot_undo_then "$own"
checks_end
