#!/bin/sh
# A program that may be put into any image needs libc and nothing else.
# usage: libc_only.sh PROGRAM
set -u
needed=$(readelf -W -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p') || exit 2
others=$(printf '%s\n' "$needed" | grep -vE '^(libc\.so|ld-linux|ld-musl|$)')
[ -z "$others" ] || {
	echo "$1 needs $others" >&2
	exit 1
}
