# shellcheck shell=bash
# settings.sh - what run-all and minimise share; sourced.
#
# $fuzz is this folder, $bin the folder of the libFuzzer programs.

fuzz=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
bin=${FUZZ_BIN:-$fuzz/../build/fuzz/bin}

die() {
	printf '%s: %s\n' "${0##*/}" "$1" >&2
	exit 2
}

# want_value WORD...: of the command line; the first is an option that takes the
# second.
want_value() {
	[ $# -gt 1 ] || die "$1 wants a value; $0 --help tells"
}

# seconds_since_boot: whole ones; a clock that nobody sets.
seconds_since_boot() {
	local up

	read -r up _ </proc/uptime
	echo "${up%.*}"
}

# targets: all that have a corpus, one a line.
targets() {
	local dir

	for dir in "$fuzz"/corpus/fuzz_*/; do
		basename "$dir"
	done
}

# setting NAME COLUMN: from the file settings; column 2 is the weight, and 5 is
# all that is left.
setting() {
	awk -v name="$1" -v column="$2" '
		/^#/ || NF == 0 { next }
		$1 == "*" || $1 == name {
			value = $column
			for (i = 6; column == 5 && i <= NF; i++)
				value = value " " $i
		}
		END { print value }' "$fuzz/settings"
}

# target_named NAME: with or without "fuzz_"; says what is wrong with it.
target_named() {
	local name=fuzz_${1#fuzz_}

	[ -d "$fuzz/corpus/$name" ] ||
	    die "no target is named $1; ls $fuzz/corpus shows all"
	echo "$name"
}

# fuzz_build: the preset fuzz, quiet unless it fails.  What is said is kept in
# memory, so that a signal leaves no file.
fuzz_build() {
	local said

	said=$(cd "$fuzz/.." && {
		cmake --preset fuzz && cmake --build --preset fuzz
	} 2>&1) || {
		printf '%s\n' "$said" | tail -n 40 >&2
		die 'the targets do not build; it takes clang and its libFuzzer (Debian: clang, libclang-rt-14-dev)'
	}
}

# arguments NAME: what libFuzzer is told, into the array args.
arguments() {
	local dict more

	args=("-max_len=$(setting "$1" 3)" -timeout=30 -rss_limit_mb=2560
	    -verbosity=1)
	dict=$(setting "$1" 4)
	[ "$dict" = - ] || args+=("-dict=$fuzz/dict/$dict.dict")
	read -r -a more <<<"$(setting "$1" 5)"
	args+=(${more[@]+"${more[@]}"})
}
