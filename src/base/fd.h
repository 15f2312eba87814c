/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * File descriptors of our own. They are close-on-exec and live above the
 * numbers that the application expects the kernel to hand out next.
 */
#ifndef BASE_FD_H
#define BASE_FD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

/*
 * Which numbers are not the application's, by owner: FD_OURS, or FD_RUNTIME,
 * what librdmacm has opened. close() and dup2() onto one say EBADF, as if it
 * were not open, and close_range() leaves it alone (preload/shim.h). One byte
 * per number, a bit per owner, atomic; those of 2^20 and above are not kept.
 */
enum fd_owner { FD_OURS, FD_RUNTIME };

#define FD_CLAIMS_MOST (1u << 20)
extern atomic_uchar fd_claims[FD_CLAIMS_MOST];

/* Is it anybody's but the application's? */
static inline bool fd_is_any(int fd)
{
	return (unsigned)fd < FD_CLAIMS_MOST &&
	       atomic_load_explicit(&fd_claims[fd], memory_order_relaxed);
}

void fd_claim(int fd, enum fd_owner owner);
void fd_disclaim(int fd);
bool fd_is(int fd, enum fd_owner owner);
/* The lowest number of any owner in [first, last], or -1. */
int fd_next_claimed(unsigned first, unsigned last);

/*
 * Notes on numbers, a bit each. A note is as good as our knowledge of what the
 * number stands for: all are cleared when it comes new from the kernel; what
 * the application has set is copied with dup(2).
 */
enum fd_note {
	FD_NOTE_JUDGED = 1,	/* connected, and nothing to us: the verdict
				   was tcp. For short ways only. */
	FD_NOTE_MAXSEG = 2,	/* the application has set TCP_MAXSEG */
	FD_NOTE_SYN = 4,	/* ... TCP_SAVE_SYN, and will read it */
	FD_NOTE_FRESH = 8,	/* a TCP socket of socket(2)'s that is not
				   connected */
	FD_NOTE_TWIN = 16,	/* it was copied, or is a copy */
	FD_NOTE_GREETED = 128,	/* it listens, and answers with our mark, or
				   did: who connects may greet */
	FD_NOTE_FEATURE = 32,	/* has what the kernel's TCP alone can do */
	FD_NOTE_PATH = 64,	/* is to go by a way of the application's */
	FD_NOTE_ASK = 256,	/* may have options that connect() has to ask
				   of */
};

extern atomic_ushort fd_notes[FD_CLAIMS_MOST];

static inline bool fd_has_note(int fd, enum fd_note note)
{
	return (unsigned)fd < FD_CLAIMS_MOST &&
	       (atomic_load_explicit(&fd_notes[fd], memory_order_relaxed) &
		note);
}

static inline bool fd_has_notes(int fd)
{
	return (unsigned)fd < FD_CLAIMS_MOST &&
	       atomic_load_explicit(&fd_notes[fd], memory_order_relaxed);
}

/* Is all known that connect() would ask the kernel? */
static inline bool fd_is_fresh(int fd)
{
	return fd_has_note(fd, FD_NOTE_FRESH) &&
	       !fd_has_note(fd, FD_NOTE_ASK | FD_NOTE_TWIN);
}

static inline bool fd_is_judged(int fd)
{
	return fd_has_note(fd, FD_NOTE_JUDGED);
}

void fd_set_note(int fd, enum fd_note note, bool on);
void fd_forget_notes(int fd);
/* The highest number that the application has, or had, as far as we know. */
int fd_highest(void);
/* `to` is a new number for what `from` stands for. */
void fd_copy_notes(int from, int to);
/* The next number from `first` on that has FD_NOTE_TWIN, or -1. */
int fd_next_twin(int first);

/* Close one of ours. */
void fd_close(int fd);

/* A second number for fd, high and close-on-exec; -errno. */
int fd_dup_high(int fd);
/* The same, and fd_park() can have it. */
int fd_dup_kept(int fd);
/*
 * The same, but not into the last quarter of what the process may have, which
 * is the application's: -EMFILE.
 */
int fd_dup_spare(int fd);

/*
 * Let go of the file behind a number of ours but keep the number, which other
 * threads may still name: it stands for something that is never ready.
 */
void fd_park(int fd);

/* The same for all numbers of an owner. */
void fd_park_all(enum fd_owner owner);

/*
 * May a file of ours have that many bytes? Who tries for more than RLIMIT_FSIZE
 * is sent SIGXFSZ, which ends the program. setrlimit(2).
 */
bool fd_may_hold(off_t bytes);

/* Move fd (>= 0) up, closing the low number; on failure fd itself. */
int fd_lift(int fd);
/*
 * The same for one of the runtime's, which stays where it is if above there is
 * but the last quarter. The program is given the lowest number that is free,
 * and may have room for no more than it opens: a loop's table, an fd_set.
 */
int fd_lift_runtime(int fd);

#endif
