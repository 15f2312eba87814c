// SPDX-License-Identifier: BSD-2-Clause
#include "policy_help.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory[] = "/tmp/shunt-source-XXXXXX";

static void enter(void)
{
	cr_assert_not_null(mkdtemp(directory));
	cr_assert_eq(chdir(directory), 0);
}

static void leave(void)
{
	char command[100];

	snprintf(command, sizeof(command), "rm -r %s", directory);
	cr_assert_eq(chdir("/"), 0);
	cr_assert_eq(system(command), 0);
}

TestSuite(policy_source, .init = enter, .fini = leave);

static void write_file(const char *name, const char *text, size_t length)
{
	FILE *file = fopen(name, "w");

	cr_assert_not_null(file);
	fwrite(text, 1, length, file);
	fclose(file);
}

static void put(const char *name, const char *text)
{
	write_file(name, text, strlen(text));
}

/* Load a file; the first problem, or "". */
static const char *load_file(const char *name, struct said *said)
{
	struct problems problems = { .put = said_put, .arg = said };
	struct load_request request = { .path = name };
	struct load_result result;

	said->count = 0;
	said->line[0][0] = '\0';
	load_policy(&request, &result, &problems);
	table_free(result.policy);
	load_done(&result);
	return said->line[0];
}

Test(policy_source, lines_of_included_files)
{
	struct said said;

	cr_assert_eq(mkdir("sub", 0700), 0);
	put("a.conf", "version = 1;\n"
	    "\t@include \"sub/b.conf\" # why\n"
	    "zap = 1;\n");
	put("sub/b.conf", "# one\n/* two\n   three */ foo = 2;\n"
	    "@include \"c.conf\"\nbar = 4;");
	put("sub/c.conf", "lane = {\n  replay = \"x\"; };\n");
	load_file("a.conf", &said);
	cr_assert_eq(said.count, 4);
	cr_assert_str_eq(said.line[0], "sub/b.conf:3: foo: 2: unknown key");
	cr_assert_str_eq(said.line[1], "sub/c.conf:2: lane.replay: \"x\": "
			 "not a size (bytes, or with KiB, MiB or GiB)");
	cr_assert_str_eq(said.line[2], "sub/b.conf:5: bar: 4: unknown key");
	cr_assert_str_eq(said.line[3], "a.conf:3: zap: 1: unknown key");
}

Test(policy_source, includes_in_the_middle_of_a_list)
{
	struct said said;

	put("a.conf", "version = 1;\nrules = (\n@include \"r.conf\"\n"
	    ",{ mode = \"tcp\"; } );\n");
	put("r.conf", "{ mode = \"prefer\"; }\n");
	cr_assert_str_eq(load_file("a.conf", &said), "");
}

Test(policy_source, bad_includes)
{
	static const struct {
		const char *line, *problem;
	} cases[] = {
		{ "@include \"no.conf\"", "a.conf:2: @include: \"no.conf\": "
		  "cannot be read: No such file or directory" },
		{ "@include \".\"", "a.conf:2: @include: \".\": "
		  "cannot be read: not a regular file" },
		{ "@include b.conf", "a.conf:2: \"@include b.conf\": "
		  "@include needs a file name in quotes" },
		{ "@include \"\"", "a.conf:2: \"@include \"\"\": "
		  "@include needs a file name in quotes" },
		{ "@include \"b", "a.conf:2: \"@include \"b\": "
		  "@include needs a file name in quotes" },
		{ "@include \"b\" x = 1;", "a.conf:2: \"@include \"b\" x = 1;\""
		  ": @include must stand alone on its line" },
		{ "@include \"a.conf\"", "a.conf:2: @include: \"a.conf\": "
		  "@include is nested too deeply" },
	};
	char text[200];
	struct said said;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		snprintf(text, sizeof(text), "version = 1;\n%s\n",
			 cases[i].line);
		put("a.conf", text);
		cr_assert_str_eq(load_file("a.conf", &said),
				 cases[i].problem);
	}
}

Test(policy_source, an_include_in_a_comment_is_none)
{
	struct said said;

	put("a.conf", "version = 1; /*\n@include \"no.conf\"\n*/\n"
	    "# @include \"no.conf\"\n// @include \"no.conf\"\n");
	cr_assert_str_eq(load_file("a.conf", &said), "");
}

Test(policy_source, too_many_files)
{
	char text[8192] = "version = 1;\n", *end = text + strlen(text);
	struct said said;

	put("b.conf", "\n");
	for (int i = 0; i < 300; i++)
		end = stpcpy(end, "@include \"b.conf\"\n");
	put("a.conf", text);
	cr_assert_str_eq(load_file("a.conf", &said), "a.conf:257: @include: "
			 "\"b.conf\": too many files are included");
}

Test(policy_source, files_that_cannot_be_read)
{
	struct said said;

	cr_assert_str_eq(load_file("no.conf", &said), "no.conf: cannot be "
			 "read: No such file or directory");
	cr_assert_str_eq(load_file(".", &said),
			 ".: cannot be read: not a regular file");
	cr_assert_eq(mkfifo("fifo", 0600), 0);
	cr_assert_str_eq(load_file("fifo", &said),
			 "fifo: cannot be read: not a regular file");
	write_file("nul", "version = 1;\0\n", 14);
	cr_assert_str_eq(load_file("nul", &said),
			 "nul: cannot be read: the file holds a NUL byte");
	put("large", "version = 1;");
	cr_assert_eq(truncate("large", (16 << 20) + 1), 0);
	cr_assert_str_eq(load_file("large", &said), "large: cannot be read: "
			 "the policy is larger than 16MiB");
}

Test(policy_source, what_libconfig_would_take_wrong)
{
	static const struct {
		const char *line, *problem;
	} cases[] = {
		{ "a = 4294967297;", "a.conf:2: \"4294967297;\": "
		  "the number is too large (write it as a string)" },
		{ "a = -2147483648;", "a.conf:2: \"2147483648;\": "
		  "the number is too large (write it as a string)" },
		{ "a = 0x80000000;", "a.conf:2: \"0x80000000;\": "
		  "the number is too large (write it as a string)" },
		{ "a = 9223372036854775808L;", "a.conf:2: "
		  "\"9223372036854775808L;\": "
		  "the number is too large (write it as a string)" },
		{ "a = 9223372036854775807L;", "a.conf:2: a: "
		  "9223372036854775807: unknown key" },
		{ "a99999999999 = 2147483647;", "a.conf:2: a99999999999: "
		  "2147483647: unknown key" },
		{ "a = 99999999999.5;", "a.conf:2: a: 1e+11: unknown key" },
		{ "a = \"99999999999\";", "a.conf:2: a: \"99999999999\": "
		  "unknown key" },
		{ "a = \"x", "a.conf:2: \"\"x\": "
		  "the string does not end on its line" },
		{ "a = \"x\\\";", "a.conf:2: \"\"x\\\";\": "
		  "the string does not end on its line" },
		{ "/* x", "a.conf:2: a comment is not closed" },
		{ "a = ((((((((((((((((( )))))))))))))))));", "a.conf:2: "
		  "\"( )))))))))))))))));\": nested too deeply" },
	};
	char text[200];
	struct said said;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		snprintf(text, sizeof(text), "version = 1;\n%s\n",
			 cases[i].line);
		put("a.conf", text);
		cr_assert_str_eq(load_file("a.conf", &said),
				 cases[i].problem);
	}
}

Test(policy_source, comments_and_line_ends)
{
	struct said said;

	put("a.conf", "version = 1; # \"not a string\n"
	    "default = \"tcp\"; // /* not a comment\n"
	    "lane = { replay = /* 7 */ \"1MiB\"; };\r\n"
	    "handshake = { grace = \"a\" /* joined */\n\"uto\"; };");
	cr_assert_str_eq(load_file("a.conf", &said), "");
}

Test(policy_source, stamps)
{
	struct stamp before, after;

	errno = 7;
	before = stamp_take("x");
	cr_assert_eq(errno, 7);
	cr_assert_eq(before.error, ENOENT);
	put("x", "a");
	after = stamp_take("x");
	cr_assert_eq(after.error, 0);
	cr_assert_not(stamp_same(&before, &after));
	before = after;
	after = stamp_take("x");
	cr_assert(stamp_same(&before, &after));
	cr_assert_eq(chmod("x", 0), 0);
	after = stamp_take("x");
	cr_assert_not(stamp_same(&before, &after));
}
