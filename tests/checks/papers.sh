#!/bin/sh
# What people are told to read and to type is there: each page in docs/ is in
# README's list, each link leads to a file, and each option of ours that stands in
# a paper is one of the program that it stands behind.
# usage: papers.sh SOURCE FOLDER-OF-PROGRAMS
set -u
src=$1 bin=$2
export LC_ALL=C
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
bad=0 links=0 options=0

wrong() {
	echo "$1" >&2
	bad=1
}

cd "$src" || exit 2
for page in docs/*.md; do
	grep -qF "]($page)" README.md ||
	    wrong "README.md does not name $page among the papers"
done
papers='README.md CONTRIBUTING.md SECURITY.md CHANGELOG.md'
for paper in $papers docs/*.md; do
	grep -oE '\]\([^)#:]+(#[^)]*)?\)' "$paper" |
	    sed -E 's/^\]\(//; s/(#.*)?\)$//' >"$tmp/links"
	while read -r link; do
		links=$((links + 1))
		[ -e "$(dirname "$paper")/$link" ] ||
		    wrong "$paper: $link is not there"
	done <"$tmp/links"
done

# help PROGRAM [COMMAND]: all options that it knows, one on a line.
help() {
	for word in '' ${2:-}; do
		# shellcheck disable=SC2086 # none is no argument
		"$bin/$1" $word --help 2>/dev/null </dev/null
	done | grep -oE '(^|[^a-z-])--[a-z][a-z-]*' | grep -oE '\-\-.*' | sort -u
}
for program in bottle-agent bottle-forward bottle-provision; do
	[ -x "$bin/$program" ] || continue
	words=
	[ "$program" != bottle-forward ] || words='connect place remove'
	[ "$program" != bottle-provision ] ||
	    words='load watch status explain doctor remove lock unlock help'
	help "$program" "$words" >"$tmp/$program"
done
# Commands in blocks of code, with their next lines; the end of a pipe, a bracket
# or a comment ends them.
for paper in README.md SECURITY.md docs/DEPLOY.md docs/AUDIT.md; do
	awk '/^```/ { on = !on; next }
	    on { more = sub(/\\$/, ""); printf "%s%s", $0, more ? "" : "\n" }' \
	    "$paper" | grep -oE 'bottle-(agent|forward|provision) [^|;&)#<>]*' |
	    while read -r program rest; do
		for word in $rest; do
			case $word in --[a-z]*) ;; *) continue ;; esac
			printf '%s %s %s\n' "$paper" "$program" "${word%%=*}"
		done
	done
done >"$tmp/used"
while read -r paper program option; do
	options=$((options + 1))
	[ ! -e "$tmp/$program" ] || grep -qxe "$option" "$tmp/$program" ||
	    wrong "$paper: $program has no $option"
done <"$tmp/used"

if [ "$links" -lt 15 ] || [ "$options" -lt 15 ]; then
	wrong "only $links links and $options options were found: does this \
look at the right things?"
fi
echo "$links links, $options options"
exit "$bad"
