#!/bin/bash
# What a proxy's no comes to: an exit code by its class, the proxy's own words
# in one line, and what to do about it.
# shellcheck source=tests/support/forward.sh
. "$(dirname "$0")/../support/forward.sh"

# row NAME STATUS ANSWER [PART]...: a proxy that answers so, then hangs up.
row() {
	local name=$1 wanted=$2 answer=$3

	shift 3
	proxy_start head "send:$answer"
	via_http
	proxy_end
	expect "$name" "$wanted" "proxy http://$P refuses git.test:22: " "$@"
	check_text "${name}_is_no_stream" '' "$T/out"
}

# pipelock NAME STATUS CODE BODY [PART]...: as Go's http.Error writes it.
pipelock() {
	local name=$1 wanted=$2 code=$3 body=$4

	shift 4
	row "$name" "$wanted" "HTTP/1.1 $code\r\n$(:
	    )Content-Type: text/plain; charset=utf-8\r\n$(:
	    )X-Content-Type-Options: nosniff\r\n$(:
	    )Content-Length: $((${#body} + 1))\r\n\r\n$body\n" \
	    "refuses git.test:22: $code" "the proxy says: $body" \
	    'what to do: ' "$@"
}

# One row for each of pipelock's reasons.
pipelock allowlist 3 '403 Forbidden' \
    'CONNECT blocked: domain not in allowlist: git.test' api_allowlist git.test
pipelock ssrf 3 '403 Forbidden' \
    'CONNECT blocked: SSRF blocked: git.test resolves to internal IP 10.0.0.9' \
    trusted_domains ssrf.ip_allowlist
pipelock ssrf_metadata 3 '403 Forbidden' \
    'CONNECT blocked: SSRF blocked: git.test resolves to cloud metadata endpoint 169.254.169.254' \
    trusted_domains ssrf.ip_allowlist
pipelock ssrf_dns 3 '403 Forbidden' \
    'CONNECT blocked: SSRF check failed: DNS resolution error: lookup git.test: no such host' \
    'look' '!api_allowlist'
pipelock blocked 3 '403 Forbidden' \
    'CONNECT blocked: domain blocked: git.test' 'blocked hosts' \
    '!api_allowlist'
pipelock dlp 3 '403 Forbidden' 'CONNECT blocked: header DLP match' \
    secret Proxy-Authorization '!blocked hosts'
pipelock escalation 3 '403 Forbidden' \
    'CONNECT blocked: session escalation level' quarantine operator
pipelock airlock 3 '403 Forbidden' \
    'airlock: CONNECT blocked during quarantine' quarantine operator
pipelock budget 8 '429 Too Many Requests' \
    'CONNECT blocked: budget exceeded: 100 requests' budget wait
pipelock rate 8 '429 Too Many Requests' \
    'CONNECT blocked: rate limit exceeded for git.test' 'rate limit' wait
pipelock no_connect 3 '405 Method Not Allowed' \
    'CONNECT not supported' forward_proxy.enabled
pipelock dial 7 '502 Bad Gateway' 'tunnel dial failed' 'cannot reach git.test'
pipelock tunnels 8 '503 Service Unavailable' 'too many active tunnels' tunnels
pipelock scanner 8 '503 Service Unavailable' 'scanner unavailable' later
json='{"error":"kill_switch_active","message":"all traffic is denied"}'
row kill_switch 8 "HTTP/1.1 503 Service Unavailable\r\n$(:
    )Content-Type: application/json\r\nContent-Length: ${#json}\r\n\r\n$json" \
    'all traffic is denied' 'kill switch' '503 Service Unavailable'
body='CONNECT blocked: domain not in allowlist: git.test'
row hint 3 "HTTP/1.1 403 Forbidden\r\nX-Pipelock-Hint: add it over there\r\n$(:
    )Content-Length: ${#body}\r\n\r\n$body" "$body" 'add it over there' \
    api_allowlist
row hint_in_other_letters 3 "HTTP/1.1 403 Forbidden\r\n$(:
    )x-PIPELOCK-hint:\t add it over there \r\nContent-Length: 0\r\n\r\n" \
    'add it over there'

# Other proxies, and every class of status.
no_body='Content-Length: 0\r\n\r\n'
row login 6 "HTTP/1.1 407 Proxy Authentication Required\r\n$(:
    )Proxy-Authenticate: Basic realm=\"x\"\r\n$no_body" \
    '407 Proxy Authentication Required' --auth-file
row multiple 3 "HTTP/1.1 300 Multiple Choices\r\n$no_body" 300
row redirect 3 "HTTP/1.1 302 Found\r\nLocation: http://login.test/\r\n$no_body" \
    '302 Found' 'what to do'
row bad_request 3 "HTTP/1.1 400 Bad Request\r\n$no_body" '400 Bad Request' \
    'what to do'
row unauthorized 6 "HTTP/1.1 401 Unauthorized\r\n$no_body" 401
row not_found 3 "HTTP/1.1 404 Not Found\r\n$no_body" 404
row teapot 3 "HTTP/1.1 499 x\r\n$no_body" 499
row server_error 7 "HTTP/1.1 500 Internal Server Error\r\n$no_body" 500
row gateway_timeout 7 "HTTP/1.1 504 Gateway Timeout\r\n$no_body" 504
row highest 7 "HTTP/1.1 599 x\r\n$no_body" 599
row no_reason 3 "HTTP/1.1 403\r\n$no_body" ': 403' '!403 Forbidden'
row empty_reason 3 "HTTP/1.1 403 \r\n$no_body" ': 403'
row old_version 3 "HTTP/1.0 403 Forbidden\r\n\r\nnot for you" '403 Forbidden' \
    'not for you'
row squid 7 "HTTP/1.1 503 Service Unavailable\r\nServer: squid/5.7\r\n$(:
    )Content-Type: text/html;charset=utf-8\r\nX-Squid-Error: ERR_DNS_FAIL 0\r\n$(:
    )\r\n<!DOCTYPE html><html><head><title>ERROR: The requested URL could not $(:
    )be retrieved</title></head>" 'could not be retrieved' '!<title>'
row page 3 'HTTP/1.1 403 Filtered\r\n\r\n<html><body><p>no</p></body></html>' \
    '403 Filtered'

# The credentials that were sent are wrong ones.
printf 'user:secret' >"$T/auth"
chmod 600 "$T/auth"
proxy_start head "send:HTTP/1.1 407 No\r\n$no_body"
via_http --auth-file "$T/auth"
proxy_end
expect wrong_login 6 '407 No' 'does not take' '!secret' \
    "!$(printf user:secret | base64)"

# Bodies.
many=$(printf 'x%.0s' {1..80})
row body_in_lines 3 'HTTP/1.1 403 No\r\n\r\n\r\n  first line  \r\nsecond line\r\n' \
    'the proxy says: first line' '!second'
row body_shorter_than_said 3 \
    'HTTP/1.1 403 No\r\nContent-Length: 4000\r\n\r\nonly this' \
    'the proxy says: only this'
row body_longer_than_said 3 \
    'HTTP/1.1 403 No\r\nContent-Length: 4\r\n\r\nthis and more' \
    'the proxy says: this' '!more'
row body_of_length_nonsense 3 \
    'HTTP/1.1 403 No\r\nContent-Length: -1\r\n\r\nthis' '403 No'
row body_of_length_beyond_64_bits 3 \
    'HTTP/1.1 403 No\r\nContent-Length: 18446744073709551617\r\n\r\nthis' \
    '403 No' 'the proxy says: this'
row body_chunked 3 'HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nin chunks\r\n0\r\n\r\n' \
    'the proxy says: in chunks'
row body_long_line 3 "HTTP/1.1 403 No\r\n\r\n$many$many$many$many$many$many$many" \
    'the proxy says: xxxx' '...' "!$many$many$many$many$many"
row long_reason 3 "HTTP/1.1 403 $many$many$many$many\r\n$no_body" '403 xxx' \
    "!$many$many$many$many"
row long_hint 3 "HTTP/1.1 403 No\r\nX-Pipelock-Hint: $many$many$many$many$many$many\r\n$no_body" \
    xxx "!$many$many$many$many$many"
row empty_json 3 'HTTP/1.1 403 No\r\n\r\n{}' '403 No'
row broken_json 8 'HTTP/1.1 503 No\r\n\r\n{"error":"kill_switch_act' '503 No'
# shellcheck disable=SC1003
row json_end_in_escape 3 'HTTP/1.1 403 No\r\n\r\n{"message":"a\\' '403 No'

# Who does not hang up is not waited for longer than a second or so, and on a busy
# machine not until the end of everything.
proxy_start head 'send:HTTP/1.1 403 No\r\n\r\nall there is' pause:60000
via_http
expect body_without_end 3 'all there is'
check_took body_without_end_is_not_waited_for 0 15000
proxy_start head 'send:HTTP/1.1 403 No\r\nContent-Length: 400\r\n\r\n' \
    dribble:50 repeat:0:z
via_http
expect body_that_dribbles 3 'the proxy says: zzz'
check_took body_that_dribbles_is_not_waited_for 0 15000
proxy_start head 'send:HTTP/1.1 403 No\r\n\r\n' repeat:0:flood
via_http
expect body_that_floods 3 'the proxy says: floodflood'
check_took body_that_floods_is_not_taken 0 15000
whole() {
	proxy_start head \
	    "send:HTTP/1.1 403 No\r\nContent-Length: 4\r\n\r\nthis" pause:60000
	via_http
}
whole
expect body_that_is_whole 3 'this'
check_soon body_that_is_whole_needs_no_wait 900 whole

# No before the request was read, and then the connection is reset.
proxy_start 'send:HTTP/1.1 403 Early\r\nContent-Length: 5\r\n\r\nearly' \
    pause:100 close
via_http
expect no_before_the_request 3 '403 Early'
checks_end
