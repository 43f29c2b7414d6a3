#!/bin/zsh -f
# complete.zsh DIR: what zsh offers for the lines on stdin, with the completions
# in DIR.  For each line "== LINE" is printed, and the words, one on a line.
#
# A shell at a terminal of its own is typed to.  Instead of showing words its
# compadd writes them down.

zmodload zsh/zpty || exit 2

dir=${1:A}
tmp=$(mktemp -d) || exit 2
trap 'rm -rf $tmp' EXIT
mkfifo $tmp/done

cat >$tmp/.zshrc <<END
PROMPT= RPROMPT=
unsetopt beep list_beep prompt_cr prompt_sp
fpath=($dir \$fpath)
autoload -Uz compinit
compinit -u -D
bindkey '^I' complete-word
bindkey '^U' kill-whole-line
bindkey -r '^M' '^J'
zmodload zsh/zutil
compadd() {
	# Only asks which words match.
	if [[ \${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]]; then
		builtin compadd "\$@"
		return
	fi
	local -a found
	local -A before after
	builtin compadd -A found "\$@"
	zparseopts -E P:=before p:=before S:=after s:=after
	for word in \$found; do
		print -r -- "\$IPREFIX\${before[-P]}\${before[-p]}\$word" >>$tmp/words
	done
	(( \$#found ))
}
finish() { comppostfuncs=(finish); print done >$tmp/done }
comppostfuncs=(finish)
print ready >$tmp/done
END

exec 9<>$tmp/done
zpty -b shell "ZDOTDIR=$tmp TERM=dumb zsh -d -i"
if ! read -t 20 -u 9; then
	print -u2 'zsh does not start'
	exit 2
fi
while IFS= read -r line; do
	: >$tmp/words
	zpty -w -n shell $'\x15'"$line"$'\t'
	if ! read -t 20 -u 9; then
		print -u2 "zsh does not answer: $line"
		exit 1
	fi
	# What it echoes fills the terminal, if nobody reads.
	while zpty -r -t shell >/dev/null 2>&1; do :; done
	print -r -- "== $line"
	sort -u $tmp/words
done
zpty -d shell
