#include "agent/key.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <sodium.h>

#include "agent/hotkey.h"
#include "agent/key_math.h"
#include "agent/vault.h"
#include "agent/verify.h"
#include "keys/fingerprint.h"
#include "proto/agent_num.h"
#include "proto/certificate.h"

/*
 * The record of a key is its private numbers as they came, in the vault.
 * Ed25519 is libsodium's: twice as fast as libcrypto's, and it signs straight
 * from the record.  The others need an EVP_PKEY, which is made from the record
 * when it is first used and then kept (agent/hotkey.h): a hot key signs
 * without anything being rebuilt but the hash itself.  When room is short the
 * key that was used longest ago turns cold again; its record stays.
 */
struct key {
	enum key_type	 type;
	unsigned	 refs;
	atomic_bool	 retired;
	unsigned	 bits;
	bool		 cert;
	uint8_t		*blob;
	size_t		 blob_len;
	size_t		 plain_len;	/* of a certificate's key: its own
					 * blob follows the certificate's */
	char		 fingerprint[FINGERPRINT_MAX];
	/* In the vault: Ed25519's seed and public half, else the fields as
	 * an add request of the plain key has them; NULL for sk keys. */
	uint8_t		*record;
	size_t		 record_len;
	size_t		 need;		/* room that making it hot and signing
					 * takes at most */
	struct hotkey	 hot;
};

/* Longest ECDSA signature in DER: two numbers of 66 bytes and their heads. */
#define KEY_ECDSA_DER_MAX	144

/* RSA keys up to this size sign within one thread's share of the vault. */
#define BITS_SHARE	4096

/* The trial signature is over this. */
static const char trial[] = "bottle-agent trial signature";

/* Keep the public blob, and the fingerprint of the plain one. */
static int
keep_blob(struct key *k, const struct private_fields *fields)
{
	uint8_t room[KEYPRIVATE_PUBLIC_MAX];
	struct wire_writer w = wire_writer(room, sizeof(room));
	struct slice blob;
	int st;

	keyprivate_put_public(&w, fields);
	if ((st = wire_done(&w, &blob)) != ST_OK)
		return st;
	fingerprint_sha256(blob, k->fingerprint);
	if ((k->blob = malloc(fields->cert.len + blob.len)) == NULL)
		return ST_NOMEM;
	if (k->cert)
		memcpy(k->blob, fields->cert.p, fields->cert.len);
	memcpy(k->blob + fields->cert.len, blob.p, blob.len);
	k->blob_len = k->cert ? fields->cert.len : blob.len;
	k->plain_len = blob.len;
	return ST_OK;
}

void
key_fingerprint_as(const struct key *k, enum fingerprint_hash hash,
    char out[static FINGERPRINT_HASH_MAX])
{
	struct slice plain = { k->cert ? k->blob + k->blob_len : k->blob,
		k->plain_len };

	if (hash == FINGERPRINT_SHA256)
		memcpy(out, k->fingerprint, sizeof(k->fingerprint));
	else
		fingerprint_hash_write(hash, plain, out);
}

/* Make room before an operation, so that it does not fail half-way. */
static void
make_room(const struct key *k)
{
	struct secret_usage use;

	for (;;) {
		secret_usage(vault_region(), &use);
		if (use.largest_low >= k->need || !hotkey_cool_one(&k->hot))
			return;
	}
}

/* The hash and the algorithm's name for a key and the flags of a request. */
static int
choose_hash(const struct key *k, uint32_t flags, bool legacy_rsa,
    enum key_hash *hash, const char **algorithm)
{
	static const enum key_hash by_curve[KEY_TYPES] = {
		[KEY_ECDSA_P256] = KEY_SHA256,
		[KEY_ECDSA_P384] = KEY_SHA384,
		[KEY_ECDSA_P521] = KEY_SHA512,
	};

	if ((flags & ~(SSH_AGENT_RSA_SHA2_256 | SSH_AGENT_RSA_SHA2_512)) != 0)
		return ST_UNSUPPORTED;
	*algorithm = key_type_info(k->type)->name;
	if (k->type != KEY_RSA) {
		*hash = by_curve[k->type];
	} else if ((flags & SSH_AGENT_RSA_SHA2_256) != 0) {
		*hash = KEY_SHA256;
		*algorithm = "rsa-sha2-256";
	} else if ((flags & SSH_AGENT_RSA_SHA2_512) != 0) {
		*hash = KEY_SHA512;
		*algorithm = "rsa-sha2-512";
	} else if (legacy_rsa) {
		*hash = KEY_SHA1;
	} else {
		return ST_UNSUPPORTED;
	}
	return ST_OK;
}

/* Hash the data, which is no secret: outside of the vault, and with a context
 * that is kept. */
static int
digest(struct signing *s, struct slice data)
{
	static EVP_MD_CTX *ctx;
	unsigned len = 0;

	if ((ctx == NULL && (ctx = EVP_MD_CTX_new()) == NULL) ||
	    EVP_DigestInit_ex2(ctx, key_math_md(s->hash), NULL) != 1 ||
	    EVP_DigestUpdate(ctx, data.p, data.len) != 1 ||
	    EVP_DigestFinal_ex(ctx, s->digest, &len) != 1) {
		ERR_clear_error();
		return ST_CRYPTO;
	}
	s->digest_len = len;
	return ST_OK;
}

int
signing_init(struct signing *s, struct key *k, struct slice data,
    uint32_t flags, bool legacy_rsa)
{
	int st;

	/* Not the room for the signature: it is large. */
	s->key = NULL;
	s->copy = NULL;
	s->data = data;
	s->digest_len = 0;
	s->big = k->type == KEY_RSA && k->bits > BITS_SHARE;
	if (key_type_info(k->type)->sk)
		return ST_UNSUPPORTED;
	if ((st = choose_hash(k, flags, legacy_rsa, &s->hash,
	    &s->out.algorithm)) != ST_OK)
		return st;
	if (k->type != KEY_ED25519 && (st = digest(s, data)) != ST_OK)
		return st;
	s->key = key_ref(k);
	return ST_OK;
}

int
signing_keep(struct signing *s)
{
	if (s->key->type != KEY_ED25519 || s->data.len == 0)
		return ST_OK;
	if ((s->copy = malloc(s->data.len)) == NULL)
		return ST_NOMEM;
	memcpy(s->copy, s->data.p, s->data.len);
	s->data.p = s->copy;
	return ST_OK;
}

void
signing_fini(struct signing *s)
{
	key_free(s->key);
	s->key = NULL;
	free(s->copy);
	s->copy = NULL;
}

/* Sign with libcrypto; for ECDSA the two numbers are rewritten from
 * DER, whose integers have the very bytes of an mpint. */
static int
sign_evp(struct signing *s)
{
	uint8_t der[KEY_ECDSA_DER_MAX];
	bool rsa = s->key->type == KEY_RSA;
	size_t len = rsa ? sizeof(s->out.bytes) : sizeof(der);
	int st;

	if ((st = hotkey_sign(&s->key->hot, s->hash, (struct slice){
	    s->digest, s->digest_len }, rsa ? s->out.bytes : der,
	    &len)) != ST_OK)
		return st;
	s->out.len = len;
	if (rsa)
		return ST_OK;
	/* libcrypto calls it a success when it could not write the DER. */
	if (len > sizeof(der) ||
	    key_math_ecdsa_signature((struct slice){ der, len },
	    s->out.bytes, sizeof(s->out.bytes), &s->out.len) != ST_OK)
		return key_math_fault();
	return ST_OK;
}

static int
sign_run(void *arg)
{
	struct signing *s = arg;

	if (s->key->type != KEY_ED25519)
		return sign_evp(s);
	s->out.len = crypto_sign_BYTES;
	(void)crypto_sign_detached(s->out.bytes, NULL, s->data.p, s->data.len,
	    s->key->record);
	return ST_OK;
}

/* An operation that is to have all the room. */
struct lone {
	vault_fn	*fn;
	void		*arg;
};

/* Nobody else is at work: no key is in use, so all of them can turn cold, also
 * those that others made hot while this one waited. */
static int
lone_run(void *arg)
{
	const struct lone *l = arg;

	while (hotkey_cool_one(NULL))
		;
	return l->fn(l->arg);
}

/*
 * Run an operation about a key, within the room for operations, which bounds
 * the hot keys as well: they keep nothing out that is to last.  Where there is
 * not enough of it, other hot keys turn cold; and then it is tried once more
 * with no other operation under way and no hot key at all, its own included,
 * whose pieces may lie in the way.  That comes at once where the key was spoilt
 * and others still use it: what they share is of no more use.
 */
static int
operate(vault_fn *fn, void *arg, struct key *k, bool big)
{
	unsigned how = VAULT_STRICT | (big ? VAULT_BIG : 0) |
	    (k->type == KEY_ED25519 ? VAULT_PLAIN : 0);
	struct lone lone = { fn, arg };
	int st;

	do
		st = vault_run(fn, arg, how);
	while (st == ST_FULL && !hotkey_is_spoilt(&k->hot) &&
	    hotkey_cool_one(&k->hot));
	if (st == ST_FULL)
		st = vault_run(lone_run, &lone, (how & ~VAULT_PLAIN) |
		    VAULT_ALONE);
	return st;
}

int
signing_run(struct signing *s)
{
	struct key *k = s->key;

	if (atomic_load(&k->retired))
		return ST_NOT_FOUND;
	if (k->type != KEY_ED25519 && !hotkey_is_hot(&k->hot))
		make_room(k);
	return operate(sign_run, s, k, s->big);
}

int
key_sign(struct key *k, struct slice data, uint32_t flags, bool legacy_rsa,
    struct signature *out)
{
	struct signing s;
	int st;

	if ((st = signing_init(&s, k, data, flags, legacy_rsa)) != ST_OK)
		return st;
	if ((st = signing_run(&s)) == ST_OK) {
		out->algorithm = s.out.algorithm;
		out->len = s.out.len;
		memcpy(out->bytes, s.out.bytes, s.out.len);
	}
	signing_fini(&s);
	return st;
}

/* Ed25519: derive the public half from the seed; it must be the one given,
 * since a signature made with a foreign one gives the key away. */
static int
check_ed25519(const struct private_fields *f, const char **why)
{
	unsigned char pk[crypto_sign_PUBLICKEYBYTES];
	unsigned char sk[crypto_sign_SECRETKEYBYTES];

	(void)crypto_sign_seed_keypair(pk, sk, f->ed25519.sk.p);
	if (memcmp(pk, f->ed25519.pk.p, sizeof(pk)) == 0 &&
	    sodium_memcmp(sk, f->ed25519.sk.p, sizeof(sk)) == 0)
		return ST_OK;
	*why = "the public half does not belong to the private one";
	return ST_MALFORMED;
}

/* Keep the private numbers, as those of a plain key. */
static int
keep_record(struct key *k, const struct private_fields *f)
{
	struct private_fields plain = *f;
	struct wire_writer w;

	plain.cert = (struct slice){ NULL, 0 };
	if (k->type == KEY_ED25519)
		k->record_len = crypto_sign_SECRETKEYBYTES;
	else
		k->record_len = keyprivate_size(&plain);
	k->record = secret_alloc(vault_region(), k->record_len);
	if (k->record == NULL)
		return ST_FULL;
	w = wire_writer(k->record, k->record_len);
	if (k->type == KEY_ED25519)
		wire_put_bytes(&w, plain.ed25519.sk);
	else
		keyprivate_put(&w, &plain);
	k->hot.type = k->type;
	k->hot.record = (struct slice){ k->record, w.len };
	return w.full ? ST_INTERNAL : ST_OK;
}

/* Sign something and verify it: what was accepted can sign, and the parts
 * that were not compared belong together. */
static int
try_out(struct signing *s, const char **why)
{
	struct key *k = s->key;
	int st;

	if ((st = sign_run(s)) == ST_OK)
		st = hotkey_verify(&k->hot, s->data,
		    (struct slice){ s->out.bytes, s->out.len });
	if (st != ST_OK && st != ST_FULL) {
		*why = "a trial signature does not verify";
		st = ST_MALFORMED;
	}
	return st;
}

/* A key that is being made. */
struct making {
	struct key			*k;
	const struct private_fields	*fields;
	struct signing			 trial;
	const char			**why;
};

/* Check, keep, try out: as an operation of the vault. */
static int
make_run(void *arg)
{
	struct making *m = arg;
	int st;

	/* What a first try left. */
	hotkey_cool(&m->k->hot);
	st = m->k->type == KEY_ED25519 ?
	    check_ed25519(m->fields, m->why) :
	    key_math_check(m->fields, &m->k->bits, m->why);
	if (st != ST_OK)
		return st;
	if (m->k->record == NULL &&
	    (st = keep_record(m->k, m->fields)) != ST_OK)
		return st;
	/* Of Ed25519 everything was compared. */
	return m->k->type == KEY_ED25519 ? ST_OK : try_out(&m->trial, m->why);
}

/* Make the private half, and see that it works.  Strictly in the room for
 * operations: what fits in now always will, since nothing that lasts is ever
 * put there. */
static int
make_private(struct making *m)
{
	bool big = m->k->type == KEY_RSA &&
	    m->fields->rsa.n.len > BITS_SHARE / 8;
	struct vault_work work;
	int st;

	key_math_warm(m->k->type);
	if ((st = signing_init(&m->trial, m->k, slice_str(trial),
	    m->k->type == KEY_RSA ? SSH_AGENT_RSA_SHA2_256 : 0,
	    false)) != ST_OK)
		return st;
	st = operate(make_run, m, m->k, big);
	if (st == ST_FULL)
		*m->why = "no room left in locked memory";
	vault_work(&work);
	m->k->need = work.heap_last;
	signing_fini(&m->trial);
	return st;
}

/* An sk key has nothing but its public half to look at. */
static int
check_sk(const struct private_fields *fields, const char **why)
{
	struct public_fields key;

	keyprivate_public(fields, &key);
	return verify_key(&key, why);
}

/* See that a certificate is one. */
static int
check_certificate(const struct private_fields *fields, const char **why)
{
	struct certificate cert;
	int st;

	if ((st = certificate_decode(fields->cert, &cert)) != ST_OK) {
		*why = "a broken certificate";
		return st;
	}
	return verify_certificate(&cert, why);
}

int
key_new(struct key **out, const struct private_fields *fields,
    const char **why)
{
	struct making m = { .fields = fields, .why = why };
	int st = ST_OK;

	*out = NULL;
	*why = "out of memory";
	if ((m.k = calloc(1, sizeof(*m.k))) == NULL)
		return ST_NOMEM;
	m.k->refs = 1;
	m.k->type = fields->type;
	m.k->cert = fields->cert.len > 0;
	m.k->bits = key_type_info(fields->type)->bits;
	if (m.k->cert)
		st = check_certificate(fields, why);
	if (st == ST_OK)
		st = key_type_info(fields->type)->sk ?
		    check_sk(fields, why) : make_private(&m);
	if (st == ST_OK)
		st = keep_blob(m.k, fields);
	if (st == ST_OK) {
		*out = m.k;
		m.k = NULL;
	}
	key_free(m.k);
	return st;
}

size_t
key_room(enum key_type type, unsigned bits)
{
	/* What adding one takes, measured with OpenSSL 3.0 and rounded up; the
	 * record is the private fields of an add request. */
	switch (type) {
	case KEY_ED25519:
		return vault_room(crypto_sign_SECRETKEYBYTES, 0);
	case KEY_ECDSA_P256:
		return vault_room(144, 10 * 1024);
	case KEY_ECDSA_P384:
		return vault_room(192, 20 * 1024);
	case KEY_ECDSA_P521:
		return vault_room(256, 14 * 1024);
	default:
		return vault_room(bits / 8 * 7 / 2 + 64,
		    4 * 1024 + (size_t)bits * 6);
	}
}

struct key *
key_ref(struct key *k)
{
	k->refs++;
	return k;
}

void
key_free(struct key *k)
{
	if (k == NULL || --k->refs > 0)
		return;
	hotkey_cool(&k->hot);
	/* Whoever signs has a reference. */
	assert(!hotkey_is_hot(&k->hot));
	secret_free(vault_region(), k->record);
	free(k->blob);
	free(k);
}

void
key_retire(struct key *k)
{
	atomic_store(&k->retired, true);
}

bool
key_is_dear(const struct key *k)
{
	return k->type != KEY_ED25519 && k->type != KEY_ECDSA_P256;
}

bool
key_is_cert(const struct key *k)
{
	return k->cert;
}

enum key_type
key_type(const struct key *k)
{
	return k->type;
}

unsigned
key_bits(const struct key *k)
{
	return k->bits;
}

struct slice
key_blob(const struct key *k)
{
	return (struct slice){ k->blob, k->blob_len };
}

const char *
key_fingerprint(const struct key *k)
{
	return k->fingerprint;
}
