// SPDX-License-Identifier: BSD-2-Clause
#include "cli/step.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SECOND 1000000000u

const char *step_time(const struct line *line, char text[STEP_TIME_MAX])
{
	unsigned long long ns = strtoull(line->fields[1], NULL, 10);
	time_t seconds = (time_t)(ns / SECOND);
	struct tm date;
	size_t used;

	if (!gmtime_r(&seconds, &date))
		return "?";
	used = strftime(text, STEP_TIME_MAX, "%Y-%m-%dT%H:%M:%S", &date);
	snprintf(text + used, STEP_TIME_MAX - used, ".%06uZ",
		 (unsigned)(ns % SECOND / 1000));
	return text;
}

void step_print(const struct line *line)
{
	char *const *f = line->fields, time[STEP_TIME_MAX];

	if (!strcmp(f[0], "step"))
		printf("%s conn %s %s %s %s: %s --%s--> %s  tx=%s rx=%s "
		       "reason=%s%s%s\n", step_time(line, time), f[2], f[3],
		       f[4], f[5], f[6], f[7], f[8], f[10], f[11], f[9],
		       *f[12] ? ": " : "", f[12]);
	else if (!strcmp(f[0], "missed"))
		printf("%s lost: they came faster than they were read\n",
		       f[1]);
}
