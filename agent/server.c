#include "agent/server.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/account.h"
#include "agent/client.h"
#include "agent/describe.h"
#include "agent/door.h"
#include "agent/limits.h"
#include "agent/peercomm.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/unixsock.h"

/* After so many connections without a pause between them there may be a crowd
 * at the door.  There is, as long as a worker finds more than so many of them
 * at once; it is over when so often there were fewer.  Where none was found it
 * is looked for after twice as many, up to a limit. */
#define CROWD		16
#define CROWD_LOT	4
#define CROWD_THIN	4
#define CROWD_LATE	1024

/* Try again to accept after this long without descriptors or memory. */
#define RETRY_MS	100

struct server {
	struct client_home	 home;
	struct server_options	 opts;
	struct loop_fd		 watch;
	struct share		 share;		/* accepting has turns too */
	struct turn		 turn;
	bool			 lots;		/* a worker accepts them */
	unsigned		 row;		/* accepted one after the other */
	unsigned		 crowd;		/* lots for which it lasts */
	unsigned		 crowd_after;	/* so many may be one */
	struct loop_timer	 retry;
	struct loop_timer	 expiry;	/* of the nearest key */
	int64_t			 expiry_ms;	/* what expiry is set to */
	struct client		**clients;	/* n of them, in no order */
	size_t			 n;
};

/* A quarter of all, at least one and not more than a limit. */
static size_t
share(size_t all, size_t limit)
{
	size_t part = all / 4 > 0 ? all / 4 : 1;

	return part < limit ? part : limit;
}

void
server_limit(struct server_options *opts, bool service)
{
	const struct limits *limits = opts->limits;
	struct rlimit rl = { .rlim_cur = 256 };
	size_t most;

	(void)getrlimit(RLIMIT_NOFILE, &rl);
	if (service && rl.rlim_cur < rl.rlim_max) {
		rl.rlim_cur = rl.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &rl) != 0)
			(void)getrlimit(RLIMIT_NOFILE, &rl);
	}
	most = rl.rlim_cur > 2 * LIMIT_FD_RESERVE ?
	    (size_t)rl.rlim_cur - LIMIT_FD_RESERVE : 1;
	opts->connections_max = most;
	opts->connections_uid_max = 0;
	opts->connections_root = 0;
	opts->wait_when_full = !service;
	if (!service)
		return;
	if (most > limits->value[LIMIT_ID_CONNECTIONS])
		opts->connections_max =
		    (size_t)limits->value[LIMIT_ID_CONNECTIONS];
	opts->connections_uid_max =
	    (size_t)limits->value[LIMIT_ID_CONNECTIONS_UID];
	opts->connections_root =
	    (size_t)limits->value[LIMIT_ID_CONNECTIONS_ROOT];
	/* With fewer descriptors than that, no uid has more than a quarter. */
	if (opts->connections_max >= limits->value[LIMIT_ID_CONNECTIONS] &&
	    opts->connections_root < opts->connections_max)
		return;
	opts->connections_uid_max = share(opts->connections_max,
	    opts->connections_uid_max);
	opts->connections_root = share(opts->connections_max,
	    opts->connections_root);
}

/* Stop or go on accepting; not in this thread while a worker does it. */
static void
accepting(struct server *s, bool yes)
{
	yes = yes && !s->lots;
	loop_fd_want(s->home.loop, &s->watch, yes ? LOOP_READ : 0);
}

/* A client took its leave. */
static void
on_gone(void *cookie, struct client *c)
{
	struct server *s = cookie;
	size_t i = client_index(c);

	assert(i < s->n && s->clients[i] == c);
	client_free(c);
	s->n--;
	if (i < s->n) {
		s->clients[i] = s->clients[s->n];
		client_set_index(s->clients[i], i);
	}
	s->home.agent->facts.connections = (uint32_t)s->n;
	if (!s->turn.waiting)
		accepting(s, true);
}

/* After every turn of a client: the nearest expiry may be another one. */
static void
on_served(void *cookie)
{
	struct server *s = cookie;
	int64_t next = keyring_next_expiry(s->home.agent->ring);

	if (next == s->expiry_ms)
		return;
	s->expiry_ms = next;
	if (next == KEYRING_NEVER)
		loop_timer_del(s->home.loop, &s->expiry);
	else
		loop_timer_set(s->home.loop, &s->expiry, next);
}

/* Record that keys went away by themselves. */
static void
note_expiry(struct agent *a, size_t gone)
{
	struct audit_record rec = { .op = AUDIT_EXPIRE };

	(void)snprintf(rec.detail, sizeof(rec.detail), "%zu key%s", gone,
	    gone == 1 ? "" : "s");
	if (a->audit != NULL)
		audit_note(a->audit, &rec);
}

/* Something is due. */
static int
on_expiry(void *cookie)
{
	struct server *s = cookie;
	size_t gone;

	s->expiry_ms = KEYRING_NEVER;
	gone = keyring_expire(s->home.agent->ring, loop_now(s->home.loop));
	if (gone > 0) {
		log_info("%zu key%s expired", gone, gone == 1 ? "" : "s");
		note_expiry(s->home.agent, gone);
	}
	on_served(s);
	return ST_OK;
}

/* Why a peer is turned away, or REASON_NONE. */
static enum reason
turn_away(const struct server *s, const struct peer *peer)
{
	const struct server_options *o = &s->opts;

	if (peer->ops == 0)
		return REASON_NOT_NAMED;
	if (s->n >= o->connections_max || (peer->uid != 0 &&
	    s->n >= o->connections_max - o->connections_root))
		return REASON_LIMIT_CONNECTIONS;
	if (o->connections_uid_max > 0 && peer->uid != 0 &&
	    accounts_connections(s->home.accounts, peer->uid) >=
	    o->connections_uid_max)
		return REASON_LIMIT_CONNECTIONS_UID;
	return REASON_NONE;
}

/* Record that somebody was turned away. */
static void
note_refusal(struct server *s, int fd, const struct peer *peer,
    enum reason reason)
{
	struct agent *a = s->home.agent;
	struct audit_record rec = { .op = AUDIT_CONNECT,
		.verdict = AUDIT_DENIED, .reason = reason, .has_peer = true,
		.uid = peer->uid, .gid = peer->gid, .pid = peer->pid,
		.connection = ++s->home.numbered };

	a->refusals++;
	log_debug("uid %u turned away: %s", (unsigned)peer->uid,
	    reason_text(reason));
	if (a->audit == NULL)
		return;
	if (audit_wants(a->audit, &rec)) {
		peercomm(fd, &rec.pid, rec.comm);
		describe_refusal(NULL, &rec);
	}
	audit_note(a->audit, &rec);
}

/* What policy says of a peer. */
static int
judge(const struct server *s, const struct unixsock_peer *cred,
    struct peer *peer)
{
	const struct policy *policy = &s->home.agent->policy;

	*peer = (struct peer){ .uid = cred->uid, .gid = cred->gid,
		.pid = cred->pid, .ops = policy_ops(policy, cred),
		.rules = policy_match(policy, cred),
		.ngroups = cred->ngroups };
	if (peer->ngroups == 0)
		return ST_OK;
	peer->groups = calloc(peer->ngroups, sizeof(peer->groups[0]));
	if (peer->groups == NULL)
		return ST_NOMEM;
	memcpy(peer->groups, cred->groups,
	    peer->ngroups * sizeof(peer->groups[0]));
	return ST_OK;
}

/* Look at who connected, and serve or close. */
static int
admit(struct server *s, int fd)
{
	struct unixsock_peer cred;
	struct peer peer;
	struct client *c;
	enum reason why;
	int st;

	st = unixsock_peer(fd, &cred);
	if (st != ST_OK && st != ST_TOO_LARGE) {
		log_debug("a peer without credentials: %s", status_name(st));
		client_part(&s->home, fd);
		return ST_OK;
	}
	if (judge(s, &cred, &peer) != ST_OK) {
		client_part(&s->home, fd);
		return ST_OK;
	}
	if ((why = turn_away(s, &peer)) != REASON_NONE) {
		/* End of file and nothing else: no answer, no hint. */
		note_refusal(s, fd, &peer, why);
		free(peer.groups);
		client_part(&s->home, fd);
		return ST_OK;
	}
	if ((st = client_new(&c, &s->home, fd, &peer)) != ST_OK) {
		free(peer.groups);
		client_part(&s->home, fd);
		return st == ST_NOMEM || st == ST_SYSTEM ? ST_OK : st;
	}
	client_set_index(c, s->n);
	s->clients[s->n++] = c;
	s->home.agent->facts.connections = (uint32_t)s->n;
	return ST_OK;
}

/* Let a worker accept connections, if that is better: while there is a crowd
 * and others are served.  Whether it does. */
static bool
send_lot(struct server *s)
{
	size_t held = s->n + door_held(s->home.door);

	s->lots = s->home.door != NULL && s->crowd > 0 &&
	    held < s->opts.connections_max &&
	    turns_short(&s->home.turns, &s->share);
	if (!s->lots)
		return false;
	accepting(s, false);
	door_send(s->home.door, s->opts.connections_max - held);
	return true;
}

/* Take one connection; ST_MORE: there is none, or none that could be had. */
static int
take_one(struct server *s)
{
	int fd, err;

	if (door_away(s->home.door))
		return ST_MORE;
	if ((fd = door_next(s->home.door)) >= 0)
		return admit(s, fd);
	if (s->n >= s->opts.connections_max && s->opts.wait_when_full) {
		s->lots = false;
		accepting(s, false);
		return ST_MORE;
	}
	err = s->lots ? door_end(s->home.door) : 0;
	if (err == 0 && send_lot(s))
		return ST_MORE;
	s->lots = false;
	if (err == 0) {
		fd = accept4(s->opts.listen_fd, NULL, NULL,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			if (++s->row >= s->crowd_after && s->crowd == 0)
				s->crowd = 1;
			return admit(s, fd);
		}
		err = errno;
	}
	s->row = 0;
	if (err == EAGAIN || err == EINTR || err == ECONNABORTED) {
		accepting(s, true);
		return ST_MORE;
	}
	/* No descriptors or no memory: they can wait. */
	log_debug("accept: errno %d", err);
	accepting(s, false);
	loop_timer_set(s->home.loop, &s->retry,
	    loop_now(s->home.loop) + RETRY_MS);
	return ST_MORE;
}

/* The turn of those who wait to be accepted: until nobody does, or it has
 * lasted long enough. */
static int
on_turn(void *cookie)
{
	struct server *s = cookie;
	int64_t start = turns_began_ns(&s->home.turns);
	int st;

	for (int i = 0; i < LIMIT_TURN_ACCEPTS; i++) {
		if ((st = take_one(s)) != ST_OK)
			return st == ST_MORE ? ST_OK : st;
		if (turns_short(&s->home.turns, s->turn.share)) {
			turns_whole(&s->home.turns);
			break;
		}
		if (clock_ns() - start >= LIMIT_TURN_US * 1000)
			break;
	}
	turns_wait(&s->home.turns, &s->turn);
	return ST_OK;
}

static void
on_parked(void *cookie)
{
	accepting(cookie, false);
}

/* Connections are waiting. */
static int
on_listen(void *cookie, unsigned ready)
{
	struct server *s = cookie;

	(void)ready;
	turns_wait(&s->home.turns, &s->turn);
	return ST_OK;
}

/* A worker has brought some. */
static void
on_come(void *cookie)
{
	struct server *s = cookie;

	if (door_size(s->home.door) > CROWD_LOT) {
		s->crowd = CROWD_THIN;
		s->crowd_after = CROWD;
	} else if (s->crowd > 0 && --s->crowd == 0 &&
	    s->crowd_after < CROWD_LATE) {
		s->crowd_after *= 2;
	}
	s->row = 0;
	turns_wait(&s->home.turns, &s->turn);
}

/* Perhaps there are descriptors again. */
static int
on_retry(void *cookie)
{
	accepting(cookie, true);
	return ST_OK;
}

void
server_policy_changed(struct server *s)
{
	struct unixsock_peer cred;
	struct client *c;
	unsigned ops;
	int st;

	for (size_t i = s->n; i-- > 0;) {
		c = s->clients[i];
		st = unixsock_peer(client_fd(c), &cred);
		ops = st == ST_OK || st == ST_TOO_LARGE ?
		    policy_ops(&s->home.agent->policy, &cred) : 0;
		client_judge(c, ops, ops != 0 ?
		    policy_match(&s->home.agent->policy, &cred) : 0);
	}
}

/* Whom keys with confirm are asked for: in service mode whoever comes and
 * approves; else the person at the screen, if there is one, who has all the
 * time in the world. */
static int
set_approver(struct server *s)
{
	struct agent *a = s->home.agent;
	const uint64_t *limit = s->opts.limits->value;
	struct approver_limits limits = { 0, 0 };

	if (!a->service && s->opts.askpass == NULL)
		return ST_OK;
	if (a->service)
		limits = (struct approver_limits){
			limit[LIMIT_ID_QUESTION_TIME],
			limit[LIMIT_ID_QUESTIONS_UID] };
	return approver_new(&a->approver, s->home.loop, &limits,
	    a->service ? NULL : s->opts.askpass);
}

/* Whether the quick worker is to have the first thread's processor. */
static bool
is_beside(void *workers)
{
	return workers_beside(workers);
}

int
server_new(struct server **out, struct loop *loop, struct agent *agent,
    const struct server_options *opts)
{
	struct server *s = calloc(1, sizeof(*s));
	int st = ST_NOMEM;

	*out = NULL;
	if (s == NULL)
		return ST_NOMEM;
	s->opts = *opts;
	s->expiry_ms = KEYRING_NEVER;
	s->home = (struct client_home){ .loop = loop, .agent = agent,
		.workers = opts->workers, .limits = opts->limits,
		.gone = on_gone, .served = on_served, .cookie = s };
	s->watch = (struct loop_fd){ .fd = opts->listen_fd,
		.want = LOOP_READ, .fn = on_listen, .cookie = s };
	s->retry = (struct loop_timer){ .fn = on_retry, .cookie = s };
	s->expiry = (struct loop_timer){ .fn = on_expiry, .cookie = s };
	turns_init(&s->home.turns, loop, opts->workers != NULL ?
	    is_beside : NULL, opts->workers);
	s->turn = (struct turn){ .fn = on_turn, .parked = on_parked,
		.cookie = s, .share = &s->share };
	s->share.nobody = true;
	s->crowd_after = CROWD;
	s->home.accounts = accounts_new(opts->connections_uid_max > 0 ?
	    opts->limits : NULL);
	s->home.replies = malloc(LIMIT_REPLIES);
	s->clients = malloc(opts->connections_max *
	    sizeof(struct client *));
	if (s->home.accounts == NULL || s->home.replies == NULL ||
	    s->clients == NULL)
		goto out;
	if ((st = set_approver(s)) != ST_OK)
		goto out;
	if ((st = intake_init(&s->home.intake)) != ST_OK)
		goto out;
	s->home.intake.senders = opts->senders;
	if (opts->workers != NULL && (st = door_new(&s->home.door, loop,
	    opts->workers, opts->listen_fd, on_come, s)) != ST_OK)
		goto out;
	if ((st = loop_fd_add(loop, &s->watch)) != ST_OK)
		goto out;
	agent->limits = agent->service ? opts->limits : NULL;
	agent->accounts = s->home.accounts;
	agent->defer = opts->workers != NULL || agent->approver != NULL;
	agent->facts.connections_max = (uint32_t)opts->connections_max;
	agent->facts.connections_uid_max =
	    (uint32_t)opts->connections_uid_max;
	*out = s;
	s = NULL;
out:
	server_free(s);
	return st;
}

void
server_free(struct server *s)
{
	if (s == NULL)
		return;
	loop_fd_del(s->home.loop, &s->watch);
	loop_timer_del(s->home.loop, &s->retry);
	loop_timer_del(s->home.loop, &s->expiry);
	while (s->n > 0)
		client_free(s->clients[--s->n]);
	door_free(s->home.door);
	approver_free(s->home.agent->approver);
	s->home.agent->approver = NULL;
	turns_cancel(&s->home.turns, &s->turn);
	turns_fini(&s->home.turns);
	accounts_free(s->home.accounts);
	s->home.agent->accounts = NULL;
	intake_fini(&s->home.intake);
	free(s->clients);
	free(s->home.replies);
	free(s);
}
