# shellcheck shell=bash disable=SC2034,SC2154
# sshd.sh - hosts to log in to: real sshds of OpenSSH, one for each login, on a
# pipe, so that there is no port that somebody else may have.
#
# Sourced, after scenario.sh.  All hosts are this machine, and who logs in is
# whoever runs the scenario; what makes them different hosts is the host key
# and the name that it is known under.  Every host lets in the keys in
# $T/authorized, which the scenario writes.
#
# A bash that sshd starts reads ~/.bashrc, unless a shell is said to be around
# it: what the account of this machine has there may print, or wait.

# The folder that sshd wants is there as long as any scenario needs it: who made
# it holds nobody up, and only the last one takes it away.
sshd_folder() {
	local sign=/run/lock/bottle-test-sshd

	exec 8>"$sign"
	flock -s 8
	if mkdir -m 755 /run/sshd 2>/dev/null; then
		touch "$sign.made"
	fi
	at_exit sshd_folder_done "$sign"
}
sshd_folder_done() {
	if [ -e "$1.made" ] && flock -xn 8; then
		rmdir /run/sshd
		rm -f "$1.made"
	fi
	exec 8>&-
}

sshd_ready() {
	[ -x /usr/sbin/sshd ] || skip_all 'there is no sshd here'
	need_root
	sshd_folder
	touch "$T/authorized" "$T/known_hosts" "$T/near" "$T/far"
	chmod 644 "$T/authorized" "$T/known_hosts" "$T/near" "$T/far"
}

# sshd_host NAME [LINE...]: a host with the key host_NAME, made before, and
# these lines first in its sshd_config, so that they count.  It is NAME to ssh
# and NAME.test to known_hosts.  $T/near is the ssh_config of the machine that
# the agent is on, $T/far that of all others: there the agent is a forwarded one.
sshd_host() {
	local name=$1 config

	shift
	printf '%s\n' "$@" >"$T/sshd_$name"
	cat >>"$T/sshd_$name" <<-EOS
		HostKey $T/host_$name
		AuthorizedKeysFile $T/authorized
		StrictModes no
		UsePAM no
		PasswordAuthentication no
		KbdInteractiveAuthentication no
		PermitRootLogin prohibit-password
		AllowAgentForwarding yes
		PidFile none
		LogLevel QUIET
		SetEnv SHLVL=1
	EOS
	for config in near far; do
		cat >>"$T/$config" <<-EOS
			Host $name
				HostKeyAlias $name.test
				ProxyCommand /usr/sbin/sshd -i -f $T/sshd_$name
			Host *
				User $(id -un)
				IdentitiesOnly yes
				PreferredAuthentications publickey
				GlobalKnownHostsFile /dev/null
				UserKnownHostsFile $T/known_hosts
				StrictHostKeyChecking yes
				UpdateHostKeys no
				BatchMode yes
				LogLevel ERROR
		EOS
	done
}

# sshd_known NAME: NAME.test is known by its plain key.
sshd_known() {
	printf '%s.test %s\n' "$1" \
	    "$(cut -d ' ' -f 1-2 "$T/host_$1.pub")" >>"$T/known_hosts"
}

# near KEY [OPTION...] HOST [COMMAND]: ssh from here, with the agent.
near() {
	local key=$1

	shift
	timeout 60 ssh -F "$T/near" -o "IdentityAgent=$S" -i "$T/$key.pub" "$@"
}

# via KEY WAY COMMAND: at the end of a way, hosts with blanks between them, each
# entered with that key from the one before; the agent comes along.
via() {
	local key=$1 command=$3 way i

	read -ra way <<<"$2"
	for ((i = ${#way[@]} - 1; i > 0; i--)); do
		command="ssh -A -F $T/far -i $T/$key.pub ${way[i]} $(
		    printf '%q' "$command")"
	done
	near "$key" -A "${way[0]}" "$command"
}

# check_logs_in NAME KEY WAY
check_logs_in() {
	local out

	out=$(via "$2" "$3" 'echo in' 2>&1 </dev/null) || true
	check_same "$1" in "${out##*$'\n'}"
}

# check_denied NAME KEY WAY: in the end the sshd over there says no.
check_denied() {
	local out status=0

	out=$(via "$2" "$3" 'echo in' 2>&1 </dev/null) || status=$?
	out=${out##*$'\n'}
	check_same "$1" \
	    "255, $(id -un)@${3##* }: Permission denied (publickey)." \
	    "$status, ${out%$'\r'}"
}

# seen_at WAY: the keys that are listed there, by their comments, sorted; "free"
# is the key that goes there.
seen_at() {
	via free "$1" 'ssh-add -L || true' 2>/dev/null </dev/null |
	    cut -d ' ' -f 3- | sort | tr '\n' ' '
}

# sshd_listen NAME: that host on a port of this machine, for those who want one;
# the kernel chooses it, and it is in $port afterwards.
sshd_listen() {
	cat >"$T/listen.pl" <<-'EOS'
		use strict;
		use IO::Socket::INET;
		my ($port_file, @command) = @ARGV;
		$SIG{CHLD} = 'IGNORE';
		my $l = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
		    Listen => 8) or die;
		open(my $f, '>', "$port_file.new") or die;
		print $f $l->sockport, "\n";
		close($f);
		rename("$port_file.new", $port_file) or die;
		while (my $c = $l->accept) {
			next if fork;
			open(STDIN, '<&', $c) or die;
			open(STDOUT, '>&', $c) or die;
			exec(@command) or die;
		}
	EOS
	perl "$T/listen.pl" "$T/port_$1" /usr/sbin/sshd -i -f "$T/sshd_$1" \
	    2>/dev/null &
	at_exit end_process "$!"
	wait_for 30 test -e "$T/port_$1" || die 'there is no port'
	port=$(cat "$T/port_$1")
}
