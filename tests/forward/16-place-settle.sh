#!/bin/bash
# place: killed by SIGKILL, and what the next one makes of what is left.
# shellcheck source=tests/support/forward.sh
. "$(dirname "$0")/../support/forward.sh"
# shellcheck source=tests/support/place.sh
. "$(dirname "$0")/../support/place.sh"

for tool in ssh-add ssh-keygen; do
	command -v "$tool" >/dev/null || skip_all "there is no $tool here"
done
AGENT=$BOTTLE_BIN/bottle-agent
[ -x "$AGENT" ] || skip_all 'there is no bottle-agent here'
dir=$H/.ssh/bottle-agent
export HOME=$H

# What is run by place.c expands there.
# shellcheck disable=SC2016
kill_it='kill -KILL $PLACE_PID'

# An agent, and the keys of a load.
S=$T/agent.sock
"$AGENT" -D -a "$S" >/dev/null 2>&1 &
at_exit end_process "$!"
wait_for 30 test -S "$S"
ssh-keygen -q -t ed25519 -N '' -C one -f "$T/one"
ssh-keygen -q -t ecdsa -N '' -C two -f "$T/two"
keys=(--socket "$S" --file one.pub "$(cat "$T/one.pub")" --file two.pub
    "$(cat "$T/two.pub")")
ask() {
	SSH_AUTH_SOCK=$S ssh-add -q "$@" 2>/dev/null
}

# killed NAME WORD OPTION...: a call that is killed at that word.
killed() {
	local name=$1 word=$2

	shift 2
	put --at "$word" "$kill_it" "$@"
	check_same "${name}_is_killed" 137 "$status"
}

# settled NAME N PART OPTION...: a call that only settles says N and PART.
settled() {
	local name=$1 n=$2 part=$3 line

	shift 3
	put "$@"
	line=$(tail -n 1 <<<"${said%$'\n'}")
	if [ "$status" -eq 0 ] && [ -z "$err" ] &&
	    [[ $line == "bottle-place: settled $n "*"$part"* ]] &&
	    { [ -n "$part" ] || [ "$line" = "bottle-place: settled $n " ]; }; then
		ok "$name"
	else
		not_ok "$name" "ended with $status: $said$err"
	fi
}

# as_before NAME TREE
as_before() {
	local now

	now=$(tree)
	if [ "$now" = "$2" ]; then
		ok "$1"
	else
		not_ok "$1" "$(diff <(echo "$2") <(echo "$now") || true)"
	fi
}

# no_mark NAME: nor does anything else lie about.
no_mark() {
	check_same "$1" '' "$(find "$H" -name '.bottle-place.*' -o \
	    -name .earlier -o -name .kept -o -name '.default.*' -type d \
	    ! -path "$dir/$(readlink "$dir/default")")"
}

# Nothing to settle: no trace is left.
home_new
before=$(tree)
settled nothing_new 0 '' --settle
as_before nothing_new_leaves_no_trace "$before"
home_used
before=$(tree)
settled nothing_used 0 '' --settle
settled nothing_to_revert 0 '' --revert
as_before nothing_used_stays "$before"
no_mark kept_has_no_mark

# Without the keys: all of it is as it was, to the byte and the inode.
for word in staged switched; do
	for home in home_used home_new; do
		"$home"
		before=$(tree)
		killed "old_${word}_$home" "$word" "${load[@]}" "${keys[@]}"
		check "old_${word}_${home}_has_a_mark" test -n \
		    "$(find "$dir" -name .earlier -perm 600)"
		settled "old_${word}_${home}_settled" 1 '' --settle
		as_before "old_${word}_${home}_as_before" "$before"
		settled "old_${word}_${home}_once" 0 '' --settle
	done
done
home_used
before=$(tree)
killed asks switched "${load[@]}" "${keys[@]}"
ask "$T/one"
settled asks_for_every_key 1 '' --settle
check_took asks_for_a_while 2000 20000
as_before asks_as_before "$before"

# With them: it stays, and all that was earlier goes.
ask "$T/two"
for home in home_used home_new; do
	new_one() {
		"$home"
		killed "new_$home" switched "${load[@]}" "${keys[@]}"
		settled "new_${home}_settled" 2 '' --settle
	}
	new_one
	check_soon "new_${home}_at_once" 2500 new_one
	check_whole "new_${home}_is_whole"
	no_mark "new_${home}_has_no_mark"
	check_same "new_${home}_config" 'Host git.test' \
	    "$(head -n 1 "$dir/default/config")"
	settled "new_${home}_once" 2 '' --socket "$S" --settle
	settled "new_${home}_other_agent" 0 '' --settle
	settled "new_${home}_not_reverted" 0 '' --socket "$S" --revert
done
# What is in force is a load of that name, or it is not looked at.
new_one
link=$(readlink "$dir/default")
for other in mine . .. "../bottle-agent/$link" ".other${link#.default}" \
    .default.none .default.abcdef "$link.x" "$dir/$link"; do
	rm -rf "$T/new"
	cp -a "$H" "$T/new"
	cp -a "$dir/$link" "$dir/.other${link#.default}"
	ln -sfn "$other" "$dir/default"
	settled "in_force_is_no_$other" 0 '' --socket "$S" --settle
	rm -rf "$H"
	mv "$T/new" "$H"
done
settled in_force_is_the_load 2 '' --socket "$S" --settle

# Whoever serves the socket may say anything: what is no list of these keys is
# no reason to keep files.
perl -MSocket -e '
	socket(my $s, AF_UNIX, SOCK_STREAM, 0) or die;
	connect($s, sockaddr_un($ARGV[0])) or die;
	syswrite($s, "\0\0\0\1\13");
	my ($got, $len) = ("", 4);
	while (length($got) < $len) {
		sysread($s, $got, 65536, length($got)) or die;
		$len = 4 + unpack("N", $got) if length($got) >= 4;
	}
	open(my $out, ">", $ARGV[1]) or die;
	print $out substr($got, 4);' "$S" "$T/list"
perl -MSocket -e '
	my ($path, $answer) = @ARGV;
	$SIG{PIPE} = "IGNORE";
	socket(my $s, AF_UNIX, SOCK_STREAM, 0) or die;
	bind($s, sockaddr_un($path)) or die "bind: $!";
	listen($s, 5) or die;
	while (accept(my $c, $s)) {
		sysread($c, my $request, 100);
		open(my $in, "<", $answer) or die;
		local $/;
		syswrite($c, scalar <$in>);
	}' "$T/bad.sock" "$T/answer" &
at_exit end_process "$!"
wait_for 30 test -S "$T/bad.sock"
# says NAME N PERL: of the right answer, in $_, that; with its length before it.
says() {
	perl -0777 -ne "my \$answer = do { $3 };"' print ref $answer ?
	    $$answer : pack("N/a*", $answer)' "$T/list" >"$T/answer"
	settled "answer_$1" "$2" '' --socket "$T/bad.sock" --settle
}
# Perl's.
# shellcheck disable=SC2016
{
	says that_is_right 2 '$_'
	says that_is_endless 0 '\"\xff\xff\xff\xff\xc"'
	says that_is_empty 0 '""'
	says of_another_type 0 '"\5" . substr($_, 1)'
	says without_a_number 0 '"\14\0\0"'
	says of_no_keys 0 '"\14\0\0\0\0"'
	says cut_in_its_first_key 0 'substr($_, 0, 20)'
	says cut_in_its_last_comment 0 'substr($_, 0, -1)'
	says with_a_number_too_large 0 '"\14\0\0\0\3" . substr($_, 5)'
	says with_a_number_too_small 0 '"\14\0\0\0\1" . substr($_, 5)'
}

# The host knows that there was no commit.
home_used
before=$(tree)
reverted() {
	killed revert switched "${load[@]}" "${keys[@]}"
	settled revert_settled 1 '' --revert
}
reverted
check_soon revert_at_once 2500 reverted
as_before revert_as_before "$before"
# What was not switched wholly goes back, whatever the agent has.
home_used
before=$(tree)
killed staged_with_keys staged "${load[@]}" "${keys[@]}"
settled staged_with_keys_settled 1 '' --settle
as_before staged_with_keys_as_before "$before"

# The longest name that a load can have; what has a longer one is none.
longest=$(printf 'n%.0s' {1..64})
home_used
before=$(tree)
killed longest_name switched --name "$longest" "${load[@]}" "${keys[@]}"
settled longest_name_settled 1 '' --name "$longest" --revert
as_before longest_name_as_before "$before"
home_used
killed longer_name switched --name "$longest" "${load[@]}" "${keys[@]}"
hidden=$(find "$dir" -name ".$longest.*")
mv "$hidden" "$dir/.n${hidden##*/.}"
switched=$(cat "$H/.gitconfig")
settled longer_name_is_none 0 '' --name "$longest" --revert
check_text longer_name_undoes_nothing "$switched\n" "$H/.gitconfig"

# A load settles it first.
home_used
killed next switched "${load[@]}" "${keys[@]}"
settled_config=$(readlink "$dir/default")
kept next_keeps --file config second --socket "$S"
check_same next_removes_the_first '' "$(find "$dir/$settled_config" \
    2>/dev/null)"
check_text next_is_there second "$dir/default/config"
no_mark next_has_no_mark
# One that is given up afterwards has still settled it.
ask -D
home_used
before=$(tree)
killed given_up switched "${load[@]}"
put --end staged "${load[@]}"
is_undone given_up_settles 1 'went away' "$before"

# Two loads: one was cut off, the other one is there and is not touched.
home_used
kept two_other --name other --file config $'Host other\n' --common env \
    $'A=other\n'
before=$(tree)
killed two_first switched "${load[@]}"
settled two_by_the_other 0 '' --name other --settle
as_before two_as_before "$before"
killed two_again switched "${load[@]}"
kept two_by_a_load --name other --file config $'Host third\n'
check_same two_first_is_old 'Host earlier' "$(cat "$dir/default/config")"
check_text two_env 'A=other\n' "$dir/env"
check_text two_git '[user]\n\temail = me@x.test\n' "$H/.gitconfig"
check_same two_no_marks '' "$(find "$H" -name .earlier -o -name .kept)"
# Both are asked for by their names, and which agent had the keys.
ask "$T/one" "$T/two"
home_used
killed two_stays switched "${load[@]}" "${keys[@]}"
kept two_stays_with_the_other --name other --file config x
check_same two_stays_is_new 'Host git.test' \
    "$(head -n 1 "$dir/default/config")"
ask -D

# Changed meanwhile: that stays, is said, and the rest is put back.
home_used
killed edited switched "${load[@]}"
echo edited >>"$H/.gitconfig"
cp "$H/.gitconfig" "$T/edited"
settled edited_settled 1 "somebody has changed $H/.gitconfig since" --settle
check_bytes edited_stays "$T/edited" "$H/.gitconfig"
check_same edited_load 'Host earlier' "$(cat "$dir/default/config")"
check_text edited_env 'A=earlier\n' "$dir/env"
no_mark edited_has_no_mark
settled edited_once 0 '' --settle
# All that stays is told of.
home_used
killed edited_two switched "${load[@]}"
echo edited >>"$H/.gitconfig"
echo B=edited >>"$dir/env"
settled edited_two_settled 1 "somebody has changed $H/.gitconfig since" --settle
check_has edited_two_both "$said" "somebody has changed $dir/env since"
check_has edited_two_apart "$said" '; somebody has changed'
# A file that the load has made, and one of ssh's.
home_new
killed edited_new switched "${load[@]}"
echo 'Host mine' >>"$H/.ssh/config"
settled edited_new_settled 1 "somebody has changed $H/.ssh/config" --settle
check_text edited_new_stays "$include\\nHost mine\\n" "$H/.ssh/config"
check_same edited_new_rest ./.ssh/config "$(cd "$H" && find . -type f)"
# Removed, and something else in its place.
home_used
killed removed switched "${load[@]}"
rm "$H/.gitconfig"
settled removed_settled 1 "somebody has changed $H/.gitconfig" --settle
check_same removed_stays '' "$(find "$H/.gitconfig" 2>/dev/null)"
home_used
killed replaced switched "${load[@]}"
rm "$H/.gitconfig"
ln -s "$T/edited" "$H/.gitconfig"
settled replaced_settled 1 "somebody has changed $H/.gitconfig" --settle
check_same replaced_stays "$T/edited" "$(readlink "$H/.gitconfig")"
# A load tells of it as a warning.
home_used
killed warned switched "${load[@]}"
echo edited >>"$H/.gitconfig"
put "${load[@]}"
check_same warned_ends 0 "$status"
check_has warned_says "$err" "warning: an earlier load was cut off: somebody \
has changed $H/.gitconfig"
# The user has the link lead elsewhere.
home_used
killed linked switched "${load[@]}"
ln -sfn .default.zzzzzz "$dir/default"
settled linked_settled 1 '' --settle
check_same linked_stays .default.zzzzzz "$(readlink "$dir/default")"
check_text linked_env 'A=earlier\n' "$dir/env"
# What was there before has gone: that is said, and once.
home_used
earlier=$(readlink "$dir/default")
killed lost switched "${load[@]}"
rm -r "${dir:?}/$earlier"
settled lost_settled 0 "$dir/$earlier, which was in force before, is gone" \
    --settle
no_mark lost_has_no_mark
home_used
killed lost_file switched "${load[@]}"
find "$H" -maxdepth 1 -name '.bottle-place.*' -delete
settled lost_file_settled 1 "what $H/.gitconfig was before is gone" --settle
check_same lost_file_load 'Host earlier' "$(cat "$dir/default/config")"
# The old link is made anew.
home_used
killed lost_link switched "${load[@]}"
find "$dir" -name '.bottle-place.*' -type l -delete
settled lost_link_settled 1 '' --settle
check_same lost_link_load 'Host earlier' "$(cat "$dir/default/config")"

# Marks that are no marks: an error that names it, and nothing else happens.
hostile() {
	local name=$1 part=$2 before mark

	home_used
	killed "$name" switched "${load[@]}"
	mark=$dir/default/.earlier
	cp "$mark" "$T/mark"
	spoil "$mark"
	before=$(tree)
	for how in settle revert; do
		put "--$how"
		is_undone "${name}_$how" 3 "$part" "$before"
	done
	put "${load[@]}"
	is_undone "${name}_load" 3 "$part" "$before"
	rm -f "$mark"
	kept "${name}_then_removed" "${load[@]}"
}
mark_is="which says how to undo a load that was cut off, is broken: remove it"
spoil() { printf 'bottle-earlier 1\n' >"$1"; }
hostile mark_short "/.earlier, $mark_is"
spoil() { printf 'x' >>"$1"; }
hostile mark_longer "$mark_is"
spoil() { : >"$1"; }
hostile mark_empty "$mark_is"
spoil() { truncate -s 524289 "$1"; }
hostile mark_huge "$mark_is"
# Of the same length, so that all else in it is right.
spoil() { sed -i 's,\.gitconfig,../../x.yz,' "$1"; }
hostile mark_leads_up "$mark_is"
spoil() { sed -i 's,\.gitconfig,/etc/xyzab,' "$1"; }
hostile mark_is_absolute "$mark_is"
spoil() { sed -i 's,\.bottle-place\.,../ttle-place.,' "$1"; }
hostile mark_names_what_is_not_ours "$mark_is"
spoil() { sed -i 's,bottle-agent/default,bottle-agent/another,' "$1"; }
hostile mark_of_another_link "$mark_is"
spoil() { sed -Ei 's,(\.default\.)[A-Za-z0-9]{6},\1../../,' "$1"; }
hostile mark_of_another_directory "$mark_is"
spoil() { chmod 620 "$1"; }
hostile mark_of_others 'can be written by others'
spoil() { rm "$1" && mkdir "$1" && touch "$1/x"; }
home_used
killed mark_is_a_directory switched "${load[@]}"
spoil "$dir/default/.earlier"
undone mark_is_a_directory_settle 3 'is a directory' --settle
home_used
killed mark_is_a_link switched "${load[@]}"
mv "$dir/default/.earlier" "$T/mark"
ln -s "$T/mark" "$dir/default/.earlier"
undone mark_is_a_link_settle 1 "cannot read $dir/.default." --settle
# A path that leads through a link of the user's out of the home.
mkdir "$T/outside"
home_used
mkdir "$H/sub"
killed outside switched --line sub/file x
printf 'theirs' >"$T/outside/file"
mv "$H/sub" "$H/was"
ln -s "$T/outside" "$H/sub"
before=$(tree "$T/outside")
settled outside_settled 1 sub --settle
check_same outside_stays "$before" "$(tree "$T/outside")"
check_text outside_own x\\n "$H/was/file"

checks_end
