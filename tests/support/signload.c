/*
 * signload - sign with every key of an agent in turn, as fast as it answers,
 * until the time is over or SIGTERM comes.
 *
 * usage: signload SOCKET [SECONDS]
 *
 * The data are never the same twice, and have the form that git's signatures
 * have (SSHSIG), so that an agent which looks at what it signs takes them.
 * After one signature with each key it says "signing" on stdout, at the end
 * how many there were.  RSA keys sign with SHA-256 and SHA-512 in turn.
 * Exit status: 0 all were made; 1 something was refused, or nothing is there
 * to sign with; 2 wrong use.
 */
#include <assert.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "agent/agentconn.h"
#include "base/clock.h"
#include "base/num.h"
#include "proto/agent_num.h"
#include "proto/reply.h"
#include "proto/request.h"

/* More keys than this are not signed with. */
#define KEYS_MAX	64
/* The longest time, in seconds. */
#define SECONDS_MAX	86400

struct load {
	struct agentconn	 conn;
	uint8_t			*list;		/* the keys' blobs lie here */
	struct slice		 blob[KEYS_MAX];
	size_t			 n_keys;
	uint64_t		 done;		/* signatures */
};

static volatile sig_atomic_t ended;

static void
on_term(int sig)
{
	(void)sig;
	ended = 1;
}

/* Send one request and take its reply apart. */
static int
call(struct load *l, const struct request *req, struct reply *reply)
{
	uint8_t room[8192];
	struct wire_writer w = wire_writer(room, sizeof(room));
	size_t mark = frame_open(&w);
	struct slice frame, body;
	int st;

	request_encode(&w, req);
	frame_close(&w, mark);
	if ((st = wire_done(&w, &frame)) != ST_OK ||
	    (st = agentconn_call(&l->conn, frame, &body)) != ST_OK)
		return st;
	return reply_decode(body, reply);
}

/* Ask for the keys, and keep them. */
static int
get_keys(struct load *l)
{
	const struct request req = { .type =
		SSH_AGENTC_REQUEST_IDENTITIES };
	struct wire_reader r;
	struct reply reply;
	struct slice comment;
	uint32_t n;
	int st;

	if ((st = call(l, &req, &reply)) != ST_OK)
		return st;
	if (reply.type != SSH_AGENT_IDENTITIES_ANSWER)
		return ST_DENIED;
	l->list = malloc(reply.rest.len);
	assert(l->list != NULL);
	memcpy(l->list, reply.rest.p, reply.rest.len);
	r = wire_reader((struct slice){ l->list, reply.rest.len });
	if ((st = wire_get_u32(&r, &n)) != ST_OK)
		return st;
	for (; n > 0 && l->n_keys < KEYS_MAX; n--)
		if ((st = wire_get_string(&r,
		    &l->blob[l->n_keys++])) != ST_OK ||
		    (st = wire_get_string(&r, &comment)) != ST_OK)
			return st;
	return l->n_keys > 0 ? ST_OK : ST_NOT_FOUND;
}

/* Something new to sign. */
static int
make_data(uint8_t *p, size_t cap, struct slice *out)
{
	struct wire_writer w = wire_writer(p, cap);
	uint8_t digest[64];

	if (getrandom(digest, sizeof(digest), 0) != (ssize_t)sizeof(digest))
		return ST_SYSTEM;
	wire_put_bytes(&w, slice_str("SSHSIG"));
	wire_put_str(&w, "git");
	wire_put_str(&w, "");
	wire_put_str(&w, "sha512");
	wire_put_string(&w, (struct slice){ digest, sizeof(digest) });
	return wire_done(&w, out);
}

/* One signature; which key and which hash goes round. */
static int
sign_next(struct load *l)
{
	struct request req = { .type = SSH_AGENTC_SIGN_REQUEST };
	struct reply reply;
	uint8_t room[256];
	int st;

	req.sign.blob = l->blob[l->done % l->n_keys];
	req.sign.flags = l->done / l->n_keys % 2 == 0 ?
	    SSH_AGENT_RSA_SHA2_256 : SSH_AGENT_RSA_SHA2_512;
	if ((st = make_data(room, sizeof(room), &req.sign.data)) != ST_OK ||
	    (st = call(l, &req, &reply)) != ST_OK)
		return st;
	if (reply.type != SSH_AGENT_SIGN_RESPONSE)
		return ST_DENIED;
	l->done++;
	return ST_OK;
}

/* Go on until ${until}, in clock_ms(). */
static int
sign_until(struct load *l, int64_t until)
{
	int st = ST_OK;

	while (st == ST_OK && !ended && clock_ms() < until) {
		st = sign_next(l);
		if (st == ST_OK && l->done == l->n_keys) {
			(void)puts("signing");
			(void)fflush(stdout);
		}
	}
	/* What SIGTERM interrupted is no failure. */
	return ended ? ST_OK : st;
}

int
main(int argc, char **argv)
{
	const struct sigaction act = { .sa_handler = on_term };
	struct load l = { .conn.fd = -1 };
	uint64_t seconds = SECONDS_MAX;
	char why[256] = "";
	int st;

	if (argc < 2 || argc > 3 || (argc == 3 && num_u64(argv[2], 1,
	    SECONDS_MAX, &seconds) != ST_OK)) {
		(void)fputs("usage: signload SOCKET [SECONDS]\n", stderr);
		return 2;
	}
	(void)sigaction(SIGTERM, &act, NULL);
	(void)sigaction(SIGINT, &act, NULL);
	if ((st = agentconn_open(&l.conn, argv[1], AGENTCONN_ANYONE, why,
	    sizeof(why))) == ST_OK &&
	    (st = get_keys(&l)) == ST_OK)
		st = sign_until(&l, clock_ms() + 1000 * (int64_t)seconds);
	(void)printf("%" PRIu64 " signatures\n", l.done);
	if (st != ST_OK)
		(void)fprintf(stderr, "signload: %s %s\n", status_name(st),
		    why);
	agentconn_close(&l.conn);
	free(l.list);
	return st == ST_OK && l.done > 0 ? 0 : 1;
}
