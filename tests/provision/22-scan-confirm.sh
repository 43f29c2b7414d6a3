#!/bin/bash
# 22-scan-confirm.sh - a host that is not known: --scan asks the operator at his
# terminal, and what he does not confirm is not loaded.
# shellcheck source=tests/support/load.sh
. "$(dirname "$0")/../support/load.sh"
# shellcheck source=tests/support/sshd.sh
. "$(dirname "$0")/../support/sshd.sh"

need_own
sshd_ready

for name in git host_one other; do
	make_key ed25519 "$name"
done
make_key ecdsa256 host_two
chmod 600 "$T"/host_one "$T"/host_two
cp "$T/git.pub" "$T/authorized"
sshd_host one "HostKey $T/host_two"
sshd_listen one
manifest "$(entry one.test "$T/git" '"Hostname": "127.0.0.1",
    "Port": '"$port"', "User": "node"' | tr -d '\n')"
agent_start --public --allow node=list,sign
known=$N/.ssh/bottle-agent/default/known_hosts

# prompts N: whether it has asked so often.
prompts() {
	[ "$(grep -ao '(yes/no/\[fingerprint\])? ' "$T/typed" | wc -l)" -ge "$1" ]
}

# typed NAME WANTED PART ANSWER...: a load at a terminal, where each answer is
# typed once it is asked for; - is the end of what is typed, without an answer.
typed() {
	local name=$1 wanted=$2 part=$3

	shift 3
	rm -rf "$N/.ssh"
	as_self ssh-add -qD
	: >"$T/typed"
	status=0
	said=$(for ((i = 1; i <= $#; i++)); do
		wait_for 20 prompts "$i" || true
		if [ "${!i}" = - ]; then
			printf '\004'
		else
			printf '%s\n' "${!i}"
		fi
	done | timeout 120 script -qefc "$(printf '%q ' "$PROVISION" load \
	    --socket "$S" --bin "$bin" --user "$account" --home "$N" \
	    --no-install -f "$T/m.json" "$scan" local)" "$T/typed" 2>&1 |
	    tr -d '\r'
	    exit "${PIPESTATUS[1]}") || status=$?
	check_same "${name}_ends_so" "$wanted" "$status"
	check_has "${name}_says_so" "$said" "$part"
	if [ "$wanted" -ne 0 ]; then
		check_same "${name}_loads_nothing" 'The agent has no identities.' \
		    "$(as_self ssh-add -l 2>&1)"
		check "${name}_writes_nothing" test ! -e "$known"
	fi
}

# keys_known: how many keys of the host the user's ssh knows now.
keys_known() {
	grep -vc '^#' "$known"
}

scan=--scan
typed yes 0 "$(print_of host_one) (ssh-ed25519)" yes
check_has and_the_other_key_is_shown "$said" "$(print_of host_two)"
check_same both_are_known 2 "$(keys_known)"
check_same and_ssh_logs_in node "$(as_account ssh one.test whoami 2>&1)"

typed a_fingerprint 0 'is not known' "$(print_of host_two)"
check_same that_key_alone_is_known 1 "$(keys_known)"
check_has and_it_is_that_one "$(cat "$known")" "$(blob host_two)"

typed no 3 'was not confirmed, so nothing was loaded' no
typed nothing_at_all 3 'was not confirmed' ''
check_refused and_it_does_not_ask_again prompts 2
typed the_end_of_the_terminal 3 'was not confirmed' -
typed another_fingerprint 3 'Please type yes or no in full' \
    "$(print_of other)" y YES
scan=--scan-via-target
typed through_the_target 3 'which may have made it up' no

# Nobody to ask.
rm -rf "$N/.ssh"
in=/dev/null
run_alone() {
	status=0
	err=$(setsid -w timeout 120 "$PROVISION" load --socket "$S" \
	    --bin "$bin" --user "$account" --home "$N" --no-install \
	    -f "$T/m.json" "$@" local 2>&1 </dev/null) || status=$?
}
run_alone --scan
check_same without_a_terminal 3 "$status"
check_has it_says_what_to_do_instead "$err" KnownHostKey
sed -i "s/\"Port\": $port/\"Port\": 1/" "$T/m.json"
run_alone --scan
check_same a_host_that_is_not_there 5 "$status"
scenario_end
