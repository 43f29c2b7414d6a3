#!/bin/bash
# bench/agent-and-socat.sh CONTAINER USER CONFIG KNOWN_HOSTS KEY... - what
# bottle-provision is measured against: keys into a container by the means that
# there are without it.
#
# Each key is copied in, given to OpenSSH's agent, which runs as root there, and
# deleted; socat lends the agent to the user, at a socket that all may write
# to; ssh's configuration and known hosts are copied in.  A trip to the engine
# for each step: 13, and 3 more for each key, whose number is printed at the
# end.  Nobody should work like this: while a key is on its way it is a file in
# the container's layer, the user can wipe and lock the agent, and one load that
# fails leaves files and half of the keys behind.
set -eu

name=$1 user=$2 config=$3 known_hosts=$4
shift 4
keys=/root/keys
private=/run/ssh-agent.sock
public=/run/ssh-agent-user.sock
home=/home/$user
trips=0

# in_it [OPTION...] COMMAND...: one trip.
in_it() {
	trips=$((trips + 1))
	docker exec "$@" </dev/null >/dev/null
}

copy() {
	trips=$((trips + 1))
	docker cp "$@" >/dev/null 2>&1
}

in_it -u 0 "$name" mkdir -p "$keys"
in_it -u 0 "$name" chmod 700 "$keys"
in_it -u 0 "$name" ssh-agent -a "$private"
for key in "$@"; do
	copy "$key" "$name:$keys/${key##*/}"
	in_it -u 0 -e SSH_AUTH_SOCK="$private" "$name" \
	    ssh-add -q "$keys/${key##*/}"
	in_it -u 0 "$name" rm -f "$keys/${key##*/}"
done
in_it -u 0 "$name" rmdir "$keys"
in_it -d -u 0 "$name" socat \
	"UNIX-LISTEN:$public,fork,mode=666" "UNIX-CONNECT:$private"
# shellcheck disable=SC2016
in_it -u 0 "$name" bash -c 'until [ -S "$1" ]; do sleep 0.01; done' - "$public"
in_it -u "$user" "$name" mkdir -p "$home/.ssh"
in_it -u "$user" "$name" chmod 700 "$home/.ssh"
copy "$config" "$name:$home/.ssh/config"
in_it -u 0 "$name" chown "$user" "$home/.ssh/config"
copy "$known_hosts" "$name:$home/.ssh/known_hosts"
in_it -u 0 "$name" chown "$user" "$home/.ssh/known_hosts"
in_it -u "$user" -e SSH_AUTH_SOCK="$public" "$name" ssh-add -l
printf '%d\n' "$trips"
