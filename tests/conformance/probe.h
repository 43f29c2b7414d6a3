#ifndef PROBE_H_
#define PROBE_H_

/*
 * probe - what a requirement is, and what the checks of them are made of.
 *
 * Each check starts with an agent that has no key, as far as it lets go of
 * them, is unlocked, and has no connection.  Answers are good until the check
 * ends; what login() and trial_draft() give, until the next call.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "differential/ask.h"
#include "differential/material.h"
#include "differential/side.h"
#include "differential/trial.h"
#include "proto/agent_num.h"
#include "proto/wire.h"

enum verdict {
	VERDICT_PASS,
	VERDICT_FAIL,
	VERDICT_NOT_OFFERED,	/* the agent does not have it, and need not */
	VERDICT_SKIPPED,	/* it cannot be told here */
	VERDICTS
};

/* How much the requirement is one. */
enum level {
	LEVEL_MUST,		/* the specification says so */
	LEVEL_SHOULD,
	LEVEL_PRACTICE,		/* what OpenSSH's agent does, or its clients
				 * go by */
};

/* What an agent may have or not. */
enum offer {
	OFFER_ADD = 1 << 0,		/* a plain Ed25519 key is taken */
	OFFER_LIFETIME = 1 << 1,
	OFFER_CONFIRM = 1 << 2,
	OFFER_LOCK = 1 << 3,
	OFFER_BIND = 1 << 4,		/* session-bind@openssh.com */
	OFFER_DESTINATIONS = 1 << 5,	/* restrict-destination-v00 */
	OFFER_QUERY = 1 << 6,
	OFFER_RSA = 1 << 7,
	OFFER_CERTIFICATE = 1 << 8,	/* with an Ed25519 key */
};

struct probe {
	struct side	*side;
	unsigned	 offers;	/* enum offer */
	bool		 gone;		/* it does not answer any more */
	bool		 ended;		/* its process has, in this check */
	bool		 sticky;	/* it does not let go of keys */
	bool		 locked;	/* a check has locked it */
	unsigned	 n_fresh;
	int		 patience_ms;	/* of the side, while it answers */
	unsigned	 n_silent;	/* requests without an answer, of late */
	char		 seen[240];	/* what made the verdict */
};

typedef enum verdict check_fn(struct probe *p);

struct requirement {
	const char	*id;		/* "sign.unknown-key"; NULL: the end */
	const char	*source;	/* "RFC 9987, 5.6" */
	enum level	 level;
	const char	*text;		/* in Markdown */
	unsigned	 needs;		/* enum offer */
	check_fn	*check;
};

/* All of them, in the order in which they are checked; the last are those
 * that an agent may not survive. */
extern const struct requirement requirements_frames[], requirements_keys[],
    requirements_sign[], requirements_constraints[], requirements_lock[],
    requirements_extensions[], requirements_binds[], requirements_last[];

/* Find out what the agent has. */
void probe_learn(struct probe *p);

/* Check one. */
enum verdict probe_check(struct probe *p, const struct requirement *r);

/*
 * Verdicts, and what was seen.
 */

enum verdict __attribute__((__format__(__printf__, 2, 3)))
    fails(struct probe *p, const char *format, ...);
enum verdict __attribute__((__format__(__printf__, 2, 3)))
    not_offered(struct probe *p, const char *format, ...);
enum verdict __attribute__((__format__(__printf__, 2, 3)))
    skipped(struct probe *p, const char *format, ...);

/* "FAILURE", "a closed connection": good until the fourth next call. */
const char *answer_name(const struct answer *a);

/* Return from a check unless a part of it passes. */
#define PASSES(part) do {						\
	enum verdict part_ = (part);					\
	if (part_ != VERDICT_PASS)					\
		return part_;						\
} while (0)

/*
 * Asking.
 */

extern const struct slice nothing;

/* A body of a few bytes. */
#define BODY(...)							\
	((struct slice){ (const uint8_t[]){ __VA_ARGS__ },		\
	    sizeof((const uint8_t[]){ __VA_ARGS__ }) })

/* Ask on connection c, which is opened if need be. */
struct answer ask(struct probe *p, unsigned c, struct slice body);

/* Ask; the answer must be this code and nothing more.  What: what was asked,
 * for people. */
enum verdict expect(struct probe *p, unsigned c, struct slice body,
    uint8_t code, const char *what);
/* As a code: FAILURE or EXTENSION_FAILURE. */
#define EITHER_FAILURE	0

/* The connection must still be of use. */
enum verdict expect_alive(struct probe *p, unsigned c);

/* How many keys are listed, or -1: it is not a list; where a blob is in it,
 * or -1, and the comment there. */
int list_count(struct probe *p, unsigned c);
int list_find(struct probe *p, unsigned c, struct slice blob,
    struct slice *comment);

/* The key must be listed, or must not. */
enum verdict expect_listed(struct probe *p, unsigned c, struct slice blob,
    bool listed);

/* A key of the cast; and one that was never used before. */
const struct material_key *user_key(unsigned user);
const struct material_key *fresh_key(struct probe *p);

/* An add. */
struct slice add_body(const struct material_key *k, struct slice cert,
    const char *comment, struct slice constraints);
enum verdict expect_add(struct probe *p, unsigned c,
    const struct material_key *k, struct slice constraints);

/* What ssh has signed to log in; cert and hostkey may be empty.  The usual
 * one is in the first session. */
struct slice login(const struct material_key *k, struct slice cert,
    struct slice sid, const char *user, struct slice hostkey);
struct slice usual_login(const struct material_key *k);

struct slice sign_body(struct slice blob, struct slice data, uint32_t flags);
struct slice remove_body(struct slice blob);

/* A signature by the key under that blob must verify, and be by that
 * algorithm (NULL: any of its type). */
enum verdict expect_signs(struct probe *p, unsigned c,
    const struct material_key *k, struct slice blob, struct slice data,
    uint32_t flags, const char *algorithm);
/* There must be none. */
enum verdict expect_no_signature(struct probe *p, unsigned c,
    struct slice blob, struct slice data, uint32_t flags);

/* Requests of a type and one text. */
struct slice text_body(uint8_t type, const char *text);

/* Lock with the passphrase that is undone behind the check. */
#define PASSPHRASE	"open sesame"
enum verdict expect_lock(struct probe *p, unsigned c);

#endif /* !PROBE_H_ */
