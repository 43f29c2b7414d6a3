#include "keys/keytext.h"

/*
 * A key's bytes are decoded once, from the text straight into one piece of the
 * region, and everything else is slices of that piece.  What a file leaves out
 * (the public half of an Ed25519 or EC key) is made in the spare room at the
 * piece's end.  libcrypto's own readers are not used: they leave dozens of
 * copies of a key in ordinary memory.
 */

#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "keys/der.h"
#include "keys/pem.h"

/* Most bytes of a decoded key: RSA of 16384 bits with a long comment. */
#define DECODED_MAX	(16 * 1024)
/* Bytes behind the decoded ones, for a public half. */
#define SPARE		160

#define OPENSSH_MAGIC	"openssh-key-v1"	/* its NUL is part of it */
/* Private sections are padded to a multiple of this without a cipher. */
#define OPENSSH_BLOCK	8

#define ED25519_SEED	32
#define ED25519_PUBLIC	32

/* One key being parsed. */
struct parse {
	struct private_fields	*fields;
	struct slice		*comment;
	uint8_t			*spare;		/* SPARE bytes */
	keytext_point		 point;		/* or NULL */
	const char		*why;
};

static const char why_broken[] = "it does not parse: the text is damaged";
static const char why_no_point[] = "its file leaves the public half out: "
    "`ssh-keygen -p -f FILE` writes it anew";
static const char why_range[] = "a number in it is larger than in any key "
    "that is taken (RSA has 1024 to 16384 bits)";
static const char why_halves[] =
    "its public part does not belong to the private one";
static const char why_locked[] = "it is protected by a passphrase, and keys "
    "are never decrypted in the container: remove it in a copy with "
    "`ssh-keygen -p -N '' -f COPY`, or use ssh-add against the socket";
static const char why_locked_pkcs8[] = "it is protected by a passphrase, and "
    "keys are never decrypted in the container: make a copy without one with "
    "`openssl pkey -in FILE -out COPY`, or use ssh-add against the socket";
static const char why_dsa[] = "DSA is not safe any more and not taken: make a "
    "new key with `ssh-keygen -t ed25519`";
static const char why_type[] = "its type is not taken: only Ed25519, RSA, "
    "and ECDSA on P-256, P-384 and P-521 are; make a new key with "
    "`ssh-keygen -t ed25519`";
static const char why_curve[] = "its curve is not taken: only P-256, P-384 "
    "and P-521 are; make a new key with `ssh-keygen -t ed25519`";
static const char why_explicit[] = "its curve is spelled out instead of named: "
    "convert it with `openssl ec -param_enc named_curve -in FILE -out COPY`";
static const char why_sk[] = "it is only the handle of a security key, which "
    "has to be plugged in where it is used: add it to the agent on the host";
static const char why_certificate[] = "its type is that of a certificate: "
    "give the plain private key";
static const char why_primes[] =
    "RSA with more than two primes is not taken: make a new key";
static const char why_several[] = "it does not hold exactly one key: convert "
    "it with `ssh-keygen -p -f COPY`";
static const char why_full[] =
    "there is no room left in locked memory: raise the limit (ulimit -l, or "
    "docker run --ulimit memlock=), or load fewer keys at once";

/* Note why, for the message. */
static int
refuse(struct parse *p, int st, const char *why)
{
	p->why = why;
	return st;
}

/* A decoder's outcome without a reason of its own. */
static int
broken(struct parse *p, int st)
{
	if (st == ST_TOO_LARGE)
		return refuse(p, st, why_range);
	if (st == ST_FULL)
		return refuse(p, st, why_full);
	return refuse(p, st, why_broken);
}

/* Whether s ends in suffix. */
static bool
ends_with(struct slice s, const char *suffix)
{
	size_t n = strlen(suffix);

	return s.len >= n && memcmp(s.p + s.len - n, suffix, n) == 0;
}

/* Why a type's name is not one of ours. */
static const char *
why_not_type(struct slice name)
{
	if (slice_eq_str(name, "ssh-dss"))
		return why_dsa;
	if (ends_with(name, "-cert-v01@openssh.com"))
		return why_certificate;
	if (name.len > 3 && memcmp(name.p, "sk-", 3) == 0)
		return why_sk;
	return why_type;
}

/* Bits of a big-endian number without leading zeros. */
static size_t
bits_of(struct slice n)
{
	size_t bits = n.len * 8;

	for (unsigned top = n.len > 0 ? n.p[0] : 0x80; top < 0x80; top <<= 1)
		bits--;
	return bits;
}

/* RSA: bounds, and no number that is missing. */
static int
check_rsa(struct parse *p)
{
	const struct private_fields *f = p->fields;
	size_t bits = bits_of(f->rsa.n);

	if (bits < KEY_RSA_BITS_MIN || bits > KEY_RSA_BITS_MAX)
		return refuse(p, ST_TOO_LARGE, why_range);
	if (f->rsa.e.len == 0 || f->rsa.d.len == 0 || f->rsa.iqmp.len == 0 ||
	    f->rsa.p.len == 0 || f->rsa.q.len == 0)
		return broken(p, ST_MALFORMED);
	return ST_OK;
}

/* Ed25519: make the secret key out of the seed, in the spare room, and put it
 * into the fields; a public half that was given must be the same. */
static int
derive_ed25519(struct parse *p, struct slice seed, struct slice given)
{
	uint8_t *sk = p->spare, *pk = sk + ED25519_SEED + ED25519_PUBLIC;

	if (crypto_sign_seed_keypair(pk, sk, seed.p) != 0)
		return broken(p, ST_MALFORMED);
	if (given.len > 0 && !slice_eq(given,
	    (struct slice){ pk, ED25519_PUBLIC }))
		return refuse(p, ST_MALFORMED, why_halves);
	*p->fields = (struct private_fields){
		.type = KEY_ED25519,
		.ed25519 = {
			.pk = { pk, ED25519_PUBLIC },
			.sk = { sk, ED25519_SEED + ED25519_PUBLIC },
		},
	};
	return ST_OK;
}

/* The fields of an openssh-key-v1 key against each other and the bounds. */
static int
check_fields(struct parse *p)
{
	struct private_fields *f = p->fields;
	struct slice second;

	switch (f->type) {
	case KEY_RSA:
		return check_rsa(p);
	case KEY_ED25519:
		second = (struct slice){ f->ed25519.sk.p + ED25519_SEED,
			ED25519_PUBLIC };
		if (!slice_eq(second, f->ed25519.pk))
			return refuse(p, ST_MALFORMED, why_halves);
		return derive_ed25519(p, (struct slice){ f->ed25519.sk.p,
		    ED25519_SEED }, second);
	default:
		if (f->ecdsa.d.len == 0 || f->ecdsa.q.len == 0)
			return broken(p, ST_MALFORMED);
		return ST_OK;
	}
}

/* Whether the public blob beside the private section is that of the key. */
static bool
same_public(const struct private_fields *fields, struct slice blob)
{
	uint8_t room[KEYPRIVATE_PUBLIC_MAX];
	struct wire_writer w = wire_writer(room, sizeof(room));
	struct slice ours;

	keyprivate_put_public(&w, fields);
	return wire_done(&w, &ours) == ST_OK && slice_eq(ours, blob);
}

/* Whether a key file may hold a key of a type with that name: the private half
 * of some is elsewhere, and certificates have files of their own. */
static bool
is_file_type(struct slice name)
{
	enum key_type type;
	bool cert;

	return key_type_named(name, &type, &cert) == ST_OK && !cert &&
	    !key_type_info(type)->sk;
}

/* The private section of openssh-key-v1: two equal numbers, the key as the
 * agent protocol has it, the comment, padding 1, 2, 3, ... */
static int
openssh_private(struct parse *p, struct slice section, struct slice blob)
{
	struct wire_reader r = wire_reader(section), ahead;
	uint32_t check1, check2;
	struct slice name;
	uint8_t pad;
	int st;

	if (wire_get_u32(&r, &check1) != ST_OK ||
	    wire_get_u32(&r, &check2) != ST_OK || check1 != check2)
		return broken(p, ST_MALFORMED);
	ahead = r;
	if ((st = wire_get_string(&ahead, &name)) != ST_OK)
		return broken(p, st);
	if (!is_file_type(name))
		return refuse(p, ST_UNSUPPORTED, why_not_type(name));
	if ((st = keyprivate_get(&r, p->fields)) != ST_OK ||
	    (st = wire_get_text(&r, p->comment)) != ST_OK)
		return broken(p, st);
	for (unsigned want = 1; !wire_end(&r); want++)
		if (wire_get_u8(&r, &pad) != ST_OK || pad != want)
			return broken(p, ST_MALFORMED);
	if (!same_public(p->fields, blob))
		return refuse(p, ST_MALFORMED, why_halves);
	return check_fields(p);
}

/* What openssh-key-v1 begins with. */
struct openssh_head {
	struct slice	 cipher, kdf, kdf_options;
	uint32_t	 n;		/* keys; their public blobs follow */
};

/* Take the head. */
static int
openssh_head(struct wire_reader *r, struct openssh_head *out)
{
	struct slice magic;

	if (wire_get_bytes(r, sizeof(OPENSSH_MAGIC), &magic) != ST_OK ||
	    memcmp(magic.p, OPENSSH_MAGIC, sizeof(OPENSSH_MAGIC)) != 0 ||
	    wire_get_string(r, &out->cipher) != ST_OK ||
	    wire_get_string(r, &out->kdf) != ST_OK ||
	    wire_get_string(r, &out->kdf_options) != ST_OK ||
	    wire_get_u32(r, &out->n) != ST_OK)
		return ST_MALFORMED;
	return ST_OK;
}

/* openssh-key-v1. */
static int
form_openssh(struct parse *p, struct slice in)
{
	struct wire_reader r = wire_reader(in);
	struct openssh_head head;
	struct slice blob, section;

	if (openssh_head(&r, &head) != ST_OK)
		return broken(p, ST_MALFORMED);
	if (!slice_eq_str(head.cipher, "none") ||
	    !slice_eq_str(head.kdf, "none"))
		return refuse(p, ST_LOCKED, why_locked);
	if (head.kdf_options.len != 0)
		return broken(p, ST_MALFORMED);
	if (head.n != 1)
		return refuse(p, ST_UNSUPPORTED, why_several);
	if (wire_get_string(&r, &blob) != ST_OK ||
	    wire_get_string(&r, &section) != ST_OK || !wire_end(&r) ||
	    section.len % OPENSSH_BLOCK != 0)
		return broken(p, ST_MALFORMED);
	return openssh_private(p, section, blob);
}

/* PKCS#1: RSAPrivateKey. */
static int
form_pkcs1(struct parse *p, struct slice in)
{
	struct private_fields *f = p->fields;
	struct slice seq, dmp1, dmq1;
	unsigned version;

	f->type = KEY_RSA;
	if (der_get(&in, DER_SEQUENCE, &seq) != ST_OK || in.len != 0 ||
	    der_get_small(&seq, &version) != ST_OK)
		return broken(p, ST_MALFORMED);
	if (version != 0)
		return refuse(p, ST_UNSUPPORTED, why_primes);
	/* The two exponents are made again from d, so they are not kept. */
	if (der_get_uint(&seq, &f->rsa.n) != ST_OK ||
	    der_get_uint(&seq, &f->rsa.e) != ST_OK ||
	    der_get_uint(&seq, &f->rsa.d) != ST_OK ||
	    der_get_uint(&seq, &f->rsa.p) != ST_OK ||
	    der_get_uint(&seq, &f->rsa.q) != ST_OK ||
	    der_get_uint(&seq, &dmp1) != ST_OK ||
	    der_get_uint(&seq, &dmq1) != ST_OK ||
	    der_get_uint(&seq, &f->rsa.iqmp) != ST_OK || seq.len != 0)
		return broken(p, ST_MALFORMED);
	return check_rsa(p);
}

/* What an object identifier in a key means. */
struct oid {
	const uint8_t	*bytes;
	size_t		 len;
	int		 value;
};

#define OID(value, ...)							\
	{ (const uint8_t[]){ __VA_ARGS__ },				\
	    sizeof((const uint8_t[]){ __VA_ARGS__ }), value }

static const struct oid curves[] = {
	OID(KEY_ECDSA_P256, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07),
	OID(KEY_ECDSA_P384, 0x2b, 0x81, 0x04, 0x00, 0x22),
	OID(KEY_ECDSA_P521, 0x2b, 0x81, 0x04, 0x00, 0x23),
};

enum algorithm {
	ALGORITHM_RSA,
	ALGORITHM_EC,
	ALGORITHM_ED25519,
	ALGORITHM_DSA,
};

static const struct oid algorithms[] = {
	OID(ALGORITHM_RSA, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01,
	    0x01),
	OID(ALGORITHM_EC, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01),
	OID(ALGORITHM_ED25519, 0x2b, 0x65, 0x70),
	OID(ALGORITHM_DSA, 0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x01),
};

/* The value of an identifier, or -1. */
static int
oid_find(const struct oid *table, size_t n, struct slice oid)
{
	for (size_t i = 0; i < n; i++)
		if (slice_eq(oid, (struct slice){ table[i].bytes,
		    table[i].len }))
			return table[i].value;
	return -1;
}

/* Take EC parameters: the name of a curve we take. */
static int
take_curve(struct parse *p, struct slice *in, enum key_type *type)
{
	struct slice oid;
	int curve;

	if (der_next_is(in, DER_SEQUENCE))
		return refuse(p, ST_UNSUPPORTED, why_explicit);
	if (der_get(in, DER_OID, &oid) != ST_OK)
		return broken(p, ST_MALFORMED);
	curve = oid_find(curves, sizeof(curves) / sizeof(curves[0]), oid);
	if (curve < 0)
		return refuse(p, ST_UNSUPPORTED, why_curve);
	*type = (enum key_type)curve;
	return ST_OK;
}

/* Bytes of a coordinate, and of a private number, on a curve. */
static size_t
curve_bytes(enum key_type type)
{
	return (key_type_info(type)->bits + 7) / 8;
}

/* Set the public point: the one given, or where there is none or only its x
 * (02 or 03, then x) the one that belongs to d. */
static int
set_point(struct parse *p, struct slice given)
{
	struct private_fields *f = p->fields;
	size_t bytes = curve_bytes(f->type), qlen = KEY_ECDSA_PUBLIC_MAX;
	bool is_given = given.p != NULL && given.len > 0;
	int st;

	f->ecdsa.q = given;
	if (is_given && given.len == 1 + 2 * bytes && given.p[0] == 0x04)
		return ST_OK;
	if (is_given && (given.len != 1 + bytes ||
	    (given.p[0] & 0xfe) != 0x02))
		return broken(p, ST_MALFORMED);
	if (p->point == NULL)
		return refuse(p, ST_UNSUPPORTED, why_no_point);
	st = p->point(f->type, f->ecdsa.d, p->spare, &qlen);
	if (st != ST_OK)
		return broken(p, st);
	if (is_given && (memcmp(given.p + 1, p->spare + 1, bytes) != 0 ||
	    (given.p[0] & 1) != (p->spare[qlen - 1] & 1)))
		return refuse(p, ST_MALFORMED, why_halves);
	f->ecdsa.q = (struct slice){ p->spare, qlen };
	return ST_OK;
}

/* SEC1: ECPrivateKey, with the curve that PKCS#8 told, or NULL. */
static int
sec1_with(struct parse *p, struct slice in, const enum key_type *told)
{
	struct slice seq, d, part, q = { NULL, 0 };
	enum key_type type = KEY_TYPES;
	unsigned version;
	int st;

	if (der_get(&in, DER_SEQUENCE, &seq) != ST_OK || in.len != 0 ||
	    der_get_small(&seq, &version) != ST_OK || version != 1 ||
	    der_get(&seq, DER_OCTET_STRING, &d) != ST_OK)
		return broken(p, ST_MALFORMED);
	if (der_next_is(&seq, DER_CONTEXT(0))) {
		if (der_get(&seq, DER_CONTEXT(0), &part) != ST_OK)
			return broken(p, ST_MALFORMED);
		if ((st = take_curve(p, &part, &type)) != ST_OK)
			return st;
		if (part.len != 0 || (told != NULL && type != *told))
			return broken(p, ST_MALFORMED);
	} else if (told == NULL) {
		return refuse(p, ST_UNSUPPORTED, why_explicit);
	} else {
		type = *told;
	}
	if (der_next_is(&seq, DER_CONTEXT(1)) &&
	    (der_get(&seq, DER_CONTEXT(1), &part) != ST_OK ||
	    der_get_bits(&part, DER_BIT_STRING, &q) != ST_OK ||
	    part.len != 0 || q.len == 0))
		return broken(p, ST_MALFORMED);
	if (seq.len != 0 || d.len != curve_bytes(type))
		return broken(p, ST_MALFORMED);

	/* The number is padded to the curve's size; the field is not. */
	while (d.len > 0 && d.p[0] == 0) {
		d.p++;
		d.len--;
	}
	if (d.len == 0)
		return broken(p, ST_MALFORMED);
	p->fields->type = type;
	p->fields->ecdsa.d = d;
	return set_point(p, q);
}

/* SEC1 by itself. */
static int
form_sec1(struct parse *p, struct slice in)
{
	return sec1_with(p, in, NULL);
}

/* The attributes and the public key that may end a PKCS#8 key. */
static int
take_pkcs8_tail(struct parse *p, struct slice *seq, unsigned version,
    struct slice *public)
{
	struct slice attributes;

	*public = (struct slice){ NULL, 0 };
	if (der_next_is(seq, DER_CONTEXT(0)) &&
	    der_get(seq, DER_CONTEXT(0), &attributes) != ST_OK)
		return broken(p, ST_MALFORMED);
	if (version == 1 && der_next_is(seq, DER_CONTEXT_BYTES(1)) &&
	    (der_get_bits(seq, DER_CONTEXT_BYTES(1), public) != ST_OK ||
	    public->len == 0))
		return broken(p, ST_MALFORMED);
	if (seq->len != 0)
		return broken(p, ST_MALFORMED);
	return ST_OK;
}

/* RFC 8410: the seed in an OCTET STRING of its own. */
static int
pkcs8_ed25519(struct parse *p, struct slice params, struct slice key,
    struct slice public)
{
	struct slice seed;

	if (params.len != 0 ||
	    der_get(&key, DER_OCTET_STRING, &seed) != ST_OK || key.len != 0 ||
	    seed.len != ED25519_SEED)
		return broken(p, ST_MALFORMED);
	if (public.len != 0 && public.len != ED25519_PUBLIC)
		return broken(p, ST_MALFORMED);
	return derive_ed25519(p, seed, public);
}

/* RFC 5915 inside of PKCS#8: the curve is among the parameters. */
static int
pkcs8_ec(struct parse *p, struct slice params, struct slice key)
{
	enum key_type type;
	int st;

	if ((st = take_curve(p, &params, &type)) != ST_OK)
		return st;
	if (params.len != 0)
		return broken(p, ST_MALFORMED);
	return sec1_with(p, key, &type);
}

/* RSA inside of PKCS#8: the parameters are NULL. */
static int
pkcs8_rsa(struct parse *p, struct slice params, struct slice key)
{
	struct slice null;

	if (der_get(&params, DER_NULL, &null) != ST_OK || null.len != 0 ||
	    params.len != 0)
		return broken(p, ST_MALFORMED);
	return form_pkcs1(p, key);
}

/* PKCS#8: PrivateKeyInfo, or OneAsymmetricKey of RFC 5958. */
static int
form_pkcs8(struct parse *p, struct slice in)
{
	struct slice seq, params, oid, key, public;
	unsigned version;
	int st;

	if (der_get(&in, DER_SEQUENCE, &seq) != ST_OK || in.len != 0 ||
	    der_get_small(&seq, &version) != ST_OK || version > 1 ||
	    der_get(&seq, DER_SEQUENCE, &params) != ST_OK ||
	    der_get(&params, DER_OID, &oid) != ST_OK ||
	    der_get(&seq, DER_OCTET_STRING, &key) != ST_OK)
		return broken(p, ST_MALFORMED);
	if ((st = take_pkcs8_tail(p, &seq, version, &public)) != ST_OK)
		return st;
	switch (oid_find(algorithms, sizeof(algorithms) /
	    sizeof(algorithms[0]), oid)) {
	case ALGORITHM_RSA:
		return pkcs8_rsa(p, params, key);
	case ALGORITHM_EC:
		return pkcs8_ec(p, params, key);
	case ALGORITHM_ED25519:
		return pkcs8_ed25519(p, params, key, public);
	case ALGORITHM_DSA:
		return refuse(p, ST_UNSUPPORTED, why_dsa);
	default:
		return refuse(p, ST_UNSUPPORTED, why_type);
	}
}

/* The labels that we know; without a decoder, why not. */
static const struct form {
	const char	*label;
	const char	*kind;
	int		(*decode)(struct parse *p, struct slice in);
	int		 st;
	const char	*why;
} forms[] = {
	{ "OPENSSH PRIVATE KEY", "OpenSSH private key", form_openssh,
	    ST_OK, NULL },
	{ "PRIVATE KEY", "PKCS#8 private key", form_pkcs8, ST_OK, NULL },
	{ "RSA PRIVATE KEY", "RSA private key (PKCS#1)", form_pkcs1,
	    ST_OK, NULL },
	{ "EC PRIVATE KEY", "EC private key (SEC1)", form_sec1, ST_OK, NULL },
	{ "ENCRYPTED PRIVATE KEY", "PKCS#8 private key", NULL, ST_LOCKED,
	    why_locked_pkcs8 },
	{ "DSA PRIVATE KEY", "DSA private key", NULL, ST_UNSUPPORTED,
	    why_dsa },
	{ NULL, "private key of an unknown form", NULL, ST_UNSUPPORTED,
	    why_type },
};

/* The row of a label. */
static const struct form *
form_find(struct slice label)
{
	const struct form *f = forms;

	while (f->label != NULL && !slice_eq_str(label, f->label))
		f++;
	return f;
}

/* Undo the base64 into a piece of the region, and what is inside of it. */
static int
decode(struct secret *region, keytext_point point,
    const struct pem_block *block, const struct form *form,
    struct keytext *out, const char **why)
{
	struct parse p = { &out->fields, &out->comment, NULL, point,
		why_broken };
	size_t cap = pem_decoded_max(block->body), len;
	int st;

	if (cap > DECODED_MAX) {
		st = broken(&p, ST_TOO_LARGE);
		goto out;
	}
	if ((out->mem = secret_alloc(region, cap + SPARE)) == NULL) {
		st = broken(&p, ST_FULL);
		goto out;
	}
	p.spare = (uint8_t *)out->mem + cap;
	st = pem_decode(block->body, out->mem, cap, &len);
	if (st != ST_OK)
		st = broken(&p, st);
	else
		st = form->decode(&p, (struct slice){ out->mem, len });
out:
	*why = p.why;
	return st;
}

/* Overwrite what the calls before this one left on the stack. */
static __attribute__((__noinline__)) void
wipe_stack(void)
{
	uint8_t below[8192];

	explicit_bzero(below, sizeof(below));
}

int
keytext_next(struct secret *region, keytext_point point, struct slice *in,
    struct keytext *out, char *why, size_t whylen)
{
	const char *reason = "", *kind = "private key";
	const struct form *form;
	struct pem_block block;
	int st;

	memset(out, 0, sizeof(*out));
	st = pem_next(in, &block, &reason);
	if (st == ST_NOT_FOUND) {
		(void)snprintf(why, whylen, "no private key");
		return st;
	}
	if (block.label.len > 0)
		kind = form_find(block.label)->kind;
	if (st == ST_OK) {
		form = form_find(block.label);
		if (form->decode == NULL) {
			st = form->st;
			reason = form->why;
		} else if (block.encrypted) {
			st = ST_LOCKED;
			reason = why_locked;
		} else {
			st = decode(region, point, &block, form, out,
			    &reason);
			wipe_stack();
		}
	}
	if (st != ST_OK) {
		keytext_fini(region, out);
		(void)snprintf(why, whylen, "%s: %s", kind, reason);
	}
	return st;
}

/* Copy the public blob out of a decoded openssh-key-v1 key. */
static int
openssh_public(struct slice in, uint8_t out[static KEYPRIVATE_PUBLIC_MAX],
    size_t *len)
{
	struct wire_reader r = wire_reader(in);
	struct openssh_head head;
	struct slice blob;

	if (openssh_head(&r, &head) != ST_OK || head.n != 1 ||
	    wire_get_string(&r, &blob) != ST_OK)
		return ST_MALFORMED;
	if (blob.len > KEYPRIVATE_PUBLIC_MAX)
		return ST_TOO_LARGE;
	memcpy(out, blob.p, blob.len);
	*len = blob.len;
	return ST_OK;
}

int
keytext_public(struct secret *region, struct slice in,
    uint8_t out[static KEYPRIVATE_PUBLIC_MAX], size_t *len)
{
	struct pem_block block;
	const char *why;
	uint8_t *decoded;
	size_t cap, n;
	int st;

	*len = 0;
	if ((st = pem_next(&in, &block, &why)) != ST_OK)
		return st == ST_UNSUPPORTED ? ST_NOT_FOUND : st;
	if (form_find(block.label)->decode != form_openssh)
		return ST_NOT_FOUND;
	if ((cap = pem_decoded_max(block.body)) > DECODED_MAX)
		return ST_TOO_LARGE;
	/* There may be nothing between the two lines. */
	if ((decoded = secret_alloc(region, cap + 1)) == NULL)
		return ST_FULL;
	if ((st = pem_decode(block.body, decoded, cap, &n)) == ST_OK)
		st = openssh_public((struct slice){ decoded, n }, out, len);
	secret_free(region, decoded);
	return st;
}

void
keytext_fini(struct secret *region, struct keytext *key)
{
	secret_free(region, key->mem);
	memset(key, 0, sizeof(*key));
}
