// SPDX-License-Identifier: BSD-2-Clause
/* The process's policy: first load, reload, holding, forking, threads. */
#include "policy_help.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "policy/current.h"
#include "policy/keys.h"

static char directory[] = "/tmp/shunt-current-XXXXXX";
static int logged_end;

static void enter(void)
{
	char text[12];
	int fds[2];

	cr_assert_not_null(mkdtemp(directory));
	cr_assert_eq(chdir(directory), 0);
	setenv("SHUNT_CONF", "shunt.conf", 1);
	cr_assert_eq(pipe2(fds, O_NONBLOCK), 0);
	logged_end = fds[0];
	snprintf(text, sizeof(text), "%d", fds[1]);
	setenv("SHUNT_LOG_FD", text, 1);
}

static void leave(void)
{
	char command[100];

	current_forget();
	snprintf(command, sizeof(command), "rm -r %s", directory);
	cr_assert_eq(chdir("/"), 0);
	cr_assert_eq(system(command), 0);
}

TestSuite(policy_current, .init = enter, .fini = leave);

/* Everything that was logged since the last call. */
static const char *logged(void)
{
	static char text[8192];
	ssize_t got = read(logged_end, text, sizeof(text) - 1);

	text[got > 0 ? got : 0] = '\0';
	return text;
}

static unsigned lines_logged(void)
{
	unsigned lines = 0;

	for (const char *c = logged(); *c; c++)
		lines += *c == '\n';
	return lines;
}

static void put(const char *name, const char *text)
{
	FILE *file = fopen(name, "w");

	cr_assert_not_null(file);
	fputs(text, file);
	fclose(file);
}

/* A policy in which port 1 has this mode. */
static void put_mode(const char *name, const char *mode)
{
	char text[200];

	snprintf(text, sizeof(text), "version = 1; rules = ( { port = 1; "
		 "mode = \"%s\"; } );\n", mode);
	put(name, text);
}

static struct policy_decision now(void)
{
	struct policy *policy = policy_hold_current();
	struct policy_decision decision =
		ask(policy, POLICY_CONNECT, "1.1.1.1:1");

	policy_release(policy);
	return decision;
}

/* After the second has passed. */
static struct policy_decision later(void)
{
	current_look_again();
	return now();
}

Test(policy_current, loads_on_first_use_and_keeps_errno)
{
	put_mode("shunt.conf", "prefer");
	errno = 77;
	cr_assert_eq(now().mode, POLICY_PREFER);
	cr_assert_eq(errno, 77);
	cr_assert_str_eq(now().source, "shunt.conf:1");
	cr_assert_eq(lines_logged(), 0);
}

Test(policy_current, no_default_file_is_no_error)
{
	unsetenv("SHUNT_CONF");
	if (!access(POLICY_PATH, F_OK))
		cr_skip_test("%s exists", POLICY_PATH);
	cr_assert_eq(now().reason, REASON_no_policy);
	cr_assert_eq(lines_logged(), 0);
}

Test(policy_current, a_named_file_must_exist)
{
	cr_assert_eq(now().reason, REASON_bad_policy);
	cr_assert_not_null(strstr(logged(), "/shunt.conf: cannot be read: "
				  "No such file or directory\n"));
	/* and is noticed when it comes */
	put_mode("shunt.conf", "prefer");
	cr_assert_eq(now().reason, REASON_bad_policy);
	cr_assert_eq(later().mode, POLICY_PREFER);
}

Test(policy_current, a_relative_path_outlives_chdir)
{
	put_mode("shunt.conf", "prefer");
	cr_assert_eq(now().mode, POLICY_PREFER);
	cr_assert_eq(chdir("/"), 0);
	later();
	cr_assert_eq(lines_logged(), 0);
	cr_assert_eq(chdir(directory), 0);
	put_mode("shunt.conf", "require");
	cr_assert_eq(chdir("/"), 0);
	cr_assert_eq(later().mode, POLICY_REQUIRE);
}

Test(policy_current, looks_at_most_once_a_second)
{
	put_mode("shunt.conf", "prefer");
	cr_assert_eq(now().mode, POLICY_PREFER);
	put_mode("shunt.conf", "require");
	cr_assert_eq(now().mode, POLICY_PREFER);
	cr_assert_eq(later().mode, POLICY_REQUIRE);
}

Test(policy_current, a_bad_first_policy_is_all_tcp)
{
	put("shunt.conf", "version = 1; default = \"prefer\";\nfoo = 1;\n"
	    "bar = 2;\n");
	cr_assert_eq(now().reason, REASON_bad_policy);
	cr_assert_eq(now().mode, POLICY_TCP);
	cr_assert_eq(lines_logged(), 3);
	later();
	cr_assert_eq(lines_logged(), 0);
}

Test(policy_current, a_bad_new_policy_is_refused_and_told_once)
{
	put_mode("shunt.conf", "prefer");
	now();
	put("shunt.conf", "version = 1; foo = 1;\n");
	cr_assert_eq(later().mode, POLICY_PREFER);
	cr_assert_eq(lines_logged(), 2);
	cr_assert_eq(later().mode, POLICY_PREFER);
	cr_assert_eq(lines_logged(), 0);
	put("shunt.conf", "version = 1; foo = 11;\n");
	cr_assert_eq(later().mode, POLICY_PREFER);
	cr_assert_eq(lines_logged(), 2);
	put_mode("shunt.conf", "require");
	cr_assert_eq(later().mode, POLICY_REQUIRE);
	cr_assert_eq(lines_logged(), 0);
}

Test(policy_current, many_problems_are_cut_short)
{
	char text[4096] = "version = 1;", *end = text + strlen(text);

	for (int i = 0; i < 100; i++)
		end += sprintf(end, "a%d = 1;\n", i);
	put("shunt.conf", text);
	now();
	cr_assert_eq(lines_logged(), 22);
}

/* As a Kubernetes ConfigMap is changed: ..data is a link, renamed over. */
static void point_at(const char *folder)
{
	cr_assert_eq(symlink(folder, "..tmp"), 0);
	cr_assert_eq(rename("..tmp", "..data"), 0);
}

Test(policy_current, a_symlink_swap_is_a_change)
{
	cr_assert_eq(mkdir("v1", 0700), 0);
	cr_assert_eq(mkdir("v2", 0700), 0);
	put_mode("v1/shunt.conf", "prefer");
	put_mode("v2/shunt.conf", "require");
	cr_assert_eq(symlink("v1", "..data"), 0);
	cr_assert_eq(symlink("..data/shunt.conf", "shunt.conf"), 0);
	cr_assert_eq(now().mode, POLICY_PREFER);
	point_at("v2");
	cr_assert_eq(later().mode, POLICY_REQUIRE);
	point_at("v1");
	cr_assert_eq(later().mode, POLICY_PREFER);
}

/* A Secret's file of keys. Are those of the process this one? */
static bool has_key(const char *file, char digit)
{
	uint8_t mac[KEYS_MAC];
	struct key_set set;
	char text[80];
	struct problems problems = { .put = NULL };
	struct keys_loaded loaded = { .count = 1 };
	uint8_t number = keys_number(file);

	cr_assert(keys_sign(number, "word", 4, mac));
	memset(text, digit, 64);
	cr_assert(keyfile_parse("expected", text, 64, &set, &problems));
	loaded.files[0].path = file;
	loaded.files[0].set = set;
	cr_assert_eq(keys_publish(&loaded), 0);
	return keys_verify(number, "word", 4, mac);
}

static void put_keys(const char *name, char digit)
{
	char text[80];

	memset(text, digit, 64);
	strcpy(text + 64, "\n");
	put(name, text);
	cr_assert_eq(chmod(name, 0600), 0);
}

Test(policy_current, a_symlink_swap_changes_the_keys)
{
	char file[100], text[300];

	snprintf(file, sizeof(file), "%s/keys", directory);
	snprintf(text, sizeof(text),
		 "version = 1; rules = ( { mode = \"prefer\"; auth = { key_file = \"%s\"; }; } );",
		 file);
	put("shunt.conf", text);
	cr_assert_eq(mkdir("v1", 0700), 0);
	cr_assert_eq(mkdir("v2", 0700), 0);
	put_keys("v1/keys", '1');
	put_keys("v2/keys", '2');
	cr_assert_eq(symlink("v1", "..data"), 0);
	cr_assert_eq(symlink("..data/keys", "keys"), 0);
	cr_assert_neq(now().auth, 0);
	cr_assert(has_key(file, '1'));
	point_at("v2");
	cr_assert_neq(later().auth, 0);
	cr_assert(has_key(file, '2'));
}

Test(policy_current, an_included_file_is_watched)
{
	put("shunt.conf", "version = 1;\n@include \"rules.conf\"\n");
	put("rules.conf", "default = \"prefer\";\n");
	cr_assert_eq(now().mode, POLICY_PREFER);
	put("rules.conf", "default = \"require\";\n");
	cr_assert_eq(later().mode, POLICY_REQUIRE);
	/* also one that was missing */
	cr_assert_eq(unlink("rules.conf"), 0);
	cr_assert_eq(later().mode, POLICY_REQUIRE);
	cr_assert_eq(lines_logged(), 2);
	later();
	cr_assert_eq(lines_logged(), 0);
	put("rules.conf", "default = \"prefer\";\n");
	cr_assert_eq(later().mode, POLICY_PREFER);
}

Test(policy_current, a_vanished_file_keeps_the_policy)
{
	put_mode("shunt.conf", "prefer");
	now();
	cr_assert_eq(unlink("shunt.conf"), 0);
	cr_assert_eq(later().mode, POLICY_PREFER);
	cr_assert_not_null(strstr(logged(), "warn: "));
	later();
	cr_assert_eq(lines_logged(), 0);
	put_mode("shunt.conf", "require");
	cr_assert_eq(later().mode, POLICY_REQUIRE);
}

Test(policy_current, the_environment_is_read_once)
{
	put_mode("shunt.conf", "prefer");
	setenv("SHUNT_MODE", "require", 1);
	cr_assert_eq(now().mode, POLICY_REQUIRE);
	setenv("SHUNT_MODE", "off", 1);
	put_mode("shunt.conf", "prefer");
	cr_assert_eq(later().mode, POLICY_REQUIRE);
}

Test(policy_current, unknown_variables_are_told_once)
{
	put_mode("shunt.conf", "prefer");
	setenv("SHUNT_LANE_REPLAI", "1MiB", 1);
	cr_assert_eq(now().mode, POLICY_PREFER);
	cr_assert_not_null(strstr(logged(), "error: SHUNT_LANE_REPLAI: "
				  "\"1MiB\": unknown variable\n"));
	put_mode("shunt.conf", "require");
	cr_assert_eq(later().mode, POLICY_REQUIRE);
	cr_assert_eq(lines_logged(), 0);
}

Test(policy_current, the_log_level_is_set)
{
	put("shunt.conf", "version = 1; log = { level = \"debug\"; };");
	now();
	cr_assert(log_wants(LOG_DEBUG));
	put("shunt.conf", "version = 1; log = { level = \"error\"; };");
	later();
	cr_assert_not(log_wants(LOG_WARN));
}

Test(policy_current, a_held_policy_outlives_its_reload)
{
	struct policy *old;

	put_mode("shunt.conf", "prefer");
	old = policy_hold_current();
	put_mode("shunt.conf", "require");
	cr_assert_eq(later().mode, POLICY_REQUIRE);
	cr_assert_eq(mode_of(old, "1.1.1.1:1"), POLICY_PREFER);
	policy_release(old);
}

/* More old policies than there are slots: reloads wait, nothing breaks. */
Test(policy_current, very_many_held_policies)
{
	static struct policy *held[300];
	char text[100];

	for (int i = 0; i < 300; i++) {
		snprintf(text, sizeof(text), "version = 1; lane = { replay = "
			 "%d; };\n", 1000 + i);
		put("shunt.conf", text);
		current_look_again();
		held[i] = policy_hold_current();
	}
	for (int i = 0; i < 300; i++)
		policy_release(held[i]);
	put_mode("shunt.conf", "require");
	cr_assert_eq(later().mode, POLICY_REQUIRE);
}

/* Out of file descriptors for a moment is not a bad policy for ever. */
Test(policy_current, what_may_pass_is_tried_again)
{
	struct rlimit old, none;

	put_mode("shunt.conf", "prefer");
	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
	none = old;
	none.rlim_cur = 0;
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	now();
	later();
	cr_assert_gt(lines_logged(), 0);
	later();
	cr_assert_eq(lines_logged(), 0);
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
	cr_assert_eq(later().mode, POLICY_PREFER);
}

Test(policy_current, an_unreadable_file_is_told_once)
{
	put_mode("shunt.conf", "prefer");
	cr_assert_eq(chmod(".", 0755), 0);
	cr_assert_eq(chmod("shunt.conf", 0), 0);
	if (!geteuid())
		cr_assert_eq(seteuid(65534), 0);
	cr_assert_eq(now().reason, REASON_bad_policy);
	cr_assert_eq(lines_logged(), 2);
	later();
	cr_assert_eq(lines_logged(), 0);
	if (!getuid())
		cr_assert_eq(seteuid(0), 0);
	/* which changes nothing but the time of the status change */
	cr_assert_eq(chmod("shunt.conf", 0644), 0);
	cr_assert_eq(later().mode, POLICY_PREFER);
}

Test(policy_current, a_child_reloads_for_itself)
{
	int status;
	pid_t child;

	put_mode("shunt.conf", "prefer");
	now();
	child = fork();
	if (child == 0) {
		put_mode("shunt.conf", "require");
		_exit(later().mode == POLICY_REQUIRE ? 0 : 1);
	}
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert_eq(status, 0);
	cr_assert_eq(now().mode, POLICY_PREFER);
}

static _Atomic bool stop;

static void *hold_and_ask(void *arg)
{
	struct policy_decision decision;
	uintptr_t wrong = 0;

	(void)arg;
	while (!stop) {
		decision = now();
		wrong += decision.mode == POLICY_TCP;
	}
	return (void *)wrong;
}

static void *look_often(void *arg)
{
	(void)arg;
	while (!stop)
		later();
	return NULL;
}

Test(policy_current, readers_and_reloads_in_threads)
{
	pthread_t threads[6];
	void *wrong;

	put_mode("tmp", "prefer");
	cr_assert_eq(rename("tmp", "shunt.conf"), 0);
	for (int i = 0; i < 6; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, i < 4 ?
				hold_and_ask : look_often, NULL), 0);
	for (int i = 0; i < 300; i++) {
		put_mode("tmp", i % 2 ? "prefer" : "require");
		cr_assert_eq(rename("tmp", "shunt.conf"), 0);
	}
	stop = true;
	for (int i = 0; i < 6; i++) {
		cr_assert_eq(pthread_join(threads[i], &wrong), 0);
		cr_assert_null(wrong);
	}
	cr_assert_eq(later().mode, POLICY_PREFER);
	cr_assert_eq(lines_logged(), 0);
}
