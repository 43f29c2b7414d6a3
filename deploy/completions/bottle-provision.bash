# bash completion for bottle-provision; needs nothing but bash.

# _bottle_provision_options COMMAND: what it takes; without one, what may stand
# in front of any.
_bottle_provision_options()
{
	local any='-h --help -V --version'
	local load='-f --manifest -b --bottle -n --name -F --ssh-config --sign
		--sign-as -p --proxy --programs --no-install --no-prompt'
	local home='-u --user --home'
	local target='--all --label --engine -j --jobs -s --socket --bin
		--timeout --json -v --verbose'

	case $1 in
	'') echo "-v --verbose $any" ;;
	load) echo "$load --scan --scan-via-target --dry-run $home $target $any" ;;
	watch) echo "$load $home $target $any" ;;
	doctor) echo "--no-login $home $target $any" ;;
	remove) echo "-n --name --every-load $home $target $any" ;;
	lock | unlock) echo "--passphrase-fd $target $any" ;;
	status | explain) echo "$target $any" ;;
	help) echo "$any" ;;
	esac
}

# An engine that does not answer at once is not waited for.
_bottle_provision_containers()
{
	command -v "$1" >/dev/null &&
	    timeout 1 "$1" ps --format '{{.Names}}' 2>/dev/null </dev/null
}

# Containers that run, and the other targets.
_bottle_provision_targets()
{
	case $1 in
	docker:* | podman:* | nerdctl:*)
		_bottle_provision_containers "${1%%:*}" | sed "s/^/${1%%:*}:/"
		;;
	*)
		_bottle_provision_containers docker
		echo local docker: podman: nerdctl: kubectl: swarm: exec:
		;;
	esac
}

# Names behind Host in ssh's configuration, but for patterns.
_bottle_provision_hosts()
{
	sed -nE 's/^[[:space:]]*[Hh][Oo][Ss][Tt][[:space:]]+//p' \
	    ~/.ssh/config 2>/dev/null | tr -s ' \t' '\n' | grep -v '[*?!"]'
	compgen -A hostname
}

# The words of the line: readline hands --proxy=x and docker:x over as three.
_bottle_provision_words()
{
	local i word glue=

	words=()
	for ((i = 0; i <= COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		if [[ $i -gt 1 && ( -n $glue || $word == [:=]* ) ]]; then
			words[${#words[@]} - 1]+=$word
		else
			words+=("$word")
		fi
		glue=
		[[ $word != [:=] ]] || glue=1
	done
	cur=${words[${#words[@]} - 1]}
	# What readline will not replace.
	word=${COMP_WORDS[COMP_CWORD]}
	[[ $word != [:=] ]] || word=
	kept=${cur%"$word"}
}

# What an option is followed by; fails when it takes nothing.
_bottle_provision_argument()
{
	case $1 in
	-f | --manifest | -F | --ssh-config)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$2")
		;;
	--programs)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -d -- "$2")
		;;
	-p | --proxy)
		mapfile -t COMPREPLY < <(compgen -W \
		    'direct http:// socks5:// socks5h://' -- "$2")
		;;
	--engine)
		mapfile -t COMPREPLY < <(compgen -W 'docker podman nerdctl' -- "$2")
		;;
	-b | --bottle | -n | --name | -u | --user | --home | -s | --socket | \
	    --sign-as | --bin | --timeout | --label | -j | --jobs | \
	    --passphrase-fd)
		COMPREPLY=()
		;;
	*)
		return 1
		;;
	esac
}

_bottle_provision()
{
	local commands='load watch doctor status remove lock unlock explain
		help'
	local topics="$commands targets manifest rules files exit-codes"
	local words cur kept command='' list='' plain=0 manifest='' all='' i word

	COMPREPLY=()
	_bottle_provision_words
	for ((i = 1; i < ${#words[@]} - 1; i++)); do
		word=${words[i]}
		case $word in
		-f* | --manifest*) manifest=1 ;;
		--all) all=1 ;;
		esac
		if [[ $word == -?* ]]; then
			! _bottle_provision_argument "$word" '' || ((++i))
		elif [[ -z $command ]]; then
			command=$word
		else
			((++plain))
		fi
	done
	COMPREPLY=()
	if [[ $i -gt ${#words[@]}-1 ]]; then
		# The word before takes this one.
		_bottle_provision_argument "$word" "$cur"
	elif [[ $cur == --*=* ]]; then
		_bottle_provision_argument "${cur%%=*}" "${cur#*=}"
		COMPREPLY=("${COMPREPLY[@]/#/${cur%%=*}=}")
	else
		if [[ $cur == -* ]]; then
			list=$(_bottle_provision_options "$command")
		elif [[ -z $command ]]; then
			list=$commands
		elif [[ $command == help ]]; then
			[[ $plain -gt 0 ]] || list=$topics
		elif [[ $command != load && $command != watch ]] ||
		    [[ -n $manifest && -z $all ]] ||
		    [[ -z $manifest && -z $all && $plain -eq 0 ]]; then
			list=$(_bottle_provision_targets "$cur")
		elif [[ -z $manifest ]]; then
			list=$(_bottle_provision_hosts)
		fi
		mapfile -t COMPREPLY < <(compgen -W "$list" -- "$cur")
	fi
	# No blank behind docker: and http://, where more follows.
	[[ ${#COMPREPLY[@]} -ne 1 || ${COMPREPLY[0]} != *[:/] ]] ||
	    compopt -o nospace 2>/dev/null
	COMPREPLY=("${COMPREPLY[@]#"$kept"}")
}

complete -F _bottle_provision bottle-provision
