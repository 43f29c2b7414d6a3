#!/bin/bash
# quickstart.sh [--embedded] [--keep | --down] - see bottle-agent at work.
#
# Builds the release, makes a bottle, a git server and a proxy that is the only
# way from the one to the other, loads two new keys over stdin, and then uses
# them, and tries to misuse them, as the bottle's user.
#	--embedded	without a container engine, also where there is one
#	--keep		leave the three of them up afterwards
#	--down		take down what --keep left
#
# Needs root on Debian 12 or later; everything else it installs.
# Much here is text for the shell in the bottle.
# shellcheck disable=SC2016
set -eu

top=$(cd "$(dirname "$0")" && pwd)
cd "$top"
# shellcheck source=tests/support/say.sh
. tests/support/say.sh
# shellcheck source=tests/support/packages.sh
. tests/support/packages.sh
# shellcheck source=tests/support/host.sh
. tests/support/host.sh
# shellcheck source=tests/e2e/roots.sh
. tests/e2e/roots.sh
# shellcheck source=tests/e2e/engine.sh
. tests/e2e/engine.sh
# shellcheck source=tests/e2e/world.sh
. tests/e2e/world.sh

demo='bottle-demo'
bin=build/static/bin
program=$bin/bottle-agent
# Where --keep writes what is up.
state=$roots_cache/demo

keep=no
down=no
kind=docker
for word in "$@"; do
	case $word in
	--embedded) kind=embedded ;;
	--keep) keep=yes ;;
	--down) down=yes ;;
	-h | --help)
		sed -n '2,/^$/s/^# \{0,1\}//p' "$0"
		exit 0
		;;
	*) die "unknown option $word; see --help" 2 ;;
	esac
done
[ "$(id -u)" -eq 0 ] ||
    die 'run it as root: it installs packages and makes containers' 2

# --- how it talks -------------------------------------------------------------

steps=0
failures=0

# step TEXT: what happens next.
step() {
	steps=$((steps + 1))
	printf '\n[%d] %s\n' "$steps" "$1"
}

note() {
	printf '    %s\n' "$1"
}

# show OUTPUT: what was printed, moved in.
show() {
	[ -z "$1" ] || printf '%s\n' "$1" | sed 's/^/    | /'
}

# works WHAT COMMAND...: it must succeed.
works() {
	local what=$1 out status=0

	shift
	out=$("$@" 2>&1) || status=$?
	show "$out"
	if [ "$status" -eq 0 ]; then
		note "ok: $what"
	else
		note "FAILED ($status): $what"
		failures=$((failures + 1))
	fi
}

# refused WHAT COMMAND...: the agent must say no: ssh-add ends with 1 then, and
# with 2 when it reached no agent.
refused() {
	ends_with 1 refused "$@"
}

# lost WHAT COMMAND...: ssh must not get there.
lost() {
	ends_with 255 'no way there' "$@"
}

# ends_with STATUS WORD WHAT COMMAND...: it must fail, in this way.
ends_with() {
	local wanted=$1 word=$2 what=$3 out status=0

	shift 3
	out=$("$@" 2>&1 </dev/null) || status=$?
	show "$out"
	if [ "$status" -eq "$wanted" ]; then
		note "ok, $word: $what"
	else
		note "FAILED ($status, not $wanted): $what"
		failures=$((failures + 1))
	fi
}

# --- what a demo that was kept left ---------------------------------------------

# is_running PID WORD: this process is there, and WORD is in its command.
is_running() {
	[ -n "$1" ] && grep -qaF "$2" "/proc/$1/cmdline" 2>/dev/null
}

take_down() {
	local started=''

	[ -e "$state" ] || return 0
	# shellcheck disable=SC1090
	. "$state"
	rm -f "$state"
	# Its number may belong to somebody else by now.
	is_running "$started" dockerd || started=
	world_down
	engine_pid=$started
	engine_down
	note "the demo that was up is down"
}

keep_up() {
	{
		printf '%s=%q\n' world_kind "$world_kind" \
		    world_name "$world_name" world_dir "$world_dir" \
		    started "$engine_pid"
	} >"$state"
	world_kind='' engine_pid=''
}

# --- the steps --------------------------------------------------------------------

prepare() {
	local name

	step 'Install what is missing'
	packages_install "${packages_build[@]}" "${packages_world[@]}" ||
	    die 'cannot install what is needed'
	note 'everything that building and the demo need is there'

	step 'Build the release (static, so that it runs in any image)'
	host_build static || die 'the build failed'
	for name in "${world_programs[@]}"; do
		note "$bin/$name: $(($(stat -c %s "$bin/$name") / 1024)) KiB"
	done
	note "$("$program" --version)"
}

# An engine that answers; else why not, and the embedded way.
choose_kind() {
	step 'Find or start a container engine'
	if [ "$kind" = embedded ]; then
		note 'asked for --embedded: not looked for'
		return
	fi
	if ! command -v docker >/dev/null &&
	    ! packages_install "${packages_engine[@]}"; then
		engine_why='docker.io cannot be installed'
	elif engine_up "$work"; then
		if [ -n "$engine_pid" ]; then
			note 'none answered: started dockerd for this demo'
		else
			note 'docker answers'
		fi
		return
	fi
	note "no engine: $engine_why"
	note 'going on without one: unshare, chroot and setpriv'
	kind=embedded
}

make_world() {
	step 'Make the bottle, the proxy and the git server, from Debian packages'
	roots_ready || die 'cannot make the root file systems'
	if [ "$kind" = docker ] && ! docker_ready; then
		note "$world_why"
		note 'going on without it: unshare, chroot and setpriv'
		engine_down
		kind=embedded
	fi
	at_exit world_down
	world_up "$kind" "$demo" "$bin" ||
	    die "they do not come up: ${world_why:-no answer from sshd}"
	if [ "$kind" = docker ]; then
		note "containers $demo, $demo-proxy and $demo-git, on two networks"
	else
		note "three roots in $world_dir, in name spaces of their own"
	fi
	note "the bottle's user is node, uid 1000; the server is $world_host"
	note "the bottle's only way out is the proxy, $world_proxy_url,"
	note "which lets port 22 of that server through and nothing else"
}

load_keys() {
	local start status=0 out

	step 'Make two keys on this side, and let their public halves in'
	ssh-keygen -q -t ed25519 -N '' -C demo-ed25519 -f "$work/keys/ed25519"
	ssh-keygen -q -t rsa -b 3072 -N '' -C demo-rsa -f "$work/keys/rsa"
	server_authorize "$work"/keys/*.pub
	bottle_setup "$work/keys"
	note 'private halves: in a folder on this side; in the bottle: none'

	step 'Load both over the stdin of one command, which starts the agent'
	if [ "$kind" = docker ]; then
		note "cat KEYS | $(world_enter 0) bottle-agent --load \\"
	else
		note "cat KEYS | (root in the bottle) bottle-agent --load \\"
	fi
	note '    --public --allow 1000=list,sign'
	start=$(now_ms)
	out=$(cat "$work/keys/ed25519" "$work/keys/rsa" |
	    bottle_in 0 "$world_program" --load --public \
	    --allow 1000=list,sign 2>&1) || status=$?
	show "$out"
	[ "$status" -eq 0 ] || die "the load failed ($status)"
	note "ok: loaded in $(($(now_ms) - start)) ms"
}

# node COMMAND...: as the bottle's user; so that nothing hangs, not for long.
node() {
	bottle 1000 timeout 30 env SSH_AUTH_SOCK="$world_socket" "$@"
}

root() {
	bottle 0 timeout 30 env SSH_AUTH_SOCK="$world_socket" "$@"
}

try_ways_out() {
	step 'As node (uid 1000): look for the way out'
	note "ssh $world_host, without a proxy"
	lost 'its name is not even known' node ssh -o ProxyCommand=none \
	    "$world_host" true
	note "ssh other.example, through the proxy"
	lost 'the proxy does not let it through, and says so' \
	    node ssh -o HostName=other.example "$world_host" true
	note "bottle-forward connect --proxy $world_proxy_url \\"
	note "    --check $world_host 22"
	works 'the server answers through the proxy' node \
	    "$world_bin/bottle-forward" connect --proxy "$world_proxy_url" \
	    --check "$world_host" 22
	note 'in ~/.ssh/config, so that all that follows goes this way:'
	show "$(node grep ProxyCommand .ssh/config | sed 's/^[[:space:]]*//')"
}

use_keys() {
	step 'As node: use the keys, through the proxy'
	note 'ssh-add -l'
	works 'node sees both keys' node ssh-add -l
	note "ssh $world_host true"
	works 'logged in with the ed25519 key' node ssh "$world_host" true
	note 'ssh rsa.key true'
	works 'logged in with the RSA key' node ssh rsa.key true
	note "git clone $world_host:project.git"
	works 'cloned' node git clone "$world_host:project.git" \
	    "$world_home/project"
	sign_commits
	note 'git commit -S, in a shell that knows nothing of the agent'
	works 'committed and signed, by way of bottle-ssh-keygen' \
	    bare_git commit -q --allow-empty -S -m 'from the bottle'
	note 'git log --show-signature'
	works 'the signature is good' bare_git log --show-signature \
	    --format=%s
	note 'git push'
	works 'pushed' bare_git push -q origin HEAD:main
	works 'the server has the commit' server_in \
	    git --git-dir=/home/git/project.git -c safe.directory='*' \
	    log --oneline main
}

# What git is told once, so that it signs.
sign_commits() {
	local key

	key=$(cut -d ' ' -f 1-2 "$work/keys/ed25519.pub")
	bottle 1000 bash -c 'printf "node@bottle.example %s\n" "$1" \
	    >~/.ssh/allowed_signers' - "$key"
	bare_git config gpg.format ssh
	bare_git config gpg.ssh.program "$world_bin/bottle-ssh-keygen"
	bare_git config gpg.ssh.allowedSignersFile \
	    "$world_home/.ssh/allowed_signers"
	bare_git config user.signingkey "key::$key"
}

# bare_git WORD...: node's git in an empty environment.
bare_git() {
	bottle 1000 timeout 30 env -i HOME="$world_home" PATH=/usr/bin:/bin \
	    git -C "$world_home/project" "$@"
}

misuse_keys() {
	local before

	step 'As node: what must not work'
	before=$(root ssh-add -L)
	node ssh-keygen -q -t ed25519 -N '' -C mine -f "$world_home/mine"
	bottle 1000 bash -c '
		printf "#!/bin/sh\necho secret\n" >askpass; chmod 755 askpass'
	note 'ssh-add -D'
	refused 'wipe the agent' node ssh-add -D
	note 'ssh-add -x'
	refused 'lock the agent' node env DISPLAY=:0 \
	    SSH_ASKPASS="$world_home/askpass" SSH_ASKPASS_REQUIRE=force \
	    ssh-add -x
	note 'ssh-add mine'
	refused 'add a key' node ssh-add "$world_home/mine"
	note 'ssh-add -d ed25519.pub'
	refused 'remove a key' node ssh-add -d "$world_home/.ssh/ed25519.pub"
	bottle 1000 rm -f mine mine.pub askpass
	works 'root sees the same keys as before' \
	    test "$before" = "$(root ssh-add -L)"

	note 'look through every file that node can read for a private key'
	works 'no file has one' node bash -c '! find / -xdev -type f \
	    -readable -print0 2>/dev/null | xargs -0 grep -lIE \
	    "^-----BEGIN [A-Z ]*PRIVATE KEY-----" 2>/dev/null | grep .'
	note "look through all of the bottle's files, as root, from outside"
	works 'nor are the bytes of these keys anywhere' bash -c '
		status=0
		perl tests/e2e/find-key-bytes.pl "$@" || status=$?
		[ "$status" -eq 1 ]' - "$work/keys/ed25519" \
	    "$work/keys/rsa" < <(world_export)
	works 'what the agent says of itself' root "$world_program" --status
}

say_more() {
	cat <<-EOS

		With a container of your own, NAME, whose user has uid 1000:

		  docker cp $top/$program NAME:/usr/local/bin/
		  docker exec -i -u 0 NAME bottle-agent --load --public --allow 1000=list,sign <KEY
		  docker exec -u 1000 -e SSH_AUTH_SOCK=$world_socket NAME ssh-add -l

		KEY is the file of a private key without passphrase; several may be
		given one after the other.  In the bottle's ssh configuration:

		  IdentityAgent $world_socket
		  IdentitiesOnly yes
		  IdentityFile ~/.ssh/KEY.pub    (the public half)

		If its way out is a proxy, docker cp bottle-forward as well, and
		below these lines:

		  ProxyCommand /usr/local/bin/bottle-forward connect --proxy http://PROXY:PORT %h %p
	EOS
}

# --- all of it ----------------------------------------------------------------------

host_ready
mkdir -p "$roots_cache"
if [ "$down" = yes ]; then
	take_down
	exit 0
fi
take_down
work=$(mktemp -d "${TMPDIR:-/tmp}/bottle-demo.XXXXXX")
mkdir "$work/keys"
at_exit rm -rf "$work"
at_exit engine_down

prepare
choose_kind
make_world
load_keys
try_ways_out
use_keys
misuse_keys
say_more
if [ "$keep" = yes ]; then
	printf '\nIt stays up.  To get in:\n\n  %s bash\n\n' \
	    "$(world_enter 1000)"
	printf './quickstart.sh --down takes it down.\n'
	keep_up
fi
[ "$failures" -eq 0 ] || die "$failures steps failed"
printf '\nAll steps ended as they should.\n'
