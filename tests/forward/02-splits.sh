#!/bin/bash
# An answer may come in pieces, cut anywhere, with what the server says right
# behind it: not a byte of the one gets into the other.  So for each way to
# answer, cut at each position, alone and with the descriptor passed to ssh.
# shellcheck source=tests/support/forward.sh
. "$(dirname "$0")/../support/forward.sh"

printf 'SSH-2.0-client\r\n\0\377' >"$T/in"
in=$T/in

# streams NAME COUNT: that many connections, each with all of our input.
streams() {
	local file bad='' n=0

	for file in "$D"/*.stream; do
		cmp -s "$T/in" "$file" || bad+=" ${file##*/}"
		n=$((n + 1))
	done
	check_same "$1" "$2" "$n$bad"
}

# http NAME ANSWER: the answer and what the server says first.
http() {
	local name=$1 answer=$2 len how

	printf -v len %b "$answer$banner"
	len=${#len}
	for how in plain fdpass; do
		proxy_start -c 0 head split:host "send:$answer$banner" \
		    eof
		options=(--proxy "http://$P")
		cuts "${name}_$how" "cut_$how" 1 $((len - 1)) "$banner" 0
		wait_for 30 all_noted $((len - 1)) || true
		streams "${name}_${how}_other_way" $((len - 1))
	done
}
all_noted() {
	[ "$(grep -l '^done' "$D"/*.notes | wc -l)" -eq "$1" ]
}
banner='SSH-2.0-x\r\n'

http ok 'HTTP/1.1 200 OK\r\nA: b\r\n\r\n'
http bare_newlines 'HTTP/1.0 200\nA: b\n\n'
http interim 'HTTP/1.1 103 E\r\nA: b\r\n\r\nHTTP/1.1 204 \r\n\r\n'

# A no, cut anywhere in its head and body.
denied='HTTP/1.1 403 No\r\nContent-Length: 8\r\n\r\nnot here'
proxy_start -c 0 head split:host "send:$denied"
options=(--proxy "http://$P")
cuts denied_plain cut_plain 1 45 '' 3 'not here'
cuts denied_fdpass cut_fdpass 16 45 '' 3 'not here'

# SOCKS5.  Where the first answer is cut cannot be said by the host.
# socks NAME REPLY LENGTH
socks() {
	local name=$1 reply=$2 len=$3 how

	len=$((len + 11))
	for how in plain fdpass; do
		proxy_start -c 0 greeting 'send:\x05\x00' target split:host \
		    "send:$reply$banner" eof
		options=(--proxy "socks5h://$P")
		cuts "${name}_$how" "cut_$how" 3 $((len + 1)) "$banner" 0
		wait_for 30 all_noted $((len - 1)) || true
		streams "${name}_${how}_other_way" $((len - 1))
	done
}
socks socks_ipv4 '\x05\x00\x00\x01\x7f\0\0\x01\x00\x16' 10
socks socks_ipv6 '\x05\x00\x00\x040123456789abcdef\x00\x16' 22
socks socks_name '\x05\x00\x00\x03\x05proxy\x00\x16' 12
for n in 1 3; do
	printf 'u:p' >"$T/auth"
	chmod 600 "$T/auth"
	for how in plain fdpass; do
		proxy_start "split:$n" greeting 'send:\x05\x02' auth \
		    'send:\x01\x00' target \
		    "send:\x05\0\0\x01\0\0\0\0\0\0$banner" eof
		options=(--proxy "socks5h://$P" --auth-file "$T/auth")
		cuts "socks_login_${n}_$how" "cut_$how" "$n" "$n" "$banner" 0
		proxy_end
		streams "socks_login_${n}_${how}_other_way" 1
	done
done

# Byte by byte, each a segment of its own.
for how in plain fdpass; do
	proxy_start dribble:2 head "send:HTTP/1.1 200 OK\r\n\r\n$banner" eof
	options=(--proxy "http://$P")
	cuts "http_bytes_$how" "cut_$how" 1 1 "$banner" 0
	proxy_start dribble:2 greeting 'send:\x05\x00' target \
	    "send:\x05\0\0\x03\x03abc\x00\x16$banner" eof
	options=(--proxy "socks5h://$P")
	cuts "socks_bytes_$how" "cut_$how" 1 1 "$banner" 0
done
checks_end
