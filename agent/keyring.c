/*
 * A table of places, by the hash of the blob, finds an identity in the same
 * time whatever their number.  The hash has a key of its own in each process:
 * nobody can choose keys that meet in one place of it.
 */
#include "agent/keyring.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "proto/reply.h"

/* Places in the smallest table; a power of two. */
#define TABLE_MIN	16

/* Where identities are: open addressing, at most half full. */
struct table {
	uint32_t	*place;		/* index and one; 0: nobody */
	size_t		 mask;		/* number of places, less one */
};

/*
 * Invariants: at[0..n) are distinct identities with distinct blobs, room of
 * them have space, and all are in the table; list_bytes is what their list
 * reply takes, rules_bytes what their rules do; next_ms is not after the
 * earliest expiry among them; list, if there is one, is of what there is.
 */
struct keyring {
	struct identity	**at;
	size_t		  n, room;
	struct table	  table;
	size_t		  list_bytes, rules_bytes;
	int64_t		  next_ms;
	uint8_t		 *list;		/* or NULL: to be made */
	uint8_t		  hash_key[crypto_shorthash_KEYBYTES];
};

int
identity_new(struct identity **out, struct key *key, struct slice comment)
{
	struct identity *id = calloc(1, sizeof(*id));

	*out = NULL;
	if (id == NULL)
		return ST_NOMEM;
	if (comment.len > 0) {
		if ((id->comment = malloc(comment.len)) == NULL) {
			free(id);
			return ST_NOMEM;
		}
		memcpy(id->comment, comment.p, comment.len);
	}
	id->comment_len = comment.len;
	id->expires_ms = KEYRING_NEVER;
	id->key = key;
	*out = id;
	return ST_OK;
}

void
identity_free(struct identity *id)
{
	if (id == NULL)
		return;
	key_free(id->key);
	rules_fini(&id->rules);
	free(id->comment);
	free(id);
}

int
identity_limit(struct identity *id, const struct constraints *limits,
    bool service, uint32_t default_lifetime, int64_t now_ms)
{
	id->confirm = limits->confirm;
	if (limits->has_lifetime)
		id->expires_ms = now_ms + (int64_t)limits->lifetime_s * 1000;
	else if (default_lifetime > 0)
		id->expires_ms = now_ms + (int64_t)default_lifetime * 1000;
	return rules_init(&id->rules, limits, service);
}

struct slice
identity_comment(const struct identity *id)
{
	return (struct slice){ id->comment, id->comment_len };
}

struct keyring *
keyring_new(void)
{
	struct keyring *ring = calloc(1, sizeof(*ring));

	if (ring == NULL)
		return NULL;
	if ((ring->table.place = calloc(TABLE_MIN, sizeof(uint32_t))) == NULL) {
		free(ring);
		return NULL;
	}
	ring->table.mask = TABLE_MIN - 1;
	ring->list_bytes = REPLY_LIST_HEAD;
	ring->next_ms = KEYRING_NEVER;
	randombytes_buf(ring->hash_key, sizeof(ring->hash_key));
	return ring;
}

void
keyring_free(struct keyring *ring)
{
	if (ring == NULL)
		return;
	keyring_clear(ring);
	free(ring->table.place);
	free(ring);
}

size_t
keyring_count(const struct keyring *ring)
{
	return ring->n;
}

struct identity *
keyring_at(const struct keyring *ring, size_t i)
{
	assert(i < ring->n);
	return ring->at[i];
}

static uint64_t
hash(const struct keyring *ring, struct slice blob)
{
	uint64_t h;

	_Static_assert(sizeof(h) == crypto_shorthash_BYTES, "its size");
	(void)crypto_shorthash((uint8_t *)&h, blob.p, blob.len, ring->hash_key);
	return h;
}

/* A table with room for n. */
static int
table_new(struct table *t, size_t n)
{
	size_t places = TABLE_MIN;

	while (places < 2 * n)
		places *= 2;
	t->mask = places - 1;
	t->place = calloc(places, sizeof(uint32_t));
	return t->place != NULL ? ST_OK : ST_NOMEM;
}

/* at[i] is not in it yet. */
static void
table_put(struct table *t, struct identity *const *at, size_t i)
{
	size_t h = (size_t)at[i]->hash;

	while (t->place[h & t->mask] != 0)
		h++;
	t->place[h & t->mask] = (uint32_t)i + 1;
}

/* Which of at has that blob, whose hash is h; SIZE_MAX: none. */
static size_t
table_find(const struct table *t, struct identity *const *at, uint64_t hashed,
    struct slice blob)
{
	size_t h = (size_t)hashed, i;

	for (; t->place[h & t->mask] != 0; h++) {
		i = t->place[h & t->mask] - 1;
		if (at[i]->hash == hashed &&
		    slice_eq(key_blob(at[i]->key), blob))
			return i;
	}
	return SIZE_MAX;
}

static bool
table_has(const struct table *t, struct identity *const *at,
    const struct identity *id)
{
	return table_find(t, at, id->hash, key_blob(id->key)) != SIZE_MAX;
}

struct identity *
keyring_find(const struct keyring *ring, struct slice blob)
{
	size_t i = table_find(&ring->table, ring->at, hash(ring, blob), blob);

	return i != SIZE_MAX ? ring->at[i] : NULL;
}

/* What one identity takes in the list. */
static size_t
list_size(const struct identity *id)
{
	return reply_identity_size(key_blob(id->key), identity_comment(id));
}

/* The list is not what it was. */
static void
forget_list(struct keyring *ring)
{
	free(ring->list);
	ring->list = NULL;
}

struct slice
keyring_list(struct keyring *ring)
{
	struct wire_writer w;

	if (ring->list == NULL) {
		ring->list = malloc(ring->list_bytes);
		if (ring->list == NULL)
			return (struct slice){ NULL, 0 };
		w = wire_writer(ring->list, ring->list_bytes);
		reply_put_list(&w, (uint32_t)ring->n);
		for (size_t i = 0; i < ring->n; i++)
			reply_put_identity(&w, key_blob(ring->at[i]->key),
			    identity_comment(ring->at[i]));
		assert(!w.full && w.len == ring->list_bytes);
	}
	return (struct slice){ ring->list, ring->list_bytes };
}

/* Count one more. */
static void
count(struct keyring *ring, size_t i)
{
	struct identity *id = ring->at[i];

	forget_list(ring);
	id->list_at = ring->list_bytes;
	ring->list_bytes += list_size(id);
	ring->rules_bytes += rules_size(&id->rules);
	if (id->expires_ms < ring->next_ms)
		ring->next_ms = id->expires_ms;
	table_put(&ring->table, ring->at, i);
}

/* Count all anew, after a change; the table is large enough. */
static void
refresh(struct keyring *ring)
{
	forget_list(ring);
	ring->list_bytes = REPLY_LIST_HEAD;
	ring->rules_bytes = 0;
	ring->next_ms = KEYRING_NEVER;
	memset(ring->table.place, 0,
	    (ring->table.mask + 1) * sizeof(uint32_t));
	for (size_t i = 0; i < ring->n; i++)
		count(ring, i);
}

/* Whether so much can be held. */
static int
fits(size_t n, size_t list_bytes, size_t rules_bytes, const char **why)
{
	if (rules_bytes > KEYRING_RULES_MAX)
		*why = "the rules of all keys would take more than 8 MiB: name "
		    "fewer hosts for each key";
	else if (n > REPLY_IDENTITIES_MAX)
		*why = "more than 2048 keys: no OpenSSH client could list them";
	else if (list_bytes > REPLY_BODY_MAX)
		*why = "the list of keys would pass the 256 KiB that OpenSSH "
		    "clients read: shorten the comments or load fewer keys";
	else
		return ST_OK;
	return ST_FULL;
}

/* Have room for n identities. */
static int
grow(struct keyring *ring, size_t n)
{
	struct identity **at;
	struct table t;
	size_t room = ring->room > 0 ? ring->room : TABLE_MIN / 2;

	if (n <= ring->room)
		return ST_OK;
	while (room < n)
		room *= 2;
	if (table_new(&t, room) != ST_OK)
		return ST_NOMEM;
	at = realloc(ring->at, room * sizeof(struct identity *));
	if (at == NULL) {
		free(t.place);
		return ST_NOMEM;
	}
	free(ring->table.place);
	ring->at = at;
	ring->room = room;
	ring->table = t;
	for (size_t i = 0; i < ring->n; i++)
		table_put(&ring->table, ring->at, i);
	return ST_OK;
}

/* Put one: it takes the place of that with the same blob, or the last. */
static int
put_one(struct keyring *ring, struct identity *id, const char **why)
{
	size_t i = table_find(&ring->table, ring->at, id->hash,
	    key_blob(id->key));
	const struct identity *old = i != SIZE_MAX ? ring->at[i] : NULL;
	size_t bytes = ring->list_bytes + list_size(id);
	size_t rules = ring->rules_bytes + rules_size(&id->rules);
	int st;

	if (old != NULL) {
		bytes -= list_size(old);
		rules -= rules_size(&old->rules);
	}
	if ((st = fits(ring->n + (old == NULL), bytes, rules, why)) != ST_OK)
		return st;
	if (old != NULL) {
		identity_free(ring->at[i]);
		ring->at[i] = id;
		refresh(ring);
		return ST_OK;
	}
	if ((st = grow(ring, ring->n + 1)) != ST_OK)
		return st;
	ring->at[ring->n] = id;
	count(ring, ring->n++);
	return ST_OK;
}

/* Whether an old identity goes because of the new set: it is in the set, or
 * it came with the load that is replaced. */
static bool
is_replaced(const struct identity *old, struct identity *const *set,
    const struct table *in_set, const char *replace)
{
	return (replace != NULL && strcmp(old->load, replace) == 0) ||
	    table_has(in_set, set, old);
}

/* Order old and new into at: an old one that stays or its successor keeps its
 * place, the rest of the set comes last.  Returns how many there are. */
static size_t
merge(const struct keyring *ring, struct identity *const *set, size_t n,
    const struct table *in_set, const char *replace, struct identity **at)
{
	const struct identity *old;
	size_t i, j, m = 0;

	for (i = 0; i < ring->n; i++) {
		old = ring->at[i];
		j = table_find(in_set, set, old->hash, key_blob(old->key));
		if (j != SIZE_MAX)
			at[m++] = set[j];
		else if (!is_replaced(old, set, in_set, replace))
			at[m++] = ring->at[i];
	}
	for (j = 0; j < n; j++)
		if (!table_has(&ring->table, ring->at, set[j]))
			at[m++] = set[j];
	return m;
}

/* Put a set, in whose table all of it is. */
static int
put_set(struct keyring *ring, struct identity *const *set, size_t n,
    const struct table *in_set, const char *replace, const char **why)
{
	struct identity **at;
	size_t m, bytes = REPLY_LIST_HEAD, rules = 0;
	int st;

	at = calloc(ring->n + n + 1, sizeof(struct identity *));
	if (at == NULL)
		return ST_NOMEM;
	m = merge(ring, set, n, in_set, replace, at);
	for (size_t i = 0; i < m; i++) {
		bytes += list_size(at[i]);
		rules += rules_size(&at[i]->rules);
	}
	if ((st = fits(m, bytes, rules, why)) != ST_OK ||
	    (st = grow(ring, m)) != ST_OK) {
		free(at);
		return st;
	}
	/* Nothing can fail any more. */
	for (size_t i = 0; i < ring->n; i++) {
		if (!is_replaced(ring->at[i], set, in_set, replace))
			continue;
		/* With the same key in its place, what is being signed may be
		 * finished: nobody is to see a gap. */
		if (!table_has(in_set, set, ring->at[i]))
			key_retire(ring->at[i]->key);
		identity_free(ring->at[i]);
	}
	if (m > 0)
		memcpy(ring->at, at, m * sizeof(struct identity *));
	free(at);
	ring->n = m;
	refresh(ring);
	return ST_OK;
}

int
keyring_put(struct keyring *ring, struct identity **set, size_t n,
    const char *replace, const char **why)
{
	struct table in_set;
	int st;

	*why = "out of memory";
	for (size_t j = 0; j < n; j++)
		set[j]->hash = hash(ring, key_blob(set[j]->key));
	if (n == 1 && replace == NULL) {
		st = put_one(ring, set[0], why);
	} else if ((st = table_new(&in_set, n)) == ST_OK) {
		for (size_t j = 0; j < n; j++) {
			/* The last of several with the same blob would win
			 * here and the others be lost: callers never put such
			 * a set. */
			assert(!table_has(&in_set, set, set[j]));
			table_put(&in_set, set, j);
		}
		st = put_set(ring, set, n, &in_set, replace, why);
		free(in_set.place);
	}
	for (size_t j = 0; st == ST_OK && j < n; j++)
		set[j] = NULL;
	return st;
}

void
keyring_remove(struct keyring *ring, struct identity *id)
{
	size_t i = 0;

	while (i < ring->n && ring->at[i] != id)
		i++;
	if (i == ring->n)
		return;
	key_retire(id->key);
	identity_free(id);
	ring->n--;
	memmove(&ring->at[i], &ring->at[i + 1],
	    (ring->n - i) * sizeof(struct identity *));
	refresh(ring);
}

void
keyring_clear(struct keyring *ring)
{
	for (size_t i = 0; i < ring->n; i++) {
		key_retire(ring->at[i]->key);
		identity_free(ring->at[i]);
	}
	free(ring->at);
	ring->at = NULL;
	ring->n = ring->room = 0;
	refresh(ring);
}

size_t
keyring_remove_if(struct keyring *ring, keyring_gone_fn *gone, void *cookie)
{
	struct identity *id;
	size_t i, m = 0, n = ring->n;

	for (i = 0; i < n; i++) {
		id = ring->at[i];
		if (gone(cookie, id)) {
			key_retire(id->key);
			identity_free(id);
		} else {
			ring->at[m++] = id;
		}
	}
	ring->n = m;
	if (m < n)
		refresh(ring);
	return n - m;
}

static bool
is_expired(void *cookie, const struct identity *id)
{
	const int64_t *now_ms = cookie;

	return id->expires_ms <= *now_ms;
}

size_t
keyring_expire(struct keyring *ring, int64_t now_ms)
{
	return now_ms < ring->next_ms ? 0 :
	    keyring_remove_if(ring, is_expired, &now_ms);
}

int64_t
keyring_next_expiry(const struct keyring *ring)
{
	return ring->next_ms;
}
