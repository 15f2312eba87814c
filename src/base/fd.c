// SPDX-License-Identifier: BSD-2-Clause
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "base/real.h"
#include "base/syscall.h"

#define HIGH_MOST 4096L	/* the kernel's table grows with the number */

/* Untouched pages of it cost nothing. */
atomic_uchar fd_claims[FD_CLAIMS_MOST];
atomic_ushort fd_notes[FD_CLAIMS_MOST];
static atomic_uint highest;	/* of all claimed so far, plus one */

void fd_claim(int fd, enum fd_owner owner)
{
	unsigned number = (unsigned)fd, before = highest;

	if (number >= FD_CLAIMS_MOST)
		return;
	atomic_store(&fd_claims[number], 1 << owner);
	while (number >= before &&
	       !atomic_compare_exchange_weak(&highest, &before, number + 1))
		;
}

void fd_disclaim(int fd)
{
	if (fd_is_any(fd))
		atomic_store(&fd_claims[fd], 0);
}

bool fd_is(int fd, enum fd_owner owner)
{
	return fd_is_any(fd) && (fd_claims[fd] & 1 << owner);
}

static atomic_int highest_twin = -1;

static void note_twin(int fd)
{
	int before = highest_twin;

	while (before < fd && fd < (int)FD_CLAIMS_MOST &&
	       !atomic_compare_exchange_weak(&highest_twin, &before, fd))
		;
}

int fd_next_twin(int first)
{
	int number;

	for (number = first; number <= highest_twin; number++)
		if (fd_has_note(number, FD_NOTE_TWIN))
			return number;
	return -1;
}

void fd_set_note(int fd, enum fd_note note, bool on)
{
	if ((unsigned)fd >= FD_CLAIMS_MOST || fd_has_note(fd, note) == on)
		return;
	if (on)
		atomic_fetch_or(&fd_notes[fd], note);
	else
		atomic_fetch_and(&fd_notes[fd], ~note);
}

static atomic_int given;	/* the highest */

static void give(int fd)
{
	int before = atomic_load_explicit(&given, memory_order_relaxed);

	while (fd > before &&
	       !atomic_compare_exchange_weak(&given, &before, fd))
		;
}

/* A name of /proc/self/fd. */
static void find(const char *name)
{
	long number = 0;

	for (; *name >= '0' && *name <= '9' && number < INT_MAX / 10; name++)
		number = number * 10 + (*name - '0');
	if (*name == '\0' && !fd_is_any((int)number))
		give((int)number);
}

/*
 * What the process was given before us (exec). By the kernel's calls alone, for
 * select(2) may be called in a handler.
 */
static void find_all(void)
{
	struct { uint64_t ino, off; unsigned short size; unsigned char type;
		 char name[]; } *entry;
	char room[4096] __attribute__((aligned(8)));
	long got, at, folder = sys_call(SYS_openat, AT_FDCWD, "/proc/self/fd",
					O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (folder < 0)
		return;
	while ((got = sys_call(SYS_getdents64, folder, room,
			       sizeof(room))) > 0)
		for (at = 0; at < got; at += entry->size) {
			entry = (void *)(room + at);
			find(entry->name);
		}
	sys_call(SYS_close, folder);
}

int fd_highest(void)
{
	static atomic_bool looked;
	int saved = errno;

	if (!atomic_exchange(&looked, true))
		find_all();
	errno = saved;
	return given;
}

void fd_forget_notes(int fd)
{
	give(fd);
	if (fd_has_notes(fd))
		atomic_store(&fd_notes[fd], 0);
}

void fd_copy_notes(int from, int to)
{
	unsigned short notes = 0;

	give(to);

	/* connect() will be told of one of them, if they are sockets. */
	fd_set_note(from, FD_NOTE_TWIN, true);
	note_twin(from > to ? from : to);
	if ((unsigned)from < FD_CLAIMS_MOST)
		notes = fd_notes[from] &
			(FD_NOTE_MAXSEG | FD_NOTE_SYN | FD_NOTE_TWIN |
			 FD_NOTE_GREETED | FD_NOTE_FEATURE |
			 FD_NOTE_PATH);
	if ((unsigned)to < FD_CLAIMS_MOST && fd_notes[to] != notes)
		atomic_store(&fd_notes[to], notes);
}

int fd_next_claimed(unsigned first, unsigned last)
{
	unsigned number;

	for (number = first; number <= last && number < highest; number++)
		if (fd_is_any((int)number))
			return (int)number;
	return -1;
}

void fd_close(int fd)
{
	fd_disclaim(fd);
	real.close(fd);
}

bool fd_may_hold(off_t bytes)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_FSIZE, &limit) == 0 &&
	       (limit.rlim_cur == RLIM_INFINITY ||
		(rlim_t)bytes <= limit.rlim_cur);
}

/*
 * Half way up what the process may have, and never far; the runtime's half way
 * to there. A limit that was high enough is not asked for again, until there is
 * no number.
 */
static int dup_high(int fd, enum fd_owner owner)
{
	long parts = owner == FD_OURS ? 1 : 2;
	static atomic_bool roomy;
	struct rlimit limit = { 0 };
	int high = -1;

	if (roomy)
		high = real.fcntl(fd, F_DUPFD_CLOEXEC,
				  (void *)(HIGH_MOST / parts));
	if (high >= 0 || getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return high;
	limit.rlim_cur /= 2;
	roomy = limit.rlim_cur >= HIGH_MOST;
	high = roomy ? HIGH_MOST : (int)limit.rlim_cur;
	return real.fcntl(fd, F_DUPFD_CLOEXEC, (void *)(high / parts));
}

int fd_dup_high(int fd)
{
	int saved = errno, high = dup_high(fd, FD_OURS);

	if (high < 0)
		high = -errno;
	else
		fd_claim(high, FD_OURS);
	errno = saved;
	return high;
}

/* Of a limit that is high enough it is not asked whether it is near. */
static bool in_last_quarter(int fd)
{
	struct rlimit limit;

	if (fd >= HIGH_MOST && fd < HIGH_MOST / 2 * 3)
		return false;
	return getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
	       (rlim_t)fd >= limit.rlim_cur / 4 * 3;
}

/* What a number stands for that is kept; -1: there is no room for it. */
static int parking(void)
{
	static atomic_int parked = -1;
	int mine, none = -1;

	if (atomic_load(&parked) < 0) {
		mine = eventfd(0, EFD_CLOEXEC);
		if (mine >= 0)
			mine = fd_lift(mine);
		if (mine >= 0 &&
		    !atomic_compare_exchange_strong(&parked, &none, mine))
			fd_close(mine);
	}
	return atomic_load(&parked);
}

/* Made before it is needed: then there may be no number left. */
int fd_dup_kept(int fd)
{
	(void)parking();
	return fd_dup_high(fd);
}

int fd_dup_spare(int fd)
{
	int saved = errno, high = fd_dup_high(fd);

	if (high >= 0 && (in_last_quarter(high) || parking() < 0)) {
		fd_close(high);
		high = -EMFILE;
	}
	errno = saved;
	return high;
}

int fd_lift(int fd)
{
	int high = fd_dup_high(fd);

	if (high < 0) {
		fd_claim(fd, FD_OURS);
		return fd;
	}
	real.close(fd);
	return high;
}

int fd_lift_runtime(int fd)
{
	int saved = errno, high = dup_high(fd, FD_RUNTIME);
	int kept = high >= 0 && !in_last_quarter(high) ? high : fd;
	int left = kept == fd ? high : fd;

	fd_claim(kept, FD_RUNTIME);
	if (left >= 0) {
		fd_disclaim(left);
		real.close(left);
	}
	errno = saved;
	return kept;
}

void fd_park_all(enum fd_owner owner)
{
	unsigned number;

	for (number = 0; number < highest; number++)
		if (fd_is((int)number, owner))
			fd_park((int)number);
}

void fd_park(int fd)
{
	int parked = parking(), saved = errno;

	/* Above a limit that was lowered since, no number is given again. */
	if (parked >= 0 && real.dup3(parked, fd, O_CLOEXEC) < 0 &&
	    errno == EBADF)
		real.close(fd);
	errno = saved;
}
