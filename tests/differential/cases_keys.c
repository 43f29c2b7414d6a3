#include "differential/cases.h"

#include <stdlib.h>
#include <string.h>

#include "differential/ask.h"
#include "differential/material.h"
#include "differential/trial.h"

static const struct slice nothing;

/*
 * Keys whose halves do not belong together.
 */

bool
case_foreign_ed25519(struct bench *b, const struct difference *d)
{
	const struct material_user *u = &material_users[USER_ED25519];
	const struct material_key *other =
	    material_users[USER_ED25519_TOO].key;
	uint8_t sk[64];
	struct wire_writer w;
	bool good = true;

	bench_connect(b, 0);
	/* Another's public half before the seed, behind it, or both; at last
	 * with a certificate of the other. */
	for (unsigned i = 1; i <= 4; i++) {
		memcpy(sk, u->key->secret, sizeof(sk));
		if (i != 1)
			memcpy(sk + 32, other->secret + 32, 32);
		w = trial_draft();
		wire_put_u8(&w, SSH_AGENTC_ADD_IDENTITY);
		if (i == 4) {
			wire_put_str(&w, material_cert_type(KIND_ED25519));
			wire_put_string(&w,
			    material_users[USER_ED25519_TOO].certs[0]);
		} else {
			wire_put_str(&w, material_type(KIND_ED25519));
		}
		wire_put_string(&w, i == 2 ? u->key->point : other->point);
		wire_put_string(&w, (struct slice){ sk, sizeof(sk) });
		wire_put_str(&w, "foreign");
		good = trial_differs(b, d, 0, trial_written(&w)) && good;
	}
	return good;
}

bool
case_foreign_ecdsa(struct bench *b, const struct difference *d)
{
	static const struct {
		unsigned	 user, host;
		const char	*curve;
	} rows[] = {
		{ USER_P256, 1, "nistp256" }, { USER_P384, 2, "nistp384" },
		{ USER_P521, 3, "nistp521" },
	};
	struct wire_writer w;
	bool good = true;

	bench_connect(b, 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct material_key *k =
		    material_users[rows[i].user].key;

		w = trial_draft();
		wire_put_u8(&w, SSH_AGENTC_ADD_IDENTITY);
		wire_put_str(&w, material_type(k->kind));
		wire_put_str(&w, rows[i].curve);
		wire_put_string(&w, k->point);
		wire_put_mpint(&w, material_hosts[rows[i].host].key->d);
		wire_put_str(&w, "foreign");
		good = trial_differs(b, d, 0, trial_written(&w)) && good;
	}
	return good;
}

bool
case_other_curve(struct bench *b, const struct difference *d)
{
	const struct material_user *u = &material_users[USER_P384];
	struct wire_writer w = trial_draft();

	bench_connect(b, 0);
	wire_put_u8(&w, SSH_AGENTC_ADD_IDENTITY);
	wire_put_str(&w, material_cert_type(KIND_P256));
	wire_put_string(&w, u->certs[0]);
	wire_put_bytes(&w, u->key->behind_cert);
	wire_put_str(&w, "renamed");
	return trial_differs(b, d, 0, trial_written(&w));
}

bool
case_foreign_rsa(struct bench *b, const struct difference *d)
{
	const struct material_key *k = material_users[USER_RSA_1024].key;
	struct slice parts[6] = { k->n, k->e, k->d, k->iqmp, k->p, k->q };
	struct wire_writer w;
	uint8_t *bytes;
	bool good = true;

	bench_connect(b, 0);
	/* Each number but n with one wrong bit. */
	for (size_t i = 1; i < 6; i++) {
		w = trial_draft();
		wire_put_u8(&w, SSH_AGENTC_ADD_IDENTITY);
		wire_put_str(&w, material_type(KIND_RSA));
		bytes = malloc(parts[i].len);
		if (bytes == NULL)
			die("out of memory");
		memcpy(bytes, parts[i].p, parts[i].len);
		bytes[parts[i].len - 1] ^= 2;
		for (size_t j = 0; j < 6; j++)
			wire_put_mpint(&w, i == j ? (struct slice){ bytes,
			    parts[i].len } : parts[j]);
		free(bytes);
		wire_put_str(&w, "foreign");
		good = trial_differs(b, d, 0, trial_written(&w)) && good;
	}
	return good;
}

/*
 * Signatures.
 */

bool
case_flags(struct bench *b, const struct difference *d)
{
	static const struct {
		unsigned	 user;
		uint32_t	 flags;
	} rows[] = {
		{ USER_ED25519, 1 }, { USER_ED25519, 0xff },
		{ USER_P256, 8 }, { USER_RSA_1024, 1 }, { USER_RSA_1024, 10 },
		{ USER_RSA_1024, 0x80000004u },
	};
	struct wire_writer w;
	bool good = true;

	bench_connect(b, 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		good = trial_both(b, 0, trial_add(rows[i].user, nothing),
		    SSH_AGENT_SUCCESS) && good;
		w = trial_draft();
		ask_put_sign(&w, material_users[rows[i].user].key->blob,
		    slice_str("data"), rows[i].flags);
		good = trial_differs(b, d, 0, trial_written(&w)) && good;
	}
	return good;
}

bool
case_sha1(struct bench *b, const struct difference *d)
{
	const struct material_user *u = &material_users[USER_RSA_1024];
	struct wire_writer w;
	bool good = true;

	bench_connect(b, 0);
	for (unsigned i = 0; i < 2; i++) {
		w = trial_draft();
		ask_put_add(&w, SSH_AGENTC_ADD_IDENTITY, u->key,
		    i == 0 ? nothing : u->certs[0], slice_str("old"),
		    nothing);
		good = trial_both(b, 0, trial_written(&w),
		    SSH_AGENT_SUCCESS) && good;
		w = trial_draft();
		ask_put_sign(&w, i == 0 ? u->key->blob : u->certs[0],
		    slice_str("data"), 0);
		good = trial_differs(b, d, 0, trial_written(&w)) && good;
	}
	return good;
}

/*
 * What takes long to verify, or much to keep.
 */

bool
case_slow_host(struct bench *b, const struct difference *d)
{
	const struct material_key *keys[] = { material_new_slow(),
		material_new_large() };
	bool good = true;

	bench_connect(b, 0);
	for (size_t i = 0; i < 2; i++)
		good = trial_differs(b, d, 0, trial_bind(keys[i],
		    keys[i]->blob, i, 1)) && good;
	return good;
}

bool
case_slow_ca(struct bench *b, const struct difference *d)
{
	const struct material_key *cas[] = { material_new_slow(),
		material_new_large() };
	struct material_cert cert = {
		.key = material_users[USER_ED25519].key, .role = 1,
		.before = UINT64_MAX };
	struct wire_writer w;
	bool good = true;

	bench_connect(b, 0);
	for (size_t i = 0; i < 2; i++) {
		cert.ca = cas[i];
		w = trial_draft();
		ask_put_add(&w, SSH_AGENTC_ADD_IDENTITY, cert.key,
		    material_certify(&cert), slice_str("slow"), nothing);
		good = trial_differs(b, d, 0, trial_written(&w)) && good;
	}
	return good;
}

bool
case_long_session(struct bench *b, const struct difference *d)
{
	static const uint8_t bytes[129] = { 1 };
	const struct material_host *h = &material_hosts[0];
	struct ask_bind bind = { .hostkey = h->blob,
		.sid = { bytes, sizeof(bytes) },
		.signed_sid = { bytes, sizeof(bytes) }, .signer = h->key,
		.algorithm = "ssh-ed25519", .forwarding = 1 };
	struct wire_writer w = trial_draft();

	bench_connect(b, 0);
	ask_put_bind(&w, &bind);
	return trial_differs(b, d, 0, trial_written(&w));
}

bool
case_many_binds(struct bench *b, const struct difference *d)
{
	char name[6000];
	struct material_cert cert = { .key = material_hosts[0].key,
		.ca = material_hosts[0].key, .role = 2,
		.before = UINT64_MAX, .principals = { name } };
	struct slice blob;
	size_t i;

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	blob = material_certify(&cert);
	bench_connect(b, 0);
	for (i = 0; (i + 1) * blob.len <= 32 * 1024; i++)
		if (!trial_both(b, 0, trial_bind(cert.key, blob, i, 1),
		    SSH_AGENT_SUCCESS))
			return false;
	return trial_differs(b, d, 0, trial_bind(cert.key, blob, i, 1));
}
