# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh
# For the scripts of t/containers: podman with a store of its own, and the log
# of what runs in a container. Sourced in a mount namespace that is the
# script's own, or in the guest: what is mounted here goes with it.

shunt_image=localhost/shunt:test
redis_image=localhost/redis:test
passed=0 failed=0

# engine_begin WORK: $WORK gets the configuration and, in memory, the store.
# Limits of its own: the defaults are above what some machines allow root.
engine_begin()
{
	mkdir -p "$1/store"
	mount -t tmpfs store "$1/store"
	cat > "$1/containers.conf" << 'END'
[containers]
default_ulimits = [ "nofile=4096:4096", "nproc=4096:4096" ]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
END
	cat > "$1/storage.conf" << END
[storage]
driver = "overlay"
graphroot = "$1/store/graph"
runroot = "$1/store/run"
END
	CONTAINERS_CONF=$1/containers.conf
	CONTAINERS_STORAGE_CONF=$1/storage.conf
	export CONTAINERS_CONF CONTAINERS_STORAGE_CONF
}

# reason_in LOG: the last connection's, of those that it tells of
reason_in()
{
	sed -n 's/.* \(moves to rdma\|stays on tcp\): .*reason=\([a-z_]*\(: [a-z_]*\)\?\) .*/\2/p' \
		"$1" | tail -n 1 | tr -d ' '
}

# wait_until SECONDS COMMAND...: until it succeeds
wait_until()
{
	left=$(($1 * 5))
	shift
	until "$@"; do
		[ $left -gt 0 ] || return 1
		left=$((left - 1))
		sleep 0.2
	done
}
