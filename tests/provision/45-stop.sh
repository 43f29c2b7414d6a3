#!/bin/bash
# 45-stop.sh - told to end before there is any target: while ssh or an engine is
# asked, and while somebody is asked for a passphrase.  It ends by that signal, at
# once; what it runs ends with it; the terminal echoes, and nothing is left.
# shellcheck source=tests/support/load.sh
. "$(dirname "$0")/../support/load.sh"

# A shell of no terminal has what runs in the background ignore SIGINT.
# shellcheck disable=SC2016 # perl's, not the shell's
heeding=(perl -e '$SIG{$_} = "DEFAULT" for qw(INT HUP QUIT); exec @ARGV')
# What runs for minutes, and says who it is first.
mkdir "$T/fake" "$T/tmp"
printf '#!/bin/sh\necho $$ >"%s.new"\nmv "%s.new" "%s"\nexec sleep 100\n' \
    "$T/runs" "$T/runs" "$T/runs" >"$T/fake/docker"
chmod 755 "$T/fake/docker"
cat >"$T/config" <<EOS
Match exec "$T/fake/docker"
Host *
EOS
chmod 700 "$T/tmp"
export XDG_RUNTIME_DIR=$T/tmp

# stop NAME SIGNAL STATUS ARG...: the command, which runs one of these.
stop() {
	local name=$1 kill=$2 wanted=$3 pid

	shift 3
	rm -f "$T/runs"
	PATH=$T/fake:$PATH "${heeding[@]}" "$PROVISION" "$@" </dev/null \
	    >"$T/out" 2>"$T/err" &
	pid=$!
	wait_for 20 test -s "$T/runs" ||
	    not_ok "${name}_runs_it" "$(cat "$T/err")"
	kill -s "$kill" "$pid"
	check_ended "${name}_ends" "$wanted" "$pid"
}
# gone NAME: what it ran.
gone() {
	local pid

	pid=$(cat "$T/runs")
	if wait_for 20 process_gone "$pid"; then
		ok "$1_ends_what_it_runs"
	else
		not_ok "$1_ends_what_it_runs" "$(ps -o pid,stat,args -p "$pid")"
		end_process "$pid"
	fi
}

for pair in INT:130 TERM:143 HUP:129; do
	signal=${pair%:*} status=${pair#*:}
	# ssh's own child is ssh's affair.
	stop "load_asks_ssh_$signal" "$signal" "$status" \
	    load -F "$T/config" exec:env git.test
	pkill -KILL -F "$T/runs" || true
	for command in "load -F $T/config --all --label x=y git.test" \
	    'status --all --label x=y' 'remove --all --label x=y'; do
		# shellcheck disable=SC2086 # words
		stop "${command%% *}_asks_docker_$signal" "$signal" \
		    "$status" $command
		gone "${command%% *}_asks_docker_$signal"
	done
	# And in the middle of a target.
	stop "doctor_asks_docker_$signal" "$signal" "$status" \
	    doctor box
	gone "doctor_asks_docker_$signal"
done
# Nobody can be told of this one.
stop "status_is_killed" KILL 137 status --all --label x=y
gone "status_is_killed"

# --- at a terminal ---------------------------------------------------------------------

command -v script >/dev/null || {
	echo 'SKIP: there is no script here, to have a terminal'
	scenario_end
}
ssh-keygen -q -t ed25519 -N secret -C locked -f "$T/locked"
known='"KnownHostKey": "'$(cut -d' ' -f1,2 "$T/locked.pub")'"'
manifest "$(entry git.test "$T/locked" "$known")"

# typed NAME KEYS STATUS
typed() {
	local pid command

	# A shell that would end with it says what it ended with.
	command="trap : INT QUIT; $(printf '%q ' "$PROVISION" load -f \
	    "$T/m.json" exec:env)"
	command+='; echo "status $?"; stty -a; kill $$'
	rm -f "$T/keyboard" "$T/screen"
	mkfifo "$T/keyboard"
	"${heeding[@]}" script -qfc "$command" "$T/screen" <"$T/keyboard" \
	    >/dev/null 2>&1 &
	pid=$!
	exec 7>"$T/keyboard"
	wait_for 20 grep -q 'Enter passphrase' "$T/screen" ||
	    not_ok "$1_asks" "$(cat "$T/screen")"
	printf '%b' "$2" >&7
	wait_for 20 process_gone "$pid" || not_ok "$1_ends" 'it does not end'
	exec 7>&-
	check_has "$1_says_so" "$(cat "$T/screen")" \
	    'interrupted: nothing was done in any target'
	check_has "$1_ends_by_the_signal" "$(cat "$T/screen")" "status $3"
	check_has "$1_has_an_echo_again" "$(cat "$T/screen")" ' echo '
	check_same "$1_leaves_nothing" '' "$(ls -A "$T/tmp")"
}
typed control_c '\003' 130
typed control_backslash '\034' 131
scenario_end
