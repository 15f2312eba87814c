// SPDX-License-Identifier: BSD-2-Clause
/*
 * Instructions, separated by blanks: NAME[:FROM[-TO]]=DEED[:VALUE]. NAME is a
 * function, FROM and TO count its calls from one; without them, every call.
 *
 *	rconnect=fail:111	fails with that errno
 *	rclose=delay:500	takes so many milliseconds longer
 *	rsend=short:100		moves at most so many bytes
 *	rsend:5=stall		from here on the rsocket moves nothing
 *	rsend:5=reset		the rsocket breaks, POLLERR
 *	hangup=silent		a peer that goes away signals no wait fd
 *	pump=delay:2		bytes and completions come late
 *
 * and settings: devices=0, buffer=4096 (most bytes per direction).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fake.h"

#define RULES_MOST 32

struct rule {
	char name[32], deed[16];
	long from, to, value;
};

static struct {
	char name[32];
	long calls;
} counted[RULES_MOST];

static struct rule rules[RULES_MOST];
static int rule_count;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static bool parse(const char *word, struct rule *rule)
{
	rule->from = 1;
	rule->to = 1L << 40;
	rule->value = 0;
	if (sscanf(word, "%31[a-z_]:%ld-%ld=%15[a-z]:%ld", rule->name,
		   &rule->from, &rule->to, rule->deed, &rule->value) >= 4)
		return true;
	rule->to = 1L << 40;
	if (sscanf(word, "%31[a-z_]:%ld=%15[a-z]:%ld", rule->name, &rule->from,
		   rule->deed, &rule->value) >= 3) {
		rule->to = rule->from;
		return true;
	}
	rule->from = 1;
	if (sscanf(word, "%31[a-z_]=%15[a-z]:%ld", rule->name, rule->deed,
		   &rule->value) >= 2)
		return true;
	strcpy(rule->deed, "set");
	return sscanf(word, "%31[a-z_]=%ld", rule->name, &rule->value) == 2;
}

void fake_control(const char *text)
{
	char copy[1024], *word, *rest = NULL;

	snprintf(copy, sizeof(copy), "%s", text);
	pthread_mutex_lock(&lock);
	rule_count = 0;
	memset(counted, 0, sizeof(counted));
	for (word = strtok_r(copy, " ", &rest); word && rule_count < RULES_MOST;
	     word = strtok_r(NULL, " ", &rest)) {
		if (!parse(word, &rules[rule_count++]))
			abort();
	}
	pthread_mutex_unlock(&lock);
}

__attribute__((constructor)) static void from_environment(void)
{
	const char *text = getenv("FAKE_RDMA");

	if (text)
		fake_control(text);
}

/* With the lock. */
static long *calls_of(const char *symbol)
{
	int i;

	for (i = 0; i < RULES_MOST - 1 && counted[i].name[0]; i++)
		if (!strcmp(counted[i].name, symbol))
			break;
	snprintf(counted[i].name, sizeof(counted[i].name), "%s", symbol);
	return &counted[i].calls;
}

long fake_calls(const char *symbol)
{
	long calls;

	pthread_mutex_lock(&lock);
	calls = *calls_of(symbol);
	pthread_mutex_unlock(&lock);
	return calls;
}

static enum fake_deed deed_of(const char *name)
{
	static const char *const names[] = {
		[DEED_FAIL] = "fail",	[DEED_SHORT] = "short",
		[DEED_STALL] = "stall", [DEED_RESET] = "reset",
		[DEED_SILENT] = "silent",
	};
	unsigned i;

	for (i = 1; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(names[i], name))
			return i;
	return DEED_NONE;
}

/* Count the call, sleep if it is to be late, and say what else is to be. */
struct fake_order rule_apply(const char *symbol)
{
	struct fake_order order = { DEED_NONE, 0 };
	struct timespec delay = { 0, 0 };
	const struct rule *rule;
	long call;

	pthread_mutex_lock(&lock);
	call = ++*calls_of(symbol);
	for (rule = rules; rule < rules + rule_count; rule++) {
		if (strcmp(rule->name, symbol) || call < rule->from ||
		    call > rule->to)
			continue;
		if (!strcmp(rule->deed, "delay")) {
			delay.tv_sec = rule->value / 1000;
			delay.tv_nsec = rule->value % 1000 * 1000000;
			continue;
		}
		order.deed = deed_of(rule->deed);
		order.value = rule->value;
	}
	pthread_mutex_unlock(&lock);
	if (delay.tv_sec || delay.tv_nsec)
		nanosleep(&delay, NULL);
	return order;
}

long rule_setting(const char *name, long otherwise)
{
	int i;

	pthread_mutex_lock(&lock);
	for (i = 0; i < rule_count; i++)
		if (!strcmp(rules[i].name, name) &&
		    !strcmp(rules[i].deed, "set"))
			otherwise = rules[i].value;
	pthread_mutex_unlock(&lock);
	return otherwise;
}
