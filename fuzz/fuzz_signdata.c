/*
 * Reaches: signdata_classify, signdata_is_for; through them keyblob_decode and
 *          certificate_decode.
 * Claims:  every slice lies in the data; a userauth request is for the key in
 *          it, whose type its algorithm names, and for no other; other data is
 *          for none; what a request or an SSHSIG says, written anew, is no
 *          longer than the data was and is the same again; neither a beginning
 *          of either nor a byte more is anything but OTHER.
 * Input:   the data.
 */

#include <string.h>

#include "fuzz/fuzz.h"
#include "proto/certificate.h"
#include "proto/signdata.h"

/* Nothing that begins with it, or that it begins with, is anything. */
static void
check_length(struct slice data)
{
	uint8_t *longer = fuzz_alloc(data.len + 1);
	struct signdata d;
	size_t len;

	for (len = 0; len < data.len; len += 1 + len / 64) {
		signdata_classify((struct slice){ data.p, len }, &d);
		assert(d.kind == SIGNDATA_OTHER);
	}
	memcpy(longer, data.p, data.len);
	longer[data.len] = 0;
	signdata_classify((struct slice){ longer, data.len + 1 }, &d);
	assert(d.kind == SIGNDATA_OTHER);
	free(longer);
}

/* The key in the request: its type is the algorithm's. */
static void
check_blob(const struct signdata *d)
{
	struct slice blob = d->userauth.blob, name = d->userauth.algorithm;
	struct public_fields key;
	struct certificate cert;
	enum key_type type;
	bool is_cert;
	int st;

	assert(signdata_is_for(d, blob));
	blob.len--;
	assert(!signdata_is_for(d, blob));
	blob.len++;
	st = key_type_named(name, &type, &is_cert);
	if (st != ST_OK) {
		/* Only RSA has algorithms that are not the names of keys. */
		assert(name.len > 8 && memcmp(name.p, "rsa-sha2", 8) == 0);
		type = KEY_RSA;
		is_cert = name.len > 12;
	}
	if (is_cert) {
		st = certificate_decode(blob, &cert);
		key = cert.key;
	} else {
		st = keyblob_decode(blob, &key);
	}
	assert(st == ST_OK && key.type == type);
}

/* Write a request anew. */
static void
put_userauth(struct wire_writer *w, const struct signdata *d)
{
	wire_put_string(w, d->userauth.session_id);
	wire_put_u8(w, 50);
	wire_put_string(w, d->userauth.user);
	wire_put_str(w, "ssh-connection");
	wire_put_str(w, d->userauth.hostbound ?
	    "publickey-hostbound-v00@openssh.com" : "publickey");
	wire_put_u8(w, 1);
	wire_put_string(w, d->userauth.algorithm);
	wire_put_string(w, d->userauth.blob);
	if (d->userauth.hostbound)
		wire_put_string(w, d->userauth.hostkey);
}

/* Write an SSHSIG anew, without what is reserved. */
static void
put_sshsig(struct wire_writer *w, const struct signdata *d)
{
	wire_put_bytes(w, slice_str("SSHSIG"));
	wire_put_string(w, d->sshsig.ns);
	wire_put_str(w, "");
	wire_put_string(w, d->sshsig.hash_algorithm);
	wire_put_string(w, d->sshsig.hash);
}

/* A request, and what it is when written anew. */
static void
check_userauth(struct slice data, const struct signdata *d)
{
	struct wire_writer w = wire_writer(fuzz_alloc(data.len), data.len);
	struct signdata again;

	assert(fuzz_within(d->userauth.session_id, data));
	assert(fuzz_within(d->userauth.user, data));
	assert(fuzz_within(d->userauth.algorithm, data));
	assert(fuzz_within(d->userauth.blob, data));
	assert(fuzz_within(d->userauth.hostkey, data));
	assert(d->userauth.session_id.len > 0);
	assert((d->userauth.hostkey.len > 0) == d->userauth.hostbound);
	check_blob(d);
	put_userauth(&w, d);
	signdata_classify(fuzz_written(&w), &again);
	assert(again.kind == SIGNDATA_USERAUTH);
	assert(slice_eq(again.userauth.session_id, d->userauth.session_id));
	assert(slice_eq(again.userauth.user, d->userauth.user));
	assert(slice_eq(again.userauth.hostkey, d->userauth.hostkey));
	assert(signdata_is_for(&again, d->userauth.blob));
	free(w.p);
}

/* An SSHSIG, likewise. */
static void
check_sshsig(struct slice data, const struct signdata *d)
{
	struct wire_writer w = wire_writer(fuzz_alloc(data.len), data.len);
	struct signdata again;

	assert(fuzz_within(d->sshsig.ns, data) && d->sshsig.ns.len > 0);
	assert(memchr(d->sshsig.ns.p, '\0', d->sshsig.ns.len) == NULL);
	assert(fuzz_within(d->sshsig.hash, data));
	assert(d->sshsig.hash.len == 32 || d->sshsig.hash.len == 64);
	put_sshsig(&w, d);
	signdata_classify(fuzz_written(&w), &again);
	assert(again.kind == SIGNDATA_SSHSIG);
	assert(slice_eq(again.sshsig.ns, d->sshsig.ns));
	assert(slice_eq(again.sshsig.hash, d->sshsig.hash));
	free(w.p);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = { data, size };
	struct signdata d;

	signdata_classify(in, &d);
	if (d.kind == SIGNDATA_USERAUTH)
		check_userauth(in, &d);
	else
		assert(!signdata_is_for(&d, in));
	if (d.kind == SIGNDATA_SSHSIG)
		check_sshsig(in, &d);
	if (d.kind != SIGNDATA_OTHER)
		check_length(in);
	return 0;
}
