#!/bin/bash
# 42-remove.sh - a load leaves again: keys and files, from a bottle in whatever
# state it is.
# shellcheck source=tests/support/load.sh
. "$(dirname "$0")/../support/load.sh"

need_own
command -v perl >/dev/null || skip_all 'there is no perl here'
for name in id other host; do
	make_key ed25519 "$name"
done
known='"KnownHostKey": "'$(blob host)'"'
dir=$N/.ssh/bottle-agent

agent_start --public --allow "$account=list,sign" --audit "$T/audit"
manifest "$(entry second.test "$T/other" "$known")"
cp "$T/m.json" "$T/second.json"
manifest "$(entry first.test "$T/id" "$known")"
cp "$T/m.json" "$T/first.json"
load_first() {
	load --sign -f "$T/first.json" "$@"
	[ "$status" -eq 0 ] || die "cannot load: $err"
}
load_second() {
	load --sign -n second -f "$T/second.json" "$@"
	[ "$status" -eq 0 ] || die "cannot load: $err"
}

# remove ARG...: out of that user's home.
remove() {
	run remove --socket "$S" --bin "$bin" --user "$account" --home "$N" "$@"
}
# prints: which keys there are, by comment.
prints() {
	as_self ssh-add -l 2>/dev/null | grep -v '^The agent' |
	    cut -d ' ' -f 3 | sort | tr '\n' ' '
}
# in_home: all of it, but for what is random or a time.
in_home() {
	(
		cd "$N" || exit
		find . -printf '%M %u:%g %p %l\n'
		find . -type f -exec cksum {} +
	) | sed -E 's,\.(default|second)\.[A-Za-z0-9]{6},.\1.X,' | sort
}
# home_used: of somebody with things of their own.
home_used() {
	home_new
	install -d -m 700 -o "$account_uid" -g "$account_gid" "$N/.ssh"
	printf 'Host mine\n\tUser me' >"$N/.ssh/config"
	printf '[user]\n\tname = me\n' >"$N/.gitconfig"
	chown "$account_uid:$account_gid" "$N/.ssh/config" "$N/.gitconfig"
	chmod 644 "$N/.ssh/config"
	# No key but what a load brings.
	as_self ssh-add -q -D 2>/dev/null
}
# half NAME ...: as expect, of a call that has printed the keys that went.
half() {
	local printed=$out

	out=
	expect "$@"
	check_same "$1_prints_it" "local: removed $(line id)" "$printed"
}
# line NAME: what a removal prints of a key.
line() {
	printf 'ssh-ed25519 %s %s' "$(print_of "$1")" "$1"
}

# --- what it is for ----------------------------------------------------------------

for target in local exec:env; do
	name=${target%%:*}
	home_used
	before=$(in_home)
	remove "$target"
	expect "${name}_never" 0 "$target: there is nothing of load default"
	check_same "${name}_never_prints_nothing" '' "$out"
	check_same "${name}_never_changes_nothing" "$before" "$(in_home)"
	load_first "$target"
	remove "$target"
	expect "$name" 0 "removed load default: 1 key, and the files of $account"
	check_same "${name}_prints_it" "$target: removed $(line id)" "$out"
	check_same "${name}_keys" '' "$(prints)"
	check_same "${name}_files" "$before" "$(in_home)"
	remove "$target"
	expect "${name}_again" 0 'there is nothing of load default to remove'
	check_same "${name}_again_files" "$before" "$(in_home)"
	home_new
	load_first "$target"
	remove "$target"
	check_same "${name}_new_home" '' "$(find "$N" -mindepth 1)"

	# The other load goes on.
	home_used
	load_first "$target"
	only=$(in_home | grep -v @placed)
	load_second "$target"
	remove -n second "$target"
	expect "${name}_second" 0 'removed load second: 1 key'
	check_same "${name}_first_has_its_key" 'id ' "$(prints)"
	check_same "${name}_first_has_its_host" 'hostname first.test' \
	    "$(as_account ssh -G first.test | grep '^hostname ')"
	check_same "${name}_first_is_as_it_was" "$only" \
	    "$(in_home | grep -v @placed)"
	load_second "$target"
	remove --every-load "$target"
	expect "${name}_every" 0 'removed every load: 2 keys'
	check_same "${name}_every_keys" '' "$(prints)"
	check_same "${name}_every_files" "$before" "$(in_home)"
done
check_has audit "$(cat "$T/audit")" '"op":"remove-load","verdict":"allowed"'
check_has audit_detail "$(cat "$T/audit")" '"detail":"1 key of load second"'

# Keys that came otherwise stay.
home_used
load_first local
as_self ssh-add -q "$T/other"
remove --every-load local
check_same other_keys_stay 'other ' "$(prints)"
as_self ssh-add -q -D

# --- JSON ---------------------------------------------------------------------------

home_used
load_first local
remove --json -j 1 local exec:env
expect json 0
check_same json_is_one_object 1 "$(jq -s length "$W/stdout")"
check_same json_first "1 remove 0 local 0 $(line id) default true $account" \
    "$(jq -r '[.version, .command, .code, (.targets[0] |
	(.target, .code, (.removed | (.keys[0] | .type, .fingerprint,
	.comment), .loads[0], .agent, .user)))] | join(" ")' "$W/stdout")"
check_same json_second '0 0' \
    "$(jq -r '.targets[1].removed | [(.keys | length), (.loads | length)] |
	map(tostring) | join(" ")' "$W/stdout")"

# --- the states of a bottle -------------------------------------------------------

# No agent: files go, and it is said.
home_used
before=$(in_home)
load_first local
agent_stop
remove local
expect no_agent 0 "no agent serves $S there" 'removed load default: 0 keys'
check_same no_agent_files "$before" "$(in_home)"
# One that was started anew.
load_state=$(in_home)
agent_start --public --allow "$account=list,sign" --audit "$T/audit"
load_first local
agent_stop
agent_start --public --allow "$account=list,sign" --audit "$T/audit"
remove local
expect restarted 0 'removed load default: 0 keys, and the files of'
check_same restarted_files "$load_state" "$(in_home)"
# A socket that nobody serves any more.
load_first local
kill -KILL "$agent_pid"
wait "$agent_pid" 2>/dev/null || true
remove local
expect dead_socket 0 'no agent serves'
check_same dead_socket_files "$before" "$(in_home)"
agent_start --public --allow "$account=list,sign" --audit "$T/audit"

# Locked: nothing changes, and what to do is said.
home_used
load_first local
old=$(in_home)
printf x | "$AGENT" --lock -a "$S" 2>/dev/null
remove local
expect locked 1 'the agent is locked' 'bottle-provision unlock'
check_same locked_files "$old" "$(in_home)"
printf x | "$AGENT" --unlock -a "$S" 2>/dev/null
check_same locked_keys 'id ' "$(prints)"
remove local
expect unlocked 0 'removed load default: 1 key'

# One that knows no loads: what it has stays, and what helps is said.
home_used
load_first local
old=$(in_home)
agent_stop
ssh-agent -D -a "$S" >/dev/null 2>&1 &
other_agent=$!
at_exit end_process "$other_agent"
wait_for 30 test -S "$S"
remove local
expect another_agent 3 'does not let' 'nothing was changed; an agent that is older' \
    '"kill"'
check_same another_agent_files "$old" "$(in_home)"
end_process "$other_agent"
rm -f "$S"
agent_start --public --allow "$account=list,sign" --audit "$T/audit"

# What is no list of keys is none, wherever it comes from: each string must be
# one, and an empty one takes no room in a line.
for list in '{}' '"x"' '[1]' '[{}]' \
    '[{"type": 1, "fingerprint": "F", "comment": "C"}]' \
    '[{"type": "T", "fingerprint": null, "comment": "C"}]' \
    '[{"type": "T", "fingerprint": "F", "comment": ["C"]}]' \
    '[{"type": "T", "fingerprint": "F"}]' \
    '[{"type": "T", "fingerprint": "F", "comment": "C"}, {"type": "T"}]'; do
	printf '#!/bin/sh\necho '"'%s'"'\n' \
	    "{\"version\": 1, \"removed\": $list}" >"$T/enter"
	chmod 755 "$T/enter"
	remove "exec:$T/enter"
	expect "no_list_of_keys_$list" 1 'is no list of keys'
done
# shellcheck disable=SC2016
printf '#!/bin/sh\ncase $1 in\n*/bottle-agent) echo '"'%s'"' ;;\n*) exec "$@" ;;\nesac\n' \
    '{"version": 1, "removed": [{"type": "T", "fingerprint": "F", "comment": ""}]}' \
    >"$T/enter"
remove "exec:$T/enter"
check_same a_key_without_a_comment "exec:$T/enter: removed T F" "$out"

# A bottle-forward that is older says that it knows no such command.
# shellcheck disable=SC2016
printf '#!/bin/sh\ncase $1 in\n*/bottle-forward) echo "%s" >&2; exit 2 ;;\n*) exec "$@" ;;\nesac\n' \
    'bottle-forward: error: unknown command remove' >"$T/enter"
load_first local
remove "exec:$T/enter"
check_same an_older_bottle_forward_prints_it "exec:$T/enter: removed $(line id)" \
    "$out"
out=
expect an_older_bottle_forward 2 'unknown command remove' \
    'what to do: the bottle-forward there is older than this: the next load'

# A way in that has something to say of its own, and ends lines as a terminal
# does.
home_used
load_first local
cat >"$T/enter" <<-EOS
	#!/bin/sh
	status=0
	"\$@" >$T/printed || status=\$?
	printf 'welcome\n\n{"odd": 1}\n{}\r\n'
	sed 's/\$/\r/' $T/printed
	exit \$status
EOS
chmod 755 "$T/enter"
remove "exec:$T/enter"
expect a_talkative_way_in 0 'removed load default: 1 key'
check_same a_talkative_way_in_keys '' "$(prints)"
check_same a_talkative_way_in_files "$before" "$(in_home)"

# The user is not there, or is another one.
home_used
load_first local
for target in local exec:env; do
	run remove --socket "$S" --bin "$bin" -u nobody.here "$target"
	check "no_user_${target%%:*}" test "$status" -ne 0
	check_has "no_user_${target%%:*}_says" "$err" 'there is no user nobody.here'
	check_has "no_user_${target%%:*}_half" "$err" 'the files are not removed'
done
check_same no_user_keys '' "$(prints)"
remove local
expect no_user_then 0 'removed load default: 0 keys, and the files of'
check_same no_user_then_files "$before" "$(in_home)"
# Nobody called node, nor 1000: then there are no files to be had.
cp "$T/passwd" "$T/passwd.node"
grep -v '^node:' "$T/passwd.node" >"$T/passwd"
for target in local exec:env; do
	run remove --socket "$S" --bin "$bin" "$target"
	expect "gone_user_${target%%:*}" 0 'there is no user node or 1000 there' \
	    'there is nothing of load default'
done
cat "$T/passwd.node" >"$T/passwd"
run remove --socket "$S" --bin "$bin" local
expect default_user 0 'there is nothing of load default'

# Files that the user has changed, and others' files.
home_used
load_first local
as_account sh -c 'echo "Host more" >>.ssh/config; echo x >.ssh/bottle-agent/notes'
remove local
expect edited 0 "left: $dir/notes is of no load"
check_same edited_stays $'Host mine\n\tUser meHost more' "$(cat "$N/.ssh/config")"
# A folder that all can write to: refused; the keys are gone.
home_used
load_first local
chmod 777 "$N/.ssh"
remove local
half mode_777 3 'the files are not removed' 'can be written by others' \
    'what to do'
check_same mode_777_keys '' "$(prints)"
chmod 700 "$N/.ssh"
remove local
check_same mode_777_then "$before" "$(in_home)"

# A home that cannot be written, and a full one: the files stay, whole.
for how in ro full; do
	home_used
	mount -t tmpfs -o "size=64k,mode=700,uid=$account_uid,gid=$account_gid" \
	    none "$N"
	install -d -m 700 -o "$account_uid" -g "$account_gid" "$N/.ssh"
	printf 'Host mine\n' >"$N/.ssh/config"
	chown "$account_uid:$account_gid" "$N/.ssh/config"
	before_mount=$(in_home)
	load_first local
	old=$(in_home)
	if [ "$how" = ro ]; then
		mount -o remount,ro "$N"
	else
		head -c 100000 /dev/zero >"$N/big" 2>/dev/null || true
		old=$(in_home)
	fi
	remove local
	if [ "$how" = ro ]; then
		half "home_$how" 1 'the files are not removed' 'Read-only'
	else
		half "home_$how" 1 'the files are not removed' 'No space left'
	fi
	check_same "home_${how}_keys" '' "$(prints)"
	check_same "home_${how}_stays" "$old" "$(in_home)"
	[ "$how" = full ] || mount -o remount,rw "$N"
	rm -f "$N/big"
	remove local
	expect "home_${how}_then" 0 'and the files of'
	check_same "home_${how}_as_before" "$before_mount" "$(in_home)"
	umount "$N"
done

# --- killed ---------------------------------------------------------------------------

# strike: what takes the files away is killed at its Nth call of that kind.
if command -v strace >/dev/null && strace -qq -o "$T/trace" true 2>/dev/null; then
	home_used
	before=$(in_home)
	failed=''
	count=0
	for ((n = 1; n < 12; n++)); do
		home_used
		load_first local
		cat >"$T/enter" <<-EOS
			#!/bin/sh
			case \$1 in
			*/bottle-forward) ;;
			*) exec "\$@" ;;
			esac
			exec strace -f -qq -o $T/trace -e inject=renameat2:signal=KILL:when=$n "\$@"
		EOS
		chmod 755 "$T/enter"
		remove "exec:$T/enter"
		grep -q 'killed by SIGKILL' "$T/trace" || break
		count=$((count + 1))
		[ "$status" -ne 0 ] || failed+="$n: it says that it is done; "
		[ -z "$(prints)" ] || failed+="$n: keys; "
		if [ -e "$dir/default" ]; then
			as_account ssh -G first.test | grep -q "^identityagent $S" ||
			    failed+="$n: half of it; "
		fi
		remove local
		[ "$status" -eq 0 ] || failed+="$n: then $err; "
		[ "$(in_home)" = "$before" ] ||
		    failed+="$n: $(diff <(echo "$before") <(in_home) || true); "
	done
	check_same killed_at_any_rename '' "$failed"
	check killed_was_killed test "$count" -ge 3
else
	echo 'SKIP: strace may not trace here'
fi
# A load that was killed half way.
for word in staged switched; do
	home_used
	before=$(in_home)
	cat >"$T/enter" <<-EOS
		#!/bin/sh
		case \$1 in
		*/bottle-forward) ;;
		*) exec "\$@" ;;
		esac
		[ ! -e $T/struck ] || exit 1
		: >$T/struck
		exec perl $support/killat.pl before $word "\$@"
	EOS
	chmod 755 "$T/enter"
	rm -f "$T/struck"
	load --sign -f "$T/first.json" "exec:$T/enter"
	check "half_${word}_fails" test "$status" -ne 0
	check "half_${word}_left_something" test "$(in_home)" != "$before"
	remove local
	expect "half_$word" 0 'removed load default'
	check_same "half_${word}_as_before" "$before" "$(in_home)"
done
# The host is killed in the middle: the next one completes it.
home_used
load_first local
cat >"$T/enter" <<-EOS
	#!/bin/sh
	case \$1 in
	*/bottle-forward) kill -KILL \$(cat $T/pid); exec "\$@" ;;
	*) exec "\$@" ;;
	esac
EOS
sh -c 'echo $$ >"$0"; exec "$@"' "$T/pid" "$PROVISION" remove --socket "$S" \
    --bin "$bin" --user "$account" --home "$N" "exec:$T/enter" >/dev/null 2>&1 ||
    true
remove local
expect host_killed 0
check_same host_killed_keys '' "$(prints)"
check_same host_killed_files "$before" "$(in_home)"

# --- many --------------------------------------------------------------------------

home_used
load_first local
remove local exec:false
check_same many_code 1 "$status"
check_has many_first "$err" 'local: removed load default: 1 key'
check_has many_second "$err" 'exec:false: '
check_has many_summary "$err" '1 of 2 removed'
run remove --all
expect all_needs_a_label 2 'label'
scenario_end
