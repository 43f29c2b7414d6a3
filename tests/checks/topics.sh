#!/bin/sh
# What bottle-provision help says agrees with the programs and the man pages.
# usage: topics.sh SOURCE FOLDER-OF-PROGRAMS
set -u
src=$1 bin=$2
export LC_ALL=C
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
bad=0

wrong() {
	echo "$1" >&2
	bad=1
}

same() {
	if ! diff -u "$2" "$3" >"$tmp/diff"; then
		echo "$1:" >&2
		cat "$tmp/diff" >&2
		bad=1
	fi
}

# section PAGE NAME: of a man page.
section() {
	awk -v name="$2" '/^\.Sh /{ on = $0 == ".Sh " name } on' "$src/$1"
}

say() {
	"$bin/bottle-provision" help "$@"
}

# rows TITLE: the names below a line like "Commands:".
rows() {
	say | awk -v title="$1" '
		index($0, title) == 1 { on = 1; next }
		/^$/ { on = 0 }
		on { print $1 }'
}

rows Commands >"$tmp/commands"
rows Topics >"$tmp/topics"
[ "$(wc -l <"$tmp/topics")" -ge 5 ] || wrong 'there are too few topics'
for program in bottle-provision bottle-agent; do
	"$bin/$program" --help
done >"$tmp/help"
while read -r command; do
	"$bin/bottle-provision" "$command" --help
done <"$tmp/commands" >>"$tmp/help"
grep -o -e '--[a-z][a-z-]*' "$tmp/help" | sort -u >"$tmp/options"

# Each can be printed, in lines of a terminal, and names real options.
while read -r topic; do
	if ! say "$topic" >"$tmp/text"; then
		wrong "$topic cannot be printed"
	elif [ "$(wc -l <"$tmp/text")" -lt 8 ]; then
		wrong "$topic says nothing"
	fi
	! grep -nE '.{81}' "$tmp/text" >&2 || wrong "$topic has long lines"
	grep -o -e '--[a-z][a-z-]*' "$tmp/text" | sort -u >"$tmp/named"
	comm -23 "$tmp/named" "$tmp/options" >"$tmp/unknown"
	[ ! -s "$tmp/unknown" ] ||
	    wrong "$topic: no such option: $(tr '\n' ' ' <"$tmp/unknown")"
done <<END
$(cat "$tmp/commands" "$tmp/topics")
END

# words: one on a line.
words() {
	tr ' ' '\n' | sed '/^$/d'
}

# Exit codes, word by word.
say exit-codes | sed '/^With several/,$d' | words >"$tmp/one"
section provision/bottle-provision.1 'EXIT STATUS' |
    sed -n '/^\.It/,/^\.El/p' | sed '/^\.El/d; s/^\.[A-Z][a-z] //' | words \
    >"$tmp/other"
same 'exit codes' "$tmp/one" "$tmp/other"

# Kinds of targets: "  podman:NAME" and ".It Cm podman : Ns Ar name".
say targets | sed -nE 's/^  ([A-Za-z][^ ]*(, [^ ]+)*)(  .*)?$/\1/p' |
    grep -oE '\b(local|[a-z]+:)' | tr -d : | sort -u >"$tmp/one"
section provision/bottle-provision.1 TARGETS |
    sed -nE 's/^(\.It Cm ([a-z]+).*|\.Cm ([a-z]+) :)$/\2\3/p' |
    sort -u >"$tmp/other"
same 'kinds of targets' "$tmp/one" "$tmp/other"

# Fields of a manifest.
for topic in manifest rules; do
	say "$topic" | grep -E '^  [A-Za-z, ]+  +[^ ]' | sed 's/^  //; s/  .*//' |
	    tr -d ' ' | tr ',' '\n' | sed '/^$/d'
done | sort -u >"$tmp/one"
section provision/bottle-manifest.5 ENTRIES |
    sed -nE 's/^\.It Cm ([A-Za-z]+).*/\1/p' | sort -u >"$tmp/other"
same 'fields of a manifest' "$tmp/one" "$tmp/other"

# A topic that is not there.
if say targest >/dev/null 2>"$tmp/err"; then
	wrong 'a misspelt topic is no error'
fi
grep -q 'did you mean targets?' "$tmp/err" || wrong "$(cat "$tmp/err")"
exit "$bad"
