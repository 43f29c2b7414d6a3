#!/bin/bash
# coverage.sh [--quick | --worlds] [--report] [--lines FILE] - which lines of
# what is shipped the tests reach.
#
# Builds the coverage preset, runs the tests in it, prints a table and writes it
# into docs/COVERAGE.md.  Exit code 1: a room of the tree is below its goal.
#	--quick		only the unit tests and the fuzz targets' corpora
#	--worlds	containers and other makers' clients as well
#	--report	no tests: what was counted before
#	--lines FILE	write each piece that was not reached, with its reason
#
# As root it reaches more: many tests become other users.
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top"
# shellcheck source=tests/support/say.sh
. tests/support/say.sh
# shellcheck source=tests/support/host.sh
. tests/support/host.sh

build=build/coverage
# Checks that run nothing of ours.
no_programs='^check_(audit|design|differences|headers|layers|manpage|musl|symbols)$'
only=(-LE '^(e2e|interop|memscan|slow|bench)$' -E "$no_programs")
page=(--page docs/COVERAGE.md)
run=yes
worlds=no
lines=()
while [ $# -gt 0 ]; do
	case $1 in
	--quick)
		only=(-L '^(unit|fuzz)$')
		page=()
		;;
	--worlds)
		# Nothing with counters is what tests/attack attacks, and an
		# attacker who writes counters is too slow for his storms.
		only=(-LE '^(memscan|slow|bench)$' -E "$no_programs|^attack_")
		worlds=yes
		;;
	--report) run=no ;;
	--lines)
		[ $# -gt 1 ] || die '--lines wants a file' 2
		lines=(--lines "$2")
		shift
		;;
	-h | --help)
		sed -n '2,/^$/s/^# \{0,1\}//p' "$0"
		exit 0
		;;
	*) die "unknown option $1; see --help" 2 ;;
	esac
	shift
done
for tool in gcov perl; do
	command -v "$tool" >/dev/null ||
	    die "there is no $tool here: install it, Debian: gcc, perl" 2
done

# What an agent of another user reached is written by him, and only where he
# may: so the files are there before, and anyone's.
prepare_counters() {
	local file

	find "$build" -name '*.gcda' -delete
	find "$build" -name '*.gcno' -printf '%p\n' | while read -r file; do
		: >"${file%.gcno}.gcda"
		chmod 666 "${file%.gcno}.gcda"
	done
	if [ "$(id -u)" -eq 0 ] && ! setpriv --reuid 65534 --regid 65534 \
	    --clear-groups test -x "$top/$build"; then
		printf '%s\n' "Other users cannot walk to $top/$build:" \
		    'what their processes reach is not counted.'
	fi
}

if [ "$run" = yes ]; then
	host_build coverage || die 'the coverage preset does not build'
	[ "$worlds" = no ] || host_build static ||
	    die 'what goes into containers does not build'
	prepare_counters
	ctest --test-dir "$build" --output-on-failure --no-tests=error \
	    -j "$(($(nproc) + 1))" "${only[@]}" ||
	    printf 'Some tests failed; what they reached is counted.\n'
fi

# gcov wants names, and says where each object was made; empty counters are no
# fault.
find "$build" -name '*.gcno' -print0 |
    xargs -0 -n 40 gcov --json-format --stdout 2>/dev/null |
    perl tests/support/coverage.pl "${lines[@]}" "${page[@]}" \
    tests/support/coverage-reasons
