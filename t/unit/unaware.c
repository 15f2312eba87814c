// SPDX-License-Identifier: BSD-2-Clause
/* Destinations remembered as unaware. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/addr.h"
#include "conn/unaware.h"

static struct sockaddr_storage at(const char *text)
{
	struct sockaddr_storage address;

	cr_assert_eq(addr_parse(text, &address), 0);
	return address;
}

Test(unaware, is_remembered_for_its_time)
{
	struct sockaddr_storage server = at("10.0.0.1:80");
	struct sockaddr_storage port = at("10.0.0.1:81");
	struct sockaddr_storage other = at("[fd00::1]:80");

	cr_assert_not(unaware_known(&server));
	unaware_remember(&server, 60000);
	cr_assert(unaware_known(&server));
	cr_assert_not(unaware_known(&port));
	cr_assert_not(unaware_known(&other));
	unaware_remember(&server, 0);
	cr_assert_not(unaware_known(&server), "its time is over");
}

static atomic_bool enough;

static void *remember_all_the_time(void *server)
{
	while (!enough)
		unaware_remember(server, 60000);
	return NULL;
}

/* Without unaware_after_fork() one child in a few waits for ever. */
Test(unaware, another_thread_has_the_lock_at_a_fork)
{
	struct sockaddr_storage server = at("10.0.0.1:80");
	int i, status, ended = 0;
	pthread_t thread;
	pid_t pid;

	pthread_create(&thread, NULL, remember_all_the_time, &server);
	for (i = 0; i < 200; i++) {
		pid = fork();
		if (pid == 0) {
			unaware_after_fork();
			alarm(5);
			unaware_known(&server);
			_exit(0);
		}
		waitpid(pid, &status, 0);
		ended += status == 0;
		if (status)
			break;
	}
	enough = true;
	pthread_join(thread, NULL);
	cr_assert_eq(ended, 200);
}
