#!/bin/bash
# Answers that are none, that have no end, that are cut off, or that carry what
# a terminal would act on.
# shellcheck source=tests/support/forward.sh
. "$(dirname "$0")/../support/forward.sh"

# none NAME STEP...: what comes after the request is no answer: 9, and nothing
# gets to ssh.
none() {
	local name=$1

	shift
	proxy_start head "$@"
	via_http
	expect "$name" 9 "$P" '!Sanitizer'
	check_text "${name}_is_no_stream" '' "$T/out"
	proxy_stop
}

# yes_to NAME ANSWER [STEP]...: it is an answer, and what is behind it comes out.
yes_to() {
	local name=$1 answer=$2

	shift 2
	[ $# -gt 0 ] || set -- "send:$answer$banner"
	proxy_start head "$@" eof
	via_http
	proxy_end
	expect "$name" 0
	check_text "${name}_is_followed_by_the_stream" "$banner" "$T/out"
}

# What begins otherwise than an answer.
none hangs_up close
none hangs_up_politely shut
none resets reset
none garbage 'send:\x00\xff\x80garbage\r\n\r\n' pause:8000
none blank_lines 'send:\r\n\r\nHTTP/1.1 200 OK\r\n\r\n'
none server_of_ssh 'send:SSH-2.0-OpenSSH_9.9\r\n' pause:8000
none server_of_socks 'send:\x05\xff' pause:8000
none alert_of_tls 'send:\x15\x03\x01\x00\x02\x02\x46' pause:8000
none version_2 'send:HTTP/2 200 OK\r\n\r\n'
none version_1_2 'send:HTTP/1.2 200 OK\r\n\r\n'
none version_2_0 'send:HTTP/2.0 200 OK\r\n\r\n'
none version_0_9 'send:HTTP/0.9 200 OK\r\n\r\n'
none small_letters 'send:http/1.1 200 OK\r\n\r\n'
none icy 'send:ICY 200 OK\r\n\r\n'
none two_digits 'send:HTTP/1.1 20 OK\r\n\r\n'
none four_digits 'send:HTTP/1.1 2000 OK\r\n\r\n'
none letters 'send:HTTP/1.1 2x0 OK\r\n\r\n'
none sign 'send:HTTP/1.1 +20 OK\r\n\r\n'
none below_100 'send:HTTP/1.1 099 OK\r\n\r\n'
none no_status 'send:HTTP/1.1\r\n\r\n'
none no_blank 'send:HTTP/1.1200 OK\r\n\r\n'
none two_blanks 'send:HTTP/1.1  200 OK\r\n\r\n'
none tab 'send:HTTP/1.1\t200 OK\r\n\r\n'
none stuck_to_the_reason 'send:HTTP/1.1 200OK\r\n\r\n'
none nul_in_the_status 'send:HTTP/1.1 200 O\0K\r\n\r\n'
none nul_in_a_line 'send:HTTP/1.1 200 OK\r\nA: \0\r\n\r\n'
none lone_cr 'send:HTTP/1.1 200 OK\rA: b\r\n\r\n'
none cr_cr_lf 'send:HTTP/1.1 200 OK\r\r\n\r\n'
none other_protocol 'send:HTTP/1.1 101 Switching Protocols\r\n\r\n' pause:8000

# Ways to say yes.
for code in 200 201 202 204 206 226 299; do
	yes_to "yes_with_$code" "HTTP/1.1 $code OK\r\n\r\n"
done
yes_to yes_of_1_0 'HTTP/1.0 200 OK\r\n\r\n'
yes_to yes_without_reason 'HTTP/1.1 200\r\n\r\n'
yes_to yes_with_a_blank 'HTTP/1.1 200 \r\n\r\n'
yes_to yes_in_bare_newlines 'HTTP/1.1 200 OK\nA: b\n\n'
yes_to yes_in_mixed_newlines 'HTTP/1.1 200 OK\r\nA: b\n\r\n'
yes_to yes_with_lengths 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n'
yes_to yes_with_nonsense 'HTTP/1.1 200 OK\r\nno colon\r\n: no name\r\n folded\r\n\r\n'
yes_to yes_with_escapes '' \
    'send:HTTP/1.1 200 \e]0;x\x07\r\nX-Pipelock-Hint: \e[2J\r\n\r\n' \
    "send:$banner"
yes_to interim 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 E\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\n\r\n'

# Limits: a head of 64 KiB, and one byte more; eight 1xx, and one more.
yes_to largest_head '' 'send:HTTP/1.1 200 OK\r\nA: ' repeat:65512:x \
    "send:\r\n\r\n$banner"
none larger_head 'send:HTTP/1.1 200 OK\r\nA: ' repeat:65513:x \
    "send:\r\n\r\n$banner"
yes_to largest_head_of_lines '' 'send:HTTP/1.1 200 OK\r\n' \
    'repeat:13101:A:b\r\n' "send:A:bcdefghi\r\n\r\n$banner"
none larger_head_of_lines 'send:HTTP/1.1 200 OK\r\n' \
    'repeat:13101:A:b\r\n' "send:A:bcdefghij\r\n\r\n$banner"
yes_to most_interims '' 'repeat:8:HTTP/1.1 100 C\r\n\r\n' \
    "send:$established$banner"
none more_interims 'repeat:9:HTTP/1.1 100 C\r\n\r\n' \
    "send:$established$banner"
none interims_larger_together 'send:HTTP/1.1 100 C\r\nA: ' repeat:40000:x \
    'send:\r\n\r\nHTTP/1.1 200 OK\r\nA: ' repeat:40000:x \
    "send:\r\n\r\n$banner"
none flood_of_lines 'send:HTTP/1.1 200 OK\r\n' 'repeat:0:A: b\r\n'
none flood_of_one_line 'send:HTTP/1.1 200 OK' repeat:0:x
none flood_of_interims 'repeat:0:HTTP/1.1 100 C\r\n\r\n'
none flood_of_garbage 'repeat:0:\xff'
none flood_of_newlines 'repeat:0:\r\n'

# Cut off after each byte, with and without a last word.
options=(--answer-timeout 5)
answer='HTTP/1.1 200 OK\r\nA: b\r\n\r\n'
proxy_start -c 0 head cut:host "send:$answer"
options+=(--proxy "http://$P")
cuts cut_http cut_plain 0 24 '' 9 'bottle-forward: error: '
cuts cut_http_fdpass cut_fdpass 16 24 '' 9 'bottle-forward: error: '

# What a terminal acts on stays out of stderr: expect looks at every byte.
bad='\e]0;t\x07\e[2J\x08\x7f\x9b31m\xc2\x9b1m\xe2\x80\xae\xff'
# escapes NAME STATUS STEP...
escapes() {
	local name=$1 wanted=$2

	shift 2
	proxy_start head "$@"
	via_http
	# shellcheck disable=SC1003
	expect "$name" "$wanted" '\x1b'
	proxy_stop
}
escapes escapes_in_the_reason 3 "send:HTTP/1.1 403 ${bad}no\r\nContent-Length: 0\r\n\r\n"
escapes escapes_in_the_body 3 "send:HTTP/1.1 403 No\r\n\r\n${bad}no\r\n" shut
escapes nul_in_the_body 3 "send:HTTP/1.1 403 No\r\n\r\n\0${bad}no\r\n" shut
escapes escapes_in_the_hint 3 "send:HTTP/1.1 403 No\r\nX-Pipelock-Hint: ${bad}no\r\nContent-Length: 0\r\n\r\n"
escapes escapes_in_json 3 "send:HTTP/1.1 403 No\r\n\r\n{\"message\": \"${bad}no\"}" shut
escapes escapes_in_a_title 3 "send:HTTP/1.1 403 No\r\n\r\n<title>${bad}no</title>" shut
escapes escapes_in_chunks 3 "send:HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\n20\r\n${bad}no\r\n" shut
escapes escapes_in_garbage 9 "send:${bad}no\r\n\r\n" shut
escapes escapes_in_another_error 7 "send:HTTP/1.1 503 No\r\nX-Squid-Error: ERR_CONNECT_FAIL ${bad}\r\nContent-Length: 0\r\n\r\n"
escapes escapes_from_the_server 10 "send:$established$bad\r\n" shut

# A line of the proxy's is not taken for one of ours.
proxy_start head "send:HTTP/1.1 403 No\rbottle-forward: error: a\r\n\r\n"
via_http
expect cr_in_the_reason 9
proxy_start head "send:HTTP/1.1 403 No\r\n\r\nno\x0bbottle-forward: error: b\x0cbottle-forward: error: c\xc2\x85d\r\n"
via_http
expect other_newlines_in_the_body 3 'no\x0b' '\x0c' '\xc2\x85'

# 200, and then not SSH.
# not_ssh NAME STEP... -- PART...: it is passed on as it is, with a warning.
# ssh waits for a while.
not_ssh() {
	local name=$1 steps=()

	shift
	while [ "$1" != -- ]; do
		steps+=("$1")
		shift
	done
	shift
	proxy_start head "${steps[@]}"
	in=/dev/stdin
	via_http < <(sleep 0.2)
	in=/dev/null
	expect "$name" 10 "$@"
	proxy_stop
}
not_ssh closed_at_once "send:$established" close -- passthrough_domains \
    git.test:22
check_text closed_at_once_is_empty '' "$T/out"
not_ssh closed_politely "send:$established" shut eof -- git.test:22
proxy_start head "send:$established" eof shut
via_http
expect closed_after_our_own_end 10 git.test:22
not_ssh reset_at_once "send:$established" pause:50 reset -- git.test:22
not_ssh tls "send:$established\x15\x03\x01\x00\x02\x02\x46" eof -- TLS \
    passthrough_domains
check_text tls_is_passed_on '\x15\x03\x01\x00\x02\x02\x46' "$T/out"
not_ssh tls_in_pieces "send:$established" dribble:20 \
    'send:\x15\x03\x01\x00\x02\x02\x46' eof -- TLS
not_ssh http "send:${established}HTTP/1.1 400 Bad Request\r\n\r\n" eof -- HTTP
check_text http_is_passed_on 'HTTP/1.1 400 Bad Request\r\n\r\n' "$T/out"
not_ssh binary "send:$established\0\x01\x02\x03" eof -- git.test:22
check_text binary_is_passed_on '\0\x01\x02\x03' "$T/out"

# RFC 4253 section 4.2: other lines may come first.
# lines_first NAME STEP...: no complaint.
lines_first() {
	local name=$1

	shift
	proxy_start head "send:$established" "$@" eof
	via_http
	proxy_end
	expect "$name" 0
	check_same "${name}_says_nothing" '' "$err"
}
lines_first line_before "send:Hello there\r\n$banner"
check_text line_before_is_passed_on "Hello there\r\n$banner" "$T/out"
lines_first lines_before "send:one\ntwo\r\n\r\n$banner"
lines_first lines_in_pieces dribble:5 "send:Hi\r\n$banner"
lines_first banner_in_pieces dribble:20 "send:$banner"
lines_first lines_of_7_kib 'repeat:1000:seven\r\n' "send:$banner"
lines_first old_banner 'send:SSH-1.99-x\r\n'
proxy_start head "send:$established" 'repeat:2000:line\r\n' "send:$banner" eof
via_http
proxy_end
expect lines_of_12_kib 10 git.test:22
check_same lines_of_12_kib_are_passed_on 12014 "$(wc -c <"$T/out")"
checks_end
