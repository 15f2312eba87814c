// SPDX-License-Identifier: BSD-2-Clause
/* Who the target is, and what that lets it do. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/target.h"

/* The first, and so full, user namespace maps every id to itself. */
#define FIRST_NAMESPACE 4294967295ul

/* What follows "key:" and blanks at the start of a line, or NULL. */
static const char *value_of(const char *text, const char *key)
{
	size_t length = strlen(key);

	for (; text; text = strchr(text, '\n')) {
		text += *text == '\n';
		if (!strncmp(text, key, length) && text[length] == ':')
			return text + length + 1 +
			       strspn(text + length + 1, "\t ");
	}
	return NULL;
}

static uint64_t number_of(const char *text, const char *key, int base)
{
	const char *value = value_of(text, key);

	return value ? strtoull(value, NULL, base) : 0;
}

/* Of "real effective saved filesystem", the last. */
static unsigned last_of_four(const char *text, const char *key)
{
	const char *value = value_of(text, key);
	unsigned ids[4] = { 0 };

	if (value)
		sscanf(value, "%u %u %u %u", &ids[0], &ids[1], &ids[2],
		       &ids[3]);
	return ids[3];
}

static void read_groups(const char *text, struct identity *identity)
{
	const char *value = value_of(text, "Groups");
	char *end;
	gid_t group;

	while (value && identity->group_count < GROUPS_MOST) {
		value += strspn(value, " \t");
		if (*value == '\n')
			break;
		group = (gid_t)strtoul(value, &end, 10);
		if (end == value)
			break;
		identity->groups[identity->group_count++] = group;
		value = end;
	}
}

static bool in_user_namespace(const struct target *target)
{
	unsigned long inside, outside, length;
	char text[TARGET_TEXT_MAX];

	return target_proc_text(target, "uid_map", text) == 0 &&
	       sscanf(text, "%lu %lu %lu", &inside, &outside, &length) == 3 &&
	       length != FIRST_NAMESPACE;
}

void identity_read(struct target *target)
{
	struct identity *identity = &target->identity;
	char text[TARGET_TEXT_MAX];

	target->identity_error = target_proc_text(target, "status", text);
	if (target->identity_error)
		return;
	identity->uid = last_of_four(text, "Uid");
	identity->gid = last_of_four(text, "Gid");
	read_groups(text, identity);
	identity->capabilities = number_of(text, "CapEff", 16);
	identity->no_new_privs = number_of(text, "NoNewPrivs", 10) == 1;
	identity->seccomp = (unsigned)number_of(text, "Seccomp", 10);
	identity->seccomp_filters =
		(unsigned)number_of(text, "Seccomp_filters", 10);
	identity->pinned = number_of(text, "VmPin", 10) * 1024;
	identity->user_namespace = in_user_namespace(target);
}

bool target_capable(const struct target *target, unsigned capability)
{
	return target->identity.capabilities >> capability & 1 &&
	       !target->identity.user_namespace;
}

static bool in_group(const struct identity *identity, gid_t group)
{
	int i;

	for (i = 0; i < identity->group_count; i++) {
		if (identity->groups[i] == group)
			return true;
	}
	return identity->gid == group;
}

bool target_may(const struct target *target, const struct stat *status,
		unsigned access)
{
	const struct identity *identity = &target->identity;
	unsigned bits = status->st_mode & 7;

	if (target_capable(target, CAPABILITY_DAC_OVERRIDE))
		return true;
	if (identity->uid == status->st_uid)
		bits = status->st_mode >> 6 & 7;
	else if (in_group(identity, status->st_gid))
		bits = status->st_mode >> 3 & 7;
	return (bits & access) == access;
}
