#!/bin/sh
# docs/DESIGN.md has a line for every module, and for none that is not there.
# usage: design.sh SOURCE
set -u
export LC_ALL=C
cd "$1" || exit 2
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
bad=0
for d in base proto agent forwarder provision; do
	for f in "$d"/*.[ch]; do
		f=${f##*/}
		echo "${f%.[ch]}"
	done | sort -u >"$tmp/there"
	# Rows "| `pem`, `der` | ..." below "### agent/".
	sed -n "/^### $d\/\$/,/^##* /p" docs/DESIGN.md |
	    sed -n 's/^| \(`[^|]*\) |.*/\1/p' | tr ',' '\n' |
	    tr -d '` ' | sed 's/\.[ch]$//' | sort -u >"$tmp/said"
	diff -u "$tmp/there" "$tmp/said" >&2 || bad=1
done
exit $bad
