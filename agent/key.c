#include "agent/key.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <sodium.h>

#include "agent/key_math.h"
#include "agent/vault.h"
#include "base/text.h"
#include "proto/agent_num.h"

/*
 * The record of a key is its private numbers as they came, in the vault.
 * Ed25519 is libsodium's: twice as fast as libcrypto's, and it signs straight
 * from the record.  The others need an EVP_PKEY, which is made from the record
 * when it is first used and then kept, with one EVP_PKEY_CTX for each hash
 * that was asked for: a hot key signs without anything being rebuilt but the
 * hash itself.  When room is short the key that was used longest ago turns
 * cold again; its record stays.
 */

enum hash {
	HASH_SHA1,
	HASH_SHA256,
	HASH_SHA384,
	HASH_SHA512,
	HASHES
};

struct key {
	enum key_type	 type;
	unsigned	 bits;
	uint8_t		*blob;
	size_t		 blob_len;
	char		 fingerprint[KEY_FINGERPRINT_MAX];
	/* In the vault: Ed25519's seed and public half, else the fields as
	 * an add request has them. */
	uint8_t		*record;
	size_t		 record_len;
	size_t		 need;		/* room that making it hot and signing
					 * takes at most */
	/* The cache, in the vault; NULL while the key is cold. */
	EVP_PKEY	*pkey;
	EVP_PKEY_CTX	*sign[HASHES];
	struct key	*hotter, *colder;
};

/* The hot keys, the one that was used last first. */
static struct key *hottest, *coldest;

/* Longest ECDSA signature in DER: two numbers of 66 bytes and their heads. */
#define KEY_ECDSA_DER_MAX	144

/* The trial signature is over this. */
static const char trial[] = "bottle-agent trial signature";

/* libcrypto's own objects for the hashes, fetched once, outside of scopes. */
static const EVP_MD *
hash_md(enum hash hash)
{
	static EVP_MD *md[HASHES];
	static const char *const name[HASHES] = { "SHA1", "SHA2-256",
		"SHA2-384", "SHA2-512" };

	if (md[hash] == NULL)
		md[hash] = EVP_MD_fetch(NULL, name[hash], NULL);
	return md[hash];
}

/* Make libcrypto build what it keeps for a type outside of the vault: sign
 * once with a key that is thrown away. */
static void
warm(enum key_type type)
{
	static bool done[KEY_TYPES];
	const struct key_type_info *info = key_type_info(type);
	EVP_PKEY *pkey = NULL;
	EVP_PKEY_CTX *ctx = NULL;
	unsigned char sig[256], digest[32] = { 0 };
	size_t len = sizeof(sig);

	if (type == KEY_ED25519 || done[type])
		return;
	done[type] = true;
	for (enum hash h = HASH_SHA1; h < HASHES; h++)
		(void)hash_md(h);
	if (type == KEY_RSA)
		pkey = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)512);
	else
		pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC",
		    key_math_curve(type));
	if (pkey != NULL &&
	    (ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL)) != NULL &&
	    EVP_PKEY_sign_init(ctx) == 1 &&
	    (info->curve != NULL ||
	    EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1) &&
	    EVP_PKEY_CTX_set_signature_md(ctx, hash_md(HASH_SHA256)) == 1)
		(void)EVP_PKEY_sign(ctx, sig, &len, digest, sizeof(digest));
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	ERR_clear_error();
}

void
key_fingerprint_of(struct slice blob, char out[static KEY_FINGERPRINT_MAX])
{
	unsigned char digest[crypto_hash_sha256_BYTES];
	struct text t;

	(void)crypto_hash_sha256(digest, blob.p, blob.len);
	text_init(&t, out, KEY_FINGERPRINT_MAX);
	text_add(&t, "SHA256:");
	text_base64(&t, digest, sizeof(digest), false);
}

/* Keep the public blob and its fingerprint. */
static int
keep_blob(struct key *k, const struct private_fields *fields)
{
	uint8_t room[KEYBLOB_PUBLIC_MAX];
	struct wire_writer w = wire_writer(room, sizeof(room));
	struct slice blob;
	int st;

	keyblob_public_put(&w, fields);
	if ((st = wire_done(&w, &blob)) != ST_OK)
		return st;
	if ((k->blob = malloc(blob.len)) == NULL)
		return ST_NOMEM;
	memcpy(k->blob, blob.p, blob.len);
	k->blob_len = blob.len;
	key_fingerprint_of(blob, k->fingerprint);
	return ST_OK;
}

/* Take a key out of the list of hot ones. */
static void
unlist(struct key *k)
{
	if (k->pkey == NULL)
		return;
	if (k->hotter != NULL)
		k->hotter->colder = k->colder;
	else
		hottest = k->colder;
	if (k->colder != NULL)
		k->colder->hotter = k->hotter;
	else
		coldest = k->hotter;
	k->hotter = k->colder = NULL;
}

/* Put a key at the hot end of the list. */
static void
enlist(struct key *k)
{
	k->colder = hottest;
	if (hottest != NULL)
		hottest->hotter = k;
	else
		coldest = k;
	hottest = k;
}

/* Forget what was built for a key; the record stays. */
static void
cool(struct key *k)
{
	unlist(k);
	for (enum hash h = HASH_SHA1; h < HASHES; h++) {
		EVP_PKEY_CTX_free(k->sign[h]);
		k->sign[h] = NULL;
	}
	EVP_PKEY_free(k->pkey);
	k->pkey = NULL;
}

/* Cool the key that was used longest ago, but not k; false: there is none. */
static bool
cool_one(const struct key *k)
{
	struct key *victim = coldest != k ? coldest :
	    coldest != NULL ? coldest->hotter : NULL;

	if (victim == NULL)
		return false;
	cool(victim);
	return true;
}

/* Make room before an operation, so that it does not fail half-way. */
static void
make_room(const struct key *k)
{
	struct secret_usage use;

	for (;;) {
		secret_usage(vault_region(), &use);
		if (use.largest_low >= k->need || !cool_one(k))
			return;
	}
}

/* Build the EVP_PKEY of a cold key from its record. */
static int
heat(struct key *k)
{
	struct wire_reader r = wire_reader((struct slice){ k->record,
	    k->record_len });
	struct private_fields fields;
	EVP_PKEY *pkey = NULL;
	int st;

	if (k->pkey != NULL) {
		unlist(k);
		enlist(k);
		return ST_OK;
	}
	/* We wrote it ourselves. */
	if (keyblob_private_get(&r, &fields) != ST_OK)
		return ST_INTERNAL;
	if ((st = key_math_import(&fields, &pkey)) != ST_OK)
		return st;
	k->pkey = pkey;
	enlist(k);
	return ST_OK;
}

/* The context that signs digests of one kind. */
static int
sign_context(struct key *k, enum hash hash, EVP_PKEY_CTX **out)
{
	EVP_PKEY_CTX *ctx = k->sign[hash];

	if (ctx == NULL) {
		ctx = EVP_PKEY_CTX_new_from_pkey(NULL, k->pkey, NULL);
		if (ctx == NULL || EVP_PKEY_sign_init(ctx) != 1 ||
		    (k->type == KEY_RSA &&
		    EVP_PKEY_CTX_set_rsa_padding(ctx,
		    RSA_PKCS1_PADDING) != 1) ||
		    EVP_PKEY_CTX_set_signature_md(ctx,
		    hash_md(hash)) != 1) {
			EVP_PKEY_CTX_free(ctx);
			return key_math_fault();
		}
		k->sign[hash] = ctx;
	}
	*out = ctx;
	return ST_OK;
}

/* The hash and the algorithm's name for a key and the flags of a request. */
static int
choose_hash(const struct key *k, uint32_t flags, int legacy_rsa,
    enum hash *hash, const char **algorithm)
{
	static const enum hash by_curve[KEY_TYPES] = {
		[KEY_ECDSA_P256] = HASH_SHA256,
		[KEY_ECDSA_P384] = HASH_SHA384,
		[KEY_ECDSA_P521] = HASH_SHA512,
	};

	if ((flags & ~(SSH_AGENT_RSA_SHA2_256 | SSH_AGENT_RSA_SHA2_512)) != 0)
		return ST_UNSUPPORTED;
	*algorithm = key_type_info(k->type)->name;
	if (k->type != KEY_RSA) {
		*hash = by_curve[k->type];
	} else if ((flags & SSH_AGENT_RSA_SHA2_256) != 0) {
		*hash = HASH_SHA256;
		*algorithm = "rsa-sha2-256";
	} else if ((flags & SSH_AGENT_RSA_SHA2_512) != 0) {
		*hash = HASH_SHA512;
		*algorithm = "rsa-sha2-512";
	} else if (legacy_rsa) {
		*hash = HASH_SHA1;
	} else {
		return ST_UNSUPPORTED;
	}
	return ST_OK;
}

/* One signature, as an operation of the vault. */
struct signing {
	struct key		*k;
	enum hash		 hash;
	struct slice		 data;
	unsigned char		 digest[EVP_MAX_MD_SIZE];
	unsigned		 digest_len;
	struct signature	*out;
};

/* Hash the data, which is no secret: outside of the vault, and with a context
 * that is kept. */
static int
digest(struct signing *s)
{
	static EVP_MD_CTX *ctx;

	if (s->k->type == KEY_ED25519)
		return ST_OK;
	if ((ctx == NULL && (ctx = EVP_MD_CTX_new()) == NULL) ||
	    EVP_DigestInit_ex2(ctx, hash_md(s->hash), NULL) != 1 ||
	    EVP_DigestUpdate(ctx, s->data.p, s->data.len) != 1 ||
	    EVP_DigestFinal_ex(ctx, s->digest, &s->digest_len) != 1) {
		ERR_clear_error();
		return ST_CRYPTO;
	}
	return ST_OK;
}

/* Sign with libcrypto; for ECDSA the two numbers are rewritten from
 * DER, whose integers have the very bytes of an mpint. */
static int
sign_evp(struct signing *s)
{
	uint8_t der[KEY_ECDSA_DER_MAX];
	uint8_t *raw = s->k->type == KEY_RSA ? s->out->bytes : der;
	size_t len = s->k->type == KEY_RSA ? sizeof(s->out->bytes) :
	    sizeof(der);
	EVP_PKEY_CTX *ctx = NULL;
	int st;

	if ((st = heat(s->k)) != ST_OK ||
	    (st = sign_context(s->k, s->hash, &ctx)) != ST_OK)
		return st;
	if (EVP_PKEY_sign(ctx, raw, &len, s->digest, s->digest_len) != 1)
		return key_math_fault();
	s->out->len = len;
	if (s->k->type == KEY_RSA)
		return ST_OK;
	/* libcrypto calls it a success when it could not write the DER. */
	if (len > sizeof(der) ||
	    key_math_ecdsa_signature((struct slice){ der, len },
	    s->out->bytes, sizeof(s->out->bytes), &s->out->len) != ST_OK)
		return key_math_fault();
	return ST_OK;
}

static int
sign_run(void *arg)
{
	struct signing *s = arg;

	if (s->k->type != KEY_ED25519)
		return sign_evp(s);
	s->out->len = crypto_sign_BYTES;
	(void)crypto_sign_detached(s->out->bytes, NULL, s->data.p,
	    s->data.len, s->k->record);
	return ST_OK;
}

int
key_sign(struct key *k, struct slice data, uint32_t flags, int legacy_rsa,
    struct signature *out)
{
	struct signing s = { .k = k, .data = data, .out = out };
	int st;

	if ((st = choose_hash(k, flags, legacy_rsa, &s.hash,
	    &out->algorithm)) != ST_OK || (st = digest(&s)) != ST_OK)
		return st;
	if (k->type != KEY_ED25519 && k->pkey == NULL)
		make_room(k);
	/* Within the room for operations, which bounds the hot keys as well:
	 * they keep nothing out that is to last. */
	do
		st = vault_run(sign_run, &s, true);
	while (st == ST_FULL && cool_one(k));
	if (st == ST_FULL) {
		/* Its own pieces may lie in the way. */
		cool(k);
		st = vault_run(sign_run, &s, true);
	}
	return st;
}

/* Ed25519: derive the public half from the seed; it must be the one given,
 * since a signature made with a foreign one gives the key away. */
static int
check_ed25519(struct key *k, const struct private_fields *f, const char **why)
{
	unsigned char pk[crypto_sign_PUBLICKEYBYTES];
	unsigned char sk[crypto_sign_SECRETKEYBYTES];

	k->bits = 256;
	(void)crypto_sign_seed_keypair(pk, sk, f->ed25519.sk.p);
	if (memcmp(pk, f->ed25519.pk.p, sizeof(pk)) == 0 &&
	    sodium_memcmp(sk, f->ed25519.sk.p, sizeof(sk)) == 0)
		return ST_OK;
	*why = "the public half does not belong to the private one";
	return ST_MALFORMED;
}

/* Keep the private numbers. */
static int
keep_record(struct key *k, const struct private_fields *f)
{
	struct wire_writer w;

	if (k->type == KEY_ED25519)
		k->record_len = crypto_sign_SECRETKEYBYTES;
	else
		k->record_len = keyblob_private_size(f);
	k->record = secret_alloc(vault_region(), k->record_len);
	if (k->record == NULL)
		return ST_FULL;
	w = wire_writer(k->record, k->record_len);
	if (k->type == KEY_ED25519)
		wire_put_bytes(&w, f->ed25519.sk);
	else
		keyblob_private_put(&w, f);
	return w.full ? ST_INTERNAL : ST_OK;
}

/* Sign something and verify it: what was accepted can sign, and the parts
 * that were not compared belong together. */
static int
try_out(struct signing *s, const char **why)
{
	struct key *k = s->k;
	int st;

	if ((st = sign_run(s)) == ST_OK && k->type == KEY_ED25519)
		st = crypto_sign_verify_detached(s->out->bytes, s->data.p,
		    s->data.len, k->record + crypto_sign_SEEDBYTES) == 0 ?
		    ST_OK : ST_MALFORMED;
	else if (st == ST_OK)
		st = key_math_verify(k->type, k->pkey, s->data,
		    (struct slice){ s->out->bytes, s->out->len });
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
	struct signing			*trial;
	const char			**why;
};

/* Check, keep, try out: as an operation of the vault. */
static int
make_run(void *arg)
{
	struct making *m = arg;
	int st;

	st = m->k->type == KEY_ED25519 ?
	    check_ed25519(m->k, m->fields, m->why) :
	    key_math_check(m->fields, &m->k->bits, m->why);
	if (st != ST_OK)
		return st;
	if (m->k->record == NULL &&
	    (st = keep_record(m->k, m->fields)) != ST_OK)
		return st;
	return try_out(m->trial, m->why);
}

int
key_new(struct key **out, const struct private_fields *fields,
    const char **why)
{
	struct signature sig;
	struct signing s = { .data = slice_str(trial), .out = &sig };
	struct making m = { .fields = fields, .trial = &s, .why = why };
	struct vault_work work;
	int st;

	*out = NULL;
	*why = "out of memory";
	if ((m.k = calloc(1, sizeof(*m.k))) == NULL)
		return ST_NOMEM;
	m.k->type = fields->type;
	warm(m.k->type);
	s.k = m.k;
	if ((st = choose_hash(m.k, m.k->type == KEY_RSA ?
	    SSH_AGENT_RSA_SHA2_256 : 0, 0, &s.hash, &sig.algorithm)) !=
	    ST_OK || (st = digest(&s)) != ST_OK)
		goto out;
	/* Strictly in the room for operations: what fits in now always will,
	 * since nothing that lasts is ever put there. */
	do {
		cool(m.k);	/* what a first try left */
		st = vault_run(make_run, &m, true);
	} while (st == ST_FULL && cool_one(m.k));
	if (st == ST_FULL)
		*why = "no room left in locked memory";
	vault_work(&work);
	m.k->need = work.heap_last;
	if (st == ST_OK)
		st = keep_blob(m.k, fields);
	if (st == ST_OK) {
		*out = m.k;
		m.k = NULL;
	}
out:
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

void
key_free(struct key *k)
{
	if (k == NULL)
		return;
	cool(k);
	secret_free(vault_region(), k->record);
	free(k->blob);
	free(k);
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
