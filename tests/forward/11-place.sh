#!/bin/bash
# place: what is written where, and that no byte of the user's is lost.
# shellcheck source=tests/support/forward.sh
. "$(dirname "$0")/../support/forward.sh"
# shellcheck source=tests/support/place.sh
. "$(dirname "$0")/../support/place.sh"

# A home with nothing in it.
home_new
kept fresh "${load[@]}"
hello=${said%%$'\n'*}
version=$("$FORWARD" --version)
check_same hello "bottle-place: hello ${version#bottle-forward } $(uname -m) \
uid=$(id -u) $(dirname "$(realpath "$FORWARD")")" "$hello"
check_same words "$hello"$'\nbottle-place: staged\nbottle-place: switched
bottle-place: kept\n' "$said"
dir=$H/.ssh/bottle-agent
check_same modes "600 .gitconfig
600 .ssh/bottle-agent/default/config
600 .ssh/bottle-agent/default/gitconfig
600 .ssh/bottle-agent/env
600 .ssh/config
700 .ssh
700 .ssh/bottle-agent
700 .ssh/bottle-agent/default" "$(cd "$H" && stat -L -c '%a %n' .ssh .ssh/config \
    .ssh/bottle-agent .ssh/bottle-agent/env .ssh/bottle-agent/default \
    .ssh/bottle-agent/default/* .gitconfig | sort)"
check_text config_of_the_load 'Host git.test\n\tUser git\n' \
    "$dir/default/config"
check_text env 'SSH_AUTH_SOCK=/run/bottle-agent.sock\n' "$dir/env"
check_text config "$include\\n" "$H/.ssh/config"
check_text gitconfig "$signing\\n" "$H/.gitconfig"
check link_leads_beside expr "$(readlink "$dir/default")" : \
    '\.default\.[A-Za-z0-9]\{6\}$'
check_whole nothing_else

# A umask of the user's changes nothing.
home_new
# shellcheck disable=SC2016
under=(sh -c 'umask 777 && exec "$@"' sh)
kept umask "${load[@]}"
under=()
check_same umask_modes '600 700' "$(stat -c %a "$dir/env" "$H/.ssh" | xargs)"

# The same again: the user's files are not touched, the load is a new one.
before=$(stat -c '%i %y %n' "$H/.ssh/config" "$H/.gitconfig")
was=$(readlink "$dir/default")
kept again "${load[@]}"
check_same again_files_untouched "$before" \
    "$(stat -c '%i %y %n' "$H/.ssh/config" "$H/.gitconfig")"
check_lacks again_is_a_new_one "$(ls -A "$dir")" "$was"
check_whole again_nothing_else

# Another load, and a smaller one in the place of the first.
kept other_name --name other-2 --file config $'Host b\n'
check_text other_is_there 'Host b\n' "$dir/other-2/config"
check_text first_is_there 'Host git.test\n\tUser git\n' "$dir/default/config"
kept smaller --file known_hosts x
check_same smaller_is_all $'.files\nknown_hosts' "$(ls -A "$dir/default/")"
check_text smaller_is_listed 'known_hosts\n' "$dir/default/.files"
check_text other_stays 'Host b\n' "$dir/other-2/config"
check_text env_stays 'SSH_AUTH_SOCK=/run/bottle-agent.sock\n' "$dir/env"
kept env_anew --common env B
check_text env_is_new B "$dir/env"
kept nothing_at_all
check_same nothing_is_there .files "$(ls -A "$dir/default/")"

# In single bytes.
home_new
kept single --single "${load[@]}"
check_whole single_is_whole

# with NAME OLD NEW: what becomes of a configuration; both as printf %b has
# them, + stands for the lines.
with() {
	home_new
	mkdir -m 700 "$H/.ssh"
	printf %b "${2//+/$include}" >"$H/.ssh/config"
	kept "config_$1" "${load[@]}"
	check_text "config_$1_has" "${3//+/$include}" "$H/.ssh/config"
}
with empty '' '+\n'
with plain 'Host a\n' '+\nHost a\n'
with no_end 'Host a' '+\nHost a'
with crlf 'Host a\r\n\tUser b\r\n' '+\nHost a\r\n\tUser b\r\n'
with zero 'a\0b\n\0' '+\na\0b\n\0'
with no_text '\xff\xfe\x80' '+\n\xff\xfe\x80'
with newlines '\n\n' '+\n\n\n'
with has_it '+\n' '+\n'
with has_it_without_end '+' '+'
with has_it_below 'Host a\n\n+\nHost b\n' 'Host a\n\n+\nHost b\n'
with has_it_at_the_end 'Host a\n+' 'Host a\n+'
with has_it_crlf 'Host a\r\n+\r\nHost b\r\n' 'Host a\r\n+\r\nHost b\r\n'
with has_it_crlf_at_the_end 'Host a\r\n+\r' 'Host a\r\n+\r'
with has_it_behind_a_mark '\xef\xbb\xbf+\n' '\xef\xbb\xbf+\n'
with mark '\xef\xbb\xbfHost a\n' '\xef\xbb\xbf+\nHost a\n'
with comment '#+\n' '+\n#+\n'
with inside 'x +\n' '+\nx +\n'
with more '+x\n' '+\n+x\n'
with less "${include%?}"'\n' "+\\n${include%?}\\n"
with blank ' +\n' '+\n +\n'

# Several lines: only below each other are they there.
lines() {
	home_new
	printf %b "$2" >"$H/.gitconfig"
	kept "lines_$1" --line .gitconfig $'[a]\n\tb'
	check_text "lines_$1_has" "$3" "$H/.gitconfig"
}
lines new '[x]\n' '[a]\n\tb\n[x]\n'
lines there '[x]\n[a]\n\tb\n[y]' '[x]\n[a]\n\tb\n[y]'
lines apart '[a]\n[y]\n\tb\n' '[a]\n\tb\n[a]\n[y]\n\tb\n'
lines half '[a]\n' '[a]\n\tb\n[a]\n'
lines twice_begun '[a]\n[a]\n\tb\n' '[a]\n[a]\n\tb\n'

# 4 MiB and one byte more.
home_new
mkdir -m 700 "$H/.ssh"
perl -e 'print "#" . "x" x 4194302 . "\n"' >"$H/.ssh/config"
cp "$H/.ssh/config" "$T/old"
kept long_config "${load[@]}"
check_same long_first "$include" "$(head -n 1 "$H/.ssh/config")"
tail -n +2 "$H/.ssh/config" >"$T/rest"
check_bytes long_rest "$T/old" "$T/rest"
home_new
mkdir -m 700 "$H/.ssh"
{
	cat "$T/old"
	echo
} >"$H/.ssh/config"
head -c 4194305 "$H/.ssh/config" >"$T/old"
cp "$T/old" "$H/.ssh/config"
undone too_long_config 1 "$H/.ssh/config is longer than 4194304 bytes" \
    "${load[@]}"

# Modes are kept.
for mode in 600 644 400 700; do
	home_new
	mkdir -m 700 "$H/.ssh"
	echo x >"$H/.ssh/config"
	chmod "$mode" "$H/.ssh/config"
	kept "mode_$mode" "${load[@]}"
	check_same "mode_${mode}_is_kept" "$mode" \
	    "$(stat -c %a "$H/.ssh/config")"
done
home_new
echo x >"$H/.gitconfig"
chmod 664 "$H/.gitconfig"
kept mode_of_git "${load[@]}"
check_same mode_of_git_is_kept 664 "$(stat -c %a "$H/.gitconfig")"

# Files in folders of the user's.
home_new
mkdir -p "$H/.config/git"
kept deep --line .config/git/config x
check_text deep_is_there 'x\n' "$H/.config/git/config"
kept deep_again --line .config/git/config x
check_text deep_is_there_once 'x\n' "$H/.config/git/config"
undone no_folder 1 "$H/.config/none" --line .config/none/config x

# What is named twice.
home_new
undone twice_file 1 'the file a is named twice' --file a x --file a y
undone twice_common 1 'env is named twice' --common env x --common env x
undone twice_line 1 '.gitconfig is named twice' --line .gitconfig x \
    --line .gitconfig y
undone common_as_load 1 'default is named twice' --common default x
undone common_as_line 1 'env is named twice' --common env x \
    --line .ssh/bottle-agent/env x

# Limits, exactly and one past them.  Nothing is made before all is there.
kept most_files --many 1024
check_same most_files_are_there 1024 \
    "$(find "$dir/default/" -type f ! -name .files | wc -l)"
home_new
undone too_many_files 1 'too many files' --many 1025
undone too_many_of_all_kinds 1 'too many files' --many 1023 --common a x \
    --line b x
kept most_lines --lines 16
home_new
undone too_many_lines 1 'too many' --lines 17
full=()
for i in 1 2 3 4 5 6 7 8; do
	full+=(--big "b$i" 524277)
done
kept most_bytes "${full[@]}"
check_same most_bytes_are_there 4194216 \
    "$(cat "$dir/default/"* | wc -c)"
home_new
undone too_many_bytes 1 'too many bytes' "${full[@]}" --file a ''
undone too_long_frame 1 'longer than 524288' --big b1 524278
undone too_long_length 1 'longer than 524288' --long hello
undone bad_name 1 broken --file a/b x
undone bad_path 1 broken --line ../x x
undone bad_load 1 broken --name .. --file a x

# Not for people, and not without the first line.
status=0
"$FORWARD" place </dev/null >"$T/out" 2>"$T/err" || status=$?
check_same no_input 2 "$status"
check_text no_input_prints_nothing '' "$T/out"
check_has no_input_says "$(cat "$T/err")" 'bottle-forward: error: stdin does not'
put --magic $'bottle-place 2\n' "${load[@]}"
check_same other_magic 2 "$status"
check_same other_magic_prints_nothing '' "$said"
check_has other_magic_says "$err" 'bottle-place 1"'

checks_end
