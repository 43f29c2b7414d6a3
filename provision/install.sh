# shellcheck shell=sh disable=SC2154
# bottle-install DIR... -- ALL [SIZE SHA256 NAME]... - put programs, which come
# on stdin one behind the other, ALL bytes, into the first folder that will do.
#
# Behind trust.sh.  Nothing takes the place of an old program before all are
# there and were tried out, and if one of them does not get there the old ones
# come back.  head may read more than it prints, and so it is the only one to
# read stdin; nothing depends on the end of that.
#
# What it has to say are lines "bottle-install: no PATH: REASON" with status 3,
# and "bottle-install: ok DIR".

umask 022
set -C
work='' where='' no='' new='' room=0

give_up() {
	IFS=$nl
	for line in $no$why; do
		printf 'bottle-install: no %s\n' "$line"
	done
	exit 3
}

# make DIR: what there is not yet of a folder, in those that are trusted.
make() {
	above='' below=${1#/}/
	while [ -n "$below" ]; do
		step=${below%%/*}
		below=${below#*/}
		if [ ! -e "$above/$step" ]; then
			trust "$above" d || return 1
			said=$(mkdir "$real/$step" 2>&1) || {
				why="$above/$step: cannot be made: ${said##*: }"
				return 1
			}
		fi
		above=$above/$step
	done
}

# has_room: for all of the programs, as they come and apart.  Only who writes them
# knows: a folder may be full for some, or have a quota.
has_room() {
	why="$1: cannot be written: is there room?  It takes $room bytes"
	[ ! -c /dev/zero ] || {
		head -c "$room" /dev/zero >"$work/room" &&
		    rm -f "$work/room"
	} 2>/dev/null
}

# try DIR: whether programs can be written and run there.
try() {
	make "$1" && trust "$1" d || return 1
	where=$real
	rm -rf "$where/.bottle-install.$$" 2>/dev/null
	said=$(mkdir -m 700 "$where/.bottle-install.$$" 2>&1) || {
		why="$1: cannot be written: ${said##*: }"
		return 1
	}
	work=$where/.bottle-install.$$
	why="$1: cannot be written: is there room?"
	if printf '#!/bin/sh\nexit 0\n' >"$work/probe" &&
	    chmod 700 "$work/probe"; then
		if ! "$work/probe"; then
			why="$1: programs cannot be run there: is it mounted \
noexec?"
		elif has_room "$1"; then
			return 0
		fi
	fi 2>/dev/null
	rm -rf "$work"
	work=
	return 1
}

# unpack [SIZE SHA256 NAME]...: one after the other, and try them out.
unpack() {
	from=1
	while [ $# -gt 0 ]; do
		why="$where/$3: cannot be written: is there room?"
		tail -c "+$from" "$work/all" | head -c "$1" >"$work/$3" ||
		    return 1
		[ $(($(wc -c <"$work/$3"))) -eq "$1" ] || return 1
		if command -v sha256sum >/dev/null 2>&1; then
			why="$where/$3: did not arrive as it was sent"
			said=$(sha256sum <"$work/$3")
			[ "${said%% *}" = "$2" ] || return 1
		fi
		chmod 755 "$work/$3" || return 1
		from=$((from + $1))
		shift 3
	done
	rm -f "$work/all"
	for step in bottle-agent bottle-forward; do
		why="$where/$step: cannot be run"
		"$work/$step" --version >/dev/null 2>&1 </dev/null || return 1
	done
}

# keep NAME: the old one, so that it can come back.
keep() {
	if [ -L "$where/$1" ]; then
		cp -P "$where/$1" "$work/old.$1"
	elif [ -d "$where/$1" ]; then
		false
	elif [ -e "$where/$1" ]; then
		ln "$where/$1" "$work/old.$1" ||
		    cp -p "$where/$1" "$work/old.$1"
	fi 2>/dev/null
}

# swap [SIZE SHA256 NAME]...: each in the place of the old one.
swap() {
	while [ $# -gt 0 ]; do
		why="$where/$3: cannot be replaced"
		keep "$3" || return 1
		new="$new $3"
		said=$(mv -f "$work/$3" "$where/$3" 2>&1) || {
			why="$why: ${said##*: }"
			return 1
		}
		shift 3
	done
}

# undo: those that were to be swapped.
undo() {
	IFS=' '
	for step in $new; do
		if [ -e "$work/old.$step" ] || [ -L "$work/old.$step" ]; then
			mv -f "$work/old.$step" "$where/$step"
		else
			rm -f "$where/$step"
		fi
	done 2>/dev/null
	new=
}

trap '[ -z "$work" ] || rm -rf "$work"' EXIT
trap 'undo; exit 3' HUP INT TERM
for step; do
	[ "$room" != -- ] || {
		room=$((2 * step))
		break
	}
	[ "$step" != -- ] || room=--
done
while [ "$1" != -- ]; do
	if [ -z "$work" ]; then
		bin=$1
		try "$1" || no=$no$why$nl
	fi
	shift
done
why=
[ -n "$work" ] || give_up
all=$2
shift 2
no=
why="$bin: cannot be written: is there room?"
head -c "$all" >"$work/all" || give_up
why="$bin: not all of the programs arrived"
[ $(($(wc -c <"$work/all"))) -eq "$all" ] || give_up
unpack "$@" || give_up
swap "$@" || {
	undo
	give_up
}
printf 'bottle-install: ok %s\n' "$bin"
