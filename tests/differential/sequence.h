#ifndef SEQUENCE_H_
#define SEQUENCE_H_

/*
 * sequence - what is asked of the agents, made from a seed or an input.
 *
 * The steps depend on nothing but these and the version of OpenSSH: not on
 * answers.  The generator keeps a guess of what the agents hold, so that most
 * requests mean something; where a guess is wrong, that is a request too.
 *
 * What no two agents can be compared in is not asked:
 *   - lifetimes of 1 to 60 seconds but where the step waits for their end
 *     (OpenSSH counts whole seconds of the clock);
 *   - anything in one write behind an add with a lifetime of 0 (OpenSSH lets
 *     keys go before it reads, not before each request);
 *   - host certificates that the version reads in another way.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "differential/random.h"
#include "differential/side.h"
#include "proto/wire.h"

#define STEP_BODIES		5

enum step_kind {
	STEP_ASK,		/* requests, an answer to each */
	STEP_RAW,		/* bytes that end the connection */
	STEP_PARTIAL,		/* a part of a frame, then the end */
	STEP_HOLD,		/* a part of a frame that stays unfinished
				 * while the other connections go on */
	STEP_SHUT,		/* list, and nothing comes after it */
	STEP_RECONNECT,
	STEP_WAIT,		/* a request, then wait_ms */
};

struct step {
	enum step_kind	 kind;
	unsigned	 conn;
	size_t		 n;
	struct slice	 bodies[STEP_BODIES];	/* RAW: as it is sent */
	enum delivery	 how;
	size_t		 cut;
	unsigned	 wait_ms;
};

#define SEQUENCE_HOSTS	3

/* What the generator thinks of one connection. */
struct sequence_conn {
	bool		 held;
	size_t		 n_binds;
	unsigned	 host, sid;		/* of the last bind */
};

struct sequence {
	struct random	 random;
	unsigned	 version;	/* of OpenSSH: 902, 1005 */
	size_t		 left;		/* steps */
	unsigned	 n_conns;
	unsigned	 hosts[SEQUENCE_HOSTS];
	struct sequence_conn conns[SIDE_CONNS];
	size_t		 n_blobs;	/* of what was added */
	struct slice	 blobs[16];
	bool		 by_input;
	bool		 locked;
	bool		 waits;		/* one of its steps takes seconds */
	bool		 locks;		/* it locks and unlocks */
	bool		 wrong;		/* one of its passphrases is wrong */
	uint8_t		*room;		/* for the bodies of one step */
	size_t		 used;
};

/* Start the sequence of a seed. */
void sequence_begin(struct sequence *q, uint64_t seed, unsigned version);

/* Start one that is made from an input, which must stay; it ends with it. */
void sequence_begin_input(struct sequence *q, struct slice input,
    unsigned version);

void sequence_end(struct sequence *q);

/* Make the next step.  Bodies are good until the next call. */
bool sequence_next(struct sequence *q, struct step *out);

#endif /* !SEQUENCE_H_ */
