// SPDX-License-Identifier: BSD-2-Clause
#include "conn/trace_tell.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/fd.h"
#include "base/real.h"
#include "conn/answer.h"
#include "conn/trace.h"
#include "conn/work.h"
#include "diag/reason.h"

#define PIECE 4096
#define PATIENCE_S 5	/* with who asks for the past alone */
#define IDLE_MS 1000	/* between looks whether somebody still listens */
#define COMING_MS 100	/* a record that is not there by then is lost */

/* The sockets of those who listen; -1: a place is free. */
static atomic_int places[TRACE_TELLERS] = { -1, -1, -1, -1 };

/* One conversation. */
struct teller {
	int fd;
	atomic_int *place;
	bool follows;		/* what is to come, or only what has been */
	uint64_t conn;		/* 0: of all */
	uint64_t next;		/* the number of the next record to tell */
	uint64_t missed;	/* that were to be told before it */
	bool gone;		/* nobody listens any more */
	struct answer answer;	/* what is to be said at once */
};

static void say_now(struct teller *teller)
{
	size_t at = 0;
	ssize_t put;

	teller->gone |= teller->answer.failed;
	while (!teller->gone && at < teller->answer.size) {
		put = real.send(teller->fd, teller->answer.text + at,
				teller->answer.size - at, MSG_NOSIGNAL);
		if (put <= 0)
			teller->gone = true;
		else
			at += (size_t)put;
	}
	teller->answer.size = 0;
}

static void say_missed(struct teller *teller)
{
	if (teller->missed)
		answer_say(&teller->answer, "missed\t%llu",
			   (unsigned long long)teller->missed);
	teller->missed = 0;
}

static void format_end(const struct sockaddr_in6 *end, char text[ADDR_TEXT_MAX])
{
	struct sockaddr_storage address = { 0 };

	memcpy(&address, end, sizeof(*end));
	addr_format(&address, text);
}

/* What the peer said when it declined, or nothing. */
static const char *peers_word(const struct trace_record *record)
{
	if (record->reason != REASON_peer_declined ||
	    record->peers_reason == REASON_none)
		return "";
	return reason_name(record->peers_reason);
}

static void say_step(struct teller *teller, const struct trace_record *record)
{
	char local[ADDR_TEXT_MAX], remote[ADDR_TEXT_MAX];

	format_end(&record->local, local);
	format_end(&record->remote, remote);
	say_missed(teller);
	answer_say(&teller->answer,
		   "step\t%llu\t%llu\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s"
		   "\t%s",
		   (unsigned long long)record->time_ns,
		   (unsigned long long)record->conn, local,
		   record->active ? "->" : "<-", remote,
		   state_name(record->from), trace_event_name(record->event),
		   state_name(record->to), reason_name(record->reason),
		   trace_tx(record->tx), trace_rx(record->rx, record->bounded),
		   peers_word(record));
	if (teller->answer.size > PIECE)
		say_now(teller);
}

/* The next one has been written over: go on where there is some room. */
static void skip(struct teller *teller)
{
	uint64_t end = trace_next(), next = teller->next + 1;

	if (end > next + TRACE_KEPT)
		next = end - TRACE_KEPT;
	teller->missed += next - teller->next;
	teller->next = next;
}

/* Tell what there is. True: the next record is still being written. */
static bool tell_some(struct teller *teller)
{
	struct trace_record record;

	while (!teller->gone && teller->next < trace_next()) {
		switch (trace_read(teller->next, &record)) {
		case TRACE_THERE:
			teller->next++;
			if (!teller->conn || teller->conn == record.conn)
				say_step(teller, &record);
			break;
		case TRACE_MISSED:
			skip(teller);
			break;
		case TRACE_COMING:
			return true;
		}
	}
	return false;
}

static bool is_gone(const struct teller *teller)
{
	struct pollfd peer = { .fd = teller->fd, .events = POLLRDHUP };

	return teller->gone || real.poll(&peer, 1, 0) != 0;
}

/* What is told is sent before the sleep. */
static void follow(struct teller *teller)
{
	uint64_t stuck = UINT64_MAX;
	unsigned news;
	bool coming;

	trace_listen(true);
	while (!is_gone(teller)) {
		news = trace_news();
		coming = tell_some(teller);
		if (coming && stuck == teller->next) {
			skip(teller);
			continue;
		}
		stuck = coming ? teller->next : UINT64_MAX;
		say_missed(teller);
		say_now(teller);
		trace_sleep(news, coming ? COMING_MS : IDLE_MS);
	}
	trace_listen(false);
}

/* What is being written this moment is left out. */
static void tell_past(struct teller *teller)
{
	uint64_t end = trace_next();

	while (tell_some(teller) && teller->next < end)
		teller->next++;
}

static void *converse(void *arg)
{
	static const struct timeval patience = { .tv_sec = PATIENCE_S };
	struct teller *teller = arg;

	if (!teller->follows)
		real.setsockopt(teller->fd, SOL_SOCKET, SO_SNDTIMEO, &patience,
				sizeof(patience));
	answer_process(&teller->answer);
	if (teller->follows)
		follow(teller);
	else
		tell_past(teller);
	answer_say(&teller->answer, "end");
	say_now(teller);
	/* A child that is forked in between may close it, no other number. */
	atomic_store(teller->place, -1);
	fd_close(teller->fd);
	free(teller->answer.text);
	free(teller);
	return NULL;
}

static atomic_int *take_place(int fd)
{
	int i, none;

	for (i = 0; i < TRACE_TELLERS; i++) {
		none = -1;
		if (atomic_compare_exchange_strong(&places[i], &none, fd))
			return &places[i];
	}
	return NULL;
}

static struct teller *make(int fd, const char *request)
{
	struct teller *teller = calloc(1, sizeof(*teller));
	unsigned long long past = 0, conn = 0;
	uint64_t end = trace_next();

	if (!teller)
		return NULL;
	teller->fd = fd;
	teller->follows = sscanf(request, "trace %llu %llu", &past,
				 &conn) == 2;
	teller->conn = conn;
	if (!teller->follows || past > TRACE_KEPT)
		past = TRACE_KEPT;
	teller->next = end > past ? end - past : 0;
	return teller;
}

bool trace_is_request(const char *request)
{
	return !strcmp(request, "steps") || !strncmp(request, "trace ", 6);
}

const char *trace_tell(int fd, const char *request)
{
	atomic_int *place = take_place(fd);
	struct teller *teller;

	if (!place)
		return "as many as may listen to its connections do";
	teller = make(fd, request);
	if (teller) {
		teller->place = place;
		if (work_alone(converse, teller) == 0)
			return NULL;
	}
	free(teller);
	atomic_store(place, -1);
	return "it has no memory, or no thread, for that";
}

void trace_tell_after_fork(void)
{
	int i, fd;

	for (i = 0; i < TRACE_TELLERS; i++) {
		fd = atomic_exchange(&places[i], -1);
		if (fd >= 0)
			fd_close(fd);
	}
}
