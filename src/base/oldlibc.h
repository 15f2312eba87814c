/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Included before everything else in the library's objects. A preloaded
 * object that wants a symbol version its process's libc does not have kills
 * every program of the container, so the library binds to the oldest version
 * that each function ever had:
 *
 *  - Functions that glibc 2.34 moved into libc.so (from libdl, libpthread)
 *    are bound to their first version, weakly: in a process with an older
 *    libc that has not loaded those libraries they are NULL. Nobody but
 *    real_init() looks: oldlibc_complete() says whether the library may work
 *    at all in this process; without them it stays inert.
 *  - Functions that are younger than glibc 2.17 are written here, with raw
 *    system calls (oldlibc.c).
 *
 * The same object works in musl's processes. Its loader does not look at
 * versions and takes "libc.so.6" for itself, but ends the program when a
 * symbol is missing that is not weak. So what glibc alone has is weak where
 * it is used, and what musl has by another name, or does otherwise by the
 * same, is written here.
 *
 * t/lint/symbols holds the limits: GLIBC_2.17, and what musl has.
 */
#ifndef BASE_OLDLIBC_H
#define BASE_OLDLIBC_H

#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__x86_64__)
#define OLDLIBC_FIRST "GLIBC_2.2.5"
#elif defined(__aarch64__)
#define OLDLIBC_FIRST "GLIBC_2.17"
#else
#error "port me: the first glibc symbol version of this architecture"
#endif

#define OLDLIBC_WEAK(name) \
	extern __typeof__(name) name __attribute__((weak)); \
	__asm__(".symver " #name ", " #name "@" OLDLIBC_FIRST);

/*
 * Both libcs have these two, and neither declares them: the handler is put on
 * the thread's list. glibc's pthread_cleanup_push() jumps back into the frame
 * instead, with functions that musl lacks. The third word is musl's last, and
 * the fourth glibc's.
 */
struct oldlibc_cleanup {
	void (*routine)(void *arg);
	void *arg, *third, *fourth;
};
void _pthread_cleanup_push(struct oldlibc_cleanup *cleanup,
			   void (*routine)(void *arg), void *arg);
void _pthread_cleanup_pop(struct oldlibc_cleanup *cleanup, int run);

#undef pthread_cleanup_push
#define pthread_cleanup_push(routine, arg) \
	do { \
		struct oldlibc_cleanup cleanup_; \
		_pthread_cleanup_push(&cleanup_, routine, arg);
#undef pthread_cleanup_pop
#define pthread_cleanup_pop(run) \
		_pthread_cleanup_pop(&cleanup_, run); \
	} while (0)

#define OLDLIBC_MOVED(X) \
	X(_pthread_cleanup_pop) \
	X(_pthread_cleanup_push) \
	X(dladdr) \
	X(dlclose) \
	X(dlerror) \
	X(dlopen) \
	X(dlsym) \
	X(pthread_attr_setstacksize) \
	X(pthread_create) \
	X(pthread_detach) \
	X(pthread_getspecific) \
	X(pthread_join) \
	X(pthread_key_create) \
	X(pthread_kill) \
	X(pthread_mutex_trylock) \
	X(pthread_once) \
	X(pthread_rwlock_rdlock) \
	X(pthread_rwlock_unlock) \
	X(pthread_rwlock_wrlock) \
	X(pthread_setspecific) \
	X(pthread_sigmask) \
	X(pthread_testcancel)

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wredundant-decls"
OLDLIBC_MOVED(OLDLIBC_WEAK)
OLDLIBC_WEAK(dlvsym)	/* musl has none */

int stat(const char *path, struct stat *st) __asm__("oldlibc_stat");
int fstat(int fd, struct stat *st) __asm__("oldlibc_fstat");
int lstat(const char *path, struct stat *st) __asm__("oldlibc_lstat");
ssize_t getrandom(void *buf, size_t n, unsigned flags)
	__asm__("oldlibc_getrandom");
pid_t gettid(void) __asm__("oldlibc_gettid");
void *reallocarray(void *old, size_t count, size_t size)
	__asm__("oldlibc_reallocarray");
char *strerror_r(int error, char *text, size_t size)
	__asm__("oldlibc_strerror_r");
int pthread_atfork(void (*before)(void), void (*parent)(void),
		   void (*child)(void)) __asm__("oldlibc_atfork");
#pragma GCC diagnostic pop

/* Has this process all that the library cannot do without? */
bool oldlibc_complete(void);

#endif
