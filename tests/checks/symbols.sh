#!/bin/sh
# What an object exports is declared in its own header: no module defines a
# name of another one.  key_math, a part of key, may define what key.h declares.
# usage: symbols.sh SOURCE ARCHIVE ...
set -u
src=$1
shift
bad=0
n=0
for archive in "$@"; do
	folder=$(basename "$archive" .a)
	folder=${folder#lib}
	# "libbase.a:num.c.o:0000000000000000 T num_u64"; what compilers add
	# for sanitizers and coverage begins with two underscores.
	names=$(nm -A --defined-only --extern-only "$archive" |
	    sed -nE 's/^.*:([a-z_0-9]+)\.c\.o:[0-9a-f]* . (.*)$/\1 \2/p' |
	    grep -v ' __')
	while read -r module symbol; do
		n=$((n + 1))
		[ "$module $symbol" != "main main" ] || continue
		for header in "$module.h" "${module%%_*}.h"; do
			[ -f "$src/$folder/$header" ] || continue
			grep -qw -- "$symbol" "$src/$folder/$header" &&
			    continue 2
		done
		echo "$folder/$module.c exports $symbol, which" \
		    "$module.h does not declare" >&2
		bad=1
	done <<-END
	$names
	END
done
[ "$n" -gt 50 ] || { echo "only $n symbols found" >&2; bad=1; }
exit $bad
