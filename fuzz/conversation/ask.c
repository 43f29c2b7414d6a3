#include "fuzz/conversation/ask.h"

#include "fuzz/conversation/keys.h"
#include "fuzz/conversation/program.h"
#include "fuzz/conversation/world.h"
#include "fuzz/support/hosts.h"
#include "proto/agent_num.h"

const char *const ask_names[ASKS] = {
	"list", "sign", "add", "bind", "remove", "remove-all", "lock", "unlock",
	"query", "status", "explain", "next", "answer", "begin", "record",
	"end", "commit", "remove-load", "strange", "bent", "unframed",
};

const struct ask_kind ask_kinds[ASKS] = {
	[ASK_LIST] = { SSH_AGENTC_REQUEST_IDENTITIES, AUDIT_LIST },
	[ASK_SIGN] = { SSH_AGENTC_SIGN_REQUEST, AUDIT_SIGN },
	[ASK_ADD] = { SSH_AGENTC_ADD_IDENTITY, AUDIT_ADD },
	[ASK_BIND] = { SSH_AGENTC_EXTENSION, AUDIT_BIND },
	[ASK_REMOVE] = { SSH_AGENTC_REMOVE_IDENTITY, AUDIT_REMOVE },
	[ASK_REMOVE_ALL] = { SSH_AGENTC_REMOVE_ALL_IDENTITIES,
	    AUDIT_REMOVE_ALL },
	[ASK_LOCK] = { SSH_AGENTC_LOCK, AUDIT_LOCK },
	[ASK_UNLOCK] = { SSH_AGENTC_UNLOCK, AUDIT_UNLOCK },
	[ASK_QUERY] = { SSH_AGENTC_EXTENSION, AUDIT_QUERY },
	[ASK_STATUS] = { SSH_AGENTC_EXTENSION, AUDIT_STATUS },
	[ASK_EXPLAIN] = { SSH_AGENTC_EXTENSION, AUDIT_EXPLAIN },
	[ASK_NEXT] = { SSH_AGENTC_EXTENSION, AUDIT_APPROVE },
	[ASK_ANSWER] = { SSH_AGENTC_EXTENSION, AUDIT_APPROVE },
	[ASK_BEGIN] = { SSH_AGENTC_EXTENSION, AUDIT_LOAD },
	[ASK_RECORD] = { SSH_AGENTC_EXTENSION, AUDIT_LOAD },
	[ASK_END] = { SSH_AGENTC_EXTENSION, AUDIT_LOAD },
	[ASK_COMMIT] = { SSH_AGENTC_EXTENSION, AUDIT_LOAD },
	[ASK_REMOVE_LOAD] = { SSH_AGENTC_EXTENSION, AUDIT_REMOVE_LOAD },
	[ASK_STRANGE] = { 0, AUDIT_OTHER },
	[ASK_BENT] = { 0, AUDIT_OTHER },
	[ASK_UNFRAMED] = { 0, AUDIT_CONNECT },
};

struct model_data
ask_meaning(const struct ask *a)
{
	struct model_data d = a->data;

	if (a->spoilt != SOUND)
		d.kind = MODEL_OTHER;
	return d;
}

/* A key.  Work with one of RSA takes as long as with ten others: so it is
 * chosen seldom. */
static unsigned
some_key(void)
{
	uint8_t how = program_byte();
	unsigned key = how % KEYS;

	return key == KEY_RSA_OURS && how >= 64 ? how / KEYS % KEY_RSA_OURS :
	    key;
}

/* One in eight is spoilt. */
static enum spoilt
some_spoilt(uint8_t how, enum model_kind kind)
{
	static const enum spoilt table[8] = { OTHER_LENGTH, MORE_BEHIND,
		OTHER_WORD, OTHER_NUMBER, UNSIGNED, OTHER_METHOD,
		OTHER_ALGORITHM, LOWER_NUMBER };
	enum spoilt spoilt = table[how / 4 % 8];

	return (how & 0xe0) != 0xe0 || kind == MODEL_OTHER ||
	    (kind == MODEL_SSHSIG && spoilt > UNSIGNED) ? SOUND : spoilt;
}

static void
make_data(struct ask *a, const struct side *s)
{
	struct model_data *d = &a->data;
	const struct model_path *p = &s->path;
	uint8_t how = program_byte();

	d->kind = how % 4 == 3 ? MODEL_LOGIN : (enum model_kind)(how % 4);
	a->data_key = a->key;
	a->len = d->kind == MODEL_OTHER ? program_byte() : 0;
	a->spoilt = some_spoilt(how, d->kind);
	if (d->kind == MODEL_SSHSIG)
		d->ns = how / 4 % MODEL_NAMESPACES;
	if (d->kind == MODEL_LOGIN) {
		uint8_t who = program_byte();

		d->login.user = who % MODEL_USERS;
		if ((who & 0x0c) == 0x0c)
			a->data_key = some_key();
		/* For where the connection leads, as a rule. */
		if (p->n > 0) {
			d->login.session = p->at[p->n - 1].session;
			d->login.hostkey = (who & 0x40) != 0 ? MODEL_ENDS :
			    p->at[p->n - 1].host;
		}
		if (p->n == 0 || (who & 0x30) == 0x30)
			d->login.session = program_byte() % HOSTS_SESSIONS;
		if (p->n == 0 || (who & 0x30) == 0x20)
			d->login.hostkey = program_byte() % (MODEL_ENDS + 1);
		d->own = a->data_key == a->key;
		d->own_cert = a->data_key == KEY_CERT && a->key == 0;
	}
}

static void
make_constraints(struct ask *a)
{
	static const int lifetimes[] = { -1, -1, 60, 5 };
	/* More milliseconds than 32 bits can say, by some. */
	static const int lifetime_long = 4294968;
	struct model_key *k = &a->add;
	uint8_t how = program_byte(), more = program_byte();

	a->lifetime_s = lifetimes[how & 3];
	k->confirm = (how & 0x0c) == 0x0c;
	k->n_pairs = (how & 0x10) != 0 ? 1 + program_of(MODEL_PAIRS_MAX) : 0;
	for (size_t i = 0; i < k->n_pairs; i++) {
		k->pairs[i].from = program_byte();
		k->pairs[i].to = program_byte();
		k->pairs[i].user = program_byte() % MODEL_USERS;
	}
	k->purposes = (how & 0x20) != 0 ? program_of(MODEL_PURPOSE_SETS) : 0;
	k->peers = (how & 0x40) != 0 ? program_of(MODEL_PEER_SETS) : 0;
	k->unbound = (how & 0x80) != 0;
	if ((more & 1) != 0) {
		k->counted = true;
		k->left = 1 + more / 8 % 3;
	}
	if ((more & 2) != 0) {
		k->rate_n = 1 + more / 32 % 3;
		k->rate_s = (more & 0x10) != 0 ? 30 : 1;
	}
	a->says_bound = !k->unbound && (more & 4) != 0;
	if (more == 0xfc)
		a->lifetime_s = 0;
	if (more == 0xf4)
		a->lifetime_s = lifetime_long;
	a->good = more != 0xf8;
}

static void
make_add(struct ask *a)
{
	a->key = some_key();
	a->add.key = a->key;
	a->add.comment = program_of(4);
	make_constraints(a);
	/* The two are alike. */
	a->type = a->add.comment == 2 ? SSH_AGENTC_ADD_IDENTITY :
	    SSH_AGENTC_ADD_ID_CONSTRAINED;
}

static void
make_bind(struct ask *a)
{
	uint8_t how = program_byte();

	a->bind.host = how % MODEL_ENDS;
	a->bind.session = program_byte() % HOSTS_SESSIONS;
	a->bind.forwarding = (how & 0x80) != 0;
	a->forged = (how & 0x70) == 0x70;
	a->too_long = (how & 0x7f) == 0x6f;
	a->good = (how & 0x7f) != 0x6e;
}

static void
make_strange(struct ask *a)
{
	/* One of SSH protocol 1, smartcards, none at all, an extension. */
	static const uint8_t types[] = { 1, 20, 21, 26, 0, 255, 5,
		SSH_AGENTC_EXTENSION };

	a->type = types[program_of(sizeof(types))];
}

static void
make_bent(struct ask *a)
{
	static const struct {
		uint8_t		 type;
		enum audit_op	 op;
	} table[] = {
		{ SSH_AGENTC_SIGN_REQUEST, AUDIT_SIGN },
		{ SSH_AGENTC_REMOVE_IDENTITY, AUDIT_REMOVE },
		{ SSH_AGENTC_LOCK, AUDIT_LOCK },
		{ SSH_AGENTC_UNLOCK, AUDIT_UNLOCK },
		{ SSH_AGENTC_ADD_IDENTITY, AUDIT_ADD },
		{ SSH_AGENTC_EXTENSION, AUDIT_OTHER },
	};
	unsigned which = program_of(sizeof(table) / sizeof(table[0]));

	a->type = table[which].type;
	a->op = table[which].op;
	a->len = program_byte();
}

/* The number of a question that this side has, or of one that it has not: of
 * another one's, or that somebody had. */
static uint32_t
some_question(const struct side *s)
{
	unsigned nth = program_of(4);

	for (size_t i = 0; nth < 3 && i < CONNS; i++)
		if (world.sides[i].busy == ASKING &&
		    world.sides[i].question != 0 &&
		    world.sides[i].given_to == s && nth-- == 0)
			return world.sides[i].question;
	for (size_t i = 0; i < CONNS; i++)
		if (world.sides[i].busy == ASKING &&
		    world.sides[i].question != 0)
			return world.sides[i].question;
	return world.last_question != 0 ? world.last_question : 99;
}

void
ask_make(struct ask *a, struct side *s, enum kind kind)
{
	unsigned how;

	*a = (struct ask){ .kind = kind, .type = ask_kinds[kind].type,
		.op = ask_kinds[kind].op, .good = true, .lifetime_s = -1 };
	switch (kind) {
	case ASK_SIGN:
		a->key = some_key();
		a->flags = a->key == KEY_RSA_OURS ? program_byte() & 0x0f : 0;
		make_data(a, s);
		break;
	case ASK_ADD:
		make_add(a);
		break;
	case ASK_RECORD:
		make_add(a);
		a->type = ask_kinds[kind].type;
		break;
	case ASK_BIND:
		make_bind(a);
		break;
	case ASK_REMOVE:
		a->key = some_key();
		break;
	case ASK_REMOVE_ALL:
		if (program_byte() % 2 == 1)
			a->type = SSH_AGENTC_REMOVE_ALL_RSA_IDENTITIES;
		break;
	case ASK_LOCK:
	case ASK_UNLOCK:
		a->passphrase = program_of(4);
		break;
	case ASK_STATUS:
	case ASK_EXPLAIN:
		a->yes = program_byte() % 2 == 1;
		a->good = program_byte() % 8 != 7;
		break;
	case ASK_ANSWER:
		a->id = some_question(s);
		a->yes = program_byte() % 2 == 1;
		break;
	case ASK_BEGIN:
	case ASK_REMOVE_LOAD:
		a->load = program_of(3);
		break;
	case ASK_END:
		how = program_byte();
		a->final = how % 8 != 7;
		a->finish = how / 8 % 4 == 3;
		how = program_byte();
		a->good = how % 8 != 7;
		/* It says that there were fewer, else more. */
		a->yes = how >= 0x80;
		break;
	case ASK_STRANGE:
		make_strange(a);
		break;
	case ASK_BENT:
		make_bent(a);
		break;
	default:
		break;
	}
}
