// SPDX-License-Identifier: BSD-2-Clause
#include "policy/draft.h"

#include <stdlib.h>
#include <string.h>

#include "policy/grow.h"

struct draft_rule *draft_add_rule(struct draft *draft, const char *source)
{
	struct draft_rule rule = { .roles = ROLE_ANY };

	rule.source = strdup(source);
	if (!rule.source || !append(&draft->rules, &draft->rule_count, &rule)) {
		free(rule.source);
		return NULL;
	}
	return &draft->rules[draft->rule_count - 1];
}

struct policy_lane_remote *draft_lane_remote(struct draft_rule *rule)
{
	if (!rule->lane_remote)
		rule->lane_remote = calloc(1, sizeof(*rule->lane_remote));
	return rule->lane_remote;
}

static void free_rule(struct draft_rule *rule)
{
	for (size_t i = 0; i < rule->program_count; i++)
		free(rule->programs[i]);
	free(rule->programs);
	free(rule->remotes);
	free(rule->ports);
	free(rule->overrides);
	free(rule->auth);
	free(rule->lane_remote);
	free(rule->source);
}

void draft_free(struct draft *draft)
{
	for (size_t i = 0; i < draft->rule_count; i++)
		free_rule(&draft->rules[i]);
	free(draft->rules);
	free(draft->default_source);
	*draft = (struct draft){ 0 };
}

void overrides_set(struct overrides *overrides,
		   const struct policy_option *option, int64_t value)
{
	size_t number = (size_t)(option - options);

	overrides->set |= UINT64_C(1) << number;
	overrides->value[number] = value;
}

void overrides_forget_sizes(struct overrides *overrides)
{
	overrides->set &= ~(UINT64_C(1) << OPTION_lane_send_buffer |
			    UINT64_C(1) << OPTION_lane_receive_buffer |
			    UINT64_C(1) << OPTION_lane_replay);
}

void overrides_apply(const struct overrides *overrides,
		     struct settings *settings)
{
	for (size_t i = 0; i < OPTION_COUNT_ALL; i++) {
		if (overrides->set >> i & 1)
			option_set(&options[i], settings, overrides->value[i]);
	}
}
