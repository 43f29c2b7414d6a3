#!/bin/bash
# What a key signs that came by ssh-add, where nobody said what it is for: in
# ssh-agent's place anything; in a service logins and commits and nothing else;
# one with destinations logins alone, wherever it is.
# shellcheck source=tests/support/scenario.sh
. "$(dirname "$0")/../support/scenario.sh"
# shellcheck source=tests/support/sshd.sh
. "$support/sshd.sh"

sshd_ready
make_key ed25519 host_a
sshd_host a
sshd_known a
types=(ed25519 rsa2048 ecdsa256 ecdsa521)
mkdir -m 700 "$T/safe"
for type in "${types[@]}"; do
	make_key "$type"
	mv "$T/$type" "$T/safe/"
	cat "$T/$type.pub" >>"$T/authorized"
done
make_key ed25519 subject

# signs_for NAMESPACE KEY
signs_for() {
	as_self ssh-keygen -q -Y sign -n "$1" -f "$T/$2.pub" </dev/null \
	    >/dev/null
}

# certifies KEY: as a CA; what it signs is neither a login nor an SSHSIG.
certifies() {
	rm -f "$T/subject-cert.pub"
	as_self ssh-keygen -q -U -s "$T/$1.pub" -I id -n name "$T/subject.pub"
}

# Names that are those of purposes elsewhere mean nothing here.
others=(file auth any 'x@test.example')

agent_start
for type in "${types[@]}"; do
	as_self ssh-add -q "$T/safe/$type"
	check_logs_in "logs_in_$type" "$type" a
	for namespace in git "${others[@]}"; do
		check "signs_for_${namespace}_$type" \
		    signs_for "$namespace" "$type"
	done
	check "certifies_$type" certifies "$type"
	as_self ssh-add -q -H "$T/known_hosts" -h a.test "$T/safe/$type"
	check_logs_in "with_destinations_logs_in_$type" "$type" a
	for namespace in git "${others[@]}"; do
		check_refused "with_destinations_not_for_${namespace}_$type" \
		    signs_for "$namespace" "$type"
	done
	check_refused "with_destinations_does_not_certify_$type" \
	    certifies "$type"
done
agent_stop

agent_start --public --allow "$other_uid=list,sign"
for type in "${types[@]}"; do
	as_self ssh-add -q "$T/safe/$type"
	check_logs_in "of_a_service_logs_in_$type" "$type" a
	check "of_a_service_signs_commits_$type" git_signs as_self "$type"
	check "also_for_its_user_$type" git_signs as_other "$type"
	for namespace in "${others[@]}"; do
		check_refused "of_a_service_not_for_${namespace}_$type" \
		    signs_for "$namespace" "$type"
	done
	check_refused "of_a_service_does_not_certify_$type" certifies "$type"
	as_self ssh-add -q -H "$T/known_hosts" -h a.test "$T/safe/$type"
	check_logs_in "of_a_service_with_destinations_$type" "$type" a
	check_refused "of_a_service_with_them_no_commits_$type" \
	    git_signs as_self "$type"
done
scenario_end
