#include "agent/load.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "keys/seal.h"
#include "agent/vault.h"
#include "proto/bundle.h"
#include "proto/constraint.h"
#include "proto/reply.h"
#include "proto/request.h"

/* Places in the table by which a staged blob is found: twice as many as there
 * can be, so that a search soon meets an empty one. */
#define PLACES		4096
_Static_assert(PLACES >= 2 * REPLY_IDENTITIES_MAX &&
    (PLACES & (PLACES - 1)) == 0, "a power of two, and enough");

struct load {
	struct opener	 *opener;
	struct identity	**staged;
	size_t		  n;		/* at most REPLY_IDENTITIES_MAX */
	uint16_t	  place[PLACES];	/* index into it plus one; 0:
						 * empty */
	uint32_t	  records;	/* keys seen, repeated ones included */
	bool		  ended;	/* the final record was seen */
	bool		  dead;		/* something was refused */
	char		  name[LOAD_NAME_MAX + 1];
};

/* opener_new() as an operation of the vault: it makes a key pair. */
struct opening {
	struct load	*l;
	uint8_t		*public_key;
};

static int
open_run(void *arg)
{
	struct opening *o = arg;

	return opener_new(&o->l->opener, vault_region(), o->public_key);
}

int
load_begin(struct load **out, struct slice name,
    uint8_t public_key[static LOAD_PUBLIC_KEY])
{
	struct load *l = calloc(1, sizeof(*l));
	struct opening o = { l, public_key };
	int st;

	*out = NULL;
	if (l == NULL)
		return ST_NOMEM;
	assert(name.len <= LOAD_NAME_MAX);
	if (name.len > 0)
		memcpy(l->name, name.p, name.len);
	if ((st = vault_run(open_run, &o, VAULT_PLAIN)) != ST_OK) {
		load_free(l);
		return st;
	}
	*out = l;
	return ST_OK;
}

void
load_free(struct load *l)
{
	if (l == NULL)
		return;
	opener_free(l->opener);
	for (size_t i = 0; i < l->n; i++)
		identity_free(l->staged[i]);
	free(l->staged);
	free(l);
}

size_t
load_count(const struct load *l)
{
	return l->n;
}

/* Where a blob is in the table, or would be.  Who loads keys is trusted, so a
 * hash that can be foreseen does no harm. */
static uint16_t *
place_of(struct load *l, struct slice blob)
{
	uint32_t hash = 2166136261u;	/* FNV-1a */

	for (size_t i = 0; i < blob.len; i++)
		hash = (hash ^ blob.p[i]) * 16777619u;
	for (hash ^= hash >> 16;; hash++) {
		uint16_t *at = &l->place[hash % PLACES];

		if (*at == 0 ||
		    slice_eq(key_blob(l->staged[*at - 1]->key), blob))
			return at;
	}
}

/* Keep an identity; the same key once more takes the place of the first. */
static int
stage(struct load *l, struct identity *id, const char **why)
{
	uint16_t *at = place_of(l, key_blob(id->key));
	struct identity **more;

	if (*at != 0) {
		identity_free(l->staged[*at - 1]);
		l->staged[*at - 1] = id;
		return ST_OK;
	}
	if (l->n == REPLY_IDENTITIES_MAX) {
		*why = "more than 2048 keys: no OpenSSH client could list "
		    "them";
		return ST_FULL;
	}
	more = reallocarray(l->staged, l->n + 1, sizeof(struct identity *));
	if (more == NULL)
		return ST_NOMEM;
	l->staged = more;
	l->staged[l->n++] = id;
	*at = (uint16_t)l->n;
	return ST_OK;
}

/* Make an identity of one add request and stage it. */
static int
take_key(struct load *l, struct slice body,
    const struct load_defaults *defaults, int64_t now_ms,
    struct load_fault *fault)
{
	const char **why = &fault->text;
	struct identity *id = NULL;
	struct constraints limits;
	struct key *key = NULL;
	struct request req;
	struct text t;
	int st;

	*why = "not a key that this agent can hold";
	if ((st = request_decode_add(body, &req)) != ST_OK)
		goto out;
	*why = "a constraint that this agent does not enforce";
	if ((st = constraint_parse(req.add.constraints, &limits)) != ST_OK)
		goto out;
	*why = "an authenticator's library for a key that is not of one";
	if (limits.has_sk_provider && !key_type_info(req.add.key.type)->sk) {
		st = ST_UNSUPPORTED;
		goto out;
	}
	if ((st = key_new(&key, &req.add.key, why)) != ST_OK)
		goto out;
	*why = "out of memory";
	if ((st = identity_new(&id, key, req.add.comment)) != ST_OK)
		goto out;
	key = NULL;		/* the identity owns it now */
	st = identity_limit(id, &limits, defaults->service,
	    defaults->lifetime_s, now_ms);
	if (st == ST_NOT_FOUND) {
		*why = reason_text(REASON_CONSTRAINT_PEER);
		text_init(&t, fault->detail, sizeof(fault->detail));
		rules_unknown_peer(&limits, &t);
	}
	if (st != ST_OK)
		goto out;
	memcpy(id->load, l->name, sizeof(id->load));
	if ((st = stage(l, id, why)) != ST_OK)
		goto out;
	id = NULL;
out:
	key_free(key);
	identity_free(id);
	return st;
}

/* Act on the record that was just opened. */
static int
take_record(struct load *l, const struct load_defaults *defaults,
    int64_t now_ms, struct load_fault *fault)
{
	struct bundle_record rec;
	struct slice plain;
	bool final;
	int st;

	plain = opener_record(l->opener, &final);
	fault->text = "the bundle is broken";
	if ((st = bundle_record_decode(plain, &rec)) != ST_OK)
		return st;
	if (final != (rec.kind == BUNDLE_END))
		return ST_MALFORMED;
	if (rec.kind == BUNDLE_END) {
		l->ended = true;
		return rec.count == l->records ? ST_OK : ST_MALFORMED;
	}
	fault->item = ++l->records;
	st = take_key(l, rec.key, defaults, now_ms, fault);
	if (st == ST_OK)
		fault->item = 0;
	return st;
}

/* Bytes of a stream, taken as an operation of the vault: what libsodium leaves
 * on the stack opens the records. */
struct feeding {
	struct load	*l;
	struct slice	 bytes;
};

static int
feed_run(void *arg)
{
	struct feeding *c = arg;

	return opener_feed(c->l->opener, &c->bytes);
}

/* Act on every record that bytes complete. */
static int
take_bytes(struct load *l, struct slice bytes,
    const struct load_defaults *defaults, int64_t now_ms,
    struct load_fault *fault)
{
	struct feeding c = { l, bytes };
	int st;

	while ((st = vault_run(feed_run, &c, VAULT_PLAIN)) == ST_OK) {
		if ((st = take_record(l, defaults, now_ms, fault)) != ST_OK)
			return st;
		if (c.bytes.len == 0)
			return ST_OK;
	}
	if (st == ST_MORE)
		return ST_OK;
	fault->text = st == ST_FULL ? "no room left in locked memory" :
	    "the bundle is not sealed to this load, or is damaged";
	return st;
}

int
load_chunk(struct load *l, struct slice bytes,
    const struct load_defaults *defaults, int64_t now_ms,
    struct load_fault *fault)
{
	int st;

	*fault = (struct load_fault){ .text = "the load was refused before" };
	if (l->dead)
		return ST_MALFORMED;
	fault->text = NULL;
	st = take_bytes(l, bytes, defaults, now_ms, fault);
	l->dead = st != ST_OK;
	return st;
}

int
load_commit(struct load *l, struct keyring *ring, struct wire_writer *w,
    struct load_fault *fault)
{
	size_t mark = w->len;
	int st;

	memset(fault, 0, sizeof(*fault));
	if (!l->ended || l->dead) {
		fault->text = "the bundle is not complete";
		return ST_MORE;
	}
	for (size_t i = 0; i < l->n; i++)
		reply_put_identity(w, key_blob(l->staged[i]->key),
		    identity_comment(l->staged[i]));
	if (w->full) {
		fault->text = "more keys than one answer can name";
		w->len = mark;
		w->full = false;
		return ST_FULL;
	}
	st = keyring_put(ring, l->staged, l->n,
	    l->name[0] != '\0' ? l->name : NULL, &fault->text);
	if (st == ST_OK)
		l->n = 0;	/* the ring owns them now */
	return st;
}

/* Which load goes away, or every one; and where it is told what went. */
struct removal {
	struct slice		 name;
	struct wire_writer	*w;
};

static bool
is_removed(void *cookie, const struct identity *id)
{
	const struct removal *r = cookie;
	struct wire_writer fits = *r->w;

	if (id->load[0] == '\0' ||
	    (r->name.len > 0 && !slice_eq_str(r->name, id->load)))
		return false;
	reply_put_identity(r->w, key_blob(id->key), identity_comment(id));
	if (r->w->full)
		*r->w = fits;
	return true;
}

size_t
load_remove(struct keyring *ring, struct slice name, struct wire_writer *w)
{
	struct removal r = { name, w };

	return keyring_remove_if(ring, is_removed, &r);
}
