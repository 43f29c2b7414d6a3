#!/usr/bin/env bash
# openssh.sh AGENT-CONFORMANCE - OpenSSH's ssh-agent is seen as it is: what the
# requirements say of it is what was recorded of the same version.
set -euo pipefail

if ! command -v ssh-agent >/dev/null; then
	echo "no ssh-agent here: skipped"
	exit 77
fi
version=$(ssh -V 2>&1 | sed 's/^OpenSSH_\([0-9]*\.[0-9]*\).*/\1/')
verdicts=$(dirname "$0")/verdicts/openssh-$version
if ! [ -e "$verdicts" ]; then
	echo "no verdicts of OpenSSH $version were recorded: skipped;" \
	    "tests/conformance/record does it"
	exit 77
fi
exec "$1" --expect "$verdicts" ssh-agent -D -a %s
