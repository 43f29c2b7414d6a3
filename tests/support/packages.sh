# shellcheck shell=bash disable=SC2034
# packages.sh - the Debian packages that building and testing need.  The one
# list that there is: quickstart.sh and test.sh install from it.
#
# Sourced, after say.sh.

# To build what is shipped.
packages_build=(
	build-essential
	cmake
	ninja-build
	pkg-config
	libssl-dev
	libsodium-dev
	libseccomp-dev
	libjansson-dev
	libssh-dev
)

# To build and run the unit tests, fuzz targets and scenarios as well.
packages_test=(
	busybox
	clang
	fish
	git
	jq
	libclang-rt-14-dev
	libcmocka-dev
	mandoc
	musl-tools
	openssh-client
	openssh-server
	perl
	procps
	shellcheck
	strace
	util-linux
	valgrind
	zsh
)

# OpenSSH's own tests, the SSH clients of other makers, proxies, and what ssh is
# given to get through them.
packages_interop=(
	connect-proxy
	corkscrew
	curl
	default-jre-headless
	dropbear-bin
	ecj
	gdb
	golang-go
	golang-golang-x-crypto-dev
	gpg-agent
	gpgconf
	iproute2
	libjsch-agent-proxy-java
	libjsch-java
	microsocks
	ncat
	netcat-openbsd
	openssh-tests
	proxytunnel
	putty-tools
	python3-asyncssh
	python3-paramiko
	socat
	squid
	sudo
	tinyproxy-bin
)

# To make the machines of the end-to-end test and the demo.
packages_world=(
	ca-certificates
	iproute2
	mmdebstrap
	openssh-client
	perl
	util-linux
)

# A container engine, for those that have none.
packages_engine=(
	docker.io
	iptables
)

# To make packages and look at them, and what they are tried with.
packages_deploy=(
	catatonit
	docker-compose
	dpkg-dev
	file
	lintian
	podman
	systemd
)

# What is run where it is unpacked, in build/debian: others may be installed.
packages_unpacked=(kubernetes-client)

# What is in the three machines that are made.
packages_in_bottle=(openssh-client git ca-certificates)
packages_in_proxy=(tinyproxy)
packages_in_server=(openssh-server git)
# In a fourth one, with an init system: also what our packages depend on.
packages_in_system=(
	systemd
	systemd-sysv
	openssh-client
	procps
	libjansson4
	libsodium23
	libssh-4
	libssl3
)

# packages_missing NAME...: print those that are not installed.
packages_missing() {
	local name

	for name in "$@"; do
		dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null |
		    grep -qx installed || printf '%s\n' "$name"
	done
}

# packages_install NAME...: install those that are missing.
packages_install() {
	local missing log

	mapfile -t missing < <(packages_missing "$@")
	[ "${#missing[@]}" -gt 0 ] || return 0
	command -v apt-get >/dev/null ||
	    die "needs apt-get, or these packages by hand: ${missing[*]}" 2
	[ "$(id -u)" -eq 0 ] ||
	    die "not root, so as root first: apt-get install ${missing[*]}" 2
	printf 'installing %s\n' "${missing[*]}"
	log=$(mktemp)
	if ! packages_apt "${missing[@]}" >"$log" 2>&1; then
		tail -n 30 "$log" >&2
		rm -f "$log"
		printf 'apt-get could not install: %s\n' "${missing[*]}" >&2
		return 1
	fi
	rm -f "$log"
}

# packages_install_idle NAME...: the same, and no service that is among them
# starts; whoever has a policy for that already keeps it.
packages_install_idle() {
	local policy=/usr/sbin/policy-rc.d status=0

	if [ ! -e "$policy" ] && [ -w "${policy%/*}" ]; then
		at_exit rm -f "$policy"
		printf '#!/bin/sh\nexit 101\n' >"$policy"
		chmod 755 "$policy"
		packages_install "$@" || status=$?
		rm -f "$policy"
		return "$status"
	fi
	packages_install "$@"
}

# packages_unpack DIR NAME...: unpack them into DIR/NAME in place of installing
# them, where something else may be called the same; what is there stays.
packages_unpack() {
	local dir=$1 name

	shift
	for name in "$@"; do
		[ ! -e "$dir/$name" ] || continue
		rm -rf "$dir/$name.new"
		mkdir -p "$dir/$name.new"
		(
			cd "$dir/$name.new" &&
			    apt-get -qq -o APT::Sandbox::User=root download \
			    "$name" && dpkg-deb -x ./*.deb . && rm -f ./*.deb
		) >/dev/null 2>&1 || {
			rm -rf "$dir/$name.new"
			printf 'apt-get could not get: %s\n' "$name" >&2
			return 1
		}
		mv "$dir/$name.new" "$dir/$name"
	done
}

packages_apt() {
	local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -y -q
	    -o Dpkg::Options::=--force-confold)

	"${apt[@]}" update && "${apt[@]}" install --no-install-recommends "$@"
}
