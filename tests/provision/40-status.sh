#!/bin/bash
# 40-status.sh - status and explain: of agents in each state, of targets in which
# there is none or cannot be one, of several at once, and of programs that lie.
# shellcheck source=tests/support/load.sh
. "$(dirname "$0")/../support/load.sh"

need_own
make_key ed25519
make_key ed25519 second
socket=(--socket "$S" --bin "$bin")

# told NAME STATUS PART...: how the last call ended, and what is in what it said
# or printed; none of it does anything to a terminal.
told() {
	local name=$1 what='' part

	[ "$status" = "$2" ] || what="ended with $status, not $2;"
	shift 2
	for part; do
		[[ $out$err == *"$part"* ]] || what+=" it does not say \"$part\";"
	done
	! unclean "$out$err" || what+=' unclean;'
	if [ -z "$what" ]; then
		ok "$name"
	else
		not_ok "$name" "$what it said: ${err:0:1000} | ${out:0:1000}"
	fi
}
# is NAME FILTER: the filter is true of the JSON that was printed.
is() {
	check "$1" jq -e "$2" "$W/stdout"
}

# --- each state of an agent ---------------------------------------------------------

run status "${socket[@]}" local
told no_agent 5 'local: bottle-agent: no agent at' \
    "no agent serves $S there" 'the next load starts one'
check_same and_nothing_is_printed '' "$out"
run status --json "${socket[@]}" local
told no_agent_as_json 5
is no_agent_is_an_error '.version == 1 and .command == "status" and
    .code == 5 and (.targets | length) == 1 and
    (.targets[0] | .target == "local" and .code == 5 and
    (.error | test("no agent at")) and (.advice | test("load")) and
    has("agent") == false)'

agent_start --public --allow node=list,sign --audit "$T/audit"
run status "${socket[@]}" local
told no_keys 0 'local: 0 keys' "socket: $S" 'allowed: node=list,sign' \
    "audit: $T/audit" 'policy: no file' 'memory: '
check_same no_keys_says_nothing '' "$err"

as_self ssh-add -q -t 1h "$T/ed25519"
as_self ssh-add -q -c "$T/second"
git_signs as_self ed25519
run status "${socket[@]}" exec:env
told keys 0 'exec:env: 2 keys' "ssh-ed25519 $(print_of ed25519) ed25519" \
    '1 signature, last used ' '; expires in ' 'never used' \
    'each use is confirmed'
run status --json "${socket[@]}" exec:env
told keys_as_json 0
is the_object_of_the_agent_is_in_it '.code == 0 and
    (.targets[0] | has("error") == false and .code == 0 and
    .agent.version == 1 and (.agent.keys | length) == 2 and
    .agent.locked == false and .agent.socket == "'"$S"'" and
    any(.agent.keys[]; .last_used_ago_s != null and .signatures == 1))'

as_self ssh-add -q -D
as_self ssh-add -q -t 1 "$T/ed25519"
gone() {
	run status "${socket[@]}" local
	[[ $out == 'local: 0 keys'* ]]
}
check expired_keys_are_gone wait_for 30 gone

as_self ssh-add -q "$T/ed25519"
askpass secret
as_self ssh-add -x
run status "${socket[@]}" local
told locked 0 'local: LOCKED: no key can be used until it is unlocked; 1 key'
run status --json "${socket[@]}" local
is locked_as_json '.targets[0].agent.locked'
as_self ssh-add -X

# --- what it refused ------------------------------------------------------------------

run explain "${socket[@]}" local
told refused_nothing_else 0 'local:'
as_account SSH_AUTH_SOCK="$S" ssh-add -D >/dev/null 2>&1 || true
run explain "${socket[@]}" local
told refused 0 'local:' '  ' 'what to do: '
run explain --json "${socket[@]}" local
told refused_as_json 0
is refusals_are_a_list '.command == "explain" and
    (.targets[0].refusals | length > 0 and .[0].record.reason != null and
    .[0].remedy != null)'

# --- where there is none -----------------------------------------------------------------

run status --socket "$S" --bin /opt/none local
told no_programs 5 'there is no /opt/none/bottle-agent'
install -d "$T/loose"
install -m 777 "$bin/bottle-agent" "$T/loose"
chmod 777 "$T/loose/bottle-agent"
run status --socket "$S" --bin "$T/loose" local
told a_program_of_anybody 3 'can be written by others'
run status "${socket[@]}" 'exec:/none/at/all'
told no_such_command 5 '/none/at/all'
run status --socket "$S" --bin /opt/none exec:env
told nothing_behind_the_command 5 'there is no bottle-agent'

# engine NAME TEXT STATUS: a stand-in for docker that says this.
engine() {
	install -d "$T/engines"
	printf '#!/bin/sh\nprintf %%s\\\\n %q >&2\nexit %d\n' "$1" "$2" \
	    >"$T/engines/docker"
	chmod 755 "$T/engines/docker"
}
before=$PATH
PATH=$T/engines:$PATH
engine 'Error response from daemon: No such container: web' 1
run status "${socket[@]}" web
told no_such_container 5 'web: there is no container web' 'docker ps'
run status --json "${socket[@]}" docker:web
is no_such_container_as_json '.code == 5 and
    (.targets[0].error | test("no container web"))'
engine 'Error response from daemon: container 0f is not running' 1
run explain "${socket[@]}" web
told not_running 5 'web: container web is not running' 'docker start web'
engine 'Cannot connect to the Docker daemon at unix:///var/run/docker.sock.' 1
run status "${socket[@]}" web
told no_engine 5 'docker does not answer'
PATH=$before

# --- several ---------------------------------------------------------------------------------

run status --json -j 3 "${socket[@]}" exec:env local exec:/none/at/all exec:nice
told several 5
is one_that_fails_does_not_keep_the_others '.code == 5 and
    ([.targets[].target] == ["exec:env", "local", "exec:/none/at/all",
	"exec:nice"]) and
    ([.targets[].code] == [0, 0, 5, 0]) and
    ([.targets[].agent.keys_total] == [1, 1, null, 1])'
check_has several_are_summed_up "$err" '3 of 4 asked'
run status "${socket[@]}" exec:nice exec:env
told several_for_people 0 'exec:nice: 1 key' 'exec:env: 1 key'
check_same in_the_order_of_their_names 'exec:nice: 1 key
exec:env: 1 key' "$(grep '^exec:' <<<"$out")"
run status "${socket[@]}" local 'bad name'
told a_bad_name_is_wrong_use 2 'bad name'
check_same and_nobody_is_asked '' "$out"
run status --json "${socket[@]}" local 'bad name'
is wrong_use_as_json '.code == 2 and .targets == [] and .error != null'

# --- liars --------------------------------------------------------------------------------------

cat >"$T/liar" <<'EOS'
#!/bin/bash
# A target in which bottle-agent says what $LIE says.
case $LIE in
endless) exec yes '{"version":1,' ;;
silent) exec sleep 60 ;;
noise) exec yes noise >&2 ;;
deep) exec perl -e 'print "[" x 1000000' ;;
nothing) exit 0 ;;
garbage) head -c 5000 /dev/urandom ;;
escapes) printf '\033]0;owned\007\033[2J{"version":1}' ;;
error) printf 'bottle-agent: \033[2Jowned\r\n' >&2; exit 3 ;;
killed) kill -9 $$ ;;
*) sed "$LIE" "$TRUTH" ;;
esac
EOS
chmod 755 "$T/liar"
run status --json "${socket[@]}" exec:env
jq -c '.targets[0].agent' "$W/stdout" >"$T/truth"
export TRUTH=$T/truth LIE
# lie NAME STATUS LIE PART...: what a lie comes to; where it is the time that is
# wrong, that is short.
lie() {
	local name=$1 wanted=$2 limit=40

	[ "$wanted" -ne 5 ] || limit=1
	LIE=$3
	shift 3
	run status --timeout "$limit" "exec:$T/liar"
	told "$name" "$wanted" "$@"
	[ "$wanted" -eq 0 ] || check_same "${name}_prints_nothing" '' "$out"
	run status --json --timeout "$limit" "exec:$T/liar"
	told "${name}_as_json" "$wanted"
	is "${name}_as_json_is_told" ".code == $wanted"
}
no='what bottle-agent in the target prints is no status: '
lie the_truth 0 '' "exec:$T/liar: 1 key"
lie endless 1 endless 'prints more than 2097152 bytes'
lie silent 5 silent 'did not answer within 1 s'
lie noise 5 noise 'did not answer within 1 s'
lie deep 1 deep "${no}it is no JSON"
lie nothing 1 nothing "${no}it is empty"
lie garbage 1 garbage "${no}it is no JSON"
lie escapes 1 escapes "${no}it is no JSON"
lie an_error_with_escapes 3 error 'bottle-agent: \x1b[2Jowned'
lie killed 1 killed 'was ended by signal 9'
lie a_wrong_type 1 's/"locked":false/"locked":"no"/' \
    "${no}locked is a string, not true or false"
lie a_key_with_a_wrong_type 1 's/"comment":"ed25519"/"comment":[]/' \
    "${no}keys[0].comment is a list, not a string"
lie a_member_that_is_missing 1 's/"audit":/"odd":/' "${no}there is no audit"
lie another_version 1 's/"version":1/"version":2/' "${no}it is of version 2"
lie two_objects 1 'p' "${no}it is no JSON"
lie a_name_with_escapes 0 \
    's/"comment":"ed25519"/"comment":"\\u001b[2J\\u007f\\u009b"/' \
    "exec:$T/liar: 1 key"
LIE=endless
run explain --timeout 40 "exec:$T/liar"
told an_endless_explanation 1 'prints more than 1048576 bytes'
LIE=escapes
run explain --timeout 40 "exec:$T/liar"
told an_explanation_with_escapes 0 '\x1b]0;owned\x07'
run explain --json --timeout 40 "exec:$T/liar"
told an_explanation_that_is_none 1 'prints is no list of refusals: it is no JSON'
LIE=''
run explain --json --timeout 40 "exec:$T/liar"
told a_status_is_no_explanation 1 'refusals is not a list'
# head_of NAME PART TEXT: what stands before the list.
head_of() {
	LIE="s/.*/{$3\"refusals\":[]}/"
	run explain --json --timeout 1 "exec:$T/liar"
	told "$1" 1 "prints is no list of refusals: $2"
}
head_of no_version 'version is not a number' ''
head_of a_version_in_words 'version is not a number' '"version":"1",'
head_of a_version_to_come 'it is of version 2' '"version":2,'
head_of a_version_of_nobody 'it is of version 0' '"version":0,'
# refusals NAME STATUS PART LIST: a list of them that is another one.
refusals() {
	LIE="s/.*/{\"version\":1,\"refusals\":[$4]}/"
	run explain --json --timeout 1 "exec:$T/liar"
	told "$1" "$2" "$3"
}
good='{"first_ms":1,"remedy":"","record":{}}'
refusals a_good_list 0 '' "$good,$good"
refusals one_that_is_no_object 1 'refusals[1] is not an object' "$good,7"
refusals one_without_a_time 1 'refusals[0].first_ms is not a number' \
    '{"first_ms":"1","remedy":"","record":{}}'
refusals one_without_a_remedy 1 'refusals[0].remedy is not a string' \
    '{"first_ms":1,"remedy":[],"record":{}}'
refusals one_without_a_record 1 'refusals[2].record is not an object' \
    "$good,$good,{\"first_ms\":1,\"remedy\":\"\"}"
scenario_end
