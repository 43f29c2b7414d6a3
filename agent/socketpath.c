#include "agent/socketpath.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "base/users.h"

/* Characters of the host's hash and of the random part of a name. */
#define PART_LEN	10

/* One line for an errno. */
static int
fail(char *why, size_t whylen, const char *what, const char *path)
{
	(void)snprintf(why, whylen, "%s %s: %s", what, path, strerror(errno));
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

/* -T */
static int
choose_tmp(struct socketpath *out, char *why, size_t whylen)
{
	const char *tmp = getenv("TMPDIR");
	struct text t;
	int st;

	text_init(&t, out->dir, sizeof(out->dir));
	text_addf(&t, "%s/ssh-XXXXXXXXXXXX", tmp != NULL && *tmp != '\0' ?
	    tmp : "/tmp");
	if ((st = take(&t, why, whylen)) != ST_OK) {
		out->dir[0] = '\0';
		return st;
	}
	/* glibc fills in six; the other six are of no use to a guesser. */
	if (mkdtemp(out->dir) == NULL) {
		st = fail(why, whylen, "cannot make a directory like",
		    out->dir);
		out->dir[0] = '\0';
		return st;
	}
	text_init(&t, out->path, sizeof(out->path));
	text_addf(&t, "%s/agent.%ld", out->dir, (long)getpid());
	if ((st = take(&t, why, whylen)) != ST_OK)
		socketpath_fini(out);
	return st;
}

/* Ten characters that tell hosts with one home directory apart. */
static void
host_part(char out[static PART_LEN + 1])
{
	unsigned char digest[crypto_hash_sha512_BYTES];
	char host[256] = "";

	(void)gethostname(host, sizeof(host) - 1);
	(void)crypto_hash_sha512(digest, (const unsigned char *)host,
	    strlen(host));
	for (size_t i = 0; i < PART_LEN / 2; i++)
		(void)snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

/* Ten characters that nobody guesses. */
static void
random_part(char out[static PART_LEN + 1])
{
	static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789";

	for (size_t i = 0; i < PART_LEN; i++)
		out[i] = set[randombytes_uniform(sizeof(set) - 1)];
	out[PART_LEN] = '\0';
}

/* Make a directory for ourselves alone, unless it is there. */
static int
make_dir(const char *path, char *why, size_t whylen)
{
	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return fail(why, whylen, "cannot make the directory", path);
	return ST_OK;
}

/* ~/.ssh/agent/s.HOST.agent.RANDOM */
static int
choose_home(struct socketpath *out, char *why, size_t whylen)
{
	char home[USERS_HOME_MAX], host[PART_LEN + 1], rnd[PART_LEN + 1];
	const char *env = getenv("HOME");
	struct text t;
	int st;

	if (env == NULL || *env != '/') {
		if (users_home(getuid(), home) != ST_OK) {
			(void)snprintf(why, whylen, "no home directory for "
			    "the socket: set HOME, or choose a path with -a");
			return ST_NOT_FOUND;
		}
		env = home;
	}
	text_init(&t, out->path, sizeof(out->path));
	text_addf(&t, "%s/.ssh", env);
	if ((st = take(&t, why, whylen)) != ST_OK ||
	    (st = make_dir(out->path, why, whylen)) != ST_OK)
		return st;
	text_add(&t, "/agent");
	if ((st = take(&t, why, whylen)) != ST_OK ||
	    (st = make_dir(out->path, why, whylen)) != ST_OK)
		return st;
	if (chmod(out->path, 0700) != 0)
		return fail(why, whylen, "cannot set the mode of", out->path);
	host_part(host);
	random_part(rnd);
	text_addf(&t, "/s.%s.agent.%s", host, rnd);
	return take(&t, why, whylen);
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
	if (path == NULL && !service)
		return choose_home(out, why, whylen);
	text_init(&t, out->path, sizeof(out->path));
	text_add(&t, path != NULL ? path : OPTIONS_SOCKET);
	return take(&t, why, whylen);
}

void
socketpath_fini(const struct socketpath *sp)
{
	if (sp->dir[0] != '\0')
		(void)rmdir(sp->dir);
}
