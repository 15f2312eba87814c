// SPDX-License-Identifier: BSD-2-Clause
#include "cli/dial.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/real.h"
#include "cli/cli.h"

/* 0, or the errno of connect(2). */
static int begin(int fd, const struct sockaddr_storage *remote)
{
	struct mark_syn syn;
	int error = 0;

	mark_syn(fd, remote, true, true, &syn);
	if (real.connect(fd, (const struct sockaddr *)remote,
			 addr_length(remote)) != 0)
		error = errno;
	mark_syn_sent(fd, &syn);
	return error == EINPROGRESS ? 0 : error;
}

/* Until the kernel has an answer. 0, or errno. */
static int await(int fd)
{
	struct pollfd tcp = { .fd = fd, .events = POLLOUT };
	uint64_t now = clock_ms(), end = now + DIAL_MS;
	socklen_t size = sizeof(int);
	int error = 0, ready;

	do {
		ready = real.poll(&tcp, 1, (int)(end - now));
		now = clock_ms();
	} while (ready < 0 && errno == EINTR && now < end);
	if (ready == 0)
		return ETIMEDOUT;
	if (ready < 0 || real.getsockopt(fd, SOL_SOCKET, SO_ERROR, &error,
					 &size) != 0)
		return errno;
	return error;
}

static void learn_local(int fd, struct sockaddr_storage *local)
{
	socklen_t length = sizeof(*local);

	if (real.getsockname(fd, (struct sockaddr *)local, &length) != 0)
		memset(local, 0, sizeof(*local));
}

/* Over loopback it is there at once, and the server may leave it at once. */
static void look(int fd, const struct sockaddr_storage *remote,
		 struct dialled *dialled)
{
	struct mark_reading *reading = &dialled->reading;
	bool seen;

	dialled->error = begin(fd, remote);
	if (dialled->error)
		return;
	seen = mark_read(fd, remote->ss_family, reading);
	if (!seen) {
		dialled->error = await(fd);
		if (dialled->error)
			return;
		seen = mark_read(fd, remote->ss_family, reading);
	}
	learn_local(fd, &dialled->local);
	dialled->result = seen ? DIAL_READ : DIAL_UNTOLD;
	if (seen)
		dialled->finding = mark_find(reading, &dialled->visible);
}

void dial_server(const struct sockaddr_storage *remote,
		 struct dialled *dialled)
{
	int fd;

	memset(dialled, 0, sizeof(*dialled));
	fd = real.socket(remote->ss_family,
			 SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		dialled->error = errno;
		return;
	}
	look(fd, remote, dialled);
	real.close(fd);
}

/* -- what it says ---------------------------------------------------------- */

struct conclusion {
	const char *name, *sentence;
};

static const struct conclusion findings[] = {
	[MARK_SEEN] = { "marked",
		"the server is under shunt" },
	[MARK_NONE] = { "unmarked",
		"the server's SYN-ACK is not marked: it is not under shunt, or makes no lanes (shunt explain --role listen there tells), or something on the way answers for it" },
	[MARK_HIDDEN] = { "hidden",
		"no mark can be seen, because the value is this end's own limit: the server is not under shunt, or its MTU is larger than this end's" },
	[MARK_NARROW] = { "narrow",
		"no mark can be seen, because half of the server's window is less: the server is not under shunt, or its SO_RCVBUF is small" },
	[MARK_LOWERED] = { "lowered",
		"the server's SYN-ACK is not marked, and announces less than the path allows: the server is not under shunt and its MTU is smaller, or something on the way has lowered the MSS, and taken the mark away" },
};

static const struct conclusion unread[] = {
	[DIAL_UNREACHED] = { "unreached",
		"there is no connection, so nothing can be told" },
	[DIAL_UNTOLD] = { "untold",
		"this end's kernel does not say what it has seen (TCP_INFO), or the connection was over at once" },
};

static const struct conclusion *conclude(const struct dialled *dialled)
{
	return dialled->result == DIAL_READ ? &findings[dialled->finding]
					    : &unread[dialled->result];
}

const char *dial_conclusion(const struct dialled *dialled,
			    const char **sentence)
{
	*sentence = conclude(dialled)->sentence;
	return conclude(dialled)->name;
}

unsigned dial_remedy(const struct dialled *dialled)
{
	return dialled->result == DIAL_READ &&
	       dialled->finding != MARK_SEEN &&
	       dialled->finding != MARK_NONE ? dialled->visible : 0;
}

static void put_for_scripts(const struct dialled *dialled)
{
	const struct mark_reading *reading = &dialled->reading;
	const struct conclusion *conclusion = conclude(dialled);

	printf("dial\t%s\n", dialled->result == DIAL_UNREACHED
				     ? strerror(dialled->error)
				     : "established");
	if (dialled->result == DIAL_READ) {
		printf("server_mss\t%u\n", reading->mss);
		printf("own_mss\t%u\n", reading->own);
		printf("path_mss\t%u\n", reading->path);
		printf("window\t%u\n", reading->window);
		printf("visible_mark\t%u\n", dialled->visible);
	}
	printf("conclusion\t%s\n", conclusion->name);
	printf("advice\t%s\n", conclusion->sentence);
}

static void put_reading(const struct mark_reading *reading)
{
	printf("  server  announces an MSS of %s%u", reading->hidden ?
	       "at least " : "", reading->mss);
	if (reading->window)
		printf(", and a window of %u", reading->window);
	printf("\n  ours    an MSS of %u; the path's MTU allows %u\n",
	       reading->own, reading->path);
}

static void put_for_people(const struct dialled *dialled, const char *unable)
{
	const struct conclusion *conclusion = conclude(dialled);
	char address[ADDR_TEXT_MAX];

	if (dialled->result == DIAL_UNREACHED)
		printf("  dialled %s\n", strerror(dialled->error));
	else
		printf("  dialled established, from %s\n",
		       addr_format(&dialled->local, address));
	if (dialled->result == DIAL_READ)
		put_reading(&dialled->reading);
	printf("  so      %s: %s", conclusion->name, conclusion->sentence);
	if (dial_remedy(dialled))
		printf(
			"; one under shunt is seen with a handshake.mark of at most %u",
			dialled->visible);
	if (dialled->result == DIAL_READ && dialled->finding == MARK_SEEN)
		printf("%s%s", unable ? ", but is not greeted: "
				      : ", and is greeted",
		       unable ? unable : "");
	putchar('\n');
}

void dial_put(const struct dialled *dialled, const char *unable,
	      bool porcelain)
{
	if (porcelain)
		put_for_scripts(dialled);
	else
		put_for_people(dialled, unable);
}
