#!/bin/bash
# Certificates beside their keys: ssh-add puts in both and takes out both, a
# login works where only the CA is known, git signs with them.  What a
# certificate says is for whoever checks it, so one whose time is over is held
# as any other; but one that its CA did not sign is refused.
# shellcheck source=tests/support/scenario.sh
. "$(dirname "$0")/../support/scenario.sh"
# shellcheck source=tests/support/sshd.sh
. "$support/sshd.sh"

sshd_ready
types=(ed25519 ecdsa256 rsa2048)
# Each type of CA signs another type of key.
declare -A ca_of=([ed25519]=ca_rsa2048 [ecdsa256]=ca_ed25519
    [rsa2048]=ca_ecdsa256)
mkdir -m 700 "$T/safe"
for type in "${types[@]}"; do
	make_key "$type" "ca_$type"
	cat "$T/ca_$type.pub" >>"$T/cas"
	make_key "$type"
done
make_key ed25519 host_a
make_key ecdsa256 host_b
for host in a b; do
	sshd_host "$host" "TrustedUserCAKeys $T/cas"
	sshd_known "$host"
done

# certify NAME CA [OPTION...]: $T/NAME-cert.pub, for logins of who we are, and
# for what tester@test.example signs.
certify() {
	local name=$1 ca=$2

	shift 2
	ssh-keygen -q -s "$T/$ca" -I "$name" \
	    -n "$(id -un),tester@test.example" "$@" "$T/$name.pub"
}

# twin NAME COPY: the same key again, for another certificate.
twin() {
	cp "$T/$1" "$T/$2"
	cp "$T/$1.pub" "$T/$2.pub"
}

# with NAME: log in to a with key and certificate.  ssh signs with the key where
# it is told of both.
with() {
	near "$1" -o "CertificateFile=$T/$1-cert.pub" a 'echo in' 2>&1 \
	    </dev/null
}

# alone HOST [OPTION...]: log in with what the agent lists: a certificate.
alone() {
	local host=$1

	shift
	timeout 60 ssh -F "$T/near" -o "IdentityAgent=$S" \
	    -o IdentitiesOnly=no -o IdentityFile=none "$@" "$host" 'echo in' \
	    2>&1 </dev/null
}

# No program finds a private half beside the public one while it is hidden.
# hide NAME..., show NAME...: the private halves.
hide() {
	local name

	for name; do
		mv "$T/$name" "$T/safe/"
	done
}

show() {
	local name

	for name; do
		mv "$T/safe/$name" "$T/"
	done
}

agent_start
for type in "${types[@]}"; do
	certify "$type" "${ca_of[$type]}"
	check_has "ssh_add_adds_both_of_$type" \
	    "$(as_self ssh-add "$T/$type" 2>&1)" 'Certificate added'
	check_same "both_of_${type}_are_listed" \
	    "$(public "$type" "$type-cert")" "$(listed)"
	fingerprint=$(ssh-keygen -l -f "$T/$type.pub" | cut -d ' ' -f 2)
	# One fingerprint, two types.
	check_same "both_of_${type}_by_fingerprint" \
	    "$fingerprint $fingerprint -CERT)" \
	    "$(as_self ssh-add -l | awk '{ f = f $2 " " }
		/-CERT\)$/ { t = "-CERT)" } END { print f t }')"

	hide "$type"
	check_same "login_with_a_certificate_of_$type" in "$(with "$type")"
	check_denied "no_login_without_it_$type" "$type" a
	as_self ssh-add -q -d "$T/$type" 2>/dev/null
	check_same "ssh_add_removes_both_of_$type" '' "$(listed)"
	check_has "no_login_afterwards_$type" "$(with "$type")" \
	    'Permission denied (publickey).'
	show "$type"

	as_self ssh-add -q -k "$T/$type"
	check_same "plain_key_alone_$type" "$(public "$type")" "$(listed)"
	as_self ssh-add -q "$T/$type" 2>/dev/null
	check_same "certificate_comes_second_$type" \
	    "$(public "$type" "$type-cert")" "$(listed)"
	as_self ssh-add -q -k -d "$T/$type" 2>/dev/null
	check_same "certificate_stays_alone_$type" "$(public "$type-cert")" \
	    "$(listed)"
	hide "$type"
	check_same "which_is_enough_$type" in "$(alone a)"
	show "$type"
	as_self ssh-add -q -D
done

# RSA, in both of the algorithms that are in use.
as_self ssh-add -q "$T/rsa2048" 2>/dev/null
as_self ssh-add -q -k -d "$T/rsa2048" 2>/dev/null
hide rsa2048
for hash in rsa-sha2-256 rsa-sha2-512; do
	check_same "login_with_$hash" in "$(alone a \
	    -o "PubkeyAcceptedAlgorithms=$hash-cert-v01@openssh.com")"
done
show rsa2048
as_self ssh-add -q -D

# One whose time is over, one whose time has not come, one for a host; each is
# another entry of the same key.
for name in over early host; do
	twin ed25519 "$name"
done
certify over ca_ed25519 -V 20200101:20210101
certify early ca_ed25519 -V 20900101:20910101
certify host ca_ed25519 -h
for name in ed25519 over early host; do
	as_self ssh-add -q "$T/$name" 2>/dev/null
done
check_same all_certificates_of_one_key \
    "$(public ed25519 ed25519-cert over-cert early-cert host-cert)" "$(listed)"
for name in over early; do
	hide "$name"
	check_has "the_server_minds_that_it_is_$name" "$(with "$name")" \
	    'Permission denied (publickey).'
	check "the_agent_does_not_mind_that_it_is_$name" as_self \
	    ssh-keygen -q -Y sign -n x -f "$T/$name-cert.pub" </dev/null
	show "$name"
done
as_self ssh-add -q -d "$T/over-cert.pub" 2>/dev/null
check_same one_certificate_is_removed \
    "$(public ed25519 ed25519-cert early-cert host-cert)" "$(listed)"
as_self ssh-add -q -D

# Limits are for both.
as_self ssh-add -q -H "$T/known_hosts" -h b.test "$T/ed25519" 2>/dev/null
as_self ssh-add -q -k -d "$T/ed25519" 2>/dev/null
hide ed25519
check_has a_certificate_has_destinations "$(alone a)" \
    'Permission denied (publickey).'
check_same and_logs_in_there in "$(alone b)"
show ed25519
as_self ssh-add -q -t 6 "$T/ed25519" 2>/dev/null
check_same both_are_there_for_a_time "$(public ed25519 ed25519-cert)" \
    "$(listed)"
check both_are_gone_then wait_for 30 \
    bash -c "! SSH_AUTH_SOCK='$S' ssh-add -L"

# One that its CA did not sign.  ssh-add would say so itself, so that it is
# damaged on the way.
cat >"$T/between.pl" <<'EOS'
# between.pl LISTEN AGENT CERT AT: pass on requests and replies, with one byte
# changed wherever that certificate comes by: AT bytes from its end; 0: none.
use strict;
use warnings;
use IO::Socket::UNIX;
use MIME::Base64;

my ($listen, $agent, $file, $at) = @ARGV;
open(my $f, '<', $file) or die "$file: $!";
my $good = decode_base64((split ' ', <$f>)[1]);
my $bad = $good;
substr($bad, -$at, 1) ^= "\x01" if $at > 0;

# frame FROM: a whole one, or nothing at the end.
sub frame {
	my ($from) = @_;
	my $bytes = '';
	my $want = 4;

	while (length $bytes < $want) {
		sysread($from, $bytes, $want - length $bytes, length $bytes) or
		    return;
		$want = 4 + unpack('N', $bytes) if length $bytes == 4;
	}
	return $bytes;
}

my $l = IO::Socket::UNIX->new(Local => $listen, Listen => 1) or die;
print "\n";
close STDOUT;
my $client = $l->accept or die;
my $server = IO::Socket::UNIX->new(Peer => $agent) or die;
while (defined(my $request = frame($client))) {
	my $i = index($request, $good);

	substr($request, $i, length $good) = $bad if $i >= 0;
	syswrite($server, $request);
	syswrite($client, frame($server) // last);
}
EOS

# add_damaged NAME AT: ssh-add NAME, and this happens to its certificate.
add_damaged() {
	rm -f "$T/between" "$T/between.ready"
	mkfifo "$T/between.ready"
	perl "$T/between.pl" "$T/between" "$S" "$T/$1-cert.pub" "$2" \
	    >"$T/between.ready" &
	at_exit end_process $!
	read -r -t 30 <"$T/between.ready"
	SSH_AUTH_SOCK=$T/between timeout 20 ssh-add "$T/$1" 2>&1 </dev/null
}

for type in "${types[@]}"; do
	length=$(cut -d ' ' -f 2 "$T/$type-cert.pub" | base64 -d | wc -c)
	check_has "unharmed_on_the_same_way_$type" "$(add_damaged "$type" 0)" \
	    'Certificate added'
	check_same "both_are_there_$type" "$(public "$type" "$type-cert")" \
	    "$(listed)"
	as_self ssh-add -q -D
	# At the end of its signature, before that, and near its beginning.
	for at in 1 100 $((length - 60)); do
		check_has "damaged_at_${at}_$type" \
		    "$(add_damaged "$type" "$at" || true)" \
		    'agent refused operation'
		check_same "the_key_is_there_alone_${at}_$type" \
		    "$(public "$type")" "$(listed)"
		as_self ssh-add -q -D
	done
done

# Commits, verified by who knows only the CA.
repo=$T/repo
git init -q -b main "$repo"
git -C "$repo" config gpg.format ssh
git -C "$repo" config gpg.ssh.allowedSignersFile "$T/signers"
printf 'text\n' >"$T/text"
for type in "${types[@]}"; do
	as_self ssh-add -q "$T/$type" 2>/dev/null
	hide "$type"
	printf 'tester@test.example cert-authority %s\n' \
	    "$(cut -d ' ' -f 1-2 "$T/${ca_of[$type]}.pub")" >"$T/signers"
	git -C "$repo" config user.signingkey "$T/$type-cert.pub"
	check "git_commit_with_$type" as_self \
	    git -C "$repo" commit -q -S --allow-empty -m "$type"
	check "git_verify_commit_$type" git -C "$repo" verify-commit HEAD
	# Without the certificate the signature is by nobody that is known.
	git -C "$repo" config user.signingkey "$T/$type.pub"
	check "git_commit_with_the_plain_key_$type" as_self \
	    git -C "$repo" commit -q -S --allow-empty -m "$type"
	check_refused "git_does_not_verify_that_$type" \
	    git -C "$repo" verify-commit HEAD
	show "$type"
done
scenario_end
