// SPDX-License-Identifier: BSD-2-Clause
/*
 * ELF files as shunt doctor reads them, out of anybody's container and perhaps
 * as root. The head is made right, so that all runs get to the tables; the
 * input is what stands behind it. Nothing may be read beyond the end.
 */
#include <elf.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cli/elf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool look_at_slot(void *arg, const char *name, uint64_t offset)
{
	(void)arg;
	(void)offset;
	return *name == '\n';
}

static void ask_all(const struct elf *elf)
{
	unsigned n;

	for (n = 0; elf_needed(elf, n); n++)
		;
	elf_string(elf, "a");
	elf_missing_symbol(elf, &elf, 1);
	elf_missing_version(elf, "a", elf);
	elf_glibc_needed(elf);
	elf_glibc_defined(elf);
	elf_each_slot(elf, look_at_slot, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t whole = size < sizeof(ElfW(Ehdr)) ? sizeof(ElfW(Ehdr)) : size;
	char *copy = calloc(1, whole);
	struct image image = { copy, whole };
	ElfW(Ehdr) header;
	struct elf elf;

	if (!copy)
		return 0;
	if (size)
		memcpy(copy, data, size);
	memcpy(&header, copy, sizeof(header));
	memcpy(header.e_ident, ELFMAG, SELFMAG);
	header.e_ident[EI_CLASS] = OWN_CLASS;
	header.e_machine = OWN_MACHINE;
	header.e_shoff = sizeof(header);
	header.e_shnum = 8;
	memcpy(copy, &header, sizeof(header));
	if (elf_read(&image, &elf))
		ask_all(&elf);
	free(copy);
	return 0;
}
