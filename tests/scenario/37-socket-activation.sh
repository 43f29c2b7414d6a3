#!/bin/bash
# A supervisor may make the socket and hand it over: as descriptor 3, with
# LISTEN_FDS and LISTEN_PID, to an agent in front that was not told where to
# listen.  Its file is the supervisor's.
# shellcheck source=tests/support/scenario.sh
. "$(dirname "$0")/../support/scenario.sh"

make_key ed25519
activate=$BOTTLE_BIN/activate

# handed ARG...: an agent that is handed $S; its pid.
handed() {
	rm -f "$S" "$T/ready" "$T/out"
	mkfifo "$T/ready"
	"$activate" "$S" "$AGENT" --ready-fd 9 "$@" >"$T/out" 2>"$T/log" \
	    </dev/null 9>"$T/ready" &
	agent_pid=$!
	agent_seen "$agent_pid"
	read -r -t 30 <"$T/ready" || die "the agent does not serve: $(cat \
	    "$T/log")"
}

# ended NAME SIGNAL STATUS
ended() {
	local status=0

	kill "-$2" "$agent_pid"
	wait_for 30 process_gone "$agent_pid" || kill -KILL "$agent_pid"
	wait "$agent_pid" || status=$?
	agent_pid=
	check_same "${1}_by_$2" "$3" "$status"
	check_same "${1}_leaves_the_file" yes "$([ -S "$S" ] && echo yes)"
}

for letter in D d; do
	handed "-$letter"
	check "${letter}_serves" as_self ssh-add -q "$T/ed25519"
	check_same "${letter}_lists" "$(public ed25519)" "$(listed)"
	check_same "${letter}_prints_nothing" '' "$(cat "$T/out")"
	check_same "${letter}_knows_where_it_is" "$S" \
	    "$("$AGENT" --status --json -a "$S" | jq -r .socket)"
	ended "$letter" TERM 0
done
handed -D
ended D HUP 2
check_same makes_nothing_at_home no "$([ ! -e "$HOME/.ssh" ] && echo no)"

# As a service: in a folder that others cannot change.
handed -D --allow 65534=list
check_same a_service_too service \
    "$("$AGENT" --status --json -a "$S" | jq -r .mode)"
ended service TERM 0

# early [-p]: the answer to a list that was asked for before there was an agent.
# shellcheck disable=SC2016
client='
	use Socket;
	socket(my $s, AF_UNIX, SOCK_STREAM, 0) or die;
	connect($s, sockaddr_un($ARGV[0])) or die;
	syswrite $s, "\0\0\0\1\13";
	open(my $f, ">", $ARGV[1]) or die; close $f;
	read $s, my $reply, 5 or die;
	print ord substr($reply, 4), "\n";'
early() {
	rm -f "$S" "$T/asked" "$T/answer"
	mkfifo "$T/asked"
	# shellcheck disable=SC2016
	"$activate" "$@" "$S" sh -c 'perl -e "$1" "$2" "$3/asked" >"$3/answer" &
		read -r _ <"$3/asked"
		shift 3
		exec "$@"' x "$client" "$S" "$T" "$AGENT" -D --allow 0=admin \
	    >"$T/out" 2>"$T/log" </dev/null &
	agent_pid=$!
	agent_seen "$agent_pid"
	check "it_is_answered$*" wait_for 30 test -s "$T/answer"
	ended "early$*" TERM 0
}
early -p
check_same who_came_before_is_served 12 "$(cat "$T/answer")"
check_lacks and_nobody_warns "$(cat "$T/log")" PassCredentials
# From Linux 6.16 on this one is refused: nobody knows who has sent it.
early
check_has or_it_is_said_how "$(cat "$T/log")" PassCredentials=yes

mkdir -m 777 "$T/open"
check_status not_where_others_can_write 1 timeout 20 "$activate" \
    "$T/open/s" "$AGENT" -D --allow 65534=list
rm -f "$T/open/s"
check_status nor_without_a_file 1 timeout 20 "$activate" \
    "@bottle-scenario-$$" "$AGENT" -D --allow 65534=list

# given NAME WANTED [VARIABLE=VALUE]... -- ARG...: how it ends.
given() {
	local name=$1 wanted=$2 env=()

	shift 2
	while [ "$1" != -- ]; do
		env+=("$1")
		shift
	done
	shift
	rm -f "$S"
	check_status "$name" "$wanted" timeout 20 "$activate" "$S" \
	    env "${env[@]}" "$AGENT" "$@"
}

given two_descriptors 255 LISTEN_FDS=2 -- -D
given no_descriptor 255 LISTEN_FDS=0 -- -D
given no_number 255 LISTEN_FDS= -- -D
given another_process 255 LISTEN_PID=1 -- -D
given no_process 255 LISTEN_PID=x -- -D
given wrong_as_a_service 1 LISTEN_FDS=2 -- -D --allow 65534=list
given ready_where_the_socket_is 2 -- -D --ready-fd 3
check_status descriptor_that_is_no_socket 255 timeout 20 bash -c '
	exec 3</dev/null
	LISTEN_FDS=1 LISTEN_PID=$$ exec "$@"' x "$AGENT" -D

# Who says where to listen, or has a command, does not mean that socket.
for args in "-D -a $T/own" '-D -T' "-s" "true"; do
	rm -f "$S"
	# shellcheck disable=SC2086
	LISTEN=$(timeout 5 "$activate" "$S" env TMPDIR="$T" "$AGENT" $args \
	    2>&1 || true)
	check_lacks "not_for_${args%% /*}" "$LISTEN" "SSH_AUTH_SOCK=$S;"
	case $args in
	true) check_same not_a_word_from_a_command '' "$LISTEN" ;;
	*) check_has "but_elsewhere_for_${args%% /*}" "$LISTEN" \
	    'SSH_AUTH_SOCK=' ;;
	esac
	pid=$(sed -n 's/^SSH_AGENT_PID=\([0-9]*\).*/\1/p' <<<"$LISTEN")
	[ -z "$pid" ] || end_process "$pid"
done

# One variable alone is somebody else's.
for variable in LISTEN_FDS=1 LISTEN_PID=1; do
	out=$(timeout 5 env "$variable" "$AGENT" -D 2>/dev/null || true)
	check_has "${variable}_alone_is_nothing" "$out" "$HOME/.ssh/agent/s."
done
scenario_end
