#!/bin/bash
# quickstart.sh docker|embedded - the demo ends as it says, and leaves nothing.
#
# It is run under a name of its own, so that one that was kept stays.
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

kind=${1:?usage: quickstart.sh docker|embedded}
bin=$here/../../build/static/bin
export BOTTLE_DEMO=bottle-demo-$$

work=$(mktemp -d "${TMPDIR:-/tmp}/bottle-quickstart.XXXXXX")
at_exit rm -rf "$work"

why=$(world_missing "$kind" "$bin")
[ -z "$why" ] || skip_all "$why"
lacking=$(packages_missing "${packages_build[@]}" | tr '\n' ' ')
[ -z "$lacking" ] || skip_all "needs packages: $lacking"
if [ "$kind" = docker ]; then
	at_exit engine_down
	engine_up "$work" || skip_all "$engine_why"
fi

# demo OPTION...: all in the output; its temporary files are in our folder.
demo() {
	mkdir -p "$work/tmp"
	TMPDIR=$work/tmp timeout 500 "$here/../../quickstart.sh" "$@" \
	    >"$work/out" 2>&1 </dev/null
}

options=()
[ "$kind" = docker ] || options=(--embedded)

check_same the_demo_ends_well 0 "$(status=0
	demo --keep "${options[@]}" || status=$?
	echo "$status")"
grep -E '^quickstart|FAILED' "$work/out" | sed 's/^/# /' || true
check_has it_says_so "$(cat "$work/out")" 'All steps ended as they should.'
check_has it_is_of_the_kind_asked_for "$(cat "$work/out")" "$(
	case $kind in
	docker) echo "containers $BOTTLE_DEMO" ;;
	embedded) echo 'three roots in' ;;
	esac)"
check what_was_kept_goes_down demo --down
check_same nothing_is_left '' "$(ls "$work/tmp")"
[ "$kind" != docker ] || check_same nor_a_container '' \
    "$(docker ps -a -q --filter "name=$BOTTLE_DEMO")"
checks_end
