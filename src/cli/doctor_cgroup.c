// SPDX-License-Identifier: BSD-2-Clause
/* Probes of the limits that the target's cgroup, and those above it, set. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cgroup.h"
#include "cli/doctor.h"

/*
 * What the kernel counts of a process and of a lane: one handle per device
 * (the open context), and as objects the lane's queue pair, completion queue
 * and memory regions. t/guest/doctor holds it.
 */
#define LANE_OBJECTS 5

/* -- rdma ----------------------------------------------------------------- */

struct rdma_count {
	uint64_t handles, objects;
};

/* A device's line of rdma.max or rdma.current: "rxe0 hca_handle=1 ..." */
static bool read_count(const char *text, const char *device,
		       struct rdma_count *count)
{
	size_t length = strlen(device);
	const char *handle, *object;

	while (text && (strncmp(text, device, length) || text[length] != ' ')) {
		text = strchr(text, '\n');
		text += text != NULL;
	}
	handle = text ? strstr(text, "hca_handle=") : NULL;
	object = handle ? strstr(handle, "hca_object=") : NULL;
	if (!object)
		return false;
	count->handles = cgroup_number(handle + strlen("hca_handle="));
	count->objects = cgroup_number(object + strlen("hca_object="));
	return true;
}

static uint64_t less(uint64_t most, uint64_t now)
{
	if (most == UINT64_MAX)
		return UINT64_MAX;
	return most > now ? most - now : 0;
}

/* What the cgroup and its ancestors leave of the device. */
static void read_room(const struct target *target, struct cgroup cgroup,
		      const char *device, struct rdma_count *room)
{
	char most_text[TARGET_TEXT_MAX], now_text[TARGET_TEXT_MAX];
	struct rdma_count most, now;

	*room = (struct rdma_count){ UINT64_MAX, UINT64_MAX };
	do {
		if (cgroup_text(target, &cgroup, "rdma.max", most_text) ||
		    cgroup_text(target, &cgroup, "rdma.current", now_text) ||
		    !read_count(most_text, device, &most) ||
		    !read_count(now_text, device, &now))
			continue;
		most.handles = less(most.handles, now.handles);
		most.objects = less(most.objects, now.objects);
		if (most.handles < room->handles)
			room->handles = most.handles;
		if (most.objects < room->objects)
			room->objects = most.objects;
	} while (cgroup_up(&cgroup));
}

/* A process that has the device open needs no other handle. */
static void judge_room(const struct target *target,
		       struct probe_result *result, const char *device,
		       const struct rdma_count *room)
{
	unsigned long long lanes = rulebook_lanes(target->rulebook);
	char opened[PATH_MAX];

	if (!room->handles && !doctor_has_opened(target, opened)) {
		found(result, PROBE_FAIL,
		      "exhausted: no handle (hca_handle) of %s is left",
		      device);
	} else if (room->objects < LANE_OBJECTS) {
		found(result, PROBE_FAIL,
		      "exhausted: %llu objects (hca_object) of %s are left, and a lane takes %d",
		      (unsigned long long)room->objects, device, LANE_OBJECTS);
	} else if (room->objects / LANE_OBJECTS < lanes) {
		found(result, PROBE_WARN,
		      "%llu objects (hca_object) of %s are left: %llu lanes; %s allows %llu",
		      (unsigned long long)room->objects, device,
		      (unsigned long long)room->objects / LANE_OBJECTS,
		      rulebook_words(target->rulebook), lanes);
	} else {
		return;
	}
	remedy(result,
	       "raise rdma.max of its cgroup, or of one above it: echo \"%s hca_handle=max hca_object=max\"",
	       device);
}

void probe_limits_cgroup_rdma(const struct target *target,
			      struct probe_result *result)
{
	struct rdma_device devices[DEVICES_MOST];
	int i, count = devices_read(target, devices);
	char text[TARGET_TEXT_MAX];
	struct rdma_count room;
	struct cgroup cgroup;

	if (!cgroup_find(target, "rdma", &cgroup) ||
	    cgroup_text(target, &cgroup, "rdma.max", text)) {
		found(result, PROBE_OK,
		      "its cgroup has no rdma controller that sets a limit");
		return;
	}
	found(result, PROBE_OK, "it leaves enough: rdma.max of %s",
	      cgroup.folder);
	for (i = 0; i < count && result->status != PROBE_FAIL; i++) {
		read_room(target, cgroup, devices[i].name, &room);
		judge_room(target, result, devices[i].name, &room);
	}
}

/* -- memory --------------------------------------------------------------- */

/* What the cgroup and its ancestors leave, and the tightest limit of them. */
static uint64_t memory_left(const struct target *target, struct cgroup cgroup,
			    uint64_t *tightest)
{
	char most_text[TARGET_TEXT_MAX], now_text[TARGET_TEXT_MAX];
	const char *most = cgroup.unified ? "memory.max" :
					    "memory.limit_in_bytes";
	const char *now = cgroup.unified ? "memory.current" :
					   "memory.usage_in_bytes";
	uint64_t left = UINT64_MAX, here;

	*tightest = UINT64_MAX;
	do {
		if (cgroup_text(target, &cgroup, most, most_text) ||
		    cgroup_text(target, &cgroup, now, now_text))
			continue;
		here = less(cgroup_number(most_text), cgroup_number(now_text));
		if (here < left) {
			left = here;
			*tightest = cgroup_number(most_text);
		}
	} while (cgroup_up(&cgroup));
	return left;
}

void probe_limits_cgroup_memory(const struct target *target,
				struct probe_result *result)
{
	const struct rulebook *rulebook = target->rulebook;
	uint64_t left = UINT64_MAX, limit = UINT64_MAX, wanted;
	char left_text[AMOUNT_MAX], limit_text[AMOUNT_MAX];
	char wanted_text[AMOUNT_MAX];
	struct cgroup cgroup;

	wanted = rulebook_pinned(rulebook) + rulebook->limits.ring_memory;
	if (cgroup_find(target, "memory", &cgroup))
		left = memory_left(target, cgroup, &limit);
	amount(wanted, wanted_text);
	if (left == UINT64_MAX) {
		found(result, PROBE_OK,
		      "no limit is to be seen; lanes and rings would take up to %s",
		      wanted_text);
		return;
	}
	found(result, left >= wanted ? PROBE_OK : left >= rulebook->lane_bytes ?
	      PROBE_WARN : PROBE_FAIL,
	      "%s are left of %s; lanes and rings would take up to %s",
	      amount(left, left_text), amount(limit, limit_text), wanted_text);
	if (result->status != PROBE_OK)
		remedy(result,
		       "raise the memory limit (resources.limits.memory, --memory), or lower limits.lanes and limits.ring_memory: beyond it the kernel kills the program");
}
