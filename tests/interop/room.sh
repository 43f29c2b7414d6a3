# shellcheck shell=bash
# room.sh - a room in which a test may be root, add a user and start servers.
#
# Sourced, after check.sh.  The room is a set of name spaces: its own mounts,
# processes, network and copy of /etc.  Whatever a test does in there, and
# whatever it leaves behind, is gone when the test is, however it ends.
#
# $room is the room's own folder, which belongs to root and lets others walk in.

room=/run/interop
room_user=tester
# Nobody's, so that no process outside can reach in as the same user.
room_uid=47211
room_home=$room/$room_user

# room_enter ARGUMENT...: run this script again, inside, and end as it does.
# Returns only when inside.
room_enter() {
	local enter=(unshare --mount --pid --net --ipc --fork --kill-child
	    --mount-proc) root status=0

	# Never take what is outside for the room, whatever is in BOTTLE_ROOM.
	[ "${BOTTLE_ROOM:-}" != inside ] || [ "$$" -ne 1 ] || return 0
	[ "$(id -u)" -eq 0 ] || skip_all 'needs root, to become other users'
	# In a chroot, "/" is no mount, so that what is mounted below it cannot
	# be kept from the outside: make it one.
	if ! unshare --mount true 2>/dev/null; then
		root=$(mktemp -d)
		at_exit rmdir "$root"
		mount --rbind / "$root" 2>/dev/null ||
		    skip_all 'cannot mount anything here'
		at_exit umount -l "$root"
		mount --make-rprivate "$root"
		enter=(chroot "$root" "${enter[@]}")
	fi
	"${enter[@]}" true 2>/dev/null ||
	    skip_all 'cannot unshare mounts, processes and network here'
	# Waited for like this, we hear signals; all inside ends when we do.
	setpriv --pdeathsig KILL "${enter[@]}" env BOTTLE_ROOM=inside \
	    "$(realpath "$0")" "$@" &
	wait "$!" || status=$?
	exit "$status"
}

# room_ready: the room as such; $room is empty then.  Programs that are in /run
# or /tmp outside are copied before room_private_tmp.
room_ready() {
	unset BOTTLE_ROOM SSH_AUTH_SOCK SSH_AGENT_PID SSH_ASKPASS DISPLAY
	export LC_ALL=C SHELL=/bin/sh
	umask 022
	mount -t tmpfs -o mode=755 room /run
	mkdir -p "$room" /run/sshd
	mkdir "$room/bin"
	chmod 755 "$room" "$room/bin"
	ip link set lo up
	cp -a /etc "$room/etc"
	mount --bind "$room/etc" /etc
	room_add_user "$room_user" "$room_uid"
	rm -f /etc/nologin
}

# room_add_user NAME UID: not locked, and without a password.
room_add_user() {
	local home=$room/$1

	printf '%s:x:%d:%d::%s:/bin/sh\n' "$1" "$2" "$2" "$home" >>/etc/passwd
	printf '%s:x:%d:\n' "$1" "$2" >>/etc/group
	printf '%s:*:19000:0:99999:7:::\n' "$1" >>/etc/shadow
	install -d -m 700 -o "$2" -g "$2" "$home"
}

# room_private_tmp: what is in /tmp outside is out of sight from here on.
room_private_tmp() {
	mount -t tmpfs -o mode=1777 tmp /tmp
	unset TMPDIR
	cd /
}

# room_sudo: the user may become anybody, in here.
room_sudo() {
	local service

	cat >/etc/sudoers <<-EOS
		Defaults secure_path="/usr/sbin:/usr/bin:/sbin:/bin"
		root ALL=(ALL:ALL) ALL
		$room_user ALL=(ALL:ALL) NOPASSWD: ALL
	EOS
	chmod 440 /etc/sudoers
	# Sessions as such are not what is tested; containers lack half of them.
	for service in sshd sudo; do
		printf '%s required pam_permit.so\n' auth account password \
		    session >"/etc/pam.d/$service"
	done
	grep -qwF "$(uname -n)" /etc/hosts 2>/dev/null ||
	    printf '127.0.0.1 %s\n' "$(uname -n)" >>/etc/hosts
}

# as_user COMMAND...: as the room's user, with nothing of our environment.
as_user() {
	setpriv --reuid "$room_uid" --regid "$room_uid" --clear-groups \
	    env -i HOME="$room_home" USER="$room_user" SHELL=/bin/sh \
	    LOGNAME="$room_user" LC_ALL=C \
	    PATH="$room/bin:/usr/sbin:/usr/bin:/sbin:/bin" "$@"
}
