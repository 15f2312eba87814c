/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shunt doctor: a table of probes (doctor.def), each a function that looks at
 * one thing of a target and says what it found. A probe reads through struct
 * target alone; where target->live says so it may also try what the program
 * would do, because this command may do as much.
 *
 * fail: no connection gets a lane until that is remedied. warn: some will
 * not, or something could not be looked at.
 */
#ifndef CLI_DOCTOR_H
#define CLI_DOCTOR_H

#include <net/if.h>

#include "cli/inspect.h"
#include "cli/target.h"
#include "policy/load.h"
#include "policy/table.h"
#include "rdma/rdma.h"

enum probe_status { PROBE_OK, PROBE_WARN, PROBE_FAIL };

#define FOUND_MAX 512
#define DETAILS_MAX 8192

struct probe_result {
	enum probe_status status;
	char found[FOUND_MAX];		/* one line */
	char remedy[FOUND_MAX];		/* one line; "" when it is ok */
	char details[DETAILS_MAX];	/* lines, each with its end */
};

/* Whom a probe is for. */
enum probe_scope {
	PROBE_ANY,
	PROBE_PROGRAM,	/* a program was named, or a process */
	PROBE_DIALLED,	/* a server was */
};

/* What of the target it reads; without it, it is not asked (bits). */
enum probe_needs {
	NEEDS_NOTHING = 0,	/* or it says itself what it may not see */
	NEEDS_FILES = 1,
	NEEDS_ENVIRONMENT = 2,
	NEEDS_BOTH = 3,
};

struct probe {
	const char *id, *area;
	enum probe_scope scope;
	enum probe_needs needs;
	const char *asks;
	void (*look)(const struct target *target, struct probe_result *result);
};

extern const struct probe probes[];
extern const int probe_count;

#define PROBE(area, name, ...) \
	void probe_##area##_##name(const struct target *target, \
				   struct probe_result *result);
#include "cli/doctor.def"
#undef PROBE

/* What a probe says; the last call for `found` counts. Cut to fit, and
 * control characters become "?": the words may be a stranger's. */
void found(struct probe_result *result, enum probe_status status,
	   const char *format, ...) __attribute__((format(printf, 3, 4)));
void remedy(struct probe_result *result, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void detail(struct probe_result *result, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Ask it, if what it needs can be read. */
void probe_ask(const struct probe *probe, const struct target *target,
	       struct probe_result *result);

/* Something cannot be read (-errno): a warning with whom to run it as. */
void found_unreadable(const struct target *target,
		      struct probe_result *result, const char *what,
		      int error);

/* A list as text: "a, b, c", cut with "..." when it is full. */
void list_add(char list[FOUND_MAX], const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* "288KiB", "64MiB", "unlimited" (UINT64_MAX). */
#define AMOUNT_MAX 32
const char *amount(uint64_t bytes, char text[AMOUNT_MAX]);

/* doctor_json.c: the answer for scripts, docs/doctor.schema.json. */
void doctor_print_json(const struct target *target,
		       const struct probe_result *results, const bool *asked);
const char *probe_status_name(enum probe_status status);
const char *target_kind(const struct target *target);

/* -- doctor_policy.c: the policy as the target reads it ------------------- */

struct rulebook {
	char path[PATH_MAX];	/* as the target sees it */
	const char *source;	/* what names it: "SHUNT_CONF", "default" */
	bool given;
	unsigned problem_count;
	char problems[DETAILS_MAX];	/* lines */
	struct load_result result;
	struct load_result file_alone;	/* without the environment */
	bool assumed;		/* it cannot be read: the defaults stand in */
	/* What the largest rule and the limits come to. */
	struct policy_limits limits;
	uint64_t lane_bytes;
};

void rulebook_load(const struct target *target, struct rulebook *rulebook);
void rulebook_free(struct rulebook *rulebook);

/* "the policy", or that it is not known. */
const char *rulebook_words(const struct rulebook *rulebook);

/* How many lanes the policy allows, and what they would pin at most. */
uint64_t rulebook_lanes(const struct rulebook *rulebook);
uint64_t rulebook_pinned(const struct rulebook *rulebook);

/* -- doctor_preload.c ----------------------------------------------------- */

/* libshunt.so's path for the target. False: none is found. */
bool doctor_library(const struct target *target, char path[PATH_MAX]);

/* -- doctor_libc.c -------------------------------------------------------- */

/*
 * The file that the loader would take for a library's name, in the order of
 * LD_LIBRARY_PATH and its own folders. False: none.
 */
bool library_find(const struct target *target, const char *name,
		  char path[PATH_MAX]);

/* The C library that the program is started with; false: not known. */
struct libc {
	char path[PATH_MAX];
	bool musl;
	struct image image;
	struct elf elf;
};
bool libc_open(const struct target *target, struct libc *libc);
void libc_close(struct libc *libc);
const char *libc_musl_version(const struct libc *libc);	/* or NULL */

/*
 * Would this library load in a program of that C library? NULL, or what it
 * lacks, written to `why`.
 */
const char *loads_with(const struct elf *library, const struct libc *libc,
		       char why[FOUND_MAX]);

/* Map a file as an ELF object: 0, -errno, -ENOEXEC. */
int elf_open_at(const struct target *target, const char *path,
		struct image *image, struct elf *elf);

/*
 * doctor_slots.c: how many objects of a running process call sockets past the
 * library, with their names; -ENOENT: the library is not in it; or -errno.
 */
int slots_elsewhere(const struct target *target, char list[FOUND_MAX]);

/* -- doctor_devices.c ----------------------------------------------------- */

#define DEVICES_MOST 32
#define DEVICE_NAME_MAX 64

struct rdma_device {
	char name[DEVICE_NAME_MAX];	/* "mlx5_0" */
	char node[DEVICE_NAME_MAX];	/* "uverbs0", or "" */
	unsigned ports;
};

/* The kernel's devices as the target's sysfs shows them; how many. */
int devices_read(const struct target *target,
		 struct rdma_device devices[DEVICES_MOST]);

/* A device node and what opening it for reading and writing has said. */
struct node {
	struct stat status;
	dev_t number;	/* the device's own; 0: the kernel does not say */
	int error;	/* 0 or -errno */
	bool may;	/* as far as mode bits and capabilities go */
	bool nodev;	/* its file system is mounted so */
};

enum node_cause {
	NODE_FINE, NODE_MISSING, NODE_MODE, NODE_NODEV, NODE_POLICY,
	NODE_CGROUP, NODE_STALE, NODE_OTHER,
};

/* doctor_nodes.c: why it does not open; the kernel's inode_permission(). */
enum node_cause node_cause(const struct node *node);

/* doctor_runtime.c: of what may not be tried, the providers it brings. */
void doctor_providers(const struct target *target,
		      struct probe_result *result);

/* doctor_nodes.c: has the process a device open already, and which node? */
bool doctor_has_opened(const struct target *target, char name[PATH_MAX]);

/* doctor_place.c: in a container? Says of which kind, and how that shows. */
bool place_container(const struct target *target, char words[FOUND_MAX]);

/* doctor_ports.c: a file of one of its ports, or "". */
void port_text(const struct target *target, const struct rdma_device *device,
	       unsigned port, const char *file, char text[TARGET_TEXT_MAX]);

/*
 * doctor_gids.c: the addresses that GIDs stand for as a list, the GIDs as
 * details; 0 or -errno. And the interfaces of all GIDs; how many.
 */
int doctor_served(const struct target *target, struct probe_result *result,
		  char list[FOUND_MAX]);
int doctor_links(const struct target *target, char names[][IFNAMSIZ],
		 int most);

/* There is no device, and so nothing to ask: says so. False: there is one. */
bool found_no_device(const struct target *target, struct probe_result *result);

#endif
