/* SPDX-License-Identifier: BSD-2-Clause */
/* JSON (RFC 8259) for scripts: what a command prints with --json. */
#ifndef CLI_JSON_H
#define CLI_JSON_H

/*
 * A string in quotes on stdout, escaped; bytes that are no UTF-8 become
 * U+FFFD. `length` bytes, or up to the NUL.
 */
void json_text(const char *text);
void json_bytes(const char *text, unsigned long length);

/* "key": and the value as json_text(). */
void json_pair(const char *key, const char *value);

/* How many bytes the first character has (RFC 3629); 0: it is none. */
unsigned json_character(const void *bytes, unsigned long length);

#endif
