// SPDX-License-Identifier: BSD-2-Clause
#include "policy/load.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/real.h"
#include "policy/file.h"
#include "policy/grow.h"
#include "policy/keys.h"

/* What a load is made of. */
struct load {
	const struct load_request *request;
	struct load_result *result;
	struct problems *problems;
	struct draft draft;
	struct source source;
	enum override override;
	enum reason default_reason;
};

/* Remember that the file was looked for, so that its coming is noticed. */
static void note_missing(struct load *load, const struct stamp *stamp)
{
	struct source_file file = { .stamp = *stamp };

	file.path = strdup(load->request->path);
	if (file.path && append(&load->source.files, &load->source.file_count,
				&file))
		return;
	free(file.path);
	problem_no_memory(load->problems);
}

/* Is it only for now that no file, and so no library, can be opened? */
static bool out_of_files(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return errno == EMFILE || errno == ENFILE;
	real.close(fd);
	return false;
}

/* `library` is NULL when it could not be opened for the time being. */
static void read_text(struct load *load, const struct libconfig *library)
{
	const struct load_request *request = load->request;
	bool fine;

	load->source.closed = request->text != NULL;
	if (request->text)
		fine = source_take(&load->source, request->path, request->text,
				   request->length, load->problems);
	else
		fine = source_read(&load->source, request->path,
				   load->problems);
	if (!fine)
		return;
	if (library) {
		file_read(library, &load->source, &load->draft,
			  load->problems);
		return;
	}
	load->source.files[0].stamp.error = EMFILE;
	problem_no_memory(load->problems);
}

static void read_file(struct load *load)
{
	const struct load_request *request = load->request;
	char words[LIBCONFIG_ERROR_MAX];
	struct stamp stamp = { .error = 0 };
	struct libconfig library;
	bool opened;

	if (!request->text)
		stamp = stamp_take(request->path);
	if (stamp.error == ENOENT && request->may_miss) {
		note_missing(load, &stamp);
		return;
	}
	opened = libconfig_open(&library, words);
	if (opened || out_of_files(request->path)) {
		load->default_reason = REASON_default_tcp;
		read_text(load, opened ? &library : NULL);
		return;
	}
	load->default_reason = REASON_no_libconfig;
	snprintf(load->result->note, sizeof(load->result->note),
		 "%s is not used: libconfig cannot be loaded: %.200s",
		 request->path, words);
	note_missing(load, &stamp);
}

static void read_all(struct load *load)
{
	const struct environment *environment = load->request->environment;

	if (environment)
		load->override = environment_mode(environment, load->problems);
	if (load->override == OVERRIDE_OFF) {
		environment_options(environment, &load->draft, load->problems);
		return;
	}
	if (environment)
		environment_rules(environment, &load->draft, load->problems);
	if (load->draft.rule_count)
		load->default_reason = REASON_default_tcp;
	if (load->request->path)
		read_file(load);
	if (environment)
		environment_options(environment, &load->draft, load->problems);
	if (load->draft.default_set &&
	    load->default_reason == REASON_no_policy)
		load->default_reason = REASON_default_tcp;
	/* without its file, a policy's default may be much too wide */
	if (load->default_reason == REASON_no_libconfig)
		load->draft.default_mode = POLICY_TCP;
}

static void compile(struct load *load)
{
	struct table_request request = {
		.program = load->request->program,
		.override = load->override,
		.default_reason = load->default_reason,
	};
	struct policy *policy;
	int error;

	policy = table_compile(&load->draft, &request, &error);
	if (error == -E2BIG)
		problem_add(load->problems, "%s: the rules have more than a "
			    "million prefixes and port ranges",
			    load->request->path ? load->request->path :
			    "SHUNT_RULES");
	else if (error)
		problem_no_memory(load->problems);
	if (policy && load->override == OVERRIDE_OFF)
		policy->refusal = REASON_mode_off;
	load->result->policy = policy;
}

/* The file of a rule's auth; what it was is kept for the reload. */
static void read_keys(struct load *load, const char *path,
		      struct keys_loaded *loaded)
{
	struct source_file file = { .of_keys = true };
	bool fresh;

	keys_load(loaded, load->request->root, path, &file.stamp, &fresh,
		  load->problems);
	if (!fresh)
		return;
	file.path = strdup(path);
	if (file.path && append(&load->source.files, &load->source.file_count,
				&file))
		return;
	free(file.path);
	problem_no_memory(load->problems);
}

/* Those of the rules for this program, or of all if it is not known. */
static void read_all_keys(struct load *load)
{
	const struct program *program = load->request->program;
	struct keys_loaded loaded = { .count = 0 };
	size_t i;

	for (i = 0; i < load->draft.rule_count; i++) {
		const struct draft_rule *rule = &load->draft.rules[i];

		if (rule->auth &&
		    (!program || table_rule_is_for(rule, program)))
			read_keys(load, rule->auth, &loaded);
	}
	if (load->problems->count)
		key_wipe(&loaded, sizeof(loaded));
	else if (keys_publish(&loaded) != 0)
		problem_add(load->problems,
			    "more key files than %d were named since the process began",
			    KEYS_FILES);
}

/* The list of files goes to the policy or, without one, to the result. */
static void hand_over_files(struct load *load)
{
	struct load_result *result = load->result;
	struct source *source = &load->source;

	if (result->policy) {
		result->policy->files = source->files;
		result->policy->file_count = source->file_count;
	} else {
		result->files = source->files;
		result->file_count = source->file_count;
	}
	source->files = NULL;
	source->file_count = 0;
}

struct policy *load_policy(const struct load_request *request,
			   struct load_result *result,
			   struct problems *problems)
{
	struct load load = {
		.request = request,
		.result = result,
		.problems = problems,
		.default_reason = REASON_no_policy,
	};

	*result = (struct load_result){ .policy = NULL };
	read_all(&load);
	if (!request->no_keys)
		read_all_keys(&load);
	if (!problems->count)
		compile(&load);
	hand_over_files(&load);
	source_free(&load.source);
	draft_free(&load.draft);
	return result->policy;
}

void load_done(struct load_result *result)
{
	for (size_t i = 0; i < result->file_count; i++)
		free(result->files[i].path);
	free(result->files);
	result->files = NULL;
	result->file_count = 0;
}

size_t load_check_environment(const struct environment *environment,
			      struct problems *problems)
{
	struct draft draft = { .rules = NULL };
	size_t rules;

	environment_mode(environment, problems);
	environment_rules(environment, &draft, problems);
	environment_options(environment, &draft, problems);
	environment_unknown(environment, problems);
	rules = draft.rule_count;
	draft_free(&draft);
	return rules;
}
