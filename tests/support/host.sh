# shellcheck shell=bash
# host.sh - the machine under the two commands: a bare chroot must do.
#
# Sourced, after say.sh.

# host_ready: what programs expect of any machine.  What is not mounted is, and
# no more when the script ends.
host_ready() {
	[ -e /proc/self/stat ] || host_mount /proc -t proc proc
	[ -d /sys/kernel ] || host_mount /sys -t sysfs sysfs
	if [ ! -e /dev/pts/ptmx ]; then
		host_mount /dev/pts -t devpts \
		    -o newinstance,ptmxmode=0666,mode=620 devpts
		[ -e /dev/ptmx ] || ln -s pts/ptmx /dev/ptmx
	fi
	[ -e /dev/fd ] || ln -s /proc/self/fd /dev/fd
}

host_mount() {
	local where=$1

	shift
	[ "$(id -u)" -eq 0 ] || die "$where is not mounted; mount it" 2
	mkdir -p "$where"
	mount "$@" "$where" || die "cannot mount $where" 2
	at_exit umount -l "$where"
}

# host_build PRESET...: configure and build, quietly unless it fails.  What is
# said is kept in memory, so that a signal leaves no file.
host_build() {
	local preset said

	for preset in "$@"; do
		said=$({
			cmake --preset "$preset" &&
			    cmake --build --preset "$preset"
		} 2>&1) || {
			printf '%s\n' "$said" | tail -n 60 >&2
			return 1
		}
	done
}

# host_build_only PRESET DIR TARGET...: only these, without tests, into DIR.
host_build_only() {
	local preset=$1 dir=$2 said

	shift 2
	said=$({
		cmake --preset "$preset" -B "$dir" -DBOTTLE_TESTS=OFF &&
		    cmake --build "$dir" --target "$@"
	} 2>&1) || {
		printf '%s\n' "$said" | tail -n 60 >&2
		return 1
	}
}
