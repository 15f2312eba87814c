/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The control socket that the command talks to: its name and what is said on
 * it. It is a Unix stream socket with an abstract name, so it
 * needs no directory, leaves nothing behind, and is there for the network
 * namespace of its process. Pure functions.
 *
 * One request, a line; the answer, lines of fields parted by tabs, and then
 * the end of the stream. Values have no tabs. The last line is "end". Who reads
 * it leaves out lines and last fields that he does not know.
 *
 *	stat			process, conn ..., and what totals says
 *	totals			process, bounds, tally and times ..., use ...,
 *				memlock, reason ..., declined ..., end
 *	drain MS		process, conn ... of those that did not move
 *				within MS, moved N, end
 *	steps			process, step ... of the last thousand, end
 *	trace PAST ID		process, the last PAST steps of all, and from
 *				then on each as it happens, of connection ID
 *				alone if it is not 0; missed N where some were
 *				written over before they could be sent
 *	environment		process, env ..., end: to root and the
 *				process's own user
 *	anything refused	error TEXT, end
 *
 *	process PID (in its own pid namespace) NAME VERSION
 *	conn LOCAL ->|<- REMOTE STATE LANE REASON RULE TCP-SENT TCP-RECEIVED
 *		RDMA-SENT RDMA-RECEIVED NOTE ID AGE-MS, the same four in
 *		messages, RING RETREATS, the stages of sending and receiving
 *	step TIME ID LOCAL ->|<- REMOTE STATE EVENT NEXT-STATE REASON and the
 *		stages of sending and receiving, and the PEERS-REASON, of
 *		peer_declined; TIME in ns since 1970
 *	use WHAT NOW MOST
 *	memlock PINNED MOST (if RLIMIT_MEMLOCK is one)
 *	reason NAME COUNT SENTENCE
 *	declined NAME COUNT SENTENCE, of peer_declined: what the peers said
 *	env NAME VALUE, and "more VALUE" as often as it goes on: a SHUNT_
 *		variable as it was when the policy was first asked; tabs and
 *		line ends in it are blanks
 *	bounds US ... (upper ones, of the buckets of times)
 *	tally RULE ON-TCP ON-RDMA (now) CONNECTIONS JOINED UNJOINED ENDED
 *		RETREATS, four in bytes, four in messages (since the start)
 *	times join|retreat RULE SUM-US COUNT ... (a bucket each, not
 *		cumulative; the last is what was longer)
 */
#ifndef DIAG_CHANNEL_H
#define DIAG_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

/* "error busy": too many are asking, and one may come again. */
#define CHANNEL_BUSY "busy"
#define CHANNEL_NAME_MAX 64
/* How the kernel shows a user that the reader's user namespace has not. */
#define CHANNEL_OVERFLOW_UID 65534

/* Upper bounds of the buckets of times, microseconds; one more has the rest. */
#define CHANNEL_BOUNDS_US \
	{ 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000, \
	  1000000, 2500000, 5000000, 10000000 }
#define CHANNEL_BOUNDS 14

/* Ways of bytes and messages, in this order. A message: a call that moved. */
enum flow {
	FLOW_TCP_SENT,
	FLOW_TCP_RECEIVED,
	FLOW_RDMA_SENT,
	FLOW_RDMA_RECEIVED,
	FLOWS
};

/*
 * "shunt/PID/SALT": the process by its own pid, and a number of its own,
 * because processes of several pid namespaces share a network namespace.
 * Returns the length for bind(2).
 */
socklen_t channel_name(struct sockaddr_un *name, unsigned pid, uint64_t salt);

/*
 * A line of /proc/net/unix: is it such a socket, listening? Fills the name for
 * connect(2), its length and the pid in it.
 */
bool channel_in_line(const char *line, struct sockaddr_un *name,
		     socklen_t *length, unsigned *pid);

#endif
