#!/bin/bash
# Keys that --load was given rules for sign what these allow, as often as they
# allow, and nothing else; so do their certificates.
# shellcheck source=tests/support/scenario.sh
. "$(dirname "$0")/../support/scenario.sh"
# shellcheck source=tests/support/sshd.sh
. "$(dirname "$0")/../support/sshd.sh"

sshd_ready
make_key ed25519 key
make_key rsa2048 other
make_key ed25519 ca
make_key ed25519 host_test
ssh-keygen -q -s "$T/ca" -I id -n "$(id -un)" "$T/key.pub"
# The private halves are not there for a client to fall back on.
mkdir "$T/public"
mv "$T/key.pub" "$T/key-cert.pub" "$T/other.pub" "$T/public/"
printf 'what is signed\n' >"$T/text"

sshd_host test "TrustedUserCAKeys $T/ca.pub" \
    "AuthorizedKeysFile $T/public/key.pub"
sshd_known test

# login [KEY]; without its certificate.
login() {
	cp "$T/public/${1:-key}.pub" "$T/plain.pub"
	near plain test true
}

login_by_certificate() {
	near public/key-cert test true
}

# sign NAMESPACE [KEY]
sign() {
	rm -f "$T/text.sig"
	as_self ssh-keygen -q -Y sign -n "$1" -f "$T/public/${2:-key}.pub" \
	    "$T/text"
}

# load [OPTION...]: the key, with rules; what it has left of before is gone.
load() {
	within 30 "$AGENT" --load -a "$S" "$@" <"$T/key" >/dev/null
}

# allows NAME WHAT...: of a login and three namespaces, exactly these.
allows() {
	local name=$1 allowed=" ${*:2} " what

	for what in login git file odd@test.example; do
		set -- sign "$what"
		[ "$what" != login ] || set -- login
		case $allowed in
		*" $what "*) check "${name}_allows_$what" "$@" ;;
		*) check_refused "${name}_refuses_$what" "$@" ;;
		esac
	done
}

agent_start --allow 0=admin
load
allows no_purpose_in_a_service login git
load --purpose git
allows purpose_git git
load --purpose auth
allows purpose_auth login
load --purpose auth,file,odd@test.example
allows several_purposes login file odd@test.example
load --purpose any
allows purpose_any login git file odd@test.example
# The name of a purpose is none of a namespace.
load --purpose auth
check_refused auth_is_no_namespace sign auth
# The next load says it anew, and so does ssh-add.
load
allows without_again login git

load --max-signatures 2
check first_of_two sign git
check second_of_two login
check_refused third_of_two sign git
check_refused and_no_login login
check_same but_it_is_listed "$(cut -d ' ' -f 1-2 "$T/public/key.pub")" \
    "$(listed)"
load --max-signatures 1
check a_new_load_counts_anew sign git
check_refused up_to_its_own_number sign git
load --purpose git --max-signatures 1
check_refused what_is_refused sign file
check does_not_count sign git
check_refused and_what_is_signed_does sign git

load --rate 2/1h
check first_of_the_hour sign git
check second_of_the_hour login
check_refused third_of_the_hour sign git
load --rate 1/2s
check first_of_two_seconds sign git
check_refused second_of_two_seconds sign git
check when_the_time_is_over wait_for 30 sign git
load --rate 100/1m --max-signatures 1 -t 1h
check all_rules_at_once sign git
check_refused each_of_them_holds sign git
check_has and_the_lifetime "$("$AGENT" --status --json -a "$S" |
    jq -c .keys)" '"lifetime_remaining_s":3'

# Every key of the text has them, and every certificate, each by itself.
as_self ssh-add -q -D
cat "$T/key" "$T/public/key-cert.pub" "$T/other" |
    within 30 "$AGENT" --load -a "$S" --max-signatures 1 --purpose auth,file \
    >/dev/null
check_refused rules_for_all_refuse sign git other
check rules_for_all_allow sign file other
check_refused rules_for_all_count sign file other
check the_plain_key_once login
check_refused and_not_again login
check the_certificate_once login_by_certificate
check_refused nor_the_certificate login_by_certificate

# What makes no sense is said before a key is read or an agent started.
agent_stop
bad() {
	local name=$1 part=$2 out status=0

	shift 2
	out=$(load "$@" 2>&1) || status=$?
	check_same "${name}_ends_with_2" 2 "$status"
	check_has "${name}_says_so" "$out" "$part"
	check_same "${name}_starts_nobody" no "$([ ! -e "$S" ] && echo no)"
}
bad bad_purpose '--purpose auth,git' --purpose 'auth, git'
bad bad_rate '--rate 5/1m' --rate 5
bad bad_number 'a number from 1' --max-signatures 0

# In ssh-agent mode a key without purposes signs what ssh-agent would.
agent_start
load
allows no_purpose_in_ssh_agent_mode login git file odd@test.example
load --purpose git
allows purpose_git_in_ssh_agent_mode git
scenario_end
