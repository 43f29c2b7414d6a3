#!/bin/bash
# What is wrong with a call is said before anything is sent; where the proxy and
# its credentials come from; and that a password shows nowhere.
# shellcheck source=tests/support/forward.sh
. "$(dirname "$0")/../support/forward.sh"

denied='HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n'

# A proxy that is there all the time, and must not be asked.
proxy_start -c 0 -t 250 head "send:$denied"

# usage NAME PART... -- ARG...: wrong use.
usage() {
	local name=$1 parts=()

	shift
	while [ "$1" != -- ]; do
		parts+=("$1")
		shift
	done
	shift
	connect "$@"
	expect "$name" 2 'bottle-forward: error: ' "${parts[@]}"
	check_text "${name}_prints_nothing" '' "$T/out"
}
proxy=(--proxy "http://$P")

# HOST: ssh's %h may be from anywhere.
host() {
	usage "host_$1" HOST -- "${proxy[@]}" -- "$2" 22
}
host empty ''
host dash -oProxyCommand=x
host dash_alone -
host blank 'a b'
host blank_before ' a'
host blank_behind 'a '
host tab $'a\tb'
host newline $'git.test\nX: y'
host crlf $'git.test\r\nProxy-Authorization: x'
host escape $'\e[2Ja'
host del $'a\x7f'
connect "${proxy[@]}" $'b\xc3\xbccher.test' 22
check_same host_other_letters 2 "$status"
check_has host_other_letters_says "$err" xn--
host no_utf8 $'\xff'
host slash a/b
host question 'a?b'
host hash 'a#b'
host percent 'a%20b'
host user user@git.test
host port git.test:22
host quote "a'b"
# shellcheck disable=SC2016
host dollar '$(x)'
host backslash 'a\b'
host comma a,b
host dot .
host dot_before .a
host dots a..b
host open_bracket '[::1'
host closed_bracket '::1]'
host brackets '[]'
host name_in_brackets '[git.test]'
host ipv4_in_brackets '[192.0.2.7]'
host ipv6_broken 1:2:3
host ipv6_long 1:2:3:4:5:6:7:8:9
host zone_empty 'fe80::1%'
host zone_with_slash 'fe80::1%a/b'
host too_long "$(printf 'a.%.0s' {1..127})"
host much_too_long "$(head -c 100000 /dev/zero | tr '\0' a)"
port() {
	usage "port_$1" PORT -- "${proxy[@]}" -- git.test "$2"
}
port empty ''
port zero 0
port above 65536
port far_above 18446744073709551638
port negative -1
port plus +22
port letters ssh
port letters_behind 22x
port blank ' 22'
port newline $'22\n'
port hex 0x16
port fraction 22.0

# Words.
usage no_words connect -- "${proxy[@]}"
usage one_word connect -- "${proxy[@]}" git.test
usage three_words connect -- "${proxy[@]}" git.test 22 23
usage options_behind connect -- "${proxy[@]}" git.test 22 --check
usage unknown_option nonsense -- "${proxy[@]}" --nonsense git.test 22
usage unknown_letter x -- "${proxy[@]}" -x git.test 22
usage no_value proxy -- --proxy
usage value_for_none fdpass -- "${proxy[@]}" --fdpass=yes git.test 22
usage twice proxy -- "${proxy[@]}" "${proxy[@]}" git.test 22
for name in connect-timeout answer-timeout; do
	for value in '' 0 -1 1x 1.5 99999999999; do
		usage "${name}_of_$value" "$name" -- "${proxy[@]}" \
		    "--$name" "$value" git.test 22
	done
done
for args in '' connct 'connect' '--proxy direct connect a 22'; do
	status=0
	# shellcheck disable=SC2086
	"$FORWARD" $args >"$T/out" 2>"$T/err" </dev/null || status=$?
	text_of "$T/err"
	err=$text
	expect "command_line_${args// /_}" 2 connect
	check_text "command_line_${args// /_}_prints_nothing" '' "$T/out"
done
for args in --help -h 'connect --help' 'connect -h' 'connect --check -h'; do
	# shellcheck disable=SC2086
	check_has "help_${args// /_}" "$("$FORWARD" $args 2>&1)" --answer-timeout
done
check_same version "$("$FORWARD" -V)" "$("$FORWARD" --version)"
check_has version_says_who "$("$FORWARD" -V)" bottle-forward
# shellcheck disable=SC2016
check_status help_that_cannot_be_printed 1 bash -c '"$0" --help >/dev/full' \
    "$FORWARD"

# The proxy's URL.
url() {
	local name=$1 value=$2

	shift 2
	usage "url_$name" proxy "$@" -- --proxy "$value" git.test 22
}
url empty ''
url no_host http://
url no_host_but_port http://:80
url https https://proxy.test:1 'not supported'
url ftp ftp://proxy.test:1
url socks4 socks4://proxy.test:1
url socks socks://proxy.test:1
url one_slash http:/proxy.test:1
url port_0 http://proxy.test:0
url port_above http://proxy.test:65536
url port_empty http://proxy.test:
url port_letters http://proxy.test:x
url port_long http://proxy.test:000000000000000000080
url path http://proxy.test:1/path
url query 'http://proxy.test:1?x'
url query_after_slash 'http://proxy.test:1/?x'
url fragment 'http://proxy.test:1#x'
url blank 'http://proxy .test:1'
url newline $'http://proxy.test\n:1'
url escape $'http://\e[2Jproxy.test:1'
url dash http://-proxy.test:1
url bracket 'http://[::1:1'
url behind_bracket 'http://[::1]1'
url bare_ipv6 http://1:2:3:1
url too_long "http://$(head -c 100000 /dev/zero | tr '\0' a):1"
# Whoever can see the processes can see an argument.
url with_no_name "http://@$P" user
url with_no_name_but_colon "http://:pa55@$P" user '!pa55'
for value in user:pa55@ user@ user:pa55@@; do
	url "with_$value" "http://$value$P" auth-file '!pa55'
	url "socks_with_$value" "socks5h://$value$P" '!pa55'
done
url with_slash_in_password "http://user:pa55/x@$P" '!pa55'
url with_hash_in_password "http://user:pa55#x@$P" '!pa55'

# Header lines.
header() {
	usage "header_$1" header -- "${proxy[@]}" --header "$2" git.test 22
}
header no_colon nonsense
header empty ''
header no_name ': x'
header blank_in_name 'X A: x'
header blank_behind_name 'X-A : x'
header newline $'X-A: b\nX-B: c'
header crlf $'X-A: b\r\nX-B: c'
header cr $'X-A: b\rX-B: c'
header escape $'X-A: \e[2J'
header tab $'X-A: a\tb'
header del $'X-A: \x7f'
header high $'X-A: \xff'
header long "X-A: $(head -c 2000 /dev/zero | tr '\0' x)"
for name in Host HOST Proxy-Authorization proxy-authorization Content-Length \
    Transfer-Encoding Connection User-Agent; do
	header "$name" "$name: x"
done
many=()
for i in {1..17}; do many+=(--header "X-$i: $i"); done
usage header_17_times header -- "${proxy[@]}" "${many[@]}" git.test 22
usage header_to_socks header -- --proxy "socks5h://$P" --header 'X-A: b' \
    git.test 22
usage header_to_nobody header -- --proxy direct --header 'X-A: b' git.test 22

# Files of credentials.
file() {
	local name=$1

	shift
	usage "file_$name" "$@" '!pa55' -- "${proxy[@]}" --auth-file "$T/auth" \
	    git.test 22
}
auth() {
	rm -f "$T/auth"
	printf '%b' "$1" >"$T/auth"
	chmod "${2:-600}" "$T/auth"
}
rm -f "$T/auth"
file missing "$T/auth"
for mode in 604 644 640 660 602 620 666; do
	auth user:pa55 "$mode"
	file "of_mode_$mode" "$T/auth"
done
mkdir -m 700 "$T/dir"
usage file_is_a_directory "$T/dir" -- "${proxy[@]}" --auth-file "$T/dir" \
    git.test 22
auth ''
file empty
auth '\nuser:pa55\n'
file empty_line
auth 'pa55word'
file no_colon
auth ':pa55'
file no_user
auth 'user:pa55\0word'
file nul
auth 'user:pa55\x1b[2J'
file escape
auth 'us\ter:pa55'
file tab
auth "user:pa55$(head -c 5000 /dev/zero | tr '\0' x)"
file long
auth "pa55$(head -c 300 /dev/zero | tr '\0' x):pa55"
file long_user
mkfifo -m 600 "$T/fifo"
usage file_is_a_pipe "$T/fifo" -- "${proxy[@]}" --auth-file "$T/fifo" \
    git.test 22
auth 'user:pa55'
if [ "$(id -u)" -eq 0 ]; then
	chown 65534 "$T/auth"
	file of_somebody_else "$T/auth"
	chown 0 "$T/auth"
fi
usage auth_twice auth-fd -- "${proxy[@]}" --auth-file "$T/auth" --auth-fd 7 \
    git.test 22 7</dev/null
usage auth_for_nobody auth-file -- --proxy direct --auth-file "$T/auth" \
    git.test 22
for n in '' x -1 1 2 0 99999999999; do
	usage "auth_fd_$n" auth-fd -- "${proxy[@]}" --auth-fd "$n" git.test 22
done
usage auth_fd_that_is_closed '' -- "${proxy[@]}" --auth-fd 77 git.test 22
usage auth_fd_empty '' -- "${proxy[@]}" --auth-fd 7 git.test 22 7</dev/null
usage auth_fd_without_colon '' '!pa55' -- "${proxy[@]}" --auth-fd 7 git.test \
    22 7< <(echo pa55)
# Somebody has it open and never writes.
mkfifo "$T/silent"
exec 8<>"$T/silent"
usage auth_fd_silent 'descriptor 7: no whole line has come in 1 s' '!pa55' -- \
    "${proxy[@]}" --auth-fd 7 --answer-timeout 1 git.test 22 7<"$T/silent"
check_took auth_fd_silent_in_time 0 8000
exec 8>&-
# Variables: what is wrong with them is told without their secrets.
variable() {
	local name=$1 value=$2 part=$3

	HTTPS_PROXY=$value connect git.test 22
	expect "variable_$name" 2 HTTPS_PROXY "$part" '!pa55'
}
variable scheme "https://user:pa55@$P" 'not supported'
variable port "http://user:pa55@127.0.0.1:99999" PORT
variable path "http://user:pa55@$P/x" ends
variable slash_in_password "http://user:pa55/x@$P" %2F
variable percent "http://user:pa55%@$P" %
variable percent_xx "http://user:pa55%zz@$P" %
variable newline "http://user:pa55%0a@$P" control
variable nul "http://user:pa55%00@$P" control
variable no_user "http://:pa55@$P" user
variable user_colon "http://us%3aer:pa55@$P" colon
variable long "http://user:pa55$(head -c 5000 /dev/zero | tr '\0' x)@$P" long
variable escape $'http://user:pa55@\e[2Jx:1' HOST

# After all of this nobody has connected.
check_same nobody_was_asked 0 "$(find "$D" -name '*.request' | wc -l)"

# Which variable counts: the proxy here says 403, the one in the others is a
# port that nobody listens on, and with none the name leads nowhere: a part of
# it is too long to be looked up, so no name server is asked.
good=http://$P
free_port() {
	perl -MIO::Socket::INET -e '
		print IO::Socket::INET->new(Listen => 1,
		    LocalAddr => "127.0.0.1")->sockport'
}
bad=http://127.0.0.1:$(free_port)
nowhere=$(printf 'x%.0s' {1..64})
# from NAME WHICH [VARIABLE=VALUE]... [-- ARG...]: it was the good one, the bad
# one or none that was asked.
from() {
	local name=$1 which=$2 env=() to=("$nowhere.git.test" 22) got

	shift 2
	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		env+=("$1")
		shift
	done
	[ $# -eq 0 ] || shift
	[ $# -eq 0 ] || to=("$@")
	got=0
	env "${env[@]}" timeout 20 "$FORWARD" connect "${to[@]}" </dev/null \
	    >"$T/out" 2>"$T/err" || got=$?
	text_of "$T/err"
	case $got,$text in
	3,*"$P refuses"*) got=good ;;
	5,*"${bad#http://}"*) got=bad ;;
	5,*"$P"*) got="strange: $text" ;;
	5,*"${to[*]: -2:1}"*) got=none ;;
	*) got="$got, $text" ;;
	esac
	check_same "from_$name" "$which" "$got"
}
from nothing none
for name in ALL_PROXY all_proxy HTTPS_PROXY https_proxy; do
	from "$name" good "$name=$good"
	from "${name}_empty" none "$name="
done
for name in HTTP_PROXY http_proxy ftp_proxy; do
	from "not_$name" none "$name=$good"
done
from first good "ALL_PROXY=$good" "all_proxy=$bad" "HTTPS_PROXY=$bad" \
    "https_proxy=$bad"
from second good ALL_PROXY= "all_proxy=$good" "HTTPS_PROXY=$bad" \
    "https_proxy=$bad"
from third good "HTTPS_PROXY=$good" "https_proxy=$bad"
from fourth good HTTPS_PROXY= "https_proxy=$good"
from second_is_not_first bad "ALL_PROXY=$bad" "HTTPS_PROXY=$good"
from option good "ALL_PROXY=$bad" -- --proxy "$good" git.test 22
from option_direct none "ALL_PROXY=$good" -- --proxy direct "$nowhere" 22
from variable_direct none ALL_PROXY=direct "HTTPS_PROXY=$good"
from without_scheme good "ALL_PROXY=$P"
from with_slash good "ALL_PROXY=$good/"
from option_despite_no_proxy good 'NO_PROXY=*' -- --proxy "$good" git.test 22

# NO_PROXY: hit is a list that means the host, miss one that does not.
hit() {
	from "no_proxy_$1" none "HTTPS_PROXY=$good" "NO_PROXY=$2" -- "$3" "$4"
}
miss() {
	from "no_proxy_$1" good "HTTPS_PROXY=$good" "NO_PROXY=$2" -- "$3" "$4"
}
name=$nowhere.git.test
miss empty '' "$name" 22
hit all '*' "$name" 22
hit all_in_a_list 'a.test, *' "$name" 22
hit name "$name" "$name" 22
hit suffix git.test "$name" 22
hit suffix_dot .git.test "$name" 22
hit suffix_star '*.git.test' "$name" 22
hit top test "$name" 22
hit case GIT.Test "$name" 22
hit host_in_capitals git.test "${name^^}" 22
hit dot_behind git.test. "$name" 22
hit host_with_dot git.test "$name." 22
hit blanks 'a.test git.test' "$name" 22
hit commas 'a.test,,git.test' "$name" 22
hit blanks_and_commas ' a.test , git.test ' "$name" 22
hit dot_name_itself ".$nowhere" "$nowhere" 22
hit star_name_itself "*.$nowhere" "$nowhere" 22
miss half_a_name it.test "$name" 22
miss longer a.git.test "$nowhere.test" 22
miss prefix "$nowhere.git" "$name" 22
miss star_inside "x*.git.test" "$name" 22
hit port git.test:22 "$name" 22
miss other_port git.test:23 "$name" 22
miss port_prefix git.test:2 "$name" 22
miss port_nonsense git.test:x "$name" 22
hit all_with_port '*:22' "$name" 22
miss all_with_other_port '*:23' "$name" 22
miss dot . "$name" 22
miss junk '[,],:,/,*.,.:22' "$name" 22
miss address_of_a_name 127.0.0.1,0.0.0.0/0,::/0 "$name" 22
from no_proxy_small_letters none "HTTPS_PROXY=$good" no_proxy=git.test
from no_proxy_for_all_proxy none "ALL_PROXY=$good" NO_PROXY=git.test
# An address is matched as one; nobody listens there.
closed=$(free_port)
hit address 127.0.0.1 127.0.0.1 "$closed"
hit address_port "127.0.0.1:$closed" 127.0.0.1 "$closed"
miss address_other_port 127.0.0.1:1 127.0.0.1 "$closed"
miss other_address 127.0.0.2 127.0.0.1 "$closed"
miss address_prefix 127.0.0 127.0.0.1 "$closed"
miss address_suffix 0.0.1 127.0.0.1 "$closed"
hit cidr 127.0.0.0/8 127.0.0.1 "$closed"
hit cidr_31 127.0.0.0/31 127.0.0.1 "$closed"
hit cidr_32 127.0.0.1/32 127.0.0.1 "$closed"
hit cidr_0 0.0.0.0/0 127.0.0.1 "$closed"
hit cidr_not_at_its_start 127.9.9.9/8 127.0.0.1 "$closed"
miss cidr_other 126.0.0.0/8 127.0.0.1 "$closed"
hit cidr_3 96.0.0.0/3 127.0.0.1 "$closed"
miss cidr_3_other 64.0.0.0/3 127.0.0.1 "$closed"
miss cidr_31_other 127.0.0.2/31 127.0.0.1 "$closed"
miss cidr_32_other 127.0.0.0/32 127.0.0.1 "$closed"
miss cidr_33 127.0.0.1/33 127.0.0.1 "$closed"
miss cidr_nonsense 127.0.0.1/x 127.0.0.1 "$closed"
miss cidr_empty 127.0.0.1/ 127.0.0.1 "$closed"
miss cidr_of_the_other_kind ::/0 127.0.0.1 "$closed"
if [ -e /proc/net/if_inet6 ] && grep -q ' lo$' /proc/net/if_inet6; then
	hit ipv6 ::1 ::1 "$closed"
	hit ipv6_long 0:0:0:0:0:0:0:1 ::1 "$closed"
	hit ipv6_brackets '[::1]' ::1 "$closed"
	hit ipv6_port "[::1]:$closed" ::1 "$closed"
	miss ipv6_other_port '[::1]:1' ::1 "$closed"
	hit ipv6_cidr ::/64 ::1 "$closed"
	hit ipv6_cidr_127 ::/127 ::1 "$closed"
	miss ipv6_cidr_127_other ::2/127 ::1 "$closed"
	miss ipv6_cidr_other fe80::/10 ::1 "$closed"
	miss ipv6_cidr_129 ::1/129 ::1 "$closed"
	miss ipv6_of_the_other_kind 0.0.0.0/0 ::1 "$closed"
	hit ipv6_host_in_brackets ::1 '[::1]' "$closed"
fi

# A password shows neither in what is said nor, while it runs, in what others
# can see of the process.
auth 'user:pa55\n'
secret=$(printf user:pa55 | base64)
proxy_start head pause:100000
"$FORWARD" connect -v --proxy "http://$P" --auth-file "$T/auth" \
    git.test 22 </dev/null >"$T/out" 2>"$T/err" &
tunnel=$!
# Then it has begun, and waits.
check and_it_is_sent wait_for 30 grep -qs "Basic $secret" "$D/1.request"
seen=$(tr '\0' '\n' <"/proc/$tunnel/cmdline")
check_has cmdline_is_seen "$seen" --auth-file
check_lacks cmdline_has_no_password "$seen" pa55
proxy_stop
wait "$tunnel" || true
text_of "$T/err"
check_has verbose_says_something "$text" "$P"
check_lacks verbose_has_no_password "$text" pa55
check_lacks verbose_has_no_base64 "$text" "$secret"
proxy_start head "send:$denied"
HTTPS_PROXY=http://user:pa55@$P connect -v git.test 22
proxy_end
expect verbose_with_a_variable 3 '!pa55' "!$secret"
check_has and_it_was_sent_too "$(cat "$D/1.request")" "Basic $secret"

# An interface of ours is nothing to a proxy, and nobody hears of it.
connect --proxy http://127.0.0.1:9 'fe80::1%lo' 22
expect an_interface_to_a_proxy 2 'fe80::1%lo' 'means nothing to a proxy'

# The agent that ssh-keygen is to ask must have a path that a socket can have.
status=0
text=$(BOTTLE_AGENT_SOCK=/$(printf '%0200d' 0) timeout 20 \
    "$BOTTLE_BIN/bottle-ssh-keygen" -Y sign 2>&1 </dev/null) || status=$?
check_same ssh_keygen_with_a_path_too_long 1 "$status"
check_has ssh_keygen_says_which "$text" BOTTLE_AGENT_SOCK

# Who has no HOME, or none from the root on, has that of /etc/passwd, or none.
# The file that is looked for there is broken, so it is told of.
if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null &&
    unshare -m true 2>/dev/null; then
	chmod 755 "$T"
	install -m 755 "$BOTTLE_BIN/bottle-ssh-keygen" "$T/keygen"
	other=54321
	while grep -q ":x:$other:" /etc/passwd; do
		other=$((other + 1))
	done
	for home in passwd relative; do
		mkdir -p "$T/of_$home/.ssh/bottle-agent"
		echo SSH_AUTH_SOCK=broken >"$T/of_$home/.ssh/bottle-agent/env"
		chown -R "$other" "$T/of_$home"
	done
	cp /etc/passwd "$T/passwd"
	# keygen [WORD...]: as that user, with env's WORDs.
	keygen() {
		# shellcheck disable=SC2016
		(cd "$T" && timeout 20 unshare -m sh -c '
			mount --bind "$0" /etc/passwd && exec "$@"' \
		    "$T/passwd" env -u HOME -u BOTTLE_AGENT_SOCK "$@" setpriv \
		    --reuid "$other" --regid "$other" --clear-groups \
		    "$T/keygen" -Y sign 2>&1 </dev/null) || true
	}
	check_lacks ssh_keygen_without_a_home "$(keygen HOME=of_relative)" \
	    .ssh/bottle-agent/env
	echo "somebody:x:$other:$other::$T/of_passwd:/bin/sh" >>"$T/passwd"
	for home in '' HOME=of_relative; do
		check_has "ssh_keygen_has_that_of_passwd_$home" \
		    "$(keygen ${home:+"$home"})" \
		    "$T/of_passwd/.ssh/bottle-agent/env"
	done
else
	printf '# another user with another /etc/passwd cannot be had here\n'
fi

# What is closed cannot be opened where there is no /dev/null.
if unshare -m mount -t tmpfs none /dev 2>/dev/null; then
	for name in bottle-forward:1 bottle-ssh-keygen:1; do
		status=0
		# shellcheck disable=SC2016
		text=$(timeout 20 unshare -m bash -c 'mount -t tmpfs none /dev
			exec "$1" <&-' - "$BOTTLE_BIN/${name%:*}" 2>&1) || status=$?
		check_same "${name%:*}_without_null_ends" "${name#*:}" "$status"
		check_same "${name%:*}_without_null_says_so" "${name%:*}: error: \
cannot have descriptors 0 to 2: No such file or directory" "$text"
	done
else
	printf '# nothing can be mounted here: /dev/null is there\n'
fi
checks_end
