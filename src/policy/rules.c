// SPDX-License-Identifier: BSD-2-Clause
#include "policy/rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/grow.h"

static const char blanks[] = " \t\r\n";
static const char no_memory[] = "there is no memory for the policy";

/* The next word of *text, or NULL. */
static char *next_word(char **text)
{
	char *word;

	do {
		word = strsep(text, blanks);
	} while (word && !*word);
	return word;
}

static const char *read_port(struct draft_rule *rule, const char *text)
{
	struct port_range range;
	const char *wrong = value_ports(text, &range);

	if (!wrong && !append(&rule->ports, &rule->port_count, &range))
		return no_memory;
	return wrong;
}

/* "6379,7000-7999"; no text is every port. */
static const char *read_ports(struct draft_rule *rule, char *text,
			      const char **at)
{
	const char *wrong = NULL;
	char *part;

	while (!wrong && (part = strsep(&text, ","))) {
		*at = part;
		wrong = read_port(rule, part);
	}
	return wrong;
}

static const char *read_remote(struct draft_rule *rule, const char *text)
{
	struct addr_prefix prefix;
	const char *wrong = value_prefix(text, &prefix);

	if (wrong || prefix.family == AF_UNSPEC)
		return wrong;
	if (!append(&rule->remotes, &rule->remote_count, &prefix))
		return no_memory;
	return NULL;
}

/* Cut "[fd00::/8]:7000" or "10.0.0.0/8:7000" in two; NULL is bad. */
static char *split_ports(char **host)
{
	char *end;

	if (**host != '[') {
		end = strchrnul(*host, ':');
	} else {
		++*host;
		end = strchr(*host, ']');
		if (!end)
			return NULL;
		*end++ = '\0';
	}
	if (*end == ':')
		*end++ = '\0';
	else if (*end)
		return NULL;
	else
		return end;	/* no ports: the end of the word */
	return *end ? end : NULL;
}

static const char *read_where(struct draft_rule *rule, char *word,
			      const char **at)
{
	const char *wrong;
	char *ports;

	ports = split_ports(&word);
	if (!ports)
		return "not ADDRESS:PORTS, PREFIX:PORTS or [IPV6-PREFIX]:PORTS";
	*at = word;
	wrong = read_remote(rule, word);
	if (wrong || !*ports)
		return wrong;
	return read_ports(rule, ports, at);
}

/* "auth=/etc/shunt.key"; with "try_" a peer without a key is taken, too. */
static const char *read_auth(struct draft_rule *rule, const char *path,
			     bool optional)
{
	const char *wrong = value_path(path);

	if (wrong)
		return wrong;
	free(rule->auth);
	rule->auth = strdup(path);
	rule->auth_optional = optional;
	return rule->auth ? NULL : no_memory;
}

/* "lane_remote=peer,10.2.0.0/16": IPv6 prefixes without brackets. */
static const char *read_lane_remote(struct draft_rule *rule, char *text,
				    const char **at)
{
	struct policy_lane_remote *where = draft_lane_remote(rule);
	const char *wrong = where ? NULL : no_memory;
	char *part;

	while (!wrong && (part = strsep(&text, ","))) {
		*at = part;
		wrong = value_lane_remote(part, where);
	}
	return wrong;
}

static const char *read_flag(struct draft_rule *rule, char *word,
			     const char **at)
{
	if (!value_greeting(word, &rule->greeting))
		return NULL;
	if (!strncmp(word, "lane_remote=", 12))
		return read_lane_remote(rule, word + 12, at);
	if (!strncmp(word, "auth=", 5))
		return read_auth(rule, word + 5, false);
	if (!strncmp(word, "try_auth=", 9))
		return read_auth(rule, word + 9, true);
	if (!strcmp(word, "nat"))
		rule->nat = true;
	else if (!strcmp(word, "any_path"))
		rule->any_path = true;
	else if (!strcmp(word, "drain"))
		rule->drain = true;
	else
		return "not mark, probe, trusted, nat, any_path, drain, "
		       "lane_remote=WHERE, auth=FILE or try_auth=FILE";
	return NULL;
}

/* NULL, or what is wrong, with *at the word (still in `text`) that is. */
static const char *read_words(struct draft_rule *rule, char *text,
			      const char **at)
{
	static const char want[] = "a rule is: ROLE REMOTE[:PORTS] MODE";
	char *word, *role = next_word(&text);
	const char *wrong;

	*at = role;
	wrong = value_role(role, &rule->roles);
	if (wrong)
		return wrong;
	word = next_word(&text);
	if (!word)
		return want;
	*at = word;
	wrong = read_where(rule, word, at);
	if (wrong)
		return wrong;
	word = next_word(&text);
	*at = word ? word : role;
	if (!word)
		return want;
	wrong = value_mode(word, &rule->mode);
	while (!wrong && (word = next_word(&text))) {
		*at = word;
		wrong = read_flag(rule, word, at);
	}
	return wrong;
}

static void read_rule(const char *name, unsigned number, char *text,
		      struct draft *draft, struct problems *problems)
{
	char source[VALUE_NAME_MAX + 1], quoted[QUOTE_MAX];
	struct draft_rule *rule;
	const char *wrong, *at;

	snprintf(source, sizeof(source), "%.32s:%u", name, number);
	rule = draft_add_rule(draft, source);
	if (!rule) {
		problem_no_memory(problems);
		return;
	}
	strcpy(rule->name, source);
	wrong = read_words(rule, text, &at);
	if (wrong)
		problem_add(problems, "%s: %s: %s", source,
			    problem_quote(at, quoted), wrong);
}

void rules_read(const char *name, const char *text, struct draft *draft,
		struct problems *problems)
{
	char *copy = strdup(text), *rest = copy, *rule;
	unsigned number = 0;

	if (!copy)
		problem_no_memory(problems);
	while ((rule = strsep(&rest, ";"))) {
		if (rule[strspn(rule, blanks)])
			read_rule(name, ++number, rule, draft, problems);
	}
	free(copy);
}
