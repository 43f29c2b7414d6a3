#!/bin/bash
# Keys are in locked memory or nowhere: what may be locked decides whether the
# agent starts and how much it holds; the status tells the truth about it; a
# crash leaves nothing behind; nobody fills it with requests that never end;
# and libcrypto's code for other processors works in it as well.
# shellcheck source=tests/support/scenario.sh
. "$(dirname "$0")/../support/scenario.sh"

need_root
types=("${key_types[@]}" rsa3072)
for type in "${types[@]}"; do
	make_key "$type"
done
install -m 755 "$BOTTLE_BIN/halfadd" "$T/halfadd"
as_other true

# Root may lock what it likes, so the agent is a user's where limits matter.
program=$AGENT
roots_socket=$S
# as_user LIMIT: the agent by setpriv, with that much to lock (bytes).
as_user() {
	local uid=${other_uid:?}

	AGENT=$T/as_user
	printf '#!/bin/sh\nexec prlimit --memlock=%s:%s %s "%s" "$@"\n' \
	    "$1" "$1" "setpriv --reuid $uid --regid $uid --clear-groups" \
	    "$program" >"$AGENT"
	chmod 755 "$AGENT"
	S=$T/other/sock
}
as_root() {
	AGENT=$program
	S=$roots_socket
}

# memory FIELD: what the status says of it.
memory() {
	"$program" --status --json -a "$S" | jq -r ".memory.$1"
}
# VmLck of the agent in bytes.
locked() {
	local kib

	kib=$(sed -n 's/^VmLck:[[:space:]]*\([0-9]*\) kB$/\1/p' \
	    "/proc/$(agent_of "$S")/status")
	printf '%s\n' "$((kib * 1024))"
}

# signs NAME: the agent, with that key; ssh-add -T asks RSA keys for SHA-1.
signs() {
	as_self ssh-keygen -q -Y sign -n git -f "$T/$1.pub" <<<"$1" \
	    >"$T/signature" &&
	    ssh-keygen -q -Y check-novalidate -n git -s "$T/signature" \
		<<<"$1"
}

# signs_with NAME TYPE...: these keys go in and sign; and come out again.
signs_with() {
	local name=$1 type

	shift
	for type; do
		check "${name}_takes_$type" as_self ssh-add -q "$T/$type"
	done
	for type; do
		check "${name}_signs_with_$type" signs "$type"
	done
	check "${name}_lets_go" as_self ssh-add -q -D
}

# --- how much may be locked --------------------------------------------------

for way in auto secret mlock; do
	as_user 0
	status=0
	timeout 20 "$AGENT" -D -a "$S" --allow "$other_uid=admin" \
	    --memory="$way" >"$T/said" 2>&1 </dev/null || status=$?
	check_same "nothing_to_lock_ends_with_4: $way" 4 "$status"
	check_same "in_one_line: $way" 1 "$(wc -l <"$T/said")"
	check_has "which_names_the_limit: $way" "$(cat "$T/said")" \
	    'RLIMIT_MEMLOCK is 0 bytes'
	check_has "and_how_to_raise_it: $way" "$(cat "$T/said")" \
	    '--ulimit memlock=65536'
	check_same "no_socket_is_left: $way" no "$([ ! -e "$S" ] && echo no)"
done

# Nor a folder, where whoever started it is the faster one of the two.
mkdir -m 1777 "$T/folders"
no_folder() {
	[ -z "$(find "$T/folders" -mindepth 1)" ]
}
cpu=$(taskset -p -c $$ | sed 's/.*: //; s/[,-].*//')
for ((i = 0; i < 20; i++)); do
	status=0
	TMPDIR=$T/folders timeout 20 taskset -c "$cpu" "$AGENT" -T \
	    >"$T/said" 2>&1 </dev/null || status=$?
	[ "$status" -eq 4 ] || break
done
check_same nothing_to_lock_in_the_background 4 "$status"
check no_folder_is_left wait_for 30 no_folder

as_user 65536
for way in auto secret mlock; do
	agent_start --allow "$other_uid=admin" --memory="$way"
	check_same "64_KiB_are_all_used: $way" 65536 "$(memory size)"
	check_same "and_locked: $way" 65536 "$(locked)"
	signs_with "64_KiB: $way" "${types[@]}"
	agent_stop
done

# Full: the keys that are there sign, and there are a good many.
agent_start --allow "$other_uid=admin"
n=0
while [ "$n" -lt 40 ]; do
	make_key ed25519 "more$n"
	as_self ssh-add -q "$T/more$n" || break
	n=$((n + 1))
done
check_same 40_more_keys_fit 40 "$n"
check rsa_4096_fits_beside_them as_self ssh-add -q "$T/rsa4096"
check and_signs signs rsa4096
check_same as_do_the_others '' "$(
	for ((i = 0; i < n; i++)); do
		signs "more$i" 2>&1 || echo "$i"
	done
)"
agent_stop

# --- what the status says of it ----------------------------------------------

as_root
for way in secret:memfd_secret mlock:mlock; do
	agent_start --allow 0=admin --memory="${way%:*}" --memory-size=256K
	check_same "the_status_says_${way#*:}" "${way#*:}" "$(memory backing)"
	check_has "also_for_people: ${way#*:}" \
	    "$("$AGENT" --status -a "$S")" \
	    "memory: ${way#*:}, 262144 bytes"
	check_same "its_size_is_what_is_locked: ${way#*:}" \
	    "$(memory size)" "$(locked)"
	agent_stop
done

# Nobody waits for it at the start, but all that operations take is found soon.
# found: KiB of the region that have memory.
found() {
	awk '/secretmem/ { on = 1 } on && /^Rss:/ { print $2; exit }' \
	    "/proc/$(agent_of "$S")/smaps"
}
all_is_found() {
	[ "$(found)" -ge 256 ]
}
agent_start --allow 0=admin --memory=secret
check memory_for_operations_is_found wait_for 10 all_is_found
check_same and_nothing_for_keys_to_come yes \
    "$([ "$(found)" -le 1024 ] && echo yes)"
agent_stop

as_user 0
: >"$T/log"
agent_start --allow "$other_uid=admin" --allow-unlocked-memory
check_has unlocked_is_told_at_start "$(cat "$T/log")" \
    'warning: private keys are in memory that is NOT locked'
check_same unlocked_is_in_the_status unlocked "$(memory backing)"
check_has unlocked_is_told_to_people "$("$program" --status -a "$S")" \
    'NOT LOCKED: keys may be written to swap'
check_same nothing_is_locked_indeed 0 "$(locked)"
signs_with unlocked ed25519 rsa2048
check_has unlocked_is_told_of_every_key "$(cat "$T/log")" \
    'ed25519; keys are in memory that is NOT locked'
agent_stop
as_user 65536
: >"$T/log"
agent_start --allow "$other_uid=admin" --allow-unlocked-memory
check_same it_is_locked_where_it_can_be 65536 "$(locked)"
check_lacks and_nothing_else_is_said "$(cat "$T/log")" 'NOT locked'
agent_stop

# --- a crash -----------------------------------------------------------------

as_root
# crash COMMAND...: "dumped" or "no core", if SIGSEGV ended it, when it is
# allowed to leave one.
crash() {
	mkdir -p "$T/crash"
	# shellcheck disable=SC2016
	perl -e '
		chdir shift; my $pidfile = shift;
		defined(my $pid = fork) or die;
		unless ($pid) { exec { $ARGV[0] } @ARGV; die }
		open(my $f, ">", $pidfile) or die; print $f "$pid\n"; close $f;
		waitpid($pid, 0);
		print +($? & 127) == 11 ? $? & 128 ? "dumped" : "no core" :
		    "status $?", "\n"
	' "$T/crash" "$T/crash.pid" prlimit --core=unlimited "$@"
}
crash sleep 100 >"$T/crashed" &
wait_for 30 test -s "$T/crash.pid"
runs() {
	[ "$(cat "/proc/$(cat "$T/crash.pid")/comm")" = "$1" ]
}
wait_for 30 runs sleep
kill -SEGV "$(cat "$T/crash.pid")"
wait $!
control=$(cat "$T/crashed")
rm -rf "$T/crash" "$T/crash.pid"

crash "$AGENT" -D -a "$S" --allow 0=admin >"$T/crashed" 2>"$T/log" &
waiting=$!
check one_that_will_crash_serves wait_for 30 "$AGENT" --status -a "$S"
agent_seen "$(cat "$T/crash.pid")"
check it_has_a_key as_self ssh-add -q "$T/rsa2048"
kill -SEGV "$(cat "$T/crash.pid")"
wait "$waiting"
# A sanitizer catches the signal and ends the process itself.
if grep -q 'Sanitizer' "$T/log"; then
	printf '# a sanitizer caught the signal\n'
else
	printf '# another program under the same limit: %s\n' "$control"
	check_same a_crash_leaves_no_core 'no core' \
	    "$(tail -n 1 "$T/crashed")"
fi
check_same nor_any_file '' "$(ls -A "$T/crash")"

# --- requests that never end -------------------------------------------------

# root_is_served NAME: adds keys in both ways, and has them sign.
root_is_served() {
	local type

	for type in ed25519 ecdsa521 rsa2048 rsa3072; do
		check "root_adds_$type: $1" as_self ssh-add -q "$T/$type"
		check "and_signs_with_$type: $1" signs "$type"
	done
	check "by_load_as_well: $1" sh -c \
	    "'$AGENT' --load -a '$S' --name more <'$T/ecdsa256'"
}

# half_adds OPS COUNT BYTES [OPTION...]: a user with these rights begins to add
# keys; root is served all the while.
half_adds() {
	local name="$1 $3 ${4:-}" ops=$1 count=$2 bytes=$3 sender start took

	shift 3
	agent_start --public --allow 0=admin --allow "$other_uid=$ops" "$@"
	# What it takes without them; a busy machine needs more.
	start=$(now_ms)
	root_is_served "before, $name"
	took=$(($(now_ms) - start))
	check "and_removes: $name" as_self ssh-add -q -D
	check "first_a_key: $name" as_self ssh-add -q "$T/rsa4096"
	: >"$T/sent"
	as_other "$T/halfadd" "$S" "$count" "$bytes" >"$T/sent" 2>&1 &
	sender=$!
	agent_seen "$sender"
	check "they_are_begun: $name" wait_for 20 test -s "$T/sent"
	printf '# %s: %s\n' "$name" "$(cat "$T/sent")"
	start=$(now_ms)
	root_is_served "$name"
	check "soon: $name" test "$(($(now_ms) - start))" -lt \
	    "$((3 * took + 8000))"
	check "the_first_signs: $name" signs rsa4096
	end_process "$sender"
	agent_stop
}
half_adds list,sign 4000 20000
half_adds list,sign,add 4000 20000
half_adds list,sign,add 4000 250000
half_adds list,sign 4000 20000 --memory-size=64K

# --- other processors --------------------------------------------------------

# Without SHA, ADX and so on; as the oldest; without AVX-512 and IFMA.
for cap in ':~0x200000' '0:0' '~0x0:0x0' '~0x200000200000000' ':~0x30000' \
    '0x0:~0x0'; do
	export OPENSSL_ia32cap=$cap
	agent_start --allow 0=admin
	signs_with "ia32cap=$cap" "${types[@]}"
	check "ia32cap=${cap}_loads" sh -c \
	    "cat '$T'/rsa2048 '$T'/ed25519 '$T'/ecdsa384 |
		'$AGENT' --load -a '$S' --expect 3"
	agent_stop
	unset OPENSSL_ia32cap
done
scenario_end
