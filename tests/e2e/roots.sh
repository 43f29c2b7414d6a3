# shellcheck shell=bash disable=SC2016,SC2034,SC2154
# roots.sh - the file systems of the three machines: the bottle, in which an
# untrusted user works, the server with sshd and git, and the proxy between them.
#
# Sourced, after say.sh and packages.sh.  They are made from the Debian
# archive that this machine itself installs from, once, and kept as tar files
# in a cache whose name says what is in them.

roots_cache=${BOTTLE_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/bottle-agent}

# Raise it when root_make makes something else of the same packages.
roots_format=1

# roots_sources: this machine's own Debian sources, as sources.list has them.
# An entry of another origin needs keys that mmdebstrap does not have.
roots_sources() {
	# shellcheck disable=SC2016
	apt-get indextargets --format 'deb $(SITE) $(RELEASE) $(COMPONENT)' \
	    'Created-By: Packages' 'Origin: Debian' | sort -u
}

# roots_find_sources: those, also where their lists were never fetched.
roots_find_sources() {
	local sources

	sources=$(roots_sources)
	if [ -z "$sources" ]; then
		apt-get -q update >/dev/null 2>&1 || true
		sources=$(roots_sources)
	fi
	[ -n "$sources" ] || {
		printf 'this machine has no Debian sources for apt\n' >&2
		return 1
	}
	printf '%s\n' "$sources"
}

# roots_ready: make what is missing; sets root_bottle, root_proxy and
# root_server to the tar files and roots_id to what they are of.
roots_ready() {
	local sources lock status=0

	sources=$(roots_find_sources) || return 1
	roots_id=$(printf '%s\n' "$roots_format" "$sources" \
	    "${packages_in_bottle[@]}" / "${packages_in_proxy[@]}" / \
	    "${packages_in_server[@]}" | sha256sum | cut -c 1-12)
	root_bottle=$roots_cache/bottle-$roots_id.tar
	root_proxy=$roots_cache/proxy-$roots_id.tar
	root_server=$roots_cache/server-$roots_id.tar

	mkdir -p "$roots_cache"
	exec {lock}>"$roots_cache/lock"
	flock "$lock"
	if [ ! -s "$root_bottle" ] || [ ! -s "$root_proxy" ] ||
	    [ ! -s "$root_server" ]; then
		rm -f "$roots_cache"/{bottle,proxy,server}-*.tar
		roots_make "$sources" || status=1
	fi
	exec {lock}>&-
	return "$status"
}

# roots_system_ready: the same for the machine with an init system; sets
# root_system.
roots_system_ready() {
	local sources lock work id status=0

	sources=$(roots_find_sources) || return 1
	id=$(printf '%s\n' "$roots_format" "$sources" \
	    "${packages_in_system[@]}" | sha256sum | cut -c 1-12)
	root_system=$roots_cache/system-$id.tar

	mkdir -p "$roots_cache"
	exec {lock}>"$roots_cache/lock"
	flock "$lock"
	if [ ! -s "$root_system" ]; then
		rm -f "$roots_cache"/system-*.tar
		work=$(mktemp -d "$roots_cache/make.XXXXXX")
		printf '%s\n' "$sources" >"$work/sources.list"
		if root_make "$work" system node "${packages_in_system[@]}"
		then
			mv "$work/system.tar" "$root_system"
		else
			tail -n 15 "$work/system.log" >&2
			status=1
		fi
		rm -rf --one-file-system "$work"
	fi
	exec {lock}>&-
	return "$status"
}

# All at once: they wait for the network and for dpkg in turn.
roots_make() {
	local work status=0 pid
	local pids=()

	work=$(mktemp -d "$roots_cache/make.XXXXXX")
	printf '%s\n' "$1" >"$work/sources.list"
	root_make "$work" bottle node "${packages_in_bottle[@]}" &
	pids+=("$!")
	root_make "$work" proxy '' "${packages_in_proxy[@]}" &
	pids+=("$!")
	root_make "$work" server git "${packages_in_server[@]}" || status=1
	for pid in "${pids[@]}"; do
		wait "$pid" || status=1
	done
	if [ "$status" -eq 0 ]; then
		mv "$work/bottle.tar" "$root_bottle"
		mv "$work/proxy.tar" "$root_proxy"
		mv "$work/server.tar" "$root_server"
	else
		tail -n 15 "$work"/*.log >&2
	fi
	rm -rf --one-file-system "$work"
	return "$status"
}

# root_make WORK NAME USER PACKAGE...: WORK/NAME.tar, with USER, if there is to
# be one, as uid 1000.
root_make() {
	local work=$1 name=$2 user=$3 include proxy
	local options=()

	shift 3
	include=$(IFS=,; printf '%s' "$*")
	proxy=$(apt-config shell p Acquire::http::Proxy)
	if [ -n "$proxy" ]; then
		eval "$proxy"
		options+=(--aptopt="Acquire::http::Proxy \"${p:-}\"")
	fi
	# '*' is no password; '!' would be a locked account, which sshd
	# refuses.
	[ -z "$user" ] || options+=(
	    --customize-hook="chroot \"\$1\" useradd -m -u 1000 -s /bin/bash $user"
	    --customize-hook="chroot \"\$1\" usermod -p '*' $user")
	mmdebstrap --mode=root --variant=essential --format=tar \
	    --include="$include,passwd" "${options[@]}" \
	    --dpkgopt='path-exclude=/usr/share/doc/*' \
	    --dpkgopt='path-exclude=/usr/share/man/*' \
	    --dpkgopt='path-exclude=/usr/share/locale/*' \
	    --customize-hook='rm -f "$1"/etc/ssh/ssh_host_*' \
	    "$(roots_release)" "$work/$name.tar" "$work/sources.list" \
	    >"$work/$name.log" 2>&1
}

# roots_release: the code name of this Debian.
roots_release() {
	# shellcheck disable=SC1091
	(. /etc/os-release && printf '%s\n' "${VERSION_CODENAME:-stable}")
}
