/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What lanes are made of: a table of operations, none of them NULL. rsockets
 * are the one instance (carrier.c, by rdma/rdma.h, which says more of each); a
 * unit test brings its own (t/unit/carrier_help.h). So nothing else in conn/
 * knows of RDMA.
 *
 * An endpoint is a number that the carrier gives, >= 0. All return >= 0 or
 * -errno, and leave errno alone; none but accept() and close() waits. They may
 * be called with a direction's lock, and no other.
 */
#ifndef CONN_CARRIER_H
#define CONN_CARRIER_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "diag/reason.h"

/* A lane's buffers, bytes; the carrier rounds as it likes. */
struct carrier_sizes {
	uint32_t send_buffer;
	uint32_t receive_buffer;
};

/* A ring that has the last bytes sent; the next will be at bytes + at. */
struct carrier_kept {
	uint8_t *bytes;
	size_t size, at;
};

struct carrier {
	/* -- of the process. REASON_none when lanes can be had, else why not */
	enum reason (*open)(void);
	/* This host's addresses with a device: how many, at most `most`. */
	int (*addresses)(struct sockaddr_storage *addresses, int most);
	/* About what a lane pins, what may be pinned yet, and why not more. */
	uint64_t (*lane_bytes)(const struct carrier_sizes *sizes);
	uint64_t (*bytes_left)(void);
	enum reason (*bytes_reason)(void);
	/* Around a change of credentials (rdma_pause()). */
	void (*pause)(void);
	void (*resume)(bool changed);
	bool (*in_use)(void);		/* has the device been opened? */
	unsigned (*live)(void);		/* endpoints, the closing ones too */
	void (*after_fork)(void);	/* in the child: forget everything */

	/* -- an endpoint comes and goes; it is non-blocking, close-on-exec */
	int (*socket)(int family, const struct carrier_sizes *sizes);
	int (*bind)(int rs, const struct sockaddr *address, socklen_t length);
	int (*listen)(int rs, int backlog);
	/* At most ms, or until `bell` is readable: -EAGAIN. */
	int (*accept)(int rs, int bell, int ms);
	/* 0, or -EINPROGRESS: POLLOUT, then error(), a positive errno or 0. */
	int (*connect)(int rs, const struct sockaddr *address,
		       socklen_t length);
	int (*error)(int rs);
	/* Why there is no lane, of what socket() or connect() said, -errno. */
	enum reason (*reason)(int error);
	int (*local_address)(int rs, struct sockaddr_storage *address);
	int (*peer_address)(int rs, struct sockaddr_storage *address);
	void (*close)(int rs);		/* may take half a minute */

	/* -- bytes. -EAGAIN; receive: 0 at the end, MSG_PEEK is understood */
	ssize_t (*receive)(int rs, const struct iovec *iov, int count,
			   int flags);
	ssize_t (*send)(int rs, const struct iovec *iov, int count);
	/* How many bytes receive() has. -EOPNOTSUPP: only it can tell. */
	ssize_t (*queued)(int rs);
	/*
	 * Where what was sent is kept until the peer's application has it, or
	 * close(): rdma_kept(). -EOPNOTSUPP: nowhere.
	 */
	int (*kept)(int rs, struct carrier_kept *kept);
	/* Poll bits of `events`, POLLERR and POLLHUP, after a look at news. */
	int (*ready)(int rs, short events);
	/* The same, or 0 and the fd that will have the news (rdma_arm()). */
	int (*arm)(int rs, short events, struct pollfd *wait);
	bool (*may_arm)(void);		/* not always in a signal handler */
};

/* The one in use: rsockets. A test sets it before anything else is done. */
extern const struct carrier *carrier;

#endif
