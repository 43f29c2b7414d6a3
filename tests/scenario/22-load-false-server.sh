#!/bin/bash
# Before a key is sent, who serves the socket and who could put another one in
# its place is looked at: a server of another user, or a folder that others can
# write, gets no byte.
# shellcheck source=tests/support/scenario.sh
. "$(dirname "$0")/../support/scenario.sh"

need_root
make_key ed25519

# A server that notes what it is sent, and says what an agent might.
# shellcheck disable=SC2016
false_server='
	use Socket;
	my ($path, $note) = @ARGV;
	open(my $out, ">", $note) or die;
	$out->autoflush(1);
	socket(my $s, AF_UNIX, SOCK_STREAM, 0) or die;
	bind($s, sockaddr_un($path)) or die "bind: $!";
	chmod(0666, $path);
	listen($s, 5) or die;
	print STDOUT "\n";
	close(STDOUT);
	while (accept(my $c, $s)) {
		print $out "connected\n";
		while (sysread($c, my $bytes, 65536)) {
			print $out "got ", unpack("H*", $bytes), "\n";
			syswrite($c, "\0\0\0\1\6");
		}
	}'

# serve UID PATH: start one; its notes are $T/notes/UID.
mkdir -m 1777 "$T/notes"
serve() {
	rm -f "$T/ready"
	mkfifo "$T/ready"
	setpriv --reuid "$1" --regid "$1" --clear-groups perl -MIO::Handle \
	    -e "$false_server" "$2" "$T/notes/$1" >"$T/ready" 2>>"$T/log" &
	at_exit end_process "$!"
	read -r -t 20 <"$T/ready" || die 'the false server does not serve'
}

# refuse NAME UID PATH PART
refuse() {
	local name=$1 uid=$2 path=$3 part=$4 out status=0

	out=$(timeout 20 "$AGENT" --load -a "$path" --public \
	    --allow 65534=list <"$T/ed25519" 2>&1) || status=$?
	check_same "${name}_ends_with_3" 3 "$status"
	check_has "${name}_says_so" "$out" "$part"
	check_same "${name}_sends_no_byte" '' \
	    "$(grep '^got' "$T/notes/$uid")"
}

install -d -m 755 -o 65534 -g 65534 "$T/theirs"
serve 65534 "$T/theirs/s"
refuse server_of_another_user 65534 "$T/theirs/s" 65534

# Root's own, but where anybody may rename and unlink, or in a folder of
# somebody else's.
mkdir -m 777 "$T/open"
serve 0 "$T/open/s"
refuse folder_that_all_can_write 0 "$T/open/s" "$T/open"
mkdir -m 755 "$T/theirs/below"
serve 0 "$T/theirs/below/s"
refuse folder_below_another_users 0 "$T/theirs/below/s" "$T/theirs"
ln -s "$T/open/s" "$T/link"
refuse link_into_an_open_folder 0 "$T/link" link

# Nothing of an agent of our own is started beside a false one.
check_refused status_of_a_false_one timeout 60 "$AGENT" --status -a "$T/open/s"

# The notes are taken: a client that does not look is heard.
SSH_AUTH_SOCK=$T/theirs/s timeout 5 ssh-add -l >/dev/null 2>&1 || true
check_has the_false_server_hears_others "$(cat "$T/notes/65534")" 'got 00'
scenario_end
