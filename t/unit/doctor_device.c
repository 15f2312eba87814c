// SPDX-License-Identifier: BSD-2-Clause
/* shunt doctor's probes of RDMA devices, on made-up trees of sysfs. */
#include <errno.h>
#include <sys/sysmacros.h>

#include "doctor_help.h"

TestSuite(doctor_device, .init = fixture_begin, .fini = fixture_end,
	  .timeout = 60);

#define RXE "/sys/class/infiniband/rxe0"
#define PORT RXE "/ports/1"
#define NETNS_MODE "/sys/module/ib_core/parameters/netns_mode"
#define NO_GID "0000:0000:0000:0000:0000:0000:0000:0000\n"

/* A soft-RoCE device on v0, as Linux 6.1 shows one. */
static void put_device(void)
{
	put(NETNS_MODE, "Y\n");
	put(PORT "/state", "4: ACTIVE\n");
	put(PORT "/link_layer", "Ethernet\n");
	put(PORT "/rate", "10 Gb/sec (1X FDR10)\n");
	put(PORT "/gids/0", "fe80:0000:0000:0000:845b:ffff:feb9:de50\n");
	put(PORT "/gids/1", "0000:0000:0000:0000:0000:ffff:0a4d:0001\n");
	put(PORT "/gids/2", "fd77:0000:0000:0000:0000:0000:0000:0001\n");
	put(PORT "/gids/3", NO_GID);
	put(PORT "/gid_attrs/ndevs/0", "v0\n");
	put(PORT "/gid_attrs/ndevs/1", "v0\n");
	put(PORT "/gid_attrs/ndevs/2", "v0\n");
	put(PORT "/gid_attrs/types/1", "RoCE v2\n");
	put("/sys/class/infiniband_verbs/uverbs0/ibdev", "rxe0\n");
	put("/sys/class/infiniband_verbs/uverbs0/dev", "231:192\n");
	put("/sys/class/misc/rdma_cm/dev", "10:124\n");
}

static void put_network(void)
{
	put("/proc/self/net/dev",
	    "Inter-|   Receive                                                |  Transmit\n"
	    " face |bytes    packets errs drop fifo frame compressed multicast|bytes\n"
	    "    lo:       0       0    0    0    0     0          0         0        0\n"
	    "    v0:       0       0    0    0    0     0          0         0        0\n");
	put("/sys/class/net/v0/mtu", "9000\n");
	put("/sys/class/net/v0/flags", "0x1003\n");
	put("/sys/class/net/v0/address", "84:5b:ff:b9:de:50\n");
	put("/sys/class/net/lo/mtu", "65536\n");
	put("/sys/class/net/lo/flags", "0x9\n");
	put("/proc/self/net/fib_trie",
	    "Main:\n"
	    "     +-- 10.77.0.0/24 2 0 2\n"
	    "        |-- 10.77.0.0\n"
	    "           /24 link UNICAST\n"
	    "        |-- 10.77.0.1\n"
	    "           /32 host LOCAL\n"
	    "        |-- 10.77.0.255\n"
	    "           /32 link BROADCAST\n"
	    "     |-- 127.0.0.1\n"
	    "        /32 host LOCAL\n"
	    "Local:\n"
	    "        |-- 10.77.0.1\n"
	    "           /32 host LOCAL\n");
	put("/proc/self/net/route",
	    "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
	    "eth0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
	    "v0\t00004D0A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n");
	put("/proc/self/net/if_inet6",
	    "00000000000000000000000000000001 01 80 10 80       lo\n"
	    "fd770000000000000000000000000001 03 40 00 82       v0\n"
	    "fe80000000000000845bfffffeb9de50 03 40 20 80       v0\n");
}

Test(doctor_device, is_there)
{
	put_device();
	fixture_read();
	ask("device.present", PROBE_OK);
	finds("rxe0");
	ask("device.netns", PROBE_OK);
	finds("shared");
	ask("device.ports", PROBE_OK);
	finds("rxe0/1 ACTIVE Ethernet 10 Gb/sec");
}

Test(doctor_device, no_sysfs)
{
	fixture_read();
	ask("device.present", PROBE_FAIL);
	finds("nothing is mounted on /sys");
	ask("device.access", PROBE_FAIL);
	advises("device.present");
}

Test(doctor_device, no_rdma_in_the_kernel)
{
	put_folder("/sys/class/net/lo");
	fixture_read();
	ask("device.present", PROBE_FAIL);
	finds("/sys/module/ib_core");
	advises("rdma link add");
	ask("device.netns", PROBE_OK);
}

Test(doctor_device, driver_without_a_device)
{
	put(NETNS_MODE, "Y\n");
	put_folder("/sys/class/infiniband");
	fixture_read();
	ask("device.present", PROBE_FAIL);
	finds("no device for it");
}

Test(doctor_device, in_another_namespace)
{
	put(NETNS_MODE, "N\n");
	put_folder("/sys/class/infiniband");
	put("/sys/class/infiniband_verbs/uverbs0/ibdev", "mlx5_0\n");
	fixture_read();
	ask("device.present", PROBE_FAIL);
	advises("device.netns");
	ask("device.netns", PROBE_FAIL);
	finds("none of them (mlx5_0)");
	advises("rdma dev set mlx5_0 netns");
}

Test(doctor_device, exclusive_and_ours)
{
	put_device();
	put(NETNS_MODE, "N\n");
	fixture_read();
	ask("device.netns", PROBE_OK);
	finds("rxe0 is in this one");
}

/* -- nodes ---------------------------------------------------------------- */

Test(doctor_device, nodes_are_there)
{
	put_device();
	put("/dev/infiniband/rdma_cm", "");
	put("/dev/infiniband/uverbs0", "");
	fixture_read();
	ask("device.nodes", PROBE_OK);
	finds("rdma_cm, uverbs0");
}

Test(doctor_device, no_nodes_in_a_container)
{
	put_device();
	put("/.dockerenv", "");
	fixture_read();
	ask("device.nodes", PROBE_FAIL);
	finds("there is no /dev/infiniband");
	advises("--device");
	ask("device.access", PROBE_FAIL);
	advises("device.nodes");
}

Test(doctor_device, one_node_of_a_host)
{
	put_device();
	put("/dev/infiniband/rdma_cm", "");
	fixture_read();
	ask("device.nodes", PROBE_FAIL);
	finds("there is no uverbs0");
	advises("udevadm");
}

Test(doctor_device, module_is_missing)
{
	char path[PATH_MAX];

	put_device();
	inside(path, "/sys/class/misc/rdma_cm/dev");
	unlink(path);
	*strrchr(path, '/') = '\0';
	rmdir(path);
	fixture_read();
	ask("device.nodes", PROBE_FAIL);
	advises("modprobe rdma_ucm");
}

/* A file in place of the node has no number: 0:0. */
Test(doctor_device, another_number)
{
	put_device();
	put("/dev/infiniband/rdma_cm", "");
	put("/dev/infiniband/uverbs0", "");
	fixture_read();
	ask("device.access", PROBE_FAIL);
	finds("rdma_cm has number 0:0");
}

/* The kernel tells no numbers: modes and the device cgroup are left. */
static void put_plain_nodes(void)
{
	char path[PATH_MAX];

	put_device();
	inside(path, "/sys/class/misc/rdma_cm/dev");
	unlink(path);
	inside(path, "/sys/class/infiniband_verbs/uverbs0/dev");
	unlink(path);
	put("/dev/infiniband/rdma_cm", "");
	put("/dev/infiniband/uverbs0", "");
}

static void put_device_cgroup(const char *list)
{
	put("/proc/self/cgroup", "5:devices:/docker/abc\n0::/\n");
	put("/proc/self/mountinfo",
	    "30 29 0:26 / /sys/fs/cgroup/devices rw - cgroup cgroup rw,devices\n");
	put("/sys/fs/cgroup/devices/docker/abc/devices.list", list);
}

Test(doctor_device, refused_by_the_cgroup)
{
	put_plain_nodes();
	put_device_cgroup("c 1:3 rwm\nc 231:* rwm\n");
	fixture_read();
	ask("device.access", PROBE_FAIL);
	finds("device cgroup");
	advises("DeviceAllow=");
}

Test(doctor_device, allowed_by_the_cgroup)
{
	put_plain_nodes();
	put_device_cgroup("c 1:3 rwm\nc 0:* rwm\n");
	fixture_read();
	ask("device.access", PROBE_OK);
}

Test(doctor_device, a_cgroup_that_tells_nothing)
{
	put_plain_nodes();
	fixture_read();
	ask("device.access", PROBE_WARN);
	finds("version 2");
}

Test(doctor_device, forbidden_by_the_mode)
{
	put_plain_nodes();
	put("/proc/self/status", STATUS_USER);
	fixture_read();
	ask("device.access", PROBE_FAIL);
	finds("mode 644");
	advises("mode 0666");
}

/* Another process that has the device open needs no more proof. */
Test(doctor_device, opened_already)
{
	put_device();
	target.pid = 1;
	put_link("/proc/self/fd/7", "/dev/infiniband/uverbs0");
	fixture_read();
	ask("device.access", PROBE_OK);
	finds("it has opened /dev/infiniband/uverbs0");
	ask("device.providers", PROBE_OK);
}

Test(doctor_device, causes)
{
	struct node node = {
		.status = { .st_rdev = makedev(231, 192) },
		.number = makedev(231, 192), .may = true,
	};

	cr_assert_eq(node_cause(&node), NODE_FINE);
	node.error = -EPERM;
	cr_assert_eq(node_cause(&node), NODE_CGROUP);
	node.error = -EACCES;
	cr_assert_eq(node_cause(&node), NODE_POLICY);
	node.nodev = true;
	cr_assert_eq(node_cause(&node), NODE_NODEV);
	node.may = false;
	cr_assert_eq(node_cause(&node), NODE_MODE);
	node.error = -ENXIO;
	cr_assert_eq(node_cause(&node), NODE_STALE);
	node.error = -EIO;
	cr_assert_eq(node_cause(&node), NODE_OTHER);
	node.number = makedev(231, 193);
	cr_assert_eq(node_cause(&node), NODE_STALE);
	node.error = -ENOENT;
	cr_assert_eq(node_cause(&node), NODE_MISSING);
}

/* -- ports and GIDs ------------------------------------------------------- */

Test(doctor_device, port_is_down)
{
	put_device();
	put(PORT "/state", "1: DOWN\n");
	fixture_read();
	ask("device.ports", PROBE_FAIL);
	finds("rxe0/1 DOWN");
	advises("ip link set v0 up");
}

Test(doctor_device, no_subnet_manager)
{
	put_device();
	put(PORT "/state", "2: INIT\n");
	put(PORT "/link_layer", "InfiniBand\n");
	fixture_read();
	ask("device.ports", PROBE_FAIL);
	advises("opensm");
}

Test(doctor_device, gids_of_roce)
{
	put_device();
	put_network();
	fixture_read();
	ask("device.gids", PROBE_OK);
	cr_assert_str_eq(result.found,
			 "10.77.0.1 (rxe0/1, v0), fd77::1 (rxe0/1, v0)");
	details("rxe0/1 GID 1 ::ffff:10.77.0.1 RoCE v2 v0: 10.77.0.1\n");
	details("rxe0/1 GID 0 fe80::845b:ffff:feb9:de50  v0: fe80::845b:ffff:feb9:de50\n");
	cr_assert_null(strstr(result.details, "GID 3"), "unused");
	ask("device.addresses", PROBE_OK);
	finds("fd77::1");
}

Test(doctor_device, gids_of_another_network)
{
	put_device();
	put("/proc/self/net/fib_trie", "Local:\n  |-- 10.1.1.1\n"
	    "     /32 host LOCAL\n");
	fixture_read();
	ask("device.gids", PROBE_FAIL);
	details("10.77.0.1 RoCE v2 v0: no address here");
	advises("hostNetwork");
	ask("device.addresses", PROBE_FAIL);
	advises("device.gids");
}

/* RFC 4391: 4 bytes of flags and queue pair, then the port's GID. */
Test(doctor_device, gids_of_infiniband)
{
	put_device();
	put_network();
	put(PORT "/gids/1", NO_GID);
	put(PORT "/gids/2", NO_GID);
	put("/sys/class/net/v0/address",
	    "80:00:00:48:fe:80:00:00:00:00:00:00:84:5b:ff:ff:fe:b9:de:50\n");
	fixture_read();
	ask("device.gids", PROBE_OK);
	finds("10.77.0.1 (rxe0/1, v0)");
}

Test(doctor_device, gids_of_iwarp)
{
	put_device();
	put_network();
	put(PORT "/gids/0", "845b:ffb9:de50:0000:0000:0000:0000:0000\n");
	put(PORT "/gids/1", NO_GID);
	put(PORT "/gids/2", NO_GID);
	put(PORT "/gid_attrs/ndevs/0", "");
	fixture_read();
	ask("device.gids", PROBE_OK);
	finds("10.77.0.1 (rxe0/1, v0)");
}

/* -- the network ---------------------------------------------------------- */

Test(doctor_device, interfaces)
{
	put_device();
	put_network();
	fixture_read();
	ask("network.interfaces", PROBE_OK);
	cr_assert_str_eq(result.found, "MTU of lo 65536, v0 9000");
	details("v0 MTU 9000 up 10.77.0.1, fd77::1, fe80::845b:ffff:feb9:de50");
	details("lo MTU 65536 up 127.0.0.1, ::1");
}

Test(doctor_device, sysfs_of_another_namespace)
{
	char path[PATH_MAX];

	put_network();
	inside(path, "/sys/class/net/v0/mtu");
	unlink(path);
	fixture_read();
	ask("network.interfaces", PROBE_WARN);
	finds("no MTU of v0");
}

/* The device's link counts, though another is wider. */
Test(doctor_device, mark_of_a_jumbo_link)
{
	put_device();
	put_network();
	fixture_read();
	ask("network.mark", PROBE_OK);
	finds("8945, or 8929 with IPv6, for v0 (MTU 9000)");
}

Test(doctor_device, small_mark_and_loopback)
{
	put_device();
	put_network();
	put("/sys/class/net/v0/mtu", "1500\n");
	put("/proc/self/environ", "SHUNT_RULES=listen *:80 prefer");
	fixture_read();
	ask("network.mark", PROBE_WARN);
	finds("1457, or 1425 with IPv6, for v0");
	advises("jumbo");
}

Test(doctor_device, mark_that_nobody_sees)
{
	static const char environment[] =
		"SHUNT_RULES=listen *:80 prefer\0SHUNT_HANDSHAKE_MARK=9009";

	put_device();
	put_network();
	put_bytes("/proc/self/environ", environment, sizeof(environment));
	fixture_read();
	ask("network.mark", PROBE_WARN);
	finds("9009 by handshake.mark, more than can be announced on v0");
}
