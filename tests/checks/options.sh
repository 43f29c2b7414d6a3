#!/bin/sh
# --help and the man page have the same options, with the same names of their
# arguments; and so has each command of a program that has commands.
# usage: options.sh SOURCE PROGRAM MANPAGE LEAST
set -u
program=$2 page=$1/$3 least=$4
export LC_ALL=C
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
bad=0

# same NAME FILE FILE: the lines are the same.
same() {
	if ! diff -u "$2" "$3" >"$tmp/diff"; then
		echo "$1:" >&2
		cat "$tmp/diff" >&2
		bad=1
	fi
}

# help [COMMAND]: "-a --socket PATH" of the rows "  -a, --socket PATH  text"; -
# stands for what there is not.
help() {
	"$program" "$@" --help | awk '
		/^  (    )?-/ {
			sub(/^ +/, "")
			sub(/  .*/, "")
			gsub(/,/, "")
			letter = name = arg = "-"
			for (i = 1; i <= NF; i++)
				if ($i ~ /^--/)
					name = $i
				else if ($i ~ /^-/)
					letter = $i
				else
					arg = toupper($i)
			print letter, name, arg
		}' | sort
}

# The same of ".It Fl a Ar path , Fl -socket Ar path" on stdin.
rows() {
	awk '
		/^\.It Fl / {
			sub(/^\.It /, "")
			if (sub(/ Ns Op /, "["))
				$0 = $0 "]"
			gsub(/ Ns /, "")
			gsub(/Ar /, "")
			letter = name = arg = "-"
			n = split($0, form, " , ")
			for (i = 1; i <= n; i++) {
				split(form[i], word, " ")
				if (word[2] ~ /^-/)
					name = "-" word[2]
				else
					letter = "-" word[2]
				more = word[3] == "" ? "-" : toupper(word[3])
				if (i > 1 && more != arg)
					arg = arg "!" more
				else
					arg = more
			}
			print letter, name, arg
		}' | sort
}

section() {
	awk -v name="$1" '/^\.Sh /{ on = $0 == ".Sh " name } on' "$page"
}

# part SECTION NAME: below a ".Ss NAME".
part() {
	section "$1" | awk -v name="$2" '/^\.Ss /{ on = $0 == ".Ss " name } on'
}

# One name for each row: the letter where there is one.
short() {
	awk '{ print $1 != "-" ? $1 : $2 }' | sort
}

# listed COMMAND: what the paragraph "Options:" of its part of COMMANDS names.
listed() {
	part COMMANDS "$1" | awk '
		/^\.Pp/ || /^\.S/ { on = 0 }
		/^Options:/ { on = 1 }
		on && /^\.Fl / {
			for (i = 2; i <= NF; i++)
				if ($i !~ /^[,.]$/)
					print "-" $i
		}' | sort
}

"$program" --help |
    awk '/^Commands:/{ on = 1; next } /^$/{ on = 0 } on { print $1 }' \
    >"$tmp/commands"
help >"$tmp/help"
while read -r command; do
	help "$command"
done <"$tmp/commands" | sort -u - "$tmp/help" >"$tmp/all"
[ "$(wc -l <"$tmp/all")" -ge "$least" ] ||
    { echo '--help is too short' >&2; bad=1; }
# Two commands may have one of the same name.
section OPTIONS | rows | sort -u >"$tmp/man"
same 'all options' "$tmp/all" "$tmp/man"

# The commands of the program, and those of the page.
if section COMMANDS | grep -q '^\.Ss'; then
	where=COMMANDS
else
	where=OPTIONS
fi
section "$where" | sed -n 's/^\.Ss //p' | grep -vx -e All -e Both >"$tmp/parts"
sort -o "$tmp/commands" "$tmp/commands"
sort -o "$tmp/parts" "$tmp/parts"
same commands "$tmp/commands" "$tmp/parts"

# Each with its own.
while read -r command; do
	help "$command" >"$tmp/help"
	if [ "$where" = COMMANDS ]; then
		short <"$tmp/help" | grep -vx -e -h -e -V >"$tmp/one"
		listed "$command" >"$tmp/other"
	else
		cat "$tmp/help" >"$tmp/one"
		for name in "$command" All Both; do
			part OPTIONS "$name"
		done | rows >"$tmp/other"
	fi
	same "$command" "$tmp/one" "$tmp/other"
done <"$tmp/commands"
exit "$bad"
