#ifndef BENCH_H_
#define BENCH_H_

/*
 * bench - both agents side by side, and the same requests to both.
 *
 * Answers must have the same bytes, but for signatures that are random
 * (ECDSA): of those, both must be good.  Whatever else differs must be a row
 * of the table (differences.h).
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "differential/sequence.h"
#include "differential/side.h"

/* What is known of a connection, from the answers of OpenSSH. */
struct bench_conn {
	bool		 held;		/* a frame is under way */
	bool		 bound;		/* a bind was recorded */
	bool		 failed;	/* a bind failed */
};

struct exchange;

struct bench {
	struct side	*theirs, *mine;
	unsigned	 version;	/* of OpenSSH: 902, 1005 */
	bool		 legacy;	/* SHA-1 is on */
	bool		 verbose;	/* show every request and answer */
	bool		 quiet;		/* do not show differences either */
	bool		 same_program;	/* both are OpenSSH: no difference is
					 * deliberate */
	bool		 locked;
	uint8_t		 passphrase[256];
	size_t		 passphrase_len;
	struct bench_conn conns[SIDE_CONNS];
	/* Called with each exchange that is judged, or NULL. */
	void		(*saw)(const struct exchange *x);
	uint64_t	 requests;	/* that were compared */
	uint64_t	 signatures;	/* of them, that were made */
};

/* Open connection c to both. */
void bench_connect(struct bench *b, unsigned c);
void bench_reconnect(struct bench *b, unsigned c);

/* Make both empty and unlocked again, by a restart if need be. */
void bench_reset(struct bench *b);
void bench_restart(struct bench *b);

/* Ask both the same; do not compare. */
void bench_ask(struct bench *b, unsigned c, struct slice body,
    struct answer *theirs, struct answer *mine);

/* Play the sequence of a seed.  False: a difference that is not in the table,
 * which was printed. */
bool bench_play(struct bench *b, uint64_t seed);

/* The same for the sequence of an input. */
bool bench_play_input(struct bench *b, struct slice input);

/* Whether a SIGN_RESPONSE is a good answer to a request. */
bool bench_verifies(struct slice request, const struct answer *a);

/* Print bytes for people. */
void bench_show(FILE *f, const char *label, struct slice bytes);

#endif /* !BENCH_H_ */
