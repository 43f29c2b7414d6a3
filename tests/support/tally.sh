# shellcheck shell=bash disable=SC2154
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
	if ! grep -q '<testcase ' "$report" 2>/dev/null; then
		broken "$name: ctest ran no test"
		return
	fi
	count "$report"
	second_try "$preset" "$report"
}

# second_try PRESET REPORT: what failed while the machine was busy with others is
# run once more, alone, if it is little, and if time can play a part in it.  What
# passes then is counted so, and said by name at the end, since it is a defect
# all the same.
second_try() {
	local report=$2.again names total

	# What the thread sanitizer is for is to be seen once in many times.
	[ "$1" != tsan ] || return 0
	total=$(grep -c '<testcase .*status="fail"' "$2" || true)
	mapfile -t names < <(failed_by_chance "$2")
	if [ "${#names[@]}" -eq 0 ] || [ "$total" -gt "$again_max" ]; then
		return
	fi
	printf '\nonce more, alone: %s\n' "${names[*]}"
	rm -f "$report"
	ctest --test-dir "build/$1" --output-on-failure --no-tests=error -j 1 \
	    --output-junit "$report" \
	    -R "^($(IFS='|' && printf '%s' "${names[*]}"))\$" || true
	[ -s "$report" ] || return 0
	mapfile -t names < <(sed -n \
	    '/<testcase .*status="run"/s/.*<testcase name="\([^"]*\)".*/\1/p' \
	    "$report")
	passed=$((passed + ${#names[@]}))
	failed=$((failed - ${#names[@]}))
	again+=("${names[@]}")
}

# failed_by_chance REPORT: the names of what failed, but for what looks at files
# alone, and for what a sanitizer complained of: that is there whenever it shows.
failed_by_chance() {
	awk '
		/<testcase / {
			match($0, /name="[^"]*"/)
			name = substr($0, RSTART + 6, RLENGTH - 7)
			bad = /status="fail"/ && name !~ /^(check|fuzz)_/
		}
		/Sanitizer: |runtime error: / { bad = 0 }
		/<\/testcase>/ && bad { print name }' "$1"
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
