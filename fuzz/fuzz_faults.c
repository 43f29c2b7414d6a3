/*
 * Reaches: what dispatch.c does when memory, the vault or the crypto libraries
 *          fail in the middle of it: keyring, key, hotkey, lock, load, verify.
 * Claims:  a request during which nothing failed is served; one that is said to
 *          be done is done, and one that is not has changed nothing, but for a
 *          removal of all keys; a signature that is given is good; all keys are
 *          whole and sign when nothing fails any more; at the end the vault is
 *          as empty as before.
 * Input:   seed, one call in how many fails, which groups of calls; then steps:
 *          kind, key.
 */

#include <stdlib.h>
#include <string.h>

#include "agent/dispatch.h"
#include "faults/fault.h"
#include "fuzz/fuzz.h"
#include "fuzz/support/answer.h"
#include "fuzz/support/keyset.h"
#include "fuzz/support/vaultuse.h"
#include "proto/agent_num.h"
#include "proto/frame.h"

#define KEYS		4
#define STEPS_MAX	40
#define NOW_MS		1000000

static struct testkey *keys[KEYS];

/* All of one run. */
static struct agent agent;
static struct conn conn;
static bool held[KEYS], locked;
static bool met;		/* something failed in the last request */
static uint8_t request_room[FRAME_BODY_MAX], reply_room[FRAME_BODY_MAX];
static struct slice reply;
static struct {
	uint64_t	 seed;
	unsigned	 one_in, groups;
} luck;

int LLVMFuzzerInitialize(int *argc, char ***argv);

/* Have a request served, with faults or without; its code, 0 when there is no
 * reply. */
static uint8_t
serve(const struct wire_writer *req, bool faults)
{
	static const struct peer peer = { .ops = POLICY_ALL };
	struct wire_writer w = wire_writer(reply_room, sizeof(reply_room));
	const struct arrival in = { .body = fuzz_written(req),
		.now_ms = NOW_MS, .wall_s = NOW_MS / 1000 };
	struct decision d;
	int st;

	if (faults && luck.one_in > 0)
		fault_seed(luck.seed++, luck.one_in, luck.groups);
	st = dispatch(&agent, &conn, &peer, &in, &w, &d);
	met = fault_off();
	/* No byte of these is wrong. */
	assert(st == ST_OK || met);
	assert(conn.job == NULL);
	reply = (struct slice){ NULL, 0 };
	if (st != ST_OK)
		return 0;
	reply = fuzz_written(&w);
	assert(reply.len > 0);
	return reply.p[0];
}

static struct wire_writer
request(uint8_t type)
{
	struct wire_writer w = wire_writer(request_room,
	    sizeof(request_room));

	wire_put_u8(&w, type);
	return w;
}

/* Sign; whether it was signed. */
static bool
sign(unsigned key, bool faults)
{
	uint32_t flags = keys[key]->fields.type == KEY_RSA ?
	    SSH_AGENT_RSA_SHA2_256 : 0;
	struct wire_writer w = request(SSH_AGENTC_SIGN_REQUEST);
	struct slice data = slice_str("to be signed");
	bool good;

	wire_put_string(&w, keys[key]->blob);
	wire_put_string(&w, data);
	wire_put_u32(&w, flags);
	if (serve(&w, faults) != SSH_AGENT_SIGN_RESPONSE)
		return false;
	good = testkey_verify(keys[key], answer_signature(reply),
	    keyset_algorithm(keys[key], flags, false), data);
	assert(good);
	(void)good;
	return true;
}

static void
step_sign(unsigned key)
{
	bool done = sign(key, true);

	assert(!done || (held[key] && !locked));
	assert(done || met || !held[key] || locked);
}

static void
step_add(unsigned key)
{
	struct wire_writer w = request(SSH_AGENTC_ADD_IDENTITY);
	bool done;

	keyprivate_put(&w, &keys[key]->fields);
	wire_put_str(&w, "comment");
	done = serve(&w, true) == SSH_AGENT_SUCCESS;
	assert(!done || !locked);
	assert(done || met || locked);
	held[key] = held[key] || done;
}

static void
step_remove(unsigned key)
{
	struct wire_writer w = request(SSH_AGENTC_REMOVE_IDENTITY);
	bool done;

	wire_put_string(&w, keys[key]->blob);
	done = serve(&w, true) == SSH_AGENT_SUCCESS;
	assert(!done || (held[key] && !locked));
	assert(done || met || !held[key] || locked);
	held[key] = held[key] && !done;
}

static void
step_list(unsigned key)
{
	struct wire_writer w = request(SSH_AGENTC_REQUEST_IDENTITIES);
	uint8_t code = serve(&w, true);

	(void)key;
	assert(code == SSH_AGENT_IDENTITIES_ANSWER || met);
}

static void
step_lock(unsigned key)
{
	struct wire_writer w = request(locked ? SSH_AGENTC_UNLOCK :
	    SSH_AGENTC_LOCK);
	bool done;

	(void)key;
	wire_put_str(&w, "word");
	done = serve(&w, true) == SSH_AGENT_SUCCESS;
	assert(done || met);
	if (done)
		locked = !locked;
}

static void (*const kinds[])(unsigned key) = {
	step_add, step_sign, step_list, step_remove, step_lock,
};

/* The agent holds what it should, whole. */
static void
check_state(void)
{
	size_t n = 0;

	for (size_t k = 0; k < KEYS; k++)
		n += held[k];
	assert(keyring_count(agent.ring) == n);
	for (size_t i = 0, k; i < n; i++) {
		const struct identity *id = keyring_at(agent.ring, i);

		for (k = 0; k < KEYS; k++)
			if (slice_eq(key_blob(id->key), keys[k]->blob))
				break;
		assert(k < KEYS && held[k]);
		assert(slice_eq_str(identity_comment(id), "comment"));
	}
	assert(agent.lock.locked == locked);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	memset(&agent, 0, sizeof(agent));
	memset(&conn, 0, sizeof(conn));
	memset(held, 0, sizeof(held));
	locked = false;
	if (size < 4)
		return 0;
	luck.seed = (data[0] * 256u + data[1]) * UINT64_C(1000003);
	luck.one_in = data[2];
	/* What libcrypto itself does without memory is not ours to see. */
	luck.groups = (data[3] != 0 ? data[3] : FAULT_ALL) & ~FAULT_LIBCRYPTO;
	policy_init(&agent.policy, 0);
	agent.ring = keyring_new();
	assert(agent.ring != NULL);
	for (size_t i = 4; i + 1 < size && i < 4 + 2 * STEPS_MAX; i += 2) {
		kinds[data[i] % (sizeof(kinds) / sizeof(kinds[0]))](
		    data[i + 1] % KEYS);
		check_state();
	}
	for (unsigned k = 0; k < KEYS && !locked; k++) {
		bool done = sign(k, false);

		assert(done == held[k]);
	}
	conn_fini(&conn);
	keyring_free(agent.ring);
	lock_fini(&agent.lock);
	assert(vaultuse_is_back());
	return 0;
}

/* Make the keys, and have everything done once that libcrypto keeps. */
int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const enum key_type types[KEYS] = { KEY_ED25519,
		KEY_ECDSA_P256, KEY_RSA, KEY_ECDSA_P256 };
	static const uint8_t once[] = { 0, 0, 0, 0, 0, 0, 0, 1, 0, 2, 1, 0, 1,
		1, 1, 2, 4, 0, 4, 0 };

	(void)argc;
	(void)argv;
	vaultuse_open(0);
	keyset_make(keys, types, KEYS);
	(void)LLVMFuzzerTestOneInput(once, sizeof(once));
	vaultuse_keep();
	fault_subject(true);
	return 0;
}
