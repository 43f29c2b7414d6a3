#!/bin/bash
# One peer cannot stop the agent for others: neither by holding all the
# connections that it can get, nor by messages that never end, nor by requests
# without an end.
# shellcheck source=tests/support/scenario.sh
. "$(dirname "$0")/../support/scenario.sh"

need_root
make_key ed25519
agent_start --public --allow 65534=list,sign --allow 65533=list,sign
as_self ssh-add -q "$T/ed25519"

# flood COUNT HELLO: as the other user, hold connections that said HELLO (hex).
# shellcheck disable=SC2016
flood='
	use Socket;
	my ($path, $n, $hello) = @ARGV;
	my @held;
	$SIG{PIPE} = "IGNORE";
	for (1 .. $n) {
		socket(my $s, AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0) or last;
		connect($s, sockaddr_un($path)) or $!{EAGAIN} or last;
		syswrite($s, pack("H*", $hello)) if $hello;
		push @held, $s;
	}
	$| = 1;
	print scalar(@held), "\n";
	sleep 1000;'

flood() {
	rm -f "$T/flood"
	mkfifo "$T/flood"
	ulimit -n 4096 2>/dev/null || true
	setpriv --reuid "$other_uid" --regid "$other_uid" --clear-groups \
	    perl -e "$flood" "$S" "$1" "$2" >"$T/flood" &
	flood_pid=$!
	at_exit end_process "$flood_pid"
	read -r -t "$((30 * slower))" held <"$T/flood" || held=0
}

# served NAME UID: that user gets an answer, and soon: nobody is waited for, since
# the time for a frame is ten seconds.
served() {
	local start

	start=$(now_ms)
	check "$1" within 60 setpriv --reuid "$2" --regid "$2" \
	    --clear-groups env SSH_AUTH_SOCK="$S" ssh-add -l
	check "$1_soon" test "$(($(now_ms) - start))" -lt "$((9000 * slower))"
}

# A list and a signature keep working for the others, whatever is held.
hello_names=(nothing half_a_frame a_list_a_thousand_times a_frame_too_large)
hellos=('' 000100000d "$(printf '%.0s000000010b' {1..1000})" 7fffffff0b)
for i in "${!hellos[@]}"; do
	name=${hello_names[i]}
	flood 2000 "${hellos[i]}"
	check_same "2000_connections_with_$name" 2000 "$held"
	served "root_is_served_beside_$name" 0
	served "another_user_is_served_beside_$name" 65533
	end_process "$flood_pid"
	served "the_same_user_is_served_after_$name" "$other_uid"
done
check it_still_signs git_signs as_self ed25519
rss=$(sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$agent_pid/status")
printf '# resident memory afterwards: %s kB\n' "$rss"
scenario_end
