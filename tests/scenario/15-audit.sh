#!/bin/bash
# The audit log: each decision is in it once, as docs/AUDIT.md says, whoever
# made it and whatever it was about; in a file that is ours alone, on stderr and
# in syslog, over a rotation and a full disk; a flood is summed, nobody writes
# lines of his own, and no secret is in it.
# shellcheck source=tests/support/scenario.sh
. "$(dirname "$0")/../support/scenario.sh"
# shellcheck source=tests/support/sshd.sh
. "$support/sshd.sh"

sshd_ready
A=$T/audit
stranger_uid=65533
make_key ed25519 host_a
sshd_host a
sshd_known a
# Private halves out of the way of programs that look beside the public one.
mkdir "$T/safe"
for key in ed25519 rsa2048 limited; do
	make_key "${key/limited/ed25519}" "$key"
	cat "$T/$key.pub" >>"$T/authorized"
	mv "$T/$key" "$T/safe/"
done

# raw SOCKET HEX...: send these requests on one connection; its process is
# called $NAME and its uid is $SENDER when it sends.  For each the number of the
# reply, or "closed".
# shellcheck disable=SC2016
raw='
	use Socket;
	use POSIX;
	$| = 1;
	$SIG{PIPE} = "IGNORE";
	$0 = $ENV{NAME} if defined $ENV{NAME};
	print "$$\n" if $ENV{PID};
	socket(my $s, AF_UNIX, SOCK_STREAM, 0) or die;
	connect($s, sockaddr_un(shift)) or die;
	setuid($ENV{SENDER}) if defined $ENV{SENDER};
	for (@ARGV) {
		my ($head, $body) = ("", "");
		my $frame = pack "H*", $_;
		syswrite $s, pack("N", length $frame) . $frame;
		if ((read($s, $head, 4) // 0) < 4) {
			print "closed\n";
			last;
		}
		read $s, $body, unpack "N", $head;
		print ord($body), "\n";
	}'

# extension NAME: the request in hexadecimal.
extension() {
	printf '1b%08x%s' "${#1}" \
	    "$(printf '%s' "$1" | od -An -tx1 | tr -d ' \n')"
}

# as_stranger COMMAND...: a user whom no rule names.
as_stranger() {
	within 20 setpriv --reuid "$stranger_uid" --regid "$stranger_uid" \
	    --clear-groups env -C / SSH_AUTH_SOCK="$S" "$@"
}

# sha256_of FILE: as ssh-keygen shows it.
sha256_of() {
	ssh-keygen -l -f "$1" | cut -d ' ' -f 2
}

# record NAME FILTER: there is a record of which that is true.
record() {
	check "$1" jq -en "first(inputs | select($2)) | true" "$A"
}

# log_is_whole NAME [FILE...]: each line is one object of JSON by itself and in
# UTF-8, with every member; seq is from 1 without a gap.
# shellcheck disable=SC2016
whole='
	use JSON::PP;
	my $json = JSON::PP->new->utf8;
	my @all = qw(version seq time count op verdict reason text rule detail
	    peer claims connection key what bound);
	my %of = (peer => [qw(uid gid)], claims => [qw(pid comm)],
	    key => [qw(fingerprint comment)],
	    bound => [qw(hostkey host binds forwarding)]);
	my %what = (login => [qw(kind user)], other => [qw(kind)],
	    sshsig => [qw(kind namespace hash_algorithm hash)]);
	my $next = 1;
	sub has {
		my ($r, @names) = @_;
		exists $r->{$_} or die "line $.: no $_\n" for @names;
	}
	while (<>) {
		chomp or die "line $.: has no end\n";
		/[\0-\x1f\x7f]/ and die "line $.: a control character\n";
		my $r = eval { $json->decode($_) } or die "line $.: $@";
		has $r, @all;
		for my $name (keys %of) {
			has $r->{$name}, @{$of{$name}} if defined $r->{$name};
		}
		has $r->{what}, @{$what{$r->{what}{kind}}}
		    if defined $r->{what};
		$r->{version} == 1 or die "line $.: version\n";
		$r->{time} =~ /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/ or
		    die "line $.: time\n";
		($r->{verdict} eq "denied") == defined $r->{reason} or
		    die "line $.: verdict and reason\n";
		$r->{seq} == $next++ or die "line $.: seq $r->{seq}\n";
	}
	$next > 1 or die "nothing in it\n";'
log_is_whole() {
	local name=$1

	shift
	check "$name" perl -e "$whole" "${@:-$A}"
}

serve() {
	agent_start --public --allow "$other_uid=list,sign" --audit "$A" "$@"
}

# --- the story of an agent ---------------------------------------------------

check_refused format_that_is_none "$AGENT" -D -a "$S" --audit "$A" \
    --audit-format xml
check_refused format_without_audit "$AGENT" -D -a "$S" --audit-format json
serve
as_self ssh-add -q "$T/safe/ed25519" "$T/safe/rsa2048"
as_self ssh-add -q -H "$T/known_hosts" -h "$(id -un)@a.test" "$T/safe/limited"
as_other ssh-add -l >/dev/null
printf 'what is signed\n' >"$T/text"
chmod 644 "$T/text"
for hash in sha512 sha256; do
	as_other ssh-keygen -q -Y sign -n git -O "hashalg=$hash" \
	    -f "$T/ed25519.pub" <"$T/text" >/dev/null
done
as_other ssh-keygen -q -Y sign -n git -f "$T/rsa2048.pub" <"$T/text" >/dev/null
as_other ssh-keygen -q -Y sign -n file -f "$T/ed25519.pub" <"$T/text" \
    >/dev/null 2>&1 || true
git_signs as_self limited 2>/dev/null || true
check_logs_in a_login limited a
check_refused a_login_as_another near limited -l daemon a true
# from_afar COMMAND: how it ends there; ssh that fails says nothing of it.
from_afar() {
	via ed25519 a "{ $1; } >/dev/null 2>&1; echo ended with \$?" </dev/null
}
check_same a_change_from_afar 'ended with 1' "$(from_afar 'ssh-add -D')"
check_same a_signature_from_afar 'ended with 255' "$(from_afar \
    "ssh-keygen -q -Y sign -n git -f $T/ed25519.pub <$T/text")"
as_other ssh-add -D 2>/dev/null || true
as_other "$AGENT" --status -a "$S" >/dev/null 2>&1 || true
# Which is what the agent is called, too, unless another program runs both.
program=$(cat "/proc/$agent_pid/comm")
as_stranger ssh-add -l >/dev/null 2>&1 || true
"$AGENT" --status -a "$S" >/dev/null
"$AGENT" --explain -a "$S" >/dev/null
"$AGENT" --load -a "$S" <"$T/safe/rsa2048" >/dev/null
askpass right-horse
as_self ssh-add -x 2>/dev/null
as_self ssh-add -D 2>/dev/null || true
askpass wrong-horse
as_self ssh-add -X 2>/dev/null || true
askpass right-horse
as_self ssh-add -X 2>/dev/null
unset SSH_ASKPASS SSH_ASKPASS_REQUIRE DISPLAY
# One connection, some requests: a list, the extensions, and nonsense.
claimed=$(PID=1 NAME='a "name" of me' perl -e "$raw" "$S" 0b \
    "$(extension query)" "$(extension odd@test.example)" 7f 0d 0b)
check_same replies_to_a_raw_client '12 29 5 5 5 12 ' \
    "$(sed 1d <<<"$claimed" | tr '\n' ' ')"
check_same replies_to_a_descriptor_passed_on 5 \
    "$(SENDER=$other_uid perl -e "$raw" "$S" 0b)"
# Of an add they are not even kept.
check_same an_add_through_a_descriptor_passed_on 5 \
    "$(SENDER=$other_uid perl -e "$raw" "$S" 1100)"
# A frame that is none, of a length of nothing and of one past all.
for head in 00000000 00040001; do
	# shellcheck disable=SC2016
	check "it_hangs_up_on_$head" within 20 perl -e '
		use Socket;
		socket(my $s, AF_UNIX, SOCK_STREAM, 0) or die;
		connect($s, sockaddr_un(shift)) or die;
		syswrite $s, pack("H*", shift) . "x";
		exit 1 if sysread $s, my $byte, 1;' "$S" "$head"
done
as_self ssh-add -q -d "$T/rsa2048.pub"
as_self ssh-add -q -d "$T/rsa2048.pub" 2>/dev/null || true
as_self ssh-add -q -t 1 "$T/safe/rsa2048"
check a_key_expires wait_for 30 grep -q ' expired' "$T/log"
kill -USR1 "$agent_pid"
check it_forgets wait_for 30 grep -q 'SIGUSR1: ' "$T/log"
as_self ssh-add -q -D
agent_stop

check_same made_with_mode 600 "$(stat -c %a "$A")"
log_is_whole the_whole_story
check_same begins_with_a_start '["start",null]' \
    "$(head -n 1 "$A" | jq -c '[.op, .peer]')"
check_same ends_with_a_stop '["stop",null]' \
    "$(tail -n 1 "$A" | jq -c '[.op, .peer]')"

ours=".peer == {uid: 0, gid: 0}"
others=".peer == {uid: $other_uid, gid: $other_uid}"
# allowed NAME OP FILTER; denied NAME OP REASON FILTER.
allowed() {
	record "$1" ".op == \"$2\" and .verdict == \"allowed\" and
	    .reason == null and $3"
}
denied() {
	record "$1" ".op == \"$2\" and .verdict == \"denied\" and
	    .reason == \"$3\" and (.text | length) > 0 and $4"
}
# key NAME: that key, with its comment; what NAMESPACE [HASH]: an SSHSIG.
key() {
	printf '.key == {fingerprint: "%s", comment: "%s"}' \
	    "$(sha256_of "$T/$1.pub")" "$1"
}
what() {
	local hash=${2:-sha512}

	printf '.what == {kind: "sshsig", namespace: "%s",
	    hash_algorithm: "%s", hash: "%s"}' "$1" "$hash" \
	    "$("${hash}sum" "$T/text" | cut -d ' ' -f 1)"
}
bound=".bound.hostkey == \"$(sha256_of "$T/host_a.pub")\" and
    .bound.host == \"a.test\" and .bound.binds == 1"
login=".what == {kind: \"login\", user: \"$(id -un)\"}"

allowed another_lists list "$others and .claims.comm == \"ssh-add\" and
    .rule == \"$other_uid=list,sign\" and .bound == null and .key == null and
    .what == null and .count == 1"
allowed another_signs sign "$others and $(key ed25519) and $(what git) and
    .claims.comm == \"ssh-keygen\" and .rule == \"$other_uid=list,sign\""
allowed with_another_hash sign "$others and $(key ed25519) and
    $(what git sha256)"
allowed with_another_key sign "$others and $(key rsa2048) and $(what git)"
denied another_namespace sign purpose-namespace "$others and
    $(key ed25519) and $(what file) and .rule == \"purposes\""
denied a_limited_key_for_git sign destination-sshsig "$ours and
    $(key limited) and .rule == \"destinations\" and
    (.detail | contains(\"a.test\"))"
allowed a_bind bind "$ours and .claims.comm == \"ssh\" and $bound"
allowed that_login sign "$ours and $(key limited) and $login and $bound and
    .bound.forwarding == false and .claims.comm == \"ssh\""
denied that_login_as_another sign destination-user "$ours and $(key limited) and
    .what == {kind: \"login\", user: \"daemon\"} and $bound and
    .rule == \"destinations\" and (.detail | contains(\"@a.test\"))"
denied that_change_from_afar remove-all forwarded "$ours and
    .rule == \"forwarded\""
denied that_signature_from_afar sign forwarded "$ours and $(key ed25519) and
    .what.namespace == \"git\" and $bound and .bound.forwarding"
denied a_change_by_another remove-all policy "$others and
    .rule == \"$other_uid=list,sign\""
denied a_status_for_another status policy "$others and
    .claims.comm == \"$program\""
denied who_is_not_named connect not-named ".peer == {uid: $stranger_uid,
    gid: $stranger_uid} and .connection > 0"
allowed a_status status "$ours"
allowed an_explanation explain "$ours"
allowed a_load load "$ours and (.detail | contains(\"1 key\"))"
allowed a_key_is_added add "$ours and $(key ed25519)"
allowed a_key_is_removed remove "$ours and $(key rsa2048)"
denied a_key_that_is_not_there remove no-such-key "$ours"
allowed all_are_removed remove-all "$ours"
allowed a_lock lock "$ours"
denied a_change_while_locked remove-all locked "$ours and .rule == \"lock\""
denied a_wrong_passphrase unlock wrong-passphrase "$ours and .rule == \"lock\""
allowed an_unlock unlock "$ours"
allowed a_query query "$ours"
denied an_extension other unknown-extension "$ours"
denied a_message other unsupported "$ours"
denied a_broken_request sign broken "$ours"
check_same what_is_no_frame_is_told_of 2 "$(jq -s "[.[] |
    select(.op == \"connect\" and .reason == \"broken\" and $ours)] |
    length" "$A")"
denied a_descriptor_passed_on list passed-descriptor "$ours and
    .detail == \"by uid $other_uid\""
allowed keys_expire expire '.peer == null and (.detail | contains("1 key"))'
allowed keys_are_forgotten forget '.peer == null'
check_same claims_are_of_that_process \
    "[[${claimed%%$'\n'*},\"a \\\"name\\\" of me\"]]" \
    "$(jq -cs '[.[] | select(.claims.comm // "" | startswith("a \"")) |
	[.claims.pid, .claims.comm]] | unique' "$A")"
check_same one_connection_one_number '[6,1]' \
    "$(jq -cs '[.[] | select(.claims.comm // "" | startswith("a \"")) |
	.connection] | [length, (unique | length)]' "$A")"
check another_connection_another_number jq -es "[.[] |
    select(.op == \"list\" and $others) | .connection] |
    length > 3 and length == (unique | length)" "$A"

# --- appended to, rotated ----------------------------------------------------

before=$(wc -l <"$A")
printf '0=admin\n' >"$T/policy"
printf '{"half' >>"$A"
serve --policy "$T/policy"

# turned: the new file is there.
turned() {
	[ -e "$A" ]
}
# grown FILE BYTES: it has more.
grown() {
	[ "$(stat -c %s "$1")" -gt "$2" ]
}
# While requests come all the time.
# shellcheck disable=SC2016
busy='
	use Socket;
	socket(my $s, AF_UNIX, SOCK_STREAM, 0) or die;
	connect($s, sockaddr_un(shift)) or die;
	while (1) {
		syswrite $s, "\0\0\0\1\13" x 20;
		read $s, my $head, 4 and read $s, my $body, unpack "N", $head
		    for 1 .. 20;
		select undef, undef, undef, 0.005;
	}'
setpriv --reuid "$other_uid" --regid "$other_uid" --clear-groups \
    perl -e "$busy" "$S" &
busy=$!
at_exit end_process "$busy"
mv "$A" "$T/audit.0"
kill -HUP "$agent_pid"
check made_anew wait_for 30 turned
rotated=("$T/audit.0")
for n in 1 2 3 4 5; do
	check "written_to_before_$n" wait_for 30 grown "$A" 20000
	mv "$A" "$T/audit.$n"
	rotated+=("$T/audit.$n")
	kill -HUP "$agent_pid"
	check "made_anew_$n" wait_for 30 turned
done
check_same made_anew_with_mode 600 "$(stat -c %a "$A")"
# Where it cannot be made anew it stays.
mv "$A" "$T/audit.6"
rotated+=("$T/audit.6")
mkdir "$A"
kill -HUP "$agent_pid"
check it_is_said_that_the_old_one_stays wait_for 30 \
    grep -q "the audit file stays the one that was open.*$A" "$T/log"
check and_it_is_written_to wait_for 30 grown "$T/audit.6" \
    "$(stat -c %s "$T/audit.6")"
rmdir "$A"
printf '0=nonsense\n' >"$T/policy"
kill -HUP "$agent_pid"
check made_anew_after_that wait_for 30 turned
end_process "$busy"
agent_stop
# What was there before stays, half a line as well.
check_same it_is_appended_to stop "$(sed -n "${before}p" "$T/audit.0" |
    jq -r .op)"
sed -i "1,${before}d" "$T/audit.0"
check_same half_a_line_is_left_to_itself '{"half' "$(head -n 1 "$T/audit.0")"
sed -i 1d "$T/audit.0"
log_is_whole nothing_is_lost_or_doubled "${rotated[@]}" "$A"
cat "${rotated[@]}" "$A" >"$T/all"
check it_had_something_to_do test "$(wc -l <"$T/all")" -gt 250
check_same reloads_are_recorded \
    'null null null null null null null reload' \
    "$(jq 'select(.op == "reload") | .reason' "$T/all" | tr -d '"' |
	paste -sd ' ')"

# --- files that are not ours -------------------------------------------------

# refused NAME PART FILE: the agent does not start, and says which and why.
refused() {
	local out status=0

	out=$(within 20 "$AGENT" -D -a "$S" --allow 0=admin --audit "$3" \
	    2>&1 </dev/null) || status=$?
	check_same "${1}_does_not_start" 2 "$status"
	check_has "${1}_is_said" "$out" "$2"
	check_has "${1}_is_named" "$out" "${4:-$3}"
	check_same "${1}_leaves_no_socket" no "$([ ! -e "$S" ] && echo no)"
}
mkdir "$T/files"
F=$T/files/log
: >"$F"
chown "$other_uid" "$F"
refused other_owner "belongs to uid $other_uid" "$F"
chown 0 "$F"
for mode in 620 602 666; do
	chmod "$mode" "$F"
	refused "mode_$mode" 'chmod go-w' "$F"
done
chmod 600 "$F"
ln -s log "$T/files/symlink"
refused symlink 'symbolic link' "$T/files/symlink"
ln -s nowhere "$T/files/dangling"
refused dangling_symlink 'symbolic link' "$T/files/dangling"
ln "$F" "$T/files/hardlink"
refused hard_link '2 links' "$F"
rm "$T/files/hardlink"
mkfifo "$T/files/fifo"
# Nobody reads it: opening it fails.
refused fifo "$T/files/fifo" "$T/files/fifo"
exec {reader}<>"$T/files/fifo"
refused fifo_with_a_reader 'not a plain file' "$T/files/fifo"
exec {reader}>&-
refused folder directory "$T/files"
refused device /dev/null /dev/null
as_other true
refused folder_of_a_user "belongs to uid $other_uid" "$T/other/log" "$T/other"
check_same nothing_is_made_there no "$([ ! -e "$T/other/log" ] && echo no)"
chmod 777 "$T/files"
refused open_folder 'can be written by others' "$T/files/new" "$T/files"
chmod 755 "$T/files"
refused no_such_folder 'does not exist' "$T/none/log" "$T/none"
check_same none_was_written_to 0 "$(stat -c %s "$F")"

# --- a disk that is full -----------------------------------------------------

program=$AGENT
# mounts COMMANDS: a name space in which these mounted something; in_there
# COMMAND... runs in it, $T/in_there is the agent there, and root is its root.
# Fails where there can be none.
mounts() {
	rm -f "$T/mounted"
	unshare -m sh -c "{ $1; } && : >$T/mounted && exec sleep 1000" \
	    2>/dev/null &
	there=$!
	at_exit end_process "$there"
	root=/proc/$there/root
	wait_for 20 mounted_or_gone || true
	[ -e "$T/mounted" ] || return 1
	printf '#!/bin/sh\nexec nsenter -t %d -m "%s" "$@"\n' "$there" \
	    "$program" >"$T/in_there"
	chmod 755 "$T/in_there"
}
mounted_or_gone() {
	[ -e "$T/mounted" ] || process_gone "$there"
}
in_there() {
	nsenter -t "$there" -m "$@"
}
# status_is FILTER: of the --status of the agent.
status_is() {
	"$program" --status --json -a "$S" | jq -e "$1"
}
mkdir "$T/disk"
if mounts "mount -t tmpfs -o size=64k,mode=755 none $T/disk"; then
	disk=$root$T/disk
	AGENT=$T/in_there
	A=$disk/audit
	agent_start --public --allow "$other_uid=list,sign" \
	    --audit "$T/disk/audit"
	AGENT=$program
	as_self ssh-add -q "$T/safe/ed25519"
	head -c 40k /dev/zero >"$disk/filler"
	lists=$(printf '0b %.0s' {1..200})
	# shellcheck disable=SC2086
	as_other perl -e "$raw" "$S" $lists >/dev/null
	check records_are_lost wait_for 30 status_is '.audit.lost > 20'
	check_has people_are_told "$("$AGENT" --status -a "$S")" 'of them LOST'
	check it_signs_with_a_full_disk git_signs as_other ed25519
	check_same only_whole_lines_are_there '' \
	    "$(tail -c 1 "$A" | tr -d '\n')"
	rm "$disk/filler"
	told() {
		jq -en 'first(inputs | select(.op == "lost")) | true' "$A"
	}
	check it_is_told_when_there_is_room wait_for 30 told
	check and_it_goes_on git_signs as_other ed25519
	lost=$("$AGENT" --status --json -a "$S" | jq .audit.lost)
	agent_stop
	check_same the_gap_is_what_is_told_and_what_status_says \
	    "$lost $lost" \
	    "$(jq -rs '[.[] | select(.seq > 0) | .seq] as $seq |
		($seq | max) - ($seq | length)' "$A") $(
	    jq -s '[.[] | select(.op == "lost") | .count] | add' "$A")"
	check_same lost_has_no_number 0 \
	    "$(jq -s '[.[] | select(.op == "lost") | .seq] | add' "$A")"
	check_same numbers_go_up true "$(jq -s '[.[] | .seq | select(. > 0)] |
	    . == sort and . == unique' "$A")"
	check_same nothing_is_lost_at_the_end stop \
	    "$(tail -n 1 "$A" | jq -r .op)"
else
	printf '# no disk can be mounted here: nothing fills one\n'
fi
A=$T/audit

# --- a flood -----------------------------------------------------------------

# flood COUNT HEX: that request so often, on one connection.
# shellcheck disable=SC2016
flood='
	use Socket;
	my ($path, $n, $hex) = @ARGV;
	my $body = pack "H*", $hex;
	my $frame = pack("N", length $body) . $body;
	socket(my $s, AF_UNIX, SOCK_STREAM, 0) or die;
	connect($s, sockaddr_un($path)) or die;
	my $writer = fork // die "no fork\n";
	if ($writer == 0) {
		for (1 .. $n / 100) {
			my $all = $frame x 100;
			while (length $all) {
				my $done = syswrite $s, $all or exit 1;
				substr($all, 0, $done) = "";
			}
		}
		exit 0;
	}
	for (1 .. $n) {
		read($s, my $head, 4) == 4 or die "closed\n";
		read $s, my $reply, unpack "N", $head;
	}'
rm -f "$A"
serve
# running_s: whole seconds that the machine is up, which nobody sets.
running_s() {
	local up

	read -r up _ </proc/uptime
	printf '%s\n' "${up%.*}"
}
start=$(running_s)
# shellcheck disable=SC2016
strangers='
	use Socket;
	my $n = 0;
	for (1 .. 300) {
		socket(my $s, AF_UNIX, SOCK_STREAM, 0) or die;
		connect($s, sockaddr_un($ARGV[0])) or die;
		$n++ if !sysread $s, my $byte, 1;
	}
	print "closed $n\n";'
# lines N: so many are there.
lines() {
	[ "$(wc -l <"$A")" -ge "$1" ]
}
# Those that have records of their own, no more at once than wait in memory.
for n in 1 2; do
	check "refusals_with_records_of_their_own_$n" \
	    as_other perl -e "$flood" "$S" 200 13
	check "their_records_$n" wait_for 30 lines $((200 * n))
done
check a_flood_of_refusals as_other perl -e "$flood" "$S" 19600 13
check a_flood_of_lists as_other perl -e "$flood" "$S" 10000 0b
check_same a_flood_of_strangers 'closed 300' \
    "$(as_stranger perl -e "$strangers" "$S")"
check_has it_is_explained_in_one_line "$("$AGENT" --explain -a "$S")" \
    '; 20000 times'
agent_stop
took=$(($(running_s) - start + 1))
# sum FILTER: of the decisions in these records.
sum() {
	jq -s "[.[] | select($1) | .count] | add" "$A"
}
log_is_whole the_flood
check_same every_refusal_is_counted 20000 \
    "$(sum '.op == "remove-all" and .reason == "policy"')"
check_same every_list_is_counted 10000 \
    "$(sum ".op == \"list\" and .peer.uid == $other_uid")"
check_same every_stranger_is_counted 300 "$(sum '.reason == "not-named"')"
check they_have_no_more_records_than_said test "$(jq -s \
    "[.[] | select(.peer.uid == $other_uid)] | length" "$A")" -le \
    $((500 + 200 * took + 2 * took))
check sums_keep_what_is_the_same jq -en 'first(inputs | select(.count > 1000 and
    .reason == "policy" and .key == null)) | true' "$A"

# --- text of a peer ----------------------------------------------------------

# What nobody may write: a line, a colour, an end of a text, the wrong way
# round, and what is no UTF-8.
evil=$'a\n{"seq":1}\e[2J"\xe2\x80\xae\xff\\'
make_key ed25519 evil
ssh-keygen -q -c -C "$evil" -f "$T/evil" >/dev/null 2>&1
# ssh-keygen wants a file of one line.
ssh-keygen -y -f "$T/evil" 2>/dev/null | head -n 1 >"$T/evil.pub"
long=$(printf 'l%.0s' {1..65})
speak() {
	as_self ssh-add -q "$T/evil"
	as_self ssh-keygen -q -Y sign -n "$evil" -f "$T/evil.pub" <"$T/text" \
	    >/dev/null 2>&1 || true
	for name in "$long" "${long:1}"; do
		as_self ssh-keygen -q -Y sign -n "$name" -f "$T/evil.pub" \
		    <"$T/text" >/dev/null 2>&1 || true
	done
	NAME=$'x\n\e[2J"\xff' perl -e "$raw" "$S" 0b >/dev/null
}
# clean NAME: nothing in the file is what a terminal would obey.
# shellcheck disable=SC2016
clean='
	local $/;
	my $all = <>;
	die "control\n" if $all =~ /[\0-\x09\x0b-\x1f\x7f]/;
	die "order\n" if index($all, "\xe2\x80\xae") >= 0;
	die "no UTF-8\n" if !utf8::decode($all);
	die "lines\n" if $all =~ /^(?!$ENV{LINE})./m;'
# has_text NAME PART: it is in the log just so.
has_text() {
	check "$1" grep -qF -- "$2" "$A"
}
rm -f "$A"
serve
speak
"$AGENT" --explain -a "$S" >"$T/explained"
agent_stop
log_is_whole text_of_peers
check nothing_to_obey env LINE='\{"version":1,"seq":' perl -e "$clean" "$A"
said='a\u000a{\"seq\":1}\u001b[2J\"\u202e'$'\xef\xbf\xbd\\\\'
has_text a_comment_is_escaped "\"comment\":\"$said\""
has_text a_namespace_is_escaped "\"namespace\":\"$said\""
check_same a_name_is_escaped $'"x\\n\\u001b[2J\\"\xef\xbf\xbd"' \
    "$(jq -c '.claims.comm | select(. // "" | startswith("x"))' "$A")"
check_same what_is_longer_than_64_bytes_is_cut '[64,true,64,null]' \
    "$(jq -cs '[.[] | .what | select(.namespace // "" | startswith("ll")) |
	(.namespace | length), .namespace_cut]' "$A")"
check nothing_to_obey_in_an_explanation env LINE='(\d{4}-|    what to do: )' \
    perl -e "$clean" "$T/explained"

rm -f "$A"
serve --audit-format text
speak
as_other ssh-add -l >/dev/null 2>&1 || true
as_other ssh-add -D 2>/dev/null || true
"$AGENT" --status -a "$S" >/dev/null
agent_stop
check nothing_to_obey_in_text \
    env LINE='\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z #\d+ ' perl -e "$clean" \
    "$A"
said='"a\x0a{\x22seq\x22:1}\x1b[2J\x22\xe2\x80\xae\xff\\"'
has_text a_comment_in_text ", key $(sha256_of "$T/evil.pub") $said"
has_text a_namespace_in_text ", SSHSIG for $said sha512 $(
    sha512sum "$T/text" | cut -d ' ' -f 1)"
has_text cut_in_text ", SSHSIG for ${long:1}... sha512"
has_text not_cut_in_text ", SSHSIG for ${long:1} sha512"
has_text a_name_in_text ' "x\x0a\x1b[2J\x22\xff")'
check a_list_in_text grep -Eqx '[^ ]+ #[0-9]+ uid 65534 \(pid [0-9]+ '\
'ssh-add\) connection [0-9]+: list allowed, rule 65534=list,sign' "$A"
check a_refusal_in_text grep -Eqx '[^ ]+ #[0-9]+ uid 65534 \(pid [0-9]+ '\
'ssh-add\) connection [0-9]+: remove-all denied: .* \(policy\), '\
'rule 65534=list,sign' "$A"
check_same text_is_numbered_too "$(seq -s ' ' "$(wc -l <"$A")")" \
    "$(sed 's/^[^ ]* #\([0-9]*\) .*/\1/' "$A" | paste -sd ' ')"

# --- no secret ---------------------------------------------------------------

make_keys
make_key ed25519 guarded correct-horse-battery
for form in json text; do
	rm -f "$A"
	serve --audit-format "$form"
	for type in "${key_types[@]}"; do
		as_self ssh-add -q -t 600 "$T/$type"
		git_signs as_self "$type"
		"$AGENT" --load -a "$S" --purpose git <"$T/$type" >/dev/null
		# By one who may not.
		as_other ssh-add -q - <"$T/$type" 2>/dev/null || true
	done
	askpass correct-horse-battery
	as_self ssh-add -q "$T/guarded" 2>/dev/null
	for words in "x padlock-of-the-agent" "X another-padlock-tried" \
	    "X padlock-of-the-agent"; do
		askpass "${words#* }"
		as_self ssh-add "-${words%% *}" 2>/dev/null || true
		as_other ssh-add "-${words%% *}" 2>/dev/null || true
	done
	unset SSH_ASKPASS SSH_ASKPASS_REQUIRE DISPLAY
	agent_stop
	mv "$A" "$T/secrets.$form"
done
cat "$T/secrets.json" "$T/secrets.text" >"$A"

# in_log FILE: whether 8 bytes in a row of what the file holds are in the log,
# as they are, in hexadecimal or in base64.
in_log() {
	perl -MMIME::Base64 -e '
		local $/;
		my ($file, $log) = @ARGV;
		open(my $f, "<", $file) or die;
		open(my $g, "<", $log) or die;
		my ($secret, $text) = (<$f>, <$g>);
		my $lower = lc $text;
		for my $i (0 .. length($secret) - 8) {
			my $part = substr($secret, $i, 8);
			exit 0 if index($text, $part) >= 0 ||
			    index($lower, unpack("H*", $part)) >= 0 ||
			    index($text, substr(encode_base64($part), 0, 10))
			    >= 0;
		}
		exit 1' "$1" "$A"
}
for secret in padlock-of-the-agent another-padlock-tried \
    correct-horse-battery; do
	printf '%s' "$secret" >"$T/half"
	check_status "no_passphrase_$secret" 1 in_log "$T/half"
done
# private_half NAME: what the file of the key has after the public key, but for
# the comment, which the log tells.
# shellcheck disable=SC2016
private_half() {
	perl -MMIME::Base64 -e '
		my ($name, @lines) = (shift, <>);
		my $all = decode_base64(join("", grep { !/^-/ } @lines));
		my $half = substr($all, int(length($all) * 0.62));
		$half =~ s/\0\0\0.\Q$name\E.*\z//s or die;
		print $half;' "$1" "$T/$1" >"$T/half"
}
for type in "${key_types[@]}"; do
	private_half "$type"
	check_same "there_is_a_half_of_$type" yes "$(
	    [ "$(stat -c %s "$T/half")" -ge 32 ] && echo yes)"
	check_status "no_private_half_of_$type" 1 in_log "$T/half"
	grep -v '^-' "$T/$type" | tail -n 3 >"$T/half"
	check_status "nor_its_text_of_$type" 1 in_log "$T/half"
done
# It can tell, in each form, a secret that is there.
sha256_of "$T/ed25519.pub" >"$T/half"
check what_is_there_is_found in_log "$T/half"
private_half ecdsa256
dd if="$T/half" of="$T/part" bs=1 skip=20 count=11 2>/dev/null
mv "$A" "$T/without"
for form in cat 'od -An -v -w64 -tx1' base64; do
	$form "$T/part" >"$T/written"
	[ "$form" = cat ] || sed -i 's/ //g' "$T/written"
	cat "$T/without" "$T/written" >"$A"
	check "a_secret_by_${form%% *}_would_be_found" in_log "$T/half"
done

# --- stderr, syslog, unlocked memory -----------------------------------------

A=$T/audit
: >"$T/log"
agent_start --public --allow "$other_uid=list,sign" --audit -
as_other ssh-add -l >/dev/null 2>&1 || true
agent_stop
grep '^{' "$T/log" >"$A"
log_is_whole to_stderr
allowed a_list_on_stderr list "$others"
# Somebody has it open and does not read.
mkfifo "$T/unread"
exec 7<>"$T/unread"
agent_log=$T/unread
agent_start --public --allow "$other_uid=list,sign" --audit -
agent_log=$T/log
as_other perl -e "$flood" "$S" 2000 13
# shellcheck disable=SC2016
check records_fill_it wait_for 30 perl -e '
	vec(my $full, 7, 1) = 1;
	exit select(undef, $full, undef, 0)'
# The log has the same stderr.  A line that is short enough may yet find room.
for n in 1 2 3 4 5; do
	check "it_adds_a_key_all_the_same_$n" as_self ssh-add -q "$T/ed25519"
done
check it_signs_all_the_same git_signs as_other ed25519
agent_stop
exec 7>&-
check_status no_stderr_in_the_background 2 "$AGENT" -a "$S" --allow 0=admin \
    --audit -

# A /dev that only the agent and its syslog daemon see: others may have the
# machine's.
mkdir "$T/dev"
if mounts "mount -t tmpfs -o mode=755 none $T/dev && : >$T/dev/null &&
    mount --bind /dev/null $T/dev/null && mount --rbind $T/dev /dev"; then
	AGENT=$T/in_there
	refused no_syslog 'no syslog daemon' syslog /dev/log
	# listen: a daemon that writes down what it gets.
	# shellcheck disable=SC2016
	listen() {
		in_there rm -f /dev/log
		rm -f "$T/listening"
		mkfifo "$T/listening"
		nsenter -t "$there" -m perl -e '
			use Socket;
			socket(my $s, AF_UNIX, SOCK_DGRAM, 0) or die;
			bind($s, sockaddr_un("/dev/log")) or die;
			open(my $f, ">>", $ARGV[0]) or die;
			select $f; $| = 1;
			print STDOUT "yes\n"; close STDOUT;
			print $_, "\n" while defined recv $s, $_, 65536, 0;
			' "$T/syslog" >"$T/listening" &
		listener=$!
		at_exit end_process "$listener"
		read -r -t 10 _ <"$T/listening" || die 'no listener'
	}
	listen
	agent_start --public --allow "$other_uid=list,sign" --audit syslog
	as_other ssh-add -l >/dev/null 2>&1 || true
	heard() {
		grep -q "$1" "$T/syslog"
	}
	check syslog_hears wait_for 30 heard '"op":"list"'
	# It goes, and comes back when something was lost.
	end_process "$listener"
	as_other ssh-add -D 2>/dev/null || true
	check it_misses_something wait_for 30 status_is '.audit.lost > 0'
	listen
	check syslog_hears_of_what_it_missed wait_for 30 heard '"op":"lost"'
	check nobody_waits_for_it as_other true
	agent_stop
	check syslog_hears_of_the_end wait_for 30 heard '"op":"stop"'
	stamp='[A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8}'
	check_same its_head "$(wc -l <"$T/syslog")" "$(grep -cE \
	    "^<37>$stamp bottle-agent\\[[0-9]+\\]: \\{" "$T/syslog")"
	sed 's/^[^{]*//' "$T/syslog" >"$A"
	check_same its_lines_are_records list,lost,stop \
	    "$(jq -r '.op | select(. == "list" or . == "lost" or
		. == "stop")' "$A" | paste -sd ,)"
	check_same the_gap_in_syslog \
	    "$(jq -s '[.[] | select(.op == "lost") | .count] | add' "$A")" \
	    "$(jq -s '[.[] | select(.seq > 0) | .seq] | max - length' "$A")"
	end_process "$listener"
	AGENT=$program
else
	printf '# nothing can be mounted here: no syslog\n'
fi

as_other true
printf '#!/bin/sh\nexec prlimit --memlock=0:0 %s "%s" "$@"\n' \
    "setpriv --reuid $other_uid --regid $other_uid --clear-groups" \
    "$program" >"$T/unlocked"
chmod 755 "$T/unlocked"
AGENT=$T/unlocked
A=$T/other/audit
roots_socket=$S
S=$T/other/sock
agent_start --allow "$other_uid=list" --allow-unlocked-memory \
    --limit frame-time=1000 --audit "$A"
as_other ssh-add -l >/dev/null 2>&1 || true
as_other ssh-add -D 2>/dev/null || true
as_self ssh-add -q "$T/ed25519"
git_signs as_self ed25519
as_self ssh-add -q -t 1 "$T/ed25519"
# shellcheck disable=SC2016
check somebody_is_hung_up_on within 20 perl -e '
	use Socket;
	socket(my $s, AF_UNIX, SOCK_STREAM, 0) or die;
	connect($s, sockaddr_un(shift)) or die;
	syswrite $s, "\0";
	exit 1 if sysread $s, my $byte, 1;' "$S"
check it_expires_there_too wait_for 30 grep -q ' expired' "$T/log"
agent_stop
log_is_whole of_unlocked_memory
check_same of_each_kind \
    'add connect expire list remove-all sign start stop' \
    "$(jq -r .op "$A" | sort -u | paste -sd ' ')"
check_same unlocked_memory_is_in_each_record '' \
    "$(jq -r 'select(.memory != "unlocked") | .op' "$A" | paste -sd ,)"
AGENT=$program
S=$roots_socket
scenario_end
