// SPDX-License-Identifier: BSD-2-Clause
/*
 * aio(7): libc's threads would read and write the kernel socket. So the
 * connection goes back to TCP before the first request; on a lane already,
 * the request fails.
 */
#include <linux/aio_abi.h>

#include "preload/shim.h"
#include "preload/vectors.h"

/* io_submit(2), which programs reach by syscall(2). */
int aio_before_submit(long count, struct iocb *const *list)
{
	int ret = 0;
	long i;

	for (i = 0; ret == 0 && i < count && !bad_pointer(list); i++)
		if (!bad_pointer(list[i]))
			ret = shim_send_back((int)list[i]->aio_fildes,
					     REASON_aio);
	return ret;
}

#define AIO(name, type) \
	SHIM int name(struct type *request) \
	{ \
		int ret = shim_send_back(request->aio_fildes, REASON_aio); \
		return ret < 0 ? (int)shim_result(ret) : real.name(request); \
	}

AIO(aio_read, aiocb)
AIO(aio_read64, aiocb64)
AIO(aio_write, aiocb)
AIO(aio_write64, aiocb64)

#define LIO(name, type) \
	SHIM int name(int mode, struct type *const list[], int n, \
		      struct sigevent *event) \
	{ \
		int i, ret = 0; \
		for (i = 0; ret == 0 && i < n; i++) \
			if (list[i] && list[i]->aio_lio_opcode != LIO_NOP) \
				ret = shim_send_back(list[i]->aio_fildes, \
						     REASON_aio); \
		return ret < 0 ? (int)shim_result(ret) \
			       : real.name(mode, list, n, event); \
	}

LIO(lio_listio, aiocb)
LIO(lio_listio64, aiocb64)
