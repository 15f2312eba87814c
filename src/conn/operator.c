// SPDX-License-Identifier: BSD-2-Clause
#include "conn/operator.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/real.h"
#include "conn/drain.h"
#include "conn/internal.h"
#include "conn/limits.h"
#include "diag/channel.h"
#include "diag/log.h"

#define BACKLOG 16
#define PATIENCE_S 2		/* with somebody who does not read or write */
#define REQUEST_MOST 64
#define ANSWER_PIECE 4096
#define LINE_MOST 512
#define MOVING_LOOK_MS 5
#define WAIT_MOST_MS 600000

/* What is said, collected; nothing more is sent once it cannot be. */
struct answer {
	int fd;
	bool failed;
	size_t size;
	char text[ANSWER_PIECE];
};

static void say_now(struct answer *answer)
{
	size_t at = 0;
	ssize_t put;

	while (!answer->failed && at < answer->size) {
		put = real.send(answer->fd, answer->text + at,
				answer->size - at, MSG_NOSIGNAL);
		if (put <= 0)
			answer->failed = true;
		else
			at += put;
	}
	answer->size = 0;
}

/* One line; the fields have no tabs of their own. */
__attribute__((format(printf, 2, 3)))
static void say(struct answer *answer, const char *format, ...)
{
	va_list args;
	int size;

	if (answer->size + LINE_MOST > ANSWER_PIECE)
		say_now(answer);
	va_start(args, format);
	size = vsnprintf(answer->text + answer->size, LINE_MOST - 1, format,
			 args);
	va_end(args);
	if (size > LINE_MOST - 2)
		size = LINE_MOST - 2;
	answer->size += size;
	answer->text[answer->size++] = '\n';
}

/* The connections of the table, each once and held. One job at a time. */
struct crowd {
	struct member {
		struct conn *conn;
		enum drain_news news;
	} *all;
	size_t count, room;
	unsigned round;
	bool incomplete;	/* there was no memory */
};

static void join_crowd(int fd, struct fdtab_object *object, void *arg)
{
	struct conn *conn = conn_from(object);
	struct crowd *crowd = arg;
	struct member *more;

	(void)fd;
	if (!conn || conn->round == crowd->round)
		return;
	if (crowd->count == crowd->room) {
		more = realloc(crowd->all,
			       (crowd->room * 2 + 16) * sizeof(*more));
		crowd->incomplete |= !more;
		if (!more)
			return;
		crowd->room = crowd->room * 2 + 16;
		crowd->all = more;
	}
	conn->round = crowd->round;
	conn_hold(conn);
	crowd->all[crowd->count++] = (struct member){ conn, DRAIN_MOVING };
}

static void gather(struct crowd *crowd)
{
	static unsigned rounds;

	memset(crowd, 0, sizeof(*crowd));
	crowd->round = ++rounds;
	fdtab_each(join_crowd, crowd);
}

static void disperse(struct answer *answer, struct crowd *crowd)
{
	if (crowd->incomplete)
		say(answer, "error\tthere is no memory for all connections");
	while (crowd->count > 0)
		conn_drop(crowd->all[--crowd->count].conn);
	free(crowd->all);
}

static void say_process(struct answer *answer)
{
	say(answer, "process\t%d", (int)getpid());
}

static void say_conn(struct answer *answer, struct conn *conn,
		     const char *note)
{
	char local[ADDR_TEXT_MAX], remote[ADDR_TEXT_MAX];
	char reason[REASON_TEXT_MAX];
	unsigned long long tx = conn->tx_bytes, rx = conn->rx_bytes;
	unsigned long long tx_raw = conn->tx_raw, rx_raw = conn->rx_raw;
	enum conn_state state = conn_state(conn);

	addr_format(&conn->local, local);
	addr_format(&conn->remote, remote);
	say(answer,
	    "conn\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%llu\t%llu\t%llu\t%llu\t%s",
	    local, conn->role == CONN_ACTIVE ? "->" : "<-", remote,
	    state_name(state), state == STATE_on_rdma ? "rdma" : "tcp",
	    reason_text(conn->reason, conn->peers_reason, reason),
	    conn->decision.rule, tx_raw, rx_raw,
	    tx > tx_raw ? tx - tx_raw : 0, rx > rx_raw ? rx - rx_raw : 0,
	    note);
}

static void say_count(struct answer *answer, const char *what,
		      unsigned reason, uint64_t count)
{
	if (count)
		say(answer, "%s\t%s\t%llu\t%s", what,
		    reason_name(reason), (unsigned long long)count,
		    reason_sentence(reason));
}

static void say_reasons(struct answer *answer)
{
	unsigned reason;

	for (reason = 0; reason < REASON_COUNT; reason++)
		say_count(answer, "reason", reason, reason_counted(reason));
	for (reason = 0; reason < REASON_COUNT; reason++)
		say_count(answer, "declined", reason,
			  reason_counted_peers(reason));
}

static void say_uses(struct answer *answer)
{
	struct limits_use uses[LIMITS_USES];
	char most[24];
	int i;

	limits_uses(uses);
	for (i = 0; i < LIMITS_USES; i++) {
		snprintf(most, sizeof(most), "%llu",
			 (unsigned long long)uses[i].most);
		say(answer, "use\t%s\t%llu\t%s", uses[i].name,
		    (unsigned long long)uses[i].now,
		    uses[i].most == UINT64_MAX ? "auto" : most);
	}
}

static void answer_stat(struct answer *answer)
{
	struct crowd crowd;
	size_t i;

	say_process(answer);
	gather(&crowd);
	for (i = 0; i < crowd.count; i++)
		say_conn(answer, crowd.all[i].conn, "");
	disperse(answer, &crowd);
	say_uses(answer);
	say_reasons(answer);
}

/* A step of all that are still moving; how many are left. */
static size_t step_all(struct crowd *crowd)
{
	struct member *member = crowd->all;
	size_t moving = 0;

	for (; member < crowd->all + crowd->count; member++) {
		if (member->news == DRAIN_MOVING)
			member->news = drain_step(member->conn, REASON_drained);
		moving += member->news == DRAIN_MOVING;
	}
	return moving;
}

static void say_drained(struct answer *answer, const struct crowd *crowd)
{
	const struct member *member = crowd->all;
	size_t moved = 0;

	for (; member < crowd->all + crowd->count; member++) {
		moved += member->news == DRAIN_MOVED;
		if (member->news == DRAIN_MOVING ||
		    member->news == DRAIN_CLOSED)
			say_conn(answer, member->conn,
				 drain_text(member->news));
	}
	say(answer, "moved\t%zu", moved);
	log_info("drained: %zu connections moved back to tcp", moved);
}

static void answer_drain(struct answer *answer, unsigned wait_ms)
{
	uint64_t until = clock_ms() + wait_ms;
	struct crowd crowd;

	say_process(answer);
	gather(&crowd);
	while (step_all(&crowd) > 0 && clock_ms() < until)
		real.poll(NULL, 0, MOVING_LOOK_MS);
	say_drained(answer, &crowd);
	disperse(answer, &crowd);
}

/* The line, without its end. False: none came in time. */
static bool read_request(int fd, char text[REQUEST_MOST])
{
	size_t size = 0;
	ssize_t got;
	char *end;

	while (size < REQUEST_MOST - 1) {
		got = real.recv(fd, text + size, REQUEST_MOST - 1 - size, 0);
		if (got <= 0)
			return false;
		size += got;
		text[size] = '\0';
		end = strchr(text, '\n');
		if (end) {
			*end = '\0';
			return true;
		}
	}
	return false;
}

static void answer_request(struct answer *answer, const char *request)
{
	unsigned wait_ms;

	if (!strcmp(request, "stat"))
		answer_stat(answer);
	else if (sscanf(request, "drain %u", &wait_ms) == 1 &&
		 wait_ms <= WAIT_MOST_MS)
		answer_drain(answer, wait_ms);
	else
		say(answer, "error\tthis release does not know the request");
	say(answer, "end");
	say_now(answer);
}

/* A job: the whole conversation. */
static void converse(void *arg)
{
	struct timeval patience = { .tv_sec = PATIENCE_S };
	struct answer answer = { .fd = (int)(long)arg };
	char request[REQUEST_MOST];

	real.setsockopt(answer.fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
			sizeof(patience));
	real.setsockopt(answer.fd, SOL_SOCKET, SO_SNDTIMEO, &patience,
			sizeof(patience));
	if (read_request(answer.fd, request))
		answer_request(&answer, request);
	fd_close(answer.fd);
}

static bool may_ask(int fd)
{
	struct ucred who;
	socklen_t length = sizeof(who);

	return real.getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &length) ==
		       0 &&
	       (who.uid == 0 || who.uid == geteuid());
}

static void refuse(int fd)
{
	static const char text[] =
		"error\tonly root and the process's own user may ask\nend\n";

	real.send(fd, text, sizeof(text) - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	fd_close(fd);
}

void operator_knock(int listener)
{
	int fd = real.accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	fd = fd_lift(fd);
	if (!may_ask(fd))
		refuse(fd);
	else if (work_start(WORK_ANSWER, converse, (void *)(long)fd) != 0)
		fd_close(fd);
}

int operator_listen(void)
{
	struct sockaddr_un name;
	socklen_t length;
	uint64_t salt;
	int fd;

	conn_random((uint8_t *)&salt, sizeof(salt));
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
