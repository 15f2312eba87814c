# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh
# For scripts that run in the guest: . "$SHUNT_GUEST_LIB"

say()
{
	echo "$*"
}

# Packets the device has sent and received: the proof that bytes went by RDMA.
rxe_counter()
{
	cat "/sys/class/infiniband/${2:-$SHUNT_T_DEV}/ports/1/hw_counters/$1"
}

# shellcheck disable=SC2120
rxe_sent()
{
	rxe_counter sent_pkts "$@"
}

# shellcheck disable=SC2120
rxe_received()
{
	rxe_counter rcvd_pkts "$@"
}

rxe_up()
{
	rdma link add "$SHUNT_T_DEV" type rxe netdev "$SHUNT_T_NETDEV"
}

rxe_down()
{
	rdma link delete "$SHUNT_T_DEV"
}

# wait_for SECONDS COMMAND...: until it succeeds.
wait_for()
{
	wait_left=$(($1 * 10))
	shift
	until "$@"; do
		[ "$wait_left" -gt 0 ] || return 1
		wait_left=$((wait_left - 1))
		sleep 0.1
	done
}

# Between two guests: peer_tell NAME on one lets peer_wait NAME on the other
# go on (within SECONDS, default 60); peer_meet NAME waits for both.
peer_tell()
{
	: > "$SHUNT_GUEST_LOG/meet/$SHUNT_T_ROLE.$1"
}

peer_wait()
{
	case $SHUNT_T_ROLE in
	a) wait_for "${2:-60}" test -e "$SHUNT_GUEST_LOG/meet/b.$1" ;;
	*) wait_for "${2:-60}" test -e "$SHUNT_GUEST_LOG/meet/a.$1" ;;
	esac || { say "peer did not say $1"; return 1; }
}

peer_meet()
{
	peer_tell "$1"
	peer_wait "$@"
}
