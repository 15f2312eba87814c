/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The marks of the greeting (mark/mark.h) that this host would announce now:
 * what preload/listen.c would set on a listener, and mark_syn() on a SYN. For
 * the commands; each line is printed in one of two forms, for people and as
 * key, tab, value.
 */
#ifndef CLI_MARKS_H
#define CLI_MARKS_H

#include "base/addr.h"
#include "mark/mark.h"
#include "policy/policy.h"
#include "rdma/rdma.h"

/* The links that RDMA devices stand on. */
struct device_links {
	char names[MARK_NAMES_MOST][RDMA_LINK_SIZE];
	int count;
};

struct listener_mark {
	struct sockaddr_storage at;	/* the listener's address and port */
	enum reason reason;	/* why there is none; REASON_none: as below */
	unsigned mark;		/* the MSS; 0: the MTU is too small for one */
	bool by_hand;		/* by handshake.mark */
	struct mark_link link;	/* it is, or would be, made for this MTU */
	struct device_links devices;
};

/*
 * The mark of a listener on this (normalized) address, or, where it is none of
 * this host's, on the wildcard address of its family. `decision` is
 * policy_decide_listener()'s. To be called before rdma_open(): a process that
 * listens has not loaded the runtime.
 */
void marks_of_listener(const struct sockaddr_storage *address,
		       const struct policy_decision *decision,
		       struct listener_mark *mark);
void marks_put_listener(const struct listener_mark *mark, bool porcelain);

/* What the SYN to an address says; mss 0 and no TTL: what any SYN does. */
struct syn_mark {
	unsigned mtu;		/* the route's; 0: there is none */
	unsigned mss;
	bool by_ttl;
};

void marks_of_syn(const struct sockaddr_storage *remote, struct syn_mark *syn);
void marks_put_syn(const struct syn_mark *syn, bool porcelain);

#endif
