# shellcheck shell=sh disable=SC2088
# doctor_net.sh user LOGIN SIGN DIR... -- HOST... - what comes of it when the
# user of the keys goes to each HOST, and when his git signs something.  LOGIN
# is "login", or "-": go to no host.  SIGN is what is to be signed, or "-".  Our
# programs are in the folders DIR.
#
# Behind doctor_say.sh; run as that user.  No file is written, no command is run
# on a host, and no connection is left behind.

try=$2 data=$3 forward=
shift 3
while [ "$1" != -- ]; do
	[ -n "$forward" ] || [ ! -x "$1/bottle-forward" ] ||
	    forward=$1/bottle-forward
	shift
done
shift
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

# limit_to SECONDS COMMAND...
limit_to() {
	if command -v timeout >/dev/null 2>&1; then
		timeout "$@"
	else
		shift
		"$@"
	fi
}

# value WORD: what ssh -G says for it, the first of it.
value() {
	printf '%s\n' "$g" | sed -n "s/^$1 //p" | head -n 1
}

# The user's own command line for bottle-forward, with --check in it, and with
# what ssh would put into it.
check_of() {
	case $way in
	*' --connect-timeout '*) more= ;;
	*) more=' --connect-timeout 5' ;;
	esac
	case $way in
	*' --answer-timeout '*) ;;
	*) more="$more --answer-timeout 8" ;;
	esac
	printf '%s\n' "$way" | sed "
		s|bottle-forward connect |bottle-forward connect --check$more |
		s| --fdpass | |
		s|%%|%_|g; s|%h|$name|g; s|%p|$port|g; s|%n|$host|g
		s|%_|%|g"
}

# check: what the proxy says, or the host without one.
check() {
	code=0
	case $way in
	'' | none)
		if [ -z "$forward" ]; then
			say "net $host way none"
			return 0
		fi
		say "net $host way direct"
		out=$(limit_to 15 "$forward" connect --check --proxy direct \
		    --connect-timeout 5 --answer-timeout 8 -- "$name" \
		    "$port" 2>&1) || code=$?
		;;
	*/bottle-forward\ connect\ * | bottle-forward\ connect\ *)
		say "net $host way proxy"
		out=$(limit_to 15 sh -c "exec $(check_of)" 2>&1) || code=$?
		;;
	*)
		printf '%s\n' "$way" | lines "net $host way other" 1
		return 0
		;;
	esac
	printf '%s\n' "$out" | lines "net $host said" 12
	say "net $host check $code"
}

# What ssh says with -v, up to the moment it is let in, when it is ended.
login() {
	limit_to 20 sh -c 'echo "pid $$"; exec "$@"' - ssh -v -n -N -T \
	    -o IgnoreUnknown=ForkAfterAuthentication,UpdateHostKeys \
	    -o BatchMode=yes -o StrictHostKeyChecking=yes \
	    -o UpdateHostKeys=no -o ControlPath=none -o ControlMaster=no \
	    -o ClearAllForwardings=yes -o PermitLocalCommand=no \
	    -o ForwardAgent=no -o ForwardX11=no -o AddKeysToAgent=no \
	    -o Tunnel=no -o ConnectTimeout=10 -o ConnectionAttempts=1 \
	    -o ForkAfterAuthentication=no -o VisualHostKey=no \
	    -- "$host" 2>&1 </dev/null | {
		pid='' n=0
		while [ "$n" -lt 400 ] && read -r line; do
			n=$((n + 1))
			case $line in
			'pid '*)
				[ -n "$pid" ] || pid=${line#pid }
				continue
				;;
			esac
			printf '%s\n' "$line"
			case $line in
			'Authenticated to '*) break ;;
			esac
		done
		[ -z "$pid" ] || kill "$pid" 2>/dev/null
	} | lines "net $host v" 400
}

# Fingerprints of the keys that are known for the host.
pins() {
	known=$alias
	[ -n "$known" ] && [ "$known" != none ] || known=$name
	[ "$known" != "$name" ] || [ "$port" = 22 ] || known="[$name]:$port"
	printf '%s\n' "$known" | lines "net $host known" 1
	for file in $(value userknownhostsfile) $(value globalknownhostsfile)
	do
		case $file in
		'~/'*) file=$HOME/${file#'~/'} ;;
		esac
		[ ! -r "$file" ] || limit ssh-keygen -l -F "$known" \
		    -f "$file" 2>/dev/null | grep -v '^#' |
		    lines "net $host pin" 16
	done
}

# What is known without ssh.
look_at() {
	check
	pins
}

# together ONE TWO [ARGUMENT...]: run both at the same time; what they say comes
# one after the other.
together() {
	"$1" | {
		shift
		rest=$("$@")
		cat
		printf '%s\n' "$rest"
	}
}

# All about one host.
probe() {
	host=$1
	g=$(limit ssh -G "$host" 2>/dev/null) || return 0
	name=$(value hostname) port=$(value port) way=$(value proxycommand)
	alias=$(value hostkeyalias)
	case $name$port in
	'' | -* | *[!A-Za-z0-9._:-]*) return 0 ;;
	esac
	say "net $host to $name $port"
	value user | lines "net $host user" 1
	value stricthostkeychecking | lines "net $host strict" 1
	jump=$(value proxyjump)
	case $jump in
	'' | none) ;;
	*) way="ssh -J $jump" ;;
	esac
	together look_at login
	say "net $host done yes"
}

# All of them at the same time.
probe_all() {
	[ $# -gt 0 ] || return 0
	next=$1
	shift
	together probe_next probe_all "$@"
}
probe_next() {
	probe "$next" 2>/dev/null
}

# As git does it, but with the key on a descriptor and not in a file.
sign() {
	any=
	set +f
	for file in "$HOME"/.ssh/bottle-agent/*/gitconfig; do
		[ ! -f "$file" ] || any=yes
	done
	set -f
	if [ -z "$any" ]; then
		say sign none
		return 0
	fi
	if ! command -v git >/dev/null 2>&1 || ! cd "$HOME" 2>/dev/null; then
		say sign git
		return 0
	fi
	format=$(limit git config --get gpg.format 2>/dev/null) || format=
	program=$(limit git config --get gpg.ssh.program 2>/dev/null) ||
	    program=ssh-keygen
	key=$(limit git config --get user.signingkey 2>/dev/null) || key=
	cd /
	if [ "$format" != ssh ] || [ -z "$key" ]; then
		say sign setup
		return 0
	fi
	case $key in
	key::*) key=${key#key::} ;;
	ssh-*) ;;
	'~/'*) key=$(cat "$HOME/${key#'~/'}" 2>/dev/null) ;;
	*) key=$(cat "$key" 2>/dev/null) ;;
	esac
	code=0
	printf '%s\n' "$key" | lines signkey 1
	out=$(printf '%s\n' "$key" | {
		printf '%s' "$data" | {
			limit_to 15 "$program" -Y sign -n git \
			    -f /dev/fd/3 2>&1
		} 3<&4
	} 4<&0) || code=$?
	printf '%s\n' "$out" | lines signed 100
	say sign "$code"
}

say who user
say uid "$(id -u)"
if [ "$data" = - ]; then
	sign() {
		:
	}
fi
if [ "$try" = login ] && command -v ssh >/dev/null 2>&1; then
	together sign probe_all "$@"
else
	sign
fi
say end user
