#!/bin/bash
# Each type of key that can be here, with a certificate of its own: ssh-add puts
# in both, both sign, and ssh-add takes out both.
# shellcheck source=tests/support/scenario.sh
. "$(dirname "$0")/../support/scenario.sh"

make_keys
make_key ecdsa384 ca
agent_start --legacy-rsa
for type in "${key_types[@]}"; do
	ssh-keygen -q -s "$T/ca" -I "$type" -n somebody "$T/$type.pub"
	both=$(public "$type" "$type-cert")
	check "add_$type" as_self ssh-add -q "$T/$type"
	check_same "key_and_certificate_of_$type" "$both" "$(listed)"
	# ssh-add verifies the signatures.
	check "${type}_signs" as_self ssh-add -T "$T/$type.pub"
	check "certificate_of_${type}_signs" \
	    as_self ssh-add -T "$T/$type-cert.pub"
	# The one goes without the other.
	check "remove_the_plain_$type" as_self ssh-add -q -k -d "$T/$type"
	check_same "the_certificate_of_${type}_stays" \
	    "$(public "$type-cert")" "$(listed)"
	check_refused "the_plain_${type}_signs_no_more" \
	    as_self ssh-add -T "$T/$type.pub"
	check "add_${type}_again" as_self ssh-add -q "$T/$type"
	check "remove_both_of_$type" as_self ssh-add -q -d "$T/$type"
	check_same "none_of_${type}_is_left" '' "$(listed)"
done
scenario_end
