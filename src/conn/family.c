// SPDX-License-Identifier: BSD-2-Clause
#include "conn/family.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/real.h"
#include "conn/conduct.h"
#include "conn/core.h"
#include "conn/crowd.h"
#include "conn/dial.h"
#include "conn/heir.h"
#include "conn/loop.h"
#include "conn/parts.h"
#include "conn/share.h"
#include "diag/log.h"

/* The children of one fork, while they may ask for something. */
struct children {
	struct children *next;
	int channel;		/* our end of it */
	int theirs;		/* until the fork is over */
	unsigned count;
	struct conn **conns;	/* held; a child names one by its index */
	struct loop_source source;
};

static struct lock forking = LOCK_INIT(forking);
struct lock family_lock = LOCK_INIT(family);
static struct children *all, *born;
static unsigned forks;	/* that made us what we are */
static unsigned turn = 1;	/* of family_before_fork() */
static bool unseen;	/* forked without it */
static bool in_call;	/* of whose thread a handler has forked */

/* -- before ---------------------------------------------------------------- */

/* No byte of ours has been sent on it. */
static bool is_only_dialled(const struct conn *conn)
{
	return conn->role == CONN_ACTIVE &&
	       conn_state(conn) <= STATE_greeting &&
	       conn->greeting.stage == GREETING_QUIET &&
	       conn->mode != POLICY_REQUIRE;
}

/* Answered in accept(), and its application has not touched it. */
static bool is_only_accepted(const struct conn *conn)
{
	return conn->role == CONN_PASSIVE && conn->tx.bytes == 0 &&
	       conn->rx.bytes == 0 &&
	       (conn_state(conn) == STATE_greeted || conn->greeting.reply_due);
}

static void collect(int fd, struct fdtab_object *object, void *arg)
{
	struct children *children = arg;
	struct conn *conn = conn_from(object), **grown;
	enum conn_state state;

	(void)fd;
	if (!conn || family_is_away(conn) || conn->forked.collected == turn)
		return;
	if (is_only_dialled(conn)) {	/* both can have it at once */
		dial_hurry(conn, REASON_forked);
		conduct(conn);
	}
	if (is_only_accepted(conn))
		share_greet_late();
	state = conn_state(conn);
	if (state == STATE_plain || state == STATE_dead)
		return;
	conn->forked.collected = turn;
	conn->forked.asked_of = NULL;
	grown = memory_resize(children->conns,
			(children->count + 1) * sizeof(struct conn *));
	if (!grown)
		return;		/* the child will find it without a share */
	conn_hold(conn);
	children->conns = grown;
	grown[children->count++] = conn;
}

static void free_children(struct children *children)
{
	unsigned i;

	for (i = 0; i < children->count; i++)
		conn_drop(children->conns[i]);
	memory_free(children->conns);
	memory_free(children);
}

static int open_channel(struct children *children)
{
	int ends[2];

	if (real.socketpair(AF_UNIX,
			    SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
			    ends) != 0)
		return -errno;
	children->channel = fd_lift(ends[0]);
	children->theirs = fd_lift(ends[1]);
	return 0;
}

/* With lock. Its state may have changed since it was collected. */
static void begin_sharing(struct conn *conn, struct pages *fresh)
{
	enum conn_state state = conn_state(conn);

	conn->forked.sharing++;
	if (!conn->forked.share) {
		conn->forked.pages = fresh;
		conn->forked.share = &fresh->shares[fresh->users++];
		if (!share_untouched(conn) || conn_waited_for(conn))
			share_step(&conn->forked.share->stage, SHARE_ON_kept);
	}
	if (state == STATE_plain || state == STATE_dead)
		share_step(&conn->forked.share->stage,
			   state == STATE_plain ? SHARE_ON_was_plain
						: SHARE_ON_was_dead);
}

/* With lock. False: the child will not be able to ask for anything. */
static bool begin_children(struct children *children)
{
	struct pages *fresh;
	unsigned i;

	if (children->count == 0 || open_channel(children) != 0)
		return false;
	fresh = pages_make(children->count);
	if (!fresh) {
		fd_close(children->channel);
		fd_close(children->theirs);
		return false;
	}
	for (i = 0; i < children->count; i++) {
		begin_sharing(children->conns[i], fresh);
		children->conns[i]->forked.index = i;
		children->conns[i]->forked.asked_of = children;
	}
	if (fresh->users == 0)
		pages_free(fresh);
	children->next = all;
	all = children;
	return true;
}

void family_before_fork(void)
{
	struct children *children = memory_new(sizeof(*children));

	lock_acquire(&forking);
	turn++;
	if (children)
		fdtab_each(collect, children);
	lock_acquire(&family_lock);
	born = children && begin_children(children) ? children : NULL;
	if (children && !born)
		free_children(children);
}

void family_forked_unseen(void)
{
	lock_init(&forking, LOCK_forking);
	lock_init(&family_lock, LOCK_family);
	lock_acquire(&forking);
	lock_acquire(&family_lock);
	born = NULL;
	unseen = true;
}

/* -- the parent ------------------------------------------------------------ */

static void hear(void *arg);

static int hear_children(struct children *children, int channel)
{
	loop_source_set(&children->source, hear, children);
	return loop_add(channel, EPOLLIN, &children->source);
}

void family_after_fork_parent(void)
{
	struct children *children = born;
	unsigned count = 0;
	int channel = -1;

	born = NULL;
	if (children) {
		fd_close(children->theirs);
		children->theirs = -1;
		channel = children->channel;
		count = children->count;
	}
	lock_release(&family_lock);
	lock_release(&forking);
	if (children && hear_children(children, channel) != 0)
		log_warn("children cannot ask for %u connections", count);
}

/*
 * With lock: one child's interest in it is over. One that a child has taken is
 * not ours to look at although that child needs us no more.
 */
static void end_sharing(struct conn *conn)
{
	bool taken = conn->forked.share->stage == SHARE_TAKEN &&
		conn_state(conn) == STATE_greeting;

	if (--conn->forked.sharing == 0 && !taken)
		share_forget(conn);
}

/* Service thread: the last of them has closed, ended or exec'ed. */
static void forget_children(struct children *children)
{
	struct children **link;
	unsigned i;

	loop_remove(children->channel);
	lock_acquire(&family_lock);
	link = &all;
	while (*link != children)
		link = &(*link)->next;
	*link = children->next;
	for (i = 0; i < children->count; i++)
		end_sharing(children->conns[i]);
	lock_release(&family_lock);
	fd_close(children->channel);
	free_children(children);
}

static void hear(void *arg)
{
	struct children *children = arg;
	uint32_t index;
	ssize_t got;
	int channel;

	lock_acquire(&family_lock);	/* as who forked had, who made it */
	channel = children->channel;
	lock_release(&family_lock);
	for (;;) {
		got = real.recv(channel, &index, sizeof(index),
				MSG_DONTWAIT);
		if (got == sizeof(index)) {
			if (index < children->count)
				share_owe(children->conns[index]);
			continue;
		}
		if (got >= 0 || (errno != EAGAIN && errno != EINTR))
			forget_children(children);
		return;
	}
}

/* -- the child ------------------------------------------------------------- */

static void inherit_entry(int fd, struct fdtab_object *object, void *arg)
{
	struct conn *conn = conn_from(object);
	struct parent *parent = arg;

	(void)fd;
	if (!conn || conn->forked.marks == forks)
		return;		/* another number of the same */
	conn->forked.marks = forks;
	/* Made by another thread of the parent's, while this one forked. */
	if (conn->forked.collected != turn && !unseen)
		heir_leave_alone(conn);
	else
		heir_inherit(conn,
			     conn->forked.asked_of == born ? parent : NULL);
	/* Nobody here drops what the parent's threads hold of it. */
	if (conn_state(conn) == STATE_dead && !family_is_away(conn))
		fd_park(conn->tcp);
}

/*
 * What our parent has closed must not stay open because of us, in whatever call
 * of its threads it was.
 */
static void park_closed(struct conn *conn)
{
	if (conn->forked.marks == forks)
		return;
	heir_begin_again(conn);	/* an epoll set may know it yet */
	if (in_call && atomic_load(&conn->object.references) > 0)
		return;
	atomic_store(&conn->object.references, 0);
	fd_park(conn->tcp);
}

/* A channel must end when its parent does, who we are not. */
static void close_channels(void)
{
	struct children *children, *next;

	for (children = all; children; children = next) {
		next = children->next;
		fd_close(children->channel);
		if (children->theirs >= 0 && children != born)
			fd_close(children->theirs);
		memory_free(children->conns);
		if (children != born)
			memory_free(children);
	}
	all = NULL;
}

/* The channel of the fork that made us. */
static struct parent *find_parent(void)
{
	struct parent *parent = born ? memory_new(sizeof(*parent)) : NULL;

	if (parent) {
		parent->channel = born->theirs;
		parent->users = 1;
	} else if (born) {
		fd_close(born->theirs);
	}
	return parent;
}

void family_after_fork_child(bool from_call)
{
	struct parent *parent;

	in_call = from_call;
	forks++;
	close_channels();
	parent = find_parent();
	lock_release(&family_lock);
	lock_release(&forking);
	fdtab_each(inherit_entry, parent);
	crowd_each_inherited(park_closed);
	heir_leave(parent);
	memory_free(born);
	born = NULL;
	unseen = false;
}

bool family_all_settled(void)
{
	struct children *children;
	bool settled = true;
	unsigned i;

	lock_acquire(&family_lock);
	for (children = all; children; children = children->next)
		for (i = 0; i < children->count; i++)
			settled &= children->conns[i]->forked.share->stage !=
				   SHARE_KEPT;
	lock_release(&family_lock);
	return settled;
}
