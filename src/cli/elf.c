// SPDX-License-Identifier: BSD-2-Clause
#include "cli/elf.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define GO_BUILD_ID 4		/* the type of Go's own note */

int image_map(int fd, struct image *image)
{
	struct stat status;
	void *bytes;

	image->bytes = NULL;
	image->size = 0;
	if (fstat(fd, &status))
		return -errno;
	if (!S_ISREG(status.st_mode) || status.st_size <= 0)
		return -ENODATA;
	bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd,
		     0);
	if (bytes == MAP_FAILED)
		return -errno;
	image->bytes = bytes;
	image->size = (size_t)status.st_size;
	return 0;
}

void image_unmap(struct image *image)
{
	if (image->bytes)
		munmap((void *)image->bytes, image->size);
	image->bytes = NULL;
	image->size = 0;
}

const void *image_at(const struct image *image, uint64_t offset, uint64_t size)
{
	if (offset > image->size || size > image->size - offset)
		return NULL;
	return image->bytes + offset;
}

bool image_take(const struct image *image, uint64_t offset, void *to,
		size_t size)
{
	const void *from = image_at(image, offset, size);

	if (from)
		memcpy(to, from, size);
	return from != NULL;
}

static bool has_go_note(const char *notes, size_t size)
{
	ElfW(Nhdr) note;
	size_t step;

	while (size >= sizeof(note)) {
		memcpy(&note, notes, sizeof(note));
		step = sizeof(note) + (((size_t)note.n_namesz + 3) & ~3ul) +
		       (((size_t)note.n_descsz + 3) & ~3ul);
		if (step > size)
			return false;
		if (note.n_type == GO_BUILD_ID && note.n_namesz == 4 &&
		    !memcmp(notes + sizeof(note), "Go\0", 4))
			return true;
		notes += step;
		size -= step;
	}
	return false;
}

static void read_segment(const struct image *image,
			 const ElfW(Phdr) *segment, struct elf *elf)
{
	const char *bytes = image_at(image, segment->p_offset,
				     segment->p_filesz);

	if (!bytes || !segment->p_filesz)
		return;
	if (segment->p_type == PT_INTERP &&
	    bytes[segment->p_filesz - 1] == '\0')
		elf->interpreter = bytes;
	else if (segment->p_type == PT_NOTE)
		elf->go |= has_go_note(bytes, segment->p_filesz);
}

bool elf_read(const struct image *image, struct elf *elf)
{
	ElfW(Ehdr) header;
	ElfW(Phdr) segment;
	unsigned i;

	*elf = (struct elf){ .image = *image };
	/* the 32-bit header is the smaller, and alike as far as needed */
	if (image->size < sizeof(Elf32_Ehdr) ||
	    memcmp(image->bytes, ELFMAG, SELFMAG))
		return false;
	memcpy(&header, image->bytes, sizeof(Elf32_Ehdr));
	elf->machine = header.e_machine;
	if (header.e_ident[EI_CLASS] != OWN_CLASS ||
	    header.e_machine != OWN_MACHINE ||
	    !image_take(image, 0, &header, sizeof(header)))
		return true;
	elf->readable = true;
	elf->position_independent = header.e_type == ET_DYN;
	for (i = 0; i < header.e_phnum; i++) {
		if (!image_take(image, header.e_phoff + i * sizeof(segment),
				&segment, sizeof(segment)))
			break;
		read_segment(image, &segment, elf);
	}
	return true;
}

const char *elf_machine_name(unsigned machine, char room[ELF_MACHINE_MAX])
{
	static const struct {
		unsigned machine;
		const char *name;
	} names[] = {
		{ EM_X86_64, "x86-64" }, { EM_AARCH64, "aarch64" },
		{ EM_386, "i386" }, { EM_ARM, "arm" },
		{ EM_RISCV, "riscv" }, { EM_PPC64, "ppc64" },
		{ EM_S390, "s390" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (names[i].machine == machine)
			return names[i].name;
	}
	snprintf(room, ELF_MACHINE_MAX, "machine %u", machine);
	return room;
}
