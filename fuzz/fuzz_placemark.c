/*
 * Reaches: placemark.c, with placepipe_is_path, placeswap_is_tmp,
 *          placeclean_is_load.
 * Claims:  a broken file is told of in one line; of a good one every path leads
 *          below the home, every name beside it is one of ours, and the first
 *          is the link of the load; it is written as the very bytes it was read
 *          from.
 * Input:   the bytes of the file.
 */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "forwarder/placemark.h"
#include "fuzz/fuzz.h"
#include "fuzz/printable.h"

/* Of the load "web". */
#define ENTRY	".web.abcdef"

/* In place of writing a file. */
int __wrap_placeswap_fill(int fd, const struct slice *parts, size_t n,
    mode_t mode);

static char dir[] = "/tmp/fuzz-placemark.XXXXXX";
static int dir_fd = -1, file_fd = -1;
static struct slice input;
static bool written;

int LLVMFuzzerInitialize(int *argc, char ***argv);

int
__wrap_placeswap_fill(int fd, const struct slice *parts, size_t n, mode_t mode)
{
	assert(n == 1 && mode == 0600);
	assert(slice_eq(parts[0], input));
	written = true;
	(void)close(fd);
	return ST_OK;
}

static void
tidy(void)
{
	placemark_drop(dir_fd);
	(void)rmdir(dir);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	if (mkdtemp(dir) == NULL ||
	    (dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0 ||
	    (file_fd = openat(dir_fd, PLACEMARK_KEEP, O_RDWR | O_CREAT |
	    O_EXCL | O_CLOEXEC, 0600)) < 0) {
		perror(dir);
		exit(1);
	}
	(void)atexit(tidy);
	return 0;
}

static void
check_swap(const struct placeswap *s)
{
	const char *name = strrchr(s->path, '/');

	assert(fuzz_stays_below(slice_str(s->path)));
	assert(strcmp(s->name, name != NULL ? name + 1 : s->path) == 0);
	assert(strncmp(s->tmp, PLACESWAP_PREFIX, strlen(PLACESWAP_PREFIX)) ==
	    0 && strchr(s->tmp, '/') == NULL);
	assert(strncmp(s->spare, PLACESWAP_PREFIX, strlen(PLACESWAP_PREFIX)) ==
	    0 && strchr(s->spare, '/') == NULL);
	assert(s->after.there);
}

/* Write what was read. */
static void
rewrite(struct placehome *h, const struct placemark *m)
{
	int st;

	h->made_ssh = m->made_ssh;
	h->made_dir = m->made_dir;
	memcpy(h->socket, m->socket, sizeof(h->socket));
	memcpy(h->earlier, m->earlier, sizeof(h->earlier));
	h->link = m->swap[0];
	h->swap = &m->swap[1];
	h->n = m->n - 1;
	h->load_fd = dir_fd;
	written = false;
	st = placemark_write(h);
	assert(st == ST_OK && written);
	(void)unlinkat(dir_fd, PLACEMARK_UNDO, 0);
	(void)st;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct placehome h;
	struct placemark m;
	int st;

	input = (struct slice){ data, size };
	if (ftruncate(file_fd, 0) != 0 ||
	    (size > 0 && pwrite(file_fd, data, size, 0) != (ssize_t)size))
		abort();
	placehome_init(&h);
	(void)strcpy(h.home, "/home");
	(void)strcpy(h.name, "web");
	st = placemark_read(&h, dir_fd, ENTRY, PLACEMARK_KEEP, &m);
	assert(st == ST_OK || st == ST_UNTRUSTED);
	if (st != ST_OK) {
		assert(h.why[0] != '\0' && m.swap == NULL);
		fuzz_printable(h.why, sizeof(h.why));
		return 0;
	}
	assert(m.n > 0);
	assert(strcmp(m.swap[0].path, PLACEHOME_DIR "/web") == 0);
	for (size_t i = 0; i < m.n; i++)
		check_swap(&m.swap[i]);
	rewrite(&h, &m);
	placemark_fini(&m);
	placemark_fini(&m);
	return 0;
}
