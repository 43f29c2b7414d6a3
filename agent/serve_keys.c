/*
 * serve_keys - the keys themselves: list, add, remove.
 */
#include "agent/serve.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#include "base/pattern.h"
#include "base/text.h"
#include "proto/constraint.h"
#include "proto/reply.h"

/* The identity with that blob, if it is there for this connection. */
static struct identity *
find_visible(struct call *c, struct slice blob, enum reason *why)
{
	struct identity *id = keyring_find(c->a->ring, blob);
	struct rules_place at = call_place(c);

	*why = REASON_NO_SUCH_KEY;
	return id != NULL && rules_visible(&id->rules, &at, why) == ST_OK ?
	    id : NULL;
}

/* The i-th in the list that all of it is in: where it begins, or that is
 * over. */
static size_t
list_at(const struct keyring *ring, size_t i, struct slice all)
{
	return i < keyring_count(ring) ? keyring_at(ring, i)->list_at : all.len;
}

/* Those of the list that are for this place, each run of them at once. */
static uint32_t
put_listed(struct call *c, struct slice all)
{
	const struct keyring *ring = c->a->ring;
	struct rules_place at = call_place(c);
	size_t n = keyring_count(ring), i = 0, first, begin;
	uint32_t listed = 0;

	while (i < n) {
		first = i;
		while (i < n && rules_listed(&keyring_at(ring, i)->rules, &at))
			i++;
		if (i > first) {
			begin = list_at(ring, first, all);
			wire_put_bytes(c->w, (struct slice){ all.p + begin,
			    list_at(ring, i, all) - begin });
			listed += (uint32_t)(i - first);
		}
		i++;
	}
	return listed;
}

int
serve_list(struct call *c)
{
	struct wire_writer count = *c->w;
	struct slice all = keyring_list(c->a->ring);

	if (all.len == 0)
		return call_refuse(c, REASON_MEMORY);
	reply_put_list(c->w, 0);
	if (!c->a->lock.locked)
		reply_put_list(&count, put_listed(c, all));
	assert(!c->w->full);	/* keyring_put() saw to it */
	c->d->done = true;
	return ST_OK;
}

/* The library of an sk key: nobody will ever load it here, but it is asked for
 * as ssh-agent would load it.  Why not, or REASON_NONE. */
static enum reason
provider_fault(const struct call *c, const struct constraints *limits)
{
	static const char standard[] = "/usr/lib*/*,/usr/local/lib*/*";
	const char *list = c->a->providers != NULL ? c->a->providers : standard;
	struct slice p = limits->sk_provider;

	if (!limits->has_sk_provider)
		return REASON_NONE;
	if (!key_type_info(c->req->add.key.type)->sk)
		return REASON_PROVIDER_KIND;
	if (p.len == 8 && strncasecmp((const char *)p.p, "internal", 8) == 0)
		return REASON_NONE;
	if (c->conn->binds.attempted && !c->a->remote_providers)
		return REASON_PROVIDER_BOUND;
	if (p.len == 0 || p.p[0] != '/' || memmem(p.p, p.len, "/../",
	    4) != NULL || !pattern_list_match(list, strlen(list),
	    (const char *)p.p, p.len))
		return REASON_PROVIDER;
	return REASON_NONE;
}

/* Make an identity of an add, apart from all others. */
static int
make_identity(struct call *c, struct identity **out, const char **text)
{
	struct key *key = NULL;
	int st;

	if ((st = key_new(&key, &c->req->add.key, text)) != ST_OK)
		return st;
	call_note_key(c, key);
	audit_text_set(&c->d->rec.comment, c->req->add.comment.p,
	    c->req->add.comment.len);
	*text = NULL;
	if ((st = identity_new(out, key, c->req->add.comment)) != ST_OK) {
		key_free(key);
		return st;
	}
	return ST_OK;
}

/* Put an identity into the ring, where another one may be that is not to be
 * seen from here. */
static int
put_identity(struct call *c, struct identity **id)
{
	struct rules_place at = call_place(c);
	struct identity *old = keyring_find(c->a->ring, key_blob((*id)->key));
	const char *text = NULL;
	enum reason why;
	int st;

	if (old != NULL && rules_visible(&old->rules, &at, &why) != ST_OK)
		return call_refuse(c, why);
	st = keyring_put(c->a->ring, id, 1, NULL, &text);
	if (st == ST_OK)
		return call_succeed(c);
	c->d->rec.text = text;
	return call_refuse(c, st == ST_FULL ? REASON_LISTING_FULL :
	    REASON_MEMORY);
}

int
serve_add(struct call *c)
{
	struct identity *id = NULL;
	struct constraints limits;
	const char *text = NULL;
	enum reason why;
	struct text t;
	int st;

	st = constraint_parse(c->req->add.constraints, &limits);
	if (st != ST_OK)
		return call_refuse(c, st == ST_UNSUPPORTED ? REASON_CONSTRAINT :
		    REASON_CONSTRAINT_BROKEN);
	if ((why = provider_fault(c, &limits)) != REASON_NONE)
		return call_refuse(c, why);
	if ((st = make_identity(c, &id, &text)) != ST_OK)
		return call_refuse_status(c, st, REASON_BAD_KEY, text);
	st = identity_limit(id, &limits, c->a->service,
	    c->a->default_lifetime_s, c->now_ms);
	if (st == ST_NOT_FOUND) {
		text_init(&t, c->d->rec.detail, sizeof(c->d->rec.detail));
		rules_unknown_peer(&limits, &t);
	}
	if (st != ST_OK)
		st = call_refuse_status(c, st, REASON_CONSTRAINT_PEER, NULL);
	else
		st = put_identity(c, &id);
	identity_free(id);
	return st;
}

int
serve_remove(struct call *c)
{
	enum reason why;
	struct identity *id = find_visible(c, c->req->remove.blob, &why);

	if (id == NULL)
		return call_refuse(c, why);
	call_note_identity(c, id);
	keyring_remove(c->a->ring, id);
	return call_succeed(c);
}

static bool
is_for_caller(void *cookie, const struct identity *id)
{
	const struct call *c = cookie;

	return rules_for_peer(&id->rules, c->peer);
}

int
serve_remove_all(struct call *c)
{
	(void)keyring_remove_if(c->a->ring, is_for_caller, c);
	return call_succeed(c);
}
