/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The semantics suite: small programs whose printed transcript must be the
 * same plain, preloaded on TCP, and preloaded on the RDMA lane.
 *
 * A program is a table of cases. Each case runs in a process of its own
 * (the near end) with an agent (the peer), which is another process or, with
 * --model threads, another thread, and which does what the near end asks of
 * it over a control socket. The near end is the TCP client in one run and
 * the TCP server in the other. Only the near end prints.
 *
 * A transcript holds results, errno names and facts; never a time, a pid, a
 * port or an amount that the kernel is free to choose.
 */
#ifndef T_SEM_H
#define T_SEM_H

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* One connection between the near end and the peer. */
struct pair {
	int fd;		/* our end, or -1 */
	int slot;	/* the peer's name for its end: 0..SEM_SLOTS-1 */
	uint64_t tx;	/* bytes sent from our end so far */
	uint64_t rx;	/* bytes received at our end so far */
};

#define SEM_SLOTS 256

enum sem_flags {
	SEM_PAIR = 1,	/* open a connection before the case */
	SEM_LANE = 2,	/* ... and warm it: the RDMA way must be on the lane */
	SEM_PROCS = 4,	/* needs the peer to be a process */
	SEM_ONCE = 8,	/* does not depend on the side: one side only */
	SEM_NO_TSAN = 16, /* left out under ThreadSanitizer: its interceptors
			     read bad pointers and put signals off, and its
			     own locks stay held in a child of a raw clone() */
	SEM_MOVES = 32,	/* each connection that it warms must have a lane */
	SEM_HASTY = 64,	/* handshake.timeout is SEM_HASTY_MS at both ends */
};
#define SEM_HASTY_MS 300
#define LANE (SEM_PAIR | SEM_LANE)

#ifdef __SANITIZE_THREAD__
#define UNDER_TSAN true
#else
#define UNDER_TSAN false
#endif

struct sem_case {
	const char *name;
	int flags;
	void (*run)(struct pair *p);
	const char *help;
};

/* Each program defines this table, ended by a row without a name. */
extern const struct sem_case sem_cases[];

extern int sem_family;		/* AF_INET or AF_INET6 */
extern bool sem_is_client;	/* the near end calls connect() */
extern bool sem_is_procs;	/* the peer is another process */

/*
 * Print "text = value", with the errno's name when value < 0. A success
 * that leaves a changed errno behind is printed as such.
 */
#define SHOW(call) \
	sem_show(#call, (errno = 0, (long)(call)))
/* The same for a call that returns an fd: prints "fd", not its number. */
#define SHOW_FD(call) \
	sem_show_fd(#call, (errno = 0, (long)(call)))
long sem_show(const char *text, long value);
int sem_show_fd(const char *text, long value);

/* Print a line of facts. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
const char *errno_name(int err);

/* poll() one fd and print what it says: "poll(IN|OUT) = IN". */
int show_poll(int fd, short events, int timeout_ms);
/* "IN|HUP" in a buffer of the caller's. */
const char *events_name(short events, char *buf, size_t size);

/* End the case as broken: prints the text; for set-up steps only. */
void broken(const char *format, ...)
	__attribute__((format(printf, 1, 2), noreturn));
#define MUST(call) sem_must(#call, (long)(call))
long sem_must(const char *text, long value);

/* -- addresses ------------------------------------------------------------ */

/* The test address with this port (host order); returns its length. */
socklen_t sem_addr(struct sockaddr_storage *addr, int port);
int sem_addr_port(const struct sockaddr_storage *addr);
/* Is this the test address, whatever its port? */
bool sem_addr_is_ours(const struct sockaddr_storage *addr);
int sem_socket(void);			/* a TCP socket of sem_family */
int sem_listen(int backlog, int *port);	/* bound, listening, ephemeral port */

/* -- data: byte i of a stream is a function of i -------------------------- */

void data_fill(void *buf, size_t n, uint64_t at);
bool data_good(const void *buf, size_t n, uint64_t at);

/* Send n bytes of the pattern from our end, all of them. */
void pair_send(struct pair *p, size_t n);
/* Receive exactly n bytes, checked; broken() on anything else. */
void pair_receive(struct pair *p, size_t n);
/* Check n received bytes at our end and advance rx; "good" or "BAD". */
const char *pair_check(struct pair *p, const void *buf, long n);
/* 1000 bytes there and 2000 back, shown: what both sides can still do. */
void pair_talk(struct pair *p);
/* Fill buf with the next n bytes to send, without advancing tx. */
void pair_next(const struct pair *p, void *buf, size_t n);

/* -- waiting for conditions ------------------------------------------------ */

/* Until n bytes can be peeked, or EOF or an error is there (up to 64 KiB). */
void await_bytes(int fd, size_t n);
/* Until poll() reports all of these events; false after 5 s. */
bool await_events(int fd, short events);
/* Until EOF or an error can be peeked behind n bytes. */
void await_end(int fd);
/* Until this thread of ours is in a blocked call; 0: it has not begun. */
void await_asleep(atomic_int *tid);
/* fork(2): the child goes on in its caller's branch, to end_child(). */
int fork_child(void);
void end_child(void);
/* Until the child has ended; prints its status. */
void join_child(int pid);
void nap(int ms);
/* An address that faults, and a number, that no compiler warns about. */
void *nowhere(void);
int opaque(int value);
/* Milliseconds of a monotonic clock, for loose bounds. */
long now_ms(void);

/* -- the pair ---------------------------------------------------------------- */

/* Connect it, ping one byte over it; slot chooses the peer's end. */
void pair_open(struct pair *p, int slot);
/*
 * Ping-pong 64 KiB each way, and on until the lane is there, or
 * SHUNT_T_WARM_MS have passed.
 */
void pair_warm(struct pair *p);
/* The same with both ends in this process. */
void both_warm(struct pair *a, struct pair *b);
void pair_close(struct pair *p);

/* -- fresh connections: nothing was said on them yet (fresh.c) ---------------- */

/* connect(2) to this port of the test address. */
int fresh_to(int fd, int port);
int fresh_error(int fd);		/* SO_ERROR */
/* A listener of ours, and an end of each side in this process. */
struct both { int listener, port; struct pair client, server; };
void both_open(struct both *b);
void both_close(struct both *b);
/* n bytes from one to the other, which are few enough to be kept by TCP. */
void both_say(struct pair *from, struct pair *to, size_t n);
/*
 * Without blocking, in one poll() loop: so many bytes each way. Says what of
 * it came, and whether that took longer than it may.
 */
void both_pump(struct pair *a, struct pair *b, size_t there, size_t back);
/* Has the client the name that the server's end was accepted from? */
void show_names(const char *when, int client, int server);
/* Did it take less than `most` ms since now_ms() said `since`? */
void show_time(const char *what, long since, long most);

/*
 * A connection with the peer. As the client, its server accepts so many ms
 * later; what the peer is asked meanwhile it does then, and fresh_accepted()
 * is the first answer. As the server, accepted already.
 */
void fresh_open(struct pair *p, int slot, int accept_ms);
void fresh_accepted(void);

/* -- what the peer can be asked ---------------------------------------------- */

/* What the peer does first with a fresh connection. */
enum peer_open {
	OPEN_SILENT,	/* nothing */
	OPEN_PING,	/* server: read one byte; client: send one */
	OPEN_BANNER,	/* server: send 16 bytes at once; client: read them */
	OPEN_LATE,	/* the same, the server 150 ms later */
};
#define BANNER 16

enum peer_op {
	PEER_QUIT,
	PEER_LISTEN,	/* (backlog) -> port */
	PEER_UNLISTEN,
	PEER_ACCEPT,	/* (open) accept, then do what open says */
	PEER_CONNECT,	/* (port, open) connect, then do what open says */
	PEER_SEND,	/* (n) the next n bytes of the pattern */
	PEER_RECEIVE,	/* (n) exactly n, checked -> n, or fewer at EOF */
	PEER_SOME,	/* (n) one recv of up to n, checked */
	PEER_DRAIN,	/* receive to EOF, checked -> count */
	PEER_ECHO,	/* (n) n bytes back; 0: until EOF -> count */
	PEER_SHUTDOWN,	/* (how) */
	PEER_CLOSE,
	PEER_RESET,	/* SO_LINGER 0, then close */
	PEER_FILL,	/* send without blocking until full for long -> count */
	PEER_POLL,	/* (events, timeout) -> revents */
	PEER_OPTION,	/* (level << 16 | name, int value) */
	PEER_URGENT,	/* one byte with MSG_OOB */
	PEER_DUPLEX,	/* (n, seed) send n and receive n, in two threads */
	PEER_MANY,	/* (n, seed) the same on slots 0..slot-1 at once */
	PEER_SKIP,	/* (n) receive n bytes, whatever they are -> n */
	PEER_TRICKLE,	/* (n, ms) n bytes one by one, ms apart */
	PEER_EXIT,	/* _exit(0) with all that is open; and the others */
	PEER_EXIT_C,	/* _Exit(0) */
	PEER_EXIT_QUICK, /* quick_exit(0) */
	PEER_EXIT_FULL,	/* exit(0) */
	PEER_KILL,	/* kill -9 of itself */
};

/* One outstanding request at a time: begin, then end for its result. */
void peer_begin(enum peer_op op, int slot, int nap_ms, long a, long b);
long peer_end(void);
/* begin and end; the peer's errno is in errno when it returns -1. */
long peer_do(enum peer_op op, int slot, long a, long b);

long peer_send(struct pair *p, size_t n);
long peer_receive(struct pair *p, size_t n);
long peer_drain(struct pair *p);
long peer_shutdown(struct pair *p, int how);
long peer_close(struct pair *p);
long peer_reset(struct pair *p);
long peer_poll(struct pair *p, short events, int timeout_ms);
/* The op in nap_ms from now, while the near end does something else. */
void peer_later(struct pair *p, int nap_ms, enum peer_op op, long a, long b);

/* The peer's side of the control socket: serves until told to quit. */
void peer_serve(int control);

/* -- between sem.c, harness.c and peer.c -------------------------------------- */

extern int sem_control;	/* the near end's side of the control socket */
extern bool sem_moves;		/* the case is SEM_MOVES */
#define SEM_BROKEN 3	/* the exit status of broken() */

struct peer_request { int32_t op, slot, nap_ms, pad; int64_t a, b; };
struct peer_answer { int64_t value; int32_t err, pad; };

#endif
