#!/bin/sh
# The host's side compiles with another C library than glibc: what it calls is
# there on other systems, too.
# usage: musl.sh SOURCE BUILD libprovision.a LIBRARY...
#
# That is provision/, and what is linked with it out of our other libraries; the
# rest of them is for programs that run on Linux only.  Files of provision/ do
# with what musl shows of a BSD, and see nothing that it has from GNU.
set -u
export LC_ALL=C
src=$1 build=$2 whole=$3
shift 3
bad=0
n=0
for tool in musl-gcc pkg-config ld; do
	command -v "$tool" >/dev/null || { echo "$tool is not here" >&2; exit 77; }
done
cd "$src" || exit 2
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT

# The headers of libraries, without those of glibc beside them.
mkdir "$tmp/include"
for lib in libsodium:sodium jansson:jansson libssh:libssh; do
	from=$(pkg-config --variable=includedir "${lib%:*}") || exit 77
	cp -R "$from/${lib#*:}"* "$tmp/include" || exit 2
done

# compile FEATURES FILE...
compile()
{
	features=$1
	shift
	for f in "$@"; do
		n=$((n + 1))
		musl-gcc -std=gnu17 "$features" -Wall -Wextra -Werror -I . \
		    -I "$build" -I "$build/provision" -I "$tmp/include" \
		    -DINSTALL_PROGRAMS_DIR='"/"' -fsyntax-only "$f" || {
			echo "$f does not compile with musl" >&2
			bad=1
		}
	done
}

compile -D_BSD_SOURCE provision/*.c

# The linker says what it takes: "(DIR/base/libbase.a)text.c.o".
ld -r -t -t -o "$tmp/all.o" --whole-archive "$whole" --no-whole-archive \
    --start-group "$@" --end-group >"$tmp/taken" || exit 2
sed -n 's|^(.*/lib\([a-z]*\)\.a)\(.*\.c\)\.o$|\1/\2|p' "$tmp/taken" |
    grep -v '^provision/' >"$tmp/files"
while read -r f; do
	compile -D_GNU_SOURCE "$f"
done <"$tmp/files"
[ "$n" -gt 15 ] || { echo "only $n files found" >&2; bad=1; }
exit $bad
