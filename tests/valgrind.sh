#!/bin/bash
# valgrind.sh [--short] [NAME...] - the scenarios, each agent under valgrind.
#
# Builds the valgrind preset and runs tests/scenario/NAME.sh, or all that can be
# run so, with a bottle-agent that is started by valgrind.  What valgrind says is
# printed.  Exit code 1: it found something, or a scenario failed.  77: there is
# no valgrind.
#	--short	one scenario: what a test run has time for
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top"
# shellcheck source=tests/support/say.sh
. tests/support/say.sh
# shellcheck source=tests/support/check.sh
. tests/support/check.sh

# What cannot be run so.
declare -A left_out=(
	[50-hardening]='this build has no filter of system calls'
	[51-locked-memory]='valgrind knows no secret memory'
)
# How often a scenario tries what goes wrong seldom: other builds do it more often,
# and look for races; this one is here for memory.
rounds=10
# And how much slower it is, for limits of time.
slower=10
names=()
while [ $# -gt 0 ]; do
	case $1 in
	--short) names+=(01-list-add-remove) ;;
	-h | --help)
		sed -n '2,/^$/s/^# \{0,1\}//p' "$0"
		exit 0
		;;
	-*) die "unknown option $1; see --help" 2 ;;
	*) names+=("${1%.sh}") ;;
	esac
	shift
done
for name in ${names[@]+"${names[@]}"}; do
	[ -x "tests/scenario/$name.sh" ] ||
	    die "there is no scenario $name; ls tests/scenario shows all" 2
done
skip_without valgrind

work=$(mktemp -d "${TMPDIR:-/tmp}/bottle-valgrind.XXXXXX")
at_exit rm -rf "$work"
want_room "$work" 100
# The agent, and what else a scenario runs.
{
	cmake --preset valgrind && cmake --build --preset valgrind --target \
	    bottle-agent activate approve bundle halfadd intruder signload
} >"$work/build" 2>&1 || {
	cat "$work/build"
	die 'the valgrind preset does not build'
}
bin=$top/build/valgrind/bin
if [ "${#names[@]}" -eq 0 ]; then
	for file in tests/scenario/[0-9]*.sh; do
		name=${file##*/}
		names+=("${name%.sh}")
	done
fi

chmod 755 "$work"
mkdir "$work/bin"
# Agents of all users write there, and say so in the exit code as well: a leak
# is what nothing points at.
mkdir -m 777 "$work/said"
for program in "$bin"/*; do
	ln -s "$program" "$work/bin/"
done
rm "$work/bin/bottle-agent"
install -m 755 "$bin/bottle-agent" "$work/real-agent"
cat >"$work/bin/bottle-agent" <<EOF
#!/bin/sh
exec valgrind -q --error-exitcode=99 --leak-check=full \\
    --show-leak-kinds=definite --errors-for-leak-kinds=definite \\
    --child-silent-after-fork=no --log-file=$work/said/%p \\
    $work/real-agent "\$@"
EOF
chmod 755 "$work/bin/bottle-agent"

for name in "${names[@]}"; do
	if [ -n "${left_out[$name]:-}" ]; then
		printf 'left out %s: %s\n' "$name" "${left_out[$name]}"
		continue
	fi
	start=$SECONDS
	status=0
	BOTTLE_BIN=$work/bin BOTTLE_ROUNDS=$rounds BOTTLE_SLOWER=$slower \
	    timeout 1800 "tests/scenario/$name.sh" \
	    >"$work/out" 2>&1 </dev/null || status=$?
	# That it does not know a system call is no finding: the agent does
	# without secret memory, as on an old kernel.
	find "$work/said" -type f -size +0 -exec cat {} + | sed -E \
	    '/^--[0-9]+-- (WARNING: unhandled .* syscall|You may be able|Read the file README_M|Nevertheless we consider|it at http)/d' \
	    >"$work/found"
	find "$work/said" -type f -delete
	if [ "$status" -eq 77 ]; then
		printf 'skipped %s: %s\n' "$name" "$(tail -n 1 "$work/out")"
	elif [ "$status" -ne 0 ] || [ -s "$work/found" ]; then
		not_ok "$name" "it ended with $status"
		grep -v '^ok ' "$work/out" || true
		cat "$work/found"
	else
		ok "$name, $((SECONDS - start)) s"
	fi
done
checks_end
