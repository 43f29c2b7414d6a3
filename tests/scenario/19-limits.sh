#!/bin/bash
# What --limit changes: each limit by its name and within its range, shown in
# --status; it is met exactly and nothing happens, and one past it only who is
# past it is hung up on, which is recorded.  What an honest user does all at
# once meets none of them.
# shellcheck source=tests/support/scenario.sh
. "$(dirname "$0")/../support/scenario.sh"

need_root
make_key ed25519
as_other true
A=$T/audit
one=65534 two=65533 three=65532
for uid in "$two" "$three"; do
	if getent passwd "$uid" >/dev/null; then
		skip_all "uid $uid has a name here"
	fi
done

# status_is FILTER: of the --status of the agent.
status_is() {
	"$AGENT" --status --json -a "$S" | jq -e "$1"
}

# --- names and ranges --------------------------------------------------------

# NAME DEFAULT LEAST MOST
limits=(
	'connections 1024 1 65536'
	'connections-uid 256 1 65536'
	'connections-root 16 0 65535'
	'frame-time 10000 100 3600000'
	'unread-time 10000 100 3600000'
	'bytes 67108864 1048576 1099511627776'
	'bytes-uid 16777216 1048576 1099511627776'
	'question-time 60000 0 86400000'
	'questions-uid 8 0 1024'
)

# refused NAME PART LIMIT: the agent does not start, and says why.
refused() {
	local out status=0

	out=$(within 20 "$AGENT" -D -a "$S" --allow 0=admin --limit "$3" \
	    2>&1 </dev/null) || status=$?
	check_same "${1}_does_not_start" 2 "$status"
	check_has "${1}_is_said" "$out" "$2"
}

# shown NAME FIELD: all limits are in --status, with what is in that field.
shown() {
	local row want=() json=() name value field=$2

	for row in "${limits[@]}"; do
		name=${row%% *}
		value=$(cut -d ' ' -f "$field" <<<"$row")
		want+=("$name=$value")
		json+=("\"$name\":$value")
	done
	check_same "${1}_for_people" "limits: ${want[*]}" \
	    "$("$AGENT" --status -a "$S" | grep '^limits: ')"
	check_same "${1}_in_json" "{$(IFS=, && printf '%s' "${json[*]}")}" \
	    "$("$AGENT" --status --json -a "$S" | jq -c .limits)"
}

# all_at FIELD: the options that say so.
all_at() {
	local row

	for row in "${limits[@]}"; do
		printf -- '--limit %s=%s ' "${row%% *}" \
		    "$(cut -d ' ' -f "$1" <<<"$row")"
	done
}

for row in "${limits[@]}"; do
	read -r name _ least most <<<"$row"
	said="$name takes a number from $least to $most"
	for bad in $((least - 1)) $((most + 1)) '' x 1x ' 1' 0x10 \
	    18446744073709551616; do
		refused "${name}_of_${bad:-nothing}" "$said" "$name=$bad"
	done
done
for bad in connections =1 nothing=1 Connections=1 connections-=1 ''; do
	refused "limit_${bad:-empty}" \
	    "takes NAME=N, with one of $(cut -d ' ' -f 1 < <(printf '%s\n' \
		"${limits[@]}") | paste -sd ' ')" "$bad"
done
check_status none_in_ssh_agents_place 2 within 20 "$AGENT" -D -a "$S" \
    --limit connections=5

agent_start --public --allow "$one=list,sign"
shown as_they_are 2
agent_stop
for field in 3 4; do
	# shellcheck disable=SC2046
	agent_start --public --allow "$one=list,sign" $(all_at "$field")
	shown "changed_$field" "$field"
	agent_stop
done
agent_start --public --allow "$one=list" --limit bytes=2000000 \
    --limit bytes=3000000
check the_last_one_holds status_is '.limits.bytes == 3000000'
agent_stop

# --- peers that do what they are told ----------------------------------------

# Each line of stdin is a thing to do, and answered by a line.
# shellcheck disable=SC2016
peer='
	use IO::Poll qw(POLLIN POLLHUP POLLERR);
	use Socket;
	use Time::HiRes qw(time);
	$| = 1;
	$SIG{PIPE} = "IGNORE";
	my $path = shift;
	my @held;
	sub connected {
		socket(my $s, AF_UNIX, SOCK_STREAM, 0) or die;
		connect($s, sockaddr_un($path)) or die;
		return $s;
	}
	sub is_open {
		my $got = recv shift, my $byte, 1, MSG_PEEK | MSG_DONTWAIT;
		return defined $got ? length $byte : $!{EAGAIN};
	}
	# Milliseconds until it is hung up on; nothing is read.
	sub until_closed {
		my ($s, $start) = @_;
		my $poll = IO::Poll->new;
		$poll->mask($s => POLLHUP);
		return "still open" if $poll->poll(20) < 1;
		return "closed " . int 1000 * (time - $start);
	}
	while (<STDIN>) {
		my ($what, $n, $size) = split;
		my $start = time;
		# So many connections, each of which asks for the list.
		if ($what eq "open") {
			my $served = 0;
			for (1 .. $n) {
				my $s = connected();
				syswrite $s, "\0\0\0\1\13";
				(read($s, my $head, 4) // 0) == 4 or next;
				read $s, my $body, unpack "N", $head;
				$served++;
				push @held, $s;
			}
			print "served $served of $n\n";
		# Requests to sign that want for a byte.
		} elsif ($what eq "fill") {
			for (1 .. $n) {
				my $s = connected();
				my $all = pack("N", $size - 4) . "\15" .
				    "x" x ($size - 6);
				while (length $all) {
					my $done = syswrite($s, $all) // last;
					substr($all, 0, $done) = "";
				}
				push @held, $s;
			}
			print "sent\n";
		# The beginning of a frame, and its end.
		} elsif ($what eq "begin") {
			push @held, connected();
			syswrite $held[-1], "\0\0\0";
			print "begun\n";
		} elsif ($what eq "finish") {
			syswrite $held[-1], "\1\13";
			read $held[-1], my $head, 4;
			read $held[-1], my $body, unpack "N", $head;
			print ord $body, "\n";
		} elsif ($what eq "late") {
			my $s = connected();
			syswrite $s, "\0\0\0";
			print until_closed($s, $start), "\n";
		# Lists that nobody reads, or that are read.
		} elsif ($what eq "pour" || $what eq "drink") {
			my $s = connected();
			$s->blocking(0);
			my $end = $what eq "pour" ? $start : $start + $n;
			my $poll = IO::Poll->new;
			$poll->mask($s => POLLIN | POLLHUP);
			do {
				1 while (syswrite($s, "\0\0\0\1\13") // 0) == 5;
				if ($end > $start) {
					$poll->poll(0.1);
					1 while sysread $s, my $some, 65536;
				}
			} while (time < $end);
			$s->blocking(1);
			print $end == $start ? until_closed($s, $start) :
			    is_open($s) ? "still open" : "closed", "\n";
		} elsif ($what eq "drop") {
			splice @held, -$n;
			print "dropped\n";
		} else {
			print scalar(grep { is_open($_) } @held), "\n";
		}
	}'

declare -A to from pids
# peer NAME UID: such a one.
peer() {
	local in out

	mkfifo "$T/$1.in" "$T/$1.out"
	exec {in}<>"$T/$1.in" {out}<>"$T/$1.out"
	setpriv --reuid "$2" --regid "$2" --clear-groups \
	    perl -e "$peer" "$S" <"$T/$1.in" >"$T/$1.out" 2>>"$T/peers" &
	pids[$1]=$!
	at_exit end_process $!
	to[$1]=$in from[$1]=$out
}
# tell NAME WHAT...: its answer.
tell() {
	local answer

	printf '%s\n' "${*:2}" >&"${to[$1]}"
	read -r -t 40 answer <&"${from[$1]}" || answer='no answer'
	printf '%s\n' "$answer"
}
# leave NAME...: they are gone, with all that they had.
leave() {
	local name in out

	for name; do
		end_process "${pids[$name]}"
		in=${to[$name]} out=${from[$name]}
		exec {in}>&- {out}>&-
		rm "$T/$name.in" "$T/$name.out"
	done
}
# open_are N: connections, without the one that asks.
open_are() {
	status_is ".connections.open == $(($1 + 1))"
}
# refusals: of connections, in their order; each as uid, reason and rule.
refusals() {
	jq -r 'select(.op == "connect" and .verdict == "denied") |
	    "\(.peer.uid) \(.reason), \(.rule)"' "$A" | uniq
}

serve() {
	rm -f "$A"
	agent_start --public --allow "$one=list,sign" --allow "$two=list,sign" \
	    --allow "$three=list,sign" --audit "$A" "$@"
}

# --- connections -------------------------------------------------------------

serve --limit connections=8 --limit connections-root=2 \
    --limit connections-uid=3
check status_has_the_numbers status_is \
    '.connections.max == 8 and .connections.uid_max == 3'
peer first "$one"
peer second "$two"
peer third "$three"
peer root 0
check_same three_of_one_uid 'served 3 of 3' "$(tell first open 3)"
check_same not_four_of_one_uid 'served 0 of 1' "$(tell first open 1)"
check_same another_uid_has_its_own 'served 3 of 3' "$(tell second open 3)"
check status_counts_them status_is "[.uids[] | [.uid, .connections]] | sort ==
    [[0, 1], [$two, 3], [$one, 3]]"
check_has status_tells_people "$("$AGENT" --status -a "$S")" \
    "  uid $one: 3 connections, "
# Six: the last two are root's.
check_same the_rest_is_roots 'served 0 of 1' "$(tell third open 1)"
check_same root_has_them 'served 2 of 2' "$(tell root open 2)"
check_same nobody_has_more_than_all 'served 0 of 1' "$(tell root open 1)"
check_same all_are_still_there '3 3 2' \
    "$(tell first alive) $(tell second alive) $(tell root alive)"
check_same a_place_is_given_back dropped "$(tell first drop 1)"
check_same and_another_one_is dropped "$(tell root drop 2)"
check it_is_seen wait_for 30 open_are 5
check_same who_waited_has_it 'served 1 of 2' "$(tell third open 2)"
check_same and_its_old_owner_has_not 'served 0 of 1' "$(tell first open 1)"
check_same each_of_them_as_before '2 3 1' \
    "$(tell first alive) $(tell second alive) $(tell third alive)"
# Root has no limit of one uid.
leave first second third
check all_are_gone wait_for 30 open_are 0
check_same root_alone_has_all 'served 8 of 9' "$(tell root open 9)"
leave root
check root_is_gone wait_for 30 open_are 0
agent_stop
check_same connections_are_recorded "\
$one limit-connections-uid, limit connections-uid
$three limit-connections, limit connections
0 limit-connections, limit connections
$three limit-connections, limit connections
$one limit-connections, limit connections
0 limit-connections, limit connections" "$(refusals)"
check_same as_many_as_there_were 6 \
    "$(jq -s '[.[] | select(.op == "connect") | .count] | add' "$A")"

# --- time --------------------------------------------------------------------

serve --limit frame-time=3000 --limit unread-time=3000
ssh-keygen -q -t ed25519 -N '' -f "$T/large" \
    -C "$(printf 'c%.0s' {1..20000})"
as_self ssh-add -q "$T/large"
peer idle "$one"
peer slow "$two"
check_same somebody_is_idle 'served 1 of 1' "$(tell idle open 1)"
# check_closed NAME LEAST MOST ANSWER: after so many milliseconds.
check_closed() {
	case $4 in
	closed*) check "$1" test "${4#closed }" -ge "$2" -a \
	    "${4#closed }" -le "$3" ;;
	*) not_ok "$1" "$4" ;;
	esac
}
check_same a_frame_in_time begun "$(tell slow begin)"
check_same is_answered 12 "$(tell slow finish)"
check_closed a_frame_too_late 2990 30000 "$(tell slow late)"
check_closed replies_that_nobody_reads 2990 30000 "$(tell slow pour)"
check_same replies_that_are_read 'still open' "$(tell slow drink 5)"
check_same who_is_idle_is_left_alone 1 "$(tell idle alive)"
check_same and_served begun "$(tell idle begin)"
check_same with_a_whole_frame 12 "$(tell idle finish)"
leave idle slow
agent_stop
check_same times_are_recorded "$two limit-frame-time, limit frame-time
$two limit-unread-time, limit unread-time" "$(refusals)"

# --- bytes -------------------------------------------------------------------

# bytes_are UID N: kept for it.
bytes_are() {
	status_is "any(.uids[]; .uid == $1 and .bytes == $2)"
}
piece=131072
serve --limit bytes-uid=1048576 --limit frame-time=600000
as_self ssh-add -q "$T/ed25519"
peer large "$one"
peer small "$two"
peer root 0
check_same eight_pieces sent "$(tell large fill 8 $piece)"
check are_the_limit wait_for 30 bytes_are "$one" 1048576
check_same and_they_are_there 8 "$(tell large alive)"
check_same another_uid_has_its_own sent "$(tell small fill 1 $piece)"
check and_is_not_the_first wait_for 30 bytes_are "$two" $piece
check_closed one_more_is_closed_at_once 0 15000 "$(tell large late)"
check_same the_eight_are_there 8 "$(tell large alive)"
check_same a_connection_without_a_frame 'served 1 of 1' "$(tell large open 1)"
check others_are_served git_signs as_self ed25519
check_same root_has_no_such_limit sent "$(tell root fill 12 $piece)"
check all_of_root_is_kept wait_for 30 bytes_are 0 $((12 * piece))
check_same given_back dropped "$(tell large drop 2)"
check it_can_begin_again wait_for 30 bytes_are "$one" $((7 * piece))
check_same and_does begun "$(tell large begin)"
check_same and_is_served 12 "$(tell large finish)"
leave large small root
agent_stop
check_same bytes_are_recorded "$one limit-bytes, limit bytes-uid" "$(refusals)"

serve --limit bytes=1048576 --limit frame-time=600000
peer first "$one"
peer second "$two"
peer third "$three"
check_same four_pieces_of_one sent "$(tell first fill 4 $piece)"
check_same and_four_of_another sent "$(tell second fill 4 $piece)"
check the_first_has_half wait_for 30 bytes_are "$one" 524288
check the_second_has_half wait_for 30 bytes_are "$two" 524288
check_closed there_is_no_more_for_a_third 0 15000 "$(tell third late)"
check_same but_it_is_served 'served 1 of 1' "$(tell third open 1)"
check_same and_the_others_stay '4 4' \
    "$(tell first alive) $(tell second alive)"
leave first second third
agent_stop
check_has bytes_of_all_are_recorded "$(refusals)" "$three limit-bytes, "

# --- what an honest user does ------------------------------------------------

serve
as_self ssh-add -q "$T/ed25519"
clients=()
for n in {1..50}; do
	as_other ssh-add -l >"$T/other/list.$n" 2>&1 &
	clients+=($!)
	as_other ssh-keygen -q -Y sign -n git -f "$T/ed25519.pub" \
	    <<<"$n" >"$T/other/signature.$n" 2>&1 &
	clients+=($!)
done
failed=0
for pid in "${clients[@]}"; do
	wait "$pid" || failed=$((failed + 1))
done
check_same fifty_at_once_are_all_served 0 "$failed"
check_same with_the_key 50 "$(grep -l ED25519 "$T"/other/list.* | wc -l)"
check_same and_signatures 50 \
    "$(grep -l 'END SSH SIGNATURE' "$T"/other/signature.* | wc -l)"
check_same nothing_was_refused 'Nothing was refused since the agent started.' \
    "$("$AGENT" --explain -a "$S")"
check_same and_none_is_left 0 "$(wait_for 30 open_are 0; echo $?)"
agent_stop
check_same a_hundred_of_them '50 100' "$(jq -rs '[.[] |
    select(.verdict == "allowed") | .op] | map(select(. == "sign")) as $sign |
    "\($sign | length) \(map(select(. == "list")) | length)"' "$A")"
check_same and_no_denial 0 \
    "$(jq -s '[.[] | select(.verdict == "denied")] | length' "$A")"
scenario_end
