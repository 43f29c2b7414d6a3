#include "agent/client.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/socket.h>
#include <unistd.h>

#include "agent/auditline.h"
#include "agent/beat.h"
#include "agent/describe.h"
#include "agent/limits.h"
#include "agent/peercomm.h"
#include "base/bare.h"
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
	BUSY_WAITING,		/* for a question to answer */
};

/* A held reply is one byte in a frame. */
#define HELD_LEN	(FRAME_HEAD + 1)

struct client {
	struct client_home	*home;
	struct loop_fd		 watch;
	struct loop_timer	 frame_late;	/* a begun frame takes long */
	struct loop_timer	 unread_late;	/* a reply is not read */
	struct loop_timer	 hold;		/* the held reply may go */
	struct turn		 turn;		/* when it is served */
	struct account		*account;
	uint64_t		 number;
	char			 comm[16];	/* as its process has it */
	bool			 has_comm;
	bool			 may_read;	/* in the next turn */
	bool			 overdue;	/* its frame, unless the next
						 * turn makes it whole */
	size_t			 kept;		/* bytes, as accounted for */
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
	bool			 together;	/* replies wait for more */
};

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

int
client_fd(const struct client *c)
{
	return c->watch.fd;
}

/* Say goodbye; c is gone afterwards. */
static int
drop(struct client *c)
{
	/* To end one is dearer than to serve it. */
	turns_whole(&c->home->turns);
	c->home->gone(c->home->cookie, c);
	return ST_OK;
}

/* The peer has ended it, or is no more, in whatever way we came to know. */
static int
drop_gone(struct client *c)
{
	log_debug("uid %u: connection closed: the peer is gone",
	    (unsigned)c->peer.uid);
	return drop(c);
}

/* Find out the parts of a record that are dear. */
static void
complete(struct client *c, struct audit_record *rec)
{
	struct agent *a = c->home->agent;

	/* A number that was not looked at may be another one's by now. */
	if (!audit_wants(a->audit, rec)) {
		rec->pid = c->has_comm ? c->peer.pid : 0;
		return;
	}
	if (!c->has_comm)
		peercomm(c->watch.fd, &c->peer.pid, c->comm);
	c->has_comm = true;
	rec->pid = c->peer.pid;
	memcpy(rec->comm, c->comm, sizeof(rec->comm));
	if (rec->rule[0] == '\0' && rec->reason != REASON_POLICY)
		describe_refusal(NULL, rec);
	if (rec->rule[0] == '\0')
		policy_deciding(&a->policy, c->peer.rules,
		    dispatch_needs(rec->op), rec->rule, sizeof(rec->rule));
}

/* What is worth a line in the log of an agent that is not being looked at. */
static bool
is_change(const struct decision *d)
{
	switch (d->rec.op) {
	case AUDIT_ADD:
	case AUDIT_REMOVE:
	case AUDIT_REMOVE_ALL:
	case AUDIT_LOCK:
	case AUDIT_UNLOCK:
	case AUDIT_LOAD:
	case AUDIT_REMOVE_LOAD:
		return d->done;
	default:
		return false;
	}
}

/* Tell the log.  Not part of report(): the buffer is larger than all that a
 * request takes else, and is set to zero each time. */
static __attribute__((noinline)) void
tell_log(const struct decision *d)
{
	char line[AUDITLINE_MAX];
	struct text t;

	text_init(&t, line, sizeof(line));
	auditline_write(&t, &d->rec, AUDITLINE_LOG);
	if (is_change(d))
		log_info("%s", line);
	else
		log_debug("%s", line);
}

/* Have a decision recorded, and tell the log. */
static void
report(struct client *c, struct decision *d)
{
	struct agent *a = c->home->agent;
	struct audit_record *rec = &d->rec;

	if (d->quiet)
		return;
	rec->connection = c->number;
	if (a->audit != NULL) {
		complete(c, rec);
		audit_note(a->audit, rec);
	}
	if (log_wants(is_change(d) ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG))
		tell_log(d);
}

/* Close a connection for what it did, which is recorded. */
static int
drop_for(struct client *c, enum reason reason)
{
	struct decision d = { .rec = { .op = AUDIT_CONNECT,
		.verdict = AUDIT_DENIED, .reason = reason, .has_peer = true,
		.uid = c->peer.uid, .gid = c->peer.gid, .pid = c->peer.pid } };

	report(c, &d);
	return drop(c);
}

/* Close it for what came of a step with it. */
static int
drop_after(struct client *c, int st)
{
	if (st == ST_CLOSED)
		return drop_gone(c);
	return drop_for(c, st == ST_MALFORMED || st == ST_TOO_LARGE ?
	    REASON_BROKEN : REASON_MEMORY);
}

void
client_judge(struct client *c, unsigned ops, uint64_t rules)
{
	bool approves = c->conn.seat.home != NULL;

	c->peer.ops = ops;
	c->peer.rules = rules;
	if (ops == 0)
		(void)drop_for(c, REASON_NOT_NAMED);
	else if (approves && (ops & POLICY_ADMIN) == 0)
		(void)drop_for(c, REASON_POLICY);
}

/* The peer has not finished the frame that it began. */
static int
on_frame_late(void *cookie)
{
	struct client *c = cookie;

	/* The rest may be there already: it waits for us, this once. */
	if (c->turn.waiting) {
		c->overdue = true;
		return ST_OK;
	}
	return drop_for(c, REASON_LIMIT_FRAME_TIME);
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
	struct decision *d = &c->home->decision;
	int st;

	st = dispatch_finish(c->home->agent, &c->conn, &c->peer,
	    loop_now(c->home->loop), &reply, d);
	if (st != ST_OK)
		return st;
	assert(reply.len > 0 && !reply.full);
	w->len += reply.len;
	frame_close(w, mark);
	report(c, d);
	return ST_OK;
}

/* Send of what waits as much as the socket takes. */
static int
drain(struct client *c)
{
	size_t before = buf_len(&c->out);
	int st;

	c->together = false;
	st = buf_drain(&c->out, c->watch.fd);

	c->taken += before - buf_len(&c->out);
	return st;
}

/* Whether its turns are to be short, for the sake of others. */
static bool
is_brief(const struct client *c)
{
	return turns_short(&c->home->turns, &c->account->share);
}

/* Whether replies are to wait for those to what has come already. */
static bool
wants_together(const struct client *c, size_t len)
{
	return is_brief(c) && !c->holding && c->busy != BUSY_ASKING &&
	    c->busy != BUSY_WAITING && inbox_waiting(&c->in) &&
	    len < LIMIT_TOGETHER;
}

/* Replies go straight to the socket where nothing waits before them; unless
 * there is more to come (${more}), and they can wait for it. */
static int
send_off(struct client *c, struct slice w, bool more)
{
	bool first = buf_len(&c->out) == 0, waited = c->together, keep;
	ssize_t n;
	int st;

	keep = more && wants_together(c, buf_len(&c->out) + w.len);
	c->together = keep && (waited || first);
	if (!keep && w.len > 0 && first) {
		n = bare_send(c->watch.fd, w.p, w.len, MSG_DONTWAIT |
		    MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return ST_CLOSED;
		w.p += n > 0 ? n : 0;
		w.len -= n > 0 ? (size_t)n : 0;
	}
	if (w.len > 0 && (st = buf_put(&c->out, w.p, w.len)) != ST_OK)
		return st;
	if (!waited || keep)
		return ST_OK;
	st = drain(c);
	return st == ST_MORE ? ST_OK : st;
}

/* Reply, and go on with what has come meanwhile. */
static void
resume(struct client *c)
{
	struct wire_writer w = wire_writer(c->home->replies, LIMIT_REPLIES);
	int st;

	c->busy = BUSY_NOT;
	if ((st = finish_job(c, &w)) == ST_OK)
		st = send_off(c, (struct slice){ w.p, w.len }, true);
	if (st != ST_OK)
		(void)drop_after(c, st);
	else
		turns_wait(&c->home->turns, &c->turn);
}

/* A job was run. */
static void
on_job_done(struct work *w)
{
	struct job *j = (struct job *)(void *)w;

	struct client *c = j->owner;

	if (c == NULL) {
		job_free(j);	/* nobody waits for it any more */
		return;
	}
	c->account->jobs_ns += w->spent_ns;
	resume(c);
}

/* Somebody has said yes or no, or nobody has. */
static void
on_answer(void *cookie, bool yes, enum reason why_not)
{
	struct client *c = cookie;
	struct job *j = c->conn.job;

	j->reason = why_not;
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

/* There is a question that this one can answer. */
static void
on_question(void *cookie, const struct approve_question *q)
{
	struct client *c = cookie;

	c->conn.job->question = q;
	resume(c);
}

/* Have somebody asked for a yes to a job. */
static enum reason
ask(struct client *c, struct job *j)
{
	const struct bindings *b = &c->conn.binds;
	struct audit_record *rec = &j->rec;
	char host[FINGERPRINT_HASH_MAX] = "";
	enum reason why;

	if (b->n > 0)
		fingerprint_hash_write(FINGERPRINT_SHA256,
		    binding_hostkey(&b->at[b->n - 1]), host);
	why = approver_ask(c->home->agent->approver,
	    &(struct approve_question){
		.prompt = slice_str(j->prompt),
		.fingerprint = slice_str(rec->fingerprint),
		.comment = { rec->comment.p, rec->comment.len },
		.what = slice_str(j->what),
		.uid = (uint32_t)c->peer.uid,
		.pid = (uint32_t)c->peer.pid,
		.host = slice_str(host),
	    }, on_answer, c, &c->question);
	if (why == REASON_NONE)
		(void)snprintf(rec->detail, sizeof(rec->detail),
		    "question %u", (unsigned)c->question);
	return why;
}

/* Begin the job of a request.  True: it is through already. */
static bool
begin_job(struct client *c)
{
	struct job *j = c->conn.job;

	j->owner = c;
	j->work.run = run_job;
	j->work.done = on_job_done;
	if (j->kind == JOB_NEXT) {
		c->busy = BUSY_WAITING;
		approver_next(c->home->agent->approver, &c->conn.seat);
		return false;
	}
	if (j->ask) {
		j->reason = ask(c, j);
		c->busy = j->reason == REASON_NONE ? BUSY_ASKING : BUSY_NOT;
		if (c->busy == BUSY_NOT)
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

/* The connection ends.  A job that waits ends with it: who hangs up would else
 * leave as many behind as he likes.  One that is being run is left alone. */
static void
abandon_job(struct client *c)
{
	if (c->busy == BUSY_ASKING)
		approver_cancel(c->home->agent->approver, c->question);
	if (c->busy == BUSY_RUNNING && !workers_cancel(c->home->workers,
	    &c->conn.job->work)) {
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

/* Remember who sent what is refused because another one did than connected. */
static void
note_sender(const struct client *c, struct audit_record *rec)
{
	if (rec->reason != REASON_PASSED_DESCRIPTOR)
		return;
	if (c->in.sender == (uid_t)-1)
		(void)snprintf(rec->detail, sizeof(rec->detail),
		    "by a uid that is not known");
	else
		(void)snprintf(rec->detail, sizeof(rec->detail),
		    "by uid %u", (unsigned)c->in.sender);
}

/* Serve one request into w, or begin to. */
static int
serve_one(struct client *c, struct wire_writer *w)
{
	struct agent *a = c->home->agent;
	struct decision *d = &c->home->decision;
	size_t start = w->len, mark;
	struct wire_writer reply;
	struct inbox_item item;
	struct arrival in;
	int st;

	st = inbox_next(&c->in, &c->peer, &item);
	if (st != ST_OK && st != ST_DENIED)
		return st;
	mark = frame_open(w);
	reply = wire_writer(w->p + w->len, FRAME_BODY_MAX);
	if (st == ST_DENIED) {
		dispatch_refuse(a, &c->peer, item.thrown_type, item.thrown,
		    &reply, d);
	} else if (c->in.foreign) {
		dispatch_refuse(a, &c->peer, item.body.p[0],
		    REASON_PASSED_DESCRIPTOR, &reply, d);
	} else {
		in = (struct arrival){ item.body, item.tail,
			loop_now(c->home->loop), clock_wall_s(),
			is_brief(c) };
		st = dispatch(a, &c->conn, &c->peer, &in, &reply, d);
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
	note_sender(c, &d->rec);
	report(c, d);
	if (d->delay_ms > 0)
		hold_back(c, w, start, d->delay_ms);
	return ST_OK;
}

/* Serve what is there, as far as replies find room, and send them off. */
static int
serve_turn(struct client *c, bool *progress)
{
	struct wire_writer w = wire_writer(c->home->replies, LIMIT_REPLIES);
	int64_t start = turns_began_ns(&c->home->turns);
	int st = ST_OK, sent;

	for (int i = 0; i < LIMIT_TURN_REQUESTS && !c->holding &&
	    c->busy == BUSY_NOT; i++) {
		if (i > 0 && (!inbox_waiting(&c->in) || is_brief(c) ||
		    clock_ns() - start >= LIMIT_TURN_US * 1000))
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
	/* Also when the stream broke: what was carried out before that is
	 * answered. */
	sent = send_off(c, (struct slice){ w.p, w.len },
	    st == ST_OK || st == ST_MORE);
	return st == ST_OK || st == ST_MORE ? sent : st;
}

static int64_t
limit_ms(const struct client *c, enum limit_id id)
{
	return (int64_t)c->home->limits->value[id];
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
		    loop_now(loop) + limit_ms(c, LIMIT_ID_FRAME_TIME));

	/* How much waits says nothing: it is filled up as fast as read. */
	if (buf_len(&c->out) == 0) {
		loop_timer_del(loop, &c->unread_late);
	} else if (!c->unread_late.set || c->taken >= LIMIT_UNREAD_STEP) {
		c->taken = 0;
		loop_timer_set(loop, &c->unread_late,
		    loop_now(loop) + limit_ms(c, LIMIT_ID_UNREAD_TIME));
	}
}

/* Tell the account what the connection keeps in ordinary memory. */
static int
keep_account(struct client *c)
{
	size_t before = c->kept;

	c->kept = c->out.cap + (c->in.locked ? 0 : c->in.cap) +
	    c->in.tail_cap + c->conn.binds.bytes +
	    (c->conn.job != NULL ? c->conn.job->bytes : 0);
	return accounts_keep(c->home->accounts, c->account, before, c->kept);
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
		return drop_gone(c);
	if (keep_account(c) != ST_OK)
		return drop_for(c, REASON_LIMIT_BYTES);
	if (c->overdue && !progress && !waiting && inbox_begun(&c->in))
		return drop_for(c, REASON_LIMIT_FRAME_TIME);
	c->overdue = false;
	set_deadlines(c, progress);
	if (waiting && room)
		turns_wait(&c->home->turns, &c->turn);
	if (room && !waiting && !c->ended)
		want |= LOOP_READ;
	if (buf_len(&c->out) > 0 && !c->together)
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
		st = inbox_read(&c->in, &c->peer, &home->intake, c->watch.fd,
		    is_brief(c) ? LIMIT_READ_BRIEF : SIZE_MAX);
		if (c->in.laden && beat_held(turns_began_ns(&home->turns)))
			turns_wall(&home->turns);
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
		return drop_after(c, st);
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
			return drop_after(c, st);
	}
	if ((ready & (LOOP_READ | LOOP_HANGUP)) != 0)
		c->may_read = true;
	/* What came before the end is still served in its turn. */
	if (c->turn.waiting)
		return ST_OK;
	/* Gone for good, and nobody left to read: nothing to wait for. */
	if ((ready & LOOP_HANGUP) != 0 && (ready & LOOP_READ) == 0 &&
	    (c->ended || c->watch.want == 0))
		return drop_gone(c);
	turns_wait(&c->home->turns, &c->turn);
	return ST_OK;
}

/* The turn of this connection. */
static int
on_turn(void *cookie)
{
	struct client *c = cookie;
	bool may_read = c->may_read;

	c->may_read = false;
	return turn(c, may_read);
}

/* Its turn does not come yet: what has come is known. */
static void
on_parked(void *cookie)
{
	struct client *c = cookie;

	loop_fd_want(c->home->loop, &c->watch, c->watch.want & ~LOOP_READ);
}

/* The peer does not read what it asked for.  Or it does, but slowly: the
 * kernel calls a socket writable only when most of what it holds was read, so
 * the last word is what it takes now. */
static int
on_unread_late(void *cookie)
{
	struct client *c = cookie;
	int st = drain(c);

	if (st == ST_CLOSED)
		return drop_gone(c);
	if (st == ST_MORE && c->taken < LIMIT_UNREAD_STEP)
		return drop_for(c, REASON_LIMIT_UNREAD_TIME);
	return turn(c, false);
}

/* The held reply has waited long enough. */
static int
on_hold(void *cookie)
{
	struct client *c = cookie;
	int st;

	c->holding = false;
	if ((st = buf_put(&c->out, c->held, HELD_LEN)) == ST_OK)
		st = drain(c);
	return st == ST_OK || st == ST_MORE ? turn(c, false) :
	    drop_after(c, st);
}

/* Take leave of the account. */
static void
close_account(struct client *c)
{
	struct client_home *home = c->home;

	/* Less is never too much. */
	(void)!accounts_keep(home->accounts, c->account, c->kept, 0);
	if (c->account->connections == 1)
		turns_forget(&home->turns, &c->account->share);
	(void)accounts_close(home->accounts, c->account);
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
	c->conn.seat = (struct approver_seat){ .fn = on_question,
		.cookie = c };
	c->number = ++home->numbered;
	st = accounts_open(home->accounts, peer->uid, &c->account);
	if (st != ST_OK) {
		free(c);
		return st;
	}
	c->turn = (struct turn){ .fn = on_turn, .parked = on_parked,
		.cookie = c, .share = &c->account->share };
	if ((st = loop_fd_add(home->loop, &c->watch)) != ST_OK) {
		close_account(c);
		free(c);
		return st;
	}
	*out = c;
	return ST_OK;
}

void
client_part(struct client_home *home, int fd)
{
	/* What was sent along goes in the name of the thread that has the
	 * timer. */
	if (!beat_runs())
		door_close(home->door, fd);
	else if (beat_close(fd))
		turns_wall(&home->turns);
}

void
client_free(struct client *c)
{
	struct loop *loop = c->home->loop;

	loop_fd_del(loop, &c->watch);
	loop_timer_del(loop, &c->frame_late);
	loop_timer_del(loop, &c->unread_late);
	loop_timer_del(loop, &c->hold);
	turns_cancel(&c->home->turns, &c->turn);
	client_part(c->home, c->watch.fd);
	abandon_job(c);
	conn_fini(&c->conn);
	inbox_fini(&c->in, &c->home->intake);
	buf_fini(&c->out);
	close_account(c);
	free(c->peer.groups);
	free(c);
}
