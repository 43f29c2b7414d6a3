#!/bin/bash
# 13-cut.sh - loads that are cut off: at every frame, at many bytes, in each
# direction, on each of the two sides; and killed at random moments.  Each time
# keys and files are those of before or those of the load, and belong together.
# shellcheck source=tests/support/load.sh
. "$(dirname "$0")/../support/load.sh"

# How many bytes of each stream it is cut at, and how often something is killed.
CUTS=${BOTTLE_LOAD_CUTS:-50}
KILLS=${BOTTLE_LOAD_KILLS:-30}

command -v flock >/dev/null || skip_all 'there is no flock here'
install -m 755 "$support/cut-stream.pl" "$T/cut"

# Two loads whose streams are as long.
for name in a1 a2 b1 b2 host; do
	make_key ed25519 "$name"
done
known='"KnownHostKey": "'$(blob host)'"'
for load in a b; do
	manifest "$(entry one.test "$T/${load}1" "$known")" \
	    "$(entry two.test "$T/${load}2" "$known")"
	mv "$T/m.json" "$T/$load.json"
done
# state: the keys in force and all files, but for what is random in a name.
state() {
	listed
	cd "$N" && cksum .ssh/config .gitconfig .ssh/bottle-agent/env \
	    .ssh/bottle-agent/default/* 2>&1
}
# settle: nothing of a load runs any more.
settle() {
	flock -x -w 20 "$CUT_LOCK" true || die 'something does not end'
}
# leftovers: what a load must not leave.
leftovers() {
	(
		cd "$N"
		find . -name '.bottle-place.*'
		find .ssh/bottle-agent -mindepth 1 -maxdepth 1 \
		    -name '.default.*' | tail -n +2
	)
}
# the_load NAME: through the command that may cut it.
the_load() {
	load --sign -f "$T/$1.json" "exec:$T/cut"
}

# other: the load that is not in force is $next.
other() {
	if [ "$now" = a ]; then
		next=b
	else
		next=a
	fi
}
# judge WHAT: what came of it; adds to $wrong.
judge() {
	local got

	settle
	got=$(state)
	case $got in
	"$state_a") now=a ;;
	"$state_b") now=b ;;
	*)
		wrong+="$1: mixed: $(diff <(echo "$state_a") \
		    <(echo "$got") | head -n 8); "
		now=a
		repair "$1"
		;;
	esac
	if [ "$status" -eq 0 ] && [ "$now" != "$next" ]; then
		wrong+="$1: ended with 0 and is not there; "
	fi
	[ "$status" -eq 137 ] || [ "$status" -lt 124 ] ||
	    wrong+="$1: ended with $status; "
	seen+=$([ "$now" = "$next" ] && echo n || echo o)
}
# repair WHAT: a load that is not cut, and leaves nothing behind.
repair() {
	CUT='none none 0'
	other
	the_load "$next"
	settle
	[ "$status" -eq 0 ] || wrong+="$1: the next load fails: $err; "
	[ -z "$(leftovers)" ] || wrong+="$1: leftovers: $(leftovers); "
	now=$next
}

# edges FILE WAY: where its frames or lines end.
edges() {
	# shellcheck disable=SC2016
	perl -e '
		undef $/;
		open(my $f, "<", $ARGV[0]) or die;
		my $s = <$f>;
		my $at = index($s, "\n") + 1;
		while ($at < length($s)) {
			print "$at\n";
			$at = $ARGV[1] eq "in" ?
			    $at + 4 + unpack("N", substr($s, $at, 4)) :
			    index($s, "\n", $at) + 1;
		}
		print length($s), "\n"' "$1" "$2"
}

# cut_all SIDE WAY: at every edge and at CUTS bytes.
cut_all() {
	local side=$1 way=$2 points at i

	CUT="$side count 0 $W/stream"
	other
	the_load "$next"
	settle
	now=$next
	total=$(stat -c %s "$W/stream.$way")
	points=$({
		edges "$W/stream.$way" "$way"
		for ((i = 0; i < CUTS; i++)); do
			echo $((i * total / CUTS))
		done
	} | sort -nu)
	for at in $points; do
		CUT="$side $way $at"
		other
		the_load "$next"
		judge "$side $way $at"
		[ $((++n % 10)) -ne 0 ] || repair "$side $way $at"
	done
	repair "$side $way"
}

# kill_all: the host, the loading and the placing process in turns.
kill_all() {
	local whom=(host load place) since took who delay
	local -A window

	CUT='none none 0'
	since=$(now_ms)
	other
	the_load "$next"
	now=$next
	took=$(($(now_ms) - since))
	window[host]=$took window[load]=$((took / 2)) window[place]=$((took / 2))
	for ((n = 0; n < KILLS; n++)); do
		who=${whom[n % 3]}
		other
		delay=$((RANDOM % window[$who]))
		CUT='none none 0'
		[ "$who" = host ] || CUT="$who kill $delay"
		if [ "$who" = host ]; then
			"$PROVISION" load --socket "$S" --bin "$bin" --user \
			    "$account" --home "$N" --no-install --no-prompt \
			    --sign -f "$T/$next.json" "exec:$T/cut" \
			    >/dev/null 2>&1 </dev/null &
			sleep "$(printf '%d.%03d' $((delay / 1000)) \
			    $((delay % 1000)))"
			kill -KILL "$!" 2>/dev/null || true
			status=0
			wait "$!" 2>/dev/null || status=$?
		else
			the_load "$next"
		fi
		# How long it takes depends on what else there is to do: one
		# that came too late is followed by one that comes sooner.
		if [ "$status" -eq 0 ]; then
			window[$who]=$((window[$who] * 3 / 4 + 3))
		else
			window[$who]=$((window[$who] * 9 / 8 + 1))
			hits=$((hits + 1))
		fi
		judge "$who killed after $delay ms"
		repair "$who killed after $delay ms"
	done
}

# Most of the time is spent waiting, so they are done side by side, each with a
# home and an agent of its own.
places=(load_in load_out place_in place_out kill)
rule="$account=list,sign"
# A rule of one's own would take away what one has without.
[ "$account_uid" -ne "$(id -u)" ] || rule=1=list
agents=()
for place in "${places[@]}"; do
	S=$T/$place.sock
	agent_start --public --allow "$rule"
	agents+=("$agent_pid")
done

# at PLACE: all of it there; what came of it is in $W/result.
at() {
	export CUT CUT_LOCK
	local place=$1

	S=$T/$place.sock N=$T/$place.home W=$T/$place CUT_LOCK=$T/$place/busy
	mkdir "$W"
	home_new
	touch "$CUT_LOCK"
	wrong='' seen='' n=0 total=0 hits=0 now=a begun=$(now_ms)
	CUT='none none 0'
	the_load b
	state_b=$(state)
	the_load a
	state_a=$(state)
	[ "$state_a" != "$state_b" ] || wrong+='both states are the same; '
	[ "$status" -eq 0 ] || wrong+="the first load fails: $err; "
	if [ "$place" = kill ]; then
		kill_all
	else
		cut_all "${place%_*}" "${place#*_}"
	fi
	took=$(($(now_ms) - begun))
	declare -p wrong seen n total hits took >"$W/result"
}
since=$(now_ms)
workers=()
for place in "${places[@]}"; do
	at "$place" &
	workers+=("$!")
done
for i in "${!places[@]}"; do
	place=${places[i]}
	wait "${workers[i]}" || true
	wrong='it did not get to its end' seen='' n=0 total=0 hits=0 took=0
	# shellcheck source=/dev/null
	[ ! -e "$T/$place/result" ] || . "$T/$place/result"
	printf '# %s: %d, of %d bytes, %d ms; old or new: %s\n' "$place" "$n" \
	    "$total" "$took" "$seen"
	check_same "${place}_is_all_or_nothing" '' "$wrong"
	check_has "${place}_left_the_old_one" "$seen" o
	if [ "$place" = kill ]; then
		check enough_were_hit test "$hits" -ge $((KILLS / 4))
	else
		check "${place}_was_often" test "$n" -ge "$CUTS"
		check_has "${place}_left_the_new_one" "$seen" n
	fi
done
printf '# %d ms\n' $(($(now_ms) - since))
for i in "${!places[@]}"; do
	S=$T/${places[i]}.sock agent_pid=${agents[i]}
	agent_stop
done
scenario_end
