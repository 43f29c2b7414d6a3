#!/bin/bash
# In the background the agent prints what ssh-agent prints: commands for sh or
# csh that set the variables, and with -k those that unset them, after ending
# the agent that they name.
# shellcheck source=tests/support/scenario.sh
. "$(dirname "$0")/../support/scenario.sh"

for shell in s c; do
	out=$("$AGENT" "-$shell" -a "$T/$shell")
	case $shell in
	s) pattern="^SSH_AUTH_SOCK=$T/s; export SSH_AUTH_SOCK;
SSH_AGENT_PID=([0-9]+); export SSH_AGENT_PID;
echo Agent pid ([0-9]+);$" ;;
	c) pattern="^setenv SSH_AUTH_SOCK $T/c;
setenv SSH_AGENT_PID ([0-9]+);
echo Agent pid ([0-9]+);$" ;;
	esac
	pid=
	if [[ $out =~ $pattern ]]; then
		pid=${BASH_REMATCH[1]}
		agent_seen "$pid"
	fi
	check_lacks "${shell}_output" "${pid:-$out}" SSH
	check "${shell}_agent_serves" kill -0 "$pid"
	check_same "${shell}_socket_is_private" 600 "$(stat -c %a "$T/$shell")"

	out=$(SSH_AGENT_PID=$pid SSH_AUTH_SOCK=$T/$shell "$AGENT" "-$shell" -k)
	case $shell in
	s) wanted="unset SSH_AUTH_SOCK;
unset SSH_AGENT_PID;
echo Agent pid $pid killed;" ;;
	c) wanted="unsetenv SSH_AUTH_SOCK;
unsetenv SSH_AGENT_PID;
echo Agent pid $pid killed;" ;;
	esac
	check_same "${shell}_kill_output" "$wanted" "$out"
	check "${shell}_agent_ends" wait_for 30 process_gone "$pid"
	check_same "${shell}_socket_goes" no \
	    "$([ ! -e "$T/$shell" ] && echo no)"
done

# $SHELL chooses where nobody says.
eval "$(SHELL=/bin/sh "$AGENT" -a "$T/sh")" >/dev/null
agent_seen "$SSH_AGENT_PID"
check_same eval_sets_the_socket "$T/sh" "$SSH_AUTH_SOCK"
check_status the_agent_answers 1 timeout 20 ssh-add -l
eval "$("$AGENT" -k)" >/dev/null
check_same eval_unsets_the_socket '' "${SSH_AUTH_SOCK:-}"
check_same eval_unsets_the_pid '' "${SSH_AGENT_PID:-}"
out=$(SHELL=/bin/tcsh "$AGENT" -a "$T/csh")
agent_seen "$(sed -n 's/.*pid \([0-9]*\);/\1/p' <<<"$out")"
check_has csh_by_its_name "$out" 'setenv SSH_AUTH_SOCK'

# Names that a shell would read as more than a name.
cd "$T"
# shellcheck disable=SC2016,SC1003
odd=("it's" 'a b' '$(touch ran)' '`touch ran`' '"y"' '!x!!' 'a;touch ran' '~'
    '*' '\' "\\'" $'\t' '&touch ran' '#' '{a,b}' $'\303\244' '-n' '%1' '=x')
# shellcheck disable=SC2016
setenv_for_sh='setenv() { export "$1=$2"; }; eval "$1"; echo "$SSH_AUTH_SOCK"'
for i in "${!odd[@]}"; do
	folder=$T/${odd[i]}
	mkdir -p -- "$folder"
	out=$("$AGENT" -s -a "$folder/s$i")
	agent_seen "$(sed -n 's/.*pid \([0-9]*\);/\1/p' <<<"$out")"
	for shell in sh bash; do
		# shellcheck disable=SC2016
		check_same "odd_name_${i}_in_$shell" "$folder/s$i" \
		    "$("$shell" -c 'eval "$1" >/dev/null
			echo "$SSH_AUTH_SOCK"' x "$out")"
	done
	out=$("$AGENT" -c -a "$folder/c$i")
	agent_seen "$(sed -n 's/.*pid \([0-9]*\);/\1/p' <<<"$out")"
	check_has "odd_name_${i}_for_csh" \
	    "$(sh -c "$setenv_for_sh" x "$(head -n 1 <<<"$out")")" \
	    "$folder/c$i"
	# A real one where there is one.
	csh=$(command -v tcsh || command -v csh) || continue
	printf '%s\nprintenv SSH_AUTH_SOCK\n' "$out" >"$T/csh.in"
	check_has "odd_name_${i}_in_csh" "$("$csh" -f "$T/csh.in" 2>&1)" \
	    "$folder/c$i"
done
check_same and_nothing_ran '' "$(find "$T" -name ran)"

# A relative name is one the printed commands can be used with anywhere.
out=$(cd "$T" && "$AGENT" -s -a relative)
agent_seen "$(sed -n 's/.*pid \([0-9]*\);/\1/p' <<<"$out")"
check_has a_relative_socket_is_made_absolute "$out" "$T/relative;"

out=$(TMPDIR=$T "$AGENT" -s -T)
pid=$(sed -n 's/.*pid \([0-9]*\);/\1/p' <<<"$out")
agent_seen "$pid"
socket=$(sed -n 's/^SSH_AUTH_SOCK=\(.*\); export.*/\1/p' <<<"$out")
check_has socket_in_a_new_folder "$socket" "$T/ssh-"
check_same that_folder_is_private 700 "$(stat -c %a "$(dirname "$socket")")"
check_same and_so_is_the_socket 600 "$(stat -c %a "$socket")"
kill "$pid"
check it_ends wait_for 30 process_gone "$pid"
check_same its_folder_goes no "$([ ! -e "$(dirname "$socket")" ] && echo no)"

check_status kill_without_a_pid 1 "$AGENT" -k
check_status kill_of_nonsense 1 env SSH_AGENT_PID=nonsense "$AGENT" -k
check_status kill_of_process_1 1 env SSH_AGENT_PID=1 "$AGENT" -k
check_status both_shells 1 "$AGENT" -c -s
check_status unknown_letter 1 "$AGENT" -Q
out=$("$AGENT" -V 2>&1 >/dev/null)
check_has version_on_stderr "$out" bottle-agent
check_has help "$("$AGENT" --help)" --load
scenario_end
