// SPDX-License-Identifier: BSD-2-Clause
#include "base/symbol.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* oldlibc.h says so too; sanitizer builds are without it. */
#pragma weak dlsym
#pragma weak dlvsym

#define VERSION_HIDDEN 0x8000	/* not the version that new links get */
#define NAME_MOST 24		/* of a call with 64 in its name */

#ifndef STT_GNU_IFUNC
#define STT_GNU_IFUNC 10
#endif

struct tables {
	const ElfW(Sym) *symbols;
	const char *strings;
	const uint32_t *hash;		/* DT_GNU_HASH */
	const ElfW(Half) *versions;	/* or NULL */
};

struct wanted {
	const char *name;
	uint32_t hash;
	void *found;
};

static uint32_t gnu_hash(const char *name)
{
	uint32_t hash = 5381;

	for (; *name; name++)
		hash = hash * 33 + (unsigned char)*name;
	return hash;
}

const void *symbol_address(const struct dl_phdr_info *object, ElfW(Addr) at)
{
	return (const void *)(at < object->dlpi_addr ? at + object->dlpi_addr
						     : at);
}

static bool find_tables(const struct dl_phdr_info *object, struct tables *t)
{
	const ElfW(Dyn) *dyn = NULL;
	int i;

	memset(t, 0, sizeof(*t));
	for (i = 0; i < object->dlpi_phnum; i++)
		if (object->dlpi_phdr[i].p_type == PT_DYNAMIC)
			dyn = (const void *)(object->dlpi_addr +
					     object->dlpi_phdr[i].p_vaddr);
	for (; dyn && dyn->d_tag != DT_NULL; dyn++) {
		const void *at = symbol_address(object,
						dyn->d_un.d_ptr);

		if (dyn->d_tag == DT_SYMTAB)
			t->symbols = at;
		else if (dyn->d_tag == DT_STRTAB)
			t->strings = at;
		else if (dyn->d_tag == DT_GNU_HASH)
			t->hash = at;
		else if (dyn->d_tag == DT_VERSYM)
			t->versions = at;
	}
	return t->symbols && t->strings && t->hash;
}

static bool fits(const struct tables *t, uint32_t i, const char *name)
{
	const ElfW(Sym) *symbol = &t->symbols[i];

	return symbol->st_shndx != SHN_UNDEF && symbol->st_value != 0 &&
	       !(t->versions && (t->versions[i] & VERSION_HIDDEN)) &&
	       strcmp(t->strings + symbol->st_name, name) == 0;
}

/* Layout: buckets, first symbol, filter words, shift; filter; buckets; chain */
static const ElfW(Sym) *look_up(const struct tables *t,
				const struct wanted *wanted)
{
	uint32_t count = t->hash[0], first = t->hash[1], i;
	const uint32_t *buckets =
		t->hash + 4 + t->hash[2] * (sizeof(ElfW(Addr)) / 4);
	const uint32_t *chain = buckets + count;

	if (count == 0)
		return NULL;
	for (i = buckets[wanted->hash % count]; i >= first && i != 0; i++) {
		if ((chain[i - first] | 1) == (wanted->hash | 1) &&
		    fits(t, i, wanted->name))
			return &t->symbols[i];
		if (chain[i - first] & 1)
			break;
	}
	return NULL;
}

static bool is_us(const struct dl_phdr_info *object)
{
	ElfW(Addr) here = (ElfW(Addr))&symbol_walk;
	int i;

	for (i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *part = &object->dlpi_phdr[i];
		ElfW(Addr) start = object->dlpi_addr + part->p_vaddr;

		if (part->p_type == PT_LOAD && here >= start &&
		    here - start < part->p_memsz)
			return true;
	}
	return false;
}

static int visit(struct dl_phdr_info *object, size_t size, void *arg)
{
	struct wanted *wanted = arg;
	const ElfW(Sym) *symbol;
	struct tables tables;
	void *at;

	(void)size;
	if (is_us(object) || !find_tables(object, &tables))
		return 0;
	symbol = look_up(&tables, wanted);
	if (!symbol)
		return 0;
	at = (void *)(object->dlpi_addr + symbol->st_value);
	if (ELF64_ST_TYPE(symbol->st_info) == STT_GNU_IFUNC)
		at = ((void *(*)(void))at)();
	wanted->found = at;
	return 1;
}

void *symbol_walk(const char *name)
{
	struct wanted wanted = { .name = name, .hash = gnu_hash(name) };

	dl_iterate_phdr(visit, &wanted);
	return wanted.found;
}

/*
 * One of libc's: the library has a dlsym() of its own. Every glibc that has
 * one has dlvsym(3), too; musl has not.
 */
static bool has_dlsym(void)
{
	return dlsym != NULL && (dlvsym != NULL || symbol_walk("dlsym"));
}

static void *next(const char *name)
{
	return has_dlsym() ? dlsym(RTLD_NEXT, name) : symbol_walk(name);
}

void *symbol_next_version(const char *name, const char *version)
{
	return dlvsym != NULL ? dlvsym(RTLD_NEXT, name, version)
			      : symbol_walk(name);
}

bool symbol_is_search(const void *handle)
{
	return handle == RTLD_NEXT || handle == RTLD_DEFAULT;
}

/* fopen64() is musl's fopen(): programs that call it are older than 1.2.4. */
static void *next_without_64(const char *name)
{
	const char *number = strstr(name, "64");
	char shorter[NAME_MOST];

	if (!number || strlen(name) >= sizeof(shorter))
		return NULL;
	strcpy(mempcpy(shorter, name, (size_t)(number - name)), number + 2);
	return next(shorter);
}

void *symbol_next(const char *name)
{
	void *found = next(name);

	return found ? found : next_without_64(name);
}
