/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Asking the processes with the library on their control sockets
 * (diag/channel.h), all at the same time: one that does not answer costs the
 * others nothing. What they say is hostile until checked: an answer has a most,
 * no control characters are left in it, and the time is over for all at once.
 */
#ifndef CLI_ASK_H
#define CLI_ASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "diag/channel.h"

struct question {
	const char *request;
	unsigned wait_ms;	/* for all of it */
	pid_t pid;		/* of this process alone; 0: all */
	/*
	 * Also those of pid namespaces that this one does not see: the other
	 * containers of a pod. Who they are nobody vouches for.
	 */
	bool pod;
};

#define VOICE_ID_MAX 40

/* A process that was asked. */
struct voice {
	pid_t pid;		/* as seen from here; 0: it is not seen */
	unsigned inside;	/* what it calls itself */
	uint64_t salt;		/* tells apart those that are not seen */
	uid_t uid;		/* whose it is */
	char name[CHANNEL_NAME_MAX];
	char who[CHANNEL_NAME_MAX + VOICE_ID_MAX];	/* "NAME/ID" */
	char *text;		/* lines, the last is "end"; NULL: none */
	size_t size;
	const char *wrong;	/* NULL, or why there is no answer */
};

struct voices {
	struct voice *all;
	size_t count;
};

/* Ask. -errno: it cannot be known who is there. ask_free() in any case. */
int ask(const struct question *question, struct voices *voices);
void ask_free(struct voices *voices);

/*
 * Ask one process, and be told as long as it speaks: a socket to read, which
 * blocks, and in *voice who it is; -ENOENT: nobody answers for it.
 */
int ask_open(const struct question *question, struct voice *voice);

/* What would drive a terminal becomes question marks. text[size] is 0. */
void ask_make_harmless(char *text, size_t size);

/* A process of a network namespace of its own: go there, or end with a word. */
void ask_enter_network(pid_t pid);

#define FIELDS_MOST 40

/* A line of an answer, cut into fields. */
struct line {
	const struct voice *voice;
	char *fields[FIELDS_MOST];	/* "" behind the last */
	int count;
};

/*
 * Cut the line that *text begins with, which is written to, and move on to the
 * next one. False: there is none.
 */
bool ask_line(struct line *line, char **text);

/*
 * All has come: take out what would drive a terminal, and let one that is not
 * seen say its name. NULL, or what is wrong with the answer, or it says itself.
 * `text` has room for a NUL, which is there, behind `size`.
 */
const char *ask_check(struct voice *voice);

/* "4711", or "1:1f0c22ab" for one that is not seen. */
const char *voice_id(const struct voice *voice, char text[VOICE_ID_MAX]);

/* All of it a number. */
bool ask_number(const char *text, uint64_t *number);

#endif
