#ifndef SIDE_H_
#define SIDE_H_

/*
 * side - one of the two agents: its process, and connections to it.
 *
 * What goes wrong with the test itself ends the program.  What an agent does,
 * is an answer.
 *
 * Memory:  answers are kept until side_forget().
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "proto/wire.h"

#define SIDE_CONNS		3	/* of a sequence */
#define SIDE_FDS		128	/* of anybody */
#define SIDE_ARGS_MAX		16
#define SIDE_ENV_MAX		4
/* For an answer that must come. */
#define SIDE_PATIENCE_MS	20000

enum answer_kind {
	ANSWER_REPLY,
	ANSWER_CLOSED,		/* the connection ended */
	ANSWER_SILENCE,		/* nothing, for as long as one waits */
	ANSWER_GARBAGE,		/* a length that no reply has */
};

struct answer {
	enum answer_kind kind;
	struct slice	 body;		/* of a reply: at least one byte */
};

/* How the bytes of requests are cut into writes. */
enum delivery {
	DELIVER_WHOLE,		/* all requests in one */
	DELIVER_EACH,		/* one by one */
	DELIVER_BYTES,		/* every byte by itself */
	DELIVER_CUT,		/* all requests in two parts */
};

/* What a liar does to what goes through its connections; see lies.h. */
struct lie;

struct side {
	const char	*label;
	const char	*args[SIDE_ARGS_MAX];	/* the socket is "@", or "%s"
						 * in one of them; else it is
						 * SSH_AUTH_SOCK */
	bool		 foreign;	/* sock is there, and nobody we know
					 * listens: no process to start */
	const char	*env[SIDE_ENV_MAX];	/* "NAME=value" */
	const struct lie *lie;		/* NULL: honest */
	uint64_t	 told;		/* how often it has lied */
	pid_t		 pid;		/* 0: none */
	char		 dir[40];
	char		 sock[108];
	int		 patience_ms;	/* for a whole answer; 0:
					 * SIDE_PATIENCE_MS */
	int		 fds[SIDE_FDS];	/* -1: none */
	uint8_t		*room;		/* for answers */
	size_t		 used;
};

/* Take what people say an agent is: its program, which gets -D -a SOCKET, a
 * command with blanks, or "unix:PATH" for a socket that is there. */
void side_set(struct side *s, char *text);

/* What an agent that is there already is sent when a signal ends the program,
 * as frames with short replies; empty: nothing. */
extern struct slice side_last_words;

/* See to it that nothing is left of any agent when a signal ends the program,
 * nor of those that go into the background. */
void side_guard(void);

/* Start the agent and wait until it listens; end it. */
void side_start(struct side *s);
void side_stop(struct side *s);

/* End the program if the agent is not ours and has keys: all that are there
 * are removed now and then. */
void side_protect(struct side *s);

/* Whether the process is still there; of a foreign one, whether it takes a
 * connection, and else errno says why not. */
bool side_alive(struct side *s);

/* Stop its process for a while, and let it go on. */
void side_pause(struct side *s, bool pause);

/* Open connection c; whether the agent took it. */
bool side_try_connect(struct side *s, unsigned c);

/* Open and close connection c. */
void side_connect(struct side *s, unsigned c);
void side_close(struct side *s, unsigned c);
void side_close_all(struct side *s);

/* Send n requests as frames.  Nobody may be there any more to take them. */
void side_send(struct side *s, unsigned c, const struct slice *bodies,
    size_t n, enum delivery how, size_t cut);

/* Send bytes as they are. */
void side_send_raw(struct side *s, unsigned c, struct slice bytes);

/* Shut the sending side down. */
void side_shut(struct side *s, unsigned c);

/* Receive the answer to a request. */
struct answer side_receive(struct side *s, unsigned c, struct slice request);

/* Drop all answers. */
void side_forget(struct side *s);

/* Whether two answers have the same bytes. */
bool answer_eq(const struct answer *a, const struct answer *b);

/* The first byte of a reply; 0: there is none. */
uint8_t answer_code(const struct answer *a);

/* What is added when the program must end: which sequence it was. */
extern char side_where[64];

/* End the program. */
void __attribute__((__noreturn__, __format__(__printf__, 1, 2)))
    die(const char *format, ...);

#endif /* !SIDE_H_ */
