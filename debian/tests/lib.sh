# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh
# For the tests of the installed packages: a server and a client that know
# nothing of RDMA, on loopback. In the source tree, as autopkgtest does it.
set -eu

tmp=${AUTOPKGTEST_TMP:-$(mktemp -d)}
traffic=$PWD/t/cli/traffic.py
server='' client=''
trap 'kill $server $client 2> /dev/null || :' EXIT
export SHUNT_RULES='connect 127.0.0.0/8:* prefer; listen 127.0.0.0/8:* prefer'
export SHUNT_LOG_LEVEL=info SHUNT_LANE_AFTER_BYTES=0 SHUNT_HANDSHAKE_TIMEOUT=30s

fail()
{
	echo "$0: $*"
	tail -n 20 "$tmp"/*.log
	exit 1
}

# wait_for COMMAND...: until it succeeds, a minute at most
wait_for()
{
	for _ in $(seq 600); do
		! "$@" || return 0
		sleep 0.1
	done
	fail "in vain: $*"
}

start()
{
	rm -f "$tmp/port" "$tmp/stop"
	shunt run python3 "$traffic" serve "$tmp/port" 2> "$tmp/server.log" &
	server=$!
	wait_for test -s "$tmp/port"
	shunt run python3 "$traffic" dial "$(cat "$tmp/port")" 3 "$tmp/stop" \
		> "$tmp/client.says" 2> "$tmp/client.log" &
	client=$!
}

# The client ends, and every byte has come back.
stop()
{
	: > "$tmp/stop"
	wait "$client" || fail "the client's status is $?"
	client=''
	grep -qx same "$tmp/client.says" || fail "$(cat "$tmp/client.says")"
}
