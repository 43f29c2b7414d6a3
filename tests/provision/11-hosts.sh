#!/bin/bash
# 11-hosts.sh - load TARGET HOST...: what the operator's own ssh would do is what
# the user there gets, and what cannot be done there is refused.
# shellcheck source=tests/support/load.sh
. "$(dirname "$0")/../support/load.sh"

for name in id other third host host2 ca revoked; do
	make_key ed25519 "$name"
done
make_key rsa2048 host_rsa
touch "$T/known"

# conf LINE...: what ssh is asked with; behind it what is so for all hosts.
conf() {
	{
		printf '%s\n' "$@"
		printf '%s\n' 'Host *' "UserKnownHostsFile $T/known" \
		    'GlobalKnownHostsFile /dev/null'
	} >"$T/conf"
}
# known LINE...: these are the operator's known hosts.
known() {
	printf '%s\n' "$@" >"$T/known"
}
# file NAME: the jq filter for one that would be written, without comments.
file() {
	printf '[.files[] | select(.what == "file" and (.path | endswith("/%s")))
	    .contents] | join("")' "$1"
}
# pins NAME WANTED HOST...: the lines of known_hosts.
pins() {
	local name=$1 wanted=$2

	shift 2
	dry "$name" "$(file known_hosts) | rtrimstr(\"\n\")" "$wanted" \
	    -F "$T/conf" "$@"
}
f=(-F "$T/conf")
fid=$(print_of id)
hosts='[.keys[].hosts[] | "\(.user)@\(.hostname):\(.port)"] | unique[]'
files='[.keys[].file | ltrimstr("'"$T/"'")] | join("+")'

# --- who and where ---------------------------------------------------------------

conf 'Host git' "HostName git.example.test" 'User me' 'Port 2222' \
    "IdentityFile $T/id"
dry host_user_and_port "$hosts" me@git.example.test:2222 "${f[@]}" git
dry the_key '.keys[0] | .fingerprint, .comment, .file' "$fid id $T/id" "${f[@]}" git
dry the_config_there "$(file config) | rtrimstr(\"\n\")" "# Written by bottle-provision; changes are \
lost when it loads again.  Host git git.example.test     HostName \
git.example.test     Port 2222     User me     IdentityAgent $S     IdentityFile \
~/.ssh/bottle-agent/default/id.pub     IdentitiesOnly yes     ServerAliveInterval \
30     ForwardAgent no" "${f[@]}" git
conf 'Host git' "IdentityFile $T/id" 'Host build' "IdentityFile $T/other" \
    'HostName 192.0.2.7' 'User ci'
dry several_hosts '[.keys[] | .file + "=" + .hosts[0].hostname] | sort[]' \
    "$T/id=git $T/other=192.0.2.7" "${f[@]}" git build
dry one_of_several '[.keys[].hosts[].host] | join(" ")' build "${f[@]}" build
wrong same_host_twice 2 'host git is named twice' -- "${f[@]}" "$M" git git
conf 'Host git' "IdentityFile $T/id" "IdentityFile $T/other"
dry several_keys "$files" id+other "${f[@]}" git
dry in_the_order_of_ssh "[$(file config) | scan(\"[a-z]*[.]pub\")] | join(\" \")" \
    'id.pub other.pub' "${f[@]}" git
conf 'Host git' "IdentityFile $T/none" "IdentityFile $T/other"
dry one_of_them_is_there "$files" other "${f[@]}" git
conf 'Host git' "IdentityFile $T/none"
wrong none_is_there 2 'host git: none of the keys that ssh would use' \
    'IdentityFile' -- "${f[@]}" "$M" git
conf 'Host one two' "IdentityFile $T/id" 'Host *' "IdentityFile $T/third"
dry a_key_for_two_hosts '[.keys[] | (.file | ltrimstr("'"$T/"'")) + ":" +
    ([.hosts[].host] | join(","))] | join(" ")' 'id:one,two third:one,two' \
    "${f[@]}" one two
conf 'Host git' "IdentityFile $T/%n"
cp -p "$T/id" "$T/git"
dry token_in_a_path "$files" git "${f[@]}" git
wrong no_such_config 2 'ssh -G -- git fails' -- -F "$T/none" "$M" git
for host in -oProxyCommand=x 'a b' '' me@git ssh://git $'a\nb'; do
	wrong "host_\"${host@Q}\"" 2 -- "${f[@]}" -- "$M" "$host"
done

# Certificates.
ssh-keygen -q -s "$T/ca" -I me -n node -V -1d:+1d "$T/id.pub" 2>/dev/null
conf 'Host git' "IdentityFile $T/id"
dry certificate_beside '.keys[0].certificates' 1 "${f[@]}" git
mv "$T/id-cert.pub" "$T/cert"
dry no_certificate '.keys[0].certificates' 0 "${f[@]}" git
conf 'Host git' "IdentityFile $T/id" "CertificateFile $T/cert"
dry certificate_file '.keys[0].certificates' 1 "${f[@]}" git
conf 'Host git' "IdentityFile $T/id" "IdentityFile $T/other" \
    "CertificateFile $T/cert"
wrong certificate_for_which 2 "CertificateFile $T/cert: for which of 2 keys?" -- \
    "${f[@]}" "$M" git

# --- which keys a host is known by -----------------------------------------------

conf 'Host git' 'HostName git.test' "IdentityFile $T/id" \
    'Host build' 'HostName build.test' 'Port 2222' "IdentityFile $T/id" \
    'Host alias' 'HostName 192.0.2.9' 'HostKeyAlias real.test' \
    'Port 2222' "IdentityFile $T/id"
known "git.test $(blob host)" "other.test $(blob host2)"
pins known_plainly "git.test $(blob host)" git
dry bound_to_a_known_host '.keys[0].bound, (.warnings | length)' 'true 0' "${f[@]}" git
known "git.test,192.0.2.1 $(blob host) a comment" "git.test $(blob host_rsa)"
pins known_by_two "git.test $(blob host) git.test $(blob host_rsa)" git
ssh-keygen -q -H -f "$T/known" >/dev/null 2>&1
check_lacks known_is_hashed "$(cat "$T/known")" git.test
pins known_hashed "git.test $(blob host) git.test $(blob host_rsa)" git
known "[build.test]:2222 $(blob host)" "build.test $(blob host2)"
pins known_by_its_port "[build.test]:2222 $(blob host)" build
known "real.test $(blob host)" "192.0.2.9 $(blob host2)"
pins known_by_its_alias "real.test $(blob host)" alias
dry alias_in_the_config "[$(file config) | scan(\"HostKeyAlias .*\")] | join(\"\")" \
    'HostKeyAlias real.test' "${f[@]}" alias
known "*.test $(blob host)" "!git.test,*.test $(blob host2)"
pins known_by_a_pattern "git.test $(blob host)" git
known "@cert-authority *.test $(blob ca)"
pins known_by_an_authority "@cert-authority git.test $(blob ca)" git
known "git.test $(blob host)" "git.test $(blob revoked)" \
    "@revoked * $(blob revoked)"
pins revoked_is_not_known "git.test $(blob host)" git
known "git.test $(blob revoked)" "@revoked git.test $(blob revoked)"
dry only_a_revoked_one '.keys[0].bound' false "${f[@]}" git
load --dry-run "${f[@]}" "$M" git
expect only_a_revoked_one_is_said 0 'no key of host git is known'

# Nobody knows it: said aloud, and the key is not bound.
known ''
dry unknown '.keys[0].bound, (.warnings | length)' 'false 1' "${f[@]}" git
load --dry-run "${f[@]}" "$M" git
expect unknown_is_said 0 'warning: no key of host git is known, so its keys are not' \
    'restricted to it' --scan
check_has unknown_in_the_plan "$out" '(no host key is known)'
known "git.test $(blob host)"
dry one_unknown_host_of_a_key '.keys[0].bound, .warnings[0][:27]' \
    'false no key of host build is kno' "${f[@]}" git build
load --scan "${f[@]}" "$M" build
expect scan_is_not_for_scripts 2 'you are asked about each key' '--no-prompt'

# --- what cannot be done from there ------------------------------------------------

conf 'Host git' 'ProxyJump jump.test' "IdentityFile $T/id"
wrong proxy_jump 2 'host git is behind ProxyJump jump.test' \
    'cannot go that way' -- "${f[@]}" "$M" git
conf 'Host git' "ProxyCommand touch $T/ran %h" "IdentityFile $T/id"
wrong proxy_command 2 'host git is behind a ProxyCommand' 'give --proxy' -- \
    "${f[@]}" "$M" git
check proxy_command_is_not_run test ! -e "$T/ran"
conf 'Host git' 'ProxyCommand none' "IdentityFile $T/id"
dry proxy_command_none "$files" id "${f[@]}" git
dry proxy_of_the_options "[$(file config) | scan(\"ProxyCommand .*\")] | join(\"\")" \
    "ProxyCommand $bin/bottle-forward connect --fdpass --proxy 'http://proxy.test:3128' -- %h %p" \
    "${f[@]}" -p http://proxy.test:3128 git

# --- keys that ssh tries where nothing is said -------------------------------------

if [ -n "${BOTTLE_OWN_MOUNTS:-}" ]; then
	install -d -m 700 "$HOME/.ssh"
	conf 'Host git' 'User me'
	wrong no_default_key 2 'host git: none of the keys' -- "${f[@]}" "$M" git
	cp "$T/other" "$HOME/.ssh/id_ed25519"
	dry default_key '.keys[].file' "$HOME/.ssh/id_ed25519" "${f[@]}" git
	cp "$T/host_rsa" "$HOME/.ssh/id_rsa"
	dry default_keys '[.keys[].file] | sort[]' \
	    "$HOME/.ssh/id_ed25519 $HOME/.ssh/id_rsa" "${f[@]}" git
	chmod 644 "$HOME/.ssh/id_rsa"
	wrong default_key_that_others_read 2 "$HOME/.ssh/id_rsa: others may" -- \
	    "${f[@]}" "$M" git
	rm "$HOME/.ssh/id_rsa"
	# The operator's own configuration, without -F.
	printf '%s\n' 'Host mine' 'HostName mine.test' 'User me' \
	    "IdentityFile ~/.ssh/id_ed25519" >"$HOME/.ssh/config"
	printf 'mine.test %s\n' "$(blob host)" >"$HOME/.ssh/known_hosts"
	dry own_config '.keys[] | .file, .bound, .hosts[0].hostname' \
	    "$HOME/.ssh/id_ed25519 true mine.test" mine
	dry a_host_of_no_config '.keys[] | .hosts[] | .user, .hostname' \
	    'root strange.test' strange.test
else
	echo 'SKIP: no home of an operator without root'
fi
scenario_end
