#include "provision/payload.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keys/seal.h"
#include "proto/bundle.h"
#include "proto/loadpipe.h"
#include "proto/request.h"

bool
payload_item(const struct payload *p, size_t record, struct payload_item *out)
{
	size_t i;

	if (record == 0)
		return false;
	record--;
	for (i = 0; i < p->plan->n_keys; i++) {
		if (record == 0) {
			*out = (struct payload_item){ .key = i };
			return true;
		}
		record--;
		if (record < p->files[i].n_certs) {
			*out = (struct payload_item){ .key = i,
				.is_cert = true, .cert = record };
			return true;
		}
		record -= p->files[i].n_certs;
	}
	return false;
}

size_t
payload_count(const struct payload *p)
{
	size_t n = p->plan->n_keys;

	for (size_t i = 0; i < p->plan->n_keys; i++)
		n += p->files[i].n_certs;
	return n;
}

/* The plaintext of a record, in a piece of the region. */
static int
put_record(const struct payload *p, const struct payload_item *item,
    uint8_t *piece, struct slice *plain)
{
	const struct keyfile *file = &p->files[item->key];
	struct wire_writer w = wire_writer(piece, BUNDLE_RECORD_MAX);
	uint8_t room[BUNDLE_RECORD_MAX];
	struct wire_writer rules = wire_writer(room, sizeof(room));
	struct request add = { 0 };
	int st;

	plan_put_constraints(p->plan, item->key, p->account, &rules);
	if ((st = wire_done(&rules, &add.add.constraints)) != ST_OK)
		return st;
	add.type = SSH_AGENTC_ADD_ID_CONSTRAINED;
	add.add.key = file->fields;
	if (item->is_cert)
		add.add.key.cert = file->certs[item->cert];
	add.add.comment = file->comment;
	bundle_put_key(&w, &add);
	return wire_done(&w, plain);
}

int
payload_check(const struct payload *p, char *why, size_t whylen)
{
	uint8_t *piece = secret_alloc(p->region, BUNDLE_RECORD_MAX);
	struct payload_item item;
	struct slice plain;
	int st = ST_OK;

	why[0] = '\0';
	if (piece == NULL)
		return ST_FULL;
	for (size_t i = 1; st == ST_OK && payload_item(p, i, &item); i++)
		st = put_record(p, &item, piece, &plain);
	secret_free(p->region, piece);
	if (st == ST_TOO_LARGE)
		(void)snprintf(why, whylen, "%s: with its rules this key is "
		    "larger than the %d bytes that go into a bundle: it has "
		    "too many hosts, or they are known by too many keys",
		    p->plan->keys[item.key].path, BUNDLE_RECORD_MAX);
	return st;
}

/* What is made, as it grows. */
struct stream {
	uint8_t		*p;
	size_t		 len, cap;
};

static int
room(struct stream *s, size_t n)
{
	uint8_t *more;

	if (n <= s->cap - s->len)
		return ST_OK;
	if ((more = realloc(s->p, 2 * s->cap + n)) == NULL)
		return ST_NOMEM;
	s->p = more;
	s->cap = 2 * s->cap + n;
	return ST_OK;
}

/* Append a record, in a frame of its own. */
static int
add_record(struct stream *s, struct sealer *sealer, struct slice plain,
    bool final)
{
	struct wire_writer w;
	size_t mark;
	int st;

	st = room(s, 4 + 4 + plain.len + BUNDLE_OVERHEAD);
	if (st != ST_OK)
		return st;
	w = wire_writer(s->p + s->len, s->cap - s->len);
	mark = wire_open_string(&w);
	st = sealer_record(sealer, plain, final, &w);
	wire_close_string(&w, mark);
	if (st == ST_OK && w.full)
		st = ST_INTERNAL;
	s->len += w.len;
	return st;
}

static int
add_records(const struct payload *p, struct stream *s, struct sealer *sealer)
{
	uint8_t *piece = secret_alloc(p->region, BUNDLE_RECORD_MAX);
	struct payload_item item;
	struct slice plain;
	int st = ST_OK;

	if (piece == NULL)
		return ST_FULL;
	for (size_t i = 1; st == ST_OK && payload_item(p, i, &item); i++) {
		st = put_record(p, &item, piece, &plain);
		if (st == ST_OK)
			st = add_record(s, sealer, plain, false);
	}
	if (st == ST_OK) {
		struct wire_writer w = wire_writer(piece, BUNDLE_RECORD_MAX);

		bundle_put_end(&w, (uint32_t)payload_count(p));
		st = wire_done(&w, &plain);
	}
	if (st == ST_OK)
		st = add_record(s, sealer, plain, true);
	secret_free(p->region, piece);
	return st;
}

/* One at a time: that there is room for what one takes is known from
 * payload_check(), and nothing is known of several. */
static pthread_mutex_t sealing = PTHREAD_MUTEX_INITIALIZER;

static int
seal(const struct payload *p,
    const uint8_t public_key[static LOAD_PUBLIC_KEY], uint8_t **out,
    size_t *len)
{
	uint8_t head[BUNDLE_SEALED + BUNDLE_HEADER];
	static const uint8_t empty[4];
	struct sealer *sealer = NULL;
	struct stream s = { 0 };
	struct wire_writer w;
	int st;

	*out = NULL;
	st = sealer_new(&sealer, p->region, public_key, head);
	if (st == ST_OK)
		st = room(&s, 4 + sizeof(head));
	if (st == ST_OK) {
		w = wire_writer(s.p, s.cap);
		wire_put_string(&w, (struct slice){ head, sizeof(head) });
		s.len = w.len;
		st = add_records(p, &s, sealer);
	}
	if (st == ST_OK)
		st = room(&s, sizeof(empty));
	sealer_free(sealer);
	if (st != ST_OK) {
		free(s.p);
		return st;
	}
	memcpy(s.p + s.len, empty, sizeof(empty));
	*out = s.p;
	*len = s.len + sizeof(empty);
	return ST_OK;
}

int
payload_seal(const struct payload *p,
    const uint8_t public_key[static LOAD_PUBLIC_KEY], uint8_t **out,
    size_t *len)
{
	int st;

	(void)pthread_mutex_lock(&sealing);
	st = seal(p, public_key, out, len);
	(void)pthread_mutex_unlock(&sealing);
	return st;
}
