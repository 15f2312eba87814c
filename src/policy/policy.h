/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The policy: which connections may leave TCP for RDMA. A file (libconfig)
 * and the environment become one immutable table; the first matching rule
 * wins. policy_decide() is a pure function over that table: no heap, no
 * lock, no system call.
 *
 * A policy is reference-counted. policy_hold_current() loads it on first
 * use, stats the file at most once a second afterwards and swaps in a good
 * new one; a bad one is refused with a logged error and the old is kept.
 * Never called before the library's constructor has run. Preserves errno.
 */
#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/addr.h"
#include "diag/reason.h"

enum policy_role { POLICY_CONNECT, POLICY_LISTEN };
enum policy_mode { POLICY_TCP, POLICY_PREFER, POLICY_REQUIRE };

/* Which servers connect() greets (PROTOCOL.md, 1). */
enum policy_greeting {
	POLICY_GREETING_MARK,	   /* those whose SYN-ACK is marked */
	POLICY_GREETING_PROBE,	   /* all; their answer is awaited */
	POLICY_GREETING_TRUSTED,   /* all; and nothing waits for the answer */
};

/* Section lane: what a lane costs and when a connection is worth one. */
struct policy_lane {
	uint32_t profile;	   /* enum option_profile, of policy/option.h */
	uint64_t after_bytes;	   /* bytes carried before a lane is made */
	uint64_t after_messages;   /* or this many sends and receives */
	uint32_t send_buffer;	   /* bytes, of the rsocket */
	uint32_t receive_buffer;   /* bytes, of the rsocket */
	uint64_t replay;	   /* bytes kept for a retreat; 0 = none */
	uint32_t stall_timeout_ms; /* silence after which a lane is dead */
	uint32_t proof_ms;	   /* TCP has to go on this often; 0 = no */
	uint32_t busy_poll_us;	   /* spin this long before sleeping */
};

/* Section handshake. */
struct policy_handshake {
	uint32_t timeout_ms;	   /* a marked server's answer to HELLO */
	uint32_t probe_timeout_ms; /* any server's, with probe */
	uint32_t forget_after_ms;  /* probe: an unaware destination */
	uint32_t hold;		   /* bytes kept before the answer; 0 = none */
	int32_t grace_us;	   /* server speaks first; -1 = auto */
	int32_t mark;		   /* a listener's MSS, 16 n + 1; -1 = auto */
};

/* Section limits: of one process. What is over one stays on TCP. */
struct policy_limits {
	uint64_t lanes;
	uint64_t pinned;	   /* bytes; UINT64_MAX = auto */
	uint64_t ring_memory;	   /* bytes */
	uint64_t joins;		   /* under way */
	uint64_t address_share;	   /* percent, of a peer's address */
};

/* What a connection looks like to the policy. */
struct policy_query {
	enum policy_role role;
	struct sockaddr_storage remote; /* passed to connect(); accepted peer */
	uint16_t port;		/* connect: remote port; listen: local port */
};

/* A rule's lane_remote; with neither, the other end of a lane is anywhere. */
#define POLICY_LANE_PREFIXES 8
struct policy_lane_remote {
	bool peer;		/* where that of the TCP connection is */
	uint8_t count;
	struct addr_prefix prefixes[POLICY_LANE_PREFIXES];
};

/* What the policy says of it. Plain data, valid after the policy is gone. */
struct policy_decision {
	enum policy_mode mode;
	enum reason reason;	/* why tcp; REASON_none when not tcp */
	enum policy_greeting greeting;	/* counts for connect alone */
	bool nat;		/* a proxy between the hosts is accepted */
	bool any_path;		/* the program's choice of one is no matter */
	bool drain;		/* a reload to tcp moves it back */
	uint8_t auth;		/* its key file, by keys.h; 0: none */
	bool auth_required;	/* no lane with a peer that has no key */
	char rule[48];		/* the rule's name; "default", "built-in" */
	char source[80];	/* "shunt.conf:12", "SHUNT_RULES:2" */
	struct policy_lane_remote lane_remote;
	struct policy_lane lane;
	struct policy_handshake handshake;
};

struct policy;

/*
 * The current policy, held; never NULL (an empty one decides tcp).
 * Release with policy_release(). Threads may call it at any time.
 */
struct policy *policy_hold_current(void);
void policy_release(struct policy *policy);

/*
 * The SHUNT_ variables that it was loaded with; none before the first load. Any
 * thread.
 */
void policy_each_variable(void (*visit)(const char *name, const char *value,
					void *arg), void *arg);

/* Decide one connection. Pure. */
void policy_decide(const struct policy *policy,
		   const struct policy_query *query,
		   struct policy_decision *decision);

/*
 * Whose TCP connection ends at `remote`: may a lane of it end at `lane`? Both
 * normalized. `named`: the peer has named the address, and we are to go there;
 * special ones (special.h) are then for who is reached at one, or for prefixes
 * that lie inside. Pure.
 */
bool policy_lane_may_end(const struct policy_decision *decision,
			 const struct sockaddr_storage *remote,
			 const struct sockaddr_storage *lane, bool named);

/* The limits of this process. Pure. */
void policy_limits(const struct policy *policy, struct policy_limits *limits);

/* control.reader: a user who may ask on the control socket; 0: none. */
uint32_t policy_reader(const struct policy *policy);

/*
 * Is every decision of this role tcp, whatever the address? Then shims need
 * not even look at the address. Pure.
 */
bool policy_all_tcp(const struct policy *policy, enum policy_role role);

/*
 * Is there an address from which a connection accepted on this local port
 * would not be tcp? Exact: a rule that earlier ones leave no address does not
 * count, nor does one for other programs. True: *handshake is that of the
 * first rule, in order, that decides such an address, or the sections' where
 * only the default does. False: *handshake is left alone. Pure; costs two
 * searches for each prefix that the policy names with this port.
 */
bool policy_may_listen(const struct policy *policy, uint16_t port,
		       struct policy_handshake *handshake);

/*
 * The same for people, as a decision: that of the first rule, in order, that
 * decides such an address, or the default's where no rule does. False: what
 * says tcp, the default where it decides an address, else the first rule.
 */
bool policy_decide_listener(const struct policy *policy, uint16_t port,
			    struct policy_decision *decision);

#endif
