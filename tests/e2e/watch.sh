#!/bin/bash
# watch.sh - bottle-provision watch with a real engine: a bottle that is restarted,
# dies, and is made anew has its keys again without a hand being moved.
#
# BOTTLE_STATIC_BIN is the folder of the static programs, BOTTLE_BIN that of
# bottle-provision.
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
# shellcheck source=tests/e2e/watched.sh
. "$here/watched.sh"

bin=${BOTTLE_STATIC_BIN:-$here/../../build/static/bin}
provision=${BOTTLE_BIN:-$here/../../build/release/bin}/bottle-provision
work=$(mktemp -d "${TMPDIR:-/tmp}/bottle-watch.XXXXXX")
at_exit rm -rf "$work"
watched_world "bottle-watch-$$"

whoami() {
	bottle 1000 timeout 20 ssh "$world_host" whoami 2>&1 || true
}

watched_start
watched_says loaded 1
check_same what_runs_is_loaded git "$(whoami)"

# The keys are gone with the agent, and there again.
world_restart
check_has a_restart_is_seen "$(wait_for 30 watched_has started 1 && echo seen)" \
    seen
watched_says loaded 2
check_same restarted git "$(whoami)"

# It dies, and somebody starts it much later.
docker kill "$world_name" >/dev/null
watched_says stopped 2
docker start "$world_name" >/dev/null
watched_says loaded 3
check_same killed_and_started git "$(whoami)"

# Another container of that name, while the first is still there under another:
# programs and home are as in its image, all of it is to be done anew.
docker stop -t 0 "$world_name" >/dev/null
docker rename "$world_name" "$world_name-old"
old_gone() {
	docker rm -f -v "$world_name-old" >/dev/null
}
at_exit old_gone
docker create --name "$world_name" --network "$world_name" \
    "$world_image_bottle" >/dev/null
for name in "${world_programs[@]}"; do
	docker_copy "$bin/$name" 755 "$world_name:$world_bin/$name"
done
docker start "$world_name" >/dev/null
watched_says loaded 4
check_same made_anew git "$(whoami)"

# Nobody else's start is its business.
docker start "$world_name-old" >/dev/null
docker restart -t 0 "$world_name-proxy" >/dev/null
sleep 1
check_same others_are_left_alone 4 "$(watched_count loaded)"
status=0
watched_end || status=$?
check_same it_ends_well 0 "$status"
check_same nothing_went_wrong 0 "$(watched_count failed)"
check_has it_says_what_it_holds "$(cat "$work/watch.err")" \
    'held in locked memory'
checks_end
