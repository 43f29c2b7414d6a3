#include "fuzz/conversation/body.h"

#include <string.h>

#include "fuzz/conversation/ask.h"
#include "fuzz/conversation/keys.h"
#include "fuzz/conversation/world.h"
#include "fuzz/fuzz.h"
#include "fuzz/support/hosts.h"
#include "keys/seal.h"
#include "proto/agent_num.h"
#include "proto/approve.h"
#include "proto/bundle.h"
#include "proto/extension.h"
#include "proto/keyprivate.h"

/* A session id that is too long for a bind. */
#define LONG_ID		129

/* What a login is to be signed with. */
static const char *
login_algorithm(const struct ask *a)
{
	const struct key_type_info *type =
	    key_type_info(keys[a->data_key]->fields.type);
	bool cert = (a->data_key == KEY_CERT) != (a->spoilt == OTHER_ALGORITHM);

	if (a->spoilt == OTHER_LENGTH)
		return "ssh-dss";
	if (a->data_key == KEY_RSA_OURS)
		return cert ? "rsa-sha2-512-cert-v01@openssh.com" :
		    "rsa-sha2-512";
	return cert ? type->cert_name : type->name;
}

static void
put_login(struct wire_writer *w, const struct ask *a)
{
	const struct model_login *l = &a->data.login;
	bool hostbound = l->hostkey < MODEL_ENDS;

	wire_put_string(w, hosts_session(l->session));
	wire_put_u8(w, a->spoilt == OTHER_NUMBER ? 51 :
	    a->spoilt == LOWER_NUMBER ? 49 : 50);
	wire_put_str(w, model_users[l->user]);
	wire_put_str(w, a->spoilt == OTHER_WORD ? "ssh-userauth" :
	    "ssh-connection");
	wire_put_str(w, a->spoilt == OTHER_METHOD ? "hostbased" :
	    hostbound ? "publickey-hostbound-v00@openssh.com" : "publickey");
	wire_put_u8(w, a->spoilt == UNSIGNED ? 0 : 1);
	wire_put_str(w, login_algorithm(a));
	wire_put_string(w, keys[a->data_key]->blob);
	if (hostbound)
		wire_put_string(w, hosts_blob(l->hostkey));
}

void
body_put_data(struct wire_writer *w, const struct ask *a)
{
	static const uint8_t zeros[256];

	if (a->data.kind == MODEL_LOGIN) {
		put_login(w, a);
	} else if (a->data.kind == MODEL_SSHSIG) {
		wire_put_bytes(w, slice_str(a->spoilt == OTHER_NUMBER ?
		    "SSHSIH" : "SSHSIG"));
		wire_put_str(w, a->spoilt == UNSIGNED ? "" :
		    model_namespaces[a->data.ns]);
		wire_put_str(w, "");
		wire_put_str(w, a->spoilt == OTHER_WORD ? "sha1" : "sha512");
		wire_put_string(w, (struct slice){ zeros,
		    a->spoilt == OTHER_LENGTH ? 32 : 64 });
	} else {
		wire_put_bytes(w, (struct slice){ zeros, a->len });
	}
	if (a->spoilt == MORE_BEHIND)
		wire_put_u8(w, 0);
}

static void
put_extension_head(struct wire_writer *w, const char *name)
{
	wire_put_u8(w, SSH_AGENTC_EXTENSION);
	wire_put_str(w, name);
}

/* Texts of a list with commas, one after the other. */
static void
put_texts(struct wire_writer *w, const char *name, const char *list)
{
	size_t outer, n;

	if (list[0] == '\0')
		return;
	wire_put_u8(w, 255);
	wire_put_str(w, name);
	outer = wire_open_string(w);
	for (; *list != '\0'; list += n + (list[n] == ',')) {
		n = strcspn(list, ",");
		wire_put_string(w, (struct slice){ (const uint8_t *)list, n });
	}
	wire_close_string(w, outer);
}

/* An extension constraint of numbers. */
static void
put_numbers(struct wire_writer *w, const char *name, uint32_t a, uint32_t b)
{
	size_t mark;

	wire_put_u8(w, 255);
	wire_put_str(w, name);
	mark = wire_open_string(w);
	wire_put_u32(w, a);
	if (b > 0)
		wire_put_u32(w, b);
	wire_close_string(w, mark);
}

/* Those that are the agent's own. */
static void
put_own_constraints(struct wire_writer *w, const struct ask *a)
{
	const struct model_key *k = &a->add;
	size_t mark;

	put_texts(w, "purposes@bottle-agent", model_purposes[k->purposes].list);
	put_texts(w, "peers@bottle-agent", model_peer_sets[k->peers].list);
	if (k->counted)
		put_numbers(w, "signatures@bottle-agent", k->left, 0);
	if (k->rate_n > 0)
		put_numbers(w, "rate@bottle-agent", k->rate_n, k->rate_s);
	if (k->unbound || a->says_bound) {
		wire_put_u8(w, 255);
		wire_put_str(w, "unbound@bottle-agent");
		mark = wire_open_string(w);
		wire_put_u8(w, k->unbound);
		wire_close_string(w, mark);
	}
}

/* One that is not known to the agent: of a type that OpenSSH has, or an
 * extension. */
static void
put_unknown(struct wire_writer *w, const struct ask *a)
{
	if (a->add.comment % 2 == 0) {
		put_numbers(w, "unheard-of@example", 1, 0);
		return;
	}
	wire_put_u8(w, 3);
	wire_put_u32(w, 1);
}

static void
put_constraints(struct wire_writer *w, const struct ask *a)
{
	const struct model_key *k = &a->add;
	size_t mark;

	if (a->lifetime_s >= 0) {
		wire_put_u8(w, 1);
		wire_put_u32(w, (uint32_t)a->lifetime_s);
	}
	if (k->confirm)
		wire_put_u8(w, 2);
	if (k->n_pairs > 0) {
		wire_put_u8(w, 255);
		wire_put_str(w, "restrict-destination-v00@openssh.com");
		mark = wire_open_string(w);
		hosts_put_pairs(w, k->pairs, k->n_pairs, false);
		wire_close_string(w, mark);
	}
	put_own_constraints(w, a);
	if (!a->good)
		put_unknown(w, a);
}

/* An add without its message number. */
static void
put_add(struct wire_writer *w, const struct ask *a)
{
	keyprivate_put(w, &keys[a->key]->fields);
	wire_put_str(w, keys_comments[a->add.comment]);
	put_constraints(w, a);
}

/* Seal a record for the load, or make up something that nobody has sealed. */
static void
put_chunk(struct wire_writer *w, struct side *s, struct slice plain, bool final,
    bool finish)
{
	uint8_t noise[256];
	size_t mark;
	int st;

	put_extension_head(w, EXT_LOAD);
	wire_put_u8(w, finish ? LOAD_FINISH : LOAD_CHUNK);
	mark = wire_open_string(w);
	wire_put_bytes(w, (struct slice){ s->head, s->head_len });
	s->head_len = 0;
	if (s->lost) {
		/* It cannot be mended: enough to be seen as broken. */
		memset(noise, 0xff, sizeof(noise));
		wire_put_bytes(w, (struct slice){ noise, sizeof(noise) });
	} else if (s->sealer != NULL) {
		st = sealer_record(s->sealer, plain, final, w);
		assert(st == ST_OK);
	}
	wire_close_string(w, mark);
}

static void
put_record(struct wire_writer *w, struct side *s, const struct ask *a)
{
	static uint8_t room[BUNDLE_RECORD_MAX];
	struct wire_writer plain = wire_writer(room, sizeof(room));

	if (a->kind == ASK_RECORD) {
		wire_put_u8(&plain, BUNDLE_KEY);
		put_add(&plain, a);
	} else {
		bundle_put_end(&plain, a->id);
	}
	put_chunk(w, s, fuzz_written(&plain), a->final, a->finish);
}

static void
put_bind(struct wire_writer *w, const struct ask *a)
{
	uint8_t id[LONG_ID] = { 0 };

	put_extension_head(w, EXT_SESSION_BIND);
	if (!a->good) {
		wire_put_string(w, hosts_blob(a->bind.host));
	} else if (a->too_long) {
		wire_put_string(w, hosts_blob(a->bind.host));
		wire_put_string(w, (struct slice){ id, sizeof(id) });
		wire_put_str(w, "");
		wire_put_u8(w, a->bind.forwarding);
	} else {
		hosts_put_bind(w, &a->bind, a->forged ? 1 : 0);
	}
}

static void
put_sign(struct wire_writer *w, const struct ask *a)
{
	size_t mark;

	wire_put_u8(w, SSH_AGENTC_SIGN_REQUEST);
	wire_put_string(w, keys[a->key]->blob);
	mark = wire_open_string(w);
	body_put_data(w, a);
	wire_close_string(w, mark);
	wire_put_u32(w, a->flags);
}

/* Extensions that are answered by admin's rights. */
static void
put_extension(struct wire_writer *w, struct side *s, const struct ask *a)
{
	switch (a->kind) {
	case ASK_STATUS:
		put_extension_head(w, EXT_STATUS);
		if (!a->good)
			wire_put_u8(w, 0);
		break;
	case ASK_EXPLAIN:
		put_extension_head(w, EXT_EXPLAIN);
		wire_put_u8(w, a->good ? a->yes : 2);
		break;
	case ASK_NEXT:
		put_extension_head(w, EXT_APPROVE);
		wire_put_u8(w, APPROVE_NEXT);
		break;
	case ASK_ANSWER:
		put_extension_head(w, EXT_APPROVE);
		wire_put_u8(w, APPROVE_ANSWER);
		wire_put_u32(w, a->id);
		wire_put_u8(w, a->yes);
		break;
	case ASK_BEGIN:
		put_extension_head(w, EXT_LOAD);
		wire_put_u8(w, LOAD_BEGIN);
		wire_put_str(w, keys_loads[a->load]);
		break;
	case ASK_RECORD:
	case ASK_END:
		put_record(w, s, a);
		break;
	case ASK_COMMIT:
		put_extension_head(w, EXT_LOAD);
		wire_put_u8(w, LOAD_COMMIT);
		break;
	default:
		put_extension_head(w, EXT_LOAD);
		wire_put_u8(w, a->load == 0 ? LOAD_REMOVE_ALL : LOAD_REMOVE);
		if (a->load != 0)
			wire_put_str(w, keys_loads[a->load]);
	}
}

void
body_put(struct wire_writer *w, struct side *s, const struct ask *a)
{
	switch (a->kind) {
	case ASK_SIGN:
		put_sign(w, a);
		break;
	case ASK_BIND:
		put_bind(w, a);
		break;
	case ASK_QUERY:
		put_extension_head(w, EXT_QUERY);
		break;
	case ASK_STRANGE:
		if (a->type == SSH_AGENTC_EXTENSION)
			put_extension_head(w, "unheard-of@example");
		else
			wire_put_u8(w, a->type);
		break;
	case ASK_ADD:
		wire_put_u8(w, a->type);
		put_add(w, a);
		break;
	case ASK_LOCK:
	case ASK_UNLOCK:
		wire_put_u8(w, a->type);
		wire_put_string(w, keys_passphrases[a->passphrase]);
		break;
	case ASK_REMOVE:
		wire_put_u8(w, a->type);
		wire_put_string(w, keys[a->key]->blob);
		break;
	case ASK_BENT:
		/* A string that is longer than what there is. */
		wire_put_u8(w, a->type);
		wire_put_u32(w, 77);
		wire_put_u8(w, a->len);
		break;
	case ASK_LIST:
	case ASK_REMOVE_ALL:
		wire_put_u8(w, a->type);
		break;
	default:
		put_extension(w, s, a);
	}
}
