#ifndef WORLD_H_
#define WORLD_H_

/*
 * world - the state of a conversation: what the model says of the agent, and
 * each connection with what is still to come on it.
 *
 * One input is one world; world_begin() makes a new one.  Nothing is on the
 * heap but the sealer of a load, which outcome_load_over() releases.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "fuzz/conversation/ask.h"
#include "fuzz/model.h"
#include "fuzz/support/stage.h"
#include "proto/bundle.h"

#define CONNS		5
/* Replies that are waited for on one connection. */
#define WAITING_MAX	16
#define ROOM		(64 * 1024)
#define HEAD		(BUNDLE_SEALED + BUNDLE_HEADER)

/* A reply that is to come. */
struct expected {
	enum kind	 kind;
	uint8_t		 code;		/* of one byte; 0: what kind is for */
	struct ask	 ask;
	struct model_keys list;
	unsigned	 names;		/* of a query */
	bool		 refused;	/* a load */
	uint32_t	 keys, signatures, refusals;
};

/* A record that is to come. */
struct noted {
	enum audit_op	 op;
	bool		 denied;
	enum reason	 reason;	/* of that; REASON_NONE: any */
	/* Of a signature. */
	bool		 signature;
	unsigned	 key, comment;
	struct model_data what;
	unsigned	 peer;
	struct model_path path;		/* of then */
};

enum stage {
	STAGE_NONE,
	STAGE_OPEN,
	STAGE_ENDED,
};

enum busy { IDLE, ASKING, NEXT, HOLDING };

struct side {
	int		 fd;		/* -1: not connected */
	unsigned	 peer, ops;
	uint64_t	 number;	/* of the connection, in records */
	uint64_t	 unsure;	/* by so much it may be less */
	pid_t		 pid;		/* every one has its own */
	struct model_path path;
	bool		 ended;		/* we send no more */
	bool		 left_begun;	/* that came in the middle of a frame */
	bool		 closing;	/* the agent ends it */
	size_t		 n_queue, n_replies, n_notes;
	/* The request under way. */
	enum busy	 busy;
	struct ask	 asked;
	unsigned	 serial;	/* of its key */
	int64_t		 until_ms;	/* held, or to be answered */
	uint32_t	 question;	/* 0: nobody has it */
	const struct side *given_to;
	/* As an approver. */
	bool		 approves;
	uint64_t	 ready_since;
	/* Up to here all is zero for a new one; this is too much for that. */
	struct ask	 queue[WAITING_MAX];	/* not looked at yet */
	struct expected	 replies[WAITING_MAX];
	struct noted	 notes[2 * WAITING_MAX];
	/* The rest of a frame that was begun. */
	uint8_t		 rest[ROOM];
	size_t		 rest_len;
	struct ask	 rest_ask;
	int64_t		 begun_ms;
	/* A load. */
	enum stage	 stage;
	struct sealer	*sealer;
	uint8_t		 head[HEAD];
	size_t		 head_len;	/* not sent yet */
	unsigned	 load;
	struct model_keys staged;
	uint32_t	 records;
	uint32_t	 sealed;		/* records that were sent */
	bool		 lost;		/* something of it was thrown away */
};

struct locking {
	bool		 locked;
	unsigned	 passphrase;
	uint32_t	 failures;
	int64_t		 busy_ms;
};

struct world {
	struct side	 sides[CONNS];
	struct model_keys held;
	struct locking	 lock;
	struct stage_options options;
	unsigned	 policy;
	uint32_t	 signatures, refusals;
	unsigned	 serial;
	uint64_t	 ready_count, connections, seq;
	/* Those of them that may not have got a number. */
	uint64_t	 unnumbered;
	size_t		 expired, expired_noted;
	uint32_t	 last_question;	/* 0: none yet */
	bool		 flooding;	/* records may be sums */
	bool		 flooded;	/* once is enough */
	/* Questions that were handed out and not read yet: it is not known
	 * which. */
	size_t		 handed;
};

extern struct world world;

/* A new one, with these options and that policy of the model. */
void world_begin(const struct stage_options *options);

/* From where, when, and in which mode ${s} asks. */
struct model_place world_place(const struct side *s);

bool world_may(const struct side *s, unsigned op);

/* Whether nobody waits for anything. */
bool world_is_idle(void);

#endif /* !WORLD_H_ */
