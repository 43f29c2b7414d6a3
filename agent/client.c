#include "agent/client.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sys/socket.h>
#include <unistd.h>

#include "agent/limits.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "proto/frame.h"
#include "proto/reply.h"
#include "proto/request.h"

/* What becomes of the job of the request under way. */
enum busy {
	BUSY_NOT,
	BUSY_ASKING,		/* somebody has to say yes */
	BUSY_RUNNING,		/* in a worker */
};

/* A held reply is one byte in a frame. */
#define HELD_LEN	(FRAME_HEAD + 1)

struct client {
	struct client_home	*home;
	struct loop_fd		 watch;
	struct loop_timer	 frame_late;	/* a begun frame takes long */
	struct loop_timer	 unread_late;	/* a reply is not read */
	struct loop_timer	 hold;		/* the held reply may go */
	struct loop_later	 again;		/* requests are left over */
	struct peer		 peer;
	struct conn		 conn;
	struct inbox		 in;
	struct buf		 out;
	size_t			 taken;	/* bytes since unread_late was set */
	size_t			 index;
	uint8_t			 held[HELD_LEN];
	enum busy		 busy;
	uint32_t		 question;	/* while asking */
	bool			 holding;
	bool			 ended;		/* the peer sends no more */
};

const struct peer *
client_peer(const struct client *c)
{
	return &c->peer;
}

void
client_set_index(struct client *c, size_t i)
{
	c->index = i;
}

size_t
client_index(const struct client *c)
{
	return c->index;
}

/* Say goodbye; c is gone afterwards. */
static int
drop(struct client *c, const char *why)
{
	if (why != NULL)
		log_debug("uid %u: connection closed: %s",
		    (unsigned)c->peer.uid, why);
	c->home->gone(c->home->cookie, c);
	return ST_OK;
}

/* What an operator wants to know of a decision.  Where keys are in memory that
 * is not locked, every line about one says so. */
static void
report(const struct client *c, const struct decision *d)
{
	const char *fp = d->fingerprint[0] != '\0' ? d->fingerprint : "-";
	const char *open = c->home->agent->unlocked &&
	    d->fingerprint[0] != '\0' ? ", in memory that is NOT locked" : "";
	const char *colon = d->what[0] != '\0' ? ": " : "";

	if (!d->done)
		log_debug("uid %u: message %u%s%s refused: %s, key %s%s",
		    (unsigned)c->peer.uid, d->type, colon, d->what, d->reason,
		    fp, open);
	else if (d->type == SSH_AGENTC_SIGN_REQUEST ||
	    d->type == SSH_AGENTC_REQUEST_IDENTITIES)
		log_debug("uid %u: message %u%s%s done, key %s%s",
		    (unsigned)c->peer.uid, d->type, colon, d->what, fp, open);
	else if (d->type != SSH_AGENTC_EXTENSION)
		log_info("uid %u: message %u done, key %s%s",
		    (unsigned)c->peer.uid, d->type, fp, open);
}

/* The peer has not finished the frame that it began. */
static int
on_frame_late(void *cookie)
{
	return drop(cookie, "a request was begun and not finished in time");
}

/* Run a job, in a worker. */
static void
run_job(struct work *w)
{
	job_run((struct job *)(void *)w);
}

/* Reply to the request whose job is through, into w. */
static int
finish_job(struct client *c, struct wire_writer *w)
{
	size_t mark = frame_open(w);
	struct wire_writer reply = wire_writer(w->p + w->len, FRAME_BODY_MAX);
	struct decision d;
	int st;

	st = dispatch_finish(c->home->agent, &c->conn, &c->peer,
	    loop_now(c->home->loop), &reply, &d);
	if (st != ST_OK)
		return st;
	assert(reply.len > 0 && !reply.full);
	w->len += reply.len;
	frame_close(w, mark);
	report(c, &d);
	return ST_OK;
}

/* Send of what waits as much as the socket takes. */
static int
drain(struct client *c)
{
	size_t before = buf_len(&c->out);
	int st = buf_drain(&c->out, c->watch.fd);

	c->taken += before - buf_len(&c->out);
	return st;
}

/* Reply, and go on with what has come meanwhile. */
static void
resume(struct client *c)
{
	struct wire_writer w = wire_writer(c->home->replies, LIMIT_REPLIES);
	int st;

	c->busy = BUSY_NOT;
	if ((st = finish_job(c, &w)) == ST_OK)
		st = buf_put(&c->out, w.p, w.len);
	if (st == ST_OK)
		st = drain(c);
	if (st != ST_OK && st != ST_MORE)
		(void)drop(c, status_name(st));
	else
		loop_later_set(c->home->loop, &c->again);
}

/* A job was run. */
static void
on_job_done(struct work *w)
{
	struct job *j = (struct job *)(void *)w;

	if (j->owner == NULL)
		job_free(j);	/* nobody waits for it any more */
	else
		resume(j->owner);
}

/* Somebody has said yes or no. */
static void
on_answer(void *cookie, bool yes)
{
	struct client *c = cookie;
	struct job *j = c->conn.job;

	if (yes && c->home->workers != NULL) {
		c->busy = BUSY_RUNNING;
		workers_submit(c->home->workers, &j->work);
		return;
	}
	if (yes)
		job_run(j);
	else
		j->st = ST_DENIED;
	resume(c);
}

/* Begin the job of a request.  True: it is through already. */
static bool
begin_job(struct client *c)
{
	struct job *j = c->conn.job;

	j->owner = c;
	j->work.run = run_job;
	j->work.done = on_job_done;
	if (j->ask) {
		j->st = askpass_ask(c->home->askpass, j->prompt, on_answer, c,
		    &c->question);
		if (j->st == ST_OK)
			c->busy = BUSY_ASKING;
		else
			j->st = ST_DENIED;
		return c->busy == BUSY_NOT;
	}
	if (c->home->workers == NULL) {
		job_run(j);
		return true;
	}
	c->busy = BUSY_RUNNING;
	workers_submit(c->home->workers, &j->work);
	return false;
}

/* Leave a job to itself: the connection ends. */
static void
abandon_job(struct client *c)
{
	if (c->busy == BUSY_ASKING)
		askpass_cancel(c->home->askpass, c->question);
	if (c->busy == BUSY_RUNNING) {
		c->conn.job->owner = NULL;
		c->conn.job = NULL;
	}
	c->busy = BUSY_NOT;
}

/* A reply that is not to go yet is taken back: only this peer waits, and
 * nothing else of it is served. */
static void
hold_back(struct client *c, struct wire_writer *w, size_t mark,
    int64_t delay_ms)
{
	assert(w->len - mark == HELD_LEN);
	memcpy(c->held, w->p + mark, HELD_LEN);
	w->len = mark;
	c->holding = true;
	loop_timer_set(c->home->loop, &c->hold,
	    loop_now(c->home->loop) + delay_ms);
}

/* Serve one request into w, or begin to. */
static int
serve_one(struct client *c, struct wire_writer *w)
{
	struct agent *a = c->home->agent;
	size_t start = w->len, mark;
	struct wire_writer reply;
	struct inbox_item item;
	struct arrival in;
	struct decision d;
	int st;

	st = inbox_next(&c->in, &c->peer, &item);
	if (st != ST_OK && st != ST_DENIED)
		return st;
	mark = frame_open(w);
	reply = wire_writer(w->p + w->len, FRAME_BODY_MAX);
	if (st == ST_DENIED) {
		dispatch_refuse(a, item.thrown_type, item.thrown, &reply, &d);
	} else {
		in = (struct arrival){ item.body, item.tail,
			loop_now(c->home->loop), clock_wall_s() };
		st = dispatch(a, &c->conn, &c->peer, &in, &reply, &d);
		if (st == ST_MORE) {
			w->len = start;
			return begin_job(c) ? finish_job(c, w) : ST_OK;
		}
		if (st != ST_OK)
			return st;
	}
	assert(reply.len > 0 && !reply.full);
	w->len += reply.len;
	frame_close(w, mark);
	report(c, &d);
	if (d.delay_ms > 0)
		hold_back(c, w, start, d.delay_ms);
	return ST_OK;
}

/* Serve what is there, as far as replies find room, and send them off. */
static int
serve_turn(struct client *c, bool *progress)
{
	struct wire_writer w = wire_writer(c->home->replies, LIMIT_REPLIES);
	int64_t start = clock_ms();
	struct slice rest;
	ssize_t n = 0;
	int st = ST_OK;

	for (int i = 0; i < LIMIT_TURN_REQUESTS && !c->holding &&
	    c->busy == BUSY_NOT; i++) {
		if (i > 0 && clock_ms() - start >= LIMIT_TURN_MS)
			break;
		if (buf_len(&c->out) + w.len + FRAME_MAX > LIMIT_REPLIES)
			break;
		if ((st = serve_one(c, &w)) != ST_OK)
			break;
		*progress = true;
	}
	if (st < 0)
		return st;
	assert(!w.full);
	/* Straight to the socket where nothing waits before it.  Also when the
	 * stream broke: what was carried out before that is answered. */
	rest = (struct slice){ w.p, w.len };
	if (w.len > 0 && buf_len(&c->out) == 0) {
		n = send(c->watch.fd, w.p, w.len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return ST_CLOSED;
		rest.p += n > 0 ? n : 0;
		rest.len -= n > 0 ? (size_t)n : 0;
	}
	if (st != ST_OK && st != ST_MORE)
		return st;
	return rest.len > 0 ? buf_put(&c->out, rest.p, rest.len) : ST_OK;
}

/* Set the two deadlines as the state of the connection asks. */
static void
set_deadlines(struct client *c, bool progress)
{
	struct loop *loop = c->home->loop;

	/* A request that waits for room, or is not read for want of it, is
	 * not the peer's delay. */
	if (!inbox_begun(&c->in) || inbox_waiting(&c->in) || c->holding ||
	    c->busy != BUSY_NOT || buf_room(&c->out) < FRAME_MAX)
		loop_timer_del(loop, &c->frame_late);
	else if (progress || !c->frame_late.set)
		loop_timer_set(loop, &c->frame_late,
		    loop_now(loop) + LIMIT_FRAME_MS);

	/* How much waits says nothing: it is filled up as fast as read. */
	if (buf_len(&c->out) == 0) {
		loop_timer_del(loop, &c->unread_late);
	} else if (!c->unread_late.set || c->taken >= LIMIT_UNREAD_STEP) {
		c->taken = 0;
		loop_timer_set(loop, &c->unread_late,
		    loop_now(loop) + LIMIT_UNREAD_MS);
	}
}

/* Say what to wait for next; a peer that sends no more and has got everything
 * is done. */
static int
wait_next(struct client *c, bool progress)
{
	bool owed = c->holding || c->busy != BUSY_NOT;
	bool room = buf_room(&c->out) >= FRAME_MAX && !owed;
	bool waiting = inbox_waiting(&c->in);
	unsigned want = 0;

	if (c->ended && !waiting && !owed && buf_len(&c->out) == 0)
		return drop(c, NULL);
	set_deadlines(c, progress);
	if (waiting && room)
		loop_later_set(c->home->loop, &c->again);
	if (room && !waiting && !c->ended)
		want |= LOOP_READ;
	if (buf_len(&c->out) > 0)
		want |= LOOP_WRITE;
	loop_fd_want(c->home->loop, &c->watch, want);
	return ST_OK;
}

/* One turn: read if asked to, serve, keep the rest. */
static int
turn(struct client *c, bool may_read)
{
	struct client_home *home = c->home;
	bool progress = false;
	int st = ST_OK, kept;

	if (may_read && !c->ended && !inbox_waiting(&c->in)) {
		st = inbox_read(&c->in, &c->peer, &home->intake,
		    c->watch.fd);
		if (st == ST_CLOSED) {
			c->ended = true;
			st = ST_OK;
		}
	}
	if (st == ST_OK)
		st = serve_turn(c, &progress);
	kept = inbox_settle(&c->in, &c->peer, &home->intake);
	if (st == ST_OK || st == ST_MORE)
		st = kept;
	if (st == ST_INTERNAL)
		return st;	/* an invariant of ours: stop the daemon */
	home->served(home->cookie);
	if (st != ST_OK && st != ST_MORE)
		return drop(c, status_name(st));
	return wait_next(c, progress);
}

/* The socket is ready. */
static int
on_io(void *cookie, unsigned ready)
{
	struct client *c = cookie;
	int st;

	if ((ready & LOOP_WRITE) != 0 && buf_len(&c->out) > 0) {
		st = drain(c);
		if (st != ST_OK && st != ST_MORE)
			return drop(c, status_name(st));
	}
	/* Gone for good, and nobody left to read: nothing to wait for. */
	if ((ready & LOOP_HANGUP) != 0 && (ready & LOOP_READ) == 0 &&
	    (c->ended || c->watch.want == 0))
		return drop(c, "the peer is gone");
	return turn(c, (ready & (LOOP_READ | LOOP_HANGUP)) != 0);
}

/* Requests were left over from the last turn. */
static int
on_again(void *cookie)
{
	return turn(cookie, false);
}

/* The peer does not read what it asked for.  Or it does, but slowly: the
 * kernel calls a socket writable only when most of what it holds was read, so
 * the last word is what it takes now. */
static int
on_unread_late(void *cookie)
{
	struct client *c = cookie;
	int st = drain(c);

	if (st == ST_CLOSED || (st == ST_MORE &&
	    c->taken < LIMIT_UNREAD_STEP))
		return drop(c, "replies were not read in time");
	return turn(c, false);
}

/* The held reply has waited long enough. */
static int
on_hold(void *cookie)
{
	struct client *c = cookie;

	c->holding = false;
	if (buf_put(&c->out, c->held, HELD_LEN) != ST_OK)
		return drop(c, "no room for a reply");
	if (drain(c) == ST_CLOSED)
		return drop(c, "the peer is gone");
	return turn(c, false);
}

int
client_new(struct client **out, struct client_home *home, int fd,
    const struct peer *peer)
{
	struct client *c = calloc(1, sizeof(*c));
	int st;

	*out = NULL;
	if (c == NULL)
		return ST_NOMEM;
	c->home = home;
	c->peer = *peer;
	buf_init(&c->out, LIMIT_REPLIES);
	c->watch = (struct loop_fd){ .fd = fd, .want = LOOP_READ,
		.fn = on_io, .cookie = c };
	c->frame_late = (struct loop_timer){ .fn = on_frame_late,
		.cookie = c };
	c->unread_late = (struct loop_timer){ .fn = on_unread_late,
		.cookie = c };
	c->hold = (struct loop_timer){ .fn = on_hold, .cookie = c };
	c->again = (struct loop_later){ .fn = on_again, .cookie = c };
	if ((st = loop_fd_add(home->loop, &c->watch)) != ST_OK) {
		free(c);
		return st;
	}
	*out = c;
	return ST_OK;
}

void
client_free(struct client *c)
{
	struct loop *loop = c->home->loop;

	loop_fd_del(loop, &c->watch);
	loop_timer_del(loop, &c->frame_late);
	loop_timer_del(loop, &c->unread_late);
	loop_timer_del(loop, &c->hold);
	loop_later_del(loop, &c->again);
	(void)close(c->watch.fd);
	abandon_job(c);
	conn_fini(&c->conn);
	inbox_fini(&c->in, &c->home->intake);
	buf_fini(&c->out);
	free(c);
}
