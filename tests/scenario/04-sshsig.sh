#!/bin/bash
# ssh-keygen -Y sign makes signatures through the agent that ssh-keygen -Y
# verify accepts, with every key type; and git signs commits and tags with it.
# shellcheck source=tests/support/scenario.sh
. "$(dirname "$0")/../support/scenario.sh"

make_keys
agent_start
for type in "${key_types[@]}"; do
	as_self ssh-add -q "$T/$type"
	printf 'tester@test.example %s\n' "$(cut -d ' ' -f 1-2 "$T/$type.pub")"
	# The private half is not there for ssh-keygen to fall back on.
	rm "$T/$type"
done >"$T/signers"
printf 'what is signed\n' >"$T/text"
printf 'something else\n' >"$T/forged"

# verify FILE SIGNATURE
verify() {
	ssh-keygen -Y verify -f "$T/signers" -I tester@test.example -n git \
	    -s "$2" <"$1"
}

# ssh-keygen's own sign is only told of the public half.
for type in "${key_types[@]}"; do
	rm -f "$T/text.sig"
	check "sign_with_$type" as_self ssh-keygen -q -Y sign -n git \
	    -f "$T/$type.pub" "$T/text"
	check "verify_$type" verify "$T/text" "$T/text.sig"
	check_refused "another_text_does_not_verify_$type" \
	    verify "$T/forged" "$T/text.sig"
done

repo=$T/repo
git init -q -b main "$repo"
git -C "$repo" config gpg.format ssh
git -C "$repo" config gpg.ssh.allowedSignersFile "$T/signers"
for type in "${key_types[@]}"; do
	git -C "$repo" config user.signingkey "key::$(cat "$T/$type.pub")"
	check "git_commit_with_$type" as_self \
	    git -C "$repo" commit -q -S --allow-empty -m "$type"
	check "git_verify_commit_$type" \
	    git -C "$repo" verify-commit HEAD
done
check git_tag as_self git -C "$repo" tag -s -m signed v1
check git_verify_tag git -C "$repo" verify-tag v1

as_self ssh-add -q -D
check_refused no_signature_without_the_key as_self \
    git -C "$repo" commit -q -S --allow-empty -m unsigned
scenario_end
