#!/bin/bash
# How the agent ends: ssh-agent's status 2 in ssh-agent mode, 0 as a service,
# always without its socket; and what does not end it.
# shellcheck source=tests/support/scenario.sh
. "$(dirname "$0")/../support/scenario.sh"

make_key ed25519

# ends NAME SIGNAL STATUS [OPTION...]
ends() {
	local name=$1 signal=$2 wanted=$3 status=0

	shift 3
	agent_start "$@"
	kill "-$signal" "$agent_pid"
	wait_for 30 process_gone "$agent_pid" || kill -KILL "$agent_pid"
	wait "$agent_pid" || status=$?
	agent_pid=
	check_same "$name" "$wanted" "$status"
	check_same "${name}_without_its_socket" no "$([ ! -e "$S" ] && echo no)"
}

ends term_in_ssh_agent_mode TERM 2
ends hup_in_ssh_agent_mode HUP 2
ends term_as_a_service TERM 0 --public --allow 65534=list

# bash has children in the background ignore SIGINT; with this one they do not.
cat >"$T/attentive" <<-EOS
	#!/bin/sh
	exec perl -e '\$SIG{INT} = "DEFAULT"; exec @ARGV' "$AGENT" "\$@"
EOS
chmod 755 "$T/attentive"
plain=$AGENT
AGENT=$T/attentive
ends int_in_ssh_agent_mode INT 2
ends int_as_a_service INT 0 --public --allow 65534=list
AGENT=$plain

agent_start
as_self ssh-add -q "$T/ed25519"
kill -PIPE "$agent_pid"
check_same pipe_is_ignored "$(public ed25519)" "$(listed)"
kill -USR1 "$agent_pid"
check_same usr1_drops_the_keys '' "$(listed)"
check usr1_and_the_agent_goes_on as_self ssh-add "$T/ed25519"
agent_stop

# A socket that is no longer ours is left alone.
agent_start
mv "$S" "$T/moved"
echo mine >"$S"
kill -TERM "$agent_pid"
wait "$agent_pid" || true
agent_pid=
check_same another_file_is_left_alone mine "$(cat "$S")"
rm -f "$S" "$T/moved"

# A core would have the keys in it, and a debugger too.
agent_start
check_same no_core 0 "$(sed -n 's/^Max core file size *\([^ ]*\).*/\1/p' \
    "/proc/$agent_pid/limits")"
check_same nobody_may_look_into_it 0:0 \
    "$(stat -c %u:%g "/proc/$agent_pid/mem")"
scenario_end
