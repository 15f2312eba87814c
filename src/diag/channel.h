/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The control socket that `shunt stat` and `shunt drain` talk to: its name and
 * what is said on it. It is a Unix stream socket with an abstract name, so it
 * needs no directory, leaves nothing behind, and is there for the network
 * namespace of its process. Pure functions.
 *
 * One request, a line; the answer, lines of fields parted by tabs, and then
 * the end of the stream. Values have no tabs. The last line is "end".
 *
 *	stat			process, conn ..., use ..., reason ...,
 *				declined ..., end
 *	drain MS		process, conn ... of those that did not move
 *				within MS, moved N, end
 *	anything refused	error TEXT, end
 *
 *	process PID (in its own pid namespace)
 *	conn LOCAL ->|<- REMOTE STATE LANE REASON RULE TCP-SENT TCP-RECEIVED
 *		RDMA-SENT RDMA-RECEIVED NOTE
 *	use WHAT NOW MOST
 *	reason NAME COUNT SENTENCE
 *	declined NAME COUNT SENTENCE, of peer_declined: what the peers said
 */
#ifndef DIAG_CHANNEL_H
#define DIAG_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

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
