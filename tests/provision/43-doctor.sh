#!/bin/bash
# 43-doctor.sh - doctor without a container: what it finds in a target that is
# well, and then in the same with one thing after the other broken.  All that is
# real is in tests/e2e/doctor.sh; this is what every build is tried with.

# It looks at all agents that are here, and asks them for their keys: those of
# other tests must not be.
if [ "$(id -u)" -eq 0 ] && [ -z "${BOTTLE_OWN_NET:-}" ] &&
    unshare -mn ip link set lo up 2>/dev/null; then
	BOTTLE_OWN_NET=yes BOTTLE_OWN_MOUNTS=yes TMPDIR=/var/tmp \
	    exec unshare -mn "$0" "$@"
fi
# shellcheck source=tests/support/load.sh
. "$(dirname "$0")/../support/load.sh"
# shellcheck source=tests/support/sshd.sh
. "$(dirname "$0")/../support/sshd.sh"

[ -n "${BOTTLE_OWN_NET:-}" ] ||
    skip_all 'needs root, and namespaces for mounts and networks'
sshd_ready
ip link set lo up
mount -t tmpfs -o mode=1777 none /tmp

for name in git build host_one host_two; do
	make_key ed25519 "$name"
done
chmod 600 "$T"/host_one "$T"/host_two
cat "$T"/{git,build}.pub >"$T/authorized"
sshd_host one
sshd_host two
sshd_listen one
one=$port
sshd_listen two
two=$port

# A way in that takes what is the user's business as the user.
cat >"$T/enter" <<EOS
#!/bin/bash
case \$1:\${4:-} in
*/bottle-forward:* | /bin/sh:user)
	exec setpriv --reuid $account_uid --regid $account_uid --clear-groups \\
	    env -i -C $N HOME=$N PATH="\$PATH" LC_ALL=C "\$@"
	;;
*) exec "\$@" ;;
esac
EOS
chmod 755 "$T/enter"
target=exec:$T/enter

# host NAME PORT KEY HOSTKEY: an entry.
host() {
	entry "$1" "$T/$3" '"Hostname": "127.0.0.1", "Port": '"$2"',
	    "User": "node", "KnownHostKey": "'"$(blob "$4")"'"' | tr -d '\n'
}
manifest "$(host one.test "$one" git host_one)" \
    "$(host two.test "$two" build host_two)"
agent_start --public --allow node=list,sign
load -f "$T/m.json" --sign "$target"
expect the_keys_are_loaded 0

# doctor ARG...: what it says as JSON is in $W/stdout.
doctor() {
	run doctor --json --user "$account" --home "$N" --socket "$S" \
	    --bin "$bin" --timeout 20 "$@"
}

# verdict LINK: the worst that was found.
verdict() {
	jq -r --arg link "$1" '[.targets[0].findings[] |
	    select(.link == $link) | .verdict] |
	    if any(. == "bad") then "bad" elif any(. == "warn") then "warn"
	    elif any(. == "ok") then "ok" else "skipped" end' "$W/stdout"
}

# found NAME LINK VERDICT PART: what the last call found about one link.
found() {
	check_same "$1" "$2 $3" "$2 $(verdict "$2")"
	check_has "$1_and_says_so" "$(jq -r --arg link "$2" \
	    '.targets[0].findings[] | select(.link == $link) |
	    .what + " | " + (.mend // "")' "$W/stdout")" "$4"
	! unclean "$out$err" || not_ok "$1_is_clean" "$out$err"
}

# --- a target that is well ----------------------------------------------------------

in_home() {
	(cd "$N" && find . -printf '%M %u %p %s %T@\n' | sort)
}
before=$(in_home)
doctor "$target"
# The socket is in a folder of /tmp, and so are the keys that were loaded.
for link in engine programs agent peers keys rules ssh-config git host-key \
    login signing; do
	check_same "${link}_is_ok" ok "$(verdict "$link")"
done
check_same both_hosts_let_the_user_in 2 "$(jq '[.targets[0].findings[] |
    select(.link == "login" and .verdict == "ok")] | length' "$W/stdout")"
found a_socket_in_a_folder_for_everybody socket warn "/tmp"
check_same nothing_was_changed "$before" "$(in_home)"
run doctor --no-login --user "$account" --home "$N" --socket "$S" \
    --bin "$bin" "$target"
check_has people_get_lines "$out" '  ok    engine '
check_has and_what_was_not_looked_at "$out" 'no connection is to be made'

# Where the home is need not be said.
run doctor --json --no-login --user "$account" --socket "$S" --bin "$bin" \
    --timeout 20 "$target"
check_same home_is_that_of_the_user ok "$(verdict ssh-config)"

# Nor where root's script finds nothing out, and the user's says it.
cat >"$T/enter-user" <<EOS
#!/bin/bash
case \$1:\${4:-} in
/bin/sh:root) exit 1 ;;
*) exec "$T/enter" "\$@" ;;
esac
EOS
chmod 755 "$T/enter-user"
run doctor --json --no-login --user "$account" --socket "$S" --bin "$bin" \
    --timeout 20 "exec:$T/enter-user"
check_same home_is_what_the_user_has ok "$(verdict ssh-config)"

# What nothing can be found out about is not said to be well.
cat >"$T/enter-nothing" <<EOS
#!/bin/bash
case \$1:\${4:-}:\${5:-} in
/bin/sh:user:login) exit 1 ;;
*) exec "$T/enter" "\$@" ;;
esac
EOS
chmod 755 "$T/enter-nothing"
doctor "exec:$T/enter-nothing"
for link in proxy host-key login signing; do
	check_same "nothing_is_known_of_$link" skipped "$(verdict "$link")"
	check "${link}_is_told_of" test -n "$(jq -r --arg link "$link" \
	    '.targets[0].findings[] | select(.link == $link) | .what' \
	    "$W/stdout")"
done

# Who does not say who he is is nobody who could be looked at.
cat >"$T/enter-nameless" <<EOS
#!/bin/bash
case \$1:\${4:-}:\${5:-} in
/bin/sh:user:login) exec "$T/enter" "\$@" ;;
/bin/sh:user:*) "$T/enter" "\$@" | sed 's/uid/who/' ;;
*) exec "$T/enter" "\$@" ;;
esac
EOS
chmod 755 "$T/enter-nameless"
doctor --no-login "exec:$T/enter-nameless"
found a_user_who_does_not_say_who_he_is engine warn \
    'does not run programs as user'

# --- one that is not ----------------------------------------------------------------

# What is broken and left so has nothing to do with what comes after it.
conf=$N/.ssh/bottle-agent/default
sed -i "s,$(blob host_one),$(blob host_two)," "$conf/known_hosts"
cp "$T/authorized" "$T/all"
cp "$T/git.pub" "$T/authorized"
doctor "$target"
check_same it_is_bad 1 "$status"
found a_key_that_is_not_let_in login bad "$(print_of build)"
found another_host_key host-key bad 'but known for'
cp "$T/all" "$T/authorized"

sed -i '/^Include/d' "$N/.ssh/config"
printf '[gpg]\n\tformat = openpgp\n' >>"$N/.gitconfig"
as_account ssh-keygen -q -t ed25519 -N '' -f "$N/.ssh/id_x"
doctor "$target"
found a_line_that_is_gone ssh-config bad 'there is no line'
found a_gitconfig_of_his_own git bad 'gpg.format = openpgp'
found a_key_in_the_home stray-keys bad "$N/.ssh/id_x"
found a_host_that_has_no_name proxy bad one.test

chmod 600 "$S"
chmod 644 "$bin/bottle-forward"
as_self ssh-add -q "$T/git"
doctor --no-login "$target"
found a_closed_socket socket bad 'may not connect'
found a_program_that_nobody_can_run programs bad 'bottle-forward'
found a_key_for_everything rules warn 'git'

agent_stop
doctor --no-login "$target"
found no_agent agent bad ''
check_same nothing_is_known_of_keys skipped "$(verdict keys)"

# --- ways in that are none ------------------------------------------------------------

doctor "exec:$T/none"
check_same a_command_that_is_not_there 5 "$status"
doctor exec:false
check_same a_command_that_fails 1 "$status"
found it_runs_nothing engine warn 'did not come to its end'
doctor exec:env
found one_that_does_not_run_things_as_the_user engine warn \
    'does not run programs as user'
cat >"$T/liar" <<-'EOS'
	#!/bin/sh
	yes "$(printf "\033[31mfact\001")" | head -c 3000000
EOS
chmod 755 "$T/liar"
doctor "exec:$T/liar"
found one_that_prints_without_end engine bad \
    'prints more than 1048576 bytes'
doctor --no-login "$target" "exec:$T/none"
check_same the_worst_of_two_counts 5 "$status"
check_same both_are_told_of 2 "$(jq '.targets | length' "$W/stdout")"
scenario_end
