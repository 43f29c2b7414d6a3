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

# host_build PRESET...: configure and build, quietly unless it fails.
host_build() {
	local preset log status=0

	log=$(mktemp)
	for preset in "$@"; do
		{
			cmake --preset "$preset" &&
			    cmake --build --preset "$preset"
		} >"$log" 2>&1 || status=$?
		[ "$status" -eq 0 ] || {
			tail -n 60 "$log" >&2
			break
		}
	done
	rm -f "$log"
	return "$status"
}

# host_build_only PRESET DIR TARGET...: only these, without tests, into DIR.
host_build_only() {
	local preset=$1 dir=$2 log status=0

	shift 2
	log=$(mktemp)
	{
		cmake --preset "$preset" -B "$dir" -DBOTTLE_TESTS=OFF &&
		    cmake --build "$dir" --target "$@"
	} >"$log" 2>&1 || status=$?
	[ "$status" -eq 0 ] || tail -n 60 "$log" >&2
	rm -f "$log"
	return "$status"
}
