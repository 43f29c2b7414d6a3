#!/bin/bash
# What a service refuses to start with, and that it says why: an open socket
# that nobody may use, users who do not exist, a folder that others can write.
# shellcheck source=tests/support/scenario.sh
. "$(dirname "$0")/../support/scenario.sh"

need_root

# no_start NAME STATUS PART OPTION...: it ends so, and PART is in what it says.
no_start() {
	local name=$1 wanted=$2 part=$3 out status=0

	shift 3
	out=$(timeout 20 "$AGENT" -D "$@" 2>&1 </dev/null) || status=$?
	check_same "${name}_ends_with_$wanted" "$wanted" "$status"
	check_has "${name}_says_so" "$out" "$part"
	check_same "${name}_leaves_no_socket" no "$([ ! -S "$S" ] && echo no)"
}

no_start public_without_allow 2 --allow --public -a "$S"
no_start unknown_user 2 nobody-here -a "$S" --public \
    --allow nobody-here=list
no_start unknown_group 2 nobody-here -a "$S" --public \
    --allow @nobody-here=list
no_start unknown_operation 2 lists -a "$S" --public --allow 1=lists
no_start rule_without_operations 2 --allow -a "$S" --public --allow 1
no_start misspelt_option 2 --public -a "$S" --publik --allow 1=list

mkdir -m 777 "$T/open"
mkdir -m 1777 "$T/sticky"
for name in open sticky; do
	no_start "${name}_folder" 1 "$T/$name" -a "$T/$name/s" --public \
	    --allow 1=list
done
check_same nothing_was_made_there '' "$(find "$T/open" "$T/sticky" \
    -mindepth 1)"

S=$T/sticky/s
agent_start --public --allow 1=list --allow-shared-dir
check a_shared_folder_if_asked_for as_self "$AGENT" --status -a "$S"
scenario_end
