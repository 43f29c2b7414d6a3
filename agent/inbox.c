#include "agent/inbox.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sys/socket.h>

#include "agent/vault.h"
#include "proto/frame.h"
#include "proto/request.h"

/* Bytes of the intake, and what it shrinks to in a small vault. */
#define INTAKE_MAX	(16 * 1024)
#define INTAKE_MIN	(1 * 1024)
/* Ordinary memory for a frame under way grows from this, doubling. */
#define OWN_MIN		256

/*
 * Invariants: `rest` lies in `own`, in the intake during a turn, or is empty.
 * While it lies in `own` and holds no whole frame, it is the beginning of
 * exactly one, and no more is received than completes that one: so the kind
 * of memory that suits it can be chosen before a secret byte of it arrives.
 */

int
intake_init(struct intake *in)
{
	struct secret_usage use;

	secret_usage(vault_region(), &use);
	in->cap = use.size >= 16 * INTAKE_MAX ? INTAKE_MAX : INTAKE_MIN;
	in->used = 0;
	in->n_holders = 0;
	in->p = secret_alloc(vault_region(), in->cap);
	return in->p != NULL ? ST_OK : ST_FULL;
}

void
intake_fini(struct intake *in)
{
	secret_free(vault_region(), in->p);
	in->p = NULL;
}

/* Where a uid stands among those with a frame in the vault; n_holders when it
 * has none. */
static size_t
find_holder(const struct intake *intake, uid_t uid)
{
	size_t i;

	for (i = 0; i < intake->n_holders; i++)
		if (intake->holders[i] == uid)
			break;
	return i;
}

/* A piece of the vault for a frame of a peer, or NULL. */
static uint8_t *
hold(struct inbox *box, const struct peer *peer, struct intake *intake,
    size_t cap)
{
	uint8_t *p;

	/* One that the connection has may be replaced by a larger one. */
	if (!box->locked && (intake->n_holders == INTAKE_HOLDERS ||
	    find_holder(intake, peer->uid) < intake->n_holders))
		return NULL;
	if ((p = secret_alloc(vault_region(), cap)) == NULL)
		return NULL;
	if (!box->locked)
		intake->holders[intake->n_holders++] = peer->uid;
	box->holder = peer->uid;
	return p;
}

/* Release what a connection keeps. */
static void
release(struct inbox *box, struct intake *intake)
{
	size_t i;

	if (box->own == NULL)
		return;
	if (box->locked) {
		secret_free(vault_region(), box->own);
		i = find_holder(intake, box->holder);
		assert(i < intake->n_holders);
		intake->holders[i] = intake->holders[--intake->n_holders];
	} else {
		explicit_bzero(box->own, box->cap);
		free(box->own);
	}
	box->own = NULL;
	box->cap = 0;
	box->locked = false;
}

void
inbox_fini(struct inbox *box, struct intake *intake)
{
	release(box, intake);
	memset(box, 0, sizeof(*box));
}

/* Whether rest lies in memory of the connection's own. */
static bool
is_own(const struct inbox *box)
{
	return box->own != NULL && box->rest.len > 0 &&
	    box->rest.p >= box->own && box->rest.p < box->own + box->cap;
}

/* Move rest to fresh memory of the connection's own. */
static int
move(struct inbox *box, const struct peer *peer, struct intake *intake,
    size_t cap, bool locked)
{
	uint8_t *p;

	assert(cap >= box->rest.len);
	p = locked ? hold(box, peer, intake, cap) : malloc(cap);
	if (p == NULL)
		return locked ? ST_FULL : ST_NOMEM;
	memcpy(p, box->rest.p, box->rest.len);
	if (locked)
		vault_wipe_registers();	/* memcpy(3) leaves some there */
	if (locked && box->locked)
		secret_free(vault_region(), box->own);
	else
		release(box, intake);
	box->own = p;
	box->cap = cap;
	box->locked = locked;
	box->rest.p = p;
	return ST_OK;
}

/* Whether a frame carries a secret that the peer may not send. */
static bool
is_denied(const struct frame_peek *peek, const struct peer *peer)
{
	return peek->typed && request_has_secret(peek->type) &&
	    !dispatch_may(peer, peek->type);
}

/* Give up the frame that rest is the beginning of: what is still to come of
 * it is counted and dropped. */
static void
throw_away(struct inbox *box, const struct frame_peek *peek, bool full)
{
	size_t here = box->rest.len < peek->need ? box->rest.len : peek->need;

	box->skip = peek->need - here;
	box->rest.p += here;
	box->rest.len -= here;
	box->thrown = true;
	box->thrown_type = peek->type;
	box->thrown_full = full;
}

/* Drop bytes of a frame that is thrown away. */
static int
read_skipped(struct inbox *box, struct intake *intake, int fd)
{
	size_t want = box->skip < intake->cap ? box->skip : intake->cap;
	ssize_t n = recv(fd, intake->p, want, MSG_DONTWAIT);

	if (n > 0) {
		intake->used = (size_t)n;
		box->skip -= (size_t)n;
		return ST_OK;
	}
	return n < 0 && (errno == EAGAIN || errno == EINTR) ?
	    ST_MORE : ST_CLOSED;
}

/* Make room for the frame that rest begins, in the kind of memory that it
 * needs; a frame that cannot be kept for want of locked memory is thrown
 * away, which is answered like any other refusal. */
static int
make_room(struct inbox *box, const struct peer *peer, struct intake *intake,
    const struct frame_peek *peek)
{
	bool secret = peek->typed && request_has_secret(peek->type);
	size_t start = (size_t)(box->rest.p - box->own), cap;
	int st;

	if (secret) {
		if (box->locked && start + peek->need <= box->cap)
			return ST_OK;
		st = move(box, peer, intake, peek->need, true);
		if (st == ST_FULL) {
			throw_away(box, peek, true);
			st = ST_OK;
		}
		return st;
	}
	/* Ordinary memory is made as bytes arrive, not as they are promised. */
	if (start + box->rest.len < box->cap)
		return ST_OK;
	for (cap = OWN_MIN; cap <= box->rest.len; cap *= 2)
		continue;
	return move(box, peer, intake, cap < peek->need ? cap : peek->need,
	    false);
}

int
inbox_read(struct inbox *box, const struct peer *peer, struct intake *intake,
    int fd)
{
	struct frame_peek peek;
	uint8_t *at = intake->p;
	size_t want = intake->cap;
	ssize_t n;
	int st;

	if (box->skip > 0)
		return read_skipped(box, intake, fd);
	if (box->rest.len > 0) {
		assert(is_own(box));
		/* A broken head was found when the turn ended. */
		if ((st = frame_peek(box->rest, &peek)) != ST_OK)
			return st;
		if ((st = make_room(box, peer, intake, &peek)) != ST_OK ||
		    box->skip > 0)
			return st;
		at = box->own + (box->rest.p - box->own) + box->rest.len;
		want = peek.need - box->rest.len;
		if (want > (size_t)(box->own + box->cap - at))
			want = (size_t)(box->own + box->cap - at);
	}
	n = recv(fd, at, want, MSG_DONTWAIT);
	if (n == 0)
		return ST_CLOSED;
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? ST_MORE : ST_CLOSED;
	if (box->rest.len == 0) {
		box->rest.p = at;
		intake->used = (size_t)n;
	}
	box->rest.len += (size_t)n;
	return ST_OK;
}

int
inbox_next(struct inbox *box, const struct peer *peer, struct slice *body)
{
	struct frame_peek peek;
	int st;

	*body = (struct slice){ NULL, 0 };
	if (box->skip > 0)
		return ST_MORE;
	if (!box->thrown) {
		if ((st = frame_peek(box->rest, &peek)) != ST_OK)
			return st;
		if (!is_denied(&peek, peer))
			return frame_next(&box->rest, body);
		throw_away(box, &peek, false);
		if (box->skip > 0)
			return ST_MORE;
	}
	box->thrown = false;
	return ST_DENIED;
}

/* Look through what is to be kept, ${at} in the intake: wipe what the peer may
 * not send anyway, and say whether there is any other secret. */
static bool
has_secret(uint8_t *at, size_t len, const struct peer *peer)
{
	struct frame_peek peek;
	bool found = false;
	size_t here;

	while (frame_peek((struct slice){ at, len }, &peek) == ST_OK &&
	    peek.typed) {
		here = peek.need < len ? peek.need : len;
		if (is_denied(&peek, peer))
			explicit_bzero(at + FRAME_HEAD + 1,
			    here - FRAME_HEAD - 1);
		else if (request_has_secret(peek.type))
			found = true;
		at += here;
		len -= here;
	}
	return found;
}

/* Keep what is in the intake. */
static int
keep(struct inbox *box, const struct peer *peer, struct intake *intake)
{
	struct frame_peek peek = { .need = 0 };
	size_t cap = box->rest.len < OWN_MIN ? OWN_MIN : box->rest.len;
	bool locked = has_secret(intake->p + (box->rest.p - intake->p),
	    box->rest.len, peer);
	int st;

	/* One frame under way: room for all of it, so that it moves once. */
	if (frame_peek(box->rest, &peek) == ST_OK && locked &&
	    peek.need > box->rest.len)
		cap = peek.need;
	st = move(box, peer, intake, cap, locked);
	if (st == ST_FULL && peek.need > box->rest.len) {
		throw_away(box, &peek, true);
		st = ST_OK;
	}
	return st;
}

int
inbox_settle(struct inbox *box, const struct peer *peer,
    struct intake *intake)
{
	struct frame_peek peek;
	int st = ST_OK;

	/* The caller may have stopped just before a frame that is not kept. */
	if (frame_peek(box->rest, &peek) == ST_OK &&
	    peek.need > box->rest.len && is_denied(&peek, peer))
		throw_away(box, &peek, false);
	if (box->rest.len > 0 && !is_own(box))
		st = keep(box, peer, intake);
	if (box->rest.len == 0) {
		release(box, intake);
		box->rest.p = NULL;
	}
	explicit_bzero(intake->p, intake->used);
	intake->used = 0;
	return st;
}

bool
inbox_waiting(const struct inbox *box)
{
	struct frame_peek peek;

	if (box->skip > 0)
		return false;
	return box->thrown || frame_peek(box->rest, &peek) != ST_OK ||
	    (box->rest.len > 0 && peek.need <= box->rest.len);
}

bool
inbox_begun(const struct inbox *box)
{
	return box->skip > 0 || box->rest.len > 0;
}
