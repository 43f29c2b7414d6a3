#!/bin/bash
# 21-scan-via.sh - as whom a scan through a container runs there: nobody has to
# be root for that, and no name of a host is an option.
# shellcheck source=tests/support/load.sh
. "$(dirname "$0")/../support/load.sh"

# Engines that write down what they are told, and fail; a script is called so.
mkdir -m 755 "$T/path"
for engine in docker podman nerdctl kubectl; do
	# shellcheck disable=SC2016
	printf '%s\n' '#!/bin/bash' 'for word; do' \
	    '[[ $word != *trust* ]] || word=SCRIPT' \
	    'printf "<%s>" "$word"' "done >>'$T/told'" "echo >>'$T/told'" \
	    'exit 7' >"$T/path/$engine"
	chmod 755 "$T/path/$engine"
done
PATH=$T/path:$PATH

make_key ed25519 git
manifest "$(entry git.test "$T/git" '"Hostname": "192.0.2.1", "Port": 2222')"

# scan ARG...: what the engine is told.
scan() {
	rm -f "$T/told"
	run load -f "$T/m.json" --scan-via-target --no-install "$@"
	told=$(sort -u "$T/told" 2>/dev/null || true)
}
places='</usr/local/bin/bottle-forward></usr/bin/bottle-forward></opt/bottle-agent/bin/bottle-forward><-->'
words="</bin/sh><-c><SCRIPT><bottle-launch><user>$places"
host='<--><192.0.2.1><2222>'
for engine in docker podman nerdctl; do
	scan "$engine:web"
	check_same "${engine}_not_as_root" \
	    "<exec><-i><-u><1000><-w></><web>$words<connect>$host" "$told"
	expect "${engine}_is_not_reached" 5
done
scan -u node web
check_same as_the_user_that_is_named \
    "<exec><-i><-u><node><-w></><web>$words<connect>$host" "$told"
cp "$T/m.json" "$T/plain.json"
manifest "$(entry git.test "$T/git" '"Hostname": "192.0.2.1", "Port": 2222,
    "user": "build"')"
scan web
check_same as_the_user_of_the_manifest \
    "<exec><-i><-u><build><-w></><web>$words<connect>$host" "$told"
scan -u node web
check_same which_an_option_overrides \
    "<exec><-i><-u><node><-w></><web>$words<connect>$host" "$told"
mv "$T/plain.json" "$T/m.json"
scan --proxy http://proxy.test:8888 web
check_same by_the_proxy \
    "<exec><-i><-u><1000><-w></><web>$words<connect><--proxy><http://proxy.test:8888>$host" \
    "$told"
scan --proxy http://me:pass@proxy.test:8888 web
check_same with_a_password_nothing_is_run '' "$told"
expect a_proxy_with_a_password 2 password '!me:pass'
cp "$T/m.json" "$T/plain.json"
manifest "$(entry git.test "$T/git" '"Hostname": "192.0.2.1",
    "proxy": "http://me:pass@proxy.test:8888"')"
scan web
check_same with_one_of_the_manifest_nothing_is_run '' "$told"
expect a_manifests_proxy_with_a_password 3 'git.test: proxy: must not hold' \
    '!me:pass'
mv "$T/plain.json" "$T/m.json"
scan --bin /programs web
check_same where_the_programs_are \
    "<exec><-i><-u><1000><-w></><web></programs/bottle-forward><connect>$host" \
    "$told"
# In a pod it is the user's container.
scan kubectl:team/web/agent/app
check_same in_the_container_of_the_user \
    "<exec><-i><-n><team><web><-c><app><-->$words<connect>$host" "$told"

# What the way is closed for is known there, and said here.
run load -f "$T/m.json" --scan-via-target --no-install --bin "$bin" \
    --proxy http://127.0.0.1:1 local
expect what_it_says_there_is_said 5 \
    'in the target: proxy http://127.0.0.1:1: cannot connect' \
    '!bottle-forward: error'
# Its lines as a terminal ends them, and those that say nothing.
cat >"$T/enter" <<-'EOS'
	#!/bin/sh
	printf 'bottle-forward: error: one\r\n\r\n\nbottle-forward: error: \r\n' >&2
	printf 'two\r\nbottle-forward: error: three' >&2
	exit 1
EOS
chmod 755 "$T/enter"
run load -f "$T/m.json" --scan-via-target --no-install --bin "$bin" \
    "exec:$T/enter"
expect what_it_says_in_many_lines 5 'in the target: one; two; three' '!\x0d'

checks_end
