/*
 * The directories are looked at and then the file is opened, and neither
 * could have been changed in between by anybody but root or us: that is what
 * was looked for.
 */
#include "base/ownfile.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/stat.h>
#include <unistd.h>

#include "base/errtext.h"
#include "base/fdio.h"
#include "base/text.h"

/* Put one line in ${why} and return ${st}. */
static int PRINTF_LIKE(4, 5)
fail(int st, char *why, size_t whylen, const char *fmt, ...)
{
	va_list ap;

	if (whylen > 0) {
		va_start(ap, fmt);
		(void)vsnprintf(why, whylen, fmt, ap);
		va_end(ap);
	}
	return st;
}

/* The same for a system call that failed on ${path}; errno is kept. */
static int
fail_sys(char *why, size_t whylen, const char *what, const char *path)
{
	int saved = errno;

	(void)fail(ST_SYSTEM, why, whylen, "%s %s: %s", what, path,
	    errtext(saved));
	errno = saved;
	return ST_SYSTEM;
}

int
ownfile_resolve(const char *path, const char *thing, char dir[static PATH_MAX],
    const char **name, char *why, size_t whylen)
{
	const char *slash = strrchr(path, '/');
	char given[PATH_MAX] = ".";
	struct stat sb;
	size_t len;

	*name = slash != NULL ? slash + 1 : path;
	if (**name == '\0' || strcmp(*name, ".") == 0 ||
	    strcmp(*name, "..") == 0)
		return fail(ST_NOT_FOUND, why, whylen,
		    "\"%s\" does not name a %s", path, thing);
	if (slash != NULL) {
		len = slash == path ? 1 : (size_t)(slash - path);
		if (len >= sizeof(given))
			return fail(ST_TOO_LARGE, why, whylen,
			    "path of %s is too long", thing);
		memcpy(given, path, len);
		given[len] = '\0';
	}

	if (realpath(given, dir) == NULL) {
		if (errno == ENAMETOOLONG)
			return fail(ST_TOO_LARGE, why, whylen,
			    "path of %s is too long: %s", thing, path);
		if (errno == ENOENT || errno == ENOTDIR)
			return fail(ST_NOT_FOUND, why, whylen,
			    "directory %s does not exist; make it first",
			    given);
		return fail_sys(why, whylen, "cannot resolve", given);
	}
	if (stat(dir, &sb) != 0)
		return fail_sys(why, whylen, "cannot look at", dir);
	if (!S_ISDIR(sb.st_mode))
		return fail(ST_NOT_FOUND, why, whylen,
		    "%s is not a directory", given);
	return ST_OK;
}

/* Check one directory. */
static int
trust_dir(const char *dir, const char *thing, bool sticky, char *why,
    size_t whylen)
{
	struct stat sb;

	if (lstat(dir, &sb) != 0)
		return fail_sys(why, whylen, "cannot look at directory", dir);
	if (!S_ISDIR(sb.st_mode))
		return fail(ST_UNTRUSTED, why, whylen,
		    "%s is not a directory", dir);
	if (sb.st_uid != 0 && sb.st_uid != geteuid())
		return fail(ST_UNTRUSTED, why, whylen, "directory %s belongs "
		    "to uid %u, who could replace the %s: chown it to root, "
		    "or use another", dir, (unsigned)sb.st_uid, thing);
	if ((sb.st_mode & (S_IWGRP | S_IWOTH)) == 0)
		return ST_OK;

	/* In a sticky directory nobody can move what is another's. */
	if (sticky && (sb.st_mode & S_ISVTX) != 0)
		return ST_OK;
	return fail(ST_UNTRUSTED, why, whylen, "directory %s can be written "
	    "by others (mode %04o), who could replace the %s: chmod go-w it, "
	    "or use another", dir, (unsigned)(sb.st_mode & 07777), thing);
}

int
ownfile_trust_dirs(const char *path, const char *thing, bool holder_sticky,
    char *why, size_t whylen)
{
	bool sticky = holder_sticky;
	char dir[PATH_MAX];
	size_t len = strlen(path);
	char *slash;
	int st;

	assert(path[0] == '/' && len < sizeof(dir));
	memcpy(dir, path, len + 1);
	/* From the directory that holds it up to the root. */
	while ((slash = strrchr(dir, '/')) != NULL) {
		slash[slash == dir] = '\0';
		st = trust_dir(dir, thing, sticky, why, whylen);
		if (st != ST_OK)
			return st;
		if (slash == dir)
			break;
		sticky = true;
	}
	return ST_OK;
}

int
ownfile_path(const char *path, char out[static PATH_MAX], char *why,
    size_t whylen)
{
	char dir[PATH_MAX];
	const char *name;
	struct text t;
	int st;

	out[0] = '\0';
	st = ownfile_resolve(path, "file", dir, &name, why, whylen);
	if (st != ST_OK)
		return st;
	text_init(&t, out, PATH_MAX);
	text_add(&t, dir);
	if (strcmp(dir, "/") != 0)
		text_addc(&t, '/');
	text_add(&t, name);
	if (!t.full)
		return ST_OK;
	return fail(ST_TOO_LARGE, why, whylen, "path of file is too long: %s",
	    path);
}

/* Whether an open file is one of ours. */
static int
check_file(int fd, const char *path, struct stat *sb, char *why, size_t whylen)
{
	if (fstat(fd, sb) != 0)
		return fail_sys(why, whylen, "cannot look at", path);
	if (!S_ISREG(sb->st_mode))
		return fail(ST_UNTRUSTED, why, whylen, "%s is not a plain "
		    "file", path);
	if (sb->st_uid != 0 && sb->st_uid != geteuid())
		return fail(ST_UNTRUSTED, why, whylen, "%s belongs to uid %u: "
		    "chown it to %s", path, (unsigned)sb->st_uid,
		    geteuid() == 0 ? "root" : "root or to yourself");
	if ((sb->st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return fail(ST_UNTRUSTED, why, whylen, "%s can be written by "
		    "others (mode %04o): chmod go-w it", path,
		    (unsigned)(sb->st_mode & 07777));
	if (sb->st_nlink != 1)
		return fail(ST_UNTRUSTED, why, whylen, "%s has another name "
		    "too (%lu links): make a copy of it", path,
		    (unsigned long)sb->st_nlink);
	return ST_OK;
}

/* Open a file that is ours. */
static int
open_file(const char *path, int flags, int *out, struct stat *sb, char *why,
    size_t whylen)
{
	int fd, st;

	*out = -1;
	st = ownfile_trust_dirs(path, "file", true, why, whylen);
	if (st != ST_OK)
		return st;
	/* What turns out to be a pipe must not hold us up. */
	fd = open(path, flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
	    0600);
	if (fd < 0) {
		if (errno == ELOOP)
			return fail(ST_UNTRUSTED, why, whylen, "%s is a "
			    "symbolic link; name the file itself", path);
		if (errno == ENOENT)
			return fail(ST_NOT_FOUND, why, whylen, "there is no "
			    "file %s", path);
		return fail_sys(why, whylen, "cannot open", path);
	}
	if ((st = check_file(fd, path, sb, why, whylen)) != ST_OK) {
		(void)close(fd);
		return st;
	}
	*out = fd;
	return ST_OK;
}

/* Read what fits, and one byte more if it is there. */
static int
read_all(int fd, size_t max, char **out, size_t *len)
{
	char *p = malloc(max + 2);
	int st;

	if (p == NULL)
		return ST_NOMEM;
	st = fdio_read_full(fd, p, max + 1, len);
	if (st == ST_CLOSED)
		st = ST_OK;
	else if (st == ST_OK)
		st = ST_TOO_LARGE;
	if (st != ST_OK) {
		free(p);
		return st;
	}
	p[*len] = '\0';
	*out = p;
	return ST_OK;
}

int
ownfile_read(const char *path, size_t max, char **out, size_t *len, char *why,
    size_t whylen)
{
	struct stat sb;
	int fd, st;

	*out = NULL;
	st = open_file(path, O_RDONLY, &fd, &sb, why, whylen);
	if (st != ST_OK)
		return st;
	st = read_all(fd, max, out, len);
	if (st == ST_TOO_LARGE)
		(void)fail(st, why, whylen, "%s has more than %zu bytes", path,
		    max);
	else if (st == ST_NOMEM)
		(void)fail(st, why, whylen, "out of memory");
	else if (st != ST_OK)
		st = fail_sys(why, whylen, "cannot read", path);
	(void)close(fd);
	return st;
}

int
ownfile_append(const char *path, int *fd, char *why, size_t whylen)
{
	struct stat sb;

	return open_file(path, O_WRONLY | O_APPEND | O_CREAT, fd, &sb, why,
	    whylen);
}
