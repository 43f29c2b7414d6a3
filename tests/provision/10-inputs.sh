#!/bin/bash
# 10-inputs.sh - manifests and key files, good and bad: what is taken of them,
# what is said about them, and that nothing is run in the target before all of
# it is known to be good.
# What looks like an expansion is data.
# shellcheck disable=SC2016,SC2088
# shellcheck source=tests/support/load.sh
. "$(dirname "$0")/../support/load.sh"

for name in id other host; do
	make_key ed25519 "$name"
done
bytes=$(head -c 5000 "$T/id")
K=$T/id

# The mark is one.
manifest "$(entry git "$K")"
load -f "$T/m.json" "$M"
check_same a_good_one_is_sent yes "$([ -s "$T/marks" ] && echo yes)"
rm -f "$T/marks"

# --- what a manifest can be ----------------------------------------------------

hosts='[.keys[] | .fingerprint + "=" + ([.hosts[].host] | join("+"))] | sort[]'
fid=$(print_of id)
dry bare_list "$hosts" "$fid=git" -f "$T/m.json"
# text TEXT: the manifest.
text() {
	printf '%s' "$1" >"$T/m.json"
}
text '{"name": "x", "bottles": {"web": {"cpus": 2, "ssh": ['"$(entry git "$K")"']}}}'
dry one_bottle "$hosts" "$fid=git" -f "$T/m.json"
dry one_bottle_by_name "$hosts" "$fid=git" -f "$T/m.json" -b web
wrong no_such_bottle 2 "$T/m.json:1:" 'no bottle "wib"; there are "web"' \
    'did you mean "web"' -- -f "$T/m.json" -b wib "$M"
text '{"bottles": {"web": {"ssh": ['"$(entry git "$K")"']},
    "db": {"ssh": ['"$(entry base "$K")"']}, "idle": {}}}'
wrong several_bottles 2 'say which bottle: there are "web", "db", "idle"' -- \
    -f "$T/m.json" "$M"
dry several_bottles_and_one_named "$hosts" "$fid=base" -f "$T/m.json" -b db
load -f "$T/m.json" -b idle "$M"
expect no_ssh_entries 0 \
    "there are no ssh entries in the manifest $T/m.json, at bottles.NAME.ssh"
check_same no_ssh_entries_prints_nothing '' "$out"
for none in '[]' '{}' '{"bottles": {}}' '{"bottles": {"web": {"ssh": []}}}'; do
	text "$none"
	load -f "$T/m.json" --json "$M"
	check_same "nothing_in_$none" '0 true 0 ' \
	    "$status $(jq -r '.done, (.targets | length)' "$T/stdout" |
		tr '\n' ' ')"
	check "nothing_is_run_for_$none" test ! -e "$T/marks"
done
manifest "$(entry git "$K")"
in=$T/m.json
dry standard_input "$hosts" "$fid=git" -f -
text '[{'
wrong standard_input_broken 2 'standard input:1:2: this { is not closed' -- -f - "$M"
in=/dev/null
wrong no_manifest 2 "cannot open the manifest $T/none: No such file" -- \
    -f "$T/none" "$M"
wrong folder_for_a_manifest 1 "cannot read the manifest $T: Is a directory" -- \
    -f "$T" "$M"
head -c 1100000 /dev/zero | tr '\0' ' ' >"$T/large"
wrong large_manifest 2 "$T/large has more than 1048576 bytes" -- -f "$T/large" "$M"

# Fields: what is wrong, and where.
field() {
	local name=$1 fields=$2

	shift 2
	manifest "$(entry one "$K")" "$(entry two "$K" "$fields")"
	wrong "$name" 2 "$T/m.json:3:" "$@" -- -f "$T/m.json" "$M"
}
at=$(($(entry two "$K" | wc -c) + 2))
field unknown_field '"Prot": 22' "m.json:3:$at: [1].Prot: there is no such field; did you mean Port?"
field unknown_field_of_a_limit '"max-signature": 3' 'did you mean maxSignatures?'
field unknown_field_far_off '"colour": 1' 'there are Host, IdentityFile,'
field no_number '"Port": true' "m.json:3:$((at + 8)): [1].Port: must be a number from 1 to 65535; it is true"
field port_zero '"Port": 0' '1 to 65535; it is 0'
field port_large '"Port": "65536"' '1 to 65535; it is "65536"'
field port_with_plus '"Port": "+22"' '1 to 65535'
field port_as_fraction '"Port": 22.5' 'it is the number 22.5'
field no_text '"User": 7' '[1].User: must be a text in double quotes; it is 7'
field no_truth '"confirm": "yes"' 'must be true or false; it is "yes"'
field no_list '"purposes": "git"' 'must be an array such as ["auth", "git"]'
field no_key '"KnownHostKey": "ssh-ed25519 AAAA"' '[1].KnownHostKey: '
field same_key_twice '"User": "a", "User": "b"' 'this key is in its object twice: "User"'
field other_rules_for_one_file '"confirm": true' "confirm: differs from what the entry at $T/m.json:2:1 says"
field escapes '"\u001b[31m": 1' 'there is no such field'
manifest "$(entry git.test "$K")" "$(entry GIT.test "$K")"
wrong host_twice 2 'm.json:3:10: [1].Host: there is an entry for "git.test" already' \
    'begins in line 2' -- -f "$T/m.json" "$M"
text '[{"Host": "git"}]'
wrong field_missing 2 'm.json:1:2: [0]: IdentityFile is missing' -- -f "$T/m.json" "$M"
text '{"Bottles": {}}'
wrong case_of_bottles 2 'm.json:1:2: Bottles: did you mean bottles?' -- -f "$T/m.json" "$M"
text $'[\n {"Host": "git",, }]'
wrong no_json 2 'm.json:2:17: ' -- -f "$T/m.json" "$M"
text $'[{"Host": "\xff"}]'
wrong no_utf8 2 "m.json:1:" -- -f "$T/m.json" "$M"
manifest "$(entry one "$K" '"user": "a"')" "$(entry two "$K" '"user": "b"')"
wrong two_users 2 'm.json:3:1: user: must be the same in all entries; an earlier one says "a"' \
    -- -f "$T/m.json" "$M"
for host in '*.test' 'a b' '' '-oProxyCommand=x' 'me@git' '[::1]' '$(x)'; do
	manifest "$(entry "$host" "$K")"
	wrong "host_\"$host\"" 2 'm.json:2:10: [0].Host: must ' -- -f "$T/m.json" "$M"
done
manifest "$(entry git "$K" '"proxy": "http://me:s3cret@p:1"')"
wrong password_for_a_proxy 2 '!s3cret' -- -f "$T/m.json" "$M"

# Ports as numbers and as text.
manifest "$(entry one "$K" '"Port": 2222')" "$(entry two "$K" '"Port": "2223"')" \
    "$(entry three "$K")"
dry ports '[.keys[0].hosts[].port] | sort[]' '22 2222 2223' -f "$T/m.json"

# --- paths are data -------------------------------------------------------------

evil='it'\''s "a" $(touch pwned) `touch pwned` \n %h ~ ; & #'
mkdir "$T/$evil"
cp -p "$K" "$T/$evil/$evil"
json=$(printf '%s' "$T/$evil/$evil" | jq -Rs .)
text '[{"Host": "git", "IdentityFile": '"$json"'}]'
dry odd_path '.keys[0].fingerprint' "$fid" -f "$T/m.json"
load -f "$T/m.json" --sign --dry-run "$M"
check_same odd_path_in_text 0 "$status"
chmod 644 "$T/$evil/$evil"
wrong odd_path_in_a_message 2 "chmod 600 '$T/it'" -- -f "$T/m.json" "$M"
check odd_path_is_not_run test ! -e pwned -a ! -e "$T/pwned"
# The name of its public half is one that ssh's configuration can have.
chmod 600 "$T/$evil/$evil"
dry odd_path_makes_a_plain_name \
    '[.files[].path | select(endswith(".pub"))] | length' 1 -f "$T/m.json"
check "odd_path_makes_no_odd_name" \
    jq -e 'all(.files[].path; test("^[~A-Za-z0-9@_+=,./-]*$"))' "$T/stdout"

# Relative to the manifest; ~ is the operator's home.
mkdir "$T/sub"
cp -p "$K" "$T/sub/key"
printf '[%s]' "$(entry git key)" >"$T/sub/m.json"
dry relative_path '.keys[0].file' "$T/sub/key" -f "$T/sub/m.json"
# The manifest itself, from where the operator is.
pushd "$T" >/dev/null
dry relative_manifest '.keys[0].file' "$T/sub/key" -f sub/m.json
popd >/dev/null
if [ -n "${BOTTLE_OWN_MOUNTS:-}" ]; then
	cp -p "$K" "$HOME/key"
	manifest "$(entry git '~/key')"
	dry path_with_tilde '.keys[0].file' "$HOME/key" -f "$T/m.json"
fi
# What is printed for people has all that a key is restricted to.
manifest "$(entry git "$T/id" '"lifetime": "1h", "confirm": true,
    "maxSignatures": 7, "rate": "5/1m", "unbound": "deny"')"
load --dry-run -f "$T/m.json" "$M"
check_same rules_for_people 0 "$status"
for line in 'lifetime: 3600 s' 'each use is confirmed' 'signatures: 7' \
    'rate: 5 in 60 s' 'unbound: deny'; do
	check_has "rules_for_people_${line%%:*}" "$out" "    $line"
done
manifest "$(entry git "$T/id" '"unbound": "allow"')"
load --dry-run -f "$T/m.json" "$M"
check_has rules_for_people_allow "$out" '    unbound: allow'
check_lacks rules_for_people_none "$out" 'lifetime:'

# Same last part.
mkdir "$T/a" "$T/b"
cp -p "$T/id" "$T/a/id"
cp -p "$T/other" "$T/b/id"
manifest "$(entry a "$T/a/id")" "$(entry b "$T/b/id")"
dry same_names "$hosts" "$(printf '%s\n' "$fid=a" "$(print_of other)=b" |
    sort | tr '\n' ' ' | sed 's/ $//')" -f "$T/m.json"
dry same_names_make_two_files '[.files[].path | select(endswith(".pub"))] |
    unique | length' 2 -f "$T/m.json"
# One key for two hosts is one; the same one in two files is refused.
manifest "$(entry a "$K")" "$(entry b "$K")"
dry one_file_for_two_hosts "$hosts" "$fid=a+b" -f "$T/m.json"
manifest "$(entry a "$K")" "$(entry b "$T/a/id")"
wrong two_files_with_one_key 2 "$T/a/id is the same key as $K" \
    'name one file in both places' -- -f "$T/m.json" "$M"

# --- key files -------------------------------------------------------------------

# key NAME: the manifest is about that file.
key() {
	manifest "$(entry git "$T/$1")"
}
# broken NAME STATUS FILE PART...: a file that is not taken; it is named.
broken() {
	local name=$1 wanted=$2 file=$3

	shift 3
	key "$file"
	wrong "$name" "$wanted" "$T/$file: " "$@" -- -f "$T/m.json" "$M"
}
# taken NAME FILE: one that is.
taken() {
	key "$2"
	dry "$1" '.keys[0].fingerprint' "$fid" -f "$T/m.json"
}
sed 's/$/\r/' "$K" >"$T/crlf"
printf %s "$bytes" >"$T/no-newline"
{
	printf 'Some words before it.\n\n'
	cat "$K"
	printf '\nAnd behind.\n'
} >"$T/words"
chmod 600 "$T/crlf" "$T/no-newline" "$T/words"
taken CRLF crlf
taken no_last_newline no-newline
taken words_around words
cp "$K" "$T/open"
for mode in 0644 0640 0604 0620; do
	chmod "$mode" "$T/open"
	broken "mode_$mode" 2 open "mode $mode" '`chmod 600 '
done
chmod 400 "$T/open"
taken mode_0400 open
broken missing 2 missing 'there is no such file'
broken public 2 id.pub 'this is a public key: name the file with its private half'
broken folder 2 sub 'this is a directory'
mkfifo "$T/fifo"
chmod 600 "$T/fifo"
since=$(now_ms)
broken fifo 2 fifo 'this is no regular file'
check fifo_is_not_waited_for test "$(($(now_ms) - since))" -lt 5000
install -m 600 /dev/null "$T/empty"
broken empty 2 empty 'this file is empty'
(umask 077 && head -c 300 "$K" >"$T/cut")
broken cut_short 2 cut
(umask 077 && sed '3s/..../@@@@/' "$K" >"$T/damaged")
broken damaged 2 damaged
(umask 077 && head -c 70000 /dev/zero >"$T/huge")
broken huge 2 huge 'key files have at most 65536'
(umask 077 && printf 'hello\n' >"$T/prose")
broken prose 2 prose 'there is no private key in it'
ln -s none "$T/dangling"
broken dangling 2 dangling 'there is no such file'
ln -s id "$T/link"
taken link link
# The first thing that is wrong is said, and the good ones go nowhere.
manifest "$(entry a "$K")" "$(entry b "$T/damaged")" "$(entry c "$T/other")"
wrong second_of_three 2 "$T/damaged: " -- -f "$T/m.json" "$M"

# Passphrases: no terminal, so a program asks.
make_key ed25519 locked 'open sesame'
broken locked_and_nobody_asked 2 locked \
    'protected by a passphrase, and nobody may be asked'
# prompt ARG...: as load, but somebody may be asked.
prompt() {
	run load --socket "$S" --bin "$bin" --user "$account" \
	    --home "$N" --no-install "$@"
}
key locked
printf '#!/bin/sh\necho "$*" >>%q\necho "open sesame"\n' "$T/asked" >"$T/askpass"
chmod 755 "$T/askpass"
export SSH_ASKPASS=$T/askpass SSH_ASKPASS_REQUIRE=force DISPLAY=:0
prompt -f "$T/m.json" --dry-run --json "$M"
check_same locked_and_asked "0 $(print_of locked)" \
    "$status $(jq -r '.keys[0].fingerprint' "$T/stdout")"
check_has locked_and_asked_about_the_file "$(cat "$T/asked")" "$T/locked"
rm "$T/asked"
load -f "$T/m.json" "$M"
expect no_prompt_with_askpass 2 'nobody may be asked'
check no_prompt_asks_nobody test ! -e "$T/asked"
printf '#!/bin/sh\necho "$*" >>%q\n[ "$(wc -l <%q)" -lt 4 ] && echo wrong\n' \
    "$T/asked" "$T/asked" >"$T/askpass"
prompt -f "$T/m.json" "$M"
expect wrong_passphrase 2 "$T/locked: it stays locked"
unset SSH_ASKPASS SSH_ASKPASS_REQUIRE DISPLAY
check_same nothing_of_it_is_left '' \
    "$(find "${TMPDIR:-/tmp}" -maxdepth 1 -user "$(id -u)" \
	-name 'bottle-provision.??????' -newer "$T/askpass" -type d)"

# Certificates.
make_key ed25519 ca
certify() {
	ssh-keygen -q -s "$T/ca" -I "$1" -n node "${@:3}" "$T/$2.pub" 2>/dev/null
}
certificates='.keys[0].certificates, (.warnings | length)'
make_key ed25519 signed
certify me signed -V -1d:+1d
key signed
dry certificate_beside "$certificates" '1 1' -f "$T/m.json"
manifest "$(entry git "$T/signed" '"KnownHostKey": "'"$(blob host)"'"')"
dry certificate_beside_of_a_known_host "$certificates" '1 0' -f "$T/m.json"
certify me signed -V -2d:-1d
key signed
load -f "$T/m.json" --dry-run "$M"
expect expired_certificate 0 "$T/signed-cert.pub: " 'has expired'
mv "$T/signed-cert.pub" "$T/elsewhere.pub"
manifest "$(entry git "$T/signed" '"CertificateFile": "'"$T/elsewhere.pub"'"')"
dry certificate_named '.keys[0].certificates' 1 -f "$T/m.json"
manifest "$(entry git "$K" '"CertificateFile": "'"$T/elsewhere.pub"'"')"
wrong certificate_of_another 2 "$T/elsewhere.pub: line 1: " \
    'is for another key' -- -f "$T/m.json" "$M"
manifest "$(entry git "$K" '"CertificateFile": "'"$T/none"'"')"
wrong certificate_missing 2 "$T/none: there is no such file" -- -f "$T/m.json" "$M"
manifest "$(entry git "$K" '"CertificateFile": "'"$K.pub"'"')"
wrong certificate_is_none 2 "$K.pub: this is a public key" -- -f "$T/m.json" "$M"
key elsewhere.pub
wrong certificate_for_a_key 2 'this is a certificate: name the private key' -- \
    -f "$T/m.json" "$M"
printf 'no certificate\n' >"$T/other-cert.pub"
key other
wrong certificate_beside_broken 2 "$T/other-cert.pub: " -- -f "$T/m.json" "$M"

# --- the command line ------------------------------------------------------------

manifest "$(entry git "$K")"
wrong no_target 2 'name a target' -- -f "$T/m.json"
wrong no_host 2 'name the hosts that local is to reach' -- local
wrong bottle_without_manifest 2 '-b goes with --manifest' -- -b web "$M" git
wrong config_with_manifest 2 '-F and -f: only HOSTs are looked up there' -- -F x -f "$T/m.json" "$M"
wrong sign_as_alone 2 '--sign-as goes with --sign' -- --sign-as me -f "$T/m.json" "$M"
wrong bad_name 2 '-n takes 1 to 64' -- -n ../x -f "$T/m.json" "$M"
wrong bad_timeout 2 '--timeout takes a time' -- --timeout 0 -f "$T/m.json" "$M"
wrong password_in_proxy 2 '!s3cret' 'must not hold a password' -- \
    -p http://me:s3cret@p:1 -f "$T/m.json" "$M"
wrong no_such_option 2 --manifest -- --manifset x "$M"
wrong target_with_shell 2 'there is no shell' -- -f "$T/m.json" 'exec:a; b'
wrong second_target_bad 2 'is no target' -- -f "$T/m.json" "$M" 'x:y'
wrong exec_not_there 5 no.such.program -- -f "$T/m.json" exec:no.such.program
run lode
expect no_such_command 2 'unknown command lode; did you mean load?'
run --json load -f "$T/m.json" "$M"
expect option_before_load 2 '--json goes behind load'
run
expect nothing 2 'say what to do'

# An error is one in JSON, too.
key damaged
load -f "$T/m.json" --json "$M"
check_same error_in_json '2 1 false 2' "$status $(jq -r \
    '[.version, .done, .code] | map(tostring) | join(" ")' "$T/stdout")"
check_has error_in_json_says_why "$(jq -r .error "$T/stdout")" "$T/damaged"

# What is closed cannot be opened where there is no /dev/null.
if unshare -m mount -t tmpfs none /dev 2>/dev/null; then
	for program in "$PROVISION" "$AGENT"; do
		name=${program##*/}
		status=0
		text=$(timeout 20 unshare -m bash -c 'mount -t tmpfs none /dev
			exec "$1" --help <&-' - "$program" 2>&1) || status=$?
		check_same "${name}_without_null_ends" 1 "$status"
		check_same "${name}_without_null_says_so" "$name: error: \
cannot have descriptors 0 to 2: No such file or directory" "$text"
	done
else
	printf '# nothing can be mounted here: /dev/null is there\n'
fi
# --- without a load ------------------------------------------------------------

run --version
check_same version_is_printed 0 "$status"
check_has version_is_told "$out" 'bottle-provision '
run help lod
check_same a_topic_that_is_near 2 "$status"
check_has a_topic_that_is_near_is_told "$err" 'did you mean load?'
run help zzzzzzzzzzzz
check_same a_topic_that_is_none 2 "$status"
check_has a_topic_that_is_none_says_what_to_do "$err" \
    'bottle-provision help lists them'
run doctor 'bad name'
check_same doctor_of_a_bad_name 2 "$status"
check_has doctor_of_a_bad_name_says_so "$err" 'bad name'
# Without PATH its usual places are looked through.
status=0
err=$(env -u PATH "$PROVISION" doctor 'bad name' 2>&1) || status=$?
check_same without_path 2 "$status"
check_has without_path_says_so "$err" 'bad name'
scenario_end
