#!/bin/bash
# In service mode a peer does what its rule says and nothing else: a user with
# list and sign can do these, and nothing that changes the agent; one whom no
# rule names is hung up on; root keeps everything.
# shellcheck source=tests/support/scenario.sh
. "$(dirname "$0")/../support/scenario.sh"

need_root
make_keys
make_key ed25519 own
# A bottle's user has the public halves, and a key of its own.
as_other true
for type in "${key_types[@]}"; do
	cp "$T/$type.pub" "$T/other/"
	printf 'tester@test.example %s\n' "$(cut -d ' ' -f 1-2 "$T/$type.pub")"
done >"$T/signers"
cp "$T/own" "$T/own.pub" "$T/other/"
chown "$other_uid:$other_uid" "$T/other"/own*
printf 'what is signed\n' >"$T/text"

agent_start --public --allow "$other_uid=list,sign"
check_same the_socket_is_for_everybody 666 "$(stat -c %a "$S")"
for type in "${key_types[@]}"; do
	as_self ssh-add -q "$T/$type"
done
everything=$(public "${key_types[@]}")

check_same root_lists "$everything" "$(listed)"
check_same user_lists "$everything" \
    "$(as_other ssh-add -L | cut -d ' ' -f 1-2 | sort)"
for type in "${key_types[@]}"; do
	as_other ssh-keygen -q -Y sign -n git -f "$type.pub" - <"$T/text" \
	    >"$T/text.sig" 2>/dev/null
	# shellcheck disable=SC2016
	check "user_signs_with_$type" bash -c '
		ssh-keygen -Y verify -f "$1/signers" -I tester@test.example \
		    -n git -s "$1/text.sig" <"$1/text"' - "$T"
done

# refuse NAME COMMAND...: as the user; nothing has changed afterwards.
refuse() {
	local name=$1

	shift
	check_refused "user_cannot_$name" as_other "$@"
	check_same "nothing_changed_by_$name" "$everything" "$(listed)"
}

askpass secret
refuse remove_all ssh-add -D
refuse remove_one ssh-add -d rsa2048.pub
refuse add ssh-add own
refuse add_for_a_time ssh-add -t 100 own
refuse add_with_confirmation ssh-add -c own
refuse lock ssh-add -x
refuse unlock ssh-add -X
refuse add_a_library ssh-add -s /usr/lib/libp.so
refuse remove_a_library ssh-add -e /usr/lib/libp.so
cp "$T/bottle-agent" "$T/other/agent"
refuse load bash -c "./agent --load -a '$S' <own"
check_status user_reads_no_status 3 \
    as_other ./agent --status -a "$S"

# A lock of root's is not the user's to open.
check root_locks as_self ssh-add -x
check_refused user_cannot_open_roots_lock as_other ssh-add -X
check root_unlocks as_self ssh-add -X
check_same everything_is_still_there "$everything" "$(listed)"

other_uid=65533
rm -rf "$T/other"
# ssh-keygen wants to know the name of whoever calls it; this signs what git
# wants signed.
install -m 755 "$BOTTLE_BIN/signload" "$T/signload"
check_refused stranger_cannot_list as_other ssh-add -l
check_refused stranger_cannot_sign as_other "$T/signload" "$S" 1
check_refused stranger_cannot_remove as_other ssh-add -D
check_same the_stranger_changed_nothing "$everything" "$(listed)"
agent_stop

# Rules by operation, and of a user who may only look.
agent_start --public --allow 65533=list
as_self ssh-add -q "$T/ed25519"
check_same list_only_lists "$(public ed25519)" \
    "$(as_other ssh-add -L | cut -d ' ' -f 1-2)"
check_refused list_only_does_not_sign as_other "$T/signload" "$S" 1
agent_stop

agent_start --public --allow 65533=sign --allow @65533=list
as_self ssh-add -q "$T/ed25519"
check user_and_group_rules_add_up as_other "$T/signload" "$S" 1
check_same both_of_them "$(public ed25519)" \
    "$(as_other ssh-add -L | cut -d ' ' -f 1-2)"
agent_stop

# A service for one user is still a service for root, unless root is named.
agent_start --public --allow 0=list --allow 65533=list
check_refused root_is_held_to_its_rule as_self ssh-add "$T/ed25519"
scenario_end
