# shellcheck shell=bash disable=SC2034
# place.sh - what the tests of `bottle-forward place` share: a home, the host's
# side of a call, and what became of the home.
#
# Sourced after forward.sh.

PLACE=$BOTTLE_BIN/place
H=$T/home

# What a load is made of, as place.c takes it.
include='Include ~/.ssh/bottle-agent/*/config'
signing=$'[include]\n\tpath = ~/.ssh/bottle-agent/default/gitconfig'
load=(--file config $'Host git.test\n\tUser git\n'
    --file gitconfig $'[user]\n\tname = x\n'
    --common env $'SSH_AUTH_SOCK=/run/bottle-agent.sock\n'
    --line .ssh/config "$include"$'\n' --line .gitconfig "$signing"$'\n')

# home_new: an empty one.
home_new() {
	rm -rf "$H"
	mkdir -m 755 "$H"
}

# home_used: one that a load was put into, of somebody with things of their own.
home_used() {
	under=()
	home_new
	mkdir -m 700 "$H/.ssh"
	printf 'Host *\n\tUser me\n' >"$H/.ssh/config"
	printf '[user]\n\temail = me@x.test\n' >"$H/.gitconfig"
	chmod 644 "$H/.ssh/config"
	put --file config $'Host earlier\n' --common env $'A=earlier\n' \
	    --line .ssh/config "$include"
	[ "$status" -eq 0 ] || die "cannot place: $said"
}

# tree [FOLDER]: all there is, with its bytes, and for files which they are.
tree() {
	(
		cd "${1:-$H}" || exit
		find . ! -type d -printf '%y %m %U %i %T@ %s %p %l\n'
		find . -type d -printf '%y %m %U %p\n'
		find . -type f -exec cksum {} + 2>/dev/null
	) | sort
}

# put OPTION...: a call, with $under in front of the program and $options behind
# it; afterwards $status, $said, $err and $ms.
under=()
options=()
put() {
	local since

	status=0
	since=${EPOCHREALTIME/[.,]/}
	timeout -k 1 60 "$PLACE" --home "$H" "$@" "${under[@]}" "$FORWARD" \
	    place "${options[@]}" >"$T/out" 2>"$T/err" </dev/null || status=$?
	ms=$(((${EPOCHREALTIME/[.,]/} - since) / 1000))
	said=$(
		cat "$T/out"
		echo .
	)
	said=${said%.}
	err=$(cat "$T/err")
}

# is_kept NAME: the last call went through.
is_kept() {
	local why=''

	[ "$status" -eq 0 ] || why+=" ended with $status;"
	[[ $said == *$'bottle-place: kept\n' ]] || why+=' not kept;'
	[ -z "$err" ] || why+=" stderr: $err;"
	if [ -z "$why" ]; then
		ok "$1"
	else
		not_ok "$1" "$why it said: $said"
	fi
}

# kept NAME OPTION...
kept() {
	local name=$1

	shift
	put "$@"
	is_kept "$name"
}

# is_undone NAME STATUS PART BEFORE: the last call failed, with PART in what it
# said, and the tree is as it was.
is_undone() {
	local why='' now

	[ "$status" -eq "$2" ] || why+=" ended with $status, not $2;"
	[[ $said == *"bottle-place: failed $2 "*"$3"* ]] ||
	    why+=" does not say \"$3\";"
	[[ $said != *"bottle-place: kept"* ]] || why+=' kept;'
	[ -z "$err" ] || why+=" stderr: $err;"
	now=$(tree)
	[ "$now" = "$4" ] ||
	    why+=" changed: $(diff <(echo "$4") <(echo "$now") || true);"
	if [ -z "$why" ]; then
		ok "$1"
	else
		not_ok "$1" "$why it said: $said"
	fi
}

# undone NAME STATUS PART OPTION...
undone() {
	local name=$1 wanted=$2 part=$3 before

	shift 3
	before=$(tree)
	put "$@"
	is_undone "$name" "$wanted" "$part" "$before"
}

# check_whole NAME: nothing lies about, and the load is there.
check_whole() {
	local dirs left

	dirs=$(find "$H/.ssh/bottle-agent" -mindepth 1 -type d | wc -l)
	left=$(find "$H" -name '.bottle-place.*')
	if [ "$dirs" -eq 1 ] && [ -z "$left" ] &&
	    [ -f "$H/.ssh/bottle-agent/default/config" ]; then
		ok "$1"
	else
		not_ok "$1" "$(tree)"
	fi
}
