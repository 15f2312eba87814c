/* SPDX-License-Identifier: BSD-2-Clause */
/* sendmsg recvmsg and their like, with rubbish where musl has padding. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sem.h"

static char buf[1000];

/* A message of two vectors in dirty memory, as a program's stack has it. */
static void make(struct msghdr *m, struct iovec v[2])
{
	memset(m, 0x5a, sizeof(*m));
	v[0] = (struct iovec){ buf, 10 };
	v[1] = (struct iovec){ buf + 10, 90 };
	m->msg_name = NULL;
	m->msg_namelen = 0;
	m->msg_iov = v;
	m->msg_iovlen = 2;
	m->msg_control = NULL;
	m->msg_controllen = 0;
	m->msg_flags = 0;
}

static void one(struct pair *p)
{
	struct iovec v[2];
	struct msghdr m;

	make(&m, v);
	pair_next(p, buf, 100);
	SHOW(sendmsg(p->fd, &m, 0));
	p->tx += 100;
	SHOW(peer_receive(p, 100));
	peer_send(p, 100);
	await_bytes(p->fd, 100);
	make(&m, v);
	SHOW(recvmsg(p->fd, &m, 0));
	say("%s", pair_check(p, buf, 100));
	say("vectors %d control %u", m.msg_iovlen, m.msg_controllen);
	m.msg_iovlen = 1025;
	SHOW(sendmsg(p->fd, &m, 0));
	m.msg_iovlen = -1;
	SHOW(recvmsg(p->fd, &m, 0));
}

static void many(struct pair *p)
{
	struct mmsghdr all[2];
	struct iovec v[2][2];

	make(&all[0].msg_hdr, v[0]);
	make(&all[1].msg_hdr, v[1]);
	all[1].msg_hdr.msg_iovlen = 1;
	pair_next(p, buf, 100);
	SHOW(sendmmsg(p->fd, all, 1, 0));
	p->tx += 100;
	SHOW(peer_receive(p, 100));
	peer_send(p, 110);
	await_bytes(p->fd, 110);
	SHOW(recvmmsg(p->fd, &all[0], 1, 0, NULL));
	say("%s", pair_check(p, buf, 100));
	SHOW(recvmmsg(p->fd, &all[1], 1, 0, NULL));
	say("%s", pair_check(p, buf, 10));
}

/* A TCP socket takes SO_MARK and its like; the header's padding is rubbish. */
static void control(struct pair *p)
{
	union { char room[CMSG_SPACE(sizeof(int))]; struct cmsghdr align; } c;
	struct iovec v[2];
	struct msghdr m;

	memset(&c, 0x5a, sizeof(c));
	c.align.cmsg_len = CMSG_LEN(sizeof(int));
	c.align.cmsg_level = SOL_SOCKET;
	c.align.cmsg_type = SCM_RIGHTS;
	memset(CMSG_DATA(&c.align), 0, sizeof(int));
	make(&m, v);
	m.msg_control = &c;
	m.msg_controllen = sizeof(c);
	pair_next(p, buf, 100);
	SHOW(sendmsg(p->fd, &m, 0));
	p->tx += 100;
	SHOW(peer_receive(p, 100));
	c.align.cmsg_len = 3;
	SHOW(sendmsg(p->fd, &m, 0));
}

/* The connection itself, to nobody in particular: it goes back to TCP. */
static void passed(struct pair *p)
{
	union { char room[CMSG_SPACE(sizeof(int))]; struct cmsghdr align; } c;
	struct iovec v[2];
	struct msghdr m;
	int ends[2], got = -1;

	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	memset(&c, 0x5a, sizeof(c));
	c.align.cmsg_len = CMSG_LEN(sizeof(int));
	c.align.cmsg_level = SOL_SOCKET;
	c.align.cmsg_type = SCM_RIGHTS;
	memcpy(CMSG_DATA(&c.align), &p->fd, sizeof(int));
	make(&m, v);
	m.msg_control = &c;
	m.msg_controllen = sizeof(c);
	SHOW(sendmsg(ends[0], &m, 0));
	memset(&c, 0x5a, sizeof(c));
	make(&m, v);
	m.msg_control = &c;
	m.msg_controllen = sizeof(c);
	SHOW(recvmsg(ends[1], &m, 0));
	memcpy(&got, CMSG_DATA(&c.align), sizeof(int));
	MUST(dup2(got, p->fd));
	close(got);
	pair_talk(p);
}

const struct sem_case sem_cases[] = {
	{ "one", LANE, one, "sendmsg and recvmsg" },
	{ "many", LANE, many, "sendmmsg and recvmmsg" },
	{ "control", LANE, control, "ancillary data" },
	{ "passed", LANE, passed, "SCM_RIGHTS" },
	{ 0 }
};
