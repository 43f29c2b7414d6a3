# shellcheck shell=sh disable=SC2086
# trust.sh - whether it is root alone who says what a path stands for.
#
# The first part of what launch and install run in a target: for dash, busybox
# and bash, with ls beside them.  There are no here-documents, for which bash
# wants a file that a container may be unable to write.  Lines that begin with #
# are left out of what is sent.

PATH=/usr/sbin:/usr/bin:/sbin:/bin
set -f
nl='
'

# trust PATH KIND: succeeds if PATH, of KIND ("-": a plain file, "d": a folder),
# and every folder above it belong to root, and neither group nor others can
# write to them.  A symbolic link on the way must be root's, and where it leads
# is looked at in the same way.  Then real is the path without links ("" for
# the root), and has to be used instead; else why is "PATH: what is wrong".
# An access control list counts, too: what it allows at most is shown as what
# the group may.
#
# All folders are looked at by one ls, and all of them again after each link.
# It sorts them, so that the one above comes before the one below.
trust() {
	real=$1 want=$2 links=0
	while :; do
		at='' left=$real/
		set -- /
		while [ -n "$left" ]; do
			part=${left%%/*}
			left=${left#*/}
			case $part in
			'' | .) continue ;;
			..)
				why="$real: there is a .. behind a link"
				return 1
				;;
			esac
			at=$at/$part
			set -- "$@" "$at"
		done
		list=$(LC_ALL=C QUOTING_STYLE=literal TIME_STYLE=long-iso \
		    ls -ldn "$@" 2>/dev/null) || {
			why="$real: cannot be looked at"
			command -v ls >/dev/null 2>&1 ||
			    why="$why: there is no program ls"
			return 1
		}
		next='' kind=''
		IFS=$nl
		for line in $list; do
			# Mode, links, uid; the name begins with a slash.
			IFS=' '
			set -- $line
			name=/${line#* /}
			if [ "$3" != 0 ]; then
				why="${name%% -> *}: belongs to uid $3, not to root"
				return 1
			fi
			case $1 in
			l*)
				next=${name#* -> }
				name=${name%% -> *}
				break
				;;
			?????w* | ????????w*)
				why="$name: can be written by others than root ($1)"
				return 1
				;;
			esac
			kind=${1%"${1#?}"}
		done
		if [ -z "$next" ]; then
			real=$at
			[ "$kind" != "$want" ] || return 0
			why="$real: is not a folder"
			[ "$want" = d ] || why="$real: is not a plain file"
			return 1
		fi
		links=$((links + 1))
		if [ "$links" -gt 40 ]; then
			why="$name: too many links"
			return 1
		fi
		left=${at#"$name"}
		at=''
		case $next in
		/*) ;;
		*) at=${name%/*} ;;
		esac
		# Above the link there are none, so a .. takes one name away.
		while :; do
			case $next/ in
			../*) at=${at%/*} ;;
			./*) ;;
			*) break ;;
			esac
			case $next in
			*/*) next=${next#*/} ;;
			*) next= ;;
			esac
		done
		real=$at/$next$left
	done
}
