#!/bin/bash
# e2e.sh docker|bare|embedded - the agent in a container, for real.
#
# A bottle, a proxy and a server (see world.sh); keys go in over the stdin of
# one exec; then the user of the bottle works with them, and tries what it must
# not be able to do.  BOTTLE_STATIC_BIN is the folder of the static programs.
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

kind=${1:?usage: e2e.sh docker|bare|embedded}
bin=${BOTTLE_STATIC_BIN:-$here/../../build/static/bin}
other_uid=65534
key_types=(ed25519 rsa ecdsa256 ecdsa384 ecdsa521)

# Slower than this, and ten times what it takes to run nothing in the bottle, is a
# failure.  The aim is 500 ms; a busy machine is no bug.
LOAD_LIMIT_MS=2000

work=$(mktemp -d "${TMPDIR:-/tmp}/bottle-e2e.XXXXXX")
at_exit rm -rf "$work"

# --- the world ---------------------------------------------------------------

why=$(world_missing "$kind" "$bin")
[ -z "$why" ] || skip_all "$why"
if [ "$kind" != embedded ]; then
	at_exit engine_down
	engine_up "$work" || skip_all "$engine_why"
fi
roots_ready || die 'cannot make the root file systems'
if [ "$kind" != embedded ]; then
	docker_ready || skip_all "$world_why"
fi
at_exit world_down
world_up "$kind" "bottle-e2e-$$" "$bin" || {
	cat "$world_dir"/*.log >&2 2>/dev/null
	die "cannot bring the world up: ${world_why:-see above}"
}

# Keys are made here, and only their public halves are files over there.
make_keys() {
	local name type

	mkdir "$work/keys" "$work/extra"
	for name in "${key_types[@]}"; do
		type=${name%%[0-9]*}
		case $name in
		ed25519) set -- -t ed25519 ;;
		rsa) set -- -t rsa -b 3072 ;;
		*) set -- -t "$type" -b "${name#"$type"}" ;;
		esac
		ssh-keygen -q "$@" -N '' -C "$name" -f "$work/keys/$name"
	done
	ssh-keygen -q -t ed25519 -N '' -C second -f "$work/extra/second"
	ssh-keygen -q -t ed25519 -N '' -C stranger -f "$work/extra/stranger"
}
make_keys
private=("${key_types[@]/#/$work/keys/}")

# Public halves in the bottle's home are called after the key.
bottle_setup "$work/keys"
server_authorize "$work/keys/"*.pub

# --- doing things in the bottle ------------------------------------------------

as_node() {
	bottle 1000 timeout 20 env SSH_AUTH_SOCK="$world_socket" "$@"
}

as_root() {
	bottle 0 timeout 20 env SSH_AUTH_SOCK="$world_socket" "$@"
}

as_other() {
	bottle "$other_uid" timeout 20 env SSH_AUTH_SOCK="$world_socket" "$@"
}

# load < KEYS
load() {
	bottle_in 0 "$world_program" --load --public --allow 1000=list,sign
}

# What root sees, in a form that two times can be compared.
list() {
	as_root ssh-add -L 2>&1 | sort
}

# --- the user's day ------------------------------------------------------------

test_load() {
	local start took nothing out status=0

	world_changes | sort >"$work/changes.before"
	start=$(now_ms)
	bottle 0 true
	nothing=$(($(now_ms) - start))
	start=$(now_ms)
	out=$(cat "${private[@]}" | load 2>&1) || status=$?
	took=$(($(now_ms) - start))
	check_same load_ends_with_0 0 "$status"
	printf '# loading %d keys took %d ms\n' "${#private[@]}" "$took"
	check load_is_quick test "$took" -lt \
	    "$((LOAD_LIMIT_MS + 10 * nothing))"
	[ "$status" -eq 0 ] || printf '# %s\n' "$out"

	# It leaves the socket and its lock, and no other file.
	world_changes | sort >"$work/changes.after"
	check_same loading_leaves_no_file '' \
	    "$(comm -13 "$work/changes.before" "$work/changes.after" |
		grep -vE '^/run(/bottle-agent\.sock(\.lock)?)?$' | tr '\n' ' ')"
	check_same load_names_every_key "${#private[@]}" \
	    "$(grep -c SHA256: <<<"$out")"
	check_same root_lists_every_key "${#private[@]}" "$(list | wc -l)"
	check_same node_lists_every_key "${#private[@]}" \
	    "$(as_node ssh-add -L | wc -l)"
}

test_ssh() {
	local name

	for name in "${key_types[@]}"; do
		check "ssh_with_$name" as_node ssh "$name.key" true
	done
	check ssh_without_SSH_AUTH_SOCK bottle 1000 ssh "$world_host" true
	for name in rsa-sha2-256 rsa-sha2-512; do
		check "ssh_with_$name" as_node ssh \
		    -o "PubkeyAcceptedAlgorithms=$name" rsa.key true
	done
}

test_git() {
	local script

	script=$(
		cat <<-'EOS'
			set -eu
			rm -rf ~/one ~/two
			git clone -q "git.example:project.git" ~/one 2>/dev/null
			cd ~/one
			echo "written in the bottle" >file
			git add file
			git commit -q -m first
			git push -q origin HEAD:main
			git clone -q "git.example:project.git" ~/two
			cmp ~/one/file ~/two/file
		EOS
	)
	check git_clone_and_push bottle 1000 bash -c "$script"
	script=$(
		cat <<-'EOS'
			set -eu
			export SSH_AUTH_SOCK=/run/bottle-agent.sock
			cd ~/one
			key=$(cat ~/.ssh/ed25519.pub)
			git config gpg.format ssh
			git config user.signingkey "key::$key"
			printf 'node@bottle.example namespaces="git" %s\n' \
			    "$key" >~/signers
			git config gpg.ssh.allowedSignersFile ~/signers
			git commit -q --allow-empty -S -m signed
			git verify-commit HEAD
			git push -q origin HEAD:main
		EOS
	)
	check git_signs_and_verifies bottle 1000 bash -c "$script"
}

# --- what the user must not be able to do ---------------------------------------

# refuse NAME COMMAND...: as node it fails, and nothing has changed.
refuse() {
	local name=$1 before

	shift
	before=$(list)
	check_refused "node_cannot_$name" as_node "$@"
	check_same "list_unchanged_after_$name" "$before" "$(list)"
}

# ssh-add asks for a lock's password; this answers.
askpass='export SSH_ASKPASS=/tmp/askpass SSH_ASKPASS_REQUIRE=force DISPLAY=:0
	printf "#!/bin/sh\necho secret\n" >$SSH_ASKPASS
	chmod 755 $SSH_ASKPASS'

# To be run with a command that must fail for every agent, $p, that is there;
# succeeds too if there is none.
each_agent='
	seen=no
	for p in /proc/[0-9]*; do
		read -r name 2>/dev/null <"$p/comm" || continue
		[ "$name" = bottle-agent ] || continue
		seen=yes
		eval "$1" && exit 0
	done
	[ "$seen" = no ]'

sign='echo x | ssh-keygen -Y sign -n git -f /tmp/key.pub'

test_refusals() {
	local node=$world_home/own

	bottle 1000 bash -c "$askpass"
	bottle 1000 ssh-keygen -q -t ed25519 -N '' -C own -f "$node"
	refuse wipe ssh-add -D
	refuse remove_one ssh-add -d "$world_home/.ssh/rsa.pub"
	refuse add ssh-add "$node"
	refuse add_for_a_time ssh-add -t 60 "$node"
	refuse lock bash -c "$askpass; ssh-add -x"
	refuse unlock bash -c "$askpass; ssh-add -X"
	refuse load_a_library ssh-add -s /usr/lib/libp.so
	refuse unload_a_library ssh-add -e /usr/lib/libp.so
	refuse load bash -c "$world_program --load <$node"
	refuse read_status "$world_program" --status
	check_refused node_cannot_kill_the_agent as_node bash -c "$each_agent" - \
	    'kill -9 "${p#/proc/}"'
	check_refused node_cannot_read_its_memory as_node \
	    bash -c "$each_agent" - ': <"$p/mem"'
	check_refused node_cannot_read_its_maps as_node \
	    bash -c "$each_agent" - 'cat "$p/maps"'
	check_refused node_cannot_read_its_environment as_node \
	    bash -c "$each_agent" - 'cat "$p/environ"'
	check_refused node_cannot_remove_the_socket as_node rm -f "$world_socket"
	bottle 1000 rm -f "$node" "$node.pub"
	check node_can_still_log_in as_node ssh "$world_host" true

	check_refused another_uid_cannot_list as_other ssh-add -l
	check_refused another_uid_cannot_wipe as_other ssh-add -D
	bottle 1000 cp "$world_home/.ssh/ed25519.pub" /tmp/key.pub
	check_refused another_uid_cannot_sign as_other bash -c "$sign"
	check node_can_sign_the_same as_node bash -c "$sign"
	check_same another_uid_changed_nothing "${#private[@]}" \
	    "$(list | wc -l)"
}

# --- where no key byte may be -------------------------------------------------

find_key_bytes() {
	perl "$here/find-key-bytes.pl" "${private[@]}"
}

test_no_key_bytes() {
	local found status=0

	# A search that finds nothing must be able to find something.
	check_same search_finds_a_planted_key 0 \
	    "$({ world_export | head -c 50000000; cat "${private[1]}"; } |
		find_key_bytes >/dev/null && echo 0)"
	found=$(world_export | find_key_bytes) || status=$?
	check_same no_key_bytes_in_any_file "1 " "$status $found"

	# As the user, too: nothing that looks like a private key.
	found=$(bottle 1000 bash -c '
		find / -xdev -type f -readable -print0 2>/dev/null |
		xargs -0 grep -lIE "^-----BEGIN [A-Z ]*PRIVATE KEY-----" \
		    2>/dev/null') || true
	check_same node_finds_no_key_file '' "$found"
	status=0
	found=$(bottle 0 bash -c 'cat /proc/[0-9]*/cmdline' |
	    find_key_bytes) || status=$?
	check_same no_key_bytes_in_arguments "1 " \
	    "$status $found"
}

# --- loading again, and what goes wrong ----------------------------------------

test_load_again() {
	local before out status=0

	before=$(list)
	out=$(load <"$work/keys/ed25519" 2>&1) || status=$?
	check_same loading_a_key_again_succeeds 0 "$status"
	check_same loading_a_key_again_adds_none "$before" "$(list)"

	# Another comment for the same key: it is updated, not added.
	cp "$work/keys/ed25519" "$work/renamed"
	ssh-keygen -q -c -C renamed -f "$work/renamed" >/dev/null
	check_same load_with_a_new_comment 0 \
	    "$(load <"$work/renamed" >/dev/null 2>&1 && echo 0)"
	check_has comment_is_updated "$(list)" renamed
	check_same updated_key_is_one_key "${#private[@]}" "$(list | wc -l)"

	# All or nothing.
	before=$(list)
	status=0
	out=$({
		cat "$work/extra/second"
		sed '3s/..../@@@@/' "$work/extra/stranger"
	} | load 2>&1) || status=$?
	check_same broken_second_key_ends_with_1 1 "$status"
	check_has broken_key_is_named "$out" 2
	check_same broken_second_key_adds_nothing "$before" "$(list)"
	printf '# a broken second key: %s\n' "$(tr '\n' '|' <<<"$out")"

	status=0
	out=$(head -c 200 "$work/extra/second" | load 2>&1) || status=$?
	check_same truncated_key_ends_with_1 1 "$status"
	check_same truncated_key_adds_nothing "$before" "$(list)"
	check_status nothing_on_stdin_ends_with_1 1 load
	check_same nothing_on_stdin_adds_nothing "$before" "$(list)"
}

test_restart() {
	local status=0

	world_restart
	check_refused no_agent_after_a_restart as_node ssh-add -l
	check_status status_says_that_nobody_serves 5 \
	    bottle 0 "$world_program" --status
	cat "${private[@]}" | load >/dev/null 2>&1 || status=$?
	check_same load_takes_the_dead_socket_over 0 "$status"
	check_same all_keys_after_a_restart "${#private[@]}" "$(list | wc -l)"
	wait_for 30 server_answers || true
	check ssh_after_a_restart as_node ssh "$world_host" true
}

# --- one peer against the others ------------------------------------------------

# node opens as many connections as it can get, and holds them.
flood='
	use Socket;
	my ($path, $n) = @ARGV;
	my @held;
	while (@held < $n) {
		socket(my $s, AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0) or last;
		connect($s, sockaddr_un($path)) or $!{EAGAIN} or last;
		push @held, $s;
	}
	$| = 1;
	print scalar(@held), "\n";
	sleep 60;
'

test_flood() {
	local opened start took rss

	mkfifo "$work/flood"
	bottle 1000 bash -c "ulimit -n 4096; exec perl -e '$flood' \
	    $world_socket 2000" >"$work/flood" 2>&1 &
	local pid=$!
	read -r -t 30 opened <"$work/flood" || opened=nothing
	check_same node_holds_2000_connections 2000 "$opened"
	start=$(now_ms)
	check_same root_lists_during_the_flood "${#private[@]}" \
	    "$(list | wc -l)"
	took=$(($(now_ms) - start))
	printf '# a list by root during it took %d ms\n' "$took"
	check root_is_not_slowed_down test "$took" -lt 9000
	check status_during_the_flood bottle 0 "$world_program" --status
	rss=$(bottle 0 bash -c '
		for p in /proc/[0-9]*; do
			read -r name <"$p/comm" 2>/dev/null || continue
			[ "$name" = bottle-agent ] || continue
			sed -n "s/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p" "$p/status"
		done')
	printf '# resident memory of the agent: %s kB\n' "$rss"
	check one_agent_of_less_than_64_MiB test "$rss" -lt 65536
	bottle 0 bash -c '
		for p in /proc/[0-9]*; do
			read -r name <"$p/comm" 2>/dev/null || continue
			[ "$name" = perl ] && kill -9 "${p#/proc/}"
		done
		true'
	wait "$pid" || true
	check node_works_again_after_the_flood as_node ssh "$world_host" true
}

# The perl above counts on it.
check_perl() {
	check perl_in_the_bottle bottle 1000 perl -e 'use Socket; exit 0'
}

# What the agent has in a bottle without anything: 64 KiB, all of it locked.
test_bare() {
	local status

	status=$(bottle 0 bash -c '
		"$1" --status
		for p in /proc/[0-9]*; do
			read -r name 2>/dev/null <"$p/comm" || continue
			[ "$name" = bottle-agent ] || continue
			cat "$p/status"
		done' - "$world_program") || true
	printf '# %s\n' "$(grep '^memory:' <<<"$status")"
	check_has it_has_64_KiB "$status" ', 65536 bytes'
	check_same all_of_it_is_locked '64 kB' \
	    "$(sed -n 's/^VmLck:[[:space:]]*//p' <<<"$status")"
	check_same it_has_no_capabilities 0000000000000000 \
	    "$(sed -n 's/^CapEff:[[:space:]]*//p' <<<"$status")"
	check_refused the_bottle_is_read_only bottle 0 touch /etc/x
}

test_load
[ "$kind" != bare ] || test_bare
test_ssh
test_git
test_refusals
if [ "$kind" = bare ]; then
	# All that is written there is in memory, and gone with a restart.
	checks_end
fi
test_no_key_bytes
test_load_again
test_restart
check_perl
test_flood
checks_end
