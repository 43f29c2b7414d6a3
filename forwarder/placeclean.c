#include "forwarder/placeclean.h"

#include <dirent.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fdio.h"
#include "forwarder/placemark.h"
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

/* What a load has written into its directory. */
struct names {
	char	*text;		/* NULL: it has no list, as those of the first
				 * version */
	size_t	 len;
};

static void
read_names(int fd, struct names *names)
{
	const size_t most = PLACEPIPE_FILES_MAX * (PLACEPIPE_PATH_MAX + 1);
	struct stat sb;
	int list;

	*names = (struct names){ .text = NULL };
	list = openat(fd, PLACECLEAN_NAMES, O_RDONLY | O_NOFOLLOW |
	    O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (list < 0)
		return;
	if (fstat(list, &sb) == 0 && is_ours(&sb, S_IFREG) &&
	    sb.st_size >= 0 && (size_t)sb.st_size <= most &&
	    (names->text = malloc((size_t)sb.st_size + 1)) != NULL &&
	    fdio_read_full(list, names->text, (size_t)sb.st_size,
	    &names->len) == ST_SYSTEM) {
		free(names->text);
		names->text = NULL;
	}
	(void)close(list);
}

/* Whether it is a name that loads of the first version write. */
static bool
is_usual(const char *name)
{
	static const char *const usual[] = { "config", "known_hosts",
		"gitconfig", "allowed_signers" };
	size_t len = strlen(name), i;

	for (i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
		if (strcmp(name, usual[i]) == 0)
			return true;
	return len > 4 && strcmp(name + len - 4, ".pub") == 0;
}

static bool
is_named(const struct names *names, const char *name)
{
	const char *p = names->text, *end;
	size_t len = strlen(name), left = names->len;

	if (strcmp(name, PLACEMARK_UNDO) == 0 ||
	    strcmp(name, PLACEMARK_KEEP) == 0)
		return true;
	if (p == NULL)
		return is_usual(name);
	while (left > 0 && (end = memchr(p, '\n', left)) != NULL) {
		if ((size_t)(end - p) == len && memcmp(p, name, len) == 0)
			return true;
		left -= (size_t)(end + 1 - p);
		p = end + 1;
	}
	return false;
}

/* Whether it is a file of ours and no other thing. */
static bool
is_own_file(int dfd, const char *name)
{
	struct stat sb;

	return fstatat(dfd, name, &sb, AT_SYMLINK_NOFOLLOW) == 0 &&
	    is_ours(&sb, S_IFREG);
}

/* Remove all that it has written; whether nothing else is there. */
static bool
empty(int fd, DIR *dir, const struct names *names)
{
	bool all = true;
	struct dirent *e;

	while ((e = readdir(dir)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 ||
		    strcmp(e->d_name, "..") == 0 ||
		    strcmp(e->d_name, PLACECLEAN_NAMES) == 0)
			continue;
		if (!is_named(names, e->d_name) ||
		    !is_own_file(fd, e->d_name) ||
		    unlinkat(fd, e->d_name, 0) != 0)
			all = false;
	}
	return all;
}

void
placeclean_load(int dfd, const char *entry)
{
	struct names names;
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
	read_names(fd, &names);
	if (empty(fd, dir, &names)) {
		if (is_own_file(fd, PLACECLEAN_NAMES))
			(void)unlinkat(fd, PLACECLEAN_NAMES, 0);
		(void)unlinkat(dfd, entry, AT_REMOVEDIR);
	}
	free(names.text);
	(void)closedir(dir);
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
