#!/bin/sh
# The man pages are well formed.
# usage: manpage.sh SOURCE
set -u
command -v mandoc >/dev/null || { echo "mandoc is not here" >&2; exit 77; }
cd "$1" || exit 2
mandoc -Tlint -W warning agent/*.1 forwarder/*.1 provision/*.1 provision/*.5
