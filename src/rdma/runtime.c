// SPDX-License-Identifier: BSD-2-Clause
#include "rdma/runtime.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/beside.h"
#include "base/bounds.h"
#include "base/fd.h"
#include "base/real.h"
#include "base/root.h"
#include "base/symbol.h"
#include "base/whole.h"

#define BUNDLED "libshunt-rdma.so"
#define SYSTEM "librdmacm.so.1"
#define DOTS "./././."	/* none in a path is another name */

struct runtime runtime;

static char path[512];
static char news[700];
static char trouble[sizeof(news)];
static bool loaded;
static bool alone;		/* it has libibverbs within it */
static enum reason abandoned;	/* why a copy is needed; or none */
static unsigned copies;

bool runtime_loaded(void)
{
	return loaded;
}

const char *rdma_runtime_path(void)
{
	return loaded ? path : "";
}

const char *rdma_runtime_news(void)
{
	return news;
}

const char *rdma_trouble(void)
{
	return trouble;
}

/* Fill `found` from the object; the name of the first symbol it lacks. */
static const char *missing_in(void *handle, struct runtime *found)
{
	const char *missing = NULL;
	void *symbol;

#define SYMBOL(type, name, params) \
	symbol = dlsym(handle, #name); \
	if (!symbol && !missing) \
		missing = #name; \
	memcpy(&found->name, &symbol, sizeof(symbol));
#define OPTIONAL(type, name, params) \
	symbol = dlsym(handle, #name); \
	memcpy(&found->name, &symbol, sizeof(symbol));
#include "rdma/rsockets.def"
#undef OPTIONAL
#undef SYMBOL
	return missing;
}

/* The file that the loader really took, for people. */
static void remember_path(const char *name)
{
	void *symbol;
	Dl_info info;

	memcpy(&symbol, &runtime.rsocket, sizeof(symbol));
	if (dladdr(symbol, &info) && info.dli_fname)
		name = info.dli_fname;
	snprintf(path, sizeof(path), "%s", name);
}

static bool needs_verbs(const struct dl_phdr_info *object,
			const ElfW(Dyn) *section)
{
	const char *strings = NULL;
	const ElfW(Dyn) *entry;

	for (entry = section; entry->d_tag != DT_NULL; entry++)
		if (entry->d_tag == DT_STRTAB)
			strings = symbol_address(object, entry->d_un.d_ptr);
	for (entry = section; strings && entry->d_tag != DT_NULL; entry++)
		if (entry->d_tag == DT_NEEDED &&
		    strstr(strings + entry->d_un.d_val, "libibverbs"))
			return true;
	return !strings;
}

/* 1: it is the object that rsocket() is in, and needs nothing else of RDMA. */
static int look_at_object(struct dl_phdr_info *info, size_t size, void *arg)
{
	uintptr_t at, begin, symbol;
	const ElfW(Dyn) *section = NULL;
	bool here = false;
	int i;

	(void)size;
	(void)arg;
	memcpy(&symbol, &runtime.rsocket, sizeof(symbol));
	for (i = 0; i < info->dlpi_phnum; i++) {
		begin = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
		at = symbol - begin;
		if (info->dlpi_phdr[i].p_type == PT_DYNAMIC)
			section = (const void *)begin;
		else if (info->dlpi_phdr[i].p_type == PT_LOAD &&
			 at < info->dlpi_phdr[i].p_memsz)
			here = true;
	}
	return here && section && !needs_verbs(info, section);
}

/* Does it come without a libibverbs, of which there would be one for both? */
static bool is_alone(void)
{
	return dl_iterate_phdr(look_at_object, NULL) == 1;
}

/*
 * No function of an object that turns out to be too old has been called when
 * it is unloaded again.
 */
static enum reason load(const char *name)
{
	struct runtime found;
	const char *missing;
	void *handle;

	if (!whole_file(name)) {
		snprintf(news, sizeof(news),
			 "RDMA runtime does not load: %s: the file is cut off",
			 name);
		return REASON_no_rdma_core;
	}
	handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
	if (!handle) {
		snprintf(news, sizeof(news), "RDMA runtime does not load: %s",
			 dlerror());
		return REASON_no_rdma_core;
	}
	missing = missing_in(handle, &found);
	if (missing) {
		snprintf(news, sizeof(news), "%s is not used: it has no %s",
			 name, missing);
		dlclose(handle);
		return strcmp(missing, "repoll_create")
			? REASON_no_rdma_core : REASON_rdma_core_too_old;
	}
	runtime = found;
	loaded = true;
	if (runtime.shunt_rhooks)
		runtime.shunt_rhooks(fd_lift_runtime, inside_begin_thread);
	alone = is_alone();
	if (abandoned == REASON_none)
		remember_path(name);
	snprintf(news, sizeof(news), "RDMA runtime: %s", path);
	return REASON_none;
}

/*
 * A file that is ours: no_rdma_core, it is not there; runtime_broken, it does
 * not load, and trouble says why.
 */
static enum reason load_own(const char *name)
{
	enum reason reason;

	if (access(name, F_OK))
		return REASON_no_rdma_core;
	reason = load(name);
	if (reason != REASON_no_rdma_core)
		return reason;
	memcpy(trouble, news, sizeof(news));
	return REASON_runtime_broken;
}

/* Beside the object that this code is in, else where it was installed. */
static enum reason load_beside(void)
{
	enum reason reason = REASON_no_rdma_core;
	char name[PATH_MAX];

	if (beside_us(name, BUNDLED))
		reason = load_own(name);
	if (reason == REASON_no_rdma_core)
		reason = load_own(SHUNT_LIBDIR "/" BUNDLED);
	return reason;
}

/* The whole file `from` in a new nameless one; its fd, or -1. */
static int copy_of(const char *from)
{
	int in = real.open(from, O_RDONLY | O_CLOEXEC, 0);
	int out = real.memfd_create("libshunt-rdma.so", MFD_CLOEXEC);
	ssize_t put = -1;
	struct stat file;

	if (in >= 0 && out >= 0 && fstat(in, &file) == 0 &&
	    fd_may_hold(file.st_size))
		while ((put = sendfile(out, in, NULL, 1 << 20)) > 0)
			;
	if (in >= 0)
		real.close(in);
	if (put == 0)
		return out;
	if (out >= 0)
		real.close(out);
	return -1;
}

/*
 * The loader knows an object again by its file and by its name. The name has
 * the process in it, because a grandchild may get the same fd, and how many
 * there were, because this process may. After a change of credentials there is
 * none: the kernel compares those of the thread that opened the device with
 * those of each thread that commands it, and libc gives every thread its own.
 */
static enum reason load_copy(void)
{
	enum reason reason = abandoned;
	bool may = alone && copies < BOUND_copies &&
		   reason != REASON_credentials;
	int fd = may ? copy_of(path) : -1;
	char name[64];

	snprintf(news, sizeof(news),
		 "no RDMA in this process: %s is loaded, and used up, and cannot be copied",
		 path);
	if (fd < 0)
		return reason;
	snprintf(name, sizeof(name), "/proc/%d/%.*sfd/%d", (int)getpid(),
		 (int)(2 * copies++), DOTS, fd);
	reason = load(name);
	real.close(fd);
	return reason == REASON_none ? reason : abandoned;
}

void runtime_abandon(enum reason why)
{
	if (!loaded)
		return;
	abandoned = why;
	loaded = false;
	/*
	 * Its destructors close by number and speak to the device: let them
	 * find something else, and let the device go when the parent does.
	 */
	fd_park_all(FD_RUNTIME);
}

enum reason runtime_load(void)
{
	const char *named = getenv("SHUNT_RDMA_LIBRARY");
	enum reason own, installed;

	trouble[0] = '\0';
	if (!root_same()) {
		snprintf(news, sizeof(news),
			 "RDMA runtime is not loaded: the process has changed its root directory");
		memcpy(trouble, news, sizeof(news));
		return abandoned != REASON_none ? abandoned
						: REASON_no_rdma_core;
	}
	if (abandoned != REASON_none)
		return load_copy();
	if (named && *named) {
		own = load(named);
		if (own != REASON_none)
			memcpy(trouble, news, sizeof(news));
		return own;
	}
	own = load_beside();
	if (own == REASON_none)
		return own;
	installed = load(SYSTEM);
	if (installed == REASON_none || own == REASON_no_rdma_core)
		return installed;
	return own;
}
