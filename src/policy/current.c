// SPDX-License-Identifier: BSD-2-Clause
/*
 * The process's policy, without locks: a thread that is being forked away
 * from, a signal handler or an allocator that calls us back can never find
 * one taken.
 *
 * `current` is one word: how often its policy has been held (high 56 bits)
 * and the slot of `slots` that has it. To hold is one fetch_add on it. To
 * swap is one exchange, after which the count goes to the old policy's
 * balance; to release takes one off the balance. Before the swap a balance
 * is below zero or was never touched, so it comes to zero exactly once: when
 * the policy is swapped out and nobody holds it.
 */
#include "policy/current.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/critical.h"
#include "base/root.h"
#include "diag/log.h"
#include "policy/load.h"
#include "policy/policy.h"

#define SLOTS 256
#define HOLD_ONE UINT64_C(256)
#define LOOK_EVERY_MS 1000
#define LINES_MAX 20	/* of problems logged, in one load */

/* What the process was started with, copied once. */
struct start {
	struct environment environment;
	struct program program;
	const char *path;
	bool path_given;
};

/* A file list that was refused, so that it is said once. */
struct refused {
	struct source_file *files;
	size_t count;
	bool any;
};

static struct policy unloaded = {
	.forever = true, .refusal = REASON_no_policy,
};
static struct policy no_memory = {
	.forever = true, .refusal = REASON_bad_policy, .slot = 1,
};

static struct policy *_Atomic slots[SLOTS] = { &unloaded, &no_memory };
static _Atomic uint64_t current;
static _Atomic uint64_t look_at;	/* ms; when to stat the files next */
static _Atomic pid_t reloader;
static struct start *_Atomic start;
static struct refused refused;		/* the reloader's */
static atomic_flag told = ATOMIC_FLAG_INIT;	/* the first load is logged */
static __thread bool loading;

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void retire(struct policy *policy)
{
	slots[policy->slot] = NULL;
	table_free(policy);
}

static struct policy *hold(void)
{
	uint64_t word = atomic_fetch_add(&current, HOLD_ONE);

	return slots[word % SLOTS];
}

void policy_release(struct policy *policy)
{
	/* A handler, which may not free(), is the last one next to never. */
	if (!policy->forever && atomic_fetch_sub(&policy->balance, 1) == 1 &&
	    !critical_in_handler())
		retire(policy);
}

/* Find the policy a slot. False: so many old ones are still held. */
static bool take_slot(struct policy *policy)
{
	struct policy *none;

	if (policy->forever)
		return true;
	for (unsigned i = 2; i < SLOTS; i++) {
		none = NULL;
		if (atomic_compare_exchange_strong(&slots[i], &none, policy)) {
			policy->slot = i;
			return true;
		}
	}
	return false;
}

static void give_up(uint64_t word)
{
	struct policy *old = slots[word % SLOTS];
	int64_t holds = (int64_t)(word / HOLD_ONE);

	if (!old->forever && atomic_fetch_add(&old->balance, holds) == -holds)
		retire(old);
}

static void set_log_level(const struct policy *policy)
{
	if (policy->settings)
		log_set_level((enum log_level)policy->settings[0].level);
}

/* The environment and the program's names; NULL: no memory. */
static struct start *take_start(void)
{
	struct start *mine = calloc(1, sizeof(*mine));
	const char *path;
	char *directory, *whole = NULL;

	if (!mine || !environment_take(&mine->environment,
				       (const char *const *)environ))
		return mine;
	program_self(&mine->program);
	path = environment_get(&mine->environment, "SHUNT_CONF");
	mine->path_given = path && *path;
	mine->path = mine->path_given ? path : POLICY_PATH;
	if (mine->path[0] == '/')
		return mine;
	/* the application may change its directory before the next look */
	directory = getcwd(NULL, 0);
	if (directory && asprintf(&whole, "%s/%s", directory, path) > 0)
		mine->path = whole;
	free(directory);
	return mine;
}

void policy_each_variable(void (*visit)(const char *name, const char *value,
					void *arg), void *arg)
{
	const struct start *from = start;
	size_t i;

	for (i = 0; from && i < from->environment.count; i++)
		visit(from->environment.variables[i].name,
		      from->environment.variables[i].value, arg);
}

static void free_start(struct start *mine)
{
	const char *given;

	if (!mine)
		return;
	given = environment_get(&mine->environment, "SHUNT_CONF");
	if (mine->path_given && mine->path != given)
		free((char *)mine->path);
	environment_free(&mine->environment);
	free(mine);
}

/* Two threads may both take one; the first to publish it wins. */
static const struct start *the_start(void)
{
	struct start *known = start, *mine;

	if (known)
		return known;
	mine = take_start();
	if (atomic_compare_exchange_strong(&start, &known, mine))
		return mine;
	free_start(mine);
	return known;
}

static void log_problem(void *arg, const char *line)
{
	unsigned *lines = arg;

	if (++*lines <= LINES_MAX)
		log_error("%s", line);
	else if (*lines == LINES_MAX + 1)
		log_error("there are more problems: see shunt check");
}

/* Load; problems are logged if the caller is the one to do so. */
static void load(struct load_result *result, bool quiet)
{
	const struct start *from = the_start();
	unsigned lines = 0;
	struct problems problems = {
		.put = quiet ? NULL : log_problem, .arg = &lines,
	};
	struct load_request request = { .path = NULL };

	*result = (struct load_result){ .policy = NULL };
	if (!from || !from->path)
		return;
	request.path = from->path;
	request.may_miss = !from->path_given;
	request.environment = &from->environment;
	request.program = &from->program;
	load_policy(&request, result, &problems);
	if (result->note[0] && !quiet)
		log_warn("%s", result->note);
}

/* A first load that is refused: tcp for all, watching what was looked at. */
static struct policy *refuse(struct load_result *result)
{
	struct policy *policy = table_refusing(REASON_bad_policy);

	if (!policy)
		return &no_memory;
	policy->files = result->files;
	policy->file_count = result->file_count;
	result->files = NULL;
	result->file_count = 0;
	return policy;
}

static void tell_first(const struct policy *policy)
{
	const struct start *from = the_start();
	unsigned lines = 0;
	struct problems problems = { .put = log_problem, .arg = &lines };

	if (from)
		environment_unknown(&from->environment, &problems);
	if (policy->refusal == REASON_bad_policy)
		log_error("the policy is refused: all stays on TCP");
	else
		log_info("policy: %u rules for this program of %u",
			 policy->rule_count, policy->written);
}

/* Publish the first policy; false when another thread was faster. */
static bool install_first(struct policy *policy)
{
	uint64_t word = current;

	if (!take_slot(policy))
		return false;
	while (word % SLOTS == 0) {
		if (atomic_compare_exchange_weak(&current, &word, policy->slot))
			return true;
	}
	if (!policy->forever)
		retire(policy);
	return false;
}

/*
 * Threads that come here together all load, and the first to finish wins: a
 * wait for the others could be a wait for a thread that a fork left behind.
 * Only one of them logs.
 */
static void load_first(void)
{
	bool quiet = atomic_flag_test_and_set(&told);
	struct load_result result;
	struct policy *policy;

	loading = true;
	load(&result, quiet);
	policy = result.policy ? result.policy : refuse(&result);
	load_done(&result);
	atomic_store(&look_at, now_ms() + LOOK_EVERY_MS);
	set_log_level(policy);
	if (!quiet)
		tell_first(policy);
	install_first(policy);
	loading = false;
}

static bool changed(const struct source_file *files, size_t count)
{
	struct stamp stamp;

	for (size_t i = 0; i < count; i++) {
		stamp = stamp_take(files[i].path);
		if (!stamp_same(&stamp, &files[i].stamp))
			return true;
	}
	return false;
}

static void forget_refused(void)
{
	for (size_t i = 0; i < refused.count; i++)
		free(refused.files[i].path);
	free(refused.files);
	refused = (struct refused){ .files = NULL };
}

static void remember_refused(struct load_result *result)
{
	forget_refused();
	refused.files = result->files;
	refused.count = result->file_count;
	refused.any = result->file_count > 0;
	result->files = NULL;
	result->file_count = 0;
}

static bool worth_loading(void)
{
	struct policy *policy = hold();
	bool worth;

	if (refused.any)
		worth = changed(refused.files, refused.count);
	else
		worth = changed(policy->files, policy->file_count);
	policy_release(policy);
	return worth;
}

static void swap(struct policy *policy)
{
	if (!take_slot(policy)) {
		/* tried again at the next look */
		table_free(policy);
		return;
	}
	forget_refused();
	set_log_level(policy);
	log_info("new policy: %u rules for this program of %u",
		 policy->rule_count, policy->written);
	give_up(atomic_exchange(&current, policy->slot));
}

/* Was the file there, for the policy that is current? */
static bool was_there(const char *path)
{
	struct policy *policy = hold();
	bool there = false;

	for (size_t i = 0; i < policy->file_count; i++) {
		if (!strcmp(policy->files[i].path, path))
			there = !policy->files[i].stamp.error;
	}
	policy_release(policy);
	return there;
}

/* After chroot or setuid the file may be out of reach: not its last word. */
static bool out_of_reach(const char *path, struct stamp *stamp)
{
	char why[128];

	*stamp = stamp_take(path);
	if (!stamp->error)
		return false;
	log_warn("%s: cannot be read any more (%s): the old policy stays", path,
		 strerror_r(stamp->error, why, sizeof(why)));
	return true;
}

static void remember_missing(const char *path, const struct stamp *stamp)
{
	struct load_result result = { .file_count = 1 };

	result.files = calloc(1, sizeof(*result.files));
	if (!result.files)
		return;
	result.files->stamp = *stamp;
	result.files->path = strdup(path);
	if (result.files->path)
		remember_refused(&result);
	else
		free(result.files);
}

/* Refused for a cause that may pass by itself, such as no free fd? */
static bool may_pass(const struct source_file *files, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (stamp_may_pass(&files[i].stamp))
			return true;
	}
	return false;
}

/* Such a cause is tried again every second, and told once. */
static void load_again(struct load_result *result)
{
	bool quiet = may_pass(refused.files, refused.count);

	load(result, quiet);
	if (result->policy ||
	    (quiet && may_pass(result->files, result->file_count)))
		return;
	if (quiet) {
		load_done(result);
		load(result, false);
	}
	if (!result->policy)
		log_error("the new policy is refused: the old one stays");
}

static void reload(void)
{
	const struct start *from = the_start();
	struct load_result result;
	struct stamp stamp;

	if (!root_same())	/* the file there is somebody else's */
		return;
	if (!worth_loading())
		return;
	if (was_there(from->path) && out_of_reach(from->path, &stamp)) {
		remember_missing(from->path, &stamp);
		return;
	}
	load_again(&result);
	if (result.policy)
		swap(result.policy);
	else
		remember_refused(&result);
	load_done(&result);
}

/* One thread at a time; a claim from before a fork is nobody's. */
static bool claim(void)
{
	pid_t self = getpid(), owner = 0;

	while (!atomic_compare_exchange_weak(&reloader, &owner, self)) {
		if (owner == self)
			return false;
	}
	return true;
}

static void look(void)
{
	uint64_t due = look_at, now = now_ms();

	if (now < due || !atomic_compare_exchange_strong(&look_at, &due,
							 now + LOOK_EVERY_MS))
		return;
	loading = true;
	if (claim()) {
		reload();
		reloader = 0;
	}
	loading = false;
}

struct policy *policy_hold_current(void)
{
	int saved = errno;

	if (critical_in_handler())
		return hold();	/* loading allocates */
	if (!loading && current % SLOTS == 0)
		load_first();
	else if (!loading)
		look();
	errno = saved;
	return hold();
}

void current_look_again(void)
{
	look_at = 0;
}

void current_forget(void)
{
	forget_refused();
	give_up(atomic_exchange(&current, 0));
	atomic_flag_clear(&told);
	free_start(atomic_exchange(&start, NULL));
}
