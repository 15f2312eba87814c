/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The words that trampoline.S has with us before it jumps to libc's dlopen(),
 * dlmopen(), dlsym(), and where those are. Any thread, before the constructor
 * has run, too. preload/ only.
 */
#ifndef PRELOAD_LOADER_H
#define PRELOAD_LOADER_H

#include <dlfcn.h>

extern void *(*loader_dlopen)(const char *path, int flags);
extern void *(*loader_dlmopen)(Lmid_t id, const char *path, int flags);
extern void *(*loader_dlsym)(void *handle, const char *name);

/* The flags to open it with. */
int loader_flags(int flags);
/* A library is about to be loaded there. */
void loader_namespace(Lmid_t id);
/* What is to be given instead of what libc would; NULL: nothing is. */
void *loader_symbol(void *handle, const char *name);

#endif
