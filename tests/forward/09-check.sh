#!/bin/bash
# --check: what the proxy answers and what the server says first, on stdout, and
# an exit code by its class; stdin is left alone.
# shellcheck source=tests/support/forward.sh
. "$(dirname "$0")/../support/forward.sh"

# row NAME STATUS STEP... -- [PART]...: PART is in what it prints.  What is not
# there in time is waited for briefly, all else on a busy machine, too.
row() {
	local name=$1 wanted=$2 steps=() part what='' patience=30

	case $wanted in 9 | 10) patience=2 ;; esac
	shift 2
	while [ "$1" != -- ]; do
		steps+=("$1")
		shift
	done
	shift
	proxy_start "${steps[@]}"
	via_http --check --answer-timeout "$patience"
	proxy_stop
	expect "$name" "$wanted"
	text_of "$T/out"
	for part in "$@"; do
		[[ $text == *"$part"* ]] || what+=" \"$part\" is missing;"
	done
	! unclean "$text" || what+=' unclean;'
	check_same "${name}_prints" '' "${what:+$what in $text}"
}

row ssh 0 head "send:$established" 'send:SSH-2.0-fake_1.0 here\r\n' eof -- \
    '200 Connection established' 'SSH-2.0-fake_1.0 here'
row in_one_segment 0 head "send:$established$banner" eof -- SSH-2.0-fake
row in_pieces 0 dribble:5 head "send:HTTP/1.1 200 OK\r\n\r\n$banner" eof -- \
    '200 OK' SSH-2.0-fake
row lines_before 0 head "send:$established" "send:Hello\r\nthere\r\n$banner" \
    eof -- SSH-2.0-fake
row lines_in_pieces 0 dribble:5 head "send:$established" \
    "send:Hello\r\n$banner" eof -- SSH-2.0-fake
row no_newline 0 head "send:$established" 'send:SSH-2.0-x\n' eof -- SSH-2.0-x
row only_half_a_line 10 head "send:$established" 'send:SSH-2.0-x' close --
row escapes 0 head "send:HTTP/1.1 200 \e[2Jyes\r\n\r\n" \
    'send:SSH-2.0-x \e[2J\x9b\r\n' eof -- SSH-2.0-x '\x1b'
row escapes_in_lines 0 head "send:$established" \
    "send:\e[2Jhello\r\n$banner" eof -- SSH-2.0-fake
# A proxy that waits for the client's first byte, to see whether it is TLS.
row proxy_that_waits 0 head "send:$established" read:4 "send:$banner" eof -- \
    SSH-2.0-fake
row nothing 10 head "send:$established" close -- '200 Connection'
row silence 10 head "send:$established" pause:60000 -- '200 Connection'
check_took silence_in_time 1900 15000
row tls 10 head "send:$established\x15\x03\x01\x00\x02\x02\x46" eof --
row http 10 head "send:${established}HTTP/1.1 400 Bad Request\r\n\r\n" eof --
row binary 10 head "send:$established\0\x01\x02" eof --
row lines_without_end 10 head "send:$established" 'repeat:0:line\r\n' --
row line_without_end 10 head "send:$established" repeat:0:x --
row banner_without_end 10 head "send:$established" send:SSH-2.0- repeat:0:x --
row slow_lines 10 head "send:$established" dribble:100 'repeat:0:line\r\n' --
check_took slow_lines_in_time 1900 15000

row denied 3 head 'send:HTTP/1.1 403 No\r\nContent-Length: 5\r\n\r\nnever' --
row wants_login 6 head 'send:HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n' --
row no_gateway 7 head 'send:HTTP/1.1 502 No\r\nContent-Length: 0\r\n\r\n' --
row later 8 head 'send:HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n' --
row garbage 9 head 'send:garbage\r\n\r\n' --
row no_answer 9 head eof --
check_took no_answer_in_time 1900 15000

proxy_start greeting 'send:\x05\0' target 'send:\x05\0\0\x01\0\0\0\0\0\0' \
    "send:$banner" eof
via_socks --check
expect socks 0
check_has socks_prints "$(cat "$T/out")" SSH-2.0-fake
proxy_stop
proxy_start "send:$banner" eof
connect --check --proxy direct 127.0.0.1 "$proxy_port"
expect direct 0
check_has direct_prints "$(cat "$T/out")" SSH-2.0-fake
proxy_stop
connect --check --proxy direct 127.0.0.1 "$proxy_port"
expect direct_nobody 5 "$P"

# stdin is somebody else's.
proxy_start head "send:$established$banner" eof
check_same stdin_is_left_alone unread "$(printf unread | {
	timeout 20 "$FORWARD" connect --check --proxy "http://$P" git.test 22 \
	    >/dev/null 2>&1
	cat
})"
proxy_stop
check_lacks stdin_is_not_sent "$(tr -d '\0' <"$D/1.stream")" unread
proxy_start head "send:$established$banner" eof
# shellcheck disable=SC2016
check_status cannot_print 1 bash -c \
    '"$0" connect --check --proxy "$1" git.test 22 >/dev/full' "$FORWARD" \
    "http://$P"
proxy_stop
checks_end
