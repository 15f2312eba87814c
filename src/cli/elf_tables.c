// SPDX-License-Identifier: BSD-2-Clause
/* The tables of an ELF file: what it needs, defines, and has filled in. */
#include <elf.h>
#include <string.h>

#include "cli/elf.h"

#if __SIZEOF_POINTER__ == 8
#define SYMBOL_OF(info) ELF64_R_SYM(info)
#define TYPE_OF(info) ELF64_R_TYPE(info)
#define BIND_OF(info) ELF64_ST_BIND(info)
#else
#define SYMBOL_OF(info) ELF32_R_SYM(info)
#define TYPE_OF(info) ELF32_R_TYPE(info)
#define BIND_OF(info) ELF32_ST_BIND(info)
#endif

#if defined(__x86_64__)
#define SLOT_DATA R_X86_64_GLOB_DAT
#define SLOT_CALL R_X86_64_JUMP_SLOT
#elif defined(__aarch64__)
#define SLOT_DATA R_AARCH64_GLOB_DAT
#define SLOT_CALL R_AARCH64_JUMP_SLOT
#else
#define SLOT_DATA UINT32_MAX
#define SLOT_CALL UINT32_MAX
#endif

/* A whole entry, or false. */
#define TAKE(elf, offset, to) \
	image_take(&(elf)->image, offset, to, sizeof(*(to)))

/* The string in a string table, or NULL. */
static const char *text_at(const struct image *image,
			   const ElfW(Shdr) *strings, uint64_t offset)
{
	const char *bytes = image_at(image, strings->sh_offset,
				     strings->sh_size);

	if (!bytes || offset >= strings->sh_size ||
	    !memchr(bytes + offset, '\0', strings->sh_size - offset))
		return NULL;
	return bytes + offset;
}

/* The nth section, or of a type the first from the nth on. */
static bool section_at(const struct elf *elf, unsigned n, ElfW(Shdr) *section)
{
	ElfW(Ehdr) header;

	return elf->readable && TAKE(elf, 0, &header) &&
	       n < header.e_shnum &&
	       TAKE(elf, header.e_shoff + n * sizeof(*section), section);
}

static bool section_of(const struct elf *elf, unsigned type,
		       ElfW(Shdr) *section)
{
	unsigned n;

	for (n = 0; section_at(elf, n, section); n++) {
		if (section->sh_type == type)
			return true;
	}
	return false;
}

/* A table and the string table that its entries' names are in. */
struct table {
	ElfW(Shdr) section, strings;
};

static bool table_of(const struct elf *elf, unsigned type, struct table *table)
{
	return section_of(elf, type, &table->section) &&
	       section_at(elf, table->section.sh_link, &table->strings);
}

const char *elf_needed(const struct elf *elf, unsigned n)
{
	struct table table;
	ElfW(Dyn) entry;
	uint64_t i;

	if (!table_of(elf, SHT_DYNAMIC, &table))
		return NULL;
	for (i = 0; i < table.section.sh_size / sizeof(entry); i++) {
		if (!TAKE(elf, table.section.sh_offset + i * sizeof(entry),
			  &entry) ||
		    entry.d_tag == DT_NULL)
			return NULL;
		if (entry.d_tag == DT_NEEDED && n-- == 0)
			return text_at(&elf->image, &table.strings,
				       entry.d_un.d_val);
	}
	return NULL;
}

/* The nth dynamic symbol and its name; false behind the last. */
static bool symbol_at(const struct elf *elf, const struct table *table,
		      uint64_t n, ElfW(Sym) *symbol, const char **name)
{
	if (n >= table->section.sh_size / sizeof(*symbol) ||
	    !TAKE(elf, table->section.sh_offset + n * sizeof(*symbol), symbol))
		return false;
	*name = text_at(&elf->image, &table->strings, symbol->st_name);
	return *name != NULL;
}

static bool find_symbol(const struct elf *elf, const char *name,
			ElfW(Sym) *symbol)
{
	struct table table;
	const char *found;
	uint64_t n;

	if (!table_of(elf, SHT_DYNSYM, &table))
		return false;
	for (n = 0; symbol_at(elf, &table, n, symbol, &found); n++) {
		if (symbol->st_shndx != SHN_UNDEF && !strcmp(found, name))
			return true;
	}
	return false;
}

bool elf_defines(const struct elf *elf, const char *name)
{
	ElfW(Sym) symbol;

	return find_symbol(elf, name, &symbol);
}

const char *elf_string(const struct elf *elf, const char *name)
{
	ElfW(Shdr) section;
	ElfW(Sym) symbol;
	const char *text;

	if (!find_symbol(elf, name, &symbol) ||
	    !section_at(elf, symbol.st_shndx, &section) ||
	    symbol.st_value < section.sh_addr)
		return NULL;
	text = image_at(&elf->image, section.sh_offset + symbol.st_value -
		  section.sh_addr, symbol.st_size);
	return text && memchr(text, '\0', symbol.st_size) ? text : NULL;
}

static bool any_defines(const struct elf *const *libraries, int count,
			const char *name)
{
	int i;

	for (i = 0; i < count; i++) {
		if (elf_defines(libraries[i], name))
			return true;
	}
	return false;
}

const char *elf_missing_symbol(const struct elf *user,
			       const struct elf *const *libraries, int count)
{
	struct table table;
	ElfW(Sym) symbol;
	const char *name;
	uint64_t n;

	if (!table_of(user, SHT_DYNSYM, &table))
		return NULL;
	for (n = 0; symbol_at(user, &table, n, &symbol, &name); n++) {
		if (symbol.st_shndx == SHN_UNDEF && *name &&
		    BIND_OF(symbol.st_info) == STB_GLOBAL &&
		    !any_defines(libraries, count, name))
			return name;
	}
	return NULL;
}

/* Each version that the library defines; ends when `visit` says true. */
static bool each_defined(const struct elf *elf,
			 bool (*visit)(void *arg, const char *name), void *arg)
{
	ElfW(Verdaux) first;
	ElfW(Verdef) entry;
	struct table table;
	const char *name;
	uint64_t offset;

	if (!table_of(elf, SHT_GNU_verdef, &table))
		return false;
	offset = table.section.sh_offset;
	while (TAKE(elf, offset, &entry) &&
	       TAKE(elf, offset + entry.vd_aux, &first)) {
		name = text_at(&elf->image, &table.strings, first.vda_name);
		if (name && visit(arg, name))
			return true;
		if (!entry.vd_next)
			break;
		offset += entry.vd_next;
	}
	return false;
}

/* Each version that it needs of one library. */
static bool each_auxiliary(const struct elf *elf, const struct table *table,
			   uint64_t offset, unsigned count,
			   bool (*visit)(void *arg, const char *name),
			   void *arg)
{
	ElfW(Vernaux) entry;
	const char *name;

	while (count-- && TAKE(elf, offset, &entry)) {
		name = text_at(&elf->image, &table->strings, entry.vna_name);
		if (name && visit(arg, name))
			return true;
		offset += entry.vna_next;
	}
	return false;
}

/* ... of the library `file`, or of all (NULL). */
static bool each_needed(const struct elf *elf, const char *file,
			bool (*visit)(void *arg, const char *name), void *arg)
{
	ElfW(Verneed) entry;
	struct table table;
	const char *name;
	uint64_t offset;

	if (!table_of(elf, SHT_GNU_verneed, &table))
		return false;
	offset = table.section.sh_offset;
	while (TAKE(elf, offset, &entry)) {
		name = text_at(&elf->image, &table.strings, entry.vn_file);
		if (name && (!file || !strcmp(name, file)) &&
		    each_auxiliary(elf, &table, offset + entry.vn_aux,
				   entry.vn_cnt, visit, arg))
			return true;
		if (!entry.vn_next)
			break;
		offset += entry.vn_next;
	}
	return false;
}

static bool is_it(void *arg, const char *name)
{
	return !strcmp(name, arg);
}

/* A search for what a library does not define. */
struct lack {
	const struct elf *library;
	const char *name;
};

static bool is_lacking(void *arg, const char *name)
{
	struct lack *lack = arg;

	if (each_defined(lack->library, is_it, (void *)(uintptr_t)name))
		return false;
	lack->name = name;
	return true;
}

const char *elf_missing_version(const struct elf *user, const char *file,
				const struct elf *library)
{
	struct lack lack = { .library = library };

	each_needed(user, file, is_lacking, &lack);
	return lack.name;
}

/* The greater of two; GLIBC_PRIVATE and others are no versions of it. */
static bool keep_greater(void *arg, const char *name)
{
	const char **greatest = arg;

	if (!strncmp(name, "GLIBC_", 6) && name[6] >= '0' && name[6] <= '9' &&
	    (!*greatest || strverscmp(name, *greatest) > 0))
		*greatest = name;
	return false;
}

const char *elf_glibc_needed(const struct elf *elf)
{
	const char *greatest = NULL;

	each_needed(elf, NULL, keep_greater, &greatest);
	return greatest;
}

const char *elf_glibc_defined(const struct elf *elf)
{
	const char *greatest = NULL;

	each_defined(elf, keep_greater, &greatest);
	return greatest;
}

/* The slots of one section of relocations. False: `visit` has had enough. */
static bool slots_of(const struct elf *elf, const ElfW(Shdr) *section,
		     const struct table *symbols,
		     bool (*visit)(void *arg, const char *name,
				   uint64_t offset), void *arg)
{
	ElfW(Rela) slot;
	ElfW(Sym) symbol;
	const char *name;
	uint64_t i;

	for (i = 0; i < section->sh_size / sizeof(slot); i++) {
		if (!TAKE(elf, section->sh_offset + i * sizeof(slot), &slot))
			break;
		if ((TYPE_OF(slot.r_info) == SLOT_CALL ||
		     TYPE_OF(slot.r_info) == SLOT_DATA) &&
		    symbol_at(elf, symbols, SYMBOL_OF(slot.r_info), &symbol,
			      &name) &&
		    visit(arg, name, slot.r_offset))
			return false;
	}
	return true;
}

void elf_each_slot(const struct elf *elf,
		   bool (*visit)(void *arg, const char *name, uint64_t offset),
		   void *arg)
{
	struct table symbols;
	ElfW(Shdr) section;
	unsigned n;

	if (!table_of(elf, SHT_DYNSYM, &symbols))
		return;
	for (n = 0; section_at(elf, n, &section); n++) {
		if (section.sh_type == SHT_RELA &&
		    !slots_of(elf, &section, &symbols, visit, arg))
			return;
	}
}
