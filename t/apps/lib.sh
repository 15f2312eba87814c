# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh
# For the programs of t/apps: . "$(dirname "$0")/lib.sh" "$@"
#
# The way ($1) says what is preloaded:
#
#	both	server and client; the bytes must go by RDMA
#	server	the server alone: no RDMA packet
#	client	the client alone: no RDMA packet
#	tcp	both, and the rules say tcp: no RDMA packet
#
# A script starts servers and runs clients, calls fail for what is wrong, and
# ends with `finish`. The device's own counter is the judge of the lane.

# shellcheck source=t/guest/lib.sh
. "$SHUNT_GUEST_LIB"

way=${1:-both}
# shellcheck disable=SC2034 # the scripts use it
here=$(cd "$(dirname "$0")" && pwd)
host=$SHUNT_T_ADDR4
work=/tmp/apps.$(basename "$0").$way
failures=0
role=server
servers=''

rm -rf "$work"
mkdir -p "$work"
cd "$work" || exit 1

library=${SHUNT_T_LIBRARY:-}
if [ ! -e "$library" ]; then
	echo "SHUNT_T_LIBRARY is not there: $library"
	exit 77
fi

mode=prefer
[ "$way" != tcp ] || mode=tcp
export SHUNT_RULES="connect $host/32:* $mode; listen *:* $mode"
export SHUNT_LOG_LEVEL="${SHUNT_LOG_LEVEL:-info}"
# The guest is an emulation, and slow to answer.
export SHUNT_HANDSHAKE_TIMEOUT="${SHUNT_HANDSHAKE_TIMEOUT:-2s}"
unset LD_PRELOAD

# need COMMAND...: skip if one is not installed
need()
{
	for command; do
		command -v "$command" > /dev/null && continue
		echo "$command is not installed"
		exit 77
	done
}

fail()
{
	echo "FAIL: $*"
	failures=$((failures + 1))
}

# preloaded ROLE: is the library loaded into it in this way? A `backend`, whose
# client is a server too, is only when all are.
preloaded()
{
	case $way in
	both | tcp) return 0 ;;
	*) [ "$way" = "$1" ] ;;
	esac
}

# server COMMAND...: in the background, with its own log; its pid is $pid
server()
{
	log=$work/server.$(echo "$servers" | wc -w)
	if preloaded "$role"; then
		LD_PRELOAD=$library "$@" > "$log" 2>&1 < /dev/null &
	else
		"$@" > "$log" 2>&1 < /dev/null &
	fi
	pid=$!
	servers="$servers $pid"
}

# backend COMMAND...: a server whose client is a server
backend()
{
	role=backend
	server "$@"
	role=server
}

# client COMMAND...: its standard error goes to the log of the clients
client()
{
	if preloaded client; then
		LD_PRELOAD=$library timeout -k 5 "${limit:-60}" "$@" \
			2>> "$work/clients"
	else
		timeout -k 5 "${limit:-60}" "$@" 2>> "$work/clients"
	fi
}

listens()
{
	ss -Hltn "sport = :$1" | grep -q .
}

# listening PORT...: wait for each
listening()
{
	for port; do
		wait_for 30 listens "$port" || fail "nothing on port $port"
	done
}

# begun FILE: wait for the first answer of http_load.py
begun()
{
	wait_for 60 test -e "$1.begun" || fail 'the load does not begin'
}

# stop PID...: by SIGTERM, and not for ever
stop()
{
	for pid; do
		kill "$pid" 2>/dev/null
		if ! wait_for 20 gone "$pid"; then
			fail "server $pid does not end"
			kill -9 "$pid"
		fi
		wait "$pid" 2>/dev/null
		status=$?
		[ "$status" -lt 128 ] || [ "$status" -eq 143 ] ||
			fail "server $pid died: status $status"
	done
}

# Ended, or ended and not waited for.
gone()
{
	[ ! -e "/proc/$1" ] || grep -q '^State:.Z' "/proc/$1/status" 2>/dev/null
}

# same FILE FILE [WHAT]: the same SHA-256
same()
{
	a=$(sha256sum < "$1") b=$(sha256sum < "$2")
	[ "$a" = "$b" ] || fail "${3:-$2} differs: $(wc -c < "$2") bytes" \
		"of $(wc -c < "$1")"
}

# expect WHAT GOT WANTED
expect()
{
	[ "$2" = "$3" ] || fail "$1: $2, not $3"
}

# How often a client or server has said this.
count()
{
	cat "$work"/server.* "$work/clients" 2>/dev/null | grep -c "$1"
}

before=$(device_sent)

# finish [LEAST]: stop the servers, count packets (at least LEAST; 0: it may
# all stay on TCP), report
finish()
{
	# shellcheck disable=SC2086
	stop $servers
	packets=$(($(device_sent) - before))
	lanes=$(count 'moves to rdma')
	if [ "$way" = both ]; then
		[ "$packets" -ge "${1:-100}" ] ||
			fail "only $packets packets by RDMA"
		[ "$lanes" -gt 0 ] || [ "${1:-100}" -eq 0 ] ||
			fail "no log line of a lane"
	elif [ "$packets" -ne 0 ]; then
		fail "$packets packets by RDMA"
	fi
	echo "$packets packets, $lanes moves; reasons:$(reasons)"
	keep_logs
	[ "$failures" -eq 0 ] || tail -n 15 "$work"/server.* "$work/clients"
	[ "$failures" -eq 0 ]
	exit
}

# The whole logs, beside the outputs.
keep_logs()
{
	logs=${SHUNT_GUEST_OUT:-/tmp}/apps/logs.$(basename "$0").$way
	mkdir -p "$logs"
	for file in "$work"/server.* "$work/clients"; do
		[ ! -e "$file" ] || cp "$file" "$logs/"
	done
}

# Every reason of the log and how often.
reasons()
{
	cat "$work"/server.* "$work/clients" 2>/dev/null |
		sed -n 's/^shunt\[.* \(moves to\|stays on\|failed\|closed\).*: .*reason=\([a-z_]*\).*/\2/p' |
		sort | uniq -c | awk '{ printf " %s=%d", $2, $1 }'
}
