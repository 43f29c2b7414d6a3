#!/bin/bash
# embedded-init.sh DIR - process 1 of the world without a container engine.
#
# Runs in name spaces of its own: see embedded_up in world.sh.  The roots are
# DIR/bottle and DIR/server; the pid, as the outside counts, goes to DIR/pid.
set -eu
dir=$1

# /proc is still the outside's, and so is the number that it gives us.
read -r pid _ </proc/self/stat
printf '%s\n' "$pid" >"$dir/pid"

ip link set lo up
hostname bottle
for root in "$dir/bottle" "$dir/server"; do
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
done

chroot "$dir/server" /usr/sbin/sshd -D -e >"$dir/sshd.log" 2>&1 &
printf '\n' >"$dir/ready"
# bash reaps what is left to it here.
while :; do
	sleep 3600 &
	wait "$!"
done
