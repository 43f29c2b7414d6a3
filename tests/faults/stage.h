#ifndef STAGE_H_
#define STAGE_H_

/*
 * stage - an agent in a process of its own whose calls fail, and what can be
 * seen of it from inside.
 *
 * The agent is the whole program, linked into the test, so that a fault is
 * armed here and met there.  A process that has not used libcrypto yet, the
 * nursery, forks it; so a start takes no exec.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "proto/wire.h"

#define STAGE_ARGS	24
/* A wait for something that must come. */
#define STAGE_PATIENCE_MS	20000

/* Files of the test, in its own directory; in: a key, word: a passphrase. */
struct stage_files {
	char	 dir[48];	/* where sockets are; empty between agents */
	char	 home[48];	/* policy, audit, what is printed, keys */
	char	 sock[64], lock[64];
	char	 policy[64], audit[64], log[64], out[64], in[64], word[64];
};

extern struct stage_files stage_files;

/* What there is in an agent that has nothing to do. */
struct stage_seen {
	size_t	 blocks;	/* of the heap that are ours */
	size_t	 bytes;
	size_t	 libcrypto;	/* blocks of libcrypto */
	size_t	 fds;
	size_t	 room;		/* left in the vault, outside of the reserve */
	size_t	 held;		/* by libcrypto in it, all keys cold */
};

/* Fork the nursery: before anything here uses libcrypto.  And end it. */
void stage_open(void);
void stage_close(void);

/* A number that must not be found outside of the vault: its bytes, and the same
 * as libcrypto has them, the other way round. */
void stage_secret(struct slice number);

/* Have a program run with these arguments (NULL at the end), in which calls
 * fail as it is armed; stdin is that file, or /dev/null. */
void stage_start(const char *const *args, const char *in);

/* Wait until it serves, or has ended: whether it serves. */
bool stage_serves(void);

/* Whether it has ended, within so many ms. */
bool stage_ended(int ms);

void stage_signal(int signo);

/* The end of it: its exit code, or 128 and the signal that ended it.  What it
 * had left by then is in *seen.  Processes that it has left behind are ended by
 * SIGTERM, if that is as it should be at once; *left is how many there were,
 * and of one that did not end as it should the code is given instead. */
int stage_wait(struct stage_seen *seen, bool leaves, unsigned *left);

/* Look into an agent that serves, as soon as it has nothing to do; with deep,
 * search all its memory for secrets.  Whether it is there and idle in time. */
bool stage_look(struct stage_seen *seen, bool deep);

/* Where a secret was found, or NULL; asking clears it. */
const char *stage_leak(void);

/* What is said when something is wrong: printed with what the program printed
 * and counted. */
void stage_wrong(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
unsigned stage_wrongs(void);

/* Set what is going on, for messages. */
void stage_doing(const char *what);

#endif /* !STAGE_H_ */
