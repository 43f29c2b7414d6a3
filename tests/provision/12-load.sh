#!/bin/bash
# 12-load.sh - loads into this machine and through a command, for real: what the
# user can do then, and what a second load, another name, another user and
# another home make of it.
# shellcheck source=tests/support/load.sh
. "$(dirname "$0")/../support/load.sh"
# shellcheck source=tests/support/sshd.sh
. "$(dirname "$0")/../support/sshd.sh"

need_own
sshd_ready

for name in git build git2 build2 third host_one host_two; do
	make_key ed25519 "$name"
done
chmod 600 "$T"/host_one "$T"/host_two
cat "$T"/{git,build,git2,build2}.pub >"$T/authorized"
sshd_host one
sshd_host two
sshd_listen one
one=$port
sshd_listen two
two=$port

# host NAME PORT KEY HOSTKEY: an entry.
host() {
	entry "$1" "$T/$3" '"Hostname": "127.0.0.1", "Port": '"$2"',
	    "User": "node", "KnownHostKey": "'"$(blob "$4")"'"' | tr -d '\n'
}
manifest "$(host one.test "$one" git2 host_one)" \
    "$(host two.test "$two" build2 host_two)"
mv "$T/m.json" "$T/m2.json"
manifest "$(host one.test "$one" git host_one)" \
    "$(host two.test "$two" build host_two)"
m=(-f "$T/m.json" --sign)
m2=(-f "$T/m2.json" --sign)

agent_start --public --allow node=list,sign

# prints: what the user is listed, by comment.
prints() {
	as_account SSH_AUTH_SOCK="$S" ssh-add -l 2>/dev/null |
	    cut -d ' ' -f 3 | sort | tr '\n' ' '
}
# lines NAME...: what a load prints of these keys.
lines() {
	local name

	for name; do
		printf 'ssh-ed25519 %s %s\n' "$(print_of "$name")" "$name"
	done
}
# in_home: all files of it and what they are, but for what is random.
in_home() {
	(
		cd "$N"
		find . -printf '%M %u:%g %p %l\n'
		find . -type f -exec cksum {} +
	) | sed -E 's,\.(default|second)\.[A-Za-z0-9]{6},.\1.X,' | sort
}

# --- what it is for ---------------------------------------------------------------

# works NAME: the user works with both hosts and signs.
works() {
	local name=$1

	check_same "$1_ssh_to_the_first" node \
	    "$(as_account ssh one.test whoami 2>&1)"
	check_same "$1_ssh_to_the_second" node \
	    "$(as_account ssh two.test whoami 2>&1)"
	rm -rf "$N/repo"
	as_account git init -q repo
	check "$1_git_signs" as_account git -C repo -c user.name=node \
	    -c user.email=node@test commit -q --allow-empty -S -m signed
	check_has "$1_git_verifies" \
	    "$(as_account git -C repo log -1 --show-signature 2>&1)" \
	    'Good "git" signature'
	rm -rf "$N/repo"
}
# with KEY PORT USER: ssh with that public half and no configuration.
with() {
	cp "$T/$1.pub" "$N/key.pub"
	as_account ssh -F none -o IdentityAgent="$S" -o IdentitiesOnly=yes \
	    -o BatchMode=yes -o StrictHostKeyChecking=yes -o \
	    UserKnownHostsFile="$N/.ssh/bottle-agent/default/known_hosts" \
	    -i "$N/key.pub" -p "$2" "$3@127.0.0.1" true
}

for target in local exec:env exec:nice 'exec:setpriv --no-new-privs'; do
	name=${target#exec:}
	name=${name%% *}
	home_new
	load "${m[@]}" "$target"
	expect "$name" 0 "$target: keys in force: 2, for user node"
	check_same "${name}_prints_the_keys" "$(lines git build)" "$out"
	check_same "${name}_lists_them" 'build git ' "$(prints)"
	check_same "${name}_files_are_the_users" "$account_uid:$account_uid" \
	    "$(find "$N" -printf '%U:%G\n' | sort -u)"
	check_same "${name}_modes" '600 700 ' "$(find "$N/.ssh" ! -type l \
	    -printf '%m\n' | sort -u | tr '\n' ' ')"
done
works first
check_same the_environment_file "SSH_AUTH_SOCK=$S" \
    "$(cat "$N/.ssh/bottle-agent/env")"
check the_first_key_at_the_first_host with git "$one" node
check_status the_second_key_at_the_first_host 255 with build "$one" node
check the_second_key_at_the_second_host with build "$two" node
check_status the_first_key_at_the_second_host 255 with git "$two" node
check_status the_first_key_for_another_user 255 with git "$one" root
rm "$N/key.pub"
status=$("$AGENT" --status --json -a "$S")
check_same the_agent_has_the_rules \
    'default purposes auth,git; destinations node@127.0.0.1' \
    "$(jq -r '.keys[] | .load + " " + .rules' <<<"$status" | sort -u)"

# --- again ------------------------------------------------------------------------

home_new
install -d -m 700 -o node -g node "$N/.ssh"
printf 'Host mine\n\tUser me' >"$N/.ssh/config"
printf '[user]\n\tname = me\n' >"$N/.gitconfig"
chown node:node "$N/.ssh/config" "$N/.gitconfig"
chmod 640 "$N/.ssh/config"
load "${m[@]}" local
check_same own_config_is_kept "Include ~/.ssh/bottle-agent/*/config
Host mine
	User me" "$(cat "$N/.ssh/config")"
check_same own_config_keeps_its_mode 640 "$(stat -c %a "$N/.ssh/config")"
before=$(in_home)
inodes=$(stat -c '%i %Y' "$N/.ssh/config" "$N/.gitconfig")
load "${m[@]}" local
expect twice 0
check_same twice_is_as_once "$before" "$(in_home)"
check_same twice_leaves_the_users_files_alone "$inodes" \
    "$(stat -c '%i %Y' "$N/.ssh/config" "$N/.gitconfig")"
load "${m2[@]}" exec:env
expect other_keys 0
check_same other_keys_alone 'build2 git2 ' "$(prints)"
works other_keys

# As the user sees it, there is no moment without keys.
touch "$T/loop"
chmod 644 "$T/loop"
# shellcheck disable=SC2016
as_account SSH_AUTH_SOCK="$S" bash -c '
	while [ -e "$1" ]; do
		ssh-add -l 2>&1 | cut -d " " -f 3 | sort | tr "\n" " "
		echo
	done' - "$T/loop" >"$T/lists" &
loop=$!
failed=0
for i in {1..10}; do
	load "${m[@]}" exec:env
	[ "$status" -eq 0 ] || failed=$((failed + 1))
	load "${m2[@]}" local
	[ "$status" -eq 0 ] || failed=$((failed + 1))
done
rm "$T/loop"
wait "$loop" || true
check_same twenty_loads 0 "$failed"
check many_lists_were_seen test "$(wc -l <"$T/lists")" -ge 20
check_same never_a_list_of_anything_else $'build git \nbuild2 git2 ' \
    "$(sort -u "$T/lists")"

# --- names --------------------------------------------------------------------------

manifest "$(host three.test "$two" third host_two)"
mv "$T/m.json" "$T/m3.json"
cat "$T/third.pub" >>"$T/authorized"
load -n second -f "$T/m3.json" local
expect second_name 0
check_same second_name_beside_the_first 'build2 git2 third ' "$(prints)"
check_same second_name_lets_in node "$(as_account ssh three.test whoami 2>&1)"
check_same second_name_leaves_the_first node \
    "$(as_account ssh one.test whoami 2>&1)"
check_same second_name_needs_no_line 1 \
    "$(grep -c '^Include' "$N/.ssh/config")"
load -f "$T/m3.json" -n second exec:env
check_same second_name_again 'build2 git2 third ' "$(prints)"
check_same second_name_has_one_folder 2 \
    "$(find "$N/.ssh/bottle-agent" -mindepth 1 -type d | wc -l)"
manifest "$(host one.test "$one" git host_one)" \
    "$(host two.test "$two" build host_two)"
load "${m[@]}" -n second local
expect second_name_without_its_first_key 0
check_same second_name_replaces_its_own 'build build2 git git2 ' "$(prints)"

# --- users and homes ---------------------------------------------------------------

# owner FOLDER: whose files a load made there.
owner() {
	find "$1/.ssh" -printf '%U:%G\n' 2>/dev/null | sort -u
}
for target in local exec:env; do
	name=${target%%:*}
	home_new
	run load -s "$S" --bin "$bin" --no-install "${m[@]}" "$target"
	expect "${name}_default_user" 0 'for user node'
	check_same "${name}_default_user_has_his_home" \
	    "$account_uid:$account_uid" "$(owner "$N")"
	home_new
	run load -s "$S" --bin "$bin" --no-install -u "$account_uid" "${m[@]}" \
	    "$target"
	expect "${name}_user_by_number" 0 "for user $account_uid"
	check_same "${name}_user_by_number_has_his_home" \
	    "$account_uid:$account_uid" "$(owner "$N")"
	home_new
	rm -rf "$T/elsewhere"
	install -d -o node -g node "$T/elsewhere"
	run load -s "$S" --bin "$bin" --no-install --home "$T/elsewhere" \
	    "${m[@]}" "$target"
	expect "${name}_home" 0
	check_same "${name}_home_is_used" "$account_uid:$account_uid" \
	    "$(owner "$T/elsewhere")"
	check_same "${name}_home_and_no_other" '' "$(owner "$N")"
	run load -s "$S" --bin "$bin" --no-install -u nobody.here "${m[@]}" \
	    "$target"
	expect "${name}_no_such_user" "$([ "$name" = local ] && echo 5 || echo 2)" \
	    'no user nobody.here'
done
# Nobody called node: the one with number 1000, unless somebody was named.
cp "$T/passwd" "$T/passwd.node"
install -d -m 700 -o 1000 -g 1000 "$T/tester"
{
	grep -v '^node:' "$T/passwd.node"
	echo "tester:x:1000:1000::$T/tester:/bin/sh"
} >"$T/passwd"
for target in local exec:env; do
	name=${target%%:*}
	rm -rf "$T/tester/.ssh"
	run load -s "$S" --bin "$bin" --no-install "${m[@]}" "$target"
	expect "${name}_without_node" 0 'for user 1000'
	check_same "${name}_without_node_is_1000" 1000:1000 "$(owner "$T/tester")"
	rm -rf "$T/tester/.ssh"
	run load -s "$S" --bin "$bin" --no-install -u node "${m[@]}" "$target"
	check_lacks "${name}_node_was_named" "$err" 'for user 1000'
	check "${name}_node_was_named_fails" test "$status" -ne 0
	check_same "${name}_node_was_named_writes_nothing" '' \
	    "$(owner "$T/tester")"
done
cat "$T/passwd.node" >"$T/passwd"

# Root as the user, and an agent that a load starts.
install -d -m 700 "$T/roots"
for i in 1 2; do
	run load -s "$T/own.sock" --bin "$bin" --no-install -u root \
	    --home "$T/roots" "${m[@]}" local
	expect "root_is_the_user_$i" 0 'keys in force: 2, for user root'
done
own=$(agent_of "$T/own.sock")
kill "$own"
check the_agent_it_started_ends wait_for 30 process_gone "$own"

# --- the command line ----------------------------------------------------------------

home_new
load local "${m[@]}"
expect options_behind_the_target 0 'keys in force: 2'
load "${m[@]}" -- local exec:env
expect two_targets 0 'local: keys in force: 2' 'exec:env: keys in force: 2'
check_same two_targets_print_both "local: $(lines git)
local: $(lines build)
exec:env: $(lines git)
exec:env: $(lines build)" "$out"
load "${m[@]}" -- --dry-run
check_same behind_two_dashes_is_a_target 2 "$status"
load "${m[@]}" local exec:false
check_same second_target_fails 1 "$status"
check_same second_target_fails_and_the_first_does_not \
    "local: $(lines git)
local: $(lines build)" "$out"

# A dry run touches nothing and reaches for nothing.
home_new
before=$(in_home)
listed=$(prints)
mkdir "$T/trace"
for target in local "$M"; do
	strace -f -qq -e trace=connect,execve,execveat,sendto,sendmsg \
	    -o "$T/trace/log" "$PROVISION" load -s "$S" --bin "$bin" \
	    --dry-run "${m[@]}" "$target" >"$T/stdout" 2>"$T/stderr" ||
	    status=$?
	[ -s "$T/trace/log" ] || skip_all 'there is no strace here'
	check_same "dry_run_runs_nothing_of_${target%%:*}" 1 \
	    "$(grep -E '(connect|exec|send)' "$T/trace/log" |
		grep -vc /var/run/nscd/)"
	check "dry_run_of_${target%%:*}_leaves_no_mark" test ! -e "$T/marks"
done
check_same dry_run_writes_nothing "$before" "$(in_home)"
check_same dry_run_loads_nothing "$listed" "$(prints)"
check_has dry_run_names_keys "$(cat "$T/stdout")" "$(print_of git)"
check_same dry_run_has_no_key 1 "$(perl "$support/../e2e/find-key-bytes.pl" \
    "$T/git" "$T/build" <"$T/stdout" >/dev/null 2>&1 || echo "$?")"

# valid NAME STATUS: stdout is one JSON object, for others than jq, too.
valid() {
	check_same "$1_status" "$2" "$status"
	check "$1_is_an_object" jq -es \
	    'length == 1 and .[0].version == 1' "$T/stdout"
	! command -v python3 >/dev/null ||
	    check "$1_for_python" python3 -m json.tool "$T/stdout"
}
load --json "${m[@]}" local
valid json_of_success 0
check_same json_of_success_has_the_keys "$(lines git build)" \
    "$(jq -r '.targets[0].keys[]' "$T/stdout")"
load --json "${m[@]}" exec:false
valid json_of_failure 1
load --json --dry-run "${m[@]}" local
valid json_of_dry_run 0
load --json -f "$T/none" local
valid json_of_no_manifest 2
run load -s "$S" --bin "$bin" --no-install --json -u nobody.here "${m[@]}" \
    local exec:env
valid json_of_no_user 5

# Nobody reads what it prints.
for way in '' --json --dry-run; do
	status=0
	timeout 60 "$PROVISION" load -s "$S" --bin "$bin" --user node ${way:+$way} \
	    "${m[@]}" local >/dev/full 2>"$T/stderr" </dev/null || status=$?
	check_same "full_${way:-text}" "1 cannot print the result: No space left" \
	    "$status $(grep -o 'cannot print the result: No space left' \
		"$T/stderr")"
	status=0
	timeout 60 "$PROVISION" load -s "$S" --bin "$bin" --user node ${way:+$way} \
	    "${m[@]}" local >&- 2>"$T/stderr" </dev/null || status=$?
	check "closed_${way:-text}_ends" test "$status" -le 1
done
check_same and_the_keys_are_there 'build git ' "$(prints | tr ' ' '\n' |
    sort -u | grep -v 2 | tr '\n' ' ' | sed 's/^ //')"
scenario_end
