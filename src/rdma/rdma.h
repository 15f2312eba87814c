/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rsockets behind dlopen: the only folder that includes rdma headers.
 *
 * rdma_open() loads the runtime once per process, on the first verdict that
 * wants RDMA: libshunt-rdma.so beside libshunt.so, then librdmacm.so.1 of the
 * system; SHUNT_RDMA_LIBRARY names another. It must export repoll_create
 * (rdma-core 65 or newer). It is never unloaded.
 *
 * Every function returns >= 0 or -errno and leaves errno alone. None may be
 * called with one of our locks held: librdmacm takes locks of its own and
 * calls libc, which is us. While one runs, rdma_inside() is true on that
 * thread and on the threads librdmacm starts, so that shims that create fd
 * table entries keep out of the way.
 */
#ifndef RDMA_RDMA_H
#define RDMA_RDMA_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "diag/reason.h"

/*
 * Load the runtime if that has not been tried, and look whether this process
 * can use a device now. REASON_none when it can, else why not. Costs a few
 * microseconds once loaded; a "no device" answer is looked at again after a
 * second. Any thread.
 */
enum reason rdma_open(void);

/*
 * The same as far as it can be told without loading the runtime, or opening
 * the device: for a process that listens, and forks or drops its privileges
 * afterwards. Reads sysfs: tens of microseconds.
 */
enum reason rdma_expect(void);

/*
 * The network interfaces that this host's RDMA devices stand on, by name, as
 * sysfs has them (gid_attrs/ndevs, device/net); some may be of other network
 * namespaces. Returns how many were stored, at most `most`.
 */
#define RDMA_LINK_SIZE 16	/* IFNAMSIZ */
int rdma_links(char names[][RDMA_LINK_SIZE], int most);

/*
 * Why a lane could not be made, from what rdma_socket(), rdma_connect() or
 * rdma_error() said (as -errno): memlock, ipc_lock, no_memory, rdma_cgroup,
 * no_permission, no_device, credentials, else no_route.
 */
enum reason rdma_reason(int error);

/* The file the runtime was loaded from, or "" when none is. */
const char *rdma_runtime_path(void);

/* What loading it has said, for people: the loader's words, if it failed. */
const char *rdma_runtime_news(void);

/*
 * The names of the devices that the runtime can open now ("mlx5_0"), at most
 * max of them; how many. After rdma_open(). May take milliseconds.
 */
#define RDMA_NAME_MAX 64
int rdma_device_names(char names[][RDMA_NAME_MAX], int max);

/*
 * Why our own runtime, which is there, or the one that SHUNT_RDMA_LIBRARY
 * names, does not load, in the loader's words; also when the system's did
 * instead. Else "". After rdma_open().
 */
const char *rdma_trouble(void);

/*
 * This host's addresses with an RDMA device behind them, of both families
 * (not IPv6 link-local), found with rdma_bind_addr(3). Port 0.
 * Returns how many were stored (at most max). May take milliseconds: never on
 * an application's data path; the answer is cached for a second.
 */
int rdma_addresses(struct sockaddr_storage *addresses, int max);

/* Buffer sizes for a new lane, bytes; rsocket.c rounds as it likes. */
struct rdma_sizes {
	uint32_t send_buffer;
	uint32_t receive_buffer;
};

/* About how much memory a lane of these sizes pins. */
uint64_t rdma_lane_bytes(const struct rdma_sizes *sizes);

/*
 * What RLIMIT_MEMLOCK leaves this process to pin now; UINT64_MAX without a
 * limit, or with CAP_IPC_LOCK in the first user namespace. Reads /proc: tens
 * of microseconds.
 */
uint64_t rdma_memlock_left(void);

/*
 * What it is that does not leave enough: ipc_lock, where the container has that
 * capability and this process has not; else memlock. Reads /proc as well.
 */
enum reason rdma_memlock_reason(void);

/* rsocket(3), non-blocking, close-on-exec, sized. Ends with rdma_close(). */
int rdma_socket(int family, const struct rdma_sizes *sizes);

int rdma_bind(int rs, const struct sockaddr *address, socklen_t length);
int rdma_listen(int rs, int backlog);
/*
 * raccept(3), waiting until there is one, or `bell` is readable (-EAGAIN), or
 * at most ms (-EAGAIN). The new one is non-blocking. A listener can be armed
 * with rdma_arm() too.
 */
int rdma_accept(int rs, int bell, int ms);
/* rconnect(3): 0, or -EINPROGRESS: wait for POLLOUT, then rdma_error(). */
int rdma_connect(int rs, const struct sockaddr *address, socklen_t length);
/* SO_ERROR of the rsocket as a positive errno, 0 when there is none. */
int rdma_error(int rs);
int rdma_local_address(int rs, struct sockaddr_storage *address);
int rdma_peer_address(int rs, struct sockaddr_storage *address);

/*
 * Never block: -EAGAIN when nothing can be moved. 0 from rdma_recv is the end
 * of the stream. rdma_recv takes MSG_PEEK. Vectors are walked here, because
 * rsocket.c fills only the first of them.
 */
ssize_t rdma_recv(int rs, const struct iovec *iov, int count, int flags);
ssize_t rdma_send(int rs, const struct iovec *iov, int count);

/*
 * Where the runtime has the last bytes of what rdma_send() has sent: a ring of
 * `size` bytes, the next one of which will be at bytes + at. It has all that
 * the peer's rdma_recv() has not returned, until rdma_close(), which frees it,
 * whatever becomes of the lane. It is the rsocket's send buffer, and pinned.
 * -EOPNOTSUPP: this runtime keeps nothing, or the peer's receive buffer is
 * larger than our send buffer. To be asked when both ends are connected, and
 * nothing but some hundred bytes was sent. contrib/rdma-core/kept.c says why.
 */
struct rdma_kept {
	uint8_t *bytes;
	size_t size, at;
};
int rdma_kept(int rs, struct rdma_kept *kept);

/*
 * How many bytes rdma_recv() would return now; any thread may ask.
 * -EOPNOTSUPP: this runtime tells only by returning them.
 */
ssize_t rdma_queued(int rs);

/*
 * What is ready now (poll bits among events, POLLERR and POLLHUP always),
 * after looking at new completions. Never blocks.
 */
int rdma_ready(int rs, short events);

/*
 * Arm the rsocket (check, arm: DESIGN section 4): returns poll bits that are
 * ready already, or 0 with *wait filled with the kernel fd and events that
 * will signal the next news. After it did, call rdma_arm or rdma_ready again.
 * Of these there may be news that the wait fd never signals: a connection
 * being made (librdmacm's thread may take the event: look again every few
 * milliseconds), and a peer whose host died (only the TCP leg tells).
 * -ENOSYS: librdmacm's poll() is not our shim, so nothing can be armed.
 * In both cases wait->revents is non-zero if old news was taken from the wait
 * fd: other threads asleep on that fd may have missed it and must be woken.
 */
int rdma_arm(int rs, short events, struct pollfd *wait);

/*
 * False in a signal handler (base/critical.h) in a thread that has not armed
 * before, for which librdmacm would allocate: look now and then instead.
 */
bool rdma_may_arm(void);

/*
 * For the poll() shim alone: when this thread is inside rdma_arm(), librdmacm's
 * poll() is answered by rdma_poll_hook(), which takes its wait fd.
 */
int rdma_poll_hook(struct pollfd *fds, nfds_t count, int timeout);

/*
 * For the fopen() shim alone: what librdmacm, which reads its settings from
 * files, is to find in this one; NULL: what is there. Its polling_time is 0: it
 * would spin whenever something is armed, which an event loop does for each
 * connection; lane.busy_poll is for those who are about to sleep. The caller
 * closes it.
 */
FILE *rdma_setting(const char *path);

struct arming;
extern __thread struct arming *rdma_arming;

static inline bool rdma_poll_hooked(void)
{
	return __builtin_expect(rdma_arming != NULL, 0);
}

/* Is this thread inside librdmacm, or one of its own threads? */
bool rdma_inside(void);
/* Is rdma_inside() true on librdmacm's own threads, too? */
bool rdma_knows_inside(void);

/* rshutdown(3)+rclose(3). MAY BLOCK for half a minute: worker threads only. */
void rdma_close(int rs);

/* In a forked child: forget everything; rdma_open() begins anew. */
void rdma_after_fork(void);

/*
 * The kernel takes no command by a device's file from a process whose
 * credentials have changed since it was opened (ib_safe_file_access(): EACCES;
 * librdmacm's thread for listeners then asks again for ever). So, around a
 * change: rdma_pause(), whereafter rdma_open() says `credentials` and no
 * rsocket can be made; close what rdma_live() counts; change; rdma_resume().
 * If it was changed, rdma_open() loads another copy of the runtime, which opens
 * the device again, once none of the old rsockets is left. A few times in a
 * process: a copy stays for good. Any thread, one at a time.
 */
void rdma_pause(void);
void rdma_resume(bool changed);

/* Has the device been opened in this process? */
bool rdma_in_use(void);

/* How many rsockets there are, those included that are being closed. */
unsigned rdma_live(void);

#endif
