# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh
# For scripts that run in the guest: . "$SHUNT_GUEST_LIB"

say()
{
	echo "$*"
}

# Packets the device has sent and received: the proof that bytes went by RDMA.
# siw counts none: see siw_count.
device_counter()
{
	if [ "$SHUNT_GUEST_DEVICE" = siw ]; then
		nft list counter inet siw "$1" |
			awk '/packets/ { print $2 + int($4 / 4096) }'
	else
		cat "/sys/class/infiniband/$SHUNT_T_DEV/ports/1/hw_counters/$1"
	fi
}

device_sent()
{
	device_counter sent_pkts
}

device_received()
{
	device_counter rcvd_pkts
}

# siw_count PORT...: from now on, all TCP but that of the programs' ports is
# siw's. A packet counts as many times as rxe would have needed for its bytes.
siw_count()
{
	siw_ports=$(echo "$*" | tr ' ' ,)
	nft -f - <<-END
	table inet siw {
		counter sent_pkts { }
		counter rcvd_pkts { }
		chain output {
			type filter hook output priority 0
			tcp sport { $siw_ports } accept
			tcp dport { $siw_ports } accept
			meta l4proto tcp counter name sent_pkts
		}
		chain input {
			type filter hook input priority 0
			tcp sport { $siw_ports } accept
			tcp dport { $siw_ports } accept
			meta l4proto tcp counter name rcvd_pkts
		}
	}
	END
}

device_up()
{
	rdma link add "$SHUNT_T_DEV" type "$SHUNT_GUEST_DEVICE" \
		netdev "$SHUNT_T_NETDEV"
}

device_down()
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
