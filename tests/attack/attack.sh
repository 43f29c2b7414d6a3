#!/bin/bash
# attack.sh docker|unshare [--long] [--old-kernel] - a hostile user against the
# agent.
#
# A bottle as in the end-to-end test; in it an agent that allows uid 1000, who
# is hostile, and uid 1001, who is not, to list and to sign.  Each attack is a
# program that uid 1000 runs (see attack.c).  After each the agent must be the
# same process, root must see the same keys to the byte, the honest peer must
# get a list and a good signature in time, memory and descriptors must be what
# they were, and the audit log must tell of it.  At the end comes a table.
#	--long	ten minutes of everything mixed, instead of a few seconds
#	--old-kernel	the agent finds one from before Linux 6.16, on which peers
#			can send descriptors: just what is about these
# BOTTLE_STATIC_BIN is the folder of the agent, BOTTLE_BIN that of the attacker.
# shellcheck disable=SC2016,SC2034
set -eu

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/support/say.sh
. "$here/../support/say.sh"
# shellcheck source=tests/support/check.sh
. "$here/../support/check.sh"
# shellcheck source=tests/support/packages.sh
. "$here/../support/packages.sh"
# shellcheck source=tests/e2e/roots.sh
. "$here/../e2e/roots.sh"
# shellcheck source=tests/e2e/engine.sh
. "$here/../e2e/engine.sh"
# shellcheck source=tests/e2e/world.sh
. "$here/../e2e/world.sh"

case ${1:-} in
docker) kind=docker ;;
unshare) kind=embedded ;;
*) die 'usage: attack.sh docker|unshare [--long] [--old-kernel]' 2 ;;
esac
shift
mixed_s=40
[ -z "${ATTACK_LONG:-}" ] || mixed_s=600
old_kernel=
for word; do
	case $word in
	--long) mixed_s=600 ;;
	--old-kernel) old_kernel=yes ;;
	*) die "unknown: $word" 2 ;;
	esac
done

bin=${BOTTLE_STATIC_BIN:-$here/../../build/static/bin}
attacker=${BOTTLE_BIN:-$here/../../build/release/bin}/attack
in_bottle=/usr/local/bin/attack
audit=/var/log/bottle-agent.audit
small=/var/log/small

# An honest peer waits no longer than this for a list and a signature, in ms.
HONEST_MS=2000
# What resident memory may be above that of the idle agent at any time: what
# one uid may have kept for it, and half as much for what the allocator adds;
# and how much it may grow while everything is mixed.  KiB.
GROWTH_KB=$((24 * 1024))
MIXED_GROWTH_KB=2048
# Descriptors beside the idle agent's while connections are held: one uid's, and
# a lot that was let in.
HELD_FDS=$((256 + 32 + 8))

work=$(mktemp -d "${TMPDIR:-/tmp}/bottle-attack.XXXXXX")
at_exit rm -rf "$work"

# --- the world ---------------------------------------------------------------

[ -x "$attacker" ] || skip_all "no attacker at $attacker"
command -v jq >/dev/null || skip_all 'there is no jq here'
why=$(world_missing "$kind" "$bin")
[ -z "$why" ] || skip_all "$why"
if [ "$kind" != embedded ]; then
	at_exit engine_down
	engine_up "$work" || skip_all "$engine_why"
fi
roots_ready || die 'cannot make the root file systems'
if [ "$kind" != embedded ]; then
	docker_ready || skip_all "$world_why"
fi
at_exit world_down
world_up "$kind" "bottle-attack-$$" "$bin" || {
	cat "$world_dir"/*.log >&2 2>/dev/null
	die "cannot bring the world up: ${world_why:-see above}"
}
bottle_in 0 sh -c "cat >$in_bottle && chmod 755 $in_bottle" <"$attacker"

# Words that run a command in the bottle, for what cannot call functions.
read -ra into_root < <(world_enter 0; echo)
read -ra into_node < <(world_enter 1000; echo)

# --- the agent, seen from outside of the bottle ---------------------------------

# agents: pids of all agents in the bottle, as this machine counts.
agents() {
	local init p name

	init=$(world_init)
	for p in /proc/[0-9]*; do
		read -r name 2>/dev/null <"$p/comm" || continue
		[ "$name" = bottle-agent ] || continue
		[ "$p/ns/pid" -ef "/proc/$init/ns/pid" ] || continue
		printf '%s\n' "${p#/proc/}"
	done
}

# world_init: the pid of the bottle's first process, as this machine counts.
world_init() {
	if [ "$kind" = docker ]; then
		docker inspect -f '{{.State.Pid}}' "$world_name"
	else
		printf '%s\n' "$world_pid"
	fi
}

# identity: what tells one process from another that has its pid later.
identity() {
	local stat

	read -r stat 2>/dev/null <"/proc/$agent/stat" || stat='gone) x'
	# shellcheck disable=SC2086
	set -- ${stat##*) }
	printf '%s/%s\n' "$agent" "${20:-gone}"
}

rss() {
	sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$agent/status" \
	    2>/dev/null | grep . || printf '999999999\n'
}

descriptors() {
	local all=("/proc/$agent/fd"/*)

	printf '%s\n' "${#all[@]}"
}

few_descriptors() {
	[ "$(descriptors)" -le "$1" ]
}

log_size() {
	stat -c %s "$log"
}

# since OFFSET: what was written to the audit log after it.
since() {
	tail -c "+$(($1 + 1))" "$log"
}

# told OFFSET UID OP REASON: whether a refusal like that was recorded.
told() {
	since "$1" | jq -en --argjson uid "$2" --arg op "$3" --arg reason "$4" '
	    any(inputs; .verdict == "denied" and .op == $op and
		.reason == $reason and .peer.uid == $uid)'
}

# --- an attack -------------------------------------------------------------------

table=()
slowest=0
looks=1

# look NAME: root's list and the honest peer, now.  A busy machine may be slow
# once, or twice; who is kept from being served is so each time.
look() {
	local name=$1 out took tries

	for ((tries = 0; tries < 3; tries++)); do
		looks=$((looks + 1))
		out=$(timeout 60 "${into_root[@]}" "$in_bottle" after 2>&1 \
		    </dev/null) || true
		took=$(sed -n 's/^honest \([0-9]*\)$/\1/p' <<<"$out")
		took=${took:-99999}
		slowest=$((took > slowest ? took : slowest))
		[ "$took" -ge "$HONEST_MS" ] || break
	done
	check_same "${name}_root_sees_the_same_keys" "$keys" \
	    "$(sed -n 's/^list //p' <<<"$out")"
	if [ "$took" -lt "$HONEST_MS" ]; then
		ok "${name}_an_honest_peer_is_served"
	else
		not_ok "${name}_an_honest_peer_is_served" "${out:0:600}"
	fi
}

# memory NAME: what it has is what it may have.
memory() {
	local now

	now=$(rss)
	most_rss=$((now > most_rss ? now : most_rss))
	if [ "$((now - idle_rss))" -lt "$GROWTH_KB" ]; then
		ok "$1_memory_is_bounded"
	else
		not_ok "$1_memory_is_bounded" "$now KiB, $idle_rss at first"
	fi
}

# settled NAME: the agent is what it was.
settled() {
	local name=$1

	look "$name:_then"
	check_same "$name:_then_the_agent_is_the_same_process" "$born" \
	    "$(identity)"
	memory "$name:_then"
	if wait_for 20 few_descriptors "$idle_fds"; then
		ok "$name:_then_no_descriptor_is_kept"
	else
		not_ok "$name:_then_no_descriptor_is_kept" \
		    "$(descriptors), $idle_fds at first"
	fi
}

# recorded NAME OFFSET EXPECTED: the audit log tells it; EXPECTED is words like
# UID:OP:REASON, or - where the kernel refuses and the agent hears nothing.
recorded() {
	local name=$1 offset=$2 word uid op reason

	for word in $3; do
		[ "$word" != - ] || continue
		IFS=: read -r uid op reason <<<"$word"
		if wait_for 20 told "$offset" "$uid" "$op" "$reason"; then
			ok "$name:_recorded_as_${op}_$reason"
		else
			not_ok "$name:_recorded_as_${op}_$reason" \
			    "only $(refusals "$offset")"
		fi
	done
}

# refusals OFFSET: those in the log since then, on one line.
refusals() {
	since "$1" | jq -r 'select(.verdict == "denied") |
	    "\(.peer.uid):\(.op):\(.reason)"' | sort | uniq -c |
	    tr -s ' \n' ' '
}

# verdict NAME STATUS OUT EXPECTED: what the attacker says, and a row.
verdict() {
	local last

	last=$(tail -n 1 <<<"$3")
	if [ "$2" -eq 0 ] || { [ "$2" -eq 2 ] &&
	    [[ $last == 'not possible here'* ]]; }; then
		ok "$1"
	else
		not_ok "$1" "ended with $2: ${3:0:600}"
	fi
	table+=("$1|${last:-nothing}|$4")
}

# attack NAME EXPECTED WORD...: as uid 1000.
attack() {
	attack_from into_node "$@"
}

# attack_from ARRAY NAME EXPECTED WORD...: ARRAY holds words to begin with.
attack_from() {
	local -n into=$1
	local name=$2 expected=$3 offset out status=0

	shift 3
	offset=$(log_size)
	out=$(timeout 90 "${into[@]}" "$in_bottle" "$@" 2>&1 </dev/null) ||
	    status=$?
	verdict "$name" "$status" "$out" "$expected"
	settled "$name"
	recorded "$name" "$offset" "$expected"
	last_offset=$offset last_out=$out
}

# press NAME EXPECTED WORD...: one that goes on for a while; the honest peer is
# served, and memory and descriptors are bounded, meanwhile as well.
press() {
	local name=$1 expected=$2 offset pid ready='' status=0

	shift 2
	offset=$(log_size)
	rm -f "$work/press"
	mkfifo "$work/press"
	timeout "$((mixed_s + 90))" "${into_node[@]}" "$in_bottle" "$@" \
	    >"$work/press" 2>&1 </dev/null &
	pid=$!
	exec {press}<"$work/press"
	read -r -t 30 ready <&"$press" || true
	check_same "$name:_it_presses" ready "$ready"
	look "$name:_meanwhile"
	memory "$name:_meanwhile"
	check "$name:_meanwhile_descriptors_are_bounded" \
	    few_descriptors "$((idle_fds + HELD_FDS))"
	[ -z "${meanwhile:-}" ] || "$meanwhile" "$name"
	wait "$pid" || status=$?
	verdict "$name" "$status" "$(cat <&"$press")" "$expected"
	exec {press}<&-
	settled "$name"
	recorded "$name" "$offset" "$expected"
	last_offset=$offset
}

# --- an agent to be attacked ------------------------------------------------------

# The limits of time are shorter than by default, for this test to be short.
agent_options=(--public --allow '1000=list,sign' --allow '1001=list,sign'
    --limit 'frame-time=3000' --limit 'unread-time=3000')
# To see that this test can fail: ATTACK_OPTIONS='--allow 1000=admin'.
read -ra extra_options <<<"${ATTACK_OPTIONS:-}"
agent_options+=("${extra_options[@]}")

make_key() {
	ssh-keygen -q -t ed25519 -N '' -C "$1" -f "$work/$1"
}

# load KEY OPTION...: with the agent's own loader.
load() {
	bottle_in 0 ${old_kernel:+"$in_bottle" old-kernel} "$world_program" \
	    --load "${@:2}" <"$work/$1" >/dev/null
}

# add KEY OPTION...: with ssh-add, as root.
add() {
	bottle_in 0 env SSH_AUTH_SOCK="$world_socket" ssh-add -q "${@:2}" - \
	    <"$work/$1"
}

agent_up() {
	local name

	for name in plain auth dest confirm; do
		make_key "$name"
	done
	load plain --name plain "${agent_options[@]}" --audit "$audit"
	load auth --name auth --purpose auth
	"$attacker" known-hosts |
	    bottle_in 0 bash -c 'cat >/root/known_hosts'
	add dest -h git@good.example -H /root/known_hosts
	add confirm -c
	agent=$(agents)
	[[ $agent =~ ^[0-9]+$ ]] ||
	    skip_all 'the processes in the bottle cannot be seen from here'
	log=/proc/$agent/root$audit
	born=$(identity)
	keys=$(bottle 0 "$in_bottle" after | sed -n 's/^list //p')
	[[ $keys == '4 '* ]] || die "four keys were loaded, but: $keys"
	# What is made once, at the first use, is made.
	bottle 1000 "$in_bottle" sign right-host >/dev/null
	bottle 1000 "$in_bottle" costly-binds >/dev/null
	inner=$(bottle 0 bash -c 'for p in /proc/[0-9]*; do
		read -r name 2>/dev/null <"$p/comm" || continue
		[ "$name" != bottle-agent ] || echo "${p#/proc/}"
	done')
	sleep 0.5
	idle_rss=$(rss) most_rss=$idle_rss
	idle_fds=$(descriptors)
	printf '# the agent: pid %s, %s KiB, %s descriptors\n' "$agent" \
	    "$idle_rss" "$idle_fds"
}

# --- the attacks ---------------------------------------------------------------------

attack_state() {
	attack user_cannot_wipe 1000:remove-all:policy wipe
	attack user_cannot_lock 1000:lock:policy lock
	attack user_cannot_unlock 1000:unlock:policy unlock
	attack user_cannot_add 1000:add:policy add
	attack user_cannot_remove 1000:remove:policy remove
	attack user_cannot_load_a_pkcs11_library 1000:other:unsupported pkcs11
	attack user_cannot_load_a_provider 1000:add:policy provider
	attack user_is_no_admin \
	    '1000:status:policy 1000:explain:policy 1000:load:policy' admin
	attack no_message_number_does_harm '1000:other:unsupported' numbers
	attack_from into_root user_cannot_use_the_lock_of_root \
	    '1000:unlock:policy 1000:lock:policy 1000:sign:locked' \
	    lock-of-root
}

attack_signatures() {
	# Controls: these are allowed, so that what follows is refused for
	# what it is.
	attack right_host_is_signed_for - sign right-host
	attack git_is_signed_for - sign git

	attack user_cannot_sign_for_another_host \
	    1000:sign:destination sign other-host
	attack nor_without_naming_it \
	    1000:sign:destination sign other-host-plain-method
	attack nor_by_naming_it_only_in_the_request \
	    1000:sign:other-host sign other-host-key-in-request
	attack user_cannot_sign_for_another_user \
	    1000:sign:destination-user sign other-user
	attack user_cannot_sign_a_login_with_another_key \
	    1000:sign:other-key sign other-key
	attack user_cannot_sign_unbound 1000:sign:unbound sign unbound
	attack bind_does_not_count_for_a_second_connection \
	    1000:sign:unbound sign second-unbound-connection
	attack bind_cannot_be_forged \
	    '1000:bind:bind-signature 1000:sign:bind-failed' sign forged-bind
	attack no_byte_of_a_bind_can_be_changed \
	    '1000:bind:bind-signature 1000:bind:bind-broken' bind-forged
	attack bind_cannot_be_cut_short \
	    '1000:bind:bind-broken 1000:sign:bind-failed' bind-truncated
	attack bind_cannot_be_replayed \
	    1000:sign:other-session sign replayed-bind
	attack connection_cannot_be_bound_anew \
	    1000:bind:bind-after-auth sign rebound
	attack session_is_of_one_host \
	    1000:bind:bind-session sign session-of-another-host
	attack user_cannot_go_through_another_host \
	    1000:sign:destination sign through-another-host
	attack bind_for_forwarding_is_for_no_login \
	    1000:sign:bound-forwarding sign forwarding-only
	attack binds_of_a_connection_are_limited \
	    1000:bind:bind-too-many bind-many
	attack key_with_destinations_signs_no_file \
	    1000:sign:destination-sshsig sign sshsig-of-destination-key
	attack key_with_destinations_signs_nothing_else \
	    1000:sign:unclassified sign unclassified-of-destination-key
	attack unclassified_data_is_not_signed \
	    1000:sign:unclassified sign unclassified
	attack other_namespace_is_not_signed \
	    1000:sign:purpose-namespace sign namespace-file
	attack namespace_any_is_not_all_of_them \
	    1000:sign:purpose-namespace sign namespace-any
	attack key_to_log_in_signs_no_commit \
	    1000:sign:purpose-namespace sign git-of-auth-key
	attack namespace_auth_is_no_login \
	    1000:sign:purpose-namespace sign namespace-auth-of-auth-key
	attack forwarded_connection_signs_no_commit \
	    1000:sign:forwarded sign forwarded-git
	attack nobody_says_yes_for_the_user \
	    1000:sign:no-approver sign confirm
}

attack_identity() {
	attack_from into_root descriptor_of_root_is_worth_nothing \
	    '0:list:passed-descriptor 0:remove-all:passed-descriptor
	    0:add:passed-descriptor 0:lock:passed-descriptor' passed
	attack user_cannot_claim_to_be_root 1000:remove-all:policy claim
	# With rights of the machine's root, or the engine would not let it.
	attack_from into_namespaces user_cannot_become_root_in_a_name_space \
	    1000:remove-all:policy own-root
	attack processes_that_exit_at_once '1000:remove-all:policy' exits
	check_same processes_that_exit_at_once:_no_other_name_is_recorded '' \
	    "$(since "$last_offset" | jq -r 'select(.peer.uid == 1000 and
		.claims.comm != null and .claims.comm != "attack") |
		.claims.comm' | sort -u | tr '\n' ' ')"

	# The same, to choose a pid.
	attack_from into_namespaces pid_of_another_process \
	    1000:remove-all:policy pid-reuse
	check_same pid_of_another_process:_its_name_is_not_recorded '' \
	    "$(since "$last_offset" | jq -r \
	    'select(.claims.comm == "innocent") | .op')"
	check_same pid_of_another_process:_its_pid_is_not_recorded '' \
	    "$(since "$last_offset" | jq -r --argjson pid \
	    "$(sed -n 's/^pid \([0-9]*\)$/\1/p' <<<"$last_out" | grep . ||
		echo 0)" 'select(.claims.pid == $pid) | .op')"
	attack sockets_that_take_long_to_close 1000:other:unsupported linger
	press sockets_that_take_long_to_close_in_a_storm \
	    1000:other:unsupported linger-storm
	press descriptors_in_a_storm - storm
}

attack_floods() {
	press half_messages_of_250_connections \
	    1000:connect:limit-frame-time half-frames
	press replies_that_nobody_reads \
	    1000:connect:limit-unread-time unread
	press replies_that_200_connections_do_not_read \
	    1000:connect:limit-bytes greedy
	press connections_by_the_thousand \
	    1000:connect:limit-connections-uid connections
	attack messages_of_256_KiB \
	    '1000:add:policy 1000:sign:unclassified' giant
	press lists_by_the_thousand - lists
	press costly_binds_by_the_thousand \
	    1000:bind:bind-signature costly-binds
	press requests_that_nobody_waits_for - leave-behind
}

attack_system() {
	local dir

	attack user_cannot_touch_the_socket - place
	attack user_cannot_look_into_proc - proc "$inner"
	attack user_cannot_steer_the_process - process "$inner"

	# Nor is it to be started where a user could do such things.
	for dir in /tmp /home/node; do
		check_refused "socket_in_${dir}_is_refused" serve \
		    -a "$dir/agent.sock"
		table+=("socket in $dir|no agent is started|-")
	done
	check_refused audit_log_in_a_folder_of_the_user_is_refused serve \
	    -a /run/other.sock --audit /home/node/audit
	bottle 1000 ln -s /run/planted /tmp/audit
	check_refused audit_log_at_a_symlink_is_refused serve \
	    -a /run/other.sock --audit /tmp/audit
	bottle 1000 bash -c 'rm /tmp/audit; touch /tmp/audit; chmod 666 /tmp/audit'
	check_refused audit_log_of_the_user_is_refused serve \
	    -a /run/other.sock --audit /tmp/audit
	check nothing_was_planted bottle 0 test ! -e /run/planted
	table+=("audit log at a path of the user|no agent is started|-")
}

# serve OPTION...: an agent for the user, as root; one that serves is ended.
serve() {
	bottle 0 timeout 5 "$world_program" -D --public --allow '1000=list' \
	    "$@" 2>&1
}

attack_log() {
	attack text_cannot_write_the_log \
	    '1000:sign:purpose-namespace 1000:sign:no-such-key' inject
	check_same text_cannot_write_the_log:_no_control_character '' \
	    "$(since "$last_offset" | LC_ALL=C grep -anoP \
	    '[\x00-\x1f\x7f]|\xc2[\x80-\x9f]' | cut -d : -f 1 | sort -u |
		tr '\n' ' ')"
	check_same text_cannot_write_the_log:_no_deceptive_character '' \
	    "$(since "$last_offset" | LC_ALL=C grep -anoP \
	    '\xe2\x80[\x8b-\x8f\xa8-\xae]|\xe2\x81[\xa0-\xa9]' | cut -d : -f 1 |
		sort -u | tr '\n' ' ')"
}

# On one processor the agent is quicker than what writes its log; the attacker
# has another, where there is one.
attack_hiding() {
	local name=burst_does_not_hide_a_signature cpus
	local into_other

	cpus=$(taskset -p -c "$agent" | sed 's/.*: //')
	into_other=("${into_node[@]}" taskset -c "${cpus##*[,-]}")
	sleep 4			# for a whole budget of records
	taskset -a -p -c "${cpus%%[,-]*}" "$agent" >/dev/null
	attack_from into_other "$name" 1000:remove-all:policy burst
	taskset -a -p -c "$cpus" "$agent" >/dev/null
	# All that was done is written, and after a second what was lost.
	wait_for 20 all_128 || true
	sleep 1.2
	check_same "$name:_no_record_is_lost" 0 \
	    "$(since "$last_offset" | jq -n '[inputs | select(
		.op == "lost") | .count] | add // 0')"
	check_same "$name:_all_128_are_recorded" 128 "$(signed)"
}

# signed: how many signatures for the attacker are in the log since then.
signed() {
	since "$last_offset" | jq -n '[inputs | select(
		.peer.uid == 1000 and .op == "sign") | .count] | add'
}
all_128() {
	[ "$(signed)" = 128 ]
}

# parses FILE: every line is one JSON object of ours, and whole.
parses() {
	[ "$(tail -c 1 "$1" | od -An -tx1 | tr -d ' ')" = 0a ] &&
	    jq -ce 'select(type == "object" and .version == 1 and
		(.op | type) == "string")' "$1" >"$work/parsed" &&
	    [ "$(wc -l <"$1")" -eq "$(wc -l <"$work/parsed")" ]
}

# numbers FILE: "ok", or where the numbers of the records are not one more
# each; records that are said to be lost may be missing.
numbers() {
	jq -rn '[inputs] | map(select(.op != "lost") | .seq) as $seq |
	    (map(select(.op == "lost") | .count) | add // 0) as $lost |
	    if ($seq | length) != ($seq | unique | length) then "twice"
	    elif $seq != ($seq | sort) then "not in order"
	    elif ($seq[-1] - $seq[0] + 1 - ($seq | length)) != $lost then
		"\($seq[-1] - $seq[0] + 1 - ($seq | length)) are missing, \(
		$lost) are said to be lost"
	    else "ok" end' "$1"
}

complete() {
	[ "$(numbers "$1")" = ok ]
}

# The log as a whole.
test_log() {
	local copy=$work/audit

	# The last lines of it come a second later, or more on a busy machine.
	sleep 1.5
	wait_for 20 complete "$log" || true
	cp "$log" "$copy"
	printf '# the audit log: %s lines, %s bytes, %s records lost\n' \
	    "$(wc -l <"$copy")" "$(stat -c %s "$copy")" \
	    "$(jq -rn '[inputs | select(.op == "lost") | .count] | add // 0' \
	    "$copy")"
	check every_line_of_the_log_is_a_record parses "$copy"
	check_same no_record_is_missing ok "$(numbers "$copy")"
	check_same no_record_is_forged 0 \
	    "$(jq -rn '[inputs | select(.op == "forged")] | length' "$copy")"
	check_same every_signature_for_the_honest_peer_is_recorded "$looks" \
	    "$(jq -rn '[inputs | select(.peer.uid == 1001 and .op == "sign" and
		.verdict == "allowed") | .count] | add' "$copy")"
	check_same nothing_that_is_forbidden_was_allowed 0 \
	    "$(jq -rn '[inputs | select(.verdict == "allowed" and
		.peer != null and .peer.uid != 0 and (.op | IN("list", "sign",
		"bind", "query") | not))] | length' "$copy")"
	check_same the_log_is_for_root_only '600 0' \
	    "$(bottle 0 stat -c '%a %u' "$audit")"
}

# An agent of its own, whose audit log is on a disk that is full soon.
attack_disk() {
	local sock=/run/small.sock name=the_audit_disk_is_full pid file out
	local status=0 others

	others=$(agents)

	bottle 0 mkdir -p "$small"
	"${into_namespaces[@]}" "$in_bottle" tmpfs "$small" 1m
	bottle 0 bash -c "head -c 800000 /dev/zero >$small/ballast"
	bottle_in 0 "$world_program" --load -a "$sock" "${agent_options[@]}" \
	    --audit "$small/audit" <"$work/plain" >/dev/null
	pid=$(agents | grep -vxF "$others")
	file=/proc/$pid/root$small/audit
	out=$(timeout 60 "${into_node[@]}" env SSH_AUTH_SOCK="$sock" \
	    "$in_bottle" fill 3 2>&1) || status=$?
	check_same "$name:_the_disk_is" 0 \
	    "$(stat -f -c %a "/proc/$pid/root$small")"
	check_has "$name:_an_honest_peer_is_served" \
	    "$(timeout 20 "${into_root[@]}" env SSH_AUTH_SOCK="$sock" \
	    "$in_bottle" after 2>&1)" 'honest '
	check "$name:_every_line_is_whole" parses "$file"

	# Then there is room again.
	bottle 0 rm "$small/ballast"
	bottle 1000 env SSH_AUTH_SOCK="$sock" "$in_bottle" wipe >/dev/null
	check "$name:_what_is_lost_is_said" wait_for 20 said_lost "$file"
	sleep 1.5
	wait_for 20 complete "$file" || true
	check "$name:_every_line_is_whole_afterwards" parses "$file"
	check_same "$name:_what_is_missing_is_what_was_lost" ok \
	    "$(numbers "$file")"
	check_same "$name:_the_agent_is_the_same_process" "$pid" \
	    "$(agents | grep -vxF "$others")"
	verdict "$name" "$status" "$out" '1000:remove-all:policy'
	kill -TERM "$pid"
}

said_lost() {
	jq -en 'any(inputs; .op == "lost" and .count > 0)' "$1"
}

# Everything, for a while; memory may not grow with time.
attack_mixed() {
	meanwhile=grows press everything_at_once - mixed "$mixed_s"
}

# span SECONDS: the least and the most memory that is seen in that time.
span() {
	local end=$((SECONDS + $1)) now low=999999999 top=0

	while ((SECONDS < end)); do
		now=$(rss)
		low=$((now < low ? now : low))
		top=$((now > top ? now : top))
		sleep 0.2
	done
	printf '%s %s\n' "$low" "$top"
}

# What is kept at a time goes up and down by some megabytes, and at first only
# up, until each connection and each worker has had the largest there is; what
# is lost is missing from the least as well as from the most.
grows() {
	local part=$((mixed_s * 3 / 10)) low top later_low later_top

	span "$part" >/dev/null
	read -r low top < <(span "$part")
	look "$1:_later"
	read -r later_low later_top < <(span "$part")
	printf '# mixed: %s to %s KiB in %s s, then %s to %s KiB\n' "$low" \
	    "$top" "$part" "$later_low" "$later_top"
	most_rss=$((later_top > most_rss ? later_top : most_rss))
	if [ "$((later_low - low))" -lt "$MIXED_GROWTH_KB" ] ||
	    [ "$((later_top - top))" -lt "$MIXED_GROWTH_KB" ]; then
		ok "$1:_memory_does_not_grow"
	else
		not_ok "$1:_memory_does_not_grow" \
		    "from $low to $top KiB, then $later_low to $later_top"
	fi
}

# reasons EXPECTED: for people.
reasons() {
	local word uid op reason out=

	for word in $1; do
		IFS=: read -r uid op reason <<<"$word"
		[ "$uid" != 0 ] || op="$op by uid 0"
		out+="${out:+, }$op: $reason"
	done
	[ "$1" = - ] && printf 'none' || printf '%s' "$out"
}

print_table() {
	local row name result expected

	printf '\n| attack | result | audit reason |\n|---|---|---|\n'
	for row in "${table[@]}"; do
		IFS='|' read -r -d '' name result expected < <(
			printf '%s' "$row") || true
		printf '| %s | %s | %s |\n' "${name//_/ }" "$result" \
		    "$(reasons "$expected")"
	done
	printf '\n# the slowest answer to the honest peer: %s ms\n' "$slowest"
	printf '# most memory of the agent: %s KiB, %s idle\n' "$most_rss" \
	    "$idle_rss"
}

agent_up
# Into the agent's name spaces with all rights of this machine's root.
into_namespaces=(nsenter "--target=$agent" --mount --pid --root --wd)
if [ -n "$old_kernel" ]; then
	attack_identity
else
	attack_state
	attack_signatures
	attack_identity
	attack_log
	attack_system
	attack_hiding
	attack_floods
	attack_mixed
	attack_disk
fi
test_log
print_table
checks_end
