#!/bin/bash
# 50-watch.sh - watch with a stand-in for docker: what runs is loaded, and again
# whenever it starts; and everything that can go wrong on the way.
# shellcheck source=tests/support/load.sh
. "$(dirname "$0")/../support/load.sh"

need_own
mkdir -m 755 "$T/path"
cp "$support/../provision/docker-stand-in" "$T/path/docker"
chmod 755 "$T/path/docker"
PATH=$T/path:$PATH
E=$T/engine
export DOCKER_STAND_IN=$E
mkdir -m 755 "$E"
mkfifo -m 666 "$E/fifo"
# It never ends, whoever else has it.
exec 8<>"$E/fifo"

for name in git git2; do
	make_key ed25519 "$name"
done
manifest "$(entry git.test "$T/git")"
cp "$T/m.json" "$T/watched.json"
agent_start --public --allow node=list,sign

WEB=$(printf '%064d' 1) DB=$(printf '%064d' 2) TASK=$(printf '%064d' 3)

# containers LINE...: those that run.
containers() {
	printf '%s\n' "$@" >"$E/containers.new"
	mv "$E/containers.new" "$E/containers"
}
# tell ACTION ID NAME [LABELS]: an event.
tell() {
	printf '{"status":"%s","id":"%s","Type":"container","Action":"%s",' \
	    "$1" "$2" "$1" >&8
	printf '"Actor":{"ID":"%s","Attributes":{%s"name":"%s"}},"time":1}\n' \
	    "$2" "${4:+$4,}" "$3" >&8
}

watch_pid='' notified='' terminal=''
watch_gone() {
	[ -z "$watch_pid" ] || kill "$watch_pid"
	[ -z "$notified" ] || kill "$notified"
	[ -z "$terminal" ] || kill -KILL "$terminal"
}
at_exit watch_gone
prompt=(--no-prompt)
# watch ARG...: in the background, with its output in files.
watch() {
	: >"$T/out"
	: >"$T/err"
	# What a shell starts in the background ignores SIGINT.
	env --default-signal=INT "$PROVISION" watch --socket "$S" --bin "$bin" \
	    --user "$account" --home "$N" --no-install "${prompt[@]}" "$@" \
	    </dev/null >"$T/out" 2>"$T/err" 8>&- &
	watch_pid=$!
}
# lines [TEXT]: how many lines of its output have that.
lines() {
	grep -cF -- "${1:-}" "$T/out" || true
}
has_lines() {
	[ "$(lines "$2")" -ge "$1" ]
}
# says NAME N TEXT [SECONDS]: N lines of output have that, soon.
says() {
	if wait_for "${4:-30}" has_lines "$2" "$3"; then
		ok "$1"
	else
		not_ok "$1" "no $2 lines with \"$3\" in: $(tail -n 20 \
		    "$T/out"); $(tail -n 5 "$T/err")"
	fi
}
# quiet NAME N TEXT [SECONDS]: there are N lines with that, and no more within a while.
quiet() {
	sleep "${4:-0.6}"
	check_same "$1" "$2" "$(lines "$3")"
}
# end NAME [SIGNAL [STATUS]]: it ends by a signal, as it should.
end() {
	local status=0 from

	from=$(now_ms)
	kill "-${2:-TERM}" "$watch_pid"
	wait "$watch_pid" || status=$?
	watch_pid=''
	check_same "$1" "${3:-0}" "$status"
	check_same "$1_in_time" yes \
	    "$([ $(($(now_ms) - from)) -lt 20000 ] && echo yes)"
}
# engine_dies: the process that prints events.
engine_dies() {
	local pid

	wait_for 30 test -s "$E/events.pid"
	pid=$(cat "$E/events.pid")
	rm -f "$E/events.pid"
	kill -KILL "$pid"
}
prints() {
	as_account SSH_AUTH_SOCK="$S" ssh-add -l 2>/dev/null |
	    cut -d ' ' -f 3 | sort | tr '\n' ' '
}
calls() {
	grep -c "^$1" "$E/log" || true
}

# --- wrong use ------------------------------------------------------------------

# refused NAME STATUS PART ARG...
refused() {
	local name=$1 wanted=$2 part=$3

	shift 3
	run watch --socket "$S" --no-prompt "$@"
	expect "$name" "$wanted" "$part"
}
containers
refused no_target 2 'target' -f "$T/m.json"
refused of_this_machine 2 'run "bottle-provision load"' -f "$T/m.json" local
refused of_a_command 2 'nothing tells when that starts' -f "$T/m.json" exec:env
refused of_a_pod 2 'watch does not follow pods' -f "$T/m.json" kubectl:a/b/c
refused twice 2 'name it once' -f "$T/m.json" web docker:web
refused odd_service 2 'no service of swarm' -f "$T/m.json" 'swarm:a b'
refused all_without_a_label 2 '--label' -f "$T/m.json" --all
refused no_program 5 'nerdctl is not in PATH' -f "$T/m.json" nerdctl:web
refused no_manifest 2 'cannot open the manifest' -f "$T/none.json" web
refused no_dry_run 2 '--dry-run' --dry-run -f "$T/m.json" web
printf '[]\n' >"$T/empty.json"
refused nothing_to_load 0 'there are no ssh entries in the manifest' \
    -f "$T/empty.json" web
check_same nothing_was_run no "$([ -e "$E/log" ] && echo yes || echo no)"

# --- what runs, and what starts -----------------------------------------------------

containers "web $WEB 100 one {}"
watch -f "$T/watched.json" web docker:db
says runs_at_the_start 1 'docker:web running'
says is_loaded 1 'docker:web loaded 1 key in '
says is_waited_for 1 'docker:db waiting'
check_same has_the_key 'git ' "$(prints)"
check_has says_what_it_holds "$(cat "$T/err")" \
    '1 key of yours is held in locked memory of this machine'
# Only those looks that it always has.
quiet no_second_load 1 'docker:web loaded' 1.2
check_same two_programs 2 "$(calls exec)"

containers "web $WEB 101 two {}"
tell die "$WEB" web
says stops 1 'docker:web stopped'
home_new
tell start "$WEB" web
says starts 1 'docker:web started'
says is_loaded_again 2 'docker:web loaded'
check has_files_again test -e "$N/.ssh/bottle-agent/env"
containers "web $WEB 101 two {}" "db $DB 102 one {}"
tell start "$DB" db
says the_other_starts 1 'docker:db started'
says the_other_is_loaded 1 'docker:db loaded'
tell start "$TASK" other
tell start "$TASK" ''
quiet others_are_not_loaded 3 ' loaded '
check_same others_are_not_told_of 0 "$(lines other)"
# By that name it is another container now.
WEB2=$(printf '%064d' 11)
containers "web $WEB2 103 one {}" "db $DB 102 one {}"
tell die "$WEB" web
tell start "$WEB2" web
says another_of_that_name 3 'docker:web loaded'
tell die "$WEB" web
quiet the_old_one_means_nothing 2 'docker:web stopped' 0.3

# --- what cannot be understood ---------------------------------------------------

before=$(calls ps)
printf '%s\n' garbage '{' '[]' '{"Type":"container","Action":"start"}' >&8
printf '\033]0;x\007\n\n\0\n' >&8
tell start '../../etc' web
tell start "$WEB2" "$(printf 'x\\n\\u001b[2J')"
more_looks() {
	[ "$(calls ps)" -gt "$before" ]
}
wait_for 30 more_looks || true
check_same garbage_is_looked_after yes \
    "$([ "$(calls ps)" -gt "$before" ] && echo yes)"
check_has garbage_is_told_of "$(cat "$T/err")" 'cannot be understood'
# A line that is longer than any is passed over, and the next one is not.
head -c 300000 /dev/zero | tr '\0' x >&8
printf '\n' >&8
tell start "$WEB2" web
says a_long_line_is_passed_over 4 'docker:web loaded'
# A start that no event told of is found by that look.
containers "web $WEB2 104 two {}" "db $DB 102 one {}"
sleep 1.1
printf 'garbage\n' >&8
says a_look_finds_a_start 5 'docker:web loaded'
check_same all_is_clean no "$(unclean "$(cat "$T/out" "$T/err")" && echo yes ||
    echo no)"

# --- an engine that goes away -------------------------------------------------------

containers "web $WEB2 105 three {}" "db $DB 102 one {}"
engine_dies
says events_end 1 'docker lost: docker events has ended; again in 1.00 s'
says is_back 1 'docker back'
says what_was_missed_is_loaded 6 'docker:web loaded'
quiet what_was_not_started_is_not 1 'docker:db loaded'
echo 'Cannot connect to the Docker daemon at unix:///x.sock.' >"$E/down"
engine_dies
says no_daemon 1 'docker lost: Cannot connect to the Docker daemon'
says no_daemon_again 1 'again in 2.00 s'
containers "db $DB 106 two {}"
rm "$E/down"
says is_back_again 2 'docker back'
says the_other_was_started 2 'docker:db loaded'
says the_first_was_stopped 1 'docker:web stopped'
end ends_by_term
check_has says_that_it_ends "$(tail -n 1 "$T/out")" ' ended'
nothing_runs() {
	! pgrep -f "$E/fifo"
}
check nothing_of_it_runs wait_for 30 nothing_runs
# What is left in the pipe is nobody's.
drain() {
	perl -e 'use Fcntl;
		sysopen(my $f, $ARGV[0], O_RDONLY | O_NONBLOCK) or die;
		1 while sysread($f, my $bytes, 65536);' "$E/fifo"
}
drain

# --- a storm ---------------------------------------------------------------------

containers "web $WEB 100 one {}"
: >"$E/log"
echo 0.3 >"$E/slow"
watch -f "$T/watched.json" web
says before_the_storm 1 'docker:web loaded'
for ((i = 0; i < 1000; i++)); do
	tell start "$WEB" web
done
says the_storm 1000 'docker:web started' 60
# at_rest: what is said last is a load, and nothing is for a while after it.
at_rest() {
	n=$(lines '')
	tail -n 1 "$T/out" | grep -q 'docker:web loaded' && sleep 3 &&
	    [ "$(lines '')" = "$n" ]
}
check the_last_start_is_loaded wait_for 60 at_rest
# While it lasts some are, and a load takes its time.
n=$(lines 'docker:web loaded')
check_same few_loads_for_many_starts yes \
    "$([ "$n" -ge 2 ] && [ "$n" -le 50 ] && echo yes || echo "no, $n")"
rm "$E/slow"
# A line without an end is the end of the engine's program.
head -c 17000000 /dev/zero | tr '\0' x >&8
says an_endless_line 1 'prints a line without an end' 60
says is_back_after_it 1 'docker back'
end ends_after_the_storm INT

# --- loads that fail -----------------------------------------------------------------

containers "web $WEB 100 one {}"
echo '1 Error response from daemon: something is broken' >"$E/fail"
watch -f "$T/watched.json" --json web
says fails 3 '"event":"failed"'
check_same fails_with_a_code yes "$(jq -e 'select(.event == "failed") |
	.code >= 1 and (.error | length > 0) and .again_seconds >= 0.25' \
    "$T/out" >/dev/null && echo yes)"
rm "$E/fail"
says is_loaded_in_the_end 1 '"event":"loaded"'
check_same each_try_waits_longer '0.25 0.5 1' "$(jq -r \
    'select(.event == "failed") | .again_seconds' "$T/out" | head -n 3 |
    paste -s -d ' ')"
check_same json_of_a_load "docker:web 1 $account" "$(jq -r 'select(.event ==
	"loaded") | .target + " " + (.keys | tostring) + " " + .user' "$T/out")"
check_same json_all_of_it 0 "$(jq -r 'select(.version != 1 or
	(.time | test("^20..-..-..T..:..:..\\....Z$") | not))' "$T/out" |
    wc -l)"
# What is stopped is not tried any more.
echo '1 Error: broken' >"$E/fail"
tell start "$WEB" web
says fails_again 4 '"event":"failed"'
containers
tell die "$WEB" web
says stops_while_failing 1 '"event":"stopped"'
# One that was under way may end; the third and the fourth would be later.
sleep 1.2
n=$(lines '"event":"failed"')
quiet no_more_tries "$n" '"event":"failed"' 3
rm "$E/fail"
end ends_while_failing
drain

# --- what is refused -------------------------------------------------------------------

containers "web $WEB 100 one {}"
echo '3 bottle-agent: error: the rules say no' >"$E/fail"
watch -f "$T/watched.json" web
says is_refused 1 'docker:web failed: '
check_has is_not_tried_again "$(cat "$T/out")" \
    'not again until it is started again'
quiet no_try_after_a_no 1 'failed' 1
rm "$E/fail"
tell start "$WEB" web
says is_tried_after_a_start 1 'docker:web loaded'

# --- other keys --------------------------------------------------------------------------

printf '[' >"$T/watched.json"
kill -HUP "$watch_pid"
says a_broken_manifest_is_told_of 1 'not read: '
check_has what_was_read_stays "$(cat "$T/out")" 'what was read before stays'
echo '[]' >"$T/watched.json"
kill -HUP "$watch_pid"
says an_empty_manifest_is_told_of 2 'not read: '
check_has nor_is_it_used "$(cat "$T/out")" 'there are no ssh entries in it'
home_new
tell start "$WEB" web
says what_was_read_is_loaded 2 'docker:web loaded'
check_same the_earlier_key 'git ' "$(prints)"
manifest "$(entry git.test "$T/git2")"
cp "$T/m.json" "$T/watched.json"
kill -HUP "$watch_pid"
says a_manifest_is_read_again 1 'read 1 key'
says other_keys_are_loaded 3 'docker:web loaded'
check_same the_other_key 'git2 ' "$(prints)"

# --- the end in the middle of a load --------------------------------------------------------

echo 5 >"$E/slow"
: >"$E/log"
manifest "$(entry git.test "$T/git")"
cp "$T/m.json" "$T/watched.json"
kill -HUP "$watch_pid"
wait_for 30 grep -q '^exec' "$E/log"
end ends_in_a_load INT
check_has a_load_is_given_up "$(cat "$T/out")" 'failed: given up'
check_same nothing_was_changed 'git2 ' "$(prints)"
rm "$E/slow"
drain

# --- labels, and tasks of a service ---------------------------------------------------------

service='"com.docker.swarm.service.name":"api"'
containers "api.1.x $TASK 100 one {$service}" "web $WEB 100 one {}" \
    "api.2.x $DB 100 one {\"com.docker.swarm.service.name\":\"apis\"}"
: >"$E/log"
watch -f "$T/watched.json" swarm:api
says a_task_is_loaded 1 'docker:api.1.x loaded'
check_same by_its_id 2 "$(calls "exec $TASK")"
tell start "$WEB2" api.3.x "$service"
says a_new_task_is_followed 1 'docker:api.3.x started'
tell die "$TASK" api.1.x "$service"
says a_task_goes 1 'docker:api.1.x stopped'
quiet no_other_task 0 'docker:api.2.x'
end ends_with_tasks
drain
containers "one $WEB 100 one {\"keys\":\"yes\",\"tier\":\"front\"}" \
    "two $DB 100 one {\"keys\":\"yes\"}"
watch -f "$T/watched.json" --all --label keys=yes --label tier
says with_both_labels 1 'docker:one loaded'
tell start "$TASK" three '"keys":"yes","tier":""'
says a_new_one_with_both 1 'docker:three started'
tell start "$WEB2" four '"keys":"no","tier":""'
quiet without_one_of_them 0 'docker:two'
check_same with_another_value 0 "$(lines docker:four)"
end ends_with_labels
drain

# --- a passphrase ---------------------------------------------------------------------------

ssh-keygen -q -t ed25519 -N 'open it' -C locked -f "$T/locked"
manifest "$(entry git.test "$T/locked")"
cat >"$T/askpass" <<-EOS
	#!/bin/sh
	echo asked >>"$T/asked"
	echo 'open it'
EOS
chmod 755 "$T/askpass"
containers "web $WEB 100 one {}"
prompt=()
SSH_ASKPASS=$T/askpass SSH_ASKPASS_REQUIRE=force watch -f "$T/m.json" web
says an_encrypted_key_is_loaded 1 'docker:web loaded'
tell start "$WEB" web
says and_loaded_again 2 'docker:web loaded'
check_same the_key_was_opened 'locked ' "$(prints)"
kill -HUP "$watch_pid"
says nobody_is_asked_again 1 'not read: '
check_same asked_once asked "$(cat "$T/asked")"
end ends_with_a_passphrase
prompt=(--no-prompt)
drain
manifest "$(entry git.test "$T/git")"
in=$T/m.json
watch_stdin() {
	# What the one before said is not to be taken for its words.
	: >"$T/out"
	: >"$T/err"
	"$PROVISION" watch --socket "$S" --bin "$bin" --user "$account" \
	    --home "$N" --no-install --no-prompt -f - web <"$T/m.json" \
	    >"$T/out" 2>"$T/err" 8>&- &
	watch_pid=$!
}
watch_stdin
says from_stdin 1 'docker:web loaded'
kill -HUP "$watch_pid"
says stdin_is_not_read_again 1 'cannot be read again'
end ends_from_stdin
drain

# --- a service manager ----------------------------------------------------------------------

# notified ADDRESS: what comes there, in $T/notes.
cat >"$T/notified" <<-'EOS'
	use Socket;
	my ($address, $file) = @ARGV;
	$address =~ s/^@/\0/;
	socket(my $s, AF_UNIX, SOCK_DGRAM, 0) or die;
	bind($s, pack_sockaddr_un($address)) or die "bind: $!";
	open(my $f, '>', $file) or die;
	while (defined recv($s, my $text, 4096, 0)) {
		syswrite($f, "$text\n");
		last if $text =~ /STOPPING=1/;
	}
EOS
for address in "$T/notify.sock" "@bottle-watch-$$"; do
	perl "$T/notified" "$address" "$T/notes" 8>&- &
	notified=$!
	wait_for 30 test -e "$T/notes"
	name=$([ "${address:0:1}" = @ ] && echo abstract || echo path)
	NOTIFY_SOCKET=$address watch -f "$T/m.json" web
	says "${name}_loaded" 1 'docker:web loaded'
	wait_for 30 grep -q '1 of 1 targets loaded' "$T/notes" || true
	check_has "${name}_is_ready" "$(cat "$T/notes")" READY=1
	check_has "${name}_status" "$(cat "$T/notes")" \
	    'STATUS=1 of 1 targets loaded'
	kill -HUP "$watch_pid"
	says "${name}_reads" 1 'read 1 key'
	check "${name}_is_reloading" wait_for 30 \
	    grep -q '^MONOTONIC_USEC=[0-9]' "$T/notes"
	end "${name}_ends"
	check "${name}_is_stopping" wait_for 30 grep -q STOPPING=1 "$T/notes"
	end_process "$notified" 1
	notified=''
	rm -f "$T/notes"
	drain
done
NOTIFY_SOCKET=$T/nobody watch -f "$T/m.json" web
says nobody_listens 1 'docker:web loaded'
check_has nobody_listens_is_told "$(cat "$T/err")" NOTIFY_SOCKET
end ends_without_a_listener
NOTIFY_SOCKET=no/path watch -f "$T/m.json" web
says a_place_that_is_none 1 'docker:web loaded'
check_has a_place_that_is_none_is_told "$(cat "$T/err")" \
    'at NOTIFY_SOCKET: malformed'
end ends_without_a_place

# --- a terminal that goes away ----------------------------------------------------

if command -v script >/dev/null; then
	cat >"$T/in-terminal" <<-EOS
		#!/bin/sh
		echo \$\$ >$T/terminal.pid
		exec $PROVISION watch --socket $S --bin $bin --user $account \\
		    --home $N --no-install --no-prompt -f $T/m.json web \\
		    >$T/out 2>$T/err
	EOS
	chmod 755 "$T/in-terminal"
	: >"$T/out"
	script -qec "$T/in-terminal" /dev/null </dev/null \
	    >/dev/null 2>&1 8>&- &
	terminal=$!
	says in_a_terminal 1 'docker:web loaded'
	# That is no hangup.
	kill -HUP "$(cat "$T/terminal.pid")"
	says in_a_terminal_it_reads 1 'read 1 key'
	kill -KILL "$terminal"
	terminal=''
	says it_ends_with_its_terminal 1 ' ended'
	check it_is_gone wait_for 30 process_gone "$(cat "$T/terminal.pid")"
fi
scenario_end
