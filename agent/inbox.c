#include "agent/inbox.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sys/socket.h>

#include "agent/vault.h"
#include "base/bare.h"
#include "proto/frame.h"
#include "proto/request.h"
#include "proto/secretpart.h"

/* Bytes of the intake, and what it shrinks to in a small vault. */
#define INTAKE_MAX	(16 * 1024)
#define INTAKE_MIN	(1 * 1024)
/* Ordinary memory for a frame under way grows from this, doubling. */
#define OWN_MIN		256

/*
 * Invariants: `rest` lies in `own`, in the intake during a turn, or is empty.
 * While it lies in `own` and holds no whole frame, it is the beginning of
 * exactly one, and no more is received than completes that one, or its secret
 * part: so the kind of memory that suits it can be chosen before a secret byte
 * of it arrives.
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

/* Whether a peer may have one frame more in the vault. */
static bool
may_hold(const struct intake *intake, uid_t uid)
{
	size_t n = intake->n_holders, kept;

	if (find_holder(intake, uid) < n)
		return false;
	/* A place is kept for root, as long as it has none. */
	kept = uid != 0 && find_holder(intake, 0) == n;
	return n + kept < INTAKE_HOLDERS;
}

/* A piece of the vault for a frame of a peer, or NULL. */
static uint8_t *
hold(struct inbox *box, const struct peer *peer, struct intake *intake,
    size_t cap)
{
	uint8_t *p;

	/* One that the connection has may be replaced by a larger one. */
	if (!box->locked && !may_hold(intake, peer->uid))
		return NULL;
	if ((p = secret_alloc(vault_region(), cap)) == NULL)
		return NULL;
	if (!box->locked)
		intake->holders[intake->n_holders++] = peer->uid;
	box->holder = peer->uid;
	return p;
}

/* Release the piece that rest was kept in. */
static void
release_own(struct inbox *box, struct intake *intake)
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

/* Release all that a connection keeps. */
static void
release(struct inbox *box, struct intake *intake)
{
	release_own(box, intake);
	free(box->tail);
	box->tail = NULL;
	box->tail_len = box->tail_cap = 0;
	box->split = false;
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
		release_own(box, intake);
	box->own = p;
	box->cap = cap;
	box->locked = locked;
	box->rest.p = p;
	return ST_OK;
}

/* Why a frame with a secret is not for us to keep; NONE where it is, and for
 * all other frames. */
static enum reason
why_not(const struct inbox *box, const struct frame_peek *peek,
    const struct peer *peer)
{
	if (!peek->typed || !request_has_secret(peek->type))
		return REASON_NONE;
	if (box->foreign)
		return REASON_PASSED_DESCRIPTOR;
	if (!dispatch_may(peer, peek->type))
		return REASON_POLICY;
	return box->wiped ? REASON_LIMIT_INTAKE : REASON_NONE;
}

/* What is there of the frame that rest begins with, in both its places. */
static size_t
arrived(const struct inbox *box)
{
	return box->rest.len + box->tail_len;
}

/* Give up the frame that rest is the beginning of: what is still to come of
 * it is counted and dropped. */
static void
throw_away(struct inbox *box, const struct frame_peek *peek, enum reason why)
{
	size_t here = box->rest.len < peek->need ? box->rest.len : peek->need;

	box->skip = peek->need - here - box->tail_len;
	box->rest.p += here;
	box->rest.len -= here;
	box->tail_len = 0;
	box->split = false;
	box->thrown = why;
	box->thrown_type = peek->type;
}

/* Note that bytes came from somebody else. */
static void
set_foreign(struct inbox *box, uid_t sender)
{
	if (!box->foreign)
		box->sender = sender;
	box->foreign = true;
}

/* recv(2), and a look at who has sent it.  A descriptor that is sent along
 * finds no room beside the sender and is closed by the kernel. */
static ssize_t
receive(struct inbox *box, const struct peer *peer, const struct intake *intake,
    int fd, void *p, size_t len)
{
	_Alignas(struct cmsghdr) char room[CMSG_SPACE(sizeof(struct ucred))];
	struct iovec iov = { p, len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = room, .msg_controllen = sizeof(room) };
	struct cmsghdr *head;
	struct ucred sender;
	ssize_t n;

	if (!intake->senders)
		return recv(fd, p, len, MSG_DONTWAIT);
	n = bare_recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	box->laden = n > 0 && (msg.msg_flags & MSG_CTRUNC) != 0;
	head = n > 0 ? CMSG_FIRSTHDR(&msg) : NULL;
	if (n <= 0)
		return n;
	/* Nobody known is as bad as somebody else. */
	if (head == NULL || head->cmsg_level != SOL_SOCKET ||
	    head->cmsg_type != SCM_CREDENTIALS) {
		set_foreign(box, (uid_t)-1);
		return n;
	}
	memcpy(&sender, CMSG_DATA(head), sizeof(sender));
	if (sender.uid != peer->uid && sender.uid != 0)
		set_foreign(box, sender.uid);
	return n;
}

/* Drop bytes of a frame that is thrown away. */
static int
read_skipped(struct inbox *box, const struct peer *peer, struct intake *intake,
    int fd)
{
	size_t want = box->skip < intake->cap ? box->skip : intake->cap;
	ssize_t n = receive(box, peer, intake, fd, intake->p, want);

	if (n > 0) {
		intake->used = (size_t)n;
		box->skip -= (size_t)n;
		return ST_OK;
	}
	return n < 0 && (errno == EAGAIN || errno == EINTR) ?
	    ST_MORE : ST_CLOSED;
}

/* Room for n bytes more in the tail, of a frame of need bytes. */
static int
grow_tail(struct inbox *box, size_t n, size_t need)
{
	size_t cap = box->tail_cap > 0 ? box->tail_cap : OWN_MIN;
	uint8_t *p;

	if (box->tail_len + n <= box->tail_cap)
		return ST_OK;
	while (cap < box->tail_len + n)
		cap *= 2;
	if (cap > need)
		cap = need;
	if ((p = realloc(box->tail, cap)) == NULL)
		return ST_NOMEM;
	box->tail = p;
	box->tail_cap = cap;
	return ST_OK;
}

/* Look at a frame with a secret: where the secret part is complete, have what
 * follows it in the tail; else want is how many bytes of the frame there must
 * be to go on. */
static int
divide(struct inbox *box, const struct frame_peek *peek, size_t *want)
{
	struct slice body = { box->rest.p + FRAME_HEAD,
		box->rest.len - FRAME_HEAD };
	size_t need, extra;
	int st;

	st = secretpart_measure(body, peek->need - FRAME_HEAD, &need);
	*want = need + FRAME_HEAD;
	if (st != ST_OK)
		return st;
	extra = box->rest.len - *want;
	if (extra > 0) {
		if ((st = grow_tail(box, extra, peek->need)) != ST_OK)
			return st;
		memcpy(box->tail, box->rest.p + *want, extra);
		box->tail_len = extra;
		box->rest.len -= extra;
	}
	box->split = true;
	return ST_OK;
}

/* Where the next bytes of a frame go, and how many. */
struct space {
	uint8_t	*at;
	size_t	 len;
};

/* Room for a frame with a secret; one that cannot be kept for want of locked
 * memory is thrown away, which is answered like any other refusal. */
static int
room_secret(struct inbox *box, const struct peer *peer, struct intake *intake,
    const struct frame_peek *peek, struct space *out)
{
	size_t start = (size_t)(box->rest.p - box->own), want, left;
	int st = ST_OK;

	if (!box->split)
		st = divide(box, peek, &want);
	if (st == ST_MALFORMED) {
		throw_away(box, peek, REASON_BROKEN);
		return ST_OK;
	}
	if (st == ST_OK) {
		left = peek->need - arrived(box);
		if ((st = grow_tail(box, 1, peek->need)) != ST_OK)
			return st;
		out->at = box->tail + box->tail_len;
		out->len = box->tail_cap - box->tail_len;
		if (out->len > left)
			out->len = left;
		return ST_OK;
	}
	if (st != ST_MORE)
		return st;
	if (!box->locked || start + want > box->cap) {
		st = move(box, peer, intake, want, true);
		if (st == ST_FULL) {
			throw_away(box, peek, REASON_LIMIT_INTAKE);
			return ST_OK;
		}
		if (st != ST_OK)
			return st;
	}
	out->at = box->own + (box->rest.p - box->own) + box->rest.len;
	out->len = want - box->rest.len;
	return ST_OK;
}

/* Room for any other frame: made as bytes arrive, not as they are promised. */
static int
room_plain(struct inbox *box, const struct peer *peer, struct intake *intake,
    const struct frame_peek *peek, struct space *out)
{
	size_t start = (size_t)(box->rest.p - box->own), cap;
	int st;

	/* What has no secret does not stay in the vault either. */
	if (box->locked || start + box->rest.len >= box->cap) {
		for (cap = OWN_MIN; cap <= box->rest.len; cap *= 2)
			continue;
		if ((st = move(box, peer, intake, cap < peek->need ? cap :
		    peek->need, false)) != ST_OK)
			return st;
	}
	out->at = box->own + (box->rest.p - box->own) + box->rest.len;
	out->len = peek->need - box->rest.len;
	if (out->len > (size_t)(box->own + box->cap - out->at))
		out->len = (size_t)(box->own + box->cap - out->at);
	return ST_OK;
}

int
inbox_read(struct inbox *box, const struct peer *peer, struct intake *intake,
    int fd, size_t most)
{
	struct space to = { intake->p, intake->cap };
	struct frame_peek peek;
	ssize_t n;
	int st;

	box->laden = false;
	if (box->skip > 0)
		return read_skipped(box, peer, intake, fd);
	if (box->rest.len > 0) {
		assert(is_own(box));
		/* A broken head was found when the turn ended. */
		if ((st = frame_peek(box->rest, &peek)) != ST_OK)
			return st;
		if ((st = peek.typed && request_has_secret(peek.type) ?
		    room_secret(box, peer, intake, &peek, &to) :
		    room_plain(box, peer, intake, &peek, &to)) != ST_OK ||
		    box->skip > 0)
			return st;
	}
	n = receive(box, peer, intake, fd, to.at,
	    to.len < most ? to.len : most);
	if (n == 0)
		return ST_CLOSED;
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ?
		    ST_MORE : ST_CLOSED;
	if (box->split) {
		box->tail_len += (size_t)n;
		return ST_OK;
	}
	if (box->rest.len == 0) {
		box->rest.p = to.at;
		intake->used = (size_t)n;
	}
	box->rest.len += (size_t)n;
	return ST_OK;
}

/* Take the frame that lies in two places, when it is complete. */
static int
next_split(struct inbox *box, struct inbox_item *out)
{
	struct frame_peek peek;
	int st;

	if ((st = frame_peek(box->rest, &peek)) != ST_OK)
		return st;
	if (arrived(box) < peek.need)
		return ST_MORE;
	out->body = (struct slice){ box->rest.p + FRAME_HEAD,
		box->rest.len - FRAME_HEAD };
	out->tail = (struct slice){ box->tail, box->tail_len };
	box->rest.p += box->rest.len;
	box->rest.len = 0;
	box->tail_len = 0;
	box->split = false;
	return ST_OK;
}

int
inbox_next(struct inbox *box, const struct peer *peer, struct inbox_item *out)
{
	struct frame_peek peek;
	enum reason why;
	int st;

	memset(out, 0, sizeof(*out));
	if (box->skip > 0)
		return ST_MORE;
	if (box->split)
		return next_split(box, out);
	if (box->thrown == REASON_NONE) {
		if ((st = frame_peek(box->rest, &peek)) != ST_OK)
			return st;
		if ((why = why_not(box, &peek, peer)) == REASON_NONE)
			return frame_next(&box->rest, &out->body);
		throw_away(box, &peek, why);
		if (box->skip > 0)
			return ST_MORE;
	}
	out->thrown = box->thrown;
	out->thrown_type = box->thrown_type;
	box->thrown = REASON_NONE;
	return ST_DENIED;
}

/* Look through what is to be kept: wipe the secrets that are not for us to
 * keep, and say whether there is any other. */
static bool
has_secret(const struct inbox *box, const struct peer *peer,
    const struct intake *intake)
{
	uint8_t *at = intake->p + (box->rest.p - intake->p);
	size_t len = box->rest.len;
	struct frame_peek peek;
	bool found = false;
	size_t here;

	while (frame_peek((struct slice){ at, len }, &peek) == ST_OK &&
	    peek.typed) {
		here = peek.need < len ? peek.need : len;
		if (why_not(box, &peek, peer) != REASON_NONE)
			explicit_bzero(at + FRAME_HEAD + 1,
			    here - FRAME_HEAD - 1);
		else if (request_has_secret(peek.type))
			found = true;
		at += here;
		len -= here;
	}
	return found;
}

/* Keep one frame with a secret, which is incomplete: of its secret part all
 * that is known, so that it moves once as a rule. */
static int
keep_secret(struct inbox *box, const struct peer *peer, struct intake *intake,
    const struct frame_peek *peek)
{
	size_t want;
	int st;

	st = divide(box, peek, &want);
	if (st == ST_MALFORMED) {
		throw_away(box, peek, REASON_BROKEN);
		return ST_OK;
	}
	if (st != ST_OK && st != ST_MORE)
		return st;
	st = move(box, peer, intake, want, true);
	if (st == ST_FULL) {
		throw_away(box, peek, REASON_LIMIT_INTAKE);
		st = ST_OK;
	}
	return st;
}

/* Keep what is in the intake. */
static int
keep(struct inbox *box, const struct peer *peer, struct intake *intake)
{
	struct frame_peek peek;
	size_t cap = box->rest.len < OWN_MIN ? OWN_MIN : box->rest.len;
	bool locked = has_secret(box, peer, intake);
	int st;

	if (locked && frame_peek(box->rest, &peek) == ST_OK &&
	    peek.need > box->rest.len)
		return keep_secret(box, peer, intake, &peek);
	st = move(box, peer, intake, cap, locked);
	if (st == ST_FULL) {
		/* Then without the secrets: each of these frames is refused
		 * in its turn, and those between them are served. */
		box->wiped = true;
		locked = has_secret(box, peer, intake);
		assert(!locked);
		st = move(box, peer, intake, cap, locked);
	}
	return st;
}

/* Whether anything that is kept has a secret, or may turn out to have one. */
static bool
needs_vault(const struct inbox *box)
{
	struct slice rest = box->rest;
	struct frame_peek peek;

	if (box->split)
		return true;
	while (frame_peek(rest, &peek) == ST_OK && peek.typed) {
		if (request_has_secret(peek.type))
			return true;
		if (peek.need >= rest.len)
			return false;
		rest.p += peek.need;
		rest.len -= peek.need;
	}
	return false;
}

/* What waited with a secret was served, and what came behind it has none: its
 * place is for another one of this uid. */
static int
leave_vault(struct inbox *box, const struct peer *peer, struct intake *intake)
{
	if (!box->locked || box->rest.len == 0 || needs_vault(box))
		return ST_OK;
	return move(box, peer, intake, box->rest.len < OWN_MIN ? OWN_MIN :
	    box->rest.len, false);
}

int
inbox_settle(struct inbox *box, const struct peer *peer,
    struct intake *intake)
{
	struct frame_peek peek;
	enum reason why;
	int st = ST_OK;

	/* The caller may have stopped just before a frame that is not kept. */
	if (frame_peek(box->rest, &peek) == ST_OK &&
	    peek.need > box->rest.len) {
		if ((why = why_not(box, &peek, peer)) != REASON_NONE)
			throw_away(box, &peek, why);
		/* It was the last one that anything was wiped of. */
		box->wiped = false;
	}
	if (box->rest.len > 0 && !is_own(box))
		st = keep(box, peer, intake);
	else
		st = leave_vault(box, peer, intake);
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
	return box->thrown != REASON_NONE ||
	    frame_peek(box->rest, &peek) != ST_OK ||
	    (box->rest.len > 0 && peek.need <= arrived(box));
}

bool
inbox_begun(const struct inbox *box)
{
	return box->skip > 0 || box->rest.len > 0;
}
