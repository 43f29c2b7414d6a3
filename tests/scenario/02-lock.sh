#!/bin/bash
# A locked agent shows no key, signs with none and takes none, and opens with
# the same password only.
# shellcheck source=tests/support/scenario.sh
. "$(dirname "$0")/../support/scenario.sh"

make_key ed25519
make_key ed25519 second
agent_start
as_self ssh-add -q "$T/ed25519"

askpass right
check lock as_self ssh-add -x
check_same locked_lists_nothing '' "$(listed)"
check_status locked_list_ends_with_1 1 as_self ssh-add -l
check_refused locked_signs_nothing as_self ssh-add -T "$T/ed25519.pub"
check_refused locked_adds_nothing as_self ssh-add "$T/second"
check_refused locked_removes_nothing as_self ssh-add -d "$T/ed25519.pub"
check_refused locked_is_not_locked_again as_self ssh-add -x

askpass wrong
check_refused wrong_password as_self ssh-add -X
check_same still_locked '' "$(listed)"

askpass right
check unlock as_self ssh-add -X
check_same the_key_is_back "$(public ed25519)" "$(listed)"
check it_signs_again as_self ssh-add -T "$T/ed25519.pub"
check_refused unlocked_is_not_unlocked_again as_self ssh-add -X
scenario_end
