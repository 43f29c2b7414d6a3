#!/bin/bash
# A key goes when its time is over: its own (ssh-add -t), or the agent's (-t)
# where it has none.
# shellcheck source=tests/support/scenario.sh
. "$(dirname "$0")/../support/scenario.sh"

for name in short long plain; do
	make_key ed25519 "$name"
done

# only NAME...: these and no others are listed.
only() {
	[ "$(listed)" = "$(public "$@")" ]
}

agent_start
check add_with_8_seconds as_self ssh-add -t 8 "$T/short"
check add_with_1_hour as_self ssh-add -t 1h "$T/long"
check add_without_end as_self ssh-add "$T/plain"
check all_are_there only short long plain
check short_one_signs as_self ssh-add -T "$T/short.pub"
check short_one_goes wait_for 30 only long plain
check_refused a_gone_key_does_not_sign as_self ssh-add -T "$T/short.pub"
check the_others_sign as_self ssh-add -T "$T/long.pub" "$T/plain.pub"

# Added again without an end it stays; with one it goes.
check add_the_long_one_again as_self ssh-add -t 1 "$T/long"
check its_new_end_counts wait_for 30 only plain
agent_stop

agent_start -t 8
check add_under_a_default as_self ssh-add "$T/plain"
check add_with_more_than_the_default as_self ssh-add -t 100 "$T/long"
check both_are_there only long plain
check the_default_one_goes wait_for 30 only long
agent_stop

check_status a_bad_lifetime_is_no_start 1 "$AGENT" -D -a "$T/x" -t nonsense
scenario_end
