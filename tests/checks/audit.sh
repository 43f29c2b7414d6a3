#!/bin/sh
# docs/AUDIT.md has every operation and every reason code, and no others.
# usage: audit.sh SOURCE
set -u
export LC_ALL=C
cd "$1" || exit 2
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
bad=0

# "[REASON_POLICY] = { "policy", ..." but for the one of what is allowed.
sed -nE 's/^[[:space:]]\[REASON_[A-Z_0-9]+\] = \{ "([^"]*)".*/\1/p' \
    agent/reason.c | grep -vx none | sort -u >"$tmp/codes"
# "[AUDIT_SIGN] = "sign","
sed -nE 's/^[[:space:]]\[AUDIT_[A-Z_]+\] = "([^"]*)".*/\1/p' \
    agent/auditline.c | sort -u >"$tmp/ops"

# What stands in backquotes in the first column of a section's table.
column()
{
	sed -n "/^## $1\\./,/^## [^$1]/p" docs/AUDIT.md |
	    sed -n 's/^| \(`[^|]*\) |.*/\1/p' | tr ',' '\n' |
	    tr -d '` ' | grep -vx -e op -e reason | sort -u
}
column 3 >"$tmp/said.ops"
column 4 >"$tmp/said.codes"
for what in ops codes; do
	[ -s "$tmp/$what" ] || bad=1
	diff -u "$tmp/$what" "$tmp/said.$what" >&2 || bad=1
done
exit $bad
