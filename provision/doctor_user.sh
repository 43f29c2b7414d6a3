# shellcheck shell=sh disable=SC2012,SC2015
# doctor_user.sh user SOCKET HOME DIR... - what the user of the keys sees: the
# socket, our programs in the folders DIR, what ssh and git make of their
# configuration, other agents, keys that lie about, and ways to become root.
# HOME is "-" for his own.
#
# Behind doctor_say.sh; run as that user.

socket=$2
[ "$3" = - ] || HOME=$3
shift 3
path=$PATH
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
nl='
'
say who user
say uid "$(id -u)"
say gids "$(id -G)"
id -Gn 2>/dev/null | lines groups 1
printf '%s\n' "$HOME" | lines home 1
[ -d "$HOME" ] && [ -x "$HOME" ] && say homethere yes
for name in ssh ssh-add git sudo timeout; do
	command -v "$name" >/dev/null 2>&1 && say tool "$name"
done
grep -E '^(NoNewPrivs|Seccomp|CapEff|CapAmb|CapBnd):' /proc/self/status |
    tr '\t' ' ' | lines status 8

# Our programs.  One of them passes all of its arguments on to ssh-keygen.
for dir in "$@"; do
	if [ -x "$dir/bottle-ssh-keygen" ]; then
		say prog bottle-ssh-keygen 0 "$dir"
	elif [ -e "$dir/bottle-ssh-keygen" ]; then
		say prog bottle-ssh-keygen 126 "$dir"
	fi
	for name in bottle-agent bottle-forward; do
		[ -e "$dir/$name" ] || continue
		code=0
		out=$(limit "$dir/$name" --version 2>&1) || code=$?
		printf '%s\n' "$out" | lines "prog $name $code $dir" 1
	done
done

# The socket, and the first folder that is closed.
left=${socket#/} at=
while [ "${left#*/}" != "$left" ]; do
	at=$at/${left%%/*}
	left=${left#*/}
	if [ -d "$at" ] && [ ! -x "$at" ]; then
		say closed "$at"
		break
	fi
done
if [ -S "$socket" ]; then
	if [ -w "$socket" ]; then
		say socket open
	else
		say socket refused
	fi
elif [ -e "$socket" ]; then
	say socket other
else
	say socket missing
fi

# ask KEY PATH: whether an agent answers there: status of ssh-add, number of
# keys, and what it says.
ask() {
	code=0
	out=$(SSH_AUTH_SOCK=$2 limit ssh-add -l 2>&1) || code=$?
	n=0
	[ "$code" -ne 0 ] || n=$(printf '%s\n' "$out" | grep -c .)
	printf '%s\n' "$2" | lines "$1 $code $n" 1
	[ "$code" -eq 0 ] || printf '%s\n' "$out" | lines "$1-said" 1
}
tools=
command -v ssh-add >/dev/null 2>&1 && tools=yes
if [ -n "$tools" ] && [ -S "$socket" ]; then
	ask asked "$socket"
fi

# ssh: our files, the lines that say when they count, and what comes of it.
set +f
printf '%s\n' "${SSH_AUTH_SOCK:-}" | lines env 1
ls -ldn "$HOME" "$HOME/.ssh" "$HOME/.ssh/config" \
    "$HOME/.ssh/bottle-agent" "$HOME"/.ssh/bottle-agent/* \
    "$HOME"/.ssh/bottle-agent/*/* 2>/dev/null | lines file 400
[ ! -f "$HOME/.ssh/config" ] ||
    grep -n -i -E '^[[:space:]]*(include|host|match)([[:space:]=]|$)' \
    "$HOME/.ssh/config" 2>&1 | lines config 64
hosts=
for dir in "$HOME"/.ssh/bottle-agent/*/; do
	name=${dir%/}
	name=${name##*/}
	case $name in
	*[!A-Za-z0-9@_+=,.-]* | '*') continue ;;
	esac
	say load "$name"
	if [ -f "$dir/config" ] && [ -r "$dir/config" ]; then
		lines "conf $name" 400 <"$dir/config"
		hosts=$hosts$nl$(sed -n \
		    's/^Host \([A-Za-z0-9][A-Za-z0-9._:-]*\).*/\1/p' \
		    "$dir/config")
	fi
	if [ -f "$dir/gitconfig" ] && [ -r "$dir/gitconfig" ]; then
		lines "gitconf $name" 32 <"$dir/gitconfig"
	fi
done
set -f
words='hostname|port|user|hostkeyalias|identityagent|identityfile'
words="$words|certificatefile|identitiesonly|proxycommand|proxyjump"
words="$words|proxyusefdpass|userknownhostsfile|globalknownhostsfile"
words="$words|stricthostkeychecking|forwardagent"
if command -v ssh >/dev/null 2>&1; then
	for host in $(printf '%s\n' "$hosts" | head -n 32); do
		code=0
		out=$(limit ssh -G "$host" 2>&1) || code=$?
		if [ "$code" -eq 0 ]; then
			printf '%s\n' "$out" | grep -i -E "^($words) " |
			    lines "g $host" 48
		else
			printf '%s\n' "$out" | lines "gerr $host" 2
		fi
	done
fi

# git: what it takes from where.
if command -v git >/dev/null 2>&1 && cd "$HOME" 2>/dev/null; then
	for name in gpg.format gpg.ssh.program user.signingkey \
	    commit.gpgsign gpg.ssh.allowedsignersfile; do
		code=0
		out=$(limit git config --show-origin --get "$name" 2>&1) ||
		    code=$?
		[ "$code" -ne 1 ] || continue
		if [ "$code" -eq 0 ]; then
			printf '%s\n' "$out" | lines "git $name" 1
		else
			printf '%s\n' "$out" | lines giterr 1
			break
		fi
	done
	out=$(limit git config --get gpg.ssh.program 2>/dev/null) &&
	    command -v "$out" >/dev/null 2>&1 && say gitprog yes
	cd /
fi

# Other agents: who is in the environment of our processes, and what lies where
# agents and forwarders put their sockets.
real=$(readlink -f "$socket" 2>/dev/null) || real=
[ -n "$real" ] || real=$socket
set +f
found=$(
	printf '%s\n' "${SSH_AUTH_SOCK:-}"
	for file in /proc/[0-9]*/environ; do
		[ -r "$file" ] || continue
		tr '\0' '\n' <"$file" 2>/dev/null |
		    sed -n 's/^SSH_AUTH_SOCK=//p'
	done 2>/dev/null | head -n 64
	for file in /tmp/ssh-*/agent.* /tmp/vscode-ssh-auth-*.sock \
	    /tmp/auth-agent*/listener.sock /run/host-services/ssh-auth.sock \
	    /run/user/*/ssh-agent* /run/user/*/openssh_agent \
	    /run/user/*/keyring/ssh /run/user/*/gnupg/S.gpg-agent.ssh \
	    /run/user/*/vscode-ssh-auth* "$HOME"/.ssh/agent/* \
	    "$HOME"/.gnupg/S.gpg-agent.ssh /ssh-agent /ssh-agent.sock \
	    /tmp/ssh-agent.sock /run/ssh-agent.sock; do
		[ ! -S "$file" ] || printf '%s\n' "$file"
	done
	sed -n 's/^[^ ]* [^ ]* [^ ]* 00010000 0001 01 *[0-9]* \//\//p' \
	    /proc/net/unix 2>/dev/null | grep -i -E 'ssh|agent|auth|keyring' |
	    head -n 64
)
set -f
IFS=$nl
for file in $(printf '%s\n' "$found" | sort -u | head -n 32); do
	[ "$file" != "$socket" ] && [ "$file" != "$real" ] || continue
	[ -S "$file" ] && [ -w "$file" ] || continue
	if [ -n "$tools" ]; then
		ask second "$file"
	else
		printf '%s\n' "$file" | lines "second - 0" 1
	fi
done
IFS=' '

# Private keys that the user can read: names alone.
find "$HOME/.ssh" /run/secrets /tmp /var/tmp /root/.ssh -maxdepth 3 -type f \
    -size -65 -exec grep -l -E -e '-----BEGIN [A-Z0-9 ]*PRIVATE KEY' {} + \
    2>/dev/null | sort -u | lines stray 32

# Ways to become root.
if command -v sudo >/dev/null 2>&1; then
	code=0
	out=$(limit sudo -n -l 2>&1) || code=$?
	say sudocode "$code"
	printf '%s\n' "$out" | lines sudo 32
fi
for file in /var/run/docker.sock /run/docker.sock /run/podman/podman.sock \
    /run/containerd/containerd.sock /run/crio/crio.sock \
    /run/k3s/containerd/containerd.sock /run/buildkit/buildkitd.sock; do
	if [ -S "$file" ] && [ -w "$file" ]; then
		say engine "$file"
	fi
done
IFS=:
for dir in $path; do
	case $dir in
	/usr/local/sbin | /usr/local/bin | /usr/sbin | /usr/bin | /sbin | /bin)
		;;
	/*)
		[ ! -w "$dir" ] || printf '%s\n' "$dir" | lines pathdir 1
		;;
	*)
		printf '%s\n' "$dir" | lines pathdir 1
		;;
	esac
done
IFS=' '
set +f
for file in / /etc /etc/passwd /etc/shadow /etc/group /etc/sudoers \
    /etc/sudoers.d /etc/sudoers.d/* /etc/doas.conf /etc/pam.d /etc/pam.d/* \
    /etc/crontab /etc/cron.d /etc/cron.d/* /etc/cron.hourly/* \
    /etc/cron.daily/* /var/spool/cron /var/spool/cron/crontabs \
    /etc/ld.so.preload /etc/ld.so.conf /etc/ld.so.conf.d /etc/profile \
    /etc/profile.d /etc/profile.d/* /etc/bash.bashrc /etc/environment \
    /etc/ssh /etc/ssh/ssh_config /etc/ssh/ssh_config.d /etc/gitconfig \
    /etc/systemd/system /etc/init.d /lib /lib64 /usr /usr/lib /usr/local \
    /usr/local/lib /usr/local/sbin /usr/local/bin /usr/sbin /usr/bin /sbin \
    /bin /root /root/.bashrc /root/.profile /root/.ssh /run /var /opt \
    /usr/local/sbin/* /usr/local/bin/* /usr/sbin/* /usr/bin/*; do
	[ ! -w "$file" ] || printf '%s\n' "$file"
done | head -n 24 | lines writable 24
say end user
