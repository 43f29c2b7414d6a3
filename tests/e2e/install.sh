#!/bin/bash
# install.sh - our programs in containers: put there, and run as root only where
# they are root's.
#
# BOTTLE_STATIC_BIN is the folder of the static programs, and BOTTLE_INTARGET
# the program that calls what is tested (tests/support/intarget.c).
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
# shellcheck source=tests/e2e/busybox.sh
. "$here/busybox.sh"

bin=${BOTTLE_STATIC_BIN:-$here/../../build/static/bin}
intarget=${BOTTLE_INTARGET:-$here/../../build/release/bin/intarget}

# Containers and images of ours are called NAME-something.
ours=bottle-install-$$
work=$(mktemp -d "${TMPDIR:-/tmp}/bottle-install.XXXXXX")
at_exit rm -rf "$work"
programs=$work/programs

# enum launch_end
ran=0
no_program=1
untrusted=2
no_shell=3

why=$(world_missing docker "$bin")
[ -z "$why" ] || skip_all "$why"
[ -x "$intarget" ] || skip_all "there is no $intarget"
command -v busybox >/dev/null || skip_all 'needs package: busybox'
at_exit engine_down
engine_up "$work" || skip_all "$engine_why"
roots_ready || die 'cannot make the root file systems'
docker_ready || skip_all "$world_why"

"$here/../../deploy/make-programs" "$programs" "$bin" >/dev/null
version=$("$bin/bottle-agent" --version)

# --- images and containers -----------------------------------------------------

# image_tree NAME DIR: an image of the files in a folder, all of them root's.
image_tree() {
	tar -C "$2" -c --owner=0 --group=0 --mode=go-w . |
	    docker import - "$1" >/dev/null
	at_exit remove_image "$1"
}

# container SUFFIX IMAGE [OPTION]... -- COMMAND...: run one.
container() {
	local image=$2 id=$ours-$1
	local options=()

	shift 2
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	at_exit remove "$id"
	docker run -d --name "$id" --network none "${options[@]}" "$image" \
	    "$@" >/dev/null
}

remove_image() {
	docker rmi -f "$1" >/dev/null 2>&1 || true
}

remove() {
	docker rm -f -v "$1" >/dev/null 2>&1 || true
}

# inside SUFFIX COMMAND...: as its root.
inside() {
	local id=$ours-$1

	shift
	docker exec -u 0 "$id" "$@"
}

# debian SUFFIX [OPTION]...: one of the bottle's image, as that of users is.
debian() {
	local suffix=$1

	shift
	container "$suffix" "$world_image_bottle" -u 0 "$@" -- sleep infinity
}

# --- what is tried there --------------------------------------------------------

# install SUFFIX [BIN]: out is what is said, status how it ends.
install() {
	status=0
	out=$("$intarget" "docker:$ours-$1" install "$programs" "${2:--}" \
	    2>&1) || status=$?
}

# launch SUFFIX USER BIN PROGRAM ARGUMENT...: the same.
launch() {
	local suffix=$1

	shift
	status=0
	out=$("$intarget" "docker:$ours-$suffix" launch "$@" 2>&1) ||
	    status=$?
}

# check_install NAME SUFFIX BIN [GIVEN]: they come there, and run.
check_install() {
	install "$2" "${4:--}"
	check_same "$1" "0 $(uname -m) $3" "$status $out"
	check_same "$1: modes" "755 0:0" "$(inside "$2" \
	    stat -c '%a %u:%g' "$3/bottle-agent" "$3/bottle-forward" \
	    "$3/bottle-ssh-keygen" | sort -u)"
	check_same "$1: nothing else" \
	    'bottle-agent bottle-forward bottle-ssh-keygen' \
	    "$(inside "$2" ls -A "$3" | tr '\n' ' ' | sed 's/ $//')"
	launch "$2" - "${4:--}" bottle-agent --version
	check_has "$1: root runs it" "$out" "$version"
	check_has "$1: it has run" "$out" "end $ran"
	launch "$2" 1000 "$3" bottle-forward --version
	check_has "$1: a user runs it" "$out" bottle-forward
}

# check_cannot NAME SUFFIX PART...: nothing can be put there, and that is said.
check_cannot() {
	local check=$1 part

	install "$2"
	check_same "$check" 1 "$status"
	shift 2
	for part in 'status denied' "$@"; do
		check_has "$check: $part" "$out" "$part"
	done
}

test_put_and_run() {
	debian plain --cap-drop ALL
	launch plain - - bottle-agent --version
	check_has nothing_is_there "$out" "end $no_program"
	check_has nothing_is_there_what_to_do "$out" COPY
	launch plain node - bottle-forward --version
	check_has nothing_is_there_for_the_user "$out" "end $no_program"
	check_install debian plain /usr/local/bin

	# One that runs goes on, and newer ones are found before.
	inside plain bottle-agent --public --allow 1000=list -a /run/a.sock \
	    >/dev/null
	check_install again plain /usr/local/bin
	check old_agent_still_runs inside plain bottle-agent --status \
	    -a /run/a.sock
	check_install given plain /opt/elsewhere/bin /opt/elsewhere/bin
}

# The folder is the user's, with a program that would leave a mark.
test_folder_of_the_user() {
	debian user
	inside user chown -R node /usr/local/bin
	docker exec -u node "$ours-user" sh -c 'cd /usr/local/bin &&
		printf "#!/bin/sh\nid -u >>/tmp/mark\necho %s\n" evil \
		    >bottle-agent &&
		chmod 755 bottle-agent && cp bottle-agent bottle-forward'
	launch user - - bottle-agent --version
	check_has users_is_not_run "$out" "end $untrusted"
	check_has users_is_named "$out" \
	    '/usr/local/bin: belongs to uid 1000, not to root'
	check_install elsewhere user /opt/bottle-agent/bin
	check_same users_has_never_run '' "$(inside user \
	    sh -c 'cat /tmp/mark 2>/dev/null || true')"
	# As the user it may, and the mark is seen where it has.
	launch user node - bottle-agent --version
	check_has user_runs_the_own_one "$out" evil
	check_same mark_is_the_users 1000 "$(inside user cat /tmp/mark)"

	# The other folder is taken by a link of the user's.
	debian link
	inside link sh -c 'chown -R node /usr/local/bin
		mkdir /home/node/x && chown -R node /home/node /opt'
	docker exec -u node "$ours-link" ln -s /etc /opt/bottle-agent
	check_cannot both_are_the_users link '/opt: belongs to uid 1000'
	check_same nothing_made_behind_the_link no "$(inside link \
	    sh -c '[ -e /etc/bin ] && echo yes || echo no')"
}

test_nothing_can_be_written() {
	local words

	debian readonly --read-only
	check_cannot read_only readonly 'Read-only file system' \
	    'COPY bottle-agent bottle-forward bottle-ssh-keygen'
	# What it says is what helps.
	words=$(printf '%s' "$out" | grep -o -- '-v [^ ,]*' | tr '\n' ' ')
	# shellcheck disable=SC2086
	debian advice --read-only $words
	launch advice - - bottle-agent --version
	check_has advice_helps "$out" "$version"
	launch advice 1000 - bottle-ssh-keygen -h
	check_has advice_helps_the_user "$out" "end $ran"
	# Those that are there cannot be replaced.
	check_cannot mounted advice /usr/local/bin

	# One mounted file in a folder that can be written to.
	debian half -v "$programs/$(uname -m)/bottle-forward:$(
	    )/usr/local/bin/bottle-forward:ro"
	check_cannot busy half 'bottle-forward: cannot be replaced'
	check_same busy_leaves_nothing bottle-forward \
	    "$(inside half ls -A /usr/local/bin)"
}

test_nothing_can_be_run() {
	debian noexec --read-only --tmpfs /opt:mode=755,noexec
	check_cannot noexec noexec 'is it mounted noexec?'
	inside noexec sh -c 'mkdir -p /opt/bottle-agent/bin &&
		cp /bin/true /opt/bottle-agent/bin/bottle-agent'
	launch noexec - - bottle-agent --version
	check_has noexec_is_not_run "$out" 'cannot be executed'
	debian exec --read-only --tmpfs /opt:mode=755,exec
	check_install tmpfs exec /opt/bottle-agent/bin
	debian sticky --read-only --tmpfs /opt:exec
	inside sticky chmod 1777 /opt
	check_cannot sticky sticky '/opt: can be written by others than root'
	debian full --read-only --tmpfs /opt:mode=755,exec,size=1m
	check_cannot full full 'is there room?'
	check_same full_leaves_nothing '' \
	    "$(inside full ls -A /opt/bottle-agent/bin)"
}

test_busybox_alone() {
	busybox_tree "$work/busybox"
	image_tree "$ours-busybox" "$work/busybox"
	container busybox "$ours-busybox" -- /bin/sleep 100000
	launch busybox - - bottle-agent --version
	check_has busybox_nothing_is_there "$out" "end $no_program"
	check_install busybox busybox /usr/local/bin
	inside busybox chmod 775 /usr/local
	launch busybox - - bottle-agent --version
	check_has busybox_written_by_a_group "$out" \
	    '/usr/local: can be written by others than root'
	inside busybox sh -c 'chmod 755 /usr/local; rm /bin/ls'
	launch busybox - - bottle-agent --version
	check_has no_ls "$out" 'there is no program ls'
}

test_no_shell() {
	mkdir -p "$work/bare/usr/local/bin" "$work/bare/run"
	cp "$bin"/bottle-* "$work/bare/usr/local/bin"
	image_tree "$ours-bare" "$work/bare"
	container bare "$ours-bare" -- /usr/local/bin/bottle-agent -D \
	    --public --allow 1000=list -a /run/a.sock
	launch bare - - bottle-agent --version
	check_has no_shell "$out" "end $no_shell"
	check_has no_shell_what_to_do "$out" '/bin/busybox /bin/sh'
	launch bare 1000 - bottle-forward --version
	check_has no_shell_for_the_user "$out" "end $no_shell"
	launch bare 1000 /usr/local/bin bottle-forward --version
	check_has user_needs_no_shell "$out" "end $ran"
	launch bare 1000 /opt bottle-forward --version
	check_has user_needs_the_program "$out" "end $no_program"
	check_cannot no_shell_no_install bare 'there is no /bin/sh in it' COPY
}

# By the same script; in a folder that no one else has.
test_this_machine() {
	local dir=/run/$ours/bin

	at_exit rm -rf "/run/$ours"
	status=0
	out=$("$intarget" local install "$programs" "$dir" 2>&1) || status=$?
	check_same this_machine "0 $(uname -m) $dir" "$status $out"
	out=$("$intarget" local launch - "$dir" bottle-agent --version 2>&1)
	check_has this_machine_runs_it "$out" "$version"
	chmod 777 "/run/$ours"
	out=$("$intarget" local launch - "$dir" bottle-agent --version 2>&1 ||
	    true)
	check_has this_machine_does_not "$out" 'status not trusted'
	out=$("$intarget" local install "$programs" "$dir" 2>&1 || true)
	check_has this_machine_cannot "$out" \
	    "/run/$ours: can be written by others than root"
}

test_no_container() {
	install none
	check_has no_container "$out" 'status closed'
	check_has no_container_named "$out" "there is no container $ours-none"
}

test_put_and_run
test_folder_of_the_user
test_nothing_can_be_written
test_nothing_can_be_run
test_busybox_alone
test_no_shell
test_this_machine
test_no_container
checks_end
