#!/usr/bin/env zsh
# SPDX-License-Identifier: BSD-2-Clause
# For t/cli/completion: what zsh offers for a line, a word a line.
#
#	completion.zsh FOLDER-OF-_shunt LINE
#
# Completion wants a line editor, and that a terminal: zpty has one. What
# compadd is given is written out between two marks; what is typed has them in
# pieces, because the editor echoes it.
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "PROMPT= RPROMPT= fpath=(${(q)1} \$fpath)"
zpty -w shell 'autoload -U compinit; compinit -D -u; stty -echo'
zpty -w shell 'compadd() {
	local -a found
	[[ ${@[1,(i)(-|--)]} == *-(O|A|D)(|\ *) ]] && { builtin compadd "$@"; return }
	builtin compadd -O found "$@"
	print -rl -- "${found[@]}"
	builtin compadd "$@"
}
show() { print -r "%%begin"":"; _main_complete; print -r "%%end"":"; compstate[insert]=; compstate[list]= }
zle -C show complete-word show
bindkey "^T" show'
zpty -w shell 'print ready"-"now'
zpty -r -m shell seen '*ready-now*'
zpty -w -n shell "$2"$'\C-t'
zpty -r -m shell answer '*%%begin:*%%end:*'
answer=${answer##*%%begin:}
print -r -- "${${answer%%\%\%end:*}//$'\r'/}"
