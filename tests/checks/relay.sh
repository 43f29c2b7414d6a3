#!/usr/bin/env bash
# relay.sh SOURCE - fuzz/relay.pl carries more connections than it may have open
# at once, and says what it does not find.
set -euo pipefail

relay=$1/fuzz/relay.pl
odd=$1/tests/conformance/odd.pl
tmp=$(mktemp -d)
pids=()
trap '[ ${#pids[@]} = 0 ] || kill "${pids[@]}" 2>/dev/null || :
rm -rf "$tmp"' EXIT

# await SOCKET
await() {
	local i

	for ((i = 0; i < 100; i++)); do
		[ ! -S "$1" ] || return 0
		sleep 0.1
	done
	echo "relay.sh: nobody serves $1"
	exit 1
}

if perl "$relay" split "$tmp/none" "$tmp/out" 2>"$tmp/said"; then
	echo 'relay.sh: a folder that is not there is split'
	exit 1
fi
grep -q 'none: there is no such folder' "$tmp/said"

perl "$odd" lax "$tmp/agent" &
pids+=($!)
await "$tmp/agent"
mkdir "$tmp/kept"
mkfifo "$tmp/end"
(
	ulimit -n 40
	exec perl "$relay" listen "$tmp/relay" "$tmp/agent" "$tmp/kept"
) <"$tmp/end" >/dev/null &
pids+=($!)
exec 3>"$tmp/end"
await "$tmp/relay"
# shellcheck disable=SC2016
timeout 30 perl -MIO::Socket::UNIX -e '
	for my $i (1 .. 60) {
		my $agent = IO::Socket::UNIX->new(Peer => $ARGV[0])
		    or die "connection $i: $!\n";
		syswrite($agent, pack("N C", 1, 11));
		my $n = sysread($agent, my $reply, 64) // 0;
		$n == 9 or die "connection $i: $n bytes\n";
	}' "$tmp/relay"
exec 3>&-
wait "${pids[1]}"
perl "$relay" split "$tmp/kept" "$tmp/out"
[ "$(find "$tmp/out/fuzz_reply" -type f | wc -l)" = 60 ]
