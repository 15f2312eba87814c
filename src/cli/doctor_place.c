// SPDX-License-Identifier: BSD-2-Clause
/* Probes of the place: which container, and who has started that. */
#include <string.h>

#include "cli/doctor.h"

enum kind { PLACE_container, PLACE_orchestrator };
enum sign { SIGN_PATH, SIGN_VARIABLE, SIGN_CGROUP };

static const struct place {
	enum kind kind;
	enum sign sign;
	const char *name;
	const char *what;
} places[] = {
#define PLACE(kind, name, sign, what) \
	{ PLACE_##kind, SIGN_##sign, name, what },
#include "cli/places.def"
#undef PLACE
};

static bool has_variable(const struct target *target, const char *what)
{
	size_t length = strcspn(what, "=");
	const char *value;
	char name[64];

	snprintf(name, sizeof(name), "%.*s", (int)length, what);
	value = target_variable(target, name);
	return value && (!what[length] || !strcmp(value, what + length + 1));
}

static bool is_there(const struct target *target, const struct place *place)
{
	char text[TARGET_TEXT_MAX];

	switch (place->sign) {
	case SIGN_PATH:
		return target_has(target, place->what);
	case SIGN_VARIABLE:
		return has_variable(target, place->what);
	default:
		return !target_proc_text(target, "cgroup", text) &&
		       strstr(text, place->what);
	}
}

static bool find_place(const struct target *target, enum kind kind,
		       char words[FOUND_MAX])
{
	static const char *const how[] = {
		"%s (%s is there)", "%s (its environment has %s)",
		"%s (%s in its cgroup's path)",
	};

	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		if (places[i].kind != kind || !is_there(target, &places[i]))
			continue;
		snprintf(words, FOUND_MAX, how[places[i].sign],
			 places[i].name, places[i].what);
		return true;
	}
	return false;
}

bool place_container(const struct target *target, char words[FOUND_MAX])
{
	return find_place(target, PLACE_container, words);
}

void probe_place_container(const struct target *target,
			   struct probe_result *result)
{
	char words[FOUND_MAX];

	if (place_container(target, words))
		found(result, PROBE_OK, "%s", words);
	else
		found(result, PROBE_OK, "none, by any sign that is known");
}

void probe_place_orchestrator(const struct target *target,
			      struct probe_result *result)
{
	char words[FOUND_MAX];

	if (find_place(target, PLACE_orchestrator, words))
		found(result, PROBE_OK, "%s", words);
	else
		found(result, PROBE_OK, "nobody, by any sign that is known");
}
