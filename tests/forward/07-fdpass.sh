#!/bin/bash
# With --fdpass ssh gets the connection itself, once the proxy has said yes, and
# the program is gone: not a byte of the tunnel is lost, and none is read.
# shellcheck source=tests/support/forward.sh
. "$(dirname "$0")/../support/forward.sh"

dd if=/dev/urandom of="$T/random" bs=64K count=16 status=none
{ printf 'SSH-2.0-client\r\n'; cat "$T/random"; } >"$T/up"
{ printf '%b' "$banner"; tac -s x "$T/random"; } >"$T/down"

# pass ARG...: as connect, but in ssh's hands.
pass() {
	status=0
	timeout -k 1 20 "$BOTTLE_BIN/passfd" "$FORWARD" connect --fdpass "$@" \
	    <"$in" >"$T/out" 2>"$T/err" || status=$?
	text_of "$T/err"
	err=$text
}
pass_http() {
	pass --proxy "http://$P" "$@" git.test 22
}
in=$T/up

# through NAME ARG... -- STEP...: both ways in one go.
through() {
	local name=$1 args=()

	shift
	while [ "$1" != -- ]; do
		args+=("$1")
		shift
	done
	shift
	proxy_start "$@"
	pass "${args[@]//PROXY/$P}"
	proxy_end
	expect "$name" 0
	check_same "${name}_is_silent" '' "$err"
	check_bytes "${name}_up" "$in" "$D/1.stream"
	check_bytes "${name}_down" "$T/down" "$T/out"
}
to=(git.test 22)
yes_of_socks='\x05\0\0\x01\0\0\0\0\0\0'
through http --proxy http://PROXY "${to[@]}" -- head "send:$established" \
    "duplex:$T/down"
through http_up_first --proxy http://PROXY "${to[@]}" -- head \
    "send:$established" eof "file:$T/down"
through http_down_first --proxy http://PROXY "${to[@]}" -- head \
    "send:$established" "file:$T/down" shut eof
through socks --proxy socks5h://PROXY "${to[@]}" -- greeting 'send:\x05\0' \
    target "send:$yes_of_socks" "duplex:$T/down"
proxy_start "duplex:$T/down"
pass --proxy direct 127.0.0.1 "$proxy_port"
proxy_end
expect direct 0
check_bytes direct_up "$T/up" "$D/1.stream"
check_bytes direct_down "$T/down" "$T/out"
in=/dev/null

# All that has come with the answer, and much of it, waits in the socket.
proxy_start head "send:$established$banner" "file:$T/random" eof
pass_http
proxy_end
expect much_behind_the_answer 0
{ printf '%b' "$banner"; cat "$T/random"; } >"$T/wanted"
check_bytes much_behind_the_answer_is_there "$T/wanted" "$T/out"
# It is ssh that sees what the server is: closed, or not SSH.
proxy_start head "send:$established" close
pass_http
expect closed_is_passed 0
proxy_start head "send:${established}HTTP/1.1 400 Bad Request\r\n\r\n" eof
pass_http
proxy_end
expect not_ssh_is_passed 0
check_text not_ssh_is_passed_on 'HTTP/1.1 400 Bad Request\r\n\r\n' "$T/out"

# No descriptor without a yes, and the codes are the same.
row() {
	local name=$1 wanted=$2

	shift 2
	proxy_start "$@"
	pass_http --answer-timeout 1
	expect "$name" "$wanted" "$P" '!passfd'
	check_text "${name}_passes_nothing" '' "$T/out"
	proxy_stop
}
row denied 3 head 'send:HTTP/1.1 403 No\r\n\r\nnot for you' close
row wants_login 6 head 'send:HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n'
row no_gateway 7 head 'send:HTTP/1.1 502 No\r\nContent-Length: 0\r\n\r\n'
row later 8 head 'send:HTTP/1.1 429 No\r\nContent-Length: 0\r\n\r\n'
row garbage 9 head 'send:garbage\r\n\r\n'
row cut_off 9 head 'send:HTTP/1.1 200 OK\r\n' close
row no_answer 9 head eof
proxy_start eof
proxy_stop
pass_http
expect unreachable 5 "$P" '!passfd'
pass --proxy 'http://a b' git.test 22
expect wrong_use 2 '!passfd'

# Where stdout is no socket there is nobody to hand it to; the proxy is not even
# asked.
proxy_start -c 0 head "send:$established"
printf unread >"$T/unread"
for to in file pipe null; do
	in=$T/unread
	status=0
	case $to in
	file) via_http --fdpass ;;
	pipe) timeout 20 "$FORWARD" connect --proxy "http://$P" --fdpass \
	    git.test 22 </dev/null 2>"$T/err" | cat >"$T/out"
		status=${PIPESTATUS[0]}
		;;
	null) timeout 20 "$FORWARD" connect --proxy "http://$P" --fdpass \
	    git.test 22 </dev/null >/dev/null 2>"$T/err" || status=$?
		;;
	esac
	text_of "$T/err"
	err=$text
	expect "stdout_is_a_$to" 1 fdpass ProxyUseFdpass
	check_text "stdout_is_a_${to}_gets_nothing" '' "$T/out"
done
check_same nobody_was_asked no "$([ ! -e "$D/1.request" ] && echo no)"
proxy_stop
in=/dev/null
status=0
proxy_start head "send:$established$banner" eof
pass_http --check
expect not_with_check 2 --check
proxy_stop

# What ssh itself makes of it.
if command -v ssh >/dev/null; then
	for use in yes no; do
		proxy_start head "send:$established" \
		    'send:SSH-2.0-fake_server\r\n' pause:200
		fdpass=$([ "$use" = no ] || echo --fdpass)
		out=$(timeout 20 ssh -v -F none -o "ProxyUseFdpass=$use" \
		    -o "ProxyCommand='$FORWARD' connect $fdpass --proxy http://$P %h %p" \
		    -o UserKnownHostsFile=/dev/null git.test true 2>&1 \
		    </dev/null) || true
		check_has "ssh_hears_the_server_$use" "$out" \
		    'remote software version fake_server'
		proxy_stop
		check_has "the_server_hears_ssh_$use" "$(head -c 64 \
		    "$D/1.stream" | tr -d '\0')" SSH-2.0-OpenSSH
	done
fi
checks_end
