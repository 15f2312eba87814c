// SPDX-License-Identifier: BSD-2-Clause
/* The marks: their values, what of them a SYN and TCP_INFO say, on loopback. */
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "mark_help.h"

TestSuite(mark, .init = real_init, .timeout = 60);

/* -- values ---------------------------------------------------------------- */

#define MTU_LEAST 576
#define MTU_MOST 65536

static const sa_family_t families[] = { AF_INET, AF_INET6 };

static void active_fits(unsigned mtu, sa_family_t family)
{
	unsigned most = mtu - (family == AF_INET ? 40 : 60);
	unsigned c = mark_active(mtu, family);

	cr_assert_eq(mark_limit(mtu, family), most);
	cr_assert_eq(mark_is_by_ttl(mtu, family), most > 32767, "%u", mtu);
	cr_assert_eq(c == 0, most > 32767 || most < 552, "%u: %u", mtu, c);
	if (!c)
		return;
	cr_assert_eq(c % 16, 3, "%u: %u", mtu, c);
	cr_assert(c <= most && most - c < 16, "%u: %u", mtu, c);
	cr_assert_not(mark_is_passive(c), "%u", c);
}

static void passive_fits(unsigned mtu, sa_family_t family)
{
	unsigned most = mark_limit(mtu, family);
	unsigned c = mark_active(mtu, family), s = mark_passive(mtu, family);

	cr_assert_eq(s == 0, most < 552, "%u: %u", mtu, s);
	if (!s)
		return;
	cr_assert_eq(s % 16, 1, "%u: %u", mtu, s);
	cr_assert(mark_is_passive(s) && s >= 545 && s <= 21841, "%u", s);
	cr_assert_eq(s, most >= 21843 ? 21841 : c - 2, "%u: %u", mtu, s);
	if (s < 21841)
		cr_assert_leq(most - s, 17, "%u costs %u", mtu, most - s);
	cr_assert_eq(mark_passive_below(most), s);
}

Test(mark, every_mtu_has_its_values)
{
	for (unsigned i = 0; i < 2; i++) {
		for (unsigned mtu = MTU_LEAST; mtu <= MTU_MOST; mtu++) {
			active_fits(mtu, families[i]);
			passive_fits(mtu, families[i]);
		}
	}
}

Test(mark, values_grow_with_the_mtu)
{
	for (unsigned i = 0; i < 2; i++) {
		for (unsigned mtu = MTU_LEAST; mtu < MTU_MOST; mtu++) {
			unsigned next = mark_active(mtu + 1, families[i]);

			cr_assert(!next ||
				  mark_active(mtu, families[i]) <= next);
			cr_assert_leq(mark_passive(mtu, families[i]),
				      mark_passive(mtu + 1, families[i]));
		}
	}
}

/* An even MTU, which all in use are, announces no mark by itself. */
Test(mark, no_even_mtu_is_one_by_itself)
{
	for (unsigned mtu = MTU_LEAST; mtu <= MTU_MOST; mtu += 2) {
		cr_assert_not(mark_is_passive(mtu - 40));
		cr_assert_not(mark_is_passive(mtu - 60));
	}
}

Test(mark, nothing_below_the_least_and_above_the_most)
{
	for (unsigned mtu = 0; mtu < 592; mtu++) {
		cr_assert_eq(mark_active(mtu, AF_INET), 0);
		cr_assert_eq(mark_passive(mtu, AF_INET), 0);
	}
	cr_assert_eq(mark_active(592, AF_INET), 547);
	cr_assert_eq(mark_passive(592, AF_INET), 545);
	cr_assert_eq(mark_passive_below(0), 0);
	for (unsigned mss = 0; mss < 536; mss++)
		cr_assert_not(mark_is_passive(mss));
	for (unsigned mss = 21842; mss < 65536; mss++)
		cr_assert_not(mark_is_passive(mss));
}

/* -- what TCP_INFO says ---------------------------------------------------- */

/* An established connection with timestamps, on a path of MTU 9000. */
static struct tcp_info an_info(unsigned mss, unsigned own, unsigned window)
{
	struct tcp_info info;

	memset(&info, 0, sizeof(info));
	info.tcpi_state = 1;
	info.tcpi_options = TCPI_OPT_TIMESTAMPS;
	info.tcpi_snd_mss = mss - 12;
	info.tcpi_advmss = own - 12;
	info.tcpi_pmtu = 9000;
	info.tcpi_snd_wnd = window;
	return info;
}

static struct mark_reading judged(const struct tcp_info *info)
{
	struct mark_reading reading;

	cr_assert(mark_judge(info, sizeof(*info), AF_INET, &reading));
	return reading;
}

Test(mark, a_mark_is_below_every_limit)
{
	struct tcp_info info = an_info(1457, 1459, 65535);
	struct mark_reading reading = judged(&info);

	cr_assert(reading.seen && !reading.hidden);
	cr_assert_eq(reading.mss, 1457);
	cr_assert_eq(reading.own, 1459);
	cr_assert_eq(reading.path, 8960);
	cr_assert_eq(reading.window, 65535);
	info = an_info(1457, 1457, 65535);	/* this end's own */
	reading = judged(&info);
	cr_assert(reading.hidden && !reading.seen);
	info = an_info(8945, 8947, 65535);
	info.tcpi_pmtu = 8985;			/* the path's */
	reading = judged(&info);
	cr_assert(reading.hidden && !reading.seen);
	info = an_info(1459, 8947, 65535);	/* another value */
	reading = judged(&info);
	cr_assert(!reading.hidden && !reading.seen);
}

Test(mark, half_a_window_is_no_mark)
{
	unsigned window, bound;

	for (window = 100; window < 70000; window++) {
		struct tcp_info info;
		struct mark_reading reading;

		bound = window > 536 ? window / 2 : window;
		info = an_info(bound + 12, 65495, window);
		info.tcpi_pmtu = 65535;
		reading = judged(&info);
		cr_assert(reading.hidden && !reading.seen, "%u", window);
		info.tcpi_snd_mss--;	/* not the window's doing */
		reading = judged(&info);
		cr_assert(!reading.hidden, "%u", window);
		cr_assert_eq(reading.seen, mark_is_passive(bound + 11));
	}
}

/*
 * Linux before 5.4 has no tcpi_snd_wnd. What loopback has there by itself, half
 * of 65483 or 43690 bytes and 12, is 1 modulo 16, and no mark.
 */
Test(mark, without_the_window_loopback_is_none_either)
{
	socklen_t size = offsetof(struct tcp_info, tcpi_snd_wnd);
	struct mark_reading reading;
	struct tcp_info info;

	for (unsigned mss = 21842; mss < 65483; mss++) {
		info = an_info(mss, 65495, 1000);
		info.tcpi_pmtu = 65535;
		cr_assert(mark_judge(&info, size, AF_INET, &reading));
		cr_assert_not(reading.seen, "%u", mss);
		cr_assert_eq(reading.window, 0);
	}
	info = an_info(8945, 8947, 1000);
	cr_assert(mark_judge(&info, size, AF_INET, &reading));
	cr_assert(reading.seen && reading.mss == 8945);
}

/* TCP_ESTABLISHED, and TCP_CLOSE_WAIT: the server has closed already. */
Test(mark, only_a_connected_one_says_something)
{
	struct tcp_info info = an_info(1457, 1459, 65535);
	struct mark_reading reading;

	for (socklen_t size = 0;
	     size < offsetof(struct tcp_info, tcpi_advmss) + 4; size++)
		cr_assert_not(mark_judge(&info, size, AF_INET, &reading));
	for (unsigned state = 0; state < 14; state++) {
		info.tcpi_state = (uint8_t)state;
		cr_assert_eq(mark_judge(&info, sizeof(info), AF_INET,
					&reading),
			     state == 1 || state == 8, "%u", state);
	}
}

/* What is said to people, and which value would be seen. */
static const struct {
	unsigned mss, own, window;
	enum mark_finding finding;
	unsigned visible;
} finds[] = {
	{ 1457, 8947, 65535, MARK_SEEN, 8945 },
	{ 8947, 8947, 65535, MARK_HIDDEN, 8945 },
	{ 1459, 1459, 65535, MARK_HIDDEN, 1457 },
	{ 8960, 8962, 65535, MARK_HIDDEN, 8945 },	/* the path's limit */
	{ 1460, 8947, 65535, MARK_LOWERED, 1457 },
	{ 1300, 1459, 65535, MARK_LOWERED, 1297 },
	{ 2060, 8947, 4096, MARK_NARROW, 1361 },
	{ 1459, 1459, 4096, MARK_HIDDEN, 1361 },	/* that, too */
	{ 8947, 8947, 24000, MARK_HIDDEN, 7985 },
	{ 540, 1459, 65535, MARK_LOWERED, 0 },
	{ 548, 1459, 1072, MARK_NARROW, 0 },
};

Test(mark, findings)
{
	unsigned i, visible;

	for (i = 0; i < sizeof(finds) / sizeof(*finds); i++) {
		struct tcp_info info = an_info(finds[i].mss, finds[i].own,
					       finds[i].window);
		struct mark_reading reading = judged(&info);

		cr_expect_eq(mark_find(&reading, &visible), finds[i].finding,
			     "%u of %u: %d", finds[i].mss, finds[i].own,
			     mark_find(&reading, &visible));
		cr_expect_eq(visible, finds[i].visible, "%u of %u: %u",
			     finds[i].mss, finds[i].own, visible);
	}
}

/* Above every automatic mark, nothing hides one. */
Test(mark, loopback_is_told_for_certain)
{
	struct tcp_info info = an_info(32753, 65495, 65483);
	struct mark_reading reading;
	unsigned visible;

	info.tcpi_pmtu = 65535;
	reading = judged(&info);
	cr_assert_eq(mark_find(&reading, &visible), MARK_NONE);
	cr_assert_eq(visible, 21841);
	info.tcpi_snd_mss = 25000;
	info.tcpi_snd_wnd = 50000;	/* has room for two of the largest */
	reading = judged(&info);
	cr_assert_eq(mark_find(&reading, &visible), MARK_NARROW);
	cr_assert_leq(visible, 50000 / 3);
}

/*
 * The value that is told to be visible is seen, whatever hides the server's;
 * its kernel then offers whole segments of it.
 */
static void would_be_seen(unsigned own, unsigned window)
{
	unsigned visible, bound = window / 2 + 12;
	struct tcp_info info = an_info(bound < own ? bound : own, own, window);
	struct mark_reading reading = judged(&info);

	mark_find(&reading, &visible);
	if (!visible)
		return;
	info.tcpi_snd_mss = visible - 12;
	info.tcpi_snd_wnd -= window % (visible - 12);
	reading = judged(&info);
	cr_assert(reading.seen, "%u, window %u: %u", own, window, visible);
}

Test(mark, what_is_told_would_be_seen)
{
	static const unsigned owns[] = { 1459, 1395, 8947, 1427, 547 };

	for (unsigned i = 0; i < 5; i++)
		for (unsigned window = 600; window < 66000; window += 7)
			would_be_seen(owns[i], window);
}

/* -- loopback -------------------------------------------------------------- */

static struct mark_reading reading_of(int listener, int maxseg)
{
	struct mark_reading reading;
	int fd = call(listener, maxseg);

	errno = ENOTTY;
	cr_assert(mark_read(fd, family_of(listener), &reading));
	cr_assert_eq(errno, ENOTTY);
	real.close(fd);
	return reading;
}

Test(mark, a_marked_listener_is_seen)
{
	for (unsigned i = 0; i < 2; i++) {
		int listener = serve(families[i], NULL, 0, 0);
		unsigned mark;

		for (mark = 545; mark <= 21841; mark += 16 * 37) {
			struct mark_reading reading;

			mark_listener(listener, mark);
			reading = reading_of(listener, 0);
			cr_assert(reading.seen && reading.mss == mark,
				  "%u reads %u", mark, reading.mss);
		}
		mark_listener(listener, 0);
		cr_assert_not(reading_of(listener, 0).seen);
		cr_assert_gt(reading_of(listener, 0).mss, 21841);
		real.close(listener);
	}
}

/* What the kernel reports as announced is less the timestamps' 12 bytes. */
Test(mark, it_is_seen_by_a_client_that_is_marked_itself)
{
	int listener = serve(AF_INET, NULL, 0, 1457);
	struct mark_reading reading = reading_of(listener, 1459);

	cr_assert_eq(reading.own, 1459);
	cr_assert(reading.seen && reading.mss == 1457, "reads %u", reading.mss);
	reading = reading_of(listener, 1457);
	cr_assert_not(reading.seen, "its own value");
	reading = reading_of(listener, 1443);
	cr_assert(reading.hidden && !reading.seen, "reads %u", reading.mss);
	real.close(listener);
}

Test(mark, an_unmarked_server_is_not_seen)
{
	for (unsigned i = 0; i < 2; i++) {
		int listener = serve(families[i], NULL, 0, 0);
		struct mark_reading reading = reading_of(listener, 0);
		unsigned visible;

		cr_assert_not(reading.seen, "%u", reading.mss);
		cr_assert_eq(mark_find(&reading, &visible), MARK_NONE);
		/* the client's own value is not taken for the server's */
		for (int own = 545; own < 21841; own += 16 * 91)
			cr_assert_not(reading_of(listener, own).seen, "%d",
				      own);
		real.close(listener);
	}
}

/* Half of these windows, and 12, is every number modulo 16. */
Test(mark, a_small_receive_buffer_is_not_seen)
{
	unsigned like_marks = 0;
	int size;

	for (size = 1160; size < 40000; size += size < 9000 ? 2 : 62) {
		int listener = serve(families[size / 2 % 2], NULL, size, 0);
		struct mark_reading reading = reading_of(listener, 0);

		cr_assert_not(reading.seen, "%d: %u", size, reading.mss);
		like_marks += mark_is_passive(reading.mss);
		real.close(listener);
	}
	cr_assert_gt(like_marks, 50, "%u looked like marks", like_marks);
}

Test(mark, a_small_receive_buffer_hides_a_mark)
{
	int listener = serve(AF_INET, NULL, 4096, 21841);
	struct mark_reading reading = reading_of(listener, 0);
	unsigned visible;

	cr_assert(reading.hidden && !reading.seen);
	cr_assert_eq(mark_find(&reading, &visible), MARK_NARROW);
	cr_assert_lt(visible, reading.mss);
	mark_listener(listener, visible);
	cr_assert(reading_of(listener, 0).seen, "%u", visible);
	real.close(listener);
}

/* -- the client's ---------------------------------------------------------- */

static int ttl_of(int fd, sa_family_t family)
{
	return family == AF_INET
		       ? get_option(fd, IPPROTO_IP, IP_TTL)
		       : get_option(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS);
}

/* What the server has read, once. */
static struct mark_client client_of(int listener)
{
	struct mark_client client, again;
	int fd = real.accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	cr_assert_geq(fd, 0);
	errno = ENOTTY;
	mark_read_client(fd, &client);
	mark_read_client(fd, &again);
	cr_assert_eq(errno, ENOTTY);
	cr_assert_not(again.seen);
	real.close(fd);
	return client;
}

static void say_by_ttl(sa_family_t family)
{
	int listener = serve(family, NULL, 0, 21841), fd;
	struct named at = address_of(listener);
	struct mark_client client;

	cr_assert_eq(mark_route_mtu(&at.at), 65536);
	fd = call_marked(listener, 0);
	client = client_of(listener);
	cr_assert(client.seen && client.mss == 0);
	cr_assert_eq(ttl_of(fd, family), 64, "it is put back");
	real.close(fd);
	fd = call_marked(listener, 100);	/* one of its own */
	cr_assert_not(client_of(listener).seen);
	cr_assert_eq(ttl_of(fd, family), 100);
	real.close(fd);
	real.close(listener);
}

Test(mark, loopback_clients_say_it_by_their_ttl)
{
	say_by_ttl(AF_INET);
	say_by_ttl(AF_INET6);
}

Test(mark, other_clients_say_it_by_their_mss)
{
	for (unsigned i = 0; i < 2; i++) {
		int listener = serve(families[i], NULL, 0, 21841);
		struct mark_client client;

		real.close(call(listener, 0));
		cr_assert_not(client_of(listener).seen);
		real.close(call(listener, 1459));
		client = client_of(listener);
		cr_assert(client.seen && client.mss == 1459);
		real.close(call(listener, 1457));
		cr_assert_not(client_of(listener).seen);
		real.close(listener);
	}
}

/* Who calls it absent never takes mark_read()'s mark away. */
Test(mark, what_is_absent_is_not_seen)
{
	int listener = serve(AF_INET, NULL, 0, 0), fd;
	unsigned absent = 0, seen = 0, mss;

	for (mss = 545; mss < 2200; mss++) {
		struct mark_reading reading;
		bool gone;

		mark_listener(listener, mss);
		fd = call(listener, 0);
		gone = mark_is_absent(fd);
		cr_assert(mark_read(fd, AF_INET, &reading));
		cr_assert_not(gone && reading.seen, "%u", mss);
		cr_assert_eq(reading.seen, mss % 16 == 1, "%u", mss);
		absent += gone;
		seen += reading.seen;
		real.close(fd);
	}
	cr_assert(absent > 1400 && seen > 100, "%u, %u", absent, seen);
	mark_listener(listener, 0);
	fd = call(listener, 0);
	cr_assert(mark_is_absent(fd));
	real.close(fd);
	real.close(listener);
}
