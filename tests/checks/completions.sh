#!/bin/bash
# What bash, zsh and fish offer: the options that --help has, for each command,
# and words.  Each shell is asked itself.
# usage: completions.sh SOURCE FOLDER-OF-PROGRAMS
set -eu
src=$1 bin=$2
# shellcheck source=tests/support/say.sh
. "$src/tests/support/say.sh"
# shellcheck source=tests/support/check.sh
. "$src/tests/support/check.sh"
export LC_ALL=C.UTF-8
dir=$src/deploy/completions
for tool in zsh fish; do
	command -v "$tool" >/dev/null || skip_all "there is no $tool here"
done

T=$(mktemp -d)
at_exit rm -rf "$T"
export HOME=$T/home
mkdir -p "$HOME/.ssh" "$T/bin" "$T/folder"
unset XDG_CONFIG_HOME XDG_DATA_HOME
printf 'Host git.test *.other.test\n' >"$HOME/.ssh/config"
# Engines that say what runs, unless there is nobody who answers.
cat >"$T/bin/docker" <<'END'
#!/bin/sh
[ ! -e "$HOME/slow" ] || exec sleep 60
printf '%s\n' "$*" >>"$HOME/asked"
case $* in ps*) printf 'web\nbox-1\n' ;; esac
END
sed "s/web.nbox-1/pod-2/" "$T/bin/docker" >"$T/bin/podman"
chmod 755 "$T/bin/docker" "$T/bin/podman"
export PATH=$T/bin:$bin:$PATH

# --- the shells: "== LINE" and the words for each line of stdin --------------------

# break_words LINE: COMP_WORDS as readline makes them.
break_words() {
	local word part

	COMP_WORDS=()
	for word in $1; do
		while [[ $word =~ ^([^:=]*)([:=]+)(.*)$ ]]; do
			for part in "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}"; do
				[ -z "$part" ] || COMP_WORDS+=("$part")
			done
			word=${BASH_REMATCH[3]}
		done
		[ -z "$word" ] || COMP_WORDS+=("$word")
	done
	[[ $1 != *' ' ]] || COMP_WORDS+=('')
	COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
}

# What stands before the word that readline replaces is not in its words.
ask_bash() (
	local line name

	for name in bottle-agent bottle-forward bottle-provision; do
		# shellcheck disable=SC1090
		. "$dir/$name.bash"
	done
	set +eu
	while IFS= read -r line; do
		break_words "$line"
		COMPREPLY=()
		name=${line%% *}
		complete -p "$name" >/dev/null || exit 2
		"_${name//-/_}"
		printf '== %s\n' "$line"
		printf '%s\n' "${COMPREPLY[@]}" | sort -u
	done
)

ask_zsh() {
	timeout 120 zsh -f "$src/tests/support/complete.zsh" "$dir"
}

ask_fish() {
	# shellcheck disable=SC2016
	timeout 120 fish --no-config -c '
		for file in $argv[1]/*.fish
			source $file
		end
		while read -l line
			echo "== $line"
			complete -C "$line" | string replace -r "\t.*" ""
		end' "$dir"
}

# --- options: those of --help ----------------------------------------------------

# rows PROGRAM [COMMAND]: what --help says.
rows() {
	"$bin/$1" "${@:2}" --help | sed -nE 's/^ {2,6}(-.*)/\1/p' |
	    sed -E 's/  .*//; s/, / /' | tr ' ' '\n' | grep '^-' | sort -u
}

commands_of() {
	"$bin/$1" --help |
	    awk '/^Commands:/{ on = 1; next } /^$/{ on = 0 } on { print $1 }'
}

# The lines to ask: "PROGRAM [COMMAND] -", and for long ones with two dashes,
# which some shells want before they offer them.
lines=()
for program in bottle-agent bottle-forward bottle-provision; do
	mapfile -t commands < <(commands_of "$program")
	for command in '' "${commands[@]}"; do
		lines+=("$program ${command:+$command }-"
		    "$program ${command:+$command }--")
	done
	[ "$program" = bottle-agent ] || lines+=("$program ")
done
lines+=(
	'bottle-provision l'
	'bottle-provision help '
	'bottle-provision help ru'
	'bottle-provision load '
	'bottle-provision load -v w'
	'bottle-provision load docker:'
	'bottle-provision load docker:bo'
	'bottle-provision load podman:'
	'bottle-provision load web g'
	'bottle-provision load -f m.json web '
	'bottle-provision load --engine '
	'bottle-provision load --engine=p'
	'bottle-provision load --engine=podman --all --label x=y g'
	'bottle-provision load -n '
	'bottle-provision load --proxy s'
	'bottle-provision load -p x --dry'
	'bottle-forward connect --proxy d'
	'bottle-forward c'
	'bottle-agent --memory '
	'bottle-agent --memory=m'
	'bottle-agent --hardening=s'
)

for shell in bash zsh fish; do
	printf '%s\n' "${lines[@]}" | "ask_$shell" >"$T/$shell"
	check_same "${shell}_answers_all" "${#lines[@]}" \
	    "$(grep -c '^== ' "$T/$shell")"
done

# offered SHELL LINE: the words.
offered() {
	awk -v line="== $2" '/^== /{ on = $0 == line; next } on && $0 != ""' \
	    "$T/$1" | sed 's/ *$//'
}

# takes SHELL LINE WORD...: these words are offered, and no others.
takes() {
	local name=${2// /_}

	check_same "$1:$name" "$(printf '%s\n' "${@:3}" | sed '/^$/d' | sort -u)" \
	    "$(offered "$1" "$2" | sort -u)"
}

# has SHELL LINE WORD...: these words are among those that are offered; not with
# a ! before them.
has() {
	local words word

	words=$'\n'$(offered "$1" "$2")$'\n'
	for word in "${@:3}"; do
		if [ "${word#!}" != "$word" ]; then
			check_lacks "$1:${2// /_}:$word" "$words" \
			    $'\n'"${word#!}"$'\n'
		else
			check_has "$1:${2// /_}:$word" "$words" \
			    $'\n'"$word"$'\n'
		fi
	done
}

# tail SHELL LINE WORD...: as takes, but bash has only what is behind : and =.
tail_of() {
	local shell=$1 line=$2 before=$3

	shift 3
	[ "$shell" = bash ] || set -- "${@/#/$before}"
	takes "$shell" "$line" "$@"
}

kinds=(local docker: podman: nerdctl: kubectl: swarm: exec:)
for shell in bash zsh fish; do
	for program in bottle-agent bottle-forward bottle-provision; do
		mapfile -t commands < <(commands_of "$program")
		for command in '' "${commands[@]}"; do
			line="$program ${command:+$command }-"
			# shellcheck disable=SC2086
			wanted=$(rows "$program" $command)
			# In front of a command bottle-forward has three.
			[ "$program$command" != bottle-forward ] ||
			    wanted=$(rows bottle-provision)
			check_same "$shell:${line// /_}" "$wanted" \
			    "$({ offered "$shell" "$line"
			    offered "$shell" "$line-"; } | sort -u)"
		done
		[ "$program" = bottle-agent ] ||
		    takes "$shell" "$program " "${commands[@]}"
	done

	mapfile -t commands < <(commands_of bottle-provision)
	mapfile -t topics < <("$bin/bottle-provision" help |
	    awk '/^Topics/{ on = 1; next } on { print $1 }')
	takes "$shell" 'bottle-provision help ' "${commands[@]}" "${topics[@]}"
	takes "$shell" 'bottle-provision help ru' rules
	has "$shell" 'bottle-provision l' load '!help'

	# Targets, then hosts; with a manifest targets.
	for line in 'bottle-provision load ' \
	    'bottle-provision load -f m.json web '; do
		takes "$shell" "$line" web box-1 "${kinds[@]}"
	done
	takes "$shell" 'bottle-provision load -v w' web
	has "$shell" 'bottle-provision load web g' '!web' '!local'
	tail_of "$shell" 'bottle-provision load docker:' docker: web box-1
	tail_of "$shell" 'bottle-provision load docker:bo' docker: box-1
	tail_of "$shell" 'bottle-provision load podman:' podman: pod-2
	has "$shell" 'bottle-provision load web g' git.test '!*.other.test'
	has "$shell" \
	    'bottle-provision load --engine=podman --all --label x=y g' \
	    git.test

	# What options take.
	takes "$shell" 'bottle-provision load --engine ' docker podman nerdctl
	tail_of "$shell" 'bottle-provision load --engine=p' --engine= podman
	has "$shell" 'bottle-provision load -n ' '!web' '!local'
	takes "$shell" 'bottle-provision load --proxy s' socks5:// socks5h://
	takes "$shell" 'bottle-provision load -p x --dry' --dry-run
	takes "$shell" 'bottle-forward connect --proxy d' direct
	takes "$shell" 'bottle-forward c' connect
	takes "$shell" 'bottle-agent --memory ' auto secret mlock
	tail_of "$shell" 'bottle-agent --memory=m' --memory= mlock
	tail_of "$shell" 'bottle-agent --hardening=s' --hardening= strict
done

# Of an engine nothing is asked but what runs.
check_same engines_are_asked_for_names 'ps --format {{.Names}}' \
    "$(sort -u "$HOME/asked")"

# One that does not answer is not waited for.
touch "$HOME/slow"
for shell in bash zsh fish; do
	start=$(now_ms)
	printf '%s\n' 'bottle-provision load ' | "ask_$shell" >"$T/$shell"
	took=$(($(now_ms) - start))
	[ "$took" -lt 40000 ] || not_ok "$shell:slow" "it took $took ms"
	takes "$shell" 'bottle-provision load ' "${kinds[@]}"
done
checks_end
