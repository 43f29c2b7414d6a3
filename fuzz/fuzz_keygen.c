/*
 * Reaches: keygen_parse, credentials_fd, credentials_file,
 *          proxyurl_credentials: files of a user's that the forwarder reads.
 * Claims:  a path that was found is absolute, fits a socket's address, has no
 *          control bytes, and is found again where it stands in quotes; what
 *          is wrong is told of in one line that is safe to print; user and
 *          password are within their limits and those of the first line,
 *          whatever follows; no message has the password.
 * Input:   which file, then its text.
 */

#include <sys/mman.h>
#include <sys/stat.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "forwarder/credentials.h"
#include "forwarder/keygen.h"
#include "fuzz/fuzz.h"
#include "fuzz/printable.h"

static int file_fd = -1;

int LLVMFuzzerInitialize(int *argc, char ***argv);

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	if ((file_fd = memfd_create("file", MFD_CLOEXEC)) < 0)
		abort();
	return 0;
}

/* The same path in single quotes is the same. */
static void
check_path(const char path[static UNIXSOCK_PATH_MAX])
{
	char line[UNIXSOCK_PATH_MAX + 64], again[UNIXSOCK_PATH_MAX], why[512];
	int n, st;

	assert(path[0] == '/' && strlen(path) < UNIXSOCK_PATH_MAX);
	for (const char *p = path; *p != '\0'; p++)
		assert((uint8_t)*p >= 0x20 && *p != 0x7f);
	if (strchr(path, '\'') != NULL)
		return;
	n = snprintf(line, sizeof(line), "A=b\nexport SSH_AUTH_SOCK='%s'; "
	    "export SSH_AUTH_SOCK;\n", path);
	st = keygen_parse(line, (size_t)n, again, why, sizeof(why));
	assert(st == ST_OK && strcmp(again, path) == 0);
	(void)st;
}

static void
run_keygen(struct slice in)
{
	char out[UNIXSOCK_PATH_MAX], why[1024] = "";
	char *copy = (char *)fuzz_alloc(in.len);
	int st;

	if (in.len > 0)
		memcpy(copy, in.p, in.len);
	st = keygen_parse(copy, in.len, out, why, sizeof(why));
	free(copy);
	assert(st == ST_OK || st == ST_NOT_FOUND || st == ST_MALFORMED ||
	    st == ST_TOO_LARGE);
	if (st == ST_OK) {
		check_path(out);
		return;
	}
	assert(out[0] == '\0');
	fuzz_printable(why, sizeof(why));
	assert(st == ST_NOT_FOUND || strncmp(why, "line ", 5) == 0);
}

/* Of the first line, and nothing that follows it. */
static void
check_credentials(const struct credentials *c, struct slice in)
{
	const uint8_t *nl = memchr(in.p, '\n', in.len);
	size_t len = nl != NULL ? (size_t)(nl - in.p) : in.len;

	assert(c->given && c->user_len <= PROXY_USER_MAX &&
	    c->password_len <= PROXY_PASSWORD_MAX);
	assert(c->user_len + 1 + c->password_len <= len);
	assert(memcmp(c->user, in.p, c->user_len) == 0);
	assert(in.p[c->user_len] == ':');
	assert(memcmp(c->password, in.p + c->user_len + 1,
	    c->password_len) == 0);
}

static void
run_credentials(struct slice in, bool by_name)
{
	static struct credentials c;
	char path[64], why[512] = "";
	int fd, st;

	if (ftruncate(file_fd, 0) != 0 || (in.len > 0 &&
	    pwrite(file_fd, in.p, in.len, 0) != (ssize_t)in.len) ||
	    lseek(file_fd, 0, SEEK_SET) != 0 || fchmod(file_fd, 0600) != 0)
		abort();
	if (by_name) {
		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", file_fd);
		st = credentials_file(path, &c, why, sizeof(why));
	} else {
		if ((fd = dup(file_fd)) < 0)
			abort();
		st = credentials_fd(fd, 0, &c, why, sizeof(why));
	}
	assert(st == ST_OK || st == ST_MALFORMED);
	if (st == ST_OK) {
		check_credentials(&c, in);
	} else {
		assert(why[0] != '\0');
		fuzz_printable(why, sizeof(why));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in;

	if (size == 0)
		return 0;
	in = (struct slice){ data + 1, size - 1 };
	if (data[0] % 3 == 0)
		run_keygen(in);
	else
		run_credentials(in, data[0] % 3 == 1);
	return 0;
}
