#!/bin/bash
# The tunnel: every byte in both directions, each to its own end; who does not
# read holds the other up and costs no memory.
# shellcheck source=tests/support/forward.sh
. "$(dirname "$0")/../support/forward.sh"

client='SSH-2.0-client\r\n'
# What both sides have to say: 4 MiB that no compressor would like.
dd if=/dev/urandom of="$T/random" bs=64K count=64 status=none
{ printf '%b' "$client"; cat "$T/random"; } >"$T/up"
{ printf '%b' "$banner"; tac -s x "$T/random"; } >"$T/down"
printf '%b' "$client" >"$T/hello"

# through NAME STEP...: our input is $in; afterwards all of it has arrived, and
# $T/down has come out.
through() {
	local name=$1

	shift
	proxy_start "$@"
	"via_$kind"
	proxy_end
	expect "$name" 0
	check_bytes "${name}_up" "$in" "$D/1.stream"
	check_bytes "${name}_down" "$T/down" "$T/out"
}
in=$T/up
kind=http
through both_at_once head "send:$established" "duplex:$T/down"
through down_then_up head "send:$established" "file:$T/down" eof
through up_then_down head "send:$established" eof "file:$T/down"
kind=socks
through socks greeting 'send:\x05\0' target 'send:\x05\0\0\x01\0\0\0\0\0\0' \
    "duplex:$T/down"
proxy_start "duplex:$T/down"
connect --proxy direct 127.0.0.1 "$proxy_port"
proxy_end
expect direct 0
check_bytes direct_up "$T/up" "$D/1.stream"
check_bytes direct_down "$T/down" "$T/out"
kind=http

# A password that no proxy asks for is let go of: who writes it does not wait
# for the end of the tunnel.
mkfifo "$T/open" "$T/password"
(yes >"$T/password" || :; : >"$T/let_go") &
proxy_start 'send:SSH-2.0-x\r\n' eof
NO_PROXY=127.0.0.1 https_proxy=http://127.0.0.1:1 "$FORWARD" connect \
    --auth-fd 7 127.0.0.1 "$proxy_port" <"$T/open" >"$T/out" 2>"$T/err" \
    7<"$T/password" &
tunnel=$!
exec 8>"$T/open"
for ((i = 0; i < 200; i++)); do
	[ ! -e "$T/let_go" ] || break
	sleep 0.05
done
check a_password_for_no_proxy_is_let_go test -e "$T/let_go" -a -d "/proc/$tunnel"
exec 8>&-
status=0
wait "$tunnel" || status=$?
proxy_end
text_of "$T/err"
err=$text
expect direct_by_no_proxy 0

# The same with pipes and with a socket as stdin and stdout, as ssh has them.
proxy_start head "send:$established" "duplex:$T/down"
status=0
# shellcheck disable=SC2002
cat "$T/up" | timeout 60 "$FORWARD" connect --proxy "http://$P" git.test 22 \
    2>"$T/err" | cat >"$T/out" || status=$?
proxy_end
check_bytes pipes_up "$T/up" "$D/1.stream"
check_bytes pipes_down "$T/down" "$T/out"
# socketed COMMAND...: as passfd has it, but stdin and stdout go on to the
# command through the pair for as long as it runs.
# shellcheck disable=SC2016
socketed='
	use Socket;
	socketpair(my $a, my $b, AF_UNIX, SOCK_STREAM, 0) or die;
	my $pid = fork();
	if ($pid == 0) {
		open(STDIN, "<&", $b);
		open(STDOUT, ">&", $b);
		close($a);
		close($b);
		exec(@ARGV);
	}
	close($b);
	my $p;
	if (fork() == 0) {
		while (my $n = sysread(STDIN, $p, 65536)) {
			syswrite($a, $p) == $n or die "short: $!";
		}
		shutdown($a, 1);
		exit;
	}
	while (sysread($a, $p, 65536)) { syswrite(STDOUT, $p); }
	close(STDOUT);
	waitpid($pid, 0);
	exit($? >> 8 | $? & 127);'
proxy_start head "send:$established" "duplex:$T/down"
status=0
timeout 60 perl -e "$socketed" "$FORWARD" connect --proxy "http://$P" \
    git.test 22 <"$T/up" >"$T/out" 2>"$T/err" || status=$?
proxy_end
text_of "$T/err"
err=$text
expect socket 0
check_bytes socket_up "$T/up" "$D/1.stream"
check_bytes socket_down "$T/down" "$T/out"

# The end of stdin is the end of one direction only.
in=/dev/null
proxy_start head "send:$established" eof pause:300 "send:$banner" pause:300 \
    "file:$T/random"
via_http
proxy_end
expect after_our_end 0 '!closed from the other side'
{ printf '%b' "$banner"; cat "$T/random"; } >"$T/wanted"
check_bytes after_our_end_all_comes "$T/wanted" "$T/out"
in=$T/up

# Our first bytes do not wait for the server's: some proxies wait for them.
in=$T/hello
proxy_start head "send:$established" read:16 "send:$banner" eof
via_http
proxy_end
expect who_speaks_first 0
check_text who_speaks_first_is_heard "$banner" "$T/out"
# And the other way round, with what is slow.
proxy_start head "send:$established" pause:4000 "send:$banner" eof
via_http --answer-timeout 3
proxy_end
expect the_answer_is_not_the_banner 0
in=/dev/null

# What the shell has not opened, and what cannot be written to.
proxy_start -c 0 head "send:$established$banner" eof
status=0
timeout 60 "$FORWARD" connect --proxy "http://$P" git.test 22 <&- >"$T/out" \
    2>"$T/err" || status=$?
text_of "$T/err"
err=$text
expect without_stdin 0
check_text without_stdin_nothing_is_sent '' "$D/1.stream"
check_text without_stdin_all_comes "$banner" "$T/out"
status=0
timeout 60 "$FORWARD" connect --proxy "http://$P" git.test 22 <"$T/hello" \
    >&- 2>"$T/err" || status=$?
check_same without_stdout_it_ends yes "$([ "$status" -lt 124 ] && echo yes)"
check_text without_stdout_nothing_comes_back '' "$T/err"
wait_for 30 grep -q '^done' "$D/2.notes" || true
check_bytes without_stdout_all_is_sent "$T/hello" "$D/2.stream"
status=0
timeout 60 "$FORWARD" connect --proxy "http://$P" git.test 22 </dev/null \
    >/dev/full 2>"$T/err" || status=$?
text_of "$T/err"
err=$text
expect cannot_write 1 space
proxy_stop

# begin [ARG...]: a tunnel in the background; 7 is written to its stdin, and its
# stdout is read from 8.
mkfifo "$T/stdin" "$T/stdout"
begin() {
	"$FORWARD" connect --proxy "http://$P" "$@" git.test 22 <"$T/stdin" \
	    >"$T/stdout" 2>"$T/err" &
	tunnel=$!
	at_exit killed "$tunnel"
	exec 7>"$T/stdin" 8<"$T/stdout"
}
killed() {
	kill -KILL "$1" 2>/dev/null || true
}
# finish: how it ended, as connect() has it.
finish() {
	status=0
	wait_for 30 process_gone "$tunnel" || kill -KILL "$tunnel"
	wait "$tunnel" || status=$?
	text_of "$T/err"
	err=$text
}

# The server ends first: stdout ends, with the reason on stderr before that,
# while what we say goes on.
proxy_start head "send:$established$banner" shut eof
begin
got=$(timeout 30 cat <&8 || echo 'no end')
check_same their_end_is_passed_on SSH-2.0-fake "${got%$'\r'}"
check_has and_told_first "$(cat "$T/err")" \
    'the tunnel to git.test:22 was closed from the other side after 0 s'
{ printf '%b' "$client" && cat "$T/random"; } | cat >&7 || true
exec 7>&- 8<&-
finish
proxy_end
expect after_their_end 0
{ printf '%b' "$client"; cat "$T/random"; } >"$T/wanted"
check_bytes after_their_end_all_arrives "$T/wanted" "$D/1.stream"

# When a session is over both hang up, and who is first is chance.  A busy machine
# may be too late for it; who does not wait a little says so each time.
for ((tries = 0; tries < 10; tries++)); do
	proxy_start head "send:$established$banner" shut eof
	begin
	read -r -t 30 got <&8
	sleep 0.02
	exec 7>&-
	got=$(timeout 30 cat <&8 || echo 'no end')
	exec 8<&-
	finish
	proxy_end
	[[ $err == *'closed from the other side'* ]] || break
done
expect both_end 0 '!closed from the other side'
check_same both_end_at_once '' "$got"

# The server is gone altogether.
proxy_start head "send:$established$banner" read:1 reset
begin
read -r -t 30 got <&8
# Only now, since what was not taken out of the socket by then is lost.
printf x >&7
got+=$(timeout 30 cat <&8 || echo 'no end')
check_same reset_ends_stdout SSH-2.0-fake "${got%$'\r'}"
exec 7>&- 8<&-
finish
expect reset_ends_it 0 'closed from the other side'
proxy_start head "send:$established$banner" eof close
begin
read -r -t 30 got <&8
exec 8<&- 7>&-
finish
expect nobody_is_left 0
# ssh is gone: nobody reads what the server sends.
proxy_start head "send:$established$banner" repeat:0:more
begin
read -r -t 30 got <&8
exec 8<&-
sleep 0.1
exec 7>&-
finish
check_same nobody_reads_is_no_signal no "$([ "$status" -lt 124 ] && echo no)"
proxy_stop
# The proxy takes nothing any more.
proxy_start head "send:$established$banner" pause:100 close
begin
read -r -t 30 got <&8
since=$SECONDS
timeout 60 cat /dev/zero >&7 2>/dev/null || true
check_same writer_is_told_of_the_end yes \
    "$([ $((SECONDS - since)) -lt 50 ] && echo yes)"
exec 7>&- 8<&-
finish
check_same writer_of_no_reader_ends yes "$([ "$status" -lt 124 ] && echo yes)"
proxy_stop

# Memory and time while somebody does not read, or nothing happens.
# usage: the memory in KiB and the ticks of the processor of the program.
usage() {
	local line fields

	[ -e "/proc/$pid/stat" ] || return 1
	line=$(<"/proc/$pid/stat")
	read -ra fields <<<"${line##*) }"
	kib=$((fields[21] * 4))
	ticks=$((fields[11] + fields[12]))
}
# rests NAME: for a while it is there, does not grow, and does not turn.
rests() {
	local name=$1 before before_ticks i

	# Until there is no more to do at once, if that comes to an end.
	kib=-1 before=0 before_ticks=0
	for ((i = 0; i < 50 && (kib != before || ticks != before_ticks); i++)); do
		before=$kib before_ticks=$ticks
		sleep 0.2
		usage || break
	done
	before=$kib before_ticks=$ticks
	sleep 0.4
	usage || {
		not_ok "$name" 'it has ended'
		return
	}
	if [ $((kib - before)) -le 512 ]; then
		ok "${name}_does_not_grow"
	else
		not_ok "${name}_does_not_grow" "from $before to $kib KiB"
	fi
	if [ $((ticks - before_ticks)) -le 8 ]; then
		ok "${name}_does_not_turn"
	else
		not_ok "${name}_does_not_turn" \
		    "$((ticks - before_ticks)) ticks in 0.4 s"
	fi
}
# ends_or_rests NAME: both are fine where nobody hears it any more.
ends_or_rests() {
	sleep 0.2
	if process_gone "$pid"; then
		ok "$1"
	else
		rests "$1"
	fi
}
# over: let it go.
over() {
	exec 7>&- 8<&-
	proxy_stop
	kill "$tunnel" 2>/dev/null || true
	wait "$tunnel" 2>/dev/null || true
}
started() {
	begin
	read -r -t 30 got <&8
	pid=$tunnel
	usage
	first=$kib
}
# grown NAME: since it was started; two buffers are its due.
grown() {
	if [ $((kib - first)) -le 4096 ]; then
		ok "$1_keeps_little"
	else
		not_ok "$1_keeps_little" "from $first to $kib KiB"
	fi
}

proxy_start head "send:$established$banner" pause:20000
started
rests idle
over
proxy_start head "send:$established$banner" repeat:0:flood
started
rests nobody_reads
grown nobody_reads
check_same and_it_is_all_there 100000 "$(head -c 100000 <&8 | wc -c)"
over
proxy_start head "send:$established$banner" pause:20000
started
cat /dev/zero >&7 2>/dev/null &
writer=$!
rests proxy_does_not_read
grown proxy_does_not_read
kill "$writer"
wait "$writer" 2>/dev/null || true
over
proxy_start head "send:$established$banner" repeat:0:flood
started
cat /dev/zero >&7 2>/dev/null &
writer=$!
rests neither_reads
grown neither_reads
kill "$writer"
wait "$writer" 2>/dev/null || true
over
proxy_start head "send:$established$banner" eof pause:20000
started
exec 7>&-
rests after_the_end_of_stdin
over
proxy_start head "send:$established$banner" shut pause:20000
started
rests after_the_end_of_the_server
over
proxy_start head "send:$established$banner" pause:20000
started
exec 8<&-
ends_or_rests after_the_end_of_the_reader
over
# A socket whose other side is gone.
proxy_start head "send:$established$banner" pause:20000
# shellcheck disable=SC2016
perl -e '
	use Socket;
	socketpair(my $a, my $b, AF_UNIX, SOCK_STREAM, 0) or die;
	my $pid = fork();
	if ($pid == 0) {
		open(STDIN, "<&", $b);
		open(STDOUT, ">&", $b);
		close($a);
		close($b);
		exec(@ARGV);
	}
	close($b);
	sysread($a, my $p, 4096);
	close($a);
	syswrite(STDOUT, "$pid\n");
	close(STDOUT);
	waitpid($pid, 0);' \
    "$FORWARD" connect --proxy "http://$P" git.test 22 >"$T/stdout" \
    2>"$T/err" &
tunnel=$!
read -r -t 30 pid <"$T/stdout"
ends_or_rests after_the_end_of_the_socket
kill "$pid" 2>/dev/null || true
exec 7>&- 8<&-
over

# The descriptors of ssh are shared with others: they stay as they are.
proxy_start head "send:$established$banner" pause:20000
started
blocking=
for fd in 0 1 2; do
	flags=$(sed -n 's/^flags:[[:space:]]*//p' "/proc/$pid/fdinfo/$fd")
	(((flags & 04000) == 0)) || blocking+=" $fd"
done
check_same descriptors_stay_blocking '' "$blocking"
over
checks_end
