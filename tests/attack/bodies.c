#include "tests/attack/bodies.h"

#include <assert.h>
#include <string.h>

#include <sodium.h>

#include "proto/agent_num.h"
#include "proto/constraint.h"
#include "proto/extension.h"

#define ROOM	(16 * 1024)

struct wire_writer
bodies_room(void)
{
	static uint8_t rooms[BODIES_ROOMS][ROOM];
	static size_t next;

	return wire_writer(rooms[next++ % BODIES_ROOMS], ROOM);
}

struct slice
bodies_done(const struct wire_writer *w)
{
	assert(!w->full);
	return (struct slice){ w->p, w->len };
}

struct slice
body_number(uint8_t type)
{
	struct wire_writer w = bodies_room();

	wire_put_u8(&w, type);
	return bodies_done(&w);
}

struct slice
body_string(uint8_t type, const void *p, size_t len)
{
	struct wire_writer w = bodies_room();

	wire_put_u8(&w, type);
	wire_put_string(&w, (struct slice){ p, len });
	return bodies_done(&w);
}

struct slice
body_text(uint8_t type, const char *text)
{
	return body_string(type, text, strlen(text));
}

struct slice
body_smartcard(uint8_t type, const char *provider)
{
	struct wire_writer w = bodies_room();

	wire_put_u8(&w, type);
	wire_put_str(&w, provider);
	wire_put_str(&w, "123456");	/* the PIN */
	if (type == SSH_AGENTC_ADD_SMARTCARD_KEY_CONSTRAINED)
		wire_put_u8(&w, SSH_AGENT_CONSTRAIN_CONFIRM);
	return bodies_done(&w);
}

struct slice
body_extension(const char *name, struct slice body)
{
	struct wire_writer w = bodies_room();

	wire_put_u8(&w, SSH_AGENTC_EXTENSION);
	wire_put_str(&w, name);
	wire_put_bytes(&w, body);
	return bodies_done(&w);
}

struct slice
body_sign(struct slice blob, struct slice data, uint32_t flags)
{
	struct wire_writer w = bodies_room();

	wire_put_u8(&w, SSH_AGENTC_SIGN_REQUEST);
	wire_put_string(&w, blob);
	wire_put_string(&w, data);
	wire_put_u32(&w, flags);
	return bodies_done(&w);
}

/* The key pair of a name. */
static void
make_pair(const char *name, uint8_t pk[static crypto_sign_PUBLICKEYBYTES],
    uint8_t sk[static crypto_sign_SECRETKEYBYTES])
{
	uint8_t seed[crypto_sign_SEEDBYTES];

	(void)crypto_generichash(seed, sizeof(seed), (const uint8_t *)name,
	    strlen(name), NULL, 0);
	(void)crypto_sign_seed_keypair(pk, sk, seed);
}

struct slice
body_add(uint8_t type, struct slice constraints)
{
	uint8_t pk[crypto_sign_PUBLICKEYBYTES], sk[crypto_sign_SECRETKEYBYTES];
	struct wire_writer w = bodies_room();

	make_pair("a key of the attacker's", pk, sk);
	wire_put_u8(&w, type);
	wire_put_str(&w, "ssh-ed25519");
	wire_put_string(&w, (struct slice){ pk, sizeof(pk) });
	wire_put_string(&w, (struct slice){ sk, sizeof(sk) });
	wire_put_str(&w, "planted");
	wire_put_bytes(&w, constraints);
	return bodies_done(&w);
}

struct slice
body_add_sk(const char *provider)
{
	uint8_t pk[crypto_sign_PUBLICKEYBYTES], sk[crypto_sign_SECRETKEYBYTES];
	struct wire_writer w = bodies_room();

	make_pair("a key of the attacker's", pk, sk);
	wire_put_u8(&w, SSH_AGENTC_ADD_ID_CONSTRAINED);
	wire_put_str(&w, "sk-ssh-ed25519@openssh.com");
	wire_put_string(&w, (struct slice){ pk, sizeof(pk) });
	wire_put_str(&w, "ssh:");
	wire_put_u8(&w, 1);
	wire_put_str(&w, "handle");
	wire_put_str(&w, "");
	wire_put_str(&w, "planted");
	wire_put_u8(&w, SSH_AGENT_CONSTRAIN_EXTENSION);
	wire_put_str(&w, CONSTRAINT_SK_PROVIDER);
	wire_put_str(&w, provider);
	return bodies_done(&w);
}

struct slice
host_blob(const char *host)
{
	uint8_t pk[crypto_sign_PUBLICKEYBYTES], sk[crypto_sign_SECRETKEYBYTES];
	struct wire_writer w = bodies_room();

	make_pair(host, pk, sk);
	wire_put_str(&w, "ssh-ed25519");
	wire_put_string(&w, (struct slice){ pk, sizeof(pk) });
	return bodies_done(&w);
}

/* A session id as long as those of SHA-256. */
static struct slice
session_id(const char *word)
{
	struct wire_writer w = bodies_room();

	(void)crypto_hash_sha256(w.p, (const uint8_t *)word, strlen(word));
	w.len = crypto_hash_sha256_BYTES;
	return bodies_done(&w);
}

struct slice
body_bind_raw(struct slice hostkey, struct slice session,
    struct slice signature)
{
	const struct bind_request req = { .hostkey = hostkey,
		.session_id = session, .signature = signature };
	struct wire_writer w = bodies_room();

	bind_request_put(&w, &req);
	return body_extension(EXT_SESSION_BIND, bodies_done(&w));
}

struct slice
body_bind(const struct bind_spec *spec)
{
	uint8_t pk[crypto_sign_PUBLICKEYBYTES], sk[crypto_sign_SECRETKEYBYTES];
	struct wire_writer w = bodies_room(), sig = bodies_room();
	uint8_t bytes[crypto_sign_BYTES];
	struct bind_request req = { .hostkey = host_blob(spec->host),
		.session_id = session_id(spec->session),
		.forwarding = spec->forwarding };

	make_pair(spec->signer != NULL ? spec->signer : spec->host, pk, sk);
	(void)crypto_sign_detached(bytes, NULL, req.session_id.p,
	    req.session_id.len, sk);
	wire_put_str(&sig, "ssh-ed25519");
	wire_put_string(&sig, (struct slice){ bytes, sizeof(bytes) });
	req.signature = bodies_done(&sig);
	bind_request_put(&w, &req);
	return body_extension(EXT_SESSION_BIND, bodies_done(&w));
}

/* A login up to and with the key's blob. */
static struct wire_writer
login(const char *session, struct slice user, struct slice blob,
    const char *method)
{
	struct wire_writer w = bodies_room();
	struct wire_reader r = wire_reader(blob);
	struct slice type = { NULL, 0 };

	if (wire_get_string(&r, &type) != ST_OK)
		type.len = 0;
	wire_put_string(&w, session_id(session));
	wire_put_u8(&w, 50);		/* SSH_MSG_USERAUTH_REQUEST */
	wire_put_string(&w, user);
	wire_put_str(&w, "ssh-connection");
	wire_put_str(&w, method);
	wire_put_u8(&w, 1);
	wire_put_string(&w, type);
	wire_put_string(&w, blob);
	return w;
}

struct slice
data_login_as(const char *session, struct slice user, struct slice blob)
{
	struct wire_writer w = login(session, user, blob, "publickey");

	return bodies_done(&w);
}

struct slice
data_login(const char *session, const char *user, struct slice blob,
    const char *host)
{
	struct wire_writer w;

	if (host == NULL)
		return data_login_as(session, slice_str(user), blob);
	w = login(session, slice_str(user), blob,
	    "publickey-hostbound-v00@openssh.com");
	wire_put_string(&w, host_blob(host));
	return bodies_done(&w);
}

struct slice
data_sshsig(struct slice ns)
{
	static const uint8_t hash[64] = { 1, 2, 3 };
	struct wire_writer w = bodies_room();

	wire_put_bytes(&w, slice_str("SSHSIG"));
	wire_put_string(&w, ns);
	wire_put_str(&w, "");
	wire_put_str(&w, "sha512");
	wire_put_string(&w, (struct slice){ hash, sizeof(hash) });
	return bodies_done(&w);
}
