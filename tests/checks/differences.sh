#!/bin/sh
# differences.sh SOURCE PROGRAM - the table of differences from OpenSSH in
# docs/PROTOCOL.md is the one that the differential test goes by.
set -eu

there=$(mktemp)
trap 'rm -f "$there"' EXIT
"$2" --table >"$there"
sed -n '/^<!-- differences: begin -->$/,/^<!-- differences: end -->$/p' \
    "$1/docs/PROTOCOL.md" | sed '1d;$d' | diff - "$there"
