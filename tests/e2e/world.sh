# shellcheck shell=bash disable=SC2016,SC2034,SC2154
# world.sh - three machines: a bottle with the user node (uid 1000) and our
# programs, a server with sshd and bare git repositories, and between them a
# proxy.  The bottle and the server are in networks of their own, and only the
# proxy, which lets CONNECT to two of the server's ports through, is in both: in
# the bottle there is no route to the server, and nobody knows its name.
#
# The server is two hosts, each with a name, a port and a host key: git.example
# with project.git of the user git, and build.example with site.git of deploy.
#
# Made with docker or, without an engine, with unshare and chroot; what is in
# them and how they are used is the same.  "bare" is docker with everything
# taken away from the bottle that can be: its root has no capabilities, its
# files cannot be written but for a few folders in memory, and it may lock
# 64 KiB.
#
# Sourced, after say.sh, packages.sh, roots.sh and engine.sh.
#
#	world_up KIND NAME BIN		KIND: docker, bare or embedded
#	bottle UID COMMAND...		run in the bottle, stdin is /dev/null
#	bottle_in UID COMMAND...	the same with our stdin
#	server_in COMMAND...		run on the server as root, our stdin
#	proxy_in COMMAND...		the same in the proxy
#	server_authorize_as USER FILE...	let public keys in
#	server_address			print the server's address
#	world_restart			end all that runs in the bottle
#	world_enter UID			print the words that run a command in it
#	world_changes			what is not as in the bottle's image
#	world_export			the bottle's files as tar, on stdout
#	world_down
#
# world_dir is a folder of the world's own, mode 700.

world_here=$(dirname "${BASH_SOURCE[0]}")

# What is put into the bottle, and where.
world_programs=(bottle-agent bottle-forward bottle-ssh-keygen)
world_bin=/usr/local/bin
world_program=$world_bin/bottle-agent
world_socket=/run/bottle-agent.sock
world_host=git.example
# The other host that the server is, at a port of its own.
world_build=build.example
world_build_port=2222
# The proxy lets this one through as well, and nothing answers there.
world_host_gone=gone.example
world_proxy=proxy.example
world_proxy_port=8888
world_proxy_url=http://$world_proxy:$world_proxy_port
world_home=/home/node

# Capabilities that container engines give by default.
world_caps=-all,+chown,+dac_override,+fowner,+fsetid,+kill,+setgid,+setuid
world_caps+=,+setpcap,+net_bind_service,+net_raw,+sys_chroot,+mknod
world_caps+=,+audit_write,+setfcap

# world_missing KIND BIN: why this kind cannot be had here; nothing when it
# can.
world_missing() {
	local name

	for name in "${world_programs[@]}"; do
		if [ ! -x "$2/$name" ]; then
			printf 'no static program at %s' "$2/$name"
			return
		fi
	done
	if [ "$(id -u)" -ne 0 ]; then
		printf 'needs root'
	elif [ -n "$(packages_missing "${packages_world[@]}")" ]; then
		printf 'needs packages: %s' \
		    "$(packages_missing "${packages_world[@]}" | tr '\n' ' ')"
	elif [ "$1" = embedded ] && ! embedded_unshare true 2>/dev/null; then
		printf 'may not make name spaces here'
	fi
}

# world_up KIND NAME BIN: bring it up, with the programs of that folder; with
# docker BIN may be empty, and there are none.
world_up() {
	local name

	world_kind=$1 world_name=$2
	world_options=()
	if [ "$1" = bare ]; then
		world_kind=docker
		world_options=(--cap-drop ALL --read-only --tmpfs /run
		    --security-opt no-new-privileges --tmpfs /tmp
		    --tmpfs "$world_home:uid=1000,gid=1000,mode=700"
		    --ulimit memlock=65536:65536)
		# Into files that are read-only nothing can be copied.
		for name in "${world_programs[@]}"; do
			world_options+=(-v
			    "$(realpath "$3/$name"):$world_bin/$name:ro")
		done
	fi
	world_dir=$(mktemp -d "${TMPDIR:-/tmp}/bottle-world.XXXXXX")
	ssh-keygen -q -t ed25519 -N '' -C '' -f "$world_dir/hostkey"
	ssh-keygen -q -t ed25519 -N '' -C '' -f "$world_dir/buildkey"
	proxy_files
	"${world_kind}_up" "$3" && wait_for 30 server_answers || return 1
	server_setup
}

world_down() {
	[ -n "${world_kind:-}" ] || return 0
	"${world_kind}_down"
	rm -rf --one-file-system "$world_dir"
	world_kind=
}

bottle() {
	"${world_kind}_in" "$@" </dev/null
}

bottle_in() {
	"${world_kind}_in" "$@"
}

server_in() {
	"${world_kind}_server" "$@"
}

proxy_in() {
	"${world_kind}_proxy" "$@"
}

server_address() {
	"${world_kind}_server_address"
}

world_restart() {
	"${world_kind}_restart"
}

world_enter() {
	"${world_kind}_enter" "$1"
}

world_changes() {
	"${world_kind}_changes"
}

world_export() {
	"${world_kind}_export"
}

# The proxy's configuration: what it lets through is one port of each name.
proxy_files() {
	printf '^%s:%s$\n' "${world_host//./\\.}" 22 \
	    "${world_host_gone//./\\.}" 22 \
	    "${world_build//./\\.}" "$world_build_port" >"$world_dir/filter"
	cat >"$world_dir/tinyproxy.conf" <<-EOS
		User tinyproxy
		Group tinyproxy
		Port $world_proxy_port
		Timeout 600
		MaxClients 100
		ConnectPort 22
		ConnectPort $world_build_port
		Filter "/etc/tinyproxy/filter"
		FilterURLs On
		FilterType ere
		FilterDefaultDeny Yes
	EOS
	chmod 644 "$world_dir/filter" "$world_dir/tinyproxy.conf"
}

# The server's users and their repositories.
server_setup() {
	server_in bash -s <<-'EOS'
		set -eu
		useradd -m -u 1001 -s /bin/bash deploy
		usermod -p '*' deploy
		for user in git:project deploy:site; do
			name=${user%:*}
			HOME=/home/$name setpriv --reuid "$name" \
			    --regid "$name" --init-groups bash -c '
				cd
				mkdir -m 700 .ssh
				git init -q --bare -b main "$1.git"
			' - "${user#*:}"
		done
	EOS
}

# server_authorize FILE...: let these public keys in, as git.
server_authorize() {
	server_authorize_as git "$@"
}

# server_authorize_as USER FILE...: at both hosts.
server_authorize_as() {
	local user=$1

	shift
	cat "$@" | server_in bash -c '
		umask 077
		cat >"/home/$1/.ssh/authorized_keys"
		chown "$1:$1" "/home/$1/.ssh/authorized_keys"' - "$user"
}

# What starts the server's second sshd.  It keeps no pid file: that is the
# first one's.
server_build_sshd=(/usr/sbin/sshd -p "$world_build_port"
    -h /etc/ssh/build_host_key -o PidFile=none)

# bottle_setup DIR: the client's configuration, all of it public: for each
# DIR/*.pub a host of the name world_host that is reached with that key and no
# other, called NAME.key; the plain name takes the first.
bottle_setup() {
	local dir=$1 file name config
	local hosts=("$world_host")

	config=$(mktemp -d "$world_dir/config.XXXXXX")
	for file in "$dir"/*.pub; do
		name=${file##*/}
		name=${name%.pub}
		hosts+=("$name.key")
		cp "$file" "$config/$name.pub"
		printf 'Host %s\n' "${hosts[*]}"
		printf '\tIdentityFile %s/.ssh/%s.pub\n' "$world_home" "$name"
		hosts=()
	done >"$config/config"
	cat >>"$config/config" <<-EOS
		Host *
			HostName $world_host
			HostKeyAlias $world_host
			User git
			IdentityAgent $world_socket
			IdentitiesOnly yes
			PreferredAuthentications publickey
			ProxyCommand $world_bin/bottle-forward connect --proxy $world_proxy_url %h %p
			StrictHostKeyChecking yes
			BatchMode yes
			ConnectTimeout 10
	EOS
	printf '%s %s\n' "$world_host" "$(cut -d ' ' -f 1-2 \
	    "$world_dir/hostkey.pub")" >"$config/known_hosts"
	bottle 1000 mkdir -p -m 700 "$world_home/.ssh"
	tar -C "$config" -c . |
	    bottle_in 1000 tar -C "$world_home/.ssh" -x --no-same-owner
	bottle 1000 git config --global user.name node
	bottle 1000 git config --global user.email node@bottle.example
}

# Fails unless sshd's banner comes to the bottle, behind the proxy's answer.
server_answers() {
	bottle 1000 bash -c '
		exec 3<>"/dev/tcp/$1/$2"
		printf "CONNECT %s:22 HTTP/1.0\r\n\r\n" "$3" >&3
		while read -r -t 5 line <&3; do
			[[ $line != SSH-2.0* ]] || exit 0
		done
		exit 1' - "$world_proxy" "$world_proxy_port" "$world_host"
}

# --- docker -----------------------------------------------------------------

# docker_ready: images made, and a container of one has run.  world_why says
# what is wrong.
docker_ready() {
	world_image_bottle=bottle-agent/bottle:$roots_id
	world_image_proxy=bottle-agent/proxy:$roots_id
	world_image_server=bottle-agent/server:$roots_id
	if ! world_why=$({
		engine_image "$world_image_bottle" "$root_bottle" \
		    'USER node' "WORKDIR $world_home" "ENV HOME=$world_home" \
		    'CMD ["sleep","infinity"]' &&
		engine_image "$world_image_proxy" "$root_proxy" \
		    'CMD ["/usr/bin/tinyproxy","-d"]' &&
		engine_image "$world_image_server" "$root_server" \
		    'CMD ["/usr/sbin/sshd","-D","-e"]' &&
		docker run --rm --network none "$world_image_bottle" true
	    } 2>&1); then
		world_why="the engine cannot run a container: $world_why"
		return 1
	fi
}

docker_up() {
	local name
	# The engine asks others for names that it does not know: here nobody,
	# from whom no answer comes.
	local dns=(--dns 192.0.2.1 --dns-opt timeout:1 --dns-opt attempts:1)

	docker_ready || return 1
	docker network create --internal "$world_name" >/dev/null
	docker network create --internal "$world_name-out" >/dev/null
	docker create --name "$world_name-git" --hostname git \
	    --network "$world_name-out" --network-alias "$world_host" \
	    --network-alias "$world_build" "${dns[@]}" \
	    "$world_image_server" bash -c \
	    'mkdir -p -m 755 /run/sshd && "$@" && exec /usr/sbin/sshd -D -e' \
	    - "${server_build_sshd[@]}" >/dev/null
	docker_copy "$world_dir/hostkey" 600 \
	    "$world_name-git:/etc/ssh/ssh_host_ed25519_key"
	docker_copy "$world_dir/buildkey" 600 \
	    "$world_name-git:/etc/ssh/build_host_key"
	docker create --name "$world_name-proxy" --hostname proxy \
	    --network "$world_name" --network-alias "$world_proxy" \
	    "${dns[@]}" --add-host "$world_host_gone:127.0.0.1" \
	    "$world_image_proxy" >/dev/null
	docker network connect "$world_name-out" "$world_name-proxy"
	for name in tinyproxy.conf filter; do
		docker_copy "$world_dir/$name" 644 \
		    "$world_name-proxy:/etc/tinyproxy/$name"
	done
	docker create --name "$world_name" --hostname bottle \
	    --network "$world_name" "${dns[@]}" "${world_options[@]}" \
	    "$world_image_bottle" >/dev/null
	if [ "${#world_options[@]}" -eq 0 ] && [ -n "$1" ]; then
		for name in "${world_programs[@]}"; do
			docker_copy "$1/$name" 755 \
			    "$world_name:$world_bin/$name"
		done
	fi
	docker start "$world_name-git" "$world_name-proxy" "$world_name" \
	    >/dev/null
}

# docker_copy FILE MODE WHERE: as root's, whoever owns it here.
docker_copy() {
	tar -C "$(dirname "$1")" -c --owner=0 --group=0 --mode="$2" \
	    --transform="s,.*,$(basename "$3")," "$(basename "$1")" |
	    docker cp - "$(dirname "$3")" >/dev/null
}

docker_down() {
	docker rm -f -v "$world_name" "$world_name-proxy" "$world_name-git" \
	    >/dev/null 2>&1
	docker network rm "$world_name" "$world_name-out" >/dev/null 2>&1
	return 0
}

docker_in() {
	local uid=$1

	shift
	docker exec -i -u "$uid" "$world_name" "$@"
}

docker_enter() {
	printf 'docker exec -i -u %s %s' "$1" "$world_name"
}

docker_server() {
	docker exec -i "$world_name-git" "$@"
}

docker_proxy() {
	docker exec -i "$world_name-proxy" "$@"
}

docker_server_address() {
	docker inspect -f \
	    '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' \
	    "$world_name-git"
}

docker_restart() {
	docker restart -t 0 "$world_name" >/dev/null
}

docker_changes() {
	docker diff "$world_name" | cut -c 3-
}

docker_export() {
	docker export "$world_name"
}

# --- embedded ---------------------------------------------------------------

embedded_unshare() {
	local propagation=private

	# In a chroot, "/" is no mount and cannot be made private: see
	# embedded_down.
	unshare --mount true 2>/dev/null || propagation=unchanged
	unshare --mount --pid --uts --ipc --net --fork --kill-child \
	    --propagation "$propagation" "$@"
}

# The machines, each in name spaces of its own, and the proxy's two cables:
# addresses of networks that are for documents.
embedded_bottle_net=198.51.100
embedded_server_net=203.0.113

embedded_up() {
	local root name

	for root in bottle proxy server; do
		mkdir -m 755 "$world_dir/$root"
	done
	tar -C "$world_dir/bottle" -x -f "$root_bottle"
	tar -C "$world_dir/proxy" -x -f "$root_proxy"
	tar -C "$world_dir/server" -x -f "$root_server"
	for name in "${world_programs[@]}"; do
		install -m 755 "$1/$name" "$world_dir/bottle$world_bin/$name"
	done
	install -m 600 "$world_dir/hostkey" \
	    "$world_dir/server/etc/ssh/ssh_host_ed25519_key"
	install -m 600 "$world_dir/buildkey" \
	    "$world_dir/server/etc/ssh/build_host_key"
	install -m 644 "$world_dir/tinyproxy.conf" "$world_dir/filter" \
	    "$world_dir/proxy/etc/tinyproxy"
	mkdir -m 755 "$world_dir/server/run/sshd"
	embedded_hosts bottle "$embedded_bottle_net.1 $world_proxy"
	embedded_hosts proxy "$embedded_server_net.2 $world_host $world_build" \
	    "127.0.0.1 $world_host_gone"
	embedded_hosts server
	touch "$world_dir/born"
	embedded_start proxy && embedded_start server && embedded_start bottle
}

# embedded_hosts MACHINE LINE...: the names that it knows, beside its own.
embedded_hosts() {
	printf '%s\n' "127.0.0.1 localhost $1" "${@:2}" \
	    >"$world_dir/$1/etc/hosts"
}

# embedded_start MACHINE: its name spaces and what runs in them; the files are
# there, and so is the proxy.
embedded_start() {
	rm -f "$world_dir/$1.ready"
	mkfifo -m 600 "$world_dir/$1.ready"
	embedded_unshare bash "$world_here/embedded-init.sh" "$world_dir" \
	    "$1" "${server_build_sshd[@]}" >"$world_dir/$1.log" 2>&1 \
	    </dev/null &
	disown "$!"
	if ! read -r -t 20 <>"$world_dir/$1.ready"; then
		world_why="no name spaces: $(tail -n 1 "$world_dir/$1.log")"
		return 1
	fi
	case $1 in
	bottle)
		read -r world_pid <"$world_dir/bottle.pid"
		embedded_cable bottle "$embedded_bottle_net"
		;;
	server) embedded_cable server "$embedded_server_net" ;;
	esac
}

# embedded_ip MACHINE WORD...: ip there, but this machine's program.
embedded_ip() {
	nsenter --target="$(cat "$world_dir/$1.pid")" --net -- ip "${@:2}"
}

# embedded_cable MACHINE NET: from it, NET.2, to the proxy, NET.1.
embedded_cable() {
	# The kernel may not have taken the last one away yet.
	embedded_ip proxy link del "$1" 2>/dev/null || true
	embedded_ip proxy link add "$1" type veth peer name eth0 \
	    netns "$(cat "$world_dir/$1.pid")" &&
	    embedded_ip proxy address add "$2.1/30" dev "$1" &&
	    embedded_ip proxy link set "$1" up &&
	    embedded_ip "$1" address add "$2.2/30" dev eth0 &&
	    embedded_ip "$1" link set eth0 up
}

# embedded_stop MACHINE: everything in a pid name space ends with its process 1,
# and the mounts go with the last that sees them.
embedded_stop() {
	local pid

	read -r pid 2>/dev/null <"$world_dir/$1.pid" || return 0
	# The number may belong to somebody else by now.
	grep -qaF "$world_dir" "/proc/$pid/cmdline" 2>/dev/null &&
	    kill -KILL "$pid" && wait_for 30 process_gone "$pid"
	rm -f "$world_dir/$1.pid"
}

embedded_down() {
	local machine mounted

	for machine in bottle server proxy; do
		embedded_stop "$machine"
	done
	# Mounts that came over to our own name space, the inner ones first.
	awk -v top="$world_dir/" 'index($5, top) == 1 { print $5 }' \
	    /proc/self/mountinfo | sort -r | while read -r mounted; do
		umount -l "$mounted"
	done
}

# embedded_into MACHINE UID: set embedded_words to what runs a command in there.
embedded_into() {
	local path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
	local home=/ pid

	read -r pid <"$world_dir/$1.pid"
	# --root: without it we would leave a chroot that we are in ourselves.
	embedded_words=(nsenter "--target=$pid" --mount --pid --uts
	    --ipc --net --root -- chroot "$world_dir/$1" /usr/bin/setpriv
	    "--bounding-set=$world_caps" --inh-caps=-all)
	case $2 in
	0) home=/root ;;
	1000) home=$world_home ;;
	esac
	[ "$2" = 0 ] ||
	    embedded_words+=(--reuid "$2" --regid "$2" --clear-groups)
	embedded_words+=(/usr/bin/env -i -C "$home" HOME="$home" PATH="$path")
}

embedded_in() {
	embedded_into bottle "$1"
	shift
	"${embedded_words[@]}" "$@"
}

embedded_server() {
	embedded_into server 0
	"${embedded_words[@]}" "$@"
}

embedded_proxy() {
	embedded_into proxy 0
	"${embedded_words[@]}" "$@"
}

embedded_server_address() {
	printf '%s\n' "$embedded_server_net.2"
}

embedded_enter() {
	embedded_into bottle "$1"
	printf '%s' "${embedded_words[*]}"
}

# As an engine does it: the files stay, dead sockets among them.
embedded_restart() {
	embedded_stop bottle
	embedded_start bottle
}

# Files that were made or written since the machine came up.
embedded_changes() {
	(cd "$world_dir/bottle" &&
	    find . -xdev -newer "$world_dir/born" -printf '/%P\n')
}

embedded_export() {
	tar -C "$world_dir/bottle" --one-file-system --warning=no-file-ignored \
	    -c .
}
