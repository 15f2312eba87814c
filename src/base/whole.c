// SPDX-License-Identifier: BSD-2-Clause
#include "base/whole.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/real.h"

#define SEGMENTS_MOST 64
#define CLASS (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32)

static bool is_elf(int fd, ElfW(Ehdr) *header)
{
	return pread(fd, header, sizeof(*header), 0) == sizeof(*header) &&
	       memcmp(header->e_ident, ELFMAG, SELFMAG) == 0 &&
	       header->e_ident[EI_CLASS] == CLASS &&
	       header->e_phentsize == sizeof(ElfW(Phdr));
}

static bool is_whole(int fd, uint64_t size)
{
	ElfW(Phdr) segments[SEGMENTS_MOST];
	ElfW(Ehdr) header;
	unsigned i, count;

	if (!is_elf(fd, &header))
		return true;
	count = header.e_phnum < SEGMENTS_MOST ? header.e_phnum
					       : SEGMENTS_MOST;
	if (pread(fd, segments, count * sizeof(*segments),
		  (off_t)header.e_phoff) !=
	    (ssize_t)(count * sizeof(*segments)))
		return false;
	for (i = 0; i < count; i++)
		if (segments[i].p_type == PT_LOAD &&
		    segments[i].p_offset + segments[i].p_filesz > size)
			return false;
	return true;
}

bool whole_file(const char *path)
{
	int saved = errno, fd = real.open(path, O_RDONLY | O_CLOEXEC, 0);
	struct stat stat;
	bool whole = true;

	if (fd >= 0) {
		whole = fstat(fd, &stat) != 0 ||
			is_whole(fd, (uint64_t)stat.st_size);
		real.close(fd);
	}
	errno = saved;
	return whole;
}
