#!/bin/bash
# In ssh-agent's place an agent serves its own user and root, and nobody else,
# also where the file would let everybody in: others are hung up on and change
# nothing.
# shellcheck source=tests/support/scenario.sh
. "$(dirname "$0")/../support/scenario.sh"

need_root
make_key ed25519
make_key ed25519 own
install -m 755 "$BOTTLE_BIN/signload" "$T/signload"
as_other true
install -o "$other_uid" -m 600 "$T/own" "$T/other/own"

# stranger NAME COMMAND...: as the other user: it fails, and nothing changed.
stranger() {
	local name=$1

	shift
	check_refused "stranger_cannot_$name" as_other "$@"
	check_same "nothing_changed_by_$name" "$(public ed25519)" "$(listed)"
}

agent_start
as_self ssh-add -q "$T/ed25519"
check_same the_file_is_for_its_user 600 "$(stat -c %a "$S")"
stranger come_past_the_file ssh-add -l
chmod 666 "$S"
# Without a word: what is read is the end.
# shellcheck disable=SC2016
check stranger_hears_nothing as_other perl -MIO::Socket::UNIX -e '
	my $s = IO::Socket::UNIX->new(Peer => shift) or die "no connection";
	my $n = sysread $s, my $bytes, 1;
	exit(defined $n && $n == 0 ? 0 : 1)' "$S"
stranger list ssh-add -l
stranger sign "$T/signload" "$S" 1
stranger remove_all ssh-add -D
stranger remove ssh-add -d "$T/ed25519.pub"
stranger add ssh-add own
stranger load_a_library ssh-add -s /usr/lib/libp.so
askpass secret
stranger lock ssh-add -x
unset SSH_ASKPASS SSH_ASKPASS_REQUIRE DISPLAY
check root_is_served_all_the_while as_self ssh-add -T "$T/ed25519.pub"
agent_stop

# Of another user: root may, a third one may not.
mkfifo "$T/ready.other"
chmod 666 "$T/ready.other"
# shellcheck disable=SC2016
as_other sh -c 'exec "$1" -D -a "$2" --ready-fd 9 9>"$3"' - "$AGENT" \
    "$T/other/s" "$T/ready.other" >/dev/null 2>"$T/log.other" &
agent_seen $!
read -r -t 30 <"$T/ready.other" || die 'an agent of another user does not serve'
S=$T/other/s
chmod 711 "$T/other"
chmod 666 "$S"
check its_user_adds as_other ssh-add -q own
check_same root_lists "$(public own)" "$(listed)"
check root_signs as_self "$T/signload" "$S" 1
check_refused third_user_cannot_list \
    setpriv --reuid 65533 --regid 65533 --clear-groups \
    env SSH_AUTH_SOCK="$S" timeout 20 ssh-add -l
check_refused third_user_cannot_sign \
    setpriv --reuid 65533 --regid 65533 --clear-groups \
    timeout 20 "$T/signload" "$S" 1
check root_removes as_self ssh-add -q -D
check_same its_user_has_none '' "$(listed)"
scenario_end
