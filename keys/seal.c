#include "keys/seal.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

_Static_assert(BUNDLE_SEALED == crypto_box_SEALBYTES +
    crypto_secretstream_xchacha20poly1305_KEYBYTES, "sealed stream key");
_Static_assert(BUNDLE_HEADER ==
    crypto_secretstream_xchacha20poly1305_HEADERBYTES, "stream header");
_Static_assert(BUNDLE_OVERHEAD ==
    crypto_secretstream_xchacha20poly1305_ABYTES, "record overhead");
_Static_assert(LOAD_PUBLIC_KEY == crypto_box_PUBLICKEYBYTES, "public key");

#define HEAD		(BUNDLE_SEALED + BUNDLE_HEADER)
#define RECORD_HEAD	4
#define CIPHER_MAX	(BUNDLE_RECORD_MAX + BUNDLE_OVERHEAD)

#define TAG_MESSAGE	crypto_secretstream_xchacha20poly1305_TAG_MESSAGE
#define TAG_FINAL	crypto_secretstream_xchacha20poly1305_TAG_FINAL

struct sealer {
	struct secret	*region;
	crypto_secretstream_xchacha20poly1305_state
			*state;		/* a piece of the region */
};

int
sealer_new(struct sealer **out, struct secret *region,
    const uint8_t public_key[static LOAD_PUBLIC_KEY],
    uint8_t head[static BUNDLE_SEALED + BUNDLE_HEADER])
{
	struct sealer *s = NULL;
	uint8_t *key = NULL;
	int st = ST_FULL;

	*out = NULL;
	/* More than once does no harm. */
	if (sodium_init() < 0)
		return ST_CRYPTO;
	if ((s = calloc(1, sizeof(*s))) == NULL)
		return ST_NOMEM;
	s->region = region;
	s->state = secret_alloc(region, sizeof(*s->state));
	key = secret_alloc(region,
	    crypto_secretstream_xchacha20poly1305_KEYBYTES);
	if (s->state == NULL || key == NULL)
		goto out;

	st = ST_CRYPTO;
	if (sodium_init() < 0)
		goto out;
	crypto_secretstream_xchacha20poly1305_keygen(key);
	if (crypto_box_seal(head, key,
	    crypto_secretstream_xchacha20poly1305_KEYBYTES, public_key) != 0 ||
	    crypto_secretstream_xchacha20poly1305_init_push(s->state,
	    head + BUNDLE_SEALED, key) != 0)
		goto out;
	*out = s;
	s = NULL;
	st = ST_OK;
out:
	secret_free(region, key);
	sealer_free(s);
	return st;
}

int
sealer_record(struct sealer *s, struct slice plain, bool final,
    struct wire_writer *w)
{
	size_t len;

	if (plain.len > BUNDLE_RECORD_MAX || w->full)
		return ST_TOO_LARGE;
	len = plain.len + BUNDLE_OVERHEAD;
	if (w->cap - w->len < RECORD_HEAD + len) {
		w->full = true;
		return ST_TOO_LARGE;
	}
	wire_put_u32(w, (uint32_t)len);
	if (crypto_secretstream_xchacha20poly1305_push(s->state, w->p + w->len,
	    NULL, plain.p, plain.len, NULL, 0, final ? TAG_FINAL :
	    TAG_MESSAGE) != 0)
		return ST_TOO_LARGE;
	w->len += len;
	return ST_OK;
}

void
sealer_free(struct sealer *s)
{
	if (s == NULL)
		return;
	secret_free(s->region, s->state);
	free(s);
}

/* What an opener is waiting for. */
enum phase {
	PHASE_HEAD,		/* HEAD bytes */
	PHASE_LENGTH,		/* RECORD_HEAD bytes */
	PHASE_RECORD,		/* as many as the length said */
	PHASE_END,		/* nothing: the final record was seen */
	PHASE_DEAD,
};

/* The parts of an opener that lie in the region. */
struct opener_secret {
	crypto_secretstream_xchacha20poly1305_state
			 state;
	uint8_t		 box[crypto_box_SECRETKEYBYTES];
	uint8_t		 key[crypto_secretstream_xchacha20poly1305_KEYBYTES];
};

struct opener {
	struct secret		*region;
	struct opener_secret	*secret;	/* a piece of the region */
	uint8_t			 public_key[LOAD_PUBLIC_KEY];
	enum phase		 phase;
	size_t			 have, need;	/* of what is waited for */
	uint8_t			 head[HEAD];	/* heads and lengths */
	uint8_t			*cipher;	/* `need` bytes, ordinary */
	uint8_t			*plain;		/* a piece of the region */
	size_t			 plain_len;
	bool			 final;
};

int
opener_new(struct opener **out, struct secret *region,
    uint8_t public_key[static LOAD_PUBLIC_KEY])
{
	struct opener *o;

	*out = NULL;
	if ((o = calloc(1, sizeof(*o))) == NULL)
		return ST_NOMEM;
	o->region = region;
	o->need = HEAD;
	o->secret = secret_alloc(region, sizeof(*o->secret));
	if (o->secret == NULL) {
		opener_free(o);
		return ST_FULL;
	}
	(void)crypto_box_keypair(o->public_key, o->secret->box);
	memcpy(public_key, o->public_key, LOAD_PUBLIC_KEY);
	*out = o;
	return ST_OK;
}

/* Take bytes into p until `need` of them are there. */
static int
gather(struct opener *o, struct slice *in, uint8_t *p)
{
	size_t n = o->need - o->have;

	if (n > in->len)
		n = in->len;
	if (n > 0)
		memcpy(p + o->have, in->p, n);
	o->have += n;
	in->p += n;
	in->len -= n;
	return o->have < o->need ? ST_MORE : ST_OK;
}

/* Wait for something else. */
static void
expect(struct opener *o, enum phase phase, size_t need)
{
	o->phase = phase;
	o->have = 0;
	o->need = need;
}

/* The head is there: unseal the key of the stream; the one-time key that it
 * was sealed to has then served. */
static int
open_head(struct opener *o)
{
	struct opener_secret *s = o->secret;
	int bad;

	bad = crypto_box_seal_open(s->key, o->head, BUNDLE_SEALED,
	    o->public_key, s->box) != 0 ||
	    crypto_secretstream_xchacha20poly1305_init_pull(&s->state,
	    o->head + BUNDLE_SEALED, s->key) != 0;
	explicit_bzero(s->box, sizeof(s->box));
	explicit_bzero(s->key, sizeof(s->key));
	if (bad)
		return ST_MALFORMED;
	expect(o, PHASE_LENGTH, RECORD_HEAD);
	return ST_MORE;
}

/* The length is there: make room for the record's ciphertext. */
static int
open_length(struct opener *o)
{
	struct wire_reader r = wire_reader((struct slice){ o->head,
	    RECORD_HEAD });
	uint32_t len;

	if (wire_get_u32(&r, &len) != ST_OK || len < BUNDLE_OVERHEAD)
		return ST_MALFORMED;
	if (len > CIPHER_MAX)
		return ST_TOO_LARGE;
	if ((o->cipher = malloc(len)) == NULL)
		return ST_NOMEM;
	expect(o, PHASE_RECORD, len);
	return ST_MORE;
}

/* The record is there: open it. */
static int
open_record(struct opener *o)
{
	unsigned char tag;

	o->plain_len = o->need - BUNDLE_OVERHEAD;
	o->plain = secret_alloc(o->region,
	    o->plain_len > 0 ? o->plain_len : 1);
	if (o->plain == NULL)
		return ST_FULL;
	if (crypto_secretstream_xchacha20poly1305_pull(&o->secret->state,
	    o->plain, NULL, &tag, o->cipher, o->need, NULL, 0) != 0 ||
	    (tag != TAG_MESSAGE && tag != TAG_FINAL))
		return ST_MALFORMED;
	free(o->cipher);
	o->cipher = NULL;
	o->final = tag == TAG_FINAL;
	expect(o, o->final ? PHASE_END : PHASE_LENGTH, RECORD_HEAD);
	return ST_OK;
}

/* Release the record that was open. */
static void
drop(struct opener *o)
{
	secret_free(o->region, o->plain);
	o->plain = NULL;
	o->plain_len = 0;
	o->final = false;
}

/* Go one phase on. */
static int
step(struct opener *o, struct slice *in)
{
	int st;

	switch (o->phase) {
	case PHASE_HEAD:
		st = gather(o, in, o->head);
		return st == ST_OK ? open_head(o) : st;
	case PHASE_LENGTH:
		st = gather(o, in, o->head);
		return st == ST_OK ? open_length(o) : st;
	case PHASE_RECORD:
		st = gather(o, in, o->cipher);
		return st == ST_OK ? open_record(o) : st;
	case PHASE_END:
	case PHASE_DEAD:
		break;
	}
	return ST_MALFORMED;
}

int
opener_feed(struct opener *o, struct slice *in)
{
	int st = o->phase == PHASE_DEAD ? ST_MALFORMED : ST_MORE;

	drop(o);
	while (st == ST_MORE && in->len > 0)
		st = step(o, in);
	if (st != ST_OK && st != ST_MORE) {
		drop(o);
		free(o->cipher);
		o->cipher = NULL;
		o->phase = PHASE_DEAD;
	}
	return st;
}

struct slice
opener_record(const struct opener *o, bool *final)
{
	*final = o->final;
	return (struct slice){ o->plain, o->plain_len };
}

void
opener_free(struct opener *o)
{
	if (o == NULL)
		return;
	drop(o);
	free(o->cipher);
	secret_free(o->region, o->secret);
	free(o);
}
