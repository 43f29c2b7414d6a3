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

passed=0
failed=0
skipped=0
again=()
# So many of a run may be tried once more.
again_max=3

head_line() {
	printf '\n== %s\n' "$1"
}

# broken WHAT: a step of ours that failed counts as a failed test.
broken() {
	printf 'failed: %s\n' "$1"
	failed=$((failed + 1))
}

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

# run PRESET NAME OPTION...: ctest there, and count.  Many tests wait more than
# they work, so there is one more at a time than there are processors.
run() {
	local preset=$1 name=$2 report

	shift 2
	head_line "$name"
	report=$work/$preset.xml
	rm -f "$report"
	ctest --test-dir "build/$preset" --output-on-failure \
	    --no-tests=error -j "$(($(nproc) + 1))" --output-junit "$report" "$@" ||
	    true
	if [ ! -s "$report" ]; then
		broken "$name: ctest did not run"
		return
	fi
	second_try "$preset" "$report"
	count "$report"
	if [ -s "$report.again" ]; then
		passed=$((passed + $(grep -c 'status="run"' "$report.again")))
		failed=$((failed - $(grep -c 'status="run"' "$report.again")))
	fi
}

# second_try PRESET REPORT: what failed while the machine was busy with others is
# run once more, alone, if it is little and time plays a part in it.  What passes
# then is said by name at the end, since it is a defect all the same.
second_try() {
	local report=$2 names

	rm -f "$report.again"
	mapfile -t names < <(sed -n '/<testcase .*status="fail"/s/.*<testcase name="\([^"]*\)".*/\1/p' \
	    "$report" | grep -vE '^(check|fuzz)_')
	if [ "${#names[@]}" -eq 0 ] || [ "${#names[@]}" -gt "$again_max" ]; then
		return
	fi
	printf '\nonce more, alone: %s\n' "${names[*]}"
	ctest --test-dir "build/$1" --output-on-failure --no-tests=error \
	    --output-junit "$report.again" \
	    -R "^($(IFS='|' && printf '%s' "${names[*]}"))\$" || true
	mapfile -t names < <(sed -n '/<testcase .*status="run"/s/.*<testcase name="\([^"]*\)".*/\1/p' \
	    "$report.again")
	again+=("${names[@]}")
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

# count REPORT: what ctest did; the reason of a skipped test is the last line
# that it printed.
count() {
	local total bad skips

	total=$(grep -c '<testcase ' "$1" || true)
	bad=$(grep -cE '<testcase .*status="(fail|disabled)"' "$1" || true)
	skips=$(grep -c '<testcase .*status="notrun"' "$1" || true)
	passed=$((passed + total - bad - skips))
	failed=$((failed + bad))
	skipped=$((skipped + skips))
	awk '
		/<testcase / {
			match($0, /name="[^"]*"/)
			name = substr($0, RSTART + 6, RLENGTH - 7)
			skip = /status="notrun"/
			reason = "it does not say why"
			output = 0
		}
		sub(/.*<system-out>/, "") { output = 1 }
		output && skip {
			line = $0
			sub(/<\/system-out>.*/, "", line)
			sub(/^SKIP: /, "", line)
			if (line != "")
				reason = line
		}
		/<\/system-out>/ { output = 0 }
		/<\/testcase>/ && skip {
			printf "skipped: %s: %s\n", name, reason
		}' "$1"
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

# verdict: the closing line, alone on its line, and the status.
verdict() {
	if [ "$require_all" = yes ] && [ "$skipped" -gt 0 ]; then
		printf '\nskipped tests count as failed (--require-all)\n'
		failed=$((failed + skipped))
		skipped=0
	fi
	if [ "${#again[@]}" -gt 0 ]; then
		printf '\nfailed at first, and passed when run alone: %s\n' \
		    "${again[*]}"
	fi
	printf '\n%d passed, %d failed, %d skipped\n' "$passed" "$failed" \
	    "$skipped"
	[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
	exit
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
