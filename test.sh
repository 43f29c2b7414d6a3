#!/bin/bash
# test.sh [--quick] [--require-all] - build and test all of it.
#
# Builds with gcc and the sanitizers and runs every test there; builds with
# the thread sanitizer and runs what has threads, and with the memory sanitizer
# what needs libc alone; builds with clang; builds what is shipped, and runs
# whole programs of it, in containers and with other makers' clients too.  The
# last line says how many tests passed, failed and were skipped.
#	--quick		only the unit tests and the fuzz targets' corpora
#	--require-all	a test that is skipped has failed
#
# Installs what is missing where it is root.
set -eu

top=$(cd "$(dirname "$0")" && pwd)
cd "$top"
# shellcheck source=tests/support/say.sh
. tests/support/say.sh
# shellcheck source=tests/support/packages.sh
. tests/support/packages.sh
# shellcheck source=tests/support/host.sh
. tests/support/host.sh
# shellcheck source=tests/support/tally.sh
. tests/support/tally.sh

quick=no
require_all=no
for word in "$@"; do
	case $word in
	--quick) quick=yes ;;
	--require-all) require_all=yes ;;
	-h | --help)
		sed -n '2,/^$/s/^# \{0,1\}//p' "$0"
		exit 0
		;;
	*) die "unknown option $word; see --help" 2 ;;
	esac
done

# build PRESET: a build that fails is a failed test, and its tests are not run.
build() {
	local start=$SECONDS

	head_line "build $1"
	if host_build "$1"; then
		printf 'built in %d s\n' "$((SECONDS - start))"
	else
		broken "build $1"
		return 1
	fi
}

# script NAME COMMAND...: a script that is one test, and builds what it needs.
script() {
	local log=$work/script status=0

	head_line "$1"
	"${@:2}" >"$log" 2>&1 || status=$?
	cat "$log"
	case $status in
	0) passed=$((passed + 1)) ;;
	77)
		skipped=$((skipped + 1))
		printf 'skipped: %s: %s\n' "$1" \
		    "$(sed -n 's/^SKIP: //p' "$log")"
		;;
	*) broken "$1" ;;
	esac
}

# Everything that a test may need; where that cannot be had, what needs it is
# skipped and says so.
prepare() {
	head_line 'install what is missing'
	packages_install "${packages_build[@]}" "${packages_test[@]}" ||
	    die 'cannot install what building needs'
	if [ "$quick" = yes ] || [ "$(id -u)" -ne 0 ]; then
		return
	fi
	packages_install "${packages_world[@]}" ||
	    printf 'so there will be no end-to-end tests\n'
	packages_install_idle "${packages_interop[@]}" ||
	    printf 'so there will be no tests with other clients\n'
	packages_install_idle "${packages_deploy[@]}" ||
	    printf 'so there will be no tests of packages\n'
	packages_unpack build/debian "${packages_unpacked[@]}" ||
	    printf 'so kubectl is what is installed, if any is\n'
	command -v docker >/dev/null ||
	    packages_install "${packages_engine[@]}" ||
	    printf 'so there will be no end-to-end test with docker\n'
}

host_ready
work=$(mktemp -d)
at_exit rm -rf "$work"
prepare

if build asan; then
	if [ "$quick" = yes ]; then
		run asan 'unit tests and corpora, with sanitizers' \
		    -L '^(unit|fuzz|check)$'
		verdict
	fi
	run asan 'all but whole worlds, with sanitizers' \
	    -LE '^(e2e|interop|slow)$'
fi
if build tsan; then
	run tsan 'what has threads, with their sanitizer' \
	    -R '^(unit_(auditsink|workers|hotkey|job|vault_threads|verify|fleet|progress)|daemon_(workers|signing|hammer)|provision_(40-fleet|40-status|43-doctor|50-watch))$'
fi
if build msan; then
	run msan 'what needs libc alone, with the memory sanitizer' \
	    -R '^(unit_|fuzz_|forward_0[46])' -L '^libc$'
fi
script 'a scenario, with the agents under valgrind' tests/valgrind.sh --short
build clang || true
if build static && build release; then
	run release 'the release: everything, and end to end'
fi
verdict
