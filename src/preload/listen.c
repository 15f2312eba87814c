// SPDX-License-Identifier: BSD-2-Clause
#include "preload/listen.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "base/addr.h"
#include "base/clock.h"
#include "base/critical.h"
#include "base/fd.h"
#include "base/hash.h"
#include "base/lock.h"
#include "base/memory.h"
#include "base/real.h"
#include "diag/log.h"
#include "mark/mark.h"
#include "preload/kernel.h"
#include "preload/shim.h"
#include "preload/verdict.h"
#include "rdma/rdma.h"

#define LOOK_MS 1000
#define LINKS_MS 30000	/* reading all links and GIDs takes milliseconds */
#define INHERITED_MOST 32	/* numbers that are looked at, from 3 on */

struct listener {
	int fd;
	unsigned mark;
	unsigned by_links;	/* what it would be by itself */
	enum reason unmarked;	/* why it has none; REASON_none: by rule */
	uint64_t due_ms;	/* look again then */
	uint64_t links_ms;	/* at the links, too */
	bool accepts;		/* a connection was accepted on it */
	bool inherited;		/* of our parent, who has it still */
	UT_hash_handle hh;
};

static struct lock lock = LOCK_INIT(listeners);
static struct listener *listeners;

static int option(int fd, int level, int name)
{
	int value = -1;
	socklen_t length = sizeof(value);

	return real.getsockopt(fd, level, name, &value, &length) == 0 ? value
								      : -1;
}

static bool listens(int fd)
{
	return option(fd, SOL_SOCKET, SO_ACCEPTCONN) == 1 &&
	       option(fd, SOL_SOCKET, SO_PROTOCOL) == IPPROTO_TCP;
}

static uint16_t port_of(int fd)
{
	struct sockaddr_storage name = { .ss_family = AF_UNSPEC };
	socklen_t length = sizeof(name);

	real.getsockname(fd, (struct sockaddr *)&name, &length);
	return addr_port(&name);
}

static unsigned find_by_links(int fd)
{
	char links[MARK_NAMES_MOST][RDMA_LINK_SIZE];

	return mark_for_listener(fd, links,
				 rdma_links(links, MARK_NAMES_MOST));
}

/*
 * What it is to be marked with now; 0: not at all. `turn` has what is known of
 * it, and is told: ->unmarked, if it is this process that can have no lane.
 */
static unsigned wanted(int fd, struct listener *turn)
{
	struct policy_handshake handshake;
	struct policy *policy;
	bool may;

	turn->unmarked = REASON_none;
	if (fd_has_note(fd, FD_NOTE_MAXSEG) || !listens(fd))
		return 0;
	kernel_look(fd);	/* what is accepted inherits it */
	if (fd_has_note(fd, FD_NOTE_FEATURE))
		return 0;
	policy = policy_hold_current();
	may = policy_may_listen(policy, port_of(fd), &handshake);
	policy_release(policy);
	turn->unmarked = may ? rdma_expect() : REASON_none;
	if (!may || turn->unmarked != REASON_none)
		return 0;
	if (handshake.mark > 0)
		return (unsigned)handshake.mark;
	if (clock_ms() >= turn->links_ms) {
		turn->by_links = find_by_links(fd);
		turn->links_ms = clock_ms() + LINKS_MS;
	}
	return turn->by_links;
}

/* With lock. NULL: no memory. */
static struct listener *enter(int fd)
{
	struct listener *listener;

	HASH_FIND_INT(listeners, &fd, listener);
	if (listener)
		return listener;
	listener = memory_new(sizeof(*listener));
	if (!listener)
		return NULL;
	listener->fd = fd;
	HASH_ADD_INT(listeners, fd, listener);
	if (listener->hh.tbl)
		return listener;
	memory_free(listener);
	return NULL;
}

/* Is a look due, and is it this caller's? *turn is a copy of what is known. */
static bool take_turn(int fd, struct listener *turn)
{
	struct listener *listener;
	uint64_t now = clock_ms();
	bool mine;

	lock_acquire(&lock);
	listener = enter(fd);
	mine = listener && now >= listener->due_ms;
	if (mine) {
		listener->due_ms = now + LOOK_MS;
		*turn = *listener;
	}
	lock_release(&lock);
	return mine;
}

static void remember(int fd, unsigned mark, const struct listener *turn)
{
	struct listener *listener;

	lock_acquire(&lock);
	listener = enter(fd);
	if (listener) {
		listener->mark = mark;
		listener->unmarked = turn->unmarked;
		listener->by_links = turn->by_links;
		listener->links_ms = turn->links_ms;
	}
	lock_release(&lock);
}

/* Another process may have taken the mark off: it is set each time. */
void listen_look(int fd)
{
	struct listener turn;
	unsigned mark;
	int saved = errno;

	if (critical_in_handler())
		return;		/* it would read folders */
	if (!(verdict_possible(POLICY_LISTEN) || listen_is_greeted(fd)) ||
	    !take_turn(fd, &turn))
		return;
	mark = wanted(fd, &turn);
	if (mark)
		fd_set_note(fd, FD_NOTE_GREETED, true);
	if ((mark || turn.mark) && !fd_has_note(fd, FD_NOTE_MAXSEG))
		mark_listener(fd, mark);
	remember(fd, mark, &turn);
	if (mark != turn.mark)
		log_debug("fd %d listens on port %u, its mark is %u", fd,
			  (unsigned)port_of(fd), mark);
	errno = saved;
}

void listen_made(int fd)
{
	struct listener *listener;
	int saved = errno;

	lock_acquire(&lock);
	HASH_FIND_INT(listeners, &fd, listener);
	if (listener) {
		listener->mark = 0;
		listener->unmarked = REASON_none;
		listener->due_ms = listener->links_ms = 0;
		listener->accepts = listener->inherited = false;
	}
	lock_release(&lock);
	errno = saved;
	listen_look(fd);
}

void listen_accepted(int fd)
{
	struct listener *listener;

	lock_acquire(&lock);
	HASH_FIND_INT(listeners, &fd, listener);
	if (listener)
		listener->accepts = true;
	lock_release(&lock);
}

unsigned listen_mark(int fd)
{
	struct listener *listener;
	unsigned mark = 0;

	lock_acquire(&lock);
	HASH_FIND_INT(listeners, &fd, listener);
	if (listener)
		mark = listener->mark;
	lock_release(&lock);
	return mark;
}

enum reason listen_unmarked(int fd)
{
	struct listener *listener;
	enum reason why = REASON_none;

	lock_acquire(&lock);
	HASH_FIND_INT(listeners, &fd, listener);
	if (listener)
		why = listener->unmarked;
	lock_release(&lock);
	return why;
}

/* With lock. */
static void unmark(struct listener *listener)
{
	if (listener->mark && listens(listener->fd))
		mark_listener(listener->fd, 0);
	listener->mark = 0;
	listener->due_ms = 0;
}

void listen_hand_on(bool instead)
{
	struct listener *listener, *next;
	int flags, saved = errno;

	lock_acquire(&lock);
	HASH_ITER(hh, listeners, listener, next) {
		flags = real.fcntl(listener->fd, F_GETFD, NULL);
		if (flags < 0 || (flags & FD_CLOEXEC))
			continue;
		if (!listener->accepts || (instead && !listener->inherited))
			unmark(listener);
	}
	lock_release(&lock);
	errno = saved;
}

void listen_give(int fd)
{
	struct listener *listener;
	int saved = errno;

	lock_acquire(&lock);
	HASH_FIND_INT(listeners, &fd, listener);
	if (listener)
		unmark(listener);
	lock_release(&lock);
	errno = saved;
}

/* systemd's protocol counts from 3 (sd_listen_fds(3)). */
void listen_begin(void)
{
	const char *count = getenv("LISTEN_FDS");
	int fd, most = 3 + INHERITED_MOST, saved = errno;

	if (count && atoi(count) > INHERITED_MOST && atoi(count) < 65536)
		most = 3 + atoi(count);
	for (fd = 3; fd < most; fd++)
		if (option(fd, SOL_SOCKET, SO_ACCEPTCONN) == 1)
			listen_look(fd);
	errno = saved;
}

void listen_before_fork(void)
{
	lock_acquire(&lock);
}

void listen_after_fork(void)
{
	lock_release(&lock);
}

void listen_inherited(void)
{
	struct listener *listener, *next;

	HASH_ITER(hh, listeners, listener, next)
		listener->inherited = true;
}

/* Who had it may have been changing the table: what listens is found again. */
void listen_forked_unseen(void)
{
	lock_init(&lock, LOCK_listeners);
	listeners = NULL;
	lock_acquire(&lock);
}
