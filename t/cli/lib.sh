# SPDX-License-Identifier: BSD-2-Clause
# For the tests of the command: expect STATUS COMMAND... keeps both outputs
# in $tmp/out and $tmp/err; says looks for a fixed line in one of them.
set -u

shunt=$top_builddir/shunt
tmp=$(mktemp -d "${TMPDIR:-/tmp}/shunt-cli.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
unset SHUNT_CONF SHUNT_MODE SHUNT_RULES LD_PRELOAD

fail()
{
	echo "$0: $*"
	cat "$tmp/out" "$tmp/err"
	exit 1
}

expect()
{
	wanted=$1
	shift
	"$@" > "$tmp/out" 2> "$tmp/err"
	status=$?
	[ "$status" -eq "$wanted" ] || fail "$*: $status, not $wanted"
}

# says out|err LINE
says()
{
	grep -qxF -e "$2" "$tmp/$1" || fail "no line on $1: $2"
}

# mentions out|err TEXT
mentions()
{
	grep -qF -e "$2" "$tmp/$1" || fail "not on $1: $2"
}

is_empty()
{
	[ ! -s "$tmp/$1" ] || fail "there is something on $1"
}
