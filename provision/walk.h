#ifndef WALK_H_
#define WALK_H_

/*
 * walk - over the values of a manifest and over its text, side by side: what is
 * looked at, where it stands, and what is said of it.
 *
 * Layer:   provision.  No I/O.
 * Memory:  what is kept is the manifest's, see walk_release().
 * Secrets: a proxy's URL may hold a password: walk_bad() shows nothing of it.
 */

#include <limits.h>
#include <stddef.h>

#include <jansson.h>

#include "base/status.h"
#include "base/text.h"
#include "proto/constraint.h"
#include "provision/jsonpos.h"
#include "provision/manifest.h"

/* How much of a word of the manifest a message shows, and room for it. */
#define WALK_SHOWN_MAX	48
#define WALK_SHOWN_ROOM	(4 * WALK_SHOWN_MAX + 1)
/* Room for "bottles.web.ssh[255].KnownHostKey[15]". */
#define WALK_PATH_ROOM	(2 * WALK_SHOWN_ROOM + 128)
/* A name this many edits away is offered as the one that was meant. */
#define WALK_NEAR_MAX	2

/* Strings that are being collected. */
struct walk_words {
	const char	*word[CONSTRAINT_PURPOSES_MAX];
	size_t		 n;
};
_Static_assert(CONSTRAINT_PEERS_MAX <= CONSTRAINT_PURPOSES_MAX,
    "there is room for peers");

struct walk {
	const struct manifest_source *src;
	struct jsonpos_text	 text;
	struct manifest		*m;
	const char		*bottle;	/* the one that is looked for */
	size_t			 at;		/* what is looked at: where, */
	size_t			 key_at;	/* its key, */
	struct text		 path;		/* and its path */
	struct text		 message;	/* what is wrong */
	/* Of the entry that is looked at. */
	struct manifest_entry	*entry;
	struct walk_words	 purposes, namespaces, peers;
	char			 path_room[WALK_PATH_ROOM];
	char			 message_room[PATH_MAX + MANIFEST_WHY_MAX];
};

/* Look at a member of an object, or an element of an array. */
typedef int walk_member(struct walk *p, const char *key, json_t *v);
typedef int walk_element(struct walk *p, size_t i, json_t *v);

/**
 * walk_members(p, object, take), walk_elements(p, array, take):
 * Look at each of the object or array that is looked at, until one returns
 * something else than ST_OK, which is returned.
 */
int walk_members(struct walk *p, json_t *object, walk_member *take) MUST_USE;
int walk_elements(struct walk *p, const json_t *array, walk_element *take)
    MUST_USE;

/**
 * walk_room(p, len), walk_keep(p, s, len, out):
 * Memory of nothing that lasts as long as the manifest, or NULL; and a copy of
 * ${len} bytes there, with a NUL behind them.
 *
 * Errors: ST_NOMEM
 */
void *walk_room(struct walk *p, size_t len);
int walk_keep(struct walk *p, const char *s, size_t len, const char **out)
    MUST_USE;

/**
 * walk_release(m):
 * Wipe and release all that was kept for a manifest.
 */
void walk_release(struct manifest *m);

/**
 * walk_message(p, at):
 * Begin the message, about what stands at ${at} of the text.
 */
struct text *walk_message(struct walk *p, size_t at);

/**
 * walk_show(t, word, len), walk_value(t, v):
 * Append a word of somebody's, escaped and cut; or what a value is.
 */
void walk_show(struct text *t, const char *word, size_t len);
void walk_value(struct text *t, const json_t *v);

/**
 * walk_wrong(p, v, what), walk_bad(p, what):
 * Say what would be right, "must be ...", and what is there instead, ${v}; or,
 * of something that must not be shown, the first alone.  They return
 * ST_MALFORMED.
 */
int walk_wrong(struct walk *p, const json_t *v, const char *what);
int walk_bad(struct walk *p, const char *what);

/**
 * walk_distance(a, b):
 * How far one name is from another one; more than WALK_NEAR_MAX: too far.
 */
size_t walk_distance(const char *a, const char *b);

#endif /* !WALK_H_ */
