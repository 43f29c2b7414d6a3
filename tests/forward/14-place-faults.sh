#!/bin/bash
# place: killed at each system call that changes something, and each of them
# failing.
# shellcheck source=tests/support/forward.sh
. "$(dirname "$0")/../support/forward.sh"
# shellcheck source=tests/support/place.sh
. "$(dirname "$0")/../support/place.sh"

command -v strace >/dev/null || skip_all 'there is no strace here'
strace -qq -o "$T/trace" true 2>/dev/null ||
    skip_all 'strace may not trace here'
# Who is traced cannot be looked at for leaks.
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0"
dir=$H/.ssh/bottle-agent
export HOME=$H

# inject WHAT: for the next calls, and what it did to the last one.
inject() {
	under=(strace -qq -o "$T/trace" -e "inject=$1")
}
injected() {
	grep -q -e INJECTED -e DELAYED -e 'killed by SIGKILL' "$T/trace"
}
# Calls that change something; write is that of files only.
calls=(mkdir mkdirat openat write fchmod close symlinkat linkat renameat
    renameat2 unlinkat rmdir)

# whole_or NAME: what is seen at the moment that a run was killed.
seen() {
	local why='' config git

	config=$(cat "$dir/default/config" 2>/dev/null) || true
	case $config in
	'Host earlier' | $'Host git.test\n\tUser git') ;;
	*) why+=" the load is $config;" ;;
	esac
	if [ "$config" != 'Host earlier' ]; then
		cmp -s "$dir/default/gitconfig" <(printf '[user]\n\tname = x\n') ||
		    why+=' half a load;'
	fi
	cmp -s "$H/.ssh/config" "$T/config" || why+=' .ssh/config;'
	git=$(cat "$H/.gitconfig")
	[ "$git" = "$(cat "$T/git")" ] ||
	    [ "$git" = "$(cat "$T/newgit")" ] || why+=" .gitconfig: $git;"
	[ "$(stat -c %a "$H/.gitconfig")" = 640 ] || why+=' its mode;'
	case $(cat "$dir/env") in
	A=earlier | SSH_AUTH_SOCK=/run/bottle-agent.sock) ;;
	*) why+=' env;' ;;
	esac
	printf '%s' "$why"
}
home_fault() {
	home_used
	chmod 640 "$H/.gitconfig"
}
home_fault
cp "$H/.ssh/config" "$T/config"
cp "$H/.gitconfig" "$T/git"
{
	printf '%s\n' "$signing"
	cat "$T/git"
} >"$T/newgit"

# Killed on the way into the Nth of each call.
bad=''
count=0
for call in "${calls[@]}"; do
	for ((n = 1; n < 40; n++)); do
		home_fault
		inject "$call:signal=KILL:when=$n"
		put "${load[@]}"
		under=()
		# The loader's calls are before all of ours.
		injected || break
		count=$((count + 1))
		[ "$status" -eq 137 ] || bad+="$call $n: status $status; "
		why=$(seen)
		[ -z "$why" ] || bad+="$call $n:$why "
		put "${load[@]}"
		[ "$status" -eq 0 ] || bad+="$call $n: then $said; "
		left=$(find "$H" -name '.bottle-place.*')
		dirs=$(find "$dir" -mindepth 1 -type d | wc -l)
		[ -z "$left" ] && [ "$dirs" -eq 1 ] ||
		    bad+="$call $n: left $left, $dirs; "
		cmp -s "$H/.gitconfig" "$T/newgit" || bad+="$call $n: git; "
	done
done
if [ -z "$bad" ] && [ "$count" -gt 30 ]; then
	ok killed_everywhere
else
	not_ok killed_everywhere "$count: ${bad:0:900}"
fi

# Failing: then all is as it was.  What fails while it cleans up after "kept"
# was decided changes nothing; and where an undo itself fails is said.
bad=''
count=0
home_fault
before=$(tree)
fails() {
	local call=$1 error=$2 n=$3 now

	inject "$call:error=$error:when=$n"
	put "${load[@]}"
	under=()
	if ! injected; then
		home_fault
		before=$(tree)
		return 1
	fi
	count=$((count + 1))
	if [ "$status" -eq 0 ]; then
		[[ $said == *kept* ]] || bad+="$call $n: $said; "
		home_fault
		before=$(tree)
		return 0
	fi
	[[ $said != *"failed $status "* ]] || refused=$((refused + 1))
	now=$(tree)
	# A loader that cannot start is none of ours.
	[[ $status -eq 127 || $said == *"failed $status "* ]] ||
	    bad+="$call $n: $status $said; "
	[ "$now" = "$before" ] || bad+="$call $n: $(diff <(echo "$before") \
	    <(echo "$now") || true); "
}
# How often it must matter: 4 files, the list of two of them, the record and the
# mark are written, and 4 names are switched.
for fault in mkdirat:ENOSPC:3 mkdirat:EROFS:3 openat:EDQUOT: openat:EROFS: \
    fchmod:EPERM:7 symlinkat:ENOSPC:1 renameat2:EBUSY:4 renameat2:EIO:4 \
    close:EDQUOT:7 fstat:EIO: newfstatat:EIO: flock:EINTR:0 getrandom:ENOSYS:; do
	IFS=: read -r call error least <<<"$fault"
	refused=0
	for ((n = 1; n < 60; n++)); do
		fails "$call" "$error" "$n" || break
	done
	[ -z "$least" ] || [ "$refused" -eq "$least" ] ||
	    bad+="$call $error matters $refused times; "
done
if [ -z "$bad" ] && [ "$count" -gt 30 ]; then
	ok failing_everywhere
else
	not_ok failing_everywhere "$count: ${bad:0:900}"
fi

# Which words it has for it.
says() {
	local name=$1

	home_fault
	inject "$2"
	undone "$name" 1 "$3" "${load[@]}"
	check "${name}_was_injected" injected
	under=()
}
says no_room_for_folder mkdirat:error=ENOSPC:when=3 'No space left on device'
says no_quota write:error=EDQUOT:when=2 'Disk quota exceeded'
says read_only symlinkat:error=EROFS 'Read-only file system'
says mounted renameat2:error=EBUSY 'take the mount away'
says mounted_second renameat2:error=EBUSY:when=2 'take the mount away'
says mounted_last renameat2:error=EBUSY:when=3 'take the mount away'

# File systems that have no exchange of names: the same by other means.
home_fault
inject renameat2:error=EINVAL
kept no_exchange "${load[@]}"
check no_exchange_was_injected injected
check_whole no_exchange_is_whole
check_bytes no_exchange_git "$H/.gitconfig" "$T/newgit"
for word in staged switched; do
	home_fault
	inject renameat2:error=EINVAL
	undone "no_exchange_undone_$word" 1 'went away' --end "$word" \
	    "${load[@]}"
done
home_new
inject renameat2:error=EINVAL
kept no_exchange_new "${load[@]}"
home_new
inject renameat2:error=EINVAL
undone no_exchange_new_undone 1 'went away' --end switched "${load[@]}"
# Nor hard links: then it is said, and nothing is done.
home_fault
under=(strace -qq -o "$T/trace" -e inject=renameat2:error=EINVAL -e
    inject=linkat:error=EPERM)
undone no_links 1 'cannot replace' "${load[@]}"
# Nor locks of directories: we do without, and leave what others have left.
home_fault
mkdir "$dir/.other.abcdef"
inject flock:error=EBADF
kept no_locks "${load[@]}"
check no_locks_was_injected injected
check no_locks_leaves test -d "$dir/.other.abcdef"
rmdir "$dir/.other.abcdef"
check_whole no_locks_leaves_nothing_of_its_own
# Somebody is faster than the exchange of names: theirs it is.
home_fault
inject renameat2:delay_enter=1000000:when=2
# shellcheck disable=SC2016
put --at staged '{ sleep 0.3; echo edited >>"$HOME/.gitconfig"; } &' "${load[@]}"
under=()
check race_was_injected injected
check_has race "$said" "somebody else has changed $H/.gitconfig"
check_text race_stays '[user]\n\temail = me@x.test\nedited\n' "$H/.gitconfig"
check_text race_env 'A=earlier\n' "$dir/env"
# What cannot be put back is said, and where it is.
home_fault
inject renameat:error=EIO
put --kind switched 8 "${load[@]}"
under=()
# As many as go into a line.
for path in .gitconfig .ssh/bottle-agent/@placed .ssh/bottle-agent/default; do
	check_has "cannot_undo_${path##*/}" "$said" "$H/$path could not be put"
done
check_has cannot_undo_why "$said" '(Input/output error): it is'
saved=$(find "$H" -maxdepth 1 -name '.bottle-place.*')
check_has cannot_undo_where "$said" "${saved##*/}"
check_bytes cannot_undo_is_beside_it "$saved" "$T/git"
checks_end
