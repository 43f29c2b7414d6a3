#!/bin/bash
# The request of HTTP, byte by byte: CONNECT, Host, who we are, and nothing
# else that was not asked for; and nothing behind it until there is an answer.
# shellcheck source=tests/support/forward.sh
. "$(dirname "$0")/../support/forward.sh"

version=$("$FORWARD" --version)
version=${version##* }
denied='HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n'
# Who calls has something to say at once.
printf 'SSH-2.0-client\r\n' >"$T/hello"
in=$T/hello

refuser() {
	proxy_start head quiet:60 "send:$denied"
}

# sent NAME AUTHORITY [LINE]...: what the last call sent.
sent() {
	local name=$1 authority=$2 all

	shift 2
	proxy_end
	expect "${name}_is_answered" 3 '403 Forbidden'
	all="CONNECT $authority HTTP/1.1\r\nHost: $authority\r\n"
	all+="User-Agent: bottle-forward/$version\r\n"
	[ $# -eq 0 ] || all+=$(printf '%s\\r\\n' "$@")
	check_text "$name" "$all\r\n" "$D/1.request"
	check_same "${name}_waits" 'quiet 0' "$(head -n 1 "$D/1.notes")"
	check_text "${name}_says_no_more" '' "$D/1.stream"
}

refuser
via_http
sent name git.test:22
refuser
connect --proxy "http://$P/" Git.Test 2222
sent name_as_given Git.Test:2222
refuser
connect --proxy "http://$P" 192.0.2.7 22
sent ipv4 192.0.2.7:22
refuser
connect --proxy "http://$P" 2001:db8::7 22
sent ipv6 '[2001:db8::7]:22'
refuser
connect --proxy "http://$P" '[2001:db8::7]' 22
sent ipv6_in_brackets '[2001:db8::7]:22'
refuser
connect --proxy "$P" git.test 65535
sent proxy_without_scheme git.test:65535
refuser
connect --proxy "HTTP://localhost:$proxy_port" git.test 1
sent proxy_by_name git.test:1
long=$(printf 'a%.0s' {1..63}).$(printf 'b%.0s' {1..63}).$(
    printf 'c%.0s' {1..63}).$(printf 'd%.0s' {1..61})
refuser
connect --proxy "http://$P" "$long" 22
sent longest_name "$long:22"

# Header lines of the user's own.
refuser
via_http --header 'X-Pipelock-Agent: dev' --header 'X-Empty:' \
    --header "X_y.z~!#\$%&'*+-^|\`: a b"
sent header_lines git.test:22 'X-Pipelock-Agent: dev' 'X-Empty:' \
    "X_y.z~!#\$%&'*+-^|\`: a b"
many=() lines=()
for i in {1..16}; do
	many+=(--header "X-$i: $i")
	lines+=("X-$i: $i")
done
refuser
via_http "${many[@]}"
sent sixteen_header_lines git.test:22 "${lines[@]}"

# Credentials, from each place that they may come from.
basic() {
	printf 'Proxy-Authorization: Basic %s' \
	    "$(printf '%b' "$1" | base64 -w 0)"
}
printf 'us er:pa:ss\xc3\xa9 word\nnot:this\n' >"$T/auth"
chmod 600 "$T/auth"
refuser
via_http --auth-file "$T/auth"
sent auth_file git.test:22 "$(basic 'us er:pa:ss\xc3\xa9 word')"
chmod 400 "$T/auth"
refuser
via_http --auth-file "$T/auth" --header 'X-A: b'
sent auth_file_and_header git.test:22 "$(basic 'us er:pa:ss\xc3\xa9 word')" \
    'X-A: b'
printf 'user:\r\n' >"$T/empty"
chmod 600 "$T/empty"
refuser
via_http --auth-file "$T/empty"
sent auth_file_without_password git.test:22 "$(basic user:)"
refuser
via_http --auth-fd 7 7< <(printf u:p)
sent auth_fd git.test:22 "$(basic u:p)"
refuser
HTTPS_PROXY="http://us%65r:p%40%3a%2F%25@$P" connect git.test 22
sent auth_of_the_variable git.test:22 "$(basic 'user:p@:/%')"
refuser
ALL_PROXY="http://user@$P/" connect git.test 22
sent auth_without_password git.test:22 "$(basic user:)"
# base64 of other tools has lines of 76.
password=$(printf '%.0sp' {1..255})
printf 'u:%s\n' "$password" >"$T/long"
chmod 600 "$T/long"
refuser
via_http --auth-file "$T/long"
sent long_password git.test:22 "$(basic "u:$password")"

# A second try over another connection would be a second request.
proxy_start -c 2 head 'send:HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="x"\r\nContent-Length: 0\r\n\r\n'
via_http --auth-file "$T/long"
expect asks_once 6 407
check_same asks_once_only no "$([ ! -e "$D/2.request" ] && echo no)"
proxy_stop
checks_end
