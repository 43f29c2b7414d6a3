/*
 * Reaches: the whole agent between its sockets and its keys: server.c,
 *          client.c, inbox.c, dispatch.c, keyring, keys, rules, permit,
 *          bindings, lock, load, approver, policy, audit.
 * Claims:  every reply, and every end of a connection, is the one that a model
 *          of its own (fuzz/model.h) says, in its order and in its moment: so a
 *          restricted key signs within its rules only, and a peer without an
 *          operation changes nothing; where a connection leads to, a list shows
 *          the keys that log in there and no others; signatures verify; each
 *          decision has one record, which says who, what and whether, and the
 *          numbers of records have no gap; the keys held are the model's after
 *          every step; no reply and no record has a part of a private key or
 *          of a passphrase; nothing is a fault of ours, and at the end the
 *          vault is as empty as before.  Where memory, the vault, system calls
 *          or the crypto libraries fail under a request, it is served rightly,
 *          or refused, or its connection ends: what is recorded as done is
 *          done, what is not has changed nothing, and all else is as it was.
 * Input:   a head of three bytes (mode, limits, policy), then steps: time goes
 *          by, another policy, a hang-up, or some requests of one connection,
 *          sent at once, in pieces, or but for their end.  If the head says
 *          so, two bytes of some steps say which calls fail under them.
 */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/auditline.h"
#include "agent/vault.h"
#include "base/status.h"
#include "faults/fault.h"
#include "fuzz/fuzz.h"
#include "fuzz/model.h"
#include "fuzz/support/answer.h"
#include "fuzz/support/choice.h"
#include "fuzz/support/hosts.h"
#include "fuzz/support/keyset.h"
#include "fuzz/support/stage.h"
#include "fuzz/support/vaultuse.h"
#include "keys/seal.h"
#include "proto/agent_num.h"
#include "proto/approve.h"
#include "proto/bundle.h"
#include "proto/constraint.h"
#include "proto/explainmsg.h"
#include "proto/extension.h"
#include "proto/frame.h"
#include "proto/statusmsg.h"
#include "tests/support/fakecert.h"

#define CONNS		5
#define STEPS_MAX	64
/* Replies that are waited for on one connection. */
#define WAITING_MAX	16
#define ROOM		(64 * 1024)
#define HEAD		(BUNDLE_SEALED + BUNDLE_HEADER)

/* Keys: two of Ed25519, one of ECDSA, one of RSA, and the first one once more,
 * with a certificate. */
enum { KEYS = 5, KEY_RSA_OURS = 3, KEY_CERT = 4 };
/* A session id that is too long for a bind. */
#define LONG_ID		129

enum kind {
	ASK_LIST, ASK_SIGN, ASK_ADD, ASK_BIND, ASK_REMOVE, ASK_REMOVE_ALL,
	ASK_LOCK, ASK_UNLOCK, ASK_QUERY, ASK_STATUS, ASK_EXPLAIN, ASK_NEXT,
	ASK_ANSWER, ASK_BEGIN, ASK_RECORD, ASK_END, ASK_COMMIT, ASK_REMOVE_LOAD,
	ASK_STRANGE,		/* nothing that is served */
	ASK_BENT,		/* not whole */
	ASK_UNFRAMED,		/* not even a frame */
	ASKS
};

/* How data to be signed is spoilt. */
enum spoilt { SOUND, MORE_BEHIND, OTHER_WORD, OTHER_LENGTH };

/* A request, as the model understands it. */
struct ask {
	enum kind	 kind;
	uint8_t		 type;		/* message number */
	enum audit_op	 op;		/* what it is called in a record */
	unsigned	 key;
	struct model_key add;
	int		 lifetime_s;	/* -1: none */
	bool		 good;		/* it is well formed */
	uint32_t	 flags;
	struct model_data data;
	unsigned	 data_key;	/* whose blob is in it */
	enum spoilt	 spoilt;
	uint8_t		 len;		/* of other data */
	unsigned	 passphrase;
	struct model_bind bind;
	bool		 forged;
	bool		 too_long;
	uint32_t	 id;
	bool		 yes, final;
	unsigned	 load;
};

/* A reply that is to come. */
struct expected {
	enum kind	 kind;
	uint8_t		 code;		/* of one byte; 0: what kind is for */
	struct ask	 ask;
	struct model_keys list;
	unsigned	 names;		/* of a query */
	bool		 refused;	/* a load */
	uint32_t	 keys, signatures, refusals;
};

/* A record that is to come. */
struct noted {
	enum audit_op	 op;
	bool		 denied;
};

enum stage {
	STAGE_NONE,
	STAGE_OPEN,
	STAGE_ENDED,
};

enum busy { IDLE, ASKING, NEXT, HOLDING };

struct side {
	int		 fd;		/* -1: not connected */
	unsigned	 peer, ops;
	uint64_t	 number;	/* of the connection, in records */
	pid_t		 pid;		/* every one has its own */
	struct model_path path;
	bool		 ended;		/* we send no more */
	bool		 closing;	/* the agent ends it */
	struct ask	 queue[WAITING_MAX];	/* not looked at yet */
	size_t		 n_queue;
	struct expected	 replies[WAITING_MAX];
	size_t		 n_replies;
	struct noted	 notes[2 * WAITING_MAX];
	size_t		 n_notes;
	/* The request under way. */
	enum busy	 busy;
	struct ask	 asked;
	unsigned	 serial;	/* of its key */
	int64_t		 until_ms;	/* held, or to be answered */
	uint32_t	 question;	/* 0: nobody has it */
	const struct side *given_to;
	/* As an approver. */
	bool		 approves;
	uint64_t	 ready_since;
	/* The rest of a frame that was begun. */
	uint8_t		 rest[ROOM];
	size_t		 rest_len;
	struct ask	 rest_ask;
	int64_t		 begun_ms;
	/* A load. */
	enum stage	 stage;
	struct sealer	*sealer;
	uint8_t		 head[HEAD];
	size_t		 head_len;	/* not sent yet */
	unsigned	 load;
	struct model_keys staged;
	uint32_t	 records;
	uint32_t	 sealed;		/* records that were sent */
	bool		 lost;		/* something of it was thrown away */
};

static struct testkey *keys[KEYS];

/* All of one run. */
static struct side sides[CONNS];
static struct model_keys held;
static struct locking {
	bool		 locked;
	unsigned	 passphrase;
	uint32_t	 failures;
	int64_t		 busy_ms;
} lock;
static struct stage_options options;
static struct wire_reader steps;
static uint32_t signatures, refusals;
static unsigned serial;
static uint64_t ready_count, connections, seq;
static unsigned policy;
static size_t expired, expired_noted;
/* Questions that were handed out and not read yet: it is not known which. */
static size_t handed;
static uint8_t out[ROOM];
static uint8_t in[2 * FRAME_MAX];

/* Calls that fail under a step. */
static struct {
	bool		 wanted;	/* in this step */
	bool		 armed;		/* from here on */
	bool		 met;		/* one failed */
	uint64_t	 seed;
	unsigned	 one_in, groups;
} luck;

/* What is so if the request of such a step is not carried out. */
static struct {
	struct side	*side;		/* NULL: it is no request */
	struct ask	 ask;
	struct model_keys held;
	struct locking	 lock;
	struct model_path path;
	bool		 approves;
	uint32_t	 signatures, refusals;
	size_t		 expired;
	/* Of the key that is to sign, as the agent has it. */
	uint32_t	 left, next;
	int64_t		 oldest;
} before;

static const char *const comments[] = { "", "a", "key", "a longer comment" };
static const char *const passphrases[] = { "", "passphrase one",
	"passphrase two", "a passphrase that is longer" };
static const char *const loads[] = { "", "work", "play" };

int LLVMFuzzerInitialize(int *argc, char ***argv);

/* Names of requests, for people who look at an input: see tell(). */
static const char *const kind_names[] = {
	"list", "sign", "add", "bind", "remove", "remove-all", "lock", "unlock",
	"query", "status", "explain", "next", "answer", "begin", "record",
	"end", "commit", "remove-load", "strange", "bent", "unframed",
};
static bool telling;

/* With BOTTLE_FUZZ_TELL in the environment an input is told in words. */
static void PRINTF_LIKE(1, 2)
tell(const char *fmt, ...)
{
	va_list ap;

	if (!telling)
		return;
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
}

/* The next choice of the steps. */
static uint8_t
take(void)
{
	return choice_byte(&steps);
}

static unsigned
pick(size_t n)
{
	return choice_of(&steps, n);
}

/* From here on calls fail, if there are to be any that do; and no more. */
static void
trouble(void)
{
	if (luck.armed)
		fault_seed(luck.seed++, luck.one_in, luck.groups);
}

static void
trouble_over(void)
{
	if (!luck.armed || !fault_off())
		return;
	luck.met = true;
	tell("  failed first: %s\n", fault_name(fault_first()));
}

/* Have the agent do all that it can do now, or in a while. */
static void
run_agent(int64_t ms)
{
	trouble();
	stage_advance(ms);
	trouble_over();
}

/*
 * What is sent.
 */

/* The algorithm that flags ask for, or NULL. */
static const char *
algorithm(unsigned key, uint32_t flags)
{
	return keyset_algorithm(keys[key], flags, options.legacy_rsa);
}

/* The rest of a login behind its session id. */
static void
put_login(struct wire_writer *w, const struct ask *a)
{
	const struct model_login *l = &a->data.login;
	bool hostbound = l->hostkey < MODEL_ENDS;

	wire_put_string(w, hosts_session(l->session));
	wire_put_u8(w, 50);
	wire_put_str(w, model_users[l->user]);
	wire_put_str(w, a->spoilt == OTHER_WORD ? "ssh-userauth" :
	    "ssh-connection");
	wire_put_str(w, hostbound ? "publickey-hostbound-v00@openssh.com" :
	    "publickey");
	wire_put_u8(w, 1);
	wire_put_str(w, a->spoilt == OTHER_LENGTH ? "ssh-dss" :
	    a->data_key == KEY_RSA_OURS ? "rsa-sha2-512" :
	    a->data_key == KEY_CERT ? "ssh-ed25519-cert-v01@openssh.com" :
	    key_type_info(keys[a->data_key]->fields.type)->name);
	wire_put_string(w, keys[a->data_key]->blob);
	if (hostbound)
		wire_put_string(w, hosts_blob(l->hostkey));
}

/* What is to be signed. */
static void
put_data(struct wire_writer *w, const struct ask *a)
{
	static const uint8_t zeros[256];

	if (a->data.kind == MODEL_LOGIN) {
		put_login(w, a);
	} else if (a->data.kind == MODEL_SSHSIG) {
		wire_put_bytes(w, slice_str("SSHSIG"));
		wire_put_str(w, model_namespaces[a->data.ns]);
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
put_own_constraints(struct wire_writer *w, const struct model_key *k)
{
	size_t mark;

	put_texts(w, "purposes@bottle-agent", model_purposes[k->purposes].list);
	put_texts(w, "peers@bottle-agent", model_peer_sets[k->peers].list);
	if (k->counted)
		put_numbers(w, "signatures@bottle-agent", k->left, 0);
	if (k->rate_n > 0)
		put_numbers(w, "rate@bottle-agent", k->rate_n, k->rate_s);
	if (k->unbound) {
		wire_put_u8(w, 255);
		wire_put_str(w, "unbound@bottle-agent");
		mark = wire_open_string(w);
		wire_put_u8(w, 1);
		wire_close_string(w, mark);
	}
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
	put_own_constraints(w, k);
	if (!a->good)
		put_numbers(w, "unheard-of@example", 1, 0);
}

/* An add without its message number. */
static void
put_add(struct wire_writer *w, const struct ask *a)
{
	keyprivate_put(w, &keys[a->key]->fields);
	wire_put_str(w, comments[a->add.comment]);
	put_constraints(w, a);
}

/* Seal a record for the load, or make up something that nobody has sealed. */
static void
put_chunk(struct wire_writer *w, struct side *s, struct slice plain, bool final)
{
	uint8_t noise[256];
	size_t mark;
	int st;

	put_extension_head(w, EXT_LOAD);
	wire_put_u8(w, LOAD_CHUNK);
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
	put_chunk(w, s, fuzz_written(&plain), a->final);
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
	put_data(w, a);
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
		wire_put_str(w, loads[a->load]);
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
			wire_put_str(w, loads[a->load]);
	}
}

/* The body of a request. */
static void
put_body(struct wire_writer *w, struct side *s, const struct ask *a)
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
		wire_put_str(w, passphrases[a->passphrase]);
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

/*
 * What is made up.
 */

static void
make_data(struct ask *a, const struct side *s)
{
	struct model_data *d = &a->data;
	const struct model_path *p = &s->path;
	uint8_t how = take();

	d->kind = how % 4 == 3 ? MODEL_LOGIN : (enum model_kind)(how % 4);
	a->data_key = a->key;
	a->len = d->kind == MODEL_OTHER ? take() : 0;
	/* A spoilt one in eight. */
	a->spoilt = (how & 0xe0) == 0xe0 ? (enum spoilt)(1 + how / 4 % 3) :
	    SOUND;
	if (d->kind == MODEL_SSHSIG)
		d->ns = how / 4 % MODEL_NAMESPACES;
	if (d->kind == MODEL_LOGIN) {
		uint8_t who = take();

		d->login.user = who % MODEL_USERS;
		if ((who & 0x0c) == 0x0c)
			a->data_key = pick(KEYS);
		/* For where the connection leads, as a rule. */
		if (p->n > 0) {
			d->login.session = p->at[p->n - 1].session;
			d->login.hostkey = (who & 0x40) != 0 ? MODEL_ENDS :
			    p->at[p->n - 1].host;
		}
		if (p->n == 0 || (who & 0x30) == 0x30)
			d->login.session = take() % HOSTS_SESSIONS;
		if (p->n == 0 || (who & 0x30) == 0x20)
			d->login.hostkey = take() % (MODEL_ENDS + 1);
		d->own = a->data_key == a->key;
		d->own_cert = a->data_key == KEY_CERT && a->key == 0;
	}
	if (d->kind == MODEL_OTHER)
		a->spoilt = SOUND;
}

/* What the model takes spoilt data for. */
static struct model_data
meaning(const struct ask *a)
{
	struct model_data d = a->data;

	if (a->spoilt != SOUND)
		d.kind = MODEL_OTHER;
	return d;
}

static void
make_constraints(struct ask *a)
{
	static const int lifetimes[] = { -1, -1, 60, 5 };
	struct model_key *k = &a->add;
	uint8_t how = take(), more = take();

	a->lifetime_s = lifetimes[how & 3];
	k->confirm = (how & 0x0c) == 0x0c;
	k->n_pairs = (how & 0x10) != 0 ? 1 + pick(MODEL_PAIRS_MAX) : 0;
	for (size_t i = 0; i < k->n_pairs; i++) {
		k->pairs[i].from = take();
		k->pairs[i].to = take();
		k->pairs[i].user = take() % MODEL_USERS;
	}
	k->purposes = (how & 0x20) != 0 ? pick(MODEL_PURPOSE_SETS) : 0;
	k->peers = (how & 0x40) != 0 ? pick(MODEL_PEER_SETS) : 0;
	k->unbound = (how & 0x80) != 0;
	if ((more & 1) != 0) {
		k->counted = true;
		k->left = 1 + more / 8 % 3;
	}
	if ((more & 2) != 0) {
		k->rate_n = 1 + more / 32 % 3;
		k->rate_s = (more & 0x10) != 0 ? 30 : 1;
	}
	if (more == 0xfc)
		a->lifetime_s = 0;
	a->good = more != 0xf8;
}

static void
make_add(struct ask *a)
{
	a->key = pick(KEYS);
	a->add.key = a->key;
	a->add.comment = pick(4);
	make_constraints(a);
	a->type = SSH_AGENTC_ADD_ID_CONSTRAINED;
}

static void
make_bind(struct ask *a)
{
	uint8_t how = take();

	a->bind.host = how % MODEL_ENDS;
	a->bind.session = take() % HOSTS_SESSIONS;
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

	a->type = types[pick(sizeof(types))];
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
	unsigned which = pick(sizeof(table) / sizeof(table[0]));

	a->type = table[which].type;
	a->op = table[which].op;
	a->len = take();
}

/* The number of a question that this side has, or of one that it has not. */
static uint32_t
some_question(const struct side *s)
{
	unsigned nth = pick(4);

	for (size_t i = 0; nth < 3 && i < CONNS; i++)
		if (sides[i].busy == ASKING && sides[i].question != 0 &&
		    sides[i].given_to == s && nth-- == 0)
			return sides[i].question;
	for (size_t i = 0; i < CONNS; i++)
		if (sides[i].busy == ASKING && sides[i].question != 0)
			return sides[i].question;
	return 99;
}

/* Numbers and names of messages. */
static const struct {
	uint8_t		 type;
	enum audit_op	 op;
} asks[ASKS] = {
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

/* Make up a request. */
static void
make_ask(struct ask *a, struct side *s, enum kind kind)
{
	*a = (struct ask){ .kind = kind, .type = asks[kind].type,
		.op = asks[kind].op, .good = true, .lifetime_s = -1 };
	switch (kind) {
	case ASK_SIGN:
		a->key = pick(KEYS);
		a->flags = a->key == KEY_RSA_OURS ? take() & 0x0f : 0;
		make_data(a, s);
		break;
	case ASK_ADD:
	case ASK_RECORD:
		make_add(a);
		a->type = asks[kind].type;
		break;
	case ASK_BIND:
		make_bind(a);
		break;
	case ASK_REMOVE:
		a->key = pick(KEYS);
		break;
	case ASK_REMOVE_ALL:
		if (take() % 2 == 1)
			a->type = SSH_AGENTC_REMOVE_ALL_RSA_IDENTITIES;
		break;
	case ASK_LOCK:
	case ASK_UNLOCK:
		a->passphrase = pick(4);
		break;
	case ASK_STATUS:
	case ASK_EXPLAIN:
		a->yes = take() % 2 == 1;
		a->good = take() % 8 != 7;
		break;
	case ASK_ANSWER:
		a->id = some_question(s);
		a->yes = take() % 2 == 1;
		break;
	case ASK_BEGIN:
	case ASK_REMOVE_LOAD:
		a->load = pick(3);
		break;
	case ASK_END:
		a->final = take() % 8 != 7;
		a->good = take() % 8 != 7;
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

/*
 * What should come of it.
 */

static struct model_place
place(const struct side *s)
{
	return (struct model_place){ options.service, options.far_allowed,
		&s->path, s->peer, s->ops, stage_now_ms(), stage_wall_s() };
}

static bool
may(const struct side *s, unsigned op)
{
	return (s->ops & op) != 0;
}

static void
note(struct side *s, enum audit_op op, bool denied)
{
	tell("    note %d op %s %s\n", (int)(s - sides),
	    auditline_op_name(op), denied ? "denied" : "allowed");
	assert(s->n_notes < 2 * WAITING_MAX);
	s->notes[s->n_notes++] = (struct noted){ op, denied };
}

/* One more reply of that kind. */
static struct expected *
expect(struct side *s, const struct ask *a)
{
	struct expected *e = &s->replies[s->n_replies++];

	assert(s->n_replies <= WAITING_MAX);
	*e = (struct expected){ .kind = a->kind, .ask = *a };
	tell("    reply %d to %s\n", (int)(s - sides), kind_names[a->kind]);
	return e;
}

/* It is refused, with a code. */
static void
refuse_with(struct side *s, const struct ask *a, uint8_t code)
{
	expect(s, a)->code = code;
	note(s, a->op, true);
	refusals++;
}

static void
refuse(struct side *s, const struct ask *a)
{
	refuse_with(s, a, SSH_AGENT_FAILURE);
}

static void
refuse_extension(struct side *s, const struct ask *a)
{
	refuse_with(s, a, SSH_AGENT_EXTENSION_FAILURE);
}

static void
succeed(struct side *s, const struct ask *a)
{
	expect(s, a)->code = SSH_AGENT_SUCCESS;
	note(s, a->op, false);
}

/* Keys that are due go away. */
static void
expire(void)
{
	for (size_t i = held.n; i-- > 0;) {
		if (held.at[i].expires_ms > stage_now_ms())
			continue;
		model_drop(&held, &held.at[i]);
		expired++;
	}
}

/* Forget the sending side of a load. */
static void
load_over(struct side *s)
{
	sealer_free(s->sealer);
	s->sealer = NULL;
	s->stage = STAGE_NONE;
	s->head_len = 0;
}

/* The connection is over, from either side: nothing more of it is served. */
static void
side_over(struct side *s)
{
	tell("    over %d\n", (int)(s - sides));
	s->closing = true;
	s->n_queue = 0;
	s->busy = IDLE;
	s->rest_len = 0;
	s->approves = false;
	s->question = 0;
	s->given_to = NULL;
	load_over(s);
	for (size_t i = 0; i < CONNS; i++) {
		if (sides[i].given_to != s)
			continue;
		sides[i].given_to = NULL;
		sides[i].question = 0;
	}
}

/* The agent ends it, and says so in a record. */
static void
throw_out(struct side *s)
{
	note(s, AUDIT_CONNECT, true);
	side_over(s);
}

/* A key as an add makes it. */
static struct model_key
added(const struct ask *a)
{
	struct model_key k = a->add;
	int lifetime_s = a->lifetime_s;

	if (lifetime_s < 0 && options.default_lifetime_s > 0)
		lifetime_s = (int)options.default_lifetime_s;
	k.expires_ms = lifetime_s < 0 ? MODEL_NEVER :
	    stage_now_ms() + (int64_t)lifetime_s * 1000;
	k.serial = ++serial;
	return k;
}

/* In service mode, where a connection leads to, what is listed is what logs in
 * there as somebody. */
static void
check_listed(const struct side *s, const struct model_place *at)
{
	const struct model_bind *last;
	struct model_data d = { .kind = MODEL_LOGIN, .own = true };
	bool can;

	if (!options.service || s->path.n == 0)
		return;
	last = &s->path.at[s->path.n - 1];
	if (last->forwarding)
		return;
	for (size_t i = 0; i < held.n; i++) {
		can = false;
		for (uint8_t user = 0; user < MODEL_USERS; user++) {
			d.login = (struct model_login){ user, last->session,
				last->host };
			can = can || model_may_sign(&held.at[i], at, &d);
		}
		assert(can == model_listed(&held.at[i], at));
	}
}

static void
judge_list(struct side *s, const struct ask *a)
{
	struct model_place at = place(s);
	struct expected *e;

	if (!may(s, MODEL_LIST)) {
		refuse(s, a);
		return;
	}
	e = expect(s, a);
	note(s, a->op, false);
	check_listed(s, &at);
	for (size_t i = 0; !lock.locked && i < held.n; i++)
		if (model_listed(&held.at[i], &at))
			e->list.at[e->list.n++] = held.at[i];
}

static bool
somebody_approves(void)
{
	for (size_t i = 0; i < CONNS; i++)
		if (sides[i].approves)
			return true;
	return false;
}

/* Questions of a peer that wait. */
static size_t
questions_of(unsigned peer)
{
	size_t n = 0;

	for (size_t i = 0; i < CONNS; i++)
		n += sides[i].busy == ASKING && sides[i].peer == peer;
	return n;
}

/* Sign, and count it. */
static void
signs(struct side *s, const struct ask *a, struct model_key *k)
{
	(void)expect(s, a);
	note(s, a->op, false);
	k->signatures++;
	signatures++;
}

static void
judge_sign(struct side *s, const struct ask *a)
{
	struct model_place at = place(s);
	struct model_key *k = model_find(&held, a->key);
	struct model_data d = meaning(a);

	if (!may(s, MODEL_SIGN) || lock.locked || k == NULL ||
	    algorithm(a->key, a->flags) == NULL ||
	    !model_may_sign(k, &at, &d)) {
		refuse(s, a);
	} else if (!k->confirm) {
		if (model_spend(k, stage_now_ms()))
			signs(s, a, k);
		else
			refuse(s, a);
	} else if (!somebody_approves() || (model_peers[s->peer].uid != 0 &&
	    questions_of(s->peer) >= options.questions_uid)) {
		refuse(s, a);
	} else {
		s->busy = ASKING;
		s->asked = *a;
		s->serial = k->serial;
		s->question = 0;
		s->given_to = NULL;
		s->until_ms = options.question_ms == 0 ? MODEL_NEVER :
		    stage_now_ms() + (int64_t)options.question_ms;
	}
}

/* Somebody has said yes or no. */
static void
judge_answer_of(struct side *s, bool yes)
{
	struct model_place at = place(s);
	struct model_key *k;

	expire();
	k = model_find(&held, s->asked.key);
	s->busy = IDLE;
	s->question = 0;
	s->given_to = NULL;
	if (yes && may(s, MODEL_SIGN) && !lock.locked && k != NULL &&
	    k->serial == s->serial && model_for_peer(k, &at) &&
	    model_spend(k, stage_now_ms()))
		signs(s, &s->asked, k);
	else
		refuse(s, &s->asked);
}

static void
judge_add(struct side *s, const struct ask *a)
{
	struct model_place at = place(s);
	const struct model_key *old = model_find(&held, a->key);
	struct model_key k;

	if (!may(s, MODEL_ADD) || model_far(&at) || lock.locked || !a->good ||
	    (old != NULL && !model_visible(old, &at))) {
		refuse(s, a);
		return;
	}
	k = added(a);
	model_put(&held, &k);
	succeed(s, a);
}

static void
judge_remove(struct side *s, const struct ask *a)
{
	struct model_place at = place(s);
	struct model_key *k = model_find(&held, a->key);

	if (!may(s, MODEL_REMOVE) || model_far(&at) || lock.locked ||
	    (a->kind == ASK_REMOVE && (k == NULL || !model_visible(k, &at)))) {
		refuse(s, a);
		return;
	}
	if (a->kind == ASK_REMOVE)
		model_drop(&held, k);
	for (size_t i = held.n; a->kind == ASK_REMOVE_ALL && i-- > 0;)
		if (model_for_peer(&held.at[i], &at))
			model_drop(&held, &held.at[i]);
	succeed(s, a);
}

static void
judge_lock(struct side *s, const struct ask *a)
{
	struct model_place at = place(s);

	if (!may(s, MODEL_LOCK) || model_far(&at) || lock.locked ||
	    a->passphrase == 0) {
		refuse(s, a);
		return;
	}
	memset(&lock, 0, sizeof(lock));
	lock.locked = true;
	lock.passphrase = a->passphrase;
	succeed(s, a);
}

static void
judge_unlock(struct side *s, const struct ask *a)
{
	struct model_place at = place(s);
	int64_t now = stage_now_ms();

	if (!may(s, MODEL_LOCK) || model_far(&at) || !lock.locked ||
	    a->passphrase == 0) {
		refuse(s, a);
		return;
	}
	if (now >= lock.busy_ms && a->passphrase == lock.passphrase) {
		memset(&lock, 0, sizeof(lock));
		succeed(s, a);
		return;
	}
	if (now >= lock.busy_ms) {
		if (lock.failures < 100)
			lock.failures++;
		lock.busy_ms = now + 100 * (int64_t)lock.failures;
	}
	/* The record is made now, the reply comes later. */
	note(s, a->op, true);
	refusals++;
	s->asked = *a;
	s->busy = HOLDING;
	s->until_ms = lock.busy_ms;
}

static void
judge_bind(struct side *s, const struct ask *a)
{
	s->path.tried = true;
	if (a->good && !a->too_long && a->forged)
		s->path.gap = true;
	if (!a->good || a->too_long || a->forged ||
	    model_bind(&s->path, &a->bind) != MODEL_BOUND)
		refuse_extension(s, a);
	else
		succeed(s, a);
}

static void
judge_query(struct side *s, const struct ask *a)
{
	if (lock.locked) {
		refuse(s, a);
		return;
	}
	expect(s, a)->names = !may(s, MODEL_ADMIN) ? 1 :
	    options.service ? 5 : 4;
	note(s, a->op, false);
}

/* Status and explain. */
static void
judge_report(struct side *s, const struct ask *a)
{
	struct expected *e;

	if (!may(s, MODEL_ADMIN)) {
		refuse(s, a);
		return;
	}
	if (!a->good) {
		refuse_extension(s, a);
		return;
	}
	e = expect(s, a);
	e->keys = (uint32_t)held.n;
	e->signatures = signatures;
	e->refusals = refusals;
	e->ask.yes = lock.locked;
	note(s, a->op, false);
}

static void
judge_approve(struct side *s, const struct ask *a)
{
	struct model_place at = place(s);
	struct side *asker = NULL;

	if (!may(s, MODEL_ADMIN) || !options.service || model_far(&at)) {
		refuse(s, a);
		return;
	}
	if (a->kind == ASK_NEXT) {
		s->asked = *a;
		s->busy = NEXT;
		s->approves = true;
		s->ready_since = ++ready_count;
		return;
	}
	for (size_t i = 0; i < CONNS; i++)
		if (sides[i].busy == ASKING && sides[i].given_to == s &&
		    sides[i].question == a->id)
			asker = &sides[i];
	if (asker == NULL) {
		refuse_extension(s, a);
		return;
	}
	succeed(s, a);
	judge_answer_of(asker, a->yes);
}

/*
 * Loads.
 */

/* A step is done, or refused with an answer. */
static void
answer_load(struct side *s, const struct ask *a, bool done, bool quiet)
{
	expect(s, a)->refused = !done;
	refusals += !done;
	if (!done || !quiet)
		note(s, a->op, !done);
}

static void
commit(struct side *s)
{
	for (size_t i = held.n; i-- > 0;)
		if (s->load != 0 && held.at[i].load == s->load &&
		    model_find(&s->staged, held.at[i].key) == NULL)
			model_drop(&held, &held.at[i]);
	for (size_t i = 0; i < s->staged.n; i++)
		model_put(&held, &s->staged.at[i]);
}

static void
judge_begin(struct side *s, const struct ask *a)
{
	load_over(s);
	answer_load(s, a, !lock.locked, true);
	if (lock.locked)
		return;
	s->stage = STAGE_OPEN;
	s->load = a->load;
	s->staged.n = 0;
	s->records = s->sealed = 0;
	s->lost = false;
}

static void
judge_remove_load(struct side *s, const struct ask *a)
{
	answer_load(s, a, !lock.locked, false);
	for (size_t i = held.n; !lock.locked && i-- > 0;)
		if (held.at[i].load != 0 &&
		    (a->load == 0 || held.at[i].load == a->load))
			model_drop(&held, &held.at[i]);
}

/* A record, the last one, or the commit. */
static void
judge_load_step(struct side *s, const struct ask *a)
{
	bool done;

	if (a->kind == ASK_COMMIT) {
		done = s->stage == STAGE_ENDED && !lock.locked;
		if (done)
			commit(s);
		answer_load(s, a, done, false);
		load_over(s);
		return;
	}
	done = s->stage == STAGE_OPEN && a->good && !s->lost;
	if (a->kind == ASK_END)
		done = done && a->final && a->id == s->records;
	answer_load(s, a, done, true);
	if (!done) {
		load_over(s);
	} else if (a->kind == ASK_END) {
		s->stage = STAGE_ENDED;
	} else {
		struct model_key k = added(a);

		k.load = s->load;
		model_put(&s->staged, &k);
		s->records++;
	}
}

static void
judge_load(struct side *s, const struct ask *a)
{
	struct model_place at = place(s);

	if (!may(s, MODEL_ADMIN) || model_far(&at)) {
		s->lost = s->lost || a->kind == ASK_RECORD ||
		    a->kind == ASK_END;
		refuse(s, a);
	} else if (a->kind == ASK_BEGIN)
		judge_begin(s, a);
	else if (a->kind == ASK_REMOVE_LOAD)
		judge_remove_load(s, a);
	else if (s->stage == STAGE_NONE)
		refuse_extension(s, a);
	else
		judge_load_step(s, a);
}

/* One request. */
static void
judge(struct side *s, const struct ask *a)
{
	typedef void judge_fn(struct side *, const struct ask *);
	static judge_fn *const by_kind[ASKS] = {
		judge_list, judge_sign, judge_add, judge_bind, judge_remove,
		judge_remove, judge_lock, judge_unlock, judge_query,
		judge_report, judge_report, judge_approve, judge_approve,
		judge_load, judge_load, judge_load, judge_load, judge_load,
		refuse, refuse, refuse,
	};

	expire();
	if (a->kind == ASK_UNFRAMED)
		throw_out(s);
	else
		by_kind[a->kind](s, a);
}

/* All that a connection can have served now; false: nothing. */
static bool
serve(struct side *s)
{
	bool any = false;
	struct ask a;

	while (s->fd >= 0 && !s->closing && s->busy == IDLE && s->n_queue > 0) {
		a = s->queue[0];
		memmove(&s->queue[0], &s->queue[1],
		    --s->n_queue * sizeof(s->queue[0]));
		judge(s, &a);
		any = true;
	}
	if (s->fd >= 0 && s->ended && s->busy == IDLE && !s->closing) {
		side_over(s);
		any = true;
	}
	return any;
}

/* Of those that wait for a question, the one that has waited longest. */
static struct side *
next_approver(void)
{
	struct side *first = NULL;

	for (size_t i = 0; i < CONNS; i++)
		if (sides[i].busy == NEXT && (first == NULL ||
		    sides[i].ready_since < first->ready_since))
			first = &sides[i];
	return first;
}

/* Hand out questions, whose numbers will be read from the replies, and refuse
 * those that there is nobody for; false: there are none. */
static bool
hand_out(void)
{
	bool any = false;
	struct side *s;
	size_t open = 0;

	for (size_t i = 0; i < CONNS; i++) {
		s = &sides[i];
		if (s->busy == ASKING && !somebody_approves()) {
			judge_answer_of(s, false);
			any = true;
		}
		open += s->busy == ASKING && s->question == 0;
	}
	for (; open > handed && (s = next_approver()) != NULL; handed++) {
		s->busy = IDLE;
		(void)expect(s, &s->asked);
		any = true;
	}
	return any;
}

/* What is due. */
static void
due(void)
{
	int64_t now = stage_now_ms();

	expire();
	for (size_t i = 0; i < CONNS; i++) {
		struct side *s = &sides[i];

		if (s->fd < 0 || s->closing)
			continue;
		if (s->rest_len > 0 && now >= s->begun_ms + 10000) {
			throw_out(s);
		} else if (s->busy == HOLDING && now >= s->until_ms) {
			s->busy = IDLE;
			expect(s, &s->asked)->code = SSH_AGENT_FAILURE;
		} else if (s->busy == ASKING && now >= s->until_ms) {
			judge_answer_of(s, false);
		}
	}
}

/*
 * What came of it.
 */

/* Nothing of this is in what others may read. */
static void
check_secrets(const void *p, size_t len)
{
	const struct private_fields *f;
	struct slice all[9];
	size_t n = 0;

	f = &keys[0]->fields;
	all[n++] = (struct slice){ f->ed25519.sk.p, 32 };
	f = &keys[1]->fields;
	all[n++] = (struct slice){ f->ed25519.sk.p, 32 };
	all[n++] = keys[2]->fields.ecdsa.d;
	f = &keys[KEY_RSA_OURS]->fields;
	all[n++] = f->rsa.d;
	all[n++] = f->rsa.p;
	all[n++] = f->rsa.q;
	for (size_t i = 1; i < 4; i++)
		all[n++] = slice_str(passphrases[i]);
	for (size_t i = 0; i < n; i++)
		assert(memmem(p, len, all[i].p, all[i].len) == NULL);
}

static void
check_list(const struct expected *e, struct slice body)
{
	struct wire_reader r = wire_reader((struct slice){ body.p + 1,
		body.len - 1 });
	struct slice blob, comment;
	uint32_t n = 0;
	int st;

	assert(body.p[0] == SSH_AGENT_IDENTITIES_ANSWER);
	st = wire_get_u32(&r, &n);
	assert(st == ST_OK && n == e->list.n);
	for (size_t i = 0; i < e->list.n; i++) {
		st = wire_get_string(&r, &blob);
		assert(st == ST_OK);
		st = wire_get_string(&r, &comment);
		assert(st == ST_OK);
		assert(slice_eq(blob, keys[e->list.at[i].key]->blob));
		assert(slice_eq_str(comment, comments[e->list.at[i].comment]));
	}
	assert(wire_end(&r));
}

static void
check_signature(const struct expected *e, struct slice body)
{
	static uint8_t room[4096];
	struct wire_writer data = wire_writer(room, sizeof(room));
	struct slice sig = answer_signature(body);

	put_data(&data, &e->ask);
	assert(testkey_verify(keys[e->ask.key], sig, algorithm(e->ask.key,
	    e->ask.flags), fuzz_written(&data)));
}

static void
check_query(const struct expected *e, struct slice body)
{
	struct wire_reader r = answer_contents(body, EXT_QUERY);
	struct slice name;
	unsigned n = 0;
	int st;

	for (; !wire_end(&r); n++) {
		st = wire_get_string(&r, &name);
		assert(st == ST_OK);
	}
	assert(n == e->names);
}

/* What follows the head, as far as the number of keys. */
static void
check_status_keys(const struct expected *e, struct wire_reader r)
{
	struct statusmsg_limit limit;
	struct statusmsg_uid uid;
	struct slice rule;
	uint32_t n = 0;
	int st;

	st = wire_get_u32(&r, &n);
	for (; st == ST_OK && n > 0; n--)
		st = wire_get_string(&r, &rule);
	assert(st == ST_OK);
	st = wire_get_u32(&r, &n);
	for (; st == ST_OK && n > 0; n--)
		st = statusmsg_get_limit(&r, &limit);
	assert(st == ST_OK);
	st = wire_get_u32(&r, &n);
	for (; st == ST_OK && n > 0; n--)
		st = statusmsg_get_uid(&r, &uid);
	assert(st == ST_OK);
	st = wire_get_u32(&r, &n);
	assert(st == ST_OK && n == e->keys);
}

static void
check_status(const struct expected *e, struct slice body)
{
	struct wire_reader r = answer_contents(body, EXT_STATUS);
	struct statusmsg_head head;
	int st;

	st = statusmsg_get_head(&r, &head);
	assert(st == ST_OK && head.locked == e->ask.yes);
	assert(head.signatures == e->signatures);
	assert(head.refusals == e->refusals);
	check_status_keys(e, r);
}

static void
check_explain(const struct expected *e, struct slice body)
{
	struct wire_reader r = answer_contents(body, EXT_EXPLAIN);
	struct explainmsg_item item;
	uint32_t version = 0, n = 0;
	int st;

	st = wire_get_u32(&r, &version);
	assert(st == ST_OK && version == EXPLAINMSG_VERSION);
	st = wire_get_u32(&r, &n);
	assert(st == ST_OK && n <= AUDIT_REFUSALS_MAX);
	assert(e->refusals == 0 || n > 0);
	for (; n > 0; n--) {
		st = explainmsg_get(&r, &item);
		assert(st == ST_OK);
		for (size_t i = 0; i < item.line.len; i++)
			assert(item.line.p[i] >= 0x20);
	}
	assert(wire_end(&r));
}

/* The question is one that nobody has. */
static void
check_question(struct side *s, struct slice body)
{
	struct wire_reader r = answer_contents(body, EXT_APPROVE);
	struct approve_question q;
	struct side *asker = NULL;
	int st;

	st = approve_question_get(&r, &q);
	assert(st == ST_OK && wire_end(&r) && q.id != 0);
	for (size_t i = 0; i < CONNS; i++)
		if (sides[i].busy == ASKING && sides[i].question == 0 &&
		    sides[i].pid == (pid_t)q.pid)
			asker = &sides[i];
	assert(asker != NULL);
	assert(q.uid == model_peers[asker->peer].uid);
	assert(q.left_ms == (asker->until_ms == MODEL_NEVER ?
	    APPROVE_NO_LIMIT : asker->until_ms - stage_now_ms()));
	asker->question = q.id;
	asker->given_to = s;
}

static void
check_load(struct side *s, const struct expected *e, struct slice body)
{
	struct wire_reader r = answer_contents(body, EXT_LOAD);
	struct load_answer ans;
	int st;

	st = load_answer_decode(&r, &ans);
	assert(st == ST_OK && wire_end(&r));
	assert((ans.verdict != 0) == e->refused);
	assert((ans.text.len > 0) == e->refused);
	if (e->kind != ASK_BEGIN || e->refused || s->closing)
		return;
	assert(ans.data.len == LOAD_PUBLIC_KEY);
	st = sealer_new(&s->sealer, vault_region(), ans.data.p, s->head);
	assert(st == ST_OK);
	s->head_len = HEAD;
}

static void
check_reply(struct side *s, const struct expected *e, struct slice body)
{
	tell("  %d gets %u, should %u\n", (int)(s - sides), body.p[0], e->code);
	check_secrets(body.p, body.len);
	if (e->code != 0)
		assert(body.len == 1 && body.p[0] == e->code);
	else if (e->kind == ASK_LIST)
		check_list(e, body);
	else if (e->kind == ASK_SIGN)
		check_signature(e, body);
	else if (e->kind == ASK_QUERY)
		check_query(e, body);
	else if (e->kind == ASK_STATUS)
		check_status(e, body);
	else if (e->kind == ASK_EXPLAIN)
		check_explain(e, body);
	else if (e->kind == ASK_NEXT)
		check_question(s, body);
	else
		check_load(s, e, body);
}

/* Whether a reply is a refusal, of whatever kind. */
static bool
is_refusal(enum kind kind, struct slice body)
{
	struct load_answer ans;
	struct wire_reader r;
	int st;

	if (body.len == 1)
		return body.p[0] == SSH_AGENT_FAILURE ||
		    body.p[0] == SSH_AGENT_EXTENSION_FAILURE;
	if (asks[kind].op != AUDIT_LOAD && asks[kind].op != AUDIT_REMOVE_LOAD)
		return false;
	r = answer_contents(body, EXT_LOAD);
	st = load_answer_decode(&r, &ans);
	assert(st == ST_OK && wire_end(&r));
	return ans.verdict != 0;
}

/* Read all that there is; true: and the end. */
static bool
receive(int fd, struct slice *got)
{
	size_t len = 0;
	ssize_t n;

	while ((n = recv(fd, in + len, sizeof(in) - len, 0)) > 0)
		len += (size_t)n;
	*got = (struct slice){ in, len };
	/* It is so when bytes of ours were not read. */
	if (n < 0 && errno == ECONNRESET)
		return true;
	assert(n == 0 || errno == EAGAIN);
	return n == 0;
}

/* Everything has come that should, and nothing else. */
static void
check_side(struct side *s)
{
	struct slice got, body;
	bool end;
	int st;

	if (s->fd < 0)
		return;
	end = receive(s->fd, &got);
	for (size_t i = 0; i < s->n_replies; i++) {
		st = frame_next(&got, &body);
		assert(st == ST_OK);
		check_reply(s, &s->replies[i], body);
	}
	assert(got.len == 0 && end == s->closing);
	s->n_replies = 0;
	if (!end)
		return;
	(void)close(s->fd);
	s->fd = -1;
}

/* Find the connection of a record. */
static struct side *
side_of(uint64_t number)
{
	for (size_t i = 0; i < CONNS; i++)
		if (sides[i].number == number)
			return &sides[i];
	return NULL;
}

/* What holds of every record; whose it is, NULL: keys have expired. */
static struct side *
check_record(const struct audit_record *rec)
{
	struct side *s;
	unsigned gone;

	tell("  record %u: connection %u %s %s\n", (unsigned)rec->seq,
	    (unsigned)rec->connection, auditline_op_name(rec->op),
	    reason_code(rec->reason));
	tell("    %s %s\n", rec->detail, rec->text != NULL ? rec->text : "");
	check_secrets(rec, sizeof(*rec));
	assert(rec->seq == ++seq && rec->count == 1);
	assert((rec->verdict == AUDIT_DENIED) == (rec->reason != REASON_NONE));
	if (rec->op == AUDIT_EXPIRE) {
		assert(sscanf(rec->detail, "%u key", &gone) == 1);
		expired_noted += gone;
		return NULL;
	}
	s = side_of(rec->connection);
	assert(s != NULL);
	assert(rec->has_peer && rec->uid == model_peers[s->peer].uid);
	return s;
}

/* Records are the ones that were to come, each connection's in their order. */
static void
check_records(void)
{
	struct side *s;

	for (size_t i = 0; i < stage_n_records; i++) {
		const struct audit_record *rec = &stage_records[i];

		if ((s = check_record(rec)) == NULL)
			continue;
		assert(s->n_notes > 0 && rec->op == s->notes[0].op);
		assert((rec->verdict == AUDIT_DENIED) == s->notes[0].denied);
		memmove(&s->notes[0], &s->notes[1],
		    --s->n_notes * sizeof(s->notes[0]));
	}
	for (size_t i = 0; i < CONNS; i++) {
		if (sides[i].n_notes > 0)
			tell("  not recorded: %zu of %zu\n",
			    sides[i].n_notes, i);
		assert(sides[i].n_notes == 0);
	}
	assert(expired_noted <= expired);
	stage_n_records = 0;
}

/* The agent holds what the model holds. */
static void
check_held(void)
{
	assert(keyring_count(stage_agent.ring) == held.n);
	for (size_t i = 0; i < held.n; i++) {
		const struct identity *id = keyring_at(stage_agent.ring, i);
		const struct model_key *k = &held.at[i];

		assert(slice_eq(key_blob(id->key), keys[k->key]->blob));
		assert(slice_eq_str(identity_comment(id),
		    comments[k->comment]));
		assert(id->confirm == k->confirm);
		assert(id->expires_ms == k->expires_ms);
		assert(strcmp(id->load, loads[k->load]) == 0);
		assert(id->signatures == k->signatures);
		assert(!k->counted || id->rules.left == k->left);
	}
	assert(stage_agent.lock.locked == lock.locked);
	assert(stage_agent.refusals == refusals);
}

/*
 * What came of a request under which something failed.
 */

/* The key that was asked to sign, as the agent has it; NULL: it has not. */
static const struct identity *
signer(void)
{
	return keyring_find(stage_agent.ring, keys[before.ask.key]->blob);
}

/* Remember how all is without this request. */
static void
remember(struct side *s, const struct ask *a)
{
	const struct rules *r;
	const struct identity *id;

	expire();
	before.side = s;
	before.ask = *a;
	before.held = held;
	before.lock = lock;
	before.path = s->path;
	before.approves = s->approves;
	before.signatures = signatures;
	before.refusals = refusals;
	before.expired = expired;
	if ((id = signer()) == NULL)
		return;
	r = &id->rules;
	before.left = r->left;
	before.next = r->next;
	before.oldest = r->rate_n > 0 ? r->recent[r->next] : 0;
}

/* A signature that was not made may be counted all the same. */
static void
count_spent(void)
{
	const struct identity *id = signer();
	struct model_key *k = model_find(&held, before.ask.key);
	bool spent;

	if (before.ask.kind != ASK_SIGN || k == NULL)
		return;
	assert(id != NULL);
	spent = (k->counted && id->rules.left != before.left) ||
	    (k->rate_n > 0 && (id->rules.next != before.next ||
	    id->rules.recent[before.next] != before.oldest));
	if (!spent)
		return;
	spent = model_spend(k, stage_now_ms());
	assert(spent);
}

/* Its records: one of the decision at most, and one of the end.  *${any} is
 * whether there is one of the decision, *${yes} what it says. */
static void
check_troubled_records(bool *any, bool *yes)
{
	bool end = false;

	*any = *yes = false;
	for (size_t i = 0; i < stage_n_records; i++) {
		const struct audit_record *rec = &stage_records[i];
		struct side *s = check_record(rec);

		if (s == NULL)
			continue;
		assert(s == before.side && !end);
		if (rec->op == AUDIT_CONNECT) {
			assert(rec->verdict == AUDIT_DENIED);
			end = true;
			continue;
		}
		assert(!*any && rec->op == before.ask.op);
		*any = true;
		*yes = rec->verdict == AUDIT_ALLOWED;
	}
	stage_n_records = 0;
}

/* Its reply, false: there is none; *${refused} is what it says. */
static bool
check_troubled_reply(struct side *s, bool *refused, bool *end)
{
	struct slice got, body;
	int st;

	*refused = false;
	*end = receive(s->fd, &got);
	check_secrets(got.p, got.len);
	st = frame_next(&got, &body);
	if (st != ST_OK) {
		/* A part of it may have left before the end. */
		assert(got.len == 0 || *end);
		return false;
	}
	assert(got.len == 0);
	*refused = is_refusal(before.ask.kind, body);
	tell("  %d gets %u\n", (int)(s - sides), body.p[0]);
	if (*refused)
		return true;
	/* What is served is served rightly. */
	assert(s->n_replies == 1);
	check_reply(s, &s->replies[0], body);
	return true;
}

/* The request was not carried out, where the model would have (${would}), or
 * would not either: all is as before. */
static void
take_back(struct side *s, bool would)
{
	held = before.held;
	expired = before.expired;
	signatures = before.signatures;
	/* A wrong passphrase was seen to be wrong, or not looked at. */
	if (would || stage_agent.lock.failures == before.lock.failures)
		lock = before.lock;
	assert(stage_agent.lock.failures == lock.failures);
	count_spent();
	s->busy = IDLE;
	s->approves = before.approves;
	if (would && asks[before.ask.kind].op == AUDIT_LOAD)
		load_over(s);
	if (would && before.ask.kind == ASK_BIND) {
		/* The way must not look shorter than it is. */
		s->path = before.path;
		s->path.tried = s->path.gap = true;
	}
}

/* The end of a connection, from our side. */
static void
leave(struct side *s)
{
	(void)close(s->fd);
	side_over(s);
	s->fd = -1;
}

/* It was served, or refused, or the connection has ended; the record says what
 * was done. */
static void
check_troubled(void)
{
	struct side *s = before.side;
	bool noted, yes, came, refused, end, done, would;

	would = s->n_notes > 0 ? !s->notes[0].denied :
	    s->n_replies > 0 && !s->replies[0].refused;
	check_troubled_records(&noted, &yes);
	came = check_troubled_reply(s, &refused, &end);
	if (came && refused)
		assert(noted && !yes);
	else if (came)
		assert(noted == (s->n_notes > 0) && noted == yes);
	else if (!end)
		assert(s->busy != IDLE && noted == (s->busy == HOLDING));
	assert(end || !s->closing);
	done = came ? !refused : yes;
	assert(would || !done);
	if (!done && (came || end))
		take_back(s, would);
	refusals = before.refusals + (noted && !yes);
	s->n_notes = s->n_replies = 0;
	/* What is known of a bind that was refused in any case is not whether
	 * it was seen to be a good one. */
	if (end || (before.ask.kind == ASK_BIND && !would))
		leave(s);
	for (size_t i = 0; i < CONNS; i++) {
		assert(sides[i].n_notes == 0);
		check_side(&sides[i]);
	}
	check_held();
	/* A connection that we left is gone. */
	stage_run();
	assert(stage_n_records == 0);
}

/* Whether what fails under a request of this one can be told from what happens
 * to others. */
static bool
stands_alone(const struct side *s, const struct ask *a)
{
	for (size_t i = 0; i < CONNS; i++)
		if (sides[i].busy != IDLE && (s == &sides[i] || s->approves ||
		    a->kind == ASK_SIGN || a->kind == ASK_NEXT ||
		    a->kind == ASK_ANSWER))
			return false;
	return true;
}

/* Whether nobody waits for anything. */
static bool
all_idle(void)
{
	for (size_t i = 0; i < CONNS; i++)
		if (sides[i].busy != IDLE)
			return false;
	return true;
}

/* Let the model come to its rest, the agent to its own, and compare. */
static void
settle(void)
{
	bool more = true;

	while (more) {
		more = hand_out();
		for (size_t i = 0; i < CONNS; i++)
			more = serve(&sides[i]) || more;
	}
	run_agent(0);
	/* A lifetime of nothing is over in the next turn. */
	expire();
	handed = 0;
	if (luck.met && before.side != NULL) {
		check_troubled();
		return;
	}
	check_records();
	for (size_t i = 0; i < CONNS; i++)
		check_side(&sides[i]);
	check_held();
}

/*
 * Steps.
 */

/* Why the model would turn a peer away. */
static bool
turned_away(unsigned peer)
{
	size_t all = 0, own = 0;
	bool root = model_peers[peer].uid == 0;

	for (size_t i = 0; i < CONNS; i++) {
		all += sides[i].fd >= 0;
		own += sides[i].fd >= 0 && sides[i].peer == peer;
	}
	return model_policies[policy].ops[peer] == 0 ||
	    all >= options.connections || (!root &&
	    all >= options.connections - options.connections_root) ||
	    (!root && options.connections_uid > 0 &&
	    own >= options.connections_uid);
}

static void
step_connect(struct side *s)
{
	unsigned peer = pick(MODEL_PEERS);
	bool away = turned_away(peer);

	memset(s, 0, offsetof(struct side, rest));
	s->rest_len = s->head_len = 0;
	s->stage = STAGE_NONE;
	s->sealer = NULL;
	s->records = s->sealed = 0;
	s->lost = false;
	s->peer = peer;
	s->ops = model_policies[policy].ops[peer];
	s->number = ++connections;
	s->pid = (pid_t)(1000 + connections);
	tell("%d connects as peer %u ops %02x%s\n", (int)(s - sides), peer,
	    s->ops, away ? ", in vain" : "");
	s->fd = stage_connect(peer, s->pid);
	if (away) {
		throw_out(s);
		refusals++;
	}
	settle();
}

static void
step_time(void)
{
	static const int table[] = { 1, 99, 100, 1000, 5000, 9999, 30000,
		60000 };

	tell("time\n");
	/* That it goes by is not stopped by anything. */
	luck.armed = luck.wanted && all_idle();
	run_agent(table[pick(8)]);
	due();
	settle();
}

static void
step_policy(void)
{
	if (!options.service)
		return;
	policy = 1 + pick(MODEL_POLICIES - 1);
	for (size_t i = CONNS; i-- > 0;) {
		struct side *s = &sides[i];

		if (s->fd < 0)
			continue;
		s->ops = model_policies[policy].ops[s->peer];
		if (s->ops == 0 || (s->approves && !may(s, MODEL_ADMIN)))
			throw_out(s);
	}
	tell("policy %u\n", policy);
	luck.armed = luck.wanted && all_idle();
	trouble();
	stage_policy(policy);
	trouble_over();
	settle();
}

static void
step_hang_up(void)
{
	uint8_t how = take();
	struct side *s = &sides[how % CONNS];

	if (s->fd < 0)
		return;
	luck.armed = luck.wanted && all_idle();
	if (how >= 0x80 && s->busy != NEXT) {
		/* What was asked is still answered. */
		s->ended = true;
		s->rest_len = 0;
		(void)shutdown(s->fd, SHUT_WR);
	} else {
		(void)close(s->fd);
		side_over(s);
		s->fd = -1;
	}
	settle();
}

/* Send bytes, which always find room. */
static void
send_all(const struct side *s, const uint8_t *p, size_t len)
{
	ssize_t n = send(s->fd, p, len, MSG_NOSIGNAL);

	assert(n == (ssize_t)len || luck.met);
}

/* What was sent of a request is its end. */
static void
sent(struct side *s, const struct ask *a)
{
	assert(s->n_queue < WAITING_MAX);
	s->queue[s->n_queue++] = *a;
}

/* The rest of the frame that was begun. */
static void
send_rest(struct side *s)
{
	if (s->rest_len == 0)
		return;
	send_all(s, s->rest, s->rest_len);
	tell("  %d sends the rest\n", (int)(s - sides));
	s->rest_len = 0;
	sent(s, &s->rest_ask);
	settle();
}

/* After this nothing else may be in the same write: what it does to others
 * would come at the same time. */
static bool
stands_last(const struct ask *a, bool added_before)
{
	const struct model_key *k = model_find(&held, a->key);

	return a->kind == ASK_UNLOCK || a->kind == ASK_NEXT ||
	    a->kind == ASK_ANSWER || a->kind == ASK_BEGIN ||
	    a->kind == ASK_UNFRAMED || (a->kind == ASK_SIGN &&
	    (added_before || (k != NULL && k->confirm)));
}

/* Whether its frame may be left unfinished. */
static bool
may_wait(const struct ask *a)
{
	return a->type != SSH_AGENTC_ADD_IDENTITY &&
	    a->type != SSH_AGENTC_ADD_ID_CONSTRAINED &&
	    a->type != SSH_AGENTC_LOCK && a->type != SSH_AGENTC_UNLOCK &&
	    a->kind != ASK_UNFRAMED && a->kind != ASK_RECORD &&
	    a->kind != ASK_END;
}

/* One frame into w. */
static void
put_frame(struct wire_writer *w, struct side *s, struct ask *a)
{
	size_t mark;

	if (a->kind == ASK_UNFRAMED) {
		wire_put_u32(w, take() % 2 == 0 ? 0 : FRAME_BODY_MAX + 1);
		wire_put_u8(w, 11);
		return;
	}
	if (a->kind == ASK_END)
		a->id = s->sealed + (a->good ? 0 : 1);
	s->sealed += a->kind == ASK_RECORD;
	tell("  %d sends %s key %u data %d spoilt %d load %u good %d\n",
	    (int)(s - sides), kind_names[a->kind], a->key,
	    (int)a->data.kind, (int)a->spoilt, a->load, a->good);
	mark = frame_open(w);
	put_body(w, s, a);
	frame_close(w, mark);
	assert(!w->full);
}

/* Kinds as they come: what is asked most comes most. */
static const uint8_t mix[] = {
	ASK_LIST, ASK_SIGN, ASK_ADD, ASK_BIND, ASK_SIGN, ASK_ADD, ASK_BIND,
	ASK_LIST, ASK_REMOVE, ASK_REMOVE_ALL, ASK_LOCK, ASK_UNLOCK, ASK_QUERY,
	ASK_STATUS, ASK_EXPLAIN, ASK_NEXT, ASK_ANSWER, ASK_BEGIN, ASK_RECORD,
	ASK_END, ASK_COMMIT, ASK_REMOVE_LOAD, ASK_STRANGE, ASK_BENT,
	ASK_UNFRAMED, ASK_SIGN, ASK_SIGN, ASK_ADD, ASK_BIND, ASK_ANSWER,
	ASK_NEXT, ASK_RECORD,
};

/* Some requests of one connection. */
static void
step_requests(void)
{
	uint8_t how = take();
	struct side *s = &sides[how % CONNS];
	size_t n = 1 + (how >> 4 & 3), begin = 0;
	struct wire_writer w = wire_writer(out, sizeof(out));
	bool added_before = false;
	struct ask a;

	if (s->fd < 0)
		step_connect(s);
	if (s->fd < 0 || s->ended)
		return;
	send_rest(s);
	if (luck.wanted)
		n = 1;
	for (size_t i = 0; i < n && s->fd >= 0; i++) {
		/* Behind one that waits only what changes nothing. */
		make_ask(&a, s, s->busy != IDLE ? ASK_LIST :
		    (enum kind)mix[pick(sizeof(mix))]);
		if (s->busy != IDLE && s->n_queue == WAITING_MAX / 2)
			break;
		begin = w.len;
		put_frame(&w, s, &a);
		if (luck.wanted && stands_alone(s, &a)) {
			luck.armed = true;
			remember(s, &a);
		} else if (how >= 0xc0 && i + 1 == n && s->busy == IDLE &&
		    may_wait(&a)) {
			size_t cut = begin + 1 + take() % (w.len - begin - 1);

			s->rest_len = w.len - cut;
			memcpy(s->rest, w.p + cut, s->rest_len);
			s->rest_ask = a;
			s->begun_ms = stage_now_ms();
			w.len = cut;
			tell("  only a beginning of the last one\n");
			break;
		}
		added_before = added_before || a.kind == ASK_ADD ||
		    a.kind == ASK_COMMIT;
		sent(s, &a);
		if (stands_last(&a, added_before))
			break;
	}
	if ((how & 0xc0) == 0x80 && w.len > 1) {
		/* In two pieces. */
		size_t cut = 1 + take() % (w.len - 1);

		tell("  in two pieces, %zu of %zu\n", cut, w.len);
		send_all(s, w.p, cut);
		run_agent(0);
		send_all(s, w.p + cut, w.len - cut);
	} else {
		send_all(s, w.p, w.len);
	}
	settle();
}

/* Have calls fail under this step. */
static void
make_luck(void)
{
	static const unsigned groups[] = { FAULT_ALL & ~FAULT_LIBCRYPTO,
		FAULT_MEMORY | FAULT_VAULT, FAULT_SYSTEM, FAULT_CRYPTO };
	uint8_t how;

	luck.wanted = true;
	luck.seed = take() * UINT64_C(1000003);
	how = take();
	/* Not all of them: what is interrupted is tried again. */
	luck.one_in = 2 + how % 64;
	/* What libcrypto itself does without memory is not ours to see. */
	luck.groups = groups[how / 64];
}

/* What a run is like; whether calls may fail in it. */
static bool
begin(void)
{
	uint8_t mode = take(), few = take(), which = take();

	options = (struct stage_options){
		.service = (mode & 7) != 7,
		.far_allowed = (mode & 0x18) == 0x18,
		.legacy_rsa = (mode & 0x20) != 0, .slow = (mode & 0x40) != 0,
		.default_lifetime_s = (mode & 0x80) != 0 ? 30 : 0,
		.question_ms = (few & 1) != 0 ? 0 : 60000,
		.questions_uid = (few & 2) != 0 ? 1 : 8,
		.connections = (few & 4) != 0 ? 3 : 16,
		.connections_uid = (few & 8) != 0 ? 1 : 0,
		.connections_root = (few & 16) != 0 ? 1 : 0,
	};
	policy = options.service ? 1 + which % (MODEL_POLICIES - 1) : 0;
	options.policy = policy;
	memset(&held, 0, sizeof(held));
	memset(&lock, 0, sizeof(lock));
	signatures = refusals = 0;
	ready_count = connections = seq = 0;
	serial = 0;
	expired = expired_noted = 0;
	for (size_t i = 0; i < CONNS; i++) {
		sides[i].fd = -1;
		sides[i].number = 0;
		sides[i].busy = IDLE;
		sides[i].approves = false;
		sides[i].given_to = NULL;
		sides[i].n_queue = sides[i].n_notes = sides[i].n_replies = 0;
	}
	stage_begin(&options);
	return (few & 0x20) != 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool troubled;

	steps = wire_reader((struct slice){ data, size });
	troubled = begin();
	for (int n = 0; n < STEPS_MAX && !wire_end(&steps); n++) {
		uint8_t how = take(), kind = how % 16;

		memset(&luck, 0, sizeof(luck));
		before.side = NULL;
		if (troubled && how >= 0x80)
			make_luck();
		if (kind == 13)
			step_hang_up();
		else if (kind == 14)
			step_policy();
		else if (kind == 15)
			step_time();
		else
			step_requests();
	}
	for (size_t i = 0; i < CONNS; i++)
		if (sides[i].fd >= 0)
			leave(&sides[i]);
	stage_end();
	assert(vaultuse_is_back());
	return 0;
}

/* The first key once more, with a certificate. */
static struct testkey *
certified(const struct testkey *plain)
{
	struct testkey *k = calloc(1, sizeof(*k));
	struct fakecert fake = { .key = plain->blob,
		.ca = hosts_blob(MODEL_HOSTS), .role = CERTIFICATE_USER,
		.principals = "git", .after = 0, .before = UINT64_MAX,
		.critical = "" };
	struct wire_writer w;

	assert(k != NULL);
	k->fields = plain->fields;
	w = wire_writer(k->blob_bytes, sizeof(k->blob_bytes));
	fakecert_put(&w, &fake);
	hosts_put_signature(&w, MODEL_HOSTS);
	k->blob = fuzz_written(&w);
	k->fields.cert = k->blob;
	return k;
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const enum key_type types[] = { KEY_ED25519, KEY_ED25519,
		KEY_ECDSA_P256, KEY_RSA };
	/* Root adds every key and signs with it, in ssh-agent mode. */
	static const uint8_t once[] = { 0x27, 0, 0,
		0, 0, 0, 2, 0, 0, 0, 0,  0, 0, 2, 2, 0, 0, 0,
		0, 0, 2, 3, 0, 0, 0,  0, 0, 1, 2, 2, 0,
		0, 0, 1, 3, 2, 2, 0,  0, 0, 1, 3, 4, 2, 0,
		0, 0, 1, 3, 0, 2, 0,  0, 0, 10, 1 };

	(void)argc;
	(void)argv;
	telling = getenv("BOTTLE_FUZZ_TELL") != NULL;
	stage_init();
	hosts_init();
	keyset_make(keys, types, sizeof(types) / sizeof(types[0]));
	keys[KEY_CERT] = certified(keys[0]);
	(void)LLVMFuzzerTestOneInput(once, sizeof(once));
	vaultuse_keep();
	fault_subject(true);
	return 0;
}
