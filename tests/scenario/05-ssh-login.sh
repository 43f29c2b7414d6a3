#!/bin/bash
# OpenSSH's ssh logs in to OpenSSH's sshd with every key type, and with RSA in
# both of the algorithms that are still in use; the far side of a forwarded
# agent sees the same keys.
# shellcheck source=tests/support/scenario.sh
. "$(dirname "$0")/../support/scenario.sh"

[ -x /usr/sbin/sshd ] || skip_all 'there is no sshd here'
need_root
make_keys
make_key ed25519 hostkey
make_key ed25519 unwanted
agent_start
for type in "${key_types[@]}"; do
	as_self ssh-add -q "$T/$type"
	rm "$T/$type"
	cat "$T/$type.pub"
done >"$T/authorized"

# One sshd for each login, on a pipe: no port that somebody else may have.
cat >"$T/sshd_config" <<-EOS
	HostKey $T/hostkey
	AuthorizedKeysFile $T/authorized
	StrictModes no
	UsePAM no
	PasswordAuthentication no
	KbdInteractiveAuthentication no
	PermitRootLogin prohibit-password
	AllowAgentForwarding yes
	PidFile none
EOS
[ -d /run/sshd ] || {
	mkdir -m 755 /run/sshd
	at_exit rmdir /run/sshd
}
printf 'test.example %s\n' "$(cut -d ' ' -f 1-2 "$T/hostkey.pub")" \
    >"$T/known_hosts"
cat >"$T/ssh_config" <<-EOS
	Host test.example
		User $(id -un)
		ProxyCommand /usr/sbin/sshd -i -f $T/sshd_config
		IdentityAgent $S
		IdentitiesOnly yes
		PreferredAuthentications publickey
		UserKnownHostsFile $T/known_hosts
		StrictHostKeyChecking yes
		BatchMode yes
EOS

# login KEY COMMAND...
login() {
	local key=$1

	shift
	as_self ssh -F "$T/ssh_config" -i "$T/$key.pub" test.example "$@"
}

for type in "${key_types[@]}"; do
	check "login_with_$type" login "$type" true
done
for type in rsa2048 rsa4096; do
	for hash in rsa-sha2-256 rsa-sha2-512; do
		check "login_with_${type}_$hash" as_self ssh \
		    -F "$T/ssh_config" -i "$T/$type.pub" \
		    -o "PubkeyAcceptedAlgorithms=$hash" test.example true
	done
done
check_status the_command_ends_as_it_ends 7 login ed25519 exit 7
check_refused a_key_that_is_not_loaded login unwanted true
check_same forwarded_agent_lists_the_keys "$(public "${key_types[@]}")" \
    "$(as_self ssh -A -F "$T/ssh_config" -i "$T/ed25519.pub" test.example \
	ssh-add -L | cut -d ' ' -f 1-2 | sort)"
scenario_end
