#!/bin/bash
# bench/load-test.sh - that load counts what an agent does, and finds out one
# that does it wrong.
#
# Each mode once against bottle-agent, briefly; then against the same agent
# behind lying-relay.pl, where each lie must be found. Figures are not looked
# at.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/support/say.sh
. "$here/../tests/support/say.sh"
# shellcheck source=tests/support/check.sh
. "$here/../tests/support/check.sh"
# shellcheck source=bench/agents.sh
. "$here/agents.sh"

[ "$(id -u)" -eq 0 ] || skip_all 'needs root, to ask as another user'
for tool in perl ssh-keygen ssh-add $(agent_missing bottle) \
    $(agent_missing limit); do
	command -v "$tool" >/dev/null || skip_all "there is no $tool here"
done
ulimit -n 4096 2>/dev/null || skip_all 'needs 4096 file descriptors'

work=$(mktemp -d "${TMPDIR:-/tmp}/bottle-load.XXXXXX")
at_exit rm -rf "$work"
agents_init "$work"
install -m 755 "$agent_bench/load" "$work/load"
agent_make_keys "$work/keys" ed25519:2 ecdsa256 ecdsa384 ecdsa521 rsa2048 \
    rsa3072
agent_options=(--limit connections-uid=600)
agent_start bottle "$work/keys"
socket=${agent_socket[bottle]}

# load OPTION...: what it says is in $work/said.
load() {
	timeout 60 "$work/load" --socket "$socket" --as "$agent_uid" \
	    --warm 0 --seconds 0.02 "$@" >"$work/said" 2>"$work/complaint"
}

# said NAME: the figure of that name.
said() {
	sed -n "s/.*\"$1\":\"\\{0,1\\}\\([^,\"}]*\\).*/\\1/p" "$work/said"
}

# has NAME OP NUMBER
has() {
	local figure

	figure=$(said "$1")
	test "${figure%.*}" "$2" "$3"
}

# mode WHAT OPTION...: it must run, and count; signatures must be verified.
mode() {
	local name=$1 key

	shift
	load "$@" || {
		not_ok "$name" "$(cat "$work/complaint" "$work/said")"
		return
	}
	key=$(said key)
	if has operations -ge 1 && has errors -eq 0 && has malformed -eq 0 &&
	    has max_us -ge 1 && { [ -z "$key" ] || has verified -ge 1; }; then
		ok "$name"
	else
		not_ok "$name" "$(cat "$work/said")"
	fi
}

for type in ed25519 ecdsa256 ecdsa384 ecdsa521 rsa2048 rsa3072; do
	mode "sign_$type" --mode sign --key "$type"
	check_same "sign_${type}_says_so" "$type" "$(said key)"
done
mode list --mode list
mode list_of_eight --mode list --connections 8
mode sign_of_eight --mode sign --connections 8
mode two_keys_in_turn --mode sign --keys 2
mode last_key --mode sign --last
mode pipeline --mode pipeline --depth 32 --connections 2
mode mixed --mode mixed --connections 7
mode churn --mode churn
mode churn_of_four --mode churn --connections 4
mode idle --mode idle --idle 500
mode idle_sign --mode idle --idle 10 --key ecdsa256
mode slow --mode slow
mode beside --mode sign --beside rsa2048:4
mode open --mode open --connections 100
check_same open_leaves_no_operation_out 100 "$(said operations)"
mode backlog --mode backlog
check_same nobody_is_refused 0 "$(said refused)"
check_refused unknown_key load --mode sign --key rsa1024
check_refused more_keys_than_there_are load --mode sign --keys 3
check_refused more_connections_than_may_be load --mode idle --idle 700

for type in ed25519 ecdsa384 rsa3072; do
	check "floor_signs_with_$type" "$agent_bench/floor" sign \
	    --key "$work/keys/$type-0001" --seconds 0.02
done
check floor_signs_with_libsodium "$agent_bench/floor" sign --sodium \
    --key "$work/keys/ed25519-0001" --seconds 0.02
check floor_roundtrip "$agent_bench/floor" roundtrip --seconds 0.02
for name in limit limits; do
	agent_start "$name" "$work/keys"
	socket=${agent_socket[$name]}
	mode "$name" --mode mixed --connections 7
	mode "${name}_list" --mode list
	mode "${name}_pipeline" --mode pipeline
done

# --- lies ----------------------------------------------------------------------

# lie NAME: have the relay tell that.
lie() {
	socket=$work/$1
	"$here/lying-relay.pl" "$1" "$socket" "${agent_socket[bottle]}" &
	at_exit end_process "$!"
	wait_for 20 test -S "$socket" || die 'the relay does not start'
}

# found NAME LOAD-OPTION...: it must say that replies were wrong.
found() {
	local name=$1 status=0

	shift
	load "$@" || status=$?
	if [ "$status" -eq 1 ] && has errors -ge 1; then
		ok "$name"
	else
		not_ok "$name" "$status: $(cat "$work/said" "$work/complaint")"
	fi
}

lie none
mode the_relay_alone_changes_nothing --mode pipeline
lie list
found changed_list --mode list
lie refuse
found refused_signature --mode sign
lie other
for type in ed25519 ecdsa256 rsa2048; do
	found "changed_$type" --mode sign --key "$type"
done
lie swap
for type in ed25519 ecdsa521 rsa2048; do
	found "swapped_$type" --mode pipeline --key "$type"
done
lie zero
check short_rsa_is_no_error load --mode sign --key rsa2048
check short_rsa_counts has malformed -ge 1
found short_ed25519 --mode sign --key ed25519
lie huge
check_refused frames_that_are_too_long load --mode pipeline
checks_end
