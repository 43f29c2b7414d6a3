#!/bin/bash
# OpenSSH's ssh logs in to OpenSSH's sshd with every key type, and with RSA in
# both of the algorithms that are still in use; the far side of a forwarded
# agent sees the same keys.
# shellcheck source=tests/support/scenario.sh
. "$(dirname "$0")/../support/scenario.sh"
# shellcheck source=tests/support/sshd.sh
. "$(dirname "$0")/../support/sshd.sh"

sshd_ready
make_keys
make_key ed25519 host_test
sshd_host test
sshd_known test
make_key ed25519 unwanted
agent_start
for type in "${key_types[@]}"; do
	as_self ssh-add -q "$T/$type"
	rm "$T/$type"
	cat "$T/$type.pub"
done >"$T/authorized"

for type in "${key_types[@]}"; do
	check "login_with_$type" near "$type" test true
done
for type in rsa2048 rsa4096; do
	for hash in rsa-sha2-256 rsa-sha2-512; do
		check "login_with_${type}_$hash" near "$type" \
		    -o "PubkeyAcceptedAlgorithms=$hash" test true
	done
done
check_status the_command_ends_as_it_ends 7 near ed25519 test exit 7
check_refused a_key_that_is_not_loaded near unwanted test true
check_same forwarded_agent_lists_the_keys "$(public "${key_types[@]}")" \
    "$(near ed25519 -A test ssh-add -L | cut -d ' ' -f 1-2 | sort)"
scenario_end
