// SPDX-License-Identifier: BSD-2-Clause
#include <stddef.h>
#include <string.h>

#include "cli/cli.h"

const struct command commands[] = {
#define COMMAND(name, arguments, sentence, options) \
	{ #name, command_##name, arguments, sentence, options },
#include "cli/commands.def"
#undef COMMAND
	{ .name = NULL },
};

const struct command *command_find(const char *name)
{
	const struct command *command = commands;

	while (command->name && strcmp(command->name, name))
		command++;
	return command->name ? command : NULL;
}
