#!/bin/bash
# proxies.sh - ssh and git through bottle-forward and real proxies.
#
# Tinyproxy, Squid, microsocks and ssh -D, each with a configuration of its own,
# and an sshd behind them, all on loopback.  Everybody logs in through everybody
# to names and addresses of both kinds, with and without ProxyUseFdpass; what a
# proxy refuses must be told and told apart; a GiB goes both ways at once and
# must come out as it went in; and a proxy with a dead address must not hold
# anybody up.
# BOTTLE_BIN is the folder that bottle-forward and hose are in.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/support/say.sh
. "$here/../support/say.sh"
# shellcheck source=tests/support/check.sh
. "$here/../support/check.sh"
# shellcheck source=tests/support/packages.sh
. "$here/../support/packages.sh"
# shellcheck source=tests/interop/room.sh
. "$here/room.sh"

# Ports, of which there is no other user in the room.
sshd_port=2222 far_port=2223 closed_port=2224
tiny=8801 tiny_auth=8802 squid=8803 squid_auth=8804
socks=8805 socks_auth=8806 dynamic=8807

# Who may use those that ask; the second has what a URL cannot hold as it is.
tiny_user=tim tiny_password=opensesame
squid_user=sue squid_password='p@ss:w/rd %41#?'
socks_user=sid socks_password='a@b/c'

gib=$((1 << 30))

# --- the machines -------------------------------------------------------------

# A proxy by these names has an address that is tried first and is dead.
drops=2001:db8::dead
refuses=2001:db8::beef
drops_too=127.0.0.9

make_names() {
	local address

	for address in "$drops" "$refuses"; do
		ip -6 address add "$address/128" dev lo
	done
	cat >/etc/hosts <<-EOS
		127.0.0.1 localhost server.test blocked.test
		::1 server6.test
		$drops drops.test
		127.0.0.1 drops.test
		$refuses refuses.test
		127.0.0.1 refuses.test
		$drops dead.test
		$drops_too dead.test
	EOS
	# A name that is not in there is looked for nowhere.
	printf 'hosts: files\n' >/etc/nsswitch.conf
	printf 'nameserver 127.0.0.1\noptions timeout:1 attempts:1\n' \
	    >/etc/resolv.conf
}

listens() {
	[ -n "$(ss -Hltn "sport = :$1")" ]
}

# serve NAME PORT COMMAND...: as the user, until the room is gone.
serve() {
	local name=$1 port=$2

	shift 2
	as_user "$@" >"$room/$name.out" 2>&1 </dev/null &
	wait_for 20 listens "$port" ||
	    die "$name does not serve: $(tail -n 5 "$room/$name.out")"
}

# Squid asks a name server itself; this one knows nobody.
start_dns() {
	perl -MIO::Socket::INET -e '
		my $server = IO::Socket::INET->new(Proto => "udp",
		    LocalAddr => "127.0.0.1", LocalPort => 53)
		    or die "udp: $@\n";
		while (defined($server->recv(my $query, 512))) {
			# The question comes back, "no such name".
			substr($query, 2, 2) = "\x81\x83";
			$server->send($query);
		}' &
}

# A listener whose queue is full, so that the kernel drops who comes.
start_deaf() {
	local address

	for address in "$drops" "$drops_too"; do
		perl -MIO::Socket::IP -e '
			my ($address, $port) = @ARGV;
			my $listener = IO::Socket::IP->new(Listen => 1,
			    LocalHost => $address, LocalPort => $port,
			    ReuseAddr => 1) or die "listen: $@\n";
			listen($listener, 0) or die "listen: $!\n";
			my @held = map { IO::Socket::IP->new(Blocking => 0,
			    PeerHost => $address, PeerPort => $port) } 1 .. 4;
			print "full\n";
			close(STDOUT);
			sleep(600);' "$address" "$tiny" >"$room/deaf" &
		wait_for 30 grep -q full "$room/deaf" ||
		    die "nothing is deaf at $address"
		rm "$room/deaf"
	done
}

start_sshd() {
	ssh-keygen -q -t ed25519 -N '' -C host -f "$room/host"
	ssh-keygen -q -t ed25519 -N '' -C user -f "$room_home/key"
	cp "$room_home/key.pub" "$room/authorized"
	printf 'server %s\n' "$(cut -d ' ' -f 1-2 "$room/host.pub")" \
	    >"$room/known_hosts"
	chown "$room_user" "$room_home/key"
	cat >"$room/sshd_config" <<-EOS
		ListenAddress 127.0.0.1:$sshd_port
		ListenAddress [::1]:$sshd_port
		HostKey $room/host
		AuthorizedKeysFile $room/authorized
		StrictModes no
		PasswordAuthentication no
		KbdInteractiveAuthentication no
		UsePAM no
		SetEnv SHLVL=1
		PidFile none
		MaxStartups 100
	EOS
	/usr/sbin/sshd -D -f "$room/sshd_config" -E "$room/sshd.log" &
	wait_for 30 listens "$sshd_port" ||
	    die "sshd does not serve: $(tail -n 3 "$room/sshd.log")"
	cat >"$room/ssh_config" <<-EOS
		Host v4
			HostName 127.0.0.1
		Host v6
			HostName ::1
		Host name
			HostName server.test
		Host name6
			HostName server6.test
		Host closed
			HostName 127.0.0.1
			Port $closed_port
		Host *
			Port $sshd_port
			User $room_user
			IdentityFile $room_home/key
			HostKeyAlias server
			UserKnownHostsFile $room/known_hosts
			GlobalKnownHostsFile /dev/null
			StrictHostKeyChecking yes
			BatchMode yes
			LogLevel ERROR
	EOS
}

# Everybody's choice where CONNECT is wanted; it may go to our ports only.
start_tinyproxy() {
	local port name

	printf 'blocked\\.test\n' >"$room/filter"
	for name in tiny tiny_auth; do
		port=${!name}
		cat >"$room/$name.conf" <<-EOS
			Port $port
			Listen 127.0.0.1
			Timeout 60
			MaxClients 50
			LogLevel Connect
			ConnectPort $sshd_port
			ConnectPort $far_port
			ConnectPort $closed_port
			Filter "$room/filter"
		EOS
	done
	printf 'BasicAuth %s %s\n' "$tiny_user" "$tiny_password" \
	    >>"$room/tiny_auth.conf"
	for name in tiny tiny_auth; do
		serve "$name" "${!name}" tinyproxy -d -c "$room/$name.conf"
	done
}

# One process with two doors.
start_squid() {
	# shellcheck disable=SC2016
	printf '%s:%s\n' "$squid_user" "$(perl -e \
	    'print crypt($ARGV[0], "\$6\$salt")' "$squid_password")" \
	    >"$room/squid.users"
	cat >"$room/squid.conf" <<-EOS
		http_port 127.0.0.1:$squid
		http_port 127.0.0.1:$squid_auth
		auth_param basic program /usr/lib/squid/basic_ncsa_auth $room/squid.users
		auth_param basic children 1 startup=1 idle=1
		auth_param basic realm test
		acl asking localport $squid_auth
		acl known proxy_auth REQUIRED
		acl ours port $sshd_port $far_port $closed_port
		acl blocked dstdomain blocked.test
		http_access deny blocked
		http_access deny !ours
		http_access deny asking !known
		http_access allow all
		cache deny all
		cache_mem 0
		access_log stdio:$room_home/squid.access
		cache_log $room_home/squid.cache
		pid_filename none
		netdb_filename none
		coredump_dir none
		pinger_enable off
		max_filedescriptors 1024
		visible_hostname proxy.test
		dns_nameservers 127.0.0.1
		shutdown_lifetime 0 seconds
	EOS
	serve squid "$squid" squid -N -f "$room/squid.conf"
}

start_socks() {
	serve socks "$socks" microsocks -i 127.0.0.1 -p "$socks"
	serve socks_auth "$socks_auth" microsocks -i 127.0.0.1 \
	    -p "$socks_auth" -u "$socks_user" -P "$socks_password"
	serve dynamic "$dynamic" ssh -F "$room/ssh_config" -v -N \
	    -D "127.0.0.1:$dynamic" v4
}

# tunnels NAME: how many the proxy says that it has let through.
tunnels() {
	case $1 in
	tiny*) grep -c 'Established connection to host' "$room/$1.out" ;;
	squid*) grep -c 'TCP_TUNNEL/200 .* CONNECT' \
	    "$room_home/squid.access" ;;
	socks*) grep -c 'connected to' "$room/$1.out" ;;
	dynamic) grep -c 'forwarding to socks port' "$room/$1.out" ;;
	esac || true
}

more_tunnels() {
	[ "$(tunnels "$1")" -gt "$2" ]
}

# --- going through ------------------------------------------------------------

# forward WORD...: bottle-forward connect as the user; NAME=VALUE in front goes
# into its environment.
forward() {
	local -a environment=()

	while [[ ${1:-} = [A-Za-z]*=* ]]; do
		environment+=("$1")
		shift
	done
	as_user timeout 30 env "${environment[@]}" \
	    bottle-forward connect "$@"
}

# What ssh finds in its environment.
environment=()

# login OPTIONS FDPASS HOST: what the other side says.
login() {
	local pass=

	[ "$2" = no ] || pass=--fdpass
	as_user timeout 60 env "${environment[@]}" ssh -F "$room/ssh_config" \
	    -o "ProxyCommand=bottle-forward connect $pass $1 %h %p" \
	    -o "ProxyUseFdpass=$2" "$3" 'echo in' 2>&1 </dev/null || true
}

# check_login NAME PROXY OPTIONS FDPASS HOST: it gets in, and by that proxy,
# or by none of them.
check_login() {
	local before said

	before=$(tunnels "$2")
	said=$(login "$3" "$4" "$5")
	if [ "$said" = in ] && [ "$2" != none ] &&
	    ! wait_for 30 more_tunnels "$2" "$before"; then
		said='in, but not by the proxy'
	fi
	check_same "$1" in "$said"
}

# logins PROXY OPTIONS [HOST...]: both ways to each.
logins() {
	local proxy=$1 options=$2 host pass

	shift 2
	[ "$#" -gt 0 ] || set -- v4 v6 name
	for host in "$@"; do
		for pass in no yes; do
			check_login "${label}_${host}_fdpass_$pass" "$proxy" \
			    "$options" "$pass" "$host"
		done
	done
}

# check_clone PROXY OPTIONS FDPASS: a repository comes through whole.
check_clone() {
	local copy=$room_home/clone.$label.$3 pass='' status=0 out

	[ "$3" = no ] || pass=--fdpass
	out=$(as_user timeout 60 env "${environment[@]}" GIT_SSH_COMMAND="ssh \
	    -F $room/ssh_config -o ProxyUseFdpass=$3 -o \
	    'ProxyCommand=bottle-forward connect $pass $2 %h %p'" \
	    git clone -q "v4:$room_home/repo" "$copy" 2>&1 </dev/null) ||
	    status=$?
	check_same "${label}_clone_fdpass_$3" "0 $head_there " \
	    "$status $(as_user git -C "$copy" rev-parse HEAD 2>/dev/null) $out"
}

make_repository() {
	as_user git init -q -b main "$room_home/repo"
	head -c 3000000 /dev/urandom >"$room_home/repo/blob"
	as_user git -C "$room_home/repo" add blob
	as_user git -C "$room_home/repo" -c user.name=t \
	    -c user.email=t@test.example commit -q -m blob
	head_there=$(as_user git -C "$room_home/repo" rev-parse HEAD)
}

# check_told NAME STATUS TEXT... -- WORD...: how it ends and what it says.
check_told() {
	local name=$1 wanted=$2 status=0 out text
	local -a texts=()

	shift 2
	while [ "$1" != -- ]; do
		texts+=("$1")
		shift
	done
	shift
	out=$(forward "$@" 2>&1 </dev/null) || status=$?
	if [ "$status" -ne "$wanted" ]; then
		not_ok "$name" "ended with $status, not $wanted: $out"
		return
	fi
	for text in "${texts[@]}"; do
		[[ $out = *"$text"* ]] || {
			not_ok "$name" "\"$text\" is not in \"$out\""
			return
		}
	done
	ok "$name"
}

# --- the proxies, one after the other -----------------------------------------

http() {
	printf -- '--proxy http://127.0.0.1:%d' "$1"
}

try_tinyproxy() {
	local url=http://127.0.0.1

	label=tinyproxy
	logins tiny "$(http "$tiny")"
	check_clone tiny "$(http "$tiny")" no
	check_clone tiny "$(http "$tiny")" yes
	check_told tinyproxy_filters 3 '403 Filtered' \
	    "$url:$tiny refuses blocked.test:$sshd_port" 'what to do:' -- \
	    --proxy "$url:$tiny" blocked.test "$sshd_port"
	check_told tinyproxy_allows_no_such_port 3 '403 Access violation' -- \
	    --proxy "$url:$tiny" 127.0.0.1 23
	check_told tinyproxy_cannot_reach 7 ' 500 Unable to connect' -- \
	    --proxy "$url:$tiny" 127.0.0.1 "$closed_port"
	check_told tinyproxy_cannot_look_up 7 ' 500 ' -- \
	    --proxy "$url:$tiny" no-such-name.test "$sshd_port"

	label=tinyproxy_auth_file
	logins tiny_auth "$(http "$tiny_auth") --auth-file $room_home/tiny.auth" \
	    v4
	label=tinyproxy_auth_fd
	logins tiny_auth "$(http "$tiny_auth") --auth-fd 7 7<$room_home/tiny.auth" \
	    v6
	label=tinyproxy_auth_environment
	environment=("HTTPS_PROXY=http://$tiny_user:$tiny_password@127.0.0.1:$tiny_auth")
	logins tiny_auth '' name
	environment=()
	check_told tinyproxy_wants_credentials 6 ' 407 ' -- \
	    --proxy "$url:$tiny_auth" 127.0.0.1 "$sshd_port"
	# It says 401, not 407, to that.
	check_told tinyproxy_wants_other_credentials 6 ' 401 ' -- \
	    --proxy "$url:$tiny_auth" --auth-file "$room_home/wrong.auth" \
	    127.0.0.1 "$sshd_port"
}

try_squid() {
	local url=http://127.0.0.1

	label=squid
	logins squid "$(http "$squid")"
	check_clone squid "$(http "$squid")" no
	check_clone squid "$(http "$squid")" yes
	check_told squid_forbids 3 ' 403 Forbidden' 'what to do:' -- \
	    --proxy "$url:$squid" blocked.test "$sshd_port"
	check_told squid_cannot_reach 7 ' 503 ' -- \
	    --proxy "$url:$squid" 127.0.0.1 "$closed_port"
	check_told squid_cannot_look_up 7 ' 500 ' 'is the name right' -- \
	    --proxy "$url:$squid" no-such-name.test "$sshd_port"

	label=squid_auth_file
	logins squid "$(http "$squid_auth") --auth-file $room_home/squid.auth" \
	    v6
	label=squid_auth_fd
	logins squid "$(http "$squid_auth") --auth-fd 3 3<$room_home/squid.auth" \
	    name
	label=squid_auth_environment
	environment=("ALL_PROXY=http://$squid_user:$(
	    percent "$squid_password")@127.0.0.1:$squid_auth/")
	logins squid '' v4
	environment=()
	check_told squid_wants_credentials 6 ' 407 ' -- \
	    --proxy "$url:$squid_auth" 127.0.0.1 "$sshd_port"
	check_told squid_wants_other_credentials 6 ' 407 ' -- \
	    --proxy "$url:$squid_auth" --auth-file "$room_home/wrong.auth" \
	    127.0.0.1 "$sshd_port"
}

# percent TEXT: as a URL has it.
percent() {
	perl -e 'print $ARGV[0] =~ s/(\W)/sprintf("%%%02x", ord($1))/ger' "$1"
}

try_socks() {
	local url=socks5://127.0.0.1

	label=socks5
	logins socks "--proxy $url:$socks"
	label=socks5h
	logins socks "--proxy socks5h://127.0.0.1:$socks" name
	check_clone socks "--proxy $url:$socks" no
	check_clone socks "--proxy $url:$socks" yes
	check_told socks_cannot_reach 7 'refused' -- \
	    --proxy "$url:$socks" 127.0.0.1 "$closed_port"
	check_told socks_cannot_look_up 7 -- \
	    --proxy "socks5h://127.0.0.1:$socks" no-such.test "$sshd_port"

	label=socks_auth_file
	logins socks_auth \
	    "--proxy $url:$socks_auth --auth-file $room_home/socks.auth" v4
	label=socks_auth_environment
	environment=("all_proxy=socks5h://$socks_user:$(
	    percent "$socks_password")@127.0.0.1:$socks_auth")
	logins socks_auth '' name v6
	environment=()
	check_told socks_wants_credentials 6 -- \
	    --proxy "$url:$socks_auth" 127.0.0.1 "$sshd_port"
	check_told socks_wants_other_credentials 6 -- \
	    --proxy "$url:$socks_auth" --auth-file "$room_home/wrong.auth" \
	    127.0.0.1 "$sshd_port"

	label=ssh_dynamic
	logins dynamic "--proxy socks5h://127.0.0.1:$dynamic"
	check_clone dynamic "--proxy socks5h://127.0.0.1:$dynamic" no
	# It hangs up instead of saying no.
	check_told ssh_dynamic_cannot_reach 9 'hung up without an answer' -- \
	    --proxy "socks5h://127.0.0.1:$dynamic" 127.0.0.1 "$closed_port"
}

try_messages() {
	local url=http://127.0.0.1 out

	# What a user of ssh gets to see.
	out=$(login "$(http "$tiny")" yes closed)
	check_has ssh_shows_what_the_proxy_said "$out" \
	    "proxy $url:$tiny refuses 127.0.0.1:$closed_port: 500"
	out=$(login "$(http 1)" no v4)
	check_has ssh_shows_that_there_is_no_proxy "$out" "bottle-forward: error:"
	check_told no_proxy_there 5 -- --proxy "$url:1" 127.0.0.1 "$sshd_port"
	check_told not_a_proxy 9 -- \
	    --proxy "$url:$sshd_port" 127.0.0.1 "$sshd_port"
	check_told http_to_a_socks_proxy 9 -- \
	    --proxy "$url:$socks" 127.0.0.1 "$sshd_port"
	check_told socks_to_an_http_proxy 9 -- --answer-timeout 1 \
	    --proxy "socks5://127.0.0.1:$tiny" 127.0.0.1 "$sshd_port"
	check_told check_by_tinyproxy 0 200 SSH-2.0-OpenSSH -- --check \
	    --proxy "$url:$tiny" 127.0.0.1 "$sshd_port"
	check_told check_by_squid 0 200 SSH-2.0-OpenSSH -- --check \
	    --proxy "$url:$squid" ::1 "$sshd_port"
	check_told check_by_socks 0 SSH-2.0-OpenSSH -- --check \
	    --proxy "socks5://127.0.0.1:$socks" server.test "$sshd_port"
}

# The variables, where one that counts leads to nobody.
try_variables() {
	local dead=http://127.0.0.1:1 live=http://127.0.0.1:$tiny

	label=variables
	environment=("https_proxy=127.0.0.1:$tiny")
	check_login variable_without_a_scheme tiny '' no v4
	environment=("HTTPS_PROXY=$dead" "ALL_PROXY=$live")
	check_login all_proxy_is_first tiny '' yes v4
	environment=("HTTP_PROXY=$dead" "http_proxy=$dead")
	check_login http_proxy_is_not_meant none '' no v4
	environment=("HTTPS_PROXY=$dead" 'NO_PROXY=example.com,127.0.0.0/8')
	check_login no_proxy_by_network none '' yes v4
	environment=("HTTPS_PROXY=$dead" "no_proxy=[::1]:$sshd_port")
	check_login no_proxy_by_address_and_port none '' no v6
	environment=("HTTPS_PROXY=$dead" 'NO_PROXY=.test')
	check_login no_proxy_by_suffix none '' no name
	environment=("HTTPS_PROXY=$live" 'NO_PROXY=.test')
	check_login no_proxy_is_not_for_others tiny '' no v4
	environment=("HTTPS_PROXY=$dead" 'NO_PROXY=*')
	check_login option_is_before_no_proxy tiny "--proxy $live" no v4
	environment=("HTTPS_PROXY=$dead")
	check_login option_direct none '--proxy direct' no v4
	environment=()
	check_told dead_proxy_is_not_passed_by 5 -- "HTTPS_PROXY=$dead" \
	    NO_PROXY=.test 127.0.0.1 "$sshd_port"
}

# --- how true it is -----------------------------------------------------------

# check_flow NAME BYTES PROXY WAY OPTIONS: so many each way, at once, by a real
# proxy to hose's far end.  None of these proxies goes on in one direction when the
# other has ended, so neither ends before both are through.
check_flow() {
	local name=$1 bytes=$2 before out status=0 far

	before=$(tunnels "$3")
	"$room/bin/hose" far -k -u "$bytes" -d "$bytes" 127.0.0.1 "$far_port" \
	    >"$room/far.out" 2>&1 &
	far=$!
	wait_for 30 listens "$far_port" || die 'there is no far end'
	# shellcheck disable=SC2086
	out=$(as_user hose near -k $4 -u "$bytes" -d "$bytes" \
	    bottle-forward connect $5 127.0.0.1 "$far_port" 2>&1) || status=$?
	[ "$status" -eq 0 ] || end_process "$far"
	wait "$far" || status=$?
	wait_for 30 more_tunnels "$3" "$before" || status='not by the proxy'
	printf '# %s: %s\n' "$name" "$out"
	check_same "$name" "0 listening up $bytes " \
	    "$status $(tr '\n' ' ' <"$room/far.out")"
}

# check_halves NAME UP DOWN WAY [OPTION]: by hose's own proxy, where each end
# closes its half as soon as it has sent all.
check_halves() {
	# shellcheck disable=SC2086
	check "$1" as_user hose near -p $4 -u "$2" -d "$3" \
	    bottle-forward connect ${5:-} --proxy http://127.0.0.1:@PORT@ \
	    far.test 22
}

try_flows() {
	local few=$((gib / 64)) many=$((gib / 4))

	check_flow gib_by_pipes "$gib" squid '' "$(http "$squid")"
	check_flow gib_by_socketpair "$gib" squid -s "$(http "$squid")"
	check_flow gib_by_fdpass "$gib" squid -f "--fdpass $(http "$squid")"
	# These take their time.
	check_flow tinyproxy_is_true "$((gib / 16))" tiny '' "$(http "$tiny")"
	check_flow microsocks_is_true "$((gib / 16))" socks '' \
	    "--proxy socks5://127.0.0.1:$socks"
	check_halves up_ends_first "$few" "$many" ''
	check_halves down_ends_first "$many" "$few" ''
	check_halves up_ends_first_by_socketpair "$few" "$many" -s
	check_halves down_ends_first_by_socketpair "$many" "$few" -s
	check_halves up_ends_first_by_fdpass "$few" "$many" -f --fdpass
}

# --- dead addresses -----------------------------------------------------------

first_address() {
	getent ahosts "$1" | sed 's/ .*//;q'
}

# check_quick NAME HOST: a login by that proxy, before a try at an address that
# is dead could be over, which takes ten seconds.
check_quick() {
	local begin

	begin=$(now_ms)
	check_login "$1" tiny "--proxy http://$2:$tiny" no v4
	check "${1}_at_once" [ "$(($(now_ms) - begin))" -lt 9000 ]
}

try_dead_addresses() {
	local begin took

	# What the next ones rest on.
	check_same the_first_address_is_tried_first "$drops" \
	    "$(first_address drops.test)"
	check_same so_is_the_one_that_refuses "$refuses" \
	    "$(first_address refuses.test)"
	check_status what_drops_does_so 124 timeout 0.5 \
	    bash -c ": </dev/tcp/$drops/$tiny"
	check_status what_drops_does_so_too 124 timeout 0.5 \
	    bash -c ": </dev/tcp/$drops_too/$tiny"

	check_quick proxy_that_drops_first drops.test
	check_quick proxy_that_refuses_first refuses.test
	begin=$(now_ms)
	check_told proxy_that_is_dead 5 -- --connect-timeout 1 \
	    --proxy "http://dead.test:$tiny" 127.0.0.1 "$sshd_port"
	took=$(($(now_ms) - begin))
	check proxy_that_is_dead_in_time [ "$took" -ge 900 ]
	check proxy_that_is_dead_soon [ "$took" -lt 9000 ]
}

# --- all of it ----------------------------------------------------------------

room_enter "$@"
for tool in bottle-forward hose; do
	[ -x "${BOTTLE_BIN:-}/$tool" ] ||
	    die "set BOTTLE_BIN to the folder that $tool is in" 2
done
for tool in git ip microsocks perl squid ss ssh ssh-keygen sshd tinyproxy; do
	command -v "$tool" >/dev/null || skip_all "there is no $tool here"
done

room_ready
install -m 755 "$BOTTLE_BIN/bottle-forward" "$BOTTLE_BIN/hose" "$room/bin/"
room_private_tmp
printf '%s:%s\n' "$tiny_user" "$tiny_password" >"$room_home/tiny.auth"
printf '%s:%s\n' "$squid_user" "$squid_password" >"$room_home/squid.auth"
printf '%s:%s\n' "$socks_user" "$socks_password" >"$room_home/socks.auth"
printf '%s:%s\n' "$tiny_user" wrong >"$room_home/wrong.auth"
chmod 600 "$room_home"/*.auth
chown "$room_user" "$room_home"/*.auth

make_names
make_repository
start_dns
start_deaf
start_sshd
start_tinyproxy
start_squid
start_socks

for part in tinyproxy squid socks messages variables flows dead_addresses; do
	begin=$SECONDS
	"try_$part"
	printf '# %s: %d s\n' "$part" "$((SECONDS - begin))"
done
checks_end
