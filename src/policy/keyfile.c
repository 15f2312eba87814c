// SPDX-License-Identifier: BSD-2-Clause
#include "policy/keyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/real.h"

#define FILE_MOST 4096

void key_wipe(void *bytes, size_t size)
{
	volatile uint8_t *at = bytes;

	while (size--)
		*at++ = 0;
}

/* The value of a digit, of base 16 or 64; -1: it is none. */
static int hex_digit(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

static int base64_digit(char c)
{
	return c >= 'A' && c <= 'Z'   ? c - 'A'
	       : c >= 'a' && c <= 'z' ? c - 'a' + 26
	       : c >= '0' && c <= '9' ? c - '0' + 52
	       : c == '+'	      ? 62
	       : c == '/'	      ? 63
				      : -1;
}

static bool all_digits(const char *text, size_t size, int (*digit)(char c))
{
	while (size && digit(text[size - 1]) >= 0)
		size--;
	return size == 0;
}

/* Digits of `bits` bits each -> at most KEY_MOST bytes; how many there are. */
static size_t decode(const char *text, size_t size, int (*digit)(char c),
		     unsigned bits, uint8_t *bytes)
{
	unsigned value = 0, have = 0;
	size_t i, made = 0;

	for (i = 0; i < size; i++) {
		value = value << bits | (unsigned)digit(text[i]);
		have += bits;
		if (have < 8)
			continue;
		have -= 8;
		if (made < KEY_MOST)
			bytes[made] = (uint8_t)(value >> have);
		made++;
		value &= (1u << have) - 1;
	}
	return made;
}

/* "=" at the end of base64, which may be left out. */
static size_t without_padding(const char *text, size_t size)
{
	size_t left = size;

	while (left && size - left < 2 && text[left - 1] == '=')
		left--;
	return size % 4 == 0 || left == size ? left : size;
}

/* NULL, or what is wrong with the line; *size: of the key. */
static const char *read_key(const char *text, size_t length, uint8_t *bytes,
			    size_t *size)
{
	size_t digits = without_padding(text, length);

	*size = 0;
	if (all_digits(text, length, hex_digit)) {
		if (length % 2)
			return "hex digits come in pairs, and one is missing";
		*size = decode(text, length, hex_digit, 4, bytes);
	} else if (all_digits(text, digits, base64_digit)) {
		if (digits % 4 == 1)
			return "base64 that is cut off";
		*size = decode(text, digits, base64_digit, 6, bytes);
	} else {
		return "neither hex nor base64";
	}
	return NULL;
}

static void add_line(const char *name, unsigned number, const char *text,
		     size_t length, struct key_set *set,
		     struct problems *problems)
{
	uint8_t bytes[KEY_MOST];
	const char *wrong;
	size_t size;

	wrong = read_key(text, length, bytes, &size);
	if (wrong)
		problem_add(problems, "%s:%u: not a key: %s", name, number,
			    wrong);
	else if (size < KEY_LEAST || size > KEY_MOST)
		problem_add(problems,
			    "%s:%u: a key has %d to %d bytes, and this one %zu (openssl rand -hex 32 makes one)",
			    name, number, KEY_LEAST, KEY_MOST, size);
	else if (set->count == KEYS_MOST)
		problem_add(problems, "%s:%u: more than %d keys", name, number,
			    KEYS_MOST);
	else {
		set->keys[set->count].size = (uint8_t)size;
		memcpy(set->keys[set->count++].bytes, bytes, size);
	}
	key_wipe(bytes, sizeof(bytes));
}

static size_t trimmed(const char **text, size_t size)
{
	while (size && strchr(" \t", (*text)[0])) {
		++*text;
		size--;
	}
	while (size && strchr(" \t\r", (*text)[size - 1]))
		size--;
	return size;
}

bool keyfile_parse(const char *name, const char *text, size_t size,
		   struct key_set *set, struct problems *problems)
{
	const char *end = text + size, *line, *next;
	unsigned before = problems->count, number = 0;
	size_t length;

	memset(set, 0, sizeof(*set));
	for (line = text; line < end; line = next) {
		next = memchr(line, '\n', (size_t)(end - line));
		length = (size_t)((next ? next : end) - line);
		next = next ? next + 1 : end;
		number++;
		length = trimmed(&line, length);
		if (length && line[0] != '#')
			add_line(name, number, line, length, set, problems);
	}
	if (!set->count && problems->count == before)
		problem_add(problems,
			    "%s: no key is in it (one a line, hex or base64)",
			    name);
	if (problems->count == before)
		return true;
	key_wipe(set, sizeof(*set));
	return false;
}

static int slurp(int fd, char *text, size_t most, size_t *size)
{
	ssize_t got;

	*size = 0;
	while (*size < most) {
		got = real.read(fd, text + *size, most - *size);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			return 0;
		*size += (size_t)got;
	}
	return -EFBIG;
}

/* NULL, or why a file of this kind and mode is no place for keys. */
static const char *refuse(const struct stat *status)
{
	if (!S_ISREG(status->st_mode))
		return "not a regular file";
	if (status->st_mode & S_IROTH)
		return "others may read it (chmod 600 or 640 it)";
	if (status->st_mode & (S_IWGRP | S_IWOTH))
		return "not only its owner may write to it (chmod 640 it)";
	return NULL;
}

static bool read_open(int fd, const char *path, struct key_set *set,
		      struct stamp *stamp, struct problems *problems)
{
	char text[FILE_MOST], why[128];
	const char *wrong = NULL;
	struct stat status;
	size_t size = 0;
	bool fine = false;
	int error = 0;

	if (fstat(fd, &status) != 0) {
		error = -errno;
	} else {
		*stamp = stamp_from(&status);
		wrong = refuse(&status);
	}
	if (!wrong && !error)
		error = slurp(fd, text, sizeof(text), &size);
	if (wrong)
		problem_add(problems, "%s: is not used for keys: %s", path,
			    wrong);
	else if (error == -EFBIG)
		problem_add(problems,
			    "%s: larger than %d bytes: no file of keys",
			    path, FILE_MOST);
	else if (error)
		problem_add(problems, "%s: cannot be read: %s", path,
			    strerror_r(-error, why, sizeof(why)));
	else
		fine = keyfile_parse(path, text, size, set, problems);
	key_wipe(text, size);
	return fine;
}

bool keyfile_read(const char *path, struct key_set *set, struct stamp *stamp,
		  struct problems *problems)
{
	char why[128];
	bool fine;
	int fd;

	/* O_NONBLOCK: a FIFO must not hold the application up */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0) {
		problem_add(problems, "%s: cannot be read: %s", path,
			    strerror_r(errno, why, sizeof(why)));
		*stamp = stamp_take(path);
		return false;
	}
	fine = read_open(fd, path, set, stamp, problems);
	real.close(fd);
	return fine;
}
