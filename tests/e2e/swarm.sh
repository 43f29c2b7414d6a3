#!/bin/bash
# swarm.sh - a service of ten tasks, and one command for all of them; three that
# die are loaded again by somebody who watches.
#
# A swarm of this one node, with a service of bottles that have our programs.
# BOTTLE_STATIC_BIN is the folder of the static programs, BOTTLE_BIN that of
# bottle-provision.
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

bin=$(realpath "${BOTTLE_STATIC_BIN:-$here/../../build/static/bin}")
provision=${BOTTLE_BIN:-$here/../../build/release/bin}/bottle-provision

service=bottles-$$
label=org.bottle.test=$service
tasks=10
work=$(mktemp -d "${TMPDIR:-/tmp}/bottle-swarm.XXXXXX")
at_exit rm -rf "$work"

[ -x "$provision" ] || skip_all "there is no program $provision"
why=$(world_missing docker "$bin")
[ -z "$why" ] || skip_all "$why"
at_exit engine_down
engine_up "$work" || skip_all "$engine_why"
roots_ready || die 'cannot make the root file systems'
docker_ready || skip_all "$world_why"

# --- the swarm -----------------------------------------------------------------

# swarm_up: this node is a manager; if that is new, no more when we end.
swarm_up() {
	[ "$(docker info -f '{{.Swarm.LocalNodeState}}')" != active ] ||
	    return 0
	swarm_why=$(docker swarm init --advertise-addr 127.0.0.1 2>&1) ||
	    return 1
	at_exit docker swarm leave --force
}

# ours [FILTER]...: the containers of the service that run.
ours() {
	docker ps -q --filter "label=com.docker.swarm.service.name=$service" \
	    "$@"
}
# all_run N
all_run() {
	[ "$(ours | wc -l)" -eq "$1" ]
}

# service_up N: the service, with that many tasks.
service_up() {
	local name
	local mounts=()

	for name in "${world_programs[@]}"; do
		mounts+=(--mount
		    "type=bind,readonly,src=$bin/$name,dst=$world_bin/$name")
	done
	at_exit service_down
	docker service create -q --detach --no-resolve-image --name "$service" \
	    --replicas "$1" --container-label "$label" "${mounts[@]}" \
	    --restart-delay 1s --stop-grace-period 1s \
	    "$world_image_bottle" >"$work/service"
	wait_for 60 all_run "$1"
}

# The tasks go after the service, and an image that they hold is still used.
service_down() {
	docker service rm "$service" >/dev/null 2>&1 || true
	wait_for 30 all_run 0 || true
}

swarm_up || skip_all "there can be no swarm here: $swarm_why"
service_up "$tasks" || {
	docker service ps --no-trunc "$service" >&2
	die 'the service does not start'
}

# --- the operator's side -------------------------------------------------------

ssh-keygen -q -t ed25519 -N '' -C op -f "$work/key"
ssh-keygen -q -t ed25519 -N '' -C host -f "$work/host"
print=$(ssh-keygen -lf "$work/key.pub" | cut -d ' ' -f 2)
printf '[{"Host": "git.example", "User": "git", "IdentityFile": "%s", %s}]\n' \
    "$work/key" "\"KnownHostKey\": \"$(cut -d ' ' -f 1-2 "$work/host.pub")\"" \
    >"$work/bottles.json"

# provision ARG...: afterwards $status, $out and $err.
provision() {
	status=0
	timeout 120 "$provision" "$@" >"$work/out" 2>"$work/err" </dev/null ||
	    status=$?
	out=$(cat "$work/out")
	err=$(cat "$work/err")
}
# into TARGET...: a load.
into() {
	provision load --sign -f "$work/bottles.json" --no-install "$@"
}

# serves ID: the agent there has the key, lists it for the user, and git signs a
# commit with it.
serves() {
	docker exec -u 0 "$1" bottle-agent --status --json |
	    grep -qF "$print" || return 1
	docker exec -u 1000 "$1" sh -c '
		set -e
		. ~/.ssh/bottle-agent/env
		export SSH_AUTH_SOCK
		ssh-add -l | grep -qF "$1"
		rm -rf /tmp/repo
		git init -q /tmp/repo
		cd /tmp/repo
		git -c user.name=node -c user.email=node@bottle.example \
		    commit -q --allow-empty -S -m signed
		git log -1 --format=%G? | grep -qx G' - "$print"
}
# serving: how many of those that run do.
serving() {
	local id n=0

	for id in $(ours); do
		! serves "$id" 2>>"$work/serves" || n=$((n + 1))
	done
	printf '%s\n' "$n"
}

# --- all at once ---------------------------------------------------------------

into "swarm:$service" -j 4
check_same a_load_into_a_service 0 "$status"
check_same a_line_for_each_task "$tasks" \
    "$(grep -c "keys in force: 1, for user node" <<<"$err")"
check_same the_key_for_each_task "$tasks" "$(grep -cF "$print" <<<"$out")"
check_same tasks_are_called_by_name "$(docker ps --format 'docker:{{.Names}}' \
    --filter "label=com.docker.swarm.service.name=$service" | sort)" \
    "$(cut -d ' ' -f 1 <<<"$out" | sed 's/:$//' | sort)"
check_lacks nothing_is_elsewhere "$err" 'other nodes'
check_same every_task_serves "$tasks" "$(serving)"

# A name that was printed is a target.
name=$(head -n 1 <<<"$out" | cut -d ' ' -f 1)
into "${name%:}"
check_same one_task_by_its_name 0 "$status"
into "swarm:$service" "${name%:}"
check_same a_task_and_its_service 2 "$status"
check_has it_is_named_once "$err" 'name it once'

into --all --label "$label" --label \
    "com.docker.swarm.service.name=$service" -j 10
check_same all_with_the_labels 0 "$status"
check_same all_with_the_labels_are_these "$tasks" \
    "$(grep -cF "$print" <<<"$out")"
into --all --label "$label" --label org.bottle.test.none
check_same all_with_no_such_label 5 "$status"
check_has all_with_no_such_label_says_so "$err" 'all of these labels'

# --- three of them die, and somebody watches -----------------------------------

watch=
# It must end by itself, and well.
watch_end() {
	local status=0

	[ -n "$watch" ] || return 0
	kill -TERM "$watch"
	wait "$watch" || status=$?
	watch=
	return "$status"
}
# all_serve: as many as there are to be, and each with its key.
all_serve() {
	all_run "$tasks" && [ "$(serving)" -eq "$tasks" ]
}
# loaded N: as many loads were told of.
loaded() {
	[ "$(grep -c ' loaded ' "$work/watch.out")" -ge "$1" ]
}

at_exit watch_end
"$provision" watch --sign -f "$work/bottles.json" --no-install \
    "swarm:$service" </dev/null >"$work/watch.out" 2>"$work/watch.err" &
watch=$!
check all_are_loaded_at_the_start wait_for 60 loaded "$tasks"
before=$(ours --no-trunc | sort)
# The swarm restarts a task by another one in its place; after docker restart
# both would be there.
ours | shuf -n 3 | xargs docker kill >/dev/null
moved() {
	all_run "$tasks" && [ "$(ours --no-trunc | sort)" != "$before" ] &&
	    loaded "$((tasks + 3))"
}
check three_are_loaded_again wait_for 60 moved
check all_serve_again wait_for 60 all_serve
status=0
watch_end || status=$?
check_same watch_ends_well 0 "$status"
check_same nothing_failed_for_good '' "$(awk '
	/ loaded / { bad[$2] = "" }
	/ failed/ { bad[$2] = $0 }
	/ stopped/ { bad[$2] = "" }
	END { for (t in bad) if (bad[t] != "") print bad[t] }' \
    "$work/watch.out")"

# --- what there is not ---------------------------------------------------------

into swarm:no-such-service
check_same no_service 5 "$status"
check_has no_service_says_so "$err" 'there is no service no-such-service'
docker service scale -d "$service=0" >/dev/null
wait_for 30 all_run 0
into "swarm:$service"
check_same no_task 5 "$status"
check_has no_task_says_so "$err" "no task of service $service runs on this node"

checks_end
