// SPDX-License-Identifier: BSD-2-Clause
/*
 * The init image's only program: copies the bundle beside it, the folder
 * shunt/, into a folder that is given, a volume which the other containers of
 * the pod mount. Static, needs no root, writes nowhere else.
 *
 *	copy FOLDER
 *
 * A file is there whole or not at all, so that it may run again.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUNDLE "/shunt"
#define FAILED 125	/* as env(1): a failure of our own */

static int fail(const char *folder, const char *name, const char *advice)
{
	fprintf(stderr, "shunt copy: %s/%s: %s%s\n", folder, name,
		strerror(errno), advice);
	return FAILED;
}

static int pour(int from, int to)
{
	struct stat status;
	ssize_t put;

	if (fstat(from, &status))
		return -1;
	do
		put = sendfile(to, from, NULL, (size_t)status.st_size + 1);
	while (put > 0);
	return put ? -1 : fchmod(to, status.st_mode & 0777);
}

static int copy(int bundle, int folder, const char *name)
{
	char temporary[NAME_MAX + 8];
	int from = openat(bundle, name, O_RDONLY | O_CLOEXEC), to = -1;
	int ret = -1, saved;

	snprintf(temporary, sizeof(temporary), ".%s.new", name);
	if (from >= 0)
		to = openat(folder, temporary,
			    O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
	if (to >= 0)
		ret = pour(from, to);
	if (!ret)
		ret = renameat(folder, temporary, folder, name);
	saved = errno;
	if (to >= 0 && ret)
		unlinkat(folder, temporary, 0);
	if (from >= 0)
		close(from);
	if (to >= 0)
		close(to);
	errno = saved;
	return ret;
}

static const char *advice(int error)
{
	switch (error) {
	case EACCES:
	case EPERM:
		return " (the volume is another user's: fsGroup, or an emptyDir"
		       " that everybody may write)";
	case EROFS:
		return " (mount the volume for writing in this container)";
	case ENOSPC:
		return " (the bundle takes 2 MiB: a larger sizeLimit)";
	default:
		return "";
	}
}

static int copy_all(const char *target)
{
	DIR *bundle = opendir(BUNDLE);
	int folder = open(target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *entry;
	int count = 0;

	if (!bundle)
		return fail(BUNDLE, "", " (the image has no bundle)");
	if (folder < 0)
		return fail(target, "", " (mount a volume there)");
	while ((entry = readdir(bundle))) {
		if (entry->d_name[0] == '.')
			continue;
		if (copy(dirfd(bundle), folder, entry->d_name))
			return fail(target, entry->d_name, advice(errno));
		count++;
	}
	printf("shunt copy: %d files are in %s\n", count, target);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc != 2 || argv[1][0] != '/') {
		fprintf(stderr, "usage: copy /FOLDER\n");
		return FAILED;
	}
	return copy_all(argv[1]);
}
