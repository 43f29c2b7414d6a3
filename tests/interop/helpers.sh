#!/bin/bash
# helpers.sh [--quick] [HELPER...] - bottle-forward beside the helpers that ssh
# has been given as ProxyCommand so far.
#
# What each makes of a proxy's answers, and how long it takes, as a table in
# Markdown; then what must be in bottle-forward's column, as checks.  Figures
# are medians of rounds in which each helper has its turn; nothing is judged by
# them.  Those that are marked bold are worth a warning.
#	--quick		one short round: figures mean little
#	HELPER		only these, and bottle-forward
# BOTTLE_BIN is the folder that bottle-forward and hose are in.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/support/say.sh
. "$here/../support/say.sh"
# shellcheck source=tests/support/check.sh
. "$here/../support/check.sh"
# shellcheck source=tests/support/packages.sh
. "$here/../support/packages.sh"

helpers=(socat nc ncat connect-proxy corkscrew proxytunnel)
bin=${BOTTLE_BIN:-}
rounds=5 starts=200 mib=1024

# --- the helpers --------------------------------------------------------------

# helper NAME HOST PORT: sets its package and its command, the port of the proxy
# being @PORT@; and the command that passes a descriptor, where it can.
helper() {
	local proxy=127.0.0.1:@PORT@

	package=$1 passing=()
	case $1 in
	socat) command=(socat - "PROXY:127.0.0.1:$2:$3,proxyport=@PORT@") ;;
	nc)
		package=netcat-openbsd
		command=(nc.openbsd -X connect -x "$proxy" "$2" "$3")
		passing=("${command[0]}" -F "${command[@]:1}")
		;;
	ncat) command=(ncat --proxy "$proxy" --proxy-type http "$2" "$3") ;;
	connect-proxy) command=(connect-proxy -H "$proxy" "$2" "$3") ;;
	corkscrew) command=(corkscrew 127.0.0.1 @PORT@ "$2" "$3") ;;
	proxytunnel) command=(proxytunnel -p "$proxy" -d "$2:$3") ;;
	bottle-forward)
		package=
		command=("$bin/bottle-forward" connect --proxy "http://$proxy"
		    "$2" "$3")
		passing=("${command[@]:0:2}" --fdpass "${command[@]:2}")
		;;
	*) die "unknown helper $1" 2 ;;
	esac
}

# version NAME: as in the table's head.
version() {
	helper "$1" host 22
	if [ -n "$package" ]; then
		printf '%s %s' "$1" "$(dpkg-query -W \
		    -f '${source:Upstream-Version}' "$package")"
	else
		printf '%s' "$1"
	fi
}

# --- what is measured ---------------------------------------------------------

# A row is called what it is in the table.
rows=(request ipv6 whole binary halves bytes refused eof first early terminal
    start start_fd up down cpu_up cpu_down fd_up fd_down)
declare -A row_title=(
	[request]='request'
	[ipv6]='target ::1'
	[whole]='200 and banner in one segment'
	[binary]='200 and binary data in one segment'
	[halves]='200 in two segments'
	[bytes]='200 byte by byte'
	[refused]='told of a 403'
	[eof]='data 1 s after end of stdin'
	[first]='sends what ssh says at once'
	[early]='exit status when the proxy hangs up'
	[terminal]='opens the terminal on a 407'
	[start]='start to banner, ms'
	[start_fd]='the same, passing the descriptor'
	[up]='to the server, GiB/s'
	[down]='from the server, GiB/s'
	[cpu_up]='CPU seconds per GiB, to'
	[cpu_down]='CPU seconds per GiB, from'
	[fd_up]='to, descriptor passed, GiB/s'
	[fd_down]='from, descriptor passed, GiB/s'
)

# put NAME ROW TEXT: one more figure for a cell.
put() {
	printf '%s\n' "$3" >>"$T/cells/$1.$2"
}

# cell NAME ROW: its text, or the median of its figures.
cell() {
	local file=$T/cells/$1.$2

	[ -s "$file" ] || {
		printf -- '-\n'
		return
	}
	sort -n "$file" | sed -n "$((($(wc -l <"$file") + 1) / 2))p"
}

# answers NAME: the rows that are about what it does.
answers() {
	local row got

	helper "$1" host.test 22
	for row in request whole binary halves bytes refused eof first early \
	    terminal; do
		got=$(clean perl "$here/answers.pl" "$row" "${command[@]}" \
		    2>&1) || got="**$got**"
		put "$1" "$row" "${got//$'\n'/ }"
	done
	helper "$1" ::1 22
	got=$(clean perl "$here/answers.pl" request "${command[@]}" 2>&1) ||
	    got='**none**'
	put "$1" ipv6 "${got%% *}"
}

# clean COMMAND...: with nothing of our environment that helpers look at.
clean() {
	timeout 60 env -i PATH="$PATH" HOME="$T" LC_ALL=C "$@"
}

# hose_field NAME LINE: the word behind it.
hose_field() {
	local words=" $2 "

	words=${words#* "$1" }
	printf '%s\n' "${words%% *}"
}

# flow NAME ROW CPU_ROW OPTION COMMAND...: so many bytes one way.
flow() {
	local name=$1 row=$2 cpu_row=$3 line bytes=$((mib << 20))

	shift 3
	if ! line=$(clean "$bin/hose" near -p -c -k "$1" "$bytes" \
	    "${@:2}" 2>"$T/complaint"); then
		put "$name" "$row" '**fails**'
		return
	fi
	put "$name" "$row" "$(perl -e 'printf "%.2f", $ARGV[0] / 1024 /
	    ($ARGV[1] || 0.001)' "$mib" "$(hose_field seconds "$line")")"
	[ -z "$cpu_row" ] ||
	    put "$name" "$cpu_row" "$(perl -e 'printf "%.2f",
	    $ARGV[1] * 1024 / $ARGV[0]' "$mib" "$(hose_field cpu "$line")")"
}

# start NAME ROW COMMAND...: how long until the first byte is through.
start() {
	local name=$1 row=$2 line

	shift 2
	if line=$(clean "$bin/hose" start -n "$starts" "$@" \
	    2>"$T/complaint"); then
		put "$name" "$row" "$(hose_field median_ms "$line")"
	else
		put "$name" "$row" '**fails**'
	fi
}

# figures NAME: one round of the rows that are figures.
figures() {
	helper "$1" host.test 22
	start "$1" start "${command[@]}"
	flow "$1" up cpu_up -u "${command[@]}"
	flow "$1" down cpu_down -d "${command[@]}"
	[ "${#passing[@]}" -gt 0 ] || return 0
	start "$1" start_fd -f "${passing[@]}"
	flow "$1" fd_up '' -fu "${passing[@]}"
	flow "$1" fd_down '' -fd "${passing[@]}"
}

table() {
	local name row

	printf '| |'
	for name in "${here_now[@]}"; do
		printf ' %s |' "$(version "$name")"
	done
	printf '\n|---|'
	printf -- '---|%.0s' "${here_now[@]}"
	printf '\n'
	for row in "${rows[@]}"; do
		printf '| %s |' "${row_title[$row]}"
		for name in "${here_now[@]}"; do
			printf ' %s |' "$(cell "$name" "$row")"
		done
		printf '\n'
	done
}

# --- all of it ----------------------------------------------------------------

only=()
for word in "$@"; do
	case $word in
	--quick) rounds=1 starts=20 mib=64 ;;
	-*) die "unknown option $word" 2 ;;
	*)
		helper "$word" host 22
		only+=("$word")
		;;
	esac
done
[ "${#only[@]}" -eq 0 ] || helpers=("${only[@]}")
for tool in bottle-forward hose; do
	[ -x "$bin/$tool" ] ||
	    die "set BOTTLE_BIN to the folder that $tool is in" 2
done
command -v perl >/dev/null || skip_all 'there is no perl here'

T=$(mktemp -d "${TMPDIR:-/tmp}/bottle-helpers.XXXXXX")
at_exit rm -rf "$T"
mkdir "$T/cells"
here_now=() absent=()
for name in "${helpers[@]}" bottle-forward; do
	helper "$name" host 22
	if command -v "${command[0]}" >/dev/null; then
		here_now+=("$name")
	else
		absent+=("$package")
	fi
done

# These wait for one another rather than work.
for name in "${here_now[@]}"; do
	answers "$name" &
done
wait
for ((round = 0; round < rounds; round++)); do
	for name in "${here_now[@]}"; do
		figures "$name"
	done
done
table

# The column that is ours.
while read -r row wanted; do
	check_same "bottle_forward_$row" "$wanted" "$(cell bottle-forward "$row")"
done <<-EOS
	request host.test:22 HTTP/1.1, Host, User-Agent
	ipv6 [::1]:22
	whole ok
	binary ok
	halves ok
	bytes ok
	refused code, reason, body, hint; exit 3
	eof kept
	first yes
	early 9
	terminal no
EOS
for row in start start_fd up down cpu_up cpu_down fd_up fd_down; do
	figure=$(cell bottle-forward "$row")
	check_same "bottle_forward_${row}_is_a_figure" '' "${figure//[0-9.]/}"
done
# The others' are what they are, but they must be there.
for name in "${here_now[@]}"; do
	answered=0
	for row in "${rows[@]:0:11}"; do
		[ "$(cell "$name" "$row")" = - ] || answered=$((answered + 1))
	done
	check_same "${name}_is_in_the_table" 11 "$answered"
done
[ "${#absent[@]}" -eq 0 ] || {
	[ "$checks_failed" -eq 0 ] || checks_end
	skip_all "not here: ${absent[*]}"
}
checks_end
