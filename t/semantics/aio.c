/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * aio_read aio_read64 aio_write aio_write64 lio_listio lio_listio64: on files
 * as ever; a connection that is on a lane refuses them, and loses nothing.
 */
#include <aio.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sem.h"

static char buf[1 << 16];

static long done(struct aiocb *request)
{
	const struct aiocb *list[] = { request };

	while (aio_error(request) == EINPROGRESS)
		aio_suspend(list, 1, NULL);
	return aio_return(request);
}

static void on_files(struct pair *p)
{
	char path[] = "/tmp/semXXXXXX";
	int fd = (int)MUST(mkstemp(path));
	struct aiocb a = { .aio_fildes = fd, .aio_buf = buf, .aio_nbytes = 100 };
	struct aiocb64 b = { .aio_fildes = fd, .aio_buf = buf, .aio_nbytes = 50,
		.aio_offset = 100 };
	struct aiocb *list[] = { &a, NULL };
	struct aiocb64 *list64[] = { &b };

	unlink(path);
	SHOW(aio_write(&a));
	SHOW(done(&a));
	SHOW(aio_write64(&b));
	SHOW(done((struct aiocb *)&b));
	SHOW(aio_read(&a));
	SHOW(done(&a));
	SHOW(aio_read64(&b));
	SHOW(done((struct aiocb *)&b));
	a.aio_lio_opcode = LIO_READ;
	b.aio_lio_opcode = LIO_NOP;
	SHOW(lio_listio(LIO_WAIT, list, 2, NULL));
	SHOW(done(&a));
	SHOW(lio_listio64(LIO_WAIT, list64, 1, NULL));
	(void)p;
}

/* Done or refused: the stream is whole either way. */
static void on_connection(struct pair *p)
{
	struct aiocb a = { .aio_fildes = p->fd, .aio_buf = buf, .aio_nbytes = 100 };
	long n;

	pair_next(p, buf, 100);
	n = aio_write(&a) == 0 ? done(&a) : -errno;
	say("%d", n == 100 || n == -EOPNOTSUPP);
	if (n > 0)
		p->tx += n;
	pair_send(p, 100);
	say("%d", peer_receive(p, 100 + (n > 0 ? n : 0)) >= 100);
}

const struct sem_case sem_cases[] = {
	{ "on_files", SEM_ONCE, on_files, "what it is for" },
	{ "on_connection", LANE, on_connection, "refused or whole" },
	{ 0 }
};
