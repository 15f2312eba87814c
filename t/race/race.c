/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threads that want the same thing at the same time: the fd table, the
 * policy while it is reloaded, one rsocket. Runs in every build and is for
 * --enable-tsan; no Criterion, whose memory and ThreadSanitizer's collide.
 * The rsocket is the fake's, in the guest (SHUNT_GUEST) a true one.
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/real.h"
#include "fdtab/fdtab.h"
#include "policy/current.h"
#include "policy/policy.h"
#include "rdma/rdma.h"

#define THREADS 4
#define ROUNDS 3000
#define BYTES (256 * 1024)

static int ended;
static char conf[] = "/tmp/shunt-race.XXXXXX";
static int near, far;	/* the two ends of a lane */

static void must(bool truth, const char *what)
{
	if (truth)
		return;
	fprintf(stderr, "%s\n", what);
	exit(1);
}

__attribute__((visibility("default")))
int poll(struct pollfd *fds, nfds_t count, int timeout)
{
	if (rdma_poll_hooked())
		return rdma_poll_hook(fds, count, timeout);
	return real.poll(fds, count, timeout);
}

static void run(void *(*work)(void *), unsigned threads)
{
	pthread_t thread[THREADS];
	unsigned i;

	for (i = 0; i < threads; i++)
		pthread_create(&thread[i], NULL, work, (void *)(uintptr_t)i);
	for (i = 0; i < threads; i++)
		pthread_join(thread[i], NULL);
}

static void end_object(struct fdtab_object *object)
{
	__atomic_fetch_add(&ended, 1, __ATOMIC_RELAXED);
	free(object);
}

/* All threads use the same few numbers. */
static void *use_table(void *arg)
{
	struct fdtab_object *object;
	uint64_t generation;
	int fd, i;

	for (i = 0; i < ROUNDS; i++) {
		fd = (i + (int)(uintptr_t)arg) % 3;
		object = calloc(1, sizeof(*object));
		object->references = 1;
		object->last = end_object;
		fdtab_insert(fd, object);
		fdtab_release(object);
		object = fdtab_hold((fd + 1) % 3, &generation);
		if (object) {
			fdtab_remove((fd + 1) % 3, generation);
			fdtab_release(object);
		}
	}
	return NULL;
}

/* As good editors do it: whole, or not at all. */
static void write_conf(int i)
{
	char fresh[sizeof(conf) + 4];
	FILE *file;

	snprintf(fresh, sizeof(fresh), "%s.new", conf);
	file = fopen(fresh, "w");
	must(file != NULL, "no policy file");
	fprintf(file, "version = 1;\nrules = ( { name = \"r%d\"; "
		"role = \"connect\"; mode = \"%s\"; } );\n", i,
		i % 2 ? "prefer" : "tcp");
	fclose(file);
	must(rename(fresh, conf) == 0, "rename");
}

/* The first thread reloads, the others decide. */
static void *use_policy(void *arg)
{
	struct policy_query query = { .role = POLICY_CONNECT, .port = 80 };
	struct policy_decision decision;
	struct policy *policy;
	int i;

	addr_parse("10.0.0.1:80", &query.remote);
	for (i = 0; i < ROUNDS / 10; i++) {
		if (!arg) {
			write_conf(i);
			current_look_again();
		}
		policy = policy_hold_current();
		policy_decide(policy, &query, &decision);
		must(decision.mode == POLICY_TCP ||
		     !policy_all_tcp(policy, POLICY_CONNECT), "torn policy");
		policy_release(policy);
	}
	return NULL;
}

static void sleep_for(int rs, short events)
{
	struct pollfd wait;

	if (rdma_arm(rs, events, &wait) == 0)
		real.poll(&wait, 1, 100);
}

/* Both ends send and receive at once, each end's two ways in two threads. */
static void *use_lane(void *arg)
{
	static char out[BYTES], in[2][BYTES];
	unsigned way = (unsigned)(uintptr_t)arg;
	int rs = way & 1 ? near : far;
	struct iovec iov;
	size_t done = 0;
	ssize_t moved;

	while (done < BYTES) {
		iov.iov_len = BYTES - done;
		iov.iov_base = way & 2 ? &in[way & 1][done] : &out[done];
		moved = way & 2 ? rdma_recv(rs, &iov, 1, 0)
				: rdma_send(rs, &iov, 1);
		if (moved > 0)
			done += (size_t)moved;
		else
			sleep_for(rs, way & 2 ? POLLIN : POLLOUT);
	}
	return NULL;
}

static void make_lane(void)
{
	static const struct rdma_sizes sizes = { 16384, 16384 };
	struct sockaddr_storage at = { .ss_family = AF_INET };
	bool guest = getenv("SHUNT_GUEST");
	int listener;

	if (!guest)
		setenv("SHUNT_RDMA_LIBRARY", getenv("FAKE_RDMA_LIBRARY"), 1);
	must(rdma_open() == REASON_none, "no runtime or no device");
	listener = rdma_socket(AF_INET, &sizes);
	rdma_bind(listener, (struct sockaddr *)&at, addr_length(&at));
	must(rdma_listen(listener, 1) == 0, "rdma_listen");
	rdma_local_address(listener, &at);
	if (guest)
		inet_pton(AF_INET, getenv("SHUNT_T_ADDR4"),
			  &((struct sockaddr_in *)&at)->sin_addr);
	near = rdma_socket(AF_INET, &sizes);
	rdma_connect(near, (struct sockaddr *)&at, addr_length(&at));
	far = rdma_accept(listener, -1, 5000);
	must(far >= 0, "rdma_accept");
	while (!rdma_ready(near, POLLOUT))
		usleep(1000);
	must(rdma_error(near) == 0, "rdma_connect");
}

int main(void)
{
	int fd;

	alarm(120);
	real_init();
	run(use_table, THREADS);
	for (fd = 0; fd < 3; fd++)
		fdtab_evict(fd);
	must(ended == THREADS * ROUNDS && fdtab_count() == 0,
	     "an object of the fd table was lost");

	must(mkstemp(conf) >= 0, "mkstemp");
	write_conf(0);
	setenv("SHUNT_CONF", conf, 1);
	run(use_policy, THREADS);
	unlink(conf);

	make_lane();
	run(use_lane, 4);
	return 0;
}
