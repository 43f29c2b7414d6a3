#!/bin/sh
# Each fuzz target has a corpus, a row in fuzz/README.md, and a claim and an
# input that its first lines tell of; no corpus and no row is left over; what
# fuzz/settings names is there.
# usage: fuzz.sh SOURCE
set -u
export LC_ALL=C
cd "$1/fuzz" || exit 2
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
bad=0

complain() {
	echo "fuzz/$1" >&2
	bad=1
}

for f in fuzz_*.c; do
	echo "${f%.c}"
done >"$tmp/there"
for d in corpus/*/; do
	basename "$d"
done | sort >"$tmp/corpora"
# Rows "| `fuzz_wire` | steps, then bytes | ..." of the first table.
# shellcheck disable=SC2016
sed -n '/^## Replaying/q; s/^| `\(fuzz_[a-z0-9_]*\)` | .*/\1/p' README.md |
    sort >"$tmp/told"
diff -u "$tmp/there" "$tmp/corpora" >&2 ||
    complain 'corpus: not one folder for each target'
diff -u "$tmp/there" "$tmp/told" >&2 ||
    complain 'README.md: not one row for each target'
while read -r name; do
	for word in Reaches Claims Input; do
		grep -q "^ \* $word:" "$name.c" ||
		    complain "$name.c: does not say what it: $word"
	done
	# Outside of the table of targets: whose bytes those are.
	sed -n '/^## Whose bytes/,$p' README.md | grep -q "\`$name\`" ||
	    case $name in
	    # What the host makes itself, or several of these at once.
	    fuzz_clientconf | fuzz_conversation | fuzz_differential | \
	        fuzz_faults) ;;
	    *) complain "README.md: does not say whose bytes $name has" ;;
	    esac
done <"$tmp/there"
grep -v '^#' settings | while read -r name weight longest dict _; do
	case $weight$longest in
	*[!0-9]*) echo "$name: no numbers" ;;
	esac
	[ "$dict" = - ] || [ -f "dict/$dict.dict" ] ||
	    echo "$name: there is no dict/$dict.dict"
done >"$tmp/settings"
[ ! -s "$tmp/settings" ] || {
	cat "$tmp/settings" >&2
	complain settings
}
exit $bad
