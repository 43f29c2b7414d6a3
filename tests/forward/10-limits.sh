#!/bin/bash
# Time limits: each way to keep us waiting ends in time, and with its class.  Those
# that hold without an option are 10 and 30 seconds.
# shellcheck source=tests/support/forward.sh
. "$(dirname "$0")/../support/forward.sh"

proxy_start head eof
via_http --answer-timeout 1
expect no_answer 9 "$P"
check_took no_answer_in_time 900 15000
proxy_start head dribble:100 'repeat:0:HTTP/1.1 200 OK, but not yet '
via_http --answer-timeout 1
expect slow_answer 9 "$P"
check_took slow_answer_in_time 900 15000
interim='send:HTTP/1.1 100 C\r\n\r\n'
proxy_start head "$interim" pause:600 "$interim" pause:600 "$interim" \
    pause:600 "$interim" pause:600 "$interim" pause:60000
via_http --answer-timeout 1
expect slow_interims 9 "$P"
check_took slow_interims_in_time 900 15000
proxy_start greeting 'send:\x05\0' target eof
via_socks --answer-timeout 1
expect no_answer_of_socks 9 "$P"
check_took no_answer_of_socks_in_time 900 15000
proxy_start eof
via_socks --answer-timeout 1
expect no_word_of_socks 9 "$P"
proxy_start -f
via_http --connect-timeout 1
expect nobody_lets_us_in 5 "$P"
check_took nobody_lets_us_in_in_time 900 9000
connect --proxy direct --connect-timeout 1 127.0.0.1 "$proxy_port"
expect nobody_lets_us_in_directly 5 "$P"
proxy_start head eof
proxy_stop
via_http
expect nobody_listens 5 "$P" refused \
    'what to do: does the proxy run, and is this its address as seen from here?'
connect --proxy direct 127.0.0.1 "$proxy_port"
expect nobody_listens_directly 5 "$P" refused \
    'what to do: does the host listen on this port?' '!NO_PROXY'
connect "${P%:*}" "${P#*:}"
expect nobody_listens_without_a_proxy_set 5 "$P" 'or in ALL_PROXY'
checks_end
