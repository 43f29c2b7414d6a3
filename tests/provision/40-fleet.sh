#!/bin/bash
# 40-fleet.sh - loads into many targets at once: one that hangs and two that fail
# keep no other from its keys; a signal in the middle starts no more, and what was
# under way is as before; the terminal is left clean.
# shellcheck source=tests/support/load.sh
. "$(dirname "$0")/../support/load.sh"

need_own
boxes=${BOTTLE_FLEET_BOXES:-17}

make_key ed25519 one
make_key ed25519 two
make_key ed25519 host
known='"KnownHostKey": "'$(blob host)'"'
manifest "$(entry one.test "$T/one" "$known")" \
    "$(entry two.test "$T/two" "$known")"
m=(-f "$T/m.json")

# A bottle: this machine, with a home and a place for the agent of its own.
mkdir "$T/run"
S=$T/run/agent.sock
cat >"$T/box" <<EOS
#!/bin/sh
# box N PROGRAM ARG...
box=$T/box\$1
shift
exec unshare -m sh -c 'mount --bind "\$1/home" "\$2" &&
    mount --bind "\$1/run" "\$3" && shift 3 && exec "\$@"' - \\
    "\$box" "$N" "$T/run" "\$@"
EOS
# The same, where the loading process never gets further than its hello.
install -m 755 "$support/false-target.pl" "$T/liar"
cat >"$T/slow" <<EOS
#!/bin/sh
case \$2 in
*bottle-agent) LIE='load waits_after_hello' RECEIVED=/dev/null \\
	exec "$T/liar" "\$2" ;;
esac
exec "$T/box" "\$@"
EOS
printf '#!/bin/sh\nexec cat >/dev/null\n' >"$T/hang"
printf '#!/bin/sh\nprintf "a\\033[2Jb\\n" >&2\nexit 1\n' >"$T/broken"
chmod 755 "$T/box" "$T/slow" "$T/hang" "$T/broken"

# agent_in N: the pid of the agent in it, if there is one.
agent_in() {
	[ ! -S "$T/box$1/run/agent.sock" ] ||
	    agent_of "$T/box$1/run/agent.sock" 2>/dev/null || true
}
box_down() {
	local pid

	pid=$(agent_in "$1")
	[ -z "$pid" ] || end_process "$pid"
}
# box_up N: an empty one.
box_up() {
	box_down "$1"
	rm -rf "$T/box$1"
	install -d "$T/box$1" "$T/box$1/run"
	install -d -m 700 -o node -g node "$T/box$1/home"
	targets+=("exec:$T/box $1")
}
all_down() {
	local i

	for ((i = 1; i <= boxes; i++)); do
		box_down "$i"
	done
}
at_exit all_down
targets=()

# has N: "all" if keys and files are there, "none" if nothing is.
has() {
	local keys files

	keys=$([ -z "$(agent_in "$1")" ] ||
	    listed "$T/box$1/run/agent.sock" | wc -l)
	files=$(find "$T/box$1/home" -mindepth 1 ! -name .ssh ! -name bottle-agent |
	    wc -l)
	if [ "${keys:-0}" -eq 2 ] &&
	    [ -e "$T/box$1/home/.ssh/bottle-agent/default/config" ]; then
		echo all
	elif [ "${keys:-0}" -eq 0 ] && [ "$files" -eq 0 ]; then
		echo none
	else
		printf '%s keys, files: %s\n' "${keys:-0}" "$(find \
		    "$T/box$1/home" -mindepth 1 | tr '\n' ' ')"
	fi
}
# have WHAT N...: those of them that have not.
have() {
	local what=$1 i got

	shift
	for i; do
		got=$(has "$i")
		[ "$got" = "$what" ] || printf '%s: %s; ' "$i" "$got"
	done
}

# --- one hangs, two fail ------------------------------------------------------------

targets=("exec:$T/hang" "exec:$T/broken" "exec:$T/missing")
for ((i = 1; i <= boxes; i++)); do
	box_up "$i"
done
n=${#targets[@]}
since=$(now_ms)
load "${m[@]}" --timeout 20 -j 8 "${targets[@]}"
printf '# %d targets, %d ms\n' "$n" $(($(now_ms) - since))
check_same the_worst_code 5 "$status"
check_same all_others_are_done '' "$(have all $(seq "$boxes"))"
check_same a_line_for_each_key "$((2 * boxes))" "$(wc -l <"$T/stdout")"
check_same a_line_for_each_that_is_done "$boxes" \
    "$(grep -c ': keys in force: 2, for user node$' "$T/stderr")"
check_has the_summary "$(tail -n 1 "$T/stderr")" \
    "bottle-provision: error: $boxes of $n loaded; failed: exec:$T/hang ("
check_has the_one_that_hangs "$err" "exec:$T/hang: bottle-"
check_has how_it_hangs "$err" 'did not answer within 20 s'
check_has the_one_that_is_missing "$err" "$T/missing is no program"
check_same every_line_is_ours 0 \
    "$(grep -cv '^bottle-provision: ' "$T/stderr" || true)"
check_same nothing_for_a_terminal no "$(unclean "$err$out" || echo no)"

# Again, as an object, one after the other.
load "${m[@]}" --json -j 1 "exec:$T/box 1" "exec:$T/broken" "exec:$T/box 2"
check_same one_at_a_time 'false 0 1 0 2,0,2' "$(jq -r \
    '"\(.done) \([.targets[].code] | map(tostring) | join(" ")) " +
	([.targets[] | (.keys // []) | length | tostring] | join(","))' \
    "$T/stdout")"

# --- the same target twice -----------------------------------------------------------

wrong twice 2 'is the same target as' -- "${m[@]}" "$M" "$M"
wrong twice_in_other_words 2 'docker:web is the same target as web' -- \
    "${m[@]}" "$M" web docker:web
wrong twice_with_quotes 2 'is the same target as' -- "${m[@]}" "$M" \
    "exec:'$T/mark'"
wrong no_jobs 2 -- "${m[@]}" -j 0 "$M"
wrong too_many_jobs 2 -- "${m[@]}" -j 65 "$M"

# --- a signal in the middle -----------------------------------------------------------

# middle: of five, two at a time, the first is done, two are in the middle, and
# two have not begun.
middle() {
	local i

	targets=()
	for i in 1 2 3 4 5; do
		box_up "$i"
	done
	targets[1]="exec:$T/slow 2"
	targets[2]="exec:$T/slow 3"
}
# staged N: whether its files are, beside those in force.
staged() {
	compgen -G "$T/box$1/home/.ssh/bottle-agent/.default.*" >/dev/null
}
in_the_middle() {
	staged 2 && staged 3 && [ "$(has 1)" = all ]
}
load_args=(load --socket "$S" --bin "$bin" --user "$account" --home "$N"
    --no-install --no-prompt "${m[@]}" --timeout 60 -j 2)
# undone N...: nothing is there any more.
undone() {
	[ -z "$(have none "$@")" ]
}
# after NAME: what must be true then.
after() {
	check_same "$1_keeps_what_was_done" '' "$(have all 1)"
	wait_for 30 undone 2 3 || true
	check_same "$1_undoes_what_was_not" '' "$(have none 2 3 4 5)"
	check_has "$1_tells_of_it" "$err" '1 of 5 loaded; failed: '
	check_has "$1_tells_what_was_not_begun" "$err" \
	    "not started: exec:$T/box 4, exec:$T/box 5"
}

# A shell's background has some of them ignored.
# shellcheck disable=SC2016
heeding=(perl -e '$SIG{$_} = "DEFAULT" for qw(INT HUP QUIT); exec @ARGV')
for signal in TERM INT HUP; do
	middle
	"${heeding[@]}" "$PROVISION" "${load_args[@]}" "${targets[@]}" >"$T/stdout" \
	    2>"$T/stderr" </dev/null &
	pid=$!
	wait_for 60 in_the_middle ||
	    not_ok "${signal}_comes_in_the_middle" "$(cat "$T/stderr")"
	since=$(now_ms)
	kill -"$signal" "$pid"
	check_ended "${signal}_ends_it" \
	    "$((128 + $(kill -l "$signal")))" "$pid"
	check "${signal}_ends_it_soon" test $(($(now_ms) - since)) -lt 15000
	err=$(cat "$T/stderr")
	check_has "${signal}_is_told_of" "$err" "warning: SIG$signal: nothing"
	after "$signal"
done

# --- at a terminal ---------------------------------------------------------------------

drawn() {
	grep -q '  waiting' "$T/screen" &&
	    grep -q 'having keys and files checked' "$T/screen"
}
# at_terminal TERM: ^C is typed in the middle; what the terminal got is in
# $T/screen.
at_terminal() {
	local pid command

	middle
	command=$(printf '%q ' "$PROVISION" "${load_args[@]}" "${targets[@]}")
	rm -f "$T/keyboard"
	mkfifo "$T/keyboard"
	TERM=$1 "${heeding[@]}" script -qfec "$command" "$T/screen" <"$T/keyboard" \
	    >/dev/null 2>&1 &
	pid=$!
	exec 7>"$T/keyboard"
	wait_for 60 in_the_middle ||
	    not_ok "control_c_comes_in_the_middle" "$(cat "$T/screen")"
	# Until it has been drawn, if it is; what is said at last is not that.
	if [ "$1" != dumb ]; then
		wait_for 30 drawn || true
	fi
	printf '\003' >&7
	check_ended "control_c_ends_it_on_$1" 130 "$pid"
	exec 7>&-
	err=$(sed '1d;$d' "$T/screen" | tr -d '\r')
	after "control_c_on_$1"
}
at_terminal xterm
esc=$(printf '\033')
check_has lines_are_drawn "$err" "${esc}[J"
check_has who_waits_is_shown "$err" '  waiting'
check_has who_is_at_work_is_shown "$err" 'having keys and files checked'
check_lacks the_terminal_is_left_clean "${err##*"${esc}[J"}" '  waiting'
check_same nothing_else_is_done_to_it '' "$(sed -E \
    "s/$esc\\[([0-9]+A|J|1m|0m)//g" <<<"$err" | grep "$esc" || true)"
at_terminal dumb
check_lacks nothing_is_drawn_on_a_dumb_one "$err" "$esc"
scenario_end
