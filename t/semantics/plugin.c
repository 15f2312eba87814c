// SPDX-License-Identifier: BSD-2-Clause
/* What t/semantics/loader loads: calls on sockets, by its own symbols. */
#include <dlfcn.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#pragma GCC visibility push(default)
long plugin_send(int fd, const void *bytes, size_t size);
long plugin_receive(int fd, void *bytes, size_t size);
int plugin_close(int fd);
void *plugin_load(const char *name);
#pragma GCC visibility pop

long plugin_send(int fd, const void *bytes, size_t size)
{
	return send(fd, bytes, size, 0);
}

long plugin_receive(int fd, void *bytes, size_t size)
{
	struct pollfd in = { .fd = fd, .events = POLLIN };

	return poll(&in, 1, 5000) == 1 ? recv(fd, bytes, size, MSG_WAITALL) : -1;
}

int plugin_close(int fd)
{
	return close(fd);
}

/* By the plugin's own RUNPATH. */
void *plugin_load(const char *name)
{
	return dlopen(name, RTLD_NOW | RTLD_LOCAL);
}
