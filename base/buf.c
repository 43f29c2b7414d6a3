#include "base/buf.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* First allocation: most replies are smaller. */
#define BUF_CAP_MIN	1024

void
buf_init(struct buf *b, size_t max)
{
	memset(b, 0, sizeof(*b));
	b->max = max;
}

/* Wipe and release the memory; what was waiting is gone. */
static void
release(struct buf *b)
{
	if (b->p != NULL)
		explicit_bzero(b->p, b->cap);
	free(b->p);
	b->p = NULL;
	b->head = 0;
	b->len = 0;
	b->cap = 0;
}

void
buf_fini(struct buf *b)
{
	release(b);
}

size_t
buf_len(const struct buf *b)
{
	return b->len;
}

size_t
buf_room(const struct buf *b)
{
	return b->max - b->len;
}

/* Move everything into new memory that can hold ${need} bytes. */
static int
grow(struct buf *b, size_t need)
{
	size_t cap = b->cap < BUF_CAP_MIN ? BUF_CAP_MIN : b->cap;
	size_t len = b->len;
	uint8_t *p;

	/* Doubling, but never above the limit: that alone bounds our cost. */
	while (cap < need && cap <= b->max / 2)
		cap *= 2;
	if (cap < need || cap > b->max)
		cap = b->max;
	assert(cap >= need);

	/* Not realloc(): it would leave an unwiped copy behind. */
	if ((p = malloc(cap)) == NULL)
		return ST_NOMEM;
	if (len > 0)
		memcpy(p, b->p + b->head, len);
	release(b);
	b->p = p;
	b->len = len;
	b->cap = cap;
	return ST_OK;
}

/* Move what is waiting to the front. */
static void
compact(struct buf *b)
{
	memmove(b->p, b->p + b->head, b->len);
	explicit_bzero(b->p + b->len, b->head);
	b->head = 0;
}

int
buf_put(struct buf *b, const void *p, size_t n)
{
	int st;

	if (n > buf_room(b))
		return ST_FULL;
	if (n == 0)
		return ST_OK;
	if (n > b->cap - b->len) {
		if ((st = grow(b, b->len + n)) != ST_OK)
			return st;
	} else if (n > b->cap - b->head - b->len) {
		compact(b);
	}
	memcpy(b->p + b->head + b->len, p, n);
	b->len += n;
	return ST_OK;
}

int
buf_drain(struct buf *b, int fd)
{
	ssize_t n;

	while (b->len > 0) {
		n = send(fd, b->p + b->head, b->len,
		    MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return ST_MORE;
		/* Whatever it is, this peer can't be reached any more. */
		if (n < 0)
			return ST_CLOSED;

		explicit_bzero(b->p + b->head, (size_t)n);
		b->head += (size_t)n;
		b->len -= (size_t)n;
	}
	release(b);
	return ST_OK;
}
