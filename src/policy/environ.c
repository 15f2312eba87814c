// SPDX-License-Identifier: BSD-2-Clause
#include "policy/environ.h"

#include <stdlib.h>
#include <string.h>

#include "policy/grow.h"
#include "policy/rules.h"

#define PREFIX "SHUNT_"

static bool take_one(struct environment *environment, const char *entry)
{
	struct variable variable;
	char *equals;

	variable.name = strdup(entry);
	if (!variable.name)
		return false;
	equals = strchrnul(variable.name, '=');
	variable.value = *equals ? equals + 1 : equals;
	*equals = '\0';
	if (append(&environment->variables, &environment->count, &variable))
		return true;
	free(variable.name);
	return false;
}

bool environment_take(struct environment *environment,
		      const char *const *list)
{
	for (; list && *list; list++) {
		if (!strncmp(*list, PREFIX, strlen(PREFIX)) &&
		    !take_one(environment, *list))
			return false;
	}
	return true;
}

void environment_free(struct environment *environment)
{
	for (size_t i = 0; i < environment->count; i++)
		free(environment->variables[i].name);
	free(environment->variables);
	*environment = (struct environment){ 0 };
}

const char *environment_get(const struct environment *environment,
			    const char *name)
{
	for (size_t i = 0; i < environment->count; i++) {
		if (!strcmp(environment->variables[i].name, name))
			return environment->variables[i].value;
	}
	return NULL;
}

static void problem_value(struct problems *problems, const char *name,
			  const char *value, const char *wrong)
{
	char quoted[QUOTE_MAX];

	problem_add(problems, "%s: %s: %s", name, problem_quote(value, quoted),
		    wrong);
}

enum override environment_mode(const struct environment *environment,
			       struct problems *problems)
{
	static const char *const words[] = {
		[OVERRIDE_OFF] = "off",
		[OVERRIDE_PREFER] = "prefer",
		[OVERRIDE_REQUIRE] = "require",
	};
	const char *value = environment_get(environment, PREFIX "MODE");

	if (!value || !*value)
		return OVERRIDE_NONE;
	for (unsigned i = OVERRIDE_OFF; i <= OVERRIDE_REQUIRE; i++) {
		if (!strcmp(value, words[i]))
			return (enum override)i;
	}
	problem_value(problems, PREFIX "MODE", value,
		      "not off, prefer or require");
	return OVERRIDE_NONE;
}

void environment_rules(const struct environment *environment,
		       struct draft *draft, struct problems *problems)
{
	const char *value = environment_get(environment, PREFIX "RULES");

	if (value)
		rules_read(PREFIX "RULES", value, draft, problems);
}

static void read_default(const char *value, struct draft *draft,
			 struct problems *problems)
{
	const char *wrong = value_mode(value, &draft->default_mode);

	if (wrong) {
		problem_value(problems, PREFIX "DEFAULT", value, wrong);
		return;
	}
	free(draft->default_source);
	draft->default_set = true;
	draft->default_source = strdup(PREFIX "DEFAULT");
	if (!draft->default_source)
		problem_no_memory(problems);
}

static void set(struct overrides *overrides, const struct policy_option *option,
		int64_t value)
{
	if (option->kind == OPTION_PROFILE)
		overrides_forget_sizes(overrides);
	overrides_set(overrides, option, value);
}

/* What the operator sets in the environment also stands over a rule's own. */
static void set_everywhere(struct draft *draft,
			   const struct policy_option *option, int64_t value)
{
	set(&draft->overrides, option, value);
	for (size_t i = 0; i < draft->rule_count; i++) {
		if (draft->rules[i].overrides)
			set(draft->rules[i].overrides, option, value);
	}
}

static void read_option(const char *name, const char *text,
			const struct policy_option *option, struct draft *draft,
			struct problems *problems)
{
	char why[OPTION_WHY_MAX];
	const char *wrong;
	int64_t value;

	wrong = option_parse(option, text, &value);
	if (!wrong)
		wrong = option_check(option, value, why);
	if (wrong)
		problem_value(problems, name, text, wrong);
	else
		set_everywhere(draft, option, value);
}

void environment_options(const struct environment *environment,
			 struct draft *draft, struct problems *problems)
{
	const char *value = environment_get(environment, PREFIX "DEFAULT");
	char name[OPTION_NAME_MAX];

	if (value)
		read_default(value, draft, problems);
	/* By row: the profile comes before the sizes that stand over it. */
	for (size_t i = 0; i < OPTION_COUNT_ALL; i++) {
		value = environment_get(environment,
					option_env_name(&options[i], name));
		if (value)
			read_option(name, value, &options[i], draft, problems);
	}
}

/* `name` without its SHUNT_ against a row of environ.def. */
static bool is_name(const char *name, const char *row)
{
	size_t length = strlen(row);

	if (row[length - 1] == '*')
		return !strncmp(name, row, length - 1);
	return !strcmp(name, row);
}

static bool is_known(const char *name)
{
	static const char *const rows[] = {
#define NAME(text, help) text,
#include "policy/environ.def"
#undef NAME
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (is_name(name + strlen(PREFIX), rows[i]))
			return true;
	}
	return option_find_env(name) != NULL;
}

void environment_unknown(const struct environment *environment,
			 struct problems *problems)
{
	const struct variable *variable = environment->variables;

	for (size_t i = 0; i < environment->count; i++, variable++) {
		if (!is_known(variable->name))
			problem_value(problems, variable->name,
				      variable->value, "unknown variable");
	}
}
