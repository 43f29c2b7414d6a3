#!/bin/bash
# What the log goes to takes nothing any more: a syslog daemon that stands still,
# by datagrams or by a stream, and a terminal that nobody reads.  The agent goes
# on, serves, ends when it is told to, and says what was left out.
# shellcheck source=tests/support/scenario.sh
. "$(dirname "$0")/../support/scenario.sh"

need_root

# fill N: as many lines for the log, each of a request that removes all keys.
fill() {
	# shellcheck disable=SC2016
	timeout 20 perl -e '
		use Socket;
		socket(my $s, AF_UNIX, SOCK_STREAM, 0) or die;
		connect($s, sockaddr_un(shift)) or die;
		for (1 .. shift) {
			syswrite $s, "\0\0\0\1\x13";
			read($s, my $reply, 5) == 5 or die;
		}' "$S" "$1"
}

# goes_on NAME PID: it serves still, and ends.
goes_on() {
	check "${1}_it_serves" fill 1
	kill -TERM "$2"
	check "${1}_it_ends" wait_for 10 process_gone "$2"
}

# --- a terminal --------------------------------------------------------------

# terminal COMMAND...: with such a one as stderr; what it took is in $T/said when
# the command has ended.
# shellcheck disable=SC2016
terminal='
	open(my $said, ">", shift) or die;
	open(my $master, "+<", "/dev/ptmx") or die;
	my $n = pack "i", 0;
	ioctl($master, 0x40045431, $n) or die;	# TIOCSPTLCK
	ioctl($master, 0x80045430, $n) or die;	# TIOCGPTN
	open(my $slave, ">", "/dev/pts/" . unpack "i", $n) or die;
	my $pid = fork // die;
	if ($pid == 0) {
		open(STDERR, ">&", $slave) or die;
		exec @ARGV or die;
	}
	$SIG{TERM} = sub { kill "TERM", $pid };
	# What it took by and by is told it once more.
	$SIG{USR1} = sub { sysread $master, my $some, 65536 };
	1 while waitpid($pid, 0) < 0;
	my $status = $? >> 8;
	close $slave;
	print $said $_ while sysread $master, $_, 65536;
	exit $status'
mkfifo "$T/ready"
perl -e "$terminal" "$T/said" "$AGENT" -D -a "$S" --allow 0=admin \
    --ready-fd 9 >"$T/out" 2>&1 9>"$T/ready" &
pid=$!
agent_seen "$pid"
read -r -t 30 <"$T/ready" || die 'it does not serve'
check it_does_not_wait_for_a_terminal fill 1500
kill -USR1 "$pid"
# More than one, since what is there is only a part.
check it_goes_on_when_that_is_read fill 5
goes_on with_a_terminal "$pid"
check it_says_what_was_left_out grep -q \
    'warning: [0-9]* messages were left out: nobody read them' "$T/said"

# --- a syslog daemon ---------------------------------------------------------

# A /dev that only the agent and its daemon see.
mkdir "$T/dev"
unshare -m sh -c "mount -t tmpfs -o mode=755 none $T/dev && : >$T/dev/null &&
    mount --bind /dev/null $T/dev/null && mount --rbind $T/dev /dev &&
    : >$T/mounted && exec sleep 1000" 2>/dev/null &
there=$!
agent_seen "$there"
mounted_or_gone() {
	[ -e "$T/mounted" ] || process_gone "$there"
}
wait_for 20 mounted_or_gone || true
if [ ! -e "$T/mounted" ]; then
	printf '# nothing can be mounted here: no syslog\n'
	scenario_end
fi

# stand KIND: a daemon that takes what its socket holds; after SIGUSR1 it writes
# down all of it.
# shellcheck disable=SC2016
stand() {
	nsenter -t "$there" -m rm -f /dev/log
	rm -f "$T/listening"
	mkfifo "$T/listening"
	: >"$T/syslog"
	nsenter -t "$there" -m perl -e '
		use Socket;
		my $stream = shift eq "stream";
		my $go = 0;
		$SIG{USR1} = sub { $go = 1 };
		socket(my $s, AF_UNIX, $stream ? SOCK_STREAM : SOCK_DGRAM,
		    0) or die;
		bind($s, sockaddr_un("/dev/log")) or die;
		!$stream or listen($s, 5) or die;
		open(my $f, ">", $ARGV[0]) or die;
		select $f;
		$| = 1;
		print STDOUT "yes\n";
		close STDOUT;
		my $from = $s;
		$stream and (accept($from, $s) or die);
		select undef, undef, undef, 0.1 until $go;
		while (defined recv $from, $_, 65536, 0) {
			last if $_ eq "";
			s/\0/\n/g;
			s/\n?\z/\n/;
			print;
		}' "$1" "$T/syslog" >"$T/listening" &
	daemon=$!
	agent_seen "$daemon"
	read -r -t 10 <"$T/listening" || die 'no daemon'
}
# agent_there [OPTION...]: an agent in the background there; its process in pid.
agent_there() {
	nsenter -t "$there" -m "$AGENT" -a "$S" "$@" >"$T/out" </dev/null
	pid=$(sed -n 's/^SSH_AGENT_PID=\([0-9]*\);.*/\1/p' "$T/out")
	agent_seen "$pid"
}
heard() {
	grep -qE "$1" "$T/syslog"
}
head='^<3[0-9]>[A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8} bottle-agent\[[0-9]+\]: '

for kind in dgram stream; do
	stand "$kind"
	agent_there --allow 0=admin
	check "it_does_not_wait_for_$kind" fill 1500
	kill -USR1 "$daemon"
	check "${kind}_hears_what_fits" wait_for 10 heard "${head}info: "
	fill 1
	check "${kind}_hears_what_does_not" wait_for 10 heard \
	    "${head}warning: [0-9]+ messages were left out"
	goes_on "with_a_$kind" "$pid"
	end_process "$daemon"
done

# Records, and a daemon that never goes on.
stand dgram
agent_there --allow 0=admin --audit syslog
check it_does_not_wait_with_records fill 1500
lost() {
	[ "$("$AGENT" --status --json -a "$S" | jq .audit.lost)" -gt 0 ]
}
check records_are_counted_as_lost wait_for 20 lost
goes_on with_records "$pid"
scenario_end
