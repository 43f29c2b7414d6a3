/*
 * Signatures.
 */

#include "conformance/probe.h"

#include <stdio.h>
#include <string.h>

#define LONG_DATA	(200 * 1024)
/* The first number over which the signature of USER_RSA_2048 begins with a
 * zero byte; if it were another, the next one would be found. */
#define FIRST_ZERO	126

static enum verdict
check_unknown_key(struct probe *p)
{
	const struct material_key *k = fresh_key(p);

	PASSES(expect_add(p, 0, user_key(USER_ED25519), nothing));
	PASSES(expect_no_signature(p, 0, k->blob, usual_login(k), 0));
	return expect_no_signature(p, 0, slice_str("no key"),
	    usual_login(k), 0);
}

/* A key's blob with a byte behind it is another key's. */
static enum verdict
check_exact_blob(struct probe *p)
{
	const struct material_key *k = user_key(USER_ED25519);
	uint8_t room[256];
	struct wire_writer w = wire_writer(room, sizeof(room));

	PASSES(expect_add(p, 0, k, nothing));
	wire_put_bytes(&w, k->blob);
	wire_put_u8(&w, 0);
	PASSES(expect_no_signature(p, 0, (struct slice){ room, w.len },
	    usual_login(k), 0));
	return expect(p, 0, remove_body((struct slice){ room, w.len }),
	    SSH_AGENT_FAILURE, "the removal of a blob with a byte too many");
}

static enum verdict
check_any_data(struct probe *p)
{
	const struct material_key *k = user_key(USER_ED25519);
	uint8_t room[512];
	struct wire_writer w = wire_writer(room, sizeof(room));

	PASSES(expect_add(p, 0, k, nothing));
	PASSES(expect_signs(p, 0, k, k->blob, nothing, 0, NULL));
	PASSES(expect_signs(p, 0, k, k->blob, slice_str("text"), 0, NULL));
	ask_put_sshsig(&w, "git", "sha512");
	return expect_signs(p, 0, k, k->blob, (struct slice){ room, w.len }, 0,
	    NULL);
}

static enum verdict
check_large_data(struct probe *p)
{
	static uint8_t data[LONG_DATA];
	const struct material_key *k = user_key(USER_ED25519);

	PASSES(expect_add(p, 0, k, nothing));
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7);
	return expect_signs(p, 0, k, k->blob, (struct slice){ data,
	    sizeof(data) }, 0, NULL);
}

static enum verdict
check_deterministic(struct probe *p)
{
	const struct material_key *k = user_key(USER_ED25519);
	struct slice data = usual_login(k);
	struct answer first, second;

	PASSES(expect_add(p, 0, k, nothing));
	first = ask(p, 0, sign_body(k->blob, data, 0));
	second = ask(p, 1, sign_body(k->blob, data, 0));
	if (answer_code(&first) != SSH_AGENT_SIGN_RESPONSE)
		return fails(p, "a request to sign: %s", answer_name(&first));
	if (!answer_eq(&first, &second))
		return fails(p, "two Ed25519 signatures over the same data "
		    "differ");
	return expect_signs(p, 0, k, k->blob, data, 0, "ssh-ed25519");
}

/* An RSA key signs by that flag with that algorithm. */
static enum verdict
expect_rsa(struct probe *p, uint32_t flags, const char *algorithm)
{
	const struct material_key *k = user_key(USER_RSA_2048);

	PASSES(expect_add(p, 0, k, nothing));
	return expect_signs(p, 0, k, k->blob, usual_login(k), flags,
	    algorithm);
}

static enum verdict
check_rsa_256(struct probe *p)
{
	return expect_rsa(p, SSH_AGENT_RSA_SHA2_256, "rsa-sha2-256");
}

static enum verdict
check_rsa_512(struct probe *p)
{
	return expect_rsa(p, SSH_AGENT_RSA_SHA2_512, "rsa-sha2-512");
}

static enum verdict
check_rsa_none(struct probe *p)
{
	const struct material_key *k = user_key(USER_RSA_2048);
	struct answer a;

	PASSES(expect_add(p, 0, k, nothing));
	a = ask(p, 0, sign_body(k->blob, usual_login(k), 0));
	if (answer_code(&a) == SSH_AGENT_FAILURE && a.body.len == 1)
		return not_offered(p, "FAILURE: no SHA-1");
	return expect_signs(p, 0, k, k->blob, usual_login(k), 0, "ssh-rsa");
}

/* Data over which the signature begins with a zero byte: about one of 256. */
static struct slice
find_zero(const struct material_key *k)
{
	static uint8_t data[4], room[1024];
	struct slice d = { data, sizeof(data) };
	struct wire_writer w;
	/* string algorithm, u32 length */
	size_t at = 4 + strlen("rsa-sha2-256") + 4;

	for (unsigned i = FIRST_ZERO; i < 65536; i++) {
		data[0] = (uint8_t)(i >> 8);
		data[1] = (uint8_t)i;
		w = wire_writer(room, sizeof(room));
		material_sign(&w, k, "rsa-sha2-256", d);
		if (room[at] == 0)
			return d;
	}
	die("no signature begins with a zero byte");
}

static enum verdict
check_rsa_length(struct probe *p)
{
	const struct material_key *k = user_key(USER_RSA_2048);
	static struct slice data;
	struct answer a;
	struct wire_reader r;
	struct slice signature, name, bytes;
	uint8_t type;

	if (data.len == 0)
		data = find_zero(k);
	PASSES(expect_add(p, 0, k, nothing));
	a = ask(p, 0, sign_body(k->blob, data, SSH_AGENT_RSA_SHA2_256));
	r = wire_reader(a.body);
	if (answer_code(&a) != SSH_AGENT_SIGN_RESPONSE ||
	    wire_get_u8(&r, &type) != ST_OK ||
	    wire_get_string(&r, &signature) != ST_OK)
		return fails(p, "a request to sign: %s", answer_name(&a));
	r = wire_reader(signature);
	if (wire_get_string(&r, &name) != ST_OK ||
	    wire_get_string(&r, &bytes) != ST_OK)
		return fails(p, "a signature is not two strings");
	if (bytes.len != 256)
		return fails(p, "a signature of %zu bytes by a key of 256, "
		    "where the first one is zero", bytes.len);
	return expect_signs(p, 0, k, k->blob, data, SSH_AGENT_RSA_SHA2_256,
	    "rsa-sha2-256");
}

static enum verdict
check_flags(struct probe *p)
{
	static const uint32_t flags[] = { 8, 0x100, 0x80000000u };
	const struct material_key *k = user_key(USER_ED25519);

	PASSES(expect_add(p, 0, k, nothing));
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		PASSES(expect_no_signature(p, 0, k->blob, usual_login(k),
		    flags[i]));
	return VERDICT_PASS;
}

static enum verdict
check_bytes_behind(struct probe *p)
{
	const struct material_key *k = user_key(USER_ED25519);
	struct slice data = usual_login(k);
	struct wire_writer w = trial_draft();
	struct answer a;

	PASSES(expect_add(p, 0, k, nothing));
	w = trial_draft();
	ask_put_sign(&w, k->blob, data, 0);
	wire_put_str(&w, "trailing");
	a = ask(p, 0, trial_written(&w));
	if (answer_code(&a) != SSH_AGENT_SIGN_RESPONSE)
		return fails(p, "%s", answer_name(&a));
	return expect_signs(p, 0, k, k->blob, data, 0, NULL);
}

#define SIGNING		"RFC 9987, 5.6"
#define FLAGS		"RFC 9987, 5.6.1"

const struct requirement requirements_sign[] = {
	{ "sign.unknown-key", SIGNING, LEVEL_MUST,
	    "a key that is not there gets `FAILURE`", OFFER_ADD,
	    check_unknown_key },
	{ "sign.exact-blob", "RFC 9987, 5.3", LEVEL_MUST,
	    "a key's blob with a byte behind it is not that key", OFFER_ADD,
	    check_exact_blob },
	/* RFC 9987 lets an agent be unwilling. */
	{ "sign.any-data", "OpenSSH", LEVEL_PRACTICE,
	    "a key without constraints signs nothing at all, text, and what "
	    "`ssh-keygen -Y sign` signs", OFFER_ADD, check_any_data },
	{ "sign.large-data", "OpenSSH", LEVEL_PRACTICE,
	    "it signs 200 KiB", OFFER_ADD, check_large_data },
	{ "sign.deterministic", "RFC 8709, 5", LEVEL_MUST,
	    "two Ed25519 signatures over the same data are the same, on any "
	    "connection", OFFER_ADD, check_deterministic },
	{ "sign.rsa-sha2-256", FLAGS, LEVEL_MUST,
	    "flag 2 gives `rsa-sha2-256`", OFFER_RSA, check_rsa_256 },
	{ "sign.rsa-sha2-512", FLAGS, LEVEL_MUST,
	    "flag 4 gives `rsa-sha2-512`", OFFER_RSA, check_rsa_512 },
	{ "sign.ssh-rsa", FLAGS, LEVEL_PRACTICE,
	    "an RSA key without a flag signs by `ssh-rsa`, which is SHA-1, or "
	    "not at all", OFFER_RSA, check_rsa_none },
	{ "sign.rsa-length", "RFC 8332, 3", LEVEL_MUST,
	    "an RSA signature is as long as the modulus, also when it begins "
	    "with a zero byte", OFFER_RSA, check_rsa_length },
	{ "sign.flags", SIGNING, LEVEL_MUST,
	    "flags that are not known get `FAILURE`", OFFER_ADD,
	    check_flags },
	{ "sign.bytes-behind", "OpenSSH", LEVEL_PRACTICE,
	    "bytes behind the last field of a request do not matter",
	    OFFER_ADD, check_bytes_behind },
	{ .id = NULL },
};
