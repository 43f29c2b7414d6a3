#!/bin/sh
# Every header compiles alone: it includes what it needs.
# usage: headers.sh SOURCE BUILD COMPILER [FLAG ...]
set -u
src=$1 build=$2 cc=$3
shift 3
bad=0
n=0
for h in "$src"/base/*.h "$src"/proto/*.h "$src"/agent/*.h \
    "$src"/forwarder/*.h "$src"/provision/*.h; do
	n=$((n + 1))
	"$cc" -std=gnu17 -D_GNU_SOURCE -Wall -Wextra -Wstrict-prototypes \
	    -Werror -I "$src" -I "$build" "$@" -fsyntax-only \
	    -include "$h" -x c /dev/null || {
		echo "$h does not compile alone" >&2
		bad=1
	}
done
[ "$n" -gt 20 ] || { echo "only $n headers found" >&2; bad=1; }
exit $bad
