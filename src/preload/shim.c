// SPDX-License-Identifier: BSD-2-Clause
#include "preload/shim.h"

struct conn *shim_find(int fd)
{
	uint64_t generation;
	struct fdtab_object *object = fdtab_hold(fd, &generation);
	struct conn *conn = conn_from(object);

	if (conn && !conn_is_plain(conn))
		return conn;
	if (conn)
		fdtab_remove(fd, generation);
	if (object)
		fdtab_release(object);
	return NULL;
}

void shim_done(struct conn *conn)
{
	int saved = errno;

	fdtab_release(conn_object(conn));
	errno = saved;
}

int shim_fresh(int fd)
{
	int saved = errno;

	if (fd >= 0)
		fdtab_evict(fd);
	errno = saved;
	return fd;
}

int shim_duplicate(int fd, int made)
{
	struct conn *conn;
	int saved = errno;

	if (made < 0 || made == fd)
		return made;
	conn = shim_conn(fd);
	if (!conn) {
		fdtab_evict(made);
	} else {
		if (fdtab_insert(made, conn_object(conn)) != 0) {
			real.close(made);
			made = -1;
			saved = EMFILE;
		}
		shim_done(conn);
	}
	errno = saved;
	return made;
}
