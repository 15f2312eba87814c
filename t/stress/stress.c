// SPDX-License-Identifier: BSD-2-Clause
/*
 * A program that knows nothing of shunt and does everything at once: threads
 * that connect, talk, duplicate, fork, spawn and close, to two servers in the
 * same process, of which the rules may leave the one with the low port to TCP.
 * Every byte is checked, and at the end that no fd is left over.
 *
 *	stress SECONDS THREADS SEED
 *
 * It ends with 1 at the first thing that is wrong. t/stress/run preloads it.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define OPEN_MOST 6		/* connections of a thread */
#define TALK_MOST 16384
#define SPARE 24		/* fds that a runtime may keep */
#define SETTLE_S 60

/* ThreadSanitizer cannot have a child of threads with threads of its own. */
#ifdef __SANITIZE_THREAD__
#define CHILD_WAYS 1
#else
#define CHILD_WAYS 3
#endif

static struct sockaddr_in servers[2];
static atomic_bool over;
static atomic_ulong talks, opened, forks, spawns, refused;
static unsigned seed;

static void wrong(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fprintf(stderr, "stress: %d: ", getpid());
	vfprintf(stderr, format, args);
	fprintf(stderr, ": %s\n", strerror(errno));
	va_end(args);
	_exit(1);
}

static unsigned draw(unsigned *dice, unsigned most)
{
	return (unsigned)rand_r(dice) % most;
}

/* -- the server: an echo that ends each stream when its peer does ----------- */

static void *echo(void *arg)
{
	int fd = (int)(long)arg;
	char buf[TALK_MOST];
	ssize_t got, put, at;

	while ((got = read(fd, buf, sizeof(buf))) > 0)
		for (at = 0; at < got; at += put) {
			put = send(fd, buf + at, got - at, MSG_NOSIGNAL);
			if (put < 0)
				goto out;	/* reset by its client */
		}
	shutdown(fd, SHUT_WR);
out:
	close(fd);
	return NULL;
}

static void detached(void *(*run)(void *), long arg)
{
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, 256 * 1024);
	errno = pthread_create(&thread, &attr, run, (void *)arg);
	if (errno)
		wrong("pthread_create");
	pthread_attr_destroy(&attr);
}

static void *serve(void *arg)
{
	int listener = (int)(long)arg, fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0)
		detached(echo, fd);
	return NULL;
}

/* -- a client thread ---------------------------------------------------------- */

struct client {
	unsigned dice;
	int fds[OPEN_MOST];
	int count;
	char out[TALK_MOST], in[TALK_MOST];
};

static void await(struct client *c, int fd)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	struct epoll_event event = { .events = EPOLLIN };
	int set, got;

	switch (draw(&c->dice, 3)) {
	case 0:
		if (poll(&wait, 1, 30000) != 1)
			wrong("poll");
		break;
	case 1:
		set = epoll_create1(EPOLL_CLOEXEC);
		if (set < 0 || epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) ||
		    epoll_ctl(set, EPOLL_CTL_MOD, fd, &event) ||
		    epoll_ctl(set, EPOLL_CTL_DEL, fd, NULL) ||
		    epoll_ctl(set, EPOLL_CTL_ADD, fd, &event))
			wrong("epoll");
		do {	/* the kernel lets an ignored SIGCHLD interrupt it */
			got = epoll_wait(set, &event, 1, 30000);
		} while (got < 0 && errno == EINTR);
		if (got != 1)
			wrong("epoll_wait");
		close(set);
		break;
	default:
		break;
	}
}

/* Some bytes there and back. */
static void talk(struct client *c, int fd)
{
	size_t n = 1 + draw(&c->dice, TALK_MOST - 1), at;
	ssize_t got;

	for (at = 0; at < n; at++)
		c->out[at] = (char)rand_r(&c->dice);
	for (at = 0; at < n; at += (size_t)got) {
		got = write(fd, c->out + at, n - at);
		if (got < 0)
			wrong("write to %d", fd);
	}
	for (at = 0; at < n; at += (size_t)got) {
		await(c, fd);
		got = read(fd, c->in + at, n - at);
		if (got <= 0)
			wrong("read from %d after %zu of %zu: %zd", fd, at, n,
			      got);
	}
	if (memcmp(c->in, c->out, n) != 0)
		wrong("wrong bytes from %d", fd);
	talks++;
}

static void connected(int fd)
{
	struct pollfd wait = { .fd = fd, .events = POLLOUT };
	socklen_t length = sizeof(errno);

	if (errno != EINPROGRESS || poll(&wait, 1, 30000) != 1 ||
	    getsockopt(fd, SOL_SOCKET, SO_ERROR, &errno, &length) != 0 || errno)
		wrong("connect in the background");
}

static int open_one(struct client *c)
{
	int type = draw(&c->dice, 2) ? SOCK_NONBLOCK : 0;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | type, 0);
	struct sockaddr_in *to = &servers[draw(&c->dice, 4) == 0];

	if (fd < 0)
		wrong("socket");
	if (connect(fd, (struct sockaddr *)to, sizeof(*to)) != 0)
		connected(fd);
	fcntl(fd, F_SETFL, 0);
	opened++;
	return fd;
}

static void drop(struct client *c, int i)
{
	const struct linger reset = { .l_onoff = 1, .l_linger = 0 };
	int fd = c->fds[i];
	char byte;

	switch (draw(&c->dice, 4)) {
	case 0:		/* in order: the echo ends its side, too */
		if (shutdown(fd, SHUT_WR) != 0)
			wrong("shutdown of %d", fd);
		if (read(fd, &byte, 1) != 0)
			wrong("no end of %d", fd);
		break;
	case 1:
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		break;
	default:
		break;
	}
	if (close(fd) != 0)
		wrong("close of %d", fd);
	c->fds[i] = c->fds[--c->count];
}

static void duplicate(struct client *c, int i)
{
	int fd = c->fds[i], copy;

	switch (draw(&c->dice, 3)) {
	case 0:
		copy = dup(fd);
		break;
	case 1:
		copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
		break;
	default:	/* onto a file that somebody else might want */
		copy = open("/dev/null", O_RDONLY | O_CLOEXEC);
		if (copy >= 0)
			copy = dup3(fd, copy, O_CLOEXEC);
	}
	if (copy < 0)
		wrong("dup of %d", fd);
	talk(c, copy);
	if (draw(&c->dice, 2)) {
		c->fds[i] = copy;
		copy = fd;
	}
	close(copy);
	talk(c, c->fds[i]);
}

/* Numbers come and go for other things as well. */
static void other_files(void)
{
	int ends[2], file = open("/dev/null", O_RDONLY | O_CLOEXEC);
	char byte = 'x';

	if (file < 0 || pipe2(ends, O_CLOEXEC) != 0)
		wrong("pipe");
	if (write(ends[1], &byte, 1) != 1 || read(ends[0], &byte, 1) != 1 ||
	    byte != 'x')
		wrong("a pipe lost its byte");
	close(ends[0]);
	close(ends[1]);
	close(file);
}

static void ended_well(pid_t pid, const char *what)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			wrong("waitpid");
	if (status != 0) {
		errno = 0;
		wrong("%s ended with %#x", what, status);
	}
}

static void fork_one(struct client *c, int i)
{
	pid_t pid = fork();
	int fd;

	if (pid < 0)
		wrong("fork");
	if (pid == 0) {
		switch (draw(&c->dice, CHILD_WAYS)) {
		case 0:
			break;
		case 1:
			talk(c, c->fds[i]);
			break;
		default:
			fd = open_one(c);
			talk(c, fd);
			close(fd);
		}
		_exit(0);
	}
	ended_well(pid, "a child");
	talk(c, c->fds[i]);
	forks++;
}

static void spawn_one(void)
{
	char name[] = "true", *const argv[] = { name, NULL };
	pid_t pid;

	errno = posix_spawnp(&pid, "true", NULL, NULL, argv, environ);
	if (errno == EBUSY) {	/* libshunt(7): a lane did not come back */
		refused++;
		return;
	}
	if (errno)
		wrong("posix_spawn");
	ended_well(pid, "true");
	spawns++;
}

static void step(struct client *c)
{
	unsigned what = draw(&c->dice, 100);
	int i;

	if (c->count == 0 || (what < 10 && c->count < OPEN_MOST)) {
		c->fds[c->count++] = open_one(c);
		return;
	}
	i = (int)draw(&c->dice, (unsigned)c->count);
	if (what < 20)
		drop(c, i);
	else if (what < 30)
		duplicate(c, i);
	else if (what < 40)
		other_files();
	else if (what < 43)
		fork_one(c, i);
	else if (what < 44)
		spawn_one();
	else
		talk(c, c->fds[i]);
}

static void *use(void *arg)
{
	struct client *c = calloc(1, sizeof(*c));

	if (!c)
		wrong("calloc");
	c->dice = seed * 1000 + (unsigned)(long)arg;
	while (!over)
		step(c);
	while (c->count > 0)
		drop(c, 0);
	free(c);
	return NULL;
}

/* -- all of it ------------------------------------------------------------------ */

static int open_fds(bool tell)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	char to[256];
	int count = 0;

	if (!dir)
		wrong("/proc/self/fd");
	while ((entry = readdir(dir))) {
		count++;
		if (!tell)
			continue;
		memset(to, 0, sizeof(to));
		(void)!readlinkat(dirfd(dir), entry->d_name, to,
				  sizeof(to) - 1);
		fprintf(stderr, "%s %s\n", entry->d_name, to);
	}
	closedir(dir);
	return count;
}

/* What is closed may take a moment to be gone. */
static void none_left(int before)
{
	int left = 0, i;

	for (i = 0; i < SETTLE_S * 10; i++) {
		left = open_fds(false) - before;
		if (left <= SPARE)
			return;
		usleep(100000);
	}
	open_fds(true);
	errno = 0;
	wrong("%d fds more than at the start", left);
}

static void begin_server(struct sockaddr_in *at, unsigned low, unsigned high)
{
	socklen_t length = sizeof(*at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	unsigned port;

	at->sin_family = AF_INET;
	at->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	for (port = low; port <= high; port++) {
		at->sin_port = htons((uint16_t)port);
		if (bind(fd, (struct sockaddr *)at, length) == 0)
			break;
	}
	if (listen(fd, 128) != 0 ||
	    getsockname(fd, (struct sockaddr *)at, &length) != 0)
		wrong("listen");
	detached(serve, fd);
}

int main(int argc, char **argv)
{
	pthread_t threads[64];
	int i, before, count = argc == 4 ? atoi(argv[2]) : 0;

	if (count < 1 || count > 64) {
		fputs("usage: stress SECONDS THREADS SEED\n", stderr);
		return 2;
	}
	seed = (unsigned)atoi(argv[3]);
	before = open_fds(false);
	begin_server(&servers[0], 0, 0);
	begin_server(&servers[1], 20000, 29999);
	for (i = 0; i < count; i++)
		if (pthread_create(&threads[i], NULL, use, (void *)(long)i))
			wrong("pthread_create");
	sleep((unsigned)atoi(argv[1]));
	over = true;
	for (i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	none_left(before);
	printf("%lu connections, %lu talks, %lu forks, %lu spawns, %lu refused\n",
	       atomic_load(&opened), atomic_load(&talks), atomic_load(&forks),
	       atomic_load(&spawns), atomic_load(&refused));
	return 0;
}
