// SPDX-License-Identifier: BSD-2-Clause
/* Key files: what is taken, and what is said of what is not. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/keyfile.h"

#define HEX32 "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define BASE64_32 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

static char said[4][PROBLEM_MAX];

static void put(void *arg, const char *line)
{
	unsigned *count = arg;

	if (*count < 4)
		strcpy(said[*count], line);
	++*count;
}

static bool parse(const char *text, struct key_set *set)
{
	unsigned count = 0;
	struct problems problems = { .put = put, .arg = &count };

	memset(said, 0, sizeof(said));
	return keyfile_parse("k", text, strlen(text), set, &problems);
}

static bool is_counting(const struct key_set *set, unsigned key, unsigned size)
{
	unsigned i;

	for (i = 0; i < size; i++)
		if (set->keys[key].bytes[i] != i)
			return false;
	return set->keys[key].size == size;
}

Test(keyfile, hex_and_base64_are_the_same_key)
{
	struct key_set set;

	cr_assert(parse("# two\n" HEX32 "\n\n  " BASE64_32 " \r\n", &set));
	cr_assert_eq(set.count, 2);
	cr_expect(is_counting(&set, 0, 32));
	cr_expect(is_counting(&set, 1, 32));
}

Test(keyfile, padding_and_the_last_newline_may_be_left_out)
{
	struct key_set set;

	cr_assert(parse("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", &set));
	cr_expect(is_counting(&set, 0, 32));
}

#define SIZE "a key has 32 to 64 bytes, and this one "
#define HOW " (openssl rand -hex 32 makes one)"

static const struct {
	const char *text, *said;
} wrong[] = {
	{ "", "k: no key is in it (one a line, hex or base64)" },
	{ "# none\n \n", "k: no key is in it (one a line, hex or base64)" },
	{ "#\nnot a key!\n", "k:2: not a key: neither hex nor base64" },
	{ HEX32 "0",
	  "k:1: not a key: hex digits come in pairs, and one is missing" },
	{ "00ff", "k:1: " SIZE "2" HOW },
	{ HEX32 HEX32 HEX32, "k:1: " SIZE "96" HOW },
	{ HEX32 " " HEX32, "k:1: not a key: neither hex nor base64" },
	{ "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8Zz",
	  "k:1: not a key: base64 that is cut off" },
	{ HEX32 "\n" HEX32 "\n" HEX32 "\n" HEX32 "\n" HEX32 "\n",
	  "k:5: more than 4 keys" },
};

Test(keyfile, what_is_wrong_is_said_with_its_line)
{
	struct key_set set, none;
	size_t i;

	memset(&none, 0, sizeof(none));
	for (i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		memset(&set, 1, sizeof(set));
		cr_expect_not(parse(wrong[i].text, &set), "%s", wrong[i].text);
		cr_expect_str_eq(said[0], wrong[i].said);
		cr_expect_arr_eq(&set, &none, sizeof(set), "wiped");
	}
}

Test(keyfile, no_problem_quotes_a_key)
{
	struct key_set set;

	cr_assert_not(parse(HEX32 "\n" HEX32 "x!\n", &set));
	cr_expect(strstr(said[0], "k:2:") == said[0]);
	cr_expect_null(strstr(said[0], "0001"));
}

Test(keyfile, others_may_not_read_it)
{
	static const struct {
		mode_t mode;
		bool fine;
	} modes[] = {
		{ 0600, true }, { 0400, true }, { 0640, true },
		{ 0644, false }, { 0604, false }, { 0660, false },
		{ 0602, false },
	};
	char path[] = "/tmp/shunt-keyfile.XXXXXX";
	int fd = mkstemp(path);
	struct key_set set;
	struct stamp stamp;
	size_t i;

	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, HEX32 "\n", 65), 65);
	for (i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
		unsigned count = 0;
		struct problems problems = { .put = put, .arg = &count };

		cr_assert_eq(fchmod(fd, modes[i].mode), 0);
		cr_expect_eq(keyfile_read(path, &set, &stamp, &problems),
			     modes[i].fine, "%o", modes[i].mode);
		cr_expect_eq(count, !modes[i].fine);
		cr_expect_eq(stamp.size, 65);
	}
	close(fd);
	unlink(path);
}

Test(keyfile, what_is_no_file_is_refused)
{
	unsigned count = 0;
	struct problems problems = { .put = put, .arg = &count };
	struct key_set set;
	struct stamp stamp;

	cr_expect_not(keyfile_read("/nowhere/key", &set, &stamp, &problems));
	cr_expect_str_eq(said[0], "/nowhere/key: cannot be read: No such file or directory");
	count = 0;
	cr_expect_not(keyfile_read("/tmp", &set, &stamp, &problems));
	cr_expect_str_eq(said[0], "/tmp: is not used for keys: not a regular file");
}
