// SPDX-License-Identifier: BSD-2-Clause
#include "cli/json.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

unsigned json_character(const void *text, unsigned long length)
{
	const uint8_t *bytes = text;
	unsigned size = *bytes < 0x80 ? 1 : *bytes < 0xc2 ? 0 :
			*bytes < 0xe0 ? 2 : *bytes < 0xf0 ? 3 :
			*bytes < 0xf5 ? 4 : 0;

	if (size > length)
		return 0;
	for (unsigned i = 1; i < size; i++) {
		if ((bytes[i] & 0xc0) != 0x80)
			return 0;
	}
	/* the long forms, surrogates and what is beyond Unicode */
	if ((*bytes == 0xe0 && bytes[1] < 0xa0) ||
	    (*bytes == 0xed && bytes[1] > 0x9f) ||
	    (*bytes == 0xf0 && bytes[1] < 0x90) ||
	    (*bytes == 0xf4 && bytes[1] > 0x8f))
		return 0;
	return size;
}

void json_bytes(const char *text, unsigned long length)
{
	const uint8_t *bytes = (const uint8_t *)text;
	unsigned size;

	putchar('"');
	for (; length; bytes += size, length -= size) {
		size = json_character(bytes, length);
		if (!size) {
			fputs("\\ufffd", stdout);
			size = 1;
		} else if (*bytes < ' ' || *bytes == 0x7f) {
			printf("\\u%04x", *bytes);
		} else {
			if (*bytes == '"' || *bytes == '\\')
				putchar('\\');
			fwrite(bytes, 1, size, stdout);
		}
	}
	putchar('"');
}

void json_text(const char *text)
{
	json_bytes(text, strlen(text));
}

void json_pair(const char *key, const char *value)
{
	printf("\"%s\": ", key);
	json_text(value);
}
