#include "agent/agentconn.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/fdio.h"
#include "base/log.h"

/* What to do where no agent is. */
#define NEXT	"--load starts one, and -a PATH looks elsewhere"

/* Say that path cannot be reached because of st. */
static void
explain(int st, const char *path, char *why, size_t whylen)
{
	switch (st) {
	case ST_NOT_FOUND:
		(void)snprintf(why, whylen, "no agent at %s: no such file; "
		    NEXT, path);
		break;
	case ST_CLOSED:
		(void)snprintf(why, whylen, "no agent at %s: nobody listens; "
		    NEXT, path);
		break;
	case ST_DENIED:
		(void)snprintf(why, whylen, "no permission to connect to %s; "
		    "run this as root, or start the agent with --public",
		    path);
		break;
	case ST_TOO_LARGE:
		(void)snprintf(why, whylen, "the socket's path is too long: "
		    "%s", path);
		break;
	case ST_NOMEM:
		(void)snprintf(why, whylen, "out of memory");
		break;
	default:
		(void)snprintf(why, whylen, "cannot connect to %s: %s", path,
		    strerror(errno));
	}
}

/* The server must be root or ourselves. */
static int
check_server(const struct agentconn *c, char *why, size_t whylen)
{
	struct unixsock_peer peer;
	int st;

	/* How many groups it has does not matter here. */
	st = unixsock_peer(c->fd, &peer);
	if (st != ST_OK && st != ST_TOO_LARGE) {
		explain(st, c->path, why, whylen);
		return st;
	}
	if (peer.uid == 0 || peer.uid == geteuid())
		return ST_OK;
	(void)snprintf(why, whylen, "%s is served by uid %lu, which is neither "
	    "root nor uid %lu: nothing was sent", c->path,
	    (unsigned long)peer.uid, (unsigned long)geteuid());
	return ST_UNTRUSTED;
}

/* Neither a reply nor a request may take for ever. */
static int
set_timeouts(int fd)
{
	struct timeval limit = { .tv_sec = AGENTCONN_TIMEOUT_S };

	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit,
	    sizeof(limit)) != 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit,
	    sizeof(limit)) != 0)
		return ST_SYSTEM;
	return ST_OK;
}

int
agentconn_open(struct agentconn *c, const char *path,
    enum agentconn_trust trust, char *why, size_t whylen)
{
	int st;

	memset(c, 0, sizeof(*c));
	c->fd = -1;
	/* These two explain themselves. */
	if ((st = unixsock_resolve(path, c->path, why, whylen)) != ST_OK)
		goto out;
	if (trust == AGENTCONN_TRUSTED &&
	    (st = unixsock_trust(c->path, why, whylen)) != ST_OK)
		goto out;

	if ((c->reply = malloc(FRAME_MAX)) == NULL) {
		st = ST_NOMEM;
		explain(st, c->path, why, whylen);
		goto out;
	}
	if ((st = unixsock_connect(c->path, &c->fd)) != ST_OK ||
	    (st = set_timeouts(c->fd)) != ST_OK) {
		explain(st, c->path, why, whylen);
		goto out;
	}
	if (trust != AGENTCONN_ANYONE)
		st = check_server(c, why, whylen);
out:
	if (st != ST_OK)
		agentconn_close(c);
	return st;
}

int
agentconn_send(struct agentconn *c, struct slice frame)
{
	return fdio_write_full(c->fd, frame.p, frame.len);
}

int
agentconn_reply(struct agentconn *c, struct slice *body)
{
	struct slice in = { c->reply, FRAME_HEAD + 1 };
	struct frame_peek peek;
	int st;

	*body = (struct slice){ NULL, 0 };
	if ((st = fdio_read_full(c->fd, c->reply, in.len, NULL)) != ST_OK)
		return st;
	if (frame_peek(in, &peek) != ST_OK)
		return ST_MALFORMED;
	if (peek.need > in.len && (st = fdio_read_full(c->fd,
	    c->reply + in.len, peek.need - in.len, NULL)) != ST_OK)
		return st;
	in.len = peek.need;
	return frame_next(&in, body) == ST_OK ? ST_OK : ST_MALFORMED;
}

int
agentconn_call(struct agentconn *c, struct slice frame, struct slice *body)
{
	int st;

	*body = (struct slice){ NULL, 0 };
	if ((st = agentconn_send(c, frame)) != ST_OK)
		return st;
	return agentconn_reply(c, body);
}

bool
agentconn_unnamed(const struct agentconn *c, int st)
{
	if (st != ST_CLOSED || geteuid() == 0)
		return false;
	log_error("the agent at %s lets uid %u do nothing: run this as root, "
	    "or give it a rule with --allow", c->path, (unsigned)geteuid());
	return true;
}

void
agentconn_close(struct agentconn *c)
{
	if (c->fd >= 0)
		(void)close(c->fd);
	c->fd = -1;
	free(c->reply);
	c->reply = NULL;
}
