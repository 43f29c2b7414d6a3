#include "proto/wire.h"

#include <assert.h>
#include <string.h>

/*
 * Every getter works on a copy of the reader and stores it back as its last
 * step, so that an error leaves the caller's reader where it was.  Every
 * putter asks for all of its room first, so that a value is in the buffer
 * either whole or not at all.
 */

static const struct slice nothing;

struct slice
slice_str(const char *s)
{
	return (struct slice){ (const uint8_t *)s, strlen(s) };
}

bool
slice_eq(struct slice a, struct slice b)
{
	if (a.len != b.len)
		return false;
	return a.len == 0 || memcmp(a.p, b.p, a.len) == 0;
}

bool
slice_eq_str(struct slice a, const char *s)
{
	return slice_eq(a, slice_str(s));
}

/* The number in the four bytes at p. */
static uint32_t
load_u32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	    (uint32_t)p[2] << 8 | p[3];
}

/* Write v to the four bytes at p. */
static void
store_u32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

/* The number without its leading zero bytes. */
static struct slice
without_zeros(struct slice n)
{
	while (n.len > 0 && n.p[0] == 0) {
		n.p++;
		n.len--;
	}
	return n;
}

struct wire_reader
wire_reader(struct slice in)
{
	return (struct wire_reader){ .rest = in };
}

int
wire_get_u8(struct wire_reader *r, uint8_t *out)
{
	struct slice s;
	int st;

	if ((st = wire_get_bytes(r, 1, &s)) != ST_OK)
		return st;
	*out = s.p[0];
	return ST_OK;
}

int
wire_get_u32(struct wire_reader *r, uint32_t *out)
{
	struct slice s;
	int st;

	if ((st = wire_get_bytes(r, 4, &s)) != ST_OK)
		return st;
	*out = load_u32(s.p);
	return ST_OK;
}

int
wire_get_u64(struct wire_reader *r, uint64_t *out)
{
	struct slice s;
	int st;

	if ((st = wire_get_bytes(r, 8, &s)) != ST_OK)
		return st;
	*out = (uint64_t)load_u32(s.p) << 32 | load_u32(s.p + 4);
	return ST_OK;
}

int
wire_get_bytes(struct wire_reader *r, size_t n, struct slice *out)
{
	*out = nothing;
	if (n > r->rest.len)
		return ST_MALFORMED;
	*out = (struct slice){ r->rest.p, n };
	/* Even adding nothing to a null pointer is undefined. */
	if (n > 0)
		r->rest.p += n;
	r->rest.len -= n;
	return ST_OK;
}

int
wire_get_string(struct wire_reader *r, struct slice *out)
{
	struct wire_reader at = *r;
	uint32_t len;
	int st;

	*out = nothing;
	if ((st = wire_get_u32(&at, &len)) != ST_OK)
		return st;
	if ((st = wire_get_bytes(&at, len, out)) != ST_OK)
		return st;
	*r = at;
	return ST_OK;
}

int
wire_get_text(struct wire_reader *r, struct slice *out)
{
	struct wire_reader at = *r;
	struct slice s;
	int st;

	*out = nothing;
	if ((st = wire_get_string(&at, &s)) != ST_OK)
		return st;
	if (s.len > 0 && s.p[s.len - 1] == '\0')
		s.len--;
	if (s.len > 0 && memchr(s.p, '\0', s.len) != NULL)
		return ST_MALFORMED;
	*out = s;
	*r = at;
	return ST_OK;
}

int
wire_get_mpint(struct wire_reader *r, struct slice *out)
{
	struct wire_reader at = *r;
	struct slice s;
	int st;

	*out = nothing;
	if ((st = wire_get_string(&at, &s)) != ST_OK)
		return st;
	/* The top bit of the first byte is the sign. */
	if (s.len > 0 && (s.p[0] & 0x80) != 0)
		return ST_MALFORMED;
	s = without_zeros(s);
	if (s.len > WIRE_MPINT_MAX)
		return ST_TOO_LARGE;
	*out = s;
	*r = at;
	return ST_OK;
}

bool
wire_end(const struct wire_reader *r)
{
	return r->rest.len == 0;
}

struct wire_writer
wire_writer(void *p, size_t cap)
{
	return (struct wire_writer){ .p = p, .cap = cap };
}

/* Room for head bytes and then len more, or NULL; the writer moves past it. */
static uint8_t *
take_room(struct wire_writer *w, size_t head, size_t len)
{
	size_t room = w->cap - w->len;
	uint8_t *p;

	assert(w->len <= w->cap);
	if (w->full || room < head || room - head < len) {
		w->full = true;
		return NULL;
	}
	p = w->p + w->len;
	w->len += head + len;
	return p;
}

/* Copy a slice; an empty one may have a null pointer, which memcpy forbids. */
static void
copy(uint8_t *to, struct slice s)
{
	if (s.len > 0)
		memcpy(to, s.p, s.len);
}

void
wire_put_u8(struct wire_writer *w, uint8_t v)
{
	uint8_t *p = take_room(w, 1, 0);

	if (p != NULL)
		*p = v;
}

void
wire_put_u32(struct wire_writer *w, uint32_t v)
{
	uint8_t *p = take_room(w, 4, 0);

	if (p != NULL)
		store_u32(p, v);
}

void
wire_put_u64(struct wire_writer *w, uint64_t v)
{
	uint8_t *p = take_room(w, 8, 0);

	if (p == NULL)
		return;
	store_u32(p, (uint32_t)(v >> 32));
	store_u32(p + 4, (uint32_t)v);
}

void
wire_put_bytes(struct wire_writer *w, struct slice s)
{
	uint8_t *p;

	/* Nothing to put: also into a writer that has no buffer. */
	if (s.len == 0)
		return;
	p = take_room(w, 0, s.len);
	if (p != NULL)
		copy(p, s);
}

void
wire_put_string(struct wire_writer *w, struct slice s)
{
	uint8_t *p = take_room(w, 4, s.len);

	if (p == NULL)
		return;
	assert((uint64_t)s.len <= UINT32_MAX);
	store_u32(p, (uint32_t)s.len);
	copy(p + 4, s);
}

void
wire_put_str(struct wire_writer *w, const char *s)
{
	wire_put_string(w, slice_str(s));
}

void
wire_put_mpint(struct wire_writer *w, struct slice n)
{
	uint8_t *p;
	size_t sign;

	n = without_zeros(n);
	sign = n.len > 0 && (n.p[0] & 0x80) != 0;
	p = take_room(w, 4 + sign, n.len);
	if (p == NULL)
		return;
	assert((uint64_t)n.len + sign <= UINT32_MAX);
	store_u32(p, (uint32_t)(n.len + sign));
	/* A zero byte where the first would read as a sign. */
	if (sign != 0)
		p[4] = 0;
	copy(p + 4 + sign, n);
}

size_t
wire_open_string(struct wire_writer *w)
{
	wire_put_u32(w, 0);
	return w->len;
}

void
wire_close_string(struct wire_writer *w, size_t mark)
{
	size_t len;

	/* A full writer may lack the length itself. */
	if (w->full)
		return;
	assert(mark >= 4 && mark <= w->len);
	len = w->len - mark;
	assert((uint64_t)len <= UINT32_MAX);
	store_u32(w->p + mark - 4, (uint32_t)len);
}

int
wire_done(const struct wire_writer *w, struct slice *out)
{
	*out = nothing;
	if (w->full)
		return ST_TOO_LARGE;
	*out = (struct slice){ w->p, w->len };
	return ST_OK;
}
