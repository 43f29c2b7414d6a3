#!/usr/bin/env bash
# formats.sh AGENT-CONFORMANCE BOTTLE-AGENT - what agent-conformance prints and
# returns, and that it leaves the keys of somebody else's agent alone.
set -euo pipefail

conformance=$1
ours=$2
tmp=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill "$pid"; rm -rf "$tmp"' EXIT
bad=0

# fail WHAT
fail() {
	echo "formats.sh: $1"
	bad=1
}

# status STATUS COMMAND...: it must end so.
status() {
	local want=$1 got=0

	shift
	"$@" >"$tmp/out" 2>&1 || got=$?
	[ "$got" = "$want" ] && return
	fail "$* ended by $got, not $want"
	cat "$tmp/out"
}

# One JSON value, with as many requirements as verdicts.
status 0 "$conformance" --only remove --json "$ours" -D -a %s
perl -MJSON::PP -e '
	local $/;
	my $r = decode_json(<STDIN>);
	my $n = 0;
	$n += $r->{$_} for "pass", "fail", "not-offered", "skipped";
	die "$n verdicts\n" if $n != 5 || $n != @{$r->{requirements}};
	$_->{id} =~ /^remove\./ && $_->{verdict} eq "pass" or die "$_->{id}\n"
	    for @{$r->{requirements}};
' <"$tmp/out" || fail 'the JSON is not as it should be'

# Verdicts, and what comes of comparing with them.
status 0 "$conformance" --only list.empty --verdicts "$ours" -D -a %s
cp "$tmp/out" "$tmp/verdicts"
grep -q '^list.empty pass$' "$tmp/verdicts" || fail 'no verdict of list.empty'
status 0 "$conformance" --only list.empty --expect "$tmp/verdicts" "$ours" -D -a %s
sed 's/^list.empty pass/list.empty fail/' "$tmp/verdicts" >"$tmp/other"
status 1 "$conformance" --only list.empty --expect "$tmp/other" "$ours" -D -a %s
sed 's/^list.empty pass/list.empty varies/' "$tmp/verdicts" >"$tmp/other"
status 0 "$conformance" --only list.empty --expect "$tmp/other" "$ours" -D -a %s
echo 'list.of-nothing pass' >>"$tmp/other"
status 1 "$conformance" --only list.empty --expect "$tmp/other" "$ours" -D -a %s
: >"$tmp/other"
status 1 "$conformance" --only list.empty --expect "$tmp/other" "$ours" -D -a %s

# The socket in the environment; no agent; an agent that does nothing right.
# shellcheck disable=SC2016
status 0 "$conformance" --only frame.silent sh -c \
    'exec "$0" -D -a "$SSH_AUTH_SOCK"' "$ours"
status 2 "$conformance" false
status 2 "$conformance" --socket "$tmp/nobody"
if command -v socat >/dev/null; then
	status 1 "$conformance" --only list.empty --patience 200 \
	    socat UNIX-LISTEN:%s,fork /dev/null
fi

# Somebody's agent.
if command -v ssh-add >/dev/null; then
	export SSH_AUTH_SOCK=$tmp/sock
	mkfifo "$tmp/ready"
	"$ours" -D -a "$SSH_AUTH_SOCK" --ready-fd 3 3>"$tmp/ready" \
	    >/dev/null 2>&1 &
	pid=$!
	read -r _ <"$tmp/ready" || :
	status 0 "$conformance" --only list.empty --socket "$SSH_AUTH_SOCK"
	ssh-keygen -q -t ed25519 -N '' -f "$tmp/key"
	ssh-add -q "$tmp/key" 2>/dev/null
	status 2 "$conformance" --only list.empty --socket "$SSH_AUTH_SOCK"
	grep -q 'has 1 keys' "$tmp/out" || fail 'it does not say why'
	ssh-add -l >/dev/null || fail 'the key of somebody is gone'
	status 0 "$conformance" --only list.empty --wipe --socket "$SSH_AUTH_SOCK"
	! ssh-add -l >/dev/null || fail 'the key is there after --wipe'
fi
exit $bad
