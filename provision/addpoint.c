/*
 * Of the agent's protocol this speaks as much as ssh-add needs to hand over a
 * key: there are no keys, and whatever is no add is refused.  Only an add is
 * kept while it arrives, in a piece of the region of its size; all else goes
 * through a small piece of the region, as it may be a passphrase (lock) or an
 * add that is too large.
 *
 * Nobody but our own uid gets this far, and that one could as well read the
 * file: limits are there so that nothing that runs astray can hold this up.
 */
#include "provision/addpoint.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fdio.h"
#include "base/unixsock.h"
#include "proto/frame.h"
#include "proto/reply.h"
#include "proto/request.h"
#include "provision/child.h"

#define FOLDER_NAME	"/bottle-provision.XXXXXX"
#define SOCKET_NAME	"/agent"
#define SOCKET_VARIABLE	"SSH_AUTH_SOCK="
/* What is not kept is read in pieces of this. */
#define SCRATCH		512
/* Longest answer: an empty list in its frame. */
#define ANSWER_MAX	16

/* One connection, and the request that is arriving on it. */
struct visitor {
	int	 fd;			/* -1: nobody */
	uint8_t	 head[FRAME_HEAD + 1];	/* length, message number */
	size_t	 have;			/* bytes of it */
	uint8_t	*body;			/* of an add: a piece; or NULL */
	size_t	 need, got;		/* bytes of the body */
};

struct addpoint {
	const struct addpoint_spec *spec;
	struct addpoint_key	*out;
	struct visitor		 visitors[ADDPOINT_VISITORS_MAX];
	struct unixsock		 sock;
	struct child		 child;
	uint8_t			*scratch;	/* a piece */
	bool			 done;		/* the key is here */
	int			 trouble;	/* with what was added last */
	int64_t			 until_ms;
	char			 folder[UNIXSOCK_PATH_MAX];	/* or "" */
	char			 path[UNIXSOCK_PATH_MAX];
};

/* Places of the array for poll(2). */
enum {
	AT_CHILD = 0,
	AT_SOCK = CHILD_FDS,
	AT_VISITORS,
	N_FDS = AT_VISITORS + ADDPOINT_VISITORS_MAX,
};

/*
 * Visitors.
 */

static void
visitor_close(struct addpoint *p, struct visitor *v)
{
	secret_free(p->spec->region, v->body);
	if (v->fd >= 0)
		(void)close(v->fd);
	*v = (struct visitor){ .fd = -1 };
}

/* Answer the request that is there, and expect the next.  Who does not read
 * so few bytes is left. */
static void
answer(struct addpoint *p, struct visitor *v, uint8_t code)
{
	uint8_t room[ANSWER_MAX];
	struct wire_writer w = wire_writer(room, sizeof(room));
	size_t mark = frame_open(&w);
	struct slice frame;

	if (code == SSH_AGENT_IDENTITIES_ANSWER)
		reply_put_list(&w, 0);
	else
		reply_put_code(&w, code);
	frame_close(&w, mark);
	secret_free(p->spec->region, v->body);
	v->body = NULL;
	v->have = v->need = v->got = 0;
	if (wire_done(&w, &frame) != ST_OK ||
	    write(v->fd, frame.p, frame.len) != (ssize_t)frame.len)
		visitor_close(p, v);
}

/* Whether a key is the one that is waited for. */
static bool
is_expected(const struct addpoint *p, const struct private_fields *key)
{
	uint8_t room[KEYPRIVATE_PUBLIC_MAX];
	struct wire_writer w = wire_writer(room, sizeof(room));
	struct slice blob;

	if (p->spec->expect.len == 0)
		return true;
	keyprivate_put_public(&w, key);
	return wire_done(&w, &blob) == ST_OK &&
	    slice_eq(blob, p->spec->expect);
}

/* An add is here in whole: keep it, or say what is wrong with it. */
static int
take_add(struct addpoint *p, struct visitor *v)
{
	struct request req;
	int st;

	st = request_decode((struct slice){ v->body, v->need }, &req);
	if (st != ST_OK)
		return st;
	/* ssh-add finds a key's certificates by itself; so do we. */
	if (req.add.key.cert.len > 0)
		return ST_OK;
	if (key_type_info(req.add.key.type)->sk)
		return ST_UNSUPPORTED;
	if (!is_expected(p, &req.add.key))
		return ST_UNTRUSTED;
	p->out->fields = req.add.key;
	p->out->comment = req.add.comment;
	p->out->mem = v->body;
	v->body = NULL;		/* the key borrows from it now */
	p->done = true;
	p->until_ms = clock_ms() + ADDPOINT_END_MS;
	return ST_OK;
}

/* A request is here in whole, or what is not kept of it is over. */
static void
serve(struct addpoint *p, struct visitor *v)
{
	uint8_t type = v->head[FRAME_HEAD];

	if (type == SSH_AGENTC_REQUEST_IDENTITIES) {
		answer(p, v, SSH_AGENT_IDENTITIES_ANSWER);
	} else if (!request_is_add(type)) {
		answer(p, v, SSH_AGENT_FAILURE);
	} else if (p->done) {
		/* A certificate for the key that we have. */
		answer(p, v, SSH_AGENT_SUCCESS);
	} else {
		if (v->body != NULL)
			p->trouble = take_add(p, v);
		answer(p, v, p->trouble == ST_OK ? SSH_AGENT_SUCCESS :
		    SSH_AGENT_FAILURE);
	}
}

/* The head of a request is here: have a place for its body. */
static int
begin(struct addpoint *p, struct visitor *v)
{
	struct frame_peek peek;
	int st;

	if ((st = frame_peek((struct slice){ v->head, v->have }, &peek)) !=
	    ST_OK)
		return st;
	v->need = peek.need - FRAME_HEAD;
	v->got = 1;
	if (!request_is_add(peek.type) || p->done)
		return ST_OK;
	p->trouble = ST_OK;
	if (v->need > ADDPOINT_ADD_MAX)
		p->trouble = ST_TOO_LARGE;
	else if ((v->body = secret_alloc(p->spec->region, v->need)) == NULL)
		p->trouble = ST_FULL;
	else
		v->body[0] = peek.type;
	return ST_OK;
}

/* Where the next bytes of a visitor go, and how many. */
static uint8_t *
space(const struct addpoint *p, struct visitor *v, size_t *n)
{
	if (v->have < sizeof(v->head)) {
		*n = sizeof(v->head) - v->have;
		return v->head + v->have;
	}
	*n = v->need - v->got;
	if (v->body != NULL)
		return v->body + v->got;
	if (*n > SCRATCH)
		*n = SCRATCH;
	return p->scratch;
}

/* Take what there is of a visitor's; once, so that all have their turn. */
static void
visitor_turn(struct addpoint *p, struct visitor *v)
{
	size_t room;
	uint8_t *at = space(p, v, &room);
	ssize_t n = read(v->fd, at, room);

	if (n < 0 && (errno == EINTR || errno == EAGAIN ||
	    errno == EWOULDBLOCK))
		return;
	if (n <= 0) {
		visitor_close(p, v);
		return;
	}
	if (v->have < sizeof(v->head)) {
		v->have += (size_t)n;
		if (v->have < sizeof(v->head))
			return;
		if (begin(p, v) != ST_OK) {
			visitor_close(p, v);
			return;
		}
	} else {
		v->got += (size_t)n;
	}
	if (v->got == v->need)
		serve(p, v);
}

/* Whether a new connection is to be listened to. */
static bool
is_welcome(int fd)
{
	struct unixsock_peer peer;
	int st = unixsock_peer(fd, &peer);

	/* Too many groups are nothing to us. */
	return (st == ST_OK || st == ST_TOO_LARGE) && peer.uid == geteuid() &&
	    fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 && fdio_nonblock(fd) == ST_OK;
}

/* Let one in, if there is a place. */
static void
accept_one(struct addpoint *p)
{
	int fd = accept(p->sock.fd, NULL, NULL);

	if (fd < 0)
		return;
	for (size_t i = 0; i < ADDPOINT_VISITORS_MAX; i++) {
		if (p->visitors[i].fd < 0 && is_welcome(fd)) {
			p->visitors[i].fd = fd;
			return;
		}
	}
	(void)close(fd);
}

/*
 * The place, and ssh-add.
 */

/* Make the folder and the socket in it. */
static int
open_place(struct addpoint *p, char *why, size_t whylen)
{
	struct unixsock_spec spec = { .path = p->path, .mode = 0600,
		.check_dir = true, .backlog = ADDPOINT_VISITORS_MAX };
	char *folder = p->folder;
	int n;

	assert(p->spec->dir[0] == '/');
	n = snprintf(p->path, sizeof(p->path), "%s" FOLDER_NAME SOCKET_NAME,
	    p->spec->dir);
	if (n < 0 || (size_t)n >= sizeof(p->path)) {
		(void)snprintf(why, whylen, "the folder for a socket has a "
		    "path that is too long: %s; set XDG_RUNTIME_DIR to "
		    "another one", p->spec->dir);
		return ST_TOO_LARGE;
	}
	(void)snprintf(folder, sizeof(p->folder), "%s" FOLDER_NAME,
	    p->spec->dir);
	if (mkdtemp(folder) == NULL) {
		(void)snprintf(why, whylen, "cannot make a folder in %s: %s; "
		    "set XDG_RUNTIME_DIR to another one", p->spec->dir,
		    strerror(errno));
		folder[0] = '\0';
		return ST_SYSTEM;
	}
	/* The same, with the name that it has got. */
	memcpy(p->path, folder, strlen(folder));
	return unixsock_listen(&p->sock, &spec, why, whylen);
}

extern char **environ;

/* Our environment with another agent in it; the caller frees the array and
 * its first string. */
static char **
make_environment(const char *path)
{
	const size_t prefix = sizeof(SOCKET_VARIABLE) - 1;
	size_t n = 0, len = prefix + strlen(path) + 1;
	char **env, *first;

	while (environ != NULL && environ[n] != NULL)
		n++;
	env = calloc(n + 2, sizeof(env[0]));
	first = malloc(len);
	if (env == NULL || first == NULL) {
		free(env);
		free(first);
		return NULL;
	}
	(void)snprintf(first, len, SOCKET_VARIABLE "%s", path);
	env[0] = first;
	for (size_t i = 0, at = 1; i < n; i++)
		if (strncmp(environ[i], SOCKET_VARIABLE, prefix) != 0)
			env[at++] = environ[i];
	return env;
}

/* Start it: it reads the passphrase at the terminal, or by askpass where there
 * is none, and says at our stderr when one was wrong. */
static int
start(struct addpoint *p, char *why, size_t whylen)
{
	char name[] = "ssh-add", quiet[] = "-q", end[] = "--";
	char **env = make_environment(p->path), *key = strdup(p->spec->key);
	char *argv[] = { name, quiet, end, key, NULL };
	struct child_spec spec = {
		.program = p->spec->ssh_add,
		.argv = argv,
		.envp = env,
		.in = CHILD_TTY,
		.out = CHILD_NULL,
		.err = CHILD_INHERIT,
	};
	int st = ST_NOMEM;

	if (env != NULL && key != NULL)
		st = child_start(&p->child, &spec, why, whylen);
	else
		(void)snprintf(why, whylen, "out of memory");
	if (env != NULL)
		free(env[0]);
	free(env);
	free(key);
	return st;
}

/* Whether it is time to give up, or nothing more is to come. */
static int
is_over(const struct addpoint *p)
{
	if (p->spec->stop != NULL && *p->spec->stop != 0)
		return ST_CLOSED;
	if (clock_ms() >= p->until_ms)
		return p->done ? ST_OK : ST_BUSY;
	return ST_MORE;
}

/* How long to wait: never so long that the caller's signal waits long. */
static int
wait_ms(const struct addpoint *p)
{
	int64_t left = p->until_ms - clock_ms();
	int tick = p->done ? CHILD_END_MS : CHILD_TICK_MS;

	return left < 0 ? 0 : left < tick ? (int)left : tick;
}

/* Wait for something, and take it; whether ssh-add has ended. */
static int
turn(struct addpoint *p)
{
	struct pollfd fds[N_FDS];

	child_fds(&p->child, fds + AT_CHILD);
	fds[AT_SOCK] = (struct pollfd){ .fd = p->sock.fd, .events = POLLIN };
	for (size_t i = 0; i < ADDPOINT_VISITORS_MAX; i++)
		fds[AT_VISITORS + i] = (struct pollfd){
			.fd = p->visitors[i].fd, .events = POLLIN };
	if (poll(fds, N_FDS, wait_ms(p)) < 0)
		for (size_t i = 0; i < N_FDS; i++)
			fds[i].revents = 0;
	for (size_t i = 0; i < ADDPOINT_VISITORS_MAX; i++)
		if (fds[AT_VISITORS + i].revents != 0)
			visitor_turn(p, &p->visitors[i]);
	if (fds[AT_SOCK].revents != 0)
		accept_one(p);
	return child_turn(&p->child, fds + AT_CHILD);
}

/* Say why there is no key although ssh-add has ended. */
static int
explain(const struct addpoint *p, char *why, size_t whylen)
{
	int status = p->child.status;

	switch (p->trouble) {
	case ST_OK:
		break;
	case ST_UNTRUSTED:
		(void)snprintf(why, whylen, "ssh-add found another key in it "
		    "than its public half says: make that anew with "
		    "`ssh-keygen -y`");
		return ST_UNTRUSTED;
	case ST_FULL:
		(void)snprintf(why, whylen, "there is no room left in locked "
		    "memory: raise the limit (ulimit -l), or load fewer keys "
		    "at once");
		return ST_FULL;
	default:
		(void)snprintf(why, whylen, "ssh-add opened it, and it is of "
		    "a type or size that is not taken: only Ed25519, RSA, and "
		    "ECDSA on P-256, P-384 and P-521 are");
		return ST_UNSUPPORTED;
	}
	if (WIFSIGNALED(status))
		(void)snprintf(why, whylen, "it stays locked: %s was ended by "
		    "signal %d", p->spec->ssh_add, WTERMSIG(status));
	else
		(void)snprintf(why, whylen, "it stays locked: no passphrase, "
		    "or a wrong one, was given to %s; where there is no "
		    "terminal, SSH_ASKPASS names a program that asks",
		    p->spec->ssh_add);
	return ST_LOCKED;
}

/* Wait until there is a key and ssh-add is gone. */
static int
await(struct addpoint *p, char *why, size_t whylen)
{
	int st, over;

	p->until_ms = clock_ms() + (p->spec->time_ms > 0 ? p->spec->time_ms :
	    ADDPOINT_ASK_MS);
	do {
		st = turn(p);
		over = is_over(p);
	} while (st == ST_MORE && over == ST_MORE);
	if (over == ST_CLOSED) {
		(void)snprintf(why, whylen, "interrupted");
		return ST_CLOSED;
	}
	if (p->done)
		return ST_OK;
	if (st == ST_OK)
		return explain(p, why, whylen);
	if (st != ST_MORE) {
		(void)snprintf(why, whylen, "cannot wait for %s: %s",
		    p->spec->ssh_add, strerror(errno));
		return st;
	}
	(void)snprintf(why, whylen, "it stays locked: nobody gave its "
	    "passphrase in time");
	return ST_BUSY;
}

/* Leave nothing behind. */
static void
close_place(struct addpoint *p)
{
	child_stop(&p->child, ADDPOINT_STOP_MS);
	child_fini(&p->child);
	for (size_t i = 0; i < ADDPOINT_VISITORS_MAX; i++)
		visitor_close(p, &p->visitors[i]);
	unixsock_close(&p->sock);
	if (p->folder[0] != '\0')
		(void)rmdir(p->folder);
	secret_free(p->spec->region, p->scratch);
}

int
addpoint_ask(const struct addpoint_spec *spec, struct addpoint_key *out,
    char *why, size_t whylen)
{
	struct addpoint p = { .spec = spec, .out = out,
		.sock = { .fd = -1, .lock_fd = -1 },
		.child = { .in = -1, .out = -1, .err = -1 } };
	int st;

	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < ADDPOINT_VISITORS_MAX; i++)
		p.visitors[i].fd = -1;
	if ((p.scratch = secret_alloc(spec->region, SCRATCH)) == NULL) {
		p.trouble = ST_FULL;
		st = explain(&p, why, whylen);
		goto out;
	}
	if ((st = open_place(&p, why, whylen)) != ST_OK ||
	    (st = start(&p, why, whylen)) != ST_OK)
		goto out;
	st = await(&p, why, whylen);
out:
	close_place(&p);
	if (st != ST_OK)
		addpoint_fini(spec->region, out);
	return st;
}

void
addpoint_fini(struct secret *region, struct addpoint_key *key)
{
	secret_free(region, key->mem);
	memset(key, 0, sizeof(*key));
}
