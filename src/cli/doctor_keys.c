// SPDX-License-Identifier: BSD-2-Clause
/*
 * The probe of the key files that the rules' auth names. One that is of no
 * use refuses the whole policy, so that no key is left out silently.
 */
#include <string.h>
#include <unistd.h>

#include "cli/doctor.h"
#include "policy/keyfile.h"

/* The first problem's line. */
static void keep_first(void *arg, const char *line)
{
	char *words = arg;

	if (!*words)
		snprintf(words, PROBLEM_MAX, "%s", line);
}

/* How many keys a file has; 0: it is of no use, and `words` say why. */
static unsigned count_keys(const struct target *target, const char *path,
			   char words[PROBLEM_MAX])
{
	struct problems problems = { .put = keep_first, .arg = words };
	char whole[PATH_MAX];
	struct stamp stamp;
	struct key_set set;
	unsigned count;

	words[0] = '\0';
	snprintf(whole, sizeof(whole), "%s%s", target->root, path);
	if (!keyfile_read(whole, &set, &stamp, &problems))
		return 0;
	count = set.count;
	key_wipe(&set, sizeof(set));
	return count;
}

/* A problem's words name the file as this command sees it. */
static const char *without_root(const struct target *target, const char *words)
{
	size_t length = strlen(target->root);

	return strncmp(words, target->root, length) ? words : words + length;
}

/* The file is there, this command can read it, and may the target? */
static bool found_forbidden(const struct target *target,
			    struct probe_result *result, const char *path)
{
	struct stat status;

	if (target->identity_error || target_stat(target, path, &status) ||
	    target_may(target, &status, R_OK))
		return false;
	found(result, PROBE_FAIL,
	      "user %u may not read %s (mode %04o, owner %u:%u)",
	      (unsigned)target->identity.uid, path,
	      (unsigned)status.st_mode & 07777, (unsigned)status.st_uid,
	      (unsigned)status.st_gid);
	remedy(result,
	       "let the program's group read it (chgrp, chmod 640): others may not, and a policy whose keys cannot be read is refused");
	return true;
}

/* False: the file is of no use, and it has been said why. */
static bool look_at(const struct target *target, struct probe_result *result,
		    const char *path, char list[FOUND_MAX])
{
	char words[PROBLEM_MAX];
	struct stat status = { .st_mode = 0 };
	unsigned keys = count_keys(target, path, words);

	target_stat(target, path, &status);
	if (keys) {
		detail(result, "%s: %u keys, mode %04o, owner %u:%u", path,
		       keys, (unsigned)status.st_mode & 07777,
		       (unsigned)status.st_uid, (unsigned)status.st_gid);
		list_add(list, "%s: %u %s", path, keys,
			 keys == 1 ? "key" : "keys");
		return !found_forbidden(target, result, path);
	}
	if (found_forbidden(target, result, path))
		return false;
	found(result, PROBE_FAIL, "%s", without_root(target, words));
	remedy(result,
	       "a file of mode 600 or 640 with a key a line (openssl rand -hex 32): without it the whole policy is refused");
	return false;
}

void probe_policy_keys(const struct target *target,
		       struct probe_result *result)
{
	const struct rulebook *rulebook = target->rulebook;
	const struct load_result *loaded = &rulebook->result;
	const struct policy *policy = loaded->policy;
	const struct source_file *files = policy ? policy->files
						 : loaded->files;
	size_t count = policy ? policy->file_count : loaded->file_count;
	char list[FOUND_MAX] = "";

	for (size_t i = 0; i < count; i++) {
		if (files[i].of_keys &&
		    !look_at(target, result, files[i].path, list))
			return;
	}
	if (!policy && list[0]) {
		found(result, PROBE_WARN, "%s; but the policy is refused",
		      list);
		remedy(result, "see policy.file and policy.environment");
		return;
	}
	found(result, PROBE_OK, "%s", list[0] ? list : "no rule has auth");
}
