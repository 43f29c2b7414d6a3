#include "bench/ask.h"

#include <err.h>
#include <stdio.h>
#include <string.h>

#include "agent/verify.h"
#include "proto/agent_num.h"
#include "proto/frame.h"

#define USERAUTH_REQUEST	50

void
ask_list(struct ask *a, struct slice list)
{
	struct wire_writer w = wire_writer(a->frame, sizeof(a->frame));
	size_t mark = frame_open(&w);

	wire_put_u8(&w, SSH_AGENTC_REQUEST_IDENTITIES);
	frame_close(&w, mark);
	a->len = w.len;
	a->session = 0;
	a->list = list;
}

/* What the signature's algorithm is called: as the key, but for RSA. */
static const char *
algorithm(const struct public_fields *key)
{
	return key->type == KEY_RSA ? "rsa-sha2-512" :
	    key_type_info(key->type)->name;
}

void
ask_sign(struct ask *a, struct slice blob, const struct public_fields *key)
{
	struct wire_writer w = wire_writer(a->frame, sizeof(a->frame));
	static const uint8_t session[ASK_SESSION];
	size_t mark = frame_open(&w), data;

	a->key = *key;
	a->algorithm = algorithm(key);
	wire_put_u8(&w, SSH_AGENTC_SIGN_REQUEST);
	wire_put_string(&w, blob);
	data = wire_open_string(&w);
	a->session = w.len + 4;
	wire_put_string(&w, (struct slice){ session, sizeof(session) });
	wire_put_u8(&w, USERAUTH_REQUEST);
	wire_put_str(&w, "git");
	wire_put_str(&w, "ssh-connection");
	wire_put_str(&w, "publickey");
	wire_put_u8(&w, 1);
	wire_put_str(&w, a->algorithm);
	wire_put_string(&w, blob);
	wire_close_string(&w, data);
	a->data_len = w.len - (a->session - 4);
	wire_put_u32(&w, key->type == KEY_RSA ? SSH_AGENT_RSA_SHA2_512 : 0);
	frame_close(&w, mark);
	if (w.full)
		errx(1, "a key of %zu bytes is too large", blob.len);
	a->len = w.len;
}

/* Numbers that have nothing to do with each other, out of those that do: the
 * mixer of Steele, Lea and Flood's SplitMix. */
static uint64_t
mix(uint64_t n)
{
	n = (n ^ n >> 30) * 0xbf58476d1ce4e5b9;
	n = (n ^ n >> 27) * 0x94d049bb133111eb;
	return n ^ n >> 31;
}

size_t
ask_put(const struct ask *a, uint8_t *out, const uint64_t session[2])
{
	uint64_t id[ASK_SESSION / sizeof(uint64_t)];

	memcpy(out, a->frame, a->len);
	if (a->session == 0)
		return a->len;
	for (size_t i = 0; i < sizeof(id) / sizeof(id[0]); i++)
		id[i] = mix(session[0] + mix(4 * session[1] + i));
	memcpy(out + a->session, id, sizeof(id));
	return a->len;
}

/* Whether two mpints are all that there is, neither longer than the curve's
 * numbers can be. */
static bool
is_ecdsa(const struct public_fields *key, struct slice s)
{
	struct wire_reader r = wire_reader(s);
	size_t most = ((size_t)key_type_info(key->type)->bits + 7) / 8;
	struct slice n[2];

	for (int i = 0; i < 2; i++)
		if (wire_get_mpint(&r, &n[i]) != ST_OK || n[i].len > most ||
		    n[i].len < most / 2)
			return false;
	return wire_end(&r);
}

enum ask_verdict
ask_check(const struct ask *a, struct slice body)
{
	struct wire_reader r = wire_reader(body);
	struct slice signature, name, bytes;
	uint8_t code;

	if (a->session == 0)
		return slice_eq(a->list, body) ? ASK_RIGHT : ASK_WRONG;
	if (wire_get_u8(&r, &code) != ST_OK ||
	    code != SSH_AGENT_SIGN_RESPONSE ||
	    wire_get_string(&r, &signature) != ST_OK || !wire_end(&r))
		return ASK_WRONG;
	r = wire_reader(signature);
	if (wire_get_string(&r, &name) != ST_OK ||
	    wire_get_string(&r, &bytes) != ST_OK || !wire_end(&r) ||
	    !slice_eq_str(name, a->algorithm))
		return ASK_WRONG;
	if (a->key.type == KEY_RSA)
		return bytes.len == a->key.n.len ? ASK_RIGHT :
		    bytes.len < a->key.n.len ? ASK_SHORT : ASK_WRONG;
	if (a->key.type == KEY_ED25519)
		return bytes.len == 64 ? ASK_RIGHT : ASK_WRONG;
	return is_ecdsa(&a->key, bytes) ? ASK_RIGHT : ASK_WRONG;
}

bool
ask_verify(const struct ask *a, struct slice body, const uint64_t session[2])
{
	uint8_t room[ASK_MAX];
	struct wire_reader r = wire_reader(body);
	struct slice signature;
	const char *why = "";
	uint8_t code;

	(void)ask_put(a, room, session);
	if (wire_get_u8(&r, &code) != ST_OK ||
	    wire_get_string(&r, &signature) != ST_OK)
		return false;
	return verify_signature(&a->key, signature, (struct slice){
	    room + a->session - 4, a->data_len }, &why) == ST_OK;
}

const char *
ask_name(const struct public_fields *key)
{
	static char name[32];

	if (key->type == KEY_ED25519)
		return "ed25519";
	if (key->type == KEY_RSA)
		(void)snprintf(name, sizeof(name), "rsa%zu",
		    8 * key->n.len);
	else
		(void)snprintf(name, sizeof(name), "ecdsa%u",
		    key_type_info(key->type)->bits);
	return name;
}
