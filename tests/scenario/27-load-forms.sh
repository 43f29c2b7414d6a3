#!/bin/bash
# --load takes keys in the forms of libcrypto, with and without their public
# half, alone and among OpenSSH's.  Where that half has to be made libcrypto is
# set up before the first key is worked with, outside of the locked memory: else
# its tables would fill that, and it would clean up behind the loader's back.
# shellcheck source=tests/support/scenario.sh
. "$(dirname "$0")/../support/scenario.sh"

command -v openssl >/dev/null || skip_all 'there is no openssl here'
make_keys
curves=(ecdsa256 ecdsa384 ecdsa521)
# As little as an agent takes; a load needs no more for a few keys.
little=64K

# pkcs8 FROM TO
pkcs8() {
	openssl pkcs8 -topk8 -nocrypt -in "$1" -out "$2" 2>>"$T/log"
}
for type in rsa2048 rsa4096; do
	cp "$T/$type" "$T/copy"
	ssh-keygen -q -p -N '' -m PEM -f "$T/copy" >/dev/null
	openssl rsa -traditional -in "$T/copy" -out "$T/$type.pkcs1" \
	    2>>"$T/log"
	pkcs8 "$T/$type.pkcs1" "$T/$type.pkcs8"
done
for type in "${curves[@]}"; do
	cp "$T/$type" "$T/copy"
	ssh-keygen -q -p -N '' -m PEM -f "$T/copy" >/dev/null
	openssl ec -in "$T/copy" -out "$T/$type.sec1" 2>>"$T/log"
	openssl ec -no_public -in "$T/copy" -out "$T/$type.bare" 2>>"$T/log"
	pkcs8 "$T/$type.sec1" "$T/$type.pkcs8"
	pkcs8 "$T/$type.bare" "$T/$type.pkcs8-bare"
done
# ssh-keygen writes no other form of this one, and openssl reads not OpenSSH's:
# the seed stands before the second public key there.
perl -MMIME::Base64 -e '
	local $/;
	my ($b64) = <STDIN> =~ /-----\n(.*)\n-----/s;
	my $raw = decode_base64($b64);
	my $seed = substr($raw, rindex($raw, "\0\0\0\x40") + 4, 32);
	print "-----BEGIN PRIVATE KEY-----\n", encode_base64(
	    pack("H*", "302e020100300506032b657004220420") . $seed),
	    "-----END PRIVATE KEY-----\n"' <"$T/ed25519" >"$T/ed25519.pkcs8"

# Each is what its name says: nothing is tested twice under two names.
begins() {
	check_same "$1_is_one" "-----BEGIN $2-----" "$(head -n 1 "$T/$1")"
}
begins rsa2048.pkcs1 'RSA PRIVATE KEY'
begins rsa2048.pkcs8 'PRIVATE KEY'
begins ed25519.pkcs8 'PRIVATE KEY'
for type in "${curves[@]}"; do
	begins "$type.sec1" 'EC PRIVATE KEY'
	begins "$type.bare" 'EC PRIVATE KEY'
	begins "$type.pkcs8" 'PRIVATE KEY'
	begins "$type.pkcs8-bare" 'PRIVATE KEY'
	check "${type}_bare_is_shorter" test \
	    "$(wc -c <"$T/$type.bare")" -lt "$(wc -c <"$T/$type.sec1")"
	check "${type}_pkcs8-bare_is_shorter" test \
	    "$(wc -c <"$T/$type.pkcs8-bare")" -lt \
	    "$(wc -c <"$T/$type.pkcs8")"
done

# load [OPTION...]: of stdin, into the agent at $S.
load() {
	within 30 "$AGENT" --load -a "$S" "$@"
}

# takes NAME FILE TYPE...: they are loaded, with much memory and with little, and
# the loader ends well and is silent.
takes() {
	local name=$1 file=$2 size status

	shift 2
	for size in 1M "$little"; do
		status=0
		load --memory-size "$size" <"$file" >"$T/out" 2>"$T/said" ||
		    status=$?
		check_same "load_${name}_in_$size" 0 "$status"
		check_same "load_${name}_in_${size}_is_silent" '' \
		    "$(cat "$T/said")"
		check_same "${name}_in_${size}_is_there" "$(public "$@")" \
		    "$(listed)"
		as_self ssh-add -q -D
	done
}

agent_start
for type in rsa2048 rsa4096; do
	takes "${type}_pkcs1" "$T/$type.pkcs1" "$type"
	takes "${type}_pkcs8" "$T/$type.pkcs8" "$type"
done
takes ed25519_pkcs8 "$T/ed25519.pkcs8" ed25519
for type in "${curves[@]}"; do
	for form in sec1 bare pkcs8 pkcs8-bare; do
		takes "${type}_$form" "$T/$type.$form" "$type"
	done
done

# Behind OpenSSH's and before them; the last one decides as the first does.
cat "$T/ed25519" "$T/rsa2048" "$T/ecdsa384.bare" >"$T/last"
takes a_bare_one_behind_openssh_s "$T/last" ed25519 rsa2048 ecdsa384
cat "$T/ecdsa384.pkcs8-bare" "$T/ed25519" "$T/rsa2048" >"$T/first"
takes a_bare_one_before_openssh_s "$T/first" ed25519 rsa2048 ecdsa384
cat "$T/rsa2048" "$T/ecdsa256.sec1" "$T/ecdsa521.pkcs8-bare" "$T/ed25519" \
    "$T/rsa4096.pkcs1" "$T/ecdsa384.bare" >"$T/every"
takes every_form_in_one_stream "$T/every" "${key_types[@]}"

# What was made of a key that left it out is its public half: it signs.
load <"$T/every" >/dev/null
for type in "${curves[@]}"; do
	check "$type.bare_signs" git_signs as_self "$type"
done
as_self ssh-add -q -D

# One with a passphrase is not decrypted here, whatever form it has; with it
# come none of the others.
printf 'a passphrase' >"$T/phrase"
{
	openssl pkcs8 -topk8 -passout "file:$T/phrase" \
	    -in "$T/ecdsa384.sec1" -out "$T/locked.pkcs8"
	openssl rsa -traditional -aes128 -passout "file:$T/phrase" \
	    -in "$T/rsa2048.pkcs1" -out "$T/locked.pkcs1"
	openssl ec -aes128 -passout "file:$T/phrase" \
	    -in "$T/ecdsa256.sec1" -out "$T/locked.sec1"
} 2>>"$T/log"
for form in pkcs8 pkcs1 sec1; do
	for before in '' ed25519 ecdsa384.bare; do
		cat ${before:+"$T/$before"} "$T/locked.$form" >"$T/locked"
		n=$((${before:+1} + 1)) status=0
		out=$(load <"$T/locked" 2>&1 >/dev/null) || status=$?
		name=locked_${form}_behind_${before:-nothing}
		check_same "${name}_ends_with_1" 1 "$status"
		check_has "${name}_says_which" "$out" "key $n of $n: "
		check_has "${name}_says_why" "$out" passphrase
		check_same "${name}_changes_nothing" '' "$(listed)"
	done
done
scenario_end
