#!/bin/bash
# 41-nerdctl.sh - loads into containers of nerdctl, by a stand-in that has its
# arguments and its messages, and --all with labels.
# shellcheck source=tests/support/load.sh
. "$(dirname "$0")/../support/load.sh"

need_own
mkdir -m 755 "$T/path"
cp "$support/../provision/nerdctl-stand-in" "$T/path/nerdctl"
chmod 755 "$T/path/nerdctl"
PATH=$T/path:$PATH
export NERDCTL_CONTAINERS=$T/containers NERDCTL_ARCH=pdp11
containers() {
	printf '%s\n' 'web 3f00000000000001 running tier=front org.ours' \
	    'down 3f00000000000002 stopped tier=front org.ours' \
	    'held 3f00000000000003 paused other' \
	    'side 3f00000000000004 running tier=back' \
	    '- 3f00000000000005 running nameless' "$@" >"$T/containers"
}
containers

make_key ed25519 git
manifest "$(entry git.test "$T/git")"
m=(-f "$T/m.json")
agent_start --public --allow node=list,sign
prints() {
	as_account SSH_AUTH_SOCK="$S" ssh-add -l 2>/dev/null |
	    cut -d ' ' -f 3 | tr '\n' ' '
}

load "${m[@]}" nerdctl:web
expect a_container 0 'nerdctl:web: keys in force: 1, for user node'
check_same it_has_the_key 'git ' "$(prints)"
check_same the_files_are_the_users "$account_uid:$account_uid" \
    "$(find "$N" -printf '%U:%G\n' | sort -u)"
home_new
run load -s "$S" --home "$N" --no-install "${m[@]}" nerdctl:web
expect programs_are_looked_for 0 'nerdctl:web: keys in force: 1'

# --- what nerdctl says ---------------------------------------------------------

load "${m[@]}" nerdctl:gone
expect no_container 5 'there is no container gone' '"nerdctl ps"'
load "${m[@]}" nerdctl:down
expect stopped 5 'container down is not running' '"nerdctl start down"'
load "${m[@]}" nerdctl:held
expect paused 5 'container held is not running'
run load -s "$S" --bin "$bin" --home "$N" --no-install -u nobody.here \
    "${m[@]}" nerdctl:web
expect no_user 5 'no such user in container web'
containers 'fault cannot access containerd socket "/run/containerd/containerd.sock": no such file or directory'
load "${m[@]}" nerdctl:web
expect no_engine 5 'nerdctl does not answer' 'containerd.sock'
load "${m[@]}" --all --engine nerdctl --label tier
expect no_engine_for_all 5 'nerdctl does not answer'
containers 'fault cannot access containerd socket "/run/containerd/containerd.sock": permission denied'
load "${m[@]}" nerdctl:web
expect no_access 5 'this user may not use nerdctl'
containers 'fault something new'
load "${m[@]}" nerdctl:web
expect something_new 5 'nerdctl failed' 'something new'
containers

# Programs are put there for the processor of the image.
run load -s "$S" --bin /nowhere --home "$N" "${m[@]}" nerdctl:web
expect which_processor 5 'container web is for pdp11 processors'

# --- all that have a label -------------------------------------------------------

# all NAME WANTED LABEL...: who is loaded into.
all() {
	local name=$1 wanted=$2 label args=()

	shift 2
	for label; do
		args+=(--label "$label")
	done
	load "${m[@]}" --all --engine nerdctl "${args[@]}" --json
	check_same "all_$name" "0 $wanted" "$status $(jq -r \
	    '.targets[].target' "$T/stdout" | tr '\n' ' ')"
}
all one_label 'nerdctl:web nerdctl:side ' tier
all one_value 'nerdctl:web ' tier=front
all both_labels 'nerdctl:web ' tier org.ours
all without_a_name 'nerdctl:3f0000000000 ' nameless
load "${m[@]}" --all --engine nerdctl --label none
expect all_of_none 5 'no container that runs in nerdctl has the label none'
load "${m[@]}" --all --engine nerdctl --label tier --label nameless
expect all_labels_of_none 5 'all of these labels, tier'
load "${m[@]}" --all --engine nerdctl
check_same all_needs_a_label 2 "$status"
# Names of an engine are a stranger's.
containers '../x 3f00000000000006x$ running odd'
load "${m[@]}" --all --engine nerdctl --label odd
expect all_odd 5 'something that is no container'
# One that does not answer fails, and the others do not.
load "${m[@]}" --all --engine nerdctl --label other --json
check_same all_of_a_paused_one '5 nerdctl:held' \
    "$status $(jq -r '.targets[].target' "$T/stdout")"
scenario_end
