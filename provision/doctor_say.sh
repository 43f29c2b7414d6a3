# shellcheck shell=sh
# doctor_say.sh - how the scripts of doctor say what they found.
#
# Each fact is a line "bd KEY VALUE".  Names of files and what is in them may be
# a stranger's: they go through lines, so that a line of theirs becomes a value
# and never a fact of another key.
#
# The scripts look and change nothing, run on dash, busybox and bash, and go on
# where a program is missing: what is not said is not known.

export LC_ALL=C QUOTING_STYLE=literal TIME_STYLE=long-iso
umask 077

# say KEY VALUE...: VALUE has no newline.
say() {
	printf 'bd %s\n' "$*"
}

# lines KEY N: each line of stdin as a fact, the first N and not all of a long
# one.  KEY is of letters, digits, blanks and @_+=,.:/-
lines() {
	head -n "$2" | cut -c 1-2000 | sed "s|^|bd $1 |"
}

# limit COMMAND...: for a few seconds.
limit() {
	if command -v timeout >/dev/null 2>&1; then
		timeout 5 "$@"
	else
		"$@"
	fi
}
