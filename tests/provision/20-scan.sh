#!/bin/bash
# 20-scan.sh - a real sshd is asked for its host keys, and ssh-keyscan is the
# witness.
# shellcheck source=tests/support/scenario.sh
. "$(dirname "$0")/../support/scenario.sh"
# shellcheck source=tests/support/sshd.sh
. "$(dirname "$0")/../support/sshd.sh"

[ -x "$BOTTLE_BIN/scan" ] || die 'there is no scan in BOTTLE_BIN'
for tool in ssh-keyscan unshare; do
	command -v "$tool" >/dev/null || skip_all "there is no $tool here"
done
sshd_ready

# host NAME KEY...: a host with several keys, $T/sshd_NAME.
host() {
	local name=$1 key

	shift
	make_key "$1" "host_$name"
	key=$1
	shift
	for key; do
		make_key "$key" "${name}_$key"
	done
	sshd_host "$name" "${@/#/HostKey $T/${name}_}"
}

# keys_of NAME: what a scan is to print, from the files.
keys_of() {
	local file

	for file in "$T/host_$1.pub" "$T/$1"_*.pub; do
		[ -e "$file" ] || continue
		printf '%s %s\n' "$(cut -d ' ' -f 1-2 "$file")" \
		    "$(ssh-keygen -l -f "$file" | cut -d ' ' -f 2)"
	done | sort
}

# scan NAME: over a socket, without a port.
scan() {
	timeout 60 "$BOTTLE_BIN/scan" 20000 --by /usr/sbin/sshd -i \
	    -f "$T/sshd_$1" 2>"$T/said" </dev/null
}

host all ed25519 ecdsa256 rsa2048
host rsa rsa2048
host old rsa2048
sed -i '1i HostKeyAlgorithms ssh-rsa' "$T/sshd_old"
host curve ecdsa521
host two ed25519 ecdsa384

for name in all rsa old curve two; do
	check_same "all keys of the host: $name" "$(keys_of "$name")" \
	    "$(scan "$name" | sort)"
	check_same "nothing is said about them: $name" '' "$(cat "$T/said")"
done
check_same 'in the order that is promised' \
    'ssh-ed25519 ecdsa-sha2-nistp256 ssh-rsa' \
    "$(scan all | cut -d ' ' -f 1 | xargs)"

sshd_listen all
seen=$(timeout 60 ssh-keyscan -T 20 -p "$port" 127.0.0.1 2>/dev/null |
    cut -d ' ' -f 2- | sort)
check_has 'ssh-keyscan sees keys' "$seen" ssh-ed25519
check_same 'the keys that ssh-keyscan sees' "$seen" \
    "$(timeout 60 "$BOTTLE_BIN/scan" 20000 127.0.0.1 "$port" |
    cut -d ' ' -f 1-2 | sort)"

# A pipe that nobody writes to holds up whoever opens it to read.
# shellcheck disable=SC2016
among_pipes='
	set -e
	mount -t tmpfs none "$1"
	mount -t tmpfs none /etc/ssh
	mkdir -m 700 "$1/.ssh"
	mkfifo "$1/.ssh/config" "$1/.ssh/known_hosts" "$1/.ssh/id_ed25519" \
	    /etc/ssh/ssh_config /etc/ssh/ssh_known_hosts
	"$2" 30000 127.0.0.1 "$3"
	ls -A "$1/.ssh" | wc -l'
home=$(getent passwd "$(id -u)" | cut -d : -f 6)
if unshare -m mount -t tmpfs none "$home" 2>/dev/null; then
	seen=$(timeout 60 unshare -m sh -c "$among_pipes" sh "$home" \
	    "$BOTTLE_BIN/scan" "$port" 2>&1)
	check_same 'no file of the user is read or written' 3 \
	    "$(printf '%s\n' "$seen" | tail -n 1)"
	check_has 'and the keys are there' "$seen" SHA256:
else
	echo 'SKIP: no mount namespaces here, to see that no file is read'
fi

checks_end
