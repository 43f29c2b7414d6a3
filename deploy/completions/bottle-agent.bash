# bash completion for bottle-agent; needs nothing but bash.

# Users and groups of this machine, as --allow names them.
_bottle_agent_peers()
{
	cut -d: -f1 /etc/passwd 2>/dev/null
	cut -d: -f1 /etc/group 2>/dev/null | sed 's/^/@/'
}

_bottle_agent()
{
	local cur=${COMP_WORDS[COMP_CWORD]}
	local prev=${COMP_WORDS[COMP_CWORD - 1]}
	local options='-a --socket -c -s -k -u -D -d -t -T -U -E -O -P -V -h
		--help --version
		--public --allow --policy --audit --audit-format --limit
		--allow-shared-dir --legacy-rsa --forwarded --workers
		--ready-fd
		--memory --memory-size --allow-unlocked-memory --hardening
		--load --expect --name --purpose --max-signatures --rate
		--peers --status --explain --lock --unlock
		--remove --every-load
		--check-policy --json'

	# readline hands --memory=x over as three words.
	if [[ $cur == = || $prev == = ]]; then
		[[ $cur == = ]] || prev=${COMP_WORDS[COMP_CWORD - 2]}
		[[ $cur != = ]] || cur=
		# What follows the = of a rule or a limit.
		[[ $prev == -* ]] || return
	fi

	case $prev in
	-a | --socket | --policy | --check-policy)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		;;
	--audit)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < \
		    <(compgen -f -- "$cur"; compgen -W '- syslog' -- "$cur")
		;;
	--audit-format)
		mapfile -t COMPREPLY < <(compgen -W 'json text' -- "$cur")
		;;
	-E)
		mapfile -t COMPREPLY < \
		    <(compgen -W 'md5 sha1 sha256 sha384 sha512' -- "$cur")
		;;
	-O)
		mapfile -t COMPREPLY < <(compgen -W 'no-restrict-websafe
			allow-remote-pkcs11 websafe-allow=' -- "$cur")
		;;
	--memory)
		mapfile -t COMPREPLY < <(compgen -W 'auto secret mlock' -- "$cur")
		;;
	--hardening)
		mapfile -t COMPREPLY < <(compgen -W 'strict best-effort' -- "$cur")
		;;
	--forwarded)
		mapfile -t COMPREPLY < <(compgen -W 'deny allow' -- "$cur")
		;;
	--purpose)
		mapfile -t COMPREPLY < \
		    <(compgen -W 'auth git file any auth,git' -- "$cur")
		;;
	--allow)
		compopt -o nospace 2>/dev/null
		mapfile -t COMPREPLY < \
		    <(compgen -W "$(_bottle_agent_peers)" -S = -- "$cur")
		;;
	--limit)
		compopt -o nospace 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -W 'connections
			connections-uid connections-root frame-time
			unread-time bytes bytes-uid question-time
			questions-uid' -S = -- "$cur")
		;;
	--peers)
		mapfile -t COMPREPLY < \
		    <(compgen -W "$(_bottle_agent_peers)" -- "$cur")
		;;
	-t | -P | --ready-fd | --workers | --memory-size | --expect | \
	    --name | --max-signatures | --rate)
		COMPREPLY=()
		;;
	*)
		if [[ $cur == -* ]]; then
			mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
		else
			mapfile -t COMPREPLY < <(compgen -c -- "$cur")
		fi
		;;
	esac
}

complete -F _bottle_agent bottle-agent
