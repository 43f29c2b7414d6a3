#!/bin/sh
# --help, the man page and the three completions have the same options.
# usage: options.sh SOURCE PROGRAM MANPAGE LEAST
set -u
src=$1 program=$2 page=$3 least=$4
name=${program##*/}
export LC_ALL=C
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT

# Options open the rows: "  -a, --socket PATH", "      --public".
"$program" --help |
    sed -nE 's/^ {2,6}(-.*)/\1/p' |
    sed -E 's/  .*//; s/, / /' |
    tr ' ' '\n' | grep '^-' | sort -u >"$tmp/help"

# ".It Fl a Ar PATH , Fl -socket Ar PATH"
sed -nE '/^\.Sh OPTIONS/,/^\.Sh [^O]/s/^\.It (Fl .*)/\1/p' \
    "$src/$page" |
    tr ' ' '\n' | awk 'prev == "Fl" { print "-" $0 } { prev = $0 }' |
    sort -u >"$tmp/man"

# Between the quotes of options='...'.
sed -n "/options='/,/'\$/p" "$src/deploy/completions/$name.bash" |
    tr -s " ='	" '\n' | grep '^-' | sort -u >"$tmp/bash"

# '(-a --socket)'{-a,--socket}'[...' and '--public[...'
sed -nE "s/^[[:space:]]*'(\([^)]*\))?'?(\*?\{?-[^['=]*).*/\2/p" \
    "$src/deploy/completions/_$name" |
    tr -d '*{}' | tr ',' '\n' | sort -u >"$tmp/zsh"

# complete -c NAME -s a -l socket ...
sed -nE "s/^complete -c $name (.*)/\1/p" \
    "$src/deploy/completions/$name.fish" |
    awk '{ for (i = 1; i < NF && $i != "-d"; i++) {
	if ($i == "-s") print "-" $(i + 1)
	if ($i == "-l") print "--" $(i + 1) } }' |
    sort -u >"$tmp/fish"

bad=0
[ "$(wc -l <"$tmp/help")" -ge "$least" ] || { echo "--help is too short" >&2; bad=1; }
for other in man bash zsh fish; do
	diff -u "$tmp/help" "$tmp/$other" >&2 || bad=1
done
exit $bad
