// SPDX-License-Identifier: BSD-2-Clause
#include "policy/file.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/grow.h"

#define VERSION 1
#define KEY_MAX 96
#define SOURCE_MAX 80	/* struct policy_decision has no room for more */

struct reader {
	const struct libconfig *lib;
	const struct source *source;
	struct draft *draft;
	struct problems *problems;
};

/* "rules[1].port[0]": the setting's place in the file. */
static size_t write_key(const struct reader *reader,
			const config_setting_t *setting, char *key, size_t room)
{
	const config_setting_t *parent = config_setting_parent(setting);
	size_t at;

	if (!parent)
		return 0;
	at = write_key(reader, parent, key, room);
	if (config_setting_name(setting))
		at += (size_t)snprintf(key + at, room - at, "%s%s",
				       at ? "." : "",
				       config_setting_name(setting));
	else
		at += (size_t)snprintf(key + at, room - at, "[%d]",
				reader->lib->config_setting_index(setting));
	return at < room ? at : room - 1;
}

/* A setting's value as the file has it, more or less. */
static char *write_value(const struct reader *reader,
			 const config_setting_t *setting, char text[QUOTE_MAX])
{
	const struct libconfig *lib = reader->lib;

	switch (config_setting_type(setting)) {
	case CONFIG_TYPE_STRING:
		return problem_quote(lib->config_setting_get_string(setting),
				     text);
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		snprintf(text, QUOTE_MAX, "%lld",
			 lib->config_setting_get_int64(setting));
		return text;
	case CONFIG_TYPE_FLOAT:
		snprintf(text, QUOTE_MAX, "%g",
			 lib->config_setting_get_float(setting));
		return text;
	case CONFIG_TYPE_BOOL:
		return strcpy(text, lib->config_setting_get_bool(setting) ?
			      "true" : "false");
	case CONFIG_TYPE_GROUP:
		return strcpy(text, "{ }");
	default:
		return strcpy(text, "( )");
	}
}

/* "shunt.conf:12: rules[1].port: "70000": not a port" */
static void problem_at(struct reader *reader, const config_setting_t *setting,
		       const char *wrong)
{
	char key[KEY_MAX] = "", value[QUOTE_MAX];
	const char *path;
	unsigned line;

	path = source_where(reader->source,
			    config_setting_source_line(setting), &line);
	write_key(reader, setting, key, sizeof(key));
	problem_add(reader->problems, "%s:%u: %s: %s: %s", path, line, key,
		    write_value(reader, setting, value), wrong);
}

static void problem_missing(struct reader *reader,
			    const config_setting_t *setting, const char *wrong)
{
	char key[KEY_MAX] = "";
	const char *path;
	unsigned line;

	path = source_where(reader->source,
			    config_setting_source_line(setting), &line);
	write_key(reader, setting, key, sizeof(key));
	problem_add(reader->problems, "%s:%u: %s: %s", path, line, key, wrong);
}

/* The string of a string setting, or NULL after adding a problem. */
static const char *text_of(struct reader *reader,
			   const config_setting_t *setting)
{
	if (config_setting_type(setting) == CONFIG_TYPE_STRING)
		return reader->lib->config_setting_get_string(setting);
	problem_at(reader, setting, "must be a string");
	return NULL;
}

static void read_flag(struct reader *reader, const config_setting_t *setting,
		      bool *flag)
{
	if (config_setting_type(setting) == CONFIG_TYPE_BOOL)
		*flag = reader->lib->config_setting_get_bool(setting);
	else
		problem_at(reader, setting, "must be true or false");
}

static void check(struct reader *reader, const config_setting_t *setting,
		  const char *wrong)
{
	if (wrong)
		problem_at(reader, setting, wrong);
}

typedef void read_item(struct reader *reader, const config_setting_t *setting,
		       struct draft_rule *rule);

/* A single value, or each value of an array or list. */
static void read_each(struct reader *reader, const config_setting_t *setting,
		      struct draft_rule *rule, read_item *read)
{
	int count;

	if (!config_setting_is_array(setting) &&
	    !config_setting_is_list(setting)) {
		read(reader, setting, rule);
		return;
	}
	count = reader->lib->config_setting_length(setting);
	if (!count)
		problem_at(reader, setting,
			   "is empty (leave the key out to match all)");
	for (int i = 0; i < count; i++)
		read(reader, reader->lib->config_setting_get_elem(setting,
							(unsigned)i), rule);
}

static void read_one_remote(struct reader *reader,
			    const config_setting_t *setting,
			    struct draft_rule *rule)
{
	const char *text = text_of(reader, setting), *wrong;
	struct addr_prefix prefix;

	if (!text)
		return;
	wrong = value_prefix(text, &prefix);
	check(reader, setting, wrong);
	if (!wrong && !append(&rule->remotes, &rule->remote_count, &prefix))
		problem_no_memory(reader->problems);
}

static void read_one_port(struct reader *reader,
			  const config_setting_t *setting,
			  struct draft_rule *rule)
{
	char number[QUOTE_MAX];
	struct port_range range;
	const char *text, *wrong;

	if (config_setting_type(setting) == CONFIG_TYPE_INT)
		text = write_value(reader, setting, number);
	else
		text = text_of(reader, setting);
	if (!text)
		return;
	wrong = value_ports(text, &range);
	check(reader, setting, wrong);
	if (!wrong && !append(&rule->ports, &rule->port_count, &range))
		problem_no_memory(reader->problems);
}

static void read_one_lane_remote(struct reader *reader,
				 const config_setting_t *setting,
				 struct draft_rule *rule)
{
	struct policy_lane_remote *where = draft_lane_remote(rule);
	const char *text = text_of(reader, setting);

	if (!where)
		problem_no_memory(reader->problems);
	else if (text)
		check(reader, setting, value_lane_remote(text, where));
}

static void read_one_program(struct reader *reader,
			     const config_setting_t *setting,
			     struct draft_rule *rule)
{
	const char *text = text_of(reader, setting), *wrong;
	char *copy;

	if (!text)
		return;
	wrong = value_glob(text);
	check(reader, setting, wrong);
	if (wrong)
		return;
	copy = strdup(text);
	if (copy && append(&rule->programs, &rule->program_count, &copy))
		return;
	free(copy);
	problem_no_memory(reader->problems);
}

#define READ_EACH(name) \
	static void read_##name(struct reader *reader, \
				const config_setting_t *setting, \
				struct draft_rule *rule) \
	{ \
		read_each(reader, setting, rule, read_one_##name); \
	}

READ_EACH(remote)
READ_EACH(port)
READ_EACH(program)
READ_EACH(lane_remote)

static void read_name(struct reader *reader, const config_setting_t *setting,
		      struct draft_rule *rule)
{
	const char *text = text_of(reader, setting), *wrong;

	if (!text)
		return;
	wrong = value_name(text);
	check(reader, setting, wrong);
	if (!wrong)
		strcpy(rule->name, text);
}

static void read_role(struct reader *reader, const config_setting_t *setting,
		      struct draft_rule *rule)
{
	const char *text = text_of(reader, setting);

	if (text)
		check(reader, setting, value_role(text, &rule->roles));
}

static void read_mode(struct reader *reader, const config_setting_t *setting,
		      struct draft_rule *rule)
{
	const char *text = text_of(reader, setting);

	if (text)
		check(reader, setting, value_mode(text, &rule->mode));
}

static void read_greeting(struct reader *reader,
			  const config_setting_t *setting,
			  struct draft_rule *rule)
{
	const char *text = text_of(reader, setting);

	if (text)
		check(reader, setting, value_greeting(text, &rule->greeting));
}

#define READ_FLAG(name) \
	static void read_##name(struct reader *reader, \
				const config_setting_t *setting, \
				struct draft_rule *rule) \
	{ \
		read_flag(reader, setting, &rule->name); \
	}

READ_FLAG(nat)
READ_FLAG(any_path)
READ_FLAG(drain)

/* A key file's path: absolute, as a program may change its directory. */
static void read_key_file(struct reader *reader,
			  const config_setting_t *setting,
			  struct draft_rule *rule)
{
	const char *text = text_of(reader, setting), *wrong;

	if (!text)
		return;
	wrong = value_path(text);
	check(reader, setting, wrong);
	if (wrong)
		return;
	free(rule->auth);
	rule->auth = strdup(text);
	if (!rule->auth)
		problem_no_memory(reader->problems);
}

static void read_auth_key(struct reader *reader,
			  const config_setting_t *setting,
			  struct draft_rule *rule)
{
	const char *name = config_setting_name(setting);
	bool required = true;

	if (!strcmp(name, "key_file")) {
		read_key_file(reader, setting, rule);
	} else if (!strcmp(name, "required")) {
		read_flag(reader, setting, &required);
		rule->auth_optional = !required;
	} else {
		problem_at(reader, setting, "unknown key");
	}
}

static void read_auth(struct reader *reader, const config_setting_t *setting,
		      struct draft_rule *rule)
{
	unsigned before = reader->problems->count;
	int count;

	if (!config_setting_is_group(setting)) {
		problem_at(reader, setting,
			   "must be a group: { key_file = \"/etc/shunt.key\"; }");
		return;
	}
	count = reader->lib->config_setting_length(setting);
	for (int i = 0; i < count; i++)
		read_auth_key(reader, reader->lib->config_setting_get_elem(
					      setting, (unsigned)i), rule);
	if (!rule->auth && reader->problems->count == before)
		problem_missing(reader, setting, "auth has no key_file");
}

/* The value of one option: a string, or for bytes and counts an integer. */
static void read_option(struct reader *reader, const config_setting_t *setting,
			const struct policy_option *option,
			struct overrides *overrides)
{
	char number[QUOTE_MAX], why[OPTION_WHY_MAX];
	const char *text, *wrong;
	int64_t value;

	switch (config_setting_type(setting)) {
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		text = write_value(reader, setting, number);
		break;
	default:
		text = text_of(reader, setting);
	}
	if (!text)
		return;
	wrong = option_parse(option, text, &value);
	if (!wrong)
		wrong = option_check(option, value, why);
	check(reader, setting, wrong);
	if (!wrong)
		overrides_set(overrides, option, value);
}

static void read_section(struct reader *reader,
			 const config_setting_t *setting,
			 struct overrides *overrides)
{
	const struct policy_option *option;
	config_setting_t *member;
	int count;

	if (!config_setting_is_group(setting)) {
		problem_at(reader, setting, "must be a group: { ... }");
		return;
	}
	count = reader->lib->config_setting_length(setting);
	for (int i = 0; i < count; i++) {
		member = reader->lib->config_setting_get_elem(setting,
							      (unsigned)i);
		option = option_find(config_setting_name(setting),
				     config_setting_name(member));
		if (option)
			read_option(reader, member, option, overrides);
		else
			problem_at(reader, member, "unknown key");
	}
}

static void read_rule_section(struct reader *reader,
			      const config_setting_t *setting,
			      struct draft_rule *rule)
{
	if (!rule->overrides)
		rule->overrides = calloc(1, sizeof(*rule->overrides));
	if (rule->overrides)
		read_section(reader, setting, rule->overrides);
	else
		problem_no_memory(reader->problems);
}

#define read_lane read_rule_section
#define read_handshake read_rule_section

static const struct key {
	const char *name;
	read_item *read;
} rule_keys[] = {
#define KEY(name, help) { #name, read_##name },
#include "policy/keys.def"
#undef KEY
};

#define RULE_KEYS (sizeof(rule_keys) / sizeof(*rule_keys))

static void read_rule_key(struct reader *reader,
			  const config_setting_t *setting,
			  struct draft_rule *rule)
{
	for (size_t i = 0; i < RULE_KEYS; i++) {
		if (!strcmp(rule_keys[i].name, config_setting_name(setting))) {
			rule_keys[i].read(reader, setting, rule);
			return;
		}
	}
	problem_at(reader, setting,
		   strcmp(config_setting_name(setting), "peer") ?
		   "unknown key" :
		   "this key is greeting now: peer = \"trusted\" is greeting = \"trusted\"");
}

/* "shunt.conf:12", the end of it when the file's name is very long. */
static void write_source(const struct reader *reader,
			 const config_setting_t *setting,
			 char source[SOURCE_MAX])
{
	char text[PROBLEM_MAX];
	const char *path, *slash;
	unsigned line;
	size_t length;

	path = source_where(reader->source,
			    config_setting_source_line(setting), &line);
	slash = strrchr(path, '/');
	snprintf(text, sizeof(text), "%s:%u", slash ? slash + 1 : path, line);
	length = strlen(text);
	strcpy(source, length < SOURCE_MAX ? text :
	       text + length - SOURCE_MAX + 1);
}

static bool has_key(const struct reader *reader,
		    const config_setting_t *group, const char *name)
{
	int count = reader->lib->config_setting_length(group);

	for (int i = 0; i < count; i++) {
		if (!strcmp(config_setting_name(
				reader->lib->config_setting_get_elem(
					group, (unsigned)i)), name))
			return true;
	}
	return false;
}

/* `index`: its place, which config_setting_index() would look for. */
static void read_rule(struct reader *reader, const config_setting_t *setting,
		      int index)
{
	struct draft_rule *rule;
	char source[SOURCE_MAX];
	int count;

	if (!config_setting_is_group(setting)) {
		problem_at(reader, setting, "a rule must be a group: { ... }");
		return;
	}
	write_source(reader, setting, source);
	rule = draft_add_rule(reader->draft, source);
	if (!rule) {
		problem_no_memory(reader->problems);
		return;
	}
	snprintf(rule->name, sizeof(rule->name), "%s[%d]",
		 config_setting_name(config_setting_parent(setting)), index);
	count = reader->lib->config_setting_length(setting);
	for (int i = 0; i < count; i++)
		read_rule_key(reader,
			      reader->lib->config_setting_get_elem(setting,
							(unsigned)i), rule);
	if (!has_key(reader, setting, "mode"))
		problem_missing(reader, setting, "the rule has no mode");
}

static void read_rules(struct reader *reader, const config_setting_t *setting)
{
	int count;

	/* "rules = []" is an empty array to libconfig, and harmless */
	count = reader->lib->config_setting_length(setting);
	if (!config_setting_is_list(setting) &&
	    !(config_setting_is_array(setting) && !count)) {
		problem_at(reader, setting, "must be a list: ( { ... }, ... )");
		return;
	}
	for (int i = 0; i < count; i++)
		read_rule(reader,
			  reader->lib->config_setting_get_elem(setting,
							       (unsigned)i),
			  i);
}

static void read_default(struct reader *reader,
			 const config_setting_t *setting)
{
	const char *text = text_of(reader, setting), *wrong;
	struct draft *draft = reader->draft;
	char source[SOURCE_MAX];

	if (!text)
		return;
	wrong = value_mode(text, &draft->default_mode);
	check(reader, setting, wrong);
	if (wrong)
		return;
	write_source(reader, setting, source);
	draft->default_set = true;
	draft->default_source = strdup(source);
	if (!draft->default_source)
		problem_no_memory(reader->problems);
}

static void read_version(struct reader *reader,
			 const config_setting_t *setting)
{
	if (config_setting_type(setting) != CONFIG_TYPE_INT ||
	    reader->lib->config_setting_get_int(setting) != VERSION)
		problem_at(reader, setting, "this release reads version 1");
}

static void read_top(struct reader *reader, const config_setting_t *setting)
{
	const char *name = config_setting_name(setting);

	if (!strcmp(name, "version"))
		read_version(reader, setting);
	else if (!strcmp(name, "default"))
		read_default(reader, setting);
	else if (!strcmp(name, "rules"))
		read_rules(reader, setting);
	else if (option_is_section(name))
		read_section(reader, setting, &reader->draft->overrides);
	else
		problem_at(reader, setting, "unknown key");
}

static void read_tree(struct reader *reader, const config_setting_t *root)
{
	int count = reader->lib->config_setting_length(root);

	for (int i = 0; i < count; i++)
		read_top(reader, reader->lib->config_setting_get_elem(
					 root, (unsigned)i));
	/* also what tells an empty, half-written file from a policy */
	if (!has_key(reader, root, "version"))
		problem_add(reader->problems,
			    "%s:1: version: missing (write \"version = 1;\")",
			    reader->source->files[0].path);
}

static void problem_syntax(struct reader *reader, const config_t *config)
{
	unsigned at = (unsigned)config_error_line(config), line;
	const char *path = source_where(reader->source, at, &line);
	char quoted[QUOTE_MAX];

	problem_add(reader->problems, "%s:%u: %s: %s", path, line,
		    source_quote(reader->source, at, quoted),
		    config_error_text(config) ? config_error_text(config) :
		    "syntax error");
}

void file_read(const struct libconfig *library, const struct source *source,
	       struct draft *draft, struct problems *problems)
{
	struct reader reader = { library, source, draft, problems };
	config_t config;

	library->config_init(&config);
	if (library->config_read_string(&config, source->text))
		read_tree(&reader, config_root_setting(&config));
	else
		problem_syntax(&reader, &config);
	library->config_destroy(&config);
}
