#!/bin/bash
# Rules in a file: by user, uid, group and supplementary group; read again at
# SIGHUP, also for connections that are open; a broken file changes nothing,
# and one that others could have written is not read.
# shellcheck source=tests/support/scenario.sh
. "$(dirname "$0")/../support/scenario.sh"

need_root
make_key ed25519
install -m 755 "$BOTTLE_BIN/signload" "$T/signload"
mkdir -m 755 "$T/conf"
P=$T/conf/policy

# A user and a group with names, and numbers that have none.
IFS=: read -r user _ user_uid _ < <(grep -v '^root:' /etc/passwd)
IFS=: read -r group _ group_gid _ < <(grep -v '^root:' /etc/group)
getent passwd 65533 >/dev/null && skip_all 'uid 65533 has a name here'

# rules LINE...: what the file says.
rules() {
	printf '%s\n' "$@" >"$P"
}

# as_peer UID GID GROUPS COMMAND...
as_peer() {
	local uid=$1 gid=$2 groups=$3

	shift 3
	timeout 20 setpriv --reuid "$uid" --regid "$gid" --groups "$groups" \
	    env -C / SSH_AUTH_SOCK="$S" "$@"
}

# may NAME LIST SIGN UID GID GROUPS: which of both a peer can do, yes or no.
may() {
	local name=$1 list=$2 sign=$3 try

	shift 3
	try=check_refused
	[ "$list" = no ] || try=check
	"$try" "${name}_lists_$list" as_peer "$@" ssh-add -l
	try=check_refused
	[ "$sign" = no ] || try=check
	"$try" "${name}_signs_$sign" as_peer "$@" "$T/signload" "$S" 1
}

reloads() {
	grep -c 'SIGHUP: ' "$T/log"
}

more_reloads() {
	[ "$(reloads)" -gt "$1" ]
}

# reload: tell the agent, and wait until it has looked.
reload() {
	local before

	before=$(reloads || true)
	kill -HUP "$agent_pid"
	wait_for 30 more_reloads "$before" || die 'SIGHUP went unheard'
}

# said: the last that the agent said of a reload.
said() {
	grep 'SIGHUP: ' "$T/log" | tail -n 1
}

# Whom a rule can name.
rules '# the tests' '' "$user=list" '65533=list,sign' "@$group=list" \
    '@65000=list,sign' '65531=sign'
agent_start --public --policy "$P"
as_self ssh-add -q "$T/ed25519"
may named_user yes no "$user_uid" 60000 60000
may nameless_uid yes yes 65533 60000 60000
may primary_group yes no 65532 "$group_gid" 60000
may supplementary_group yes yes 65532 60000 60000,65000
may user_and_group yes yes 65531 "$group_gid" 60000
may stranger no no 65532 60000 60000
may group_number_as_uid no no 65000 60000 60000
check_same status_says_which_file "$P" \
    "$("$AGENT" --status --json -a "$S" | jq -r .policy)"

# A connection for as long as its input lasts: each line asks for the list; the
# answer is the kind of reply, or "closed".
# shellcheck disable=SC2016
hold='
	use IO::Socket::UNIX;
	$| = 1;
	my $s = IO::Socket::UNIX->new($ENV{SSH_AUTH_SOCK}) or die;
	while (<STDIN>) {
		my ($head, $body) = ("", "");
		$SIG{PIPE} = "IGNORE";
		syswrite $s, "\0\0\0\1\13";
		if ((read($s, $head, 4) // 0) < 4) {
			print "closed\n";
			next;
		}
		read $s, $body, unpack "N", $head;
		print ord($body), "\n";
	}'
coproc holder { as_peer 65533 60000 60000 perl -e "$hold"; }
# shellcheck disable=SC2154  # bash sets it
agent_seen "$holder_PID"

# ask: the answer on that connection.
ask() {
	local answer

	echo >&"${holder[1]}"
	read -r -t 10 answer <&"${holder[0]}" || answer=nothing
	printf '%s\n' "$answer"
}

check_same open_connection_lists 12 "$(ask)"

# Wider.
rules '65533=list,sign' '65532=list,sign'
reload
may widened yes yes 65532 60000 60000
may no_longer_in_the_file no no "$user_uid" 60000 60000
check_same still_lists_after_a_reload 12 "$(ask)"

# A broken file keeps what was.
rules '65533=list,sign' '65532=lists'
reload
check_has broken_file_is_said "$(said)" "$P:2: \"lists\" is no operation"
check_has broken_file_keeps_the_rules "$(said)" 'old rules stay'
may after_a_broken_file yes yes 65532 60000 60000
check_same still_lists_after_a_broken_file 12 "$(ask)"
check_same status_says_that_it_is_old true \
    "$("$AGENT" --status --json -a "$S" | jq .policy_is_old)"
: >"$P"
reload
check_has empty_file_keeps_the_rules "$(said)" 'no rule in this file'
rm "$P"
reload
check_has missing_file_keeps_the_rules "$(said)" "no file $P"
rules '65533=none'
chmod 666 "$P"
reload
check_has open_file_keeps_the_rules "$(said)" 'chmod go-w'
chmod 644 "$P"
# Something else is in its place, and would give what nobody was given.
mv "$P" "$T/conf/aside"
printf '65531=admin\n' >"$T/conf/aside"
ln -s aside "$P"
reload
check_has symlink_keeps_the_rules "$(said)" 'is a symbolic link'
rm "$P"
mkfifo "$P"
reload
check_has fifo_keeps_the_rules "$(said)" 'not a plain file'
exec 5<>"$P"
printf '65531=admin\n' >&5
reload
check_has fifo_with_a_writer_keeps_the_rules "$(said)" 'not a plain file'
exec 5>&-
rm "$P"
mkdir "$P"
reload
check_has folder_keeps_the_rules "$(said)" 'not a plain file'
rmdir "$P"
ln "$T/conf/aside" "$P"
reload
check_has hard_link_keeps_the_rules "$(said)" '2 links'
rm "$P" "$T/conf/aside"
may nobody_was_let_in no no 65531 60000 60000
may after_all_of_them yes yes 65532 60000 60000
check_same still_lists_after_all_of_them 12 "$(ask)"

# Narrower: it is judged by the new rules without connecting anew.
rules '65533=sign'
reload
check_same open_connection_lists_no_more 5 "$(ask)"
check_same status_says_that_it_is_new false \
    "$("$AGENT" --status --json -a "$S" | jq .policy_is_old)"
rules '65532=list'
reload
check_same who_is_not_named_is_hung_up_on closed "$(ask)"
may narrowed yes no 65532 60000 60000
may not_named no no 65533 60000 60000
check root_is_still_served as_self ssh-add -l

# A name is looked for again, under the filter of system calls too.
rules "$user=list" "@$group=sign"
reload
may named_at_reload yes yes "$user_uid" "$group_gid" 60000
eval "exec ${holder[1]}>&-"
agent_stop

# Rules of the command line stay whatever the file says.
rules '65533=list'
agent_start --public --allow 65532=list,sign --policy "$P"
as_self ssh-add -q "$T/ed25519"
may rule_of_the_file yes no 65533 60000 60000
rules '65533=list,sign'
reload
may new_rule_of_the_file yes yes 65533 60000 60000
may rule_of_the_command_line yes yes 65532 60000 60000
agent_stop

# refused NAME PART [FILE]: neither started with nor good for --check-policy.
refused() {
	local name=$1 part=$2 file=${3:-$P} out status=0

	out=$(timeout 20 "$AGENT" -D -a "$S" --public --policy "$file" \
	    2>&1 </dev/null) || status=$?
	check_same "${name}_does_not_start" 2 "$status"
	check_has "${name}_is_said" "$out" "$part"
	check_same "${name}_leaves_no_socket" no "$([ ! -e "$S" ] && echo no)"
	status=0
	out=$("$AGENT" --check-policy "$file" 2>&1) || status=$?
	check_same "${name}_is_not_good" 1 "$status"
	check_has "${name}_is_not_good_and_said" "$out" "$part"
}

rules '65533=list'
check good_file_is_good "$AGENT" --check-policy "$P"
refused missing "no file $T/conf/none" "$T/conf/none"
refused nowhere 'does not exist' "$T/none/policy"
chown 65533 "$P"
refused other_owner 'belongs to uid 65533'
chown 0 "$P"
chmod 664 "$P"
refused group_writable 'chmod go-w'
chmod 644 "$P"
ln -s policy "$T/conf/symlink"
refused symlink 'symbolic link' "$T/conf/symlink"
ln "$P" "$T/conf/hardlink"
refused hard_link '2 links' "$T/conf/hardlink"
rm "$T/conf/hardlink" "$T/conf/symlink"
mkfifo "$T/conf/fifo"
refused fifo 'not a plain file' "$T/conf/fifo"
refused folder 'not a plain file' "$T/conf"
chmod 777 "$T/conf"
refused open_folder 'can be written by others'
chmod 755 "$T/conf"
chown 65533 "$T/conf"
refused folder_of_another 'belongs to uid 65533'
chown 0 "$T/conf"
head -c 65537 /dev/zero | tr '\0' '\n' >"$P"
refused too_large 'more than 65536 bytes'
rules '# nothing'
refused no_rule 'no rule in this file'

# What it means, and everything that is wrong.
rules '# who' "$user=sign,list" '65533=admin' "@$group=none" '@65000=lock'
check_same meaning "$P:2: uid $user_uid ($user) may: list,sign
$P:3: uid 65533 (no name here) may: list,sign,add,remove,lock,admin
$P:4: members of group $group_gid ($group) may: none
$P:5: members of group 65000 may: lock" "$("$AGENT" --check-policy "$P")"
rules '65533=lists' '65533=list' 'nobody-here=list' $'\e[2J=list'
out=$("$AGENT" --check-policy "$P" 2>&1 >/dev/null) || true
check_same every_fault_is_a_line 3 "$(printf '%s\n' "$out" | wc -l)"
for part in "$P:1: " "$P:3: there is no user" "$P:4: \"\\x1b[2J=list\""; do
	check_has "faults_have_${part##*:}" "$out" "$part"
done
check_same a_file_with_faults_has_no_meaning '' \
    "$("$AGENT" --check-policy "$P" 2>/dev/null || true)"
scenario_end
