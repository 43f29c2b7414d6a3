# shellcheck shell=sh disable=SC2154,SC2012
# doctor_root.sh root SOCKET ACCOUNT DIR... - what only root sees: who may run
# our programs in the folders DIR, the way to the socket, processes of agents,
# and what could make a user root.
#
# Behind trust.sh and doctor_say.sh.  Nothing of a user's is followed or run:
# the home, and what is his in folders that anybody may write to, is looked at
# by doctor_user.sh alone.

socket=$2 account=$3
shift 3
say who root
say uid "$(id -u)"

# Names and numbers; whether root has no password is all that is read of that.
while IFS=: read -r name _ uid gid _ home _; do
	if [ "$name" = "$account" ] || [ "$uid" = "$account" ]; then
		say account "$uid $gid $name $home"
	fi
	if [ "$uid" = 0 ] && [ "$name" != root ]; then
		say uid0 "$name"
	fi
done </etc/passwd
if [ -r /etc/shadow ]; then
	while IFS=: read -r name secret _; do
		if [ "$name" = root ] && [ -z "$secret" ]; then
			say nopass root
		fi
	done </etc/shadow
fi
secret=

# Our programs.  trust() has a name of its own.
for dir in "$@"; do
	for program in bottle-agent bottle-forward bottle-ssh-keygen; do
		[ -e "$dir/$program" ] || continue
		if ! trust "$dir/$program" -; then
			IFS=' '
			printf '%s\n' "$why" | lines "trust $program no" 1
		elif [ -x "$real" ]; then
			say trust "$program" ok "$dir"
		else
			say trust "$program" nox "$dir"
		fi
		IFS=' '
	done
done
IFS='
'

# The way to the socket, without links.
real=$(readlink -f "$socket" 2>/dev/null) || real=
[ -n "$real" ] || real=$socket
printf '%s\n' "$real" | lines real 1
set -- /
left=${real#/}/
at=
while [ -n "$left" ]; do
	part=${left%%/*}
	left=${left#*/}
	[ -n "$part" ] || continue
	at=$at/$part
	set -- "$@" "$at"
done
ls -ldn "$@" 2>/dev/null | lines way 64
[ ! -r /proc/net/unix ] || say unix seen
sed -n 's/^[^ ]* [^ ]* [^ ]* 00010000 0001 01 *[0-9]* \//\//p' \
    /proc/net/unix 2>/dev/null | grep -F -x -e "$socket" -e "$real" |
    sort -u | lines listen 2

# Agents, and what each of them gave up.
set +f
grep -l -x bottle-agent /proc/[0-9]*/comm 2>/dev/null | head -n 16 |
    while IFS= read -r file; do
	pid=${file#/proc/}
	pid=${pid%/comm}
	grep -E '^(Uid|NoNewPrivs|Seccomp|CapEff|CapPrm|CapBnd):' \
	    "/proc/$pid/status" 2>/dev/null | tr '\t' ' ' |
	    lines "agent $pid" 8
	tr '\0' '\n' 2>/dev/null <"/proc/$pid/cmdline" |
	    sed -n -e 's/^--legacy-rsa$/Option: &/p' \
	    -e 's/^--forwarded=\{0,1\}allow$/Option: &/p' \
	    -e 's/^--allow-shared-dir$/Option: &/p' | lines "agent $pid" 4
	sed -n 's/^Max core file size *\([^ ]*\).*/Core: \1/p' \
	    "/proc/$pid/limits" 2>/dev/null | lines "agent $pid" 1
done
set -f

# What the container may.
grep -E '^(NoNewPrivs|Seccomp|CapEff|CapPrm|CapBnd):' /proc/self/status |
    tr '\t' ' ' | lines status 8
comm=
[ ! -r /proc/2/comm ] || IFS= read -r comm </proc/2/comm
[ "$comm" != kthreadd ] || say hostpid yes
tr '\0' '\n' <"/proc/$$/environ" 2>/dev/null | sed -n 's/^PATH=//p' |
    lines path 1
grep -E '^[[:space:]]*permit.*nopass' /etc/doas.conf 2>/dev/null |
    lines doas 8

# Programs that make root of whoever runs them: find follows no link.
find /bin /sbin /usr/bin /usr/sbin /usr/local /opt /tmp /var/tmp /dev/shm \
    /home -xdev -maxdepth 5 -type f -user 0 \
    -perm -4000 2>/dev/null | sort -u | lines setuid 64

# Keys that only root can read, where users cannot exchange the files that are
# looked at.
find /root/.ssh /run/secrets -maxdepth 4 -type f -user 0 -size -65 -exec \
    grep -l -E -e '-----BEGIN [A-Z0-9 ]*PRIVATE KEY' {} + 2>/dev/null |
    lines stray 16
find /tmp /var/tmp -maxdepth 1 -type f -user 0 -size -65 -exec \
    grep -l -E -e '-----BEGIN [A-Z0-9 ]*PRIVATE KEY' {} + 2>/dev/null |
    lines stray 16
say end root
