// SPDX-License-Identifier: BSD-2-Clause
#include "cli/filter.h"

#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "diag/reason.h"
#include "policy/value.h"

enum key {
	KEY_pid, KEY_process, KEY_user, KEY_address, KEY_local, KEY_remote,
	KEY_port, KEY_lane, KEY_state, KEY_reason, KEY_rule, KEYS
};

static const char *const names[KEYS] = {
	"pid", "process", "user", "address", "local", "remote", "port",
	"lane", "state", "reason", "rule",
};

struct word {
	enum key key;
	bool not;
	const char *text;
	uint64_t number;	/* pid, user */
	struct addr_prefix prefix;
	struct port_range ports;
};

struct filter {
	int count;
	struct word words[];
};

/* "10.0.0.0/8", "10.0.0.1:80", "[fd00::1]:80", "fd00::/8". */
static const char *parse_place(struct word *word)
{
	struct sockaddr_storage address;
	const uint8_t *bytes;
	size_t size;

	word->ports = (struct port_range){ 0, UINT16_MAX };
	if (addr_parse(word->text, &address) != 0)
		return value_prefix(word->text, &word->prefix);
	word->ports.from = word->ports.to = addr_port(&address);
	word->prefix.family = address.ss_family;
	bytes = addr_bytes(&address, &size);
	memcpy(word->prefix.bytes, bytes, size);
	word->prefix.length = (uint8_t)(size * 8);
	return NULL;
}

static const char *parse_reason(const char *text)
{
	return reason_find(text) < REASON_COUNT
		       ? NULL
		       : "not a reason (shunt.conf(5) has them)";
}

static const char *parse_value(struct word *word)
{
	switch (word->key) {
	case KEY_pid:
	case KEY_user:
		return ask_number(word->text, &word->number) ? NULL
							     : "not a number";
	case KEY_address:
	case KEY_local:
	case KEY_remote:
		return parse_place(word);
	case KEY_port:
		return value_ports(word->text, &word->ports);
	case KEY_lane:
		return strcmp(word->text, "tcp") && strcmp(word->text, "rdma")
			       ? "not tcp, nor rdma" : NULL;
	case KEY_reason:
		return parse_reason(word->text);
	default:
		return *word->text ? NULL : "empty";
	}
}

static const char *parse_word(struct word *word, const char *text)
{
	size_t length = strcspn(text, "!=");
	int key;

	word->not = text[length] == '!';
	for (key = 0; key < KEYS; key++)
		if (strlen(names[key]) == length &&
		    !strncmp(text, names[key], length))
			break;
	if (text[length + word->not] != '=' || key == KEYS)
		return "not KEY=VALUE, with a key of shunt(1)'s";
	word->key = (enum key)key;
	word->text = text + length + word->not + 1;
	return parse_value(word);
}

struct filter *filter_parse(char *const *words, int count,
			    char wrong[FILTER_WRONG_MAX])
{
	struct filter *filter = cli_alloc(sizeof(*filter) +
					  (unsigned long)count *
					  sizeof(filter->words[0]));
	const char *why;

	for (; filter->count < count; filter->count++) {
		why = parse_word(&filter->words[filter->count],
				 words[filter->count]);
		if (!why)
			continue;
		snprintf(wrong, FILTER_WRONG_MAX, "%.60s: %s",
			 words[filter->count], why);
		free(filter);
		return NULL;
	}
	return filter;
}

static bool in_ports(const struct word *word, uint16_t port)
{
	return port >= word->ports.from && port <= word->ports.to;
}

static bool at_place(const struct word *word, const char *text)
{
	struct sockaddr_storage address;

	return addr_parse(text, &address) == 0 &&
	       addr_in_prefix(&address, &word->prefix) &&
	       in_ports(word, addr_port(&address));
}

static bool has_port(const struct word *word, const char *text)
{
	const char *colon = strrchr(text, ':');
	uint64_t port;

	return colon && ask_number(colon + 1, &port) && port <= UINT16_MAX &&
	       in_ports(word, (uint16_t)port);
}

static bool is_so(const struct word *word, const struct census_conn *conn)
{
	switch (word->key) {
	case KEY_pid:
		return (uint64_t)conn->voice->pid == word->number;
	case KEY_process:
		return !fnmatch(word->text, conn->voice->name, 0);
	case KEY_user:
		return conn->voice->uid == word->number;
	case KEY_address:
		return at_place(word, conn->local) ||
		       at_place(word, conn->remote);
	case KEY_local:
		return at_place(word, conn->local);
	case KEY_remote:
		return at_place(word, conn->remote);
	case KEY_port:
		return has_port(word, conn->local) ||
		       has_port(word, conn->remote);
	case KEY_lane:
		return !strcmp(word->text, conn->lane);
	case KEY_state:
		return !strcmp(word->text, conn->state);
	case KEY_reason:
		return !strcmp(word->text, conn->reason);
	default:
		return !fnmatch(word->text, conn->rule, 0);
	}
}

bool filter_takes(const struct filter *filter, const struct census_conn *conn)
{
	bool asked[KEYS] = { false }, met[KEYS] = { false };
	const struct word *word = filter->words;
	int key;

	for (; word < filter->words + filter->count; word++) {
		if (word->not) {
			if (is_so(word, conn))
				return false;
			continue;
		}
		asked[word->key] = true;
		met[word->key] |= is_so(word, conn);
	}
	for (key = 0; key < KEYS; key++)
		if (asked[key] && !met[key])
			return false;
	return true;
}

void filter_choose(const struct filter *filter, struct census *census)
{
	size_t i, kept = 0;

	for (i = 0; i < census->count; i++)
		if (filter_takes(filter, &census->conns[i]))
			census->conns[kept++] = census->conns[i];
	census->count = kept;
}

pid_t filter_pid(const struct filter *filter)
{
	const struct word *word = filter->words;
	uint64_t pid = 0;
	int count = 0;

	for (; word < filter->words + filter->count; word++) {
		if (word->key != KEY_pid || word->not)
			continue;
		pid = word->number;
		count++;
	}
	return count == 1 && pid <= INT32_MAX ? (pid_t)pid : 0;
}
