#!/bin/bash
# deploy.sh - the examples of deploy/, as they are, with images made here: the
# image recipe, docker-compose, the Dev Container Feature and, with podman, the
# pod.
#
# BOTTLE_STATIC_BIN is the folder of the static programs, BOTTLE_BIN that of
# bottle-provision.
# Much here is text for the shell on the other side.
# shellcheck disable=SC2016
set -eu

here=$(cd "$(dirname "$0")" && pwd)
deploy=$here/../../deploy
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
provision=${BOTTLE_BIN:-$here/../../build/release/bin}/bottle-provision

# All of ours is called NAME-something.
ours=bottle-deploy-$$
work=$(mktemp -d "${TMPDIR:-/tmp}/bottle-deploy.XXXXXX")
at_exit rm -rf --one-file-system "$work"

why=$(world_missing docker "$bin")
[ -z "$why" ] || skip_all "$why"
[ -x "$provision" ] || skip_all "there is no program $provision"
lacking=$(packages_missing "${packages_deploy[@]}" busybox | tr '\n' ' ')
[ -z "$lacking" ] || skip_all "needs packages: $lacking"
at_exit engine_down
engine_up "$work" || skip_all "$engine_why"
roots_ready || die 'cannot make the root file systems'
docker_ready || skip_all "$world_why"
version=$("$bin/bottle-agent" --version)

ssh-keygen -q -t ed25519 -N '' -C deploy -f "$work/key"
ssh-keygen -q -t ed25519 -N '' -C '' -f "$work/hostkey"
public=$(cut -d ' ' -f 1-2 "$work/key.pub")

remove() {
	docker rm -f -v "$1" >/dev/null 2>&1 || true
}

# build NAME ARGUMENT...: an image, by a recipe; what is left of it goes at the
# end, by its label if it was not finished.
build() {
	docker build -q --force-rm --label "$ours" -t "$@" 2>&1
}

images_down() {
	# One that another was made from goes after that.
	for _ in 1 2; do
		docker images -q --filter "reference=$ours-*" | sort -u |
		    xargs -r docker rmi -f >/dev/null 2>&1
	done
	docker image prune -f --filter "label=$ours" >/dev/null 2>&1
	return 0
}
at_exit images_down

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

# inside SUFFIX USER COMMAND...
inside() {
	local id=$ours-$1 user=$2

	shift 2
	docker exec -i -u "$user" "$id" "$@"
}

# load_key PART COMMAND...: the key through a --load.
load_key() {
	local name=$1 out status=0

	shift
	out=$("$@" <"$work/key" 2>&1) || status=$?
	check_same "$name" 0 "$status"
	check_has "${name}_is_told" "$out" "$(ssh-keygen -lf "$work/key.pub" |
	    cut -d ' ' -f 2)"
}

# --- the image -------------------------------------------------------------------

test_image() {
	local id out

	check image_is_built build "$ours-agent" \
	    -f "$deploy/image/Containerfile" "$bin"
	check_same image_runs "$version" \
	    "$(docker run --rm --network none "$ours-agent" --version)"
	id=$(docker create "$ours-agent")
	check_same image_has_the_programs_alone \
	    'bottle-agent bottle-forward bottle-ssh-keygen' \
	    "$(docker export "$id" | tar -t | sed -n 's,^usr/local/bin/\(.\),\1,p' |
	    sort | tr '\n' ' ' | sed 's/ $//')"
	docker rm "$id" >/dev/null

	# The least that there can be: nobody's uid, no capability, no file that
	# can be written, 64 KiB that can be locked.
	container bare "$ours-agent" --user 64110:64110 --read-only \
	    --cap-drop ALL --security-opt no-new-privileges \
	    --ulimit memlock=65536:65536 \
	    --tmpfs /run/bottle:uid=64110,mode=755 --
	wait_for 30 inside bare 64110 /usr/local/bin/bottle-agent --status \
	    -a /run/bottle/agent.sock || true
	load_key bare_loads inside bare 64110 /usr/local/bin/bottle-agent \
	    --load -a /run/bottle/agent.sock
	out=$(inside bare 64110 /usr/local/bin/bottle-agent --status --json \
	    -a /run/bottle/agent.sock)
	check_same bare_has_locked_memory yes "$(jq -r 'if .memory.size <= 65536
	    and (.memory.backing | test("secret|mlock")) and
	    .keys_total == 1 then "yes" else . end' <<<"$out")"
	check_same bare_has_no_capability 0000000000000000 \
	    "$(awk '/^CapPrm/ { print $2 }' "/proc/$(docker inspect -f \
	    '{{.State.Pid}}' "$ours-bare")/status")"
}

# --- compose ---------------------------------------------------------------------

# compose FILE ARGUMENT...: as its reader would, with our images.
compose() {
	local file=$1

	shift
	AGENT_IMAGE=$ours-agent BOTTLE_BASE=$world_image_bottle \
	    PROXY_BASE=$world_image_proxy COMPOSE_PROJECT_NAME="$ours-$file" \
	    docker-compose -f "$deploy/compose/$file.yaml" --ansi never "$@"
}

compose_down() {
	docker rm -f -v "$ours-git" >/dev/null 2>&1 || true
	compose "$1" down -v --rmi local -t 0 >/dev/null 2>&1 || true
}

# compose_up FILE: with a server in the world outside that is github.com.
compose_up() {
	local file=$1

	at_exit compose_down "$file"
	check "${file}_comes_up" compose "$file" up -d --build
	bottle=$(compose "$file" ps -q bottle)
	docker create --name "$ours-git" --network "${ours}-${file}_outside" \
	    --network-alias github.com "$world_image_server" bash -c \
	    'mkdir -p -m 755 /run/sshd && exec /usr/sbin/sshd -D -e' >/dev/null
	docker_copy "$work/hostkey" 600 \
	    "$ours-git:/etc/ssh/ssh_host_ed25519_key"
	docker start "$ours-git" >/dev/null
	docker exec "$ours-git" mkdir -p -m 700 /home/git/.ssh
	docker exec -i "$ours-git" sh -c \
	    'cat >/home/git/.ssh/authorized_keys' <"$work/key.pub"
	docker exec "$ours-git" chown -R git /home/git/.ssh
	wait_for 30 in_bottle /usr/local/bin/bottle-forward connect \
	    --check --proxy http://proxy:8888 github.com 22
}

# in_bottle COMMAND...: as its user.
in_bottle() {
	docker exec "$bottle" "$@" </dev/null
}

# The user logs in to the world outside, by the proxy and the agent.
check_login() {
	local file=$1

	shift
	check_has "${file}_logs_in" "$(in_bottle ssh -o BatchMode=yes \
	    "$@" git@github.com echo logged in 2>&1 || true)" 'logged in'
	check_refused "${file}_gets_nowhere_else" in_bottle \
	    /usr/local/bin/bottle-forward connect --check \
	    --proxy http://proxy:8888 example.com 22
	check_refused "${file}_has_no_other_way" in_bottle bash -c \
	    'exec 3<>/dev/tcp/github.com/22'
	check_refused "${file}_cannot_take_keys_away" in_bottle \
	    env SSH_AUTH_SOCK="$socket" ssh-add -D
}

test_compose_sidecar() {
	local socket=/run/bottle/agent.sock

	compose_up compose
	check_has sidecar_is_empty "$(in_bottle ssh-add -l 2>&1 ||
	    true)" 'no identities'
	load_key sidecar_loads compose compose exec -T agent \
	    /usr/local/bin/bottle-agent --load -a "$socket"
	check_same sidecar_lists "$public" "$(in_bottle ssh-add -L |
	    cut -d ' ' -f 1-2)"
	check_login compose -o StrictHostKeyChecking=accept-new
	check_refused sidecar_socket_stays docker exec -u root "$bottle" \
	    rm -f "$socket"
	compose_down compose
}

test_compose_inside() {
	local socket=/run/bottle-agent.sock out status=0

	compose_up inside
	printf 'Host github.com\n\tUser git\n\tIdentityFile %s\n\t%s\n' \
	    "$work/key" "UserKnownHostsFile $work/known_hosts" \
	    >"$work/ssh_config"
	printf 'github.com %s\n' "$(cut -d ' ' -f 1-2 "$work/hostkey.pub")" \
	    >"$work/known_hosts"
	out=$("$provision" load --no-prompt --proxy http://proxy:8888 \
	    -F "$work/ssh_config" "$bottle" github.com 2>&1 </dev/null) ||
	    status=$?
	[ "$status" -eq 0 ] || printf '# %s\n' "$out"
	check_same inside_is_loaded 0 "$status"
	check_login inside
	compose_down inside
}

# --- the Dev Container Feature ---------------------------------------------------

# feature SUFFIX BASE [VARIABLE=VALUE]...: an image as what builds dev
# containers makes it.
feature() {
	local suffix=$1 base=$2

	shift 2
	printf '%s\n' "FROM $base" "LABEL $ours=" 'USER root' \
	    'COPY . /tmp/feature' \
	    "RUN cd /tmp/feature && chmod +x install.sh && env $* ./install.sh" \
	    'ENV SSH_AUTH_SOCK=/run/bottle-agent.sock' >"$work/Featurefile"
	build "$ours-$suffix" -f "$work/Featurefile" "$work/feature"
}

# started SUFFIX IMAGE [OPTION]... -- COMMAND...: run it, entry point and all.
started() {
	local suffix=$1 image=$ours-$2
	local options=()

	shift 2
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	container "$suffix" "$image" "${options[@]}" -- /bin/sh -c \
	    'echo Container started
	    /usr/local/share/bottle-agent/start
	    exec "$@"' - "$@"
}

test_feature() {
	local bad

	mkdir -p "$work/feature/programs"
	cp "$deploy"/devcontainer-feature/* "$work/feature"
	"$deploy/make-programs" "$work/feature/programs" "$bin" >/dev/null
	check feature_is_json jq -e '.id == "bottle-agent" and .version ==
	    "'"${version#* }"'" and (.options | keys ==
	    ["allow", "audit", "start"])' \
	    "$work/feature/devcontainer-feature.json"
	check_lacks feature_has_no_option_for_keys "$(jq -r \
	    '.options | keys[]' "$work/feature/devcontainer-feature.json")" key

	check feature_installs feature debian "$world_image_bottle" \
	    _REMOTE_USER=node ALLOW= AUDIT=/var/log/bottle-agent.audit \
	    START=true
	started debian debian -u root -- sleep infinity
	wait_for 30 inside debian 0 bottle-agent --status || true
	check_has feature_is_empty "$(inside debian node ssh-add -l 2>&1 ||
	    true)" 'no identities'
	load_key feature_loads inside debian 0 bottle-agent --load
	check_same feature_lists "$public" "$(inside debian node ssh-add -L |
	    cut -d ' ' -f 1-2)"
	check_refused feature_user_removes_nothing inside debian node \
	    ssh-add -D
	check_has feature_records "$(inside debian 0 \
	    cat /var/log/bottle-agent.audit)" '"op":"list"'
	# Once more, as when the container is started again.
	docker restart -t 0 "$ours-debian" >/dev/null
	check feature_starts_again wait_for 30 inside debian 0 bottle-agent \
	    --status
	# Who is not root has a container all the same.
	started user debian -u node -- sleep infinity
	check feature_user_starts_as_well inside user node true
	check_has feature_user_is_told "$(docker logs "$ours-user" 2>&1)" \
	    'not root, so it is started by the first load'

	check feature_installs_with_busybox feature busybox "$ours-empty" \
	    _REMOTE_USER=root '"ALLOW=1000=list,sign 1001=list"' START=true
	started busybox busybox -- /bin/sleep 100000
	check feature_runs_with_busybox wait_for 30 inside busybox 0 \
	    /usr/local/bin/bottle-agent --status
	check_same feature_rules_of_the_option '1000=list,sign 1001=list' \
	    "$(inside busybox 0 bottle-agent --status --json |
	    jq -r '.rules[]' | tr '\n' ' ' | sed 's/ $//')"

	for bad in '"ALLOW=node=fly"' 'AUDIT=here' \
	    '"AUDIT=/a;reboot"' '"ALLOW=nobody-here=list"'; do
		check_refused "feature_refuses_$bad" feature bad \
		    "$world_image_bottle" _REMOTE_USER=node "$bad"
	done
	printf x >>"$work/feature/programs/$(uname -m)/bottle-forward"
	check_refused feature_looks_at_its_programs feature bad \
	    "$world_image_bottle" _REMOTE_USER=node
}

# --- the pod -----------------------------------------------------------------------

# in_pod CONTAINER COMMAND...
in_pod() {
	local name=$1

	shift
	podman exec -i "$ours-pod-$name" "$@"
}

pod_down() {
	podman pod rm -f -t 0 "$ours-pod" >/dev/null 2>&1 || true
	podman rmi -f "$ours-agent" "$ours-bottle" >/dev/null 2>&1 ||
	    true
}

# pod_yaml: the example with our images.  podman does not know init containers
# that go on, and would wait for the end of the agent: here it is one beside the
# other.  It does not know startupProbe either, and its emptyDir is on a disk and
# root's alone: the one in memory is made as Kubernetes does it, for all.
pod_yaml() {
	python3 - "$deploy/kubernetes/sidecar.yaml" "$ours" "$work/socket" \
	    <<-'EOS'
		import json, sys, yaml
		pod = yaml.safe_load(open(sys.argv[1]))
		ours = sys.argv[2]
		pod["metadata"]["name"] = ours + "-pod"
		spec = pod["spec"]
		agent, = spec.pop("initContainers")
		bottle, = spec["containers"]
		assert agent.pop("restartPolicy") == "Always"
		agent["image"] = "localhost/" + ours + "-agent:latest"
		bottle["image"] = "localhost/" + ours + "-bottle:latest"
		agent["imagePullPolicy"] = bottle["imagePullPolicy"] = "Never"
		spec["containers"] = [agent, bottle]
		socket, = [v for v in spec["volumes"] if v["name"] == "socket"]
		assert socket.pop("emptyDir")["medium"] == "Memory"
		socket["hostPath"] = {"path": sys.argv[3], "type": "Directory"}
		print(json.dumps(pod))
	EOS
}

test_pod() {
	local socket=/run/bottle/agent.sock

	# Locked memory as many nodes have it; and no more files and processes
	# than this machine may have.
	printf '[containers]\ndefault_ulimits = [%s]\n' \
	    '"memlock=65536:65536", "nofile=4096:4096", "nproc=4096:4096"' \
	    >"$work/containers.conf"
	export CONTAINERS_CONF=$work/containers.conf
	docker save "$ours-agent" | podman load -q >/dev/null
	# As images that were not made here have it.
	printf 'FROM %s\nENV PATH=%s\n' "$world_image_bottle" \
	    /usr/local/bin:/usr/bin:/bin >"$work/Bottlefile"
	build "$ours-bottle" -f "$work/Bottlefile" "$deploy/image" >/dev/null
	docker save "$ours-bottle" | podman load -q >/dev/null
	mkdir "$work/socket"
	mount -t tmpfs -o mode=777,size=1m tmpfs "$work/socket"
	at_exit umount -l "$work/socket"
	pod_yaml >"$work/pod.json"
	at_exit pod_down
	check pod_plays podman kube play --network none "$work/pod.json"
	# What its startup probe asks.
	check pod_agent_is_up wait_for 30 in_pod agent \
	    /usr/local/bin/bottle-agent --status --socket="$socket"
	load_key pod_loads in_pod agent /usr/local/bin/bottle-agent --load \
	    --allow-shared-dir -a "$socket"
	check_same pod_lists "$public" "$(in_pod bottle ssh-add -L |
	    cut -d ' ' -f 1-2)"
	check_refused pod_removes_nothing in_pod bottle ssh-add -D
	check_refused pod_cannot_replace_the_socket in_pod bottle \
	    mv "$socket" "$socket.old"
	check_same pod_agent_has_its_memory 65536 "$(in_pod agent \
	    /usr/local/bin/bottle-agent --status --json -a "$socket" |
	    jq -r '.memory.size')"
	check_same pod_nobody_is_root '1000 64110' "$(
		for name in bottle agent; do
			awk '/^Uid/ { print $2 }' "/proc/$(podman inspect -f \
			    '{{.State.Pid}}' "$ours-pod-$name")/status"
		done | tr '\n' ' ' | sed 's/ $//')"
	check_same pod_nobody_has_a_capability 0000000000000000 "$(
		for name in bottle agent; do
			awk '/^Cap(Prm|Bnd)/ { print $2 }' "/proc/$(
			    podman inspect -f '{{.State.Pid}}' \
			    "$ours-pod-$name")/status"
		done | sort -u)"
	pod_down
}

busybox_tree "$work/busybox"
mkdir "$work/busybox/etc"
echo root:x:0:0:root:/root:/bin/sh >"$work/busybox/etc/passwd"
echo root:x:0: >"$work/busybox/etc/group"
tar -C "$work/busybox" -c --owner=0 --group=0 --mode=go-w . |
    docker import - "$ours-empty" >/dev/null

start=$(now_ms)
for name in image compose_sidecar compose_inside feature pod; do
	test_$name
	printf '# %s: %d ms\n' "$name" "$(($(now_ms) - start))"
	start=$(now_ms)
done
checks_end
