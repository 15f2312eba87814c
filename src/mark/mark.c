// SPDX-License-Identifier: BSD-2-Clause
/* The values, and what of them the two ends can read. */
#include "mark/mark.h"

#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

#include "base/real.h"

#define RESIDUE_PASSIVE 1
#define RESIDUE_ACTIVE 3
#define TIMESTAMPS_SIZE 12	/* of each segment, in the MSS's account */
#define SYN_MOST 512		/* IP and TCP header with their options */

#define WINDOW_WIDE 65000	/* loopback's; it hides no automatic mark */

/* The headers that an MSS does not count (RFC 9293, 3.7.1). */
static unsigned headers(sa_family_t family)
{
	return family == AF_INET6 ? 60 : 40;
}

unsigned mark_limit(unsigned mtu, sa_family_t family)
{
	return mtu > headers(family) ? mtu - headers(family) : 0;
}

/* The largest value not above `most` with this residue; 0: too small. */
static unsigned largest(unsigned most, unsigned residue)
{
	unsigned value;

	if (most < MARK_LEAST + MARK_EVERY)
		return 0;
	value = most - (most - residue) % MARK_EVERY;
	return value;
}

unsigned mark_active(unsigned mtu, sa_family_t family)
{
	/* Announcing less would slow such a link down. */
	return mark_is_by_ttl(mtu, family)
		       ? 0
		       : largest(mark_limit(mtu, family), RESIDUE_ACTIVE);
}

bool mark_is_by_ttl(unsigned mtu, sa_family_t family)
{
	return mark_limit(mtu, family) > MARK_MAXSEG_MOST;
}

unsigned mark_passive_below(unsigned mss)
{
	unsigned active = largest(mss, RESIDUE_ACTIVE);

	if (active > MARK_PASSIVE_MOST)
		return MARK_PASSIVE_MOST;
	return active ? active - RESIDUE_ACTIVE + RESIDUE_PASSIVE : 0;
}

unsigned mark_passive(unsigned mtu, sa_family_t family)
{
	return mark_passive_below(mark_limit(mtu, family));
}

bool mark_is_passive(unsigned mss)
{
	return mss >= MARK_LEAST && mss <= MARK_PASSIVE_MOST &&
	       mss % MARK_EVERY == RESIDUE_PASSIVE;
}

/* TCP_INFO as far as this kernel has it. Returns how much that is. */
static socklen_t read_info(int fd, struct tcp_info *info)
{
	socklen_t size = sizeof(*info);
	int saved = errno;

	memset(info, 0, sizeof(*info));
	if (real.getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, &size) != 0)
		size = 0;
	errno = saved;
	return size;
}

static bool has_field(socklen_t size, size_t offset, size_t field)
{
	return size >= offset + field;
}

#define HAS(size, field) \
	has_field(size, offsetof(struct tcp_info, field), \
		  sizeof(((struct tcp_info *)0)->field))

enum { ESTABLISHED = 1, CLOSE_WAIT = 8 };	/* tcp_states.h */

static bool is_connected(const struct tcp_info *info)
{
	return info->tcpi_state == ESTABLISHED ||
	       info->tcpi_state == CLOSE_WAIT;
}

/*
 * Half a window bounds a segment, too (tcp_bound_to_half_wnd() in the kernel;
 * a window of 536 bytes and less as a whole).
 */
static bool is_window_bound(const struct tcp_info *info, unsigned window)
{
	unsigned bound = window > 536 ? window / 2 : window;

	return window && info->tcpi_snd_mss >= bound;
}

/* TCP_INFO has both without the timestamps that each segment carries. */
bool mark_judge(const struct tcp_info *info, socklen_t size,
		sa_family_t family, struct mark_reading *reading)
{
	unsigned more = info->tcpi_options & TCPI_OPT_TIMESTAMPS
				? TIMESTAMPS_SIZE
				: 0;

	memset(reading, 0, sizeof(*reading));
	if (!HAS(size, tcpi_advmss) || !is_connected(info))
		return false;
	reading->mss = info->tcpi_snd_mss + more;
	reading->own = info->tcpi_advmss + more;
	reading->path = mark_limit(info->tcpi_pmtu, family);
	reading->window = HAS(size, tcpi_snd_wnd) ? info->tcpi_snd_wnd : 0;
	reading->hidden = reading->mss >= reading->own ||
			  reading->mss >= reading->path ||
			  is_window_bound(info, reading->window);
	reading->seen = !reading->hidden && mark_is_passive(reading->mss);
	reading->untouched = info->tcpi_state == ESTABLISHED &&
			     HAS(size, tcpi_bytes_sent) &&
			     info->tcpi_bytes_sent == 0 &&
			     info->tcpi_notsent_bytes == 0 &&
			     info->tcpi_bytes_received == 0;
	return true;
}

bool mark_read(int fd, sa_family_t family, struct mark_reading *reading)
{
	struct tcp_info info;
	socklen_t size = read_info(fd, &info);

	return mark_judge(&info, size, family, reading);
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Is it half of the window that hides a mark, and nothing of this end's? */
static bool is_at_window(const struct mark_reading *reading)
{
	return reading->hidden && reading->mss < reading->own &&
	       reading->mss < reading->path;
}

/*
 * A kernel offers whole segments (tcp_select_initial_window()): a window with
 * room for two and a half is one of two, and half of it is no more than one.
 */
static unsigned find_visible(const struct mark_reading *reading)
{
	unsigned most = least(reading->own, reading->path);

	if (reading->seen)
		return mark_passive_below(most);
	if (reading->window && reading->window < WINDOW_WIDE)
		most = least(most, reading->window / 3);
	return mark_passive_below(least(most, reading->mss));
}

enum mark_finding mark_find(const struct mark_reading *reading,
			    unsigned *visible)
{
	*visible = find_visible(reading);
	if (reading->seen)
		return MARK_SEEN;
	if (reading->mss > MARK_PASSIVE_MOST &&
	    (!reading->window || reading->window >= WINDOW_WIDE))
		return MARK_NONE;
	if (!reading->hidden)
		return MARK_LOWERED;
	return is_at_window(reading) ? MARK_NARROW : MARK_HIDDEN;
}

bool mark_is_absent(int fd)
{
	int value = 0, saved = errno;
	socklen_t size = sizeof(value);
	bool absent;

	/* tcpi_snd_mss; nobody knows yet whether there are timestamps. */
	absent = real.getsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &value,
				 &size) == 0 &&
		 (value > MARK_PASSIVE_MOST ||
		  (!mark_is_passive((unsigned)value) &&
		   !mark_is_passive((unsigned)value + TIMESTAMPS_SIZE)));
	errno = saved;
	return absent;
}

bool mark_is_untouched(int fd)
{
	struct tcp_info info;
	socklen_t size = read_info(fd, &info);

	return is_connected(&info) &&
	       (!HAS(size, tcpi_bytes_sent) || info.tcpi_bytes_sent == 0) &&
	       (!HAS(size, tcpi_notsent_bytes) ||
		info.tcpi_notsent_bytes == 0);
}

bool mark_is_unheard(int fd, uint32_t *rtt_us)
{
	struct tcp_info info;
	socklen_t size = read_info(fd, &info);

	*rtt_us = info.tcpi_rtt;
	return HAS(size, tcpi_rtt) && info.tcpi_unacked > 0;
}

void mark_listener(int fd, unsigned mss)
{
	int value = (int)mss, save = mss != 0, saved = errno;

	real.setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &value, sizeof(value));
	real.setsockopt(fd, IPPROTO_TCP, TCP_SAVE_SYN, &save, sizeof(save));
	errno = saved;
}

/* The MSS option of a TCP header (RFC 9293, 3.2); 0: there is none. */
static unsigned find_mss(const uint8_t *at, size_t size)
{
	size_t length;

	while (size > 0 && at[0] != 0) {
		if (at[0] == 1) {	/* no operation */
			at++;
			size--;
			continue;
		}
		length = size > 1 ? at[1] : 0;
		if (length < 2 || length > size)
			return 0;
		if (at[0] == 2 && length == 4)
			return (unsigned)at[2] << 8 | at[3];
		at += length;
		size -= length;
	}
	return 0;
}

/* Where the TCP header begins; 0: this is no IP header. */
static size_t parse_ip(const uint8_t *bytes, size_t size, unsigned *ttl)
{
	if (size >= 20 && bytes[0] >> 4 == 4) {
		*ttl = bytes[8];
		return bytes[9] == IPPROTO_TCP && (bytes[0] & 15) >= 5
			       ? (size_t)(bytes[0] & 15) * 4
			       : 0;
	}
	if (size >= 40 && bytes[0] >> 4 == 6) {
		*ttl = bytes[7];
		return bytes[6] == IPPROTO_TCP ? 40 : 0;
	}
	return 0;
}

void mark_parse_syn(const uint8_t *bytes, size_t size,
		    struct mark_client *client)
{
	unsigned ttl = 0, mss;
	size_t at = parse_ip(bytes, size, &ttl), length;

	memset(client, 0, sizeof(*client));
	if (at == 0 || size < at + 20)
		return;
	length = (size_t)(bytes[at + 12] >> 4) * 4;
	if (length < 20 || length > size - at)
		return;
	mss = find_mss(bytes + at + 20, length - 20);
	if (mss > MARK_MAXSEG_MOST) {
		client->seen = ttl == MARK_TTL;
	} else if (mss >= MARK_LEAST && mss % MARK_EVERY == RESIDUE_ACTIVE) {
		client->seen = true;
		client->mss = mss;
	}
}

bool mark_read_client(int fd, struct mark_client *client)
{
	uint8_t syn[SYN_MOST];
	socklen_t size = sizeof(syn);
	int saved = errno;

	if (real.getsockopt(fd, IPPROTO_TCP, TCP_SAVED_SYN, syn, &size) != 0)
		size = 0;
	errno = saved;
	mark_parse_syn(syn, size, client);
	return size > 0;
}
