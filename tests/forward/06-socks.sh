#!/bin/bash
# SOCKS5: what is sent, byte by byte, and what becomes of each answer.
# shellcheck source=tests/support/forward.sh
. "$(dirname "$0")/../support/forward.sh"

ok_reply='\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00'
git='\x05\x01\x00\x03\x08git.test\x00\x16'
printf 'SSH-2.0-client\r\n' >"$T/hello"
in=$T/hello

# asks NAME REQUEST [ARG...]: what is sent where no login is needed; the proxy's
# answers are given once nothing more has come for a while.
asks() {
	local name=$1 request=$2

	shift 2
	proxy_start greeting quiet:40 'send:\x05\x00' target quiet:40 \
	    "send:$ok_reply$banner" eof
	connect "${@//PROXY/$P}"
	proxy_end
	expect "$name" 0
	check_text "${name}_sends" "\x05\x01\x00$request" "$D/1.request"
	check_same "${name}_waits" 'quiet 0 quiet 0' "$(head -n 2 \
	    "$D/1.notes" | tr '\n' ' ' | sed 's/ $//')"
	check_bytes "${name}_goes_on" "$in" "$D/1.stream"
	check_text "${name}_comes_out" "$banner" "$T/out"
}
asks name "$git" --proxy socks5h://PROXY git.test 22
asks name_and_port '\x05\x01\x00\x03\x01h\xff\xfe' --proxy SOCKS5H://PROXY/ \
    h 65534
asks ipv4 '\x05\x01\x00\x01\xc0\x00\x02\x07\x00\x16' --proxy socks5h://PROXY \
    192.0.2.7 22
asks ipv6 "\x05\x01\x00\x04\x20\x01\x0d\xb8$(printf '\\x00%.0s' {1..11})\x07\x00\x16" \
    --proxy socks5h://PROXY 2001:db8::7 22
asks ipv4_looked_up_here '\x05\x01\x00\x01\xc0\x00\x02\x07\x00\x16' \
    --proxy socks5://PROXY 192.0.2.7 22
long=$(printf 'a%.0s' {1..63}).$(printf 'b%.0s' {1..63}).$(
    printf 'c%.0s' {1..63}).$(printf 'd%.0s' {1..61})
asks longest_name "\x05\x01\x00\x03\xfd$long\x00\x16" --proxy socks5h://PROXY \
    "$long" 22
# What this machine takes localhost for.
case $(getent ahosts localhost | awk '{ print $1; exit }') in
127.0.0.1) address='\x01\x7f\x00\x00\x01' ;;
::1) address="\x04$(printf '\\x00%.0s' {1..15})\x01" ;;
*) address= ;;
esac
[ -z "$address" ] || asks name_looked_up_here "\x05\x01\x00$address\x00\x16" \
    --proxy socks5://PROXY localhost 22

# Logging in.
printf 'us:p:w\n' >"$T/auth"
chmod 600 "$T/auth"
hello='\x05\x02\x00\x02'
proxy_start greeting quiet:40 'send:\x05\x02' auth quiet:40 'send:\x01\x00' \
    target "send:$ok_reply$banner" eof
via_socks --auth-file "$T/auth"
proxy_end
expect login 0
check_text login_sends "$hello\x01\x02us\x03p:w$git" "$D/1.request"
check_text login_comes_out "$banner" "$T/out"
proxy_start greeting 'send:\x05\x00' target "send:$ok_reply$banner" eof
via_socks --auth-file "$T/auth"
proxy_end
expect login_not_needed 0
check_text login_not_needed_sends_no_password "$hello$git" "$D/1.request"
proxy_start greeting 'send:\x05\x02' auth 'send:\x01\x00' target \
    "send:$ok_reply$banner" eof
ALL_PROXY="socks5h://u%3Ax:@$P" connect git.test 22
expect login_name_with_colon 2 colon
proxy_stop
proxy_start greeting 'send:\x05\x02' auth 'send:\x01\x00' target \
    "send:$ok_reply$banner" eof
ALL_PROXY="socks5h://u:@$P" connect git.test 22
proxy_end
expect login_of_the_variable 0
check_text login_without_password "$hello\x01\x01u\x00$git" "$D/1.request"
password=$(printf 'p%.0s' {1..255})
printf 'u:%s\n' "$password" >"$T/long"
chmod 600 "$T/long"
proxy_start greeting 'send:\x05\x02' auth 'send:\x01\x00' target \
    "send:$ok_reply$banner" eof
via_socks --auth-file "$T/long"
proxy_end
expect longest_password 0
check_text longest_password_is_sent "$hello\x01\x01u\xff$password$git" \
    "$D/1.request"
printf 'u:p%s\n' "$password" >"$T/long"
proxy_start greeting 'send:\x05\x02' auth 'send:\x01\x00'
via_socks --auth-file "$T/long"
expect longer_password 2 255 "!$password"
proxy_stop
check_lacks longer_password_is_not_sent "$(
    tr -d '\0' <"$D/1.request")" pp

# row NAME STATUS STEP... -- [PART]...: with $args more arguments.
row() {
	local name=$1 wanted=$2 steps=()

	shift 2
	while [ "$1" != -- ]; do
		steps+=("$1")
		shift
	done
	shift
	proxy_start "${steps[@]}"
	via_socks "${args[@]}"
	expect "$name" "$wanted" "$P" '!%s' "$@"
	check_text "${name}_is_no_stream" '' "$T/out"
	proxy_stop
}
login=(--auth-file "$T/auth")

# The first answer.
args=()
row no_method 6 greeting 'send:\x05\xff' eof -- --auth-file
row password_unasked 9 greeting 'send:\x05\x02' eof --
row gssapi 9 greeting 'send:\x05\x01' eof --
row version_4 9 greeting 'send:\x04\x00' eof --
row http_proxy 9 greeting 'send:HTTP/1.1 400 Bad Request\r\n\r\n' eof -- http://
row hangs_up 9 greeting close --
row hangs_up_in_the_method 9 greeting 'send:\x05' close --
row resets 9 greeting reset --
args=("${login[@]}")
row no_method_with_password 6 greeting 'send:\x05\xff' eof -- '!p:w'
row wrong_password 6 greeting 'send:\x05\x02' auth 'send:\x01\x01' eof -- '!p:w'
row wrong_password_255 6 greeting 'send:\x05\x02' auth 'send:\x01\xff' close \
    -- '!p:w'
row login_of_other_version 9 greeting 'send:\x05\x02' auth 'send:\x02\x00' eof \
    --
row hangs_up_in_the_login 9 greeting 'send:\x05\x02' auth 'send:\x01' close --
row hangs_up_after_the_login 9 greeting 'send:\x05\x02' auth close --

# The reply.
args=()
reply() {
	local name=$1 wanted=$2 reply=$3

	shift 3
	row "$name" "$wanted" greeting 'send:\x05\x00' target "send:$reply" \
	    close -- "$@"
}
rest='\x00\x01\x00\x00\x00\x00\x00\x00'
reply failure 7 "\x05\x01$rest" 'refuses git.test:22' 'what to do' git.test
reply not_allowed 3 "\x05\x02$rest" 'refuses git.test:22' 'not allowed'
reply net_unreachable 7 "\x05\x03$rest" unreachable
reply host_unreachable 7 "\x05\x04$rest" unreachable
reply refused 7 "\x05\x05$rest" refused
reply expired 7 "\x05\x06$rest" TTL
reply no_command 3 "\x05\x07$rest" 'not supported'
reply no_address_type 7 "\x05\x08$rest" 'not supported'
reply unknown_9 7 "\x05\x09$rest" 9
reply unknown_255 7 "\x05\xff$rest" 255
reply no_of_two_bytes 3 '\x05\x02' 'not allowed'
reply other_version 9 "\x04\x00$rest"
reply reserved 9 '\x05\x00\x01\x01\x00\x00\x00\x00\x00\x00'
reply address_type_0 9 '\x05\x00\x00\x00\x00\x00\x00\x00\x00\x00'
reply address_type_2 9 '\x05\x00\x00\x02\x00\x00\x00\x00\x00\x00'
reply hangs_up_before_the_reply 9 ''

# after NAME REPLY: what is behind the reply comes out, and nothing of it.
after() {
	local name=$1 reply=$2

	proxy_start greeting 'send:\x05\x00' target "send:$reply$banner" eof
	via_socks
	proxy_end
	expect "$name" 0
	check_text "${name}_comes_out" "$banner" "$T/out"
}
after bound_ipv4 '\x05\x00\x00\x01\x01\x02\x03\x04\x05\x06'
after bound_ipv6 '\x05\x00\x00\x04SSH-SSH-SSH-SSH-\x00\x16'
after bound_name '\x05\x00\x00\x03\x0bSSH-2.0-a\r\n\x00\x16'
after bound_empty_name '\x05\x00\x00\x03\x00\x00\x16'
after bound_longest_name "\x05\x00\x00\x03\xff${password}\x00\x16"

# Cut off after each byte; the host says where, so not before the request.
options=()
proxy_start -c 0 greeting 'send:\x05\x00' target cut:host \
    'send:\x05\x00\x00\x03\x05proxy\x00\x16'
options=(--proxy "socks5h://$P")
cuts cut_off cut_plain 2 13 '' 9 'bottle-forward: error: '

# Escapes of the server, and a proxy that sends and sends.
proxy_start greeting 'send:\x05\x00' target "send:$ok_reply\e[2Jx\r\n" eof
via_socks
proxy_end
expect escapes 10 '\x1b'
proxy_start greeting repeat:0:SSH-
via_socks
expect flood 9 "$P"
proxy_start greeting 'send:\x05\x00' target 'send:\x05\x00\x00\x03\xff' \
    repeat:255:a 'send:\x00\x16' repeat:0:flood
via_socks --check --answer-timeout 5
expect flood_from_the_server 10
checks_end
