#!/bin/bash
# In ssh-agent mode OpenSSH's ssh-add works as with its own agent: every key
# type is added, listed with its comment, removed by its public half, and all
# are removed at once.
# shellcheck source=tests/support/scenario.sh
. "$(dirname "$0")/../support/scenario.sh"

make_keys
make_key ed25519 hostkey
printf 'test.example %s\n' "$(cut -d ' ' -f 1-2 "$T/hostkey.pub")" >"$T/hosts"
agent_start

check_status an_empty_agent_lists_nothing 1 as_self ssh-add -l
for type in "${key_types[@]}"; do
	check "add_$type" as_self ssh-add "$T/$type"
done
check_same all_are_listed "$(public "${key_types[@]}")" "$(listed)"
check_same comments_are_kept "$(printf '%s\n' "${key_types[@]}")" \
    "$(as_self ssh-add -L | cut -d ' ' -f 3)"
check_same fingerprints_are_listed "$(ssh-keygen -l -f "$T/ed25519.pub")" \
    "$(as_self ssh-add -l | head -n 1)"
for type in ed25519 ecdsa256 ecdsa384 ecdsa521; do
	check "signs_with_$type" as_self ssh-add -T "$T/$type.pub"
done
# ssh-add asks for RSA with SHA-1 here, which nobody should have by accident.
check_refused rsa_with_sha1_is_refused as_self ssh-add -T "$T/rsa2048.pub"

check add_again as_self ssh-add "$T/ed25519"
check_same adding_again_adds_none "$(public "${key_types[@]}")" "$(listed)"

for type in rsa2048 ecdsa384; do
	check "remove_$type" as_self ssh-add -d "$T/$type.pub"
	check_status "remove_${type}_again" 1 as_self ssh-add -d "$T/$type.pub"
done
check_same the_others_stay "$(public ed25519 rsa4096 ecdsa256 ecdsa521)" \
    "$(listed)"
check_refused a_removed_key_does_not_sign as_self ssh-add -T "$T/rsa2048.pub"

check remove_all as_self ssh-add -D
check_same none_is_left '' "$(listed)"
check remove_all_of_none as_self ssh-add -D
check_refused no_library_is_loaded as_self ssh-add -s /usr/lib/libp.so
check a_key_for_one_host_is_taken as_self \
    ssh-add -H "$T/hosts" -h test.example "$T/ed25519"
check_refused but_signs_no_data_of_nobody_knows_what as_self \
    ssh-add -T "$T/ed25519.pub"
check that_key_goes as_self ssh-add -d "$T/ed25519.pub"

check add_with_confirmation as_self ssh-add -c "$T/ed25519"
check_refused nobody_confirms_and_nothing_is_signed \
    as_self ssh-add -T "$T/ed25519.pub"
agent_stop

agent_start --legacy-rsa
check add_rsa as_self ssh-add "$T/rsa2048"
check rsa_with_sha1_where_it_is_asked_for as_self ssh-add -T "$T/rsa2048.pub"
scenario_end
