#!/bin/bash
# clients.sh [CLIENT...] - SSH clients of other makers log in with keys that
# only the agent holds.
#
# The agent is root's and serves one ordinary user, who runs each client to log
# in to an sshd as somebody else.  The table says which signature the server was
# given.  Clients that know RSA with SHA-1 only must be refused, and must work
# with an agent that was started with --legacy-rsa.
# BOTTLE_BIN is the folder that bottle-agent is in.
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

clients=(openssh putty paramiko asyncssh dropbear libssh libssh2 go jsch)
# These ask for RSA signatures with SHA-1 and know no better.
sha1_only=(libssh2 jsch)
key_types=(ed25519 ecdsa rsa)

far_user=far
far_uid=47212
far_host=127.0.0.1
marker="logged in, $$-$RANDOM"

# --- the clients --------------------------------------------------------------

# client_NAME: sets what the client is called, the packages that it needs, the
# command that builds it if any, and the command that logs in and prints what
# "cat marker" does there.

client_openssh() {
	title='OpenSSH ssh' packages=(openssh-client)
	login=(ssh -o BatchMode=yes -o StrictHostKeyChecking=yes
	    "$far_user@$far_host" cat marker)
}

client_putty() {
	title='PuTTY plink' packages=(putty-tools)
	login=(plink -ssh -batch -hostkey "$host_print"
	    "$far_user@$far_host" cat marker)
}

client_paramiko() {
	title='paramiko' packages=(python3-paramiko)
	login=(python3 "$built/login_paramiko.py" "${where[@]}")
}

client_asyncssh() {
	title='asyncssh' packages=(python3-asyncssh)
	login=(python3 "$built/login_asyncssh.py" "${where[@]}")
}

client_dropbear() {
	title='dropbear dbclient' packages=(dropbear-bin)
	login=(dbclient -T "$far_user@$far_host" cat marker)
}

client_libssh() {
	title='libssh' packages=(libssh-dev)
	build=(cc -Wall -Wextra -Werror -o "$built/login_libssh"
	    "$built/login_libssh.c" -lssh)
	login=("$built/login_libssh" "${where[@]}")
}

client_libssh2() {
	title='curl with libssh2' packages=(libssh2-1 curl)
	login=(curl --silent --show-error --user "$far_user:"
	    "sftp://$far_host$room/$far_user/marker")
}

client_go() {
	title='Go x/crypto' packages=(golang-golang-x-crypto-dev golang-go)
	build=(env GO111MODULE=off GOPATH=/usr/share/gocode GOFLAGS=
	    GOCACHE="$built/cache" GOTOOLCHAIN=local CGO_ENABLED=0
	    go build -o "$built/login_go" "$built/login_go.go")
	login=("$built/login_go" "${where[@]}")
}

client_jsch() {
	local jar path=$built

	title='JSch' packages=(libjsch-java libjsch-agent-proxy-java
	    default-jre-headless ecj)
	for jar in jsch jna jna-platform jsch.agentproxy.core \
	    jsch.agentproxy.jsch jsch.agentproxy.sshagent \
	    jsch.agentproxy.usocket-jna; do
		path=$path:/usr/share/java/$jar.jar
	done
	build=(ecj -17 -proc:none -cp "$path" -d "$built"
	    "$built/LoginJsch.java")
	login=(java -Djna.library.path=/usr/lib/"$(uname -m)"-linux-gnu/jni
	    -cp "$path" LoginJsch "${where[@]}")
}

# client NAME: those, and the version; fails where a package is not here.
client() {
	build=()
	"client_$1"
	lacking=$(packages_missing "${packages[@]}" | tr '\n' ' ')
	[ -z "$lacking" ] || return 1
	title+=" $(dpkg-query -W -f '${source:Upstream-Version}' \
	    "${packages[0]}")"
}

# --- the server and the agents ------------------------------------------------

# Somebody to log in as, who alone can read the marker.
make_far_user() {
	room_add_user "$far_user" "$far_uid"
	printf '%s\n' "$marker" >"$room/$far_user/marker"
	chown "$far_uid" "$room/$far_user/marker"
	chmod 600 "$room/$far_user/marker"
}

start_sshd() {
	local type

	for type in ed25519 ecdsa; do
		ssh-keygen -q -t "$type" -N '' -C host -f "$room/host.$type"
		printf '%s %s\n' "$far_host" \
		    "$(cut -d ' ' -f 1-2 "$room/host.$type.pub")"
	done >"$room/known_hosts"
	host_print=$(ssh-keygen -l -f "$room/host.ed25519.pub" |
	    cut -d ' ' -f 2)
	install -d -m 700 -o "$room_uid" -g "$room_uid" "$room_home/.ssh"
	install -m 600 -o "$room_uid" -g "$room_uid" "$room/known_hosts" \
	    "$room_home/.ssh/known_hosts"
	# It takes RSA with SHA-1, so that refusing that is the agent's doing.
	cat >"$room/sshd_config" <<-EOS
		ListenAddress $far_host
		HostKey $room/host.ed25519
		HostKey $room/host.ecdsa
		AuthorizedKeysFile $room/authorized
		PubkeyAcceptedAlgorithms +ssh-rsa
		PasswordAuthentication no
		KbdInteractiveAuthentication no
		UsePAM no
		SetEnv SHLVL=1
		PidFile none
		LogLevel DEBUG3
		Subsystem sftp internal-sftp
	EOS
	: >"$room/authorized"
	/usr/sbin/sshd -D -f "$room/sshd_config" -E "$room/sshd.log" &
	wait_for 30 grep -q 'Server listening' "$room/sshd.log" ||
	    die "sshd does not serve: $(tail -n 3 "$room/sshd.log")"
}

# start_agent NAME OPTION...: with all keys, at $room/NAME.sock.
start_agent() {
	local name=$1 ready=$room/$1.ready

	shift
	mkfifo "$ready"
	"$room/bin/bottle-agent" -D -a "$room/$name.sock" --public \
	    --allow "$room_uid=list,sign" --ready-fd 9 "$@" \
	    >"$room/$name.log" 2>&1 </dev/null 9>"$ready" &
	agents+=("$!")
	read -r -t 30 <"$ready" || die "the agent does not serve: $(
	    tail -n 3 "$room/$name.log")"
	cat "${key_types[@]/#/$room/key.}" |
	    "$room/bin/bottle-agent" --load -a "$room/$name.sock" \
	    >/dev/null 2>&1 || die 'the agent does not take the keys'
}

make_keys() {
	local type

	for type in "${key_types[@]}"; do
		ssh-keygen -q -t "$type" -N '' -C "$type" -f "$room/key.$type"
	done
}

# --- logging in ---------------------------------------------------------------

# log_in KEY AGENT: as the client that is set, where this key alone will do;
# $used is the algorithm of the signature that the server accepted.
log_in() {
	local status=0

	used=
	cat "$room/key.$1.pub" >"$room/authorized"
	: >"$room/sshd.log"
	as_user timeout -k 5 40 env -C "$room_home" \
	    SSH_AUTH_SOCK="$room/$2.sock" "${login[@]}" \
	    >"$room/said" 2>"$room/complaint" </dev/null || status=$?
	if [ "$status" -eq 0 ] && [ "$(cat "$room/said")" = "$marker" ] &&
	    grep -q "Accepted publickey for $far_user " "$room/sshd.log"; then
		used=$(sed -nE 's/.*authenticated 1 pkalg ([^ ]+).*/\1/p' \
		    "$room/sshd.log")
		return 0
	fi
	return 1
}

# was_refused: the server would have had this RSA key with SHA-1, and got no
# signature.  JSch sends an empty one then.
was_refused() {
	local log=$room/sshd.log

	wait_for 30 grep -q '^Connection closed \|^Disconnected ' "$log"
	grep -q 'publickey test pkalg ssh-rsa ' "$log" &&
	    grep -q '^Accepted key RSA ' "$log" &&
	    grep -q "^Postponed publickey for $far_user " "$log" &&
	    ! grep 'mm_answer_keyverify: publickey' "$log" |
	    grep -qv 'unverified: invalid format'
}

# expected KEY AGENT: what the signature may be, or "refused".
expected() {
	case $1 in
	ed25519) echo 'ssh-ed25519' ;;
	ecdsa) echo 'ecdsa-sha2-nistp256' ;;
	rsa)
		if ! is_sha1_only; then
			echo 'rsa-sha2-256 rsa-sha2-512'
		elif [ "$2" = legacy ]; then
			echo 'ssh-rsa'
		else
			echo 'refused'
		fi
		;;
	esac
}

is_sha1_only() {
	[[ " ${sha1_only[*]} " = *" $name "* ]]
}

# cell KEY AGENT: one login, its cell of the table, and the verdict.
cell() {
	local wanted got

	wanted=$(expected "$1" "$2")
	if log_in "$1" "$2"; then
		got=$used
	elif was_refused; then
		got=refused
	else
		got=failed
	fi
	case " $wanted " in
	*" $got "*)
		printf ' %-20s' "$got"
		return
		;;
	esac
	printf ' %-20s' "$got (BAD)"
	failures=$((failures + 1))
	complaints+=("$title, $1: wanted $wanted: $(
	    tail -n 4 "$room/complaint" | tr '\n' '|')")
}

# try NAME: the rows of a client.
try() {
	local name=$1 key

	if ! client "$name"; then
		printf '%-30s not here: %s\n' "$title" "$lacking"
		absent+=("$name")
		return
	fi
	if [ "${#build[@]}" -gt 0 ] &&
	    ! "${build[@]}" >"$room/complaint" 2>&1; then
		printf '%-30s does not build\n' "$title"
		complaints+=("$title: $(tail -n 9 "$room/complaint")")
		failures=$((failures + 1))
		return
	fi
	printf '%-30s' "$title"
	for key in "${key_types[@]}"; do
		cell "$key" plain
	done
	printf '\n'
	if is_sha1_only; then
		printf '%-30s %-20s %-20s' '  with --legacy-rsa' - -
		cell rsa legacy
		printf '\n'
	fi
}

# --- all of it ----------------------------------------------------------------

room_enter "$@"
[ "$#" -eq 0 ] || clients=("$@")
[ -x "${BOTTLE_BIN:-}/bottle-agent" ] ||
    die 'set BOTTLE_BIN to the folder that bottle-agent is in' 2
for tool in ip ssh-keygen sshd; do
	command -v "$tool" >/dev/null || skip_all "there is no $tool here"
done

room_ready
install -m 755 "$BOTTLE_BIN/bottle-agent" "$room/bin/"
built=$room/clients
cp -r "$here/clients" "$built"
chmod -R a+rX "$built"
room_private_tmp
where=("$far_host" "$far_user" "$room/known_hosts" 'cat marker')
agents=() absent=() complaints=() failures=0

make_far_user
make_keys
start_sshd
start_agent plain
start_agent legacy --legacy-rsa
rm "${key_types[@]/#/$room/key.}"

printf '%-30s' 'client'
printf ' %-20s' "${key_types[@]}"
printf '\n'
for name in "${clients[@]}"; do
	try "$name"
done

for agent in "${agents[@]}"; do
	status=0
	kill "$agent" && wait "$agent" || status=$?
	[ "$status" -eq 0 ] || complaints+=("an agent ended with $status")
done
for complaint in "${complaints[@]}"; do
	printf '# %s\n' "$complaint"
done
printf '%d clients, %d failures, in %d s\n' \
    "$((${#clients[@]} - ${#absent[@]}))" "$failures" "$SECONDS"
[ "${#complaints[@]}" -eq 0 ] || exit 1
[ "${#absent[@]}" -eq 0 ] || skip_all "not here: ${absent[*]}"
