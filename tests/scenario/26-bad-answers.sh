#!/bin/bash
# What the commands make of an agent that answers with nothing, with nonsense, or
# as one that does not know what it is asked: each says so, prints no result,
# and ends as its man page has it.
# shellcheck source=tests/support/scenario.sh
. "$(dirname "$0")/../support/scenario.sh"

make_key ed25519
# A server that answers each request with the bytes in a file, and hangs up
# where there are none; those behind the first of a connection with the bytes in
# another one, FILE.2, if it is there.  Of a request it takes no more than a frame.
# shellcheck disable=SC2016
bad_server='
	use Socket;
	my ($path, $answer) = @ARGV;
	socket(my $s, AF_UNIX, SOCK_STREAM, 0) or die;
	bind($s, sockaddr_un($path)) or die "bind: $!";
	listen($s, 5) or die;
	print STDOUT "\n";
	close(STDOUT);
	sub take {
		my ($c, $n) = @_;
		my $got = "";
		while (length($got) < $n) {
			sysread($c, $got, $n - length($got), length($got)) or
			    return;
		}
		return $got;
	}
	while (accept(my $c, $s)) {
		my $next = $answer;
		while (defined(my $head = take($c, 4))) {
			take($c, unpack("N", $head));
			open(my $in, "<", $next) or die;
			$next = "$answer.2" if -e "$answer.2";
			local $/;
			my $bytes = <$in>;
			last if $bytes eq "";
			syswrite($c, $bytes);
		}
		close($c);
	}'
mkdir -m 700 "$T/served"
BAD=$T/served/s
mkfifo "$T/ready-bad"
: >"$T/answer"
perl -e "$bad_server" "$BAD" "$T/answer" >"$T/ready-bad" 2>>"$T/log" &
at_exit end_process "$!"
read -r -t 20 <"$T/ready-bad" || die 'the bad server does not serve'

# bad NAME STATUS PART WORD...: a command to whatever answers now; with - as
# STATUS it is not run.
bad() {
	local name=$1 wanted=$2 part=$3 status=0

	shift 3
	[ "$wanted" != - ] || return 0
	timeout 30 "$AGENT" "$@" -a "$BAD" >"$T/printed" 2>"$T/complained" \
	    <"$in" || status=$?
	check_same "${name}_ends_so" "$wanted" "$status"
	check_has "${name}_says_so" "$(cat "$T/complained")" "$part"
	check_same "${name}_prints_nothing" '' "$(cat "$T/printed")"
}
in=/dev/null
printf 'right' >"$T/passphrase"

# all NAME PART STATUS...: of --status, --explain, --lock, --unlock, --remove and
# --load, in this order.
all() {
	local name=$1 part=$2

	shift 2
	bad "status_$name" "$1" "$part" --status
	bad "status_json_$name" "$1" "$part" --status --json
	bad "explain_$name" "$2" "$part" --explain
	in=$T/passphrase
	bad "lock_$name" "$3" "$part" --lock
	bad "unlock_$name" "$4" "$part" --unlock
	in=/dev/null
	bad "remove_$name" "$5" "$part" --remove --name load
	in=$T/ed25519
	bad "load_$name" "$6" "$part" --load
	in=/dev/null
}

# answer BYTES: as printf takes them.
answer() {
	# shellcheck disable=SC2059
	printf "$1" >"$T/answer"
}

answer ''
all when_it_hangs_up "$BAD" 5 5 5 5 1 1
answer '\0\0\0\1\377'
all an_unknown_answer "$BAD" 1 1 1 1 1 1
# Refused is what ssh-agent and older agents make of what they do not know; a
# lock is refused where there is one.
answer '\0\0\0\1\5'
all a_failure "$BAD" 3 3 1 3 3 3
answer '\0\0\0\1\34'
all a_failed_extension "$BAD" 3 3 1 1 3 3
# That is all that a lock has to say.
answer '\0\0\0\1\6'
all an_empty_success "$BAD" 1 1 - - 1 1
answer '\0\0\0\5\35\0\0\0\377'
all an_answer_that_is_cut "$BAD" 1 1 1 1 1 1
# A load is answered, but with another key than is sealed to; one of 31 bytes.
name=load@bottle-agent
body=$(printf '\\0\\0\\0\\021%s\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\037%s' \
    "$name" "$(printf '%031d' 0)")
answer "\\0\\0\\0\\102\\35$body"
in=$T/ed25519
bad load_with_a_short_key_to_seal_to 1 'no answer' --load
printf 'bottle-bundle 1\n' >"$T/bundle"
in=$T/bundle
status=0
timeout 30 "$AGENT" --load -a "$BAD" <"$T/bundle" >"$T/printed" \
    2>"$T/complained" || status=$?
check_same a_bundle_gets_no_short_key 1 "$status"
check_lacks a_bundle_gets_no_short_key_either "$(cat "$T/printed")" hello
in=$T/ed25519
# One of 32, whatever it is; and the same again for the keys that were taken.
name=load@bottle-agent
body=$(printf '\\0\\0\\0\\021%s\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\040%s' \
    "$name" "$(printf '\\377%.0s' {1..32})")
answer "\\0\\0\\0\\103\\35$body"
bad load_with_keys_that_are_none 0 'not all of them could be printed' --load
in=/dev/null
# In a bundle they are in force as well, and nobody is told how many there are.
status=0
timeout 30 "$BOTTLE_BIN/bundle" "$AGENT" --load -a "$BAD" <"$T/ed25519" \
    >"$T/printed" 2>"$T/complained" || status=$?
check_same a_bundle_with_keys_that_are_none 0 "$status"
check_has it_is_staged "$(cat "$T/printed")" 'bottle-load: staged'
check_lacks its_keys_are_not_counted "$(cat "$T/printed")" 'bottle-load: done'
# Begun, and not ended: what is known of the keys is said.
in=$T/ed25519
printf '\0\0\0\1\5' >"$T/answer.2"
bad load_refused_at_its_end 3 'refuses the load; nothing was loaded' --load
for bytes in '' '\0\0\0\1\377' '\0\0\0\1\6'; do
	# shellcheck disable=SC2059
	printf "$bytes" >"$T/answer.2"
	bad "load_ended_by_$bytes" 1 'whether the keys are loaded is not known' \
	    --load
done
# Why it is refused is text of whoever serves: at its end, and at once.
cp "$T/answer" "$T/begun"
answer "\\0\\0\\0\\046\\35\\0\\0\\0\\021$name\\1$(
    printf '\\0%.0s' {1..7})\\3no\\33\\0\\0\\0\\0"
cp "$T/answer" "$T/answer.2"
mv "$T/begun" "$T/answer"
for when in at_its_end at_once; do
	bad "load_refused_${when}_with_an_escape" 1 \
	    'the agent refuses the load: no\x1b; nothing was loaded' --load
	[ "$when" = at_once ] || mv "$T/answer.2" "$T/answer"
done
in=/dev/null
answer '\377\377\377\377\6'
all an_answer_without_end "$BAD" 1 1 1 1 1 1
answer '\0\0\0\0\0'
all an_empty_frame "$BAD" 1 1 1 1 1 1

# What a real agent answers, cut off behind each of its bytes, in a frame that is
# whole: with a rule, an account, a key and a refusal there is something of all.
agent_start --allow "$other_uid=list"
as_self ssh-add -q "$T/ed25519"
make_key ed25519 other
check_refused a_removal_is_refused as_self ssh-add -q -d "$T/other.pub"
perl -MSocket -e '
	for my $ask (["status", ""], ["explain", "\0"],
	    ["explain--json", "\1"]) {
		my ($name, $how) = @$ask;
		my $body = chr(27) . pack("N/a*", $name =~ s/--.*//r .
		    "\@bottle-agent") . $how;
		my ($got, $len) = ("", 4);
		socket(my $s, AF_UNIX, SOCK_STREAM, 0) or die;
		connect($s, sockaddr_un($ARGV[0])) or die "connect: $!";
		syswrite($s, pack("N/a*", $body));
		while (length($got) < $len) {
			sysread($s, $got, 65536, length($got)) or die;
			$len = 4 + unpack("N", $got) if length($got) >= 4;
		}
		open(my $out, ">", "$ARGV[1]/$name.answer") or die;
		print $out substr($got, 4);
	}' "$S" "$T"
check_same it_is_told_of 1 "$("$AGENT" --explain --json -a "$S" |
    jq '.refusals | length')"
agent_stop
# cut NAME STEP OPTION...: which lengths a command takes for the whole.
cut() {
	local name=$1 step=$2 len n status hex

	shift 2
	len=$(wc -c <"$T/$name.answer")
	taken=
	wrong=
	for ((n = 1; n <= len; n += step)); do
		printf -v hex '\\x%02x' 0 0 "$((n >> 8))" "$((n & 255))"
		{
			# shellcheck disable=SC2059 # it is made for that
			printf "$hex"
			head -c "$n" "$T/$name.answer"
		} >"$T/answer"
		status=0
		timeout 30 "$AGENT" "$@" -a "$BAD" >"$T/printed" \
		    2>"$T/complained" || status=$?
		if [ "$status" -eq 0 ]; then
			taken+=" $n"
		elif [ "$status" -ne 1 ] || [ -s "$T/printed" ] ||
		    [ ! -s "$T/complained" ]; then
			wrong+=" $n ends with $status: $(head -c 80 "$T/printed")"
		fi
	done
}
# A text that is longer than any is, and so not printed: AUDITLINE_MAX.
explain_text_max=8192
long() {
	perl -e 'print pack("N/a*", chr(29) . pack("N/a* N N N/a* N/a* Q>",
	    "explain\@bottle-agent", 1, 1, "x" x $ARGV[0], "", 1))' "$1" \
	    >"$T/answer"
}
long "$explain_text_max"
check_same explain_prints_the_longest "$explain_text_max" \
    "$("$AGENT" --explain -a "$BAD" | head -n 1 | tr -d '\n' | wc -c)"
long "$((explain_text_max + 1))"
bad explain_prints_nothing_longer 1 'none' --explain
for how in --json ''; do
	step=$((slower > 1 ? 41 : 1))
	cut "explain$how" "$step" --explain ${how:+"$how"}
	check_same "explain_cut_anywhere_prints_nothing$how" '' "$wrong"
	[ "$slower" -gt 1 ] || check_same "explain_is_taken_whole$how" \
	    " $(wc -c <"$T/explain$how.answer")" "$taken"
	cut status "$step" --status ${how:+"$how"}
	check_same "status_cut_anywhere_prints_nothing$how" '' "$wrong"
	# One that is older ends before the last field.
	[ "$slower" -gt 1 ] || check_same "status_is_taken_whole$how" 2 \
	    "$(wc -w <<<"$taken")"
done
scenario_end
