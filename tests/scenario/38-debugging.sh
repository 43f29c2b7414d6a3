#!/bin/bash
# With -d the agent says more, and never a secret; with -E fingerprints are
# those that ssh-keygen shows with it.
# shellcheck source=tests/support/scenario.sh
. "$(dirname "$0")/../support/scenario.sh"

make_keys
lock=correct-horse-battery

# serve OPTION...: as agent_start does, which would add -D.
serve() {
	rm -f "$T/ready" "$T/log"
	mkfifo "$T/ready"
	"$AGENT" -a "$S" --ready-fd 9 "$@" >"$T/out" 2>"$T/log" </dev/null \
	    9>"$T/ready" &
	agent_pid=$!
	agent_end=2
	agent_seen "$agent_pid"
	read -r -t 30 <"$T/ready" || die "it does not serve: $(cat "$T/log")"
}

# use: all that a client can do.
use() {
	local type

	for type in "${key_types[@]}"; do
		as_self ssh-add -q -t 600 "$T/$type"
		echo data | as_self ssh-keygen -q -Y sign -n file \
		    -f "$T/$type.pub" >/dev/null
	done
	askpass "$lock"
	as_self ssh-add -x 2>/dev/null
	askpass wrong-horse-battery
	as_self ssh-add -X 2>/dev/null || true
	askpass "$lock"
	as_self ssh-add -X 2>/dev/null
	unset SSH_ASKPASS SSH_ASKPASS_REQUIRE DISPLAY
	as_self ssh-add -q -d "$T/rsa2048.pub"
	as_self ssh-add -q -D 2>/dev/null
	# shellcheck disable=SC2016
	printf '\0\0\0\x7f\x11%s' "$lock" | timeout 5 perl -MIO::Socket::UNIX \
	    -e 'my $s = IO::Socket::UNIX->new(Peer => shift) or die;
	    print $s <STDIN>; $s->flush' "$S"
}

# in_log FILE: whether 8 bytes in a row of what the file holds are in the log,
# as they are, in hexadecimal or in base64.
in_log() {
	perl -MMIME::Base64 -e '
		local $/;
		my ($file, $log) = @ARGV;
		open(my $f, "<", $file) or die;
		open(my $g, "<", $log) or die;
		my ($secret, $text) = (<$f>, <$g>);
		for my $i (0 .. length($secret) - 8) {
			my $part = substr($secret, $i, 8);
			exit 0 if index($text, $part) >= 0 ||
			    index(lc $text, unpack("H*", $part)) >= 0 ||
			    index($text, substr(encode_base64($part), 0, 10))
			    >= 0;
		}
		exit 1' "$1" "$T/log"
}

serve -d
use
agent_stop
check_has it_says_more "$(cat "$T/log")" ' debug: '
check_has and_names_keys_by_fingerprint "$(cat "$T/log")" \
    "$(ssh-keygen -l -f "$T/ed25519.pub" | cut -d ' ' -f 2)"
printf '%s' "$lock" >"$T/lock"
printf 'wrong-horse-battery' >"$T/wrong"
for secret in lock wrong; do
	check_status "no_passphrase_$secret" 1 in_log "$T/$secret"
done
for type in "${key_types[@]}"; do
	# What the file has after the public key: its private half, as text too,
	# without the comment, which the log tells.
	perl -MMIME::Base64 -e '
		my ($name, @lines) = (shift, <>);
		my $all = decode_base64(join("", grep { !/^-/ } @lines));
		my $half = substr($all, int(length($all) * 0.62));
		$half =~ s/\0\0\0.\Q$name\E.*\z//s or die;
		print $half;' "$type" "$T/$type" >"$T/half"
	check_status "no_private_half_of_$type" 1 in_log "$T/half"
	grep -v '^-' "$T/$type" | tail -n 3 >"$T/half"
	check_status "nor_its_text_of_$type" 1 in_log "$T/half"
done
# It can tell: a comment is in the list that is not a secret.
ssh-keygen -l -f "$T/ed25519.pub" | cut -d ' ' -f 2 >"$T/half"
check what_is_there_is_found in_log "$T/half"

serve -D
use
agent_stop
check_lacks D_says_less "$(cat "$T/log")" ' debug: '

# However a client goes, the log has the same words for it: at the end, with a
# reply that it did not read, with half a request, and with more replies than
# the socket takes.
serve -d
# shellcheck disable=SC2016
leave='
	use Socket;
	$SIG{PIPE} = "IGNORE";
	my ($path, $how) = @ARGV;
	socket(my $s, AF_UNIX, SOCK_STREAM, 0) or die;
	connect($s, sockaddr_un($path)) or die;
	my $list = "\0\0\0\1\13";
	syswrite $s, $list;
	vec(my $there, fileno $s, 1) = 1;
	select $there, undef, undef, 20 or die;
	sysread $s, my $reply, 9 if $how ne "unread";
	syswrite $s, "\0\0\0\5\13" if $how eq "half";
	if ($how eq "flood") {
		$s->blocking(0);
		1 while syswrite $s, $list x 1000;
	}'
for how in end unread half flood; do
	gone=$(grep -c 'connection closed' "$T/log" || true)
	check "leaves_$how" timeout 30 perl -MIO::Handle -e "$leave" "$S" "$how"
	one_more() {
		[ "$(grep -c 'connection closed' "$T/log")" -gt "$gone" ]
	}
	check "is_seen_to_leave_$how" wait_for 30 one_more
done
agent_stop
check_same it_is_gone_in_one_way 'connection closed: the peer is gone' \
    "$(grep -o 'connection closed.*' "$T/log" | sort -u)"

for hash in md5 sha1 sha256 sha384 sha512 MD5 Sha512; do
	serve -d -E "$hash"
	as_self ssh-add -q "$T/ed25519"
	agent_stop
	shown=$(ssh-keygen -l -E "${hash,,}" -f "$T/ed25519.pub" |
	    cut -d ' ' -f 2)
	check_has "fingerprint_by_$hash" "$(cat "$T/log")" "key $shown"
done
scenario_end
