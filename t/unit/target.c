// SPDX-License-Identifier: BSD-2-Clause
/* The command's target: another process's files, variables and credentials. */
#include <errno.h>

#include "doctor_help.h"

TestSuite(target, .init = fixture_begin, .fini = fixture_end, .timeout = 60);

Test(target, identity)
{
	put("/proc/self/status", STATUS_USER);
	fixture_read();
	cr_assert_eq(target.identity.uid, 1000);
	cr_assert_eq(target.identity.group_count, 2);
	cr_assert_eq(target.identity.groups[1], 44);
	cr_assert_eq(target.identity.pinned, 288 * 1024);
	cr_assert_eq(target.identity.seccomp, 2);
	cr_assert_eq(target.identity.seccomp_filters, 3);
	cr_assert_not(target.identity.user_namespace);
	cr_assert_not(target_capable(&target, CAPABILITY_IPC_LOCK));
}

Test(target, capabilities_of_root)
{
	fixture_read();
	cr_assert(target_capable(&target, CAPABILITY_IPC_LOCK));
	target.identity.user_namespace = true;
	cr_assert_not(target_capable(&target, CAPABILITY_IPC_LOCK));
}

Test(target, mode_bits)
{
	struct stat status = { .st_uid = 0, .st_gid = 44, .st_mode = 0660 };

	put("/proc/self/status", STATUS_USER);
	fixture_read();
	cr_assert(target_may(&target, &status, R_OK | W_OK));
	status.st_mode = 0640;
	cr_assert_not(target_may(&target, &status, R_OK | W_OK));
	cr_assert(target_may(&target, &status, R_OK));
	status.st_gid = 45;
	cr_assert_not(target_may(&target, &status, R_OK));
	status.st_mode = 0606;
	cr_assert(target_may(&target, &status, R_OK | W_OK));
	status.st_uid = 1000;
	status.st_mode = 0066;
	cr_assert_not(target_may(&target, &status, R_OK), "the owner's bits");
}

Test(target, variables)
{
	static const char text[] = "A=1\0SHUNT_MODE=off\0B\0SHUNT_CONF=/x";

	put_bytes("/proc/self/environ", text, sizeof(text) - 1);
	fixture_read();
	cr_assert_str_eq(target_variable(&target, "A"), "1");
	cr_assert_str_eq(target_variable(&target, "SHUNT_CONF"), "/x");
	cr_assert_null(target_variable(&target, "B"));
	cr_assert_null(target_variable(&target, "SHUNT"));
	cr_assert_eq(target.ours.count, 2);
}

/* Links of its file system stay in it, whatever they say. */
Test(target, absolute_links_stay_inside)
{
	char text[TARGET_TEXT_MAX], to[PATH_MAX];

	put("/etc/own", "inside\n");
	put_link("/etc/shunt.conf", "/etc/own");
	put_link("/etc/up", "../../../../../../../../etc/own");
	fixture_read();
	cr_assert_eq(target_text(&target, "/etc/shunt.conf", text), 0);
	cr_assert_str_eq(text, "inside");
	cr_assert_eq(target_text(&target, "/etc/up", text), 0);
	cr_assert_str_eq(text, "inside");
	cr_assert_eq(target_text(&target, "/etc/passwd", text), -ENOENT);
	target_follow(&target, "/etc/shunt.conf", to);
	cr_assert_str_eq(to, "/etc/own");
	target_follow(&target, "/etc/own", to);
	cr_assert_str_eq(to, "/etc/own");
}

Test(target, mappings)
{
	char path[PATH_MAX];

	put("/proc/self/maps",
	    "5580-5590 r--p 00000000 08:01 1 /usr/bin/libshunt.sorry/app\n"
	    "7f00-7f10 rw-p 00000000 00:00 0 \n"
	    "7f10-7f20 r--p 00000000 08:01 2 /opt/a b/libshunt.so\n");
	fixture_read();
	cr_assert_eq(target_mapped(&target, "libshunt.so", path), 1);
	cr_assert_str_eq(path, "/opt/a b/libshunt.so");
	cr_assert_eq(target_mapped(&target, "libother", path), 0);
	target.proc = "/nonexistent";
	cr_assert_eq(target_mapped(&target, "libshunt.so", path), -ENOENT);
}

/* This process, as the command sees another. */
Test(target, a_true_process)
{
	struct inspection own;
	char path[PATH_MAX];
	struct target self;

	fixture_read();
	target_process(&self, getpid());
	cr_assert_eq(self.root_error, 0);
	cr_assert_eq(self.environment_error, 0);
	cr_assert_eq(self.identity.uid, getuid());
	cr_assert_str_eq(target_variable(&self, "top_srcdir"),
			 getenv("top_srcdir"));
	cr_assert_eq(target_mapped(&self, "libc.so", path), 1);
	inspect_process(&self, &own);
	cr_assert(own.is_elf);
	cr_assert_not_null(own.elf.interpreter);
	inspect_end(&own);
	target_free(&self);
	free((void *)(uintptr_t)self.root);
	free((void *)(uintptr_t)self.proc);
}
