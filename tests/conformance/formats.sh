#!/usr/bin/env bash
# formats.sh AGENT-CONFORMANCE BOTTLE-AGENT - what agent-conformance prints and
# returns, and that it leaves the keys of somebody else's agent alone.
set -euo pipefail

conformance=$1
ours=$2
odd=$(cd "$(dirname "$0")" && pwd)/odd.pl
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

# says TEXT: what ran last said so, in a line of its own or as part of one.
says() {
	grep -q -e "$1" "$tmp/out" && return
	fail "it does not say: $1"
	cat "$tmp/out"
}

# serve MODE [FILE]: an odd agent at $tmp/odd, which is $pid.
serve() {
	local i

	rm -f "$tmp/odd"
	perl "$odd" "$1" "$tmp/odd" "${@:2}" &
	pid=$!
	for ((i = 0; i < 100; i++)); do
		[ ! -S "$tmp/odd" ] || return 0
		sleep 0.1
	done
	fail "$odd $1 does not serve"
}

unserve() {
	kill "$pid" 2>/dev/null || :
	wait "$pid" 2>/dev/null || :
	pid=
}

# gone PID: it ends within some seconds; a zombie has ended.
gone() {
	local i

	for ((i = 0; i < 300; i++)); do
		grep -q '^State:[[:space:]]*[^ZX[:space:]]' "/proc/$1/status" \
		    2>/dev/null || return 0
		sleep 0.1
	done
	return 1
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
sed 's/^list.empty pass/list.empty varies/' "$tmp/verdicts" >"$tmp/other"
status 0 "$conformance" --only list.empty --expect "$tmp/other" "$ours" -D -a %s
echo 'list.of-nothing pass' >"$tmp/other"
status 1 "$conformance" --only list.empty --expect "$tmp/other" "$ours" -D -a %s
grep -q '^list.empty: pass, and .* says nothing' "$tmp/out" ||
    fail 'a verdict that is not in the file is not told of'
grep -q '1 lines about what is not required' "$tmp/out" ||
    fail 'a verdict about nothing is not told of'
sed 's/^list.empty pass/list.empty fail/' "$tmp/verdicts" >"$tmp/other"
status 1 "$conformance" --only list.empty --expect "$tmp/other" "$ours" -D -a %s
# What is not checked is not missing, wherever it stands.
sed 's/^list.empty pass/list.empty pass\nlock.sign fail/' "$tmp/verdicts" \
    >"$tmp/other"
status 0 "$conformance" --only list.empty --expect "$tmp/other" "$ours" -D -a %s

# Files that are none, before anything is started.
broken() {
	local text=$1 said=$2

	printf '%b' "$text" >"$tmp/other"
	# shellcheck disable=SC2016
	status 2 "$conformance" --only list.empty --expect "$tmp/other" \
	    sh -c 'echo >"$0"' "$tmp/ran"
	says "$said"
	[ ! -e "$tmp/ran" ] || fail 'the agent is started for a broken file'
	rm -f "$tmp/ran"
}

broken '' 'has no verdicts'
broken '# for people\n\nlist.empty\n' 'line 3 is not ID VERDICT'
broken 'list.empty passes\n' 'line 1 has no verdict'
broken 'list.empty pass\nlist.empty fail\n' 'line 2 is a second one'
broken "list.empty pass $(printf 'x%.0s' {1..600})\\n" 'line 1 is too long'
status 2 "$conformance" --expect "$tmp" "$ours" -D -a %s
says 'Is a directory'
printf 'list.empty pass\r\n' >"$tmp/other"
status 0 "$conformance" --only list.empty --expect "$tmp/other" "$ours" -D -a %s

# What cannot be printed is not said to be right.
# shellcheck disable=SC2016
for how in --json --verdicts --help; do
	status 2 sh -c '"$0" --only list.empty "$2" "$1" -D -a %s >/dev/full' \
	    "$conformance" "$ours" "$how"
	says 'cannot be printed: No space'
	status 2 sh -c '"$0" --only list.empty "$2" "$1" -D -a %s >&-' \
	    "$conformance" "$ours" "$how"
	says 'cannot be printed: Bad file'
done

# Odd agents: each ends, by a verdict, and says what there is.
status 1 timeout 60 "$conformance" --patience 200 --only frame. \
    perl "$odd" deaf %s
says '^FAIL .* frame.largest'
status 1 timeout 60 "$conformance" --patience 200 --only list. \
    perl "$odd" drip %s
status 1 timeout 60 "$conformance" --only frame.silent perl "$odd" frail %s
says 'seen: the agent has ended after it'
status 0 "$conformance" --only query perl "$odd" plain %s
says '^FAIL .* query.form'
status 0 "$conformance" --only lock.guessing perl "$odd" lax %s
says '^pass '

# Of what an agent does not have, or is not looked at, no lie must be found.
status 0 "$conformance" --self-test --only extension perl "$odd" lax %s
says '^not told  a bad bind succeeds'
says '^no change each list is empty'
says '^found .* extension.unknown'

# One that goes away is not one that does all that it must.
serve mortal
status 2 "$conformance" --only frame.too --socket "$tmp/odd"
unserve

# Keys are left alone that are in a store, or that cannot be seen.
rm -f "$tmp/told"
status 2 "$conformance" --only list.empty perl "$odd" keys %s "$tmp/told"
says 'has 1 keys when it is started'
status 2 "$conformance" --self-test perl "$odd" keys %s "$tmp/told"
says 'has 1 keys when it is started'
serve locked "$tmp/told"
status 2 "$conformance" --only list.empty --socket "$tmp/odd"
says 'may be locked'
[ ! -e "$tmp/told" ] || fail 'it removes keys without --wipe'
status 0 "$conformance" --only list.empty --wipe --socket "$tmp/odd"
[ -e "$tmp/told" ] || fail 'it does not remove keys with --wipe'
unserve

# A table is whole, or is not there.
status 2 "$conformance" --table "one=$tmp/verdicts" "two=$tmp/no-such"
! grep -q requirement "$tmp/out" || fail 'a part of a table is printed'

# Nor is it left locked when a signal ends the program.
rm -f "$tmp/locked"
serve lax "$tmp/locked"
"$conformance" --only lock.guessing --socket "$tmp/odd" >"$tmp/out" 2>&1 &
conformance_pid=$!
for ((i = 0; i < 300; i++)); do
	# The first time is short.
	if [ -e "$tmp/locked" ] && sleep 0.2 && [ -e "$tmp/locked" ]; then
		break
	fi
	sleep 0.01
done
kill -TERM "$conformance_pid" || fail 'it was never locked for a while'
wait "$conformance_pid" || :
[ ! -e "$tmp/locked" ] || fail 'somebody is left with an agent that is locked'
unserve

# Sockets that are none.
status 2 "$conformance" --socket ''
says 'is SSH_AUTH_SOCK not set'
status 2 "$conformance" --socket "$tmp/out of the way"
says 'out of the way: No such file'
status 2 "$conformance" --socket "$tmp/verdicts"
says 'Connection refused'
status 2 "$conformance" --socket "$(printf 'x%.0s' {1..200})"
says 'longer than 107 bytes'

# The socket in the environment; no agent; an agent that does nothing right.
# shellcheck disable=SC2016
status 0 "$conformance" --only frame.silent sh -c \
    'exec "$0" -D -a "$SSH_AUTH_SOCK"' "$ours"
status 2 "$conformance" false
status 2 "$conformance" --wipe --socket "$tmp/nobody"
if command -v socat >/dev/null; then
	status 1 "$conformance" --only list.empty --patience 200 \
	    socat UNIX-LISTEN:%s,fork /dev/null
fi

# Use.
status 0 "$conformance" --help
status 0 "$conformance" --only list.empty "$ours -D -a %s"
status 2 "$conformance" --only no.such "$ours" -D -a %s
status 2 "$conformance" --expect "$tmp/no-such" "$ours" -D -a %s
status 2 "$conformance" --patience 5x "$ours" -D -a %s
status 2 "$conformance" "$tmp/no-such-program" -D -a %s
grep -q 'cannot run .*: No such file' "$tmp/out" ||
    fail 'a program that is not there is not told of'

# An agent that goes into the background is not left there.
# shellcheck disable=SC2016
status 2 "$conformance" sh -c '"$0" -D -a "$1" & echo $! >"$2"' "$ours" \
    "$tmp/elsewhere" "$tmp/pid"
if ! gone "$(cat "$tmp/pid")"; then
	fail 'an agent in the background is left'
	kill "$(cat "$tmp/pid")"
fi

# Nor is one that does not end by SIGTERM.
# shellcheck disable=SC2016
status 2 "$conformance" perl -e 'exit(0) if fork(); $SIG{TERM} = "IGNORE";
	open(my $f, ">", shift) or die; print $f $$; close($f); sleep(60)' \
	"$tmp/pid"
if ! gone "$(cat "$tmp/pid")"; then
	fail 'an agent in the background that ignores SIGTERM is left'
	kill -KILL "$(cat "$tmp/pid")"
fi

# Neither is anything when a signal ends it.
# shellcheck disable=SC2016
"$conformance" sh -c 'echo $$ "$1" >"$0"; exec sleep 60' \
    "$tmp/started" %s >"$tmp/out" 2>&1 &
pid=$!
for ((i = 0; i < 300; i++)); do
	[ ! -s "$tmp/started" ] || break
	sleep 0.1
done
read -r agent sock <"$tmp/started"
kill -TERM "$pid"
wait "$pid" || :
pid=
[ ! -e "${sock%/*}" ] || fail 'a folder is left after a signal'
gone "$agent" || fail 'the agent is left after a signal'

# Somebody's agent.
if command -v ssh-add >/dev/null; then
	export SSH_AUTH_SOCK=$tmp/sock
	mkfifo "$tmp/ready"
	"$ours" -D -a "$SSH_AUTH_SOCK" --ready-fd 3 3>"$tmp/ready" \
	    >/dev/null 2>&1 &
	pid=$!
	read -r _ <"$tmp/ready" || :
	ssh-keygen -q -t ed25519 -N '' -f "$tmp/key"
	ssh-add -q "$tmp/key" 2>/dev/null
	status 2 "$conformance" --only list.empty --socket "$SSH_AUTH_SOCK"
	grep -q 'has 1 keys' "$tmp/out" || fail 'it does not say why'
	ssh-add -l >/dev/null || fail 'the key of somebody is gone'
	status 0 "$conformance" --only list.empty --wipe \
	    --socket "$SSH_AUTH_SOCK"
	! ssh-add -l >/dev/null || fail 'the key is there after --wipe'
fi
exit $bad
