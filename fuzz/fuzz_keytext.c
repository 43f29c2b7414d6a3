/*
 * Reaches: keytext_next, keytext_public, keytext_fini; all of pem.c and der.c;
 *          the openssh- key-v1, PKCS#8, PKCS#1 and SEC1 decoders;
 *          key_ecdsa_public.
 * Claims:  no status is negative; each call moves on, and the text ends; why
 *          is one line whenever there is no key; without a key nothing of the
 *          region is kept, and with one all of it is in the region and comes
 *          back at the end; a key that was taken is written as an add request
 *          and reads as it was, Ed25519 with its halves belonging together;
 *          the public half in the clear is that of the key that is taken.
 * Input:   the text of keys.
 */

#include <stdio.h>
#include <string.h>

#include "agent/key.h"
#include "agent/vault.h"
#include "fuzz/fuzz.h"
#include "fuzz/support/vaultuse.h"
#include "keys/keytext.h"
#include "proto/bundle.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const struct secret_options opts = {
		.size = 512 * 1024,
		.want = SECRET_MLOCK,
		.allow_unlocked = true,
	};
	static const uint8_t d[48] = { 1 };
	uint8_t q[KEY_ECDSA_PUBLIC_MAX];
	size_t qlen = sizeof(q);
	char why[256];

	(void)argc;
	(void)argv;
	if (vault_open(&opts, VAULT_LOAD, 0, why, sizeof(why)) != ST_OK) {
		(void)fprintf(stderr, "%s\n", why);
		exit(1);
	}
	if (vault_crypto() != ST_OK)
		abort();
	/* Once here, so that what libcrypto keeps for good is there. */
	if (key_ecdsa_public(KEY_ECDSA_P384, (struct slice){ d, sizeof(d) },
	    q, &qlen) != ST_OK)
		abort();
	return 0;
}

/* A slice lies in the key's piece. */
static void
check_place(const struct keytext *key, struct slice s)
{
	struct slice piece = { key->mem, secret_size(vault_region(),
	    key->mem) };

	assert(fuzz_within(s, piece));
	(void)piece;
	(void)s;
}

/* Write the key as a record, and read it again. */
static void
check_key(const struct keytext *key)
{
	struct request add = {
		.type = SSH_AGENTC_ADD_ID_CONSTRAINED,
		.add = { .key = key->fields, .comment = key->comment },
	};
	size_t cap = secret_size(vault_region(), key->mem) + 256;
	struct wire_writer w = wire_writer(fuzz_alloc(cap), cap);
	struct wire_writer again = wire_writer(fuzz_alloc(cap), cap);
	struct bundle_record record;
	struct request back;
	int st;

	check_place(key, key->comment);
	if (key->fields.type == KEY_RSA)
		check_place(key, key->fields.rsa.d);
	else if (key->fields.type == KEY_ED25519)
		check_place(key, key->fields.ed25519.sk);
	else
		check_place(key, key->fields.ecdsa.d);

	bundle_put_key(&w, &add);
	st = bundle_record_decode(fuzz_written(&w), &record);
	assert(st == ST_OK && record.kind == BUNDLE_KEY);
	st = request_decode_add(record.key, &back);
	assert(st == ST_OK && back.add.key.type == key->fields.type);
	assert(slice_eq(back.add.comment, key->comment));
	bundle_put_key(&again, &back);
	assert(slice_eq(fuzz_written(&w), fuzz_written(&again)));
	if (key->fields.type == KEY_ED25519)
		assert(memcmp(key->fields.ed25519.sk.p + 32,
		    key->fields.ed25519.pk.p, 32) == 0);
	(void)st;
	explicit_bzero(w.p, cap);
	free(w.p);
	free(again.p);
}

/* The public half that stands in the clear is that of the first key. */
static void
check_public(struct slice in)
{
	uint8_t room[KEYPRIVATE_PUBLIC_MAX], other[KEYPRIVATE_PUBLIC_MAX];
	struct wire_writer w = wire_writer(other, sizeof(other));
	struct keytext key;
	size_t len, before = vaultuse_bytes();
	char why[512];
	int st = keytext_public(vault_region(), in, room, &len);

	assert(st >= 0 && vaultuse_bytes() == before);
	assert(st == ST_OK || len == 0);
	if (st == ST_OK && keytext_next(vault_region(), NULL, &in, &key, why,
	    sizeof(why)) == ST_OK) {
		keyprivate_put_public(&w, &key.fields);
		assert(slice_eq(fuzz_written(&w), (struct slice){ room, len }));
		keytext_fini(vault_region(), &key);
	}
	(void)before;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = { data, size };
	struct keytext key;
	size_t left, before;
	char why[512];
	int st;

	do {
		left = in.len;
		before = vaultuse_bytes();
		st = keytext_next(vault_region(), key_ecdsa_public, &in, &key, why, sizeof(why));
		assert(st >= 0);
		assert(st == ST_NOT_FOUND || in.len < left);
		if (st == ST_OK) {
			check_key(&key);
		} else {
			assert(key.mem == NULL && why[0] != '\0');
			assert(strchr(why, '\n') == NULL);
		}
		keytext_fini(vault_region(), &key);
		keytext_fini(vault_region(), &key);
		assert(vaultuse_bytes() == before);
		(void)left;
		(void)before;
	} while (st != ST_NOT_FOUND);
	assert(in.len == 0);
	check_public((struct slice){ data, size });
	return 0;
}
