#include "agent/server.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/client.h"
#include "agent/limits.h"
#include "base/log.h"
#include "base/unixsock.h"

/* Try again to accept after this long without descriptors or memory. */
#define RETRY_MS	100

struct server {
	struct client_home	 home;
	struct server_options	 opts;
	struct loop_fd		 watch;
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
	if (most > LIMIT_CONNECTIONS)
		opts->connections_max = LIMIT_CONNECTIONS;
	/* Fewer in all are fewer for each: no uid has more than a quarter. */
	opts->connections_uid_max = share(opts->connections_max,
	    LIMIT_CONNECTIONS_UID);
	opts->connections_root = share(opts->connections_max,
	    LIMIT_CONNECTIONS_ROOT);
}

/* Stop or go on accepting. */
static void
accepting(struct server *s, bool yes)
{
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

/* Something is due. */
static int
on_expiry(void *cookie)
{
	struct server *s = cookie;
	size_t gone;

	s->expiry_ms = KEYRING_NEVER;
	gone = keyring_expire(s->home.agent->ring, loop_now(s->home.loop));
	if (gone > 0)
		log_info("%zu key%s expired", gone, gone == 1 ? "" : "s");
	on_served(s);
	return ST_OK;
}

/* Connections that a uid has. */
static size_t
count_uid(const struct server *s, uid_t uid)
{
	size_t i, n = 0;

	for (i = 0; i < s->n; i++)
		if (client_peer(s->clients[i])->uid == uid)
			n++;
	return n;
}

/* Why a peer is turned away, or NULL. */
static const char *
turn_away(const struct server *s, const struct peer *peer)
{
	const struct server_options *o = &s->opts;

	if (peer->ops == 0)
		return "no rule names it";
	if (s->n >= o->connections_max || (peer->uid != 0 &&
	    s->n >= o->connections_max - o->connections_root))
		return "too many connections";
	if (o->connections_uid_max > 0 && peer->uid != 0 &&
	    count_uid(s, peer->uid) >= o->connections_uid_max)
		return "too many connections of this uid";
	return NULL;
}

/* Look at who connected, and serve or close. */
static int
admit(struct server *s, int fd)
{
	struct unixsock_peer cred;
	struct peer peer;
	struct client *c;
	const char *why;
	int st;

	st = unixsock_peer(fd, &cred);
	if (st != ST_OK && st != ST_TOO_LARGE) {
		log_debug("a peer without credentials: %s", status_name(st));
		(void)close(fd);
		return ST_OK;
	}
	peer = (struct peer){ cred.uid, cred.gid, cred.pid,
		policy_ops(&s->home.agent->policy, &cred) };
	if ((why = turn_away(s, &peer)) != NULL) {
		/* End of file and nothing else: no answer, no hint. */
		log_debug("uid %u turned away: %s", (unsigned)peer.uid, why);
		(void)close(fd);
		return ST_OK;
	}
	if ((st = client_new(&c, &s->home, fd, &peer)) != ST_OK) {
		(void)close(fd);
		return st == ST_NOMEM || st == ST_SYSTEM ? ST_OK : st;
	}
	client_set_index(c, s->n);
	s->clients[s->n++] = c;
	s->home.agent->facts.connections = (uint32_t)s->n;
	return ST_OK;
}

/* Connections are waiting. */
static int
on_listen(void *cookie, unsigned ready)
{
	struct server *s = cookie;
	int fd, st;

	(void)ready;
	for (int i = 0; i < LIMIT_TURN_ACCEPTS; i++) {
		if (s->n >= s->opts.connections_max &&
		    s->opts.wait_when_full) {
			accepting(s, false);
			return ST_OK;
		}
		fd = accept4(s->opts.listen_fd, NULL, NULL,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0) {
			if (errno == EAGAIN || errno == EINTR ||
			    errno == ECONNABORTED)
				return ST_OK;
			/* No descriptors or no memory: they can wait. */
			log_debug("accept: errno %d", errno);
			accepting(s, false);
			loop_timer_set(s->home.loop, &s->retry,
			    loop_now(s->home.loop) + RETRY_MS);
			return ST_OK;
		}
		if ((st = admit(s, fd)) != ST_OK)
			return st;
	}
	return ST_OK;
}

/* Perhaps there are descriptors again. */
static int
on_retry(void *cookie)
{
	accepting(cookie, true);
	return ST_OK;
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
		.workers = opts->workers, .askpass = opts->askpass,
		.gone = on_gone, .served = on_served, .cookie = s };
	s->watch = (struct loop_fd){ .fd = opts->listen_fd,
		.want = LOOP_READ, .fn = on_listen, .cookie = s };
	s->retry = (struct loop_timer){ .fn = on_retry, .cookie = s };
	s->expiry = (struct loop_timer){ .fn = on_expiry, .cookie = s };
	s->home.replies = malloc(LIMIT_REPLIES);
	s->clients = calloc(opts->connections_max,
	    sizeof(struct client *));
	if (s->home.replies == NULL || s->clients == NULL)
		goto out;
	if ((st = intake_init(&s->home.intake)) != ST_OK)
		goto out;
	if ((st = loop_fd_add(loop, &s->watch)) != ST_OK)
		goto out;
	agent->can_ask = opts->askpass != NULL;
	agent->defer = opts->workers != NULL || agent->can_ask;
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
	intake_fini(&s->home.intake);
	free(s->clients);
	free(s->home.replies);
	free(s);
}
