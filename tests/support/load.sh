# shellcheck shell=bash disable=SC2034,SC2154
# load.sh - what the tests of bottle-provision load share: a user with a home, a
# target that is this machine or behind a command, and what a call came to.
#
# Sourced first of all; it sources scenario.sh.  Root gets a machine of its own:
# names of users, a home and programs in places that only root can write to, all
# in a mount namespace.  Anybody else is that user himself.

if [ "$(id -u)" -eq 0 ] && [ -z "${BOTTLE_OWN_MOUNTS:-}" ] &&
    unshare -m true 2>/dev/null; then
	BOTTLE_OWN_MOUNTS=yes exec unshare -m "$0" "$@"
fi
support=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/support/scenario.sh
. "$support/scenario.sh"

PROVISION=$BOTTLE_BIN/bottle-provision
[ -x "$PROVISION" ] || skip_all 'this build has no bottle-provision'
unset XDG_RUNTIME_DIR XDG_CONFIG_HOME BOTTLE_BUNDLE

# The user in the target, and the home there.  The number is one that no machine
# has.
N=$T/node
if [ -n "${BOTTLE_OWN_MOUNTS:-}" ]; then
	account=node account_uid=54321 account_gid=54321
	for table in passwd group; do
		grep -vE '^(root|node|tester):|^[^:]*:[^:]*:(1000|54321):' \
		    "/etc/$table" >"$T/$table" || true
	done
	cat >>"$T/passwd" <<-EOS
		root:x:0:0:root:$HOME:/bin/bash
		node:x:$account_uid:$account_uid::$N:/bin/bash
	EOS
	printf '%s\n' root:x:0: "node:x:$account_uid:" "box:x:54322:node" \
	    >>"$T/group"
	chmod 644 "$T/passwd" "$T/group"
	if [ -e /etc/shadow ]; then
		# There his account could be a locked one.
		(umask 077 && sed '/^node:/d' /etc/shadow >"$T/shadow")
		mount --bind "$T/shadow" /etc/shadow
	fi
	mount --bind "$T/passwd" /etc/passwd
	mount --bind "$T/group" /etc/group
	install -d "$T/programs"
	install -m 755 "$BOTTLE_BIN"/bottle-{agent,forward,ssh-keygen} \
	    "$PROVISION" "$T/programs"
	PROVISION=$T/programs/bottle-provision
	mount -t tmpfs -o mode=755 none /opt
	bin=/opt/bottle-agent/bin
	install -d "$bin"
	install -m 755 "$T/programs"/* "$bin"
else
	account=$(id -un) account_uid=$(id -u) account_gid=$(id -g)
	bin=$T/programs
	install -d "$bin"
	install -m 755 "$BOTTLE_BIN"/bottle-{agent,forward,ssh-keygen} "$bin"
fi

# need_own: the rest is about other users, or what only root has.
need_own() {
	[ -n "${BOTTLE_OWN_MOUNTS:-}" ] ||
	    skip_all 'needs root and mount namespaces'
}

# home_new: an empty home for the user.
home_new() {
	rm -rf "$N"
	install -d -m 700 "$N"
	chown "$account_uid:$account_gid" "$N"
}
home_new

# as_account COMMAND...: as that user, with nothing in the environment but what
# is needed.
as_account() {
	local become=()

	[ "$(id -u)" -eq "$account_uid" ] ||
	    become=(setpriv --reuid "$account_uid" --regid "$account_uid"
		--clear-groups)
	timeout 30 "${become[@]}" env -i -C "$N" HOME="$N" PATH="$PATH" \
	    LC_ALL=C "$@"
}

# run ARG...: bottle-provision; afterwards $status, $out and $err, and the same
# in files in $W.
run() {
	status=0
	timeout -k 1 120 "$PROVISION" "$@" <"$in" >"$W/stdout" 2>"$W/stderr" ||
	    status=$?
	out=$(tr '\0' '@' <"$W/stdout")
	err=$(tr '\0' '@' <"$W/stderr")
}
in=/dev/null
W=$T

# load ARG...: the same, into that user's home.
load() {
	run load --socket "$S" --bin "$bin" --user "$account" --home "$N" \
	    --no-install --no-prompt "$@"
}

# A target that tells of it when anything is run in it.
printf '#!/bin/sh\necho "$*" >>%q\nexit 1\n' "$T/marks" >"$T/mark"
chmod 755 "$T/mark"
M=exec:$T/mark

# unclean TEXT: has it bytes that a terminal may act on?
unclean() {
	[[ $1 == *[!\ -~$'\n']* ]]
}

# expect NAME STATUS [PART]...: how the last call ended, and what must be in what
# it said on stderr; a PART after an exclamation mark must not be.  Each line
# there is one of ours.  Unless it is 0, nothing was printed, and nothing
# was run in a target that tells of it.
expect() {
	local name=$1 what='' part line

	[ "$status" = "$2" ] || what="ended with $status, not $2;"
	if [ "$2" -ne 0 ]; then
		[ -z "$out" ] || what+=" printed \"${out:0:200}\";"
		[ ! -e "$T/marks" ] ||
		    what+=" ran \"$(cat "$T/marks")\" in the target;"
		[ -n "$err" ] || what+=' says nothing;'
	fi
	rm -f "$T/marks"
	shift 2
	for part in "$@"; do
		case $part in
		!*)
			[[ $err != *"${part#!}"* ]] ||
			    what+=" it says \"${part#!}\";"
			;;
		*)
			[[ $err == *"$part"* ]] ||
			    what+=" it does not say \"$part\";"
			;;
		esac
	done
	! unclean "$err$out" || what+=' unclean;'
	while IFS= read -r line; do
		[[ -z $line || $line == 'bottle-provision: '* ||
		    $line == 'Try "bottle-provision '*'--help".' ]] ||
		    what+=" a line of its own: $line;"
	done <<<"$err"
	if [ -z "$what" ]; then
		ok "$name"
	else
		not_ok "$name" "$what it said: ${err:0:1000}"
	fi
}

# wrong NAME STATUS PART... -- ARG...: a load that must fail before the target
# hears of it.
wrong() {
	local name=$1 wanted=$2 parts=()

	shift 2
	while [ "$1" != -- ]; do
		parts+=("$1")
		shift
	done
	shift
	load "$@"
	expect "$name" "$wanted" "${parts[@]}"
}

# dry NAME FILTER WANTED ARG...: what jq makes of a dry run.
dry() {
	local name=$1 filter=$2 wanted=$3 got

	shift 3
	load --dry-run --json "$M" "$@"
	got=$(jq -r "$filter" "$T/stdout" 2>&1 | tr '\n' ' ')
	[ "$status" -eq 0 ] || got="ended with $status: $err"
	[ ! -e "$T/marks" ] || got="ran $(cat "$T/marks")"
	rm -f "$T/marks"
	check_same "$name" "$wanted" "${got% }"
}

# blob NAME: type and base64 of a public key.
blob() {
	cut -d ' ' -f 1-2 "$T/$1.pub"
}

# print_of NAME: its fingerprint.
print_of() {
	ssh-keygen -lf "$T/$1.pub" | cut -d ' ' -f 2
}

# entry HOST KEYFILE [FIELDS]: an entry of a manifest; the strings are as JSON
# has them.
entry() {
	printf '{"Host": "%s", "IdentityFile": "%s"%s}' "$1" "$2" "${3:+, $3}"
}

# manifest ENTRY...: they are in $T/m.json, one to a line behind the first.
manifest() {
	local entry comma=''

	{
		printf '['
		for entry; do
			printf '%s\n%s' "$comma" "$entry"
			comma=,
		done
		printf '\n]\n'
	} >"$T/m.json"
}
