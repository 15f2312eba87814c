// SPDX-License-Identifier: BSD-2-Clause
/* A probe that connects: what a server's SYN-ACK is when it arrives here. */
#include <string.h>

#include "cli/dial.h"
#include "cli/doctor.h"

static void look_at_reading(const struct mark_reading *reading,
			    struct probe_result *result)
{
	detail(result,
	       "the server announces an MSS of %s%u, and a window of %u",
	       reading->hidden ? "at least " : "", reading->mss,
	       reading->window);
	detail(result, "this end's is %u; the path's MTU allows %u",
	       reading->own, reading->path);
}

static void propose(const struct dialled *dialled,
		    struct probe_result *result)
{
	unsigned mark = dial_remedy(dialled);

	if (dialled->result == DIAL_UNREACHED)
		remedy(result,
		       "start the server, or let it be reached from here");
	else if (dialled->result == DIAL_UNTOLD)
		remedy(result, "try again; the kernel has to be 4.6 or newer");
	else if (mark)
		remedy(result,
		       "if the server is under shunt, set handshake.mark = \"%u\" in its policy, or less",
		       mark);
	else if (dialled->finding == MARK_NONE)
		remedy(result,
		       "ask on the server: shunt explain --role listen, and shunt doctor --pid");
	else
		remedy(result,
		       "if the server is under shunt, say greeting = \"probe\" in the rule here");
}

void probe_network_dial(const struct target *target,
			struct probe_result *result)
{
	struct sockaddr_storage given, server;
	const char *name, *sentence;
	struct dialled dialled;

	if (addr_parse(target->dial, &given) ||
	    !addr_normalize(&server, (const struct sockaddr *)&given,
			    addr_length(&given))) {
		found(result, PROBE_WARN, "%s: not ADDRESS:PORT",
		      target->dial);
		remedy(result, "name a numeric address and a port");
		return;
	}
	dial_server(&server, &dialled);
	name = dial_conclusion(&dialled, &sentence);
	if (dialled.result == DIAL_UNREACHED)
		found(result, PROBE_WARN, "%s: %s: %s", target->dial, name,
		      strerror(dialled.error));
	else
		found(result, dialled.result == DIAL_READ &&
			      dialled.finding == MARK_SEEN ? PROBE_OK
							   : PROBE_WARN,
		      "%s: %s: %s", target->dial, name, sentence);
	if (dialled.result == DIAL_READ)
		look_at_reading(&dialled.reading, result);
	if (result->status != PROBE_OK)
		propose(&dialled, result);
}
