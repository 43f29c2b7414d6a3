#!/bin/bash
# tally.sh TOP - what test.sh counts, and what it tries a second time.
#
# With a folder of tests that pass, fail, are skipped, or fail the first time
# only, and tests/support/tally.sh as test.sh has it.
set -eu
top=${1:?usage: tally.sh TOP}
# shellcheck source=tests/support/say.sh
. "$top/tests/support/say.sh"
# shellcheck source=tests/support/check.sh
. "$top/tests/support/check.sh"

room=$(mktemp -d "${TMPDIR:-/tmp}/bottle-tally.XXXXXX")
at_exit rm -rf "$room"

# A test: what it does the first time, and what it does then.
cat >"$room/test" <<'EOS'
#!/bin/bash
# test NAME FIRST THEN
cd "$(dirname "$0")"
what=$2
[ ! -e "been/$1" ] || what=$3
: >"been/$1"
case $what in
pass) exit 0 ;;
fail) exit 1 ;;
skip) echo 'SKIP: there is no moon here' && exit 77 ;;
alone)
	mkdir busy || exit 1
	sleep 0.2
	rmdir busy
	;;
race) echo 'WARNING: ThreadSanitizer: data race' && exit 1 ;;
esac
EOS
chmod 755 "$room/test"

# tally OPTION PRESET NAME:FIRST:THEN...: a run of these, and the verdict; then
# $status, $said and $line, which is the closing one.
tally() {
	local require_all=$1 preset=$2 word
	local dir=$room/build/$preset

	shift 2
	rm -rf "$room/been" "$room/busy" "$room/build"
	mkdir -p "$room/been" "$dir"
	for word; do
		printf 'add_test(%s "%s" %s)\n' "${word%%:*}" "$room/test" \
		    "${word//:/ }"
		printf 'set_tests_properties(%s PROPERTIES\n' "${word%%:*}"
		printf '    SKIP_RETURN_CODE 77)\n'
	done >"$dir/CTestTestfile.cmake"
	status=0
	# shellcheck disable=SC2034
	said=$(
		set +E
		trap - ERR
		cd "$room"
		work=$room
		. "$top/tests/support/tally.sh"
		{
			run "$preset" 'some tests'
			verdict
		} 2>&1
	) || status=$?
	line=$(tail -n 1 <<<"$said")
}

# counts NAME LINE STATUS: what the last one came to.
counts() {
	check_same "$1" "$2; $3" "$line; $status"
}
late='failed at first, and passed when run alone:'

tally no release a:pass:pass b:skip:skip
counts nothing_fails '1 passed, 0 failed, 1 skipped' 0
check_lacks so_nothing_is_tried_again "$said" 'once more'
check_has it_says_why_one_is_skipped "$said" 'skipped: b: there is no moon here'
tally yes release a:pass:pass b:skip:skip
counts a_skipped_test_has_failed '1 passed, 1 failed, 0 skipped' 1

tally no release a:pass:pass b:fail:pass c:skip:skip
counts one_fails_once '2 passed, 0 failed, 1 skipped' 0
check_same it_is_named "$late b" "$(grep "^$late" <<<"$said")"
tally no release a:pass:pass b:fail:fail
counts one_fails_always '1 passed, 1 failed, 0 skipped' 1
check_has it_was_tried_again "$said" 'once more, alone: b'
check_lacks it_is_not_named "$said" "$late"
tally no release a:fail:fail b:fail:pass ab:pass:pass
counts one_of_either '2 passed, 1 failed, 0 skipped' 1
check_same the_one_is_named "$late b" "$(grep "^$late" <<<"$said")"
tally no release a:fail:skip b:pass:pass
counts skipped_then_is_failed '1 passed, 1 failed, 0 skipped' 1
tally no release a:fail:alone b:fail:alone c:fail:alone
counts three_are_tried_alone '3 passed, 0 failed, 0 skipped' 0

tally no release a:fail:pass b:fail:pass c:fail:pass d:fail:pass
counts four_are_too_many '0 passed, 4 failed, 0 skipped' 1
tally no release check_a:fail:pass fuzz_a:fail:pass
counts time_has_no_part_in_it '0 passed, 2 failed, 0 skipped' 1
tally no asan a:race:pass b:fail:pass
counts what_a_sanitizer_finds_counts '1 passed, 1 failed, 0 skipped' 1
tally no tsan a:fail:pass
counts so_does_all_of_the_thread_sanitizer '0 passed, 1 failed, 0 skipped' 1

# Words that no test is called by.
tally no release
counts no_test_at_all '0 passed, 1 failed, 0 skipped' 1
checks_end
