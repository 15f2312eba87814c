// SPDX-License-Identifier: BSD-2-Clause
/* What shunt ss --json prints: docs/ss.schema.json describes it. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/json.h"
#include "cli/ss.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "unreleased"
#endif

static void print_process(const struct voice *voice)
{
	char id[VOICE_ID_MAX];

	fputs("\"process\": { ", stdout);
	json_pair("id", voice_id(voice, id));
	fputs(", ", stdout);
	json_pair("name", voice->name);
	if (voice->pid)
		printf(", \"pid\": %d", (int)voice->pid);
	printf(", \"user\": %u }", (unsigned)voice->uid);
}

static void print_flow(const char *name, const struct census_conn *conn,
		       enum flow flow)
{
	printf("\"%s\": { \"bytes\": %" PRIu64 ", \"messages\": %" PRIu64,
	       name, conn->bytes[flow], conn->messages[flow]);
	if (conn->rated)
		printf(", \"rate\": %" PRIu64, conn->rates[flow]);
	fputs(" }", stdout);
}

static void print_lane(const char *name, const struct census_conn *conn,
		       enum flow sent, enum flow received)
{
	printf("      \"%s\": { ", name);
	print_flow("sent", conn, sent);
	fputs(", ", stdout);
	print_flow("received", conn, received);
	fputs(" }", stdout);
}

static void print_conn(const struct census_conn *conn)
{
	fputs("    { ", stdout);
	print_process(conn->voice);
	printf(", \"id\": %" PRIu64 ",\n      ", conn->id);
	json_pair("local", conn->local);
	fputs(", ", stdout);
	json_pair("remote", conn->remote);
	fputs(", ", stdout);
	json_pair("role", strcmp(conn->direction, "->") ? "passive"
							 : "active");
	fputs(",\n      ", stdout);
	json_pair("state", conn->state);
	fputs(", ", stdout);
	json_pair("lane", conn->lane);
	fputs(", ", stdout);
	json_pair("reason", conn->reason);
	fputs(", ", stdout);
	json_pair("rule", conn->rule);
	printf(",\n      \"age_ms\": %" PRIu64 ", \"ring\": %" PRIu64
	       ", \"retreats\": %" PRIu64 ",\n", conn->age_ms, conn->ring,
	       conn->retreats);
	print_lane("tcp", conn, FLOW_TCP_SENT, FLOW_TCP_RECEIVED);
	fputs(",\n", stdout);
	print_lane("rdma", conn, FLOW_RDMA_SENT, FLOW_RDMA_RECEIVED);
	fputs(" }", stdout);
}

static void print_problems(const struct voices *voices)
{
	const char *separator = "\n    { ";
	size_t i;

	fputs("  \"problems\": [", stdout);
	for (i = 0; i < voices->count; i++) {
		if (!voices->all[i].wrong)
			continue;
		fputs(separator, stdout);
		separator = ",\n    { ";
		print_process(&voices->all[i]);
		fputs(", ", stdout);
		json_pair("wrong", voices->all[i].wrong);
		fputs(" }", stdout);
	}
	puts(" ]\n}");
}

void ss_print_json(const struct census *census, double interval)
{
	size_t i;

	puts("{\n  \"version\": 1,");
	fputs("  ", stdout);
	json_pair("shunt", PACKAGE_VERSION);
	puts(",");
	if (interval)
		printf("  \"interval\": %.3f,\n", interval);
	fputs("  \"connections\": [", stdout);
	for (i = 0; i < census->count; i++) {
		puts(i ? "," : "");
		print_conn(&census->conns[i]);
	}
	puts(" ],");
	print_problems(&census->voices);
}
