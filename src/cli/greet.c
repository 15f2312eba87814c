// SPDX-License-Identifier: BSD-2-Clause
#include "cli/greet.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <stdnoreturn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/beside.h"
#include "base/clock.h"
#include "cli/cli.h"
#include "cli/preload.h"

#define LINE_MOST 1024
#define LEFT "stays on tcp: "
#define OFFERED "--aware--> "
#define REASON " reason="

/* The rule is first of all; the file's options are as they are. */
static void set_policy(const struct sockaddr_storage *remote, const char *conf)
{
	char address[ADDR_TEXT_MAX], rule[ADDR_TEXT_MAX + 32];

	snprintf(rule, sizeof(rule), "connect %s prefer",
		 addr_format(remote, address));
	setenv("SHUNT_RULES", rule, 1);
	setenv("SHUNT_MODE", "prefer", 1);
	setenv("SHUNT_LOG_LEVEL", "debug", 1);
	unsetenv("SHUNT_LOG_FD");
	if (access(conf, R_OK) == 0)
		setenv("SHUNT_CONF", conf, 1);
	else
		unsetenv("SHUNT_CONF");
}

int greet_as_program(const char *address)
{
	struct sockaddr_storage remote;
	struct pollfd server = { .events = POLLIN };

	if (addr_parse(address, &remote))
		return STATUS_USAGE;
	server.fd = socket(remote.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(server.fd, (struct sockaddr *)&remote,
		    addr_length(&remote)) == 0)
		poll(&server, 1, GREET_MS);
	return STATUS_FINE;
}

/* In the child: become the command again, as a program under shunt. */
static noreturn void become_program(const struct sockaddr_storage *remote,
				    const char *library)
{
	char path[PATH_MAX], address[ADDR_TEXT_MAX];

	preload_set(library);
	if (beside_us(path, "shunt"))
		execl(path, "shunt", GREET_WORD, addr_format(remote, address),
		      (char *)NULL);
	_exit(STATUS_OWN_FAILURE);
}

static void read_line(const char *line, struct greeted *greeted)
{
	const char *reason;
	size_t length;

	if (strstr(line, OFFERED))
		greeted->result = GREET_OFFERED;
	if (!strstr(line, LEFT) || !(reason = strstr(line, REASON)))
		return;
	reason += strlen(REASON);
	length = strcspn(reason, "=");	/* the next key's */
	while (length && reason[--length] != ' ')
		;
	snprintf(greeted->reason, sizeof(greeted->reason), "%.*s",
		 (int)length, reason);
	greeted->result = GREET_LEFT;
}

/* The child's log, until it tells or ends. */
static void listen_to(int fd, struct greeted *greeted)
{
	uint64_t now = clock_ms(), end = now + GREET_MS;
	struct pollfd log = { .fd = fd, .events = POLLIN };
	char text[LINE_MOST], *line;
	size_t size = 0;
	ssize_t more;

	for (; greeted->result == GREET_UNTOLD && now < end;
	     now = clock_ms()) {
		if (poll(&log, 1, (int)(end - now)) <= 0)
			continue;
		more = read(fd, text + size, sizeof(text) - 1 - size);
		if (more <= 0)
			return;
		size += (size_t)more;
		text[size] = '\0';
		while (greeted->result == GREET_UNTOLD &&
		       (line = strchr(text, '\n'))) {
			*line = '\0';
			read_line(text, greeted);
			size -= (size_t)(line + 1 - text);
			memmove(text, line + 1, size + 1);
		}
		if (size == sizeof(text) - 1)
			size = 0;	/* no line of ours */
	}
}

static void greet_in_child(const struct sockaddr_storage *remote,
			   const char *conf, const char *library,
			   struct greeted *greeted)
{
	int log[2];
	pid_t child;

	if (pipe2(log, O_CLOEXEC))
		return;
	child = fork();
	if (child == 0) {
		dup2(log[1], STDERR_FILENO);
		set_policy(remote, conf);
		become_program(remote, library);
	}
	close(log[1]);
	if (child > 0) {
		listen_to(log[0], greeted);
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	close(log[0]);
}

void greet_server(const struct sockaddr_storage *remote, const char *conf,
		  struct greeted *greeted)
{
	char *library = preload_library();

	memset(greeted, 0, sizeof(*greeted));
	if (library)
		greet_in_child(remote, conf, library, greeted);
	free(library);
}

/* -- what it says ---------------------------------------------------------- */

static void put_for_people(const struct greeted *greeted)
{
	const char *colon = strstr(greeted->reason, ": ");
	const char *why = colon ? colon + 2 : greeted->reason;

	if (greeted->result == GREET_OFFERED)
		puts("  greeted the server offers a lane");
	else if (greeted->result == GREET_LEFT)
		printf("  greeted no lane: %s: %s%s\n", greeted->reason,
		       colon ? "there, " : "",
		       reason_sentence(reason_find(why)));
	else
		puts(
			"  greeted no word came: the server's program accepts nothing, or libshunt.so is not beside this command");
}

void greet_put(const struct greeted *greeted, bool porcelain)
{
	static const char *const results[] = {
		[GREET_UNTOLD] = "untold",
		[GREET_OFFERED] = "offered",
		[GREET_LEFT] = "left",
	};

	if (!porcelain) {
		put_for_people(greeted);
		return;
	}
	printf("greeted\t%s\n", results[greeted->result]);
	printf("greeted_reason\t%s\n", greeted->reason);
}
