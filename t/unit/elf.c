// SPDX-License-Identifier: BSD-2-Clause
/* ELF files: what true ones say, and that broken ones do no harm. */
#include <criterion/criterion.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/elf.h"

static void open_image(const char *path, struct image *image)
{
	int fd = open(path, O_RDONLY);

	cr_assert_geq(fd, 0, "%s", path);
	cr_assert_eq(image_map(fd, image), 0);
	close(fd);
}

static bool count_slot(void *arg, const char *name, uint64_t offset)
{
	unsigned *count = arg;

	cr_assert_not_null(name);
	(void)offset;
	++*count;
	return false;
}

/* Everything that is asked of a file; the answers do not matter. */
static void ask_all(const struct elf *elf)
{
	const struct elf *self[] = { elf };
	unsigned n, count = 0;

	for (n = 0; elf_needed(elf, n); n++)
		;
	elf_defines(elf, "connect");
	elf_string(elf, "shunt_rdma_core_version");
	elf_missing_symbol(elf, self, 1);
	elf_missing_version(elf, "libc.so.6", elf);
	elf_glibc_needed(elf);
	elf_glibc_defined(elf);
	elf_each_slot(elf, count_slot, &count);
}

Test(elf, own_program)
{
	struct image image;
	unsigned slots = 0;
	struct elf elf;

	open_image("/proc/self/exe", &image);
	cr_assert(elf_read(&image, &elf));
	cr_assert(elf.readable);
	cr_assert_eq(elf.machine, OWN_MACHINE);
	cr_assert_not(elf.go);
	cr_assert_not_null(strstr(elf.interpreter, "/ld"));
	cr_assert_not_null(elf_needed(&elf, 0));
	cr_assert_null(elf_needed(&elf, 1000));
	elf_each_slot(&elf, count_slot, &slots);
	cr_assert_gt(slots, 0);
	image_unmap(&image);
}

Test(elf, a_library)
{
	const char *path = getenv("FAKE_RDMA_LIBRARY"), *name;
	const struct elf *self[1];
	struct image image;
	struct elf elf;

	open_image(path, &image);
	cr_assert(elf_read(&image, &elf));
	self[0] = &elf;
	cr_assert_null(elf.interpreter);
	cr_assert(elf_defines(&elf, "rsocket"));
	cr_assert(elf_defines(&elf, "repoll_create"));
	cr_assert_not(elf_defines(&elf, "calloc"), "only needed");
	cr_assert_not(elf_defines(&elf, ""));
	name = elf_glibc_needed(&elf);
	cr_assert_not_null(name);
	cr_assert_eq(strncmp(name, "GLIBC_2.", 8), 0, "%s", name);
	cr_assert_null(elf_glibc_defined(&elf));
	cr_assert_not_null(elf_missing_version(&elf, "libc.so.6", &elf));
	cr_assert_null(elf_missing_version(&elf, "libm.so.6", &elf));
	cr_assert_not_null(elf_missing_symbol(&elf, self, 1));
	image_unmap(&image);
}

Test(elf, an_older_library)
{
	struct image image;
	struct elf elf;

	open_image(getenv("FAKE_OLD_RDMA_LIBRARY"), &image);
	cr_assert(elf_read(&image, &elf));
	cr_assert(elf_defines(&elf, "rsocket"));
	cr_assert_not(elf_defines(&elf, "repoll_create"));
	image_unmap(&image);
}

/* A true libc has what a library needs. */
Test(elf, against_libc)
{
	struct image library, libc;
	struct elf user, defining;
	const struct elf *both[] = { &user, &defining };

	if (access("/lib/x86_64-linux-gnu/libc.so.6", R_OK))
		cr_skip_test("needs Debian's libc on x86-64");
	open_image(getenv("FAKE_RDMA_LIBRARY"), &library);
	open_image("/lib/x86_64-linux-gnu/libc.so.6", &libc);
	cr_assert(elf_read(&library, &user));
	cr_assert(elf_read(&libc, &defining));
	cr_assert_null(elf_missing_version(&user, "libc.so.6", &defining));
	if (!elf_missing_symbol(&user, both, 2))
		cr_assert_not_null(elf_glibc_defined(&defining));
	image_unmap(&library);
	image_unmap(&libc);
}

Test(elf, no_elf)
{
	struct image image = { "#!/bin/sh\n", 10 };
	struct elf elf;
	int fd;

	cr_assert_not(elf_read(&image, &elf));
	image = (struct image){ ELFMAG, 4 };
	cr_assert_not(elf_read(&image, &elf));
	fd = open("/tmp", O_RDONLY);
	cr_assert_eq(image_map(fd, &image), -ENODATA);
	close(fd);
	fd = open("/dev/null", O_RDONLY);
	cr_assert_eq(image_map(fd, &image), -ENODATA);
	close(fd);
	image_unmap(&image);
}

Test(elf, machines)
{
	char room[ELF_MACHINE_MAX];

	cr_assert_str_eq(elf_machine_name(EM_AARCH64, room), "aarch64");
	cr_assert_str_eq(elf_machine_name(4242, room), "machine 4242");
}

/* Cut anywhere; copied, so that a sanitizer sees the end. */
Test(elf, cut_short)
{
	struct image whole, cut;
	struct elf elf;
	size_t size;
	char *copy;

	open_image(getenv("FAKE_RDMA_LIBRARY"), &whole);
	for (size = 0; size < whole.size; size += size < 4096 ? 1 : 499) {
		copy = malloc(size + 1);
		memcpy(copy, whole.bytes, size);
		cut = (struct image){ copy, size };
		if (elf_read(&cut, &elf))
			ask_all(&elf);
		free(copy);
	}
	image_unmap(&whole);
}

/* One word of the headers turned into what no file has. */
Test(elf, spoilt)
{
	struct image whole, spoilt;
	struct elf elf;
	size_t at, from;
	char *copy;

	open_image(getenv("FAKE_RDMA_LIBRARY"), &whole);
	copy = malloc(whole.size);
	from = whole.size - 4096;
	for (at = 0; at + 8 < 4096; at += 4) {
		memcpy(copy, whole.bytes, whole.size);
		memset(copy + at, 0xff, 4);
		memset(copy + from + at, 0xff, 4);
		spoilt = (struct image){ copy, whole.size };
		if (elf_read(&spoilt, &elf))
			ask_all(&elf);
	}
	free(copy);
	image_unmap(&whole);
}
