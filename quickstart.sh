#!/bin/bash
# quickstart.sh [--embedded] [--keep | --down] - see bottle-agent at work.
#
# Builds the release, makes a bottle, a server that is two hosts, and a proxy
# that is the only way from the one to the other, gives the bottle two new keys
# with bottle-provision, one for each host, and then uses them, and tries to
# misuse them, as the bottle's user.
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

# The name of it all; tests have others.
demo=${BOTTLE_DEMO:-bottle-demo}
bin=build/static/bin
# A build of its own: it has no tests, and so needs less.
host_dir=build/quickstart
provision=$host_dir/bin/bottle-provision
# Who node is, for commits.
principal=node@bottle.example
# What a load leaves in node's home.
load_dir=$world_home/.ssh/bottle-agent/default
# Where --keep writes what is up, and who is at it.
state=$roots_cache/$demo
busy=$state.pid

keep=no
down=no
kind=docker
# Where bottle-provision loads, how that is shown, and what it is told besides.
target='' shown=''
programs=()
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

# denied WHAT COMMAND...: the same for ssh and ssh-keygen, which end with 255
# for other reasons, too.
denied() {
	ends_with 255 refused "$@"
	case $said in
	*'Permission denied'* | *'agent refused'*) ;;
	*)
		note "FAILED: it was not a refusal: $1"
		failures=$((failures + 1))
		;;
	esac
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

# ends_with STATUS WORD WHAT COMMAND...: it must fail, in this way; said is what
# it printed.
ends_with() {
	local wanted=$1 word=$2 what=$3 out status=0

	shift 3
	out=$("$@" 2>&1 </dev/null) || status=$?
	said=$out
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

# claim: be the only one.  It is no lock, since what stays up would keep that.
claim() {
	local pid=''

	if ! (set -C && echo "$$" >"$busy") 2>/dev/null; then
		read -r pid <"$busy" || true
		! is_running "$pid" quickstart.sh ||
		    die "another one is at it, process $pid: wait for its end"
		echo "$$" >"$busy"
	fi
	at_exit rm -f "$busy"
}

# What one that was killed left: containers by our names, of our images.
clear_away() {
	local name left=no

	for name in "$demo" "$demo-proxy" "$demo-git"; do
		case $(docker inspect -f '{{.Config.Image}}' "$name" \
		    2>/dev/null) in
		'') ;;
		bottle-agent/*) left=yes ;;
		*) die "there is a container $name, which is not ours" ;;
		esac
	done
	[ "$left" = no ] || note 'an earlier demo was not taken down: it is now'
	# There may be networks only, or nothing.
	world_name=$demo docker_down || true
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

	step 'Build the release: for bottles (static, runs in any image), and here'
	host_build static || die 'the build failed'
	host_build_only release "$host_dir" bottle-provision ||
	    die 'the build failed'
	for name in "${world_programs[@]}"; do
		note "$bin/$name: $(($(stat -c %s "$bin/$name") / 1024)) KiB"
	done
	note "$provision: $(($(stat -c %s "$provision") / 1024)) KiB"
	note "$("$provision" --version)"
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
	local from='' hint=''

	step 'Make the bottle, the proxy and the server, from Debian packages'
	roots_ready || die 'cannot make the root file systems'
	if [ "$kind" = docker ] && ! docker_ready; then
		note "$world_why"
		note 'going on without it: unshare, chroot and setpriv'
		engine_down
		kind=embedded
	fi
	# Into a container bottle-provision puts them.
	if [ "$kind" = docker ]; then
		want_room "$work" 50
		clear_away
		hint='; ./quickstart.sh --embedded does without an engine'
	else
		# The three roots are unpacked there.
		want_room "$work" 600
		from=$bin
	fi
	at_exit world_down
	world_up "$kind" "$demo" "$from" ||
	    die "they do not come up: ${world_why:-no answer from sshd}$hint"
	bottle 1000 git config --global user.name node
	bottle 1000 git config --global user.email "$principal"
	if [ "$kind" = docker ]; then
		note "containers $demo, $demo-proxy and $demo-git, on two networks"
	else
		note "three roots in $world_dir, in name spaces of their own"
	fi
	note "the bottle's user is node, uid 1000; it has nothing of ours yet"
	note "the server is two hosts, with a user and a repository each:"
	note "git@$world_host, port 22, and deploy@$world_build, port $world_build_port"
	note "the bottle's only way out is the proxy, $world_proxy_url,"
	note 'which lets these two ports through and nothing else'
}

# The two public halves are let in by both hosts, as either user, so that
# nothing but the agent keeps them apart.
make_keys() {
	local word='correct horse battery staple'

	step 'Make two keys on this side, and let their public halves in'
	ssh-keygen -q -t ed25519 -N '' -C demo-git -f "$work/keys/git"
	ssh-keygen -q -t rsa -b 3072 -N "$word" -C demo-build \
	    -f "$work/keys/build"
	printf '#!/bin/sh\necho "%s"\n' "$word" >"$work/askpass"
	chmod 700 "$work/askpass"
	server_authorize "$work"/keys/*.pub
	server_authorize_as deploy "$work"/keys/*.pub
	note 'the ed25519 key is to be for the first host, the RSA key for the'
	note 'second; the servers would take either at both'
	note 'the RSA key has a passphrase, which SSH_ASKPASS is asked for'

	step 'Write down what each of them is for: bottle.json'
	cat >"$work/bottle.json" <<-EOS
		{ "bottles": { "$demo": { "ssh": [
		  { "Host": "$world_host", "User": "git",
		    "IdentityFile": "keys/git", "purposes": ["auth", "git"],
		    "KnownHostKey": "$(host_key hostkey)" },
		  { "Host": "$world_build", "User": "deploy", "Port": $world_build_port,
		    "IdentityFile": "keys/build", "purposes": ["auth"], "lifetime": "8h",
		    "KnownHostKey": "$(host_key buildkey)" }
		] } } }
	EOS
	show "$(cat "$work/bottle.json")"
}

# host_key NAME: what the host is known by.
host_key() {
	cut -d ' ' -f 1-2 "$world_dir/$1.pub"
}

# provision [OPTION...]: the load of this demo.
provision() {
	env SSH_ASKPASS="$work/askpass" SSH_ASKPASS_REQUIRE=force timeout 120 \
	    "$provision" load -f "$work/bottle.json" \
	    --proxy "$world_proxy_url" --sign --sign-as "$principal" \
	    "${programs[@]}" "$@" "$target" </dev/null
}

load_keys() {
	local start status=0 out

	if [ "$kind" = docker ]; then
		target=docker:$demo
		deploy/make-programs "$work/programs" "$bin" >/dev/null ||
		    die 'cannot make the folder of programs'
		programs=(--programs "$work/programs")
		shown=$target
	else
		target="exec:$(world_enter 0)"
		shown='exec:ROOT-IN-THE-BOTTLE'
	fi

	step 'Look at what a load would do: --dry-run'
	note "bottle-provision load -f bottle.json --proxy $world_proxy_url \\"
	note "    --sign --sign-as $principal --dry-run $shown"
	out=$(provision --dry-run 2>&1) || status=$?
	# What is in the files is left out.
	show "$(grep -v '^    |' <<<"${out//"$target"/"$shown"}")"
	[ "$status" -eq 0 ] || die "the dry run failed ($status)"
	note '(and all that is in these files; here it is left out)'

	step 'Load: programs, agent, keys and configuration, with one command'
	note "bottle-provision load -f bottle.json --proxy $world_proxy_url \\"
	[ "${#programs[@]}" -eq 0 ] || note "    --programs programs \\"
	note "    --sign --sign-as $principal $shown"
	start=$(now_ms)
	out=$(provision 2>&1) || status=$?
	show "${out//"$target"/"$shown"}"
	[ "$status" -eq 0 ] || die "the load failed ($status)"
	note "ok: loaded in $(($(now_ms) - start)) ms"
	note 'private halves: in a folder on this side; in the files of the bottle: none'
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
	note "in $load_dir/config, so that all that follows goes this way:"
	show "$(node grep -m 1 ProxyCommand "$load_dir/config" |
	    sed 's/^[[:space:]]*//')"
}

use_keys() {
	step 'As node: use the keys, through the proxy'
	note 'ssh-add -l'
	works 'node sees both keys' node ssh-add -l
	note "ssh $world_host whoami"
	works 'logged in with the ed25519 key' node ssh "$world_host" whoami
	note "ssh $world_build whoami"
	works 'logged in with the RSA key, at the other host' \
	    node ssh "$world_build" whoami
	note "git clone $world_host:project.git"
	works 'cloned' node git clone "$world_host:project.git" \
	    "$world_home/project"
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

# bare_git WORD...: node's git in an empty environment.
bare_git() {
	bottle 1000 timeout 30 env -i HOME="$world_home" PATH=/usr/bin:/bin \
	    git -C "$world_home/project" "$@"
}

# ssh_with NAME USER@HOST PORT: ssh with this key and no other, whatever the
# configuration says.
ssh_with() {
	node ssh -F none -o IdentityAgent="$world_socket" \
	    -o IdentitiesOnly=yes -o IdentityFile="$load_dir/$1.pub" \
	    -o UserKnownHostsFile="$load_dir/known_hosts" \
	    -o StrictHostKeyChecking=yes -o BatchMode=yes -o ProxyCommand="\
$world_bin/bottle-forward connect --proxy $world_proxy_url %h %p" \
	    -p "$3" "$2" whoami
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
	note 'ssh-add -d git.pub'
	refused 'remove a key' node ssh-add -d "$load_dir/git.pub"
	bottle 1000 rm -f mine mine.pub askpass
	works 'root sees the same keys as before' \
	    test "$before" = "$(root ssh-add -L)"

	step 'As node: use a key for what it is not for'
	note "ssh with the ed25519 key and no other: git@$world_host"
	works 'it logs in there' ssh_with git "git@$world_host" 22
	note "the same: deploy@$world_host"
	denied 'not as another user' ssh_with git "deploy@$world_host" 22
	note "the same: git@$world_build"
	denied 'the agent does not even show it there' ssh_with git "git@$world_build" \
	    "$world_build_port"
	note "ssh with the RSA key and no other: git@$world_host"
	denied 'the same, the other way round' ssh_with build "git@$world_host" 22
	note 'ssh-keygen -Y sign -n file, with the ed25519 key'
	denied 'sign a file: the key is for logins and commits' \
	    node ssh-keygen -Y sign -n file -f "$load_dir/git.pub"
	note 'ssh-keygen -Y sign -n git, with the RSA key'
	denied 'sign a commit: the key is for logins only' \
	    node ssh-keygen -Y sign -n git -f "$load_dir/build.pub"
	note 'bottle-agent --explain, as root: why, of the newest'
	show "$(root "$world_program" --explain 2>&1 | head -n 2)"

	step 'As node, and as root from outside: take a key'
	note 'look through every file that node can read for a private key'
	works 'no file has one' node bash -c '! find / -xdev -type f \
	    -readable -print0 2>/dev/null | xargs -0 grep -lIE \
	    "^-----BEGIN [A-Z ]*PRIVATE KEY-----" 2>/dev/null | grep .'
	note "look through all of the bottle's files, as root, from outside"
	# What is looked for is the bare key.
	mkdir "$work/plain"
	cp "$work/keys/git" "$work/keys/build" "$work/plain"
	ssh-keygen -q -p -P "$("$work/askpass")" -N '' \
	    -f "$work/plain/build" >/dev/null
	works 'nor are the bytes of these keys anywhere' bash -c '
		status=0
		perl tests/e2e/find-key-bytes.pl "$@" || status=$?
		[ "$status" -eq 1 ]' - "$work/plain/git" \
	    "$work/plain/build" < <(world_export)
	works 'what the agent says of itself' root "$world_program" --status
}

say_more() {
	cat <<-EOS

		With a container of your own, NAME, whose user is node or has uid 1000,
		and a HOST as you type it behind ssh:

		  $top/deploy/make-programs programs
		  $top/$provision load --programs programs --sign NAME HOST
		  docker exec -u 1000 NAME ssh HOST

		If its way out is a proxy, --proxy http://PROXY:PORT before NAME; what
		would be done is printed with --dry-run.  README.md says more.
	EOS
}

# --- all of it ----------------------------------------------------------------------

host_ready
mkdir -p "$roots_cache"
claim
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
make_keys
load_keys
try_ways_out
use_keys
misuse_keys
say_more
if [ "$keep" = yes ]; then
	enter=$(world_enter 1000)
	# A shell has no prompt without a terminal.
	printf '\nIt stays up.  To get in:\n\n  %s env SSH_AUTH_SOCK=%s bash\n\n' \
	    "${enter/#docker exec -i /docker exec -it }" "$world_socket"
	printf './quickstart.sh --down takes it down.\n'
	keep_up
fi
[ "$failures" -eq 0 ] || die "$failures steps failed"
printf '\nAll steps ended as they should.\n'
