// SPDX-License-Identifier: BSD-2-Clause
/*
 * rsockets as a carrier.
 */
#include "conn/carrier.h"

#include "rdma/rdma.h"

static uint64_t lane_bytes(const struct carrier_sizes *sizes)
{
	const struct rdma_sizes rdma = {
		.send_buffer = sizes->send_buffer,
		.receive_buffer = sizes->receive_buffer,
	};

	return rdma_lane_bytes(&rdma);
}

static int make_socket(int family, const struct carrier_sizes *sizes)
{
	const struct rdma_sizes rdma = {
		.send_buffer = sizes->send_buffer,
		.receive_buffer = sizes->receive_buffer,
	};

	return rdma_socket(family, &rdma);
}

static int kept(int rs, struct carrier_kept *kept)
{
	struct rdma_kept found;
	int ret = rdma_kept(rs, &found);

	if (ret == 0)
		*kept = (struct carrier_kept){ found.bytes, found.size,
					       found.at };
	return ret;
}

static const struct carrier rsockets = {
	.open = rdma_open,
	.addresses = rdma_addresses,
	.lane_bytes = lane_bytes,
	.bytes_left = rdma_memlock_left,
	.bytes_reason = rdma_memlock_reason,
	.pause = rdma_pause,
	.resume = rdma_resume,
	.in_use = rdma_in_use,
	.live = rdma_live,
	.after_fork = rdma_after_fork,
	.socket = make_socket,
	.bind = rdma_bind,
	.listen = rdma_listen,
	.accept = rdma_accept,
	.connect = rdma_connect,
	.error = rdma_error,
	.reason = rdma_reason,
	.local_address = rdma_local_address,
	.peer_address = rdma_peer_address,
	.close = rdma_close,
	.receive = rdma_recv,
	.send = rdma_send,
	.queued = rdma_queued,
	.kept = kept,
	.ready = rdma_ready,
	.arm = rdma_arm,
	.may_arm = rdma_may_arm,
};

const struct carrier *carrier = &rsockets;
