#!/bin/bash
# hostile.sh - bottle-provision load against a container that means it ill.
#
# First what the container's user can do: links, pipes and programs of his own
# in all places that a load comes by, and a home that is full or cannot be
# written.  Then programs in the container that lie, see liar.pl.  Each time the
# load must end soon, in bounded memory, with the right exit code and a message
# that says what happened, and nothing may have changed, here or there.
# BOTTLE_STATIC_BIN is the folder of the static programs, BOTTLE_BIN that of
# bottle-provision.
# Much here is text for the shell on the other side, and a name for a check.
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

bin=${BOTTLE_STATIC_BIN:-$here/../../build/static/bin}
provision=${BOTTLE_BIN:-$here/../../build/release/bin}/bottle-provision

# What a load is given where it must run out of time; what it then may take,
# on a busy machine; and how much ordinary memory, in KiB.
STEP=1s
TIME_LIMIT_MS=40000
MEMORY_LIMIT=65536

work=$(mktemp -d "${TMPDIR:-/tmp}/bottle-hostile.XXXXXX")
at_exit rm -rf "$work"

[ -x "$provision" ] || skip_all "there is no program $provision"
why=$(world_missing docker "$bin")
[ -z "$why" ] || skip_all "$why"
at_exit engine_down
engine_up "$work" || skip_all "$engine_why"
roots_ready || die 'cannot make the root file systems'
docker_ready || skip_all "$world_why"

# --- containers ----------------------------------------------------------------

# Programs of the user's come first in the container's PATH.
fake_bin=$world_home/bin
boxes=()

boxes_down() {
	[ "${#boxes[@]}" -eq 0 ] || docker rm -f -v "${boxes[@]}" >/dev/null
}
at_exit boxes_down

# box_up NAME [OPTION...]: one without a network, with our programs.
box_up() {
	local name=$1 program

	shift
	boxes+=("$name")
	docker create --name "$name" --network none \
	    -e PATH="$fake_bin:/usr/local/bin:/usr/bin:/bin" "$@" \
	    "$world_image_bottle" /usr/bin/sleep infinity >/dev/null
	for program in "${world_programs[@]}"; do
		docker_copy "$bin/$program" 755 "$name:$world_bin/$program"
	done
	docker start "$name" >/dev/null
}

box=bottle-hostile-$$

# in_box UID COMMAND...: not by that PATH.
in_box() {
	local uid=$1

	shift
	docker exec -i -u "$uid" "$box" /usr/bin/env -i \
	    PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME="$world_home" \
	    "$@" </dev/null
}

# --- loads ---------------------------------------------------------------------

# Two keys, each with a manifest of its own.
make_keys() {
	local name

	ssh-keygen -q -t ed25519 -N '' -C '' -f "$work/host" </dev/null
	for name in old new; do
		ssh-keygen -q -t ed25519 -N '' -C "$name" -f "$work/$name" \
		    </dev/null
		printf '[{"Host": "git.example", "User": "git",
			"KnownHostKey": "%s", "IdentityFile": "%s"}]\n' \
		    "$(cut -d ' ' -f 1-2 "$work/host.pub")" "$work/$name" \
		    >"$work/$name.json"
	done
}

# load NAME [OPTION...]: sets status, took, and out, what it says; it has only
# so much memory.
load() {
	local name=$1 start

	shift
	start=$(now_ms)
	status=0
	(
		ulimit -d "$MEMORY_LIMIT"
		HOME=$work exec timeout 60 "$provision" load --no-prompt \
		    --sign --no-install -f "$work/$name.json" "$@" \
		    "docker:$box"
	) >"$work/out" 2>&1 </dev/null || status=$?
	took=$(($(now_ms) - start))
	out=$(tr -d '\0' <"$work/out")
}

# What a load can change: keys in force, and files.
state_of='
	cd "$HOME"
	SSH_AUTH_SOCK=$1 ssh-add -L 2>&1
	find .ssh .gitconfig -printf "%M %U:%G %p %l\n" 2>&1 | sort
	for file in .ssh/config .gitconfig .ssh/bottle-agent/default/*; do
		[ ! -f "$file" ] || [ -L "$file" ] ||
		    head -c 100000 "$file" | sha256sum
	done'

state() {
	in_box 0 bash -c "$state_of" - "$world_socket"
}

keys() {
	in_box 0 env SSH_AUTH_SOCK="$world_socket" ssh-add -L 2>&1
}

# plain FILE: all of it is lines of printable characters.
plain() {
	! LC_ALL=C grep -qavE '^[ -~]*$' "$1"
}

# --- what the container's user can do --------------------------------------------

# Each of them tells who ran it.
make_fakes() {
	in_box 1000 bash -c '
		mkdir ~/bin
		cat >~/bin/sh <<-EOS
			#!/bin/bash
			printf "%s as %s\n" "\$0" "\$(/usr/bin/id -u)" >>/tmp/fakes
			exit 0
		EOS
		chmod 755 ~/bin/sh
		for name in bash env ls cat id stat test uname readlink mkdir \
		    getent perl ssh bottle-agent bottle-forward \
		    bottle-ssh-keygen bottle-launch docker podman; do
			ln ~/bin/sh ~/bin/"$name"
		done
		touch /tmp/fakes
		chmod 666 /tmp/fakes'
}

fakes_seen() {
	in_box 0 cat /tmp/fakes
}

test_fakes() {
	check_same no_program_of_the_users_was_run '' "$(fakes_seen)"
	docker exec -u 0 "$box" ls / >/dev/null
	check_has a_search_would_have_found_one "$(fakes_seen)" 'ls as 0'
	in_box 0 bash -c ': >/tmp/fakes'
}

# The other one of the two keys is loaded next, so that it can be seen whether
# it was.
in_force=old
next_key() {
	[ "$in_force" = old ] && echo new || echo old
}

# in_the_way NAME WANTED PART SCRIPT: the user does this, and then there is a
# load.  WANTED is fails, or any: it may work as well.
in_the_way() {
	local name=$1 wanted=$2 part=$3 before after

	before=$(in_box 0 bash -c '
		cd "$HOME" && rm -rf .ssh .gitconfig && touch /tmp/stamp
		setpriv --reuid 1000 --regid 1000 --clear-groups bash -c "$2"
		'"$state_of" - "$world_socket" "$4")
	load "$(next_key)"
	after=$(in_box 0 bash -c "$state_of"'
		echo
		find /etc /root /usr /dev -xdev -newer /tmp/stamp ! -path /dev \
		    ! -type c -printf "ELSEWHERE %p\n"' - "$world_socket")
	check "${name}_ends_in_time" test "$took" -lt "$TIME_LIMIT_MS"
	check_lacks "${name}_leads_nowhere" "$after" ELSEWHERE
	check "${name}_is_told_in_plain_text" plain "$work/out"
	if [ "$wanted" = any ] && [ "$status" -eq 0 ]; then
		in_force=$(next_key)
		check_has "${name}_is_no_hindrance" "$after" " $in_force"
		return
	fi
	case $status in
	1 | 3) ok "${name}_fails" ;;
	*) not_ok "${name}_fails" "ended with $status: $out" ;;
	esac
	check_has "${name}_says_what_is_wrong" "$out" "$part"
	check_same "${name}_changes_nothing" "$before" "${after%%$'\n\n'ELSE*}"
}

test_files() {
	in_the_way ssh_is_etc fails .ssh 'ln -s /etc .ssh'
	in_the_way config_is_passwd any .ssh/config \
	    'mkdir .ssh; ln -s /etc/passwd .ssh/config'
	in_the_way folder_is_root fails .ssh/bottle-agent \
	    'mkdir .ssh; ln -s /root .ssh/bottle-agent'
	in_the_way gitconfig_is_a_pipe fails .gitconfig 'mkfifo .gitconfig'
	in_the_way config_is_a_pipe fails .ssh/config \
	    'mkdir .ssh; mkfifo .ssh/config'
	in_the_way config_is_zero fails .ssh/config \
	    'mkdir .ssh; ln -s /dev/zero .ssh/config'
	in_the_way config_is_a_folder fails .ssh/config 'mkdir -p .ssh/config'
	in_the_way config_is_huge fails .ssh/config \
	    'mkdir .ssh; truncate -s 8G .ssh/config'
	in_the_way ssh_is_not_writable fails .ssh 'mkdir -m 500 .ssh'
	in_the_way env_is_passwd any .ssh/bottle-agent/env \
	    'mkdir -p .ssh/bottle-agent
	    ln -s /etc/passwd .ssh/bottle-agent/env'
	in_the_way load_is_a_folder fails .ssh/bottle-agent/default \
	    'mkdir -p -m 700 .ssh/bottle-agent/default/x'
	in_the_way load_is_roots any .ssh/bottle-agent/default \
	    'mkdir -p -m 700 .ssh/bottle-agent
	    ln -s /root .ssh/bottle-agent/default'
	in_the_way load_is_another_folder any .ssh/bottle-agent/default \
	    'mkdir -p -m 700 .ssh/bottle-agent dear; touch dear/file
	    ln -s ../../dear .ssh/bottle-agent/default'
	check what_a_link_leads_to_stays in_box 0 \
	    test -e "$world_home/dear/file"
	in_box 0 bash -c 'cd "$HOME" && rm -rf .ssh .gitconfig'
}

# The user stops whatever places files for him.
stop_placer='
	while (1) {
		for my $p (glob("/proc/[0-9]*")) {
			open(my $fh, "<", "$p/cmdline") or next;
			my $line = do { local $/; <$fh> } // next;
			kill("STOP", $p =~ s,/proc/,,r)
			    if $line =~ /forward\0place/;
		}
		select(undef, undef, undef, 0.001);
	}'

test_stopped() {
	local before pid

	load old
	before=$(state)
	docker exec -u 1000 "$box" /usr/bin/perl -e "$stop_placer" &
	pid=$!
	load new --timeout "$STEP"
	kill "$pid"
	wait "$pid" 2>/dev/null || true
	in_box 0 perl -e 'for (glob("/proc/[0-9]*/cmdline")) {
		open(my $fh, "<", $_) or next;
		my $line = do { local $/; <$fh> } // next;
		my ($pid) = /(\d+)/;
		kill("KILL", $pid) if $line =~ /forward\0place|glob/ &&
		    $pid != $$;
	}'
	check a_stopped_placer_ends_in_time test "$took" -lt "$TIME_LIMIT_MS"
	check_refused a_stopped_placer_is_a_failure test "$status" -eq 0
	check_same a_stopped_placer_changes_no_key \
	    "$(head -n 1 <<<"$before")" "$(keys)"
}

# mistrusted NAME PART SCRIPT UNDO: root does this, and then no program there is
# run as root.
mistrusted() {
	local before after

	before=$(in_box 0 bash -c "$state_of; $3" - "$world_socket")
	load new
	after=$(in_box 0 bash -c "{ $4; }; $state_of" - "$world_socket")
	check_same "$1_ends_with_3" 3 "$status"
	check_has "$1_says_what_is_wrong" "$out" "$2"
	check_same "$1_changes_nothing" "$before" "$after"
}

test_programs() {
	load old
	check_same a_load_works_with_programs_of_roots 0 "$status"
	mistrusted folder_of_the_users /usr/local/bin '
		chown node /usr/local/bin
		cd /usr/local/bin
		mv bottle-agent bottle-agent.kept
		cp -p /home/node/bin/sh bottle-agent' '
		cd /usr/local/bin
		mv bottle-agent.kept bottle-agent
		chown root /usr/local/bin'
	mistrusted folder_that_all_write /usr/local \
	    'chmod 777 /usr/local' 'chmod 755 /usr/local'
	mistrusted folder_that_a_group_writes /usr/local/bin \
	    'chmod g+w /usr/local/bin' 'chmod g-w /usr/local/bin'
	mistrusted program_of_the_users bottle-agent \
	    'chown node /usr/local/bin/bottle-agent' \
	    'chown root /usr/local/bin/bottle-agent'
	mistrusted program_that_all_write bottle-agent \
	    'chmod 777 /usr/local/bin/bottle-agent' \
	    'chmod 755 /usr/local/bin/bottle-agent'
	mistrusted link_of_the_users bottle-agent '
		cd /usr/local/bin
		mv bottle-agent ../sbin
		ln -s ../sbin/bottle-agent .
		chown -h node bottle-agent' '
		cd /usr/local/bin
		mv ../sbin/bottle-agent .'
	mistrusted link_into_the_users bottle-agent '
		cd /usr/local/bin
		mv bottle-agent bottle-agent.kept
		cp bottle-agent.kept /home/node/bin/there
		ln -s /home/node/bin/there bottle-agent' '
		cd /usr/local/bin
		mv bottle-agent.kept bottle-agent'
	in_box 0 bash -c '
		mv /usr/local/bin /opt/bin
		ln -s ../../opt/bin /usr/local/bin'
	load old
	check_same a_link_of_roots_is_trusted 0 "$status"
	in_box 0 bash -c '
		rm /usr/local/bin
		mv /opt/bin /usr/local/bin'
}

# no_room NAME PART MOUNT [SCRIPT]: a container whose home is such a tmpfs.
no_room() {
	local name=$1 part=$2 kept=$box

	box=$box-$name
	box_up "$box" --tmpfs "$3"
	[ -z "${4:-}" ] || in_box 1000 bash -c "$4"
	load new
	check_same "${name}_ends_with_1" 1 "$status"
	check_has "${name}_says_what_is_wrong" "$out" "$part"
	check_lacks "${name}_loads_no_key" "$(keys)" ' new'
	check_same "${name}_leaves_no_file" '' "$(in_box 0 find "$world_home" \
	    -mindepth 1 ! -name fill ! -name .ssh)"
	box=$kept
}

# --- programs that lie -------------------------------------------------------------

liars_up() {
	local name

	for name in bottle-agent bottle-forward; do
		in_box 0 mv "$world_bin/$name" "$world_bin/$name.real"
		docker_copy "$here/liar.pl" 755 "$box:$world_bin/$name"
	done
}

# lie WHO WHICH: the file is the container's /etc/lie.
lie() {
	printf '%s\n' "$*" >"$work/lie"
}

# lied WHO WHICH STATUS PART [OPTION...]
lied() {
	local name=$1_$2 wanted=$3 part=$4 after

	lie "$1" "$2"
	shift 4
	load new "$@"
	check_same "${name}_ends_with_$wanted" "$wanted" "$status"
	check_has "${name}_is_told" "$out" "$part"
	check "${name}_is_told_in_plain_text" plain "$work/out"
	check "${name}_is_told_in_few_words" \
	    test "$(wc -c <"$work/out")" -lt 4000
	check "${name}_ends_in_time" test "$took" -lt "$TIME_LIMIT_MS"
	after=$(state)
	check_same "${name}_changes_nothing" "$before" "$after"
	before=$after
}

test_lies() {
	local which before

	load old
	check_same a_load_before_the_lies 0 "$status"
	before=$(state)
	liars_up
	for which in silent silent_after_hello silent_after_staged \
	    staged_at_once; do
		lied loader "$which" 5 "$box" --timeout "$STEP"
	done
	for which in endless_text endless_lines garbage \
	    ends_at_once ends_after_hello ends_after_staged \
	    dies_in_the_middle endless_words done_at_once done_5 other_keys \
	    no_key key_of_zeros fails_with_99 shows_a_key; do
		lied loader "$which" 1 "$box"
	done
	lied loader fails_with_escapes 3 red
	lied placer silent 5 "$box" --timeout "$STEP"
	for which in endless_lines ends_at_once ends_after_staged done_at_once \
	    fails_with_99 shows_a_key; do
		lied placer "$which" 1 "$box"
	done
	lied placer fails_with_escapes 3 red
	test_terminal

	# All that was sent to them, and there was something.
	check they_were_sent_something test -s "$work/received"
	check_has bundles_among_it "$(tr -d '\0' <"$work/received")" \
	    'bottle-bundle 1'
	check_status and_no_key_in_it 1 bash -c '
		perl "$1" "$2" "$3" <"$4"' - "$here/find-key-bytes.pl" \
	    "$work/old" "$work/new" "$work/received"

	for which in errors_among_it ends_lines_as_it_likes; do
		lie loader "$which"
		load new
		check_same "loader_${which}_works_all_the_same" 0 "$status"
		[ "$status" -eq 0 ] || printf '# %s\n' "$out"
		check_has "loader_${which}_has_loaded" "$(keys)" ' new'
		check "loader_${which}_is_told_in_plain_text" plain \
		    "$work/out"
		lie placer "$which"
		load old
		check_same "placer_${which}_works_all_the_same" 0 "$status"
	done
}

# The same on a terminal, where an escape would do something.  A dumb one has no
# live lines, which are made of escapes of our own.
test_terminal() {
	local which

	for which in fails_with_escapes other_keys; do
		lie loader "$which"
		HOME=$work TERM=dumb script -qec "$(printf '%q ' timeout 60 \
		    "$provision" load --no-prompt --no-install -f "$work/new.json" "docker:$box")" \
		    /dev/null </dev/null >"$work/typed" 2>&1 || true
		sed 's/\r$//' "$work/typed" >"$work/out"
		check "${which}_on_a_terminal" plain "$work/out"
	done
}

touch "$work/lie" "$work/received"
chmod 666 "$work/received"
box_up "$box" -v "$work/lie:/etc/lie:ro" -v "$work/received:/tmp/received"
make_keys
make_fakes
load old
check_same a_load_among_all_that 0 "$status"
[ "$status" -eq 0 ] || die "the load failed: $out"
test_files
test_stopped
test_programs
test_fakes
no_room full_disk 'o space' "$world_home:uid=1000,mode=700,size=64k" \
    'dd if=/dev/zero of=fill bs=1k 2>/dev/null; true'
no_room home_is_read_only 'ead-only' "$world_home:uid=1000,mode=700,ro"
test_lies
checks_end
