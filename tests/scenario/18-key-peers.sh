#!/bin/bash
# Keys that --load was given peers for: these list them, sign with them and can
# remove them; for others they are not there, whatever they ask.  Admins have
# them all.
# shellcheck source=tests/support/scenario.sh
. "$(dirname "$0")/../support/scenario.sh"

need_root
IFS=: read -r user _ user_uid _ < <(grep -v '^root:' /etc/passwd)
IFS=: read -r group _ group_gid _ < <(grep -v '^root:' /etc/group)
for uid in 65531 65532 65533; do
	if getent passwd "$uid" >/dev/null; then
		skip_all "uid $uid has a name here"
	fi
done
A=$T/audit
keys=(by_name by_uid by_group by_group_name by_several for_all)
for key in "${keys[@]}" extra; do
	make_key ed25519 "$key"
done

# Who there is: uid, gid, supplementary groups.
named="$user_uid 60000 60000"
numbered='65533 60000 60000'
member='65532 60000 65000,60001'
primary='65532 65000 60001'
of_named_group="65532 60000 $group_gid,60001"
nobody='65532 60000 60001'
admin='65531 60000 60000'

# as_peer PEER COMMAND...
as_peer() {
	local uid gid groups

	read -r uid gid groups <<<"$1"
	shift
	timeout 20 setpriv --reuid "$uid" --regid "$gid" --groups "$groups" \
	    env -C / SSH_AUTH_SOCK="$S" "$@"
}

# ask VERB KEY [NAMESPACE]: sign with a key or remove it, not looking at the
# list; the number of the reply.
# shellcheck disable=SC2016
ask='
	use MIME::Base64;
	use Socket;
	my ($verb, $blob, $ns) = @ARGV;
	sub str { pack("N", length $_[0]) . $_[0] }
	$blob = str(decode_base64($blob));
	my $frame = $verb eq "remove" ? "\22" . $blob : "\15" . $blob .
	    str("SSHSIG" . str($ns) . str("") . str("sha512") .
	    str("h" x 64)) . "\0\0\0\0";
	socket(my $s, AF_UNIX, SOCK_STREAM, 0) or die;
	connect($s, sockaddr_un($ENV{SSH_AUTH_SOCK})) or die;
	syswrite $s, str($frame);
	read($s, my $head, 4) == 4 or die "closed\n";
	read $s, my $body, unpack "N", $head;
	print ord($body), "\n";'
ask() {
	local peer=$1 verb=$2 key=$3

	as_peer "$peer" perl -e "$ask" "$verb" \
	    "$(cut -d ' ' -f 2 "$T/$key.pub")" "${4:-git}"
}

# load KEY [OPTION...]: under its own name, so that it replaces no other one.
load() {
	local key=$1

	shift
	timeout 30 "$AGENT" --load -a "$S" --name "$key" "$@" <"$T/$key" \
	    >/dev/null
}

# sees PEER: the keys that are listed for it.
sees() {
	as_peer "$1" ssh-add -L 2>/dev/null | grep -v '^The agent has no' |
	    cut -d ' ' -f 3 | sort | paste -sd ' '
}

# has NAME PEER KEY...: exactly these are there for it, to list and to sign.
has() {
	local name=$1 peer=$2 key wanted

	shift 2
	check_same "${name}_sees" \
	    "$(printf '%s\n' "$@" | sort | paste -sd ' ')" "$(sees "$peer")"
	for key in "${keys[@]}"; do
		wanted=5
		case " $* " in
		*" $key "*) wanted=14 ;;
		esac
		check_same "${name}_signs_with_$key" "$wanted" \
		    "$(ask "$peer" sign "$key")"
	done
}

ops=list,sign,remove
serve() {
	rm -f "$A"
	agent_start --public --allow "$user=$ops" --allow "65533=$ops,add" \
	    --allow "65532=$ops" --allow 65531=admin --audit "$A"
}

serve
load by_name --peers "$user"
load by_uid --peers 65533
load by_group --peers @65000
load by_group_name --peers "@$group"
load by_several --peers "$user,@65000,65530"
load for_all
has named "$named" by_name by_several for_all
has numbered "$numbered" by_uid for_all
has member "$member" by_group by_several for_all
has primary "$primary" by_group by_several for_all
has of_named_group "$of_named_group" by_group_name for_all
has nobody "$nobody" for_all
has admin "$admin" "${keys[@]}"
has root '0 0 0' "${keys[@]}"
# A group's number is nobody's uid, and a peer of a key that no rule names is
# served nothing.
check_refused a_peer_that_no_rule_names as_peer '65530 60000 60000' ssh-add -l

# What is not there for a peer is no other answer than what is not there at all.
check_same a_key_that_nobody_has 5 "$(ask "$nobody" sign extra)"
check_same removing_it 5 "$(ask "$nobody" remove extra)"
check_same removing_what_is_anothers 5 "$(ask "$nobody" remove by_uid)"
check_same it_is_there_after_that 14 "$(ask "$numbered" sign by_uid)"
install -m 600 -o 65533 "$T/by_name" "$T/copy"
check_status adding_what_is_anothers 1 as_peer "$numbered" ssh-add -q "$T/copy"
check_same it_is_still_only_his 5 "$(ask "$numbered" sign by_name)"
check_same and_his_it_is 14 "$(ask "$named" sign by_name)"

# The rules are shown.
status() {
	"$AGENT" --status -a "$S" "$@"
}
for row in "by_name:peers $user_uid" by_uid:'peers 65533' \
    by_group:'peers @65000' "by_group_name:peers @$group_gid" \
    "by_several:peers $user_uid,@65000,65530" for_all:; do
	check_same "status_of_${row%%:*}" "${row#*:}" "$(status --json |
	    jq -r ".keys[] | select(.comment == \"${row%%:*}\") | .rules")"
done
check_has status_for_people "$(status)" '; peers @65000)'

# Removing takes what is there for who asks, one or all.
check_same he_removes_his_own 6 "$(ask "$numbered" remove by_uid)"
load by_uid --peers 65533
check a_peer_removes_all as_peer "$numbered" ssh-add -q -D
check_same nothing_is_left_for_him '' "$(sees "$numbered")"
check_same the_others_have_theirs 'by_group by_several' "$(sees "$member")"
check_same and_so_on 'by_name by_several' "$(sees "$named")"
check an_admin_removes_all as_peer "$admin" ssh-add -q -D
check_same then_there_is_none 0 "$(status --json | jq .keys_total)"

# A load under the same name says it anew.
load extra --peers 65533
check_same for_the_one extra "$(sees "$numbered")"
load extra --peers "$user"
check_same not_any_more '' "$(sees "$numbered")"
check_same for_the_other extra "$(sees "$named")"

# refused NAME STATUS PART LIST: nothing is loaded, and it is said why; the
# text has a good key after it.
refused() {
	local out status=0

	out=$(cat "$T/by_name" "$T/by_uid" | timeout 30 "$AGENT" --load \
	    -a "$S" --name "$1" --peers "$4" 2>&1) || status=$?
	check_same "${1}_is_refused" "$2" "$status"
	check_has "${1}_is_said" "$out" "$3"
	check_same "${1}_loads_nothing" extra "$(status --json |
	    jq -r '.keys[].comment' | paste -sd ' ')"
}
refused unknown_user 1 'does not exist here: there is no user "nobody-here"' \
    nobody-here
refused unknown_group 1 \
    'does not exist here: there is no group "nobody-here"' @nobody-here
refused one_of_several 1 'no user "nobody-there": create it first' \
    "65533,nobody-there,$user,nobody-here"
refused a_number_for_nobody 1 'that number means none' 65533,4294967295
refused text_the_wrong_way_round 1 'no user "\\xe2\\x80\\xae"' \
    $'65533,\xe2\x80\xae'
refused empty 2 '--peers' ''
refused empty_word 2 '--peers' '65533,,65532'
refused a_blank 2 '--peers' '65533, 65532'
refused too_many 2 'at most 32' "$(seq -s , 33)"
load by_uid --peers "$(seq -s , 2 32),65533"
check_same thirty_two_are_not_too_many by_uid "$(sees "$numbered")"

# With other rules: each of them holds.
load by_uid --peers 65533 --purpose git --max-signatures 2
check_same not_for_another_purpose 5 "$(ask "$numbered" sign by_uid file)"
check_same for_its_purpose 14 "$(ask "$numbered" sign by_uid git)"
for n in 1 2 3; do
	check_same "not_by_another_$n" 5 "$(ask "$named" sign by_uid git)"
done
check_same what_others_ask_does_not_count 14 \
    "$(ask "$numbered" sign by_uid git)"
check_same but_its_own_does 5 "$(ask "$numbered" sign by_uid git)"
check_same all_rules_are_shown \
    'purposes git; peers 65533; 0 signatures left' "$(status --json |
	jq -r '.keys[] | select(.comment == "by_uid") | .rules')"
load by_uid --peers 65533 --purpose auth -t 1h
check_same a_login_key_signs_no_commit 5 "$(ask "$numbered" sign by_uid git)"
check_same and_is_listed by_uid "$(sees "$numbered")"
agent_stop

# Why: the log names the rule, for each of those who asked.
check_same why_no_signature '["not-visible","peers"]' "$(jq -c '
    select(.op == "sign" and .peer.uid == 65532 and
	.key.comment == "by_uid") | [.reason, .rule]' "$A" | sort -u)"
check_same why_no_removal '["not-visible"]' "$(jq -c 'select(.op == "remove" and
    .peer.uid == 65532 and .reason != "no-such-key") | [.reason]' "$A")"
check_same why_no_adding '["not-visible"]' "$(jq -c 'select(.op == "add" and
    .verdict == "denied") | [.reason]' "$A")"

# In an agent that the load itself starts as well.
timeout 30 "$AGENT" --load -a "$S" --public --allow "$user=list" \
    --allow 65533=list --peers 65533 <"$T/by_uid" >/dev/null
agent_seen "$(agent_of "$S")"
check_same by_an_agent_of_its_own by_uid "$(sees "$numbered")"
check_same not_for_another_there '' "$(sees "$named")"
kill "$(agent_of "$S")"
scenario_end
