#!/bin/sh
# install.sh - put bottle-agent into the image of a development container: the
# programs, the rules, and what starts the agent.  For any shell, as root.
#
# Options are variables, as devcontainer-feature.json has them: ALLOW, AUDIT,
# START.  There is none for a key: what is in an image is in all its copies.
set -eu
umask 022

here=$(cd "$(dirname "$0")" && pwd)
bin=/usr/local/bin
policy=/etc/bottle-agent.policy
share=/usr/local/share/bottle-agent
nl='
'

die() {
	printf 'bottle-agent: %s\n' "$1" >&2
	exit 1
}

[ "$(id -u)" = 0 ] || die 'install.sh must be run as root'
audit=${AUDIT:-}
case $audit in
'') ;;
*[!A-Za-z0-9/._-]*)
	die "audit: \"$audit\": a path of letters, digits and /._- is wanted" ;;
/*) ;;
*) die "audit: \"$audit\" does not begin with /" ;;
esac

arch=$(uname -m)
from=$here/programs/$arch
[ -f "$from/SHA256SUMS" ] || die "there are no programs for $arch in \
$here/programs: make the feature there with deploy/make-packages, and put its \
programs/$arch beside the others"
(cd "$from" && sha256sum -c SHA256SUMS >/dev/null) ||
    die "the programs in $from are not those that it was made with"

# The rules, before anything is there: a wrong one is found by the agent.
allow=${ALLOW:-}
user=${_REMOTE_USER:-root}
if [ -z "$allow" ] && [ "$user" != root ]; then
	allow=$user=list,sign
fi
new=$policy.new
{
	printf '# Made by the Dev Container Feature; see bottle-agent(1).\n'
	set -f
	# shellcheck disable=SC2086
	set -- $allow
	[ "$#" -eq 0 ] || printf '%s\n' "$@"
} >"$new"
"$from/bottle-agent" --check-policy "$new" || {
	rm -f "$new"
	die "allow: \"$allow\" is not what the agent takes; see above"
}
mv -f "$new" "$policy"

mkdir -p "$bin" "$share" /run
for name in bottle-agent bottle-forward bottle-ssh-keygen; do
	cp "$from/$name" "$bin/.$name.new"
	chmod 755 "$bin/.$name.new"
	mv -f "$bin/.$name.new" "$bin/$name"
done

# What is run when the container starts.
start=
[ "${START:-true}" != true ] || start="
if [ \"\$(id -u)\" = 0 ]; then
	$bin/bottle-agent --status >/dev/null 2>&1 ||
	    $bin/bottle-agent --public --policy $policy${audit:+ --audit $audit} >/dev/null ||
	    echo 'bottle-agent: it does not run; see above' >&2
else
	echo 'bottle-agent: not root, so it is started by the first load' >&2
fi$nl"
cat >"$share/start" <<END
#!/bin/sh
# Made by the Dev Container Feature.  The agent has no keys at first: they come
# from the host, as in "bottle-provision load CONTAINER github.com".
$start
exec "\$@"
END
chmod 755 "$share/start"
printf 'bottle-agent: %s; rules are in %s\n' \
    "$("$bin/bottle-agent" --version)" "$policy"
