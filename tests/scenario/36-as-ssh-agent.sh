#!/bin/bash
# Called as ssh-agent is, with no option of ours, the agent does as that does:
# what it takes and what not, with which exit codes, what it prints, and what
# it makes of a command.  The real one stands beside it wherever it can.
# shellcheck source=tests/support/scenario.sh
. "$(dirname "$0")/../support/scenario.sh"

real=$(command -v ssh-agent)
mkdir "$T/empty"

# outcome PROGRAM ARG...: its exit code and whether there was output; its
# messages are in $T/err.
outcome() {
	local status=0 out

	out=$(cd "$T/empty" && within 20 "$@" 2>"$T/err" </dev/null) ||
	    status=$?
	printf '%s%s' "$status" "${out:+ with output}"
}

# both NAME STATUS WORDS ARG...: each must end so, with these words on stderr.
both() {
	local name=$1 wanted=$2 words=$3

	shift 3
	check_same "real_$name" "$wanted" "$(outcome "$real" "$@")"
	check_has "real_${name}_says" "$(cat "$T/err")" "$words"
	check_same "$name" "$wanted" "$(outcome "$AGENT" "$@")"
	check_has "${name}_says" "$(cat "$T/err")" "$words"
}

# Wrong use.
both two_shells 1 '' -cs
both in_front_twice 1 '' -D -D
both debug_twice 1 '' -dd
both debug_and_in_front 1 '' -dD
both unknown_letter 1 '' -Z
both unknown_letter_among_others 1 '' -DZ
both lifetime_that_is_none 1 'Invalid lifetime' -t soon
both negative_lifetime 1 'Invalid lifetime' -t -5 -k
both lifetime_missing 1 '' -t
both c_with_a_command 1 '' -c true
both s_with_a_command 1 '' -s true
both k_with_a_command 1 '' -k true
both D_with_a_command 1 '' -D true
both d_with_a_command 1 '' -d true
# What it calls fatal.
both unknown_hash 255 'Invalid hash algorithm "sha3"' -E sha3
both unknown_option 255 'Unknown -O option' -O nothing
both providers_twice 255 'already specified' -P '/x/*' -P '/y/*'
both providers_twice_with_k 255 'already specified' -k '-P/*' '-P/*'
# What means nothing beside -k, and what may come twice.
pid_words='SSH_AGENT_PID not set, cannot kill agent'
both kill_without_a_pid 1 "$pid_words" -k
both k_and_the_rest 1 "$pid_words" -k -D -a x -E md5 -P '/*' -t 5 \
    -O no-restrict-websafe -O allow-remote-pkcs11
both all_in_one_word 1 "$pid_words" -skDt10
both twice_what_may_come_twice 1 "$pid_words" -c -c -k -k -a x -a y -t 1 \
    -t 2 -E md5 -E sha1 -O no-restrict-websafe -O no-restrict-websafe
for pid in '' x 1 0 -1 99999x 4294967296 99999999999999999999; do
	SSH_AGENT_PID=$pid both "kill_of_pid_$pid" 1 'not a good PID' -k
done
SSH_AGENT_PID=$((1 << 22)) both kill_of_nobody 1 'No such process' -k
# Paths.
: >"$T/taken"
both a_path_that_is_taken 1 'Address already in use' -D -a "$T/taken"
check_same and_is_not_touched 0 "$(stat -c %s "$T/taken")"
both a_folder_that_is_not_there 1 '' -a "$T/none/s" true
both a_path_that_is_too_long 1 '' -D -a "$T/$(printf 'a%.0s' {1..108})"
programs=("$real")
# What starts the agent, such as valgrind, takes more descriptors itself.
[ "$(head -c 4 "$AGENT" | tail -c 3)" != ELF ] || programs+=("$AGENT")
for program in "${programs[@]}"; do
	name=few_descriptors_for_${program##*/}
	check_same "$name" 255 \
	    "$(ulimit -n 9 && outcome "$program" -D -a "$T/nine")"
	check_has "${name}_says_so" "$(cat "$T/err")" \
	    'rlimit 9 too low (minimum 10)'
done

# Commands: options end where they begin, and their exit codes are passed on.
both command_status 7 '' sh -c 'exit 7'
both command_with_options_of_ours 3 '' sh -c 'exit 3' -D -k -c
both command_after_dashes 5 '' -t5 -P'/*' -- sh -c 'exit 5'
both command_that_is_not_there 1 'No such file' "$T/none"
# shellcheck disable=SC2016
both command_with_its_agent '0 with output' '' sh -c \
    'test "$SSH_AGENT_PID" -gt 1 && ssh-add -l; test $? -eq 1 &&
    kill -0 "$SSH_AGENT_PID"'
both command_without_output 0 '' true

# What is printed: the same, but for numbers and places.
# printed PROGRAM NAME SHELL ARG...
printed() {
	local program=$1 shell=$3 pid

	rm -f "$T/print"
	shift 3
	SHELL=$shell within 20 "$program" -a "$T/print" "$@" >"$T/out" \
	    2>"$T/err" </dev/null
	pid=$(sed -n 's/.*pid \([0-9]*\);/\1/p' "$T/out")
	agent_seen "$pid"
	sed "s/$pid/PID/g" "$T/out"
	# In one breath with the other program.
	SHELL=$shell SSH_AGENT_PID=$pid within 20 "$other" -k "$@" |
	    sed "s/$pid/PID/g"
	wait_for 30 process_gone "$pid"
}
for shell in /bin/sh /bin/bash /bin/csh /usr/bin/tcsh csh sh '' /x/csh2; do
	other=$AGENT
	wanted=$(printed "$real" x "$shell")
	other=$real
	check_same "printed_for_${shell//\//_}" "$wanted" \
	    "$(printed "$AGENT" x "$shell")"
	for letter in -s -c; do
		other=$AGENT
		wanted=$(printed "$real" x "$shell" "$letter")
		other=$real
		check_same "printed_for_${shell//\//_}$letter" "$wanted" \
		    "$(printed "$AGENT" x "$shell" "$letter")"
	done
done
other=

# In front: where it is, but no process number to be set.
for letters in D d sD cd; do
	for program in "$real" "$AGENT"; do
		# What the last one printed must not be taken for its word.
		rm -f "$T/front" "$T/out"
		"$program" "-$letters" -a "$T/front" >"$T/out" 2>/dev/null &
		pid=$!
		agent_seen "$pid"
		wait_for 30 grep -qs pid "$T/out"
		kill "$pid"
		wait "$pid" && status=0 || status=$?
		check_same "${program##*/}_${letters}_status" 2 "$status"
		sed "s/$pid/PID/" "$T/out" >"$T/out.${program##*/}"
	done
	check_same "printed_in_front_by_$letters" \
	    "$(cat "$T/out.ssh-agent")" "$(cat "$T/out.bottle-agent")"
done

# The version is ssh-agent's own affair, and so is where it goes.
check_same version_on_stderr 0 "$(outcome "$AGENT" -V)"
check_has version_says "$(cat "$T/err")" bottle-agent
check_same version_on_stdout '0 with output' "$(outcome "$AGENT" --version)"

# What could not be printed was not done.
for word in -V --version --help -u; do
	check_status "full_$word" 1 bash -c \
	    '"$@" >/dev/full 2>/dev/full' x "$AGENT" "$word"
done
sleep 60 >/dev/null 2>&1 &
victim=$!
check_status full_k 1 bash -c '"$@" >/dev/full' x \
    env "SSH_AGENT_PID=$victim" "$AGENT" -k
check but_it_is_ended wait_for 30 process_gone "$victim"
check_status full_s 1 bash -c '"$@" >/dev/full' x "$AGENT" -s \
    -a "$T/full"
check and_nobody_serves wait_for 30 test ! -e "$T/full"
{
	sleep 0.5
	status=0
	"$AGENT" -s -a "$T/full" 2>"$T/err" || status=$?
	echo "$status" >"$T/status"
} | true
check_same nobody_reads_s 1 "$(cat "$T/status")"
check and_nobody_serves_then wait_for 30 test ! -e "$T/full"
scenario_end
