/* SPDX-License-Identifier: BSD-2-Clause */
/* preadv2 preadv64v2 pwritev2 pwritev64v2 on a connected stream. */
#include <sys/uio.h>

#include "sem.h"

static char buf[1 << 16];

static void without_offset(struct pair *p)
{
	struct iovec v[2] = { { buf, 10 }, { buf + 10, 90 } };

	pair_next(p, buf, 100);
	SHOW(pwritev2(p->fd, v, 2, -1, 0));
	p->tx += 100;
	pair_next(p, buf, 100);
	SHOW(pwritev64v2(p->fd, v, 2, -1, 0));
	p->tx += 100;
	SHOW(peer_receive(p, 200));
	peer_send(p, 200);
	await_bytes(p->fd, 200);
	SHOW(preadv2(p->fd, v, 2, -1, 0));
	say("%s", pair_check(p, buf, 100));
	SHOW(preadv64v2(p->fd, v, 2, -1, 0));
	say("%s", pair_check(p, buf, 100));
}

static void with_offset(struct pair *p)
{
	struct iovec v = { buf, 10 };

	SHOW(pwritev2(p->fd, &v, 1, 0, 0));
	SHOW(preadv2(p->fd, &v, 1, 0, 0));
	SHOW(pwritev64v2(p->fd, &v, 1, 5, 0));
	SHOW(preadv64v2(p->fd, &v, 1, 5, 0));
	SHOW(preadv(p->fd, &v, 1, 0));
	SHOW(pwritev(p->fd, &v, 1, 0));
}

static void flags(struct pair *p)
{
	struct iovec v = { buf, 10 };

	SHOW(pwritev2(p->fd, &v, 1, -1, 0x4000));
	SHOW(preadv2(p->fd, &v, 1, -1, 0x4000));
	SHOW(preadv2(p->fd, &v, opaque(-1), -1, 0));
	pair_next(p, buf, 10);
	SHOW(pwritev2(p->fd, &v, 1, -1, RWF_SYNC | RWF_DSYNC));
	p->tx += 10;
	SHOW(peer_receive(p, 10));
}

const struct sem_case sem_cases[] = {
	{ "without_offset", LANE, without_offset, "offset -1: as readv, writev" },
	{ "with_offset", LANE, with_offset, "a socket has no offset" },
	{ "flags", LANE, flags, "known and unknown flags" },
	{ 0 }
};
