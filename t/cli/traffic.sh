# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh
# A preloaded server and its client, under load, on the fake RDMA runtime, or
# in the guest (t/guest/operator) on the real one. After lib.sh.

library=${SHUNT_T_LIBRARY:-$(cd "$top_builddir/.libs" && pwd -P)/libshunt.so}
if ${OBJDUMP:-objdump} -p "$library" | grep -q 'NEEDED.*lib[a-z]*san'; then
	echo "a sanitized library cannot be preloaded"
	exit 77
fi
traffic=$top_srcdir/t/cli/traffic.py
address=${SHUNT_T_ADDR4:-127.0.0.1}
server='' client=''
patience=300	# tenths of a second; emulation takes its time
[ -z "${SHUNT_GUEST-}" ] || patience=1200
trap 'kill $server $client 2> "$tmp/gone"; rm -rf "$tmp"' EXIT

# The library's part of a process's environment; what a test needs comes on top.
# Nothing here is about time, and the machine may be a slow one.
preloaded()
{
	if [ -n "${SHUNT_GUEST-}" ]; then
		set -- SHUNT_T_NAP=0.05 "$@"
	else
		set -- SHUNT_RDMA_LIBRARY="$FAKE_RDMA_LIBRARY" "$@"
	fi
	exec env LD_PRELOAD="$library" SHUNT_LANE_AFTER_BYTES=0 SHUNT_LOG_LEVEL=info \
		SHUNT_HANDSHAKE_TIMEOUT=30s SHUNT_LANE_STALL_TIMEOUT=60s "$@"
}

# start_server VARIABLE...; sets $server and $port
start_server()
{
	rm -f "$tmp/port"
	preloaded "$@" python3 "$traffic" serve "$tmp/port" \
		2>> "$tmp/server.log" &
	server=$!
	for _ in $(seq $patience); do
		[ ! -e "$tmp/port" ] || break
		sleep 0.1
	done
	port=$(cat "$tmp/port")
}

as=		# a command in front of the client's
how=dial	# or late
# start_client COUNT VARIABLE...; sets $client
start_client()
{
	count=$1
	shift
	rm -f "$tmp/stop"
	preloaded "$@" $as python3 "$traffic" "$how" "$port" "$count" "$tmp/stop" \
		> "$tmp/client.says" 2>> "$tmp/client.log" &
	client=$!
}

# The client ends, and has seen what it sent.
stop_client()
{
	: > "$tmp/stop"
	wait "$client" || fail "client: status $?"
	client=''
	[ "$(cat "$tmp/client.says")" = same ] ||
		fail "client: $(cat "$tmp/client.says")"
}

stop_server()
{
	kill "$server"
	wait "$server" 2> "$tmp/gone"
	server=''
}

# with_lane PID: how many connections of it are on RDMA
with_lane()
{
	"$shunt" stat --porcelain "$1" 2> "$tmp/err" |
		awk -F '\t' '$2 == "conn" && $7 == "rdma" { n++ } END { print n + 0 }'
}

# counted PID REASON: how often it was counted there
counted()
{
	"$shunt" stat --porcelain "$1" 2> "$tmp/err" |
		awk -F '\t' -v reason="$2" '$2 == "reason" && $3 == reason {
			n = $4 } END { print n + 0 }'
}

# wait_until COUNT COMMAND...: until it prints COUNT
wait_until()
{
	wanted=$1
	shift
	for _ in $(seq $patience); do
		found=$("$@")
		[ "$found" != "$wanted" ] || return 0
		sleep 0.1
	done
	fail "$*: $found, not $wanted: $(tail -n 3 "$tmp/client.log")"
}

: > "$tmp/out"
: > "$tmp/err"
# For tests to use.
# shellcheck disable=SC2034
both="connect $address:* prefer; listen $address:* prefer"
