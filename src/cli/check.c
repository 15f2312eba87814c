// SPDX-License-Identifier: BSD-2-Clause
/* shunt check: every problem of a policy file and of the environment. */
#include <getopt.h>
#include <stdio.h>

#include "cli/cli.h"
#include "cli/policy.h"

static const char *plural(size_t count)
{
	return count == 1 ? "" : "s";
}

/* Returns how many problems the file has. */
static unsigned check_file(const char *path)
{
	struct problems problems = { .put = cli_put_problem, .arg = stdout };
	struct load_request request = { .path = path };
	struct load_result result;

	if (load_policy(&request, &result, &problems) && !result.note[0])
		printf("%s: %u rule%s, no problems\n", path,
		       result.policy->written,
		       plural(result.policy->written));
	if (result.note[0]) {
		puts(result.note);
		problems.count++;
	}
	table_free(result.policy);
	load_done(&result);
	return problems.count;
}

/* The same for the SHUNT_ variables, silent where there are none. */
static unsigned check_environment(const struct environment *environment)
{
	struct problems problems = { .put = cli_put_problem, .arg = stdout };
	size_t rules;

	rules = load_check_environment(environment, &problems);
	if (environment->count && !problems.count)
		printf("environment: %zu rule%s, no problems\n", rules,
		       plural(rules));
	return problems.count;
}

/* Every option as a process would have it now. */
static void show(const struct load_request *request)
{
	struct problems problems = { .put = NULL };
	char text[OPTION_TEXT_MAX];
	const struct settings *settings;
	struct load_result result;

	if (!load_policy(request, &result, &problems))
		return;
	settings = &result.policy->settings[0];
	printf("default = \"%s\"\n",
	       value_mode_name(result.policy->default_mode));
	for (size_t i = 0; i < OPTION_COUNT_ALL; i++)
		printf("%s.%s = \"%s\"\n", options[i].section, options[i].key,
		       option_format(&options[i],
				     option_get(&options[i], settings), text));
	table_free(result.policy);
}

int command_check(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "show", no_argument, NULL, 's' },
		{ NULL, 0, NULL, 0 },
	};
	struct load_request request = { .path = NULL };
	struct environment environment;
	bool given, shown = false;
	unsigned problems;
	int option;

	while ((option = getopt_long(argc, argv, "s", long_options,
				     NULL)) >= 0) {
		if (option != 's')
			cli_usage("check", STATUS_USAGE);
		shown = true;
	}
	if (argc - optind > 1)
		cli_usage("check", STATUS_USAGE);
	cli_environment(&environment);
	request.environment = &environment;
	request.path = optind < argc ? argv[optind] :
		       cli_policy_path(&environment, &given);
	problems = check_file(request.path);
	problems += check_environment(&environment);
	if (shown && !problems)
		show(&request);
	environment_free(&environment);
	return problems ? STATUS_PROBLEM : STATUS_FINE;
}
