#!/bin/sh
# Folders include only what lies below them, the crypto libraries stay in agent/,
# and the host's in provision/.
# usage: layers.sh SOURCE
set -u
cd "$1" || exit 2
bad=0

# complain FOLDER PATTERN: no include line in FOLDER may match PATTERN.
complain()
{
	if found=$(grep -nE "^[[:space:]]*#[[:space:]]*include[[:space:]]*$2" \
	    "$1"/*.[ch] /dev/null); then
		printf '%s\n' "$found" >&2
		bad=1
	fi
}

complain base '"(proto|agent|forwarder|provision|tests|fuzz|bench)/'
complain proto '"(agent|forwarder|provision|tests|fuzz|bench)/'
complain keys '"(agent|forwarder|provision|tests|fuzz|bench)/'
complain agent '"(forwarder|provision|tests|fuzz|bench)/'
complain forwarder '"(keys|agent|provision|tests|fuzz|bench)/'
complain provision '"(agent|forwarder|tests|fuzz|bench)/'
complain base '[<"](openssl/|sodium|seccomp|libssh|jansson)'
complain proto '[<"](openssl/|sodium|seccomp|libssh|jansson)'
complain agent '[<"](libssh|jansson)'
complain keys '[<"](openssl/|seccomp|libssh|jansson)'
complain forwarder '[<"](openssl/|sodium|seccomp|libssh|jansson)'
complain provision '[<"](openssl/|sodium|seccomp)'
# It is needed while the programs are built, and not by them.
if found=$(grep -n 'include *[<"]seccomp' agent/*.[ch] |
    grep -v '^agent/callfilter_make\.c:'); then
	printf '%s\n' "$found" >&2
	bad=1
fi
# What comes over a network is parsed in one place.
if found=$(grep -n '<libssh/' provision/*.[ch] |
    grep -v '^provision/hostscan\.c:'); then
	printf '%s\n' "$found" >&2
	bad=1
fi
# It is to be built for other systems, too.
complain provision '<sys/(epoll|eventfd|signalfd|timerfd|pidfd)\.h>'
# Written from the root, so that the layer can be seen in the line; version.h
# is made by the build and lies there.
if found=$(grep -nE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"([^/"]*|\.[^"]*)"' \
    base/*.[ch] proto/*.[ch] keys/*.[ch] agent/*.[ch] forwarder/*.[ch] \
    provision/*.[ch] | grep -v '"version\.h"$'); then
	printf '%s\n' "$found" >&2
	bad=1
fi
exit $bad
