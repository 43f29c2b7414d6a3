#!/bin/bash
# --load takes certificates beside the keys that they certify, in any order: a
# key and each of its certificates are entries of their own, ssh logs in with
# them where a CA is trusted and the key is not, and a certificate that does not
# belong to a key is said so.
# shellcheck source=tests/support/scenario.sh
. "$(dirname "$0")/../support/scenario.sh"
# shellcheck source=tests/support/sshd.sh
. "$(dirname "$0")/../support/sshd.sh"

make_keys
make_key ed25519 ca
make_key rsa2048 ca2
make_key ed25519 host_test

# certify CA TYPE ID [OPTION...]: $T/TYPE-cert.pub.
certify() {
	local ca=$1 type=$2 id=$3

	shift 3
	ssh-keygen -q -s "$T/$ca" -I "$id" -n "$(id -un),alice" "$@" \
	    "$T/$type.pub"
}

for type in "${key_types[@]}"; do
	certify ca "$type" "id of $type"
done

load() {
	within 30 "$AGENT" --load -a "$S" "$@"
}

# takes NAME FILE WANTED...: the agent then has these, and no others.
takes() {
	local name=$1 file=$2 status=0 out

	shift 2
	out=$(load <"$file" 2>&1) || status=$?
	check_same "load_$name" 0 "$status"
	[ "$status" -eq 0 ] || printf '# %s\n' "$out"
	check_same "${name}_is_there" "$(public "$@")" "$(listed)"
	as_self ssh-add -q -D
}

agent_start --allow 0=admin
for type in "${key_types[@]}"; do
	cat "$T/$type" "$T/$type-cert.pub" >"$T/all"
	takes "cert_behind_$type" "$T/all" "$type" "$type-cert"
	cat "$T/$type-cert.pub" "$T/$type" >"$T/all"
	takes "cert_before_$type" "$T/all" "$type" "$type-cert"
done

# All certificates, then all keys, the other way round; with text between.
everything=("${key_types[@]}" "${key_types[@]/%/-cert}")
{
	printf 'certificates\n\n'
	for type in "${key_types[@]}"; do
		sed 's/$/\r/' "$T/$type-cert.pub"
	done
	printf '\nkeys\n'
	printf '%s\n' "${key_types[@]/#/$T/}" | tac | xargs cat
} >"$T/all"
takes all_in_any_order "$T/all" "${everything[@]}"
cat "$T/ed25519-cert.pub" "$T/ed25519" "$T/ed25519-cert.pub" >"$T/twice"
takes the_same_twice "$T/twice" ed25519 ed25519-cert
{
	cat "$T/ed25519"
	printf '%s' "$(cat "$T/ed25519-cert.pub")"
} >"$T/short"
takes without_the_last_newline "$T/short" ed25519 ed25519-cert
cp "$T/ed25519.pub" "$T/other.pub"
certify ca2 other 'another id' -V 20200101:20200102
cat "$T/ed25519-cert.pub" "$T/other-cert.pub" "$T/ed25519" >"$T/two"
takes two_for_one_key "$T/two" ed25519 ed25519-cert other-cert
cp "$T/ecdsa256.pub" "$T/host.pub"
ssh-keygen -q -h -s "$T/ca" -I host -n h.example "$T/host.pub"
cat "$T/ecdsa256" "$T/host-cert.pub" >"$T/hosts"
takes one_of_a_host "$T/hosts" ecdsa256 host-cert

# It says what it loaded; the comment is the key's, as with ssh-add.
sed -i 's/ [^ ]*$/ a comment in the certificate/' "$T/rsa2048-cert.pub"
out=$(cat "$T/rsa2048" "$T/rsa2048-cert.pub" | load --expect 1)
fingerprint=$(ssh-keygen -l -f "$T/rsa2048.pub" | cut -d ' ' -f 2)
check_same it_says_both "ssh-rsa $fingerprint rsa2048
ssh-rsa-cert-v01@openssh.com $fingerprint rsa2048" "$out"
check_same as_ssh_add_lists_them "2048 $fingerprint rsa2048 (RSA)
2048 $fingerprint rsa2048 (RSA-CERT)" "$(as_self ssh-add -l)"
mkdir "$T/theirs"
cp "$T/rsa2048" "$T/rsa2048-cert.pub" "$T/theirs/"
ours=$(as_self ssh-add -L)
as_self ssh-add -q -D
as_self ssh-add -q "$T/theirs/rsa2048"
check_same ssh_add_does_the_same "$ours" "$(as_self ssh-add -L)"
as_self ssh-add -q -D

# What is not in order changes nothing.
load <"$T/ecdsa384" >/dev/null
refuse() {
	local name=$1 part=$2 file=$3 out status=0

	shift 3
	out=$(load "$@" <"$file" 2>&1) || status=$?
	check_same "${name}_ends_with_1" 1 "$status"
	check_has "${name}_says_so" "$out" "$part"
	check_has "${name}_says_what_became_of_it" "$out" 'nothing was loaded'
	check_same "${name}_changes_nothing" "$(public ecdsa384)" "$(listed)"
}

refuse without_any_key 'key id "id of ed25519"' "$T/ed25519-cert.pub"
{
	printf 'a note\n'
	cat "$T/ecdsa256-cert.pub" "$T/ed25519"
} >"$T/foreign"
refuse without_its_key 'line 2: the private key of this certificate (ecdsa-' \
    "$T/foreign"
cat "$T/ed25519" "$T/ed25519-cert.pub" >"$T/one"
refuse expect_counts_keys 'has 1 keys and 2 were expected' "$T/one" --expect 2
{
	cat "$T/ed25519"
	head -c 300 "$T/ed25519-cert.pub"
} >"$T/cut"
refuse cut_short 'line 8: this is a certificate' "$T/cut"
refuse cut_short_says_why 'does not parse' "$T/cut"
{
	printf '%s' "$(cut -d ' ' -f 1-2 "$T/ed25519-cert.pub")"
	cat "$T/ed25519"
} >"$T/joined"
refuse run_together 'runs together' "$T/joined"
# The last byte is one of the CA's signature.
perl -MMIME::Base64 -lane '
	my $raw = decode_base64($F[1]);
	substr($raw, -1) ^= "\x01";
	print "$F[0] ", encode_base64($raw, "")' \
    <"$T/ed25519-cert.pub" >"$T/forged"
cat "$T/rsa2048" "$T/forged" "$T/ed25519" >"$T/bad"
fingerprint=$(ssh-keygen -l -f "$T/ed25519.pub" | cut -d ' ' -f 2)
refuse forged "in line $(($(wc -l <"$T/rsa2048") + 1)), of key 2 of 2 \
($fingerprint): the signature is wrong" "$T/bad"
as_self ssh-add -q -D

# Lifetime and name go for both.
cat "$T/ed25519" "$T/ed25519-cert.pub" | load --name work >/dev/null
load --name work <"$T/ecdsa256" >/dev/null
check_same a_name_replaces_certificates "$(public ecdsa256)" "$(listed)"
cat "$T/ed25519" "$T/ed25519-cert.pub" | load -t 1 >/dev/null
gone() {
	[ "$(listed)" = "$(public ecdsa256)" ]
}
check both_expire wait_for 30 gone
as_self ssh-add -q -D

if [ ! -x /usr/sbin/sshd ] || [ "$(id -u)" -ne 0 ]; then
	printf '# no login: that needs sshd, and root\n'
	scenario_end
fi
sshd_ready
sshd_host test "TrustedUserCAKeys $T/ca.pub" 'AuthorizedKeysFile none'
sshd_known test
load <"$T/all" >/dev/null
# Only public halves are left to the client, in a folder of their own.
mkdir "$T/public"
for type in "${key_types[@]}"; do
	mv "$T/$type-cert.pub" "$T/$type.pub" "$T/public/"
	rm "$T/$type"
done
for type in "${key_types[@]}"; do
	check "login_by_the_entry_of_a_certificate_$type" \
	    near "public/$type-cert" test true
	# Where it has both, ssh asks the key for the signature.
	check "login_by_the_entry_of_the_key_$type" near "public/$type" \
	    -o "CertificateFile=$T/public/$type-cert.pub" test true
	mv "$T/public/$type-cert.pub" "$T/kept"
	check_refused "no_login_without_it_$type" near "public/$type" test true
	mv "$T/kept" "$T/public/$type-cert.pub"
done
scenario_end
