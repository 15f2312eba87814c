// SPDX-License-Identifier: BSD-2-Clause
/*
 * A part of the program that is loaded late, in every way there is, uses the
 * connection: its calls find the library, or the connection is on TCP.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sem.h"

static char buf[4096];

/* The plugin is beside the program. */
static const char *path_of(const char *name)
{
	static char path[4200];
	char self[4096] = "";
	char *slash;

	MUST(readlink("/proc/self/exe", self, sizeof(self) - 1));
	slash = strrchr(self, '/');
	*slash = '\0';
	snprintf(path, sizeof(path), "%s/%s", self, name);
	if (access(path, R_OK) != 0)
		snprintf(path, sizeof(path), "%s/.libs/%s", self, name);
	return path;
}

static void *symbol(void *handle, const char *name)
{
	void *found = dlsym(handle, name);

	if (!found)
		broken("dlsym %s: %s", name, dlerror());
	return found;
}

/* Both directions, by the functions of this handle, and our own between. */
static void use(struct pair *p, void *handle, const char *to, const char *from)
{
	long (*give)(int, const void *, size_t) = symbol(handle, to);
	long (*take)(int, void *, size_t) = symbol(handle, from);

	for (int i = 0; i < 3; i++) {
		pair_next(p, buf, 100);
		SHOW(give(p->fd, buf, 100));
		p->tx += 100;
		SHOW(peer_receive(p, 100));
		peer_send(p, 200);
		say("%s", pair_check(p, buf, SHOW(take(p->fd, buf, 200))));
		pair_talk(p);
	}
}

/* Its end comes to the peer, and the number is nobody's. */
static void closed_by(struct pair *p, int (*end)(int))
{
	pair_next(p, buf, 100);
	SHOW(write(p->fd, buf, 100));
	p->tx += 100;
	SHOW(end(p->fd));
	SHOW(write(p->fd, buf, 1));
	SHOW(peer_do(PEER_DRAIN, p->slot, 0, 0));
	p->fd = -1;
}

static void loaded(struct pair *p, int flags)
{
	void *handle = dlopen(path_of("plugin.so"), RTLD_NOW | flags);

	if (!handle)
		broken("dlopen: %s", dlerror());
	use(p, handle, "plugin_send", "plugin_receive");
	closed_by(p, symbol(handle, "plugin_close"));
}

static void local(struct pair *p)
{
	loaded(p, RTLD_LOCAL);
}

static void deep(struct pair *p)
{
	loaded(p, RTLD_DEEPBIND);
}

static void deep_global(struct pair *p)
{
	loaded(p, RTLD_DEEPBIND | RTLD_GLOBAL);
}

/* The variable is the user's; here the program sets it itself. */
static void deep_kept(struct pair *p)
{
	MUST(setenv("SHUNT_DEEPBIND", "keep", 1));
	loaded(p, RTLD_DEEPBIND);
}

static void namespace(struct pair *p)
{
	struct pair late = { .fd = -1 };
	void *handle = dlmopen(LM_ID_NEWLM, path_of("plugin.so"), RTLD_NOW);

	if (!handle)
		broken("dlmopen: %s", dlerror());
	use(p, handle, "plugin_send", "plugin_receive");
	pair_open(&late, 1);
	use(&late, handle, "plugin_send", "plugin_receive");
	pair_close(&late);
}

/* The other libc's close(), of what had a lane and of what has none. */
static void namespace_close(struct pair *p)
{
	struct pair late = { .fd = -1 };
	void *handle = dlmopen(LM_ID_NEWLM, path_of("plugin.so"), RTLD_NOW);
	int (*end)(int);

	if (!handle)
		broken("dlmopen: %s", dlerror());
	end = symbol(handle, "plugin_close");
	pair_open(&late, 1);
	closed_by(&late, end);
	closed_by(p, end);
}

/* A function of libc's, called by its address; no flags: MSG_WAITALL is none */
static void libc(struct pair *p)
{
	void *handle = dlopen("libc.so.6", RTLD_NOW);

	use(p, handle, "write", "read");
	SHOW(dlsym(handle, "no such thing") == NULL);
	say("%s", dlerror() ? "an error" : "no error");
	closed_by(p, symbol(handle, "close"));
}

static void next(struct pair *p)
{
	use(p, RTLD_NEXT, "write", "read");
	use(p, RTLD_DEFAULT, "write", "read");
}

/* Who calls dlopen() counts. */
static void runpath(struct pair *p)
{
	void *handle = dlopen(path_of("plugin.so"), RTLD_NOW);
	void *(*load)(const char *name) = symbol(handle, "plugin_load");

	SHOW(dlopen("plugin2.so", RTLD_NOW) == NULL);
	say("%s", load("plugin2.so") ? "by the RUNPATH" : "not there");
	SHOW(dlopen("there is no such library", RTLD_NOW) == NULL);
	say("%s", dlerror() ? "an error" : "no error");
	pair_talk(p);
}

const struct sem_case sem_cases[] = {
	{ "local", LANE | SEM_NO_TSAN, local, "dlopen" },
	{ "deep", LANE | SEM_NO_TSAN, deep, "RTLD_DEEPBIND" },
	{ "deep_global", LANE | SEM_NO_TSAN, deep_global, "the same, as PHP" },
	{ "deep_kept", LANE | SEM_NO_TSAN, deep_kept, "the same, and it is to be so" },
	{ "namespace", LANE | SEM_NO_TSAN, namespace, "dlmopen" },
	{ "namespace_close", LANE | SEM_NO_TSAN, namespace_close,
	  "dlmopen, and its close()" },
	{ "libc", LANE | SEM_NO_TSAN, libc, "dlsym on libc's handle" },
	{ "next", LANE | SEM_NO_TSAN, next, "dlsym of what comes next, and first" },
	{ "runpath", LANE | SEM_NO_TSAN, runpath, "dlopen by the caller's RUNPATH" },
	{ NULL, 0, NULL, NULL }
};
