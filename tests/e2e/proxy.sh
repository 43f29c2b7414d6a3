#!/bin/bash
# proxy.sh docker|embedded - out of the bottle through the proxy, for real.
#
# A bottle, a proxy and a server (see world.sh).  The user of the bottle cannot
# reach the server but by the proxy: it logs in, works with git and signs with
# keys in the agent, with bottle-forward as ssh's ProxyCommand and
# bottle-ssh-keygen as git's signing program.  BOTTLE_STATIC_BIN is the folder
# of the static programs.
# Much here is text for the shell on the other side.
# shellcheck disable=SC2016
set -eu

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/support/say.sh
. "$here/../support/say.sh"
# shellcheck source=tests/support/check.sh
. "$here/../support/check.sh"
# shellcheck source=tests/support/packages.sh
. "$here/../support/packages.sh"
# shellcheck source=tests/e2e/roots.sh
. "$here/roots.sh"
# shellcheck source=tests/e2e/engine.sh
. "$here/engine.sh"
# shellcheck source=tests/e2e/world.sh
. "$here/world.sh"

kind=${1:?usage: proxy.sh docker|embedded}
bin=${BOTTLE_STATIC_BIN:-$here/../../build/static/bin}

work=$(mktemp -d "${TMPDIR:-/tmp}/bottle-proxy.XXXXXX")
at_exit rm -rf "$work"

# --- the world ---------------------------------------------------------------

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
world_up "$kind" "bottle-proxy-$$" "$bin" || {
	cat "$world_dir"/*.log >&2 2>/dev/null
	die "cannot bring the world up: ${world_why:-see above}"
}
mkdir "$work/keys"
ssh-keygen -q -t ed25519 -N '' -C first -f "$work/keys/first"
bottle_setup "$work/keys"
server_authorize "$work/keys/first.pub"
bottle_in 0 "$world_program" --load --public --allow 1000=list,sign \
    <"$work/keys/first" >/dev/null || die 'the load failed'

# --- doing things in the bottle ------------------------------------------------

forward=$world_bin/bottle-forward
through="$forward connect --proxy $world_proxy_url"

# What ssh is given to take the socket from the helper, and go on without it.
fdpass=(-o ProxyUseFdpass=yes -o "ProxyCommand=$through --fdpass %h %p")

# node COMMAND...: as its user; the environment has nothing of an agent's.
node() {
	bottle 1000 timeout 20 "$@"
}

# check_says NAME STATUS PART COMMAND...: it ends so, and PART is in what it
# prints.
check_says() {
	local name=$1 wanted=$2 part=$3 out status=0

	shift 3
	out=$("$@" 2>&1) || status=$?
	if [ "$status" -eq "$wanted" ]; then
		check_has "$name" "$out" "$part"
	else
		not_ok "$name" \
		    "ended with $status, not $wanted: ${out:0:600}"
	fi
}

# check_unreached NAME COMMAND...: it fails, or nothing comes back: where others
# have no route, docker has one to nowhere.
check_unreached() {
	local name=$1 out status=0

	shift
	out=$("$@" 2>&1) || status=$?
	case $status in
	1 | 124) ok "$name" ;;
	*) not_ok "$name" "ended with $status: ${out:0:600}" ;;
	esac
}

# Prints how many helpers run in the bottle.  Dead ones stay there: ssh does not
# wait for its helper, nor does the process 1 of our containers.
count_helpers='n=0; for p in /proc/[0-9]*; do
	read -r stat 2>/dev/null <$p/stat || continue
	case $stat in
	*"(bottle-forward) Z"*) ;;
	*"(bottle-forward)"*) n=$((n + 1)) ;;
	esac; done; echo helpers: $n'

no_helper() {
	[ "$(node bash -c "$count_helpers")" = 'helpers: 0' ]
}

# --- there is no other way -----------------------------------------------------

test_no_other_way() {
	local address open='exec 3<>"/dev/tcp/$1/22"' uid

	address=$(server_address)
	check proxy_reaches_the_server proxy_in timeout 20 \
	    bash -c "$open" - "$address"
	for uid in 0 1000; do
		check_unreached "uid_${uid}_does_not_reach_the_server" \
		    bottle "$uid" timeout 2 bash -c "$open" - "$address"
		check_status "uid_${uid}_does_not_know_its_name" 2 \
		    bottle "$uid" timeout 10 getent hosts "$world_host"
	done
	check_says ssh_without_the_helper_is_lost 255 \
	    "Could not resolve hostname $world_host" \
	    node ssh -o ProxyCommand=none "$world_host" true
	check_says helper_without_a_proxy_is_lost 5 "$world_host" \
	    node "$forward" connect "$world_host" 22
}

# --- what works ----------------------------------------------------------------

# A file there and back is the same, and more than any buffer on the way holds.
round_trip='
	set -eu
	[ -e ~/random ] || head -c 3000000 /dev/urandom >~/random
	ssh "$@" cat <~/random | cmp - ~/random'

# git by the ssh of $1, into the folder $2.
clone_and_push='
	set -eu
	export GIT_SSH_COMMAND=$1
	git clone -q git.example:project.git "$2"
	cd "$2"
	cp ~/random "random.$2"
	git add .
	git commit -q -m "$2"
	git push -q origin HEAD:main
	git clone -q git.example:project.git "$2.again"
	cmp "$2.again/random.$2" ~/random'

test_mode() {
	local name=$1 helpers=$2

	shift 2
	check_same "${name}_logs_in" git \
	    "$(node ssh "$@" "$world_host" whoami 2>&1)"
	wait_for 30 no_helper || true
	check_same "${name}_has_so_many_helpers" "helpers: $helpers" \
	    "$(node ssh "$@" -o PermitLocalCommand=yes \
		-o "LocalCommand=$count_helpers" "$world_host" true 2>&1)"
	check "${name}_changes_no_byte" node bash -c "$round_trip" - \
	    "$@" "$world_host"
	check "${name}_git_clone_and_push" node bash -c "$clone_and_push" - \
	    "ssh $(printf '%q ' "$@")" "$name"
}

test_ways_in() {
	local quiet=(-o LogLevel=ERROR)

	test_mode relayed 1 "${quiet[@]}"
	test_mode fdpass 0 "${quiet[@]}" "${fdpass[@]}"

	check proxy_from_the_environment node \
	    env "HTTPS_PROXY=$world_proxy_url" \
	    ssh -o "ProxyCommand=$forward connect %h %p" "$world_host" true
	check_says no_proxy_from_the_environment 255 "$world_host" node \
	    env "HTTPS_PROXY=$world_proxy_url" "NO_PROXY=$world_host" \
	    ssh -o "ProxyCommand=$forward connect %h %p" "$world_host" true
	check_says the_check_prints_the_banner 0 SSH-2.0-OpenSSH_ \
	    node "$forward" connect --proxy "$world_proxy_url" --check \
	    "$world_host" 22
}

# --- what the proxy refuses -------------------------------------------------------

# connect_says NAME STATUS PART HOST PORT [PROXY]
connect_says() {
	check_says "$1" "$2" "$3" node "$forward" connect \
	    --proxy "${6:-$world_proxy_url}" "$4" "$5"
}

test_refusals() {
	local at=$world_proxy:$world_proxy_port

	check_says ssh_to_another_host_is_told_why 255 \
	    "$at refuses other.example:22: 403 Filtered" \
	    node ssh -o HostName=other.example "$world_host" true
	connect_says another_host_is_refused 3 \
	    "$at refuses other.example:22: 403 Filtered" \
	    other.example 22
	connect_says another_port_is_refused 3 \
	    "refuses $world_host:2222: 403 " "$world_host" 2222
	connect_says a_host_that_is_not_there 7 \
	    "$world_host_gone:22" "$world_host_gone" 22
	connect_says a_proxy_that_is_not_there 5 "$world_proxy:1" \
	    "$world_host" 22 "http://$world_proxy:1"
	check_says the_check_fails_likewise 3 '403 Filtered' \
	    node "$forward" connect --proxy "$world_proxy_url" --check \
	    other.example 22
	check no_helper_is_left wait_for 30 no_helper
}

# --- signatures ---------------------------------------------------------------------

# bare_git WORD...: git in a shell that knows nothing of an agent.
bare_git() {
	node env -i HOME="$world_home" PATH=/usr/bin:/bin \
	    git -C "$world_home/fdpass" "$@"
}

# env_file TEXT: what our configuration says, mode 644.
env_file() {
	bottle_in 1000 bash -c '
		umask 022
		mkdir -p ~/.ssh/bottle-agent
		cat >~/.ssh/bottle-agent/env
		chmod 644 ~/.ssh/bottle-agent/env' <<<"$1"
}

test_signing() {
	local key keygen=$world_bin/bottle-ssh-keygen empty

	key=$(cut -d ' ' -f 1-2 "$work/keys/first.pub")
	bottle 1000 bash -c 'printf "node@bottle.example %s\n" "$1" \
	    >~/signers' - "$key"
	bare_git config --global gpg.format ssh
	bare_git config --global gpg.ssh.program "$keygen"
	bare_git config --global user.signingkey "key::$key"
	bare_git config --global gpg.ssh.allowedSignersFile \
	    "$world_home/signers"
	empty=(commit -q --allow-empty -S -m signed)

	# So it is our program that makes the difference.
	check_refused ssh_keygen_alone_finds_no_agent bare_git \
	    -c gpg.ssh.program=ssh-keygen "${empty[@]}"
	check git_signs_with_an_empty_environment bare_git "${empty[@]}"
	check_says git_finds_the_signature_good 0 \
	    'Good "git" signature for node@bottle.example with ED25519 key' \
	    bare_git log -1 --show-signature
	check git_pushes_what_is_signed bare_git push -q origin HEAD:main

	env_file 'SSH_AUTH_SOCK=/run/none.sock'
	check_refused the_file_is_looked_at_first bare_git "${empty[@]}"
	env_file "export SSH_AUTH_SOCK='$world_socket' # ours"
	check git_signs_by_the_file bare_git "${empty[@]}"
	bottle 1000 chmod 664 .ssh/bottle-agent/env
	check_says a_file_of_others_is_refused 1 'chmod go-w' \
	    node "$keygen" -Y find-principals
	check the_variable_comes_before_the_file node env \
	    BOTTLE_AGENT_SOCK="$world_socket" \
	    git -C "$world_home/fdpass" "${empty[@]}"
}

test_no_other_way
test_ways_in
test_refusals
test_signing
checks_end
