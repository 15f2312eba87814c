// SPDX-License-Identifier: BSD-2-Clause
/*
 * The marks on real links: two network namespaces with a veth(4) pair between
 * them, this process in one or the other. Needs root.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mark_help.h"

TestSuite(mark_net, .init = real_init, .timeout = 120);

static int home = -1, far = -1;	/* the client's and the server's */

__attribute__((format(printf, 1, 2)))
static bool run(const char *format, ...)
{
	char command[300], quiet[340];
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	snprintf(quiet, sizeof(quiet), "{ %s; } > /dev/null 2>&1", command);
	return system(quiet) == 0;
}

static void go(int network)
{
	cr_assert_eq(setns(network, CLONE_NEWNET), 0, "setns: %m");
}

/* A fresh namespace, which this thread is in from now on; -1: none. */
static int make_network(void)
{
	if (unshare(CLONE_NEWNET) != 0)
		return -1;
	return run("ip link set lo up")
		       ? open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)
		       : -1;
}

static bool make_pair(void)
{
	far = make_network();
	home = far >= 0 ? make_network() : -1;
	if (home < 0 || !run("ip link add name va type veth peer name vb") ||
	    !run("ip link set vb netns /proc/%d/fd/%d", getpid(), far) ||
	    !run("ip link set va up && ip addr add 10.9.0.1/24 dev va &&"
		 " ip addr add fd09::1/64 dev va nodad"))
		return false;
	go(far);
	return run("ip link set vb up && ip addr add 10.9.0.2/24 dev vb &&"
		   " ip addr add fd09::2/64 dev vb nodad");
}

static void need_pair(void)
{
	if (!make_pair())
		cr_skip_test("no network namespaces with veth can be made (they want root)");
}

/* False: there is no such setting to be set. */
static bool set_system(const char *name, const char *value)
{
	char path[100];
	ssize_t put;
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/%s", name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	put = write(fd, value, strlen(value));
	close(fd);
	return put == (ssize_t)strlen(value);
}

static const char *server_address(sa_family_t family)
{
	return family == AF_INET ? "10.9.0.2:0" : "[fd09::2]:0";
}

/*
 * MTU of the server and of the client, the server's mark (0: none; 1: its
 * automatic one), what the client reads over IPv4 and IPv6, and whether it is
 * seen: a mark by hand is where it is read as it is.
 */
static const struct row {
	unsigned server, client, mark, reads4, reads6;
	bool seen;
} rows[] = {
	{ 1500, 1500, 0, 1459, 1427, false },
	{ 1500, 1500, 1, 1457, 1425, true },
	{ 9000, 9000, 0, 8947, 8931, false },
	{ 9000, 9000, 1, 8945, 8929, true },
	{ 1450, 1450, 1, 1393, 1377, true },
	{ 1400, 1400, 1, 1345, 1329, true },
	{ 1280, 1280, 1, 1233, 1217, true },
	{ 1500, 9000, 1, 1457, 1425, true },
	{ 1500, 9000, 0, 1460, 1440, false },
	{ 9000, 1500, 1, 1459, 1427, false },
	{ 9000, 1500, 1457, 1457, 1427, true },	/* for IPv6 it is too large */
	{ 9000, 1500, 1425, 1425, 1425, true },
	{ 9000, 1450, 1457, 1395, 1379, false },
	{ 1500, 1500, 1473, 1459, 1427, false },	/* not announced */
};

/* Over whatever is between: the mark, as a listener gets it, and a client. */
static void play(const struct row *row, sa_family_t family, const char *how)
{
	unsigned reads = family == AF_INET ? row->reads4 : row->reads6;
	bool seen = row->seen && (row->mark < 2 || reads == row->mark);
	struct mark_reading reading;
	struct named to;
	unsigned mark;
	int listener, fd;

	go(far);
	cr_assert(run("ip link set vb mtu %u", row->server));
	listener = serve(family, server_address(family), 0, 0);
	mark = row->mark == 1 ? mark_for_listener(listener, NULL, 0)
			      : row->mark;
	if (mark)
		mark_listener(listener, mark);
	to = address_of(listener);
	go(home);
	cr_assert(run("ip link set va mtu %u", row->client));
	fd = real.socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	set_option(fd, IPPROTO_TCP, TCP_MAXSEG,
		   (int)mark_active(row->client, family));
	reach(fd, &to);
	cr_assert(mark_read(fd, family, &reading));
	cr_expect(reading.mss == reads && reading.seen == seen,
		  "%s, IPv%d, %u to %u, mark %u: reads %u, %s, not %u", how,
		  family == AF_INET ? 4 : 6, row->client, row->server, mark,
		  reading.mss, reading.seen ? "seen" : "not seen", reads);
	cr_expect_eq(reading.own, mark_active(row->client, family));
	cr_expect_eq(reading.path, mark_limit(row->client, family));
	real.close(fd);
	real.close(listener);
}

static void play_all(const char *how)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		play(&rows[i], AF_INET, how);
		play(&rows[i], AF_INET6, how);
	}
}

Test(mark_net, the_table)
{
	need_pair();
	play_all("as it is");
}

Test(mark_net, the_table_without_timestamps)
{
	need_pair();
	go(home);
	if (!set_system("tcp_timestamps", "0"))
		cr_skip_test("tcp_timestamps cannot be set");
	play_all("no timestamps");
}

Test(mark_net, the_table_with_syn_cookies)
{
	need_pair();
	go(far);
	if (!set_system("tcp_syncookies", "2"))
		cr_skip_test("tcp_syncookies cannot be set");
	play_all("SYN cookies");
}

/* mark_syn() itself, on a link: the server reads it, MTUs being what they are. */
Test(mark_net, a_client_on_a_link_says_it_by_its_mss)
{
	static const unsigned mtus[][3] = { { 1500, 1459, 1427 },
					    { 9000, 8947, 8931 },
					    { 1280, 1235, 1219 } };

	need_pair();
	for (unsigned i = 0; i < 6; i++) {
		sa_family_t family = i % 2 ? AF_INET6 : AF_INET;
		struct mark_client client;
		struct mark_syn syn;
		struct named to;
		int listener, fd, accepted;
		char at[20];

		/* an address of its own: the route's MTU is remembered */
		go(far);
		cr_assert(run("ip link set vb mtu 9000"));
		snprintf(at, sizeof(at), i % 2 ? "[fd09::%u]:0"
					       : "10.9.0.%u:0", 10 + i);
		cr_assert(run(i % 2 ? "ip addr add fd09::%u/64 dev vb nodad"
				    : "ip addr add 10.9.0.%u/24 dev vb", 10 + i));
		listener = serve(family, at, 0, 545);
		to = address_of(listener);
		go(home);
		cr_assert(run("ip link set va mtu %u", mtus[i / 2][0]));
		cr_assert_eq(mark_route_mtu(&to.at), mtus[i / 2][0], "%s: %u",
			     at, mark_route_mtu(&to.at));
		fd = real.socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
		mark_syn(fd, &to.at, true, true, &syn);
		reach(fd, &to);
		mark_syn_sent(fd, &syn);
		accepted = real.accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		mark_read_client(accepted, &client);
		cr_assert(client.seen);
		cr_assert_eq(client.mss, mtus[i / 2][1 + i % 2], "%s: %u", at,
			     client.mss);
		real.close(accepted);
		real.close(fd);
		real.close(listener);
	}
}

Test(mark_net, no_route_has_no_mtu)
{
	struct sockaddr_storage at;

	need_pair();
	go(home);
	addr_parse("10.10.0.1:1", &at);
	errno = ENOTTY;
	cr_assert_eq(mark_route_mtu(&at), 0);
	cr_assert_eq(errno, ENOTTY);
}

/* -- links ----------------------------------------------------------------- */

/* In `home`: va 1500, wide 9000 (down), small 1300, lo. */
static void make_links(void)
{
	need_pair();
	go(home);
	cr_assert(run("ip link add name wide mtu 9000 type veth peer name x &&"
		      " ip link add name small mtu 1300 type veth peer name y &&"
		      " ip link set small up && ip link set y mtu 1300 up &&"
		      " ip addr add 10.8.0.1/24 dev small"));
}

static unsigned mark_at(const char *text, char names[][MARK_NAME_SIZE],
			int count)
{
	struct sockaddr_storage at;
	unsigned mark;
	int fd;

	cr_assert_eq(addr_parse(text, &at), 0);
	fd = serve(at.ss_family, text, 0, 0);
	errno = ENOTTY;
	mark = mark_for_listener(fd, names, count);
	cr_assert_eq(errno, ENOTTY);
	real.close(fd);
	return mark;
}

Test(mark_net, a_listener_is_marked_for_its_link)
{
	char names[2][MARK_NAME_SIZE] = { "small", "nowhere" };
	char down[1][MARK_NAME_SIZE] = { "wide" };

	make_links();
	cr_expect_eq(mark_at("10.9.0.1:0", NULL, 0), 1457);
	cr_expect_eq(mark_at("[fd09::1]:0", NULL, 0), 1425);
	cr_expect_eq(mark_at("10.8.0.1:0", NULL, 0), 1249);
	cr_expect_eq(mark_at("127.0.0.1:0", names, 2), 21841);
	cr_expect_eq(mark_at("[::1]:0", names, 2), 21841);
	/* all of them: the widest that is up; rather one with a device */
	cr_expect_eq(mark_at("0.0.0.0:0", NULL, 0), 1457);
	cr_expect_eq(mark_at("[::]:0", NULL, 0), 1425);
	cr_expect_eq(mark_at("0.0.0.0:0", names, 2), 1249);
	cr_expect_eq(mark_at("[::]:0", names, 2), 1233);
	cr_expect_eq(mark_at("0.0.0.0:0", down, 1), 1457);
	cr_assert(run("ip link set wide up && ip link set x up"));
	cr_expect_eq(mark_at("0.0.0.0:0", names, 2), 1249);
	cr_expect_eq(mark_at("0.0.0.0:0", NULL, 0), 8945);
	cr_expect_eq(mark_at("0.0.0.0:0", down, 1), 8945);
}

Test(mark_net, with_loopback_alone_it_is_loopbacks)
{
	need_pair();
	go(home);
	cr_assert(run("ip link set va down"));
	cr_expect_eq(mark_at("0.0.0.0:0", NULL, 0), 21841);
	cr_expect_eq(mark_at("[::]:0", NULL, 0), 21841);
}

struct seen_links {
	struct mark_link link[16];
	int count;
};

static void keep(const struct mark_link *link, void *arg)
{
	struct seen_links *seen = arg;

	cr_assert_lt(seen->count, 16);
	seen->link[seen->count++] = *link;
}

static const struct mark_link *named(const struct seen_links *seen,
				     const char *name)
{
	const struct mark_link *found = NULL;

	for (int i = 0; i < seen->count; i++) {
		if (strcmp(seen->link[i].name, name) != 0)
			continue;
		cr_assert_null(found, "%s is there twice", name);
		found = &seen->link[i];
	}
	cr_assert_not_null(found, "%s is not there", name);
	return found;
}

Test(mark_net, each_link_is_visited_once)
{
	char names[1][MARK_NAME_SIZE] = { "small" };
	struct seen_links seen = { .count = 0 };
	const struct mark_link *link;
	int fd;

	make_links();
	fd = real.socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(mark_each_link(fd, names, 1, keep, &seen), 0);
	real.close(fd);
	link = named(&seen, "lo");
	cr_expect(link->loopback && link->up && link->mtu == 65536);
	link = named(&seen, "va");
	cr_expect(!link->loopback && link->up && !link->device);
	cr_expect_eq(link->mtu, 1500);
	link = named(&seen, "wide");
	cr_expect(!link->up && link->mtu == 9000);
	link = named(&seen, "small");
	cr_expect(link->device && link->mtu == 1300);
}

Test(mark_net, an_address_of_another_host_is_no_links)
{
	struct sockaddr_storage at;
	struct mark_link link;
	int fd;

	need_pair();
	go(home);
	fd = real.socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	addr_parse("10.9.0.2:80", &at);
	cr_expect_not(mark_find_link(fd, &at, NULL, 0, &link));
	cr_expect(link.loopback);
	addr_parse("10.9.0.1:80", &at);
	cr_expect(mark_find_link(fd, &at, NULL, 0, &link));
	cr_expect_str_eq(link.name, "va");
	cr_assert(run("ip link set va down"));
	cr_expect_not(mark_find_link(fd, &at, NULL, 0, &link));
	real.close(fd);
}
