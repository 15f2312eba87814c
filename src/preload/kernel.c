// SPDX-License-Identifier: BSD-2-Clause
#include "preload/kernel.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#include "base/fd.h"
#include "preload/shim.h"
#include "preload/vectors.h"

/* Newer than some libc's headers, or the kernel's alone. */
#ifndef TCP_ULP
#define TCP_ULP 31
#endif
#ifndef TCP_MD5SIG_EXT
#define TCP_MD5SIG_EXT 32
#endif
#ifndef TCP_INQ
#define TCP_INQ 36
#endif
#ifndef TCP_TX_DELAY
#define TCP_TX_DELAY 37
#endif
#ifndef TCP_AO_ADD_KEY
#define TCP_AO_ADD_KEY 38
#define TCP_AO_DEL_KEY 39
#define TCP_AO_INFO 40
#define TCP_AO_REPAIR 42
#endif
#ifndef SO_BINDTOIFINDEX
#define SO_BINDTOIFINDEX 62
#endif
#ifndef SO_ZEROCOPY
#define SO_ZEROCOPY 60
#endif
#ifndef SO_TIMESTAMP_NEW
#define SO_TIMESTAMP_OLD SO_TIMESTAMP
#define SO_TIMESTAMPNS_OLD SO_TIMESTAMPNS
#define SO_TIMESTAMPING_OLD SO_TIMESTAMPING
#define SO_TIMESTAMP_NEW 63
#define SO_TIMESTAMPNS_NEW 64
#define SO_TIMESTAMPING_NEW 65
#endif
#ifndef IP_IPSEC_POLICY
#define IP_IPSEC_POLICY 16
#endif
#ifndef IPV6_MINHOPCOUNT
#define IPV6_MINHOPCOUNT 73
#endif
#ifndef IPV6_UNICAST_IF
#define IPV6_UNICAST_IF 76
#endif

enum when { ALWAYS, ON, ABOVE_ONE, NOT_NEGATIVE, NAMED };
enum ask { no, yes };

static const struct row {
	int level, name;
	enum ask ask;
	enum when when;
	enum reason reason;
} rows[] = {
#define KERNEL_OPTION(level, name, when, ask, reason) \
	{ level, name, ask, when, REASON_##reason },
#include "preload/options.def"
#undef KERNEL_OPTION
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

/* Its row, or NULL: the kernel's answer is right on a lane, too. */
static const struct row *find(int level, int name)
{
#define KEY(level, name) ((uint64_t)(unsigned)(level) << 32 | (unsigned)(name))
	switch (KEY(level, name)) {
#define KERNEL_OPTION(level, name, when, ask, reason) case KEY(level, name):
#include "preload/options.def"
#undef KERNEL_OPTION
		break;
	default:
		return NULL;
	}
	for (size_t i = 0; i < ROWS; i++)
		if (rows[i].level == level && rows[i].name == name)
			return &rows[i];
	return NULL;
}

/* Is this one of the values that matter? One that cannot be read is. */
static bool does(const struct row *row, const void *value, socklen_t len)
{
	int number;

	if (row->when == ALWAYS || bad_pointer(value))
		return true;
	if (row->when == NAMED)
		return len > 0 && *(const char *)value;
	if (len < sizeof(number))
		return true;
	memcpy(&number, value, sizeof(number));
	switch (row->when) {
	case ABOVE_ONE:
		return number > 1 || number < 0;
	case NOT_NEGATIVE:
		return number >= 0;
	default:
		return number != 0;
	}
}

enum reason kernel_option(int level, int name, const void *value,
			  socklen_t len)
{
	const struct row *row = find(level, name);

	return row && does(row, value, len) ? row->reason : REASON_none;
}

int kernel_option_comes(int fd, enum reason reason)
{
	struct conn *conn = shim_conn(fd);
	bool may_stay;

	if (!conn)
		return 0;
	may_stay = reason == REASON_bound_path && conn_any_path(conn);
	shim_done(conn);
	return may_stay ? 0 : shim_send_back(fd, reason);
}

void kernel_option_came(int fd, enum reason reason)
{
	fd_set_note(fd, reason == REASON_bound_path ? FD_NOTE_PATH
						    : FD_NOTE_FEATURE, true);
}

/* SO_GET_FILTER, which has SO_ATTACH_FILTER's number, tells a size. */
static bool has(int fd, const struct row *row)
{
	bool filter = row->name == SO_ATTACH_FILTER &&
		      row->level == SOL_SOCKET;
	int value = 0;
	socklen_t length = filter ? 0 : sizeof(value);

	if (real.getsockopt(fd, row->level, row->name, &value, &length) != 0)
		return filter && errno == EACCES;	/* one of eBPF */
	return filter ? length > 0 : does(row, &value, length);
}

void kernel_look(int fd)
{
	int saved = errno;

	for (size_t i = 0; i < ROWS; i++)
		if (rows[i].ask == yes && has(fd, &rows[i]))
			kernel_option_came(fd, rows[i].reason);
	errno = saved;
}

enum reason kernel_wants(int fd, bool any_path)
{
	if (fd_has_note(fd, FD_NOTE_FEATURE))
		return REASON_kernel_feature;
	if (!any_path && fd_has_note(fd, FD_NOTE_PATH))
		return REASON_bound_path;
	return REASON_none;
}
