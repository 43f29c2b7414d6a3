# shellcheck shell=bash disable=SC2034,SC2154
# remove.sh - what the tests of `bottle-forward remove` share: a call, and what a
# home is to a user, without what is never the same.
#
# Sourced after place.sh.

# take ARG...: a call, with $under in front of the program; afterwards $status,
# $said and $err.
take() {
	status=0
	timeout -k 1 60 "${under[@]}" "$FORWARD" remove --home "$H" "$@" \
	    >"$T/out" 2>"$T/err" </dev/null || status=$?
	said=$(cat "$T/out")
	err=$(cat "$T/err")
}

# bytes: all there is, with modes and bytes; not which files they are.
bytes() {
	(
		cd "$H" || exit
		find . -printf '%y %m %U %p %l\n'
		find . -type f -exec cksum {} +
	) | sort
}

# lines_are NAME LINE...: the last call went through and said these lines, "@"
# for the folder of loads.
lines_are() {
	local name=$1 wanted=''

	shift
	[ $# -eq 0 ] || wanted=$(printf 'bottle-place: %s\n' \
	    "${@//@/$H/.ssh/bottle-agent}")
	if [ "$status" -eq 0 ] && [ -z "$err" ] && [ "$said" = "$wanted" ]; then
		ok "$name"
	else
		not_ok "$name" "ended with $status: $said$err"
	fi
}

# is_as NAME BYTES: the home is that.
is_as() {
	local now

	now=$(bytes)
	if [ "$now" = "$2" ]; then
		ok "$1"
	else
		not_ok "$1" "$(diff <(echo "$2") <(echo "$now") || true)"
	fi
}

# refused NAME STATUS PART ARG...: nothing is changed.
refused() {
	local name=$1 wanted=$2 part=$3 before why=''

	shift 3
	before=$(tree)
	take "$@"
	[ "$status" -eq "$wanted" ] || why+=" ended with $status, not $wanted;"
	[[ $err == "bottle-forward: error: "*"$part"* ]] ||
	    why+=" does not say \"$part\";"
	[ -z "$said" ] || why+=" said $said;"
	[ "$(tree)" = "$before" ] ||
	    why+=" changed: $(diff <(echo "$before") <(tree) || true);"
	if [ -z "$why" ]; then
		ok "$name"
	else
		not_ok "$name" "$why it said: $err"
	fi
}

# second: another load beside the one of place.sh.
second_signing=${signing/default/second}
second=(--name second --file config $'Host second.test\n\tUser git\n'
    --file gitconfig $'[user]\n\tname = y\n'
    --common env $'SSH_AUTH_SOCK=/run/bottle-agent.sock\n'
    --line .ssh/config "$include"$'\n' --line .gitconfig "$second_signing"$'\n')

# home_own: of somebody with things of their own, and no load.
home_own() {
	under=()
	home_new
	mkdir -m 700 "$H/.ssh"
	printf 'Host *\n\tUser me\n' >"$H/.ssh/config"
	printf '[user]\n\temail = me@x.test\n' >"$H/.gitconfig"
	chmod 644 "$H/.ssh/config"
	chmod 640 "$H/.gitconfig"
}
