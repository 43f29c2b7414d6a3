# shellcheck shell=bash
# tally.sh - runs of ctest, counted, and the line that says what they came to.
#
# Sourced, after say.sh, in the folder that build/ is in.  $work is a folder for
# reports; $require_all is yes where a test that is skipped has failed.

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
