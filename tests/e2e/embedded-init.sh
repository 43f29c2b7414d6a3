#!/bin/bash
# embedded-init.sh DIR MACHINE COMMAND... - process 1 of a machine of the world
# without a container engine: bottle, proxy or server.
#
# Runs in name spaces of its own: see embedded_start in world.sh.  The root is
# DIR/MACHINE; the pid, as the outside counts, goes to DIR/MACHINE.pid.  COMMAND
# is run in the server, beside its sshd.
set -eu
dir=$1 machine=$2
root=$dir/$machine

# /proc is still the outside's, and so is the number that it gives us.
read -r pid _ </proc/self/stat
printf '%s\n' "$pid" >"$root.pid"

ip link set lo up
hostname "$machine"
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=755,size=1m tmpfs "$root/dev"
mkdir "$root/dev/shm" "$root/dev/pts"
mount -t tmpfs -o mode=1777,size=64m,noexec tmpfs "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
ln -s fd/0 "$root/dev/stdin"
ln -s fd/1 "$root/dev/stdout"
ln -s fd/2 "$root/dev/stderr"
for node in null zero full random urandom tty; do
	touch "$root/dev/$node"
	mount --bind "/dev/$node" "$root/dev/$node"
done

case $machine in
proxy) chroot "$root" /usr/bin/tinyproxy -d & ;;
server)
	# See world.sh: it is two hosts.
	chroot "$root" "${@:3}"
	chroot "$root" /usr/sbin/sshd -D -e &
	;;
esac
printf '\n' >"$root.ready"
# bash reaps what is left to it here.
while :; do
	sleep 3600 &
	wait "$!"
done
