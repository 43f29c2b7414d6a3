#!/bin/bash
# The tools of these tests do what they say, as a client sees it that is not
# the program under test.
# shellcheck source=tests/support/forward.sh
. "$(dirname "$0")/../support/forward.sh"

# client SEND: send that, \r, \n and \xHH as in C, end, and print what comes:
# each piece as it was read, in brackets, then "end" or "error".
client() {
	# shellcheck disable=SC2016
	timeout 20 perl -MIO::Socket::INET -e '
		my ($at, $send) = @ARGV;
		$send =~ s/\\r/\r/g;
		$send =~ s/\\n/\n/g;
		$send =~ s/\\x(..)/chr(hex($1))/ge;
		my $s = IO::Socket::INET->new(PeerAddr => $at) or die;
		$s->autoflush(1);
		print $s $send;
		shutdown($s, 1);
		my $n;
		while ($n = sysread($s, my $b, 65536)) {
			$b =~ s/([^ -~])/sprintf("<%02x>", ord $1)/ge;
			print "[$b]";
		}
		print defined($n) ? "end\n" : "error\n"' \
	    "$P" "$1"
}
request='CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n'

# plays NAME WANTED SEND STEP...: what the client prints, and how the proxy ends.
plays() {
	local name=$1 wanted=$2 send=$3

	shift 3
	proxy_start "$@"
	check_same "$name" "$wanted" "$(client "$send")"
	proxy_end
}

plays answers '[a<0d><0a><00><1b>[<9b>\x]end' "$request" \
    head 'send:a\r\n\0\e[\x9b\\x'
check_same went_through_all 0 "$proxy_status"
check_text request_is_kept "$request" "$D/1.request"
check_text and_nothing_else '' "$D/1.stream"
plays takes_no_more_than_the_head '[ok]end' "${request}rest" head send:ok
check_text head_ends_at_the_blank_line "$request" "$D/1.request"
check_text the_rest_is_the_stream rest "$D/1.stream"
plays sees_what_is_early '[ok]end' "${request}rest" head quiet:50 send:ok
check_has early_is_noted "$(cat "$D/1.notes")" 'early 4'
plays half_a_head '[ok]end' half send:ok head
check_same is_noted 1 "$proxy_status"
plays split '[abc][def]end' '' split:3 send:abcdef
plays split_later '[abc][de][f]end' '' split:5 send:abc pause:20 send:def
plays split_by_host '[abcd][ef]end' 'CONNECT 4.split:22 HTTP/1.1\r\n\r\n' \
    head split:host send:abcdef
plays dribble '[a][b][c]end' '' dribble:20 send:abc
plays cut '[abc]end' '' cut:3 send:abcd
plays cut_before_anything end '' cut:0 send:ab
plays repeat '[ababab]end' '' repeat:3:ab
plays reset error '' pause:50 reset
plays shut_goes_on_reading '[a]end' tail send:a shut eof
check_text after_shut tail "$D/1.stream"
plays echo '[over there]end' 'over there' echo
proxy_start repeat:100000:x
check_same repeat_often 100000 "$(client '' | tr -dc x | wc -c)"
proxy_end
head -c 100000 /dev/zero | tr '\0' y >"$T/file"
proxy_start "duplex:$T/file"
check_same duplex_sends 100000 "$(client there | tr -dc y | wc -c)"
proxy_end
check_text duplex_reads there "$D/1.stream"
proxy_start -c 3 head send:x
for _ in 1 2 3; do client "$request" >/dev/null & done
proxy_end
check_same three_at_once 0 "$proxy_status"
check_same three_records 3 "$(find "$D" -name '*.request' -size +0 | wc -l)"

# SOCKS5: greeting, user and password, and a name, a v4 and a v6 address.
hello='\x05\x02\x00\x02\x01\x01u\x02pw'
# plays_socks NAME ADDRESS
plays_socks() {
	local all="$hello\\x05\\x01\\x00$2\\x00\\x16"

	plays "$1" '[ok]end' "${all}rest" greeting auth target send:ok
	check_text "$1_is_kept" "$all" "$D/1.request"
	check_text "$1_ends_there" rest "$D/1.stream"
}
plays_socks socks_name '\x03\x06git.it'
plays_socks socks_v4 '\x01abcd'
plays_socks socks_v6 '\x04abcdefghijklmnop'
plays socks_split_by_host '[ab][cd]end' \
    '\x05\x01\x00\x05\x01\x00\x03\x072.split\x00\x16' \
    greeting target split:host send:abcd

proxy_start -f
check_has nobody_is_let_in "$(timeout 5 perl -MIO::Socket::INET -e '
	print IO::Socket::INET->new(PeerAddr => shift, Timeout => 1) ?
	    "in" : "out: $@"' "$P")" 'out: IO::Socket::INET: connect: timeout'
check_status nonsense_is_refused 2 "$BOTTLE_BIN/fakeproxy" send
check_status wrong_step_is_refused 2 "$BOTTLE_BIN/fakeproxy" sned:x

# passfd: with a command that passes a socket pair's end, on which it said
# something before, and one that does not.
# shellcheck disable=SC2016
passer='
	use Socket;
	my ($how) = @ARGV;
	socketpair(my $a, my $b, AF_UNIX, SOCK_STREAM, 0) or die;
	if (fork() == 0) {
		close($b);
		close(STDIN);
		close(STDOUT);
		syswrite($a, "there:");
		while (sysread($a, my $p, 4096)) { syswrite($a, uc($p)); }
		exit;
	}
	close($a);
	exit 7 if $how eq "none";
	exit 0 if $how eq "nothing";
	syswrite(STDOUT, "more") if $how eq "first";
	# struct msghdr, iovec and cmsghdr by hand, since perl has no sendmsg.
	my $byte = "x";
	my $iov = pack("PQ", $byte, 1);
	my $cmsg = pack("Qiii x4", 20, 1, 1, fileno($b));
	my $msg = pack("Qx8PQPQix4", 0, $iov, 1, $cmsg, length($cmsg), 0);
	die "sendmsg: $!" if syscall(46, 1, $msg, 0) != 1;
	syswrite(STDOUT, "more") if $how eq "after";
	exit 7 if $how eq "badly";'
passes() {
	printf 'here' | timeout 20 "$BOTTLE_BIN/passfd" perl -e "$passer" "$1" \
	    2>&1 || echo "status $?"
}
if [ "$(uname -m)" = x86_64 ]; then
	check_same passes there:HERE "$(passes well)"
	check_has more_behind "$(passes after)" 'status 120'
	check_same ends_badly 'status 7' "$(passes badly)"
fi
check_same passes_none 'status 7' "$(passes none)"
check_has passes_nothing "$(passes nothing)" 'status 120'
check_has is_not_one_byte "$(passes first)" 'status 120'
checks_end
