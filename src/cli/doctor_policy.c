// SPDX-License-Identifier: BSD-2-Clause
/* Probes of the policy, with who has set what. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/doctor.h"

#define PREFIX "SHUNT_"

/* A problem's line, behind the others. */
static void keep_problem(void *arg, const char *line)
{
	struct rulebook *rulebook = arg;
	size_t used = strlen(rulebook->problems);

	snprintf(rulebook->problems + used, sizeof(rulebook->problems) - used,
		 "%s\n", line);
}

/* The names by which rules know the program. */
static struct program *names_of(const struct target *target)
{
	struct program *program = cli_alloc(sizeof(*program));
	char text[TARGET_TEXT_MAX];

	if (!target->program) {
		program->every = true;
		return program;
	}
	program_named(program, target->inspection ? target->inspection->path :
		      target->program);
	if (target->inspection && target->inspection->script)
		snprintf(program->argv0, sizeof(program->argv0), "%.255s",
			 program->comm);
	if (target->pid && !target_proc_text(target, "comm", text))
		snprintf(program->comm, sizeof(program->comm), "%.15s", text);
	if (target->pid && !target_proc_text(target, "cmdline", text))
		snprintf(program->argv0, sizeof(program->argv0), "%.255s",
			 strrchr(text, '/') ? strrchr(text, '/') + 1 : text);
	return program;
}

/* Sizes of the largest lane that any rule makes. */
static void measure(struct rulebook *rulebook)
{
	const struct policy *policy = rulebook->result.policy;
	const struct settings *settings = policy ? policy->settings :
					  &settings_initial;
	uint32_t i, count = policy ? policy->settings_count : 1;
	struct rdma_sizes sizes;
	uint64_t bytes;

	rulebook->limits = settings[0].limits;
	for (i = 0; i < count; i++) {
		sizes.send_buffer = settings[i].lane.send_buffer;
		sizes.receive_buffer = settings[i].lane.receive_buffer;
		bytes = rdma_lane_bytes(&sizes);
		if (bytes > rulebook->lane_bytes)
			rulebook->lane_bytes = bytes;
	}
}

const char *rulebook_words(const struct rulebook *rulebook)
{
	return rulebook->assumed ? "the default policy" : "the policy";
}

uint64_t rulebook_lanes(const struct rulebook *rulebook)
{
	uint64_t lanes = rulebook->limits.lanes;

	if (rulebook->limits.pinned / rulebook->lane_bytes < lanes)
		lanes = rulebook->limits.pinned / rulebook->lane_bytes;
	return lanes;
}

uint64_t rulebook_pinned(const struct rulebook *rulebook)
{
	return rulebook_lanes(rulebook) * rulebook->lane_bytes;
}

void rulebook_load(const struct target *target, struct rulebook *rulebook)
{
	const char *named = environment_get(&target->ours, PREFIX "CONF");
	struct problems problems = { .put = keep_problem, .arg = rulebook };
	struct problems silent = { .put = NULL };
	struct program *program = names_of(target);
	char *whole;
	struct load_request request = { .program = program };

	rulebook->given = named && *named;
	rulebook->source = rulebook->given ? PREFIX "CONF" : "the default";
	snprintf(rulebook->path, sizeof(rulebook->path), "%s",
		 rulebook->given ? named : POLICY_PATH);
	if (asprintf(&whole, "%s%s", target->root, rulebook->path) < 0)
		cli_fail(STATUS_OWN_FAILURE, "there is no memory");
	request.path = whole;
	request.may_miss = !rulebook->given;
	request.root = target->root;
	load_policy(&request, &rulebook->file_alone, &silent);
	request.environment = &target->ours;
	load_policy(&request, &rulebook->result, &problems);
	rulebook->problem_count = problems.count;
	rulebook->assumed = target->environment_error || target->root_error ||
			    !rulebook->result.policy;
	measure(rulebook);
	free(program);
	free(whole);
}

void rulebook_free(struct rulebook *rulebook)
{
	table_free(rulebook->result.policy);
	load_done(&rulebook->result);
	table_free(rulebook->file_alone.policy);
	load_done(&rulebook->file_alone);
}

/* -- file ----------------------------------------------------------------- */

/* The file is there, in the target's view? 0 or -errno. */
static int file_error(const struct target *target)
{
	struct stat status;

	return target_stat(target, target->rulebook->path, &status);
}

static void details_from(struct probe_result *result, const char *lines)
{
	size_t length;

	for (; *lines; lines += length + (lines[length] == '\n')) {
		length = strcspn(lines, "\n");
		detail(result, "%.*s", (int)length, lines);
	}
}

static void found_missing_file(const struct target *target,
			       struct probe_result *result, int error)
{
	const struct rulebook *rulebook = target->rulebook;
	bool rules = environment_get(&target->ours, PREFIX "RULES") ||
		     environment_get(&target->ours, PREFIX "DEFAULT");

	if (error != -ENOENT && error != -ENOTDIR) {
		found_unreadable(target, result, rulebook->path, error);
	} else if (rulebook->given) {
		found(result, PROBE_FAIL, "%s, which %s names, is not there",
		      rulebook->path, rulebook->source);
		remedy(result,
		       "put it there (a ConfigMap's mount?), or correct " PREFIX "CONF");
	} else if (rules) {
		found(result, PROBE_OK, "none; the environment has rules");
	} else {
		found(result, PROBE_FAIL, "none: there is no %s, and no "
		      PREFIX "CONF", rulebook->path);
		remedy(result,
		       "write one (shunt.conf(5) has an example) and tell it with " PREFIX "CONF, or set " PREFIX "RULES");
	}
}

void probe_policy_file(const struct target *target,
		       struct probe_result *result)
{
	const struct rulebook *rulebook = target->rulebook;
	const struct load_result *loaded = &rulebook->file_alone;
	int error = file_error(target);

	if (error) {
		found_missing_file(target, result, error);
	} else if (loaded->note[0]) {
		found(result, PROBE_FAIL, "%s", loaded->note);
		remedy(result,
		       "put libshunt-config.so (contrib/bundle makes it) beside libshunt.so, or install libconfig");
	} else if (loaded->policy) {
		found(result, PROBE_OK, "%s (%s): %u rules", rulebook->path,
		      rulebook->source, loaded->policy->written);
	} else {
		found(result, PROBE_FAIL, "%s is refused: %.*s",
		      rulebook->path, (int)strcspn(rulebook->problems, "\n"),
		      rulebook->problems);
		details_from(result, rulebook->problems);
		remedy(result, "shunt check %s tells all that is wrong",
		       rulebook->path);
	}
}

/* -- environment ---------------------------------------------------------- */

static void list_variables(const struct target *target,
			   struct probe_result *result, char list[FOUND_MAX])
{
	const struct environment *ours = &target->ours;

	for (size_t i = 0; i < ours->count; i++) {
		list_add(list, "%s", ours->variables[i].name);
		detail(result, "%s=%s", ours->variables[i].name,
		       ours->variables[i].value);
	}
}

void probe_policy_environment(const struct target *target,
			      struct probe_result *result)
{
	struct rulebook said = { .problems = "" };
	struct problems problems = { .put = keep_problem, .arg = &said };
	struct problems unknown = { .put = keep_problem, .arg = &said };
	struct draft draft = { .rules = NULL };
	char list[FOUND_MAX] = "";

	list_variables(target, result, list);
	environment_mode(&target->ours, &problems);
	environment_rules(&target->ours, &draft, &problems);
	environment_options(&target->ours, &draft, &problems);
	draft_free(&draft);
	if (!problems.count)
		environment_unknown(&target->ours, &unknown);
	said.problems[strcspn(said.problems, "\n")] = '\0';
	if (problems.count) {
		found(result, PROBE_FAIL, "%s", said.problems);
		remedy(result,
		       "correct the variable: a wrong value refuses the whole policy");
	} else if (unknown.count) {
		found(result, PROBE_WARN, "%s", said.problems);
		remedy(result,
		       "correct its name (shunt help options lists them), or unset it");
	} else {
		found(result, PROBE_OK, "%s", list[0] ? list : "none is set");
	}
}

/* -- values --------------------------------------------------------------- */

/* Who has set the option: its variable, the file, or nobody. What is not as in
 * the file and has no variable is the profile's. */
static const char *source_of(const struct target *target, size_t number,
			     char name[OPTION_NAME_MAX])
{
	const struct rulebook *rulebook = target->rulebook;
	const struct policy *file = rulebook->file_alone.policy;
	const struct policy_option *option = &options[number];
	int64_t value = option_get(option,
				   &rulebook->result.policy->settings[0]);

	option_env_name(option, name);
	if (environment_get(&target->ours, name))
		return name;
	if (value != (file ? option_get(option, &file->settings[0]) :
		      option->initial))
		return option_env_name(&options[OPTION_lane_profile], name);
	if (file && option_get(option, &file->settings[0]) != option->initial)
		return rulebook->path;
	return NULL;
}

static void look_at_option(const struct target *target, size_t number,
			   struct probe_result *result, char list[FOUND_MAX])
{
	const struct policy *policy = target->rulebook->result.policy;
	const struct policy_option *option = &options[number];
	char text[OPTION_TEXT_MAX], name[OPTION_NAME_MAX];
	const char *source = source_of(target, number, name);

	option_format(option, option_get(option, &policy->settings[0]), text);
	detail(result, "%s.%s = %s (%s)", option->section, option->key, text,
	       source ? source : "default");
	if (source)
		list_add(list, "%s.%s = %s (%s)", option->section, option->key,
			 text, source);
}

void probe_policy_values(const struct target *target,
			 struct probe_result *result)
{
	const struct policy *policy = target->rulebook->result.policy;
	char list[FOUND_MAX] = "";

	if (!policy) {
		found(result, PROBE_FAIL, "none: the policy is refused");
		remedy(result, "see policy.file and policy.environment");
		return;
	}
	detail(result, "default = %s (%s)",
	       value_mode_name(policy->default_mode),
	       policy->default_source && *policy->default_source ?
	       policy->default_source : "default");
	for (size_t i = 0; i < OPTION_COUNT_ALL; i++)
		look_at_option(target, i, result, list);
	found(result, PROBE_OK, "%s", list[0] ? list : "all are the defaults");
}

/* -- verdict -------------------------------------------------------------- */

void probe_policy_verdict(const struct target *target,
			  struct probe_result *result)
{
	const struct policy *policy = target->rulebook->result.policy;
	bool connect, accept;
	enum reason reason;

	if (!policy) {
		found(result, PROBE_FAIL, "none: the policy is refused");
		remedy(result, "see policy.file and policy.environment");
		return;
	}
	connect = !policy_all_tcp(policy, POLICY_CONNECT);
	accept = !policy_all_tcp(policy, POLICY_LISTEN);
	if (connect || accept) {
		found(result, PROBE_OK,
		      "rules let connections leave TCP that it %s",
		      connect && accept ? "makes and accepts" :
		      connect ? "makes" : "accepts");
		return;
	}
	reason = policy->refusal != REASON_none ? policy->refusal :
		 policy->default_reason != REASON_none ?
		 policy->default_reason : REASON_rule_tcp;
	found(result, PROBE_FAIL, "no: %s", reason_sentence(reason));
	if (reason == REASON_mode_off)
		remedy(result, "unset " PREFIX "MODE");
	else if (reason == REASON_no_policy || reason == REASON_no_libconfig)
		remedy(result, "see policy.file");
	else
		remedy(result,
		       "add a rule for this program that says prefer (shunt.conf(5)); shunt explain tells of a single address");
}
