#!/bin/bash
# 41-lock.sh - lock and unlock: of several agents at once, with a passphrase from
# a descriptor and from a terminal, which is in no argument, no environment and
# on no screen; and what is said of each refusal.
# shellcheck source=tests/support/load.sh
. "$(dirname "$0")/../support/load.sh"

need_own
make_key ed25519
secret='se/cret word'

# Two agents, behind two names of this machine.
agent_start --public --allow node=list,sign
one=$S
as_self ssh-add -q "$T/ed25519"
socket=(--socket "$S" --bin "$bin")

# with PASSPHRASE COMMAND ARG...: run, with the passphrase from descriptor 7.
with() {
	local phrase=$1

	shift
	run "$1" --passphrase-fd 7 "${@:2}" 7< <(printf %s "$phrase")
}
# told NAME STATUS PART...: as in 40-status.sh; the passphrase is in none of it.
told() {
	local name=$1 what='' part

	[ "$status" = "$2" ] || what="ended with $status, not $2;"
	shift 2
	for part; do
		[[ $out$err == *"$part"* ]] || what+=" it does not say \"$part\";"
	done
	[[ $out$err != *"$secret"* ]] || what+=' it says the passphrase;'
	! unclean "$out$err" || what+=' unclean;'
	if [ -z "$what" ]; then
		ok "$name"
	else
		not_ok "$name" "$what it said: ${err:0:1000} | ${out:0:1000}"
	fi
}
is() {
	check "$1" jq -e "$2" "$W/stdout"
}
# locked: whether the agent is.
locked() {
	"$AGENT" --status --json -a "$one" | jq .locked
}

with "$secret" lock "${socket[@]}" local
told lock 0 'local: locked: nobody can use its keys'
check_same lock_prints_nothing '' "$out"
check_same it_is_locked true "$(locked)"
check_same it_lists_nothing '' "$(listed)"
with "$secret" lock "${socket[@]}" local
told lock_again 1 'is locked already' 'unlock it first'
with other unlock "${socket[@]}" local
told a_wrong_passphrase 3 'local: bottle-agent: wrong passphrase' \
    'what to do: try again'
check_same it_is_still_locked true "$(locked)"
with "$secret" unlock "${socket[@]}" local
told unlock 0 'local: unlocked'
check_same it_is_unlocked false "$(locked)"
with "$secret" unlock "${socket[@]}" local
told unlock_again 1 'is not locked' 'nothing to unlock'

# --- what is no passphrase --------------------------------------------------------

with '' lock "${socket[@]}" local
told an_empty_one 2 'the passphrase is empty'
with $'\n'"$secret" lock "${socket[@]}" local
told an_empty_line 2 'the passphrase is empty'
with "$(printf 'x%.0s' {1..1024})" lock "${socket[@]}" local
told one_that_is_too_long 2 'longer than 1023 bytes'
run lock --passphrase-fd 7 "${socket[@]}" local
told no_such_descriptor 2 'descriptor 7: Bad file descriptor'
in=<(printf 'a\0b') run lock --passphrase-fd 0 "${socket[@]}" local
told one_with_a_nul 2 'NUL byte'
status=0
err=$(setsid "$PROVISION" lock "${socket[@]}" local 2>&1 </dev/null) || status=$?
out=''
told no_terminal 2 'no terminal' '--passphrase-fd'
run lock --json --passphrase-fd 7 "${socket[@]}" local
is wrong_use_as_json '.code == 2 and .targets == [] and .command == "lock" and
    (.error | test("descriptor 7"))'
check_same none_of_these_locks false "$(locked)"
with "$secret" lock "${socket[@]}" local 'bad name'
told a_bad_name_is_wrong_use 2 'bad name'
check_same nor_does_that false "$(locked)"

# --- several ------------------------------------------------------------------------

# Another agent, at the same path behind another command: in a mount namespace of
# its own.
mkdir "$T/two" "$T/at"
"$AGENT" -D -a "$T/two/agent.sock" --public --allow node=list,sign \
    --ready-fd 9 9>"$T/two/ready" 2>>"$agent_log" >"$T/two/out" </dev/null &
agent_seen $!
check another_agent_serves wait_for 30 test -s "$T/two/ready"
cat >"$T/second" <<EOS
#!/bin/sh
# bottle-agent at the other socket, whatever it is told.
program=\$1 && shift 3
exec "\$program" --socket $T/two/agent.sock "\$@"
EOS
chmod 755 "$T/second"
both=(exec:env "exec:$T/second")
with "$secret" lock --json "${socket[@]}" "${both[@]}" exec:/none/at/all
told several 5 '2 of 3 locked'
is several_as_json '.command == "lock" and .code == 5 and
    [.targets[].code] == [0, 0, 5] and [.targets[].locked] == [true, true, null]'
check_same both_are_locked 'true true' "$(locked) $("$AGENT" --status --json \
    -a "$T/two/agent.sock" | jq .locked)"
# Only one of them has another passphrase now.
printf %s "$secret" | "$AGENT" --unlock -a "$one" 2>/dev/null
printf other | "$AGENT" --lock -a "$one" 2>/dev/null
with other unlock --json "${socket[@]}" "${both[@]}"
told one_of_two 3 "exec:$T/second: bottle-agent: wrong passphrase"
is one_of_two_as_json '[.targets[].code] == [0, 3] and
    .targets[0].locked == false and (.targets[1].advice | test("try again"))'
with "$secret" unlock "${socket[@]}" "exec:$T/second"
told the_other_of_them 0 unlocked

# --- a delay is waited for -------------------------------------------------------------

# After wrong ones an agent answers late: later than the time that is given.
cat >"$T/late" <<'EOS'
#!/bin/sh
sleep 2
echo 'bottle-agent: wrong passphrase: the agent is locked still' >&2
exit 3
EOS
chmod 755 "$T/late"
with wrong unlock --timeout 1 "exec:$T/late"
told an_answer_that_takes_long 3 'wrong passphrase' 'takes longer to answer'

# --- nobody sees it ---------------------------------------------------------------------

# A target that shows all that is to be seen of it, and of those above it.
cat >"$T/look" <<EOS
#!/bin/bash
# What others can see of the processes that have the passphrase.
read -r passphrase
for pid in \$\$ \$PPID; do
	tr '\\0' '\\n' <"/proc/\$pid/cmdline"
	tr '\\0' '\\n' <"/proc/\$pid/environ"
	ls -l "/proc/\$pid/fd"
done >"$T/seen"
[ "\$passphrase" = "$secret" ] && touch "$T/came"
exit 0
EOS
chmod 755 "$T/look"
with "$secret" lock "${socket[@]}" "exec:$T/look"
told a_target_that_looks 0 'locked'
check it_came test -e "$T/came"
check_lacks nothing_of_it_is_seen "$(cat "$T/seen")" "$secret"

# typed NAME WANTED PART COMMAND ANSWER...: at a terminal, where each answer is
# typed once it is asked for.
asked() {
	[ "$(grep -ao 'with: \|more: ' "$T/typed" | wc -l)" -ge "$1" ]
}
typed() {
	local name=$1 wanted=$2 part=$3 command=$4

	shift 4
	: >"$T/typed"
	status=0
	err=$(for ((i = 1; i <= $#; i++)); do
		wait_for 20 asked "$i" || true
		printf '%s\n' "${!i}"
	done | TERM=dumb timeout 120 script -qefc "$(printf '%q ' "$PROVISION" "$command" \
	    "${socket[@]}" local)" "$T/typed" 2>&1 | tr -d '\r'
	    exit "${PIPESTATUS[1]}") || status=$?
	out=''
	told "$name" "$wanted" "$part"
}
typed two_that_differ 2 'two different passphrases' lock "$secret" "${secret%?}T"
check_same they_do_not_lock false "$(locked)"
typed lock_at_a_terminal 0 'local: locked' lock "$secret" "$secret"
check_same it_is_locked_from_there true "$(locked)"
typed a_wrong_one_at_a_terminal 3 'wrong passphrase' unlock other
typed unlock_at_a_terminal 0 'local: unlocked' unlock "$secret"
check_same it_is_unlocked_from_there false "$(locked)"
scenario_end
