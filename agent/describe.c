#include "agent/describe.h"

#include <string.h>

#include "agent/fingerprint_hash.h"
#include "proto/destination.h"

/* Most pairs that are looked at, or named, for one record: a peer makes
 * records, and the destinations of all keys may be megabytes. */
#define LOOKED_AT_MAX	256
#define NAMED_MAX	8

/* Something of a list, after a comma if it is not the first. */
static void
add_item(struct text *t, size_t i, const char *comma)
{
	if (i > 0)
		text_add(t, comma);
}

/* One pair: user@host, a>user@host. */
static void
add_destination(struct text *t, const struct destination *d)
{
	if (d->from.host.len > 0) {
		text_escape(t, d->from.host.p, d->from.host.len);
		text_addc(t, '>');
	}
	if (d->to.user.len > 0) {
		text_escape(t, d->to.user.p, d->to.user.len);
		text_addc(t, '@');
	}
	text_escape(t, d->to.host.p, d->to.host.len);
}

/* All pairs, or the first ones. */
static void
add_destinations(struct text *t, struct slice list)
{
	struct wire_reader r = wire_reader(list);
	struct destination d;

	for (size_t i = 0; destination_next(&r, &d) == ST_OK; i++) {
		if (i == NAMED_MAX) {
			text_add(t, ", ...");
			return;
		}
		add_item(t, i, ", ");
		add_destination(t, &d);
	}
}

static void
add_purposes(struct text *t, struct slice list)
{
	struct wire_reader r = wire_reader(list);
	struct slice purpose;

	for (size_t i = 0; constraint_next_text(&r, &purpose) == ST_OK; i++) {
		add_item(t, i, ",");
		text_escape(t, purpose.p, purpose.len);
	}
}

static void
add_peers(struct text *t, const struct rules *r)
{
	for (size_t i = 0; i < r->n_peers; i++) {
		add_item(t, i, ",");
		text_addf(t, "%s%u", r->peers[i].who == POLICY_GROUP ? "@" :
		    "", r->peers[i].id);
	}
}

/* The name of another rule, after a semicolon. */
static void
add_name(struct text *t, size_t start, const char *name)
{
	if (t->len > start)
		text_add(t, "; ");
	text_add(t, name);
}

void
describe_rules(struct text *t, const struct rules *r)
{
	size_t start = t->len;

	if (r->purposes.len > 0) {
		add_name(t, start, "purposes ");
		add_purposes(t, r->purposes);
	}
	if (r->destinations.len > 0) {
		add_name(t, start, "destinations ");
		add_destinations(t, r->destinations);
	}
	if (r->unbound)
		add_name(t, start, "also unbound");
	if (r->n_peers > 0) {
		add_name(t, start, "peers ");
		add_peers(t, r);
	}
	if (r->counted) {
		add_name(t, start, "");
		text_addf(t, "%u signature%s left", r->left,
		    r->left == 1 ? "" : "s");
	}
	if (r->rate_n > 0) {
		add_name(t, start, "");
		text_addf(t, "at most %u in %u s", r->rate_n, r->rate_s);
	}
}

/* Find the name of a host key in a list of destinations. */
static bool
name_in(struct slice list, struct slice hostkey, size_t *looked,
    struct slice *name)
{
	struct wire_reader r = wire_reader(list), keys;
	struct destination d;
	struct destination_key key;

	while (destination_next(&r, &d) == ST_OK) {
		keys = wire_reader(d.to.keys);
		while (destination_next_key(&keys, &key) == ST_OK) {
			if (++*looked > LOOKED_AT_MAX)
				return false;
			if (key.is_ca || !slice_eq(key.blob, hostkey))
				continue;
			*name = d.to.host;
			return true;
		}
	}
	return false;
}

void
describe_host(const struct keyring *ring, const struct identity *id,
    const struct binding *b, struct audit_record *rec)
{
	struct slice hostkey = binding_hostkey(b), name = { NULL, 0 };
	size_t looked = 0;
	bool found;

	fingerprint_hash_write(FINGERPRINT_SHA256, hostkey, rec->hostkey);
	found = id != NULL && name_in(id->rules.destinations, hostkey, &looked,
	    &name);
	for (size_t i = 0; i < keyring_count(ring) && !found &&
	    looked <= LOOKED_AT_MAX; i++)
		found = name_in(keyring_at(ring, i)->rules.destinations,
		    hostkey, &looked, &name);
	if (found)
		audit_text_set(&rec->host, name.p, name.len);
}

void
describe_refusal(const struct identity *id, struct audit_record *rec)
{
	const char *rule = reason_rule(rec->reason);
	struct text t;

	if (rule == NULL)
		return;
	text_init(&t, rec->rule, sizeof(rec->rule));
	text_add(&t, rule);
	if (id == NULL || rec->detail[0] != '\0')
		return;
	text_init(&t, rec->detail, sizeof(rec->detail));
	describe_rules(&t, &id->rules);
}
