#include "faults/scenes.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "agent/vault.h"
#include "daemon/rig.h"
#include "faults/stage.h"
#include "faults/talk.h"
#include "keys/seal.h"
#include "proto/bundle.h"
#include "proto/constraint.h"
#include "proto/extension.h"
#include "proto/reply.h"
#include "support/hex.h"
#include "support/signer.h"

#define LOAD_NAME	"work"
#define ROOM		(32 * 1024)

struct testkey *scene_keys[KEYS];

static const char *const comments[KEYS] = { "one", "two", "three", "four",
	"five" };
static struct signer host;
static int conn = -1;
static bool done;		/* the agent said that it did it */

/* What a list showed. */
struct shown {
	bool	 any;		/* there was a list */
	bool	 has[KEYS];
	size_t	 n;
};

/*
 * What scenes are made of.
 */

static struct wire_writer
writer(void)
{
	return wire_writer(hex_alloc(ROOM), ROOM);
}

static struct slice
written(const struct wire_writer *w)
{
	struct slice out;
	int st = wire_done(w, &out);

	assert(st == ST_OK);
	return out;
}

/* Take a list, and see that each key in it is one of ours, and whole. */
static struct shown
take_list(struct slice reply)
{
	struct shown shown = { 0 };
	struct slice blob, comment;
	struct wire_reader r;
	uint32_t n = 0;
	size_t k;

	if (reply.len == 0 || reply.p[0] == SSH_AGENT_FAILURE)
		return shown;
	r = wire_reader((struct slice){ reply.p + 1, reply.len - 1 });
	shown.any = reply.p[0] == SSH_AGENT_IDENTITIES_ANSWER &&
	    wire_get_u32(&r, &n) == ST_OK;
	while (shown.any && shown.n < n) {
		shown.any = wire_get_string(&r, &blob) == ST_OK &&
		    wire_get_string(&r, &comment) == ST_OK;
		for (k = 0; shown.any && k < KEYS; k++)
			if (slice_eq(blob, scene_keys[k]->blob) &&
			    slice_eq(comment, slice_str(comments[k])))
				break;
		shown.any = shown.any && k < KEYS && !shown.has[k];
		if (shown.any)
			shown.has[k] = true;
		shown.n++;
	}
	if (!shown.any || !wire_end(&r)) {
		stage_wrong("a list that is not right");
		shown.any = false;
	}
	return shown;
}

static struct shown
list(int fd)
{
	return take_list(talk(fd, rig_type(SSH_AGENTC_REQUEST_IDENTITIES)));
}

/* The same over a new connection, which must work. */
static struct shown
look(void)
{
	int fd = talk_open();
	struct shown shown = { 0 };

	if (fd >= 0)
		shown = list(fd);
	if (!shown.any)
		stage_wrong("no list afterwards");
	talk_close(&fd);
	return shown;
}

/* Ask something that must be done now. */
static void
must(struct slice body)
{
	int fd = talk_open();

	if (fd < 0 || !talk_done(fd, body, SSH_AGENT_SUCCESS))
		stage_wrong("request %u is refused without a fault",
		    body.p[0]);
	talk_close(&fd);
}

static struct slice
add_of(unsigned key)
{
	return rig_add(scene_keys[key], comments[key], (struct slice){ NULL,
	    0 });
}

static void
must_add(unsigned key)
{
	must(add_of(key));
}

static void
must_remove(unsigned key)
{
	must(rig_string(SSH_AGENTC_REMOVE_IDENTITY, scene_keys[key]->blob));
}

/* Put back what is not as at the beginning, which may differ from it in these
 * keys only. */
static void
mend(struct shown now, unsigned first, unsigned last)
{
	bool changed = false;

	for (unsigned k = 0; now.any && k < KEYS; k++) {
		if (now.has[k] == (k < BASE))
			continue;
		if (k < first || k > last)
			stage_wrong("the key \"%s\" is %s", comments[k],
			    now.has[k] ? "there" : "gone");
		changed = true;
		if (now.has[k])
			must_remove(k);
	}
	/* In their order. */
	if (now.any && !(now.has[0] && now.has[1] && now.has[2])) {
		must(rig_type(SSH_AGENTC_REMOVE_ALL_IDENTITIES));
		scenes_furnish();
	}
	/* The agent keeps the list as it was sent. */
	if (changed)
		(void)look();
}

/* A connection that the agent knows. */
static void
before(void)
{
	done = false;
	conn = talk_open();
	if (conn < 0 || !list(conn).any)
		stage_wrong("no connection before it begins");
}

static void
after(void)
{
	talk_close(&conn);
	mend(look(), 1, 0);
}

/*
 * Connections and lists.
 */

static void
before_connect(void)
{
	done = false;
}

static void
act_connect(void)
{
	if ((conn = talk_open()) >= 0)
		(void)list(conn);
	talk_close(&conn);
}

static void
act_list(void)
{
	struct shown s = list(conn);

	if (s.any && s.n != BASE)
		stage_wrong("%zu keys are shown", s.n);
}

/* Two requests at once, and a third one of which the end never comes. */
static void
act_pipeline(void)
{
	struct slice one = rig_frame(rig_type(SSH_AGENTC_REQUEST_IDENTITIES));
	struct slice cut = rig_frame(add_of(KEY_FOUR));

	cut.len /= 2;
	talk_send(conn, rig_join(rig_join(one, one), cut));
	for (int i = 0; i < 2; i++)
		(void)take_list(talk(conn, (struct slice){ NULL, 0 }));
}

/*
 * Signatures.
 */

static void
sign(unsigned key)
{
	done = talk_signs(conn, scene_keys[key], rig_git());
}

/* Afterwards it must sign. */
static void
after_sign(unsigned key)
{
	talk_close(&conn);
	conn = talk_open();
	if (conn < 0 || !talk_signs(conn, scene_keys[key], rig_git()))
		stage_wrong("the key \"%s\" does not sign afterwards",
		    comments[key]);
	after();
}

/* Looking at the agent makes all keys cold. */
static void
before_hot(unsigned key)
{
	before();
	(void)talk_signs(conn, scene_keys[key], rig_git());
}

static void
act_ed25519(void)
{
	sign(KEY_ONE);
}

static void
after_ed25519(void)
{
	after_sign(KEY_ONE);
}

static void
before_ecdsa(void)
{
	before_hot(KEY_TWO);
}

static void
act_ecdsa(void)
{
	sign(KEY_TWO);
}

static void
after_ecdsa(void)
{
	after_sign(KEY_TWO);
}

static void
before_rsa(void)
{
	before_hot(KEY_THREE);
}

static void
act_rsa(void)
{
	sign(KEY_THREE);
}

static void
after_rsa(void)
{
	after_sign(KEY_THREE);
}

/*
 * Adding and removing.
 */

static void
act_add(void)
{
	done = talk_done(conn, add_of(KEY_FOUR), SSH_AGENT_SUCCESS);
}

/* What was said is what is so. */
static void
after_change(unsigned key, bool there)
{
	struct shown s;

	talk_close(&conn);
	s = look();
	if (s.any && done && s.has[key] != there)
		stage_wrong("\"done\" was said, and the key \"%s\" is %s",
		    comments[key], there ? "not there" : "there");
	mend(s, key, key);
}

static void
after_add(void)
{
	after_change(KEY_FOUR, true);
}

/* With a lifetime, and to be confirmed. */
static void
act_add_rules(void)
{
	static const uint8_t rules[] = { SSH_AGENT_CONSTRAIN_LIFETIME, 0, 0,
		14, 16, SSH_AGENT_CONSTRAIN_CONFIRM };

	done = talk_done(conn, rig_add(scene_keys[KEY_FIVE],
	    comments[KEY_FIVE], (struct slice){ rules, sizeof(rules) }),
	    SSH_AGENT_SUCCESS);
}

static void
after_add_rules(void)
{
	after_change(KEY_FIVE, true);
}

/* A key that is there already. */
static void
act_again(void)
{
	done = talk_done(conn, add_of(KEY_TWO), SSH_AGENT_SUCCESS);
}

static void
before_remove(void)
{
	must_add(KEY_FOUR);
	before();
}

static void
act_remove(void)
{
	done = talk_done(conn, rig_string(SSH_AGENTC_REMOVE_IDENTITY,
	    scene_keys[KEY_FOUR]->blob), SSH_AGENT_SUCCESS);
}

static void
after_remove(void)
{
	after_change(KEY_FOUR, false);
}

static void
act_remove_all(void)
{
	done = talk_done(conn, rig_type(SSH_AGENTC_REMOVE_ALL_IDENTITIES),
	    SSH_AGENT_SUCCESS);
}

static void
after_remove_all(void)
{
	struct shown s;

	talk_close(&conn);
	s = look();
	if (s.any && s.n != 0 && (done || s.n != BASE))
		stage_wrong("%zu keys are left", s.n);
	mend(s, 0, KEYS);
}

/*
 * The lock.
 */

static void
act_lock(void)
{
	done = talk_done(conn, rig_text(SSH_AGENTC_LOCK, "word"),
	    SSH_AGENT_SUCCESS);
}

static void
after_lock(void)
{
	struct shown s;

	talk_close(&conn);
	s = look();
	if (s.any && s.n != 0 && (done || s.n != BASE))
		stage_wrong("%zu keys are shown after a lock", s.n);
	if (s.any && s.n == 0)
		must(rig_text(SSH_AGENTC_UNLOCK, "word"));
	mend(look(), 1, 0);
}

static void
before_unlock(void)
{
	must(rig_text(SSH_AGENTC_LOCK, "word"));
	before();
}

static void
act_unlock(void)
{
	done = talk_done(conn, rig_text(SSH_AGENTC_UNLOCK, "word"),
	    SSH_AGENT_SUCCESS);
}

static void
after_unlock(void)
{
	struct shown s;

	talk_close(&conn);
	s = look();
	if (s.any && done && s.n == 0)
		stage_wrong("locked after an unlock");
	if (s.any && s.n == 0)
		must(rig_text(SSH_AGENTC_UNLOCK, "word"));
	mend(look(), 1, 0);
}

/*
 * Extensions.
 */

static struct wire_writer
extension(const char *name)
{
	struct wire_writer w = writer();

	wire_put_u8(&w, SSH_AGENTC_EXTENSION);
	wire_put_str(&w, name);
	return w;
}

static void
act_bind(void)
{
	struct wire_writer w = extension(EXT_SESSION_BIND), sig = writer();
	struct bind_request req = { .hostkey = host.blob,
		.session_id = slice_str("session"), .forwarding = false };

	signer_put(&host, &sig, NULL, req.session_id);
	req.signature = written(&sig);
	bind_request_put(&w, &req);
	done = talk_done(conn, written(&w), SSH_AGENT_SUCCESS);
	/* What comes next on it may not be worse off. */
	if (done)
		(void)list(conn);
}

/* The contents of an extension's response; false: there is none. */
static bool
ask_extension(const char *name, struct slice body, struct wire_reader *r)
{
	struct slice got = talk(conn, body);
	struct reply reply;

	if (got.len <= 1)
		return false;
	if (reply_decode(got, &reply) == ST_OK &&
	    reply_get_extension(&reply, name, r) == ST_OK)
		return true;
	stage_wrong("a broken response to %s", name);
	return false;
}

static void
act_status(void)
{
	struct wire_writer w = extension(EXT_STATUS);
	struct statusmsg_head head;
	struct wire_reader r;

	if (ask_extension(EXT_STATUS, written(&w), &r) &&
	    statusmsg_get_head(&r, &head) != ST_OK)
		stage_wrong("a broken status");
}

static void
act_explain(void)
{
	struct wire_writer w = extension(EXT_EXPLAIN);
	struct wire_reader r;

	(void)ask_extension(EXT_EXPLAIN, written(&w), &r);
}

/* One step of a load: whether it was done. */
static bool
load_step(enum load_op op, struct slice arg, struct load_answer *ans)
{
	struct wire_writer w = extension(EXT_LOAD);
	const struct load_request req = { .op = op, .arg = arg };
	struct wire_reader r;

	memset(ans, 0, sizeof(*ans));
	load_request_put(&w, &req);
	if (!ask_extension(EXT_LOAD, written(&w), &r))
		return false;
	if (load_answer_decode(&r, ans) == ST_OK && (ans->verdict == 0) ==
	    (ans->text.len == 0))
		return ans->verdict == 0;
	stage_wrong("a broken answer to step %u of a load", op);
	return false;
}

/* The record of a key: its kind is in the place of the message number. */
static struct slice
record_of(unsigned key)
{
	struct wire_writer w = writer();
	struct slice add = add_of(key);

	wire_put_u8(&w, BUNDLE_KEY);
	wire_put_bytes(&w, (struct slice){ add.p + 1, add.len - 1 });
	return written(&w);
}

/* Two keys, sealed for who has that public key. */
static struct slice
bundle(const uint8_t *public_key)
{
	uint8_t head[BUNDLE_SEALED + BUNDLE_HEADER];
	struct wire_writer w = writer(), last = writer();
	struct sealer *sealer;
	int st;

	st = sealer_new(&sealer, vault_region(), public_key, head);
	assert(st == ST_OK);
	wire_put_bytes(&w, (struct slice){ head, sizeof(head) });
	for (unsigned k = KEY_FOUR; k <= KEY_FIVE; k++) {
		st = sealer_record(sealer, record_of(k), false, &w);
		assert(st == ST_OK);
	}
	bundle_put_end(&last, 2);
	st = sealer_record(sealer, written(&last), true, &w);
	assert(st == ST_OK);
	sealer_free(sealer);
	return written(&w);
}

static void
act_load(void)
{
	struct load_answer ans;

	if (!load_step(LOAD_BEGIN, slice_str(LOAD_NAME), &ans))
		return;
	assert(ans.data.len == LOAD_PUBLIC_KEY);
	done = load_step(LOAD_CHUNK, bundle(ans.data.p), &ans) &&
	    load_step(LOAD_COMMIT, (struct slice){ NULL, 0 }, &ans);
}

/* All of it, or nothing. */
static void
after_load_as(bool there)
{
	struct shown s;

	talk_close(&conn);
	s = look();
	if (s.any && s.has[KEY_FOUR] != s.has[KEY_FIVE])
		stage_wrong("half a load is there");
	if (s.any && done && s.has[KEY_FOUR] != there)
		stage_wrong("\"done\" was said, and it is not so");
	mend(s, KEY_FOUR, KEY_FIVE);
}

static void
after_load(void)
{
	after_load_as(true);
}

static void
before_unload(void)
{
	before();
	act_load();
	if (!done)
		stage_wrong("a load fails without a fault");
	done = false;
}

static void
act_unload(void)
{
	struct load_answer ans;

	done = load_step(LOAD_REMOVE, slice_str(LOAD_NAME), &ans);
}

static void
after_unload(void)
{
	after_load_as(false);
}

/* The rules are read again: a signal is acted on before the next request. */
static void
act_reload(void)
{
	stage_signal(SIGHUP);
	for (int i = 0; i < 2; i++)
		(void)list(conn);
}

const struct scene scenes[] = {
	{ "connect", before_connect, act_connect, after, true },
	{ "list", before, act_list, after, false },
	{ "pipeline", before, act_pipeline, after, false },
	{ "sign-ed25519", before, act_ed25519, after_ed25519, false },
	{ "sign-ecdsa-cold", before, act_ecdsa, after_ecdsa, false },
	{ "sign-ecdsa-hot", before_ecdsa, act_ecdsa, after_ecdsa, false },
	{ "sign-rsa-cold", before, act_rsa, after_rsa, false },
	{ "sign-rsa-hot", before_rsa, act_rsa, after_rsa, true },
	{ "add", before, act_add, after_add, false },
	{ "add-with-rules", before, act_add_rules, after_add_rules, false },
	{ "add-again", before, act_again, after, false },
	{ "remove", before_remove, act_remove, after_remove, false },
	{ "remove-all", before, act_remove_all, after_remove_all, false },
	{ "lock", before, act_lock, after_lock, false },
	{ "unlock", before_unlock, act_unlock, after_unlock, false },
	{ "bind", before, act_bind, after, true },
	{ "status", before, act_status, after, false },
	{ "explain", before, act_explain, after, true },
	{ "load", before, act_load, after_load, false },
	{ "remove-load", before_unload, act_unload, after_unload, false },
	{ "reload", before, act_reload, after, true },
	{ NULL, NULL, NULL, NULL, false },
};

/*
 * All of them.
 */

/* The private numbers of a key. */
static void
tell_secrets(const struct private_fields *f)
{
	switch (f->type) {
	case KEY_ED25519:
		stage_secret((struct slice){ f->ed25519.sk.p, 32 });
		break;
	case KEY_RSA:
		stage_secret(f->rsa.d);
		stage_secret(f->rsa.iqmp);
		stage_secret(f->rsa.p);
		stage_secret(f->rsa.q);
		break;
	default:
		stage_secret(f->ecdsa.d);
	}
}

void
scenes_open(void)
{
	static const enum key_type types[KEYS] = { KEY_ED25519,
		KEY_ECDSA_P256, KEY_RSA, KEY_ECDSA_P256, KEY_ED25519 };

	testkeys_vault();
	for (size_t i = 0; i < KEYS; i++) {
		scene_keys[i] = testkey_new(types[i], 1024);
		tell_secrets(&scene_keys[i]->fields);
	}
	signer_init(&host, KEY_ED25519);
}

void
scenes_close(void)
{
	for (size_t i = 0; i < KEYS; i++)
		testkey_free(scene_keys[i]);
	signer_fini(&host);
	(void)rig_forget(NULL);
	vault_close();
}

void
scenes_furnish(void)
{
	for (unsigned k = 0; k < BASE; k++)
		must_add(k);
}

void
scenes_drop(void)
{
	talk_close(&conn);
}

/* The private part: twice the same number, the key, and bytes that count up. */
static void
put_private(struct wire_writer *w, unsigned key)
{
	size_t mark = wire_open_string(w);
	uint8_t pad = 1;

	wire_put_u32(w, 1);
	wire_put_u32(w, 1);
	keyprivate_put(w, &scene_keys[key]->fields);
	wire_put_str(w, comments[key]);
	while ((w->len - mark) % 8 != 0)
		wire_put_u8(w, pad++);
	wire_close_string(w, mark);
}

void
scenes_key_file(const char *path)
{
	static char text[2 * ROOM];
	struct wire_writer w = writer();
	struct slice key;
	FILE *f = fopen(path, "we");

	wire_put_bytes(&w, (struct slice){ (const uint8_t *)"openssh-key-v1",
	    15 });
	wire_put_str(&w, "none");
	wire_put_str(&w, "none");
	wire_put_str(&w, "");
	wire_put_u32(&w, 1);
	wire_put_string(&w, scene_keys[KEY_TWO]->blob);
	put_private(&w, KEY_TWO);
	key = written(&w);
	(void)sodium_bin2base64(text, sizeof(text), key.p, key.len,
	    sodium_base64_VARIANT_ORIGINAL);
	assert(f != NULL);
	(void)fprintf(f, "-----BEGIN OPENSSH PRIVATE KEY-----\n%s\n"
	    "-----END OPENSSH PRIVATE KEY-----\n", text);
	(void)fclose(f);
}

void
scenes_greet(void)
{
	if ((conn = talk_open()) >= 0 &&
	    talk_done(conn, add_of(KEY_ONE), SSH_AGENT_SUCCESS))
		(void)talk_signs(conn, scene_keys[KEY_ONE], rig_git());
	talk_close(&conn);
}
