#!/bin/sh
# conformance.sh SOURCE PROGRAM - the table in docs/CONFORMANCE.md is that of
# the verdicts that were recorded.
set -eu

there=$(mktemp)
trap 'rm -f "$there"' EXIT
verdicts=$1/tests/conformance/verdicts
"$2" --table "bottle-agent=$verdicts/bottle-agent" \
    "ssh-agent 9.2=$verdicts/openssh-9.2" \
    "Go x/crypto 0.4.0=$verdicts/go-x-crypto-0.4.0" \
    "gpg-agent 2.2=$verdicts/gpg-agent-2.2" >"$there"
if [ "${3-}" = --print ]; then
	cat "$there"
	exit 0
fi
sed -n '/^<!-- table: begin -->$/,/^<!-- table: end -->$/p' \
    "$1/docs/CONFORMANCE.md" | sed '1d;$d' | diff - "$there"
