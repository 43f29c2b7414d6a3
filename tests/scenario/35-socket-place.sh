#!/bin/bash
# Where the socket is when nobody says: in ~/.ssh/agent under this host's name,
# or with -T in a new folder; and which sockets there are taken away, at the
# start and by -u.
# shellcheck source=tests/support/scenario.sh
. "$(dirname "$0")/../support/scenario.sh"

place=$HOME/.ssh/agent
# The part of a name that says which host: as OpenSSH makes it.
host=$(perl -MDigest::SHA=sha512 -MSys::Hostname -e '
	my @set = ("a" .. "z", "A" .. "Z", 0 .. 9);
	print map { $set[$_ % @set] }
	    (unpack "C*", sha512(hostname))[0 .. 9]')

# begin [OPTION...]: an agent in the background; its pid and socket.
begin() {
	local out

	out=$("$AGENT" -s "$@")
	pid=$(sed -n 's/.*pid \([0-9]*\);/\1/p' <<<"$out")
	socket=$(sed -n 's/^SSH_AUTH_SOCK=\(.*\); export.*/\1/p' <<<"$out")
	agent_seen "$pid"
}

# end NAME: as a user would.
end() {
	kill "$pid"
	check "${1}_ends" wait_for 30 process_gone "$pid"
	check_same "${1}_takes_its_socket_away" no \
	    "$([ ! -e "$socket" ] && echo no)"
}

# dead NAME SECONDS: a socket that nobody serves, last touched so long ago.
dead() {
	perl -MIO::Socket::UNIX -e '
		IO::Socket::UNIX->new(Local => shift, Listen => 1) or die' \
	    "$place/$1"
	touch -h -d "@$(($(date +%s) - $2))" "$place/$1"
}

# lying: what is in the folder.
lying() {
	find "$place" -mindepth 1 -printf '%f\n' | sort | tr '\n' ' '
}

# Under a umask that takes all away from everybody.
(umask 0777 && "$AGENT" -s >"$T/first")
# shellcheck source=/dev/null
. "$T/first" >/dev/null
agent_seen "$SSH_AGENT_PID"
check_same a_new_folder_for_ssh 700 "$(stat -c %a "$HOME/.ssh")"
check_same a_new_folder_for_sockets 700 "$(stat -c %a "$place")"
check_same a_private_socket 600 "$(stat -c %a "$SSH_AUTH_SOCK")"
check_has below_home "$SSH_AUTH_SOCK" "$place/s."
check_same under_the_hosts_name "$host" \
    "$(sed 's/.*\/s\.\([^.]*\)\.agent\..*/\1/' <<<"$SSH_AUTH_SOCK")"
check_same with_ten_letters_nobody_guesses 10 \
    "$(tr -d -c 'a-zA-Z0-9' <<<"${SSH_AUTH_SOCK##*.agent.}" | wc -c)"
check_status and_it_answers 1 timeout 20 ssh-add -l
pid=$SSH_AGENT_PID socket=$SSH_AUTH_SOCK
unset SSH_AGENT_PID SSH_AUTH_SOCK
end the_first
check_same nothing_is_left_there '' "$(lying)"

# Live ones are left alone however old they look.
begin
touch -h -d '2 days ago' "$socket"
live=${socket##*/}
live_pid=$pid
plant() {
	dead "s.$host.agent.oldoldoldo" 3700
	dead "s.$host.sshd.oldoldoldo" 90000
	dead "s.$host.agent.recentrece" 3000
	dead "s.otherhosto.agent.oldoldoldo" 90000
	: >"$place/s.$host.agent.plainplain"
	touch -d '2 days ago' "$place/s.$host.agent.plainplain"
}
rest=$(printf '%s\n' "$live" "s.$host.agent.plainplain" \
    "s.$host.agent.recentrece" | sort | tr '\n' ' ')
rest_and_other=$(printf '%s\n' "$live" "s.$host.agent.plainplain" \
    "s.$host.agent.recentrece" s.otherhosto.agent.oldoldoldo | sort |
    tr '\n' ' ')

plant
before=$(lying)
begin -U -a "$T/elsewhere"
check_same with_a_place_of_its_own_nothing_is_cleaned "$before" "$(lying)"
end keeping
begin -T
check_same nor_with_a_new_folder "$before" "$(lying)"
end keeping_T
begin -U
check_same nor_with_U "$before" "$(lying | sed "s/${socket##*/} //")"
end keeping_U
begin
check_same a_start_cleans_this_hosts "$rest_and_other" \
    "$(lying | sed "s/${socket##*/} //")"
end cleaning
# A command's agent too.
rm -f "$place/s.$host.agent.recentrece" "$place/s.otherhosto.agent.oldoldoldo"
plant
# shellcheck disable=SC2016
socket=$("$AGENT" sh -c 'echo "$SSH_AUTH_SOCK"')
check_same a_command_cleans_too "$rest_and_other" \
    "$(lying | sed "s/${socket##*/} //")"
check and_its_socket_goes wait_for 20 test ! -e "$socket"

rm -f "$place/s.$host.agent.recentrece" "$place/s.otherhosto.agent.oldoldoldo"
plant
out=$("$AGENT" -u)
check_same u_says_what_it_did \
    'Deleted stale agent sockets in ~/.ssh/agent' "$out"
check_same u_cleans_this_hosts "$rest_and_other" "$(lying)"
check uu_succeeds "$AGENT" -uu
check_same uu_cleans_all_hosts "$rest" "$(lying)"
check_same and_leaves_the_live_one_alone "${live_pid}" \
    "$(agent_of "$place/$live")"
kill "$live_pid"
check the_live_one_ends wait_for 30 process_gone "$live_pid"

check u_without_a_folder env HOME="$T/none" "$AGENT" -u
check_same and_it_makes_none no "$([ ! -e "$T/none" ] && echo no)"
check_status no_folder_can_be_made 255 env HOME=/dev/null "$AGENT" -D
check_status u_takes_no_command 1 "$AGENT" -u true
check_status u_and_others_mean_nothing 0 "$AGENT" -uDTs -a "$T/x" -t 5

# -T, before -a.
export TMPDIR=$T
begin -T -a "$T/not-this"
folder=$(dirname "$socket")
check_has a_new_folder "$folder" "$T/ssh-"
check_same with_twelve_letters 12 "$(tr -d -c 'a-zA-Z0-9' \
    <<<"${folder#"$T"/ssh-}" | wc -c)"
check_same that_is_private 700 "$(stat -c %a "$folder")"
check_same as_is_the_socket 600 "$(stat -c %a "$socket")"
shape="s:^.*/ssh-[A-Za-z0-9]\{12\}/agent\.[0-9]*\$:same:"
# Before 10.1 this was the default, and -T was not known.  Debian's has a group
# of its own, so that the C library keeps TMPDIR from it.
# shellcheck disable=SC2016
real=$(print='echo "$SSH_AUTH_SOCK"'
	ssh-agent -T sh -c "$print" 2>/dev/null || ssh-agent sh -c "$print")
check_same its_shape same "$(sed "$shape" <<<"$socket")"
check_same the_real_ones_shape same "$(sed "$shape" <<<"$real")"
end T
check_same and_its_folder no "$([ ! -e "$folder" ] && echo no)"
scenario_end
