#include "fuzz/support/hosts.h"

#include <string.h>

#include <sodium.h>

#include "fuzz/fuzz.h"
#include "tests/support/fakecert.h"

#define BLOB_MAX	512

static uint8_t secret[MODEL_PLAIN][crypto_sign_SECRETKEYBYTES];
static struct {
	uint8_t		 bytes[BLOB_MAX];
	struct slice	 blob;
} ends[MODEL_ENDS];
/* Each is a beginning of the next one, and the last as long as one may be. */
#define SESSION_STEP	4
static char sessions[HOSTS_SESSIONS * SESSION_STEP];
/* Of each session, by each key: signing is slow, and gives the same. */
static uint8_t signatures[MODEL_PLAIN][HOSTS_SESSIONS][crypto_sign_BYTES];

static void
put_signature(struct wire_writer *w, const uint8_t sig[crypto_sign_BYTES])
{
	size_t mark = wire_open_string(w);

	wire_put_str(w, "ssh-ed25519");
	wire_put_string(w, (struct slice){ sig, crypto_sign_BYTES });
	wire_close_string(w, mark);
}

void
hosts_put_signature(struct wire_writer *w, unsigned end)
{
	uint8_t sig[crypto_sign_BYTES];

	(void)crypto_sign_detached(sig, NULL, w->p, w->len, secret[end]);
	put_signature(w, sig);
}

static void
make_plain(unsigned i)
{
	struct wire_writer w = wire_writer(ends[i].bytes, BLOB_MAX);
	uint8_t seed[crypto_sign_SEEDBYTES], point[crypto_sign_PUBLICKEYBYTES];

	memset(seed, (int)i + 1, sizeof(seed));
	(void)crypto_sign_seed_keypair(point, secret[i], seed);
	wire_put_str(&w, "ssh-ed25519");
	wire_put_string(&w, (struct slice){ point, sizeof(point) });
	ends[i].blob = fuzz_written(&w);
}

/* All certificates are for the key of the first host. */
static void
make_cert(unsigned i)
{
	const struct model_cert *c = &model_certs[i - MODEL_PLAIN];
	struct wire_writer w = wire_writer(ends[i].bytes, BLOB_MAX);
	struct fakecert fake = { .key = ends[0].blob,
		.ca = ends[MODEL_HOSTS + c->ca].blob,
		.role = c->for_host ? CERTIFICATE_HOST : CERTIFICATE_USER,
		.principals = c->principals, .after = MODEL_AFTER,
		.before = MODEL_BEFORE, .critical = c->critical };

	fakecert_put(&w, &fake);
	hosts_put_signature(&w, MODEL_HOSTS + c->ca);
	ends[i].blob = fuzz_written(&w);
}

void
hosts_init(void)
{
	int st = sodium_init();
	struct slice id;

	assert(st >= 0);
	for (unsigned i = 0; i < MODEL_ENDS; i++) {
		if (i < MODEL_PLAIN)
			make_plain(i);
		else
			make_cert(i);
	}
	for (unsigned s = 0; s < HOSTS_SESSIONS; s++) {
		memset(sessions + s * SESSION_STEP, (int)('A' + s),
		    SESSION_STEP);
		id = hosts_session(s);
		for (unsigned i = 0; i < MODEL_PLAIN; i++)
			(void)crypto_sign_detached(signatures[i][s], NULL,
			    id.p, id.len, secret[i]);
	}
}

struct slice
hosts_blob(unsigned end)
{
	return ends[end].blob;
}

struct slice
hosts_session(unsigned session)
{
	return (struct slice){ (const uint8_t *)sessions,
		(session + 1) * SESSION_STEP };
}

static void
put_hop(struct wire_writer *w, uint8_t hop, bool here, const char *user)
{
	unsigned keys[MODEL_HOP_KEYS_MAX];
	size_t mark = wire_open_string(w), n = model_hop_keys(hop, keys);

	wire_put_str(w, user);
	wire_put_str(w, here ? "" : model_names[model_hop_name(hop)]);
	wire_put_str(w, "");
	for (size_t i = 0; !here && i < n; i++) {
		wire_put_string(w, ends[keys[i]].blob);
		wire_put_u8(w, keys[i] >= MODEL_HOSTS);
	}
	wire_close_string(w, mark);
}

void
hosts_put_pairs(struct wire_writer *w, const struct model_pair *pairs,
    size_t n, bool reverse)
{
	for (size_t i = 0; i < n; i++) {
		const struct model_pair *p = &pairs[reverse ? n - 1 - i : i];
		size_t mark = wire_open_string(w);

		put_hop(w, p->from, model_hop_is_here(p->from), "");
		put_hop(w, p->to, false, model_patterns[p->user % MODEL_USERS]);
		wire_put_str(w, "");
		wire_close_string(w, mark);
	}
}

void
hosts_put_bind(struct wire_writer *w, const struct model_bind *b, uint8_t flip)
{
	unsigned key = b->host < MODEL_PLAIN ? b->host : 0;
	uint8_t sig[crypto_sign_BYTES];

	memcpy(sig, signatures[key][b->session], sizeof(sig));
	sig[flip % sizeof(sig)] ^= flip;
	wire_put_string(w, ends[b->host].blob);
	wire_put_string(w, hosts_session(b->session));
	put_signature(w, sig);
	/* Whatever is not 0 says so. */
	wire_put_u8(w, b->forwarding ? (uint8_t)(1 + b->session) : 0);
}
