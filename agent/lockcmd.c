#include "agent/lockcmd.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/agentconn.h"
#include "agent/statusget.h"
#include "base/log.h"
#include "base/passphrase.h"
#include "base/secret.h"
#include "proto/agent_num.h"
#include "proto/frame.h"
#include "proto/reply.h"

/* A passphrase around which there is the frame of a request. */
#define FRAME_ROOM	(PASSPHRASE_MAX + 16)

/* What is known of the agent before. */
enum known {
	KNOWN_NOT,		/* it does not tell us */
	KNOWN_LOCKED,
	KNOWN_UNLOCKED,
};

struct lockcmd {
	bool		 lock;		/* or unlock */
	struct agentconn conn;
	enum known	 before;
	struct secret	*region;
	char		*passphrase;	/* in the region, as all that follows */
	size_t		 len;
	char		*again;
	uint8_t		*frame;
};

/* The exit code of an agent that could not be connected to. */
static int
unreachable(int st, const char *why)
{
	log_error("%s", why);
	if (st == ST_UNTRUSTED || st == ST_DENIED)
		return EXIT_DENIED;
	return st < 0 || st == ST_TOO_LARGE ? EXIT_FAILED : EXIT_UNREACHABLE;
}

/* Whether it is locked now, for who may know. */
static int
look(struct lockcmd *l)
{
	struct statusget s;
	int st = statusget(&l->conn, &s);

	l->before = KNOWN_NOT;
	if (st == ST_OK)
		l->before = s.head.locked != 0 ? KNOWN_LOCKED : KNOWN_UNLOCKED;
	if (agentconn_unnamed(&l->conn, st))
		return EXIT_DENIED;
	if (st == ST_CLOSED || st == ST_SYSTEM) {
		log_error_st(st, "the agent at %s gives no answer",
		    l->conn.path);
		return EXIT_UNREACHABLE;
	}
	if (l->lock && l->before == KNOWN_LOCKED) {
		log_error("the agent at %s is locked already; to give it "
		    "another passphrase, unlock it first", l->conn.path);
		return EXIT_FAILED;
	}
	if (!l->lock && l->before == KNOWN_UNLOCKED) {
		log_error("the agent at %s is not locked", l->conn.path);
		return EXIT_FAILED;
	}
	return EXIT_DONE;
}

/* Memory for the passphrase, its repetition, and the frame. */
static int
make_room(struct lockcmd *l, const struct secret_options *opts)
{
	struct secret_options small = *opts;
	char why[512];
	int st;

	small.size = SECRET_SIZE_MIN;
	st = secret_open(&l->region, &small, why, sizeof(why));
	if (st != ST_OK) {
		log_error("%s", why);
		return st == ST_FULL ? EXIT_MEMORY : EXIT_FAILED;
	}
	l->passphrase = secret_alloc(l->region, PASSPHRASE_MAX);
	l->again = secret_alloc(l->region, PASSPHRASE_MAX);
	l->frame = secret_alloc(l->region, FRAME_ROOM);
	if (l->passphrase == NULL || l->again == NULL || l->frame == NULL) {
		log_error("no locked memory for a passphrase");
		return EXIT_MEMORY;
	}
	return EXIT_DONE;
}

/* Say why there is no passphrase. */
static int
no_passphrase(int st)
{
	switch (st) {
	case ST_CLOSED:
		log_error("the passphrase is empty: nothing was done");
		return EXIT_USAGE;
	case ST_MALFORMED:
		log_error("there is a NUL byte in the passphrase: nothing was "
		    "done");
		return EXIT_USAGE;
	case ST_TOO_LARGE:
		log_error("the passphrase is longer than %d bytes: nothing was "
		    "done", PASSPHRASE_MAX);
		return EXIT_USAGE;
	case ST_NOT_FOUND:
		log_error("there is no terminal to ask for the passphrase at: "
		    "give it on stdin");
		return EXIT_USAGE;
	default:
		log_error_sys("cannot read the passphrase");
		return EXIT_FAILED;
	}
}

/* Ask a person. */
static int
ask(struct lockcmd *l)
{
	size_t len;
	int st;

	st = passphrase_ask(l->lock ? "Passphrase to lock the agent with: " :
	    "Passphrase that the agent is locked with: ", l->passphrase,
	    &l->len);
	if (st != ST_OK || !l->lock)
		return st == ST_OK ? EXIT_DONE : no_passphrase(st);
	st = passphrase_ask("The same once more: ", l->again, &len);
	if (st != ST_OK && st != ST_CLOSED)
		return no_passphrase(st);
	if (len == l->len && memcmp(l->passphrase, l->again, len) == 0)
		return EXIT_DONE;
	log_error("these are two different passphrases: nothing was done");
	return EXIT_USAGE;
}

/* Have the passphrase, wherever it is from. */
static int
obtain(struct lockcmd *l)
{
	int st;

	if (isatty(STDIN_FILENO))
		return ask(l);
	st = passphrase_read(STDIN_FILENO, l->passphrase, &l->len);
	return st == ST_OK ? EXIT_DONE : no_passphrase(st);
}

/* Why the agent refuses. */
static int
refused(const struct lockcmd *l)
{
	unsigned uid = (unsigned)geteuid();

	if (l->lock && l->before == KNOWN_UNLOCKED) {
		log_error("the agent at %s does not let uid %u lock it: that "
		    "needs the operation lock", l->conn.path, uid);
		return EXIT_DENIED;
	}
	if (l->lock) {
		log_error("the agent at %s refuses: it is locked already, or "
		    "uid %u may not lock it", l->conn.path, uid);
		return EXIT_FAILED;
	}
	if (l->before == KNOWN_LOCKED && uid == 0)
		log_error("wrong passphrase: the agent at %s is locked still",
		    l->conn.path);
	else
		log_error("the agent at %s refuses: wrong passphrase, %suid %u "
		    "may not unlock it", l->conn.path,
		    l->before == KNOWN_NOT ? "or it is not locked, or " : "or ",
		    uid);
	return EXIT_DENIED;
}

/* Send the passphrase, and hear what the agent says. */
static int
send_it(struct lockcmd *l)
{
	struct wire_writer w = wire_writer(l->frame, FRAME_ROOM);
	size_t mark = frame_open(&w);
	struct slice frame, body;
	struct reply rep;
	int st;

	wire_put_u8(&w, l->lock ? SSH_AGENTC_LOCK : SSH_AGENTC_UNLOCK);
	wire_put_string(&w, (struct slice){ (const uint8_t *)l->passphrase,
		l->len });
	frame_close(&w, mark);
	if ((st = wire_done(&w, &frame)) == ST_OK &&
	    (st = agentconn_call(&l->conn, frame, &body)) == ST_OK &&
	    (st = reply_decode(body, &rep)) == ST_OK)
		st = rep.type == SSH_AGENT_SUCCESS ? ST_OK :
		    rep.type == SSH_AGENT_FAILURE ? ST_DENIED : ST_MALFORMED;
	switch (st) {
	case ST_OK:
		log_info("the agent at %s is %s", l->conn.path, l->lock ?
		    "locked: it lists and uses no key until it is unlocked" :
		    "unlocked");
		return EXIT_DONE;
	case ST_DENIED:
		return refused(l);
	case ST_CLOSED:
	case ST_SYSTEM:
		log_error_st(st, "the agent at %s gives no answer",
		    l->conn.path);
		return EXIT_UNREACHABLE;
	default:
		log_error_st(st, "the agent at %s gives an answer that is "
		    "none", l->conn.path);
		return EXIT_FAILED;
	}
}

int
lockcmd_main(const struct agent_options *opts)
{
	struct lockcmd l = { .lock = opts->command == COMMAND_LOCK };
	char why[512];
	int code, st;

	st = agentconn_open(&l.conn, opts->socket != NULL ? opts->socket :
	    OPTIONS_SOCKET, opts->allow_shared_dir ? AGENTCONN_SHARED_DIR :
	    AGENTCONN_TRUSTED, why, sizeof(why));
	if (st != ST_OK)
		return unreachable(st, why);
	if ((code = look(&l)) == EXIT_DONE &&
	    (code = make_room(&l, &opts->memory)) == EXIT_DONE &&
	    (code = obtain(&l)) == EXIT_DONE)
		code = send_it(&l);
	secret_close(l.region);
	agentconn_close(&l.conn);
	return code;
}
