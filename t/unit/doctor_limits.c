// SPDX-License-Identifier: BSD-2-Clause
/* shunt doctor's probes of limits, cgroups and seccomp. */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "cli/cgroup.h"
#include "doctor_help.h"

TestSuite(doctor_limits, .init = fixture_begin, .fini = fixture_end,
	  .timeout = 60);

static void put_limits(const char *files, const char *locked)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "Limit                     Soft Limit           Hard Limit           Units     \n"
		 "Max open files            %-20s 4096                 files     \n"
		 "Max locked memory         %-20s 16777216             bytes     \n",
		 files, locked);
	put("/proc/self/limits", text);
}

/* A lane of the default sizes pins 288 KiB; 1024 are allowed. */
Test(doctor_limits, memory_without_limit)
{
	put("/proc/self/status", STATUS_USER);
	fixture_read();
	ask("limits.memlock", PROBE_OK);
	finds("unlimited; the policy would pin up to 288MiB (288KiB a lane)");
	ask("limits.ipc_lock", PROBE_OK);
	finds("not needed");
}

Test(doctor_limits, memory_for_some_lanes)
{
	put("/proc/self/status", STATUS_USER);
	put_limits("100000", "8388608");
	fixture_read();
	ask("limits.memlock", PROBE_WARN);
	finds("8MiB: room for 27 more lanes of 288KiB; the policy allows 1024");
	advises("now at most 16MiB");
	ask("limits.ipc_lock", PROBE_WARN);
	finds("user 1000 has no capabilities");
	advises("Kubernetes");
}

Test(doctor_limits, memory_for_none)
{
	put("/proc/self/status", STATUS_USER);
	put_limits("100000", "65536");
	fixture_read();
	ask("limits.memlock", PROBE_FAIL);
	finds("room for 0 more lanes");
	ask("limits.ipc_lock", PROBE_FAIL);
}

Test(doctor_limits, the_policy_asks_for_less)
{
	put("/proc/self/status", STATUS_USER);
	put_limits("100000", "8388608");
	put("/proc/self/environ", "SHUNT_LIMITS_LANES=20");
	fixture_read();
	ask("limits.memlock", PROBE_OK);
	finds("up to 5760KiB");
}

Test(doctor_limits, capability_lifts_it)
{
	put_limits("100000", "65536");
	fixture_read();
	ask("limits.memlock", PROBE_OK);
	finds("which CAP_IPC_LOCK lifts");
	ask("limits.ipc_lock", PROBE_OK);
	finds("held");
}

Test(doctor_limits, root_without_the_capability)
{
	put("/proc/self/status", "Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\n"
	    "CapEff:\t00000000a80425fb\n");
	put_limits("100000", "65536");
	fixture_read();
	ask("limits.ipc_lock", PROBE_FAIL);
	advises("--cap-add IPC_LOCK");
}

/* The kernel's drivers ask for it in the first user namespace. */
Test(doctor_limits, capability_of_a_user_namespace)
{
	put("/proc/self/uid_map", "         0       1000          1\n");
	put_limits("100000", "65536");
	fixture_read();
	ask("limits.memlock", PROBE_FAIL);
	ask("limits.ipc_lock", PROBE_FAIL);
	finds("in a user namespace");
}

Test(doctor_limits, open_files)
{
	put_limits("1024", "unlimited");
	fixture_read();
	ask("limits.nofile", PROBE_WARN);
	finds("1024: room for 166 connections on lanes; the policy allows 1024");
	advises("raise it to 6168 (ulimit -n, now at most 4096");
	put_limits("20", "unlimited");
	ask("limits.nofile", PROBE_FAIL);
	put_limits("unlimited", "unlimited");
	ask("limits.nofile", PROBE_OK);
}

/* -- cgroups -------------------------------------------------------------- */

static void put_version2(const char *path)
{
	char line[PATH_MAX];

	snprintf(line, sizeof(line), "0::%s\n", path);
	put("/proc/self/cgroup", line);
	put("/proc/self/mountinfo",
	    "24 1 0:22 / /proc rw - proc proc rw\n"
	    "30 29 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n");
}

Test(doctor_limits, cgroup_paths)
{
	struct cgroup cgroup;

	put("/proc/self/cgroup", "0::/system.slice\n5:memory,rdma:/a\n");
	put("/proc/self/mountinfo",
	    "30 29 0:26 / /c/2 rw - cgroup2 cgroup2 rw\n"
	    "31 29 0:27 /a /c/1 rw - cgroup cgroup rw,rdma,memory\n");
	fixture_read();
	cr_assert(cgroup_find(&target, "rdma", &cgroup));
	cr_assert_not(cgroup.unified);
	cr_assert_str_eq(cgroup.folder, "/c/1");
	cr_assert_not(cgroup_up(&cgroup), "the top of what is mounted");
	cr_assert(cgroup_find(&target, "pids", &cgroup));
	cr_assert(cgroup.unified);
	cr_assert_str_eq(cgroup.folder, "/c/2/system.slice");
	cr_assert(cgroup_up(&cgroup));
	cr_assert_str_eq(cgroup.folder, "/c/2");
	put("/proc/self/cgroup", "0::/../other\n");
	cr_assert_not(cgroup_find(&target, "rdma", &cgroup));
	cr_assert_eq(cgroup_number("max"), UINT64_MAX);
	cr_assert_eq(cgroup_number("9223372036854771712"), UINT64_MAX);
	cr_assert_eq(cgroup_number("4096"), 4096);
}

static void put_rdma_cgroup(const char *most, const char *now)
{
	put_folder("/sys/class/infiniband/rxe0");
	put_version2("/a/b");
	put("/sys/fs/cgroup/a/b/rdma.max", "rxe0 hca_handle=max hca_object=max\n");
	put("/sys/fs/cgroup/a/b/rdma.current", "rxe0 hca_handle=0 hca_object=0\n");
	put("/sys/fs/cgroup/a/rdma.max", most);
	put("/sys/fs/cgroup/a/rdma.current", now);
}

Test(doctor_limits, rdma_objects)
{
	fixture_read();
	ask("limits.cgroup_rdma", PROBE_OK);
	finds("no rdma controller");

	put_rdma_cgroup("rxe0 hca_handle=max hca_object=max\n",
			"rxe0 hca_handle=1 hca_object=6\n");
	ask("limits.cgroup_rdma", PROBE_OK);
	put_rdma_cgroup("rxe1 hca_handle=0 hca_object=0\nrxe0 hca_handle=2 hca_object=100\n",
			"rxe0 hca_handle=1 hca_object=50\n");
	ask("limits.cgroup_rdma", PROBE_WARN);
	finds("50 objects (hca_object) of rxe0 are left: 10 lanes; the policy allows 1024");
	put_rdma_cgroup("rxe0 hca_handle=2 hca_object=100\n",
			"rxe0 hca_handle=2 hca_object=50\n");
	ask("limits.cgroup_rdma", PROBE_FAIL);
	finds("no handle (hca_handle) of rxe0 is left");
	put_rdma_cgroup("rxe0 hca_handle=2 hca_object=100\n",
			"rxe0 hca_handle=1 hca_object=98\n");
	ask("limits.cgroup_rdma", PROBE_FAIL);
	finds("2 objects (hca_object) of rxe0");
	advises("rdma.max");
}

Test(doctor_limits, memory_of_the_cgroup)
{
	fixture_read();
	ask("limits.cgroup_memory", PROBE_OK);
	put_version2("/pod");
	put("/sys/fs/cgroup/pod/memory.max", "max\n");
	put("/sys/fs/cgroup/pod/memory.current", "104857600\n");
	ask("limits.cgroup_memory", PROBE_OK);
	put("/sys/fs/cgroup/pod/memory.max", "536870912\n");
	ask("limits.cgroup_memory", PROBE_WARN);
	finds("412MiB are left of 512MiB; lanes and rings would take up to 544MiB");
	put("/sys/fs/cgroup/pod/memory.max", "104857600\n");
	ask("limits.cgroup_memory", PROBE_FAIL);
	advises("resources.limits.memory");
}

Test(doctor_limits, memory_of_version_1)
{
	put("/proc/self/cgroup", "4:memory:/docker/x\n");
	put("/proc/self/mountinfo",
	    "31 29 0:27 /docker/x /m rw - cgroup cgroup rw,memory\n");
	put("/m/memory.limit_in_bytes", "536870912\n");
	put("/m/memory.usage_in_bytes", "0\n");
	fixture_read();
	ask("limits.cgroup_memory", PROBE_WARN);
	finds("512MiB are left of 512MiB");
}

/* -- seccomp -------------------------------------------------------------- */

Test(doctor_limits, seccomp_of_another)
{
	fixture_read();
	ask("limits.seccomp", PROBE_OK);
	finds("no filter");
	target.identity.seccomp = 2;
	ask("limits.seccomp", PROBE_OK);
	finds("cannot be read from outside");
	target.identity.seccomp = 1;
	ask("limits.seccomp", PROBE_FAIL);
}

/* One call is refused, another kills. */
static void filter(void)
{
	static struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_memfd_create, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_eventfd2, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(*code), code };

	cr_assert_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	cr_assert_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

Test(doctor_limits, seccomp_of_its_own)
{
	fixture_read();
	target.live = true;
	target.identity.seccomp = 2;
	target.identity.seccomp_filters = 3;
	ask("limits.seccomp", PROBE_OK);
	finds("3 filters");
	filter();
	ask("limits.seccomp", PROBE_FAIL);
	finds("a filter refuses eventfd2, memfd_create");
	advises("seccomp=FILE");
}
