/*
 * Reaches: verify_host, verify_certificate, verify_signature, and with them
 *          certificate_decode, keyblob_decode.
 * Claims:  no status is negative but for want of memory; libcrypto's queue is
 *          empty afterwards; the same again is the same; what a key has signed
 *          verifies, as does a certificate that it has signed, and with any
 *          one bit of key, signature, certificate or data changed neither does.
 * Input:   u8, even: string blob, string session id, string signature, all
 *          hostile.  Odd: u8 which algorithm, u8 which CA, u32 which bit, then
 *          what is signed.
 */

#include <string.h>

#include <openssl/err.h>

#include "agent/verify.h"
#include "fuzz/fuzz.h"
#include "support/fakecert.h"
#include "support/signer.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);

static const struct {
	enum key_type	 type;
	const char	*name;		/* NULL: the one that there is */
} algorithms[] = {
	{ KEY_ED25519, NULL },
	{ KEY_ECDSA_P256, NULL },
	{ KEY_ECDSA_P384, NULL },
	{ KEY_ECDSA_P521, NULL },
	{ KEY_RSA, "ssh-rsa" },
	{ KEY_RSA, "rsa-sha2-256" },
	{ KEY_RSA, "rsa-sha2-512" },
	{ KEY_SK_ED25519, NULL },
	{ KEY_SK_ECDSA_P256, NULL },
};

#define ALGORITHMS	(sizeof(algorithms) / sizeof(algorithms[0]))
#define BLOB_MAX	(4 * 1024)

static struct signer signers[KEY_TYPES];

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	int st = verify_init();

	(void)argc;
	(void)argv;
	assert(st == ST_OK);
	for (unsigned i = 0; i < KEY_TYPES; i++)
		signer_init(&signers[i], (enum key_type)i);
	return 0;
}

/* verify_host() of pieces of just their lengths. */
static int
ask(struct slice blob, struct slice session_id, struct slice signature)
{
	struct slice in[3] = { blob, session_id, signature };
	const char *why = NULL;
	int st;

	for (int i = 0; i < 3; i++) {
		uint8_t *p = fuzz_alloc(in[i].len);

		if (in[i].len > 0)
			memcpy(p, in[i].p, in[i].len);
		in[i].p = p;
	}
	st = verify_host(in[0], in[1], in[2], &why);
	assert(ERR_peek_error() == 0);
	assert(st >= 0 || st == ST_NOMEM);
	assert(st == ST_OK || st == ST_MALFORMED || st == ST_TOO_LARGE ||
	    st == ST_UNSUPPORTED || st == ST_NOMEM);
	assert(st == ST_OK || why != NULL);
	for (int i = 0; i < 3; i++)
		free((void *)(uintptr_t)in[i].p);
	return st;
}

/* What others made up. */
static void
hostile(struct wire_reader r)
{
	struct slice blob, session_id, signature;
	int st;

	if (wire_get_string(&r, &blob) != ST_OK ||
	    wire_get_string(&r, &session_id) != ST_OK ||
	    wire_get_string(&r, &signature) != ST_OK)
		return;
	st = ask(blob, session_id, signature);
	assert(ask(blob, session_id, signature) == st);
}

/* A question that is answered with yes, and with no when any one bit of it is
 * changed. */
static void
check_good(struct slice blob, struct slice data, struct slice signature,
    uint32_t bit)
{
	struct slice in[3] = { blob, data, signature };

	assert(ask(blob, data, signature) == ST_OK);
	for (int i = 0; i < 3; i++) {
		struct slice was = in[i];
		uint8_t *p = fuzz_alloc(was.len);
		size_t at = was.len > 0 ? bit / 8 % was.len : 0;

		if (was.len > 0) {
			memcpy(p, was.p, was.len);
			p[at] = (uint8_t)(p[at] ^ 1u << bit % 8);
			in[i].p = p;
			assert(ask(in[0], in[1], in[2]) != ST_OK);
			in[i] = was;
		}
		free(p);
	}
}

/* A host certificate for s, signed by the CA. */
static struct slice
certify(const struct signer *s, const struct signer *ca,
    const char *algorithm, uint8_t out[BLOB_MAX])
{
	struct fakecert fake = { .key = s->blob, .ca = ca->blob,
		.role = CERTIFICATE_HOST, .principals = "h.example",
		.before = UINT64_MAX, .critical = "" };
	uint8_t bytes[SIGNER_SIG_MAX];
	struct wire_writer w = wire_writer(out, BLOB_MAX);
	struct wire_writer sig = wire_writer(bytes, sizeof(bytes));

	fakecert_put(&w, &fake);
	signer_put(ca, &sig, algorithm, fuzz_written(&w));
	wire_put_string(&w, fuzz_written(&sig));
	return fuzz_written(&w);
}

/* What keys of ours have signed. */
static void
honest(struct wire_reader r)
{
	uint8_t which, by, cert[BLOB_MAX], bytes[SIGNER_SIG_MAX];
	struct wire_writer w = wire_writer(bytes, sizeof(bytes));
	const struct signer *s, *ca;
	uint32_t bit;

	if (wire_get_u8(&r, &which) != ST_OK || wire_get_u8(&r, &by) != ST_OK ||
	    wire_get_u32(&r, &bit) != ST_OK)
		return;
	s = &signers[algorithms[which % ALGORITHMS].type];
	ca = &signers[algorithms[by % ALGORITHMS].type];
	signer_put(s, &w, algorithms[which % ALGORITHMS].name, r.rest);
	check_good(s->blob, r.rest, fuzz_written(&w), bit);
	check_good(certify(s, ca, algorithms[by % ALGORITHMS].name, cert),
	    r.rest, fuzz_written(&w), bit);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wire_reader r = wire_reader((struct slice){ data, size });
	uint8_t mode;

	if (wire_get_u8(&r, &mode) != ST_OK)
		return 0;
	if (mode % 2 == 0)
		hostile(r);
	else
		honest(r);
	return 0;
}
