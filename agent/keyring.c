#include "agent/keyring.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "proto/reply.h"

/*
 * Invariants: at[0..n) are distinct identities with distinct blobs;
 * list_bytes is what their list reply takes; next_ms is not after the
 * earliest expiry among them.
 */
struct keyring {
	struct identity	**at;
	size_t		  n;
	size_t		  list_bytes;
	int64_t		  next_ms;
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

	if (ring != NULL) {
		ring->list_bytes = REPLY_LIST_HEAD;
		ring->next_ms = KEYRING_NEVER;
	}
	return ring;
}

void
keyring_free(struct keyring *ring)
{
	if (ring == NULL)
		return;
	keyring_clear(ring);
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

/* The first of n identities with that blob; n when there is none. */
static size_t
find(struct identity *const *at, size_t n, struct slice blob)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (slice_eq(key_blob(at[i]->key), blob))
			break;
	return i;
}

struct identity *
keyring_find(const struct keyring *ring, struct slice blob)
{
	size_t i = find(ring->at, ring->n, blob);

	return i < ring->n ? ring->at[i] : NULL;
}

/* What one identity takes in the list. */
static size_t
list_size(const struct identity *id)
{
	return reply_identity_size(key_blob(id->key), identity_comment(id));
}

/* The nearest expiry and the size of the list, after a change. */
static void
refresh(struct keyring *ring)
{
	ring->list_bytes = REPLY_LIST_HEAD;
	ring->next_ms = KEYRING_NEVER;
	for (size_t i = 0; i < ring->n; i++) {
		ring->list_bytes += list_size(ring->at[i]);
		if (ring->at[i]->expires_ms < ring->next_ms)
			ring->next_ms = ring->at[i]->expires_ms;
	}
}

/* Whether an old identity goes because of the new set: it is in the set, or
 * it came with the load that is replaced. */
static bool
is_replaced(const struct identity *old, struct identity *const *set, size_t n,
    const char *replace)
{
	return (replace != NULL && strcmp(old->load, replace) == 0) ||
	    find(set, n, key_blob(old->key)) < n;
}

/* Order old and new into at: an old one that stays or its successor keeps its
 * place, the rest of the set comes last.  Returns how many there are. */
static size_t
merge(const struct keyring *ring, struct identity *const *set, size_t n,
    const char *replace, struct identity **at)
{
	size_t i, j, m = 0;

	for (i = 0; i < ring->n; i++) {
		if ((j = find(set, n, key_blob(ring->at[i]->key))) < n)
			at[m++] = set[j];
		else if (!is_replaced(ring->at[i], set, n, replace))
			at[m++] = ring->at[i];
	}
	for (j = 0; j < n; j++) {
		/* The last of several with the same blob would win here and
		 * the others be lost: callers never put such a set. */
		assert(find(set, n, key_blob(set[j]->key)) == j);
		if (find(ring->at, ring->n, key_blob(set[j]->key)) == ring->n)
			at[m++] = set[j];
	}
	return m;
}

int
keyring_put(struct keyring *ring, struct identity **set, size_t n,
    const char *replace, const char **why)
{
	struct identity **at;
	size_t m, bytes = REPLY_LIST_HEAD, rules = 0;

	*why = "out of memory";
	at = calloc(ring->n + n + 1, sizeof(struct identity *));
	if (at == NULL)
		return ST_NOMEM;
	m = merge(ring, set, n, replace, at);
	for (size_t i = 0; i < m; i++) {
		bytes += list_size(at[i]);
		rules += rules_size(&at[i]->rules);
	}
	if (rules > KEYRING_RULES_MAX) {
		*why = "the rules of all keys would take more than 8 MiB: name "
		    "fewer hosts for each key";
		free(at);
		return ST_FULL;
	}
	if (m > REPLY_IDENTITIES_MAX || bytes > REPLY_BODY_MAX) {
		*why = m > REPLY_IDENTITIES_MAX ?
		    "more than 2048 keys: no OpenSSH client could list them" :
		    "the list of keys would pass the 256 KiB that OpenSSH "
		    "clients read: shorten the comments or load fewer keys";
		free(at);
		return ST_FULL;
	}
	/* Nothing can fail any more. */
	for (size_t i = 0; i < ring->n; i++) {
		if (!is_replaced(ring->at[i], set, n, replace))
			continue;
		/* With the same key in its place, what is being signed may be
		 * finished: nobody is to see a gap. */
		if (find(set, n, key_blob(ring->at[i]->key)) == n)
			key_retire(ring->at[i]->key);
		identity_free(ring->at[i]);
	}
	for (size_t j = 0; j < n; j++)
		set[j] = NULL;
	free(ring->at);
	ring->at = at;
	ring->n = m;
	refresh(ring);
	return ST_OK;
}

/* Take away the i-th. */
static void
drop(struct keyring *ring, size_t i)
{
	key_retire(ring->at[i]->key);
	identity_free(ring->at[i]);
	ring->n--;
	memmove(&ring->at[i], &ring->at[i + 1],
	    (ring->n - i) * sizeof(struct identity *));
}

void
keyring_remove(struct keyring *ring, struct identity *id)
{
	for (size_t i = 0; i < ring->n; i++) {
		if (ring->at[i] == id) {
			drop(ring, i);
			refresh(ring);
			return;
		}
	}
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
	ring->n = 0;
	refresh(ring);
}

size_t
keyring_expire(struct keyring *ring, int64_t now_ms)
{
	size_t i, gone = 0;

	if (now_ms < ring->next_ms)
		return 0;
	for (i = 0; i < ring->n;) {
		if (ring->at[i]->expires_ms <= now_ms) {
			drop(ring, i);
			gone++;
		} else {
			i++;
		}
	}
	refresh(ring);
	return gone;
}

int64_t
keyring_next_expiry(const struct keyring *ring)
{
	return ring->next_ms;
}
