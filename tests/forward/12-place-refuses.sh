#!/bin/bash
# place: what lies in the way is named, and nothing is changed; no symlink is
# followed and no FIFO waited for.
# shellcheck source=tests/support/forward.sh
. "$(dirname "$0")/../support/forward.sh"
# shellcheck source=tests/support/place.sh
. "$(dirname "$0")/../support/place.sh"

# What is not to be touched.
E=$T/elsewhere
mkdir -m 700 "$E"
printf 'theirs\n' >"$E/file"
mkdir -m 700 "$E/dir"
printf 'theirs\n' >"$E/dir/config"
elsewhere=$(tree "$E")
dir=$H/.ssh/bottle-agent

# refuses NAME PATH WHAT: with something odd at a path, the load is refused for
# the reason, which names the path.
refuses() {
	undone "$1" 3 "$2 $3" "${load[@]}"
	check_has "$1_says_what_to_do" "$said" 'try again'
	check_same "$1_nothing_elsewhere" "$elsewhere" "$(tree "$E")"
	[ "$ms" -lt 20000 ] || not_ok "$1_in_time" "$ms"
}

# Each place a load writes to, and each thing that may lie there.
odd() {
	local name=$1 path=$2 type=$3

	if [ "$type" = dir ]; then
		link=$E/dir
	else
		link=$E/file
	fi
	home_used
	rm -rf "$path"
	ln -s "$link" "$path"
	refuses "${name}_symlink" "$path" 'is a symbolic link'
	home_used
	rm -rf "$path"
	ln -s "$E/none" "$path"
	refuses "${name}_symlink_to_nothing" "$path" 'is a symbolic link'
	home_used
	rm -rf "$path"
	mkfifo "$path"
	refuses "${name}_fifo" "$path" 'is a FIFO'
	home_used
	rm -rf "$path"
	perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new(Local => $ARGV[0],
	    Listen => 1) or die' "$path"
	refuses "${name}_socket" "$path" 'is a socket'
	if [ "$(id -u)" -eq 0 ]; then
		home_used
		rm -rf "$path"
		# Which it must not read, either.
		mknod "$path" c 1 5
		refuses "${name}_device" "$path" 'is a device'
	fi
	home_used
	rm -rf "$path"
	if [ "$type" = dir ]; then
		echo x >"$path"
		refuses "${name}_file" "$path" 'is a plain file'
	else
		mkdir "$path"
		refuses "${name}_dir" "$path" 'is a directory'
	fi
}
odd ssh "$H/.ssh" dir
odd config "$H/.ssh/config" file
odd dir "$dir" dir
odd env "$dir/env" file
odd gitconfig "$H/.gitconfig" file
odd name "$dir/default" dir

# The name of a load leads to nothing but a directory of that load.
for target in .default.abc .default.abcdefg .other.abcdef default.abcdef \
    .default.abc-ef ./.default.abcdef ../.default.abcdef .default.; do
	home_used
	ln -sfn "$target" "$dir/default"
	refuses "target_$target" "$dir/default" 'is a symbolic link that'
done
home_used
ln -sfn .default.abcdef "$dir/default"
kept target_that_is_gone "${load[@]}"
check_whole target_that_is_gone_cleans

# A directory of a load that is none: it is not followed.
home_used
hidden=$dir/$(readlink "$dir/default")
rm -r "$hidden"
ln -s "$E/dir" "$hidden"
kept hidden_symlink "${load[@]}"
check_same hidden_symlink_nothing_elsewhere "$elsewhere" "$(tree "$E")"
# Nor what is in it.
home_used
hidden=$dir/$(readlink "$dir/default")
ln -s "$E/dir" "$hidden/dir"
ln -s "$E/file" "$hidden/file"
kept inner_symlink "${load[@]}"
check_same inner_symlink_nothing_elsewhere "$elsewhere" "$(tree "$E")"
check_same inner_symlinks_stay ".files dir file " \
    "$(find "$hidden" -mindepth 1 -printf '%P\n' | sort | tr '\n' ' ')"
# Folders in it are somebody's.
home_used
hidden=$dir/$(readlink "$dir/default")
mkdir "$hidden/mine"
echo x >"$hidden/mine/x"
kept inner_folder "${load[@]}"
check_text inner_folder_stays 'x\n' "$hidden/mine/x"

# mode NAME PATH MODE
mode() {
	home_used
	chmod "$3" "$2"
	refuses "mode_$1_$3" "$2" 'can be written by others'
}
for bits in 777 770 702 720; do
	mode ssh "$H/.ssh" "$bits"
	mode dir "$dir" "$bits"
done
for bits in 666 660 602 620; do
	mode config "$H/.ssh/config" "$bits"
	mode env "$dir/env" "$bits"
done
mode gitconfig "$H/.gitconfig" 666
home_used
mkdir -m 777 "$H/.config"
chmod 777 "$H/.config"
undone mode_of_folder 3 "$H/.config can be written" --line .config/x x
rm -r "$H/.config"
ln -s "$E/dir" "$H/.config"
undone folder_symlink 1 "$H/.config" --line .config/x x
check_same folder_nothing_elsewhere "$elsewhere" "$(tree "$E")"
mkdir "$H/.ssh/sub"
ln -s "$E/dir" "$H/.ssh/sub/dir"
undone deep_folder_symlink 1 "$H/.ssh/sub/dir" --line .ssh/sub/dir/x x
check_same deep_nothing_elsewhere "$elsewhere" "$(tree "$E")"

# Homes.
home_new
undone no_home 1 "$T/none" --home "$T/none" "${load[@]}"
check_has no_home_says "$said" --home
echo x >"$T/file"
undone home_is_a_file 1 "$T/file" --home "$T/file" "${load[@]}"
ln -s "$H" "$T/link"
kept home_by_a_symlink --home "$T/link" "${load[@]}"
check_whole home_by_a_symlink_is_whole
checks_end
