// SPDX-License-Identifier: BSD-2-Clause
/* Connections on which nothing was said yet, and both ends in one thread. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "sem.h"

#define STUCK_MS 5000	/* a loop that nothing moves in for so long */
#define PUMP_MOST_MS 1500
#define CHUNK 16384

int fresh_to(int fd, int port)
{
	struct sockaddr_storage addr;
	socklen_t len = sem_addr(&addr, port);

	return connect(fd, (struct sockaddr *)&addr, len);
}

int fresh_error(int fd)
{
	int value = -1;
	socklen_t len = sizeof(value);

	MUST(getsockopt(fd, SOL_SOCKET, SO_ERROR, &value, &len));
	return value;
}

void show_time(const char *what, long since, long most)
{
	long took = now_ms() - since;

	if (took < most)
		say("%s in time", what);
	else
		say("%s took %ld ms", what, took);
}

static socklen_t name_of(int fd, bool own, struct sockaddr_storage *name)
{
	socklen_t len = sizeof(*name);

	memset(name, 0, sizeof(*name));
	MUST(own ? getsockname(fd, (struct sockaddr *)name, &len)
		 : getpeername(fd, (struct sockaddr *)name, &len));
	return len;
}

static bool is_named(int fd, int peer)
{
	struct sockaddr_storage own, other;

	return name_of(fd, true, &own) == name_of(peer, false, &other) &&
	       !memcmp(&own, &other, sizeof(own));
}

void show_names(const char *when, int client, int server)
{
	say("%s: the client is %s, the server is %s", when,
	    is_named(client, server) ? "who was accepted" : "somebody else",
	    is_named(server, client) ? "who was dialled" : "somebody else");
}

void both_open(struct both *b)
{
	memset(b, 0, sizeof(*b));
	b->listener = sem_listen(16, &b->port);
	b->client.fd = sem_socket();
	MUST(fresh_to(b->client.fd, b->port));
	b->server.fd = (int)MUST(accept(b->listener, NULL, NULL));
}

void both_close(struct both *b)
{
	close(b->listener);
	close(b->client.fd);
	close(b->server.fd);
}

void both_say(struct pair *from, struct pair *to, size_t n)
{
	pair_send(from, n);
	pair_receive(to, n);
	say("%zu bytes", n);
}

/* Moves what can be moved now; true: that was something. */
static bool push(struct pair *p, uint64_t end)
{
	char buf[CHUNK];
	size_t n = end - p->tx < CHUNK ? end - p->tx : CHUNK;
	ssize_t r;

	pair_next(p, buf, n);
	r = send(p->fd, buf, n, MSG_NOSIGNAL);
	if (r < 0 && errno != EAGAIN)
		broken("send in the loop: %s", errno_name(errno));
	p->tx += r > 0 ? r : 0;
	return r > 0;
}

static bool pull(struct pair *p)
{
	char buf[CHUNK];
	ssize_t r = recv(p->fd, buf, sizeof(buf), 0);

	if ((r < 0 && errno != EAGAIN) || r == 0)
		broken("recv in the loop: %s", r ? errno_name(errno) : "EOF");
	if (strcmp(pair_check(p, buf, r), "good") != 0)
		broken("recv in the loop: wrong data");
	return r > 0;
}

static short wanted(const struct pair *p, uint64_t tx_end, uint64_t rx_end)
{
	return (p->tx < tx_end ? POLLOUT : 0) | (p->rx < rx_end ? POLLIN : 0);
}

static void unblock(int fd, bool nonblocking)
{
	int flags = fcntl(fd, F_GETFL);

	MUST(fcntl(fd, F_SETFL, nonblocking ? flags | O_NONBLOCK
					    : flags & ~O_NONBLOCK));
}

void both_pump(struct pair *a, struct pair *b, size_t there, size_t back)
{
	uint64_t a_end = a->tx + there, b_end = b->tx + back;
	long since = now_ms();
	struct pollfd fds[2] = { { .fd = a->fd }, { .fd = b->fd } };

	unblock(a->fd, true);
	unblock(b->fd, true);
	for (;;) {
		fds[0].events = wanted(a, a_end, b_end);
		fds[1].events = wanted(b, b_end, a_end);
		if (!(fds[0].events | fds[1].events))
			break;
		if (poll(fds, 2, STUCK_MS) <= 0)
			broken("stuck: %ld of %zu there, %ld of %zu back",
			       (long)(b->rx + there - a_end), there,
			       (long)(a->rx + back - b_end), back);
		if (fds[0].revents & POLLOUT)
			push(a, a_end);
		if (fds[1].revents & POLLOUT)
			push(b, b_end);
		if (fds[0].revents & POLLIN)
			pull(a);
		if (fds[1].revents & POLLIN)
			pull(b);
	}
	say("%zu bytes there, %zu back", there, back);
	show_time("they came", since, PUMP_MOST_MS);
	unblock(a->fd, false);
	unblock(b->fd, false);
}

static int listener = -1;	/* the case's, when it is the server */

void fresh_open(struct pair *p, int slot, int accept_ms)
{
	int port;

	*p = (struct pair){ .fd = -1, .slot = slot };
	if (sem_is_client) {
		port = (int)MUST(peer_do(PEER_LISTEN, slot, 16, 0));
		peer_begin(PEER_ACCEPT, slot, accept_ms, OPEN_SILENT, 0);
		p->fd = sem_socket();
		MUST(fresh_to(p->fd, port));
		return;
	}
	listener = sem_listen(16, &port);
	MUST(peer_do(PEER_CONNECT, slot, port, OPEN_SILENT));
	p->fd = (int)MUST(accept(listener, NULL, NULL));
	close(listener);
}

void fresh_accepted(void)
{
	if (sem_is_client)
		MUST(peer_end());
}
