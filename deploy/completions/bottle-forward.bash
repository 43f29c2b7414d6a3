# bash completion for bottle-forward; needs nothing but bash.

_bottle_forward()
{
	local cur=${COMP_WORDS[COMP_CWORD]}
	local prev=${COMP_WORDS[COMP_CWORD - 1]}
	local options='-v --verbose -h --help -V --version'
	local command='' word

	for word in "${COMP_WORDS[@]:1:COMP_CWORD - 1}"; do
		[[ $word == -* ]] || { command=$word; break; }
	done
	case $command in
	connect)
		options+=' --proxy --auth-file --auth-fd --header --fdpass
			--check --connect-timeout --answer-timeout'
		;;
	place)
		options+=' --silence-timeout --user'
		;;
	remove)
		options+=' --name --every-load --home --user'
		;;
	esac

	# readline hands --proxy=x over as three words.
	if [[ $cur == = || $prev == = ]]; then
		[[ $cur == = ]] || prev=${COMP_WORDS[COMP_CWORD - 2]}
		[[ $cur != = ]] || cur=
	fi

	case $prev in
	--proxy)
		compopt -o nospace 2>/dev/null
		mapfile -t COMPREPLY < \
		    <(compgen -W 'direct http socks5 socks5h' -- "$cur")
		;;
	--auth-file)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		;;
	--user)
		mapfile -t COMPREPLY < <(compgen -A user -- "$cur")
		;;
	--auth-fd | --header | --connect-timeout | --answer-timeout | \
	    --silence-timeout)
		COMPREPLY=()
		;;
	*)
		if [[ $cur == -* ]]; then
			mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
		elif [[ -z $command ]]; then
			mapfile -t COMPREPLY < <(compgen -W 'connect place remove' -- "$cur")
		elif [[ $command == connect ]]; then
			mapfile -t COMPREPLY < <(compgen -A hostname -- "$cur")
		fi
		;;
	esac
}

complete -F _bottle_forward bottle-forward
