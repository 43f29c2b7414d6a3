#ifndef ASK_H_
#define ASK_H_

/*
 * ask - a request as the model understands it, and how the bytes of an input
 * make one.
 */

#include <stdbool.h>
#include <stdint.h>

#include "agent/audit.h"
#include "fuzz/model.h"

enum kind {
	ASK_LIST, ASK_SIGN, ASK_ADD, ASK_BIND, ASK_REMOVE, ASK_REMOVE_ALL,
	ASK_LOCK, ASK_UNLOCK, ASK_QUERY, ASK_STATUS, ASK_EXPLAIN, ASK_NEXT,
	ASK_ANSWER, ASK_BEGIN, ASK_RECORD, ASK_END, ASK_COMMIT, ASK_REMOVE_LOAD,
	ASK_STRANGE,		/* nothing that is served */
	ASK_BENT,		/* not whole */
	ASK_UNFRAMED,		/* not even a frame */
	ASKS
};

/* How data to be signed is spoilt; the last three are for logins. */
enum spoilt {
	SOUND,
	MORE_BEHIND,
	OTHER_WORD,
	OTHER_LENGTH,		/* or a type of key that nobody has */
	OTHER_NUMBER,		/* or another magic */
	UNSIGNED,		/* no signature follows; or no namespace */
	LOWER_NUMBER,
	OTHER_METHOD,
	OTHER_ALGORITHM,	/* that of a certificate, or of a plain key */
};

/* A request, as the model understands it. */
struct ask {
	enum kind	 kind;
	uint8_t		 type;		/* message number */
	enum audit_op	 op;		/* what it is called in a record */
	unsigned	 key;
	struct model_key add;
	int		 lifetime_s;	/* -1: none */
	bool		 good;		/* it is well formed */
	bool		 says_bound;	/* unbound, that it is not so */
	uint32_t	 flags;
	struct model_data data;
	unsigned	 data_key;	/* whose blob is in it */
	enum spoilt	 spoilt;
	uint8_t		 len;		/* of other data */
	unsigned	 passphrase;
	struct model_bind bind;
	bool		 forged;
	bool		 too_long;
	uint32_t	 id;
	bool		 yes, final;
	bool		 finish;	/* and commit */
	unsigned	 load;
};

/* Names of the kinds, for people who look at an input: see tell.h. */
extern const char *const ask_names[ASKS];

/* Numbers and names of messages. */
struct ask_kind {
	uint8_t		 type;
	enum audit_op	 op;
};

extern const struct ask_kind ask_kinds[ASKS];

struct side;

/* Make one of that kind up, which ${s} is to send. */
void ask_make(struct ask *a, struct side *s, enum kind kind);

/* What the model takes spoilt data for. */
struct model_data ask_meaning(const struct ask *a);

#endif /* !ASK_H_ */
