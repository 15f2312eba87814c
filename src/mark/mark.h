/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The marks by which two ends know, from the SYN and its answer, that the
 * other is under shunt (docs/PROTOCOL.md, 1). They are MSS values that no link
 * gives by itself; the kernel announces what setsockopt(TCP_MAXSEG) says, or
 * less if the route says so (tcp(7); tcp_mss_clamp() in the kernel).
 *
 * All functions may be called by any thread, take no lock, preserve errno and
 * never block. What they find is a hint of the peer's and believed as such.
 */
#ifndef MARK_MARK_H
#define MARK_MARK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define MARK_EVERY 16	/* values that carry a mark repeat after so many */
#define MARK_LEAST 536	/* no smaller MSS is announced */
/*
 * A window of 64 KiB holds three of the largest, so that the kernel's bound
 * of half a window hides none.
 */
#define MARK_PASSIVE_MOST 21841
#define MARK_MAXSEG_MOST 32767	/* of setsockopt(TCP_MAXSEG) */
/*
 * The TTL of a SYN that cannot be marked by its MSS: no system's packets have
 * such a one, but those that have come 60 hops far.
 */
#define MARK_TTL 191

/*
 * The MSS that the active, and the passive, end announces on a link of this
 * MTU; `family` is the one whose headers count. 0: there is none.
 */
unsigned mark_active(unsigned mtu, sa_family_t family);
unsigned mark_passive(unsigned mtu, sa_family_t family);
/* The same from the largest MSS that may be announced, not from an MTU. */
unsigned mark_passive_below(unsigned mss);

/* Is this a value that a passive end announces? */
bool mark_is_passive(unsigned mss);

/* -- the active end -------------------------------------------------------- */

/* What connect() has to put back when its SYN is out. */
struct mark_syn {
	int level, name;	/* 0: nothing */
};

/*
 * Before connect(2): mark the SYN to this (normalized) address. `may_maxseg`:
 * the application has not set TCP_MAXSEG itself; `may_ttl`: nor IP_TTL; if not,
 * the socket is asked.
 */
void mark_syn(int fd, const struct sockaddr_storage *remote, bool may_maxseg,
	      bool may_ttl, struct mark_syn *syn);
void mark_syn_sent(int fd, const struct mark_syn *syn);
/* Before a second connect(2), which is to be an ordinary one. */
void mark_syn_never(int fd);

/* What an established socket's peer has announced. */
struct mark_reading {
	unsigned mss;		/* the peer's, as far as this end can tell */
	unsigned own;		/* what this end has announced */
	unsigned path;		/* what the path's MTU allows */
	unsigned window;	/* the peer's, bytes; 0: the kernel won't say */
	bool seen;		/* there is a mark */
	bool hidden;		/* the peer's may be larger than can be seen */
};

/*
 * TCP_INFO of an established socket whose peer is of this family. False: it
 * is not established, or the kernel has no such thing.
 */
bool mark_read(int fd, sa_family_t family, struct mark_reading *reading);

/*
 * Of a socket whose connect(2) has succeeded: is there certainly no mark? A
 * third of what mark_read() costs, and true of nearly all that have none.
 */
bool mark_is_absent(int fd);

/* Is the socket established, and has no byte been sent on it? */
bool mark_is_untouched(int fd);

/*
 * Has the peer's kernel something of what was sent yet to acknowledge? *rtt_us
 * is the round trip's time.
 */
bool mark_is_unheard(int fd, uint32_t *rtt_us);

/* -- the passive end ------------------------------------------------------- */

/*
 * The MSS for a listening socket, from its address's interface, or, with a
 * wildcard address, from the interfaces of these names (count 0: from all that
 * are up). Reads the kernel's list of addresses: tens of microseconds.
 */
#define MARK_NAMES_MOST 32
#define MARK_NAME_SIZE 16	/* IFNAMSIZ */
unsigned mark_for_listener(int fd, char names[][MARK_NAME_SIZE], int count);

/* Announce it from now on, and keep what SYNs say. 0: as if never marked. */
void mark_listener(int fd, unsigned mss);

/* What the SYN of an accepted socket said. Once: the kernel forgets it. */
struct mark_client {
	bool seen;		/* the client is under shunt */
	unsigned mss;		/* 0: by its TTL, or there is none */
};
void mark_read_client(int fd, struct mark_client *client);

/* The same from the bytes of TCP_SAVED_SYN (tcp.h); for tests and fuzzing. */
void mark_parse_syn(const uint8_t *bytes, size_t size,
		    struct mark_client *client);

#endif
