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
 * t/lint/symbols holds the limit: GLIBC_2.17.
 */
#ifndef BASE_OLDLIBC_H
#define BASE_OLDLIBC_H

#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__x86_64__)
#define OLDLIBC_FIRST "GLIBC_2.2.5"
#define OLDLIBC_CLEANUP "GLIBC_2.3.3"
#elif defined(__aarch64__)
#define OLDLIBC_FIRST "GLIBC_2.17"
#define OLDLIBC_CLEANUP "GLIBC_2.17"
#else
#error "port me: the first glibc symbol version of this architecture"
#endif

#define OLDLIBC_WEAK_AT(name, version) \
	extern __typeof__(name) name __attribute__((weak)); \
	__asm__(".symver " #name ", " #name "@" version);
#define OLDLIBC_WEAK(name) OLDLIBC_WEAK_AT(name, OLDLIBC_FIRST)

#define OLDLIBC_MOVED(X) \
	X(dladdr) \
	X(dlclose) \
	X(dlerror) \
	X(dlopen) \
	X(dlsym) \
	X(dlvsym) \
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
/* pthread_cleanup_push() and pthread_cleanup_pop() are made of these. */
OLDLIBC_WEAK_AT(__pthread_register_cancel, OLDLIBC_CLEANUP)
OLDLIBC_WEAK_AT(__pthread_unregister_cancel, OLDLIBC_CLEANUP)
OLDLIBC_WEAK_AT(__pthread_unwind_next, OLDLIBC_CLEANUP)

int stat(const char *path, struct stat *st) __asm__("oldlibc_stat");
int fstat(int fd, struct stat *st) __asm__("oldlibc_fstat");
int lstat(const char *path, struct stat *st) __asm__("oldlibc_lstat");
ssize_t getrandom(void *buf, size_t n, unsigned flags)
	__asm__("oldlibc_getrandom");
pid_t gettid(void) __asm__("oldlibc_gettid");
#pragma GCC diagnostic pop

/* Has this process all that the library cannot do without? */
bool oldlibc_complete(void);

#endif
