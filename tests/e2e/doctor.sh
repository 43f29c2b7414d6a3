#!/bin/bash
# doctor.sh docker|embedded [--transcript FILE] - bottle-provision doctor, for
# real.
#
# A bottle into which keys were loaded (see world.sh), in which doctor finds
# nothing bad; then one thing after the other that is broken there, of which
# doctor must name the link and the cause, and say of all other links what it
# said before.  It is mended then, in the same bottle.  Nothing may be changed
# by having looked.
#
# With --transcript what doctor says to people is written to a file, for the
# docs: of the healthy bottle, and of each broken one.
#
# BOTTLE_STATIC_BIN is the folder of the static programs, BOTTLE_BIN that of
# bottle-provision.
# Much here is text for the shell on the other side.
# shellcheck disable=SC2016
set -eu

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/support/say.sh
. "$here/../support/say.sh"
# shellcheck source=tests/support/check.sh
. "$here/../support/check.sh"
# shellcheck source=tests/support/packages.sh
. "$here/../support/packages.sh"
# shellcheck source=tests/e2e/roots.sh
. "$here/roots.sh"
# shellcheck source=tests/e2e/engine.sh
. "$here/engine.sh"
# shellcheck source=tests/e2e/world.sh
. "$here/world.sh"

usage='usage: doctor.sh [docker|embedded] [--transcript FILE]'
kind=docker
transcript=/dev/null
while [ $# -gt 0 ]; do
	case $1 in
	--transcript)
		transcript=${2:?$usage}
		shift
		;;
	docker | embedded) kind=$1 ;;
	*) die "$usage" ;;
	esac
	shift
done
[ "$transcript" = /dev/null ] || : >"$transcript"
bin=${BOTTLE_STATIC_BIN:-$here/../../build/static/bin}
host_bin=${BOTTLE_BIN:-$here/../../build/release/bin}
provision=$host_bin/bottle-provision

work=$(mktemp -d "${TMPDIR:-/tmp}/bottle-doctor.XXXXXX")
at_exit rm -rf "$work"

# --- the world ---------------------------------------------------------------

[ -x "$provision" ] || skip_all "there is no program $provision"
why=$(world_missing "$kind" "$bin")
[ -z "$why" ] || skip_all "$why"
command -v jq >/dev/null || skip_all 'needs jq'
if [ "$kind" != embedded ]; then
	at_exit engine_down
	engine_up "$work" || skip_all "$engine_why"
fi
roots_ready || die 'cannot make the root file systems'
if [ "$kind" != embedded ]; then
	docker_ready || skip_all "$world_why"
fi
at_exit world_down
world_up "$kind" "bottle-doctor-$$" "$bin" || {
	cat "$world_dir"/*.log >&2 2>/dev/null
	die "cannot bring the world up: ${world_why:-see above}"
}

# A program for exec: that runs a command in the bottle: what is the user's
# business as the user, all else as root.
if [ "$kind" = docker ]; then
	target=docker:$world_name
else
	target=exec:$work/enter
	cat >"$work/enter" <<-EOS
		#!/bin/bash
		case \$1:\${4:-} in
		*/bottle-forward:* | /bin/sh:user) exec $(world_enter 1000) "\$@" ;;
		*) exec $(world_enter 0) "\$@" ;;
		esac
	EOS
	chmod 755 "$work/enter"
fi

# --- keys --------------------------------------------------------------------

mkdir -m 700 "$work/home" "$work/op"
for name in git build; do
	ssh-keygen -q -t ed25519 -N '' -C "$name-key" -f "$work/op/$name" \
	    </dev/null
done
hostkey() {
	cut -d ' ' -f 1-2 "$world_dir/$1.pub"
}

# manifest [FIELDS]: two hosts, each with its key; the first has more fields.
manifest() {
	cat <<-EOS
		[{"Host": "$world_host", "Hostname": "$world_host",
		  "User": "git", "KnownHostKey": "$(hostkey hostkey)",
		  "IdentityFile": "$work/op/git"${1:+, $1}},
		 {"Host": "$world_build", "Hostname": "$world_build",
		  "User": "deploy", "Port": $world_build_port,
		  "KnownHostKey": "$(hostkey buildkey)",
		  "IdentityFile": "$work/op/build"}]
	EOS
}

provision() {
	HOME=$work/home NO_COLOR=1 timeout 60 "$provision" "$@"
}

# load_manifest: what is on stdin.
load_manifest() {
	provision load -f - --proxy "$world_proxy_url" --sign \
	    --no-prompt --no-install "$target" >/dev/null 2>"$work/said" || {
		cat "$work/said" >&2
		die 'cannot load'
	}
}

# load [FIELDS]
load() {
	manifest "$@" | load_manifest
}

# --- what doctor says --------------------------------------------------------

# Whether it goes to the hosts: --no-login, or nothing.
login=--no-login

doctor() {
	provision doctor ${login:+"$login"} "$@" </dev/null
}

# verdicts FILE: "LINK VERDICT" of each link, the worst of it.
verdicts() {
	jq -r '.targets[0].findings | group_by(.link)[] |
	    "\(.[0].link) \(map({"skipped": 0, "ok": 1, "warn": 2,
	    "bad": 3}[.verdict]) | max | ["skipped", "ok", "warn", "bad"][.])"
	    ' "$1" | sort
}

# said FILE LINK: what there is about it.
said() {
	jq -r --arg link "$2" '.targets[0].findings[] |
	    select(.link == $link) | .what' "$1"
}

# tell TITLE COMMENT [OPTION...]: what it says to people, for the docs.
tell() {
	local line="$ bottle-provision doctor ${login:+"$login "}${*:3} web"

	[ "$transcript" != /dev/null ] || return 0
	{
		printf '## %s\n\n' "${1//_/ }"
		[ -z "$2" ] || printf '%s\n' "$2" | sed 's/^[[:space:]]*/# /'
		printf '%s\n' "${line//  / }"
		doctor "${@:3}" "$target" 2>&1 |
		    sed "s|$target|docker:web|g; s|$world_name|web|g" || true
		printf '\n'
	} >>"$transcript"
}

# without LINK...: lines of verdicts that are about none of them.
without() {
	grep -v -E "^($(printf '%s|' "$@")-) " || true
}

# Where a thing is broken: in bottle, server or proxy.
place=bottle

in_place() {
	case $place in
	bottle) bottle 0 "$@" ;;
	*) "${place}_in" "$@" </dev/null ;;
	esac
}

# broken NAME LINK VERDICT PART ALSO BREAK MEND [OPTION...]: root does BREAK in
# that place, and MEND afterwards.  The link gets that verdict, with PART in
# what is said of it.  All others have the one they had, but for those of ALSO, of
# which there can be nothing known then, or that are wrong, too; * is any.
broken() {
	local name=$1 link=$2 verdict=$3 part=$4 also=$5 break=$6 mend=$7
	local code=0 want=0

	shift 7
	in_place bash -c "$break" >"$work/break" 2>&1 || {
		not_ok "$name" "cannot be broken: $(cat "$work/break")"
		return
	}
	doctor --json "$@" "$target" >"$work/doctor.json" \
	    2>"$work/doctor.err" || code=$?
	verdicts "$work/doctor.json" >"$work/now"
	[ "$verdict" != bad ] || want=1
	case $also in
	'*') : ;;
	*)
		# shellcheck disable=SC2086
		check_same "${name}_leaves_other_links" \
		    "$(without "$link" $also <"$work/healthy")" \
		    "$(without "$link" $also <"$work/now")"
		[ -n "$also" ] || check_same "${name}_ends_with_$want" \
		    "$want" "$code"
		;;
	esac
	check_same "$name" "$link $verdict" "$(grep "^$link " "$work/now")"
	check_has "${name}_is_the_cause" \
	    "$(said "$work/doctor.json" "$link")" "$part"
	tell "$name" "$break" "$@"
	[ -z "$mend" ] || in_place bash -c "$mend" >/dev/null 2>&1 ||
	    die "$name cannot be mended: $mend"
}

# --- a healthy bottle --------------------------------------------------------

# All that could be changed by having looked: files and their times, and what
# the agent counts, but for connections and what was asked in them: it signs for
# git, and to log in.
state_of='
	find / -xdev \( -path /proc -o -path /sys \) -prune -o \
	    -printf "%p %M %U:%G %s %T@ %C@\n" | sort
	bottle-agent --status --json -a "$1" |
	    sed -E "s/\"uptime_s\":[0-9]+//; s/\"cpu_ms\":[0-9]+//;
	    s/\"records\":[0-9]+//; s/\"connections\":\{\"open\":[0-9]+//;
	    s/\"signatures\":[0-9]+//g; s/,\"last_used_ago_s\":[0-9a-z]+//g" |
	    tr , "\n"'

state() {
	bottle 0 bash -c "$state_of" - "$world_socket"
}

test_healthy() {
	local code=0

	world_changes | sort >"$work/changes.before"
	state >"$work/state.before"
	doctor --json "$target" >"$work/healthy.json" \
	    2>"$work/healthy.err" || code=$?
	state >"$work/state.after"
	world_changes | sort >"$work/changes.after"
	check_same a_healthy_bottle_is_well 0 "$code"
	verdicts "$work/healthy.json" >"$work/healthy"
	for link in engine programs agent socket peers memory hardening keys \
	    rules ssh-config git signing second-agent stray-keys; do
		check_same "${link}_is_ok" "$link ok" \
		    "$(grep "^$link " "$work/healthy")"
	done
	for link in proxy host-key login; do
		check_same "${link}_is_not_looked_at" "$link skipped" \
		    "$(grep "^$link " "$work/healthy")"
		check_has "${link}_says_why_not" \
		    "$(said "$work/healthy.json" "$link")" '--no-login'
	done
	# An embedded world has no filter of system calls.
	check_same nothing_is_bad '' "$(grep -E ' bad$' "$work/healthy")"
	check_same doctor_says_nothing_else '' "$(cat "$work/healthy.err")"
	check_same doctor_changes_no_file '' \
	    "$(comm -3 "$work/changes.before" "$work/changes.after")"
	check_same doctor_changes_nothing '' \
	    "$(diff "$work/state.before" "$work/state.after")"
	check_same text_and_json_say_the_same \
	    "$(jq '.targets[0].findings | length' "$work/healthy.json")" \
	    "$(doctor "$target" | grep -c -E '^  (ok|warn|BAD|-) ')"
	tell healthy ''
}

# --- broken ones -------------------------------------------------------------

test_programs() {
	broken a_program_that_nobody_can_run programs bad 'noexec' '' \
	    'chmod 644 /usr/local/bin/bottle-forward' \
	    'chmod 755 /usr/local/bin/bottle-forward'
	broken a_program_that_is_missing programs bad \
	    'no bottle-ssh-keygen' 'git signing' \
	    'mv /usr/local/bin/bottle-ssh-keygen /usr/local/kept' \
	    'mv /usr/local/kept /usr/local/bin/bottle-ssh-keygen'
	broken a_program_of_the_users programs bad 'uid 1000' \
	    'agent socket peers memory hardening keys rules root' \
	    'chown node /usr/local/bin/bottle-agent' \
	    'chown root /usr/local/bin/bottle-agent'
}

test_socket() {
	broken a_closed_socket socket bad 'may not connect' signing \
	    'chmod 600 /run/bottle-agent.sock' \
	    'chmod 666 /run/bottle-agent.sock'
	broken a_closed_folder socket bad 'may not go through /run' signing \
	    'chmod 700 /run' 'chmod 755 /run'
	broken a_folder_for_everybody socket bad '/run on the way' 'root' \
	    'chmod 777 /run' 'chmod 755 /run'
}

test_ssh() {
	broken no_include_line ssh-config bad 'there is no line' '' \
	    'cp -p ~node/.ssh/config /root/kept
	    sed -i /^Include/d ~node/.ssh/config' \
	    'cp -p /root/kept ~node/.ssh/config'
	broken a_block_above_ours ssh-config bad 'begins a block above' '' \
	    'printf "Host *\n\tIdentityAgent none\nMatch all\n" |
	    cat - /root/kept >~node/.ssh/config' \
	    'cp -p /root/kept ~node/.ssh/config'
	broken a_proxy_of_his_own ssh-config bad 'ProxyCommand' '' \
	    'printf "Match all\n\tProxyCommand nc %%h %%p\n" |
	    cat - /root/kept >~node/.ssh/config' \
	    'cp -p /root/kept ~node/.ssh/config'
	broken a_config_that_all_can_write ssh-config bad \
	    'written by others' '' 'chmod 666 ~node/.ssh/config' \
	    'chmod 600 ~node/.ssh/config; rm /root/kept'
	broken a_file_that_is_gone ssh-config bad 'known_hosts of the load' \
	    '' 'cd ~node/.ssh/bottle-agent/default/
	    mv known_hosts /root/kept' \
	    'mv /root/kept ~node/.ssh/bottle-agent/default/known_hosts'
	broken a_gitconfig_of_his_own git bad 'gpg.format = openpgp' signing \
	    'cp -p ~node/.gitconfig /root/kept
	    printf "[gpg]\n\tformat = openpgp\n" >>~node/.gitconfig' \
	    'mv /root/kept ~node/.gitconfig'
	broken a_broken_gitconfig git bad 'bad config' signing \
	    'cp -p ~node/.gitconfig /root/kept
	    printf "[gpg\n" >>~node/.gitconfig' \
	    'mv /root/kept ~node/.gitconfig'
}

# end_all NAME, in the bottle: the processes of that name.  It has no pkill.
end_all='end_all() {
		for file in /proc/[0-9]*/comm; do
			[ "$(cat "$file" 2>/dev/null)" != "$1" ] || {
				file=${file%/comm}
				kill -KILL "${file#/proc/}"
			}
		done
	}'

# As the user of the bottle.
as_node='setpriv --reuid 1000 --regid 1000 --init-groups env HOME=/home/node'

test_guard() {
	broken a_second_agent second-agent bad '1 key' '' \
	    'mkdir -m 700 /tmp/ssh-x && chown node:node /tmp/ssh-x
	    '"$as_node"' bash -c "
		cd /tmp/ssh-x
		ssh-agent -a /tmp/ssh-x/agent.1
		ssh-keygen -q -t ed25519 -N \"\" -f /tmp/ssh-x/k
		SSH_AUTH_SOCK=/tmp/ssh-x/agent.1 ssh-add -q k
		rm k k.pub"' \
	    "$end_all; end_all ssh-agent; rm -rf /tmp/ssh-x"
	broken a_key_in_the_home stray-keys bad '/home/node/.ssh/id_x' '' \
	    "$as_node"' ssh-keygen -q -t ed25519 -N "" \
	    -f /home/node/.ssh/id_x' 'rm /home/node/.ssh/id_x*'
	broken a_key_of_roots stray-keys warn '/run/secrets/deploy' '' \
	    'mkdir /run/secrets
	    ssh-keygen -q -t ed25519 -N "" -f /run/secrets/deploy' \
	    'rm -r /run/secrets'
	broken a_shell_that_is_setuid root bad '/opt/sh' '' \
	    'install -m 4755 /bin/dash /opt/sh' 'rm /opt/sh'
	broken a_passwd_that_all_can_write root bad '/etc/passwd' '' \
	    'chmod 666 /etc/passwd' 'chmod 644 /etc/passwd'
	broken a_socket_of_an_engine root bad '/run/docker.sock' '' \
	    'ssh-agent -a /run/docker.sock && chmod 666 /run/docker.sock' \
	    "$end_all; end_all ssh-agent; rm -f /run/docker.sock"
	[ "$kind" = embedded ] ||
	    broken a_group_like_root root warn 'in the group disk' '' \
	    'usermod -aG disk node' 'gpasswd -d node disk'
}

# Another agent, that has other faults, each time; the loads are for the first.
start_other='start() {
		"$@" >/root/other && . /root/other >/dev/null &&
		    echo "$SSH_AGENT_PID" >/root/other
	}
	start '$world_program' -a /run/other.sock --public'
end_other='kill -KILL "$(cat /root/other)"
	for i in {1..1000}; do
		grep -qs "^State:.[^ZX]" "/proc/$(cat /root/other)/status" || break
		sleep 0.02
	done
	rm -f /run/other.sock* /root/other'

test_other_agents() {
	local options=(-s /run/other.sock)

	broken an_agent_with_other_rules peers bad 'neither list nor use' \
	    '*' "$start_other --allow www-data=list,sign" "$end_other" \
	    "${options[@]}"
	check_has and_the_loads_are_for_the_first \
	    "$(said "$work/doctor.json" ssh-config)" "$world_socket"
	broken an_agent_without_keys keys bad 'no key' '*' \
	    "$start_other --allow node=list,sign" "$end_other" \
	    "${options[@]}"
	broken an_agent_that_lets_all_do_all peers warn 'admin' '*' \
	    "$start_other --allow node=admin" "$end_other" "${options[@]}"
	broken memory_that_is_not_locked memory bad 'swap' '*' \
	    "ulimit -l 0; $start_other --memory mlock \
	    --allow-unlocked-memory --allow node=list,sign" "$end_other" "${options[@]}"
	broken signatures_with_sha1 rules warn 'legacy-rsa' '*' \
	    "$start_other --legacy-rsa --allow node=list,sign" "$end_other" "${options[@]}"
	broken a_socket_elsewhere socket bad 'there is no /run/none.sock' \
	    '*' : : -s /run/none.sock
}

test_keys() {
	broken a_locked_agent keys bad 'is locked' signing \
	    'printf "#!/bin/sh\necho x\n" >/root/ask; chmod 700 /root/ask
	    SSH_ASKPASS=/root/ask SSH_ASKPASS_REQUIRE=force DISPLAY=:0 \
	    SSH_AUTH_SOCK=/run/bottle-agent.sock ssh-add -x' \
	    'SSH_ASKPASS=/root/ask SSH_ASKPASS_REQUIRE=force DISPLAY=:0 \
	    SSH_AUTH_SOCK=/run/bottle-agent.sock ssh-add -X; rm /root/ask'
	load '"lifetime": 3600'
	broken a_key_that_expires_soon keys warn 'expires in' '' : :
	load '"purposes": ["any"]'
	broken a_key_for_anything rules warn 'purpose any' '' : :
	load
	broken an_agent_that_was_killed socket bad 'stale socket' \
	    'agent peers memory hardening keys rules signing' \
	    "$end_all; end_all bottle-agent" :
	check_same and_no_agent_answers 'agent bad' \
	    "$(grep '^agent ' "$work/now")"
	load
}

# What is wrong with the way there.
test_engine() {
	local code=0

	[ "$kind" = docker ] || return 0
	docker pause "$world_name" >/dev/null
	doctor --json "$target" >"$work/doctor.json" 2>/dev/null || code=$?
	tell a_paused_container "docker pause web"
	docker unpause "$world_name" >/dev/null
	check_same a_paused_container_is_not_reached 5 "$code"
	check_same a_paused_container 'engine bad' \
	    "$(verdicts "$work/doctor.json")"
	check_has it_is_paused "$(said "$work/doctor.json" engine)" paused
	check_has and_can_be_unpaused "$(jq -r \
	    '.targets[0].findings[0].mend' "$work/doctor.json")" \
	    "docker unpause $world_name"
	code=0
	doctor --json "$target-none" >"$work/doctor.json" 2>/dev/null ||
	    code=$?
	check_same a_container_that_is_not_there_is_not_reached 5 "$code"
	check_has no_such_container \
	    "$(said "$work/doctor.json" engine)" 'there is no container'
	code=0
	doctor --json -u nobody-here "$target" >"$work/doctor.json" \
	    2>/dev/null || code=$?
	check_same a_user_that_is_not_there 1 "$code"
	check_has no_such_user "$(said "$work/doctor.json" engine)" \
	    'no such user'
	code=0
	doctor --json "$target" "$target-none" >"$work/doctor.json" \
	    2>/dev/null || code=$?
	check_same the_worst_of_two_counts 5 "$code"
	check_same both_are_told_of 2 \
	    "$(jq '.targets | length' "$work/doctor.json")"
}

# --- the way to the hosts ------------------------------------------------------

conf='~node/.ssh/bottle-agent/default'
# again FILE: how a file of the load is put back.
kept() {
	printf 'cp -p %s/%s /root/kept' "$conf" "$1"
}
again() {
	printf 'mv /root/kept %s/%s' "$conf" "$1"
}

# filter FILE CODE: it is the filter of the proxy, which reads it at SIGUSR1, some
# time later: then it answers so when it is asked for the first host.
filter='filter() {
		cp "$1" /etc/tinyproxy/filter
		kill -USR1 "$(cat /proc/[0-9]*/stat 2>/dev/null |
		    sed -n "s/^\([0-9]*\) (tinyproxy).*/\1/p" | head -n 1)"
		for i in {1..300}; do
			line=
			{ exec 3<>/dev/tcp/127.0.0.1/'$world_proxy_port' &&
			    printf "CONNECT %s:22 HTTP/1.0\r\n\r\n" \
			    '$world_host' >&3 && read -r -t 5 line <&3
			} 2>/dev/null
			exec 3>&-
			[[ $line != *" $2 "* ]] || return 0
			sleep 0.1
		done
	}'

# A server in the proxy that answers with an alert of TLS, as one does that
# looks into connections.  Nothing else is there at that port.
tls='perl -MSocket -e '\''
	socket(S, PF_INET, SOCK_STREAM, 0) && bind(S, sockaddr_in(22,
	    INADDR_LOOPBACK)) && listen(S, 5) or die $!;
	while (accept(C, S)) {
		sysread(C, $_, 1);
		syswrite(C, "\x15\x03\x03\x00\x02\x02\x46");
		shutdown(C, 1);
		sysread(C, $_, 99);
		close(C);
	}'\'' >/dev/null 2>&1 </dev/null &
	echo $! >/root/tls
	for i in {1..300}; do
		(exec 3<>/dev/tcp/127.0.0.1/22) 2>/dev/null && break
		sleep 0.1
	done'

test_proxy() {
	broken a_proxy_that_does_not_run proxy bad 'Connection refused' \
	    'host-key login' "$(kept config)
	    sed -i s/:$world_proxy_port/:1/ $conf/config" "$(again config)"
	check_has and_start_it_mends "$(jq -r '.targets[0].findings[] |
	    select(.link == "proxy") | .mend' "$work/doctor.json")" \
	    'start the proxy'
	place=proxy
	broken a_proxy_that_does_not_allow_it proxy bad \
	    "refuses $world_host:22: 403" 'host-key login' "$filter
	    cp /etc/tinyproxy/filter /root/kept
	    grep build /root/kept >/root/less; filter /root/less 403" \
	    "$filter; filter /root/kept 200; rm /root/kept /root/less"
	check_same and_the_other_host_is_reached 1 \
	    "$(said "$work/doctor.json" login | grep -c 'is let in')"
	place=bottle
	broken a_host_that_is_gone_behind_the_proxy proxy bad \
	    "$world_host_gone:22: 500" 'host-key login' "$(kept config)
	    sed -i 's/HostName $world_host/HostName $world_host_gone/' \
	    $conf/config" "$(again config)"
	bottle 0 bash -c "$(kept config)
	    sed -i 's/HostName $world_host/HostName $world_host_gone/' \
	    $conf/config"
	place=proxy
	broken a_host_that_answers_with_tls proxy bad \
	    'answers with TLS, not with SSH' 'host-key login' "$tls" \
	    'kill "$(cat /root/tls)" && rm /root/tls'
	place=bottle
	bottle 0 bash -c "$(again config)"
}

test_host_keys() {
	broken another_host_key host-key bad 'but known for' login \
	    "$(kept known_hosts)
	    sed -i '/^$world_host /s, .*, $(hostkey buildkey),' \
	    $conf/known_hosts" "$(again known_hosts)"
	check_has the_key_that_is_shown "$(said "$work/doctor.json" host-key)" \
	    "it shows ssh-ed25519 $(print_of "$world_dir/hostkey.pub")"
	check_has the_key_that_is_known "$(said "$work/doctor.json" host-key)" \
	    "$world_host is $(print_of "$world_dir/buildkey.pub")"
	broken a_host_key_that_is_not_known host-key bad \
	    'no such key is known' login "$(kept known_hosts)
	    sed -i '/^$world_host /d' $conf/known_hosts" \
	    "$(again known_hosts)"
}

# print_of FILE: the fingerprint of a public key.
print_of() {
	ssh-keygen -l -f "$1" | cut -d ' ' -f 2
}

test_logins() {
	place=server
	broken a_key_that_is_not_authorized login bad \
	    "$(print_of "$work/op/git.pub")" '' \
	    'mv /home/git/.ssh/authorized_keys /root/kept' \
	    'mv /root/kept /home/git/.ssh/authorized_keys'
	place=bottle
	broken a_user_who_is_not_there login bad 'does not let nobody1 in' \
	    '' "$(kept config); sed -i 's/User git/User nobody1/' \
	    $conf/config" "$(again config)"
	broken a_user_whom_the_key_is_not_for login bad \
	    'the destinations are for other users' '' "$(kept config)
	    sed -i 's/User git/User deploy/' $conf/config" "$(again config)"
	check_has and_that_is_the_agents_advice "$(jq -r \
	    '.targets[0].findings[] | select(.link == "login") | .mend // ""' \
	    "$work/doctor.json")" 'log in as one of those users'
	manifest | sed "s,$(hostkey hostkey),$(hostkey buildkey)," |
	    load_manifest
	broken a_host_that_the_key_is_not_for login bad \
	    'its rules exclude this host' '' \
	    "sed -i '/^$world_host /s, .*, $(hostkey hostkey),' \
	    $conf/known_hosts" ''
	load
}

test_signing() {
	broken a_signing_key_that_is_gone signing bad 'not a key that' \
	    'keys login' "SSH_AUTH_SOCK=$world_socket ssh-add -d $conf/git.pub" \
	    ''
	load '"purposes": ["auth"]'
	broken a_signing_key_that_is_not_for_git signing bad \
	    'do not include that namespace' '' \
	    "sed -i 's,signingkey.*,signingkey = key::$(cut -d ' ' -f 1-2 \
	    "$work/op/git.pub"),' $conf/gitconfig" ''
	check_has and_what_the_agent_advises "$(jq -r \
	    '.targets[0].findings[] | select(.link == "signing") | .mend' \
	    "$work/doctor.json")" 'names the namespace'
	load
}

test_net() {
	local code=0

	cp "$work/healthy" "$work/healthy.no-login"
	login=
	server_authorize_as git "$work/op/git.pub"
	server_authorize_as deploy "$work/op/build.pub" "$work/op/git.pub"
	state >"$work/state.before"
	doctor --json "$target" >"$work/doctor.json" || code=$?
	state >"$work/state.after"
	check_same a_bottle_with_hosts_is_well 0 "$code"
	verdicts "$work/doctor.json" >"$work/healthy"
	check_same all_the_rest_is_as_without_logins \
	    "$(without proxy host-key login <"$work/healthy.no-login")" \
	    "$(without proxy host-key login <"$work/healthy")"
	for link in proxy host-key login; do
		check_same "${link}_is_ok" "$link ok" \
		    "$(grep "^$link " "$work/healthy")"
		check_same "${link}_of_both_hosts" 2 \
		    "$(said "$work/doctor.json" "$link" | grep -c .)"
	done
	check_same logging_in_changes_nothing '' \
	    "$(diff "$work/state.before" "$work/state.after")"
	check_same nothing_is_left_running '' "$(bottle 0 sh -c \
	    'cat /proc/[0-9]*/comm' 2>/dev/null | grep -E 'ssh|forward')"
	tell healthy_with_its_hosts ''
	test_proxy
	test_host_keys
	test_logins
	test_signing
	login=--no-login
	mv "$work/healthy.no-login" "$work/healthy"
}

bottle 1000 mkdir -p -m 700 "$world_home/.ssh"
load
test_healthy
test_net
test_programs
test_socket
test_ssh
test_guard
test_other_agents
test_keys
test_engine
doctor --json "$target" >"$work/end.json" 2>/dev/null || true
check_same mended_all_is_as_before "$(cat "$work/healthy")" \
    "$(verdicts "$work/end.json")"
checks_end
