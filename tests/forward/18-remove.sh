#!/bin/bash
# remove: what a load has put into a home goes, and nothing else, whatever was
# there before and whatever the user has made of it since.
# shellcheck source=tests/support/forward.sh
. "$(dirname "$0")/../support/forward.sh"
# shellcheck source=tests/support/place.sh
. "$(dirname "$0")/../support/place.sh"
# shellcheck source=tests/support/remove.sh
. "$(dirname "$0")/../support/remove.sh"

dir=$H/.ssh/bottle-agent
export HOME=$H
# What is run by place.c expands there.
# shellcheck disable=SC2016
kill_it='kill -KILL $PLACE_PID'

# Never loaded: that is said, and nothing happens.
for home in home_new home_own; do
	"$home"
	before=$(tree)
	take
	lines_are "never_$home" 'absent default' 'finished 0'
	check_same "never_${home}_changes_nothing" "$before" "$(tree)"
	take --every-load
	lines_are "never_${home}_every" 'finished 0'
	check_same "never_${home}_every_changes_nothing" "$before" "$(tree)"
done

# whole NAME: put there, taken away: as before, to the byte; and once more.
whole() {
	local before

	before=$(bytes)
	kept "$1_load" "${load[@]}"
	kept "$1_again" "${load[@]}"
	check "$1_has_changed" test "$(bytes)" != "$before"
	take
	lines_are "$1" 'removed default' 'finished 0'
	is_as "$1_as_before" "$before"
	take
	lines_are "$1_twice" 'absent default' 'finished 0'
	is_as "$1_twice_as_before" "$before"
}
home_new
whole nothing
home_new
mkdir -m 700 "$H/.ssh"
whole empty_folder
home_new
mkdir -m 755 "$H/.ssh"
: >"$H/.ssh/config"
: >"$H/.gitconfig"
whole empty_files
home_own
whole own
home_own
printf 'Host *\r\n\tUser me\r\n' >"$H/.ssh/config"
printf '[user]\r\n\temail = x\r\n' >"$H/.gitconfig"
whole carriage_returns
home_own
printf '\xef\xbb\xbf[user]\n\temail = x' >"$H/.gitconfig"
printf 'Host *' >"$H/.ssh/config"
chmod 600 "$H/.ssh/config"
chmod 664 "$H/.gitconfig"
whole no_last_newline
home_own
printf '\n\n# Host x\n' >"$H/.ssh/config"
printf '# mine\n\n[user]\n' >"$H/.gitconfig"
whole comments
# Lines that stood there before stay.
home_own
printf 'Host a\n%s\n' "$include" >>"$H/.ssh/config"
printf '%s\n' "$signing" >>"$H/.gitconfig"
before=$(bytes)
for i in 1 2; do
	kept "own_lines_$i" "${load[@]}"
done
take
check_same own_lines_status 0 "$status"
is_as own_lines_as_before "$before"

# Two loads: the other one goes on, in either order.
for first in default second; do
	other=second
	[ "$first" = default ] || other=default
	for home in home_new home_own; do
		name=two_${first}_$home
		"$home"
		before=$(bytes)
		kept "${name}_one" "${load[@]}"
		kept "${name}_two" "${second[@]}"
		files=$(cd "$dir/$other" && cat config gitconfig)
		take --name "$first"
		lines_are "$name" "removed $first" 'finished 1'
		check_same "${name}_link_is_gone" '' \
		    "$(find "$dir" -name "*$first*")"
		check_same "${name}_other_files" "$files" \
		    "$(cd "$dir/$other" && cat config gitconfig)"
		check_has "${name}_include" "$(cat "$H/.ssh/config")" "$include"
		check_has "${name}_env" "$(cat "$dir/env")" SSH_AUTH_SOCK
		check_has "${name}_other_lines" "$(cat "$H/.gitconfig")" \
		    "bottle-agent/$other/"
		check_lacks "${name}_lines" "$(cat "$H/.gitconfig")" \
		    "bottle-agent/$first/"
		take --name "$first"
		lines_are "${name}_again" "absent $first" 'finished 1'
		take --name "$other"
		lines_are "${name}_both" "removed $other" 'finished 0'
		is_as "${name}_as_before" "$before"
	done
done
home_own
before=$(bytes)
kept every_one "${load[@]}"
kept every_two "${second[@]}"
take --every-load
check_same every_says $'bottle-place: finished 0
bottle-place: removed default
bottle-place: removed second' "$(sort <<<"$said")"
is_as every_as_before "$before"
# One by one, and a load in between.
home_new
kept between_one "${load[@]}"
kept between_two "${second[@]}"
take
kept between_again "${load[@]}"
take --name second
lines_are between_second 'removed second' 'finished 1'
take
lines_are between_last 'removed default' 'finished 0'
is_as between_as_before "$(home_new && bytes)"

# What the user has put there since stays.
home_new
kept since "${load[@]}"
printf 'Host mine\n' >>"$H/.ssh/config"
printf '[user]\n\tname = me\n' >>"$H/.gitconfig"
echo known >"$H/.ssh/known_hosts"
take
lines_are since_says 'removed default' 'finished 0'
check_text since_config 'Host mine\n' "$H/.ssh/config"
check_text since_git '[user]\n\tname = me\n' "$H/.gitconfig"
check_text since_known 'known\n' "$H/.ssh/known_hosts"
check_same since_nothing_else '.gitconfig .ssh .ssh/config .ssh/known_hosts' \
    "$(cd "$H" && find . -mindepth 1 -printf '%P\n' | sort | tr '\n' ' ' |
	sed 's/ $//')"
# In front of ours, and moved elsewhere.
home_own
kept moved "${load[@]}"
printf 'Host first\n%s\nHost last\n' "$include" >"$H/.ssh/config"
printf '[core]\n%s\n\teditor = x\n' "$signing" >"$H/.gitconfig"
take
check_text moved_config 'Host first\nHost last\n' "$H/.ssh/config"
check_text moved_git '[core]\n[include]\n\teditor = x\n' "$H/.gitconfig"
# git has added to the section, before our line or behind it.
for order in before behind; do
	home_own
	kept "section_$order" "${load[@]}"
	if [ "$order" = before ]; then
		sed -i 's,^\[include\],&\n\tpath = ~/mine,' "$H/.gitconfig"
	else
		sed -i 's,^.*/gitconfig$,&\n\tpath = ~/mine,' "$H/.gitconfig"
	fi
	take
	lines_are "section_${order}_says" 'removed default' 'finished 0'
	check_text "section_${order}_stays" \
	    '[include]\n\tpath = ~/mine\n[user]\n\temail = me@x.test\n' \
	    "$H/.gitconfig"
done
# Lines that are gone already, and files.
home_own
before=$(bytes)
kept gone "${load[@]}"
printf 'Host *\n\tUser me\n' >"$H/.ssh/config"
printf '[user]\n\temail = me@x.test\n' >"$H/.gitconfig"
rm "$dir/env"
take
lines_are gone_says 'removed default' 'finished 0'
is_as gone_as_before "$before"
home_own
kept gone_files "${load[@]}"
rm "$H/.ssh/config" "$H/.gitconfig"
rm -r "${dir:?}/$(readlink "$dir/default")"
take
lines_are gone_files_says 'removed default' 'finished 0'
check_same gone_files_stay_gone ./.ssh \
    "$(cd "$H" && find . -mindepth 1)"
# The folder of loads itself: then nothing is known, and nothing is done.
home_own
kept gone_folder "${load[@]}"
rm -r "$dir"
before=$(tree)
take
lines_are gone_folder_says 'absent default' "left $H/.ssh/config has a line \
with .ssh/bottle-agent/ in it that no load is known to have put there" \
    "left $H/.gitconfig has a line with .ssh/bottle-agent/ in it that no load \
is known to have put there" 'finished 0'
check_same gone_folder_changes_nothing "$before" "$(tree)"

# More of them than are named are counted.
home_own
kept many "${load[@]}"
for i in {1..40}; do
	echo x >"$dir/note$i"
done
take
check_same many_are_named 32 "$(grep -c "left $dir/note" <<<"$said")"
check_has many_are_counted "$said" 'left and 8 more'
check_same many_stay 40 "$(find "$dir" -name 'note*' | wc -l)"

# Files in our folders that are not ours stay, and are named.
home_own
kept strangers "${load[@]}"
hidden=$(readlink "$dir/default")
echo x >"$dir/notes"
echo x >"$dir/default/mine.pub"
mkdir "$dir/default/sub"
ln -s /etc/passwd "$dir/default/link"
mkfifo "$dir/fifo"
ln -sfn "$T" "$dir/elsewhere"
take
check_same strangers_says "bottle-place: finished 0
bottle-place: left $dir/$hidden/link is of no load
bottle-place: left $dir/$hidden/mine.pub is of no load
bottle-place: left $dir/$hidden/sub is of no load
bottle-place: left $dir/elsewhere is of no load
bottle-place: left $dir/fifo is of no load
bottle-place: left $dir/notes is of no load
bottle-place: removed default" "$(sort <<<"$said")"
check_same strangers_are_all "$hidden $hidden/.files $hidden/link \
$hidden/mine.pub $hidden/sub elsewhere fifo notes" "$(cd "$dir" &&
    find . -mindepth 1 -printf '%P\n' | sort | tr '\n' ' ' | sed 's/ $//')"
take
check_has strangers_again "$said" "left $dir/$hidden/mine.pub is of no load"
kept strangers_load "${load[@]}"
check_text strangers_after_a_load 'x\n' "$dir/$hidden/mine.pub"
take
# Ours, replaced by another thing.
home_own
kept replaced "${load[@]}"
rm "$dir/default/config" "$dir/env"
ln -s "$H/.gitconfig" "$dir/default/config"
mkdir "$dir/env"
take
check_has replaced_link "$said" "/config is of no load"
check_has replaced_folder "$said" \
    "left $dir/env is a directory, which no load has made"
check replaced_link_stays test -L "$dir"/.default.*/config
# Changed.
home_own
kept env "${load[@]}"
echo MINE=1 >>"$dir/env"
take
lines_are env_says 'removed default' \
    'left @/env is not as a load has written it' 'finished 0'
check_text env_stays 'SSH_AUTH_SOCK=/run/bottle-agent.sock\nMINE=1\n' "$dir/env"
# The name is another thing.
for what in file folder fifo link; do
	home_own
	kept "name_is_$what" "${load[@]}"
	rm "$dir/default"
	case $what in
	file) echo x >"$dir/default" ;;
	folder) mkdir "$dir/default" ;;
	fifo) mkfifo "$dir/default" ;;
	link) ln -s "$T" "$dir/default" ;;
	esac
	take
	check_has "name_is_${what}_says" "$said" \
	    "left $dir/default is of no load"
	check "name_is_${what}_stays" test -e "$dir/default"
	check_text "name_is_${what}_git" '[user]\n\temail = me@x.test\n' \
	    "$H/.gitconfig"
done
# In the place of a file of the user's.
for what in link folder fifo; do
	home_own
	kept "file_is_$what" "${load[@]}"
	rm "$H/.gitconfig"
	printf '%s\n' "$signing" >"$T/elsewhere"
	case $what in
	link) ln -s "$T/elsewhere" "$H/.gitconfig" ;;
	folder) mkdir "$H/.gitconfig" ;;
	fifo) mkfifo "$H/.gitconfig" ;;
	esac
	take
	check_has "file_is_${what}_says" "$said" "left $H/.gitconfig is a"
	check_text "file_is_${what}_not_followed" "$signing\\n" "$T/elsewhere"
	check_same "file_is_${what}_rest_is_gone" '' \
	    "$(find "$dir" 2>/dev/null)"
done
# What others can write is not ours to change; nothing is.
for path in .ssh .ssh/bottle-agent .ssh/config .gitconfig \
    .ssh/bottle-agent/env .ssh/bottle-agent/@placed; do
	home_own
	before=$(bytes)
	kept "mode_${path##*/}" "${load[@]}"
	mode=$(stat -c %a "$H/$path")
	chmod 777 "$H/$path"
	refused "mode_${path##*/}_refused" 3 \
	    "$H/$path can be written by others (mode 0777): chmod go-w it"
	chmod "$mode" "$H/$path"
	take
	lines_are "mode_${path##*/}_then" 'removed default' 'finished 0'
	is_as "mode_${path##*/}_as_before" "$before"
done
home_own
mv "$H/.ssh" "$T/ssh"
ln -s "$T/ssh" "$H/.ssh"
refused ssh_is_a_link 3 "$H/.ssh is a symbolic link, not a directory"
rm "$H/.ssh"
rm -r "$T/ssh"
home_own
head -c 4200000 /dev/zero | tr '\0' '\n' >>"$H/.ssh/config"
status=0
err=$("$FORWARD" remove --home /nonexistent 2>&1) || status=$?
check_same no_home 1 "$status"
check_has no_home_says "$err" 'cannot open the home directory /nonexistent'

# A record that is broken is as good as none, and without one the usual lines
# go.  What was made is not known then.
for what in gone broken cut; do
	home_own
	before=$(bytes)
	kept "record_$what" "${load[@]}"
	kept "record_${what}_two" "${second[@]}"
	case $what in
	gone) rm "$dir/@placed" ;;
	broken) echo x >"$dir/@placed" ;;
	cut) truncate -s -1 "$dir/@placed" ;;
	esac
	take
	lines_are "record_${what}_says" 'removed default' 'finished 1'
	check_lacks "record_${what}_lines" "$(cat "$H/.gitconfig")" \
	    bottle-agent/default/
	check_has "record_${what}_include" "$(cat "$H/.ssh/config")" "$include"
	take --name second
	is_as "record_${what}_as_before" "$before"
done
# As loads of the first version were: neither record nor list of files.
home_new
kept old "${load[@]}" --file id.pub x
rm "$dir/@placed" "$dir/default/.files"
take
lines_are old_says 'removed default' 'finished 0'
check_same old_leaves_empty_files '.gitconfig .ssh .ssh/config ' \
    "$(cd "$H" && find . -mindepth 1 -printf '%P\n' | sort | tr '\n' ' ')"
check_text old_config '' "$H/.ssh/config"
home_own
before=$(bytes)
kept old_twice "${load[@]}"
rm "$dir/@placed" "$dir/default/.files"
kept old_twice_again "${load[@]}"
take
is_as old_twice_as_before "$before"
# It leads nowhere.
home_own
kept record_hostile "${load[@]}"
for path in ../../x.yz /etc/xyzab; do
	cp "$dir/@placed" "$T/record"
	sed "s,\\.gitconfig,$path," "$T/record" >"$dir/@placed"
	before=$(tree "$T/home")
	take
	check_same "record_hostile_$path" 0 "$status"
	kept "record_hostile_${path}_again" "${load[@]}"
done

# Cut off: a load that was killed is put back, and then removed.
for word in staged switched; do
	for home in home_new home_own; do
		"$home"
		before=$(bytes)
		put --at "$word" "$kill_it" "${load[@]}"
		check_same "killed_${word}_$home" 137 "$status"
		take
		lines_are "killed_${word}_${home}_says" 'removed default' \
		    'finished 0'
		is_as "killed_${word}_${home}_as_before" "$before"
		"$home"
		kept "killed_${word}_${home}_first" "${load[@]}"
		put --at "$word" "$kill_it" "${load[@]}"
		take
		lines_are "killed_${word}_${home}_twice" 'removed default' \
		    'finished 0'
		is_as "killed_${word}_${home}_twice_as_before" "$before"
	done
done
# Two loads have lines in a file that is another thing now: that is said once.
home_own
kept one_note "${load[@]}"
kept one_note_two "${second[@]}"
rm "$H/.gitconfig"
mkdir "$H/.gitconfig"
take --every-load
check_same one_note_status 0 "$status"
check_same one_note_says 1 "$(grep -c "$H/.gitconfig is " <<<"$said")"
check one_note_stays test -d "$H/.gitconfig"
rmdir "$H/.gitconfig"

# Files that have nothing of ours any more, below a folder: each is looked at,
# and no descriptor is kept for any of them.
home_new
lines=() dirs=()
for i in {1..16}; do
	mkdir "$H/.d$i"
	dirs+=("$H/.d$i")
	lines+=(--line ".d$i/rc" "Include ~/.ssh/bottle-agent/default/x$i"$'\n')
done
kept none_kept "${lines[@]}"
rm "$H"/.d*/rc
under=(prlimit --nofile=16)
take
under=()
lines_are none_kept_says 'removed default' 'finished 0'
rmdir "${dirs[@]}"
is_as none_kept_nothing_is_there "$(home_new && bytes)"

# Of another name: it is settled, and this one goes.
home_own
kept other "${second[@]}"
other=$(bytes | sed -E 's,(\.second\.)[A-Za-z0-9]{6},\1X,')
put --at switched "$kill_it" "${load[@]}"
take --every-load
check_same other_status 0 "$status"
is_as other_all_gone "$(home_own && bytes)"

# What was changed meanwhile stays, and is told of.
home_own
put --at switched "$kill_it" "${load[@]}"
printf 'more\n' >>"$H/.gitconfig"
take
check_same edited_status 0 "$status"
check_has edited_is_told_of "$said" \
    "bottle-place: left somebody has changed $H/.gitconfig since"
check_has edited_stays "$(cat "$H/.gitconfig")" more

# Somebody else is at it.
home_own
kept busy "${load[@]}"
perl -MFcntl=:flock -e 'open(my $d, "<", $ARGV[0]) or die; flock($d, LOCK_EX)
    or die; open(my $f, ">", $ARGV[1]); sleep 60' "$dir" "$T/locked" &
holder=$!
at_exit end_process "$holder"
check busy_is_locked wait_for 30 test -e "$T/locked"
before=$(tree)
"$FORWARD" remove --home "$H" >"$T/out" 2>"$T/err" </dev/null &
waiting=$!
check busy_waits wait_for 30 sh -c \
    "ls -l /proc/$waiting/fd | grep -q signalfd"
kill -TERM "$waiting"
status=0
wait "$waiting" || status=$?
check_same busy_ends "1 $before" "$status $(tree)"
check_has busy_says "$(cat "$T/err")" 'ended by a signal'
kill "$holder"
wait "$holder" || true
take
lines_are busy_then 'removed default' 'finished 0'
checks_end
