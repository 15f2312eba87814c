/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The control socket that `shunt stat`, `shunt drain` and `shunt trace` talk
 * to: its name and what is said on it. It is a Unix stream socket with an
 * abstract name, so it needs no directory, leaves nothing behind, and is there
 * for the network namespace of its process. Pure functions.
 *
 * One request, a line; the answer, lines of fields parted by tabs, and then
 * the end of the stream. Values have no tabs. The last line is "end".
 *
 *	stat			process, conn ..., use ..., reason ..., end
 *	drain MS		process, conn ... of those that did not move
 *				within MS, moved N, end
 *	steps			process, step ... of the last thousand, end
 *	trace PAST ID		process, the last PAST steps of all, and from
 *				then on each as it happens, of connection ID
 *				alone if it is not 0; missed N where some were
 *				written over before they could be sent
 *	anything refused	error TEXT, end
 *
 *	process PID (in its own pid namespace) RELEASE
 *	conn LOCAL ->|<- REMOTE STATE LANE REASON RULE TCP-SENT TCP-RECEIVED
 *		RDMA-SENT RDMA-RECEIVED NOTE ID SENDING-STAGE RECEIVING-STAGE
 *	step TIME ID LOCAL ->|<- REMOTE STATE EVENT NEXT-STATE REASON
 *		SENDING-STAGE RECEIVING-STAGE; TIME in ns since 1970
 *	use WHAT NOW MOST
 *	reason NAME COUNT SENTENCE
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
