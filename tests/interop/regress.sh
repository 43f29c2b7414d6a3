#!/bin/bash
# regress.sh [--stock] [SCRIPT...] - OpenSSH's own tests of its agent, run
# against ours.
#
# The scripts are those of Debian's package openssh-tests, unchanged.  They run
# as an ordinary user who may use sudo.  A script has passed when it ran to its
# end and said ok: one that skips itself has failed.
#	--stock		run OpenSSH's ssh-agent instead: does this runner work?
#	SCRIPT		only these
# BOTTLE_BIN is the folder that bottle-agent is in.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/support/say.sh
. "$here/../support/say.sh"
# shellcheck source=tests/support/check.sh
. "$here/../support/check.sh"
# shellcheck source=tests/interop/room.sh
. "$here/room.sh"

package=/usr/lib/openssh/regress
# Each may take this long, in seconds.
patience=600

# What is run.  In those of sk_too the agent holds and lists keys that live in
# a security key as well; the others make it sign with every key they add.
sk_too=(agent-getpeereid agent-ptrace agent-restrict agent-subprocess
    agent-timeout cert-file)
scripts=(agent agent-getpeereid agent-ptrace agent-restrict agent-subprocess
    agent-timeout cert-file hostkey-agent sshsig)

# What is not, and why: name, reason.
excluded=(
	'agent-pkcs11*'
	'the agent loads no library for a client: PKCS#11 answers failure'
	'keys: ssh-dss'
	'DSA is refused by design; ssh -Q does not name it to the scripts'
	'keys: sk-*, in agent, hostkey-agent, sshsig'
	'the agent runs no helper that could reach a security key'
)
# These mention an agent's socket and start no agent.
without_agent=(sshcfgparse test-exec)

# in_list WORD LIST...
in_list() {
	local word=$1 each

	shift
	for each; do
		[ "$word" != "$each" ] || return 0
	done
	return 1
}

# Every script of the package that uses an agent is either run or excluded.
check_complete() {
	local files file name bad=0

	mapfile -t files < <(grep -lE 'SSHAGENT|SSHADD|SSH_AUTH_SOCK' \
	    "$package"/*.sh)
	for file in "${files[@]}"; do
		name=$(basename "$file" .sh)
		case $name in agent-pkcs11*) continue ;; esac
		in_list "$name" "${scripts[@]}" "${without_agent[@]}" ||
		    row "$name" failed 0 'neither run nor excluded' || bad=1
	done
	return "$bad"
}

# row NAME VERDICT SECONDS REASON: fails for a verdict other than passed.
row() {
	printf '%-18s %-9s %4s  %s\n' "$1" "$2" "$3" "$4"
	[ "$2" = passed ]
}

# The programs that the scripts are given.
make_programs() {
	local agent legacy=

	if [ "$stock" = yes ]; then
		agent=$(command -v ssh-agent)
	else
		agent=$BOTTLE_BIN/bottle-agent legacy=--legacy-rsa
	fi
	install -m 755 "$agent" "$room/bin/the-agent"
	# RSA host keys sign with SHA-1 in one of the rounds of hostkey-agent.
	cat >"$room/bin/the-agent-legacy-rsa" <<-EOS
		#!/bin/sh
		exec $room/bin/the-agent $legacy "\$@"
	EOS
	# ssh, but for what it says of the key types that there are.
	cat >"$room/bin/ssh" <<-'EOS'
		#!/bin/sh
		case " $* " in
		*' -Q key-plain '* | *' -Q key-sig '*)
			/usr/bin/ssh "$@" | grep -Ev "^($(cat "$0.without"))"
			;;
		*) exec /usr/bin/ssh "$@" ;;
		esac
	EOS
	chmod 755 "$room/bin"/*
}

# folder NAME: where a script runs.  Some take lines with words like hostkey out
# of their configuration, in which each path begins with this.
folder() {
	printf '%s/obj.%s\n' "$room" "$(printf %s "$1" | tr 'a-y' 'b-z')"
}

# start NAME: prepare a folder for this script and start it there.
start() {
	local name=$1 obj agent=the-agent without='ssh-dss'

	obj=$(folder "$name")
	mkdir -p "$obj/misc"
	find "$package" -maxdepth 1 -type f -exec cp -t "$obj" {} +
	# Where this library is, test-exec.sh makes keys for it.
	if in_list "$name" "${sk_too[@]}"; then
		cp -r "$package/misc/sk-dummy" "$obj/misc/"
	else
		without='ssh-dss|sk-'
	fi
	[ "$name" != hostkey-agent ] || agent=the-agent-legacy-rsa
	# Its own, for agent-ptrace gives it away.
	cp -r "$room/bin" "$obj/bin"
	printf '%s\n' "$without" >"$obj/bin/ssh.without"
	chown -R "$room_uid:$room_uid" "$obj"
	(
		cd "$obj"
		as_user timeout -k 5 "$patience" env \
		    PATH="$obj/bin:/usr/sbin:/usr/bin:/sbin:/bin" \
		    BUILDDIR="$obj" SUDO=sudo TEST_SHELL=sh \
		    TEST_SSH_SSH="$obj/bin/ssh" \
		    TEST_SSH_SSHAGENT="$obj/bin/$agent" \
		    TEST_SSH_SFTPSERVER=/usr/lib/openssh/sftp-server \
		    TEST_SSH_ECC=yes TEST_SSH_UNSAFE_PERMISSIONS=1 \
		    sh "$obj/test-exec.sh" "$obj" "$obj/$name.sh"
	) >"$obj/said" 2>&1 </dev/null
}

# judge NAME STATUS SECONDS: its row; more if it failed.
judge() {
	local name=$1 status=$2 obj said reason first

	obj=$(folder "$name")
	said=$obj/said
	reason=$(grep -v '^$' "$said" | tail -n 1)
	if [ "$status" -eq 124 ] || [ "$status" -eq 137 ]; then
		reason="took longer than $patience s: $reason"
	elif [ "$status" -eq 0 ]; then
		case $reason in
		'ok '*)
			row "$name" passed "$3" "${reason#ok }"
			return
			;;
		esac
		reason="did not run to its end: $reason"
	fi
	first=$(sed -nE 's/^(FAIL|FATAL): //p' "$obj/failed-regress.log" \
	    2>/dev/null | head -n 1)
	[ -z "$first" ] || reason=$first
	row "$name" failed "$3" "${reason:0:160}" || true
	sed 's/^/# /' "$said" | tail -n 40
	tell_logs "$name"
	return 1
}

# What the script kept of its first complaints.
tell_logs() {
	local log obj

	obj=$(folder "$1")
	for log in regress ssh sshd; do
		[ ! -s "$obj/failed-$log.log" ] ||
		    tail -n 15 "$obj/failed-$log.log" |
		    cut -c 1-200 | sed "s/^/# $log: /"
	done
}

# run_one NAME: from start to row, on a processor of its own.
run_one() {
	local begun=$SECONDS status=0

	start "$1" || status=$?
	judge "$1" "$status" "$((SECONDS - begun))" >"$room/$1.row" ||
	    : >"$room/$1.bad"
}

# --- all of it ----------------------------------------------------------------

room_enter "$@"
stock=no
only=()
for word in "$@"; do
	case $word in
	--stock) stock=yes ;;
	-*) die "unknown option $word" 2 ;;
	*)
		in_list "$word" "${scripts[@]}" || die "no script $word" 2
		only+=("$word")
		;;
	esac
done
[ "${#only[@]}" -gt 0 ] || only=("${scripts[@]}")
[ "$stock" = yes ] || [ -x "${BOTTLE_BIN:-}/bottle-agent" ] ||
    die 'set BOTTLE_BIN to the folder that bottle-agent is in' 2
[ -x "$package/mkdtemp" ] || skip_all 'the package openssh-tests is not here'
for tool in gdb ip ssh ssh-add ssh-agent sudo sshd; do
	command -v "$tool" >/dev/null || skip_all "there is no $tool here"
done

room_ready
room_sudo
make_programs
room_private_tmp

# A script or two cannot tell an agent that ended from one that never was.
# shellcheck disable=SC2016
as_user "$room/bin/the-agent" sh -c \
    '[ -S "$SSH_AUTH_SOCK" ] && kill -0 "$SSH_AGENT_PID"' ||
    die 'the agent does not start'

row script verdict s 'what it says' || true
failed=0
check_complete || failed=1
for name in "${only[@]}"; do
	run_one "$name" &
	# As many at once as there are processors.
	while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do
		wait -n || true
	done
done
wait
for name in "${only[@]}"; do
	cat "$room/$name.row"
	[ ! -e "$room/$name.bad" ] || failed=$((failed + 1))
done
for ((i = 0; i < ${#excluded[@]}; i += 2)); do
	printf 'excluded: %s: %s\n' "${excluded[i]}" "${excluded[i + 1]}"
done
printf '%d scripts, %d failed, in %d s\n' "${#only[@]}" "$failed" "$SECONDS"
[ "$failed" -eq 0 ]
