#!/bin/bash
# provision.sh docker|embedded - bottle-provision load into a bottle, for real.
#
# A bottle, a proxy and a server that is two hosts (see world.sh).  The operator
# on this side has key files and a manifest; bottle-provision does the rest; and
# then the user of the bottle works with both hosts, without a word of
# configuration by hand.  What goes wrong on the way must leave everything as it
# was.  BOTTLE_STATIC_BIN is the folder of the static programs, BOTTLE_BIN that
# of bottle-provision and memscan.
# Much here is text for the shell on the other side, and a name for a check.
# shellcheck disable=SC2016
set -eu

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/support/say.sh
. "$here/../support/say.sh"
# shellcheck source=tests/support/check.sh
. "$here/../support/check.sh"
# shellcheck source=tests/support/packages.sh
. "$here/../support/packages.sh"
# shellcheck source=tests/e2e/roots.sh
. "$here/roots.sh"
# shellcheck source=tests/e2e/engine.sh
. "$here/engine.sh"
# shellcheck source=tests/e2e/world.sh
. "$here/world.sh"

kind=${1:?usage: provision.sh docker|embedded}
bin=${BOTTLE_STATIC_BIN:-$here/../../build/static/bin}
host_bin=${BOTTLE_BIN:-$here/../../build/release/bin}
provision=$host_bin/bottle-provision

# How often something is killed in the middle of a load.
KILLS=${BOTTLE_PROVISION_KILLS:-30}

work=$(mktemp -d "${TMPDIR:-/tmp}/bottle-provision.XXXXXX")
at_exit rm -rf "$work"

# --- the world ---------------------------------------------------------------

[ -x "$provision" ] || skip_all "there is no program $provision"
why=$(world_missing "$kind" "$bin")
[ -z "$why" ] || skip_all "$why"
if [ "$kind" != embedded ]; then
	at_exit engine_down
	engine_up "$work" || skip_all "$engine_why"
fi
roots_ready || die 'cannot make the root file systems'
if [ "$kind" != embedded ]; then
	docker_ready || skip_all "$world_why"
fi
at_exit world_down
world_up "$kind" "bottle-load-$$" "$bin" || {
	cat "$world_dir"/*.log >&2 2>/dev/null
	die "cannot bring the world up: ${world_why:-see above}"
}

# enter_script FILE WORD...: a program for exec: that runs a command in the
# bottle, behind these words: what places files as its user, the rest as root.
enter_script() {
	local file=$1

	shift
	cat >"$file" <<-EOS
		#!/bin/bash
		case \$1 in
		*/bottle-forward) exec $* $(world_enter 1000) "\$@" ;;
		*) exec $* $(world_enter 0) "\$@" ;;
		esac
	EOS
	chmod 755 "$file"
}

if [ "$kind" = docker ]; then
	target=docker:$world_name
else
	enter_script "$work/enter"
	target=exec:$work/enter
fi

# What enters the bottle is another command afterwards.
restart() {
	world_restart
	[ "$kind" = docker ] || enter_script "$work/enter"
}

# The process 1 of the bottle, as it is counted here.
bottle_init() {
	if [ "$kind" = docker ]; then
		docker inspect -f '{{.State.Pid}}' "$world_name"
	else
		cat "$world_dir/bottle.pid"
	fi
}

# --- the operator's side -------------------------------------------------------

mkdir -m 700 "$work/home" "$work/op"

# make_key FILE [ssh-keygen's option...]
make_key() {
	local file=$1

	shift
	mkdir -p "$(dirname "$file")"
	ssh-keygen -q -t ed25519 -N '' -C "${file##*/}" "$@" -f "$file" \
	    </dev/null
}

# json TEXT: as a JSON string.
json() {
	local text=${1//\\/\\\\}

	printf '"%s"' "${text//\"/\\\"}"
}

# hostkey FILE.pub
hostkey() {
	cut -d ' ' -f 1-2 "$1"
}

# for_git NAME FILE [FIELDS], for_build NAME FILE [FIELDS]: an entry of a
# manifest for that host, under that name.
for_git() {
	printf '{"Host": "%s", "Hostname": "%s", "User": "git",' \
	    "$1" "$world_host"
	printf '"KnownHostKey": "%s",' "$(hostkey "$world_dir/hostkey.pub")"
	printf '"IdentityFile": %s%s}\n' "$(json "$2")" "${3:+, $3}"
}

for_build() {
	printf '{"Host": "%s", "Hostname": "%s", "User": "deploy",' \
	    "$1" "$world_build"
	printf '"Port": %d,' "$world_build_port"
	printf '"KnownHostKey": "%s",' "$(hostkey "$world_dir/buildkey.pub")"
	printf '"IdentityFile": %s%s}\n' "$(json "$2")" "${3:+, $3}"
}

# manifest FILE ENTRY...: write it.
manifest() {
	local file=$1 comma=''

	shift
	{
		printf '['
		for entry in "$@"; do
			printf '%s%s' "$comma" "$entry"
			comma=,
		done
		printf ']\n'
	} >"$file"
}

# The operator's program.  His home is not that of who runs this.
provision() {
	HOME=$work/home timeout 60 "$provision" "$@" </dev/null
}

# load MANIFEST [OPTION...]: with what every load here has.
load() {
	local file=$1

	shift
	provision load -f "$file" --proxy "$world_proxy_url" --sign \
	    --no-prompt --no-install "$@" "$target"
}

# --- what is in the bottle -----------------------------------------------------

# node COMMAND...: as its user, in an environment that has nothing of an
# agent's; there is no terminal, and nothing comes on stdin.
node() {
	bottle 1000 timeout 20 "$@"
}

# State as its user and the agent's peers see it: the keys in force, and all
# files that a load writes.
state_of='
	cd /home/node
	SSH_AUTH_SOCK=$1 ssh-add -L 2>&1 | sort
	shopt -s nullglob
	for file in .ssh/config .gitconfig .ssh/bottle-agent/env \
	    .ssh/bottle-agent/*/*; do
		[ -f "$file" ] || continue
		printf "%s " "$file"
		sha256sum <"$file"
	done'

state() {
	bottle 0 bash -c "$state_of" - "$world_socket"
}

# To be run in front of it: waits until nothing of a load runs there.  An agent
# that a load has started would look like one.
settle='
	for i in {1..2000}; do
		grep -qaE "bottle-forwar[d].place|bottle-agen[t].--load" \
		    /proc/[0-9]*/cmdline 2>/dev/null || break
		sleep 0.02
	done'

# changes: what is not as in the image, but for what is random in a name.
changes() {
	world_changes | sed -E 's,/\.([^./]+)\.[A-Za-z0-9]{6}(/|$),/.\1.X\2,' |
	    sort -u
}

# check_load NAME MANIFEST [OPTION...]: it succeeds.
check_load() {
	local name=$1 out status=0

	shift
	out=$(load "$@" 2>&1) || status=$?
	if [ "$status" -eq 0 ]; then
		ok "$name"
	else
		not_ok "$name" "ended with $status: ${out:0:600}"
	fi
}

# check_kept NAME STATUS PART COMMAND...: it ends so and says that, and the
# bottle is as before.
check_kept() {
	local name=$1 wanted=$2 part=$3 out before status=0

	shift 3
	before=$(state)
	out=$("$@" 2>&1) || status=$?
	check_same "${name}_ends_with_$wanted" "$wanted" "$status"
	check_has "${name}_says_what_is_wrong" "$out" "$part"
	check_same "${name}_changes_nothing" "$before" "$(state)"
}

# --- two hosts, two keys -------------------------------------------------------

# Both keys are called id, in folders of their own.  The server lets either in,
# as either user, so that the agent alone keeps them apart.
make_two() {
	make_key "$work/op/git/id" -C git-key
	make_key "$work/op/build/id" -C build-key
	make_key "$work/op/git2/id" -C git-key-2
	make_key "$work/op/build2/id" -C build-key-2
	cat "$work"/op/*/id.pub >"$work/two.pub"
	server_authorize "$work/two.pub"
	server_authorize_as deploy "$work/two.pub"
	manifest "$work/two.json" \
	    "$(for_git "$world_host" "$work/op/git/id")" \
	    "$(for_build "$world_build" "$work/op/build/id")"
	manifest "$work/two2.json" \
	    "$(for_git "$world_host" "$work/op/git2/id")" \
	    "$(for_build "$world_build" "$work/op/build2/id")"
}

# What the user of the bottle has already: no newline at the end, and modes of
# his own.
user_config='# mine
Host other.example
	User me'

user_files() {
	bottle 1000 git config --global user.name node
	bottle 1000 git config --global user.email node@bottle.example
	bottle_in 1000 bash -c '
		mkdir -m 700 ~/.ssh
		cat >~/.ssh/config
		chmod 640 ~/.ssh/config' < <(printf %s "$user_config")
	bottle 1000 cat .gitconfig >"$work/gitconfig"
}

# check_behind NAME FILE WANTED LINES: the user's file is WANTED behind so many
# new lines.
check_behind() {
	check_same "$1" "$(sha256sum <"$3")" \
	    "$(bottle 1000 cat "$2" | tail -n "+$(($4 + 1))" | sha256sum)"
}

# The modes, owners and kinds of all that is there.
listing='find .ssh .gitconfig -printf "%M %U:%G %p %l\n" |
	sed -E "s,\.default\.[A-Za-z0-9]{6},.default.X," | sort'

# Each file that its user has, with what is in it; and all else that is not as
# in the image, but for what an agent that runs has.
files_of='cd /home/node
	{
		find . -printf "%p %M %U:%G %l\n"
		find . -type f -exec sha256sum {} +
	} | sort'

files() {
	bottle 1000 bash -c "$files_of"
	changes | grep -vE '^/run(/|$)' || true
}

test_first_load() {
	local out status=0

	files >"$work/files.before"
	changes >"$work/changes.before"
	out=$(load "$work/two.json" 2>"$work/said") || status=$?
	check_same load_ends_with_0 0 "$status"
	[ "$status" -eq 0 ] || sed 's/^/# /' "$work/said"
	check_same load_names_the_keys "$(
		for name in git build; do
			printf 'ssh-ed25519 %s %s-key\n' "$(ssh-keygen -lf \
			    "$work/op/$name/id.pub" | cut -d ' ' -f 2)" "$name"
		done)" "$out"

	changes >"$work/changes.after"
	check_same load_writes_nothing_but_its_files '' \
	    "$(comm -13 "$work/changes.before" "$work/changes.after" |
		grep -vE '^/run(/bottle-agent\.sock(\.lock)?)?$' |
		grep -vE "^$world_home(/\.ssh(/config)?|/\.gitconfig)?\$" |
		grep -vE "^$world_home/\.ssh/bottle-agent(/.*)?\$" |
		grep -vE '^/home$' | tr '\n' ' ')"
	check_same the_config_has_one_line_more \
	    'Include ~/.ssh/bottle-agent/*/config' \
	    "$(bottle 1000 head -n 1 .ssh/config)"
	printf %s "$user_config" >"$work/config"
	check_behind and_every_byte_of_the_users .ssh/config "$work/config" 1
	check_behind so_has_the_gitconfig .gitconfig "$work/gitconfig" 2
	out=$(bottle 1000 bash -c "$listing")
	check_has the_users_file_keeps_its_mode "$out" \
	    '-rw-r----- 1000:1000 .ssh/config '
	check_has the_folder_is_private "$out" \
	    'drwx------ 1000:1000 .ssh/bottle-agent '
	check_has the_load_is_behind_one_link "$out" \
	    'lrwxrwxrwx 1000:1000 .ssh/bottle-agent/default .default.X'
	check_same all_of_it_is_private '' "$(
		grep ' .ssh/bottle-agent/' <<<"$out" |
		    grep -vE '^l|^(-rw-|drwx)------ 1000:1000 ' || true)"
}

# git by the names of the hosts alone; $1 is the host, $2 the repository.
clone_push_sign='
	set -eu
	rm -rf ~/"$2" ~/"$2.again"
	git clone -q "$1:$2.git" ~/"$2"
	cd ~/"$2"
	date >"file.$RANDOM"
	git add .
	git commit -q -S -m signed
	git push -q origin HEAD:main
	git clone -q "$1:$2.git" ~/"$2.again"
	git -C ~/"$2.again" log -1 --show-signature'

# with_pub NAME USER@HOST PORT: ssh with this public key and no other.
with_pub() {
	node ssh -F none -o IdentityAgent="$world_socket" \
	    -o IdentitiesOnly=yes -i "$world_home/$1.pub" \
	    -o StrictHostKeyChecking=yes -o BatchMode=yes \
	    -o UserKnownHostsFile='~/.ssh/bottle-agent/default/known_hosts' \
	    -o ProxyCommand="$world_bin/bottle-forward connect --proxy \
	    $world_proxy_url %h %p" -p "$3" "$2" true
}

test_use() {
	local name

	check_same ssh_to_the_first git "$(node ssh "$world_host" whoami 2>&1)"
	check_same ssh_to_the_second deploy \
	    "$(node ssh "$world_build" whoami 2>&1)"
	check_has git_with_the_first \
	    "$(node bash -c "$clone_push_sign" - "$world_host" project 2>&1)" \
	    'Good "git" signature'
	check_has git_with_the_second \
	    "$(node bash -c "$clone_push_sign" - "$world_build" site 2>&1)" \
	    'Good "git" signature'
	check git_signs_with_an_empty_environment node env -i \
	    HOME="$world_home" PATH=/usr/bin:/bin \
	    git -C "$world_home/site" commit -q --allow-empty -S -m again
	check_has and_the_signature_is_good "$(node git -C "$world_home/site" \
	    log -1 --show-signature 2>&1)" 'Good "git" signature'
	check_has the_env_file_is_for_shells "$(node bash -c '
		set -a
		. ~/.ssh/bottle-agent/env
		exec ssh-add -L')" git-key

	for name in git build; do
		bottle_in 1000 bash -c 'cat >"$1.pub"' - "$name" \
		    <"$work/op/$name/id.pub"
	done
	check the_key_of_a_host_is_good_there with_pub git \
	    "git@$world_host" 22
	check_status and_for_no_other_user 255 with_pub git \
	    "deploy@$world_host" 22
	check_status and_for_no_other_host 255 with_pub git \
	    "git@$world_build" "$world_build_port"
	check the_other_one_likewise with_pub build \
	    "deploy@$world_build" "$world_build_port"
	check_status that_is_for_no_other_host 255 with_pub build \
	    "deploy@$world_host" 22
}

# --- the other commands ----------------------------------------------------------

# asked NAME WANTED COMMAND [OPTION...]: of the target; sets said to all of it.
asked() {
	local name=$1 wanted=$2 status=0

	shift 2
	said=$(provision "$@" "$target" 2>&1) || status=$?
	check_same "${name}_ends_with_$wanted" "$wanted" "$status"
}

# with_phrase COMMAND: lock or unlock.
with_phrase() {
	asked "$1" 0 "$1" --passphrase-fd 7 7< <(printf 'open sesame')
}

# Those of a load that is there, which goes in the end; then it is loaded again.
test_commands() {
	local git build said foreign=.ssh/bottle-agent/mine

	git=$(ssh-keygen -lf "$work/op/git/id.pub" | cut -d ' ' -f 2)
	build=$(ssh-keygen -lf "$work/op/build/id.pub" | cut -d ' ' -f 2)
	asked status 0 status
	check_has status_counts_the_keys "$said" "$target: 2 keys"
	check_has status_shows_one "$said" "ssh-ed25519 $git git-key
    0 signatures, never used; load default"
	check_has status_shows_its_host "$said" "@$world_host"
	check_has status_shows_the_other "$said" "ssh-ed25519 $build build-key"

	# The server would let it in as that user.
	check_has no_other_user_is_signed_for \
	    "$(node ssh "deploy@$world_host" whoami 2>&1)" 'Permission denied'
	asked explain 0 explain
	check_has explain_names_the_key "$said" "$git"
	check_has explain_says_who_was_refused "$said" \
	    "login as deploy, bound to $world_host"
	check_has explain_says_why "$said" 'the destinations are for other users'

	with_phrase lock
	check_has locked_it_signs_nothing \
	    "$(node ssh "$world_host" whoami 2>&1)" 'Permission denied'
	asked status_of_it_locked 0 status
	check_has status_says_that_it_is_locked "$said" "$target: LOCKED"
	with_phrase unlock
	check_same unlocked_it_signs git "$(node ssh "$world_host" whoami 2>&1)"
	if command -v jq >/dev/null; then
		asked status_as_json 0 status --json
		check_same status_as_json_counts_the_uses \
		    "$target false build-key:0 git-key:1" "$(jq -r '
			.targets[0] | [.target, (.agent | (.locked,
			([.keys[] | "\(.comment):\(.signatures)"] |
			sort[])))] | map(tostring) | join(" ")' <<<"$said")"
	fi

	bottle 1000 touch "$foreign"
	asked remove 0 remove
	check_has remove_says_what_went "$said" \
	    'removed load default: 2 keys, and the files of node'
	check_same remove_takes_the_keys 'The agent has no identities.' \
	    "$(bottle 1000 env SSH_AUTH_SOCK="$world_socket" ssh-add -L)"
	check remove_leaves_what_is_not_the_loads \
	    bottle 1000 test -e "$foreign"
	# What cannot be taken away here is seen below.
	bottle 1000 rm -f "$foreign"
	bottle 1000 rmdir "${foreign%/*}" 2>/dev/null || true
	files >"$work/files.after"
	check_same remove_takes_what_was_written_and_nothing_else '' \
	    "$(diff "$work/files.before" "$work/files.after")"
	check_load a_load_after_that "$work/two.json"
}

# --- what the parts it is made of could not do -----------------------------------

# one_key FILE: a manifest with this one, the name of whose file is anything.
one_key() {
	manifest "$work/one.json" "$(for_git "$world_host" "$1")"
}

# check_one NAME FILE: it is loaded, and lets in.
check_one() {
	one_key "$2"
	check_load "$1" "$work/one.json"
	check_same "$1_and_lets_in" git "$(node ssh "$world_host" whoami 2>&1)"
}

test_passphrase() {
	local out status=0

	make_key "$work/op/pass/id" -N 'open sesame' -C pass
	cat "$work/op/pass/id.pub" >>"$work/two.pub"
	server_authorize "$work/two.pub"
	one_key "$work/op/pass/id"
	check_kept a_passphrase_without_a_prompt 2 "$work/op/pass/id" \
	    load "$work/one.json"

	printf '#!/bin/sh\necho "$*" >>%q\necho "open sesame"\n' \
	    "$work/asked" >"$work/askpass"
	chmod 755 "$work/askpass"
	out=$(HOME=$work/home SSH_ASKPASS=$work/askpass DISPLAY=:0 \
	    SSH_ASKPASS_REQUIRE=force timeout 60 setsid -w "$provision" load \
	    -f "$work/one.json" --proxy "$world_proxy_url" "$target" \
	    2>&1 </dev/null) || status=$?
	[ "$status" -eq 0 ] || printf '# %s\n' "$out"
	check_same a_passphrase_by_askpass 0 "$status"
	check_has askpass_was_told_which_key "$(cat "$work/asked" 2>&1)" \
	    "$work/op/pass/id"
	check_same and_its_key_lets_in git \
	    "$(node ssh "$world_host" whoami 2>&1)"
}

test_third_of_four() {
	local file

	for file in 1 2 3 4; do
		make_key "$work/op/four/$file"
	done
	sed -i '3s/..../@@@@/' "$work/op/four/3"
	manifest "$work/four.json" \
	    "$(for_git one.example "$work/op/four/1")" \
	    "$(for_git two.example "$work/op/four/2")" \
	    "$(for_git three.example "$work/op/four/3")" \
	    "$(for_git four.example "$work/op/four/4")"
	check_kept the_third_of_four_is_broken 2 "$work/op/four/3" \
	    load "$work/four.json"
}

test_odd_files() {
	local evil='a "b" $(touch pwned) `touch pwned` %h ~ ; \ '"'c' #"

	sed 's/$/\r/' "$work/op/git/id" >"$work/op/crlf"
	chmod 600 "$work/op/crlf"
	check_one a_key_with_CRLF "$work/op/crlf"
	printf %s "$(cat "$work/op/git/id")" >"$work/op/no-newline"
	chmod 600 "$work/op/no-newline"
	check_one a_key_without_a_last_newline "$work/op/no-newline"
	mkdir "$work/op/with blanks"
	install -m 600 "$work/op/git/id" "$work/op/with blanks/my key"
	check_one a_path_with_blanks "$work/op/with blanks/my key"
	mkdir "$work/op/$evil"
	install -m 600 "$work/op/git/id" "$work/op/$evil/$evil"
	check_one a_path_that_a_shell_would_run "$work/op/$evil/$evil"
	check_same nothing_of_it_was_run '' "$(find . "$work" -maxdepth 2 \
	    -name pwned)$(bottle 0 find / -xdev -name pwned)"
}

test_twice() {
	local before listed

	check_load again_after_all_that "$work/two.json"
	before=$(state)
	listed=$(bottle 1000 bash -c "$listing")
	changes >"$work/changes.once"
	check_load twice_in_a_row "$work/two.json"
	check_same the_second_time_changes_nothing "$before" "$(state)"
	check_same nor_any_mode "$listed" \
	    "$(bottle 1000 bash -c "$listing")"
	check_same nor_a_file "$(cat "$work/changes.once")" "$(changes)"
}

test_restart() {
	restart
	check_refused a_restart_ends_the_agent node ssh "$world_host" true
	check_load a_load_after_a_restart "$work/two.json"
	wait_for 30 server_answers || true
	check_same ssh_after_a_restart git \
	    "$(node ssh "$world_host" whoami 2>&1)"
}

# sshd lets six be tried, and only the last one is let in.
test_many_keys() {
	local i entries=()

	for i in {1..20}; do
		make_key "$work/op/many/key$i"
		entries+=("$(for_git "h$i.example" "$work/op/many/key$i")")
	done
	manifest "$work/many.json" "${entries[@]}"
	check_load twenty_keys "$work/many.json"
	check_same the_agent_has_twenty 20 \
	    "$(bottle 1000 env SSH_AUTH_SOCK="$world_socket" ssh-add -L |
		wc -l)"
	server_authorize "$work/op/many/key20.pub"
	check_same the_right_one_of_twenty_is_used git \
	    "$(node ssh h20.example whoami 2>&1)"
	server_authorize "$work/two.pub"
	check_load two_in_the_place_of_twenty "$work/two.json"
	check_same the_agent_has_two_again 2 \
	    "$(bottle 1000 env SSH_AUTH_SOCK="$world_socket" ssh-add -L |
		wc -l)"
}

# --- where no byte of a key may be ---------------------------------------------

# start_load MANIFEST: in the background; started is the program's own number.
start_load() {
	HOME=$work/home "$provision" load -f "$1" --sign --no-prompt \
	    --proxy "$world_proxy_url" --no-install "$target" \
	    </dev/null >"$work/out" 2>&1 &
	started=$!
}

# begin_held MANIFEST: a load that waits in the middle: the agent has the keys,
# and what places files is stopped.  One that was over before that could be done,
# on a busy machine, has changed nothing.
begin_held() {
	for _ in {1..10}; do
		start_load "$1"
		if held_placer=$(perl "$here/strike.pl" "$(bottle_init)" \
		    '/bottle-forward place' STOP 0 "$started"); then
			# So that the other side has got there.
			sleep 0.5
			return
		fi
		wait "$started" || break
	done
	die "nothing places files: $(cat "$work/out")"
}

end_held() {
	kill -CONT "$held_placer"
	wait "$started"
}

key_bytes() {
	perl "$here/find-key-bytes.pl" "$work"/op/{git,build}/id
}

# check_no_key NAME COMMAND...: what it prints has none in it.
check_no_key() {
	local name=$1 found status=0

	shift
	found=$("$@" 2>/dev/null | key_bytes) || status=$?
	check_same "$name" '1 ' "$status $found"
}

# All processes here: their arguments, which ps shows, and environments.
all_arguments() {
	cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ
}

# The bottle's writable layer, as it is on this side.
layer() {
	if [ "$kind" = docker ]; then
		tar -C "$(docker inspect -f '{{.GraphDriver.Data.UpperDir}}' \
		    "$world_name")" -c .
	else
		world_export
	fi
}

# engine_processes: what has a part in an exec, as lines of pid and name; what
# runs in the bottle for it, too.
engine_processes() {
	local dir name

	for dir in /proc/[0-9]*; do
		read -r name 2>/dev/null <"$dir/comm" || continue
		case $name in
		dockerd | containerd | containerd-shim* | docker)
			printf '%s %s\n' "${dir#/proc/}" "$name" ;;
		esac
	done
}

# scan NAME: the memory of all of them; print who has a key.
scan() {
	local pid name status

	engine_processes | while read -r pid name; do
		status=0
		"$host_bin/memscan" "$pid" "$work/op/git/id" \
		    "$work/op/build/id" >/dev/null 2>&1 || status=$?
		[ "$status" -ne 1 ] || printf '%s\n' "$name"
	done | sort -u
}

dockerd_has_it() {
	scan | grep -qx dockerd
}

test_no_key_bytes() {
	local found status=0

	begin_held "$work/two.json"
	check_no_key no_key_in_the_layer layer
	check_no_key no_key_in_arguments all_arguments
	if [ "$kind" = docker ]; then
		check_no_key no_key_in_inspect docker inspect "$world_name"
		check_same no_key_in_the_engine '' "$(scan)"
	fi
	"$host_bin/memscan" "$started" "$work/op/git/id" >"$work/scan" 2>&1 ||
	    status=$?
	check_lacks here_it_is_in_locked_memory_only "$status" 1
	if end_held; then
		ok the_held_load_succeeds
	else
		not_ok the_held_load_succeeds "$(cat "$work/out")"
	fi
	check_no_key no_key_in_the_files_afterwards world_export

	# A search that finds nothing must be able to find something.
	found=$(key_bytes <"$work/op/git/id") || true
	check_has the_search_finds_a_key "$found" "$work/op/git/id"
	[ "$kind" = docker ] || return 0
	check_has the_engine_was_looked_at "$(engine_processes)" dockerd
	# How it was done before: the key itself goes over an exec.
	mkfifo "$work/plain"
	docker exec -i "$world_name" cat <"$work/plain" >/dev/null &
	exec {fd}>"$work/plain"
	cat "$work/op/git/id" >&"$fd"
	wait_for 20 dockerd_has_it || true
	check_has the_engine_has_a_key_that_is_not_sealed "$(scan)" dockerd
	exec {fd}>&-
	wait "$!"
}

# --- cut off ---------------------------------------------------------------------

# either NAME STATUS: the bottle's state is one of two, and the new one where
# the program says so; sets state_now to a or b, and mixed to what is wrong.
either() {
	local now

	now=$(bottle 0 bash -c "$settle$state_of" - "$world_socket")
	case $now in
	"$state_a") state_now=a ;;
	"$state_b") state_now=b ;;
	*)
		state_now=a
		mixed="${mixed:+$mixed; }$1: $(diff <(printf %s "$state_a") \
		    <(printf %s "$now") | tail -n +2 | head -n 12)"
		# The next one begins with something whole.
		load "$work/two.json" >/dev/null 2>&1 ||
		    mixed+=' and it cannot be repaired'
		return
		;;
	esac
	if [ "$2" -eq 0 ] && [ "$state_now" != "$state_next" ]; then
		mixed="${mixed:+$mixed; }$1: ended with 0, and is not there"
	fi
}

# other: the manifest that is not in force; sets state_next.
other() {
	if [ "$state_now" = a ]; then
		state_next=b other=$work/two2.json
	else
		state_next=a other=$work/two.json
	fi
}

# An agent of its own, so that nothing but the loads has their arguments.
both_states() {
	restart
	bottle 0 "$world_program" --socket "$world_socket" --public \
	    --allow 1000=list,sign >/dev/null
	load "$work/two2.json" >/dev/null 2>&1 || die 'the load failed'
	state_b=$(state)
	load "$work/two.json" >/dev/null 2>&1 || die 'the load failed'
	state_a=$(state)
	state_now=a
	check_same the_two_states_differ differ \
	    "$([ "$state_a" = "$state_b" ] || echo differ)"
}

# cut WHICH HOW: a load in which the frames to that program are cut.
cut_load() {
	cat >"$work/cut" <<-EOS
		#!/bin/bash
		case \$1 in
		*/bottle-forward) words="$(world_enter 1000)" which=place ;;
		*) words="$(world_enter 0)" which=load ;;
		esac
		[ \$which = $1 ] || exec \$words "\$@"
		exec perl "$here/cut-frames.pl" $2 \$words "\$@"
	EOS
	chmod 755 "$work/cut"
	other
	HOME=$work/home timeout 60 "$provision" load -f "$other" --sign \
	    --proxy "$world_proxy_url" --no-prompt --no-install \
	    "exec:$work/cut" </dev/null >"$work/out" 2>&1
}

test_cuts() {
	local which n total how status

	for which in load place; do
		mixed='' status=0
		cut_load "$which" "count:$work/total" || status=$?
		check_same "${which}_through_a_command" 0 "$status"
		either "$which" "$status"
		read -r total 2>/dev/null <"$work/total" || total=0
		printf '# %s: %d frames\n' "$which" "$total"
		check "${which}_has_frames" test "$total" -ge 3
		for ((n = 0; n < total; n++)); do
			# By turns an end of file and a kill, between two
			# frames and in one.
			how=$([ $((n % 2)) -eq 0 ] && echo eof || echo kill)
			status=0
			cut_load "$which" "$how:$n:$((n % 3 * 3))" || status=$?
			either "$which $how:$n" "$status"
			[ "$status" -lt 124 ] ||
			    mixed+="; $which $how:$n ended with $status"
		done
		check_same "${which}_cut_at_every_frame_is_all_or_nothing" '' \
		    "$mixed"
	done
}

# How long a load takes here, in milliseconds.
load_time() {
	local start

	start=$(now_ms)
	other
	load "$other" >/dev/null 2>&1 || true
	state_now=$state_next
	printf '%d\n' "$(($(now_ms) - start))" >"$work/took"
}

# strike PATTERN MS: kill it in the bottle; counts the hits.
strike() {
	! perl "$here/strike.pl" "$init" "$1" KILL "$2" "$started" \
	    >/dev/null 2>&1 ||
	    hits=$((hits + 1))
}

test_kills() {
	local i init took status delay who before whom=(host loader placer)
	local hits=0
	local -A span

	mixed=''
	init=$(bottle_init)
	load_time
	read -r took <"$work/took"
	# How late it may come, in ms: less where it came too late, and more where
	# it did not, since they do not live equally long, nor always as long.
	span=([host]=$((took + 20))
	    [loader]=$((took / 2 + 1)) [placer]=$((took / 2 + 1)))
	for ((i = 0; i < KILLS; i++)); do
		other
		status=0
		who=${whom[i % 3]}
		delay=$((RANDOM % span[$who]))
		before=$hits
		start_load "$other"
		case $who in
		host)
			sleep "$(printf '0.%03d' "$delay")"
			kill -KILL "$started" 2>/dev/null || true
			;;
		loader) strike '/bottle-agent --load' "$delay" ;;
		placer) strike '/bottle-forward place' "$delay" ;;
		esac
		wait "$started" 2>/dev/null || status=$?
		[ "$who" != host ] || [ "$status" -ne 137 ] ||
		    hits=$((hits + 1))
		if [ "$hits" -gt "$before" ]; then
			span[$who]=$((span[$who] * 5 / 4 + 1))
		else
			span[$who]=$((span[$who] * 2 / 3 + 1))
		fi
		either "$who after $delay ms" "$status"
	done
	printf '# %d of %d were hit in time\n' "$hits" "$KILLS"
	check enough_were_hit test "$hits" -ge $((KILLS / 4))
	check_same killed_at_any_moment_is_all_or_nothing '' "$mixed"
	check_load a_load_after_all_that "$work/two.json"
	check_same what_was_left_is_cleared_away 1 \
	    "$(bottle 1000 find .ssh/bottle-agent -maxdepth 1 -name '.*' \
		-type d ! -name bottle-agent | wc -l)"
	check_same ssh_after_all_that git \
	    "$(node ssh "$world_host" whoami 2>&1)"
}

# --- hosts that nobody knows -----------------------------------------------------

# answering WORD: a load of what has no key of its host, by somebody at a terminal
# who says this again and again.
answering() {
	while echo "$1" && sleep 0.2; do
		:
	done | timeout 60 script -qec "$(printf '%q ' "$provision" load \
	    -f "$work/unknown.json" --proxy "$world_proxy_url" \
	    --scan-via-target "$target")" /dev/null
}

test_scan() {
	local out status=0

	command -v script >/dev/null || {
		printf '# there is no script(1): nobody at a terminal\n'
		return 0
	}
	manifest "$work/unknown.json" "$(for_git "$world_host" \
	    "$work/op/git/id" | sed 's/"KnownHostKey": "[^"]*",//')"
	check_kept a_no_to_a_fingerprint 3 'was not confirmed' answering no
	out=$(answering yes 2>&1) || status=$?
	check_same a_yes_to_it_ends_with_0 0 "$status"
	check_lacks so_the_host_is_known "$out" 'are not restricted to it'
	check_same and_let_in git "$(node ssh "$world_host" whoami 2>&1)"
	check_load what_was_before_the_scans "$work/two.json"
}

# --- and where it cannot go --------------------------------------------------------

test_elsewhere() {
	local out

	check_status no_manifest_is_usage 2 provision load -f "$work/none" \
	    "$target"
	out=$(provision load --dry-run --no-prompt -f "$work/two2.json" \
	    "$target" 2>&1) || out="failed: $out"
	check_has a_dry_run_names_the_keys "$out" "$(ssh-keygen -lf \
	    "$work/op/git2/id.pub" | cut -d ' ' -f 2)"
	check_no_key and_shows_none printf '%s' "$out"
	check_same and_changes_nothing "$1" "$(state)"
	[ "$kind" = docker ] || return 0
	check_status no_such_container_ends_with_5 5 provision load \
	    -f "$work/two.json" --no-prompt docker:bottle-none
	# It is the image's working directory as well.
	bottle 0 mv "$world_home" "$world_home.away"
	out=$(load "$work/two.json" 2>&1) || true
	docker exec -u 0 -w / "$world_name" mv "$world_home.away" \
	    "$world_home"
	check_has a_home_that_is_away_is_told_of "$out" \
	    "cannot open the home directory $world_home"
	bottle 0 chown node "$world_bin"
	out=$(load "$work/two.json" 2>&1) || true
	bottle 0 chown root "$world_bin"
	check_same what_is_not_roots_is_told_once 1 \
	    "$(grep -o 'belongs to uid 1000, not to root' <<<"$out" | wc -l)"
}

make_two
user_files
test_first_load
test_commands
test_use
test_passphrase
test_third_of_four
test_odd_files
test_twice
test_restart
test_many_keys
test_scan
test_no_key_bytes
both_states
test_elsewhere "$state_a"
test_cuts
test_kills
checks_end
