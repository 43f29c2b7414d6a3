#include "provision/channel.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

/* Read at once. */
#define READ_SIZE	(16 * 1024)

int
channel_start(struct channel *c, struct child_spec *spec, char *why,
    size_t whylen)
{
	int st;

	*c = (struct channel){ 0 };
	spec->in = CHILD_PIPE;
	spec->out = CHILD_PIPE;
	spec->err = CHILD_KEEP;
	spec->err_max = CHANNEL_KEPT_MAX;
	spec->time_ms = 0;
	if ((st = child_start(&c->child, spec, why, whylen)) == ST_OK)
		c->started = true;
	return st;
}

int
channel_send(struct channel *c, struct slice bytes)
{
	uint8_t *more;
	size_t cap;

	if (c->out_at > 0) {
		memmove(c->out, c->out + c->out_at, c->out_len - c->out_at);
		c->out_len -= c->out_at;
		c->out_at = 0;
	}
	if (bytes.len > c->out_cap - c->out_len) {
		cap = 2 * c->out_cap + bytes.len;
		if ((more = realloc(c->out, cap)) == NULL)
			return ST_NOMEM;
		c->out = more;
		c->out_cap = cap;
	}
	if (bytes.len > 0)
		memcpy(c->out + c->out_len, bytes.p, bytes.len);
	c->out_len += bytes.len;
	return ST_OK;
}

void
channel_patience(struct channel *c, int64_t ms)
{
	c->deadline_ms = ms == 0 ? 0 : clock_ms() + ms;
}

bool
channel_is_idle(const struct channel *c)
{
	return c->out_at == c->out_len;
}

size_t
channel_left(const struct channel *c)
{
	return c->out_len - c->out_at;
}

void
channel_hang_up(struct channel *c)
{
	c->close_after = true;
	if (c->started && c->out_at == c->out_len)
		child_close_in(&c->child);
}

void
channel_cut(struct channel *c)
{
	c->out_at = c->out_len;
	channel_hang_up(c);
}

void
channel_fds(const struct channel *c, struct pollfd fds[static CHILD_FDS])
{
	if (!c->started || c->ended) {
		for (size_t i = 0; i < CHILD_FDS; i++)
			fds[i] = (struct pollfd){ .fd = -1 };
		return;
	}
	child_fds(&c->child, fds);
	if (c->out_at < c->out_len)
		fds[0].events = POLLOUT;
	fds[1].events = POLLIN;
}

int
channel_wait_ms(const struct channel *c)
{
	int64_t left;
	int ms;

	if (!c->started || c->ended)
		return CHILD_TICK_MS;
	ms = child_wait_ms(&c->child);
	if (c->deadline_ms == 0)
		return ms;
	left = c->deadline_ms - clock_ms();
	return left < 0 ? 0 : left < ms ? (int)left : ms;
}

/* Write what it takes.  One that does not read any more says why itself, or by
 * how it ends. */
static int
write_some(struct channel *c)
{
	size_t done;
	int st;

	if (c->out_at < c->out_len) {
		st = child_write(&c->child, c->out + c->out_at,
		    c->out_len - c->out_at, &done);
		c->out_at += done;
		if (st == ST_CLOSED)
			c->out_at = c->out_len;
		else if (st != ST_OK && st != ST_MORE)
			return st;
	}
	if (c->close_after && c->out_at == c->out_len)
		child_close_in(&c->child);
	return ST_OK;
}

/* A line is whole. */
static void
end_line(struct channel *c, const char *mark, channel_line each, void *arg)
{
	size_t len = c->line_len, n = strlen(mark);

	c->line_len = 0;
	if (c->too_long) {
		c->too_long = false;
		return;
	}
	if (len > 0 && c->line[len - 1] == '\r')
		len--;
	if (len >= n && memcmp(c->line, mark, n) == 0)
		each((struct slice){ (const uint8_t *)c->line, len }, arg);
}

static void
take(struct channel *c, const char *p, size_t n, const char *mark,
    channel_line each, void *arg)
{
	size_t keep = CHANNEL_KEPT_MAX - c->kept_len;

	keep = n < keep ? n : keep;
	memcpy(c->kept + c->kept_len, p, keep);
	c->kept_len += keep;
	for (size_t i = 0; i < n; i++) {
		if (p[i] == '\n')
			end_line(c, mark, each, arg);
		else if (c->line_len < sizeof(c->line))
			c->line[c->line_len++] = p[i];
		else
			c->too_long = true;
	}
}

/* Read what there is; ST_CLOSED at the end of it. */
static int
read_some(struct channel *c, const char *mark, channel_line each, void *arg)
{
	char buf[READ_SIZE];
	size_t got;
	int st;

	while ((st = child_read(&c->child, buf, sizeof(buf), &got)) == ST_OK) {
		c->read += got;
		if (c->read > CHANNEL_READ_MAX)
			return ST_TOO_LARGE;
		take(c, buf, got, mark, each, arg);
	}
	return st;
}

/* End it, and say with what. */
static int
end(struct channel *c, int st)
{
	child_kill(&c->child);
	c->ended = true;
	return st;
}

int
channel_turn(struct channel *c, const struct pollfd *fds, const char *mark,
    channel_line each, void *arg)
{
	int st, run;

	if (!c->started || c->ended)
		return ST_OK;
	/* A pipe that nobody reads any more is ready for ever. */
	if ((fds[0].revents & (POLLERR | POLLHUP)) != 0)
		child_close_in(&c->child);
	if ((st = write_some(c)) != ST_OK)
		return end(c, st);
	run = child_turn(&c->child, fds);
	if (run != ST_OK && run != ST_MORE)
		return end(c, run);
	st = read_some(c, mark, each, arg);
	if (st != ST_MORE && st != ST_CLOSED)
		return end(c, st);
	if (run == ST_OK) {
		/* What it had written by its end has been read. */
		if (c->line_len > 0)
			end_line(c, mark, each, arg);
		c->ended = true;
		return ST_OK;
	}
	/* What was said just now may have called for an answer. */
	if ((st = write_some(c)) != ST_OK)
		return end(c, st);
	if (c->deadline_ms != 0 && clock_ms() >= c->deadline_ms)
		return end(c, ST_BUSY);
	return ST_MORE;
}

struct slice
channel_kept(const struct channel *c)
{
	return (struct slice){ (const uint8_t *)c->kept, c->kept_len };
}

struct slice
channel_said(const struct channel *c)
{
	return (struct slice){ (const uint8_t *)c->child.err_text.p,
		c->child.err_text.len };
}

void
channel_fini(struct channel *c)
{
	if (c->started)
		child_fini(&c->child);
	free(c->out);
	*c = (struct channel){ 0 };
}
