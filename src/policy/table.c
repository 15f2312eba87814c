// SPDX-License-Identifier: BSD-2-Clause
#include "policy/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/keys.h"
#include "policy/special.h"

#define CLAIMS_MAX (1u << 20)	/* of one index */

/* Which way an index's rules and addresses are. */
struct side {
	enum policy_role role;
	sa_family_t family;
};

static const struct side sides[] = {
	{ POLICY_CONNECT, AF_INET }, { POLICY_CONNECT, AF_INET6 },
	{ POLICY_LISTEN, AF_INET }, { POLICY_LISTEN, AF_INET6 },
};

#define SIDES (sizeof(sides) / sizeof(*sides))

static struct index *side_index(struct policy *policy, const struct side *side)
{
	return &policy->index[side->role][side->family == AF_INET6];
}

bool table_rule_is_for(const struct draft_rule *rule,
		       const struct program *program)
{
	if (!rule->program_count)
		return true;
	for (size_t i = 0; program && i < rule->program_count; i++) {
		if (program_matches(program, rule->programs[i]))
			return true;
	}
	return false;
}

static bool of_family(const struct addr_prefix *prefix, sa_family_t family)
{
	return prefix->family == AF_UNSPEC || prefix->family == family;
}

static const struct port_range every_port = { 0, UINT16_MAX };
static const struct addr_prefix every_address = { .family = AF_UNSPEC };

/* Write one prefix's claims, or only count them (claims NULL). */
static size_t claim_prefix(const struct draft_rule *rule, uint32_t number,
			   const struct addr_prefix *prefix,
			   struct index_claim *claims)
{
	const struct port_range *ports = rule->ports;
	size_t count = rule->port_count;

	if (!count) {
		ports = &every_port;
		count = 1;
	}
	for (size_t i = 0; claims && i < count; i++) {
		memcpy(claims[i].bytes, prefix->bytes, sizeof(claims[i].bytes));
		claims[i].length = prefix->length;
		claims[i].ports = ports[i];
		claims[i].rule = number;
	}
	return count;
}

static size_t claim_rule(const struct draft_rule *rule, uint32_t number,
			 const struct side *side, struct index_claim *claims)
{
	const struct addr_prefix *remotes = rule->remotes;
	size_t count = rule->remote_count, made = 0;

	if (!(rule->roles & 1u << side->role))
		return 0;
	if (!count) {
		remotes = &every_address;
		count = 1;
	}
	for (size_t i = 0; i < count && made <= CLAIMS_MAX; i++) {
		if (of_family(&remotes[i], side->family))
			made += claim_prefix(rule, number, &remotes[i],
					     claims ? claims + made : NULL);
	}
	return made;
}

/* All claims of one side; `claims` NULL counts them. */
static size_t claim_all(const struct draft *draft, const struct side *side,
			struct index_claim *claims)
{
	const struct draft_rule *rule = draft->rules;
	uint32_t number = 0;
	size_t made = 0;

	for (size_t i = 0; i < draft->rule_count; i++, rule++) {
		if (!rule->ours)
			continue;
		made += claim_rule(rule, number++, side,
				   claims ? claims + made : NULL);
		if (made > CLAIMS_MAX)
			break;
	}
	return made;
}

static int build_side(struct policy *policy, const struct draft *draft,
		      const struct side *side)
{
	struct index_claim *claims;
	size_t count;
	bool fine;

	count = claim_all(draft, side, NULL);
	if (count > CLAIMS_MAX)
		return -E2BIG;
	if (!count)
		return 0;
	claims = calloc(count, sizeof(*claims));
	if (!claims)
		return -ENOMEM;
	claim_all(draft, side, claims);
	fine = index_build(side_index(policy, side), claims, count);
	free(claims);
	return fine ? 0 : -ENOMEM;
}

static enum policy_mode overridden(enum policy_mode mode,
				   enum override override)
{
	if (mode == POLICY_TCP)
		return mode;
	switch (override) {
	case OVERRIDE_PREFER:
		return POLICY_PREFER;
	case OVERRIDE_REQUIRE:
		return POLICY_REQUIRE;
	default:
		return mode;
	}
}

static const char *keep_string(char **strings, const char *text)
{
	char *kept = *strings;

	*strings = stpcpy(kept, text) + 1;
	return kept;
}

static void put_rule(struct policy *policy, const struct draft_rule *from,
		     enum override override, char **strings)
{
	struct rule *rule = &policy->rules[policy->rule_count++];

	rule->name = keep_string(strings, from->name);
	rule->source = keep_string(strings, from->source);
	rule->mode = (uint8_t)overridden(from->mode, override);
	rule->greeting = (uint8_t)from->greeting;
	rule->nat = from->nat;
	rule->any_path = from->any_path;
	rule->drain = from->drain;
	rule->auth = from->auth ? keys_number(from->auth) : 0;
	rule->auth_required = from->auth && !from->auth_optional;
	if (from->lane_remote) {
		rule->lane_remote = policy->lane_remote_count++;
		policy->lane_remotes[rule->lane_remote] = *from->lane_remote;
	}
	if (from->overrides) {
		rule->settings = policy->settings_count++;
		policy->settings[rule->settings] = policy->settings[0];
		overrides_apply(from->overrides,
				&policy->settings[rule->settings]);
	}
	for (unsigned role = POLICY_CONNECT; role <= POLICY_LISTEN; role++) {
		if (rule->mode != POLICY_TCP && from->roles & 1u << role)
			policy->all_tcp[role] = false;
	}
}

static bool make_room(struct policy *policy, const struct draft *draft)
{
	const char *source = draft->default_source;
	size_t characters = (source ? strlen(source) : 0) + 1, settings = 1;
	size_t lane_remotes = 1;

	for (size_t i = 0; i < draft->rule_count; i++) {
		characters += strlen(draft->rules[i].name) + 1;
		characters += strlen(draft->rules[i].source) + 1;
		settings += draft->rules[i].overrides != NULL;
		lane_remotes += draft->rules[i].lane_remote != NULL;
	}
	policy->strings = malloc(characters);
	policy->settings = calloc(settings, sizeof(*policy->settings));
	policy->lane_remotes = calloc(lane_remotes,
				      sizeof(*policy->lane_remotes));
	policy->rules = calloc(draft->rule_count + 1, sizeof(*policy->rules));
	return policy->strings && policy->settings && policy->lane_remotes &&
	       policy->rules;
}

static int fill(struct policy *policy, const struct draft *draft,
		const struct table_request *request)
{
	char *strings;
	int error = 0;

	if (!make_room(policy, draft))
		return -ENOMEM;
	strings = policy->strings;
	policy->settings[0] = settings_initial;
	policy->settings_count = policy->lane_remote_count = 1;
	overrides_apply(&draft->overrides, &policy->settings[0]);
	policy->default_mode = overridden(draft->default_mode,
					  request->override);
	policy->default_reason = request->default_reason;
	policy->default_source = keep_string(&strings, draft->default_source ?
					     draft->default_source : "");
	policy->written = (uint32_t)draft->rule_count;
	policy->all_tcp[POLICY_CONNECT] = policy->all_tcp[POLICY_LISTEN] =
		policy->default_mode == POLICY_TCP;
	for (size_t i = 0; i < draft->rule_count; i++) {
		if (draft->rules[i].ours)
			put_rule(policy, &draft->rules[i], request->override,
				 &strings);
	}
	for (size_t i = 0; i < SIDES && !error; i++)
		error = build_side(policy, draft, &sides[i]);
	return error;
}

struct policy *table_compile(struct draft *draft,
			     const struct table_request *request, int *error)
{
	struct policy *policy = calloc(1, sizeof(*policy));

	for (size_t i = 0; i < draft->rule_count; i++)
		draft->rules[i].ours = table_rule_is_for(&draft->rules[i],
							 request->program);
	*error = policy ? fill(policy, draft, request) : -ENOMEM;
	if (*error) {
		table_free(policy);
		return NULL;
	}
	return policy;
}

struct policy *table_refusing(enum reason reason)
{
	struct table_request request = { .program = NULL };
	struct draft nothing = { .rules = NULL };
	struct policy *policy;
	int error;

	policy = table_compile(&nothing, &request, &error);
	if (policy)
		policy->refusal = reason;
	return policy;
}

void table_free(struct policy *policy)
{
	if (!policy || policy->forever)
		return;
	for (size_t i = 0; i < SIDES; i++)
		index_free(side_index(policy, &sides[i]));
	for (size_t i = 0; i < policy->file_count; i++)
		free(policy->files[i].path);
	free(policy->files);
	free(policy->rules);
	free(policy->settings);
	free(policy->lane_remotes);
	free(policy->strings);
	free(policy);
}

static void set_text(char *to, size_t room, const char *from)
{
	size_t length = strnlen(from, room - 1);

	memcpy(to, from, length);
	to[length] = '\0';
}

static void answer(struct policy_decision *decision, const char *rule,
		   const char *source, enum policy_mode mode,
		   enum reason reason)
{
	decision->mode = mode;
	decision->reason = mode == POLICY_TCP ? reason : REASON_none;
	set_text(decision->rule, sizeof(decision->rule), rule);
	set_text(decision->source, sizeof(decision->source), source);
}

static void answer_settings(struct policy_decision *decision,
			    const struct settings *settings)
{
	decision->lane = settings->lane;
	decision->handshake = settings->handshake;
}

static void answer_rule(const struct policy *policy, const struct rule *rule,
			const struct settings *settings,
			struct policy_decision *decision)
{
	answer(decision, rule->name, rule->source, rule->mode,
	       REASON_rule_tcp);
	answer_settings(decision, &settings[rule->settings]);
	decision->lane_remote = policy->lane_remotes[rule->lane_remote];
	decision->greeting = (enum policy_greeting)rule->greeting;
	decision->nat = rule->nat;
	decision->any_path = rule->any_path;
	decision->drain = rule->drain;
	decision->auth = rule->auth;
	decision->auth_required = rule->auth_required;
}

static void answer_default(const struct policy *policy, unsigned least_length,
			   struct policy_decision *decision)
{
	if (least_length)
		answer(decision, "built-in", "", POLICY_TCP, REASON_excluded);
	else
		answer(decision, "default", policy->default_source,
		       policy->default_mode, policy->default_reason);
}

uint32_t table_find(const struct policy *policy, enum policy_role role,
		    const struct sockaddr_storage *remote, uint16_t port,
		    unsigned *least_length, unsigned *steps)
{
	uint8_t padded[16] = { 0 };
	const uint8_t *bytes;
	size_t size;

	bytes = addr_bytes(remote, &size);
	memcpy(padded, bytes, size);
	*least_length = special_length(remote);
	return index_find(&policy->index[role][size == 16], padded,
			  *least_length, port, steps);
}

void table_answer(const struct policy *policy, uint32_t rule,
		  unsigned least_length, struct policy_decision *decision)
{
	const struct settings *settings = policy->settings
						  ? policy->settings
						  : &settings_initial;

	decision->greeting = POLICY_GREETING_MARK;
	decision->nat = decision->any_path = decision->drain = false;
	decision->auth = 0;
	decision->auth_required = false;
	decision->lane_remote = (struct policy_lane_remote){ 0 };
	answer_settings(decision, settings);
	if (policy->refusal != REASON_none)
		answer(decision, "built-in", "", POLICY_TCP, policy->refusal);
	else if (rule != INDEX_NONE)
		answer_rule(policy, &policy->rules[rule], settings, decision);
	else
		answer_default(policy, least_length, decision);
}

void table_decide(const struct policy *policy,
		  const struct policy_query *query,
		  struct policy_decision *decision, unsigned *steps)
{
	struct sockaddr_storage remote = { .ss_family = AF_UNSPEC };
	unsigned least_length = 0;
	uint32_t rule = INDEX_NONE;
	size_t size;

	/* callers may have an IPv4-mapped address */
	addr_normalize(&remote, (const struct sockaddr *)&query->remote,
		       sizeof(query->remote));
	addr_bytes(&remote, &size);
	if (size && policy->refusal == REASON_none)
		rule = table_find(policy, query->role, &remote, query->port,
				  &least_length, steps);
	table_answer(policy, rule, least_length, decision);
	if (!size)
		answer(decision, "built-in", "", POLICY_TCP,
		       REASON_default_tcp);
}

void policy_decide(const struct policy *policy,
		   const struct policy_query *query,
		   struct policy_decision *decision)
{
	table_decide(policy, query, decision, NULL);
}

void policy_limits(const struct policy *policy, struct policy_limits *limits)
{
	*limits = policy->settings ? policy->settings[0].limits
				   : settings_initial.limits;
}

uint32_t policy_reader(const struct policy *policy)
{
	return policy->settings ? policy->settings[0].reader : 0;
}

bool policy_all_tcp(const struct policy *policy, enum policy_role role)
{
	return policy->refusal != REASON_none || policy->all_tcp[role];
}
