// SPDX-License-Identifier: BSD-2-Clause
/*
 * A probe of seccomp(2). What a filter refuses cannot be read, so where this
 * command is under the same filter it tries, in children that may be killed.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/doctor.h"

/* <rdma/rdma_user_ioctl_cmds.h>; its argument has three words of 8 bytes. */
#define VERBS_IOCTL _IOWR(0x1b, 1, uint64_t[3])

enum { SECCOMP_NONE, SECCOMP_STRICT };	/* of "Seccomp:"; a filter is 2 */

static struct timespec moment;
static int pair[2];

enum {
#define CALL(name, arguments) CALL_##name,
#include "cli/doctor_calls.def"
#undef CALL
	CALL_COUNT
};

static const char *const names[] = {
#define CALL(name, arguments) #name,
#include "cli/doctor_calls.def"
#undef CALL
};

static long make_call(unsigned number)
{
	switch (number) {
#define CALL(name, arguments) \
	case CALL_##name: \
		return syscall arguments;
#include "cli/doctor_calls.def"
#undef CALL
	default:
		return 0;
	}
}

/* In the child: no core, and only what the call itself says counts. */
static void try_in_child(unsigned number)
{
	const struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	if (make_call(number) < 0 && (errno == ENOSYS || errno == EPERM))
		_exit(1);
	_exit(0);
}

/* Does the filter refuse it, or kill who makes it? */
static bool is_refused(unsigned number)
{
	pid_t child = fork();
	int status = 0;

	if (child == 0)
		try_in_child(number);
	if (child < 0)
		return false;
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return status != 0;
}

static void try_all(struct probe_result *result, unsigned filters)
{
	char refused[FOUND_MAX] = "";
	unsigned i;

	for (i = 0; i < CALL_COUNT; i++) {
		if (is_refused(i))
			list_add(refused, "%s", names[i]);
	}
	if (refused[0]) {
		found(result, PROBE_FAIL, "a filter refuses %s", refused);
		remedy(result,
		       "allow these in the seccomp profile (docker and podman: --security-opt seccomp=FILE; Kubernetes: seccompProfile)");
	} else if (filters > 1) {
		found(result, PROBE_OK,
		      "%u filters, which let through what the library needs",
		      filters);
	} else {
		found(result, PROBE_OK,
		      "a filter, which lets through what the library needs");
	}
}

void probe_limits_seccomp(const struct target *target,
			  struct probe_result *result)
{
	const struct identity *identity = &target->identity;

	if (target->identity_error) {
		found_unreadable(target, result, "its status",
				 target->identity_error);
	} else if (identity->seccomp == SECCOMP_NONE) {
		found(result, PROBE_OK, "no filter");
	} else if (identity->seccomp == SECCOMP_STRICT) {
		found(result, PROBE_FAIL,
		      "strict mode: read, write and exit are all it may call");
		remedy(result, "run it without seccomp's strict mode");
	} else if (target->live) {
		try_all(result, identity->seccomp_filters);
	} else {
		found(result, PROBE_OK,
		      "a filter; what it refuses cannot be read from outside (shunt doctor inside the container tries)");
	}
}
