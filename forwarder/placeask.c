#include "forwarder/placeask.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "base/unixsock.h"
#include "proto/agent_num.h"
#include "proto/frame.h"
#include "proto/reply.h"
#include "proto/request.h"

struct ask {
	const struct slice	*key;
	size_t			 n;
	bool			*seen;		/* each of them */
	uint8_t			*buf;		/* of one frame */
	char			*base64;	/* of one key */
	int64_t			 deadline;
};

/* Room for any key that a frame can hold. */
#define BASE64_MAX	(FRAME_BODY_MAX / 3 * 4 + 8)

static bool
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Take one word off. */
static struct slice
take_word(struct slice *in)
{
	struct slice word;

	while (in->len > 0 && is_blank(*in->p)) {
		in->p++;
		in->len--;
	}
	word = (struct slice){ in->p, 0 };
	while (word.len < in->len && !is_blank(in->p[word.len]))
		word.len++;
	in->p += word.len;
	in->len -= word.len;
	return word;
}

struct slice
placeask_key(struct slice text)
{
	if (text.len == 0)
		return text;
	(void)take_word(&text);
	return take_word(&text);
}

/* A connection that never waits. */
static int
dial(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	size_t len = strlen(path);
	int fd;

	if (len == 0 || len >= sizeof(sun.sun_path))
		return -1;
	memcpy(sun.sun_path, path, len + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&sun,
	    sizeof(sun)) != 0) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

/* Read ${n} bytes, as long as there is time. */
static bool
take(const struct ask *a, int fd, uint8_t *p, size_t n)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	int64_t left;
	ssize_t got;

	while (n > 0) {
		if ((left = a->deadline - clock_ms()) <= 0)
			return false;
		(void)poll(&wait, 1, (int)left);
		got = recv(fd, p, n, 0);
		if (got < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (got <= 0)
			return false;
		p += got;
		n -= (size_t)got;
	}
	return true;
}

/* The list of what it has, as the body of a reply. */
static bool
get_list(const struct ask *a, int fd, struct slice *body)
{
	const struct request list = { .type = SSH_AGENTC_REQUEST_IDENTITIES };
	struct wire_writer w = wire_writer(a->buf, FRAME_MAX);
	size_t mark = frame_open(&w);
	struct frame_peek peek;
	struct slice out;

	request_encode(&w, &list);
	frame_close(&w, mark);
	if (wire_done(&w, &out) != ST_OK ||
	    send(fd, out.p, out.len, MSG_NOSIGNAL) != (ssize_t)out.len ||
	    !take(a, fd, a->buf, FRAME_HEAD + 1))
		return false;
	out = (struct slice){ a->buf, FRAME_HEAD + 1 };
	if (frame_peek(out, &peek) != ST_OK ||
	    !take(a, fd, a->buf + out.len, peek.need - out.len))
		return false;
	out.len = peek.need;
	return frame_next(&out, body) == ST_OK;
}

/* One key that it has. */
static void
see(struct ask *a, struct slice blob)
{
	struct text t;
	size_t i;

	text_init(&t, a->base64, BASE64_MAX);
	text_base64(&t, blob.p, blob.len, true);
	for (i = 0; i < a->n; i++)
		if (slice_eq_str(a->key[i], a->base64))
			a->seen[i] = true;
}

/* Whether it lists all of them. */
static bool
has_all(struct ask *a, struct slice body)
{
	struct slice blob, comment;
	struct wire_reader r;
	struct reply reply;
	uint32_t n;
	size_t i;

	memset(a->seen, 0, a->n * sizeof(*a->seen));
	if (reply_decode(body, &reply) != ST_OK ||
	    reply.type != SSH_AGENT_IDENTITIES_ANSWER)
		return false;
	r = wire_reader(reply.rest);
	if (wire_get_u32(&r, &n) != ST_OK)
		return false;
	for (; n > 0; n--) {
		if (wire_get_string(&r, &blob) != ST_OK ||
		    wire_get_string(&r, &comment) != ST_OK)
			return false;
		see(a, blob);
	}
	for (i = 0; i < a->n; i++)
		if (!a->seen[i])
			return false;
	return true;
}

/* Ask once. */
static bool
ask(struct ask *a, const char *path)
{
	struct slice body;
	bool has = false;
	int fd;

	if ((fd = dial(path)) < 0)
		return false;
	has = get_list(a, fd, &body) && has_all(a, body);
	(void)close(fd);
	return has;
}

bool
placeask_has(const char *socket, const struct slice *keys, size_t n)
{
	struct ask a = { .key = keys, .n = n,
		.deadline = clock_ms() + PLACEASK_MS };
	bool has = false;

	if (n == 0)
		return false;
	a.seen = calloc(n, sizeof(*a.seen));
	a.buf = malloc(FRAME_MAX);
	a.base64 = malloc(BASE64_MAX);
	if (a.seen != NULL && a.buf != NULL && a.base64 != NULL)
		while (!(has = ask(&a, socket)) &&
		    clock_ms() + PLACEASK_RETRY_MS < a.deadline)
			(void)poll(NULL, 0, PLACEASK_RETRY_MS);
	free(a.seen);
	free(a.buf);
	free(a.base64);
	return has;
}
