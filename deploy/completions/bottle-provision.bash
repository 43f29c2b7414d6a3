# bash completion for bottle-provision; needs nothing but bash.

# Containers that run, and the other targets.
_bottle_provision_targets()
{
	echo local
	{
		docker ps --format '{{.Names}}'
		podman ps --format '{{.Names}}' | sed 's/^/podman:/'
	} 2>/dev/null
}

# Names behind Host in ssh's configuration, but for patterns.
_bottle_provision_hosts()
{
	sed -nE 's/^[[:space:]]*[Hh][Oo][Ss][Tt][[:space:]]+//p' \
	    ~/.ssh/config 2>/dev/null | tr -s ' \t' '\n' | grep -v '[*?!"]'
	compgen -A hostname
}

_bottle_provision()
{
	local cur=${COMP_WORDS[COMP_CWORD]}
	local prev=${COMP_WORDS[COMP_CWORD - 1]}
	local options='-f --manifest -b --bottle -n --name -u --user --home
		-s --socket -p --proxy --sign --sign-as -F --ssh-config
		--scan --scan-via-target --no-prompt --programs --no-install
		--bin --timeout --dry-run --json -v --verbose -h --help
		-V --version'
	local word

	# readline hands --proxy=x and docker:x over as three words.
	if [[ $cur == = || $prev == = ]]; then
		[[ $cur == = ]] || prev=${COMP_WORDS[COMP_CWORD - 2]}
		[[ $cur != = ]] || cur=
	fi
	if [[ $cur == : || $prev == : ]]; then
		[[ $cur == : ]] || prev=${COMP_WORDS[COMP_CWORD - 2]}
		[[ $cur != : ]] || cur=
		# What follows the : of a target.
		case $prev in
		docker | podman)
			mapfile -t COMPREPLY < <(compgen -W \
			    "$("$prev" ps --format '{{.Names}}' 2>/dev/null)" \
			    -- "$cur")
			;;
		esac
		return
	fi

	case $prev in
	-f | --manifest | -F | --ssh-config)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		;;
	--programs)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -d -- "$cur")
		;;
	-p | --proxy)
		compopt -o nospace 2>/dev/null
		mapfile -t COMPREPLY < \
		    <(compgen -W 'direct http socks5 socks5h' -- "$cur")
		;;
	-b | --bottle | -n | --name | -u | --user | --home | -s | --socket | \
	    --sign-as | --bin | --timeout)
		COMPREPLY=()
		;;
	*)
		if [[ $cur == -* ]]; then
			mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
			return
		elif [[ $COMP_CWORD -eq 1 ]]; then
			mapfile -t COMPREPLY < <(compgen -W load -- "$cur")
			return
		fi
		# Hosts only without a manifest; a target may be anywhere.
		for word in "${COMP_WORDS[@]}"; do
			[[ $word != -f && $word != --manifest ]] || prev=-f
		done
		mapfile -t COMPREPLY < <(compgen -W \
		    "$(_bottle_provision_targets
		    [[ $prev == -f ]] || _bottle_provision_hosts)" -- "$cur")
		;;
	esac
}

complete -F _bottle_provision bottle-provision
