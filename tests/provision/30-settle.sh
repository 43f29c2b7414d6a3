#!/bin/bash
# 30-settle.sh - what places files is killed after it was told to switch: the
# target is as it was before, or has all of the load, and the answer says which.
# shellcheck source=tests/support/load.sh
. "$(dirname "$0")/../support/load.sh"

need_own
command -v perl >/dev/null || skip_all 'there is no perl here'
for name in id other host; do
	make_key ed25519 "$name"
done
known='"KnownHostKey": "'$(blob host)'"'

"$bin/bottle-agent" -D --socket "$S" --public --allow "$account=list,sign" \
    >"$T/agent.log" 2>&1 &
at_exit end_process "$!"
wait_for 30 test -S "$S"

# The keys in force and all files of the user.
state() {
	as_account env SSH_AUTH_SOCK="$S" ssh-add -L | sort
	(
		cd "$N" || exit
		find . -type f -printf '%m %U %i %T@ %p\n' -exec cksum {} +
		find . ! -type f -printf '%y %m %U %p %l\n'
	) | sort
}
# The same, but for what another load of the same has otherwise.
shape() {
	as_account env SSH_AUTH_SOCK="$S" ssh-add -L | sort
	(
		cd "$N" || exit
		find . -type f -printf '%m %U %p\n' -exec cksum {} +
		find . ! -type f -printf '%y %m %U %p %l\n'
	) | sed -E 's,(\.default\.)[A-Za-z0-9]{6},\1X,g' | sort
}

# strike HOW WORD: what places files is killed so; the next ones are not.
strike() {
	cat >"$T/enter" <<-EOS
		#!/bin/sh
		case \$1 in
		*/bottle-forward) ;;
		*) exec "\$@" ;;
		esac
		echo "\$*" >>$T/placed
		exec perl $support/killat.pl $1 $2 "\$@"
	EOS
	chmod 755 "$T/enter"
	rm -f "$T/placed"
}
lines() {
	wc -l <"$1"
}

load_first() {
	load --sign --proxy direct -f "$T/first.json" "exec:$T/enter" "$@"
}
load_second() {
	load --sign --proxy direct -f "$T/second.json" "exec:$T/enter" "$@"
}

# home_used: of somebody with things of their own.
gitconfig() {
	printf '[user]\n\temail = me@x.test\n' >"$N/.gitconfig"
	chown "$account_uid" "$N/.gitconfig"
}
home_used() {
	home_new
	gitconfig
}
home_used
manifest "$(entry second.test "$T/other" "$known")"
cp "$T/m.json" "$T/second.json"
manifest "$(entry first.test "$T/id" "$known")"
cp "$T/m.json" "$T/first.json"
strike never never
load_second
expect second 0
new=$(shape)
load_first
expect first 0
check_same no_more_than_one_is_needed 2 "$(lines "$T/placed")"
old=$(state)

# Killed with "switched" on its lips: nobody asked for the commit.
same=0
for _ in 1 2 3 4 5; do
	strike before switched
	load_second
	if [ "$status" -ne 1 ] || [ "$(state)" != "$old" ] ||
	    [ "$(lines "$T/placed")" -ne 2 ]; then
		break
	fi
	same=$((same + 1))
done
check_same killed_at_switched_is_old_5_of_5 5 "$same"
expect killed_at_switched 1 'bottle-forward' '!may be'
check_same killed_at_switched_changes_nothing "$old" "$(state)"

# The same keys, and other files: they go back all the same.
manifest "$(entry third.test "$T/id" "$known")"
strike before switched
load --sign --proxy direct -f "$T/m.json" "exec:$T/enter"
expect same_keys 1
check_same same_keys_changes_nothing "$old" "$(state)"

# Right behind it: then the commit was asked for, or was not.
mixed=''
for _ in 1 2 3 4 5; do
	strike after switched
	load_second
	if [ "$status" -eq 0 ]; then
		[ "$(shape)" = "$new" ] || mixed+='not new; '
		strike never never
		load_first
		old=$(state)
	else
		[ "$(state)" = "$old" ] || mixed+="not old: $err; "
	fi
done
check_same killed_behind_switched_is_either '' "$mixed"

# Once the keys are in force: all that was asked for is, too.
wait_for_key() {
	local i

	for ((i = 0; i < 300; i++)); do
		as_account env SSH_AUTH_SOCK="$S" ssh-add -L 2>/dev/null |
		    grep -qF "$(blob other)" && break
		sleep 0.05
	done
	# So that the host knows, too.
	sleep 0.5
	: >"$T/go"
}
wait_for_key &
waiter=$!
strike "wait:$T/go" switched
load_second
expect killed_with_the_keys 0 '!bottle-provision: exec'
check_has killed_with_the_keys_names_them "$out" "$(print_of other)"
check_same killed_with_the_keys_is_new "$new" "$(shape)"
check_same killed_with_the_keys_was_settled 2 "$(lines "$T/placed")"
wait "$waiter"
strike never never
load_first
# In the end only.
strike before kept
load_second
expect killed_at_kept 0
check_same killed_at_kept_is_new "$new" "$(shape)"
strike never never
load_first

# What the user has changed is told of.
home_used
load_first
# So that the next one puts lines into it.
gitconfig
cat >"$T/enter" <<-EOS
	#!/bin/sh
	case \$1 in
	*/bottle-forward) ;;
	*) exec "\$@" ;;
	esac
	[ ! -e $T/struck ] || echo edited >>$N/.gitconfig
	: >$T/struck
	exec perl $support/killat.pl before switched "\$@"
EOS
load_second
expect edited 1 "somebody has changed $N/.gitconfig since, and it stays"
check_has edited_stays "$(cat "$N/.gitconfig")" edited
rm "$T/struck"

# It cannot be settled: that is said, and the next load does it.
home_used
strike never never
load_first
cat >"$T/enter" <<-EOS
	#!/bin/sh
	case \$1 in
	*/bottle-forward) ;;
	*) exec "\$@" ;;
	esac
	[ ! -e $T/struck ] || exit 1
	: >$T/struck
	exec perl $support/killat.pl before switched "\$@"
EOS
load_second
expect not_settled 1 'the files in the home there may be those of this load' \
    'the next load puts that right'
# One that never answers is not waited for.
rm "$T/struck"
sed -i 's/exit 1/exec sleep 60/' "$T/enter"
since=$SECONDS
load_second --timeout 6s
expect never_settled 1 'did not answer in time'
check never_settled_in_time test "$((SECONDS - since))" -lt 25
strike never never
load_second
expect the_next_one_settles 0
check_same the_next_one_is_whole "$new" "$(shape)"
checks_end
