#!/bin/bash
# packages.sh - what deploy/make-packages makes: the same bytes each time, and
# good to be installed, used and taken away again.
#
# It is made of the builds static and release, and once more elsewhere, where
# everything is built anew.  A fresh system with systemd then gets the Debian
# packages.  Without podman, which runs that system, the rest is tried all the
# same, in a chroot.
# Much here is text for the shell on the other side.
# shellcheck disable=SC2016
set -eu

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
# shellcheck source=tests/support/say.sh
. "$here/../support/say.sh"
# shellcheck source=tests/support/check.sh
. "$here/../support/check.sh"
# shellcheck source=tests/support/packages.sh
. "$here/../support/packages.sh"
# shellcheck source=tests/e2e/roots.sh
. "$here/roots.sh"

# --- whether it can be had -----------------------------------------------------

[ "$(id -u)" -eq 0 ] || skip_all 'needs root'
lacking=$(packages_missing "${packages_build[@]}" "${packages_world[@]}" \
    "${packages_deploy[@]}" | tr '\n' ' ')
[ -z "$lacking" ] || skip_all "needs packages: $lacking"
[ -x "$top/build/release/bin/bottle-provision" ] ||
    skip_all 'needs the build of the preset release'
roots_system_ready || die 'cannot make the root file system'

# Nothing of it may depend on where it is: /var/tmp is another folder than the
# source's, and has room.
work=$(mktemp -d "/var/tmp/bottle-packages.XXXXXX")
at_exit rm -rf --one-file-system "$work"
arch=$(uname -m)
version=$(sed -n 's/^project(bottle-agent VERSION \([^ ]*\).*/\1/p' \
    "$top/CMakeLists.txt")
tar=bottle-agent-$version-linux-$arch.tar.gz
feature=devcontainer-feature-bottle-agent.tgz
debian_arch=$(dpkg --print-architecture)
agent_deb=bottle-agent_${version}_$debian_arch.deb
provision_deb=bottle-provision_${version}_$debian_arch.deb
made=$work/made

# Of when all of it is.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$top" log -1 --format=%ct \
    2>/dev/null || echo 1700000000)}
export SOURCE_DATE_EPOCH

# names DIR: what is in there, on one line.
names() {
	find "$1" -mindepth 1 -maxdepth 1 -printf '%f\n' | LC_ALL=C sort |
	    xargs
}

# --- they are made ---------------------------------------------------------------

# elsewhere: in a folder with another name, from files of another time, by
# somebody with another umask, locale and zone.  What is compiled for both kinds
# of programs is compiled once, where there is a cache, which is a new one.
elsewhere() (
	unset "${!CCACHE_@}" CMAKE_C_COMPILER_LAUNCHER
	if command -v ccache >/dev/null; then
		export CMAKE_C_COMPILER_LAUNCHER=ccache CCACHE_DIR=$work/cache
	fi
	umask 077
	mkdir "$work/another-place"
	cd "$top"
	find . -path ./build -prune -o -path ./.git -prune -o -type f -print0 |
	    tar -c --null -T - | tar -C "$work/another-place" -x
	find "$work/another-place" -exec touch -d 2020-02-02 {} +
	env LC_ALL=C.UTF-8 TZ=Pacific/Kiritimati \
	    "$work/another-place/deploy/make-packages" "$work/made-elsewhere"
)

test_made() {
	local file

	check makes_them "$top/deploy/make-packages" "$made" release
	check_same nothing_else \
	    "SHA256SUMS $tar $agent_deb $provision_deb $feature" "$(names "$made")"
	check sums_are_right sh -c 'cd "$1" && sha256sum -c SHA256SUMS' x \
	    "$made"
	check makes_them_elsewhere elsewhere
	for file in SHA256SUMS "$tar" "$feature" "$agent_deb" \
	    "$provision_deb"; do
		check "same_bytes_$file" cmp "$made/$file" \
		    "$work/made-elsewhere/$file"
	done
	rm -rf "$work/another-place" "$work/made-elsewhere"
	check_same as_old_as_the_source "$(date -u -d "@$SOURCE_DATE_EPOCH" \
	    +%F)" "$(tar --full-time --utc -tvf "$made/$tar" |
	    awk '{ print $4 }' | sort -u)"
	check_refused no_git_and_no_time env -u SOURCE_DATE_EPOCH \
	    GIT_DIR=/nowhere "$top/deploy/make-packages" "$work/no"
}

test_lintian() {
	check lintian lintian --allow-root --fail-on error,warning \
	    "$made/$agent_deb" "$made/$provision_deb"
}

# --- the units ---------------------------------------------------------------------

test_units() {
	local units=$top/deploy/systemd

	# What is left: it is root's, sees processes, and talks over a socket.
	check units_are_hardened systemd-analyze security --offline=yes \
	    --threshold=12 "$units/bottle-agent.service"
}

# The command of the unit, by another one that hands a socket over.  It does not
# say who is at the other end (PassCredentials=), so the first may be refused.
test_activation() {
	local dir=/run/bottle-packages-$$ agent=$top/build/release/bin/bottle-agent
	local pid

	mkdir -m 755 "$dir"
	at_exit rm -rf "$dir"
	echo nobody=list >"$dir/policy"
	systemd-socket-activate -l "$dir/sock" \
	    "$agent" -D --policy "$dir/policy" >"$work/activate.log" 2>&1 &
	pid=$!
	at_exit end_process "$pid"
	check activated wait_for 30 "$agent" --status -a "$dir/sock"
	check_has activated_socket_is_served "$(cat "$work/activate.log")" \
	    "serves $dir/sock in service mode"
	end_process "$pid"
}

# --- the tar file --------------------------------------------------------------------

test_tar() {
	local dir=$work/unpacked

	mkdir "$dir"
	tar -C "$dir" --strip-components=1 -xf "$made/$tar"
	check_same tar_has_the_programs \
	    'bottle-agent bottle-forward bottle-ssh-keygen' \
	    "$(names "$dir/bin")"
	check_has tar_agent_runs "$(chroot "$dir" /bin/bottle-agent \
	    --version)" "bottle-agent $version"
	check tar_has_its_papers test -f "$dir/share/man/man1/bottle-agent.1" \
	    -a -f "$dir/share/doc/bottle-agent/LICENSE" \
	    -a -f "$dir/lib/systemd/system/bottle-agent.socket"
	check_same tar_is_for_all_to_read '' "$(tar -tvf "$made/$tar" |
	    grep -vE '^(drwxr-xr-x|-rw-r--r--|-rwxr-xr-x) 0/0 ' || true)"
}

# With a prefix that nobody thought of when it was built.
test_prefix() {
	local dir=$work/prefix

	check installs_with_a_prefix cmake --install "$top/build/release" \
	    --prefix "$dir"
	check_same all_of_it 'bottle-agent bottle-forward bottle-provision bottle-ssh-keygen' \
	    "$(names "$dir/bin")"
	check_same nothing_for_debian '' "$(find "$dir" -name '*.gz' \
	    -o -name vendor-completions)"
}

# --- a system gets the packages ----------------------------------------------------------

system=bottle-packages-$$

# The files of the system that are not in memory.
system_files() {
	(cd "$root" && find . -xdev \( -path ./proc -o -path ./sys -o -path \
	    ./dev -o -path ./run -o -path ./etc/hosts -o -path ./tmp -o -path ./var/log \
	    -o -path ./var/lib/dpkg -o -path ./var/lib/systemd \
	    -o -path ./var/cache \) -prune -o -print | sort)
}

system_up() {
	root=$work/root
	mkdir "$root"
	tar -C "$root" -xf "$root_system"
	# It was made without papers, and what we install has them.
	rm -f "$root"/etc/dpkg/dpkg.cfg.d/99mmdebstrap
	mkdir "$root/root/debs"
	cp "$made"/*.deb "$root/root/debs"
	ssh-keygen -q -t ed25519 -N '' -C deploy -f "$work/key"
	system_files >"$work/before"
	at_exit system_down
	# For the sandbox of its services, and no more files and processes than
	# this machine may have.
	podman run -d --name "$system" --network none --systemd=always \
	    --cap-add SYS_ADMIN --ulimit nofile=4096:4096 \
	    --ulimit nproc=4096:4096 --rootfs "$root" \
	    /lib/systemd/systemd >"$work/podman.log" 2>&1 &&
	    wait_for 30 system_booted
}

system_booted() {
	local state

	state=$(inside systemctl is-system-running 2>/dev/null || true)
	[ "$state" = running ] || [ "$state" = degraded ]
}

system_down() {
	podman rm -f -t 0 "$system" >/dev/null 2>&1 || true
}

# inside COMMAND...: as its root, our stdin.
inside() {
	podman exec -i "$system" "$@"
}

as_node() {
	podman exec -i -u node -e SSH_AUTH_SOCK=/run/bottle-agent.sock \
	    "$system" "$@"
}

# watch_unit: this system is watched by the unit of the other package, behind a
# stand-in for docker whose containers are the machine that it runs on, so that
# the unit must not keep it from the home.
watch_unit() {
	local id

	id=$(printf 'a%.0s' {1..64})
	ssh-keygen -q -t ed25519 -N '' -C watched -f "$work/watched"
	inside sh -c 'cat >/usr/local/bin/docker
	    chmod 755 /usr/local/bin/docker' <"$here/../provision/docker-stand-in"
	inside sh -c 'umask 077; mkdir /etc/bottle-provision
	    cat >/etc/bottle-provision/key' <"$work/watched"
	printf '[{"Host": "git.example", "User": "git", "KnownHostKey": "%s",
	    "IdentityFile": "/etc/bottle-provision/key"}]' \
	    "$(cut -d ' ' -f 1-2 "$work/key.pub")" |
	    inside sh -c 'umask 077; cat >/etc/bottle-provision/web.json'
	inside sh -s "$id" <<-'EOS'
		set -eu
		umask 077
		cd /etc/bottle-provision
		printf 'TARGETS=web\nDOCKER_STAND_IN=/srv/engine\n' >web.env
		mkdir /srv/engine
		mkfifo /srv/engine/fifo
		echo "web $1 1 2026-01-01T00:00:00.5Z {}" >/srv/engine/containers
		dir=/etc/systemd/system/bottle-provision-watch@.service.d
		mkdir "$dir"
		printf '[Service]\nProtectHome=no\n' >"$dir/home.conf"
		systemctl daemon-reload
	EOS
	check watch_is_well_formed inside systemd-analyze verify --man=no \
	    bottle-provision-watch@web.service
	check watch_starts inside systemctl enable --now \
	    bottle-provision-watch@web
	check watch_loads wait_for 20 watch_has_loaded
	check_has watch_says_how_it_stands "$(inside systemctl show -p \
	    StatusText bottle-provision-watch@web)" '1 of 1'
	check watch_reads_anew inside systemctl reload \
	    bottle-provision-watch@web
	check_same watch_goes_on active \
	    "$(inside systemctl is-active bottle-provision-watch@web)"
	check watch_is_removed inside dpkg -r bottle-provision
	check_has watch_has_ended_well "$(inside journalctl -q -o cat -u \
	    bottle-provision-watch@web)" 'Deactivated successfully'
	check_same watch_does_not_run '' \
	    "$(inside pgrep -x bottle-provisio || true)"
	inside rm -r /etc/bottle-provision /srv/engine /usr/local/bin/docker \
	    /etc/systemd/system/bottle-provision-watch@.service.d \
	    /home/node/.ssh
}
watch_has_loaded() {
	as_node ssh-add -l | grep -q watched
}

test_system() {
	local out

	if ! system_up; then
		not_ok system_boots "$(cat "$work/podman.log"; podman logs \
		    "$system" 2>&1 | tail -n 20)"
		return
	fi
	check installs inside sh -c 'dpkg -i /root/debs/*.deb'
	check_same has_all_that_it_depends_on '' "$(inside dpkg --audit)"
	check_same version "bottle-agent $version" \
	    "$(inside bottle-agent --version)"
	check_has version_of_the_other "$(inside bottle-provision --version)" \
	    "$version"
	check_has forward_runs "$(as_node bottle-forward --version)" "$version"
	check_same nothing_was_started inactive \
	    "$(inside systemctl is-active bottle-agent.socket || true)"

	check units_are_well_formed inside systemd-analyze verify --man=no \
	    bottle-agent.socket bottle-agent.service

	# Nobody is trusted that was not named.
	check_refused not_without_rules inside systemctl start \
	    bottle-agent.socket
	inside sh -c 'umask 022; echo node=list,sign >/etc/bottle-agent.policy'
	check starts inside systemctl enable --now bottle-agent.socket
	check_same does_not_run_yet inactive \
	    "$(inside systemctl is-active bottle-agent.service || true)"
	check_same socket_is_for_all '666 root:root' \
	    "$(inside stat -c '%a %U:%G' /run/bottle-agent.sock)"
	# The first that connects is served, and so is who comes after it.
	check_has is_empty_at_first "$(as_node ssh-add -l 2>&1 || true)" \
	    'no identities'
	out=$(inside bottle-agent --load <"$work/key" 2>&1) || true
	check_has loads "$out" "$(ssh-keygen -lf "$work/key.pub" |
	    cut -d ' ' -f 2)"
	check_same lists "$(cut -d ' ' -f 1-2 "$work/key.pub")" \
	    "$(as_node ssh-add -L | cut -d ' ' -f 1-2)"
	check signs as_node sh -c 'cd && ssh-add -L >k.pub && echo x >x &&
	    ssh-keygen -q -Y sign -n git -f k.pub x'
	check_refused does_not_remove as_node ssh-add -D
	# It gave up by itself what it had left, or it would not have started.
	check_same hardened 'CapBnd 0 CapEff 0 CapPrm 0 NoNewPrivs 1 Seccomp 2' \
	    "$(inside sh -c 'cat /proc/$(pgrep -x bottle-agent)/status' |
	    sed -nE 's/^(CapPrm|CapEff|CapBnd|NoNewPrivs|Seccomp):\s*0*([0-9a-f])/\1 \2/p' |
	    sort | tr '\n' ' ' | sed 's/ $//')"
	check_same locked_memory 4194304 "$(inside bottle-agent --status --json |
	    jq -r .memory.size)"
	check_has says_so_in_the_journal "$(inside journalctl -q -u \
	    bottle-agent -o cat)" '"op":"sign"'

	inside sh -c 'echo node=list >/etc/bottle-agent.policy'
	check reloads inside systemctl reload bottle-agent
	check_refused rules_are_in_force as_node sh -c \
	    'cd && ssh-keygen -q -Y sign -n git -f k.pub x'
	check_has keys_are_kept "$(as_node ssh-add -l)" ED25519
	inside sh -c 'echo nobody-here=list >/etc/bottle-agent.policy'
	check_refused bad_rules_are_not_taken inside systemctl reload \
	    bottle-agent
	check_has and_change_nothing "$(as_node ssh-add -l)" ED25519
	inside sh -c 'echo node=list,sign >/etc/bottle-agent.policy'

	# An upgrade keeps the agent and its keys.
	check upgrades inside dpkg -i "/root/debs/$agent_deb"
	check_has keys_survive_it "$(as_node ssh-add -l)" ED25519

	watch_unit

	check removes_the_agent inside dpkg -r bottle-agent
	check_same socket_is_gone no "$(inside sh -c \
	    '[ -e /run/bottle-agent.sock ] && echo yes || echo no')"
	check_same agent_is_gone '' "$(inside pgrep -x bottle-agent || true)"
	check purges inside dpkg -P bottle-agent bottle-provision
	inside sh -c 'rm -r /etc/bottle-agent.policy /root/debs
	    cd /home/node && rm -f k.pub x x.sig'
	system_files >"$work/after"
	check_same nothing_is_left '' "$(diff "$work/before" "$work/after" |
	    grep '^[<>]' | grep -v '/root/debs' || true)"
}

start=$(now_ms)
for name in made lintian units activation tar prefix system; do
	test_$name
	printf '# %s: %d ms\n' "$name" "$(($(now_ms) - start))"
	start=$(now_ms)
done
checks_end
