#include "agent/binding.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/*
 * Of all binds but the last, each is for forwarding: one that is not lets none
 * follow it.  agent/permit.c does not rely on that.
 */

void
bindings_fini(struct bindings *b)
{
	for (size_t i = 0; i < b->n; i++)
		free(b->at[i].hostkey);
	free(b->at);
	*b = (struct bindings){ 0 };
}

/* Compare with what is there, in OpenSSH's order: a bind that is known is fine
 * even where an authentication came after it. */
static int
check_against(const struct bindings *b, struct slice hostkey,
    struct slice session_id, bool *known, enum reason *why)
{
	for (size_t i = 0; i < b->n; i++) {
		const struct binding *old = &b->at[i];

		if (!old->forwarding) {
			*why = REASON_BIND_AFTER_AUTH;
			return ST_DENIED;
		}
		if (!slice_eq(session_id, binding_session_id(old)))
			continue;
		*known = slice_eq(hostkey, binding_hostkey(old));
		*why = REASON_BIND_SESSION_REUSED;
		return *known ? ST_OK : ST_DENIED;
	}
	return ST_OK;
}

/* Refuse what would pass the limits. */
static int
check_room(const struct bindings *b, struct slice hostkey, enum reason *why)
{
	*why = REASON_BIND_TOO_MANY;
	if (b->n >= BINDING_MAX)
		return ST_FULL;
	*why = REASON_BIND_TOO_LARGE;
	return hostkey.len > BINDING_BYTES_MAX - b->bytes ? ST_FULL : ST_OK;
}

void
binding_decode(struct binding *at)
{
	struct wire_reader r = wire_reader(binding_hostkey(at));
	enum key_type type;
	struct slice name;

	if (wire_get_text(&r, &name) != ST_OK ||
	    key_type_named(name, &type, &at->is_cert) != ST_OK)
		at->is_cert = false;
	if (at->is_cert)
		at->is_broken = certificate_decode(binding_hostkey(at),
		    &at->cert) != ST_OK;
}

/* Put one more behind the others. */
static int
append(struct bindings *b, struct slice hostkey, struct slice session_id,
    bool forwarding)
{
	struct binding *at = realloc(b->at, (b->n + 1) * sizeof(*at));
	uint8_t *copy;

	if (at == NULL)
		return ST_NOMEM;
	b->at = at;
	if ((copy = malloc(hostkey.len)) == NULL)
		return ST_NOMEM;
	memcpy(copy, hostkey.p, hostkey.len);
	at += b->n++;
	*at = (struct binding){ .forwarding = forwarding, .hostkey = copy,
		.hostkey_len = hostkey.len,
		.session_id_len = session_id.len };
	if (session_id.len > 0)
		memcpy(at->session_id, session_id.p, session_id.len);
	binding_decode(at);
	b->bytes += hostkey.len;
	return ST_OK;
}

int
bindings_add(struct bindings *b, struct slice hostkey, struct slice session_id,
    bool forwarding, enum reason *why)
{
	bool known = false;
	int st;

	assert(hostkey.len > 0);	/* it has verified a signature */
	*why = REASON_BIND_ID_TOO_LONG;
	if (session_id.len > BINDING_SESSION_ID_MAX)
		return ST_TOO_LARGE;
	st = check_against(b, hostkey, session_id, &known, why);
	if (st != ST_OK || known)
		return st;
	if ((st = check_room(b, hostkey, why)) != ST_OK)
		return st;
	*why = REASON_MEMORY;
	return append(b, hostkey, session_id, forwarding);
}

bool
bindings_forwarded(const struct bindings *b)
{
	for (size_t i = 0; i < b->n; i++)
		if (b->at[i].forwarding)
			return true;
	return b->gap;
}

struct slice
binding_hostkey(const struct binding *b)
{
	return (struct slice){ b->hostkey, b->hostkey_len };
}

struct slice
binding_session_id(const struct binding *b)
{
	return (struct slice){ b->session_id, b->session_id_len };
}
