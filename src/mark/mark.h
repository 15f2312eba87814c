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

/*
 * The largest MSS that is announced on a link of this MTU, mark or not: the
 * MTU less the headers of this family; 0: there is none.
 */
unsigned mark_limit(unsigned mtu, sa_family_t family);

/*
 * Is a SYN on a route of this MTU marked by its TTL, because its MSS is more
 * than TCP_MAXSEG takes? Then mark_active() has no value for it.
 */
bool mark_is_by_ttl(unsigned mtu, sa_family_t family);

/* Is this a value that a passive end announces? */
bool mark_is_passive(unsigned mss);

/* -- the active end -------------------------------------------------------- */

/*
 * The MTU of the route to this (normalized) address, as the kernel has it now;
 * of loopback MARK_LOOPBACK_MTU, whatever is set; 0: there is no route. Costs a
 * datagram socket, and the answer is kept for seconds, per thread.
 */
unsigned mark_route_mtu(const struct sockaddr_storage *remote);

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
	/*
	 * Both directions are open, and nothing has come or was sent. Not said
	 * by kernels before 4.19: mark_is_untouched().
	 */
	bool untouched;
};

/*
 * TCP_INFO of an established socket whose peer is of this family. False: it
 * is not established, or the kernel has no such thing.
 */
bool mark_read(int fd, sa_family_t family, struct mark_reading *reading);

/*
 * The same from what getsockopt(TCP_INFO) gave (linux/tcp.h; this kernel has
 * `size` bytes of it), for mark_read() and for tests. Pure.
 */
struct tcp_info;
bool mark_judge(const struct tcp_info *info, socklen_t size,
		sa_family_t family, struct mark_reading *reading);

/* What a reading comes to, for people. */
enum mark_finding {
	MARK_SEEN,	/* the server is under shunt */
	MARK_NONE,	/* none is there: an automatic one would be seen */
	MARK_HIDDEN,	/* this end's limit, or its path's, would hide one */
	MARK_NARROW,	/* half of the server's window would */
	MARK_LOWERED,	/* none is there, and the value is less than this end
			   and its path allow: the server's MTU is smaller,
			   or the MSS was lowered on the way */
};

/*
 * Pure. *visible: a value of handshake.mark on the server that this end would
 * see, as it would any smaller one, and that what has lowered the MSS would let
 * through; 0: there is none.
 */
enum mark_finding mark_find(const struct mark_reading *reading,
			    unsigned *visible);

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

/* A network interface, as listeners are marked for it. */
#define MARK_NAMES_MOST 32
#define MARK_NAME_SIZE 16	/* IFNAMSIZ */
#define MARK_LOOPBACK_MTU 65536	/* loopback counts as this, whatever is set */

struct mark_link {
	char name[MARK_NAME_SIZE];
	unsigned mtu;		/* 0: the kernel does not say */
	bool up, loopback;
	bool device;		/* an RDMA device stands on it */
};

/*
 * `visit` each link of this process's network namespace once, in the kernel's
 * order. `fd`: any socket, to ask the kernel with. `names`: the links that
 * RDMA devices stand on (rdma_links()). What it announces on one is
 * mark_passive() of its MTU. 0 or -errno.
 */
typedef void mark_visit(const struct mark_link *link, void *arg);
int mark_each_link(int fd, char names[][MARK_NAME_SIZE], int count,
		   mark_visit *visit, void *arg);

/*
 * Is a wildcard listener rather marked for `link` than for `best` (NULL: none
 * yet)? Links that are down, and loopback, never; those with a device before
 * those without; then the larger MTU. Pure.
 */
bool mark_is_wider(const struct mark_link *link, const struct mark_link *best);

/*
 * The link that a listener on this (normalized) address is marked for: the
 * address's own, or a wildcard's by mark_is_wider(); loopback where nothing
 * else is up. `fd`, `names`: as for mark_each_link(). False: no link that is
 * up has the address, or the kernel does not say; *link is loopback.
 */
bool mark_find_link(int fd, const struct sockaddr_storage *address,
		    char names[][MARK_NAME_SIZE], int count,
		    struct mark_link *link);

/*
 * The MSS for a listening socket, by mark_find_link() of its address. Reads
 * the kernel's list of addresses: tens of microseconds. 0: there is none.
 */
unsigned mark_for_listener(int fd, char names[][MARK_NAME_SIZE], int count);

/* Announce it from now on, and keep what SYNs say. 0: as if never marked. */
void mark_listener(int fd, unsigned mss);

/* What the SYN of an accepted socket said. Once: the kernel forgets it. */
struct mark_client {
	bool seen;		/* the client is under shunt */
	unsigned mss;		/* 0: by its TTL, or there is none */
};
/* False: there is none (any more), so that it may be no TCP socket at all. */
bool mark_read_client(int fd, struct mark_client *client);

/* The same from the bytes of TCP_SAVED_SYN (tcp.h); for tests and fuzzing. */
void mark_parse_syn(const uint8_t *bytes, size_t size,
		    struct mark_client *client);

#endif
