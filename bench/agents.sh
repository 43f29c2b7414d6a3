# shellcheck shell=bash
# agents.sh - the agents that are compared: each started as it is used, with the
# same keys.
#
# Sourced, after tests/support/say.sh, by a script that is bash and runs as root.
#	bottle		bottle-agent as a service: keys in locked memory, all
#			hardening, a policy that lets one user list and sign, a
#			record of each decision in a file, --load
#	bottle-one	the same with one worker
#	bottle-...	the same as bottle, with programs of another folder: see
#			agent_bin_of
#	openssh		ssh-agent of the user who asks
#	socat		ssh-agent of root, lent to the user by socat, which has a
#			process for each connection
#	go		the keyring of golang.org/x/crypto/ssh/agent: keyring/
#	gpg		gpg-agent with --enable-ssh-support
#	limit		the least that answers, with libcrypto: see floor.c
#	limits		the same, Ed25519 with libsodium
#
# Once: agents_init WORK; then for each agent, several at once if wanted,
# agent_start NAME KEYS, with a folder that agent_make_keys has filled. All that
# it started ends with agent_stop NAME, or with the script.

# What there is of each agent, by its name.
declare -A agent_socket=()	# where to ask
declare -A agent_pids=()	# of the processes that were started
declare -A agent_left_out=()	# files of keys that it does not take

# Who asks. bottle-agent's policy names him, and ssh-agent is his.
agent_uid=${agent_uid:-65534}
# Folders of programs of one name: agent_bin_of[bottle-old]=DIR. Else agent_bin.
declare -A agent_bin_of=()
# More options for bottle-agent: --limit connections-uid=5000 and so on.
agent_options=()
# In front of each agent: taskset -c 0 and so on.
agent_prefix=()

agents_here=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
# Folders of bottle-agent and of floor.
agent_bin=${BOTTLE_BIN:-$agents_here/../build/release/bin}
agent_bench=${BENCH_BIN:-$agent_bin}
# What agents_build makes.
agent_keyring=$agents_here/../build/bench/keyring

# agents_init WORK: a folder of this run, below which each agent has its own.
agents_init() {
	agents_work=$1
	chmod 755 "$agents_work"
	at_exit agents_stop_all
}

# agents_stop_all: end whatever runs.
agents_stop_all() {
	local name

	for name in "${!agent_pids[@]}"; do
		agent_stop "$name"
	done
}

# agents_build: make what is not made by cmake; fails where there is no Go.
agents_build() {
	mkdir -p "${agent_keyring%/*}"
	command -v go >/dev/null || return 1
	GOFLAGS='' GO111MODULE=off GOPATH=/usr/share/gocode \
	    GOCACHE="${agent_keyring%/*}/go-cache" \
	    go build -o "$agent_keyring" "$agents_here/keyring/main.go"
}

# agent_missing NAME: print what NAME needs that is not there.
agent_missing() {
	local tools=() tool

	case $1 in
	bottle*) tools=("${agent_bin_of[$1]:-$agent_bin}/bottle-agent") ;;
	openssh) tools=(ssh-agent ssh-add setpriv) ;;
	socat) tools=(ssh-agent ssh-add socat) ;;
	go) tools=("$agent_keyring" ssh-add) ;;
	gpg) tools=(gpg-agent gpgconf ssh-add) ;;
	limit*) tools=("$agent_bench/floor") ;;
	*) echo "no such agent: $1" && return ;;
	esac
	for tool in "${tools[@]}"; do
		command -v "$tool" >/dev/null || echo "$tool"
	done
}

# --- keys ----------------------------------------------------------------------

# agent_make_keys FOLDER TYPE[:N]...: one or N keys of each type, in files that
# are read in the order of their names; those that are there are kept.
agent_make_keys() {
	local folder=$1 type n i file

	mkdir -p "$folder"
	chmod 700 "$folder"
	shift
	for type in "$@"; do
		n=1
		[[ $type != *:* ]] || n=${type#*:}
		type=${type%%:*}
		for ((i = 1; i <= n; i++)); do
			printf -v file '%s/%s-%04d' "$folder" "$type" "$i"
			[ -e "$file" ] || agent_make_key "$type" "$file"
		done
	done
}

agent_make_key() {
	case $1 in
	ed25519) set -- "$1" "$2" ed25519 256 ;;
	*) set -- "$1" "$2" "${1%%[0-9]*}" "${1##*[a-z]}" ;;
	esac
	ssh-keygen -q -t "$3" -b "$4" -N '' -C "${2##*/}" -f "$2" </dev/null
}

# agent_key_files FOLDER: the private ones, one on a line.
agent_key_files() {
	find "$1" -maxdepth 1 -type f ! -name '*.pub' | LC_ALL=C sort
}

# --- one agent -----------------------------------------------------------------

# agent_start NAME KEYS: returns when it serves and has the keys.
agent_start() {
	local name=$1 keys=$2 dir=$agents_work/$1

	rm -rf "$dir"
	mkdir -m 755 "$dir"
	agent_socket[$name]=$dir/s
	agent_pids[$name]=
	agent_left_out[$name]=
	case $name in
	bottle-one) agent_run_bottle "$name" --workers 1 ;;
	bottle | bottle-*) agent_run_bottle "$name" ;;
	openssh) agent_run_openssh "$name" ;;
	socat) agent_run_socat "$name" ;;
	go) agent_run "$name" "$agent_keyring" "$dir/s" ;;
	gpg) agent_run_gpg "$name" ;;
	limit)
		agent_run "$name" "$agent_bench/floor" agent --socket "$dir/s" \
		    --keys "$keys"
		;;
	limits)
		agent_run "$name" "$agent_bench/floor" agent --socket "$dir/s" \
		    --keys "$keys" --sodium
		;;
	*) die "no such agent: $name" 2 ;;
	esac
	wait_for 20 agent_answers "${agent_socket[$name]}" || {
		cat "$dir/log" >&2
		die "$name does not start"
	}
	agent_load "$name" "$keys"
	[ "$name" != gpg ] || chmod 666 "${agent_socket[$name]}"
}

# agent_run NAME COMMAND...: as one process more of that agent.
agent_run() {
	local name=$1

	shift
	${agent_prefix[@]+"${agent_prefix[@]}"} "$@" </dev/null \
	    >>"$agents_work/$name/log" 2>&1 &
	agent_pids[$name]+=" $!"
}

agent_run_bottle() {
	local name=$1 dir=$agents_work/$1

	shift
	echo "$agent_uid=list,sign" >"$dir/policy"
	agent_run "$name" "${agent_bin_of[$name]:-$agent_bin}/bottle-agent" -D \
	    -a "$dir/s" --public \
	    --policy "$dir/policy" --audit "$dir/audit" --hardening strict \
	    "$@" ${agent_options[@]+"${agent_options[@]}"}
}

agent_run_openssh() {
	chown "$agent_uid:$agent_uid" "$agents_work/$1"
	agent_run "$1" setpriv --reuid "$agent_uid" --regid "$agent_uid" \
	    --clear-groups ssh-agent -D -a "$agents_work/$1/s"
}

agent_run_socat() {
	local dir=$agents_work/$1

	agent_run "$1" ssh-agent -D -a "$dir/root"
	wait_for 20 agent_answers "$dir/root" || die 'ssh-agent does not start'
	agent_run "$1" socat "UNIX-LISTEN:$dir/s,fork,mode=666" \
	    "UNIX-CONNECT:$dir/root"
}

# Keys that gpg-agent takes are kept under a passphrase, for which it asks with
# a program: this one says that there is to be none.
agent_run_gpg() {
	local home=$agents_work/$1/home

	mkdir -m 711 "$home"
	cat >"$home/pinentry" <<-'EOF'
		#!/bin/sh
		echo OK
		while read -r word; do
			echo OK
			[ "$word" != BYE ] || exit 0
		done
	EOF
	chmod 755 "$home/pinentry"
	agent_socket[$1]=$(GNUPGHOME=$home gpgconf --list-dirs agent-ssh-socket)
	agent_run "$1" gpg-agent --homedir "$home" --daemon --no-detach \
	    --enable-ssh-support --pinentry-program "$home/pinentry"
}

# agent_answers SOCKET: ssh-add ends with 2 where it finds no agent.
agent_answers() {
	local status=0

	SSH_AUTH_SOCK=$1 timeout 10 ssh-add -l >/dev/null 2>&1 || status=$?
	[ "$status" -lt 2 ]
}

# agent_load NAME KEYS
agent_load() {
	local name=$1 files file

	case $name in
	limit*) return ;;
	esac
	mapfile -t files < <(agent_key_files "$2")
	case $name in
	bottle*)
		cat "${files[@]}" |
		    "${agent_bin_of[$name]:-$agent_bin}/bottle-agent" --load \
		    --socket "${agent_socket[$name]}" >/dev/null
		return
		;;
	esac
	# All at once; where some are not taken, which.
	agent_add "$name" "${files[@]}" && return
	for file in "${files[@]}"; do
		agent_add "$name" "$file" ||
		    agent_left_out[$name]+=" ${file##*/}"
	done
}

# agent_add NAME FILE...: as users do.
agent_add() {
	local name=$1

	shift
	SSH_AUTH_SOCK=${agent_socket[$name]} timeout 120 ssh-add -q "$@" \
	    </dev/null >>"$agents_work/$name/log" 2>&1
}

# agent_all_pids NAME: with the children that its processes have now.
agent_all_pids() {
	local pids=() new

	read -r -a new <<<"${agent_pids[$1]}"
	while [ "${#new[@]}" -gt 0 ]; do
		pids+=("${new[@]}")
		mapfile -t new < <(pgrep -P "$(IFS=, && echo "${new[*]}")")
	done
	echo "${pids[@]}"
}

# agent_stop NAME: and wait for its end.
agent_stop() {
	local pid

	for pid in ${agent_pids[$1]:-}; do
		end_process "$pid"
	done
	unset "agent_pids[$1]" "agent_socket[$1]"
	rm -rf "${agents_work:?}/$1"
}
