#include "agent/socketpath.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <sodium.h>

#include "base/text.h"
#include "base/users.h"

/* Characters of the host's hash and of the random part of a name. */
#define PART_LEN	10
/* Random characters in the name of a directory for -T. */
#define DIR_PART_LEN	12
/* How often to look for a name that is not taken. */
#define TRIES		100

/* What names are made of. */
static const char set[] = "abcdefghijklmnopqrstuvwxyz"
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/* One line for an errno, which is kept. */
static int
fail(char *why, size_t whylen, const char *what, const char *path)
{
	int saved = errno;

	(void)snprintf(why, whylen, "%s %s: %s", what, path,
	    strerrordesc_np(saved));
	errno = saved;
	return ST_SYSTEM;
}

/* A finished path, if it fits. */
static int
take(struct text *t, char *why, size_t whylen)
{
	if (!t->full)
		return ST_OK;
	(void)snprintf(why, whylen, "the path of the socket is longer than "
	    "%d bytes: choose one with -a", UNIXSOCK_PATH_MAX - 1);
	return ST_TOO_LARGE;
}

/* Append characters that nobody guesses. */
static void
add_random(struct text *t, size_t n)
{
	while (n-- > 0)
		text_addc(t, set[randombytes_uniform(sizeof(set) - 1)]);
}

/* Append ten characters that tell hosts with one home directory apart. */
static void
add_host(struct text *t)
{
	unsigned char digest[crypto_hash_sha512_BYTES];
	char host[256] = "";

	(void)gethostname(host, sizeof(host) - 1);
	(void)crypto_hash_sha512(digest, (const unsigned char *)host,
	    strlen(host));
	for (size_t i = 0; i < PART_LEN; i++)
		text_addc(t, set[digest[i] % (sizeof(set) - 1)]);
}

/* Make a directory for ourselves alone, whatever the umask is; ST_BUSY when
 * there is something already. */
static int
make_dir(const char *path, char *why, size_t whylen)
{
	int st;

	if (mkdir(path, 0700) != 0) {
		if (errno == EEXIST)
			return ST_BUSY;
		return fail(why, whylen, "cannot make the directory", path);
	}
	if (chmod(path, 0700) != 0) {
		st = fail(why, whylen, "cannot set the mode of", path);
		(void)rmdir(path);
		return st;
	}
	return ST_OK;
}

/* -T */
static int
choose_tmp(struct socketpath *out, char *why, size_t whylen)
{
	const char *tmp = getenv("TMPDIR");
	int tries, st = ST_BUSY;
	struct text t;

	for (tries = 0; st == ST_BUSY && tries < TRIES; tries++) {
		text_init(&t, out->dir, sizeof(out->dir));
		text_addf(&t, "%s/ssh-", tmp != NULL && *tmp != '\0' ? tmp :
		    "/tmp");
		add_random(&t, DIR_PART_LEN);
		if ((st = take(&t, why, whylen)) == ST_OK)
			st = make_dir(out->dir, why, whylen);
	}
	if (st == ST_BUSY)
		st = fail(why, whylen, "cannot make the directory", out->dir);
	if (st != ST_OK) {
		out->dir[0] = '\0';
		return st;
	}
	text_init(&t, out->path, sizeof(out->path));
	text_addf(&t, "%s/agent.%ld", out->dir, (long)getpid());
	if ((st = take(&t, why, whylen)) != ST_OK)
		socketpath_fini(out);
	return st;
}

/* Begin a path with the home directory. */
static int
add_home(struct text *t, char *why, size_t whylen)
{
	const char *env = getenv("HOME");
	char home[USERS_HOME_MAX];

	if (env == NULL || *env != '/') {
		if (users_home(getuid(), home) != ST_OK) {
			(void)snprintf(why, whylen, "no home directory for "
			    "the socket: set HOME, or choose a path with -a");
			return ST_NOT_FOUND;
		}
		env = home;
	}
	text_add(t, env);
	return ST_OK;
}

/* Append a directory and make it, unless it is there. */
static int
add_dir(struct text *t, const char *name, char *why, size_t whylen)
{
	int st;

	text_add(t, name);
	if ((st = take(t, why, whylen)) != ST_OK)
		return st;
	st = make_dir(t->p, why, whylen);
	return st == ST_BUSY ? ST_OK : st;
}

/* ~/.ssh/agent/s.HOST.agent.RANDOM */
static int
choose_home(struct socketpath *out, char *why, size_t whylen)
{
	struct text t;
	int st;

	text_init(&t, out->path, sizeof(out->path));
	if ((st = add_home(&t, why, whylen)) != ST_OK ||
	    (st = add_dir(&t, "/.ssh", why, whylen)) != ST_OK ||
	    (st = add_dir(&t, "/agent", why, whylen)) != ST_OK)
		return st;
	text_add(&t, "/s.");
	add_host(&t);
	text_add(&t, ".agent.");
	add_random(&t, PART_LEN);
	return take(&t, why, whylen);
}

bool
socketpath_is_default(const struct agent_options *opts, bool service)
{
	return !service && !opts->tmp_socket && opts->socket == NULL;
}

int
socketpath_choose(const struct agent_options *opts, bool service,
    struct socketpath *out, char *why, size_t whylen)
{
	const char *path = opts->socket;
	struct text t;

	memset(out, 0, sizeof(*out));
	if (opts->tmp_socket)
		return choose_tmp(out, why, whylen);
	if (socketpath_is_default(opts, service)) {
		/* What cannot be cleaned does not stand in the way. */
		if (!opts->keep_stale)
			(void)!socketpath_clean(false, time(NULL), why,
			    whylen);
		return choose_home(out, why, whylen);
	}
	text_init(&t, out->path, sizeof(out->path));
	text_add(&t, path != NULL ? path : OPTIONS_SOCKET);
	return take(&t, why, whylen);
}

/* Whether nobody listens at the end of the path; when in doubt somebody
 * does. */
static bool
is_dead(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	size_t len = strlen(path);
	bool dead;
	int fd;

	if (len >= sizeof(sun.sun_path))
		return false;
	memcpy(sun.sun_path, path, len + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	dead = connect(fd, (const struct sockaddr *)&sun, sizeof(sun)) != 0 &&
	    errno == ECONNREFUSED;
	(void)close(fd);
	return dead;
}

/* Look at one name in the directory, and remove it if it is to go. */
static void
clean_one(DIR *dir, const char *path, const char *name, int64_t now_s)
{
	struct stat sb;

	if (fstatat(dirfd(dir), name, &sb, AT_SYMLINK_NOFOLLOW) != 0 ||
	    !S_ISSOCK(sb.st_mode) ||
	    sb.st_mtime > now_s - SOCKETPATH_STALE_S)
		return;
	if (is_dead(path))
		(void)unlinkat(dirfd(dir), name, 0);
}

int
socketpath_clean(bool any_host, int64_t now_s, char *why, size_t whylen)
{
	char path[PATH_MAX], prefix[PART_LEN + 8];
	const struct dirent *entry;
	struct text p, t;
	size_t len;
	DIR *dir;
	int st;

	text_init(&p, prefix, sizeof(prefix));
	if (!any_host) {
		text_add(&p, "s.");
		add_host(&p);
		text_addc(&p, '.');
	}
	text_init(&t, path, sizeof(path));
	if ((st = add_home(&t, why, whylen)) != ST_OK)
		return st;
	text_add(&t, "/.ssh/agent");
	if ((st = take(&t, why, whylen)) != ST_OK)
		return st;
	if ((dir = opendir(path)) == NULL) {
		if (errno == ENOENT)
			return ST_OK;
		return fail(why, whylen, "cannot read the directory", path);
	}
	text_addc(&t, '/');
	for (len = t.len; (entry = readdir(dir)) != NULL;) {
		if (strncmp(entry->d_name, prefix, p.len) != 0)
			continue;
		text_init(&t, path + len, sizeof(path) - len);
		text_add(&t, entry->d_name);
		if (!t.full)
			clean_one(dir, path, entry->d_name, now_s);
	}
	(void)closedir(dir);
	return ST_OK;
}

void
socketpath_fini(const struct socketpath *sp)
{
	if (sp->dir[0] != '\0')
		(void)rmdir(sp->dir);
}
