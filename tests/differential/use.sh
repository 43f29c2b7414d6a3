#!/usr/bin/env bash
# use.sh DIFFERENTIAL BOTTLE-AGENT - what differential says to wrong use, and
# that it leaves the keys of somebody else's agent alone.
set -euo pipefail

differential=$1
ours=$2
odd=$(cd "$(dirname "$0")" && pwd)/../conformance/odd.pl
tmp=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill "$pid"; rm -rf "$tmp"' EXIT
bad=0

# status STATUS TEXT COMMAND...: it must end so, and say so.
status() {
	local want=$1 text=$2 got=0

	shift 2
	timeout 60 "$@" >"$tmp/out" 2>&1 || got=$?
	[ "$got" = "$want" ] && grep -q -e "$text" "$tmp/out" && return
	echo "use.sh: $* ended by $got, not $want, or does not say: $text"
	cat "$tmp/out"
	bad=1
}

status 77 skipped "$differential" none "$ours"
status 2 'not a number: -1' "$differential" --count -1 "$ours" "$ours"
status 2 'use --version' "$differential" "$tmp/ssh-agent" "$ours"
status 2 'No such file' "$differential" --same --version 902 \
    "unix:$tmp/nobody" "$ours"
# shellcheck disable=SC2016
status 2 'cannot be printed' sh -c '"$0" --table >/dev/full' "$differential"

perl "$odd" keys "$tmp/sock" "$tmp/told" &
pid=$!
for ((i = 0; i < 100; i++)); do
	[ ! -S "$tmp/sock" ] || break
	sleep 0.1
done
status 2 'has keys' "$differential" --same --version 902 --count 1 "$ours" \
    "unix:$tmp/sock"
status 2 'has keys' "$differential" --self-test --version 902 --count 1 \
    "unix:$tmp/sock" "$ours"
if [ -e "$tmp/told" ]; then
	echo 'use.sh: it removes keys of somebody'
	bad=1
fi
exit $bad
