#include "forwarder/placeclean.h"

#include <dirent.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "forwarder/placeswap.h"

/* Whether ${st} is of a type and belongs to us. */
static bool
is_ours(const struct stat *sb, mode_t type)
{
	return (sb->st_mode & S_IFMT) == type && sb->st_uid == geteuid();
}

/* A stream over a directory that stays open. */
static DIR *
walk(int dfd)
{
	int fd = openat(dfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

	if (dir == NULL && fd >= 0)
		(void)close(fd);
	return dir;
}

bool
placeclean_is_load(const char *entry, const char *name)
{
	size_t len = strlen(entry), n;

	if (len < PLACESWAP_RANDOM + 3 || entry[0] != '.')
		return false;
	n = len - PLACESWAP_RANDOM - 2;
	if (entry[1 + n] != '.' || entry[1] == '.' ||
	    !placeswap_is_random(entry + n + 2, PLACESWAP_RANDOM))
		return false;
	return name == NULL || (strlen(name) == n &&
	    memcmp(entry + 1, name, n) == 0);
}

void
placeclean_load(int dfd, const char *entry)
{
	struct dirent *e;
	struct stat sb;
	DIR *dir;
	int fd;

	fd = openat(dfd, entry, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
	    O_CLOEXEC);
	if (fd < 0)
		return;
	if (fstat(fd, &sb) != 0 || !is_ours(&sb, S_IFDIR) ||
	    (dir = fdopendir(fd)) == NULL) {
		(void)close(fd);
		return;
	}
	while ((e = readdir(dir)) != NULL)
		(void)unlinkat(fd, e->d_name, 0);
	(void)closedir(dir);
	(void)unlinkat(dfd, entry, AT_REMOVEDIR);
}

/* Whether a symlink in ${dfd} leads to ${entry} there. */
static bool
is_used(int dfd, const char *entry)
{
	char target[512];
	struct dirent *e;
	DIR *dir = walk(dfd);
	bool used = dir == NULL;
	ssize_t n;

	while (!used && (e = readdir(dir)) != NULL) {
		n = readlinkat(dfd, e->d_name, target, sizeof(target) - 1);
		if (n < 0)
			continue;
		target[n] = '\0';
		used = strcmp(target, entry) == 0;
	}
	if (dir != NULL)
		(void)closedir(dir);
	return used;
}

void
placeclean_loads(int dfd)
{
	DIR *dir = walk(dfd);
	struct dirent *e;

	while (dir != NULL && (e = readdir(dir)) != NULL)
		if (placeclean_is_load(e->d_name, NULL) &&
		    !is_used(dfd, e->d_name))
			placeclean_load(dfd, e->d_name);
	if (dir != NULL)
		(void)closedir(dir);
}

/* Whether it is a temporary file or symlink of ours. */
static bool
is_temporary(int dfd, const char *name)
{
	struct stat sb;

	return placeswap_is_tmp(name) &&
	    fstatat(dfd, name, &sb, AT_SYMLINK_NOFOLLOW) == 0 &&
	    (is_ours(&sb, S_IFREG) || is_ours(&sb, S_IFLNK));
}

void
placeclean_one(int dfd, const char *name)
{
	if (is_temporary(dfd, name))
		(void)unlinkat(dfd, name, 0);
}

void
placeclean_temporary(int dfd)
{
	DIR *dir = walk(dfd);
	struct dirent *e;

	while (dir != NULL && (e = readdir(dir)) != NULL)
		placeclean_one(dfd, e->d_name);
	if (dir != NULL)
		(void)closedir(dir);
}
