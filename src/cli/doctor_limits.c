// SPDX-License-Identifier: BSD-2-Clause
/* Probes of resource limits, held against what the policy would take. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/doctor.h"

/*
 * fds of a connection on a lane: its socket, the rsocket's two (its event and
 * completion channels), the library's copy of the socket, its bell and that of
 * a thread that waits for it; and of a process with lanes, whatever their
 * number. t/guest/doctor holds them.
 */
#define LANE_FDS 6
#define PROCESS_FDS 24

/* Soft and hard limit of a line of /proc/PID/limits; 0 or -errno. */
static int read_limit(const struct target *target, const char *name,
		      uint64_t *soft, uint64_t *hard)
{
	char text[TARGET_TEXT_MAX], *at, *end;
	int error = target_proc_text(target, "limits", text);

	if (error)
		return error;
	at = strstr(text, name);
	if (!at)
		return -ENODATA;
	at += strlen(name) + strspn(at + strlen(name), " ");
	*soft = *at == 'u' ? UINT64_MAX : strtoull(at, NULL, 10);
	end = at + strcspn(at, " ");
	end += strspn(end, " ");
	*hard = *end == 'u' ? UINT64_MAX : strtoull(end, NULL, 10);
	return 0;
}

/* -- memory --------------------------------------------------------------- */

/* How the limit stands to what is to be pinned. */
struct memlock {
	uint64_t soft, hard, left;
	uint64_t lane, wanted;
	uint64_t lanes;		/* that it has room for */
};

static int read_memlock(const struct target *target, struct memlock *memlock)
{
	const struct rulebook *rulebook = target->rulebook;
	uint64_t pinned = target->identity.pinned;
	int error = read_limit(target, "Max locked memory", &memlock->soft,
			       &memlock->hard);

	if (error)
		return error;
	memlock->left = memlock->soft;
	if (memlock->soft != UINT64_MAX)
		memlock->left = memlock->soft > pinned ?
				memlock->soft - pinned : 0;
	memlock->lane = rulebook->lane_bytes;
	memlock->wanted = rulebook_pinned(rulebook);
	memlock->wanted -= memlock->wanted > pinned ? pinned : 0;
	memlock->lanes = memlock->left / memlock->lane;
	return 0;
}

/* What the limit alone allows. */
static enum probe_status judge_memlock(const struct memlock *memlock)
{
	if (memlock->left == UINT64_MAX || memlock->left >= memlock->wanted)
		return PROBE_OK;
	return memlock->left < memlock->lane ? PROBE_FAIL : PROBE_WARN;
}

static void raise_memlock(struct probe_result *result,
			  const struct memlock *memlock)
{
	char wanted[AMOUNT_MAX], hard[AMOUNT_MAX];

	remedy(result,
	       "raise it to %s (ulimit -l, now at most %s; --ulimit memlock=-1 of docker and podman; LimitMEMLOCK= of systemd, also of containerd), or lower limits.lanes",
	       amount(memlock->wanted, wanted), amount(memlock->hard, hard));
}

void probe_limits_memlock(const struct target *target,
			  struct probe_result *result)
{
	char soft[AMOUNT_MAX], lane[AMOUNT_MAX], wanted[AMOUNT_MAX];
	struct memlock memlock;
	enum probe_status status;
	int error = read_memlock(target, &memlock);

	if (error) {
		found_unreadable(target, result, "its limits", error);
		return;
	}
	status = judge_memlock(&memlock);
	amount(memlock.lane, lane);
	if (status == PROBE_OK) {
		found(result, status, "%s; %s would pin up to %s (%s a lane)",
		      amount(memlock.soft, soft),
		      rulebook_words(target->rulebook),
		      amount(rulebook_pinned(target->rulebook), wanted), lane);
	} else if (target_capable(target, CAPABILITY_IPC_LOCK)) {
		found(result, PROBE_OK, "%s, which CAP_IPC_LOCK lifts",
		      amount(memlock.soft, soft));
	} else {
		found(result, status,
		      "%s: room for %llu more lanes of %s; %s allows %llu",
		      amount(memlock.soft, soft),
		      (unsigned long long)memlock.lanes, lane,
		      rulebook_words(target->rulebook),
		      (unsigned long long)rulebook_lanes(target->rulebook));
		raise_memlock(result, &memlock);
	}
}

/* It is not held, or counts for nothing, and the limit is too low. */
static void found_no_ipc_lock(const struct target *target,
			      struct probe_result *result,
			      enum probe_status status)
{
	const struct identity *identity = &target->identity;

	if (identity->capabilities >> CAPABILITY_IPC_LOCK & 1) {
		found(result, status,
		      "held in a user namespace, where it does not lift the limit of a device's driver");
		remedy(result,
		       "raise RLIMIT_MEMLOCK before the namespace is made (rootless engines: in their systemd unit or limits.conf)");
	} else if (identity->uid) {
		found(result, status, "not held: user %u has no capabilities",
		      identity->uid);
		remedy(result,
		       "raise RLIMIT_MEMLOCK instead: capabilities.add of Kubernetes gives a user other than root none that counts");
	} else {
		found(result, status, "not held, though this is root");
		remedy(result,
		       "add it (--cap-add IPC_LOCK; capabilities: add: [ IPC_LOCK ] in Kubernetes), or raise RLIMIT_MEMLOCK");
	}
}

void probe_limits_ipc_lock(const struct target *target,
			   struct probe_result *result)
{
	struct memlock memlock;
	enum probe_status status;

	if (target->identity_error) {
		found_unreadable(target, result, "its status",
				 target->identity_error);
		return;
	}
	if (target_capable(target, CAPABILITY_IPC_LOCK)) {
		found(result, PROBE_OK, "held");
		return;
	}
	status = read_memlock(target, &memlock) ? PROBE_WARN :
		 judge_memlock(&memlock);
	if (status == PROBE_OK)
		found(result, PROBE_OK,
		      "not held, and not needed: RLIMIT_MEMLOCK suffices");
	else
		found_no_ipc_lock(target, result, status);
}

/* -- descriptors ---------------------------------------------------------- */

void probe_limits_nofile(const struct target *target,
			 struct probe_result *result)
{
	unsigned long long lanes = rulebook_lanes(target->rulebook);
	unsigned long long wanted = lanes * LANE_FDS + PROCESS_FDS, room;
	char most[AMOUNT_MAX] = "unlimited";
	uint64_t soft, hard;
	int error = read_limit(target, "Max open files", &soft, &hard);

	if (error) {
		found_unreadable(target, result, "its limits", error);
		return;
	}
	if (soft >= wanted) {
		found(result, PROBE_OK,
		      "%llu; the %llu lanes of %s would take %llu",
		      (unsigned long long)soft, lanes,
		      rulebook_words(target->rulebook), wanted);
		return;
	}
	room = soft > PROCESS_FDS ? (soft - PROCESS_FDS) / LANE_FDS : 0;
	found(result, room ? PROBE_WARN : PROBE_FAIL,
	      "%llu: room for %llu connections on lanes; %s allows %llu",
	      (unsigned long long)soft, room, rulebook_words(target->rulebook),
	      lanes);
	if (hard != UINT64_MAX)
		snprintf(most, sizeof(most), "%llu",
			 (unsigned long long)hard);
	remedy(result,
	       "raise it to %llu (ulimit -n, now at most %s; LimitNOFILE= of systemd; --ulimit nofile= of docker and podman), or lower limits.lanes",
	       wanted, most);
}
