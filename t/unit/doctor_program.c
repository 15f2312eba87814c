// SPDX-License-Identifier: BSD-2-Clause
/* shunt doctor's probes of programs, preloads and the runtime. */
#include <elf.h>
#include <errno.h>
#include <link.h>
#include <sys/auxv.h>

#include "doctor_help.h"

TestSuite(doctor_program, .init = fixture_begin, .fini = fixture_end,
	  .timeout = 60);

#define PROGRAM "/usr/bin/program"
#define LIBC "/lib/x86_64-linux-gnu/libc.so.6"

/* A program's headers and nothing else; its interpreter may be NULL. */
static void put_program(unsigned machine, const char *interpreter, bool go)
{
	static const struct {
		ElfW(Nhdr) head;
		char name[4], id[4];
	} note = { { 4, 4, 4 }, "Go\0", "abc" };
	struct {
		ElfW(Ehdr) header;
		ElfW(Phdr) segments[2];
		char text[256];
	} file;

	memset(&file, 0, sizeof(file));
	memcpy(file.header.e_ident, ELFMAG, SELFMAG);
	file.header.e_ident[EI_CLASS] = machine == EM_386 ? ELFCLASS32 :
					OWN_CLASS;
	file.header.e_machine = (uint16_t)machine;
	file.header.e_type = ET_DYN;
	file.header.e_phoff = sizeof(file.header);
	file.header.e_phnum = 2;
	file.segments[0].p_offset = offsetof(__typeof__(file), text);
	if (interpreter) {
		file.segments[0].p_type = PT_INTERP;
		file.segments[0].p_filesz = strlen(interpreter) + 1;
		strcpy(file.text, interpreter);
	}
	file.segments[1].p_offset = offsetof(__typeof__(file), text) + 128;
	if (go) {
		file.segments[1].p_type = PT_NOTE;
		file.segments[1].p_filesz = sizeof(note);
		memcpy(file.text + 128, &note, sizeof(note));
	}
	put_bytes(PROGRAM, &file, sizeof(file));
	target.program = PROGRAM;
}

Test(doctor_program, an_ordinary_one)
{
	put_program(OWN_MACHINE, "/lib64/ld-linux.so.2", false);
	fixture_read();
	ask("program.file", PROBE_OK);
	ask("program.machine", PROBE_OK);
	ask("program.linking", PROBE_OK);
	finds("/lib64/ld-linux.so.2");
	ask("program.language", PROBE_OK);
	ask("program.privilege", PROBE_OK);
	ask("program.deepbind", PROBE_OK);
	ask("program.libc", PROBE_WARN);
	finds("no libc.so.6 beside");
}

Test(doctor_program, a_static_one)
{
	put_program(OWN_MACHINE, NULL, false);
	fixture_read();
	ask("program.linking", PROBE_FAIL);
	advises("haproxy");
	ask("program.libc", PROBE_FAIL);
	advises("program.linking");
}

Test(doctor_program, a_go_one)
{
	put_program(OWN_MACHINE, "/lib64/ld-linux.so.2", true);
	fixture_read();
	ask("program.language", PROBE_FAIL);
	finds("a Go program");
}

Test(doctor_program, of_another_machine)
{
	put_program(EM_386, "/lib/ld-linux.so.2", false);
	fixture_read();
	ask("program.machine", PROBE_FAIL);
	finds("i386, and the library is made for");
	advises("shunt for i386");
	ask("program.linking", PROBE_WARN);
	advises("program.machine");
}

Test(doctor_program, a_script)
{
	put_program(OWN_MACHINE, "/lib64/ld-linux.so.2", false);
	put("/usr/bin/script", "#! " PROGRAM " -x\n");
	target.program = "/usr/bin/script";
	fixture_read();
	ask("program.file", PROBE_OK);
	finds(PROGRAM ", which runs the script /usr/bin/script");
	put("/usr/bin/script", "echo no interpreter\n");
	inspect_end(&inspection);
	inspect_path(&target, target.program, &inspection);
	ask("program.file", PROBE_WARN);
	put("/usr/bin/script", "");
	inspect_path(&target, target.program, &inspection);
	ask("program.file", PROBE_WARN);
	inspect_path(&target, "/usr/bin/none", &inspection);
	ask("program.file", PROBE_WARN);
	finds("No such file");
}

Test(doctor_program, set_user_id)
{
	char path[PATH_MAX];

	put_program(OWN_MACHINE, "/lib64/ld-linux.so.2", false);
	put("/proc/self/status", "Uid:\t12345\t12345\t12345\t12345\nGid:\t0\t0\t0\t0\n");
	inside(path, PROGRAM);
	cr_assert_eq(chmod(path, 04755), 0);
	fixture_read();
	ask("program.privilege", PROBE_FAIL);
	finds("set-user-ID");
	put("/proc/self/status", "Uid:\t12345\t12345\t12345\t12345\nNoNewPrivs:\t1\n");
	target_free(&target);
	target_read(&target);
	inspect_end(&inspection);
	inspect_path(&target, PROGRAM, &inspection);
	ask("program.privilege", PROBE_OK);
}

/* Of a process the kernel has written down how it began. */
Test(doctor_program, secure_execution)
{
	unsigned long vector[] = { AT_PAGESZ, 4096, AT_SECURE, 1, AT_NULL, 0 };

	put_program(OWN_MACHINE, "/lib64/ld-linux.so.2", false);
	put_bytes("/proc/self/auxv", vector, sizeof(vector));
	target.pid = 1;
	fixture_read();
	ask("program.privilege", PROBE_FAIL);
	finds("AT_SECURE");
	vector[3] = 0;
	put_bytes("/proc/self/auxv", vector, sizeof(vector));
	ask("program.privilege", PROBE_OK);
}

Test(doctor_program, known_for_deepbind)
{
	static char word[] = "SHUNT_DEEPBIND=keep";
	static char *keep[] = { word, NULL };
	char **before;

	put_program(OWN_MACHINE, "/lib64/ld-linux.so.2", false);
	target.program = PROGRAM;
	fixture_read();
	strcpy(inspection.path, "/usr/sbin/php-fpm8.2");
	ask("program.deepbind", PROBE_OK);
	finds("its extensions");
	before = target.environment;
	target.environment = keep;
	ask("program.deepbind", PROBE_WARN);
	advises("SHUNT_DEEPBIND");
	target.environment = before;
}

/* -- libraries ------------------------------------------------------------ */

/* Files of the host in a root of its own, with absolute links inside it. */
static void put_glibc(void)
{
	put_program(OWN_MACHINE, "/lib64/ld-linux.so.2", false);
	put_link("/lib64/ld-linux.so.2", "/lib/two/ld.so");
	put_link("/lib/two/ld.so", "ld-2.36.so");
	put("/lib/two/ld-2.36.so", "");
	put_copy("/lib/two/libc.so.6", LIBC);
}

static void put_library(void)
{
	put_copy("/opt/shunt/libshunt.so", getenv("FAKE_RDMA_LIBRARY"));
	put("/proc/self/environ", "LD_PRELOAD=/opt/shunt/libshunt.so");
}

Test(doctor_program, glibc)
{
	if (access(LIBC, R_OK))
		cr_skip_test("needs Debian's libc on x86-64");
	put_glibc();
	put_library();
	fixture_read();
	ask("program.libc", PROBE_OK);
	finds("glibc 2.");
	finds("(/lib/two/libc.so.6)");
	ask("preload.library", PROBE_OK);
	finds("/opt/shunt/libshunt.so (GLIBC_2.");
	ask("preload.visible", PROBE_OK);
	finds("LD_PRELOAD names it");
}

/* A C library without the versions: an object that defines none. */
Test(doctor_program, libc_is_too_old)
{
	if (access(LIBC, R_OK))
		cr_skip_test("needs Debian's libc on x86-64");
	put_glibc();
	put_library();
	put_copy("/lib/two/libc.so.6", getenv("FAKE_RDMA_LIBRARY"));
	put_copy("/opt/shunt/libshunt-rdma.so", getenv("FAKE_RDMA_LIBRARY"));
	fixture_read();
	ask("preload.library", PROBE_FAIL);
	finds("it needs GLIBC_2.");
	ask("runtime.file", PROBE_FAIL);
	finds("libshunt-rdma.so does not load there: it needs GLIBC_2.");
}

Test(doctor_program, library_is_not_there)
{
	put("/proc/self/environ", "LD_PRELOAD=/mnt/libshunt.so");
	fixture_read();
	ask("preload.library", PROBE_FAIL);
	finds("/mnt/libshunt.so cannot be read: No such file");
	advises("mount the folder");
	put("/mnt/libshunt.so", "no library");
	ask("preload.library", PROBE_FAIL);
	finds("no shared library");
}

Test(doctor_program, library_is_named_nowhere)
{
	fixture_read();
	ask("preload.library", PROBE_FAIL);
	finds("libshunt.so is not found there");
	ask("preload.visible", PROBE_WARN);
	advises("shunt run");
}

Test(doctor_program, system_wide_preload)
{
	put("/etc/ld.so.preload", "# ours\n/opt/shunt/libshunt.so\n");
	fixture_read();
	ask("preload.visible", PROBE_OK);
	finds("/etc/ld.so.preload names it");
}

Test(doctor_program, musl_reads_no_file)
{
	put_program(OWN_MACHINE, "/lib/ld-musl-x86_64.so.1", false);
	put("/etc/ld.so.preload", "/opt/shunt/libshunt.so\n");
	fixture_read();
	ask("preload.visible", PROBE_FAIL);
	advises("LD_PRELOAD=/opt/shunt/libshunt.so");
}

Test(doctor_program, other_preloads)
{
	put("/proc/self/environ",
	    "LD_PRELOAD=/opt/shunt/libshunt.so:/lib/liba.so /lib/libb.so");
	put_copy("/lib/liba.so", getenv("FAKE_RDMA_LIBRARY"));
	fixture_read();
	ask("preload.others", PROBE_WARN);
	finds("cannot be read: /lib/libb.so");
	put_copy("/lib/libb.so", getenv("FAKE_RDMA_LIBRARY"));
	ask("preload.others", PROBE_OK);
	finds("/lib/liba.so, /lib/libb.so");
}

/* libc defines what an interposer does. */
Test(doctor_program, another_takes_sockets_over)
{
	if (access(LIBC, R_OK))
		cr_skip_test("needs Debian's libc on x86-64");
	put("/proc/self/environ", "LD_PRELOAD=/lib/liba.so:/lib/libvma.so");
	put_copy("/lib/liba.so", getenv("FAKE_RDMA_LIBRARY"));
	put_copy("/lib/libvma.so", LIBC);
	fixture_read();
	ask("preload.others", PROBE_WARN);
	finds("they take over socket calls too: /lib/libvma.so");
}

/* -- a running process ---------------------------------------------------- */

Test(doctor_program, loaded_into_a_process)
{
	target.pid = 1;
	put("/proc/self/maps",
	    "7f0000000000-7f0000001000 r--p 00000000 08:01 42 /opt/shunt/libshunt.so\n");
	fixture_read();
	ask("preload.visible", PROBE_OK);
	finds("loaded: /opt/shunt/libshunt.so");
	put("/proc/self/maps",
	    "7f0000000000-7f0000001000 r--p 00000000 08:01 42 /opt/shunt/libshunt.so (deleted)\n");
	ask("preload.visible", PROBE_WARN);
	put("/proc/self/maps", "");
	ask("preload.visible", PROBE_FAIL);
	finds("not loaded in it");
	ask("program.deepbind", PROBE_WARN);
	advises("preload.visible");
}

/* What may not be read is said, and is no failure. */
Test(doctor_program, of_another_user)
{
	char path[PATH_MAX];

	target.pid = 1;
	inside(path, "/proc/self/environ");
	unlink(path);
	put_link("/proc/self/environ", "/nonexistent");
	fixture_read();
	target.environment_error = target.root_error = -EACCES;
	for (int i = 0; i < probe_count; i++) {
		if (probes[i].needs != NEEDS_NOTHING) {
			ask(probes[i].id, PROBE_WARN);
			advises("run it as root");
		}
	}
}

/* -- the runtime ---------------------------------------------------------- */

Test(doctor_program, no_runtime)
{
	put_library();
	fixture_read();
	ask("runtime.file", PROBE_FAIL);
	finds("no libshunt-rdma.so beside libshunt.so");
	ask("runtime.version", PROBE_FAIL);
	advises("runtime.file");
}

Test(doctor_program, bundled_runtime)
{
	put_library();
	put_copy("/opt/shunt/libshunt-rdma.so", getenv("FAKE_RDMA_LIBRARY"));
	fixture_read();
	ask("runtime.file", PROBE_OK);
	finds("/opt/shunt/libshunt-rdma.so");
	ask("runtime.version", PROBE_OK);
}

Test(doctor_program, old_runtime)
{
	put("/usr/lib/librdmacm.so.1.3.44.0", "");
	put_link("/usr/lib/librdmacm.so.1", "librdmacm.so.1.3.44.0");
	put_copy("/usr/lib/librdmacm.so.1.3.44.0",
		 getenv("FAKE_OLD_RDMA_LIBRARY"));
	fixture_read();
	ask("runtime.version", PROBE_FAIL);
	finds("older than rdma-core 65: 44.0");
}

/* -- the place ------------------------------------------------------------ */

Test(doctor_program, place)
{
	static const char environment[] =
		"container=lxc\0KUBERNETES_SERVICE_HOST=10.0.0.1";

	fixture_read();
	ask("place.container", PROBE_OK);
	finds("none");
	put("/proc/self/cgroup", "0::/kubepods/pod1/cri-containerd-abc\n");
	ask("place.container", PROBE_OK);
	finds("containerd (cri-containerd in its cgroup's path)");
	ask("place.orchestrator", PROBE_OK);
	finds("Kubernetes (kubepods in its cgroup's path)");
	put_bytes("/proc/self/environ", environment, sizeof(environment));
	target_free(&target);
	target_read(&target);
	ask("place.container", PROBE_OK);
	finds("lxc (its environment has container=lxc)");
	put("/run/.containerenv", "");
	ask("place.container", PROBE_OK);
	finds("podman (/run/.containerenv is there)");
}
