// SPDX-License-Identifier: BSD-2-Clause
#include "cli/ask.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/cli.h"

#define VOICES_MOST 4096	/* names that are looked at */
#define AT_A_TIME 512
#define ANSWER_MOST (64UL << 20)
#define ANSWERS_MOST (256UL << 20)	/* of all together */
#define PIECE 65536
#define AGAIN_MS 20		/* before a busy one is asked again */

/* One conversation. */
struct talk {
	struct voice *voice;
	struct sockaddr_un name;
	socklen_t length;
	int fd;			/* -1: not now */
	uint64_t again_ms;	/* then; 0: it is over, or under way */
	size_t room;
};

static size_t heard;	/* bytes, by one ask() */

static void end(struct talk *talk, const char *wrong)
{
	if (talk->fd >= 0)
		close(talk->fd);
	talk->fd = -1;
	talk->again_ms = 0;
	talk->voice->wrong = wrong;
}

static void later(struct talk *talk)
{
	end(talk, "it is busy with others who ask");
	free(talk->voice->text);
	talk->voice->text = NULL;
	talk->voice->size = talk->room = 0;
	talk->again_ms = clock_ms() + AGAIN_MS;
}

void ask_make_harmless(char *text, size_t size)
{
	size_t i;

	for (i = 0; i < size; i++) {
		unsigned char c = (unsigned char)text[i];
		unsigned char next = (unsigned char)text[i + 1];

		if ((c < ' ' && c != '\t' && c != '\n') || c == 0x7f ||
		    (c == 0xc2 && next >= 0x80 && next < 0xa0))
			text[i] = '?';
	}
}

static void read_name(struct voice *voice)
{
	char path[32];
	FILE *file;

	strcpy(voice->name, "?");
	if (!voice->pid)
		return;
	snprintf(path, sizeof(path), "/proc/%d/comm", (int)voice->pid);
	file = fopen(path, "re");
	if (file && fgets(voice->name, sizeof(voice->name), file))
		voice->name[strcspn(voice->name, "\n")] = '\0';
	if (file)
		fclose(file);
	ask_make_harmless(voice->name, strlen(voice->name));
}

/* Is it one whom the question is for? */
static bool is_wanted(const struct question *question,
		      const struct voice *voice)
{
	if (question->pid)
		return voice->pid == question->pid;
	return voice->pid || question->pod;
}

/* Who may not ask is answered and hung up on before. */
static void say(struct talk *talk, const char *request)
{
	char line[64];
	int size = snprintf(line, sizeof(line), "%s\n", request);

	if (send(talk->fd, line, (size_t)size, MSG_NOSIGNAL) != size &&
	    errno != EPIPE)
		end(talk, "it does not listen");
}

/* Connect and ask. False: it is not one to ask. */
static bool begin(struct talk *talk, const struct question *question)
{
	struct ucred who;
	socklen_t size = sizeof(who);
	struct voice *voice = talk->voice;

	talk->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
			  0);
	if (talk->fd < 0) {
		end(talk, "this command may open no more files");
		return true;
	}
	talk->again_ms = 0;
	if (connect(talk->fd, (struct sockaddr *)&talk->name, talk->length)) {
		if (errno != EAGAIN)
			return false;	/* it has gone */
		later(talk);
		return true;
	}
	if (getsockopt(talk->fd, SOL_SOCKET, SO_PEERCRED, &who, &size))
		return false;
	voice->pid = who.pid;
	voice->uid = who.uid;
	if (!is_wanted(question, voice))
		return false;
	read_name(voice);
	say(talk, question->request);
	return true;
}

/* Is the last line there? */
static bool is_whole(const struct voice *voice)
{
	return voice->size >= 4 &&
	       !memcmp(voice->text + voice->size - 4, "end\n", 4) &&
	       (voice->size == 4 || voice->text[voice->size - 5] == '\n');
}

/* What it says that is wrong, or NULL. */
static const char *error_of(const struct voice *voice)
{
	const char *at = voice->text;
	char *error;

	while (strncmp(at, "error\t", 6)) {
		at = strchr(at, '\n');
		if (!at || !*++at)
			return NULL;
	}
	error = strdup(at + 6);
	if (error)
		error[strcspn(error, "\n")] = '\0';
	return error ? error : "there is no memory";
}

const char *ask_check(struct voice *voice)
{
	if (!voice->text || !is_whole(voice))
		return "it does not answer";
	ask_make_harmless(voice->text, voice->size);
	if (!voice->pid)
		sscanf(voice->text, "process\t%*u\t%63[^\t\n]", voice->name);
	return error_of(voice);
}

static void finish(struct talk *talk)
{
	const char *wrong = ask_check(talk->voice);

	if (wrong && !strcmp(wrong, CHANNEL_BUSY))
		later(talk);
	else
		end(talk, wrong);
}

/* One read; the answer's end is the stream's. */
static void hear(struct talk *talk)
{
	struct voice *voice = talk->voice;
	ssize_t got;
	char *more;

	if (voice->size + PIECE + 1 > talk->room) {
		talk->room = talk->room * 2 + PIECE + 1;
		more = voice->size > ANSWER_MOST || heard > ANSWERS_MOST
			       ? NULL : realloc(voice->text, talk->room);
		if (!more) {
			end(talk, "its answer is too long");
			return;
		}
		voice->text = more;
	}
	got = read(talk->fd, voice->text + voice->size, PIECE);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got > 0) {
		heard += (size_t)got;
		voice->size += (size_t)got;
		voice->text[voice->size] = '\0';
	} else {
		finish(talk);
	}
}

/* What is to be waited for; how many, and in *next_ms what is due when. */
static nfds_t prepare(struct talk *talks, size_t count, struct pollfd *fds,
		      struct talk **of, uint64_t *next_ms)
{
	nfds_t waits = 0;
	size_t i;

	for (i = 0; i < count; i++) {
		if (talks[i].fd >= 0) {
			of[waits] = &talks[i];
			fds[waits++] = (struct pollfd){ .fd = talks[i].fd,
							.events = POLLIN };
		} else if (talks[i].again_ms && talks[i].again_ms < *next_ms) {
			*next_ms = talks[i].again_ms;
		}
	}
	return waits;
}

static void drop_unwanted(struct talk *talk)
{
	end(talk, NULL);
	talk->voice->inside = 0;	/* taken out afterwards */
}

static void ask_again(struct talk *talks, size_t count,
		      const struct question *question)
{
	uint64_t now = clock_ms();
	size_t i;

	for (i = 0; i < count; i++)
		if (talks[i].fd < 0 && talks[i].again_ms &&
		    talks[i].again_ms <= now && !begin(&talks[i], question))
			drop_unwanted(&talks[i]);
}

/* Up to AT_A_TIME conversations at the same time, to their ends. */
static void talk_to(struct talk *talks, size_t count,
		    const struct question *question, uint64_t until_ms)
{
	struct pollfd fds[AT_A_TIME];
	struct talk *of[AT_A_TIME];
	uint64_t now, next_ms;
	nfds_t waits, i;
	size_t k;

	for (;;) {
		ask_again(talks, count, question);
		next_ms = until_ms;
		waits = prepare(talks, count, fds, of, &next_ms);
		now = clock_ms();
		if (now >= until_ms || (!waits && next_ms == until_ms))
			break;
		if (poll(fds, waits,
			 next_ms > now ? (int)(next_ms - now) : 0) <= 0)
			continue;
		for (i = 0; i < waits; i++)
			if (fds[i].revents)
				hear(of[i]);
	}
	for (k = 0; k < count; k++)
		if (talks[k].fd >= 0)
			end(&talks[k], "it does not answer in time");
}

/* Every name of this network namespace; how many, or -errno. */
static ssize_t find(struct talk **talks)
{
	FILE *list = fopen("/proc/self/net/unix", "re");
	struct talk talk = { .fd = -1, .again_ms = 1 };
	size_t count = 0;
	unsigned inside;
	char line[512];

	*talks = NULL;
	if (!list)
		return -errno;
	while (count < VOICES_MOST && fgets(line, sizeof(line), list)) {
		if (!channel_in_line(line, &talk.name, &talk.length, &inside))
			continue;
		if (count % 64 == 0)
			*talks = realloc(*talks,
					 (count + 64) * sizeof(**talks));
		if (!*talks)
			cli_fail(STATUS_OWN_FAILURE, "there is no memory");
		(*talks)[count++] = talk;
	}
	fclose(list);
	return (ssize_t)count;
}

/* A file for each: the soft limit may be small. */
static void allow_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
	    limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* Those that were not to be asked, or have gone meanwhile, leave no trace. */
static void take_out(struct voices *voices)
{
	struct voice *voice = voices->all;
	char id[VOICE_ID_MAX];
	size_t i, kept = 0;

	for (i = 0; i < voices->count; i++, voice++) {
		if (!voice->inside) {
			free(voice->text);
			continue;
		}
		snprintf(voice->who, sizeof(voice->who), "%s/%s", voice->name,
			 voice_id(voice, id));
		voices->all[kept++] = *voice;
	}
	voices->count = kept;
}

int ask(const struct question *question, struct voices *voices)
{
	uint64_t until_ms = clock_ms() + question->wait_ms;
	struct talk *talks;
	ssize_t i, part, count = find(&talks);

	heard = 0;
	*voices = (struct voices){ .count = 0 };
	if (count < 0)
		return (int)count;
	allow_files();
	voices->all = cli_alloc(sizeof(*voices->all) *
				(unsigned long)(count + 1));
	voices->count = (size_t)count;
	for (i = 0; i < count; i++) {
		talks[i].voice = &voices->all[i];
		talks[i].voice->wrong = "there was no time to ask it";
		sscanf(talks[i].name.sun_path + 1, "shunt/%u/%" SCNx64,
		       &voices->all[i].inside, &voices->all[i].salt);
	}
	for (i = 0; i < count; i += part) {
		part = count - i < AT_A_TIME ? count - i : AT_A_TIME;
		talk_to(talks + i, (size_t)part, question, until_ms);
	}
	free(talks);
	take_out(voices);
	return 0;
}

int ask_open(const struct question *question, struct voice *voice)
{
	struct talk *talks;
	ssize_t i, count = find(&talks);
	int fd = -ENOENT;

	for (i = 0; i < count && fd < 0; i++) {
		talks[i].voice = voice;
		if (!begin(&talks[i], question))
			end(&talks[i], NULL);
		else if (talks[i].fd >= 0)
			fd = talks[i].fd;
	}
	free(talks);
	if (fd >= 0)
		fcntl(fd, F_SETFL, 0);
	return fd;
}

void ask_free(struct voices *voices)
{
	size_t i;

	for (i = 0; i < voices->count; i++)
		free(voices->all[i].text);
	free(voices->all);
	*voices = (struct voices){ .count = 0 };
}

void ask_enter_network(pid_t pid)
{
	struct stat theirs, ours;
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	if (stat(path, &theirs) || stat("/proc/self/ns/net", &ours) ||
	    (theirs.st_ino == ours.st_ino && theirs.st_dev == ours.st_dev))
		return;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET))
		cli_fail(STATUS_PROBLEM, "process %d is in another network "
			 "namespace (%m): ask there, or as root", (int)pid);
	close(fd);
}

bool ask_line(struct line *line, char **text)
{
	static char nothing[] = "";
	char *whole = strsep(text, "\n");
	int i;

	if (!whole || !strcmp(whole, "end"))
		return false;
	line->count = 0;
	while (whole && line->count < FIELDS_MOST)
		line->fields[line->count++] = strsep(&whole, "\t");
	for (i = line->count; i < FIELDS_MOST; i++)
		line->fields[i] = nothing;
	return true;
}

const char *voice_id(const struct voice *voice, char text[VOICE_ID_MAX])
{
	if (voice->pid)
		snprintf(text, VOICE_ID_MAX, "%d", (int)voice->pid);
	else
		snprintf(text, VOICE_ID_MAX, "%u:%08" PRIx64, voice->inside,
			 voice->salt >> 32);
	return text;
}

bool ask_number(const char *text, uint64_t *number)
{
	char *rest;

	*number = 0;
	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*number = strtoull(text, &rest, 10);
	return !*rest && !errno;
}
