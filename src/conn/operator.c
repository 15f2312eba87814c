// SPDX-License-Identifier: BSD-2-Clause
#include "conn/operator.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bounds.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/real.h"
#include "base/userns.h"
#include "conn/answer.h"
#include "conn/core.h"
#include "conn/drain.h"
#include "conn/trace_tell.h"
#include "conn/work.h"
#include "diag/channel.h"
#include "diag/log.h"
#include "policy/policy.h"

#define BACKLOG 16
#define REQUEST_MOST 64
#define MOVING_LOOK_MS 5
#define WAIT_MOST_MS 600000

enum trust { TRUST_NONE, TRUST_READER, TRUST_OWNER };

struct asker {
	int fd;
	atomic_int *place;
	enum trust trust;
	unsigned wait_ms;	/* of a drain */
};

/* Whose sockets are open, so that a forked child closes its copies; or -1. */
static atomic_int places[BOUND_askers] = { [0 ... BOUND_askers - 1] = -1 };

static atomic_int *take_place(int fd)
{
	int i, none;

	for (i = 0; i < BOUND_askers; i++) {
		none = -1;
		if (atomic_compare_exchange_strong(&places[i], &none, fd))
			return &places[i];
	}
	return NULL;
}

/* Sleep until the socket is ready. False: the time is over. */
static bool await(int fd, short events, uint64_t until_ms)
{
	struct pollfd ready = { .fd = fd, .events = events };
	uint64_t now = clock_ms();

	return now < until_ms &&
	       real.poll(&ready, 1, (int)(until_ms - now)) == 1;
}

static void send_all(int fd, const char *text, size_t size)
{
	uint64_t until_ms = clock_ms() + BOUND_reply_ms;
	ssize_t put;

	while (size > 0) {
		put = real.send(fd, text, size, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (put > 0) {
			text += put;
			size -= (size_t)put;
		} else if (errno != EAGAIN || !await(fd, POLLOUT, until_ms)) {
			return;
		}
	}
}

/* A step of all that are still moving; how many are left. */
static size_t step_all(const struct crowd *crowd, enum drain_news *news)
{
	size_t i, moving = 0;

	for (i = 0; i < crowd->count; i++) {
		if (news[i] == DRAIN_MOVING)
			news[i] = drain_step(crowd->conns[i], REASON_drained);
		moving += news[i] == DRAIN_MOVING;
	}
	return moving;
}

static void say_drained(struct answer *answer, const struct crowd *crowd,
			const enum drain_news *news)
{
	size_t i, moved = 0;

	for (i = 0; i < crowd->count; i++) {
		moved += news[i] == DRAIN_MOVED;
		if (news[i] == DRAIN_MOVING || news[i] == DRAIN_CLOSED)
			answer_conn(answer, crowd->conns[i],
				    drain_text(news[i]));
	}
	answer_say(answer, "moved\t%zu", moved);
	log_info("drained: %zu connections moved back to tcp", moved);
}

static void answer_drain(struct answer *answer, unsigned wait_ms)
{
	uint64_t until_ms = clock_ms() + wait_ms;
	enum drain_news *news;
	struct crowd crowd;
	size_t i;

	answer_process(answer);
	crowd_gather(&crowd);
	news = malloc((crowd.count + 1) * sizeof(*news));
	answer->failed |= crowd.incomplete || !news;
	for (i = 0; news && i < crowd.count; i++)
		news[i] = DRAIN_MOVING;
	while (news && step_all(&crowd, news) > 0 && clock_ms() < until_ms)
		real.poll(NULL, 0, MOVING_LOOK_MS);
	if (news)
		say_drained(answer, &crowd, news);
	free(news);
	crowd_disperse(&crowd);
}

static void dismiss(struct asker *asker)
{
	atomic_store(asker->place, -1);	/* the number may be another's soon */
	fd_close(asker->fd);
	free(asker);
}

/* The answer is complete: end it, send it, hang up. */
static void reply(struct asker *asker, struct answer *answer)
{
	static const char short_of[] =
		"error\tthe process has no memory for an answer\nend\n";

	if (answer->failed)
		answer_say(answer, "error\tthere is no memory for all");
	answer_say(answer, "end");
	if (answer->text)
		send_all(asker->fd, answer->text, answer->size);
	else
		send_all(asker->fd, short_of, sizeof(short_of) - 1);
	free(answer->text);
	dismiss(asker);
}

static void drain(void *arg)
{
	struct answer answer = { .size = 0 };
	struct asker *asker = arg;

	answer_drain(&answer, asker->wait_ms);
	reply(asker, &answer);
}

static void refuse(struct asker *asker, const char *why)
{
	struct answer answer = { .size = 0 };

	answer_say(&answer, "error\t%s", why);
	reply(asker, &answer);
}

static void tell_environment(struct asker *asker)
{
	struct answer answer = { .size = 0 };

	if (asker->trust != TRUST_OWNER) {
		refuse(asker,
		       "only root and the process's own user may see it");
		return;
	}
	answer_environment(&answer);
	reply(asker, &answer);
}

/* It may take minutes, so nobody else's answer waits behind it. */
static void begin_drain(struct asker *asker)
{
	if (asker->trust != TRUST_OWNER)
		refuse(asker, "only root and the process's own user may drain");
	else if (work_start(WORK_DRAIN, drain, asker) != 0)
		refuse(asker, CHANNEL_BUSY);
}

/* Without a wait: what it says fits into an empty socket, or is lost. */
static void turn_away(int fd, const char *why)
{
	char text[128];
	int size = snprintf(text, sizeof(text), "error\t%s\nend\n", why);

	real.send(fd, text, (size_t)size, MSG_DONTWAIT | MSG_NOSIGNAL);
	fd_close(fd);
}

/* It may take hours, and has a thread of its own and places of its own. */
static void begin_trace(struct asker *asker, const char *request)
{
	const char *wrong;

	atomic_store(asker->place, -1);
	wrong = trace_tell(asker->fd, request);
	if (wrong)
		turn_away(asker->fd, wrong);
	free(asker);
}

/* The line, without its end. False: none came in time. */
static bool read_request(int fd, char text[REQUEST_MOST])
{
	uint64_t until_ms = clock_ms() + BOUND_request_ms;
	size_t size = 0;
	ssize_t got;
	char *end;

	while (size < REQUEST_MOST - 1 && await(fd, POLLIN, until_ms)) {
		got = real.recv(fd, text + size, REQUEST_MOST - 1 - size,
				MSG_DONTWAIT);
		if (got <= 0)
			return false;
		size += (size_t)got;
		text[size] = '\0';
		end = strchr(text, '\n');
		if (end) {
			*end = '\0';
			return true;
		}
	}
	return false;
}

/* A job: the whole conversation, or its beginning. */
static void converse(void *arg)
{
	struct answer answer = { .size = 0 };
	struct asker *asker = arg;
	char request[REQUEST_MOST];

	if (!read_request(asker->fd, request)) {
		dismiss(asker);
	} else if (!strcmp(request, "stat") || !strcmp(request, "totals")) {
		answer_stat(&answer, request[0] == 's');
		reply(asker, &answer);
	} else if (!strcmp(request, "environment")) {
		tell_environment(asker);
	} else if (sscanf(request, "drain %u", &asker->wait_ms) == 1 &&
		   asker->wait_ms <= WAIT_MOST_MS) {
		begin_drain(asker);
	} else if (trace_is_request(request)) {
		begin_trace(asker, request);
	} else {
		refuse(asker, "this release does not know the request");
	}
}

/*
 * In a user namespace of its own a process sees every user whom the namespace
 * does not have as this one, which must not be taken for its own.
 */
static bool is_nobody_of_ours(uid_t uid)
{
	return uid == CHANNEL_OVERFLOW_UID && !userns_is_first();
}

static enum trust trust_of(int fd)
{
	struct policy *policy;
	struct ucred who;
	socklen_t length = sizeof(who);
	uint32_t reader;

	if (real.getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &length) != 0 ||
	    is_nobody_of_ours(who.uid))
		return TRUST_NONE;
	if (who.uid == 0 || who.uid == geteuid())
		return TRUST_OWNER;
	policy = policy_hold_current();
	reader = policy_reader(policy);
	policy_release(policy);
	return reader != 0 && who.uid == reader ? TRUST_READER : TRUST_NONE;
}

static bool begin(int fd, enum trust trust)
{
	atomic_int *place = take_place(fd);
	struct asker *asker;

	if (!place)
		return false;
	asker = malloc(sizeof(*asker));
	if (asker) {
		*asker = (struct asker){ .fd = fd, .place = place,
					 .trust = trust };
		if (work_start(WORK_ANSWER, converse, asker) == 0)
			return true;
	}
	free(asker);
	atomic_store(place, -1);
	return false;
}

static void let_in(int fd)
{
	enum trust trust;

	fd = fd_lift(fd);
	trust = trust_of(fd);
	if (trust == TRUST_NONE)
		turn_away(fd, "only root and the process's own user may ask");
	else if (!begin(fd, trust))
		turn_away(fd, CHANNEL_BUSY);
}

/*
 * The event is edge-triggered. All that waited when it came are taken; those
 * who come meanwhile are another event, so that a flood of them does not keep
 * the service thread here.
 */
void operator_knock(int listener)
{
	int fd, i;

	for (i = 0; i <= BACKLOG; i++) {
		fd = real.accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0)
			return;
		let_in(fd);
	}
}

int operator_listen(void)
{
	struct sockaddr_un name;
	socklen_t length;
	uint64_t salt;
	int fd;

	if (!conn_random((uint8_t *)&salt, sizeof(salt)))
		return -EIO;
	length = channel_name(&name, (unsigned)getpid(), salt);
	fd = real.socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
			 0);
	if (fd < 0)
		return -errno;
	fd = fd_lift(fd);
	if (real.bind(fd, (struct sockaddr *)&name, length) == 0 &&
	    real.listen(fd, BACKLOG) == 0)
		return fd;
	fd_close(fd);
	return -EIO;
}

void operator_after_fork(void)
{
	int i, fd;

	for (i = 0; i < BOUND_askers; i++) {
		fd = atomic_exchange(&places[i], -1);
		if (fd >= 0)
			fd_close(fd);
	}
}
