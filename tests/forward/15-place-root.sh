#!/bin/bash
# place: what it takes root to try: other users, full and read-only file systems,
# mounts, and what ssh and git make of the files.
# shellcheck source=tests/support/forward.sh
. "$(dirname "$0")/../support/forward.sh"
# shellcheck source=tests/support/place.sh
. "$(dirname "$0")/../support/place.sh"

[ "$(id -u)" -eq 0 ] || skip_all 'not root'
for tool in unshare setpriv mount; do
	command -v "$tool" >/dev/null || skip_all "there is no $tool here"
done
unshare -m true 2>/dev/null || skip_all 'namespaces of mounts are not allowed here'
dir=$H/.ssh/bottle-agent

# Where any user gets to.
chmod 755 "$T"
mkdir "$T/bin"
install -m 755 "$PLACE" "$FORWARD" "$T/bin"
PLACE=$T/bin/place
FORWARD=$T/bin/bottle-forward
# A uid that has no entry in /etc/passwd.
other=54321
while grep -q ":x:$other:" /etc/passwd; do
	other=$((other + 1))
done
as_other=(setpriv --reuid "$other" --regid "$other" --clear-groups)

# Homes and what is in them belong to whoever places.
home_new
chown "$other" "$H"
undone home_of_another 3 "$H belongs to uid $other, not to 0: chown it" \
    "${load[@]}"
check_has home_of_another_says "$said" --home
home_new
under=("${as_other[@]}")
undone home_of_root 3 "$H belongs to uid 0, not to $other" "${load[@]}"
under=()
for path in .ssh .ssh/config .ssh/bottle-agent .ssh/bottle-agent/env .gitconfig \
    .ssh/bottle-agent/default; do
	home_used
	chown -h "$other" "$H/$path"
	undone "of_another_${path##*/}" 3 \
	    "$H/$path belongs to uid $other, not to 0" "${load[@]}"
done
# What another one has put there is not removed.
home_used
mkdir "$dir/.theirs.abcdef"
touch "$dir/.bottle-place.abcdef"
chown "$other" "$dir/.theirs.abcdef" "$dir/.bottle-place.abcdef"
kept theirs "${load[@]}"
check theirs_stays test -d "$dir/.theirs.abcdef"
check theirs_stays_too test -e "$dir/.bottle-place.abcdef"
# A directory of theirs that is ours to replace, but not to empty.
home_used
hidden=$dir/$(readlink "$dir/default")
chown -R "$other" "$hidden"
kept hidden_of_another "${load[@]}"
check hidden_of_another_stays test -f "$hidden/config"

# As another one: where the home comes from.
home_new
chown "$other" "$H"
under=("${as_other[@]}")
kept another "${load[@]}"
check_same another_owns "$other" "$(find "$H" -printf '%U\n' | sort -u)"
rm -r "$H/.ssh"
under=(env -u HOME "${as_other[@]}")
put --home '' "${load[@]}"
check_same no_entry 2 "$status"
check_has no_entry_says "$said" \
    "failed 2 uid $other has no home in /etc/passwd: name it with --home DIR"
check_same no_entry_makes_nothing '' "$(find "$H" -name .ssh)"
under=(env HOME=relative "${as_other[@]}")
put --home '' "${load[@]}"
check_same relative_home 2 "$status"
under=(env "HOME=$H" "${as_other[@]}")
kept home_of_variable --home '' "${load[@]}"
check_whole home_of_variable_is_whole
# In a machine of our own: /etc/passwd comes before the variable.
cp /etc/passwd "$T/passwd"
echo "somebody:x:$other:$other::$H:/bin/sh" >>"$T/passwd"
rm -r "$H/.ssh"
# shellcheck disable=SC2016
under=(unshare -m sh -c 'mount --bind "$0" /etc/passwd && exec "$@"'
    "$T/passwd" env HOME=/nonexistent "${as_other[@]}")
kept home_of_passwd --home '' "${load[@]}"
check_whole home_of_passwd_is_whole
under=()

# --user: root becomes that user before it reads.  By number, without a line;
# HOME would be that of root.
home_new
chown "$other" "$H"
under=(env "HOME=$H")
options=(--user "$other")
put --home '' "${load[@]}"
check_same user_without_a_home 2 "$status"
check_has user_without_a_home_says "$said" "uid $other has no home"
under=()
kept user_by_number "${load[@]}"
check_same user_by_number_owns "$other" "$(find "$H" -printf '%U\n' | sort -u)"
check_same user_by_number_has_its_group "$other" \
    "$(find "$H/.ssh" -printf '%G\n' | sort -u)"
# By name, and with all groups.
# shellcheck disable=SC2016
somebody=(unshare -m sh -c 'mount --bind "$0" /etc/passwd &&
    mount --bind "$1" /etc/group && shift && exec "$@"' "$T/passwd" "$T/group")
printf 'first:x:11:\nlast:x:%s:root,somebody\nroot:x:0:root\n' "$other" \
    >"$T/group"
sed -i "/^somebody:/s/:$other:$other:/:$other:11:/" "$T/passwd"
rm -r "$H/.ssh"
under=("${somebody[@]}")
options=(--user somebody)
kept user_by_name --home '' "${load[@]}"
check_same user_by_name_owns "$other 11" \
    "$(find "$H/.ssh" -printf '%U %G\n' | sort -u)"
under=("${somebody[@]}" "$T/bin/ids")
cat >"$T/bin/ids" <<'EOS'
#!/bin/sh
# Looks at the process while it waits for the magic line.
(
	i=0
	while [ "$i" -lt 500 ] && grep -q '^Uid:.0' "/proc/$$/status"; do
		sleep 0.01
		i=$((i + 1))
	done
	grep -E '^(Uid|Gid|Groups|CapPrm|CapEff):' "/proc/$$/status" \
	    >"$(dirname "$0")/../ids"
	cat >/dev/null
) <"$(dirname "$0")/../go" >/dev/null 2>&1 &
exec "$@" <"$(dirname "$0")/../in"
EOS
chmod 755 "$T/bin/ids"
mkfifo "$T/in" "$T/go"
sleep 30 >"$T/go" &
holder=$!
at_exit end_process "$holder"
"${under[@]}" "$FORWARD" place --user somebody >"$T/out" 2>&1 &
placer=$!
exec 7>"$T/in"
wait_for 30 test -s "$T/ids" || true
exec 7>&-
wait "$placer" || true
kill "$holder"
ids="$other	$other	$other	$other"
check_same user_has_no_way_back "Uid:	$ids
Gid:	11	11	11	11
Groups:	11 $other 
CapPrm:	0000000000000000
CapEff:	0000000000000000" "$(cat "$T/ids")"
# Nobody of that name; not ours to become.
before=$(tree)
under=()
options=(--user nobody.of.that.name)
put "${load[@]}"
is_undone user_unknown 2 'there is no user nobody.of.that.name in' "$before"
check_lacks user_unknown_says_no_hello "$said" hello
under=("${as_other[@]}")
options=(--user 0)
put "${load[@]}"
is_undone user_root_for_another 3 \
    "only root can become user 0, and this runs as uid $other" "$before"
options=(--user "$((other + 1))")
put "${load[@]}"
is_undone user_other_for_another 3 'only root can become user' "$before"
options=(--user "$other")
kept user_is_that_user "${load[@]}"
under=()
options=()

# unreadable for its owner
home_new
chown "$other" "$H"
under=("${as_other[@]}")
mkdir -m 700 "$H/.ssh"
echo x >"$H/.ssh/config"
chmod 000 "$H/.ssh/config"
chown -R "$other" "$H/.ssh"
undone unreadable 1 "cannot open $H/.ssh/config: Permission denied" "${load[@]}"
chmod 600 "$H/.ssh/config"
chmod 500 "$H/.ssh"
undone unwritable 1 "cannot make $dir: Permission denied" "${load[@]}"
chmod 700 "$H/.ssh"
chmod 500 "$H"
undone unwritable_home 1 "cannot write beside $H/.gitconfig: Permission" \
    "${load[@]}"
under=()
chmod 700 "$H"

# mounted SCRIPT: the next calls see what SCRIPT mounts.
mounted() {
	under=(unshare -m sh -c "$1"' && exec "$@"' "$H")
}
home_used
# shellcheck disable=SC2016
mounted 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0"'
undone read_only 1 'Read-only file system' "${load[@]}"
home_new
undone read_only_new 1 "cannot make $H/.ssh: Read-only file system" "${load[@]}"
for path in .ssh/config .gitconfig; do
	home_used
	echo x >"$H/$path"
	# shellcheck disable=SC2016
	mounted 'mount --bind "$0/'"$path"'" "$0/'"$path"'"'
	undone "mount_${path#*/}" 1 "cannot replace $H/$path" "${load[@]}"
	check_has "mount_${path#*/}_says" "$said" 'a mount point'
	printf '%s\n' "$include" "$signing" >"$H/$path"
	kept "mount_${path#*/}_with_lines" "${load[@]}"
done
under=()

# Full: a file system of 1 MiB, with N bytes left; and without inodes.
home_new
mount -t tmpfs -o size=1m,mode=755 none "$H" ||
    die "cannot mount, and this is no test of that"
at_exit eval "umount -q $H 2>/dev/null || true"
mkdir -m 700 "$H/.ssh"
printf 'Host *\n\tUser me\n' >"$H/.ssh/config"
put --file config $'Host earlier\n' --line .ssh/config x
before=$(tree)
for big in 200000 400000 500000; do
	kept "room_$big" --file config "$(cat "$dir/default/config")" \
	    --big b "$big"
	kept "room_${big}_gone" --file config $'Host earlier\n'
done
before=$(tree)
put --big a 500000 --big b 520000 --big c 60000 --file config x
is_undone full 1 'No space left on device' "$before"
check_has full_says "$said" 'cannot write'
head -c 600000 /dev/zero | tr '\0' '\n' >>"$H/.ssh/config"
undone full_config 1 "cannot write beside $H/.ssh/config: No space" \
    --line .ssh/config y
head -c 18 "$H/.ssh/config" >"$T/head"
cp "$T/head" "$H/.ssh/config"
for free in 1 2 3 4 5 6; do
	mount -o "remount,nr_inodes=$(($(df --output=iused "$H" | tail -n 1) +
	    free))" "$H"
	undone "no_inodes_$free" 1 'No space left on device' --file a x \
	    --file b x --file c x --common d x --line .gitconfig x \
	    --line .ssh/config y
done
mount -o remount,nr_inodes=1000 "$H"
kept inodes_again --file a x --file b x --file c x --common d x --line \
    .gitconfig x --line .ssh/config y
umount "$H"

# ssh and git with what was placed; their home is that of root, so it is put
# there.
# shellcheck disable=SC2016
in_home=(unshare -m sh -c 'mount --bind "$0" "$1" && shift && exec "$@"' "$H"
    "$(getent passwd 0 | cut -d: -f6)" env -u XDG_CONFIG_HOME)
if command -v ssh >/dev/null; then
	home_used
	kept for_ssh --name second --file config $'Host second.test
	HostName 192.0.2.1\n\tIdentityAgent /run/bottle-agent.sock\n'
	kept for_ssh_first "${load[@]}"
	got=$("${in_home[@]}" ssh -T -G git.test)
	check_has ssh_user "$got" $'\nuser git\n'
	got=$("${in_home[@]}" ssh -T -G second.test)
	check_has ssh_second "$got" $'\nhostname 192.0.2.1\n'
	check_has ssh_agent "$got" $'\nidentityagent /run/bottle-agent.sock\n'
	check_has ssh_second_user "$got" $'\nuser me\n'
	got=$("${in_home[@]}" ssh -T -G other.test)
	check_has ssh_other "$got" $'\nuser me\n'
else
	echo 'SKIP: there is no ssh here'
fi
if command -v git >/dev/null; then
	check_same git_name x "$("${in_home[@]}" git config --global \
	    --includes user.name)"
	check_same git_theirs me@x.test "$("${in_home[@]}" git config --global \
	    user.email)"
else
	echo 'SKIP: there is no git here'
fi
checks_end
