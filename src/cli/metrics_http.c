// SPDX-License-Identifier: BSD-2-Clause
/*
 * GET /metrics, by libmicrohttpd behind dlopen: the command has to run in
 * images that have no such library. One thread: what is asked of the processes
 * is asked between two requests, once a second at most, whoever comes.
 */
#include <dlfcn.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/clock.h"
#include "cli/cli.h"
#include "cli/metrics.h"

/* The library whose constants this header has. */
#define SONAME "libmicrohttpd.so.12"
#define FRESH_MS 1000
#define WAIT_MS 1000
#define CONNECTIONS 16
#define PER_ADDRESS 8
#define TIMEOUT_S 10
#define MEMORY 16384	/* of a connection: for its request's head */

static struct {
#define SYMBOL(name) __typeof__(name) *name;
#include "cli/microhttpd.def"
#undef SYMBOL
} http;

static volatile sig_atomic_t over;

static void end(int signal)
{
	(void)signal;
	over = 1;
}

static void load(void)
{
	void *handle = dlopen(SONAME, RTLD_NOW | RTLD_LOCAL);

	if (!handle)
		cli_fail(STATUS_PROBLEM, "--listen needs " SONAME " (%s): "
			 "install Debian package libmicrohttpd12, or have "
			 "`shunt metrics --once` write a file for "
			 "node_exporter's textfile collector", dlerror());
#define SYMBOL(name) \
	http.name = (__typeof__(name) *)dlsym(handle, #name); \
	if (!http.name) \
		cli_fail(STATUS_PROBLEM, SONAME " has no " #name \
			 ": it is older than 0.9.71");
#include "cli/microhttpd.def"
#undef SYMBOL
}

/* The text as it was asked for last. */
struct page {
	struct metrics_source *source;
	char *text;
	size_t size;
	uint64_t at_ms;
};

static void renew(struct page *page)
{
	uint64_t now = clock_ms();

	if (page->text && now - page->at_ms < FRESH_MS)
		return;
	free(page->text);
	page->text = page->source->text(page->source, &page->size);
	page->at_ms = now;
}

static enum MHD_Result say(struct MHD_Connection *connection, unsigned status,
			   const char *text, size_t size)
{
	struct MHD_Response *response = http.MHD_create_response_from_buffer(
		size, (void *)(uintptr_t)text, MHD_RESPMEM_MUST_COPY);
	enum MHD_Result result;

	if (!response)
		return MHD_NO;
	http.MHD_add_response_header(response, "Content-Type",
				     "text/plain; version=0.0.4; "
				     "charset=utf-8");
	result = http.MHD_queue_response(connection, status, response);
	http.MHD_destroy_response(response);
	return result;
}

static enum MHD_Result say_text(struct MHD_Connection *connection,
				unsigned status, const char *text)
{
	return say(connection, status, text, strlen(text));
}

static enum MHD_Result serve(void *arg, struct MHD_Connection *connection,
			     const char *url, const char *method,
			     const char *version, const char *upload,
			     size_t *upload_size, void **state)
{
	struct page *page = arg;

	(void)version;
	(void)upload;
	(void)state;
	if (*upload_size) {	/* it is not read */
		*upload_size = 0;
		return MHD_YES;
	}
	if (strcmp(method, "GET") && strcmp(method, "HEAD"))
		return say_text(connection, MHD_HTTP_METHOD_NOT_ALLOWED,
				"only GET and HEAD\n");
	if (strcmp(url, "/metrics"))
		return say_text(connection, MHD_HTTP_NOT_FOUND,
				"what there is is /metrics\n");
	renew(page);
	if (!page->text)
		return say_text(connection, MHD_HTTP_INTERNAL_SERVER_ERROR,
				"/proc/self/net/unix cannot be read\n");
	return say(connection, MHD_HTTP_OK, page->text, page->size);
}

static struct MHD_Daemon *start(const char *place, struct page *page,
				struct sockaddr_storage *address)
{
	unsigned flags = MHD_USE_EPOLL;

	if (addr_parse(place, address) != 0)
		cli_fail(STATUS_USAGE, "--listen %s: not ADDRESS:PORT, such as "
			 "127.0.0.1:9743 or [::]:9743", place);
	if (address->ss_family == AF_INET6)
		flags |= MHD_USE_IPv6;
	return http.MHD_start_daemon(
		flags, 0, NULL, NULL, serve, page,
		MHD_OPTION_SOCK_ADDR, (struct sockaddr *)address,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS,
		MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)PER_ADDRESS,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)TIMEOUT_S,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY,
		MHD_OPTION_END);
}

/* As process 1 of a container it has no default action. */
static void hear_signals(void)
{
	struct sigaction action = { .sa_handler = end };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

int metrics_serve(const char *place, struct metrics_source *source)
{
	struct page page = { .source = source };
	const union MHD_DaemonInfo *info;
	struct sockaddr_storage address;
	struct MHD_Daemon *daemon;
	char text[ADDR_TEXT_MAX];

	load();
	daemon = start(place, &page, &address);
	if (!daemon)
		cli_fail(STATUS_PROBLEM, "--listen %s: %m", place);
	info = http.MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT);
	if (info)
		addr_set_port(&address, info->port);
	cli_warn("metrics are on http://%s/metrics",
		 addr_format(&address, text));
	hear_signals();
	while (!over)
		http.MHD_run_wait(daemon, WAIT_MS);
	http.MHD_stop_daemon(daemon);
	free(page.text);
	return STATUS_FINE;
}
