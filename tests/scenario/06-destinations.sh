#!/bin/bash
# Keys that are for some hosts only (ssh-add -h), with OpenSSH's own clients and
# servers: on the way that they are for they log in, everywhere else they are
# not even listed, and nobody over there can take them away or put them back
# without their limits.  Once in ssh-agent's place, then the main way again for
# another user of a service, with what a service refuses to far hosts besides.
# shellcheck source=tests/support/scenario.sh
. "$(dirname "$0")/../support/scenario.sh"
# shellcheck source=tests/support/sshd.sh
. "$support/sshd.sh"

sshd_ready
make_key ed25519 host_a
make_key ecdsa256 host_b
make_key rsa2048 host_c
for host in a b c; do
	sshd_host "$host"
	sshd_known "$host"
done
# Those with limits, of a type each, and one without, to get about.  No program
# finds a private half beside the public one.
limited=(ed25519 ecdsa384 rsa2048)
mkdir "$T/safe"
for key in "${limited[@]}" free; do
	make_key "${key/free/ed25519}" "$key"
	mv "$T/$key" "$T/safe/"
	cat "$T/$key.pub" >>"$T/authorized"
done

# add_for KEY PAIR...: put it in, for these pairs of hosts only.
add_for() {
	local key=$1 pair args=()

	shift
	for pair; do
		args+=(-h "$pair")
	done
	as_self ssh-add -q -H "$T/known_hosts" "${args[@]}" "$T/safe/$key"
}

agent_start
as_self ssh-add -q "$T/safe/free"
for key in "${limited[@]}"; do
	add_for "$key" a.test 'a.test>b.test'
done

# The way that they are for, by each type of key.
for key in "${limited[@]}"; do
	check_logs_in "${key}_to_a" "$key" a
	check_logs_in "${key}_to_b_by_a" "$key" 'a b'
	check_denied "${key}_to_b_directly" "$key" b
	check_denied "${key}_to_c_directly" "$key" c
	check_denied "${key}_to_c_by_a" "$key" 'a c'
	check_denied "${key}_to_c_by_a_and_b" "$key" 'a b c'
	check_denied "${key}_back_to_a_by_a" "$key" 'a a'
done
check_logs_in the_key_without_limits_goes_on free 'a b c'
check_same here_all_are_listed "$(public "${limited[@]}" free)" "$(listed)"
check_same at_a_all_are_listed 'ecdsa384 ed25519 free rsa2048 ' "$(seen_at a)"
# At b there is nowhere to go from; at c and on other ways they were never for.
for way in b c 'a b' 'a c' 'b a' 'a b c'; do
	check_same "at_the_end_of_${way// /_}_only_one_is_listed" 'free ' \
	    "$(seen_at "$way")"
done

# Three hops, and a pair without its beginning.
add_for ed25519 a.test 'a.test>b.test' 'b.test>c.test'
check_logs_in three_hops ed25519 'a b c'
check_same listed_at_the_second_of_three 'ed25519 free ' "$(seen_at 'a b')"
check_same not_listed_at_the_last_of_three 'free ' "$(seen_at 'a b c')"
check_denied the_third_hop_from_elsewhere ed25519 b
check_denied the_third_hop_without_the_second ed25519 'a c'
add_for ed25519 'a.test>b.test'
check_denied the_first_hop_was_not_given ed25519 a
check_same not_listed_beyond_a_hop_that_was_not_given \
    'ecdsa384 free rsa2048 ' "$(seen_at a)"

# Users, by name and by pattern.
me=$(id -un)
for pattern in "$me" "?${me:1}" '*'; do
	add_for ed25519 a.test "a.test>$pattern@b.test"
	check_logs_in "to_b_as_$pattern" ed25519 'a b'
	check_denied "as_${pattern}_only_where_it_says" ed25519 b
done
add_for ed25519 a.test 'a.test>somebody@b.test'
check_denied another_user_of_b ed25519 'a b'
add_for ed25519 "$me@a.test" 'a.test>somebody*@b.test'
check_logs_in the_first_host_as_a_user ed25519 a
check_denied a_pattern_of_other_users_of_b ed25519 'a b'
add_for ed25519 'somebody@a.test'
check_denied another_user_of_a ed25519 a

# Nobody at the far end can do anything about a key that is not for there.
add_for ed25519 a.test
as_self ssh-add -q -d "$T/ecdsa384" "$T/rsa2048" 2>/dev/null
both=$(public ed25519 free)
check_same at_c_it_is_not_listed 'free ' "$(seen_at c)"
check_refused at_c_it_is_not_removed via free c "ssh-add -d $T/ed25519.pub"
check_refused at_c_it_is_not_replaced via free c "ssh-add $T/safe/ed25519"
check_refused at_c_it_is_not_given_a_time via free c \
    "ssh-add -t 9 $T/safe/ed25519"
# ssh-keygen finds it where it is listed, and it signs logins alone.
check_refused at_c_it_signs_nothing via free c \
    "ssh-keygen -Y sign -n git -f $T/ed25519.pub </dev/null"
check_refused nor_here git_signs as_self ed25519
check the_key_without_limits_signs via free c \
    "ssh-keygen -q -Y sign -n git -f $T/free.pub </dev/null"
check_same it_is_still_there "$both" "$(listed)"
check_denied with_its_limits ed25519 c
check_logs_in and_its_use ed25519 a
# One that is for there is another matter, as in ssh-agent.
check at_c_the_other_is_removed via free c "ssh-add -q -d $T/free.pub"
check_same then_it_is_alone "$(public ed25519)" "$(listed)"
check_refused a_pair_without_a_known_host add_for ed25519 nowhere.test
agent_stop

# Host certificates: the CA stands for the hosts that it names.
make_key ed25519 ca
make_key ecdsa256 other_ca
# certify HOST CA NAMES [OPTION...]: a host with a certificate.
certify() {
	local host=$1 ca=$2 names=$3

	shift 3
	make_key "${type:-ed25519}" "host_$host"
	ssh-keygen -q -s "$T/$ca" -I "$host" -h ${names:+-n "$names"} "$@" \
	    "$T/host_$host.pub"
	sshd_host "$host" "HostCertificate $T/host_$host-cert.pub"
	# What else than the certificate ssh could go by.
	sshd_known "$host"
}
type=rsa2048 certify d ca d.test
type=ecdsa256 certify e ca 'x.test,e*.test'
type=ed25519 certify f ca x.test
certify g ca g.test -V 20200101:20210101
certify h other_ca h.test
certify i ca ''
printf '@cert-authority *.test %s\n' "$(cut -d ' ' -f 1-2 "$T/ca.pub")" \
    >"$T/known_by_ca"
cat "$T/known_by_ca" >>"$T/known_hosts"

# add_by_ca KEY PAIR...
add_by_ca() {
	local key=$1 pair args=()

	shift
	for pair; do
		args+=(-h "$pair")
	done
	as_self ssh-add -q -H "$T/known_by_ca" "${args[@]}" "$T/safe/$key"
}

agent_start
as_self ssh-add -q "$T/safe/free"
add_by_ca ed25519 d.test 'd.test>e.test' f.test g.test h.test i.test a.test
check_logs_in to_a_host_with_a_certificate ed25519 d
check_logs_in and_from_there_to_another ed25519 'd e'
check_denied but_not_directly ed25519 e
check_same at_d_it_is_listed 'ed25519 free ' "$(seen_at d)"
check_same beyond_e_it_is_not 'free ' "$(seen_at 'd e')"
# ssh itself goes on with the plain keys of these, and logs in.
for row in f:another_name g:its_time_over h:another_ca i:no_name \
    a:no_certificate; do
	check_logs_in "without_limits_to_a_host_with_${row#*:}" free "${row%:*}"
	check_denied "never_to_a_host_with_${row#*:}" ed25519 "${row%:*}"
	check_same "not_listed_at_a_host_with_${row#*:}" 'free ' \
	    "$(seen_at "${row%:*}")"
done
agent_stop


# A service and another user of it.  sshd lets only root become others, so the
# first host is root's, and the user comes to it over two pipes.
mkfifo "$T/to_host" "$T/from_host"
as_other true
chown "$other_uid" "$T/to_host" "$T/from_host"
sed -i "s|ProxyCommand .*|ProxyCommand sh -c \
'cat $T/from_host \\& exec cat >$T/to_host'|" "$T/near"

near() {
	local key=$1

	shift
	/usr/sbin/sshd -i -f "$T/sshd_${*: -2:1}" <"$T/to_host" >"$T/from_host" \
	    2>/dev/null &
	at_exit end_process $!
	as_other ssh -F "$T/near" -o "IdentityAgent=$S" -i "$T/$key.pub" "$@"
}

# There: sign a commit; what changes the agent, as the user may do it here.
over_there=(
	"sign:ssh-keygen -q -Y sign -n git -f $T/free.pub </dev/null"
	"remove_one:ssh-add -d $T/free.pub"
	"remove_all:ssh-add -D"
	"add:ssh-add $T/safe/rsa2048"
	"replace:ssh-add $T/safe/free"
	"lock:SSH_ASKPASS=$T/askpass SSH_ASKPASS_REQUIRE=force DISPLAY=:0 \
ssh-add -x"
)
# Only the file; ssh-add runs it over there.
(askpass secret)

agent_start --public --allow "$other_uid=list,sign,add,remove,lock"
as_self ssh-add -q "$T/safe/free"
add_for ed25519 a.test 'a.test>b.test'
both=$(public ed25519 free)
check_same the_user_lists_both "$both" \
    "$(as_other ssh-add -L | cut -d ' ' -f 1-2 | sort)"
check_logs_in the_user_to_a ed25519 a
check_logs_in the_user_to_b_by_a ed25519 'a b'
check_denied the_user_to_b_directly ed25519 b
check_denied the_user_to_c_by_a ed25519 'a c'
check_denied the_user_to_c_by_a_and_b ed25519 'a b c'
check_same the_user_at_a_sees_both 'ed25519 free ' "$(seen_at a)"
for way in b c 'a b' 'a c' 'b a'; do
	check_same "the_user_at_the_end_of_${way// /_}_sees_one" 'free ' \
	    "$(seen_at "$way")"
done
check the_user_signs_commits_here git_signs as_other free
for row in "${over_there[@]}"; do
	check_refused "${row%%:*}_from_a" via free a "${row#*:}"
	check_refused "${row%%:*}_from_b" via free 'a b' "${row#*:}"
	check_same "nothing_changed_by_${row%%:*}" "$both" "$(listed)"
done
check_logs_in and_it_still_serves ed25519 'a b'
check the_user_removes_all_here as_other ssh-add -q -D
check_same then_nothing_is_left '' "$(listed)"
agent_stop

agent_start --public --allow "$other_uid=list,sign,add,remove,lock" \
    --forwarded=allow
as_self ssh-add -q "$T/safe/free"
for row in "${over_there[@]}"; do
	check "${row%%:*}_from_a_where_that_is_allowed" via free a "${row#*:}"
	as_self env SSH_ASKPASS="$T/askpass" SSH_ASKPASS_REQUIRE=force \
	    DISPLAY=:0 ssh-add -X 2>/dev/null || true
	as_self ssh-add -q "$T/safe/free"
done
# Limits of the keys stand all the same.
add_for ed25519 a.test 'a.test>b.test'
check_denied limits_stand_where_that_is_allowed ed25519 'a c'
check_refused and_it_signs_no_commit via free a \
    "ssh-keygen -q -Y sign -n git -f $T/ed25519.pub </dev/null"
scenario_end
