/* SPDX-License-Identifier: BSD-2-Clause */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "sem.h"

/* A prime, so that the pattern never lines up with a buffer size. */
#define PERIOD 65521

static unsigned char table[2 * PERIOD];
static pthread_once_t table_once = PTHREAD_ONCE_INIT;

static void make_table(void)
{
	uint32_t x = 2463534242u;

	for (size_t i = 0; i < PERIOD; i++) {
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		table[i] = table[i + PERIOD] = (unsigned char)(x >> 11);
	}
}

void data_fill(void *buf, size_t n, uint64_t at)
{
	unsigned char *to = buf;

	pthread_once(&table_once, make_table);
	while (n > 0) {
		size_t chunk = n < PERIOD ? n : PERIOD;

		memcpy(to, table + at % PERIOD, chunk);
		to += chunk;
		at += chunk;
		n -= chunk;
	}
}

bool data_good(const void *buf, size_t n, uint64_t at)
{
	const unsigned char *from = buf;

	pthread_once(&table_once, make_table);
	while (n > 0) {
		size_t chunk = n < PERIOD ? n : PERIOD;

		if (memcmp(from, table + at % PERIOD, chunk) != 0)
			return false;
		from += chunk;
		at += chunk;
		n -= chunk;
	}
	return true;
}

static const char *address_text(void)
{
	const char *text = getenv(sem_family == AF_INET6 ?
				  "SHUNT_T_ADDR6" : "SHUNT_T_ADDR4");

	if (text && *text)
		return text;
	return sem_family == AF_INET6 ? "::1" : "127.0.0.1";
}

socklen_t sem_addr(struct sockaddr_storage *addr, int port)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)addr;
	struct sockaddr_in *in = (struct sockaddr_in *)addr;

	memset(addr, 0, sizeof(*addr));
	addr->ss_family = sem_family;
	if (sem_family == AF_INET6) {
		inet_pton(AF_INET6, address_text(), &in6->sin6_addr);
		in6->sin6_port = htons(port);
		return sizeof(*in6);
	}
	inet_pton(AF_INET, address_text(), &in->sin_addr);
	in->sin_port = htons(port);
	return sizeof(*in);
}

int sem_addr_port(const struct sockaddr_storage *addr)
{
	if (addr->ss_family == AF_INET6)
		return ntohs(((const struct sockaddr_in6 *)addr)->sin6_port);
	return ntohs(((const struct sockaddr_in *)addr)->sin_port);
}

bool sem_addr_is_ours(const struct sockaddr_storage *addr)
{
	struct sockaddr_storage ours;

	sem_addr(&ours, 0);
	if (addr->ss_family != ours.ss_family)
		return false;
	if (ours.ss_family == AF_INET6)
		return !memcmp(&((struct sockaddr_in6 *)&ours)->sin6_addr,
			       &((const struct sockaddr_in6 *)addr)->sin6_addr,
			       sizeof(struct in6_addr));
	return ((struct sockaddr_in *)&ours)->sin_addr.s_addr ==
	       ((const struct sockaddr_in *)addr)->sin_addr.s_addr;
}

int sem_socket(void)
{
	return (int)MUST(socket(sem_family, SOCK_STREAM, 0));
}

int sem_listen(int backlog, int *port)
{
	struct sockaddr_storage addr;
	socklen_t len = sem_addr(&addr, 0);
	int fd = sem_socket();

	MUST(bind(fd, (struct sockaddr *)&addr, len));
	MUST(listen(fd, backlog));
	len = sizeof(addr);
	MUST(getsockname(fd, (struct sockaddr *)&addr, &len));
	*port = sem_addr_port(&addr);
	return fd;
}

static volatile uintptr_t nowhere_address = 8;

void *nowhere(void)
{
	return (void *)nowhere_address;
}

int opaque(int value)
{
	volatile int v = value;

	return v;
}

void nap(int ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000L };

	while (nanosleep(&t, &t) < 0 && errno == EINTR)
		;
}

long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000L + t.tv_nsec / 1000000;
}
