// SPDX-License-Identifier: BSD-2-Clause
/*
 * rdma/ on the fake runtime (t/fake), or in the guest (SHUNT_GUEST) on the
 * true one that SHUNT_RDMA_LIBRARY names.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/fd.h"
#include "base/real.h"
#include "rdma/rdma.h"
#include "rdma_help.h"

static const struct rdma_sizes sizes = { 65536, 65536 };

/* Criterion's own process loads nothing; each test is a process. */
static void use_fake(void)
{
	if (getenv("SHUNT_GUEST"))
		return;
	setenv("SHUNT_RDMA_LIBRARY", getenv("FAKE_RDMA_LIBRARY"), 1);
}

static void control(const char *rules)
{
	void (*set)(const char *);
	void *symbol, *fake;

	if (getenv("SHUNT_GUEST"))
		cr_skip_test("needs the fake runtime");
	fake = dlopen(getenv("FAKE_RDMA_LIBRARY"), RTLD_NOW);
	cr_assert_not_null(fake, "%s", dlerror());
	symbol = dlsym(fake, "fake_control");
	memcpy(&set, &symbol, sizeof(set));
	set(rules);
}

static const char *host(void)
{
	const char *text = getenv("SHUNT_T_ADDR4");

	return text ? text : "127.0.0.1";
}

/* A listener and its address. */
static int listener(struct sockaddr_storage *at)
{
	struct sockaddr_storage any = { .ss_family = AF_INET };
	int rs = rdma_socket(AF_INET, &sizes);

	cr_assert_geq(rs, 0);
	cr_assert_eq(rdma_bind(rs, (struct sockaddr *)&any,
			       addr_length(&any)), 0);
	cr_assert_eq(rdma_listen(rs, 8), 0);
	cr_assert_eq(rdma_local_address(rs, at), 0);
	inet_pton(AF_INET, host(), &((struct sockaddr_in *)at)->sin_addr);
	return rs;
}

/* Sleep until one of the events; fails the test after a while. */
static int wait_for(int rs, short events, int slice)
{
	struct pollfd wait;
	int ready, i;

	for (i = 0; i < 10000 / slice; i++) {
		ready = rdma_arm(rs, events, &wait);
		if (ready != 0)
			return ready;
		cr_assert_geq(wait.fd, 0);
		real.poll(&wait, 1, slice);
	}
	cr_assert(false, "no event came");
	return -ETIMEDOUT;
}

static void connect_to(int rs, const struct sockaddr_storage *to)
{
	int ret = rdma_connect(rs, (const struct sockaddr *)to,
			       addr_length(to));

	/* A true device may be done at once. */
	cr_assert(ret == -EINPROGRESS || ret == 0, "%d", ret);
	cr_assert_eq(wait_for(rs, POLLOUT, 5), POLLOUT);
	cr_assert_eq(rdma_error(rs), 0);
}

static void pair_up(int *a, int *b)
{
	struct sockaddr_storage at;
	int rs;

	cr_assert_eq(rdma_open(), REASON_none);
	rs = listener(&at);
	*a = rdma_socket(AF_INET, &sizes);
	connect_to(*a, &at);
	*b = rdma_accept(rs, -1, 10000);
	cr_assert_geq(*b, 0);
	rdma_close(rs);
}

static ssize_t put(int rs, const char *text)
{
	struct iovec iov = { (char *)(uintptr_t)text, strlen(text) };

	return rdma_send(rs, &iov, 1);
}

static ssize_t get(int rs, char *buf, size_t n, int flags)
{
	struct iovec iov = { buf, n };

	return rdma_recv(rs, &iov, 1, flags);
}

TestSuite(rdma, .init = use_fake, .timeout = 60);

Test(rdma, opens_and_names_the_runtime)
{
	cr_assert_str_eq(rdma_runtime_path(), "");
	errno = ENOTTY;
	cr_assert_eq(rdma_open(), REASON_none);
	cr_assert_eq(errno, ENOTTY);
	cr_assert_str_eq(rdma_runtime_path(), getenv("SHUNT_RDMA_LIBRARY"));
	cr_assert_not(rdma_inside());
}

Test(rdma, librdmacm_does_not_spin)
{
	unsigned microseconds = 10;
	FILE *file;

	file = rdma_setting("/etc/rdma/rsocket/polling_time");
	cr_assert_not_null(file);
	cr_assert_eq(fscanf(file, "%u", &microseconds), 1);
	cr_assert_eq(microseconds, 0);
	fclose(file);
	cr_assert_null(rdma_setting("/etc/rdma/rsocket/wake_up_interval"));
	cr_assert_null(rdma_setting("polling_time"));

	cr_assert_eq(rdma_open(), REASON_none);
	rdma_close(rdma_socket(AF_INET, &sizes));
	cr_assert(asked_to_spin);
}

Test(rdma, names_devices_and_says_what_it_loaded)
{
	char names[4][RDMA_NAME_MAX];

	cr_assert_eq(rdma_device_names(names, 4), 0, "nothing is loaded");
	cr_assert_eq(rdma_open(), REASON_none);
	cr_assert_not_null(strstr(rdma_runtime_news(), rdma_runtime_path()));
	cr_assert_eq(rdma_device_names(names, 4), 1);
	cr_assert_str_eq(names[0], getenv("SHUNT_GUEST") ?
			 getenv("SHUNT_T_DEV") : "fake0");
	cr_assert_eq(rdma_device_names(names, 0), 0);
	control("devices=0");
	if (!getenv("SHUNT_GUEST"))
		cr_assert_eq(rdma_device_names(names, 4), 0);
}

Test(rdma, an_old_runtime_is_refused)
{
	if (getenv("SHUNT_GUEST"))
		cr_skip_test("needs the fake runtime");
	setenv("SHUNT_RDMA_LIBRARY", getenv("FAKE_OLD_RDMA_LIBRARY"), 1);
	cr_assert_eq(rdma_open(), REASON_rdma_core_too_old);
	cr_assert_str_eq(rdma_runtime_path(), "");
	cr_assert_eq(rdma_socket(AF_INET, &sizes), -ENOSYS);
	cr_assert_null(dlopen(getenv("FAKE_OLD_RDMA_LIBRARY"),
			      RTLD_NOW | RTLD_NOLOAD));
}

Test(rdma, no_runtime)
{
	setenv("SHUNT_RDMA_LIBRARY", "/nonexistent/librdmacm.so", 1);
	cr_assert_eq(rdma_open(), REASON_no_rdma_core);
	cr_assert_eq(rdma_addresses(NULL, 0), 0);
}

Test(rdma, no_device)
{
	control("devices=0");
	cr_assert(rdma_open() == REASON_no_device ||
		  rdma_open() == REASON_no_permission);
}

Test(rdma, no_permission)
{
	control("rdma_create_event_channel=fail:13");
	cr_assert_eq(rdma_open(), REASON_no_permission);
}

Test(rdma, a_device_may_come_later)
{
	control("rdma_get_devices:1=fail:19");
	cr_assert_neq(rdma_open(), REASON_none);
	cr_assert_neq(rdma_open(), REASON_none);
	usleep(1100000);
	cr_assert_eq(rdma_open(), REASON_none);
}

/* What a child has open of the devices, by number. */
static int opened_devices(void)
{
	char path[300], target[300];
	DIR *directory = opendir("/proc/self/fd");
	struct dirent *entry;
	int count = 0;
	ssize_t size;

	while ((entry = readdir(directory))) {
		snprintf(path, sizeof(path), "/proc/self/fd/%s",
			 entry->d_name);
		size = readlink(path, target, sizeof(target) - 1);
		target[size > 0 ? size : 0] = '\0';
		count += strstr(target, "/dev/infiniband/") != NULL;
	}
	closedir(directory);
	return count;
}

Test(rdma, forked_child_has_a_runtime_of_its_own)
{
	int status, rs;
	pid_t pid;

	rdma_after_fork();
	cr_assert_eq(rdma_open(), REASON_none);
	pid = fork();
	if (pid == 0) {
		rdma_after_fork();
		if (opened_devices() > 0)
			_exit(1);
		rs = rdma_open() == REASON_none ? rdma_socket(AF_INET, &sizes)
						: -1;
		if (rs >= 0)
			rdma_close(rs);
		_exit(rs < 0 ? 2 : 0);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(status, 0, "%d", status);
	rs = rdma_socket(AF_INET, &sizes);
	cr_assert_geq(rs, 0);
	rdma_close(rs);
}

/* After it there is no other copy: the kernel would refuse its threads. */
Test(rdma, credentials_change)
{
	int rs;

	cr_assert_eq(rdma_open(), REASON_none);
	cr_assert(rdma_in_use());
	rs = rdma_socket(AF_INET, &sizes);
	cr_assert_geq(rs, 0);
	rdma_pause();
	cr_assert_eq(rdma_open(), REASON_credentials);
	cr_assert_eq(rdma_socket(AF_INET, &sizes), -ESTALE);
	rdma_resume(true);
	/* Until the last of the old is gone. */
	cr_assert_eq(rdma_open(), REASON_credentials);
	cr_assert_eq(rdma_socket(AF_INET, &sizes), -ESTALE);
	cr_assert_eq(rdma_live(), 1);
	rdma_close(rs);
	cr_assert_eq(rdma_live(), 0);
	rdma_pause();
	rdma_resume(false);
	cr_assert_eq(opened_devices() > 0, getenv("SHUNT_GUEST") != NULL);
	cr_assert_eq(rdma_open(), REASON_credentials);
	cr_assert_eq(rdma_socket(AF_INET, &sizes), -ENOSYS);
}

Test(rdma, credentials_stay)
{
	int rs;

	cr_assert_eq(rdma_open(), REASON_none);
	rdma_pause();
	rdma_resume(false);
	rs = rdma_socket(AF_INET, &sizes);
	cr_assert_geq(rs, 0);
	rdma_close(rs);
}

/* A child of a process with lanes that changes its user before its first. */
Test(rdma, credentials_change_unused)
{
	cr_assert_not(rdma_in_use());
	rdma_pause();
	rdma_resume(true);
	cr_assert_eq(rdma_open(), REASON_none);
}

Test(rdma, forked_child_stays_out_without_a_copy)
{
	pid_t pid;
	int status;

	cr_assert_eq(rdma_open(), REASON_none);
	pid = fork();
	if (pid == 0) {
		rdma_after_fork();
		if (chroot("/proc") != 0)
			_exit(geteuid() == 0);
		_exit(rdma_open() != REASON_forked);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(status, 0, "%d", status);
}

Test(rdma, addresses_are_those_with_a_device)
{
	struct sockaddr_storage found[16];
	int i, count;

	cr_assert_eq(rdma_open(), REASON_none);
	count = rdma_addresses(found, 16);
	cr_assert_geq(count, 1);
	for (i = 0; i < count; i++) {
		cr_assert(addr_is_loopback(&found[i]) ==
			  !getenv("SHUNT_GUEST"));
		cr_assert_eq(addr_port(&found[i]), 0);
	}
	control("rdma_bind_addr=fail:19");
	cr_assert_eq(rdma_addresses(found, 16), count, "kept for a second");
	usleep(1100000);
	cr_assert_eq(rdma_addresses(found, 16), 0);
}

Test(rdma, moves_bytes_both_ways)
{
	char buf[100];
	int a, b;

	pair_up(&a, &b);
	cr_assert_eq(get(b, buf, sizeof(buf), 0), -EAGAIN);
	cr_assert_eq(put(a, "hello"), 5);
	cr_assert_eq(wait_for(b, POLLIN, 500), POLLIN);
	cr_assert_eq(get(b, buf, sizeof(buf), MSG_PEEK), 5);
	cr_assert_eq(get(b, buf, sizeof(buf), 0), 5);
	cr_assert_arr_eq(buf, "hello", 5);
	cr_assert_eq(put(b, "you"), 3);
	cr_assert_eq(wait_for(a, POLLIN, 500), POLLIN);
	cr_assert_eq(get(a, buf, sizeof(buf), 0), 3);
}

/* Both ends write the same of the same bytes: the CRC-32C of "123456789". */
Test(rdma, a_ledger_is_kept)
{
	char path[64], text[2000] = "", buf[20];
	FILE *file;
	int a, b;

#ifndef SHUNT_DEBUG
	cr_skip_test("only with --enable-debug");
#endif
	snprintf(path, sizeof(path), "/tmp/ledger.%d", getpid());
	setenv("SHUNT_T_LEDGER", "/tmp/ledger", 1);
	pair_up(&a, &b);
	cr_assert_eq(put(a, "123456789"), 9);
	cr_assert_eq(wait_for(b, POLLIN, 500), POLLIN);
	cr_assert_eq(get(b, buf, sizeof(buf), MSG_PEEK), 9);
	cr_assert_eq(get(b, buf, sizeof(buf), 0), 9);
	rdma_close(a);
	rdma_close(b);
	file = fopen(path, "r");
	cr_assert_not_null(file);
	cr_assert_gt(fread(text, 1, sizeof(text) - 1, file), 0);
	fclose(file);
	unlink(path);
	cr_assert_not_null(strstr(text, " sent 0 9 e3069283\n"), "%s", text);
	cr_assert_not_null(strstr(text, " received 0 9 e3069283\n"));
}

Test(rdma, vectors_are_walked)
{
	char one[] = "ab", two[] = "cde", x[2], y[1], z[10];
	struct iovec out[] = { { one, 2 }, { NULL, 0 }, { two, 3 } };
	struct iovec in[] = { { x, 2 }, { y, 1 }, { z, 10 } };
	int a, b;

	pair_up(&a, &b);
	cr_assert_eq(rdma_send(a, out, 3), 5);
	cr_assert_eq(wait_for(b, POLLIN, 500), POLLIN);
	cr_assert_eq(rdma_recv(b, in, 3, MSG_PEEK), 5);
	cr_assert_eq(z[1], 'e');
	z[1] = 0;
	cr_assert_eq(rdma_recv(b, in, 3, 0), 5);
	cr_assert_arr_eq(x, "ab", 2);
	cr_assert_eq(y[0], 'c');
	cr_assert_arr_eq(z, "de", 2);
}

/* The wait fd sleeps when there is nothing, and wakes for each piece. */
Test(rdma, armed_wait_fd)
{
	struct pollfd wait;
	char buf[100];
	int a, b, i;

	pair_up(&a, &b);
	for (i = 0; i < 3; i++) {
		cr_assert_eq(rdma_arm(b, POLLIN, &wait), 0);
		cr_assert_eq(real.poll(&wait, 1, 20), 0);
		cr_assert_eq(put(a, "x"), 1);
		cr_assert_eq(real.poll(&wait, 1, 10000), 1);
		cr_assert_eq(rdma_ready(b, POLLIN | POLLOUT),
			     POLLIN | POLLOUT);
		cr_assert_eq(get(b, buf, sizeof(buf), 0), 1);
		cr_assert_eq(rdma_ready(b, POLLIN), 0);
	}
}

/* Who takes old news from the wait fd says so. */
Test(rdma, taken_news_is_told)
{
	struct pollfd wait;
	char buf[100];
	int a, b;

	pair_up(&a, &b);
	do {	/* what the connection itself has left there */
		cr_assert_eq(rdma_arm(b, POLLIN, &wait), 0);
	} while (wait.revents);
	put(a, "x");
	cr_assert_eq(real.poll(&wait, 1, 10000), 1);
	cr_assert_eq(get(b, buf, sizeof(buf), 0), 1);
	cr_assert_eq(rdma_arm(b, POLLIN, &wait), 0);
	cr_assert_neq(wait.revents, 0);
	cr_assert_eq(real.poll(&wait, 1, 0), 0, "taken");
}

Test(rdma, end_of_stream)
{
	char buf[100];
	int a, b, bits;

	pair_up(&a, &b);
	put(a, "bye");
	rdma_close(a);
	bits = wait_for(b, POLLIN, 500);
	while (!(bits & POLLHUP))
		bits = rdma_ready(b, POLLIN);
	cr_assert_eq(get(b, buf, sizeof(buf), 0), 3);
	cr_assert_eq(get(b, buf, sizeof(buf), 0), 0);
	cr_assert_eq(rdma_ready(b, POLLIN), POLLIN | POLLHUP);
}

Test(rdma, a_full_lane_says_so_and_wakes)
{
	static char bulk[40000];
	struct iovec iov = { bulk, sizeof(bulk) };
	struct pollfd wait;
	size_t sent = 0, got = 0;
	ssize_t ret;
	int a, b;

	pair_up(&a, &b);
	while (!(rdma_arm(a, POLLOUT, &wait) == 0 &&
		 real.poll(&wait, 1, 50) == 0)) {
		ret = rdma_send(a, &iov, 1);
		if (ret < 0)
			cr_assert_eq(ret, -EAGAIN);
		else
			sent += (size_t)ret;
	}
	while (got < sent) {
		ret = get(b, bulk, sizeof(bulk), 0);
		if (ret > 0)
			got += (size_t)ret;
		else
			wait_for(b, POLLIN, 500);
	}
	cr_assert_eq(wait_for(a, POLLOUT, 500), POLLOUT);
}

Test(rdma, refused)
{
	struct sockaddr_storage to;
	int rs, ret;

	cr_assert_eq(rdma_open(), REASON_none);
	addr_parse("127.0.0.1:1", &to);
	inet_pton(AF_INET, host(), &((struct sockaddr_in *)&to)->sin_addr);
	rs = rdma_socket(AF_INET, &sizes);
	ret = rdma_connect(rs, (struct sockaddr *)&to, addr_length(&to));
	/* A true device may be done at once here, too. */
	if (ret != -ECONNREFUSED) {
		cr_assert_eq(ret, -EINPROGRESS);
		cr_assert(wait_for(rs, POLLOUT, 5) & POLLERR);
		cr_assert_eq(rdma_error(rs), ECONNREFUSED);
	}
	rdma_close(rs);
}

Test(rdma, a_broken_lane)
{
	char buf[10];
	int a, b;

	pair_up(&a, &b);
	control("rsend:1=reset");
	cr_assert_eq(put(a, "x"), -ECONNRESET);
	cr_assert(rdma_ready(a, POLLIN) & POLLERR);
	cr_assert_eq(rdma_error(a), EIO);
	wait_for(b, POLLIN, 500);
	cr_assert_leq(get(b, buf, sizeof(buf), 0), 0);
}

Test(rdma, failures_have_reasons)
{
	const struct rlimit small = { 65536, 65536 };

	control("rsocket=fail:12");
	cr_assert_eq(rdma_open(), REASON_none);
	setrlimit(RLIMIT_MEMLOCK, &small);
	cr_assert_eq(rdma_reason(rdma_socket(AF_INET, &sizes)),
		     REASON_memlock);
	cr_assert_eq(rdma_reason(-EMFILE), REASON_no_memory);
	cr_assert_eq(rdma_reason(-ECONNREFUSED), REASON_no_route);
}

static void *close_it(void *arg)
{
	rdma_close((int)(intptr_t)arg);
	return NULL;
}

static int count_fds(void)
{
	DIR *directory = opendir("/proc/self/fd");
	int count = 0;

	while (readdir(directory))
		count++;
	closedir(directory);
	return count;
}

Test(rdma, lanes_come_and_go)
{
	int a, b, i, before = 0;

	for (i = 0; i < 12; i++) {
		pair_up(&a, &b);
		put(a, "x");
		wait_for(b, POLLIN, 500);
		rdma_close(b);
		rdma_close(a);
		if (i == 1)
			before = count_fds();
	}
	cr_assert_eq(count_fds(), before);
}

/* Not in an application's thread, then: others go on meanwhile. */
Test(rdma, close_may_be_slow)
{
	pthread_t thread;
	int a, b, c, d;

	pair_up(&a, &b);
	pair_up(&c, &d);
	control("rclose=delay:300");
	pthread_create(&thread, NULL, close_it, (void *)(intptr_t)a);
	put(c, "x");
	cr_assert_eq(wait_for(d, POLLIN, 500), POLLIN);
	pthread_join(thread, NULL);
}

/* Another library's poll() stands before ours: say so, do not hang. */
Test(rdma, a_foreign_poll_is_noticed)
{
	struct pollfd wait;
	int a, b;

	pair_up(&a, &b);
	hook_off = true;
	cr_assert_eq(rdma_arm(b, POLLIN, &wait), -ENOSYS);
}
