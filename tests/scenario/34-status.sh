#!/bin/bash
# --status answers root and the agent's own user, for people and as JSON whose
# version says what is in it; others are told no, and so is one whom nobody
# answers.
# shellcheck source=tests/support/scenario.sh
. "$(dirname "$0")/../support/scenario.sh"

make_key ed25519
make_key rsa2048
agent_start --public --allow 65534=list,sign
as_self ssh-add -q -t 1h "$T/ed25519"
as_self ssh-add -q "$T/rsa2048"
git_signs as_self ed25519

out=$("$AGENT" --status -a "$S")
for part in "$S" 'service mode' "pid $agent_pid" 65534=list,sign \
    "$(ssh-keygen -l -f "$T/rsa2048.pub" | cut -d ' ' -f 2)"; do
	check_has "status_says_${part:0:12}" "$out" "$part"
done

out=$("$AGENT" --status --json -a "$S")
# is NAME FILTER: the filter is true of the JSON.
is() {
	check "json_$1" jq -e "$2" <(printf '%s' "$out")
}
is is_an_object 'type == "object"'
is has_its_version '.version == 1'
is has_the_pid ".pid == $agent_pid"
is has_both_keys '.keys | length == 2'
is counts_signatures '.keys[0].signatures == 1 or .keys[1].signatures == 1'
is knows_when_they_were_used '[.keys[].last_used_ago_s] |
    any(. != null and . < 60) and any(. == null)'
is knows_what_is_left '[.keys[].lifetime_remaining_s] |
    any(. != null and . > 3500 and . <= 3600) and any(. == null)'
check_lacks json_has_no_private_bytes "$out" "$(sed -n 4p "$T/ed25519")"
check_has people_are_told_when "$("$AGENT" --status -a "$S")" \
    '1 signature, last used '

# An older agent ends its answer where the keys end: as this one does, which
# hands on what ours says, but for that.
cat >"$T/older" <<'EOS'
use strict;
use IO::Socket::UNIX;

sub whole {
	my ($in, $n) = @_;
	my $got = '';
	while (length($got) < $n) {
		read($in, $got, $n - length($got), length($got)) or return;
	}
	return $got;
}
my ($from, $to, $keys) = @ARGV;
my $server = IO::Socket::UNIX->new(Local => $to, Listen => 5) or die;
open(my $ready, '>', "$to.ready") or die;
close($ready);
while (my $c = $server->accept) {
	my $agent = IO::Socket::UNIX->new(Peer => $from) or die;
	my $head = whole($c, 4) // next;
	print $agent $head, whole($c, unpack('N', $head));
	$agent->flush;
	my $body = whole($agent, unpack('N', whole($agent, 4)));
	substr($body, -(4 + 4 * $keys)) = '';
	print $c pack('N', length($body)), $body;
	close($c);
}
EOS
perl "$T/older" "$S" "$T/older.sock" 2 &
older=$!
agent_seen "$older"
check an_older_agent_is_there wait_for 30 test -e "$T/older.sock.ready"
out=$("$AGENT" --status --json -a "$T/older.sock")
is of_an_older_agent_has_both_keys '.keys | length == 2'
is of_an_older_agent_does_not_say_when \
    'all(.keys[]; has("last_used_ago_s") | not)'
check_lacks nor_are_people_told "$("$AGENT" --status -a "$T/older.sock")" used
kill "$older"
wait "$older" 2>/dev/null || true

# What only people are told in words.
as_self ssh-add -q -c "$T/rsa2048"
check_has a_key_that_is_confirmed "$("$AGENT" --status -a "$S")" \
    ', needs confirmation'
agent_stop
echo '65534=list,sign' >"$T/policy"
agent_start --public --policy "$T/policy"
check_has where_the_rules_are "$("$AGENT" --status -a "$S")" \
    "policy: $T/policy"$'\n'
echo nonsense >"$T/policy"
kill -HUP "$agent_pid"
not_used() {
	"$AGENT" --status -a "$S" |
	    grep -q 'policy: .*, NOT USED since the last SIGHUP'
}
check rules_that_are_not_used wait_for 30 not_used

check_status nobody_serves 5 "$AGENT" --status -a "$T/none"
check_status nobody_serves_and_json 5 "$AGENT" --status --json -a "$T/none"
check_status json_without_status 2 "$AGENT" --json -a "$T/none"
if [ "$(id -u)" -eq 0 ]; then
	check_status a_user_is_told_no 3 as_other "$AGENT" --status -a "$S"
fi
agent_stop

check_status ready_fd_that_is_not_open 2 timeout 20 "$AGENT" -D -a "$S" \
    --ready-fd 77
scenario_end
