/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an ELF file says of itself (elf(5)): who loads it, what it needs and
 * defines. The file may be anybody's, out of a container: nothing in it is
 * believed beyond its end, and tables are found by their section headers,
 * which strip(1) leaves. Strings point into the file and live as long as it
 * is mapped.
 */
#ifndef CLI_ELF_H
#define CLI_ELF_H

#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The machine that this command, and so the library, is made for. */
#if __SIZEOF_POINTER__ == 8
#define OWN_CLASS ELFCLASS64
#else
#define OWN_CLASS ELFCLASS32
#endif

#if defined(__x86_64__)
#define OWN_MACHINE EM_X86_64
#elif defined(__aarch64__)
#define OWN_MACHINE EM_AARCH64
#else
#define OWN_MACHINE EM_NONE
#endif

/* A file in memory. */
struct image {
	const char *bytes;	/* NULL: none */
	size_t size;
};

/* Map the whole file. 0 or -errno; -ENODATA: it is empty or no file. */
int image_map(int fd, struct image *image);
void image_unmap(struct image *image);

/* The bytes at an offset, or NULL when they are not all there. */
const void *image_at(const struct image *image, uint64_t offset,
		     uint64_t size);
/* The same, copied, because nothing in a file need be aligned. */
bool image_take(const struct image *image, uint64_t offset, void *to,
		size_t size);

struct elf {
	struct image image;
	unsigned machine;		/* EM_X86_64 ... */
	bool readable;			/* of our class: the rest is filled */
	bool position_independent;	/* ET_DYN */
	const char *interpreter;	/* NULL: no dynamic loader */
	bool go;			/* it has the Go linker's note */
};

/* False: the image is no ELF file. The image stays the caller's. */
bool elf_read(const struct image *image, struct elf *elf);

/* "x86-64", "aarch64", ...; "machine 123" is written to `room` for others. */
#define ELF_MACHINE_MAX 16
const char *elf_machine_name(unsigned machine, char room[ELF_MACHINE_MAX]);

/* -- elf_tables.c --------------------------------------------------------- */

/* The name of the nth library that it needs, or NULL. */
const char *elf_needed(const struct elf *elf, unsigned n);

/* Does it define the dynamic symbol? */
bool elf_defines(const struct elf *elf, const char *name);

/* The text of an exported char array, or NULL. */
const char *elf_string(const struct elf *elf, const char *name);

/*
 * The name of a symbol that `user` cannot do without and none of the
 * libraries defines, or NULL. Versions do not count: musl has none.
 */
const char *elf_missing_symbol(const struct elf *user,
			       const struct elf *const *libraries, int count);

/* Of this library's versions, the first that `user` needs and it lacks. */
const char *elf_missing_version(const struct elf *user, const char *file,
				const struct elf *library);

/* The greatest GLIBC_ version that it needs, or defines; or NULL. */
const char *elf_glibc_needed(const struct elf *elf);
const char *elf_glibc_defined(const struct elf *elf);

/*
 * Each place that the loader fills with the address of a dynamic symbol:
 * offset from where the file is loaded. Ends when `visit` says true.
 */
void elf_each_slot(const struct elf *elf,
		   bool (*visit)(void *arg, const char *name, uint64_t offset),
		   void *arg);

#endif
