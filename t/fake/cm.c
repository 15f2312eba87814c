// SPDX-License-Identifier: BSD-2-Clause
/* The connection manager's part: one device, behind the loopback addresses. */
#include <errno.h>
#include <netinet/in.h>
#include <rdma/rdma_cma.h>
#include <stdlib.h>
#include <string.h>

#include "fake.h"

static struct ibv_device hardware = { .name = "fake0" };
static struct ibv_context device = { .device = &hardware, .async_fd = -1 };

static bool fails(const char *symbol)
{
	struct fake_order order = rule_apply(symbol);

	if (order.deed != DEED_FAIL)
		return false;
	errno = (int)order.value;
	return true;
}

FAKE_API struct ibv_context **rdma_get_devices(int *count)
{
	struct ibv_context **list;
	long have = rule_setting("devices", 1);

	*count = 0;
	if (fails("rdma_get_devices") || have == 0) {
		errno = ENODEV;
		return NULL;
	}
	list = calloc(2, sizeof(*list));
	if (list) {
		list[0] = &device;
		*count = 1;
	}
	return list;
}

FAKE_API void rdma_free_devices(struct ibv_context **list)
{
	free(list);
}

FAKE_API struct ibv_device **ibv_get_device_list(int *count)
{
	struct ibv_device **list = calloc(2, sizeof(*list));

	*count = list && rule_setting("devices", 1) != 0;
	if (list && *count)
		list[0] = &hardware;
	return list;
}

FAKE_API void ibv_free_device_list(struct ibv_device **list)
{
	free(list);
}

FAKE_API struct ibv_context *ibv_open_device(struct ibv_device *opened)
{
	(void)opened;
	return fails("ibv_open_device") ? NULL : &device;
}

FAKE_API int ibv_close_device(struct ibv_context *context)
{
	(void)context;
	return 0;
}

FAKE_API struct rdma_event_channel *rdma_create_event_channel(void)
{
	if (fails("rdma_create_event_channel"))
		return NULL;
	return calloc(1, sizeof(struct rdma_event_channel));
}

FAKE_API void rdma_destroy_event_channel(struct rdma_event_channel *channel)
{
	free(channel);
}

FAKE_API int rdma_create_id(struct rdma_event_channel *channel,
			    struct rdma_cm_id **id, void *context,
			    enum rdma_port_space ps)
{
	if (fails("rdma_create_id"))
		return -1;
	*id = calloc(1, sizeof(**id));
	if (!*id)
		return -1;
	(*id)->channel = channel;
	(*id)->context = context;
	(*id)->ps = ps;
	return 0;
}

FAKE_API int rdma_destroy_id(struct rdma_cm_id *id)
{
	free(id);
	return 0;
}

static bool is_loopback(const struct sockaddr *addr)
{
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)addr;
	const struct sockaddr_in *in = (const struct sockaddr_in *)addr;

	if (addr->sa_family == AF_INET)
		return ntohl(in->sin_addr.s_addr) >> 24 == 127;
	return addr->sa_family == AF_INET6 &&
	       IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
}

FAKE_API int rdma_bind_addr(struct rdma_cm_id *id, struct sockaddr *addr)
{
	if (fails("rdma_bind_addr"))
		return -1;
	if (!is_loopback(addr)) {
		errno = ENODEV;
		return -1;
	}
	id->verbs = &device;
	return 0;
}
