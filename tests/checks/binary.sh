#!/bin/sh
# A finished program is hardened as promised and does not tell where it was
# built.
# usage: binary.sh PROGRAM PATH-THAT-MUST-NOT-BE-IN-IT ...
set -u
export LC_ALL=C
program=$1
shift
bad=0

fail()
{
	echo "$program: $1" >&2
	bad=1
}

headers=$(readelf -W -h -l -d "$program") || exit 2
has()
{
	printf '%s\n' "$headers" | grep -qE "$1"
}

has 'Type: +DYN' || fail "not position independent"
has '\(FLAGS_1\).* PIE' || fail "not position independent (FLAGS_1)"
has 'GNU_RELRO' || fail "no RELRO segment"
has '\(FLAGS\).*BIND_NOW' || has '\(FLAGS_1\).*NOW' || fail "no BIND_NOW"
has 'GNU_STACK.* RW ' || fail "the stack is not known to be RW only"
! has '(LOAD|GNU_STACK).* RWE ' || fail "memory that is writable and executable"
! has '\(TEXTREL\)' || fail "text relocations"
! has '\((RPATH|RUNPATH)\)' || fail "a library path of the builder"
for path in "$@"; do
	! grep -qaF -- "$path" "$program" || fail "contains $path"
done
exit $bad
