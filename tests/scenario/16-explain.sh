#!/bin/bash
# --explain: the last refusals, the last one first, alike ones in one line with
# their number, each with what to change; and that helps.  For root and admins,
# for people and as JSON; text of a peer writes nothing of its own.
# shellcheck source=tests/support/scenario.sh
. "$(dirname "$0")/../support/scenario.sh"
# shellcheck source=tests/support/sshd.sh
. "$support/sshd.sh"

sshd_ready
stranger_uid=65533
make_key ed25519 host_a
make_key ecdsa256 host_b
for host in a b; do
	sshd_host "$host"
	sshd_known "$host"
done
mkdir "$T/safe"
for key in deploy other free; do
	make_key ed25519 "$key"
	cat "$T/$key.pub" >>"$T/authorized"
	mv "$T/$key" "$T/safe/"
done

# as_stranger COMMAND...: a user whom no rule names.
as_stranger() {
	timeout 20 setpriv --reuid "$stranger_uid" --regid "$stranger_uid" \
	    --clear-groups env -C / SSH_AUTH_SOCK="$S" "$@"
}

# explain [OPTION]: what the agent says.
explain() {
	"$AGENT" --explain -a "$S" "$@"
}
# last N FIELD: of the JSON, the Nth last refusal.
last() {
	explain --json | jq -c ".refusals[$1]$2"
}

# A client that does not look where it may go: it takes the list that one gets
# who is bound nowhere, and asks for signatures with these.  With UNBOUND it
# does not say where it is either.
# shellcheck disable=SC2016
careless='
	use Socket;
	my ($here, $there) = @ARGV;
	$SIG{CHLD} = "IGNORE";
	sub to_agent {
		socket(my $s, AF_UNIX, SOCK_STREAM, 0) or die;
		connect($s, sockaddr_un($there)) or die;
		return $s;
	}
	sub get {
		my $s = shift;
		(read($s, my $head, 4) // 0) == 4 or exit 0;
		read $s, my $body, unpack "N", $head;
		return ($head . $body, ord $body);
	}
	socket(my $l, AF_UNIX, SOCK_STREAM, 0) or die;
	bind($l, sockaddr_un($here)) && listen($l, 5) or die;
	print "yes\n";
	close STDOUT;
	while (accept(my $c, $l)) {
		next if fork;
		my ($bound, $free) = (to_agent(), to_agent());
		while (1) {
			my ($request, $type) = get($c);
			my ($reply) = "\0\0\0\1\34";
			if ($type != 27 || !$ENV{UNBOUND}) {
				my $s = $type == 11 ? $free : $bound;
				syswrite $s, $request;
				($reply) = get($s);
			}
			syswrite $c, $reply;
		}
	}'
# careless NAME [UNBOUND]: such a one, at $T/NAME.
careless() {
	rm -f "$T/$1.ready"
	mkfifo "$T/$1.ready"
	UNBOUND=${2:-} perl -e "$careless" "$T/$1" "$S" >"$T/$1.ready" &
	at_exit end_process $!
	read -r -t 10 _ <"$T/$1.ready" || die "no $1 client"
}
# by NAME KEY HOST: a login through it.
by() {
	timeout 60 ssh -F "$T/near" -o "IdentityAgent=$T/$1" -i "$T/$2.pub" \
	    "$3" true
}

fingerprint() {
	ssh-keygen -l -f "$T/$1.pub" | cut -d ' ' -f 2
}

agent_start --public --allow "$other_uid=list,sign" --limit connections-uid=2
nothing='Nothing was refused since the agent started.'
check_same nothing_refused "$nothing" "$(explain)"
check_same nothing_refused_in_json '{"version":1,"refusals":[]}' \
    "$(explain --json | jq -c .)"
as_self ssh-add -q -H "$T/known_hosts" -h a.test "$T/safe/deploy"
as_self ssh-add -q -H "$T/known_hosts" -h b.test "$T/safe/other"
as_self ssh-add -q "$T/safe/free"
check_logs_in as_it_is_meant deploy a
check_same still_nothing_refused "$nothing" "$(explain)"

# Somewhere else.
careless careless
careless unbound yes
check the_careless_one_logs_in by careless deploy a
check_refused another_destination by careless deploy b
said=$(explain)
for part in 'the destinations do not lead to this host (destination)' \
    "key $(fingerprint deploy) deploy" "login as $(id -un)" \
    "bound to b.test $(fingerprint host_b)" \
    'rule destinations: destinations a.test'; do
	check_has "it_says_${part:0:20}" "${said%%$'\n'*}" "$part"
done
check_has and_what_to_do "$said" '
    what to do: add the key with this host among its destinations (ssh-add -h)'
check_same two_lines_are_all 2 "$(wc -l <<<"$said")"
check_same the_same_in_json "[\"sign\",\"denied\",\"destination\",1,\
\"$(fingerprint deploy)\",\"$(id -un)\",\"$(fingerprint host_b)\",\
\"b.test\",0]" "$(last 0 '.record | [.op, .verdict, .reason, .count,
	.key.fingerprint, .what.user, .bound.hostkey, .bound.host, .peer.uid]')"
check_has with_what_to_do "$(last 0 .remedy)" 'ssh-add -h'
as_self ssh-add -q -H "$T/known_hosts" -h a.test -h b.test "$T/safe/deploy"
check and_that_helps by careless deploy b
check_refused unbound_login by unbound deploy a
check_has unbound_is_said "$(explain)" \
    'sign denied: the connection is not bound (unbound), key '
check_same unbound_is_the_last '"unbound"' "$(last 0 .record.reason)"
check_has unbound_has_a_remedy "$(last 0 .remedy)" 'OpenSSH 8.9'
check_same the_other_is_before_it '"destination"' "$(last 1 .record.reason)"

# sign KEY NAMESPACE
sign() {
	as_other ssh-keygen -q -Y sign -n "$2" -f "$T/$1.pub" </dev/null
}
check_refused another_namespace sign free file
check_has the_namespace_is_said "$(explain | head -n 1)" ', SSHSIG for file '
check_has a_purpose_is_the_remedy "$(explain | sed -n 2p)" '--purpose'
check_same who_it_was "[$other_uid,\"purpose-namespace\",\"file\"]" \
    "$(last 0 '.record | [.peer.uid, .reason, .what.namespace]')"
"$AGENT" --load -a "$S" --purpose git,file <"$T/safe/free" >/dev/null
check and_that_helps_too sign free file
check_refused a_stranger as_stranger ssh-add -l
for command in --status --explain; do
	check_status "a_stranger_with$command" 3 as_stranger "$AGENT" \
	    "$command" -a "$S"
	check_has "is_told_what_helps_with$command" \
	    "$(as_stranger "$AGENT" "$command" -a "$S" 2>&1)" \
	    "lets uid $stranger_uid do nothing: run this as root, or give"
done
check_same a_stranger_is_not_named "[$stranger_uid,\"connect\",\"not-named\"]" \
    "$(last 0 '.record | [.peer.uid, .op, .reason]')"
check_has a_rule_is_the_remedy "$(explain | sed -n 2p)" '--allow PEER=OPS'

# Three connections of one who may have two.
# shellcheck disable=SC2016
hold='
	use Socket;
	my @held;
	$SIG{PIPE} = "IGNORE";
	for (1 .. 3) {
		socket(my $s, AF_UNIX, SOCK_STREAM, 0) or die;
		connect($s, sockaddr_un(shift // $ENV{SSH_AUTH_SOCK})) or die;
		syswrite $s, "\0\0\0\1\13";
		push @held, $s;
		sysread($s, my $byte, 1) or exit 3;
	}'
check_status the_third_connection_is_closed 3 as_other perl -e "$hold"
check_same a_limit_is_said "[$other_uid,\"limit-connections-uid\"]" \
    "$(last 0 '.record | [.peer.uid, .reason]')"
check_has the_limit_is_the_remedy "$(explain | sed -n 2p)" \
    'raise --limit connections-uid=N'

# An ordinary user is told nothing, and that is a refusal too.
check_status an_ordinary_user 3 as_other "$AGENT" --explain -a "$S"
check_status an_ordinary_user_and_json 3 as_other "$AGENT" --explain --json \
    -a "$S"
out=$(as_other "$AGENT" --explain -a "$S" 2>&1) || true
check_has he_is_told_what_it_needs "$out" 'needs admin'
check_lacks and_nothing_else "$out" deploy
check_same three_alike_are_one '["explain","policy",3]' \
    "$(last 0 '.record | [.op, .reason, .count]')"
check_has three_alike_are_one_line "$(explain | head -n 1)" '; 3 times'
check_same first_and_last_time true \
    "$(last 0 '| .first_ms <= (.record.time | sub("\\.[0-9]*"; "") |
	fromdate + 1) * 1000 and .first_ms > (now - 300) * 1000')"

# The order is that of the last time of each.
order=$(explain --json | jq -c '[.refusals[].record.reason]')
check_same the_last_is_first "[\"policy\",\"limit-connections-uid\",\
\"not-named\",\"purpose-namespace\",\"unbound\",\"destination\"]" "$order"
check_same the_same_order_for_people "$order" "$(explain |
    sed -n 's/^[^ ].* denied: [^(]* (\([a-z-]*\)).*/"\1"/p' | paste -sd , |
    sed 's/.*/[&]/')"
as_stranger ssh-add -l 2>/dev/null || true
check_same one_that_comes_again_is_first '["not-named",6]' \
    "$(last 0 '.record | [.reason, .count]')"
check_same and_is_there_once 6 "$(explain --json | jq '.refusals | length')"
# The same key elsewhere is another thing; for another user as well.
as_self ssh-add -q -H "$T/known_hosts" -h a.test "$T/safe/other"
check_refused other_is_for_a by careless other b
check_same another_key_is_another_line 2 "$(explain --json |
    jq '[.refusals[].record | select(.reason == "destination")] | length')"

# Text of a peer: a comment and a namespace.
evil=$'x\n2026-01-01\e[2J"\xe2\x80\xae\xff'
ssh-keygen -q -t ed25519 -N '' -C "$evil" -f "$T/safe/evil"
ssh-keygen -y -f "$T/safe/evil" | head -n 1 >"$T/evil.pub"
chmod 644 "$T/evil.pub"
as_self ssh-add -q "$T/safe/evil"
check_refused evil_namespace sign evil "$evil"
explain >"$T/said"
explain --json >"$T/said.json"
for file in said said.json; do
	check_status "no_control_character_in_$file" 1 \
	    grep -aqP '[\x00-\x09\x0b-\x1f\x7f]|\xe2\x80\xae|\xff' "$T/$file"
done
ours='20[^ ]*Z .*uid [0-9]+ .*(sign|connect|explain) denied: '
check_same each_line_is_one_of_ours "$(wc -l <"$T/said")" \
    "$(grep -cE "^($ours|    what to do: )" "$T/said")"
for what in "key $(ssh-keygen -l -f "$T/evil.pub" | cut -d ' ' -f 2)" \
    'SSHSIG for'; do
	check_has "it_is_escaped_after_${what:0:6}" "$(head -n 1 "$T/said")" \
	    "$what"' "x\x0a2026-01-01\x1b[2J\x22\xe2\x80\xae\xff"'
done
check_same json_has_what_was_said "\"x\\n2026-01-01\\u001b[2J\\\"\
"$'\xe2\x80\xae\xef\xbf\xbd"' "$(last 0 .record.what.namespace)"

# A lot of a kind is a line all the same, and hides no other one.
# shellcheck disable=SC2016
check_same a_flood_is_refused 5000 "$(as_other perl -e '
	use Socket;
	socket(my $s, AF_UNIX, SOCK_STREAM, 0) or die;
	connect($s, sockaddr_un($ENV{SSH_AUTH_SOCK})) or die;
	my $n = 0;
	for (1 .. 50) {
		syswrite $s, "\0\0\0\1\23" x 100;
		for (1 .. 100) {
			read $s, my $reply, 5;
			$n++ if $reply eq "\0\0\0\1\5";
		}
	}
	print "$n\n";')"
check_has it_is_one_line "$(explain | head -n 1)" '; 5000 times'
check_same and_the_others_are_there 9 \
    "$(explain --json | jq '.refusals | length')"
agent_stop

# Whom else it is for.
agent_start --public --allow "$other_uid=admin"
check an_admin_is_told as_other "$AGENT" --explain -a "$S"
check_same a_new_agent_knows_nothing "$nothing" "$(explain)"
agent_stop
agent_start
as_other ssh-add -l >/dev/null 2>&1 || true
check in_ssh_agents_place_too "$AGENT" --explain -a "$S"
agent_stop

check_status nobody_is_there 5 "$AGENT" --explain -a "$T/none"
check_status nobody_is_there_and_json 5 "$AGENT" --explain --json -a "$T/none"
check_status not_with_status 2 "$AGENT" --explain --status -a "$T/none"
check_status no_names 2 "$AGENT" --explain -a "$T/none" name
SSH_AUTH_SOCK='' ssh-agent -D -a "$T/theirs" >/dev/null &
agent_seen $!
# Its socket is there a moment before it listens.
theirs_answers() {
	local status=0

	SSH_AUTH_SOCK=$T/theirs ssh-add -l >/dev/null 2>&1 || status=$?
	[ "$status" -ne 2 ]
}
check theirs_is_there wait_for 30 theirs_answers
check_status theirs_knows_nothing_of_it 3 "$AGENT" --explain -a "$T/theirs"

# Somebody else answers, and says what a terminal would obey.
# shellcheck disable=SC2016
impostor='
	use Socket;
	sub str { pack "N/a", shift }
	my ($path, $line, $remedy) = @ARGV;
	socket(my $l, AF_UNIX, SOCK_STREAM, 0) or die;
	unlink $path;
	bind($l, sockaddr_un($path)) or die;
	listen($l, 5) or die;
	syswrite STDOUT, "ready\n";
	while (accept(my $s, $l)) {
		sysread $s, my $request, 1000;
		my $body = "\x1d" . str("explain\@bottle-agent") .
		    pack("NN", 1, 1) . str($line) . str($remedy) . "\0" x 8;
		syswrite $s, str($body);
	}'
for row in 'good|fine\x1b|do' 'line|\e[2J|do' 'remedy|fine|\e[2J' \
    'order|\xe2\x80\xae|do' 'nonsense|\xff|do' 'second_line|a\nb|do'; do
	IFS='|' read -r name line remedy <<<"$row"
	[ "$name" = good ] || line=$(printf '%b' "$line")
	remedy=$(printf '%b' "$remedy")
	coproc liar { exec perl -e "$impostor" "$T/impostor" "$line" \
	    "$remedy"; }
	# shellcheck disable=SC2154  # bash sets it
	impostor_pid=$liar_PID
	at_exit end_process "$impostor_pid"
	read -r -t 10 _ <&"${liar[0]}" || die 'no impostor'
	for form in '' --json; do
		status=0
		# shellcheck disable=SC2086
		out=$("$AGENT" --explain $form -a "$T/impostor" 2>/dev/null) ||
		    status=$?
		check_same "impostor_${name}_is_taken$form" \
		    "$([ "$name" = good ]; echo $?)" "$status"
		check_lacks "impostor_${name}_is_not_obeyed$form" "$out" $'\e'
	done
	end_process "$impostor_pid"
done
scenario_end
