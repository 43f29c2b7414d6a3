#!/bin/bash
# A load is all or nothing, and says which key is wrong and why; what was
# loaded before stays as it was.
# shellcheck source=tests/support/scenario.sh
. "$(dirname "$0")/../support/scenario.sh"

make_keys
make_key ed25519 before
make_key ed25519 encrypted 'a passphrase'
make_key rsa2048 pem 'a passphrase'
ssh-keygen -q -p -P 'a passphrase' -N 'a passphrase' -m PEM -f "$T/pem" \
    >/dev/null
agent_start
"$AGENT" --load -a "$S" <"$T/before" >/dev/null

# key_lines FILE: what must never be printed of it.
key_lines() {
	awk 'length >= 20 && !/^-----/ { print substr($0, 1, 60) }' "$1" |
	    head -n 100
}

# refuse NAME PART FILE [OPTION...]: ends with 1, says PART, changes nothing
# and says no line of the key.
refuse() {
	local name=$1 part=$2 file=$3 out status=0

	shift 3
	out=$(within 30 "$AGENT" --load -a "$S" "$@" <"$file" 2>&1) ||
	    status=$?
	check_same "${name}_ends_with_1" 1 "$status"
	check_has "${name}_says_so" "$out" "$part"
	check_same "${name}_changes_nothing" "$(public before)" "$(listed)"
	check_same "${name}_prints_no_key" '' \
	    "$(grep -aoFf <(key_lines "$file") <<<"$out")"
}

cp "$T/ecdsa256" "$T/bad"
sed -i '3s/......../????????/' "$T/bad"
cat "$T/ed25519" "$T/rsa2048" "$T/bad" "$T/ecdsa384" >"$T/third"
refuse third_of_four_bad 'key 3 of 4' "$T/third"
cat "$T/ed25519" "$T/encrypted" >"$T/second"
refuse encrypted_openssh passphrase "$T/encrypted"
refuse encrypted_second 'key 2 of 2' "$T/second"
refuse encrypted_pem passphrase "$T/pem"
head -n 3 "$T/ed25519" >"$T/cut"
refuse cut_short 'key 1 of 1' "$T/cut"
cat "$T/ed25519" "$T/cut" >"$T/cut2"
refuse second_cut_short 'key 2 of 2' "$T/cut2"
refuse no_key_at_all 'no private key' /dev/null
refuse a_public_key 'line 1: this is a public key' "$T/ed25519.pub"
cat "$T/ed25519" "$T/before.pub" >"$T/with-pub"
refuse a_public_key_behind_a_key 'public key (ssh-ed25519)' "$T/with-pub"
refuse more_than_expected 2 "$T/ed25519" --expect 2
cat "$T/ed25519" "$T/rsa2048" "$T/ecdsa256" >"$T/three"
refuse fewer_than_expected 3 "$T/three" --expect 2
head -c 3000000 /dev/zero | tr '\0' 'a' >"$T/long"
refuse endless_text '' "$T/long"
head -c 100000 /dev/urandom >"$T/noise"
refuse noise 'no private key' "$T/noise"

# The public and the private half must be of one key.
perl -MMIME::Base64 -e '
	local $/;
	my ($b64) = <STDIN> =~ /-----\n(.*)\n-----/s;
	my $raw = decode_base64($b64);
	# The last byte of the seed, 32 bytes before the second public key.
	my $at = rindex($raw, "\0\0\0\x40") + 4 + 31;
	substr($raw, $at, 1) ^= "\x01";
	print "-----BEGIN OPENSSH PRIVATE KEY-----\n", encode_base64($raw),
	    "-----END OPENSSH PRIVATE KEY-----\n"' \
    <"$T/ed25519" >"$T/mismatch"
refuse halves_of_two_keys 'key 1 of 1' "$T/mismatch"

# A locked agent refuses before it hears of a key, and says what to do.
printf 'a word' | "$AGENT" --lock -a "$S" 2>/dev/null
status=0
out=$(within 30 "$AGENT" --load -a "$S" <"$T/ed25519" 2>&1) || status=$?
check_same locked_ends_with_1 1 "$status"
check_same locked_says_so "bottle-agent: error: the agent refuses the load: \
the agent is locked: unlock it first (ssh-add -X); nothing was loaded" "$out"
printf 'a word' | "$AGENT" --unlock -a "$S" 2>/dev/null
check_same locked_changes_nothing "$(public before)" "$(listed)"

# Somebody at a terminal has forgotten the "<".
status=0
out=$(within 20 script -qec "'$AGENT' --load -a '$S'" /dev/null </dev/null) ||
    status=$?
check_same terminal_ends_with_2 2 "$status"
check_has terminal_says_so "$out" terminal
check_same terminal_changes_nothing "$(public before)" "$(listed)"

check_status load_and_status_at_once 2 "$AGENT" --load --status -a "$S"
check_status expect_without_load 2 "$AGENT" --expect 1 -a "$T/x" true
agent_stop

check_status nothing_to_load_and_nobody_there 1 \
    within 20 "$AGENT" --load -a "$S" --public --allow 65534=list
check_same nobody_is_there_then no "$([ ! -e "$S" ] && echo no)"
scenario_end
