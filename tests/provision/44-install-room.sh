#!/bin/bash
# 44-install-room.sh - programs get into the first folder that has room for them:
# one that is full, or nearly so, is like one that cannot be written.
# shellcheck source=tests/support/load.sh
. "$(dirname "$0")/../support/load.sh"

need_own
root=$(cd "$(dirname "$0")/../.." && pwd)
script=$(cat "$root/provision/trust.sh" "$root/provision/install.sh")
first=/usr/local/bin second=/opt/bottle-agent/bin
mount -t tmpfs -o mode=755 none /usr/local
mkdir "$first"

# Programs of 100000 bytes that say that they run.
mkdir "$T/new"
words=() all=0
for name in bottle-agent bottle-forward bottle-ssh-keygen; do
	{
		printf '#!/bin/sh\nexit 0\n'
		head -c 100000 /dev/zero | tr '\0' '#'
	} >"$T/new/$name"
	size=$(wc -c <"$T/new/$name")
	words+=("$size" "$(sha256sum <"$T/new/$name" | cut -d' ' -f1)" "$name")
	all=$((all + size))
done
cat "$T/new"/* >"$T/all"

# filled DIR KIB FREE: a file system of that size, with so many bytes left.
filled() {
	umount "$1" 2>/dev/null || true
	mkdir -p "$1"
	mount -t tmpfs -o "mode=755,size=$2k" none "$1"
	[ -z "${3:-}" ] || head -c $(($2 * 1024 - $3)) /dev/zero >"$1/rest"
}
# install_all NAME: what it says is in $out.
install_all() {
	status=0
	out=$(sh -c "$script" bottle-install "$first" "$second" -- "$all" \
	    "${words[@]}" <"$T/all" 2>&1) || status=$?
}
# in_place NAME DIR
in_place() {
	check_same "$1" "0 bottle-install: ok $2" "$status $out"
	check_same "$1_is_there" "$(cd "$T/new" && sha256sum ./*)" \
	    "$(cd "$2" && sha256sum ./bottle-*)"
	check_same "$1_leaves_nothing" '' "$(find /usr/local /opt -name '.bottle*')"
}

filled /opt 4096
filled "$first" 4096
install_all
in_place room_in_the_first "$first"
# Full to the last byte; enough for a probe; for what arrives, and for some of the
# programs, but not for all.
for free in 0 8192 310000 500000; do
	filled /opt 4096
	filled "$first" 4096 "$free"
	install_all
	in_place "no_room_in_the_first_$free" "$second"
	check_same "the_first_keeps_what_it_had_$free" rest "$(ls -A "$first")"
done
# No room anywhere.
filled /opt 100
install_all
check_same no_room_fails 3 "$status"
for dir in "$first" "$second"; do
	check_has "no_room_in_$dir" "$out" "bottle-install: no $dir: cannot be \
written: is there room?"
done
check_same no_room_leaves_nothing '' "$(find /usr/local /opt -name '*bottle-[!a]*')"
umount /usr/local/bin /usr/local
checks_end
