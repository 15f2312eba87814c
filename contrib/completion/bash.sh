# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash disable=SC2207 # words have no blanks
# bash completion for shunt(1): what is above is made of its table of commands
# (contrib/completion/generate).

# What kinds of words, or the words themselves, there may be.
_shunt_words()
{
	local kind

	for kind; do
		case $kind in
		files) _filedir ;;
		programs) COMPREPLY+=($(compgen -c -- "$cur")) ;;
		pids) COMPREPLY+=($(compgen -W "$(ps -A -o pid=)" -- "$cur")) ;;
		nothing) ;;
		*) COMPREPLY+=($(compgen -W "$kind" -- "$cur")) ;;
		esac
	done
}

# The program after "shunt run" and its options completes as itself.
_shunt_run()
{
	local i

	for ((i = 2; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--)
			_command_offset $((i + 1))
			return
			;;
		-*)
			[ -z "$(_shunt_takes "run:${COMP_WORDS[i]}")" ] || ((i++))
			;;
		*)
			_command_offset "$i"
			return
			;;
		esac
	done
	case $cur in
	-*) COMPREPLY=($(compgen -W "$(_shunt_options run) --" -- "$cur")) ;;
	*) _command_offset "$COMP_CWORD" ;;
	esac
}

_shunt()
{
	local cur prev words cword takes

	_init_completion || return
	if [ "$cword" -eq 1 ]; then
		COMPREPLY=($(compgen -W "$_shunt_commands --help --version" -- "$cur"))
		return
	fi
	takes=$(_shunt_takes "${words[1]}:$prev")
	if [ -n "$takes" ]; then
		# shellcheck disable=SC2086 # several kinds
		_shunt_words $takes
	elif [ "${words[1]}" = run ]; then
		_shunt_run
	elif [[ $cur == -* ]]; then
		COMPREPLY=($(compgen -W "$(_shunt_options "${words[1]}")" -- "$cur"))
	else
		# shellcheck disable=SC2046
		_shunt_words $(_shunt_operands "${words[1]}")
		[[ ${COMPREPLY[0]-} != *= ]] || compopt -o nospace
	fi
}

complete -F _shunt shunt
