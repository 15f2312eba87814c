// SPDX-License-Identifier: BSD-2-Clause
/* What shunt doctor --json prints: docs/doctor.schema.json describes it. */
#include <stdio.h>
#include <string.h>

#include "cli/doctor.h"
#include "cli/json.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "unreleased"
#endif

static void print_target(const struct target *target)
{
	fputs("  \"target\": { ", stdout);
	json_pair("kind", target_kind(target));
	if (target->program) {
		fputs(", ", stdout);
		json_pair("program", target->program);
	}
	if (target->pid)
		printf(", \"pid\": %d", (int)target->pid);
	if (!target->identity_error)
		printf(", \"user\": %u", target->identity.uid);
	puts(" },");
}

static void print_counts(const struct probe_result *results, const bool *asked)
{
	unsigned counts[3] = { 0 };
	enum probe_status worst = PROBE_OK;

	for (int i = 0; i < probe_count; i++) {
		if (!asked[i])
			continue;
		counts[results[i].status]++;
		if (results[i].status > worst)
			worst = results[i].status;
	}
	printf("  \"status\": \"%s\",\n", probe_status_name(worst));
	printf("  \"counts\": { \"ok\": %u, \"warn\": %u, \"fail\": %u },\n",
	       counts[PROBE_OK], counts[PROBE_WARN], counts[PROBE_FAIL]);
}

static void print_details(const char *lines)
{
	const char *separator = "";
	size_t length;

	fputs("\"details\": [", stdout);
	for (; *lines; lines += length + (lines[length] == '\n')) {
		length = strcspn(lines, "\n");
		fputs(separator, stdout);
		separator = ", ";
		json_bytes(lines, length);
	}
	fputs("]", stdout);
}

static void print_probe(const struct probe *probe,
			const struct probe_result *result)
{
	fputs("    { ", stdout);
	json_pair("id", probe->id);
	fputs(", ", stdout);
	json_pair("area", probe->area);
	fputs(", ", stdout);
	json_pair("asks", probe->asks);
	fputs(",\n      ", stdout);
	json_pair("status", probe_status_name(result->status));
	fputs(", ", stdout);
	json_pair("found", result->found);
	fputs(",\n      ", stdout);
	print_details(result->details);
	if (result->remedy[0]) {
		fputs(",\n      ", stdout);
		json_pair("remedy", result->remedy);
	}
	fputs(" }", stdout);
}

void doctor_print_json(const struct target *target,
		       const struct probe_result *results, const bool *asked)
{
	const char *separator = "";

	puts("{\n  \"version\": 1,");
	fputs("  ", stdout);
	json_pair("shunt", PACKAGE_VERSION);
	puts(",");
	print_target(target);
	print_counts(results, asked);
	puts("  \"probes\": [");
	for (int i = 0; i < probe_count; i++) {
		if (!asked[i])
			continue;
		fputs(separator, stdout);
		separator = ",\n";
		print_probe(&probes[i], &results[i]);
	}
	puts("\n  ]\n}");
}
