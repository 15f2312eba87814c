// SPDX-License-Identifier: BSD-2-Clause
/*
 * Probes of the device nodes: they are told apart that are not there, that
 * their mode forbids, that the device cgroup refuses, and that stand for
 * another device.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "cli/cgroup.h"
#include "cli/doctor.h"

#define NODES "/dev/infiniband"
#define VERBS "/sys/class/infiniband_verbs"
#define MANAGER "rdma_cm"

#define NAMES_MOST (DEVICES_MOST + 1)

/* The names that there should be: rdma_cm's, and each device's. */
static int wanted_names(const struct target *target,
			char names[NAMES_MOST][DEVICE_NAME_MAX])
{
	struct rdma_device devices[DEVICES_MOST];
	int i, used = 1, count = devices_read(target, devices);

	strcpy(names[0], MANAGER);
	for (i = 0; i < count; i++) {
		if (devices[i].node[0])
			strcpy(names[used++], devices[i].node);
	}
	return used;
}

static void node_path(const char *name, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, NODES "/%s", name);
}

/* Modules of the kernel make the nodes. */
static const char *missing_module(const struct target *target)
{
	if (!target_has(target, VERBS))
		return "ib_uverbs";
	if (!target_has(target, "/sys/class/misc/" MANAGER) &&
	    !target_has(target, "/sys/class/infiniband_cma"))
		return "rdma_ucm";
	return NULL;
}

static void found_missing(const struct target *target,
			  struct probe_result *result, const char *list)
{
	const char *module = missing_module(target);
	char where[FOUND_MAX];

	if (target_has(target, NODES))
		found(result, PROBE_FAIL, "there is no %s in " NODES, list);
	else
		found(result, PROBE_FAIL, "there is no " NODES);
	if (module)
		remedy(result, "modprobe %s on the host", module);
	else if (place_container(target, where))
		remedy(result,
		       "give the container the nodes: --device " NODES " (docker, podman), or a resource of the RDMA device plugin (Kubernetes)");
	else
		remedy(result,
		       "udevadm trigger, which has udev make them; look at its rules if it does not");
}

void probe_device_nodes(const struct target *target,
			struct probe_result *result)
{
	char names[NAMES_MOST][DEVICE_NAME_MAX], path[PATH_MAX];
	char missing[FOUND_MAX] = "", there[FOUND_MAX] = "";
	int i, count;

	if (found_no_device(target, result))
		return;
	count = wanted_names(target, names);
	for (i = 0; i < count; i++) {
		node_path(names[i], path);
		list_add(target_has(target, path) ? there : missing, "%s",
			 names[i]);
	}
	if (missing[0] || missing_module(target))
		found_missing(target, result, missing);
	else
		found(result, PROBE_OK, NODES ": %s", there);
}

/* -- may they be opened? -------------------------------------------------- */

enum node_cause node_cause(const struct node *node)
{
	if (node->error == -ENOENT)
		return NODE_MISSING;
	if (node->number && node->number != node->status.st_rdev)
		return NODE_STALE;
	switch (node->error) {
	case 0:
		return NODE_FINE;
	case -EACCES:
		if (!node->may)
			return NODE_MODE;
		return node->nodev ? NODE_NODEV : NODE_POLICY;
	case -EPERM:
		return NODE_CGROUP;
	case -ENXIO:
	case -ENODEV:
		return NODE_STALE;
	default:
		return NODE_OTHER;
	}
}

/* The number that the kernel's device of this name has, or 0. */
static dev_t number_of(const struct target *target, const char *name)
{
	char path[PATH_MAX], text[TARGET_TEXT_MAX];
	unsigned major, minor;

	snprintf(path, sizeof(path), "%s/%s/dev", strcmp(name, MANAGER) ?
		 VERBS : "/sys/class/misc", name);
	if (target_text(target, path, text) ||
	    sscanf(text, "%u:%u", &major, &minor) != 2)
		return 0;
	return makedev(major, minor);
}

/*
 * Is the rule of devices.list for it? "c 231:* rwm"; "a *:* rwm" is all but
 * exceptions that the kernel does not list (and container engines do not make).
 */
static bool rule_allows(const char *rule, dev_t number)
{
	char type, major_text[16], minor_text[16], access[8];

	if (sscanf(rule, "%c %15[^:]:%15s %7s", &type, major_text, minor_text,
		   access) != 4)
		return false;
	return (type == 'a' || type == 'c') &&
	       (*major_text == '*' ||
		strtoul(major_text, NULL, 10) == major(number)) &&
	       (*minor_text == '*' ||
		strtoul(minor_text, NULL, 10) == minor(number)) &&
	       strchr(access, 'r') && strchr(access, 'w');
}

/* Version 1's list of allowed devices: 1, 0, or -1: it cannot be seen. */
static int cgroup_allows(const struct target *target, dev_t number)
{
	char text[TARGET_TEXT_MAX], *rule, *rest = text;
	struct cgroup cgroup;

	if (!cgroup_find(target, "devices", &cgroup) || cgroup.unified ||
	    cgroup_text(target, &cgroup, "devices.list", text))
		return -1;
	while ((rule = strsep(&rest, "\n"))) {
		if (rule_allows(rule, number))
			return 1;
	}
	return 0;
}

static int try_node(const struct target *target, const char *path)
{
	int fd = target_open(target, path, O_RDWR);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

/* What opening would say to another process, as far as it can be told. */
static int foretell(const struct target *target, const struct node *node,
		    bool *certain)
{
	int allowed = cgroup_allows(target, node->status.st_rdev);

	if (!node->may || node->nodev)
		return -EACCES;
	if (allowed == 0)
		return -EPERM;
	*certain &= allowed > 0;
	return 0;
}

static void look_at_node(const struct target *target, const char *name,
			 struct node *node, bool *certain)
{
	char path[PATH_MAX];
	struct statvfs mount;
	int fd;

	*node = (struct node){ .number = number_of(target, name) };
	node_path(name, path);
	node->error = target_stat(target, path, &node->status);
	if (node->error)
		return;
	fd = target_open(target, path, O_PATH);
	node->nodev = fd >= 0 && !fstatvfs(fd, &mount) &&
		      mount.f_flag & ST_NODEV;
	if (fd >= 0)
		close(fd);
	node->may = target_may(target, &node->status, R_OK | W_OK);
	if (target->live)
		node->error = try_node(target, path);
	else
		node->error = foretell(target, node, certain);
}

static void found_mode(const struct target *target,
		       struct probe_result *result, const char *name,
		       const struct stat *status)
{
	found(result, PROBE_FAIL,
	      "%s is user %u's and group %u's with mode %o, and this is user %u",
	      name, status->st_uid, status->st_gid, status->st_mode & 07777,
	      target->identity.uid);
	if ((status->st_mode & 060) == 060 && status->st_gid)
		remedy(result,
		       "add group %u to the program (--group-add; supplementalGroups in Kubernetes; SupplementaryGroups= of systemd)",
		       status->st_gid);
	else
		remedy(result,
		       "give the nodes of " NODES " mode 0666, the kernel's own default (look at udev's rules), or the container nodes of its own (--device)");
}

static void found_cause(const struct target *target,
			struct probe_result *result, const char *name,
			const struct node *node)
{
	switch (node_cause(node)) {
	case NODE_FINE:
		break;
	case NODE_MODE:
		found_mode(target, result, name, &node->status);
		break;
	case NODE_MISSING:
		found(result, PROBE_FAIL, "%s is not there", name);
		remedy(result, "see device.nodes");
		break;
	case NODE_NODEV:
		found(result, PROBE_FAIL,
		      "%s lies on a file system mounted nodev", name);
		remedy(result,
		       "have the container engine make the node (--device), rather than mount a folder that has it");
		break;
	case NODE_POLICY:
		found(result, PROBE_FAIL,
		      "%s may be opened by its mode, and is not: EACCES", name);
		remedy(result,
		       "look for a denial of SELinux or AppArmor in the kernel's log (ausearch -m avc, dmesg)");
		break;
	case NODE_CGROUP:
		found(result, PROBE_FAIL,
		      "%s is refused by the device cgroup (EPERM)", name);
		remedy(result,
		       "allow the device, not only its node: --device (docker, podman), the RDMA device plugin's resource (Kubernetes), DeviceAllow= (systemd)");
		break;
	case NODE_STALE:
		found(result, PROBE_FAIL,
		      "%s has number %u:%u, which is not the device's", name,
		      major(node->status.st_rdev), minor(node->status.st_rdev));
		remedy(result,
		       "make the node anew: start the container again; on a host, udevadm trigger");
		break;
	case NODE_OTHER:
		found(result, PROBE_FAIL, "%s cannot be opened: %s", name,
		      strerror(-node->error));
		remedy(result,
		       "look at the kernel's log (dmesg) for what the driver says");
		break;
	}
}

bool doctor_has_opened(const struct target *target, char name[PATH_MAX])
{
	char path[PATH_MAX], link[PATH_MAX];
	struct dirent *entry;
	bool opened = false;
	ssize_t length;
	DIR *folder;

	snprintf(path, sizeof(path), "%s/fd", target->proc);
	folder = opendir(path);
	while (folder && !opened && (entry = readdir(folder))) {
		length = readlinkat(dirfd(folder), entry->d_name, link,
				    sizeof(link) - 1);
		link[length > 0 ? length : 0] = '\0';
		opened = !strncmp(link, NODES "/uverbs",
				  strlen(NODES "/uverbs"));
		snprintf(name, PATH_MAX, "%s", link);
	}
	if (folder)
		closedir(folder);
	return opened;
}

void probe_device_access(const struct target *target,
			 struct probe_result *result)
{
	char names[NAMES_MOST][DEVICE_NAME_MAX], opened[PATH_MAX];
	bool certain = true;
	struct node node;
	int i, count;

	if (found_no_device(target, result))
		return;
	if (target->pid && doctor_has_opened(target, opened)) {
		found(result, PROBE_OK, "it has opened %s", opened);
		return;
	}
	count = wanted_names(target, names);
	found(result, PROBE_OK, target->live ? "all %d could be opened" :
	      "their modes and the device cgroup let it open all %d", count);
	for (i = 0; i < count && result->status == PROBE_OK; i++) {
		look_at_node(target, names[i], &node, &certain);
		found_cause(target, result, names[i], &node);
	}
	if (result->status == PROBE_OK && !certain) {
		found(result, PROBE_WARN,
		      "their modes allow it; the device cgroup (version 2) cannot be read");
		remedy(result,
		       "run shunt doctor without --pid inside the container, where it tries to open them");
	}
}
