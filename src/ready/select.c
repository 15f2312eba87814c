// SPDX-License-Identifier: BSD-2-Clause
/* select(2) as poll(2): the sets become an array and back. */
#include <stdlib.h>

#include "base/fd.h"
#include "base/memory.h"
#include "ready/ready.h"

#define READ_BITS (POLLRDNORM | POLLRDBAND | POLLIN | POLLHUP | POLLERR)
#define WRITE_BITS (POLLWRBAND | POLLWRNORM | POLLOUT | POLLERR)

/* Not FD_ISSET: sets may be larger than FD_SETSIZE, and are fortified. */
static bool is_set(int fd, const fd_set *set)
{
	const unsigned long *words = (const unsigned long *)set;

	return set && words[fd / NFDBITS] & (1UL << (fd % NFDBITS));
}

static void put(int fd, fd_set *set)
{
	((unsigned long *)set)[fd / NFDBITS] |= 1UL << (fd % NFDBITS);
}

static void clear_all(int n, fd_set *set)
{
	int i;

	for (i = 0; set && i < n; i += NFDBITS)
		((unsigned long *)set)[i / NFDBITS] = 0;
}

int ready_bound_sets(int n)
{
	int known;

	if (n <= FD_SETSIZE)
		return n;
	known = fd_highest() + 1;
	known = known > FD_SETSIZE ? known : FD_SETSIZE;
	return n < known ? n : known;
}

bool ready_concerns_sets(int n, const fd_set *r, const fd_set *w,
			 const fd_set *e)
{
	int fd;

	n = ready_bound_sets(n);
	for (fd = 0; fd < n; fd++)
		if ((is_set(fd, r) || is_set(fd, w) || is_set(fd, e)) &&
		    fdtab_maybe(fd))
			return true;
	return false;
}

static nfds_t to_poll(struct pollfd *fds, int n, const fd_set *r,
		      const fd_set *w, const fd_set *e)
{
	nfds_t count = 0;
	int fd;

	for (fd = 0; fd < n; fd++) {
		short events = (is_set(fd, r) ? POLLIN | POLLRDNORM |
							POLLRDBAND : 0) |
			       (is_set(fd, w) ? POLLOUT | POLLWRNORM : 0) |
			       (is_set(fd, e) ? POLLPRI : 0);

		if (events) {
			fds[count].fd = fd;
			fds[count++].events = events;
		}
	}
	return count;
}

static int from_poll(const struct pollfd *fds, nfds_t count, fd_set *r,
		     fd_set *w, fd_set *e)
{
	int bits = 0;
	nfds_t i;

	for (i = 0; i < count; i++) {
		short events = fds[i].events, revents = fds[i].revents;

		if (events & POLLIN && revents & READ_BITS) {
			put(fds[i].fd, r);
			bits++;
		}
		if (events & POLLOUT && revents & WRITE_BITS) {
			put(fds[i].fd, w);
			bits++;
		}
		if (events & POLLPRI && revents & POLLPRI) {
			put(fds[i].fd, e);
			bits++;
		}
	}
	return bits;
}

static bool any_invalid(const struct pollfd *fds, nfds_t count)
{
	while (count-- > 0)
		if (fds[count].revents & POLLNVAL)
			return true;
	return false;
}

/* Has any of them what its sets ask for? Two do not count a hang-up. */
static bool any_counts(const struct pollfd *fds, nfds_t count)
{
	nfds_t i;

	for (i = 0; i < count; i++)
		if ((fds[i].events & POLLIN && fds[i].revents & READ_BITS) ||
		    (fds[i].events & POLLOUT && fds[i].revents & WRITE_BITS) ||
		    (fds[i].events & POLLPRI && fds[i].revents & POLLPRI) ||
		    fds[i].revents & POLLNVAL)
			return true;
	return false;
}

/* poll(2) wakes up for what select(2) does not count: who has that is left. */
static void leave_out(struct pollfd *fds, nfds_t count)
{
	nfds_t i;

	for (i = 0; i < count; i++)
		if (fds[i].revents)
			fds[i].fd = -1;
}

int ready_select(int n, fd_set *r, fd_set *w, fd_set *e, uint64_t until_us,
		 const sigset_t *mask)
{
	struct pollfd *fds = memory_array(n, sizeof(*fds));
	nfds_t count;
	int ret;

	if (!fds)
		return -ENOMEM;
	count = to_poll(fds, n, r, w, e);
	for (;;) {
		ret = ready_poll(fds, count, until_us, mask);
		if (ret <= 0 || any_counts(fds, count))
			break;
		leave_out(fds, count);
	}
	if (ret >= 0 && any_invalid(fds, count))
		ret = -EBADF;
	if (ret >= 0) {
		clear_all(n, r);
		clear_all(n, w);
		clear_all(n, e);
		ret = from_poll(fds, count, r, w, e);
	}
	memory_free(fds);
	return ret;
}
